"""The same values in another shape: reshape, flatten, axes of size 1 put in and left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphinit.ir.op import Attr
from graphinit.ops import checks, nearby
from graphinit.ops.rules import like_input, movement, normalized_axes, reshaped, whole

_RESHAPE = "np.copyto(y, x.reshape(y.shape))"


def _reshape_shape(ctx: Any) -> None:
    target = ctx.attrs["shape"]
    if not ctx.set_rank(ctx.y, len(target)):
        return
    stated = [axis for axis, size in enumerate(target) if not (isinstance(size, int) and size == -1)]
    for axis in stated:
        ctx.equal(ctx.dim(ctx.y, axis), target[axis], f"axis {axis} of y is stated by shape=")
        if len(stated) < len(target):  # NumPy and PyTorch refuse it too
            why = f"axis {axis} of y stands beside -1 in shape=, which no size follows from when it is 0"
            ctx.at_least(ctx.dim(ctx.y, axis), 1, why)
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
        whole = rank + len(axes)
    if whole < len(axes):
        ctx.fail("GI202", f"y has {whole} axes, too few for {len(axes)} new ones")
    elif ctx.set_rank(ctx.y, whole) and ctx.set_rank(ctx.x, whole - len(axes)):
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
        for axis, size in enumerate(sizes):
            if not isinstance(size, int):
                ctx.at_least(shape[axis], 2, f"axis {axis} of x stays only if its size is not 1")
    if shape is None:
        rest = ctx.rank(ctx.y)
        if rest is None:
            return
        ctx.set_rank(ctx.x, rest + len(axes))
    rank = ctx.rank(ctx.x)
    if rank is None or normalized_axes(ctx, ctx.x, axes) is None:
        return
    if ctx.set_rank(ctx.y, rank - len(axes)):
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


def _stated_shape(ctx: Any) -> None:
    stated = ctx.attrs["shape"]
    if ctx.set_rank(ctx.x, len(stated), f"x is asserted to have {len(stated)} axes"):
        for axis, size in enumerate(stated):
            if not (isinstance(size, int) and size == -1):
                ctx.equal(ctx.dim(ctx.x, axis), size, f"axis {axis} of x is asserted to be {size}")


movement(
    "assert_shape",
    "The same values; that they have this shape is proved, or explained to be wrong: [*a] -> [*a].",
    "np.copyto(y, x)",
    lambda v: (v.dy,),
    signature="x[*a] -> y[*a]",
    attrs=(Attr("shape", checks.stated_shape, near=nearby.unstated, plain=-1),),
    shape=_stated_shape,
    view=whole,
)
movement(
    "reshape",
    "The same values in another shape, one entry of which may be -1: [*a] -> shape, of equal product.",
    _RESHAPE,
    like_input,
    attrs=(Attr("shape", checks.target_shape),),
    shape=_reshape_shape,
    view=reshaped,
)
movement(
    "reshape_like",
    "The same values in the shape of `like`: [*a], [*b] -> [*b], of equal product.",
    _RESHAPE,
    like_input,
    signature="x[...], like[...] -> y[...]",
    shape=_reshape_like_shape,
    view=reshaped,
    shape_only=(1,),
)
movement(
    "flatten",
    "All axes but the first merged into one: [b,*s] -> [b,prod(s)].",
    _RESHAPE,
    like_input,
    signature="x[b,*s] -> y[b,prod(s)]",
    view=reshaped,
)
movement(
    "expand_dims",
    "New axes of size 1 at the given places of the result: [*a] -> [*a with 1s].",
    _RESHAPE,
    like_input,
    attrs=(Attr("axis", checks.some_axes),),
    shape=_expand_dims_shape,
    view=reshaped,
)
movement(
    "squeeze",
    "Axes of size 1 left out: those given, or all of them: [*a with 1s] -> [*a].",
    _RESHAPE,
    like_input,
    attrs=(Attr("axis", checks.axes, None),),
    shape=_squeeze_shape,
    view=reshaped,
)
