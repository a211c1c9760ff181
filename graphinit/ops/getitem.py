"""Basic indexing and slices: ``x[0, 1:, ..., None]``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphinit.ir.dims import Dim, Expr, minimum
from graphinit.ir.moves import Part, moved
from graphinit.ir.op import Attr, Attrs, OpSpec, Template, register
from graphinit.ir.source_text import move_text
from graphinit.ops import checks
from graphinit.ops.rules import first_dtype, free

FULL = (None, None, None)


def _getitem_shape(ctx: Any, x: Any = None, y: Any = None) -> None:
    x, y = ctx.x if x is None else x, ctx.y if y is None else y
    entries = list(ctx.attrs["index"])
    taken = sum(entry not in ("...", "new") if isinstance(entry, str) else True for entry in entries)
    rank = ctx.rank(x)
    if rank is None and ctx.rank(y) is not None:
        # Axes that aren't named stay; only numbers take axes away and only "new" adds some.
        gone = sum(not isinstance(entry, str | tuple) for entry in entries)
        added = sum(isinstance(entry, str) and entry == "new" for entry in entries)
        rank = ctx.rank(y) + gone - added
        if rank >= taken:
            ctx.set_rank(x, rank)
    if rank is None:
        return
    if taken > rank:
        ctx.fail("GI202", f"{taken} indices are too many for {rank} axes")
        return
    place = (
        entries.index("...") if any(isinstance(entry, str) and entry == "..." for entry in entries) else None
    )
    if place is None:
        entries += [FULL] * (rank - taken)
    else:
        entries[place : place + 1] = [FULL] * (rank - taken)
    kept = [entry for entry in entries if isinstance(entry, str | tuple)]
    if not ctx.set_rank(y, len(kept)):
        return
    axis = out = 0
    for entry in entries:
        if isinstance(entry, str):
            ctx.equal(ctx.dim(y, out), 1, f"axis {out} of y is new, so its size is 1")
        elif isinstance(entry, tuple):
            _slice_equation(
                ctx, ctx.dim(x, axis), ctx.dim(y, out), entry, f"axis {out} of y is a slice of axis {axis}"
            )
        else:
            _index_equation(ctx, ctx.dim(x, axis), entry, axis)
        axis += not isinstance(entry, str)
        out += isinstance(entry, str | tuple)


def _index_equation(ctx: Any, dim: Any, entry: Any, axis: int) -> None:
    place = ctx.known(entry) if not isinstance(entry, int | Expr) else entry
    if isinstance(place, int):
        least = place + 1 if place >= 0 else -place
        ctx.at_least(dim, least, f"index {place} needs axis {axis} to have {least} or more")
    elif place is not None:
        ctx.at_least(dim, place + 1, f"index {place} must lie within axis {axis}")


def _slice_equation(ctx: Any, dim: Any, out: Any, entry: tuple[Any, ...], why: str) -> None:
    """State the size of one slice; of a symbolic size only what holds when the slice lies within it."""
    if entry in (FULL, (None, None, -1)):
        ctx.equal(out, dim, why)
        return
    step = entry[2] or 1
    bounds: list[Any] = [
        part if part is None or isinstance(part, int | Expr) else ctx.known(part) for part in entry[:2]
    ]
    if any(given is not None and bound is None for given, bound in zip(entry[:2], bounds, strict=True)):
        return  # a bound that isn't settled yet
    size = ctx.known(dim)
    if isinstance(size, int) and not any(isinstance(bound, Expr) for bound in bounds):
        ctx.equal(out, len(range(*slice(bounds[0], bounds[1], step).indices(size))), why)
        return
    if size is None:
        _slice_backwards(ctx, dim, out, (bounds[0], bounds[1], step), why)
        return
    if step < 0:
        if bounds == [None, None]:
            ctx.floordiv(out, (1, dim, -step - 1), -step, why)
        return
    if bounds[0] is None and isinstance(bounds[1], int) and bounds[1] >= 0:
        length = minimum(size, bounds[1])  # up to so many
    else:
        start, stop = (_bound(ctx, dim, bound, why) for bound in bounds)
        length = (size if stop is None else stop) - (0 if start is None else start)
    if not isinstance(length, int):
        ctx.at_least(length, 0, why)
    ctx.equal(out, ((max(length, 0) if isinstance(length, int) else length) + (step - 1)) // step, why)


def _bound(ctx: Any, dim: Any, bound: Any, why: str) -> Dim | None:
    """Return a bound counted from the front, requiring that it lies within the axis."""
    if bound is None:
        return None
    size = ctx.known(dim)
    if isinstance(bound, int) and bound < 0:
        ctx.at_least(dim, -bound, why)
        return size + bound  # type: ignore[no-any-return]
    ctx.at_least(dim, bound, why)
    if not isinstance(bound, int):
        ctx.at_least(bound, 0, why)
    return bound  # type: ignore[no-any-return]


def _slice_backwards(ctx: Any, dim: Any, out: Any, window: tuple[Any, Any, int], why: str) -> None:
    """Solve for the size of an axis from that of its slice, where only one size can be."""
    length = ctx.known(out)
    start, stop, step = window
    if step == 1 and isinstance(length, int) and length > 0:
        before = 0 if start is None else start
        after = 0 if stop is None else -stop if isinstance(stop, int) else None
        if isinstance(before, int) and before >= 0 and after is not None and after >= 0 and stop != 0:
            ctx.equal(dim, length + before + after, why)


def _getitem_grad_shape(ctx: Any) -> None:
    ctx.same_shape(ctx.y, ctx.inputs[1], "the output has the shape of `like`")
    _getitem_shape(ctx, ctx.y, ctx.x)


def _getitem_grad_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    outputs[0].fill(0)
    np.copyto(moved(outputs[0], Part(attrs["index"])), inputs[0])


def _getitem_text(attrs: Attrs, inputs: int) -> str:
    return f"np.copyto(y, {move_text(Part(attrs['index']), 'x')})"


_INDEX = Attr("index", checks.index)

register(
    OpSpec(
        name="getitem",
        signature="x[...] -> y[...]",
        doc="Basic indexing, x[index] in NumPy: a number takes an axis away, (start, stop, step) keeps part"
        " of it, 'new' adds one of size 1, '...' stands for the axes not named.",
        kernel=Template(_getitem_text),
        vjp=lambda v: (v.emit("getitem_grad", v.dy, v.x, index=v.attrs["index"]),),
        attrs=(_INDEX,),
        shape=_getitem_shape,
        dtype=first_dtype,
        cost=free,
        view=lambda attrs, rank, shape: Part(attrs["index"]),
    )
)
register(
    OpSpec(
        name="getitem_grad",
        signature="dy[...], like[...] -> dx[...]",
        doc="Zeros in the shape of `like`, with dy where the index points.",
        kernel=_getitem_grad_kernel,
        vjp=lambda v: (v.emit("getitem", v.dy, index=v.attrs["index"]), None),
        attrs=(_INDEX,),
        shape=_getitem_grad_shape,
        dtype=first_dtype,
        cost=free,
        shape_only=(1,),
    )
)
