"""What NumPy's functions that take parts, join and choose mean on tensors, recorded arrays and parameters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from graphinit.errors import OpError
from graphinit.functional import arithmetic, comparison, elementwise, index, join, movement, reduce
from graphinit.functional.numpy_shapes import at_least, moveaxis, ravel, reshaped
from graphinit.functional.numpy_table import (
    CASTING,
    FLAG,
    ORDER,
    RAISE,
    REFUSED,
    axis_of,
    dtype_of,
    meaning,
    newer,
    rank_of,
    shape_of,
    title,
    typed,
)
from graphinit.ir.operators import Arithmetic
from graphinit.ir.tensor import apply

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
    return apply("cast_like", total, a) if dtype_of(a) is None else elementwise.cast(total, dtype_of(a))


@meaning(np.trace)
def trace(
    a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = REFUSED
) -> Any:
    """Return the sum along a diagonal."""
    parts = diagonal(a, offset, axis1, axis2)
    return reduce.sum(typed(parts, dtype), -1)


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


@meaning(np.concatenate)
def concatenate(
    arrays: Any, /, axis: Any = 0, out: Any = REFUSED, *, dtype: Any = None, casting: Any = CASTING
) -> Any:
    """Return arrays joined along an axis; None joins their values."""
    parts = list(arrays)
    if axis is None:
        return typed(join.concat([ravel(part) for part in parts], 0), dtype)
    return typed(join.concat(parts, axis), dtype)


@meaning(np.stack)
def _stack(
    arrays: Any, axis: int = 0, out: Any = REFUSED, *, dtype: Any = None, casting: Any = CASTING
) -> Any:
    return typed(join.stack(list(arrays), axis), dtype)


@meaning(np.vstack)
def _vstack(tup: Any, *, dtype: Any = None, casting: Any = CASTING) -> Any:
    return typed(join.concat([at_least(2, item) for item in tup], 0), dtype)


@meaning(np.hstack)
def _hstack(tup: Any, *, dtype: Any = None, casting: Any = CASTING) -> Any:
    parts = [at_least(1, item) for item in tup]
    return typed(join.concat(parts, int(rank_of(parts[0]) > 1)), dtype)


@meaning(np.dstack)
def _dstack(tup: Any) -> Any:
    return join.concat([at_least(3, item) for item in tup], 2)


@meaning(np.column_stack)
def _column_stack(tup: Any) -> Any:
    return join.concat([reshaped(x, (-1, 1)) if rank_of(x) == 1 else at_least(2, x) for x in tup], 1)


@meaning(np.append)
def _append(arr: Any, values: Any, axis: Any = None) -> Any:
    return concatenate([arr, values], axis)


@meaning(np.split)
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
        size = int(shape_of(ary)[axis_of(axis, rank_of(ary))])  # how long the parts are hangs on it
        if indices_or_sections > 0 and size % indices_or_sections:
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
    return typed(elementwise.zeros_like(a), dtype)


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
    return typed(elementwise.ones_like(a), dtype)


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
        filled = arithmetic.add(elementwise.zeros_like(a), fill_value)
        return apply("cast_like", filled, a) if dtype is None else elementwise.cast(filled, dtype)
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
