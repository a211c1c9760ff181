"""Dead code: what no output needs."""

from __future__ import annotations

from dataclasses import dataclass

from graphinit.ir.graph import Graph
from passes.base import Network, PassResult, traced
from passes.rewriting import graph_of, needed


@dataclass(frozen=True)
class RemoveDeadCode:
    """Remove nodes that no output needs; inputs stay, since callers pass them.

    The report is the tuple of the removed names.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> x = F.input("x")
    >>> _ = F.exp(x)
    >>> graph = Graph.from_json(x.builder.build({"y": F.relu(x).value}, keep_all=True).to_json())
    >>> RemoveDeadCode()(graph).report
    ('exp',)
    """

    def __call__(self, graph: Graph | Network) -> PassResult[tuple[str, ...]]:
        """Return the graph of what is needed."""
        graph = traced(graph, self)
        kept = needed(graph.nodes, graph.outputs)
        removed = tuple(name for name in graph.nodes if name not in kept)
        if not removed:
            return PassResult(graph, False, ())
        return PassResult(graph_of(graph.nodes, graph.outputs, graph), True, removed)
