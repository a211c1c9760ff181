"""Joining tensors and taking them apart: concat, stack, split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphinit.ir.op import Attr, Attrs, OpSpec, Vjp, register
from graphinit.ir.size import dim_of
from graphinit.ops import checks
from graphinit.ops.rules import array_axes, first_dtype, free
from graphinit.scalars import several

_FULL = (None, None, None)
_AXIS = Attr("axis", checks.integer, 0)


def at_axis(axis: int, entry: Any) -> tuple[Any, ...]:
    """Return the index that is `entry` along one axis and everything along the others.

    Examples
    --------
    >>> at_axis(1, 5)
    ((None, None, None), 5)
    >>> at_axis(-1, 5)
    ('...', 5)
    """
    return (*(_FULL,) * axis, entry) if axis >= 0 else ("...", entry, *(_FULL,) * (-axis - 1))


def _common_rank(ctx: Any, operands: Sequence[Any], extra: int) -> int | None:
    """Give all operands one rank, the output one that is higher by `extra`; return theirs."""
    known = next((ctx.rank(operand) for operand in operands if ctx.rank(operand) is not None), None)
    if known is None and ctx.rank(ctx.y) is not None:
        known = ctx.rank(ctx.y) - extra
    if known is None:
        return None
    agreed = [ctx.set_rank(operand, known) for operand in operands]
    return known if ctx.set_rank(ctx.y, known + extra) and all(agreed) else None


def _concat_shape(ctx: Any) -> None:
    rank = _common_rank(ctx, ctx.inputs, 0)
    axis = None if rank is None else ctx.normalize_axis(ctx.y, ctx.attrs["axis"])
    if rank is None or axis is None:
        return
    for place in range(rank):
        if place == axis:
            parts = [ctx.dim(operand, axis) for operand in ctx.inputs]
            ctx.total(
                ctx.dim(ctx.y, axis), parts, f"axis {axis} of y is the sum of the sizes that are joined"
            )
        else:
            ctx.equal(
                ctx.dim(ctx.y, place), ctx.dim(ctx.x, place), f"axis {place} of y is axis {place} of x0"
            )
            for number, operand in enumerate(ctx.inputs[1:], 1):
                why = (
                    f"axis {place} of x{number} must equal axis {place} of x0, as only axis {axis} is joined"
                )
                ctx.equal(ctx.dim(ctx.x, place), ctx.dim(operand, place), why)


def _concat_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    np.concatenate(inputs, attrs["axis"], out=outputs[0])


def _concat_vjp(v: Vjp) -> Sequence[Any]:
    axis = v.attrs["axis"]
    grads: list[Any] = []
    start: Any = 0
    for number, (operand, wanted) in enumerate(zip(v.inputs, v.wanted, strict=True)):
        last = number == len(v.inputs) - 1
        stop = None if last else start + dim_of(operand.shape[axis])
        grads.append(v.emit("getitem", v.dy, index=at_axis(axis, (start, stop, None))) if wanted else None)
        start = stop
    return grads


def _stack_shape(ctx: Any) -> None:
    rank = _common_rank(ctx, ctx.inputs, 1)
    axis = None if rank is None else ctx.normalize_axis(ctx.y, ctx.attrs["axis"])
    if rank is None or axis is None:
        return
    ctx.equal(ctx.dim(ctx.y, axis), len(ctx.inputs), f"axis {axis} of y counts the inputs")
    for place in range(rank):
        target = place + (place >= axis)
        ctx.equal(ctx.dim(ctx.y, target), ctx.dim(ctx.x, place), f"axis {target} of y is axis {place} of x0")
        for number, operand in enumerate(ctx.inputs[1:], 1):
            why = f"axis {place} of x{number} must equal axis {place} of x0"
            ctx.equal(ctx.dim(ctx.x, place), ctx.dim(operand, place), why)


def _stack_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    np.stack(inputs, attrs["axis"], out=outputs[0])


def _stack_vjp(v: Vjp) -> Sequence[Any]:
    axis = v.attrs["axis"]
    return [
        v.emit("getitem", v.dy, index=at_axis(axis, number)) if wanted else None
        for number, wanted in enumerate(v.wanted)
    ]


def _sections(value: Any) -> int | tuple[int, ...]:
    given = several(value)
    if given is not None:
        if not given:
            raise ValueError("must name at least one size")
        return tuple(checks.natural(size) for size in given)
    count = checks.integer(value)
    if count < 1:
        raise ValueError("must be at least 1")
    return count


def _parts(attrs: Attrs) -> int:
    sections = attrs["sections"]
    return sections if isinstance(sections, int) else len(sections)


def _split_shape(ctx: Any) -> None:
    sections = ctx.attrs["sections"]
    rank = _common_rank(ctx, (ctx.x, *ctx.outputs), 0)
    if rank is None:
        return
    axis = ctx.normalize_axis(ctx.x, ctx.attrs["axis"])
    if axis is None:
        return
    whole, parts = ctx.dim(ctx.x, axis), [ctx.dim(operand, axis) for operand in ctx.outputs]
    if isinstance(sections, int):
        ctx.product([whole], [sections, parts[0]], f"axis {axis} of x must split into {sections} equal parts")
        for number, part in enumerate(parts[1:], 1):
            ctx.equal(parts[0], part, f"part {number} is as long as part 0")
    else:
        for size, part in zip(sections, parts, strict=True):
            ctx.equal(part, size, "sections= states the size of each part")
        ctx.equal(whole, sum(sections), f"axis {axis} of x is the sum of the parts")
    for number, operand in enumerate(ctx.outputs):
        for place in range(rank):
            if place != axis:
                why = f"axis {place} of part {number} must equal axis {place} of x"
                ctx.equal(ctx.dim(operand, place), ctx.dim(ctx.x, place), why)


def _split_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    x = inputs[0]
    (axis,) = array_axes(x.ndim, (attrs["axis"],))
    start = 0
    for part in outputs:
        stop = start + part.shape[axis]
        np.copyto(part, x[(slice(None),) * axis + (slice(start, stop),)])
        start = stop


def _split_vjp(v: Vjp) -> Sequence[Any]:
    parts = [v.emit("zeros_like", y) if dy is None else dy for dy, y in zip(v.dys, v.outputs, strict=True)]
    return (v.emit("concat", *parts, axis=v.attrs["axis"]),)


register(
    OpSpec(
        name="concat",
        signature="x.. -> y",
        doc="Tensors joined along an axis; the other sizes are equal: [a,b1,c], [a,b2,c].. -> [a,b1+b2..,c].",
        kernel=_concat_kernel,
        vjp=_concat_vjp,
        attrs=(_AXIS,),
        shape=_concat_shape,
        cost=free,
    )
)
register(
    OpSpec(
        name="stack",
        signature="x.. -> y",
        doc="Tensors of one shape along a new axis: n times [a,b] -> [n,a,b].",
        kernel=_stack_kernel,
        vjp=_stack_vjp,
        attrs=(_AXIS,),
        shape=_stack_shape,
        cost=free,
    )
)
register(
    OpSpec(
        name="split",
        signature="x[...] -> y..",
        doc="Parts along an axis, so many equal ones or of the sizes given: [a,n*b] -> n times [a,b].",
        kernel=_split_kernel,
        vjp=_split_vjp,
        attrs=(Attr("sections", _sections), _AXIS),
        shape=_split_shape,
        outputs=_parts,
        dtype=first_dtype,
        cost=free,
    )
)
