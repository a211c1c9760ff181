"""Samples of ops that move data."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .sample import add, integers, normal

# --- movement ---------------------------------------------------------------------------------


def _numbered(shape: tuple[int, ...], place: Callable[..., tuple[int, ...]]) -> Callable[..., np.ndarray]:
    """Return a movement that looks up, for each place of the result, a place of the input."""

    def move(x: np.ndarray, *_: Any, **__: Any) -> np.ndarray:
        result = np.empty(shape, x.dtype)
        for target in np.ndindex(*shape):
            result[target] = x[place(*target)]
        return result

    return move


def _flat(*shape: int) -> Callable[..., np.ndarray]:
    return lambda x, *_, **__: np.array(x.reshape(-1).tolist(), x.dtype).reshape(shape)


add("assert_shape", normal(2, 3, 5), ref=_flat(2, 3, 5), shape=(2, -1, 5))
add("reshape", normal(2, 3, 5), ref=_flat(5, 6), shape=(5, -1))
add("reshape", normal(2, 3, 5), ref=_flat(30), shape=-1)
add("reshape", normal(2, 3), ref=_flat(3, 1, 2), shape=[3, 1, 2])
add("reshape", normal(1), ref=_flat(), shape=())
add("reshape", normal(0, 3), ref=_flat(3, 0, 5), shape=(3, 0, 5))
add("reshape_like", normal(2, 3, 5), normal(5, 6), ref=lambda x, like: _flat(*like.shape)(x))
add("flatten", normal(2, 3, 5), ref=_flat(2, 15))
add("flatten", normal(7), ref=_flat(7, 1))
add("flatten", normal(0, 3, 5), ref=_flat(0, 15))
add("expand_dims", normal(2, 3), ref=_flat(2, 1, 3), axis=1)
add("expand_dims", normal(2, 3), ref=_flat(1, 2, 3, 1), axis=(0, -1))
add("squeeze", normal(2, 1, 3, 1), ref=_flat(2, 3))
add("squeeze", normal(2, 1, 3, 1), ref=_flat(2, 1, 3), axis=-1)
add("squeeze", normal(2, 1, 3, 1), ref=_flat(2, 3), axis=(1, 3))
add("transpose", normal(2, 3, 5), ref=_numbered((5, 3, 2), lambda i, j, k: (k, j, i)))
add("transpose", normal(2, 3, 5), ref=_numbered((5, 2, 3), lambda i, j, k: (j, k, i)), axes=(2, 0, 1))
add("transpose", normal(2, 3, 5), ref=_numbered((3, 5, 2), lambda i, j, k: (k, i, j)), axes=(1, -1, 0))
add("transpose", normal(0, 3), ref=_flat(3, 0))
add("swapaxes", normal(2, 3, 5), ref=_numbered((5, 3, 2), lambda i, j, k: (k, j, i)), axis1=0, axis2=-1)
add("moveaxis", normal(2, 3, 5), ref=_numbered((5, 2, 3), lambda i, j, k: (j, k, i)), source=2, destination=0)
add(
    "moveaxis", normal(2, 3, 5), ref=_numbered((3, 5, 2), lambda i, j, k: (k, i, j)), source=0, destination=-1
)
add("flip", normal(2, 3), ref=_numbered((2, 3), lambda i, j: (1 - i, 2 - j)))
add("flip", normal(2, 3), ref=_numbered((2, 3), lambda i, j: (i, 2 - j)), axis=1)
add("flip", normal(2, 3), ref=_numbered((2, 3), lambda i, j: (1 - i, 2 - j)), axis=(0, -1))
add("broadcast_to", normal(3, 1), ref=_numbered((2, 3, 5), lambda i, j, k: (j, 0)), shape=(2, 3, 5))
add("broadcast_to", normal(), ref=_numbered((2,), lambda i: ()), shape=2)
add("broadcast_like", normal(3, 1), normal(2, 3, 5), ref=_numbered((2, 3, 5), lambda i, j, k: (j, 0)))
add("tile", normal(2, 3), ref=_numbered((2, 15), lambda i, j: (i, j % 3)), reps=5)
add("tile", normal(2, 3), ref=_numbered((7, 10, 3), lambda i, j, k: (j % 2, k)), reps=(7, 5, 1))
add("tile", normal(2, 3), ref=_flat(2, 3), reps=())
add("tile", normal(2, 3), ref=lambda x, reps: np.empty((0, 3), x.dtype), reps=(0, 1))
add(
    "untile",
    normal(7, 10, 3),
    normal(2, 3),
    ref=lambda x, like, reps: x.reshape(7, 5, 2, 3).sum((0, 1)),
    reps=(7, 5, 1),
)
add("untile", normal(2, 15), normal(2, 3), ref=lambda x, like, reps: x.reshape(2, 5, 3).sum(1), reps=(5,))


def _pad(x: np.ndarray, pads: Any, value: float = 0) -> np.ndarray:
    pairs = list(zip(x.shape, pads, strict=True))  # np.pad broadcasts pairs
    y = np.full([before + size + after for size, (before, after) in pairs], value, x.dtype)
    for place in np.ndindex(*x.shape):
        y[tuple(at + before for at, (before, _) in zip(place, pads, strict=True))] = x[place]
    return y


add("pad", normal(2, 3), ref=_pad, pads=((1, 2), (0, 3)))
add("pad", normal(2, 3), ref=_pad, pads=[(0, 0), (5, 0)], value=-1.5)
add("pad", normal(2), ref=_pad, wrt="", pads=((1, 1),), value=-math.inf)
add("pad", normal(), ref=_pad, pads=())
add("pad", normal(0, 3), ref=_pad, pads=((1, 0), (0, 2)), value=7)


# --- joining ----------------------------------------------------------------------------------

add("concat", normal(2, 3), normal(5, 3), ref=lambda x, y: np.array([*x, *y]))
add("concat", normal(2, 3), normal(2, 5), normal(2, 0), ref=lambda x, y, z, axis: np.hstack([x, y]), axis=1)
add(
    "concat",
    normal(2, 3, 5),
    normal(2, 7, 5),
    ref=lambda x, y, axis: np.array([[*a, *b] for a, b in zip(x, y, strict=True)]),
    axis=-2,
)
add("concat", normal(2, 3), ref=lambda x: x)
add("concat", integers(2, 3), normal(5, 3), ref=lambda x, y: np.array([*x.astype(y.dtype), *y]))
add("stack", normal(2, 3), normal(2, 3), ref=lambda x, y: np.array([x, y]))
add("stack", normal(2, 3), normal(2, 3), normal(2, 3), ref=lambda *xs, axis: np.dstack(xs), axis=-1)
add(
    "stack", normal(2, 3), normal(2, 3), ref=lambda x, y, axis: np.array(list(zip(x, y, strict=True))), axis=1
)
add("stack", normal(), normal(), ref=lambda x, y: np.array([x, y]))


def _split(x: np.ndarray, sections: Any, axis: int = 0) -> list[np.ndarray]:
    """One column after the other, dealt out in turn; none may be left."""
    columns = list(np.moveaxis(x, axis, 0))
    equal = isinstance(sections, int)
    counts = [len(columns) // sections] * sections if equal else list(sections)
    if sum(counts) != len(columns):
        raise ValueError("some are left over, or missing")
    left = iter(columns)
    like = np.empty((0, *np.delete(x.shape, axis)), x.dtype)
    parts = [np.array([next(left) for _ in range(count)] or like) for count in counts]
    return [np.moveaxis(part, 0, axis) for part in parts]


add("split", normal(6, 5), ref=_split, sections=3)
add("split", normal(2, 10), ref=_split, sections=(3, 7, 0), axis=1)
add("split", normal(2, 6), ref=_split, sections=2, axis=-1)
add("split", normal(2, 3), ref=_split, sections=1)
