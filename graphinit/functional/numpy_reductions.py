"""What NumPy's reductions and running sums mean on tensors, recorded arrays and parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphinit.errors import OpError
from graphinit.functional import arithmetic, comparison, elementwise, movement, reduce
from graphinit.functional.join import pad
from graphinit.functional.movement import broadcast_like, moveaxis, reshape
from graphinit.functional.numpy_shapes import reshaped
from graphinit.functional.numpy_table import (
    REFUSED,
    WHERE,
    axis_of,
    dtype_of,
    is_floating,
    meaning,
    newer,
    rank_of,
    shape_of,
    typed,
)
from graphinit.functional.numpy_ufuncs import isnan
from graphinit.ir.tensor import apply


def _enter_reduction(functions: tuple[Any, ...], function: Callable[..., Any], takes_dtype: bool) -> None:
    def reduction(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = REFUSED,
        keepdims: Any = False,
        initial: Any = REFUSED,
        where: Any = WHERE,
    ) -> Any:
        return function(typed(a, dtype), axis, bool(keepdims))

    def untyped(
        a: Any,
        axis: Any = None,
        out: Any = REFUSED,
        keepdims: Any = False,
        initial: Any = REFUSED,
        where: Any = WHERE,
    ) -> Any:
        return function(a, axis, bool(keepdims))

    meaning(*functions)(reduction if takes_dtype else untyped)


_enter_reduction((np.sum,), reduce.sum, True)
_enter_reduction((np.prod,), reduce.prod, True)
_enter_reduction((np.max, np.amax), reduce.max, False)
_enter_reduction((np.min, np.amin), reduce.min, False)
_enter_reduction((np.any,), reduce.any, False)
_enter_reduction((np.all,), reduce.all, False)
_enter_reduction(
    (np.ptp,), lambda a, axis, keep: reduce.max(a, axis, keep) - reduce.min(a, axis, keep), False
)
_enter_reduction((np.nansum,), lambda a, axis, keep: reduce.sum(_without_nan(a, 0), axis, keep), True)
_enter_reduction((np.nanprod,), lambda a, axis, keep: reduce.prod(_without_nan(a, 1), axis, keep), True)


def _without_nan(a: Any, instead: int) -> Any:
    return comparison.where(isnan(a), instead, a)


@meaning(np.mean)
def _mean(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = REFUSED,
    keepdims: Any = False,
    *,
    where: Any = WHERE,
) -> Any:
    return reduce.mean(typed(a, dtype), axis, bool(keepdims))


@meaning(np.nanmean)
def _nanmean(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = REFUSED,
    keepdims: Any = False,
    *,
    where: Any = WHERE,
) -> Any:
    a = typed(a, dtype)
    count = reduce.sum(comparison.equal(a, a), axis, bool(keepdims))
    return reduce.sum(_without_nan(a, 0), axis, bool(keepdims)) / count


@meaning(np.var)
def _var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = REFUSED,
    ddof: int = 0,
    keepdims: Any = False,
    *,
    where: Any = WHERE,
    mean: Any = REFUSED,
    correction: int = 0,
) -> Any:
    a = typed(a, dtype)
    return reduce.var(
        a if is_floating(a) else elementwise.cast(a, "float32"), axis, bool(keepdims), ddof or correction
    )


@meaning(np.std)
def _std(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = REFUSED,
    ddof: int = 0,
    keepdims: Any = False,
    *,
    where: Any = WHERE,
    mean: Any = REFUSED,
    correction: int = 0,
) -> Any:
    return elementwise.sqrt(_var(a, axis, dtype, ddof=ddof, keepdims=keepdims, correction=correction))


@meaning(np.average)
def _average(
    a: Any, axis: Any = None, weights: Any = None, returned: Any = REFUSED, *, keepdims: Any = False
) -> Any:
    if weights is None:
        return reduce.mean(a, axis, bool(keepdims))
    if rank_of(weights) != rank_of(a):
        if rank_of(weights) != 1 or not isinstance(axis, int | np.integer):
            raise OpError("np.average takes weights of the shape of a, or one for each place along axis=")
        place = axis_of(axis, rank_of(a))
        weights = reshaped(weights, (-1, *(1,) * (rank_of(a) - place - 1)))
    products = arithmetic.multiply(a, weights)
    total = reduce.sum(broadcast_like(weights, products), axis, bool(keepdims))
    return arithmetic.divide(reduce.sum(products, axis, bool(keepdims)), total)


@meaning(np.argmax)
def _argmax(a: Any, axis: Any = None, out: Any = REFUSED, *, keepdims: Any = False) -> Any:
    return reduce.argmax(a, axis, bool(keepdims))


@meaning(np.argmin)
def _argmin(a: Any, axis: Any = None, out: Any = REFUSED, *, keepdims: Any = False) -> Any:
    return reduce.argmin(a, axis, bool(keepdims))


@meaning(np.count_nonzero)
def _count_nonzero(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    return reduce.sum(comparison.not_equal(a, 0), axis, bool(keepdims))


# ---------------------------------------------------------------------- along an axis


def _running(x: Any, axis: int, total: Callable[..., Any], neutral: int) -> Any:
    """Return running sums or products in log2(n) steps, each of which doubles what entries cover."""
    combine = arithmetic.add if total is reduce.sum else arithmetic.multiply
    if dtype_of(x) is None or not is_floating(x):  # whole numbers grow as they do in totals
        x = total(movement.expand_dims(x, 0), 0)
    x = moveaxis(x, axis, 0)
    size, rank = int(shape_of(x)[0]), rank_of(x)
    reach = 1
    while reach < size:
        before = pad(x[:-reach], ((reach, 0), *((0, 0),) * (rank - 1)), neutral)
        x, reach = combine(x, before), reach * 2
    return moveaxis(x, 0, axis)


def _cumulative(total: Callable[..., Any], neutral: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def cumulate(a: Any, axis: Any = None, dtype: Any = None, out: Any = REFUSED) -> Any:
        a = typed(a, dtype)
        if axis is None:
            a, axis = reshape(a, (-1,)), 0
        return _running(a, axis_of(axis, rank_of(a)), total, neutral)

    def cumulative(
        x: Any,
        /,
        *,
        axis: Any = None,
        dtype: Any = None,
        out: Any = REFUSED,
        include_initial: bool = False,
    ) -> Any:
        if axis is None and rank_of(x) != 1:
            raise OpError("an axis must be named where there are several: axis=")
        place = axis_of(0 if axis is None else axis, rank_of(x))
        results = _running(typed(x, dtype), place, total, neutral)
        if not include_initial:
            return results
        return pad(results, tuple((int(number == place), 0) for number in range(rank_of(x))), neutral)

    return cumulate, cumulative


for _names, _total, _neutral in (
    (("cumsum", "cumulative_sum"), reduce.sum, 0),
    (("cumprod", "cumulative_prod"), reduce.prod, 1),
):
    _old, _new = _cumulative(_total, _neutral)
    meaning(getattr(np, _names[0]))(_old)
    meaning(*newer(_names[1]))(_new)


@meaning(np.diff)
def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = REFUSED, append: Any = REFUSED) -> Any:
    if n < 0:
        raise OpError(f"np.diff takes differences n= times, at least 0, not {n}")
    a = np.moveaxis(a, axis_of(axis, rank_of(a)), 0)
    for _ in range(n):
        a = a[1:] - a[:-1]
    return np.moveaxis(a, 0, axis)


@meaning(*newer("trapezoid"))
def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    if x is None:
        steps = dx
    else:
        steps = np.diff(x, axis=axis if rank_of(x) > 1 else -1)
        steps = np.moveaxis(steps, axis, -1) if rank_of(x) > 1 else steps
    y = np.moveaxis(y, axis_of(axis, rank_of(y)), -1)
    return np.sum((y[..., 1:] + y[..., :-1]) * steps / 2, axis=-1)


# ---------------------------------------------------------------------- norms


@meaning(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return a norm of vectors or matrices, as `numpy.linalg.norm`."""
    if not is_floating(x):
        x = elementwise.cast(x, "float32")
    if ord is None:
        return elementwise.sqrt(reduce.sum(elementwise.square(x), axis, keepdims))
    rank = rank_of(x)
    axes = tuple(range(rank)) if axis is None else tuple(axis) if isinstance(axis, tuple | list) else (axis,)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    if len(axes) != 2:
        raise OpError(f"np.linalg.norm with ord= takes one axis or two, not {len(axes)}")
    if ord == "fro":
        return elementwise.sqrt(reduce.sum(elementwise.square(x), axes, keepdims))
    if ord not in (1, -1, np.inf, -np.inf):
        raise OpError(
            f"np.linalg.norm with ord={ord!r} of matrices needs singular values, for which there is no op"
        )
    rows, columns = (axis_of(place, rank) for place in axes)
    inner, outer = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = reduce.sum(elementwise.abs(x), inner, True)
    extreme = (reduce.max if ord > 0 else reduce.min)(sums, outer, True)
    return extreme if keepdims else reduce.sum(extreme, (rows, columns))


def _vector_norm(x: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    size = elementwise.abs(x)
    if ord == np.inf:
        return reduce.max(size, axis, keepdims)
    if ord == -np.inf:
        return reduce.min(size, axis, keepdims)
    if ord == 0:
        return reduce.sum(apply("cast_like", comparison.not_equal(x, 0), x), axis, keepdims)
    if ord == 1:
        return reduce.sum(size, axis, keepdims)
    if ord == 2:
        return elementwise.sqrt(reduce.sum(elementwise.square(x), axis, keepdims))
    if isinstance(ord, str):
        raise OpError(f"np.linalg.norm with ord={ord!r} is a norm of matrices, which have two axes")
    return reduce.sum(size**ord, axis, keepdims) ** (1 / ord)


if hasattr(np.linalg, "vector_norm"):

    @meaning(np.linalg.vector_norm)
    def _vector_norm_of(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
        if axis is None:
            result = norm(reshape(x, (-1,)), ord, 0)
            return reshape(result, (1,) * rank_of(x)) if keepdims else result
        return norm(x, ord, axis, keepdims)

    @meaning(np.linalg.matrix_norm)
    def _matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
        return norm(x, ord, (-2, -1), keepdims)
