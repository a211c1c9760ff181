"""Sub-graphs as attributes of ops: what ops of control flow share.

A sub-graph takes the op's operands as its inputs, in order: what is carried (or chosen over), then
what it captures from outside.  What ops need of the compiler to infer, differentiate and run a
sub-graph is an `Engine`; `passes.subgraphs` is the one, and installs itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from graphinit.errors import DTypeError
from graphinit.ir.dims import Dim
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.node import UNTYPED, Node, Value
from graphinit.ir.op import Vjp
from graphinit.ir.tensor import Tensor
from graphinit.ir.types import TensorType

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


def engine() -> Engine:
    """Return the engine in use."""
    return _engines[0]


def graph_value(value: Any) -> Graph:
    """A graph, as an attribute."""
    if not isinstance(value, Graph):
        raise TypeError("must be a graph")
    return value


def plain(arrays: Arrays) -> list[np.ndarray]:
    """Return arrays that lie as programs expect theirs."""
    return [np.asarray(array, order="C") for array in arrays]


def total_cost(costs: Iterable[Dim]) -> Dim:
    """Return a sum of costs, -1 when one is not known."""
    total: Dim = 0
    for cost in costs:
        if isinstance(cost, int) and cost < 0:
            return -1
        total = total + cost
    return total


def check_carried(before: Sequence[str | None], after: Sequence[str | None], count: int) -> None:
    """Raise `DTypeError` unless the first `count` values are there and keep their dtypes."""
    if min(len(before), len(after)) < count:
        raise DTypeError(f"{count} values are carried; {len(before)} are given and {len(after)} come out")
    for index, (old, new) in enumerate(zip(before[:count], after[:count], strict=True)):
        if old is not None and new is not None and old != new:
            raise DTypeError(f"value {index} must keep its dtype {old} through the loop, and becomes {new}")


# --- gradients of sub-graphs ------------------------------------------------------------------


def ports(first: Tensor, count: int) -> list[Tensor]:
    """Return the outputs of a node of which the first is given."""
    return [Tensor(first.builder, Value(first.value.node, port)) for port in range(count)]


def slope_of(v: Vjp, port: int) -> Any:
    """Return the gradient that arrives at an output; zeros where none does."""
    dy = v.dys[port]
    return v.emit("zeros_like", v.outputs[port]) if dy is None else dy


def selected(graph: Graph, inputs: Sequence[str], results: Sequence[Value]) -> Graph:
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


class Pulled:
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
        return selected(whole, inputs, outputs)
