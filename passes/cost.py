"""Cost: FLOPs, bytes and parameters of every node, from shapes alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import graphinit.ops  # noqa: F401  (fills the registry)
from graphinit.ir.dims import Dim
from graphinit.ir.graph import Graph
from graphinit.ir.node import Node
from graphinit.ir.op import op_spec
from graphinit.ir.types import TensorType
from graphinit.plain_text import escaped
from passes.base import Network, PassResult, is_network, no_network, traced
from passes.shape_inference import infer_shapes
from passes.shape_report import ShapeReport


@dataclass(frozen=True, slots=True)
class Cost:
    """What one node costs; -1 where sizes are not known, an expression where they are symbols.

    Parameters
    ----------
    flops : int or Expr
        Floating point operations; an addition and a multiplication are two.
    bytes : int or Expr
        Read and written, if nothing stays in a cache; a view moves none.
    parameters : int or Expr
        Number of elements of a parameter.
    """

    flops: Dim = 0
    bytes: Dim = 0
    parameters: Dim = 0


@dataclass(frozen=True)
class CostReport(Mapping[str, Cost]):
    """Costs by name of node, with totals.

    Parameters
    ----------
    costs : mapping from str to Cost
        In order of the graph.
    ops : mapping from str to str
        The op of each node.
    """

    costs: Mapping[str, Cost]
    ops: Mapping[str, str]

    def __getitem__(self, name: str) -> Cost:
        return self.costs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.costs)

    def __len__(self) -> int:
        return len(self.costs)

    @property
    def flops(self) -> Dim:
        """FLOPs of all nodes together; -1 when one is not known."""
        return _total(cost.flops for cost in self.costs.values())

    @property
    def bytes(self) -> Dim:
        """Bytes moved by all nodes together; -1 when one is not known."""
        return _total(cost.bytes for cost in self.costs.values())

    @property
    def parameters(self) -> Dim:
        """Number of parameters; a tied one counts once."""
        return _total(cost.parameters for cost in self.costs.values())

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [("node", "op", "FLOPs", "bytes", "parameters")]
        for name, cost in self.costs.items():
            sizes = map(_text, (cost.flops, cost.bytes, cost.parameters))
            rows.append((escaped(name), escaped(self.ops[name]), *sizes))
        rows.append(("total", "", *map(_text, (self.flops, self.bytes, self.parameters))))
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = [
            "  ".join(
                cell.ljust(width) if column < 2 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        rule = "-" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])

    __hash__ = object.__hash__


@dataclass(frozen=True)
class EstimateCost:
    """The pass behind `estimate_cost`; the report is a `CostReport`."""

    def __call__(self, graph: Graph | Network) -> PassResult[CostReport]:
        """Return the graph as it is, and its cost."""
        graph = traced(graph, self)
        costs = {node.name: _cost(graph, node) for node in graph}
        return PassResult(graph, False, CostReport(costs, {node.name: node.op for node in graph}))


def estimate_cost(net_or_graph: Graph | Network | ShapeReport, /, **inputs: Any) -> CostReport:
    """Estimate what a network or a graph costs.

    Parameters
    ----------
    net_or_graph : Block, Graph or ShapeReport
        The types of a graph are taken as they are, as long as nothing is said of its inputs; symbols are
        kept.
    **inputs : spec
        What is known of its inputs: see `infer_shapes`.

    Returns
    -------
    CostReport

    Raises
    ------
    CallError
        GI503, when it is none of these.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> from passes.shape_inference import infer_shapes
    >>> x, w = F.input("x", shape=("batch", 20)), F.parameter("w", shape=(256, 20))
    >>> cost = estimate_cost(infer_shapes(Graph(outputs=F.relu(F.linear(x, w)))))
    >>> print(cost.flops, cost.parameters)
    10496*batch 5120
    """
    if isinstance(net_or_graph, ShapeReport):
        report = net_or_graph.update(**inputs) if inputs else net_or_graph
        return EstimateCost()(report.graph).report
    if isinstance(net_or_graph, Graph) and not inputs:
        return EstimateCost()(net_or_graph).report
    if not isinstance(net_or_graph, Graph) and not is_network(net_or_graph):
        raise no_network(net_or_graph, "estimate_cost")
    return EstimateCost()(infer_shapes(net_or_graph, **inputs).graph).report


def _cost(graph: Graph, node: Node) -> Cost:
    if node.op == "parameter":
        return Cost(parameters=_elements(node.type))
    if node.is_source:
        return Cost()
    spec = op_spec(node.op)
    inputs = [graph.type_of(value) for value in node.inputs]
    if spec.cost is None:
        flops = _total(_elements(type) for type in node.types)
    else:
        flops = spec.cost(inputs, node.types, node.attrs)
    if spec.view is not None:
        return Cost(flops)
    read = [_bytes(type) for slot, type in enumerate(inputs) if slot not in spec.shape_only]
    return Cost(flops, _total([*read, *map(_bytes, node.types)]))


def _elements(type: TensorType) -> Dim:
    count: Dim = 1
    for dim in type.shape if type.shape is not None else (-1,):
        if isinstance(dim, int) and dim < 0:
            return -1
        count = count * dim
    return count


def _bytes(type: TensorType) -> Dim:
    count = _elements(type)
    if isinstance(count, int) and count < 0:
        return -1
    return count * np.dtype(type.dtype or "float32").itemsize


def _total(dims: Any) -> Dim:
    total: Dim = 0
    for dim in dims:
        if isinstance(dim, int) and dim < 0:
            return -1
        total = total + dim
    return total


def _text(dim: Dim) -> str:
    if isinstance(dim, int):
        return "?" if dim < 0 else f"{dim:,}"
    return escaped(str(dim))
