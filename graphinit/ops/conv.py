"""Convolution and its two gradients, which with it are closed under differentiation.

Convolution is linear in the image and in the weight.  `conv_input_gradient` is its transpose in the
image, `conv_weight_gradient` its transpose in the weight; each one's gradients are the other two.
`conv_transpose` is the first of them as a layer of its own, with a size from its attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from graphinit.ir.dims import Dim
from graphinit.ir.op import Attr, Attrs, OpSpec, Vjp, register
from graphinit.ir.types import TensorType
from graphinit.ops import checks, nearby
from graphinit.ops.conv_kernels import (
    conv_kernel,
    input_gradient_kernel,
    transpose_kernel,
    weight_gradient_kernel,
)
from graphinit.ops.rules import elements, scaled
from graphinit.ops.windows import (
    channel_axis,
    paddings,
    spatial_axes,
    state_window,
    taps,
    total_padding,
)

# --- equations --------------------------------------------------------------------------------


class _Slide(NamedTuple):
    """How the kernel moves along a spatial axis: `place` counts spatial axes only; see `state_window`."""

    place: int
    axis: int
    stride: int
    padding: int | None
    dilation: int


@lru_cache(maxsize=1024)
def _slides(attrs: Attrs) -> tuple[_Slide, ...] | str:
    """Return what happens along each spatial axis; words when attributes don't agree on their number."""
    strides, dilation, padding = attrs["strides"], attrs["dilation"], attrs["padding"]
    lengths = {len(strides), len(dilation)}
    if not isinstance(padding, str):
        lengths.add(len(padding))
    if len(lengths) > 1:
        return f"strides=, padding= and dilation= are for {sorted(lengths)} spatial axes; give them for one number"
    axes = spatial_axes(len(strides) + 2, attrs["channels_last"])
    return tuple(
        _Slide(place, axis, strides[place], total_padding(padding, place), dilation[place])
        for place, axis in enumerate(axes)
    )


@lru_cache(maxsize=64)
def _ranks(rank: int, last: bool, names: tuple[str, str]) -> tuple[str, str, str]:
    images, weights = ("[b,*s,c]", "[n,*k,c]") if last else ("[b,c,*s]", "[n,c,*k]")
    forms = (names[0] + images, "w" + weights, names[1] + images)
    return tuple(f"{form} must have {rank} axes" for form in forms)  # type: ignore[return-value]


def _lead(
    ctx: Any, image: int, w: int, result: int, names: tuple[str, str]
) -> tuple[int, tuple[_Slide, ...]] | None:
    """State ranks and batch; return the axis of channels, and what happens along each spatial axis."""
    slides = _slides(ctx.attrs)
    if isinstance(slides, str):
        ctx.fail("GI202", slides)
        return None
    rank = len(slides) + 2
    last = ctx.attrs["channels_last"]
    for v, why in zip((image, w, result), _ranks(rank, last, names), strict=True):
        if not ctx.set_rank(v, rank, why):
            return None
    ctx.equal(
        ctx.dim(result, 0), ctx.dim(image, 0), f"axis 0 of {names[1]} is axis 0 of {names[0]}, the batch"
    )
    return channel_axis(rank, last), slides


def _grouped(ctx: Any, channels: Any, each: Any, groups: int, name: str, axis: int) -> None:
    """State that an axis of channels is so many groups of another axis."""
    if groups == 1:
        ctx.equal(channels, each, f"axis {axis} of {name}, the channels, must equal axis {axis} of w")
    else:
        ctx.product(
            [channels],
            [groups, each],
            f"axis {axis} of {name}, the channels, must be {groups} groups of axis {axis} of w",
        )


def _extent(ctx: Any, taps: Any, dilation: int) -> Any:
    """Return how far the kernel reaches along an axis of so many taps; None while that is not known."""
    count = ctx.known(taps)
    return None if count is None else (count - 1) * dilation + 1


def _convolved(ctx: Any, x: int, w: int, y: int, names: tuple[str, str]) -> None:
    """State that y is a convolution of x with w."""
    lead = _lead(ctx, x, w, y, names)
    if lead is None:
        return
    axis, slides = lead
    image, kernel, result = ctx.shape(x), ctx.shape(w), ctx.shape(y)
    groups = ctx.attrs["groups"]
    _grouped(ctx, image[axis], kernel[axis], groups, names[0], axis)
    ctx.equal(result[axis], kernel[0], f"axis {axis} of {names[1]}, the channels, is axis 0 of w")
    if groups > 1:
        ctx.divides(groups, kernel[0], f"axis 0 of w, the output channels, must part into {groups} groups")
    for _, spatial, stride, padding, dilation in slides:
        taps = kernel[spatial]
        extent = _extent(ctx, taps, dilation)
        if extent is not None:
            state_window(
                ctx,
                result[spatial],
                image[spatial],
                extent,
                stride,
                padding,
                (f"axis {spatial} of {names[1]}", f"axis {spatial} of {names[0]}"),
                because=(taps,),
            )


def _conv_shape(ctx: Any) -> None:
    _convolved(ctx, ctx.inputs[0], ctx.inputs[1], ctx.y, ("x", "y"))
    _bias(ctx)


def _bias(ctx: Any) -> None:
    if len(ctx.inputs) == 3 and ctx.rank(ctx.y) is not None and ctx.rank(ctx.inputs[2]) == 1:
        axis = channel_axis(ctx.rank(ctx.y), ctx.attrs["channels_last"])
        why = f"axis {axis} of y, the channels, must equal axis 0 of bias"
        ctx.equal(ctx.dim(ctx.y, axis), ctx.dim(ctx.inputs[2], 0), why)


def _input_gradient_shape(ctx: Any) -> None:
    dy, w, like = ctx.inputs
    ctx.same_shape(ctx.y, like, "the gradient has the shape of `like`")
    _convolved(ctx, like, w, dy, ("like", "dy"))


def _weight_gradient_shape(ctx: Any) -> None:
    x, dy, like = ctx.inputs
    ctx.same_shape(ctx.y, like, "the gradient has the shape of `like`")
    _convolved(ctx, x, like, dy, ("x", "dy"))


def _transpose_shape(ctx: Any) -> None:
    x, w, y = ctx.inputs[0], ctx.inputs[1], ctx.y
    lead = _lead(ctx, x, w, y, ("x", "y"))
    if lead is None:
        return
    axis, slides = lead
    groups, output_padding = ctx.attrs["groups"], ctx.attrs["output_padding"]
    ctx.equal(ctx.dim(x, axis), ctx.dim(w, 0), f"axis {axis} of x, the channels, must equal axis 0 of w")
    if groups > 1:
        ctx.divides(
            groups, ctx.dim(x, axis), f"axis {axis} of x, the channels, must part into {groups} groups"
        )
    _grouped(ctx, ctx.dim(y, axis), ctx.dim(w, axis), groups, "y", axis)
    for place, spatial, stride, padding, dilation in slides:
        extra = output_padding[place] if output_padding else 0
        if extra >= stride and extra:
            ctx.fail("GI205", f"output_padding={extra} must be less than the stride of {stride}")
            return
        ctx.at_least(ctx.dim(x, spatial), 1, f"axis {spatial} of x is spread, so it must not be empty")
        extent = _extent(ctx, ctx.dim(w, spatial), dilation)
        if extent is None:
            continue
        offset = 0 if padding is None else extent - stride - padding + extra
        ctx.floordiv(
            ctx.dim(y, spatial),
            (stride, ctx.dim(x, spatial), offset),
            1,
            f"axis {spatial} of y spreads axis {spatial} of x by the stride of {stride}",
            because=(ctx.dim(w, spatial),),
        )
    _bias(ctx)


# --- gradients --------------------------------------------------------------------------------


def _shared(v: Vjp) -> dict[str, Any]:
    return {name: v.attrs[name] for name in ("strides", "padding", "dilation", "groups", "channels_last")}


def _bias_gradient(v: Vjp) -> Any:
    """Return the sum of dy over all axes but that of channels."""
    bias = v.inputs[2]
    along = v.emit("along_axis", bias, v.dy, axis=-1 if v.attrs["channels_last"] else 1)
    return v.emit("reshape_like", v.emit("sum_like", v.dy, along), bias)


def _conv_vjp(v: Vjp) -> Sequence[Any]:
    x, w = v.inputs[:2]
    dx = v.emit("conv_input_gradient", v.dy, w, x, **_shared(v)) if v.wanted[0] else None
    dw = v.emit("conv_weight_gradient", x, v.dy, w, **_shared(v)) if v.wanted[1] else None
    return (dx, dw, _bias_gradient(v))[: len(v.inputs)] if len(v.inputs) == 3 else (dx, dw)


def _input_gradient_vjp(v: Vjp) -> Sequence[Any]:
    sent, w, _ = v.inputs
    back = v.emit("conv", v.dy, w, **_shared(v)) if v.wanted[0] else None
    dw = v.emit("conv_weight_gradient", v.dy, sent, w, **_shared(v)) if v.wanted[1] else None
    return (back, dw, None)


def _weight_gradient_vjp(v: Vjp) -> Sequence[Any]:
    x, sent, _ = v.inputs
    dx = v.emit("conv_input_gradient", sent, v.dy, x, **_shared(v)) if v.wanted[0] else None
    back = v.emit("conv", x, v.dy, **_shared(v)) if v.wanted[1] else None
    return (dx, back, None)


def _transpose_vjp(v: Vjp) -> Sequence[Any]:
    x, w = v.inputs[:2]
    dx = v.emit("conv", v.dy, w, **_shared(v)) if v.wanted[0] else None
    dw = v.emit("conv_weight_gradient", v.dy, x, w, **_shared(v)) if v.wanted[1] else None
    return (dx, dw, _bias_gradient(v)) if len(v.inputs) == 3 else (dx, dw)


# --- records ----------------------------------------------------------------------------------


def _cost(small: int | None, w: int) -> Any:
    """Return a cost of two FLOPs for each tap and place; `small` is the operand with an entry a place."""

    def cost(inputs: Sequence[TensorType], outputs: Sequence[TensorType], attrs: Attrs) -> Dim:
        shape = inputs[w].shape
        if shape is None:
            return -1
        each = elements(TensorType(shape[1:]))
        places = outputs[0] if small is None else inputs[small]
        return scaled(scaled(2, each), elements(places))

    return cost


_ATTRS = (
    Attr("strides", taps, near=nearby.steps, plain=1),
    Attr("padding", paddings, near=nearby.paddings, plain=0),
    Attr("dilation", taps, near=nearby.steps, plain=1),
    Attr("groups", checks.positive, 1, near=nearby.groups, plain=1),
    Attr("channels_last", checks.boolean, False),
)

register(
    OpSpec(
        name="conv",
        signature="x:float[...], w:float[...], bias:float[n]? -> y[...]",
        doc="Convolution (as networks have it: cross-correlation) over any number of spatial axes:"
        " [b,g*c,*s], [n,c,*k], [n] -> [b,n,*t], t = (s + padding - dilation*(k - 1) - 1)//stride + 1;"
        " with channels_last [b,*s,g*c], [n,*k,c], [n] -> [b,*t,n].",
        kernel=conv_kernel,
        vjp=_conv_vjp,
        attrs=_ATTRS,
        shape=_conv_shape,
        cost=_cost(None, 1),
    )
)
register(
    OpSpec(
        name="conv_transpose",
        signature="x:float[...], w:float[...], bias:float[c]? -> y[...]",
        doc="Transposed convolution: the map that convolution with w sends gradients back by:"
        " [b,n,*t], [n,c,*k], [g*c] -> [b,g*c,*s], s = (t - 1)*stride + dilation*(k - 1) + 1 - padding +"
        " output_padding; with channels_last [b,*t,n], [n,*k,c], [g*c] -> [b,*s,g*c].",
        kernel=transpose_kernel,
        vjp=_transpose_vjp,
        attrs=(*_ATTRS, Attr("output_padding", checks.naturals, ())),
        shape=_transpose_shape,
        cost=_cost(0, 1),
    )
)
register(
    OpSpec(
        name="conv_input_gradient",
        signature="dy:float[...], w:float[...], like[...] -> y[...]",
        doc="Gradient of conv with respect to its image, of the shape of `like`: [b,n,*t], [n,c,*k], [b,g*c,*s]"
        " -> [b,g*c,*s].",
        kernel=input_gradient_kernel,
        vjp=_input_gradient_vjp,
        attrs=_ATTRS,
        shape=_input_gradient_shape,
        cost=_cost(0, 1),
        shape_only=(2,),
    )
)
register(
    OpSpec(
        name="conv_weight_gradient",
        signature="x:float[...], dy:float[...], like[...] -> y[...]",
        doc="Gradient of conv with respect to its weight, of the shape of `like`: [b,g*c,*s], [b,n,*t], [n,c,*k]"
        " -> [n,c,*k].",
        kernel=weight_gradient_kernel,
        vjp=_weight_gradient_vjp,
        attrs=_ATTRS,
        shape=_weight_gradient_shape,
        cost=_cost(1, 2),
        shape_only=(2,),
    )
)
