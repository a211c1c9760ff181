"""Control flow: ops whose attributes are graphs.

A sub-graph takes the op's operands as its inputs, in order: what is carried (or chosen over), then
what it captures from outside.  What ops need of the compiler to infer, differentiate and run a
sub-graph is an `Engine`; `passes.subgraphs` is the one, and installs itself.

Gradients are graphs of the same ops: that of a choice is a choice, that of a scan a scan backwards,
over carried values that are computed again.  So both can be differentiated any number of times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from graphinit.errors import DTypeError, ExecutionError
from graphinit.ir.dims import Dim
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.node import UNTYPED, Node, Value
from graphinit.ir.op import Attr, Attrs, OpSpec, Vjp, register
from graphinit.ir.tensor import Tensor
from graphinit.ir.types import TensorType, is_float
from graphinit.ops import checks
from graphinit.ops.rules import elements, scaled

Arrays = Sequence[np.ndarray]
Place = tuple[int, int]
"""An operand of the op, and how many of its first axes a sub-graph does not see."""


class Engine(Protocol):
    """What runs and analyses sub-graphs."""

    def state_shapes(
        self, ctx: Any, graph: Graph, inputs: Sequence[Place], outputs: Sequence[Place], name: str
    ) -> None:
        """State in a rule's context what holds between the inputs and outputs of a sub-graph."""

    def dtypes(self, graph: Graph, inputs: Sequence[str | None]) -> tuple[str | None, ...]:
        """Return the dtypes of a sub-graph's outputs."""

    def cost(self, graph: Graph, inputs: Sequence[TensorType]) -> Dim:
        """Return the FLOPs of a sub-graph, -1 when they are not known."""

    def function(self, graph: Graph, arrays: Arrays) -> Callable[..., tuple[np.ndarray, ...]]:
        """Return what computes a sub-graph on arrays of such shapes and dtypes."""


_engines: list[Engine] = []


def install(engine: Engine) -> None:
    """Use an engine for all sub-graphs from now on."""
    _engines[:] = [engine]


def _engine() -> Engine:
    return _engines[0]


def _graph(value: Any) -> Graph:
    if not isinstance(value, Graph):
        raise TypeError("must be a graph")
    return value


def _plain(arrays: Arrays) -> list[np.ndarray]:
    """Return arrays that lie as programs expect theirs."""
    return [np.asarray(array, order="C") for array in arrays]


# --- while_loop -------------------------------------------------------------------------------


def _while_kernel(outputs: Arrays, inputs: Arrays, attrs: Attrs) -> None:
    count, steps, most = len(outputs), 0, attrs["max_steps"]
    values, captured = _plain(inputs[:count]), _plain(inputs[count:])
    holds = _engine().function(attrs["condition"], inputs)
    advance = _engine().function(attrs["body"], inputs)
    while holds(*values, *captured)[0]:
        if steps == most:
            raise ExecutionError(
                f"a loop went on after {most} steps, which max_steps allows", node="while_loop"
            )
        values = list(advance(*values, *captured))
        steps += 1
    for output, value in zip(outputs, values, strict=True):
        np.copyto(output, value)


def _while_shape(ctx: Any) -> None:
    for index, y in enumerate(ctx.outputs):
        ctx.same_shape(y, ctx.inputs[index], f"value {index} must keep its shape through the loop")
    inputs = [(v, 0) for v in ctx.inputs]
    _engine().state_shapes(ctx, ctx.attrs["body"], inputs, [(y, 0) for y in ctx.outputs], "the body")
    _engine().state_shapes(ctx, ctx.attrs["condition"], inputs, [(-1, 0)], "the condition")


def _while_dtype(dtypes: Sequence[str | None], attrs: Attrs) -> tuple[str | None, ...]:
    found = _engine().dtypes(attrs["body"], dtypes)
    _check_carried(dtypes, found, len(found))
    return tuple(dtypes[: len(found)])


def _while_cost(inputs: Sequence[TensorType], outputs: Sequence[TensorType], attrs: Attrs) -> Dim:
    """One step: how many there are is not known."""
    return _sum(_engine().cost(attrs[name], inputs) for name in ("condition", "body"))


def _sum(costs: Iterable[Dim]) -> Dim:
    total: Dim = 0
    for cost in costs:
        if isinstance(cost, int) and cost < 0:
            return -1
        total = total + cost
    return total


def _check_carried(before: Sequence[str | None], after: Sequence[str | None], count: int) -> None:
    for index, (old, new) in enumerate(zip(before[:count], after[:count], strict=True)):
        if old is not None and new is not None and old != new:
            raise DTypeError(f"value {index} must keep its dtype {old} through the loop, and becomes {new}")


register(
    OpSpec(
        name="while_loop",
        signature="x.. -> y..",
        doc="The body applied to the first operands again and again while the condition holds of them; the"
        " other operands are captured by both: values of any shapes [*a] -> [*a], which they keep.",
        kernel=_while_kernel,
        no_gradient="how often a while_loop runs is known only when it runs; a scan has a gradient",
        attrs=(
            Attr("condition", _graph),
            Attr("body", _graph),
            Attr("max_steps", checks.optional(checks.natural), None),
        ),
        shape=_while_shape,
        dtype=_while_dtype,
        outputs=lambda attrs: len(attrs["body"].outputs),
        cost=_while_cost,
    )
)

# --- cond -------------------------------------------------------------------------------------


def _cond_kernel(outputs: Arrays, inputs: Arrays, attrs: Attrs) -> None:
    predicate, *operands = _plain(inputs)
    chosen = attrs["then"] if predicate.any() else attrs["otherwise"]
    for output, value in zip(outputs, _engine().function(chosen, operands)(*operands), strict=True):
        np.copyto(output, value)


def _cond_shape(ctx: Any) -> None:
    if not ctx.set_rank(ctx.x, 0, "the predicate must be one truth value, with no axes"):
        return
    inputs, outputs = [(v, 0) for v in ctx.inputs[1:]], [(y, 0) for y in ctx.outputs]
    _engine().state_shapes(ctx, ctx.attrs["then"], inputs, outputs, "one branch")
    _engine().state_shapes(ctx, ctx.attrs["otherwise"], inputs, outputs, "the other branch")


def _cond_dtype(dtypes: Sequence[str | None], attrs: Attrs) -> tuple[str | None, ...]:
    one, other = (_engine().dtypes(attrs[name], dtypes[1:]) for name in ("then", "otherwise"))
    if len(one) != len(other):
        raise DTypeError(f"one branch gives {len(one)} values, the other {len(other)}")
    for index, (mine, theirs) in enumerate(zip(one, other, strict=True)):
        if mine is not None and theirs is not None and mine != theirs:
            raise DTypeError(f"value {index} is {mine} in one branch and {theirs} in the other")
    return tuple(theirs if mine is None else mine for mine, theirs in zip(one, other, strict=True))


def _cond_cost(inputs: Sequence[TensorType], outputs: Sequence[TensorType], attrs: Attrs) -> Dim:
    """The test and the dearer branch, where that can be told; else the first."""
    one, other = (
        _sum((elements(inputs[0]), _engine().cost(attrs[name], inputs[1:]))) for name in ("then", "otherwise")
    )
    return max(one, other) if isinstance(one, int) and isinstance(other, int) else one


def _cond_vjp(v: Vjp) -> Sequence[Any]:
    predicate, *operands = v.inputs
    wanted = [index for index, flag in enumerate(v.wanted[1:]) if flag]
    starts = [port for port, output in enumerate(v.outputs) if is_float(output.dtype)]
    branches = {}
    for name in ("then", "otherwise"):
        pulled = _Pulled(v, v.attrs[name], [operand.type for operand in operands], starts, wanted)
        branches[name] = pulled.graph(pulled.inputs, [pulled.gradients[index] for index in wanted])
    dys = [_slope(v, port) for port in starts]
    made = _ports(v.emit("cond", predicate, *operands, *dys, **branches), len(wanted))
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
        attrs=(Attr("then", _graph), Attr("otherwise", _graph)),
        shape=_cond_shape,
        dtype=_cond_dtype,
        outputs=lambda attrs: len(attrs["then"].outputs),
        cost=_cond_cost,
    )
)

# --- scan -------------------------------------------------------------------------------------


def _scan_kernel(outputs: Arrays, inputs: Arrays, attrs: Attrs) -> None:
    carries, sequences = attrs["carries"], attrs["sequences"]
    inputs = _plain(inputs)
    values, given = inputs[:carries], inputs[carries : carries + sequences]
    captured = inputs[carries + sequences :]
    length = given[0].shape[0]
    steps = range(length - 1, -1, -1) if attrs["reverse"] else range(length)
    if length:
        advance = _engine().function(attrs["body"], [*values, *(array[0, ...] for array in given), *captured])
    for t in steps:
        found = advance(*values, *(array[t, ...] for array in given), *captured)
        values = list(found[:carries])
        for output, value in zip(outputs[carries:], found[carries:], strict=True):
            output[t] = value
    for output, value in zip(outputs[:carries], values, strict=True):
        np.copyto(output, value)


def _scan_shape(ctx: Any) -> None:
    carries, sequences = ctx.attrs["carries"], ctx.attrs["sequences"]
    for index, y in enumerate(ctx.outputs[:carries]):
        ctx.same_shape(y, ctx.inputs[index], f"value {index} must keep its shape through the scan")
    along = [*ctx.inputs[carries : carries + sequences], *ctx.outputs[carries:]]
    for v in along:
        if ctx.rank(v) == 0:
            ctx.fail("GI202", "what is scanned has an axis to scan along; it has none")
            return
        if ctx.rank(v) is not None and ctx.rank(along[0]) is not None:
            why = "all that is scanned must be equally long"
            ctx.equal(ctx.dim(v, 0), ctx.dim(along[0], 0), why)
    places = [(v, int(v in along)) for v in (*ctx.inputs, *ctx.outputs)]
    count = len(ctx.inputs)
    _engine().state_shapes(ctx, ctx.attrs["body"], places[:count], places[count:], "the body")


def _scan_dtype(dtypes: Sequence[str | None], attrs: Attrs) -> tuple[str | None, ...]:
    found = _engine().dtypes(attrs["body"], dtypes)
    _check_carried(dtypes, found, attrs["carries"])
    return (*dtypes[: attrs["carries"]], *found[attrs["carries"] :])


def _scan_cost(inputs: Sequence[TensorType], outputs: Sequence[TensorType], attrs: Attrs) -> Dim:
    carries, sequences = attrs["carries"], attrs["sequences"]
    shape = inputs[carries].shape
    along = range(carries, carries + sequences)
    types = [_without_first(type) if index in along else type for index, type in enumerate(inputs)]
    return -1 if shape is None else scaled(shape[0], _engine().cost(attrs["body"], types))


def _scan_vjp(v: Vjp) -> Sequence[Any]:
    body, carries, sequences = v.attrs["body"], v.attrs["carries"], v.attrs["sequences"]
    along = range(carries, carries + sequences)
    types = [_without_first(x.type) if index in along else x.type for index, x in enumerate(v.inputs)]
    floats = [index for index, x in enumerate(v.inputs) if is_float(x.dtype)]
    starts = [port for port, output in enumerate(v.outputs) if is_float(output.dtype)]
    carried = [index for index in floats if index < carries]
    scanned = [index for index in floats if index in along and v.wanted[index]]
    captured = [index for index in floats if index >= along.stop and v.wanted[index]]
    # Once more forward, keeping what each step began with.
    names = list(body.inputs)
    results = [*body.outputs.values(), *(Value(names[index]) for index in range(carries))]
    keeping = _selected(body, names, results)
    again = v.emit("scan", *v.inputs, **v.attrs.replace(body=keeping))
    kept = _ports(again, len(v.outputs) + carries)[len(v.outputs) :]
    # Then backward: slopes of what is carried flow on, those of what is captured add up.
    pulled = _Pulled(v, body, types, starts, [*carried, *scanned, *captured])
    sums, totals = pulled.accumulate(captured, types)
    order = [
        *(pulled.seeds[index] for index in carried),
        *sums,
        *names[: along.stop],
        *(pulled.seeds[port] for port in starts if port >= carries),
        *names[along.stop :],
    ]
    slopes = [pulled.gradients[i] for i in carried] + totals + [pulled.gradients[i] for i in scanned]
    first = [_slope(v, index) for index in carried] + [
        v.emit("zeros_like", v.inputs[index]) for index in captured
    ]
    series = [
        *kept,
        *v.inputs[carries : along.stop],
        *(_slope(v, port) for port in starts if port >= carries),
    ]
    backward = v.emit(
        "scan",
        *first,
        *series,
        *v.inputs[along.stop :],
        body=pulled.graph(order, slopes),
        carries=len(first),
        sequences=len(series),
        reverse=not v.attrs["reverse"],
    )
    found = dict(zip([*carried, *captured, *scanned], _ports(backward, len(slopes)), strict=True))
    return [found.get(index) for index in range(len(v.inputs))]


def _without_first(type: TensorType) -> TensorType:
    return TensorType(None if type.shape is None else type.shape[1:], type.dtype)


register(
    OpSpec(
        name="scan",
        signature="x.. -> y..",
        doc="A body applied along axis 0: it takes what is carried, one entry of each sequence [t,*b] and what is"
        " captured, and gives what is carried on, of the same shapes [*a], and an entry of each result [t,*c].",
        kernel=_scan_kernel,
        vjp=_scan_vjp,
        attrs=(
            Attr("body", _graph),
            Attr("carries", checks.natural),
            Attr("sequences", checks.natural),
            Attr("reverse", checks.boolean, False),
        ),
        shape=_scan_shape,
        dtype=_scan_dtype,
        outputs=lambda attrs: len(attrs["body"].outputs),
        cost=_scan_cost,
    )
)

# --- gradients of sub-graphs ------------------------------------------------------------------


def _ports(first: Tensor, count: int) -> list[Tensor]:
    """Return the outputs of a node of which the first is given."""
    return [Tensor(first.builder, Value(first.value.node, port)) for port in range(count)]


def _slope(v: Vjp, port: int) -> Any:
    dy = v.dys[port]
    return v.emit("zeros_like", v.outputs[port]) if dy is None else dy


def _selected(graph: Graph, inputs: Sequence[str], results: Sequence[Value]) -> Graph:
    """Return the part of a graph that some outputs need, with inputs in a given order and no types."""
    builder = GraphBuilder()
    for node in graph:
        if node.op == "input":
            builder.append(Node(node.name, "input", types=(TensorType(None, node.type.dtype),)))
        elif node.is_source:
            builder.append(node)
        else:
            builder.append(replace(node, types=(UNTYPED,) * len(node.types)))
    outputs = {f"y.{index}": value for index, value in enumerate(results)}
    return builder.build(outputs, inputs=list(inputs), structure=list(outputs))


class _Pulled:
    """A sub-graph with its gradients.

    Attributes
    ----------
    inputs : list of str
        Its inputs, then a slope for each output that a gradient starts from.
    seeds : dict from int to str
        The slope of each such output.
    gradients : dict from int to Value
        The gradient of each input that was asked for.
    """

    def __init__(
        self, v: Vjp, graph: Graph, types: Sequence[TensorType], starts: Sequence[int], wanted: Sequence[int]
    ) -> None:
        names, results = list(graph.inputs), list(graph.outputs)
        typed = graph.with_types({name: (type,) for name, type in zip(names, types, strict=True)})
        assert v.derive is not None, "the pass that differentiates gives it"
        joint = v.derive(typed, [results[port] for port in starts], [names[index] for index in wanted])
        found = list(joint.outputs.values())[len(results) :]
        self._builder = GraphBuilder()
        for node in joint:
            self._builder.append(node)
        self.inputs = list(joint.inputs)
        self.seeds = dict(zip(starts, self.inputs[len(names) :], strict=True))
        self.gradients = dict(zip(wanted, found, strict=True))

    def accumulate(
        self, captured: Sequence[int], types: Sequence[TensorType]
    ) -> tuple[list[str], list[Value]]:
        """Add an input to each gradient of a captured value; return these inputs and the sums."""
        inputs, totals = [], []
        for index in captured:
            name = self._builder.unique("sum")
            before = self._builder.source("input", name, types[index])
            inputs.append(name)
            totals.append(self._builder.add("add", [before, self.gradients[index]]))
        return inputs, totals

    def graph(self, inputs: Sequence[str], outputs: Sequence[Value]) -> Graph:
        """Return the graph of some outputs."""
        whole = self._builder.build({"y.0": outputs[0]}, keep_all=True)
        return _selected(whole, inputs, outputs)
