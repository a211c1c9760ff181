"""Samples of control flow; the sub-graphs are described by functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphinit import Graph
from graphinit import functional as F
from graphinit.ir.types import TensorType

from .sample import add, normal, positive, truth


def graph(function: Callable[..., Any], count: int) -> Graph:
    """Return a sub-graph of so many inputs."""
    inputs = [F.input(f"x{index}", TensorType(), dtype=None) for index in range(count)]
    found = function(*inputs)
    results = list(found) if isinstance(found, tuple) else [found]
    return Graph(outputs={f"y.{index}": result for index, result in enumerate(results)}, inputs=inputs)


# --- while_loop -------------------------------------------------------------------------------

MOST = 64  # steps: with a wrong shape, such as no elements at all, a condition may hold for ever


def _halved(x: np.ndarray, **attrs: Any) -> np.ndarray:
    while np.abs(x).sum() > 1:
        x = x / 2
    return x


HALVING = {
    "condition": graph(lambda x: F.sum(F.abs(x)) > 1, 1),
    "body": graph(lambda x: x / 2, 1),
}
add("while_loop", normal(2, 3), ref=_halved, smooth=False, **HALVING)
add("while_loop", lambda rng: np.full((7,), 0.01), ref=_halved, smooth=False, max_steps=0, **HALVING)


def _multiplied(x: np.ndarray, y: np.ndarray, w: np.ndarray, **attrs: Any) -> Sequence[np.ndarray]:
    for _ in range(MOST):
        if not x.sum() < 10:
            return x, y
        x, y = x + 1, y @ w
    raise RuntimeError("it does not end")


add(
    "while_loop",
    normal(3),
    normal(2, 5),
    lambda rng: rng.standard_normal((5, 5)) / 3,
    ref=_multiplied,
    smooth=False,
    condition=graph(lambda x, y, w: F.sum(x) < 10, 3),
    body=graph(lambda x, y, w: (x + 1, F.matmul(y, w)), 3),
    max_steps=MOST,
)


def _slopes(x: np.ndarray, w: np.ndarray, dy: np.ndarray, **attrs: Any) -> Sequence[np.ndarray]:
    """Gradients of x @ w @ w ... while the sum of squares is at most 50."""
    begun = []
    while np.square(x).sum() < 50:
        if len(begun) == MOST:
            raise RuntimeError("it does not end")
        begun.append(x)
        x = x @ w
    dw = np.zeros(w.shape, w.dtype)
    for before in reversed(begun):
        dw += before.T @ dy
        dy = dy @ w.T
    return dy, dw


add(
    "while_loop_grad",
    normal(2, 3),
    lambda rng: 1.5 * np.eye(3) + 0.1 * rng.standard_normal((3, 3)),
    normal(2, 3),
    ref=_slopes,
    condition=graph(lambda x, w: F.sum(x * x) < 50, 2),
    body=graph(F.matmul, 2),
    pull=graph(lambda x, w, dy: (F.matmul(dy, w.T), F.matmul(x.T, dy)), 3),
    places=(0, 1),
    max_steps=MOST,
)

# --- cond -------------------------------------------------------------------------------------


def _chosen(predicate: np.ndarray, x: np.ndarray, w: np.ndarray, **attrs: Any) -> np.ndarray:
    return x @ w.T if predicate else np.tanh(x).sum() * w.sum(axis=1) * np.ones((2, 1))


BRANCHES = {
    "then": graph(F.linear, 2),
    "otherwise": graph(
        lambda x, w: F.linear(F.ones_like(x[:, :1]), F.expand_dims(F.sum(w, axis=1), -1)) * F.sum(F.tanh(x)),
        2,
    ),
}
for _value in (True, False):
    add(
        "cond",
        lambda rng, value=_value: np.asarray(value),
        normal(2, 3),
        normal(5, 3),
        ref=_chosen,
        **BRANCHES,
    )
NUMBERS = {
    name: Graph(outputs={"y.0": F.constant(np.full(3, number, np.float32))})
    for name, number in (("then", 2), ("otherwise", 5))
}
add("cond", truth(), ref=lambda p, **attrs: np.full(3, 2 if p else 5, np.float32), **NUMBERS)

# --- scan -------------------------------------------------------------------------------------


def _recurred(
    h: np.ndarray, x: np.ndarray, w: np.ndarray, reverse: bool = False, **attrs: Any
) -> Sequence[np.ndarray]:
    ys = np.zeros((len(x), *h.shape), h.dtype)
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        h = np.tanh(h @ w + x[t])
        ys[t] = h * h
    return h, ys


def _step(h: Any, x: Any, w: Any) -> Any:
    h = F.tanh(F.matmul(h, w) + x)
    return h, h * h


RECURRENCE: dict[str, Any] = {"body": graph(_step, 3), "carries": 1, "sequences": 1}
add("scan", normal(2, 3), normal(5, 2, 3), normal(3, 3), ref=_recurred, **RECURRENCE)
add("scan", normal(2, 3), normal(5, 2, 3), normal(3, 3), ref=_recurred, reverse=True, **RECURRENCE)
add("scan", normal(2, 3), normal(0, 2, 3), normal(3, 3), ref=_recurred, **RECURRENCE)


def _products(x: np.ndarray, y: np.ndarray, **attrs: Any) -> np.ndarray:
    return np.array([np.log(a) * b.sum() for a, b in zip(x, y, strict=True)])


add(
    "scan",
    positive(5),
    normal(5, 7),
    ref=_products,
    body=graph(lambda a, b: F.log(a) * F.sum(b), 2),
    carries=0,
    sequences=2,
)
