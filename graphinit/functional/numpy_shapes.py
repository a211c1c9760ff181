"""What NumPy's functions on shapes and orders mean on tensors, recorded arrays and parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphinit.errors import DTypeError, OpError
from graphinit.functional import index, join, movement
from graphinit.functional.numpy_table import (
    FLAG,
    ROWS,
    axis_of,
    dtype_of,
    meaning,
    rank_of,
    shape_of,
)
from graphinit.ir.operators import Arithmetic

# ---------------------------------------------------------------------- what is known of a value


@meaning(np.shape)
def _shape(a: Any) -> Any:
    return shape_of(a)


@meaning(np.ndim)
def _ndim(a: Any) -> int:
    return rank_of(a)


@meaning(np.size)
def _size(a: Any, axis: Any = None) -> Any:
    shape = shape_of(a)
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return math.prod(shape[place] for place in axes)


def _dtype(item: Any) -> Any:
    if not isinstance(item, Arithmetic):
        return item
    known = dtype_of(item)
    if known is None:
        raise DTypeError(f"the dtype of {item!r} is not known while the network is described; state it")
    return np.dtype(known)


@meaning(np.result_type)
def _result_type(*arrays_and_dtypes: Any) -> Any:
    return np.result_type(*map(_dtype, arrays_and_dtypes))


@meaning(np.can_cast)
def _can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    return np.can_cast(_dtype(from_), _dtype(to), casting)


@meaning(np.iscomplexobj)
def _iscomplexobj(x: Any) -> bool:
    return False


@meaning(np.isrealobj)
def _isrealobj(x: Any) -> bool:
    return True


# ---------------------------------------------------------------------- shapes


@meaning(np.reshape)
def _reshape(a: Any, /, shape: Any, order: Any = ROWS, *, copy: Any = FLAG) -> Any:
    return movement.reshape(a, shape)


@meaning(np.ravel)
def ravel(a: Any, order: Any = ROWS) -> Any:
    """Return the values along one axis."""
    return reshaped(a, (-1,))


def reshaped(x: Any, shape: tuple[Any, ...]) -> Any:
    """Return an operand in another shape; an array stays an array."""
    if isinstance(x, Arithmetic) or not all(isinstance(size, int) for size in shape):
        return movement.reshape(x, shape)
    return np.reshape(x, shape)


@meaning(np.transpose)
def _transpose(a: Any, axes: Any = None) -> Any:
    return movement.transpose(a, axes)


@meaning(np.matrix_transpose, np.linalg.matrix_transpose)
def _matrix_transpose(x: Any, /) -> Any:
    return movement.swapaxes(x, -1, -2)


@meaning(np.swapaxes)
def _swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    return movement.swapaxes(a, axis1, axis2)


@meaning(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """Return the values with one axis or several in other places."""
    if isinstance(source, int | np.integer) and isinstance(destination, int | np.integer):
        return movement.moveaxis(a, int(source), int(destination))
    rank = rank_of(a)
    sources, places = ([axis_of(axis, rank) for axis in axes] for axes in (source, destination))
    if len(sources) != len(places) or len({*sources}) != len(sources) or len({*places}) != len(places):
        raise OpError(f"np.moveaxis moves each axis to one place; got {source!r} and {destination!r}")
    order = [axis for axis in range(rank) if axis not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return movement.transpose(a, order)


@meaning(np.rollaxis)
def _rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    rank = rank_of(a)
    axis, start = axis_of(axis, rank), start + rank if start < 0 else start
    return movement.moveaxis(a, axis, start - (axis < start))


@meaning(np.squeeze)
def _squeeze(a: Any, axis: Any = None) -> Any:
    return movement.squeeze(a, axis)


@meaning(np.expand_dims)
def _expand_dims(a: Any, axis: Any) -> Any:
    return movement.expand_dims(a, axis)


@meaning(np.broadcast_to)
def _broadcast_to(array: Any, shape: Any, subok: Any = FLAG) -> Any:
    return movement.broadcast_to(array, shape)


@meaning(np.broadcast_arrays)
def _broadcast_arrays(*args: Any, subok: Any = FLAG) -> tuple[Any, ...]:
    total: Any = np.zeros((), bool)  # only its shape counts
    for item in args:
        total = np.logical_or(total, item)
    return tuple(movement.broadcast_like(item, total) for item in args)


def at_least(rank: int, x: Any) -> Any:
    """Return an operand with so many axes, new ones where NumPy has them."""
    if not isinstance(x, Arithmetic):
        return (np.atleast_1d, np.atleast_2d, np.atleast_3d)[rank - 1](x)
    missing = rank - rank_of(x)
    if missing <= 0:
        return x
    if rank < 3:
        return movement.expand_dims(x, tuple(range(missing)))
    return movement.expand_dims(x, {3: (0, 1, 2), 2: (0, 2), 1: (2,)}[missing])


@meaning(np.atleast_1d)
def _atleast_1d(*arys: Any) -> Any:
    return _one_or_all([at_least(1, item) for item in arys])


@meaning(np.atleast_2d)
def _atleast_2d(*arys: Any) -> Any:
    return _one_or_all([at_least(2, item) for item in arys])


@meaning(np.atleast_3d)
def _atleast_3d(*arys: Any) -> Any:
    return _one_or_all([at_least(3, item) for item in arys])


def _one_or_all(items: list[Any]) -> Any:
    return items[0] if len(items) == 1 else tuple(items)


# ---------------------------------------------------------------------- orders


@meaning(np.flip)
def _flip(m: Any, axis: Any = None) -> Any:
    return movement.flip(m, axis)


@meaning(np.fliplr)
def _fliplr(m: Any) -> Any:
    return movement.flip(m, 1)


@meaning(np.flipud)
def _flipud(m: Any) -> Any:
    return movement.flip(m, 0)


@meaning(np.rot90)
def _rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    first, second = axes
    if k % 4 == 0:
        return m
    if k % 4 == 2:
        return movement.flip(m, (first, second))
    if k % 4 == 1:
        return movement.swapaxes(movement.flip(m, second), first, second)
    return movement.flip(movement.swapaxes(m, first, second), second)


@meaning(np.roll)
def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    if axis is None:
        return movement.reshape(_roll(ravel(a), int(np.sum(shift)), 0), shape_of(a))
    shifts, axes = np.broadcast_arrays(np.atleast_1d(shift), np.atleast_1d(axis))
    for places, number in zip(shifts.tolist(), axes.tolist(), strict=True):
        axis = axis_of(number, rank_of(a))
        size = shape_of(a)[axis]
        first = int(-places) % size if not isinstance(size, int) or size else 0
        before = (slice(None),) * axis
        a = join.concat([a[(*before, slice(first, None))], a[(*before, slice(None, first))]], axis)
    return a


# ---------------------------------------------------------------------- repeating


@meaning(np.repeat)
def _repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    if axis is None:
        a, axis = ravel(a), 0
    axis = axis_of(axis, rank_of(a))
    counts = np.asarray(repeats)
    if counts.size == 1:
        spread = movement.expand_dims(a, axis + 1)
        tiled = join.tile(
            spread, tuple(int(counts.item()) if n == axis + 1 else 1 for n in range(rank_of(spread)))
        )
        shape = shape_of(a)
        return movement.reshape(tiled, (*shape[:axis], shape[axis] * int(counts.item()), *shape[axis + 1 :]))
    return index.take(a, np.repeat(np.arange(int(shape_of(a)[axis])), counts), axis)


@meaning(np.tile)
def _tile(A: Any, reps: Any) -> Any:
    given = tuple(reps) if isinstance(reps, tuple | list | np.ndarray) else (reps,)
    return join.tile(A, (1,) * (rank_of(A) - len(given)) + given)


@meaning(np.meshgrid)
def _meshgrid(*xi: Any, copy: Any = FLAG, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:
    if indexing not in ("xy", "ij"):
        raise OpError(f"np.meshgrid has indexing= 'xy' or 'ij', not {indexing!r}")
    count = len(xi)
    places = list(range(count))
    if indexing == "xy" and count > 1:
        places[:2] = 1, 0
    grids = [
        reshaped(x, tuple(-1 if n == place else 1 for n in range(count)))
        for x, place in zip(xi, places, strict=True)
    ]
    return tuple(grids) if sparse else _broadcast_arrays(*grids)
