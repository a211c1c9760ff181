"""Convolution and its two gradients, which with it are closed under differentiation.

Convolution is linear in the image and in the weight.  `conv_input_gradient` is its transpose in the
image, `conv_weight_gradient` its transpose in the weight; each one's gradients are the other two.
`conv_transpose` is the first of them as a layer of its own, with a size from its attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphinit.ir.dims import Dim
from graphinit.ir.op import Attr, Attrs, OpSpec, Vjp, register
from graphinit.ir.types import TensorType
from graphinit.ops import checks
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


def _consistent(ctx: Any) -> int | None:
    """Return the number of spatial axes; None, and a mistake, when attributes don't agree on it."""
    attrs = ctx.attrs
    count = len(attrs["strides"])
    lengths = {count, len(attrs["dilation"])}
    if not isinstance(attrs["padding"], str):
        lengths.add(len(attrs["padding"]))
    if len(lengths) > 1:
        ctx.fail(
            "GI202",
            f"strides=, padding= and dilation= are for {sorted(lengths)} spatial axes; give them for one number",
        )
        return None
    return count


def _lead(ctx: Any, image: int, w: int, result: int, names: tuple[str, str]) -> tuple[int, int] | None:
    """State ranks, batch, channels of the image against the weight; return rank and channel axis."""
    count = _consistent(ctx)
    if count is None:
        return None
    rank = count + 2
    last = ctx.attrs["channels_last"]
    layout = "[b,*s,c]" if last else "[b,c,*s]"
    for v, name in ((image, names[0]), (w, "w"), (result, names[1])):
        form = layout if name != "w" else "[n,*k,c]" if last else "[n,c,*k]"
        if not ctx.set_rank(v, rank, f"{name}{form} must have {rank} axes"):
            return None
    axis = channel_axis(rank, last)
    ctx.equal(
        ctx.dim(result, 0), ctx.dim(image, 0), f"axis 0 of {names[1]} is axis 0 of {names[0]}, the batch"
    )
    return rank, axis


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


def _extent(ctx: Any, w: int, axis: int, dilation: int) -> Any:
    """Return how far the kernel reaches along an axis of w; None while its taps are not known."""
    count = ctx.known(ctx.dim(w, axis))
    return None if count is None else (count - 1) * dilation + 1


def _convolved(ctx: Any, x: int, w: int, y: int, names: tuple[str, str]) -> None:
    """State that y is a convolution of x with w."""
    lead = _lead(ctx, x, w, y, names)
    if lead is None:
        return
    rank, axis = lead
    attrs = ctx.attrs
    groups = attrs["groups"]
    _grouped(ctx, ctx.dim(x, axis), ctx.dim(w, axis), groups, names[0], axis)
    ctx.equal(ctx.dim(y, axis), ctx.dim(w, 0), f"axis {axis} of {names[1]}, the channels, is axis 0 of w")
    if groups > 1:
        ctx.divides(
            groups, ctx.dim(w, 0), f"axis 0 of w, the output channels, must part into {groups} groups"
        )
    for place, spatial in enumerate(spatial_axes(rank, attrs["channels_last"])):
        extent = _extent(ctx, w, spatial, attrs["dilation"][place])
        if extent is not None:
            state_window(
                ctx,
                ctx.dim(y, spatial),
                ctx.dim(x, spatial),
                extent,
                attrs["strides"][place],
                total_padding(attrs["padding"], place),
                (f"axis {spatial} of {names[1]}", f"axis {spatial} of {names[0]}"),
                because=(ctx.dim(w, spatial),),
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
    rank, axis = lead
    attrs = ctx.attrs
    groups = attrs["groups"]
    ctx.equal(ctx.dim(x, axis), ctx.dim(w, 0), f"axis {axis} of x, the channels, must equal axis 0 of w")
    if groups > 1:
        ctx.divides(
            groups, ctx.dim(x, axis), f"axis {axis} of x, the channels, must part into {groups} groups"
        )
    _grouped(ctx, ctx.dim(y, axis), ctx.dim(w, axis), groups, "y", axis)
    for place, spatial in enumerate(spatial_axes(rank, attrs["channels_last"])):
        stride, padding = attrs["strides"][place], total_padding(attrs["padding"], place)
        extra = attrs["output_padding"][place] if attrs["output_padding"] else 0
        if extra >= stride and extra:
            ctx.fail("GI205", f"output_padding={extra} must be less than the stride of {stride}")
            return
        extent = _extent(ctx, w, spatial, attrs["dilation"][place])
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
    Attr("strides", taps),
    Attr("padding", paddings),
    Attr("dilation", taps),
    Attr("groups", checks.positive, 1),
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
