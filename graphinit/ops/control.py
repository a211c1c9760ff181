"""Control flow: a loop of unknown length and a choice, over sub-graphs.

The gradient of a choice is a choice, so it can be differentiated any number of times.  That of a loop
of unknown length is one op, which runs the loop again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from graphinit.errors import DTypeError, ExecutionError
from graphinit.ir.dims import Dim
from graphinit.ir.op import Attr, Attrs, OpSpec, Vjp, register
from graphinit.ir.types import TensorType, is_float
from graphinit.ops import checks
from graphinit.ops.rules import elements
from graphinit.ops.subgraphs import (
    Arrays,
    Pulled,
    check_carried,
    engine,
    graph_value,
    plain,
    ports,
    slope_of,
    total_cost,
)

# --- while_loop -------------------------------------------------------------------------------


def _places(value: Any) -> tuple[int, ...]:
    return tuple(checks.natural(index) for index in value)


_LOOP = (
    Attr("condition", graph_value),
    Attr("body", graph_value),
    Attr("max_steps", checks.optional(checks.natural), None),
)


def _steps(inputs: Arrays, attrs: Attrs) -> Iterator[Arrays]:
    """Give the values of a loop before each step, and after the last."""
    count, steps, most = len(attrs["body"].outputs), 0, attrs["max_steps"]
    values, captured = plain(inputs[:count]), plain(inputs[count:])
    holds = engine().function(attrs["condition"], inputs)
    advance = engine().function(attrs["body"], inputs)
    yield values
    while holds(*values, *captured)[0]:
        if steps == most:
            raise ExecutionError(
                f"a loop went on after {most} steps, which max_steps allows", node="while_loop"
            )
        values = list(advance(*values, *captured))
        steps += 1
        yield values


def _while_kernel(outputs: Arrays, inputs: Arrays, attrs: Attrs) -> None:
    (values,) = deque(_steps(inputs, attrs), maxlen=1)
    for output, value in zip(outputs, values, strict=True):
        np.copyto(output, value)


def _while_grad_kernel(outputs: Arrays, inputs: Arrays, attrs: Attrs) -> None:
    taken = len(attrs["body"].inputs)
    given, slopes = plain(inputs[:taken]), plain(inputs[taken:])
    captured, carried = given[len(attrs["body"].outputs) :], len(slopes)
    begun = list(_steps(given, attrs))[:-1]
    for output in outputs[carried:]:
        output[...] = 0
    if begun:
        pull = engine().function(attrs["pull"], [*given, *slopes])
    for values in reversed(begun):
        found = pull(*values, *captured, *slopes)
        slopes = list(found[:carried])
        for total, more in zip(outputs[carried:], found[carried:], strict=True):
            np.add(total, more, out=total)
    for output, slope in zip(outputs[:carried], slopes, strict=True):
        np.copyto(output, slope)


def _while_grad_shape(ctx: Any) -> None:
    taken = len(ctx.attrs["body"].inputs)
    for slope, y in zip(ctx.inputs[taken:], ctx.outputs, strict=False):
        ctx.same_shape(slope, y, "a slope has the shape of its value")
    for index, y in zip(ctx.attrs["places"], ctx.outputs, strict=True):
        ctx.same_shape(y, ctx.inputs[index], f"the gradient of value {index} has its shape")
    count = len(ctx.attrs["body"].outputs)
    inputs, carried = [(v, 0) for v in ctx.inputs], [(v, 0) for v in ctx.inputs[:count]]
    engine().state_shapes(ctx, ctx.attrs["body"], inputs[:taken], carried, "the body")
    engine().state_shapes(ctx, ctx.attrs["condition"], inputs[:taken], [(-1, 0)], "the condition")
    gradients = [(y, 0) for y in ctx.outputs]
    engine().state_shapes(ctx, ctx.attrs["pull"], inputs, gradients, "the gradient of the body")


def _while_vjp(v: Vjp) -> Sequence[Any]:
    count = len(v.outputs)
    starts = [port for port, output in enumerate(v.outputs) if is_float(output.dtype)]
    captured = [
        index for index, x in enumerate(v.inputs) if index >= count and is_float(x.dtype) and v.wanted[index]
    ]
    pulled = Pulled(v, v.attrs["body"], [x.type for x in v.inputs], starts, [*starts, *captured])
    made = v.emit(
        "while_loop_grad",
        *v.inputs,
        *(slope_of(v, port) for port in starts),
        pull=pulled.graph(pulled.inputs, list(pulled.gradients.values())),
        places=(*starts, *captured),
        **v.attrs,
    )
    found = dict(zip([*starts, *captured], ports(made, len(starts) + len(captured)), strict=True))
    return [found.get(index) for index in range(len(v.inputs))]


def _while_shape(ctx: Any) -> None:
    for index, y in enumerate(ctx.outputs):
        ctx.same_shape(y, ctx.inputs[index], f"value {index} must keep its shape through the loop")
    inputs = [(v, 0) for v in ctx.inputs]
    engine().state_shapes(ctx, ctx.attrs["body"], inputs, [(y, 0) for y in ctx.outputs], "the body")
    engine().state_shapes(ctx, ctx.attrs["condition"], inputs, [(-1, 0)], "the condition")


def _while_dtype(dtypes: Sequence[str | None], attrs: Attrs) -> tuple[str | None, ...]:
    found = engine().dtypes(attrs["body"], dtypes)
    check_carried(dtypes, found, len(found))
    return tuple(dtypes[: len(found)])


def _while_cost(inputs: Sequence[TensorType], outputs: Sequence[TensorType], attrs: Attrs) -> Dim:
    """One step: how many there are is not known."""
    return total_cost(engine().cost(attrs[name], inputs) for name in ("condition", "body"))


register(
    OpSpec(
        name="while_loop",
        signature="x.. -> y..",
        doc="The body applied to the first operands again and again while the condition holds of them; the"
        " other operands are captured by both: values of any shapes [*a] -> [*a], which they keep.",
        kernel=_while_kernel,
        vjp=_while_vjp,
        attrs=_LOOP,
        shape=_while_shape,
        dtype=_while_dtype,
        outputs=lambda attrs: len(attrs["body"].outputs),
        cost=_while_cost,
        quiet=True,
    )
)
register(
    OpSpec(
        name="while_loop_grad",
        signature="x.. -> y..",
        doc="The gradients of while_loop: its operands [*a] and the slopes of its floating results; the loop runs"
        " again, keeping what each step began with, then the gradient of the body (`pull`) step by step back;"
        " gives the gradients of the operands at `places`.",
        kernel=_while_grad_kernel,
        no_gradient="how often a while_loop runs is known only when it runs, so its gradient is one op that"
        " runs it again; a scan can be differentiated twice",
        attrs=(*_LOOP, Attr("pull", graph_value), Attr("places", _places)),
        shape=_while_grad_shape,
        dtype=lambda dtypes, attrs: tuple(dtypes[index] for index in attrs["places"]),
        outputs=lambda attrs: len(attrs["places"]),
        cost=lambda inputs, outputs, attrs: engine().cost(attrs["pull"], inputs),
        quiet=True,
    )
)

# --- cond -------------------------------------------------------------------------------------


def _cond_kernel(outputs: Arrays, inputs: Arrays, attrs: Attrs) -> None:
    predicate, *operands = plain(inputs)
    chosen = attrs["then"] if predicate.any() else attrs["otherwise"]
    for output, value in zip(outputs, engine().function(chosen, operands)(*operands), strict=True):
        np.copyto(output, value)


def _cond_shape(ctx: Any) -> None:
    if not ctx.set_rank(ctx.x, 0, "the predicate must be one truth value, with no axes"):
        return
    inputs, outputs = [(v, 0) for v in ctx.inputs[1:]], [(y, 0) for y in ctx.outputs]
    engine().state_shapes(ctx, ctx.attrs["then"], inputs, outputs, "one branch")
    engine().state_shapes(ctx, ctx.attrs["otherwise"], inputs, outputs, "the other branch")


def _cond_dtype(dtypes: Sequence[str | None], attrs: Attrs) -> tuple[str | None, ...]:
    one, other = (engine().dtypes(attrs[name], dtypes[1:]) for name in ("then", "otherwise"))
    if len(one) != len(other):
        raise DTypeError(f"one branch gives {len(one)} values, the other {len(other)}")
    for index, (mine, theirs) in enumerate(zip(one, other, strict=True)):
        if mine is not None and theirs is not None and mine != theirs:
            raise DTypeError(f"value {index} is {mine} in one branch and {theirs} in the other")
    return tuple(theirs if mine is None else mine for mine, theirs in zip(one, other, strict=True))


def _cond_cost(inputs: Sequence[TensorType], outputs: Sequence[TensorType], attrs: Attrs) -> Dim:
    """The test and the dearer branch, where that can be told; else the first."""
    one, other = (
        total_cost((elements(inputs[0]), engine().cost(attrs[name], inputs[1:])))
        for name in ("then", "otherwise")
    )
    return max(one, other) if isinstance(one, int) and isinstance(other, int) else one


def _cond_vjp(v: Vjp) -> Sequence[Any]:
    predicate, *operands = v.inputs
    wanted = [index for index, flag in enumerate(v.wanted[1:]) if flag]
    starts = [port for port, output in enumerate(v.outputs) if is_float(output.dtype)]
    branches = {}
    for name in ("then", "otherwise"):
        pulled = Pulled(v, v.attrs[name], [operand.type for operand in operands], starts, wanted)
        branches[name] = pulled.graph(pulled.inputs, [pulled.gradients[index] for index in wanted])
    dys = [slope_of(v, port) for port in starts]
    made = ports(v.emit("cond", predicate, *operands, *dys, **branches), len(wanted))
    found = dict(zip(wanted, made, strict=True))
    return (None, *(found.get(index) for index in range(len(operands))))


register(
    OpSpec(
        name="cond",
        signature="predicate, x..? -> y..",
        doc="What one of two sub-graphs makes of the operands: the first where the predicate [] is not 0, else"
        " the second; both give as many values, of equal shapes [*a] and dtypes.",
        kernel=_cond_kernel,
        vjp=_cond_vjp,
        attrs=(Attr("then", graph_value), Attr("otherwise", graph_value)),
        shape=_cond_shape,
        dtype=_cond_dtype,
        outputs=lambda attrs: len(attrs["then"].outputs),
        cost=_cond_cost,
        quiet=True,
    )
)
