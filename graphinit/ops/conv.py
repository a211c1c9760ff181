"""Convolution and its two gradients, which with it are closed under differentiation.

Convolution is linear in the image and in the weight.  `conv_input_gradient` is its transpose in the
image, `conv_weight_gradient` its transpose in the weight; each one's gradients are the other two.
`conv_transpose` is the first of them as a layer of its own, with a size from its attributes.

The kernels gather what each tap sees into columns, tile by tile, and multiply matrices (im2col:
K. Chellapilla et al., "High performance convolutional neural networks for document processing",
2006).  Convolutions with one input channel a group add up taps instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphinit.ir.dims import Dim
from graphinit.ir.op import Attr, Attrs, OpSpec, Vjp, register
from graphinit.ir.types import TensorType
from graphinit.ops import checks
from graphinit.ops.rules import elements, scaled
from graphinit.ops.windows import (
    Scratch,
    Windows,
    behind,
    channel_axis,
    channels_second,
    paddings,
    spatial_axes,
    state_window,
    taps,
    tiles,
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


# --- kernels ----------------------------------------------------------------------------------


def _windows(image: np.ndarray, w: np.ndarray, places: Sequence[int], attrs: Attrs) -> Windows:
    return Windows.of(
        image.shape[2:], w.shape[2:], attrs["strides"], attrs["dilation"], attrs["padding"], places
    )


def _views(attrs: Attrs, *arrays: np.ndarray) -> list[np.ndarray]:
    return [channels_second(array, attrs["channels_last"]) for array in arrays]


def _add_bias(y: np.ndarray, bias: np.ndarray, channels_last: bool) -> None:
    np.add(y, bias if channels_last else bias.reshape(-1, *[1] * (y.ndim - 2)), out=y)


def _conv_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    x, w, y = _views(attrs, inputs[0], inputs[1], outputs[0])
    at = _windows(x, w, y.shape[2:], attrs)
    if w.shape[1] == 1 and attrs["groups"] > 1:
        _conv_by_taps(x, w, y, at, attrs["groups"])
    else:
        _conv_by_columns(x, w, y, at, attrs["groups"])
    if len(inputs) == 3:
        _add_bias(outputs[0], inputs[2], attrs["channels_last"])


def _conv_by_columns(x: np.ndarray, w: np.ndarray, y: np.ndarray, at: Windows, groups: int) -> None:
    batch, units = y.shape[:2]
    rows = w.reshape(groups, units // groups, -1)
    seen = at.view(at.padded(x))
    scratch, results = Scratch(x.dtype), Scratch(y.dtype)
    for images, part in tiles(batch, at.places[0], _per_row(rows, at, groups)):
        target = y[images, :, part]
        shape = (target.shape[0], groups, units // groups, math.prod(target.shape[2:]))
        columns = seen[images][behind(2 + len(at.kernel), part)]
        columns = columns if at.is_plain else scratch.copied(columns)
        gathered = columns.reshape(shape[0], groups, rows.shape[2], shape[3])
        if target.flags.c_contiguous:
            np.matmul(rows, gathered, out=target.reshape(shape))
        else:
            np.copyto(target, np.matmul(rows, gathered, out=results.empty(shape)).reshape(target.shape))


def _per_row(rows: np.ndarray, at: Windows, groups: int) -> int:
    return groups * int(rows.shape[2]) * math.prod(at.places[1:])


def _taps_of(w: np.ndarray, groups: int) -> np.ndarray:
    """Return the weight of a convolution with one channel a group as ``[g,m,*k]``."""
    return w.reshape(groups, -1, *w.shape[2:])


def _conv_by_taps(x: np.ndarray, w: np.ndarray, y: np.ndarray, at: Windows, groups: int) -> None:
    weights = _taps_of(w, groups)
    each = weights.shape[1]
    shape = (y.shape[0], groups, each, *at.places)
    total = np.zeros(shape, y.dtype)
    term = np.empty(shape, y.dtype)
    ones = (1,) * len(at.places)
    for tap, seen in at.tap_views(at.padded(x)):
        weight = weights[behind(2, *tap)].reshape(groups, each, *ones)
        np.multiply(seen[:, :, None], weight, out=term)
        np.add(total, term, out=total)
    np.copyto(y, total.reshape(y.shape))


def _input_gradient_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    dy, w, dx = _views(attrs, inputs[0], inputs[1], outputs[0])
    _spread(dy, w, dx, _windows(dx, w, dy.shape[2:], attrs), attrs["groups"])


def _transpose_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    x, w, y = _views(attrs, inputs[0], inputs[1], outputs[0])
    _spread(x, w, y, _windows(y, w, x.shape[2:], attrs), attrs["groups"])
    if len(inputs) == 3:
        _add_bias(outputs[0], inputs[2], attrs["channels_last"])


def _spread(dy: np.ndarray, w: np.ndarray, dx: np.ndarray, at: Windows, groups: int) -> None:
    """Add to each place of an image what the windows that see it send back."""
    batch, units = dy.shape[:2]
    channels = dx.shape[1]
    ones = (1,) * len(at.places)
    rows = w.reshape(groups, units // groups, -1).swapaxes(1, 2)
    if at.is_plain and dx.flags.c_contiguous:
        count = math.prod(at.places)
        sent = dy.reshape(batch, groups, units // groups, count)
        np.matmul(rows, sent, out=dx.reshape(batch, groups, channels // groups, count))
        return
    padded = at.blank(dx.shape[:2], dx.dtype)
    if w.shape[1] == 1 and groups > 1:
        weights = _taps_of(w, groups)
        each = weights.shape[1]
        grouped = dy.reshape(batch, groups, each, *at.places)
        for tap, seen in at.tap_views(padded):
            weight = weights[behind(2, *tap)].reshape(groups, each, *ones)
            seen += (grouped * weight).sum(axis=2) if each > 1 else grouped[:, :, 0] * weight[:, 0]
    else:
        view, scratch = at.view(padded), Scratch(dx.dtype)
        for images, part in tiles(batch, at.places[0], _per_row(rows.swapaxes(1, 2), at, groups)):
            taken = dy[images, :, part]
            count, places = taken.shape[0], math.prod(taken.shape[2:])
            columns = scratch.empty((count, groups, rows.shape[1], places))
            np.matmul(rows, taken.reshape(count, groups, units // groups, places), out=columns)
            columns = columns.reshape(count, channels, *at.kernel, *taken.shape[2:])
            for tap in np.ndindex(*at.kernel):
                view[images][behind(2, *tap, part)] += columns[behind(2, *tap)]
    np.copyto(dx, at.cropped(padded))


def _weight_gradient_kernel(
    outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs
) -> None:
    x, dy, dw = _views(attrs, inputs[0], inputs[1], outputs[0])
    at, groups = _windows(x, dw, dy.shape[2:], attrs), attrs["groups"]
    batch, units = dy.shape[:2]
    padded = at.padded(x)
    if dw.shape[1] == 1 and groups > 1:
        grouped = dy.reshape(batch, groups, units // groups, *at.places)
        over = (0, *range(3, grouped.ndim))
        for tap, seen in at.tap_views(padded):
            dw[:, 0][behind(1, *tap)] = (grouped * seen[:, :, None]).sum(axis=over).ravel()
        return
    total = np.zeros((groups, units // groups, dw[0].size), dw.dtype)
    seen = np.moveaxis(at.view(padded), 0, 1 + len(at.kernel))  # [c,*k,b,*places]
    scratch = Scratch(x.dtype)
    for images, part in tiles(batch, at.places[0], _per_row(total, at, groups)):
        columns = scratch.copied(seen[behind(1 + len(at.kernel), images, part)])
        columns = columns.reshape(groups, total.shape[2], -1)
        sent = np.moveaxis(dy[images, :, part], 1, 0).reshape(groups, units // groups, -1)
        total += np.matmul(sent, columns.swapaxes(1, 2))
    np.copyto(dw, total.reshape(dw.shape))


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
        kernel=_conv_kernel,
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
        kernel=_transpose_kernel,
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
        kernel=_input_gradient_kernel,
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
        kernel=_weight_gradient_kernel,
        vjp=_weight_gradient_vjp,
        attrs=_ATTRS,
        shape=_weight_gradient_shape,
        cost=_cost(1, 2),
        shape_only=(2,),
    )
)
