"""Indexing by id: rows, one entry per row, one-hot vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphinit.errors import ValueRangeError
from graphinit.ir.op import Attr, Attrs, OpSpec, register
from graphinit.ops import checks
from graphinit.ops.rules import array_axes, elementwise, first_dtype, free, per_input

# --- by id ------------------------------------------------------------------------------------


def check_ids(op: str, ids: np.ndarray, size: int) -> None:
    """Raise unless all ids lie in ``[0, size)``.

    Raises
    ------
    ValueRangeError
        GI502, with the first bad id and its place.
    """
    if not ids.size:
        return
    # As unsigned numbers the negative ones are the greatest: one reduction finds both mistakes.
    unsigned = ids.view(f"u{ids.itemsize}") if ids.dtype.kind == "i" else ids
    if np.maximum.reduce(unsigned, axis=None) < size:
        return
    place = np.unravel_index(np.flatnonzero((ids < 0) | (ids >= size))[0], ids.shape)
    at = f" at {tuple(map(int, place))}" if place else ""
    raise ValueRangeError(
        f"{op} was given the id {int(ids[place])}{at}; ids must be at least 0 and less than {size}"
    )


def _take_shape(ctx: Any, x: Any = None, y: Any = None) -> None:
    x, y, ids = ctx.x if x is None else x, ctx.y if y is None else y, ctx.inputs[1]
    rank, places = ctx.rank(x), ctx.rank(ids)
    if rank is None and places is not None and ctx.rank(y) is not None and ctx.rank(y) >= places:
        ctx.set_rank(x, ctx.rank(y) + 1 - places)
        rank = ctx.rank(x)
    axis = None if rank is None else ctx.normalize_axis(x, ctx.attrs["axis"])
    if rank is None or places is None or axis is None:
        return
    if not ctx.set_rank(y, rank - 1 + places):
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
    if not ids.size:
        return
    rows = np.moveaxis(dx, axis, 0)
    taken = np.moveaxis(dy, range(axis, axis + ids.ndim), range(ids.ndim)).reshape(ids.size, *rows.shape[1:])
    # Equal ids side by side, added up run by run: 20 times as fast as np.add.at.
    order = np.argsort(ids, axis=None, kind="stable")
    found = ids.reshape(-1)[order]
    starts = np.flatnonzero(np.concatenate(([True], found[1:] != found[:-1])))
    rows[found[starts]] = np.add.reduceat(taken[order], starts, axis=0)


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
    if not all(ctx.set_rank(operand, count) for operand, count in wanted):
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
    y = outputs[0]
    if x.ndim == 2:  # a fifth of the time of take_along_axis
        y[...] = _rows(x, axis)[np.arange(ids.size), ids].reshape(y.shape)
    else:
        np.copyto(y, np.take_along_axis(x, np.expand_dims(ids, axis), axis).reshape(y.shape))


def _rows(matrix: np.ndarray, axis: int) -> np.ndarray:
    """Return a matrix with `axis` last."""
    return matrix if axis in (1, -1) else matrix.T


def _pick_grad_shape(ctx: Any) -> None:
    ctx.same_shape(ctx.y, ctx.inputs[2], "the output has the shape of `like`")
    _pick_shape(ctx, ctx.y, ctx.x)


def _pick_grad_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    (dy, ids), axis = inputs[:2], attrs["axis"]
    dx = outputs[0]
    check_ids("pick_grad", ids, dx.shape[axis])
    dx.fill(0)
    if dx.ndim == 2:
        _rows(dx, axis)[np.arange(ids.size), ids] = dy.reshape(ids.size)
    else:
        slopes = dy if attrs["keepdims"] else np.expand_dims(dy, axis)
        np.put_along_axis(dx, np.expand_dims(ids, axis), slopes, axis)


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
