"""Reductions over one axis, several, or all: ``axis`` is None, an int or a tuple; ``keepdims``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphinit.errors import DifferentiationError
from graphinit.ir.op import Attr, Attrs, DtypeRule, Kernel, OpSpec, Vjp, VjpRule, register
from graphinit.ops import checks
from graphinit.ops.rules import (
    DTypes,
    array_axes,
    bool_dtype,
    broadcasts_to,
    elementwise,
    first_dtype,
    float_dtype,
    free,
    int_dtype,
    moved_to_front,
    no_flow,
    normalized_axes,
    per_input,
    reduced_nonempty_shape,
    reduced_shape,
    restore_axes,
    sum_dtype,
)

_AXIS = (Attr("axis", checks.axes, None), Attr("keepdims", checks.boolean, False))
_OVER = ": [*a] -> the axes left."


def _reduction(
    name: str,
    kernel: str | Kernel,
    doc: str,
    vjp: VjpRule | None = None,
    *,
    kind: str = "",
    attrs: tuple[Attr, ...] = _AXIS,
    dtype: DtypeRule = first_dtype,
    shape: Any = reduced_shape,
    no_gradient: str = "",
    flops: int = 1,
    half: str = "",
) -> OpSpec:
    return register(
        OpSpec(
            name=name,
            signature=f"x{kind}[...] -> y[...]",
            doc=doc + _OVER,
            kernel=kernel,
            half=half,
            vjp=vjp,
            no_gradient=no_gradient,
            attrs=attrs,
            shape=shape,
            dtype=dtype,
            cost=per_input(flops),
            quiet=True,
        )
    )


def _spread(v: Vjp, tensor: Any) -> Any:
    """Return a value of the output's shape broadcast to the input's."""
    return v.emit("broadcast_like", restore_axes(v, tensor), v.x)


def _count(v: Vjp) -> Any:
    return v.emit("count", v.x, axis=v.attrs["axis"])


# NumPy adds neighbours pairwise, and rows one after the other: a million rows in float32 would be 1 % off.
_LONG = "x.size > 65536 * y.size and x.shape[-1:] == y.shape[-1:] and y.dtype.char == 'f'"
_SUM = f"np.add.reduce(x, axis={{axis}}, out=y, keepdims={{keepdims}}, dtype=np.float64 if {_LONG} else None)"

_reduction(
    "sum",
    _SUM,
    "Sum over axes, 0 over nothing",
    elementwise(lambda v: _spread(v, v.dy)),
    dtype=sum_dtype,
)
_reduction(
    "mean",
    _SUM + "\nnp.divide(y, x.size / (y.size or 1), out=y)",
    "Mean over axes; nan over nothing, as NumPy has it",
    elementwise(lambda v: _spread(v, v.dy / _count(v))),
    dtype=float_dtype,
    # The sum may be too large where the mean is not.
    half="np.divide(np.add.reduce(x, axis={axis}, keepdims={keepdims}, dtype=np.float32),"
    " x.size / (y.size or 1), out=y, casting='same_kind')",
)

# --- products ---------------------------------------------------------------------------------


def _others_shape(ctx: Any) -> None:
    normalized_axes(ctx, ctx.x, ctx.attrs["axis"])


def _others_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    x = moved_to_front(inputs[0], attrs["axis"])
    before, after = np.ones_like(x), np.ones_like(x)
    np.multiply.accumulate(x[:-1], axis=0, out=before[1:])
    np.multiply.accumulate(x[:0:-1], axis=0, out=after[-2::-1])
    _back(outputs[0], before * after, attrs["axis"])


def _others_along_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    x, v = (moved_to_front(array, attrs["axis"]) for array in inputs)
    value_before, slope_before = _running(x, v)
    value_after, slope_after = (array[::-1] for array in _running(x[::-1], v[::-1]))
    _back(outputs[0], value_before * slope_after + slope_before * value_after, attrs["axis"])


def _running(x: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return products of what stands before each entry, and their derivative when x moves along v."""
    values, slopes = np.ones_like(x), np.zeros_like(x)
    for place in range(1, len(x)):
        values[place] = values[place - 1] * x[place - 1]
        slopes[place] = slopes[place - 1] * x[place - 1] + values[place - 1] * v[place - 1]
    return values, slopes


def _back(out: np.ndarray, merged: np.ndarray, axes: tuple[int, ...] | None) -> None:
    """Write an array with merged axes at the front to where they came from."""
    order = array_axes(out.ndim, axes)
    moved = np.moveaxis(out, order, range(len(order)))
    np.copyto(moved, merged.reshape(moved.shape))


def _others_along_vjp(v: Vjp) -> Sequence[Any]:
    if v.wanted[0]:
        raise DifferentiationError("the third derivative of prod is not available; write the product with *")
    # Linear in `v` with a symmetric matrix (second derivatives of the product), so it is its own transpose.
    return (None, v.emit("prod_others_along", v.x, v.dy, axis=v.attrs["axis"]))


_reduction(
    "prod",
    "np.multiply.reduce(x, axis={axis}, out=y, keepdims={keepdims})",
    "Product over axes, 1 over nothing",
    elementwise(lambda v: v.emit("prod_others", v.x, axis=v.attrs["axis"]) * restore_axes(v, v.dy)),
    dtype=sum_dtype,
)
register(
    OpSpec(
        name="prod_others",
        signature="x[*a] -> y[*a]",
        doc="For each entry the product of all others along the axes, also where entries are 0: [*a] -> [*a].",
        kernel=_others_kernel,
        vjp=lambda v: (v.emit("prod_others_along", v.x, v.dy, axis=v.attrs["axis"]),),
        attrs=_AXIS[:1],
        shape=_others_shape,
        cost=per_input(3),
        quiet=True,
    )
)
register(
    OpSpec(
        name="prod_others_along",
        signature="x[*a], v[*a] -> y[*a]",
        doc="Derivative of prod_others when x moves along v: [*a], [*a] -> [*a].",
        kernel=_others_along_kernel,
        vjp=_others_along_vjp,
        attrs=_AXIS[:1],
        shape=_others_shape,
        cost=per_input(9),
        quiet=True,
    )
)

# --- extremes ---------------------------------------------------------------------------------


def _extreme_partial(v: Vjp) -> Any:
    """Gradient of max and min: equal shares to all places that reach the extreme."""
    reached = v.emit("equal", v.x, restore_axes(v, v.y))
    shares = v.emit("sum", reached, axis=v.attrs["axis"], keepdims=True)
    return restore_axes(v, v.dy) / shares * reached


for _name, _word in {"max": "Greatest", "min": "Least"}.items():
    _reduction(
        _name,
        f"np.{_name}imum.reduce(x, axis={{axis}}, out=y, keepdims={{keepdims}})",
        f"{_word} value over axes; where several reach it, the gradient is shared",
        elementwise(_extreme_partial),
        shape=reduced_nonempty_shape,
    )
    _reduction(
        f"arg{_name}",
        f"np.arg{_name}(x, axis={{axis}}, out=y, keepdims={{keepdims}})",
        f"Position of the (first) {_word.lower()} value along an axis, or in the flattened array",
        attrs=(Attr("axis", checks.optional(checks.integer), None), _AXIS[1]),
        dtype=int_dtype,
        shape=reduced_nonempty_shape,
        no_gradient="positions don't change smoothly",
    )

# --- spread and sums of exponentials ----------------------------------------------------------


def _var_shape(ctx: Any) -> None:
    reduced_shape(ctx)
    axes = normalized_axes(ctx, ctx.x, ctx.attrs["axis"])
    if axes is not None and len(axes) == 1:
        least = ctx.attrs["ddof"] + 1
        ctx.at_least(ctx.dim(ctx.x, axes[0]), least, f"a variance with ddof={least - 1} needs {least} values")


def _var_partial(v: Vjp) -> Any:
    middle = v.emit("mean", v.x, axis=v.attrs["axis"], keepdims=True)
    slope = restore_axes(v, v.dy / (_count(v) - v.attrs["ddof"]))
    return (v.x - middle) * slope * 2


def _is_long(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether x has many rows for each sum in y, which NumPy adds one after the other."""
    return x.size > 65536 * y.size and x.shape[-1:] == y.shape[-1:] and y.dtype.char == "f"


def _var_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    (x,), (y,) = inputs, outputs
    axis = attrs["axis"]
    exact = np.float32 if x.dtype == np.float16 else x.dtype
    wide = np.float64 if _is_long(x, y) else exact
    count = x.size / (y.size or 1)
    middle = np.asarray(
        np.add.reduce(x, axis=axis, keepdims=True, dtype=wide) / np.asarray(count, wide), exact
    )
    distances = np.asarray(x - middle)
    np.multiply(distances, distances, out=distances)
    total = np.add.reduce(distances, axis=axis, keepdims=attrs["keepdims"], dtype=wide)
    np.divide(total, count - attrs["ddof"], out=y, casting="same_kind")


_reduction(
    "var",
    _var_kernel,
    "Variance over axes: squared distances from the mean, summed and divided by count - ddof",
    elementwise(_var_partial),
    kind=":float",
    attrs=(*_AXIS, Attr("ddof", checks.natural, 0)),
    shape=_var_shape,
    flops=4,
)


def _logsumexp_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    (x,), (y,) = inputs, outputs
    axis = attrs["axis"]
    top = np.asarray(np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf))
    np.copyto(top, 0, where=~np.isfinite(top))  # a row of -inf, or with +inf, must not give inf - inf
    total = np.asarray(np.add.reduce(np.exp(x - top), axis=axis, keepdims=True))
    np.log(total, out=total)
    total += top
    np.copyto(y, total.reshape(y.shape))


def _logsumexp_partial(v: Vjp) -> Any:
    # Over nothing but -inf the result is -inf, and the gradient 0, not that of -inf - -inf.
    level = v.emit("where", v.y == -math.inf, v.emit("zeros_like", v.y), v.y)
    return v.emit("exp", v.x - restore_axes(v, level)) * restore_axes(v, v.dy)


_reduction(
    "logsumexp",
    _logsumexp_kernel,
    "log(sum(exp(x))) over axes, shifted so that nothing overflows; -inf over nothing",
    elementwise(_logsumexp_partial),
    kind=":float",
    flops=13,
)

# --- truth values -----------------------------------------------------------------------------

for _name, _ufunc, _word in (
    ("any", "logical_or", "any value holds"),
    ("all", "logical_and", "all values hold"),
):
    _reduction(
        _name,
        f"np.{_ufunc}.reduce(x, axis={{axis}}, out=y, keepdims={{keepdims}})",
        f"Whether {_word} over axes",
        dtype=bool_dtype,
        no_gradient="its outputs are truth values",
    )

# --- what gradients need ----------------------------------------------------------------------


def _count_shape(ctx: Any) -> None:
    ctx.set_shape(ctx.y, (), "a count is one number")
    normalized_axes(ctx, ctx.x, ctx.attrs["axis"])


def _count_dtype(dtypes: DTypes, attrs: Attrs) -> str | None:
    dtype = float_dtype(dtypes, attrs)
    return "float32" if dtype == "float16" else dtype  # which ends at 65504, and rounds from 2048 on


def _count_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    shape = inputs[0].shape
    outputs[0][...] = math.prod(shape[axis] for axis in array_axes(len(shape), attrs["axis"]))


register(
    OpSpec(
        name="count",
        signature="x[...] -> y[]",
        doc="Number of elements along axes, as a floating number: [*a] -> [].",
        kernel=_count_kernel,
        vjp=no_flow,
        attrs=_AXIS[:1],
        shape=_count_shape,
        dtype=_count_dtype,
        cost=free,
        shape_only=(0,),
    )
)


def _sum_like_shape(ctx: Any) -> None:
    ctx.same_shape(ctx.y, ctx.inputs[1], "the output has the shape of `like`")
    broadcasts_to(ctx, ctx.x, ctx.inputs[1], ("x", "like"))


def _sum_like_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    x, y = inputs[0], outputs[0]
    extra = x.ndim - y.ndim
    axes = tuple(range(extra))
    axes += tuple(
        axis + extra for axis, size in enumerate(y.shape) if size == 1 and x.shape[axis + extra] != 1
    )
    if axes:
        wide = np.float64 if _is_long(x, y) else None
        np.add.reduce(x, axis=axes, out=y[(None,) * extra], keepdims=True, dtype=wide)
    else:
        np.copyto(y, x)


register(
    OpSpec(
        name="sum_like",
        signature="x[...], like[...] -> y[...]",
        doc="Sum over the axes along which `like` would broadcast to x: [*b], [*a] -> [*a].",
        kernel=_sum_like_kernel,
        vjp=elementwise(lambda v: v.emit("broadcast_like", v.dy, v.x), lambda v: None),
        shape=_sum_like_shape,
        dtype=first_dtype,
        cost=per_input(1),
        quiet=True,
        shape_only=(1,),
    )
)
