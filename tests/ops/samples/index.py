"""Samples of ops that take ids or keys."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .sample import add, ids, key, normal

# --- indexing ---------------------------------------------------------------------------------

_ALL = (None, None, None)
for _index, _function in (
    (((1, None, None), _ALL), lambda x: x[1:]),
    ((_ALL, 2), lambda x: x[:, 2]),
    ((-1, (None, None, -2), "new"), lambda x: x[-1, ::-2, None]),
    (("...", 0), lambda x: x[..., 0]),
    (("new", "...", (None, -2, None)), lambda x: x[None, ..., :-2]),
    (((5, 1, -2),), lambda x: x[5:1:-2]),
    (((4, 100, None), (3, 1, None)), lambda x: x[4:100, 3:1]),
    (((-3, -1, None), (None, None, 2), (1, None, 3)), lambda x: x[-3:-1, ::2, 1::3]),
    ((1, 2, 3), lambda x: x[1, 2, 3]),
    ((), lambda x: x),
):
    add("getitem", normal(7, 5, 11), ref=lambda x, index, f=_function: np.array(f(x)), index=_index)


def _window(x: np.ndarray, like: np.ndarray, index: Any) -> np.ndarray:
    result = np.zeros_like(like)
    result[tuple(None if i == "new" else slice(*i) if isinstance(i, tuple) else i for i in index)] = x
    return result


add("getitem_grad", normal(3, 5), normal(7, 5), ref=_window, index=((1, 6, 2),))
add("getitem_grad", normal(7, 1), normal(7, 5), ref=_window, index=(_ALL, 2, "new"))
add("getitem_grad", normal(), normal(7, 5), ref=_window, index=(1, 2))

add("take", normal(7, 3), ids(7, 2, 5), ref=lambda x, i: np.array([[x[j] for j in row] for row in i]))
add("take", normal(2, 7, 3), ids(7, 5), ref=lambda x, i, axis: x[:, i], axis=1)
add("take", normal(2, 7), ids(7), ref=lambda x, i, axis: x[:, i], axis=-1)
add("take", normal(7, 3), ids(7, 0), ref=lambda x, i: np.empty((0, 3), x.dtype))
add("take", normal(0, 3), ids(1, 0), ref=lambda x, i: np.empty((0, 3), x.dtype))


def _scatter(x: np.ndarray, ids: np.ndarray, like: np.ndarray, axis: int = 0) -> np.ndarray:
    result = np.zeros_like(like)
    rows, parts = np.moveaxis(result, axis, 0), x
    for place in np.ndindex(*ids.shape):
        rows[ids[place]] += parts[(slice(None),) * (axis % like.ndim) + place]
    return result


add("take_grad", normal(2, 5, 3), ids(7, 2, 5), normal(7, 3), ref=_scatter)
add("take_grad", normal(2, 5), ids(7, 5), normal(2, 7), ref=_scatter, axis=-1)
add("take_grad", normal(0, 3), ids(7, 0), normal(7, 3), ref=_scatter)


def _pick(x: np.ndarray, ids: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    moved = np.moveaxis(x, axis, -1)
    result = np.empty(ids.shape, x.dtype)
    for place in np.ndindex(*ids.shape):
        result[place] = moved[place][ids[place]]
    return np.expand_dims(result, axis) if keepdims else result


add("pick", normal(2, 7), ids(7, 2), ref=_pick)
add("pick", normal(7, 2, 3), ids(7, 2, 3), ref=_pick, axis=0)
add("pick", normal(2, 7, 3), ids(7, 2, 3), ref=_pick, axis=-2, keepdims=True)
add("pick", normal(7), ids(7), ref=_pick)
add("pick", normal(0, 7), ids(7, 0), ref=_pick)


def _unpick(
    x: np.ndarray, ids: np.ndarray, like: np.ndarray, axis: int = -1, keepdims: bool = False
) -> np.ndarray:
    result = np.zeros_like(like)
    moved, values = np.moveaxis(result, axis, -1), x.reshape(ids.shape)
    for place in np.ndindex(*ids.shape):
        moved[place][ids[place]] = values[place]
    return result


add("pick_grad", normal(2), ids(7, 2), normal(2, 7), ref=_unpick)
add("pick_grad", normal(2, 1, 3), ids(7, 2, 3), normal(2, 7, 3), ref=_unpick, axis=1, keepdims=True)
add("one_hot", ids(5, 2, 3), ref=lambda i, depth: np.eye(depth, dtype=np.float32)[i], depth=5)
add("one_hot", ids(5), ref=lambda i, depth, dtype: np.eye(depth, dtype=dtype)[i], depth=5, dtype="int64")
add("one_hot", ids(1, 0), ref=lambda i, depth: np.empty((0, 0), np.float32), depth=0)


# --- random -----------------------------------------------------------------------------------


def _dropout(
    x: np.ndarray, key: np.ndarray, rate: float = 0.5, axes: Any = ()
) -> tuple[np.ndarray, np.ndarray]:
    shape = [1 if axis in axes else size for axis, size in enumerate(x.shape)]
    generator = np.random.Philox(key=int(key[0]) + (int(key[1]) << 64), counter=int(key[2]) << 192)
    kept = []
    for _ in range(math.prod(shape)):
        if not kept or len(kept) % 2 == 0:
            word = int(generator.random_raw())
        kept.append((word & 0xFFFFFFFF) >= rate * 2**32)
        word >>= 32
    mask = np.broadcast_to(np.array(kept, bool).reshape(shape) / (1 - rate), x.shape).astype(x.dtype)
    return x * mask, mask


add("dropout", normal(2, 3, 5), key(), ref=_dropout, rate=0.25)
add("dropout", normal(2, 3, 5), key(), ref=_dropout, rate=0.25, axes=(1,))
add("dropout", normal(7), key(2**63), ref=_dropout)
add("dropout", normal(0, 3), key(), ref=_dropout)
add("dropout", normal(2, 3), key(), ref=_dropout, rate=0.0)


def _units(x: np.ndarray, key: np.ndarray) -> list[float]:
    generator = np.random.Philox(key=int(key[0]) + (int(key[1]) << 64), counter=int(key[2]) << 192)
    return [(int(generator.random_raw()) >> 11) / 2**53 for _ in range(x.size + 1)]


def _uniform(x: np.ndarray, key: np.ndarray) -> np.ndarray:
    return np.array(_units(x, key)[: x.size], x.dtype).reshape(x.shape)


def _normal(x: np.ndarray, key: np.ndarray) -> np.ndarray:
    numbers: list[float] = []
    units = _units(x, key)
    for one, two in zip(units[0::2], units[1::2], strict=False):
        radius = math.sqrt(-2 * math.log(1 - one))
        numbers += [radius * math.cos(2 * math.pi * two), radius * math.sin(2 * math.pi * two)]
    return np.array(numbers[: x.size], x.dtype).reshape(x.shape)


for _op, _reference in (("uniform_like", _uniform), ("normal_like", _normal)):
    add(_op, normal(2, 3, 5), key(), ref=_reference)
    add(_op, normal(7), key(2**63), ref=_reference)
    add(_op, normal(0, 3), key(), ref=_reference)


def _advanced(key: np.ndarray) -> np.ndarray:
    k0, k1, step = key.tolist()
    return np.array([k0, k1, step + 1], np.uint64)


add("advance_key", key(), ref=_advanced)
