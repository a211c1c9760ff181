"""Ops that move data: another order of axes, broadcasting, repetition, borders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphinit.ir.moves import Part, Permute
from graphinit.ir.op import Attr, Attrs, Template, Vjp
from graphinit.ir.source_text import literal, move_text
from graphinit.ops import checks
from graphinit.ops.rules import (
    DTypes,
    array_axes,
    broadcasts_to,
    check_fits,
    movement,
    no_flow,
    normalized_axes,
    per_input,
    same_as_input,
)

# --- another order of axes --------------------------------------------------------------------


def _transpose_shape(ctx: Any) -> None:
    axes = ctx.attrs["axes"]
    if axes is not None and not ctx.set_rank(ctx.x, len(axes)):
        return
    rank = _permuting(ctx)
    if rank is None:
        return
    order = tuple(range(rank))[::-1] if axes is None else axes
    _permuted(ctx, order)


def _permuted(ctx: Any, order: Sequence[int]) -> None:
    if ctx.set_rank(ctx.y, len(order)):
        for place, axis in enumerate(order):
            ctx.equal(ctx.dim(ctx.y, place), ctx.dim(ctx.x, axis), f"axis {place} of y is axis {axis} of x")


def _permuting(ctx: Any) -> int | None:
    """Give input and output one rank, and return it."""
    rank: int | None = ctx.rank(ctx.x)
    if rank is None and ctx.rank(ctx.y) is not None:
        ctx.set_rank(ctx.x, ctx.rank(ctx.y))
        rank = ctx.rank(ctx.x)
    return rank


def _swapaxes_shape(ctx: Any) -> None:
    rank = _permuting(ctx)
    if rank is None:
        return
    first, second = (ctx.normalize_axis(ctx.x, ctx.attrs[name]) for name in ("axis1", "axis2"))
    if first is not None and second is not None:
        _permuted(ctx, _swapped(rank, first, second))


def _swapped(rank: int, first: int, second: int) -> tuple[int, ...]:
    order = list(range(rank))
    order[first], order[second] = order[second], order[first]
    return tuple(order)


def _swapaxes_view(attrs: Attrs, rank: int, shape: tuple[int, ...]) -> Permute:
    return Permute(_swapped(rank, attrs["axis1"], attrs["axis2"]))


def _moveaxis_shape(ctx: Any) -> None:
    rank = _permuting(ctx)
    if rank is None:
        return
    source, destination = (ctx.normalize_axis(ctx.x, ctx.attrs[name]) for name in ("source", "destination"))
    if source is not None and destination is not None:
        _permuted(ctx, _with_moved(rank, source, destination))


def _with_moved(rank: int, source: int, destination: int) -> tuple[int, ...]:
    order = [axis for axis in range(rank) if axis != source]
    order.insert(destination, source)
    return tuple(order)


def _moveaxis_view(attrs: Attrs, rank: int, shape: tuple[int, ...]) -> Permute:
    return Permute(_with_moved(rank, attrs["source"] % rank, attrs["destination"] % rank))


def _transpose_vjp(v: Vjp) -> Sequence[Any]:
    axes = v.attrs["axes"]
    back = None if axes is None else tuple(axes.index(axis) for axis in range(len(axes)))
    return (v.emit("transpose", v.dy, axes=back),)


def _flip_text(attrs: Attrs, inputs: int) -> str:
    return "np.flip(x)" if attrs["axis"] is None else f"np.flip(x, {literal(attrs['axis'])})"


def _flip_view(attrs: Attrs, rank: int, shape: tuple[int, ...]) -> Part:
    flipped = array_axes(rank, attrs["axis"])
    return Part(tuple((None, None, -1 if axis in flipped else None) for axis in range(rank)))


def _flip_shape(ctx: Any) -> None:
    same_as_input(ctx)
    normalized_axes(ctx, ctx.x, ctx.attrs["axis"])


movement(
    "transpose",
    "The axes in another order, reversed by default: [a,b,c] -> [c,b,a].",
    "np.copyto(y, x.transpose({axes}))",
    _transpose_vjp,
    attrs=(Attr("axes", checks.permutation, None),),
    shape=_transpose_shape,
    view=lambda attrs, rank, shape: Permute(attrs["axes"] or tuple(range(rank))[::-1]),
)
movement(
    "swapaxes",
    "Two axes exchanged: [..,a,..,b,..] -> [..,b,..,a,..].",
    "np.copyto(y, x.swapaxes({axis1}, {axis2}))",
    lambda v: (v.emit("swapaxes", v.dy, **v.attrs),),
    attrs=(Attr("axis1", checks.integer), Attr("axis2", checks.integer)),
    shape=_swapaxes_shape,
    view=_swapaxes_view,
)
movement(
    "moveaxis",
    "One axis moved to another place, the others in their order: [a,b,c] -> [c,a,b].",
    "np.copyto(y, np.moveaxis(x, {source}, {destination}))",
    lambda v: (v.emit("moveaxis", v.dy, source=v.attrs["destination"], destination=v.attrs["source"]),),
    attrs=(Attr("source", checks.integer), Attr("destination", checks.integer)),
    shape=_moveaxis_shape,
    view=_moveaxis_view,
)
movement(
    "flip",
    "The order along axes reversed, along all by default: [*a] -> [*a].",
    Template(lambda attrs, inputs: f"np.copyto(y, {_flip_text(attrs, inputs)})"),
    lambda v: (v.emit("flip", v.dy, axis=v.attrs["axis"]),),
    signature="x[*a] -> y[*a]",
    attrs=(Attr("axis", checks.axes, None),),
    shape=_flip_shape,
    view=_flip_view,
)

# --- broadcasting -----------------------------------------------------------------------------


def _broadcast_to_shape(ctx: Any) -> None:
    ctx.set_shape(ctx.y, ctx.attrs["shape"], "the output has the shape that shape= states")
    broadcasts_to(ctx, ctx.y, ctx.x)


def _broadcast_like_shape(ctx: Any) -> None:
    ctx.same_shape(ctx.y, ctx.inputs[1], "the output has the shape of `like`")
    broadcasts_to(ctx, ctx.y, ctx.x)


movement(
    "broadcast_to",
    "The values repeated to fill a shape: [*a] -> shape, to which [*a] broadcasts.",
    "np.copyto(y, x)",
    lambda v: (v.dy,),
    attrs=(Attr("shape", checks.sizes),),
    shape=_broadcast_to_shape,
)
movement(
    "broadcast_like",
    "The values repeated to fill the shape of `like`: [*a], [*b] -> [*b].",
    "np.copyto(y, x)",
    lambda v: (v.dy, None),
    signature="x[...], like[...] -> y[...]",
    shape=_broadcast_like_shape,
    shape_only=(1,),
)
for _name, _value in (("zeros_like", "0"), ("ones_like", "1")):
    movement(
        _name,
        f"{_value} everywhere, in the shape and dtype of x: [*a] -> [*a].",
        f"y.fill({_value})",
        no_flow,
        signature="x[*a] -> y[*a]",
        shape_only=(0,),
    )

# --- repetition and borders -------------------------------------------------------------------


def _tile_shape(ctx: Any, x: Any = None, y: Any = None) -> None:
    x, y = ctx.x if x is None else x, ctx.y if y is None else y
    reps = ctx.attrs["reps"]
    rank = ctx.rank(x)
    if rank is None:
        return
    repeats = (1,) * (rank - len(reps)) + reps
    if not ctx.set_rank(y, len(repeats)):
        return
    new = len(repeats) - rank
    for place, count in enumerate(repeats):
        out = ctx.dim(y, place)
        if place < new:
            ctx.equal(out, count, f"axis {place} is new and repeated {count} times")
        elif count == 1:
            ctx.equal(out, ctx.dim(x, place - new), f"axis {place} is not repeated")
        else:
            ctx.product([out], [count, ctx.dim(x, place - new)], f"axis {place} is repeated {count} times")


def _untile_shape(ctx: Any) -> None:
    ctx.same_shape(ctx.y, ctx.inputs[1], "the output has the shape of `like`")
    _tile_shape(ctx, ctx.y, ctx.x)


def _untile_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    x, y, reps = inputs[0], outputs[0], attrs["reps"]
    shape = (1,) * (x.ndim - y.ndim) + y.shape
    repeats = (1,) * (x.ndim - len(reps)) + reps
    pairs = x.reshape([size for pair in zip(repeats, shape, strict=True) for size in pair])
    total = np.add.reduce(pairs, axis=tuple(range(0, 2 * x.ndim, 2)))
    np.copyto(y, total.reshape(y.shape))


def _tile_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    np.copyto(outputs[0], np.tile(inputs[0], attrs["reps"]))


def _reps(value: Any) -> tuple[int, ...]:
    return tuple(map(checks.natural, checks.entries(value)))


movement(
    "tile",
    "The whole repeated along axes, as numpy.tile: [*a] -> [*a times reps].",
    _tile_kernel,
    lambda v: (v.emit("untile", v.dy, v.x, reps=v.attrs["reps"]),),
    attrs=(Attr("reps", _reps),),
    shape=_tile_shape,
)
movement(
    "untile",
    "Sum over the repetitions that tile made of `like`: [*a times reps], [*a] -> [*a].",
    _untile_kernel,
    lambda v: (v.emit("tile", v.dy, reps=v.attrs["reps"]), None),
    signature="x[...], like[...] -> y[...]",
    attrs=(Attr("reps", _reps),),
    shape=_untile_shape,
    shape_only=(1,),
    cost=per_input(1),
)


def _pad_shape(ctx: Any) -> None:
    pads = ctx.attrs["pads"]
    for operand in (ctx.x, ctx.y):
        if not ctx.set_rank(operand, len(pads)):
            return
    for axis, (before, after) in enumerate(pads):
        why = f"axis {axis} of y is axis {axis} of x with {before} before and {after} after"
        ctx.total(ctx.dim(ctx.y, axis), [ctx.dim(ctx.x, axis), before + after], why)


def _pad_text(attrs: Attrs, inputs: int) -> str:
    inner = Part(tuple((before, -after or None, None) for before, after in attrs["pads"]))
    return f"y.fill({literal(attrs['value'])})\nnp.copyto({move_text(inner, 'y')}, x)"


def _pad_dtype(dtypes: DTypes, attrs: Attrs) -> str | None:
    if dtypes[0] is not None:
        check_fits("value", attrs["value"], dtypes[0])
    return dtypes[0]


def _pad_vjp(v: Vjp) -> Sequence[Any]:
    inner = tuple((before, -after or None, None) for before, after in v.attrs["pads"])
    return (v.emit("getitem", v.dy, index=inner),)


movement(
    "pad",
    "A border of one value: [*a] -> [*a], wider by a pair (before, after) on each axis.",
    Template(_pad_text),
    _pad_vjp,
    attrs=(Attr("pads", checks.pads), Attr("value", checks.scalar, 0)),
    shape=_pad_shape,
    dtype=_pad_dtype,
)
