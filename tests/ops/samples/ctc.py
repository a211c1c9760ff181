"""Samples of connectionist temporal classification; the reference goes through all paths."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .sample import Draw, add, normal


def fixed(values: Any) -> Draw:
    return lambda rng: np.array(values)


def _collapsed(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    return tuple(c for c, _ in itertools.groupby(path) if c != blank)


def _paths(x: np.ndarray, labels: np.ndarray, rest: Any, attrs: dict[str, bool]) -> Any:
    """Give, for each sample, its softmax and its (path, probability) pairs that spell the labels."""
    rest = list(rest)
    lengths = rest.pop(0) if attrs.get("lengths") else [x.shape[1]] * len(x)
    widths = rest.pop(0) if attrs.get("label_lengths") else [int((row >= 0).sum()) for row in labels]
    for row, length, width, scores in zip(labels, lengths, widths, x, strict=True):
        soft = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        blank = x.shape[2] - 1
        wanted = tuple(int(label) for label in row[:width])
        found = [
            (path, np.prod([soft[t, c] for t, c in enumerate(path)]))
            for path in itertools.product(range(blank + 1), repeat=int(length))
            if _collapsed(path, blank) == wanted
        ]
        yield soft, int(length), found


def _loss(x: np.ndarray, labels: np.ndarray, *rest: np.ndarray, **attrs: bool) -> np.ndarray:
    totals = [sum(weight for _, weight in found) for _, _, found in _paths(x, labels, rest, attrs)]
    return np.array([-np.log(total) if total else np.inf for total in totals], x.dtype)


def _gradient(
    dy: np.ndarray, x: np.ndarray, labels: np.ndarray, *rest: np.ndarray, **attrs: bool
) -> np.ndarray:
    dx = np.zeros_like(x)
    for row, (soft, length, found) in enumerate(_paths(x, labels, rest, attrs)):
        total = sum(weight for _, weight in found)
        if not total:
            continue
        dx[row, :length] = soft[:length]
        for path, weight in found:
            for time, entry in enumerate(path):
                dx[row, time, entry] -= weight / total
        dx[row] *= dy[row]
    return dx


CASES: list[tuple[tuple[int, ...], tuple[Any, ...], dict[str, bool]]] = [
    ((3, 5, 4), ([[0, 1], [2, 2], [1, -1]],), {}),
    ((2, 5, 3), ([[0, 1, 0], [1, 1, 1]], [5, 3], [3, 1]), {"lengths": True, "label_lengths": True}),
    ((2, 5, 3), ([[0, 1, 0], [1, 1, 1]], [2, 0]), {"label_lengths": True}),
    ((1, 3, 2), ([[0, -1]],), {}),
]
for _x, _more, _attrs in CASES:
    _draws = tuple(fixed(values) for values in _more)
    add("ctc_loss", normal(*_x), *_draws, ref=_loss, smooth=False, **_attrs)
    add(
        "ctc_loss_gradient",
        normal(_x[0]),
        normal(*_x),
        *_draws,
        ref=_gradient,
        wrt="a",
        smooth=False,
        **_attrs,
    )
add("ctc_loss_gradient", normal(1), normal(1, 2, 3), fixed([[1, 1]]), ref=_gradient, wrt="a", smooth=False)
