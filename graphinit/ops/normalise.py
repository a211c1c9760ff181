"""Normalisation: values shifted and scaled to mean 0 and variance 1.

`standardize` computes statistics of its input, over axes or over all but some; `batch_norm` takes
statistics that are given.  Gradients are graphs of elementwise ops and of sums back to the shape of
the statistics (`sum_like`), so they need no rank and can be differentiated again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphinit.ir.op import Attr, Attrs, OpSpec, Vjp, register
from graphinit.ops import checks
from graphinit.ops.rules import (
    DTypes,
    array_axes,
    first_dtype,
    free,
    like_input,
    normalized_axes,
    per_input,
    per_output,
    reshaped,
    same_as_input,
)

# --- a vector along one axis ------------------------------------------------------------------


def _along_axis_shape(ctx: Any) -> None:
    v, like, y = ctx.inputs[0], ctx.inputs[1], ctx.y
    if not ctx.same_rank(y, like, "the output has as many axes as `like`"):
        return
    place = ctx.normalize_axis(like, ctx.attrs["axis"])
    if place is None or not ctx.set_rank(v, 1):
        return
    agree = ctx.equal(
        ctx.dim(like, place),
        ctx.dim(v, 0),
        f"axis {place} of like must be as long as x, which lies along it",
    )
    for axis in range(ctx.rank(y)):
        if axis != place:
            ctx.equal(ctx.dim(y, axis), 1, f"axis {axis} is not the axis of x, so its size is 1")
        elif agree:
            ctx.equal(ctx.dim(y, axis), ctx.dim(v, 0), f"axis {axis} of y is the axis of x")
        else:
            ctx.local.lose(ctx.dim(y, axis))  # one mistake is enough


register(
    OpSpec(
        name="along_axis",
        signature="x[c], like[...] -> y[...]",
        doc="A vector laid along one axis of `like`, the other axes of size 1: [c], [*a,c,*b] -> [1..,c,1..].",
        kernel="np.copyto(y, x.reshape(y.shape))",
        vjp=like_input,
        attrs=(Attr("axis", checks.integer),),
        shape=_along_axis_shape,
        dtype=first_dtype,
        cost=free,
        view=reshaped,
        shape_only=(1,),
    )
)


def _split_axis_shape(ctx: Any) -> None:
    rank, whole = ctx.rank(ctx.x), ctx.rank(ctx.y)
    if rank is None and whole is not None:
        ctx.set_rank(ctx.x, max(whole - 1, 1))
        rank = ctx.rank(ctx.x)
    if rank is None:
        return
    place, parts = ctx.normalize_axis(ctx.x, ctx.attrs["axis"]), ctx.attrs["parts"]
    if place is None or not ctx.set_rank(ctx.y, rank + 1):
        return
    for axis in range(rank):
        if axis != place:
            other = axis + (axis > place)
            ctx.equal(
                ctx.dim(ctx.y, other),
                ctx.dim(ctx.x, axis),
                f"axis {other} of y is axis {axis} of x, which stays",
            )
    ctx.equal(ctx.dim(ctx.y, place), parts, f"axis {place} of y counts the parts")
    whole_axis, part = ctx.dim(ctx.x, place), ctx.dim(ctx.y, place + 1)
    ctx.product([whole_axis], [parts, part], f"axis {place} of x must part into {parts} of equal size")


register(
    OpSpec(
        name="split_axis",
        signature="x[...] -> y[...]",
        doc="One axis parted into two, the first of a given size: [*a,p*c,*b] -> [*a,p,c,*b].",
        kernel="np.copyto(y, x.reshape(y.shape))",
        vjp=like_input,
        attrs=(Attr("axis", checks.integer), Attr("parts", checks.positive)),
        shape=_split_axis_shape,
        dtype=first_dtype,
        cost=free,
        view=reshaped,
    )
)

# --- statistics of the input itself -----------------------------------------------------------


def _reduced_axes(rank: int, attrs: Attrs) -> tuple[int, ...]:
    """Return the axes that statistics run over, in increasing order."""
    named = set(array_axes(rank, attrs["axis"]))
    return tuple(axis for axis in range(rank) if (axis in named) != attrs["others"])


def _mean(x: np.ndarray, axes: tuple[int, ...], count: int) -> np.ndarray:
    """Return the mean over axes, kept with size 1, in float64.

    NumPy adds neighbours pairwise, and rows one after the other: so trailing axes are added in the
    dtype of x, and what is left, which is less, in float64.
    """
    tail = tuple(axis for axis in axes if set(range(axis, x.ndim)) <= set(axes))
    head = tuple(axis for axis in axes if axis not in tail)
    total = (
        np.add.reduce(x, axis=tail, keepdims=True, dtype=None if x.flags.c_contiguous else np.float64)
        if tail
        else x
    )
    if head or total.dtype != np.float64:
        total = np.add.reduce(total, axis=head, keepdims=True, dtype=np.float64)
    return np.asarray(total / max(count, 1))


def _standardize_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    (x,), (y, mean, variance) = inputs, outputs
    axes = _reduced_axes(x.ndim, attrs)
    count = math.prod(x.shape[axis] for axis in axes)
    np.copyto(mean, _mean(x, axes, count), casting="same_kind")
    np.subtract(x, mean, out=y)
    exact = _mean(np.multiply(y, y), axes, count)
    np.copyto(variance, exact, casting="same_kind")
    np.multiply(y, (1 / np.sqrt(exact + attrs["epsilon"])).astype(y.dtype), out=y)


def _standardize_shape(ctx: Any) -> None:
    same_as_input(ctx)
    rank = ctx.rank(ctx.x)
    named = normalized_axes(ctx, ctx.x, ctx.attrs["axis"])
    if rank is None or named is None:
        return
    for port in (1, 2):
        statistic = ctx.output(port)
        if not ctx.set_rank(statistic, rank):
            return
        for axis in range(rank):
            if (axis in named) != ctx.attrs["others"]:
                ctx.equal(ctx.dim(statistic, axis), 1, f"statistics run over axis {axis}")
            else:
                ctx.equal(
                    ctx.dim(statistic, axis), ctx.dim(ctx.x, axis), f"each place on axis {axis} has its own"
                )
    for axis in range(rank):
        if (axis in named) != ctx.attrs["others"]:
            ctx.at_least(ctx.dim(ctx.x, axis), 1, f"statistics run over axis {axis}, so it must not be empty")


def _three_dtypes(dtypes: DTypes, attrs: Attrs) -> tuple[str | None, ...]:
    return (dtypes[0],) * 3


def _above(v: Vjp, variance: Any) -> Any:
    """Return a variance with epsilon added, which float16 may have no room for."""
    wide = v.emit("cast", variance, dtype="float32") if variance.dtype == "float16" else variance
    return wide + v.attrs["epsilon"]


def _standardize_vjp(v: Vjp) -> Sequence[Any]:
    dy, dmean, dvariance = v.dys
    y, mean, variance = v.outputs
    count = v.emit("count", v.x) / v.emit("maximum", v.emit("count", mean), 1)  # an empty batch has none
    dx = None
    if dy is not None:
        level = v.emit("sum_like", dy, mean) / count
        slope = v.emit("sum_like", dy * y, mean) / count
        dx = (dy - level - y * slope) * v.emit("rsqrt", _above(v, variance))
    if dmean is not None:
        moved = v.emit("broadcast_like", dmean / count, v.x)
        dx = moved if dx is None else dx + moved
    if dvariance is not None:
        moved = (v.x - mean) * (dvariance * 2 / count)
        dx = moved if dx is None else dx + moved
    return (dx,)


register(
    OpSpec(
        name="standardize",
        signature="x:float[*a] -> y[*a], mean[...], variance[...]",
        doc="(x - mean) / sqrt(variance + epsilon), with the mean and the (biased) variance over `axis`, or over"
        " all axes but those when `others` is set: [*a] -> [*a], and the statistics, [*a with 1s].",
        kernel=_standardize_kernel,
        vjp=_standardize_vjp,
        attrs=(
            Attr("axis", checks.some_axes, (-1,)),
            Attr("others", checks.boolean, False),
            Attr("epsilon", checks.positive_number, 1e-5),
        ),
        shape=_standardize_shape,
        dtype=_three_dtypes,
        cost=per_input(7),
        quiet=True,
    )
)

# --- statistics that are given ----------------------------------------------------------------


def _batch_norm_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    (x, gamma, beta, mean, variance), (y,) = inputs, outputs
    shape = [1] * x.ndim
    shape[attrs["axis"]] = -1
    wide = np.result_type(variance.dtype, np.float32)  # float16 may have no such epsilon
    scale = np.sqrt(variance.astype(wide) + attrs["epsilon"])
    np.divide(gamma, scale, out=scale)
    np.subtract(x, mean.reshape(shape), out=y)
    np.multiply(y, scale.reshape(shape), out=y, casting="same_kind")
    np.add(y, beta.reshape(shape), out=y)


def _batch_norm_shape(ctx: Any) -> None:
    same_as_input(ctx)
    place = ctx.normalize_axis(ctx.x, ctx.attrs["axis"])
    if place is None or ctx.rank(ctx.inputs[1]) != 1:
        return
    gamma = ctx.dim(ctx.inputs[1], 0)
    ctx.equal(ctx.dim(ctx.x, place), gamma, f"axis {place} of x, the channels, must equal axis 0 of gamma")


def _batch_norm_vjp(v: Vjp) -> Sequence[Any]:
    x, gamma, beta, mean, variance = v.inputs
    axis = v.attrs["axis"]

    def along(vector: Any) -> Any:
        return v.emit("along_axis", vector, x, axis=axis)

    def channel_sum(tensor: Any) -> Any:
        return v.emit("reshape_like", v.emit("sum_like", tensor, along(beta)), beta)

    scale = v.emit("rsqrt", _above(v, variance))
    dx = v.dy * along(gamma * scale) if v.wanted[0] else None
    dbeta = channel_sum(v.dy) if v.wanted[2] or v.wanted[3] else None
    slopes = channel_sum(v.dy * (x - along(mean))) if v.wanted[1] or v.wanted[4] else None
    dgamma = slopes * scale if v.wanted[1] else None
    dmean = -(dbeta * gamma * scale) if v.wanted[3] else None
    dvariance = slopes * gamma * scale / _above(v, variance) * -0.5 if v.wanted[4] else None
    return (dx, dgamma, dbeta, dmean, dvariance)


register(
    OpSpec(
        name="batch_norm",
        signature="x:float[...], gamma:float[c], beta:float[c], mean:float[c], variance:float[c] -> y[...]",
        doc="gamma * (x - mean) / sqrt(variance + epsilon) + beta with given statistics for each channel (Ioffe and"
        " Szegedy 2015): [*a,c,*b], [c], [c], [c], [c] -> [*a,c,*b].",
        kernel=_batch_norm_kernel,
        vjp=_batch_norm_vjp,
        attrs=(Attr("axis", checks.integer, 1), Attr("epsilon", checks.positive_number, 1e-5)),
        shape=_batch_norm_shape,
        dtype=first_dtype,
        cost=per_output(3),
        quiet=True,
        inplace=(0,),
    )
)
