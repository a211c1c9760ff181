"""Indexing: basic indices and slices, rows by id, one entry per row, one-hot vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphinit.errors import ValueRangeError
from graphinit.ir.dims import Dim, Expr
from graphinit.ir.op import Attr, Attrs, OpSpec, Template, register
from graphinit.ops import checks
from graphinit.ops.rules import array_axes, elementwise, first_dtype, free, per_input

FULL = (None, None, None)

# --- basic indexing ---------------------------------------------------------------------------


def index_text(index: tuple[Any, ...]) -> str:
    """Return an index attribute as it stands in Python between brackets.

    Examples
    --------
    >>> index_text((0, (None, 3, None), "...", "new", (None, None, -1)))
    '0, :3, ..., None, ::-1'
    """
    return ", ".join(map(_entry_text, index)) or "..."


def _entry_text(entry: Any) -> str:
    if not isinstance(entry, tuple):
        return "None" if entry == "new" else str(entry)
    start, stop, step = ("" if part is None else str(part) for part in entry)
    return f"{start}:{stop}{':' + step if step else ''}"


def _getitem_shape(ctx: Any, x: Any = None, y: Any = None) -> None:
    x, y = ctx.x if x is None else x, ctx.y if y is None else y
    entries = list(ctx.attrs["index"])
    taken = sum(entry not in ("...", "new") if isinstance(entry, str) else True for entry in entries)
    rank = ctx.rank(x)
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
    ctx.set_rank(y, len(kept))
    if ctx.rank(y) != len(kept):
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
    bounds = [part if part is None or isinstance(part, int | Expr) else ctx.known(part) for part in entry[:2]]
    if any(given is not None and bound is None for given, bound in zip(entry[:2], bounds, strict=True)):
        return  # a bound that isn't settled yet
    size = ctx.known(dim)
    if isinstance(size, int) and not any(isinstance(bound, Expr) for bound in bounds):
        ctx.equal(out, len(range(*slice(*bounds, step).indices(size))), why)
        return
    if size is None:
        _slice_backwards(ctx, dim, out, bounds, step, why)
        return
    if step < 0:
        if bounds == [None, None]:
            ctx.floordiv(out, (1, dim, -step - 1), -step, why)
        return
    start, stop = (_bound(ctx, dim, bound, why) for bound in bounds)
    if start is None and stop is None:
        length: Dim | None = None
    first = 0 if start is None else start
    last = size if stop is None else stop
    length = last - first
    if not isinstance(length, int):
        ctx.at_least(length, 0, why)
    elif length < 0:
        length = 0
    ctx.equal(out, (length + (step - 1)) // step, why)


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


def _slice_backwards(ctx: Any, dim: Any, out: Any, bounds: list[Any], step: int, why: str) -> None:
    """Solve for the size of an axis from that of its slice, where only one size can be."""
    length = ctx.known(out)
    start, stop = bounds
    if step == 1 and isinstance(length, int) and length > 0:
        before = 0 if start is None else start
        after = 0 if stop is None else -stop if isinstance(stop, int) else None
        if isinstance(before, int) and before >= 0 and after is not None and after >= 0 and stop != 0:
            ctx.equal(dim, length + before + after, why)


def _window(array: np.ndarray, index: tuple[Any, ...]) -> np.ndarray:
    """Return the view that a basic index gives."""
    entries: list[Any] = []
    for entry in index:
        if isinstance(entry, str):
            entries.append(None if entry == "new" else Ellipsis)
        else:
            entries.append(slice(*entry) if isinstance(entry, tuple) else entry)
    # The ellipsis keeps the result an array when every axis gets a number.
    return array[tuple(entries) if Ellipsis in entries else (*entries, Ellipsis)]


def _getitem_grad_shape(ctx: Any) -> None:
    ctx.same_shape(ctx.y, ctx.inputs[1], "the output has the shape of `like`")
    _getitem_shape(ctx, ctx.y, ctx.x)


def _getitem_grad_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    outputs[0].fill(0)
    np.copyto(_window(outputs[0], attrs["index"]), inputs[0])


def _getitem_text(attrs: Attrs, inputs: int) -> str:
    entries = attrs["index"]
    return f"x[{index_text(entries if '...' in entries else (*entries, '...'))}]"


_INDEX = Attr("index", checks.index)

register(
    OpSpec(
        name="getitem",
        signature="x[...] -> y[...]",
        doc="Basic indexing, x[index] in NumPy: a number takes an axis away, (start, stop, step) keeps part"
        " of it, 'new' adds one of size 1, '...' stands for the axes not named.",
        kernel=Template(lambda attrs, inputs: f"np.copyto(y, {_getitem_text(attrs, inputs)})"),
        vjp=lambda v: (v.emit("getitem_grad", v.dy, v.x, index=v.attrs["index"]),),
        attrs=(_INDEX,),
        shape=_getitem_shape,
        dtype=first_dtype,
        cost=free,
        view=Template(_getitem_text),
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

# --- by id ------------------------------------------------------------------------------------


def check_ids(op: str, ids: np.ndarray, size: int) -> None:
    """Raise unless all ids lie in ``[0, size)``.

    Raises
    ------
    ValueRangeError
        GI502, with the first bad id and its place.
    """
    if not ids.size or (ids.min() >= 0 and ids.max() < size):
        return
    place = np.unravel_index(np.flatnonzero((ids < 0) | (ids >= size))[0], ids.shape)
    at = f" at {tuple(map(int, place))}" if place else ""
    raise ValueRangeError(
        f"{op} was given the id {int(ids[place])}{at}; ids must be at least 0 and less than {size}"
    )


def _take_shape(ctx: Any, x: Any = None, y: Any = None) -> None:
    x, y, ids = ctx.x if x is None else x, ctx.y if y is None else y, ctx.inputs[1]
    rank, places = ctx.rank(x), ctx.rank(ids)
    axis = None if rank is None else ctx.normalize_axis(x, ctx.attrs["axis"])
    if rank is None or places is None or axis is None:
        return
    ctx.set_rank(y, rank - 1 + places)
    if ctx.rank(y) != rank - 1 + places:
        return
    for place in range(rank):
        if place != axis:
            target = place if place < axis else place - 1 + places
            why = f"axis {target} of the rows taken is axis {place} of x"
            ctx.equal(ctx.dim(y, target), ctx.dim(x, place), why)
    for place in range(places):
        why = f"axis {axis + place} of the rows taken is axis {place} of ids"
        ctx.equal(ctx.dim(y, axis + place), ctx.dim(ids, place), why)


def _take_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    (x, ids), axis = inputs, attrs["axis"]
    check_ids("take", ids, x.shape[axis])
    if x.shape[axis] == 0:
        return  # no ids, so no rows
    # The ids are checked, so nothing is clipped; NumPy buffers `out` in mode "raise".
    np.take(x, ids, axis, out=outputs[0], mode="clip")


def _take_grad_shape(ctx: Any) -> None:
    ctx.same_shape(ctx.y, ctx.inputs[2], "the output has the shape of `like`")
    _take_shape(ctx, ctx.y, ctx.x)


def _take_grad_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    (dy, ids), dx = inputs[:2], outputs[0]
    (axis,) = array_axes(dx.ndim, (attrs["axis"],))
    dx.fill(0)
    rows = np.moveaxis(dx, axis, 0)
    taken = np.moveaxis(dy, range(axis, axis + ids.ndim), range(ids.ndim))
    np.add.at(rows, ids, taken)


register(
    OpSpec(
        name="take",
        signature="x[...], ids:int[...] -> y[...]",
        doc="Rows by id along an axis, an embedding look-up: [n,*a], int [*b] -> [*b,*a] for axis 0; an id"
        " that is negative or too large is an error.",
        kernel=_take_kernel,
        vjp=elementwise(
            lambda v: v.emit("take_grad", v.dy, v.inputs[1], v.x, axis=v.attrs["axis"]),
            lambda v: None,
        ),
        attrs=(Attr("axis", checks.integer, 0),),
        shape=_take_shape,
        dtype=first_dtype,
        cost=free,
    )
)
register(
    OpSpec(
        name="take_grad",
        signature="dy[...], ids:int[...], like[...] -> dx[...]",
        doc="Zeros in the shape of `like`, to whose rows those of dy are added by id.",
        kernel=_take_grad_kernel,
        vjp=elementwise(
            lambda v: v.emit("take", v.dy, v.inputs[1], axis=v.attrs["axis"]),
            lambda v: None,
            lambda v: None,
        ),
        attrs=(Attr("axis", checks.integer, 0),),
        shape=_take_grad_shape,
        dtype=first_dtype,
        cost=per_input(1),
        shape_only=(2,),
    )
)

# --- one entry per row ------------------------------------------------------------------------


def _pick_shape(ctx: Any, x: Any = None, y: Any = None) -> None:
    x, y, ids = ctx.x if x is None else x, ctx.y if y is None else y, ctx.inputs[1]
    keepdims = ctx.attrs["keepdims"]
    ranks = (ctx.rank(x), ctx.rank(ids), ctx.rank(y))
    rank = next(
        (
            known + extra
            for known, extra in zip(ranks, (0, 1, not keepdims), strict=True)
            if known is not None
        ),
        None,
    )
    if rank is None:
        return
    wanted = ((x, rank), (ids, rank - 1), (y, rank - (not keepdims)))
    for operand, count in wanted:
        ctx.set_rank(operand, count)
    if any(ctx.rank(operand) != count for operand, count in wanted):
        return
    axis = ctx.normalize_axis(x, ctx.attrs["axis"])
    if axis is None:
        return
    for place in range(rank):
        inner = place - (place > axis)
        out = place if keepdims else inner
        if place != axis:
            ctx.equal(
                ctx.dim(ids, inner), ctx.dim(x, place), f"axis {inner} of ids must equal axis {place} of x"
            )
            ctx.equal(ctx.dim(y, out), ctx.dim(x, place), f"axis {out} of y is axis {place} of x")
        elif keepdims:
            ctx.equal(ctx.dim(y, out), 1, f"axis {axis} of y holds one entry")


def _pick_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    (x, ids), axis = inputs, attrs["axis"]
    check_ids("pick", ids, x.shape[axis])
    taken = np.take_along_axis(x, np.expand_dims(ids, axis), axis)
    np.copyto(outputs[0], taken if attrs["keepdims"] else taken.squeeze(axis))


def _pick_grad_shape(ctx: Any) -> None:
    ctx.same_shape(ctx.y, ctx.inputs[2], "the output has the shape of `like`")
    _pick_shape(ctx, ctx.y, ctx.x)


def _pick_grad_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    (dy, ids), axis = inputs[:2], attrs["axis"]
    outputs[0].fill(0)
    slopes = dy if attrs["keepdims"] else np.expand_dims(dy, axis)
    np.put_along_axis(outputs[0], np.expand_dims(ids, axis), slopes, axis)


_PICK = (Attr("axis", checks.integer, -1), Attr("keepdims", checks.boolean, False))

register(
    OpSpec(
        name="pick",
        signature="x[...], ids:int[...] -> y[...]",
        doc="One entry per row: y[i] = x[i, ids[i]] for axis -1: [*b,k], int [*b] -> [*b]; an id that is"
        " negative or too large is an error.",
        kernel=_pick_kernel,
        vjp=elementwise(
            lambda v: v.emit("pick_grad", v.dy, v.inputs[1], v.x, **v.attrs),
            lambda v: None,
        ),
        attrs=_PICK,
        shape=_pick_shape,
        dtype=first_dtype,
        cost=free,
    )
)
register(
    OpSpec(
        name="pick_grad",
        signature="dy[...], ids:int[...], like[...] -> dx[...]",
        doc="Zeros in the shape of `like`, with dy at the entries picked.",
        kernel=_pick_grad_kernel,
        vjp=elementwise(
            lambda v: v.emit("pick", v.dy, v.inputs[1], **v.attrs),
            lambda v: None,
            lambda v: None,
        ),
        attrs=_PICK,
        shape=_pick_grad_shape,
        dtype=first_dtype,
        cost=free,
        shape_only=(2,),
    )
)

# --- one-hot ----------------------------------------------------------------------------------


def _one_hot_shape(ctx: Any) -> None:
    rank = ctx.rank(ctx.y)
    if rank:
        ctx.equal(ctx.dim(ctx.y, rank - 1), ctx.attrs["depth"], f"axis {rank - 1} of y is depth= wide")


def _one_hot_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    ids, y = inputs[0], outputs[0]
    check_ids("one_hot", ids, attrs["depth"])
    np.equal(ids[..., None], np.arange(attrs["depth"]), out=y, casting="unsafe")


register(
    OpSpec(
        name="one_hot",
        signature="ids:int[*b] -> y[*b,n]",
        doc="1 at the place each id names, 0 elsewhere: int [*b] -> [*b,depth]; an id that is negative or"
        " too large is an error.",
        kernel=_one_hot_kernel,
        no_gradient="its inputs are ids",
        attrs=(Attr("depth", checks.size), Attr("dtype", checks.dtype, "float32")),
        shape=_one_hot_shape,
        dtype=lambda dtypes, attrs: str(attrs["dtype"]),
        cost=free,
    )
)
