"""Samples of matrix products and reductions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .sample import add, ids, integers, normal, off_zero, truth

# --- products ---------------------------------------------------------------------------------


def _linear(x: np.ndarray, w: np.ndarray, bias: Any = None, flatten: bool = False) -> np.ndarray:
    x = x.reshape(x.shape[0], w.shape[1]) if flatten else x
    return np.einsum("...k,nk->...n", x, w) + (0 if bias is None else bias)


add("linear", normal(2, 3), normal(5, 3), ref=_linear)
add("linear", normal(2, 3), normal(5, 3), normal(5), ref=_linear)
add("linear", normal(7, 2, 3), normal(5, 3), normal(5), ref=_linear)
add("linear", normal(3), normal(5, 3), normal(5), ref=_linear)
add("linear", normal(0, 3), normal(5, 3), normal(5), ref=_linear)
add("linear", normal(2, 0), normal(5, 0), normal(5), ref=_linear)
add("linear", normal(7, 2, 3), normal(5, 6), normal(5), ref=_linear, flatten=True)
add("linear", normal(7, 3), normal(5, 3), ref=_linear, flatten=True)
add("linear", normal(7), normal(5, 1), ref=_linear, flatten=True)
add("linear", normal(0, 2, 3), normal(5, 6), ref=_linear, flatten=True)
add("rows", normal(2, 3, 5), ref=lambda x: x.reshape(6, 5))
add("rows", normal(5), ref=lambda x: x[None])
add("matmul", normal(2, 3), normal(3, 5), ref=lambda x, y: np.einsum("mk,kn->mn", x, y))
add("matmul", normal(7, 2, 3), normal(7, 3, 5), ref=lambda x, y: np.einsum("bmk,bkn->bmn", x, y))
add(
    "matmul",
    normal(7, 1, 2, 3),
    normal(11, 3, 5),
    ref=lambda x, y: np.einsum("abmk,bkn->abmn", x.repeat(11, 1), y),
)
add("matmul", normal(3), normal(3), ref=lambda x, y: np.einsum("k,k->", x, y))
add("matmul", normal(3), normal(7, 3, 5), ref=lambda x, y: np.einsum("k,bkn->bn", x, y))
add("matmul", normal(7, 2, 3), normal(3), ref=lambda x, y: np.einsum("bmk,k->bm", x, y))
add("matmul", normal(2, 3), normal(3), ref=lambda x, y: np.einsum("mk,k->m", x, y))
add("matmul", normal(2, 0), normal(0, 5), ref=lambda x, y: np.zeros((2, 5)))
add("matmul", integers(2, 3), integers(3, 5), ref=lambda x, y: np.einsum("mk,kn->mn", x, y))


# --- reductions -------------------------------------------------------------------------------


def _over(function: Callable[[np.ndarray], Any]) -> Callable[..., np.ndarray]:
    """Return a reduction that calls a function of flat arrays once per result, in a loop."""

    def reduce(x: np.ndarray, axis: Any = None, keepdims: bool = False, **attrs: Any) -> np.ndarray:
        axes = tuple(range(x.ndim)) if axis is None else tuple(sorted(normalize_axis_tuple(axis, x.ndim)))
        left = [place for place in range(x.ndim) if place not in axes]
        moved = x.transpose(*left, *axes)
        results = [
            function(moved[place].reshape(-1), **attrs) for place in np.ndindex(*(x.shape[i] for i in left))
        ]
        shape = [1 if i in axes else x.shape[i] for i in range(x.ndim) if keepdims or i not in axes]
        return np.array(results).reshape(shape)

    return reduce


_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": lambda x: math.fsum(x.tolist()),
    "mean": lambda x: math.fsum(x.tolist()) / len(x),
    "prod": lambda x: math.prod(x.tolist()),
    "max": lambda x: sorted(x.tolist())[-1],
    "min": lambda x: sorted(x.tolist())[0],
    "var": lambda x, ddof=0: math.fsum((x - math.fsum(x.tolist()) / len(x)) ** 2) / (len(x) - ddof),
    "logsumexp": lambda x: math.log(math.fsum(np.exp(x))),
}
for _op, _function in _REDUCTIONS.items():
    for _attrs in ({}, {"axis": 1}, {"axis": (0, -1)}, {"axis": -1, "keepdims": True}, {"keepdims": True}):
        add(_op, normal(2, 3, 5), ref=_over(_function), smooth=_op not in ("max", "min"), **_attrs)
    add(_op, normal(0, 3), ref=_over(_function), axis=1)
    add(_op, normal(), ref=_over(_function))
add("sum", normal(0, 3), ref=lambda x, axis: np.zeros(3), axis=0)
add("sum", integers(2, 3), ref=lambda x, axis: x.sum(axis), axis=0)
add("sum", truth(2, 3), ref=lambda x, axis: x.astype(np.int64).sum(axis), axis=0)
add("sum", normal(2, 3), ref=lambda x, axis: x, axis=())
add("mean", integers(2, 3), ref=lambda x: np.float32(x.sum() / 6))
add("mean", truth(2, 3), ref=lambda x: np.float32(x.sum() / 6))
add("prod", normal(0, 3), ref=lambda x, axis: np.ones(3), axis=0)
add("prod", integers(2, 3), ref=lambda x, axis: x.prod(axis), axis=1)
add("prod", lambda rng: np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 5.0]]), ref=_over(_REDUCTIONS["prod"]), axis=1)
add("var", normal(2, 3, 5), ref=_over(_REDUCTIONS["var"]), axis=(0, 2), ddof=1)
add("logsumexp", normal(0, 3), ref=lambda x, axis: np.full(3, -np.inf), wrt="", axis=0)
for _op, _best in (("argmax", max), ("argmin", min)):
    _function = lambda x, best=_best: x.tolist().index(best(x.tolist()))  # noqa: E731
    add(_op, normal(2, 3, 5), ref=_over(_function))
    add(_op, normal(2, 3, 5), ref=_over(_function), axis=1)
    add(_op, normal(2, 3, 5), ref=_over(_function), axis=-1, keepdims=True)
    add(_op, normal(2, 3, 5), ref=_over(_function), keepdims=True)
for _op, _held in (("any", any), ("all", all)):
    add(_op, truth(2, 3), ref=_over(lambda x, held=_held: held(x.tolist())), axis=1)
    add(_op, ids(2, 2, 3), ref=_over(lambda x, held=_held: held(x.tolist())))
    add(_op, truth(0, 3), ref=lambda x, axis, held=_held: np.array([held([])] * 3), axis=0)


def _others(x: np.ndarray, axis: Any = None) -> np.ndarray:
    return _over(_REDUCTIONS["prod"])(x, axis, True) / x


add("prod_others", off_zero(2, 3, 5), ref=_others, smooth=False)
add("prod_others", off_zero(2, 3, 5), ref=_others, smooth=False, axis=1)
add("prod_others", off_zero(2, 3, 5), ref=_others, smooth=False, axis=(0, -1))
add(
    "prod_others",
    lambda rng: np.array([2.0, 0.0, 3.0]),
    ref=lambda x: np.array([0.0, 6.0, 0.0]),
    smooth=False,
)
add(
    "prod_others_along",
    lambda rng: np.array([2.0, 3.0, 5.0]),
    lambda rng: np.array([7.0, 11.0, 13.0]),
    # Products of two others: derivatives of (bc, ac, ab) along the second argument.
    ref=lambda x, v: np.array([11 * 5 + 3 * 13, 7 * 5 + 2 * 13, 7 * 3 + 2 * 11], x.dtype),
    smooth=False,
    wrt="b",
)
add("count", normal(2, 3, 5), ref=lambda x: np.asarray(30, x.dtype))
add("count", normal(2, 3, 5), ref=lambda x, axis: np.asarray(10, x.dtype), axis=(0, -1))
add("sum_like", normal(2, 3, 5), normal(3, 1), ref=lambda x, like: x.sum((0, 2))[:, None])
add("sum_like", normal(2, 3), normal(2, 3), ref=lambda x, like: x)
add("sum_like", normal(2, 3), normal(), ref=lambda x, like: x.sum())
add("sum_like", normal(0, 3), normal(3), ref=lambda x, like: np.zeros(3))
