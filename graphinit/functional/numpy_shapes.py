"""What NumPy's functions on shapes, parts and joins mean on tensors, recorded arrays and parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from graphinit.errors import DTypeError, OpError
from graphinit.functional import arithmetic, comparison, elementwise, index, join, movement, reduce
from graphinit.functional.numpy_table import (
    CASTING,
    FLAG,
    ORDER,
    RAISE,
    REFUSED,
    ROWS,
    axis_of,
    dtype_of,
    meaning,
    newer,
    rank_of,
    shape_of,
    title,
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


def _at_least(rank: int, x: Any) -> Any:
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
    return _one_or_all([_at_least(1, item) for item in arys])


@meaning(np.atleast_2d)
def _atleast_2d(*arys: Any) -> Any:
    return _one_or_all([_at_least(2, item) for item in arys])


@meaning(np.atleast_3d)
def _atleast_3d(*arys: Any) -> Any:
    return _one_or_all([_at_least(3, item) for item in arys])


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
        if isinstance(size, int):
            places = places % size if size else 0
        if places:
            before = (slice(None),) * axis
            a = join.concat([a[(*before, slice(-places, None))], a[(*before, slice(None, -places))]], axis)
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


# ---------------------------------------------------------------------- parts by index


def _ids(ids: Any, size: Any) -> Any:
    """Return ids counted from the front, as ops take them."""
    if isinstance(ids, Arithmetic):
        return comparison.where(comparison.less(ids, 0), ids + size, ids)
    array = np.asarray(ids)
    if array.dtype == np.bool_:
        raise OpError("np.take takes whole numbers; F.where does what masks do")
    return np.where(array < 0, array + int(size), array) if (array < 0).any() else array


@meaning(np.take)
def _take(a: Any, indices: Any, axis: Any = None, out: Any = REFUSED, mode: Any = RAISE) -> Any:
    if axis is None:
        a, axis = ravel(a), 0
    return index.take(a, _ids(indices, shape_of(a)[axis]), axis)


@meaning(np.take_along_axis)
def _take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    if axis is None:
        arr, axis = ravel(arr), 0
    axis = axis_of(axis, rank_of(arr))
    ids = np.moveaxis(_ids(indices, shape_of(arr)[axis]), axis, 0)
    rows = [index.pick(arr, ids[number], axis) for number in range(int(shape_of(ids)[0]))]
    return join.stack(rows, axis)


@meaning(np.diagonal)
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return a diagonal of matrices, as `numpy.diagonal`."""
    a = moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = (int(size) for size in shape_of(a)[-2:])
    first = max(0, -offset)
    count = max(0, min(rows - first, columns - max(0, offset)))
    kept = np.eye(rows, columns, offset, dtype=bool)
    total = reduce.sum(comparison.where(kept, a, 0), -1)[..., first : first + count]
    dtype = dtype_of(a)
    return total if dtype is None or dtype.startswith("float") else elementwise.cast(total, dtype)


@meaning(np.trace)
def trace(
    a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = REFUSED
) -> Any:
    """Return the sum along a diagonal."""
    parts = diagonal(a, offset, axis1, axis2)
    return reduce.sum(parts if dtype is None else elementwise.cast(parts, dtype), -1)


@meaning(np.linalg.diagonal)
def _matrix_diagonal(x: Any, /, *, offset: int = 0) -> Any:
    return diagonal(x, offset, -2, -1)


@meaning(np.linalg.trace)
def _matrix_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    return trace(x, offset, -2, -1, dtype)


@meaning(np.diag)
def _diag(v: Any, k: int = 0) -> Any:
    if rank_of(v) != 1:
        return diagonal(v, k)
    size = int(shape_of(v)[0]) + abs(k)
    rows = join.pad(v, ((max(0, -k), max(0, k)),))
    return comparison.where(np.eye(size, k=k, dtype=bool), movement.expand_dims(rows, 1), 0)


@meaning(np.diagflat)
def _diagflat(v: Any, k: int = 0) -> Any:
    return _diag(ravel(v), k)


def _triangle(m: Any, k: int, lower: bool) -> Any:
    shape = tuple(shape_of(m))
    rows, columns = (int(size) for size in (shape * 2 if len(shape) == 1 else shape)[-2:])
    kept = np.tri(rows, columns, k if lower else k - 1, dtype=bool)
    return comparison.where(kept if lower else ~kept, m, 0)


@meaning(np.tril)
def _tril(m: Any, k: int = 0) -> Any:
    return _triangle(m, k, True)


@meaning(np.triu)
def _triu(m: Any, k: int = 0) -> Any:
    return _triangle(m, k, False)


# ---------------------------------------------------------------------- joining and splitting


def _typed(result: Any, dtype: Any) -> Any:
    return result if dtype is None else elementwise.cast(result, dtype)


@meaning(np.concatenate)
def concatenate(
    arrays: Any, /, axis: Any = 0, out: Any = REFUSED, *, dtype: Any = None, casting: Any = CASTING
) -> Any:
    """Return arrays joined along an axis; None joins their values."""
    parts = list(arrays)
    if axis is None:
        return _typed(join.concat([ravel(part) for part in parts], 0), dtype)
    return _typed(join.concat(parts, axis), dtype)


@meaning(np.stack)
def _stack(
    arrays: Any, axis: int = 0, out: Any = REFUSED, *, dtype: Any = None, casting: Any = CASTING
) -> Any:
    return _typed(join.stack(list(arrays), axis), dtype)


@meaning(np.vstack)
def _vstack(tup: Any, *, dtype: Any = None, casting: Any = CASTING) -> Any:
    return _typed(join.concat([_at_least(2, item) for item in tup], 0), dtype)


@meaning(np.hstack)
def _hstack(tup: Any, *, dtype: Any = None, casting: Any = CASTING) -> Any:
    parts = [_at_least(1, item) for item in tup]
    return _typed(join.concat(parts, int(rank_of(parts[0]) > 1)), dtype)


@meaning(np.dstack)
def _dstack(tup: Any) -> Any:
    return join.concat([_at_least(3, item) for item in tup], 2)


@meaning(np.column_stack)
def _column_stack(tup: Any) -> Any:
    return join.concat([reshaped(x, (-1, 1)) if rank_of(x) == 1 else _at_least(2, x) for x in tup], 1)


@meaning(np.append)
def _append(arr: Any, values: Any, axis: Any = None) -> Any:
    return concatenate([arr, values], axis)


@meaning(np.split, np.array_split)
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    axis = axis_of(axis, rank_of(ary))
    if isinstance(indices_or_sections, int | np.integer):
        size = shape_of(ary)[axis]
        count = int(indices_or_sections)
        if count < 1 or not isinstance(size, int) or size % count == 0:
            return list(join.split(ary, count, axis))
        raise OpError(
            f"np.split cannot take {size} apart into {count} equal parts; give the places as a list"
        )
    places = [None, *(int(place) for place in indices_or_sections), None]
    before = (slice(None),) * axis
    return [ary[(*before, slice(start, stop))] for start, stop in pairwise(places)]


@meaning(np.array_split)
def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    if isinstance(indices_or_sections, int | np.integer):
        size = shape_of(ary)[axis_of(axis, rank_of(ary))]
        if isinstance(size, int) and indices_or_sections > 0 and size % indices_or_sections:
            least, longer = divmod(size, int(indices_or_sections))
            sizes = [least + (number < longer) for number in range(int(indices_or_sections))]
            return list(join.split(ary, sizes, axis))
    return _split(ary, indices_or_sections, axis)


@meaning(np.hsplit)
def _hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    return _split(ary, indices_or_sections, int(rank_of(ary) > 1))


@meaning(np.vsplit)
def _vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    return _split(ary, indices_or_sections, 0)


@meaning(np.dsplit)
def _dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    return _split(ary, indices_or_sections, 2)


@meaning(*newer("unstack"))
def _unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    axis = axis_of(axis, rank_of(x))
    before = (slice(None),) * axis
    return tuple(x[(*before, number)] for number in range(int(shape_of(x)[axis])))


@meaning(np.pad)
def _pad(array: Any, pad_width: Any, mode: Any = "constant", *, constant_values: Any = 0) -> Any:
    if mode != "constant":
        raise OpError(
            f"np.pad with mode={mode!r} has no op here; F.pad has one value, F.reflect_pad reflects"
        )
    if np.ndim(constant_values):
        raise OpError("np.pad takes one constant_values= on tensors and recorded arrays")
    widths: Any = np.broadcast_to(np.asarray(pad_width), (rank_of(array), 2)).tolist()
    return join.pad(array, tuple(map(tuple, widths)), constant_values)


# ---------------------------------------------------------------------- choice


@meaning(np.where)
def _where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    if x is None or y is None:
        raise OpError(f"{title(np.where)} takes x and y: F.where(condition, x, y); places are no tensor's")
    return comparison.where(_truth(condition), x, y)


def _truth(condition: Any) -> Any:
    return condition if dtype_of(condition) == "bool" else np.not_equal(condition, 0)


@meaning(np.select)
def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise OpError(
            f"np.select takes as many choices as conditions, not {len(choicelist)} and {len(condlist)}"
        )
    chosen = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        chosen = np.where(_truth(condition), choice, chosen)
    return chosen


# ---------------------------------------------------------------------- like another


@meaning(np.zeros_like, np.empty_like)
def _zeros_like(
    a: Any,
    dtype: Any = None,
    order: Any = ORDER,
    subok: Any = FLAG,
    shape: Any = REFUSED,
    *,
    device: Any = REFUSED,
) -> Any:
    return _typed(elementwise.zeros_like(a), dtype)


@meaning(np.ones_like)
def _ones_like(
    a: Any,
    dtype: Any = None,
    order: Any = ORDER,
    subok: Any = FLAG,
    shape: Any = REFUSED,
    *,
    device: Any = REFUSED,
) -> Any:
    return _typed(elementwise.ones_like(a), dtype)


@meaning(np.full_like)
def _full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: Any = ORDER,
    subok: Any = FLAG,
    shape: Any = REFUSED,
    *,
    device: Any = REFUSED,
) -> Any:
    if isinstance(a, Arithmetic):
        wanted = dtype_of(a) if dtype is None else dtype
        filled = arithmetic.add(elementwise.zeros_like(a), fill_value)
        return _typed(filled, wanted)
    raise OpError("np.full_like with a tensor for its value has no op here; use F.broadcast_to")


@meaning(np.copy)
def _copy(a: Any, order: Any = ORDER, subok: Any = FLAG) -> Any:
    return movement.reshape(a, shape_of(a)) if dtype_of(a) is None else elementwise.cast(a, dtype_of(a))


@meaning(np.astype)
def _astype(x: Any, dtype: Any, /, *, copy: Any = FLAG, device: Any = REFUSED) -> Any:
    return elementwise.cast(x, dtype)


@meaning(np.real, np.real_if_close)
def _real(val: Any, tol: Any = REFUSED) -> Any:
    return val
