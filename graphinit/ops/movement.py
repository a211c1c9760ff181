"""Ops that move data: reshape, transpose, join, split, pad; and the `..._like` ops of gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphinit.ir.op import Attr, Attrs, CostRule, Kernel, OpSpec, Template, Vjp, VjpRule, register
from graphinit.ops import checks
from graphinit.ops.rules import (
    broadcasts_to,
    first_dtype,
    free,
    like_input,
    no_flow,
    normalized_axes,
    per_input,
    same_as_input,
)


def _movement(
    name: str,
    doc: str,
    kernel: str | Template | Kernel,
    vjp: VjpRule,
    *,
    signature: str = "x[...] -> y[...]",
    attrs: tuple[Attr, ...] = (),
    shape: Any = None,
    view: str | Template | None = None,
    shape_only: tuple[int, ...] = (),
    cost: CostRule = free,
) -> OpSpec:
    return register(
        OpSpec(
            name=name,
            signature=signature,
            doc=doc,
            kernel=kernel,
            vjp=vjp,
            attrs=attrs,
            shape=shape,
            dtype=first_dtype,
            cost=cost,
            view=view,
            shape_only=shape_only,
        )
    )


# --- the same values in another shape ---------------------------------------------------------

_RESHAPE = "np.copyto(y, x.reshape(y.shape))"
_RESHAPED = "x.reshape(y.shape)"


def _reshape_shape(ctx: Any) -> None:
    target = ctx.attrs["shape"]
    if ctx.rank(ctx.y) is None:
        ctx.set_rank(ctx.y, len(target))
    if ctx.rank(ctx.y) != len(target):
        ctx.set_rank(ctx.y, len(target))
        return
    for axis, size in enumerate(target):
        if not (isinstance(size, int) and size == -1):
            ctx.equal(ctx.dim(ctx.y, axis), size, f"axis {axis} of y is stated by shape=")
    _same_count(ctx, ctx.y, ctx.x)


def _same_count(ctx: Any, out: Any, x: Any) -> None:
    given, taken = ctx.shape(out), ctx.shape(x)
    if given is not None and taken is not None:
        ctx.product(given, taken, "a reshape keeps the number of elements")


def _reshape_like_shape(ctx: Any) -> None:
    ctx.same_shape(ctx.y, ctx.inputs[1], "the output has the shape of `like`")
    _same_count(ctx, ctx.y, ctx.x)


def _expand_dims_shape(ctx: Any) -> None:
    axes = ctx.attrs["axis"]
    rank, whole = ctx.rank(ctx.x), ctx.rank(ctx.y)
    if rank is None and whole is None:
        return
    if whole is None:
        ctx.set_rank(ctx.y, rank + len(axes))
    else:
        ctx.set_rank(ctx.x, whole - len(axes))
    if ctx.rank(ctx.x) is None or ctx.rank(ctx.y) is None or ctx.rank(ctx.y) != ctx.rank(ctx.x) + len(axes):
        return
    _match_without(ctx, ctx.y, ctx.x, axes, "new")


def _squeeze_shape(ctx: Any) -> None:
    axes = ctx.attrs["axis"]
    shape = ctx.shape(ctx.x)
    if axes is None:
        if shape is None:
            return
        sizes = [ctx.known(dim) for dim in shape]
        if any(size is None for size in sizes):
            return  # which axes go is not known yet
        axes = tuple(axis for axis, size in enumerate(sizes) if isinstance(size, int) and size == 1)
    if shape is None:
        rest = ctx.rank(ctx.y)
        if rest is None:
            return
        ctx.set_rank(ctx.x, rest + len(axes))
    rank = ctx.rank(ctx.x)
    if rank is None or normalized_axes(ctx, ctx.x, axes) is None:
        return
    ctx.set_rank(ctx.y, rank - len(axes))
    if ctx.rank(ctx.y) == rank - len(axes):
        _match_without(ctx, ctx.x, ctx.y, axes, "squeezed")


def _match_without(ctx: Any, whole: Any, part: Any, axes: Sequence[int], word: str) -> None:
    """State that `whole` is `part` with axes of size 1 put in at `axes`."""
    places = normalized_axes(ctx, whole, axes)
    if places is None:
        return
    place = 0
    for axis in range(ctx.rank(whole)):
        if axis in places:
            ctx.equal(ctx.dim(whole, axis), 1, f"axis {axis} is {word}, so its size is 1")
        else:
            ctx.equal(ctx.dim(whole, axis), ctx.dim(part, place), f"axes {axis} and {place} are the same")
            place += 1


_movement(
    "reshape",
    "The same values in another shape, one entry of which may be -1: [*a] -> shape, of equal product.",
    _RESHAPE,
    like_input,
    attrs=(Attr("shape", checks.target_shape),),
    shape=_reshape_shape,
    view=_RESHAPED,
)
_movement(
    "reshape_like",
    "The same values in the shape of `like`: [*a], [*b] -> [*b], of equal product.",
    _RESHAPE,
    like_input,
    signature="x[...], like[...] -> y[...]",
    shape=_reshape_like_shape,
    view=_RESHAPED,
    shape_only=(1,),
)
_movement(
    "flatten",
    "All axes but the first merged into one: [b,*s] -> [b,prod(s)].",
    _RESHAPE,
    like_input,
    signature="x[b,*s] -> y[b,prod(s)]",
    view=_RESHAPED,
)
_movement(
    "expand_dims",
    "New axes of size 1 at the given places of the result: [*a] -> [*a with 1s].",
    _RESHAPE,
    like_input,
    attrs=(Attr("axis", checks.some_axes),),
    shape=_expand_dims_shape,
    view=_RESHAPED,
)
_movement(
    "squeeze",
    "Axes of size 1 left out: those given, or all of them: [*a with 1s] -> [*a].",
    _RESHAPE,
    like_input,
    attrs=(Attr("axis", checks.axes, None),),
    shape=_squeeze_shape,
    view=_RESHAPED,
)

# --- another order of axes --------------------------------------------------------------------


def _transpose_shape(ctx: Any) -> None:
    axes = ctx.attrs["axes"]
    if axes is not None:
        ctx.set_rank(ctx.x, len(axes))
    rank = ctx.rank(ctx.x)
    if rank is None and ctx.rank(ctx.y) is not None:
        ctx.set_rank(ctx.x, ctx.rank(ctx.y))
        rank = ctx.rank(ctx.x)
    if rank is None:
        return
    order = tuple(range(rank))[::-1] if axes is None else axes
    if len(order) == rank:
        _permuted(ctx, order)


def _permuted(ctx: Any, order: Sequence[int]) -> None:
    ctx.set_rank(ctx.y, len(order))
    if ctx.rank(ctx.y) == len(order):
        for place, axis in enumerate(order):
            ctx.equal(ctx.dim(ctx.y, place), ctx.dim(ctx.x, axis), f"axis {place} of y is axis {axis} of x")


def _swapaxes_shape(ctx: Any) -> None:
    rank = ctx.rank(ctx.x)
    if rank is None and ctx.rank(ctx.y) is not None:
        ctx.set_rank(ctx.x, ctx.rank(ctx.y))
        rank = ctx.rank(ctx.x)
    if rank is None:
        return
    first, second = (ctx.normalize_axis(ctx.x, ctx.attrs[name]) for name in ("axis1", "axis2"))
    if first is not None and second is not None:
        order = list(range(rank))
        order[first], order[second] = second, first
        _permuted(ctx, order)


def _transpose_vjp(v: Vjp) -> Sequence[Any]:
    axes = v.attrs["axes"]
    back = None if axes is None else tuple(axes.index(axis) for axis in range(len(axes)))
    return (v.emit("transpose", v.dy, axes=back),)


def _flip_text(attrs: Attrs, inputs: int) -> str:
    return "np.flip(x)" if attrs["axis"] is None else f"np.flip(x, {attrs['axis']})"


def _flip_shape(ctx: Any) -> None:
    same_as_input(ctx)
    normalized_axes(ctx, ctx.x, ctx.attrs["axis"])


_movement(
    "transpose",
    "The axes in another order, reversed by default: [a,b,c] -> [c,b,a].",
    "np.copyto(y, x.transpose({axes}))",
    _transpose_vjp,
    attrs=(Attr("axes", checks.permutation, None),),
    shape=_transpose_shape,
    view="x.transpose({axes})",
)
_movement(
    "swapaxes",
    "Two axes exchanged: [..,a,..,b,..] -> [..,b,..,a,..].",
    "np.copyto(y, x.swapaxes({axis1}, {axis2}))",
    lambda v: (v.emit("swapaxes", v.dy, **v.attrs),),
    attrs=(Attr("axis1", checks.integer), Attr("axis2", checks.integer)),
    shape=_swapaxes_shape,
    view="x.swapaxes({axis1}, {axis2})",
)
_movement(
    "flip",
    "The order along axes reversed, along all by default: [*a] -> [*a].",
    Template(lambda attrs, inputs: f"np.copyto(y, {_flip_text(attrs, inputs)})"),
    lambda v: (v.emit("flip", v.dy, axis=v.attrs["axis"]),),
    signature="x[*a] -> y[*a]",
    attrs=(Attr("axis", checks.axes, None),),
    shape=_flip_shape,
    view=Template(_flip_text),
)

# --- broadcasting -----------------------------------------------------------------------------


def _broadcast_to_shape(ctx: Any) -> None:
    ctx.set_shape(ctx.y, ctx.attrs["shape"], "the output has the shape that shape= states")
    broadcasts_to(ctx, ctx.y, ctx.x)


def _broadcast_like_shape(ctx: Any) -> None:
    ctx.same_shape(ctx.y, ctx.inputs[1], "the output has the shape of `like`")
    broadcasts_to(ctx, ctx.y, ctx.x)


_movement(
    "broadcast_to",
    "The values repeated to fill a shape: [*a] -> shape, to which [*a] broadcasts.",
    "np.copyto(y, x)",
    lambda v: (v.dy,),
    attrs=(Attr("shape", checks.sizes),),
    shape=_broadcast_to_shape,
)
_movement(
    "broadcast_like",
    "The values repeated to fill the shape of `like`: [*a], [*b] -> [*b].",
    "np.copyto(y, x)",
    lambda v: (v.dy, None),
    signature="x[...], like[...] -> y[...]",
    shape=_broadcast_like_shape,
    shape_only=(1,),
)
for _name, _value in (("zeros_like", "0"), ("ones_like", "1")):
    _movement(
        _name,
        f"{_value} everywhere, in the shape and dtype of x: [*a] -> [*a].",
        f"y.fill({_value})",
        no_flow,
        signature="x[*a] -> y[*a]",
        shape_only=(0,),
    )

# --- repetition and borders -------------------------------------------------------------------


def _tile_shape(ctx: Any) -> None:
    reps = ctx.attrs["reps"]
    rank = ctx.rank(ctx.x)
    if rank is None:
        return
    repeats = (1,) * (rank - len(reps)) + reps
    ctx.set_rank(ctx.y, len(repeats))
    if ctx.rank(ctx.y) != len(repeats):
        return
    new = len(repeats) - rank
    for place, count in enumerate(repeats):
        out = ctx.dim(ctx.y, place)
        if place < new:
            ctx.equal(out, count, f"axis {place} is new and repeated {count} times")
        elif count == 1:
            ctx.equal(out, ctx.dim(ctx.x, place - new), f"axis {place} is not repeated")
        else:
            ctx.product(
                [out], [count, ctx.dim(ctx.x, place - new)], f"axis {place} is repeated {count} times"
            )


def _untile_shape(ctx: Any) -> None:
    ctx.same_shape(ctx.y, ctx.inputs[1], "the output has the shape of `like`")


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
    return tuple(checks.natural(count) for count in (value if isinstance(value, tuple | list) else (value,)))


_movement(
    "tile",
    "The whole repeated along axes, as numpy.tile: [*a] -> [*a times reps].",
    _tile_kernel,
    lambda v: (v.emit("untile", v.dy, v.x, reps=v.attrs["reps"]),),
    attrs=(Attr("reps", _reps),),
    shape=_tile_shape,
)
_movement(
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
        ctx.set_rank(operand, len(pads))
        if ctx.rank(operand) != len(pads):
            return
    for axis, (before, after) in enumerate(pads):
        why = f"axis {axis} of y is axis {axis} of x with {before} before and {after} after"
        ctx.total(ctx.dim(ctx.y, axis), [ctx.dim(ctx.x, axis), before + after], why)


def _pad_text(attrs: Attrs, inputs: int) -> str:
    value = attrs["value"]
    literal = (
        f"{'-' if value < 0 else ''}np.inf" if isinstance(value, float) and math.isinf(value) else repr(value)
    )
    inner = ", ".join(f"{before}:{-after or ''}" for before, after in attrs["pads"])
    return f"y.fill({literal})\nnp.copyto(y[{inner or '...'}], x)"


def _pad_vjp(v: Vjp) -> Sequence[Any]:
    inner = tuple((before, -after or None, None) for before, after in v.attrs["pads"])
    return (v.emit("getitem", v.dy, index=inner),)


_movement(
    "pad",
    "A border of one value: [*a] -> [*a], wider by a pair (before, after) on each axis.",
    Template(_pad_text),
    _pad_vjp,
    attrs=(Attr("pads", checks.pads), Attr("value", checks.scalar, 0)),
    shape=_pad_shape,
)
