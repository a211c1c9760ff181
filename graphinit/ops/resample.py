"""Images in another size: resampling, padding by reflection, pixel shuffle.

Resampling is a matrix for each spatial axis, so one kernel serves means over equal parts (adaptive
average pooling), nearest and linear interpolation, and its transpose is the gradient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from graphinit.ir.dims import Dim
from graphinit.ir.op import Attr, Attrs, OpSpec, Vjp, register
from graphinit.ir.types import TensorType
from graphinit.ops import checks, nearby
from graphinit.ops.rules import elements, first_dtype, free, per_input, scaled
from graphinit.ops.windows import channel_axis, channels_second, spatial_axes, taps

METHODS = ("area", "nearest", "linear")

# --- resampling -------------------------------------------------------------------------------


def _method(value: Any) -> str:
    """One of the methods by name."""
    if value not in METHODS:
        raise ValueError(f"must be one of {', '.join(METHODS)}")
    return str(value)


def _resampled(ctx: Any, x: int, y: int, names: tuple[str, str]) -> None:
    attrs = ctx.attrs
    size, scale, last = attrs["size"], attrs["scale"], attrs["channels_last"]
    count = max(len(size), len(scale))
    if min(len(size), len(scale)) or not count:
        ctx.fail("GI204", "give size= or scale=, with a number for each spatial axis")
        return
    rank = count + 2
    layout = "[b,*s,c]" if last else "[b,c,*s]"
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
        out, given = ctx.dim(y, axis), ctx.dim(x, axis)
        if size:
            ctx.equal(out, size[place], f"axis {axis} of {names[1]} is stated by size=")
            ctx.at_least(given, 1, f"axis {axis} of {names[0]} is resampled, so it must not be empty")
        else:
            ctx.product(
                [out],
                [scale[place], given],
                f"axis {axis} of {names[1]} is {scale[place]} times axis {axis} of {names[0]}",
            )


def _resample_shape(ctx: Any) -> None:
    _resampled(ctx, ctx.x, ctx.y, ("x", "y"))


def _resample_gradient_shape(ctx: Any) -> None:
    dy, like = ctx.inputs
    ctx.same_shape(ctx.y, like, "the output has the shape of `like`")
    _resampled(ctx, like, dy, ("like", "dy"))


@lru_cache(maxsize=256)
def _matrix(method: str, size: int, out: int, dtype: str) -> np.ndarray:
    """Return the matrix ``[out,size]`` that resamples one axis."""
    matrix = np.zeros((out, size))
    place = np.arange(out)
    if method == "area":
        for i in range(out):
            start, end = i * size // out, -(-(i + 1) * size // out)
            matrix[i, start:end] = 1 / (end - start)
    elif method == "nearest":
        matrix[place, place * size // out] = 1
    else:  # the centre of a pixel stays where it is
        centre = np.clip((place + 0.5) * size / out - 0.5, 0, size - 1)
        low = np.floor(centre).astype(np.int64)
        high = np.minimum(low + 1, size - 1)
        np.add.at(matrix, (place, low), 1 - (centre - low))
        np.add.at(matrix, (place, high), centre - low)
    result = matrix.astype(dtype)
    result.flags.writeable = False
    return result


def _apply(x: np.ndarray, matrices: Sequence[np.ndarray]) -> np.ndarray:
    """Apply a matrix ``[t,s]`` along each spatial axis of an image ``[b,c,*s]``."""
    for place, matrix in enumerate(matrices):
        axis = 2 + place
        x = np.moveaxis(np.matmul(np.moveaxis(x, axis, -1), matrix.T), -1, axis)
    return x


def _resample_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    x, y = (channels_second(array, attrs["channels_last"]) for array in (inputs[0], outputs[0]))
    sizes = zip(x.shape[2:], y.shape[2:], strict=True)
    np.copyto(y, _apply(x, [_matrix(attrs["method"], size, out, x.dtype.name) for size, out in sizes]))


def _resample_gradient_kernel(
    outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs
) -> None:
    dy, dx = (channels_second(array, attrs["channels_last"]) for array in (inputs[0], outputs[0]))
    sizes = zip(dx.shape[2:], dy.shape[2:], strict=True)
    np.copyto(dx, _apply(dy, [_matrix(attrs["method"], size, out, dy.dtype.name).T for size, out in sizes]))


def _resample_cost(inputs: Sequence[TensorType], outputs: Sequence[TensorType], attrs: Attrs) -> Dim:
    most = elements(inputs[0]) if attrs["method"] == "area" else elements(outputs[0])
    return scaled(2 * len(attrs["size"] or attrs["scale"]), most)


_RESAMPLE = (
    Attr("size", taps, ()),
    Attr("scale", taps, ()),
    Attr("method", _method, "nearest"),
    Attr("channels_last", checks.boolean, False),
)

register(
    OpSpec(
        name="resample",
        signature="x:float[...] -> y[...]",
        doc="An image in another size, given or as a multiple; by means over parts of equal size (area), the nearest"
        " pixel, or linear interpolation between pixel centres: [b,c,*s] -> [b,c,*t].",
        kernel=_resample_kernel,
        vjp=lambda v: (v.emit("resample_gradient", v.dy, v.x, **v.attrs),),
        attrs=_RESAMPLE,
        shape=_resample_shape,
        cost=_resample_cost,
        quiet=True,
    )
)
register(
    OpSpec(
        name="resample_gradient",
        signature="dy:float[...], like[...] -> y[...]",
        doc="Transpose of resample, of the shape of `like`: [b,c,*t], [b,c,*s] -> [b,c,*s].",
        kernel=_resample_gradient_kernel,
        vjp=lambda v: (v.emit("resample", v.dy, **v.attrs), None),
        attrs=_RESAMPLE,
        shape=_resample_gradient_shape,
        dtype=first_dtype,
        cost=per_input(4),
        quiet=True,
        shape_only=(1,),
    )
)

# --- padding by reflection --------------------------------------------------------------------


def _reflected(ctx: Any, x: int, y: int, name: str) -> None:
    pads = ctx.attrs["pads"]
    if not ctx.set_rank(x, len(pads)) or not ctx.set_rank(y, len(pads)):
        return
    for axis, (before, after) in enumerate(pads):
        size = ctx.dim(x, axis)
        ctx.total(ctx.dim(y, axis), [size, before + after], f"axis {axis} is padded by {before} and {after}")
        most = max(before, after)
        if most:
            ctx.at_least(
                size, most + 1, f"padding of {most} by reflection needs {name} to be longer on axis {axis}"
            )


def _reflect_shape(ctx: Any) -> None:
    _reflected(ctx, ctx.x, ctx.y, "x")


def _reflect_gradient_shape(ctx: Any) -> None:
    dy, like = ctx.inputs
    ctx.same_shape(ctx.y, like, "the output has the shape of `like`")
    _reflected(ctx, like, dy, "like")


def _reflect_gradient_kernel(
    outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs
) -> None:
    sent = inputs[0]
    for axis, (before, after) in enumerate(attrs["pads"]):
        if before or after:
            moved = np.moveaxis(sent, axis, 0)
            size = len(moved) - before - after
            kept = moved[before : before + size].copy()
            kept[1 : before + 1] += moved[:before][::-1]
            kept[size - 1 - after : size - 1] += moved[before + size :][::-1]
            sent = np.moveaxis(kept, 0, axis)
    np.copyto(outputs[0], sent)


register(
    OpSpec(
        name="reflect_pad",
        signature="x[...] -> y[...]",
        doc="Each axis longer by a border that mirrors what lies inside, without the edge itself: [*s] -> [*t].",
        kernel="np.copyto(y, np.pad(x, {pads}, 'reflect'))",
        vjp=lambda v: (v.emit("reflect_pad_gradient", v.dy, v.x, pads=v.attrs["pads"]),),
        attrs=(Attr("pads", checks.pads),),
        shape=_reflect_shape,
        cost=free,
    )
)
register(
    OpSpec(
        name="reflect_pad_gradient",
        signature="dy[...], like[...] -> y[...]",
        doc="Transpose of reflect_pad: the border added to what it mirrors: [*t], [*s] -> [*s].",
        kernel=_reflect_gradient_kernel,
        vjp=lambda v: (v.emit("reflect_pad", v.dy, pads=v.attrs["pads"]), None),
        attrs=(Attr("pads", checks.pads),),
        shape=_reflect_gradient_shape,
        dtype=first_dtype,
        cost=per_input(1),
        quiet=True,
        shape_only=(1,),
    )
)

# --- pixel shuffle ----------------------------------------------------------------------------


def _shuffled(ctx: Any, x: int, y: int, names: tuple[str, str]) -> None:
    """State that y is x with channels moved into pixels."""
    factors = ctx.attrs["factors"]
    rank = len(factors) + 2
    for v, name in ((x, names[0]), (y, names[1])):
        if not ctx.set_rank(v, rank, f"{name}[b,c,*s] must have {rank} axes"):
            return
    ctx.equal(ctx.dim(y, 0), ctx.dim(x, 0), f"axis 0 of {names[1]} is axis 0 of {names[0]}, the batch")
    count = math.prod(factors)
    ctx.product(
        [ctx.dim(x, 1)],
        [count, ctx.dim(y, 1)],
        f"axis 1 of {names[0]}, the channels, must be {count} times axis 1 of {names[1]}",
    )
    for place, factor in enumerate(factors):
        axis = 2 + place
        ctx.product(
            [ctx.dim(y, axis)],
            [factor, ctx.dim(x, axis)],
            f"axis {axis} of {names[1]} is {factor} times axis {axis} of {names[0]}",
        )


def _shuffle_shape(ctx: Any) -> None:
    _shuffled(ctx, ctx.x, ctx.y, ("x", "y"))


def _unshuffle_shape(ctx: Any) -> None:
    _shuffled(ctx, ctx.y, ctx.x, ("y", "x"))


def _parted(
    coarse: np.ndarray, fine: np.ndarray, factors: tuple[int, ...]
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return the order of axes that lays ``[b,c,*f,*s]`` out as ``[b,c,s,f,s,f..]``, and that shape."""
    count = len(factors)
    order = [0, 1]
    for place in range(count):
        order += [2 + count + place, 2 + place]
    shape = (fine.shape[0], fine.shape[1], *factors, *coarse.shape[2:])
    return np.array(order), shape


def _shuffle_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    (x,), (y,) = inputs, outputs
    order, shape = _parted(x, y, attrs["factors"])
    np.copyto(y, x.reshape(shape).transpose(order).reshape(y.shape))


def _unshuffle_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    (x,), (y,) = inputs, outputs
    order, shape = _parted(y, x, attrs["factors"])
    parted = x.reshape([shape[axis] for axis in order])
    np.copyto(y, parted.transpose(np.argsort(order)).reshape(y.shape))


def _shuffle_vjp(v: Vjp) -> Sequence[Any]:
    return (v.emit("pixel_unshuffle", v.dy, factors=v.attrs["factors"]),)


def _unshuffle_vjp(v: Vjp) -> Sequence[Any]:
    return (v.emit("pixel_shuffle", v.dy, factors=v.attrs["factors"]),)


register(
    OpSpec(
        name="pixel_shuffle",
        signature="x[...] -> y[...]",
        doc="Channels moved into pixels (Shi et al. 2016): [b,c*prod(f),*s] -> [b,c,*(f*s)].",
        kernel=_shuffle_kernel,
        vjp=_shuffle_vjp,
        attrs=(Attr("factors", taps, near=nearby.lengths),),
        shape=_shuffle_shape,
        cost=free,
    )
)
register(
    OpSpec(
        name="pixel_unshuffle",
        signature="x[...] -> y[...]",
        doc="Pixels moved into channels, the inverse of pixel_shuffle: [b,c,*(f*s)] -> [b,c*prod(f),*s].",
        kernel=_unshuffle_kernel,
        vjp=_unshuffle_vjp,
        attrs=(Attr("factors", taps, near=nearby.lengths),),
        shape=_unshuffle_shape,
        cost=free,
    )
)
