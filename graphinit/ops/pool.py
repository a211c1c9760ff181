"""Pooling: the greatest value, or the mean, of each window of an image.

Max pooling sends its gradient to the first of the greatest values.  Which tap that is (`max_pool_taps`)
is whole numbers; given those, `unpool` and its transpose `pool_pick` are linear, and so is average
pooling: gradients of any order stay in these ops.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphinit.ir.dims import Dim
from graphinit.ir.op import Attr, Attrs, OpSpec, Vjp, register
from graphinit.ir.types import TensorType
from graphinit.ops import checks, nearby
from graphinit.ops.rules import elements, first_dtype, int_dtype, scaled
from graphinit.ops.windows import (
    Windows,
    channel_axis,
    channels_second,
    paddings,
    spatial_axes,
    state_window,
    taps,
)

WHOLE = "all"
"""The kernel that is as large as the image."""


def _kernel(value: Any) -> tuple[int, ...] | str:
    """Taps for each spatial axis, or ``"all"``."""
    if isinstance(value, str):
        if value != WHOLE:
            raise ValueError("must be 'all' or a number for each spatial axis")
        return value
    return taps(value)


def _fixed_paddings(value: Any) -> Any:
    """For each spatial axis a number or a pair."""
    if isinstance(value, str):
        raise TypeError("must be a number or pair for each spatial axis")
    return paddings(value)


# --- equations --------------------------------------------------------------------------------


def _pooled(ctx: Any, x: int, y: int, names: tuple[str, str]) -> None:
    """State that y has one entry for each window of x."""
    attrs = ctx.attrs
    kernel, strides, padding = attrs["kernel"], attrs["strides"], attrs["padding"]
    count = len(strides)
    if len(padding) != count or (kernel != WHOLE and len(kernel) != count):
        ctx.fail(
            "GI202", f"kernel=, strides= and padding= are for {count} spatial axes; give them for one number"
        )
        return
    last = attrs["channels_last"]
    layout = "[b,*s,c]" if last else "[b,c,*s]"
    rank = count + 2
    for v, name in ((x, names[0]), (y, names[1])):
        if not ctx.set_rank(v, rank, f"{name}{layout} must have {rank} axes"):
            return
    for axis, word in ((0, "batch"), (channel_axis(rank, last), "channels")):
        ctx.equal(
            ctx.dim(y, axis),
            ctx.dim(x, axis),
            f"axis {axis} of {names[1]} is axis {axis} of {names[0]}, the {word}",
        )
    for place, axis in enumerate(spatial_axes(rank, last)):
        ctx.at_least(ctx.dim(x, axis), 1, f"axis {axis} of {names[0]} is pooled, so it must not be empty")
        if kernel == WHOLE:
            ctx.equal(ctx.dim(y, axis), 1, f"one window covers axis {axis} of {names[0]}")
            continue
        if max(padding[place]) >= kernel[place]:
            ctx.fail(
                "GI205",
                f"padding of {max(padding[place])} is as large as the kernel of {kernel[place]}, so that a window"
                " would see nothing of the image",
                x,
            )
            return
        words = (f"axis {axis} of {names[1]}", f"axis {axis} of {names[0]}")
        state_window(
            ctx,
            ctx.dim(y, axis),
            ctx.dim(x, axis),
            kernel[place],
            strides[place],
            sum(padding[place]),
            words,
            padding[place][0] if attrs["ceil"] else None,
        )


def _pool_shape(ctx: Any) -> None:
    _pooled(ctx, ctx.x, ctx.y, ("x", "y"))


def _pick_shape(ctx: Any) -> None:
    x, places = ctx.inputs
    _pooled(ctx, x, ctx.y, ("x", "y"))
    ctx.same_shape(ctx.y, places, "the output has the shape of `taps`")


def _unpool_shape(ctx: Any) -> None:
    dy, places, like = ctx.inputs
    ctx.same_shape(ctx.y, like, "the output has the shape of `like`")
    ctx.same_shape(places, dy, "taps has the shape of dy")
    _pooled(ctx, like, dy, ("like", "dy"))


def _average_gradient_shape(ctx: Any) -> None:
    dy, like = ctx.inputs
    ctx.same_shape(ctx.y, like, "the output has the shape of `like`")
    _pooled(ctx, like, dy, ("like", "dy"))


# --- kernels ----------------------------------------------------------------------------------


def _windows(image: np.ndarray, places: Sequence[int], attrs: Attrs) -> Windows:
    sizes, strides, padding = image.shape[2:], attrs["strides"], attrs["padding"]
    ones = (1,) * len(strides)
    if attrs["kernel"] == WHOLE:  # the one window is the image itself, with no padding in it
        return Windows.of(sizes, sizes, ones, ones, ((0, 0),) * len(strides), places)
    return Windows.of(sizes, attrs["kernel"], strides, ones, padding, places)


def _views(attrs: Attrs, *arrays: np.ndarray) -> list[np.ndarray]:
    return [channels_second(array, attrs["channels_last"]) for array in arrays]


def _spatial(at: Windows) -> tuple[int, ...]:
    return tuple(range(2, 2 + len(at.sizes)))


def _max_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    x, y = _views(attrs, inputs[0], outputs[0])
    at = _windows(x, y.shape[2:], attrs)
    if at.is_whole:
        np.maximum.reduce(x, axis=_spatial(at), out=y, keepdims=True)
        return
    first = True
    for _, seen in at.tap_views(at.padded(x, -np.inf)):
        if first:
            np.copyto(y, seen)
            first = False
        else:
            np.maximum(y, seen, out=y)


def _taps_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    x, y = _views(attrs, inputs[0], outputs[0])
    at = _windows(x, y.shape[2:], attrs)
    if at.is_whole:
        flat = x.reshape(*x.shape[:2], math.prod(at.sizes))
        np.copyto(y, flat.argmax(axis=2).reshape(y.shape))
        return
    best: np.ndarray | None = None
    y[...] = 0
    for number, (_, seen) in enumerate(at.tap_views(at.padded(x, -np.inf))):
        if best is None:
            best = seen.copy()
            continue
        better = seen > best  # not >=: the first of equals stays
        np.copyto(best, seen, where=better)
        np.copyto(y, number, where=better)


def _unpool_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    dy, places, dx = _views(attrs, inputs[0], inputs[1], outputs[0])
    at = _windows(dx, dy.shape[2:], attrs)
    if at.is_whole:
        flat = np.zeros((*dx.shape[:2], math.prod(at.sizes)), dx.dtype)
        lead = (*dx.shape[:2], 1)
        np.put_along_axis(flat, places.reshape(lead), dy.reshape(lead), axis=2)
        np.copyto(dx, flat.reshape(dx.shape))
        return
    padded = at.blank(dx.shape[:2], dx.dtype)
    for number, (_, seen) in enumerate(at.tap_views(padded)):
        seen += dy * (places == number)
    np.copyto(dx, at.cropped(padded))


def _pick_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    x, places, y = _views(attrs, inputs[0], inputs[1], outputs[0])
    at = _windows(x, y.shape[2:], attrs)
    if at.is_whole:
        flat = x.reshape(*x.shape[:2], math.prod(at.sizes))
        lead = (*x.shape[:2], 1)
        np.copyto(y, np.take_along_axis(flat, places.reshape(lead), axis=2).reshape(y.shape))
        return
    y[...] = 0
    for number, (_, seen) in enumerate(at.tap_views(at.padded(x))):
        np.copyto(y, seen, where=places == number)


def _counts(at: Windows, include_padding: bool, dtype: Any) -> np.ndarray | float:
    """Return how many values each window averages, ``[*places]``; a number where all have equally many."""
    total: Any = np.ones((), dtype)
    for place, (size, width, stride, count) in enumerate(
        zip(at.sizes, at.kernel, at.strides, at.places, strict=True)
    ):
        before, after = at.pads[place]
        starts = np.arange(count) * stride - before
        if include_padding:
            seen = np.minimum(starts + width, size + after) - starts
        else:
            seen = np.minimum(starts + width, size) - np.maximum(starts, 0)
        total = np.multiply.outer(total, np.maximum(seen, 1).astype(dtype))
    if total.size and (total == total.flat[0]).all():
        return float(total.flat[0])
    return np.asarray(total)


def _average_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    x, y = _views(attrs, inputs[0], outputs[0])
    at = _windows(x, y.shape[2:], attrs)
    if at.is_whole:
        np.add.reduce(x, axis=_spatial(at), out=y, keepdims=True)
    else:
        first = True
        for _, seen in at.tap_views(at.padded(x)):
            if first:
                np.copyto(y, seen)
                first = False
            else:
                np.add(y, seen, out=y)
    np.divide(y, _counts(at, attrs["count_padding"], y.dtype), out=y)


def _average_gradient_kernel(
    outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs
) -> None:
    dy, dx = _views(attrs, inputs[0], outputs[0])
    at = _windows(dx, dy.shape[2:], attrs)
    shares = dy / _counts(at, attrs["count_padding"], dy.dtype)
    if at.is_whole:
        np.copyto(dx, shares)
        return
    padded = at.blank(dx.shape[:2], dx.dtype)
    for _, seen in at.tap_views(padded):
        seen += shares
    np.copyto(dx, at.cropped(padded))


# --- records ----------------------------------------------------------------------------------


def _max_vjp(v: Vjp) -> Sequence[Any]:
    places = v.emit("max_pool_taps", v.x, **v.attrs)
    return (v.emit("unpool", v.dy, places, v.x, **v.attrs),)


def _unpool_vjp(v: Vjp) -> Sequence[Any]:
    return (v.emit("pool_pick", v.dy, v.inputs[1], **v.attrs), None, None)


def _pick_vjp(v: Vjp) -> Sequence[Any]:
    return (v.emit("unpool", v.dy, v.inputs[1], v.x, **v.attrs), None)


def _cost(small: int | None, flops: int = 1) -> Any:
    """Return a cost of so many FLOPs a tap and place; `small` is the operand with an entry a place."""

    def cost(inputs: Sequence[TensorType], outputs: Sequence[TensorType], attrs: Attrs) -> Dim:
        if attrs["kernel"] == WHOLE:
            return scaled(flops, elements(inputs[0] if small is None else outputs[0]))
        places = outputs[0] if small is None else inputs[small]
        return scaled(flops * math.prod(attrs["kernel"]), elements(places))

    return cost


_ATTRS = (
    Attr("kernel", _kernel, near=nearby.lengths),
    Attr("strides", taps, near=nearby.steps, plain=1),
    Attr("padding", _fixed_paddings, near=nearby.paddings, plain=0),
    Attr("ceil", checks.boolean, False),
    Attr("channels_last", checks.boolean, False),
)
_AVERAGE = (*_ATTRS, Attr("count_padding", checks.boolean, True))
_PLACES = (
    "[b,c,*s] -> [b,c,*t], t = (s + padding - kernel)//stride + 1, or with `ceil` rounded up,"
    " though no window starts behind the image"
)

register(
    OpSpec(
        name="max_pool",
        signature="x:float[...] -> y[...]",
        doc=f"Greatest value of each window: {_PLACES}.",
        kernel=_max_kernel,
        vjp=_max_vjp,
        attrs=_ATTRS,
        shape=_pool_shape,
        cost=_cost(None),
    )
)
register(
    OpSpec(
        name="max_pool_taps",
        signature="x:float[...] -> y[...]",
        doc="For each window the number of the (first) tap that has the greatest value: [b,c,*s] -> int64 [b,c,*t].",
        kernel=_taps_kernel,
        no_gradient="positions don't change smoothly",
        attrs=_ATTRS,
        shape=_pool_shape,
        dtype=int_dtype,
        cost=_cost(None),
    )
)
register(
    OpSpec(
        name="unpool",
        signature="dy:float[...], taps:int[...], like[...] -> y[...]",
        doc="Each value added where its tap is, on an image of the shape of `like`: [b,c,*t], int [b,c,*t],"
        " [b,c,*s] -> [b,c,*s].",
        kernel=_unpool_kernel,
        vjp=_unpool_vjp,
        attrs=_ATTRS,
        shape=_unpool_shape,
        dtype=first_dtype,
        cost=_cost(0, 2),
        shape_only=(2,),
    )
)
register(
    OpSpec(
        name="pool_pick",
        signature="x:float[...], taps:int[...] -> y[...]",
        doc="What each window has at its tap, 0 in the padding: [b,c,*s], int [b,c,*t] -> [b,c,*t].",
        kernel=_pick_kernel,
        vjp=_pick_vjp,
        attrs=_ATTRS,
        shape=_pick_shape,
        dtype=first_dtype,
        cost=_cost(1),
    )
)
register(
    OpSpec(
        name="avg_pool",
        signature="x:float[...] -> y[...]",
        doc=f"Mean of each window: {_PLACES}; the padding counts as zeros, unless `count_padding` is off.",
        kernel=_average_kernel,
        vjp=lambda v: (v.emit("avg_pool_gradient", v.dy, v.x, **v.attrs),),
        attrs=_AVERAGE,
        shape=_pool_shape,
        cost=_cost(None),
    )
)
register(
    OpSpec(
        name="avg_pool_gradient",
        signature="dy:float[...], like[...] -> y[...]",
        doc="Each value shared among what its window sees, on an image of the shape of `like`: [b,c,*t],"
        " [b,c,*s] -> [b,c,*s].",
        kernel=_average_gradient_kernel,
        vjp=lambda v: (v.emit("avg_pool", v.dy, **v.attrs), None),
        attrs=_AVERAGE,
        shape=_average_gradient_shape,
        dtype=first_dtype,
        cost=_cost(0),
        shape_only=(1,),
    )
)
