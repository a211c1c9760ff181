"""Common subexpressions: what is computed twice is computed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import graphinit.ops  # noqa: F401  (fills the registry)
from graphinit.ir.graph import Graph
from graphinit.ir.node import Node, Value
from graphinit.ir.op import op_spec
from passes.base import Network, PassResult, traced
from passes.rewriting import Rewritten, Sweep, rewrite

SYMMETRIC = ("add", "multiply")
"""Ops whose two inputs may be swapped without changing a bit of the result."""


@dataclass(frozen=True)
class MergeCommonSubexpressions:
    """Merge nodes of equal op, attributes and inputs; never random ones, which must stay apart.

    Equal constants become one.  The report is the number of nodes merged.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> x = F.input("x", shape=(3,))
    >>> print(MergeCommonSubexpressions()(Graph(outputs=F.exp(x) * F.exp(x))).graph)
    graph(x: float32[3])
      exp = exp(x)
      multiply = multiply(exp, exp)
      return y=multiply
    """

    def __call__(self, graph: Graph | Network) -> PassResult[int]:
        """Return the graph with equal nodes merged."""
        graph = traced(graph, self)
        seen: dict[Any, str] = {}

        def merge(sweep: Sweep, node: Node) -> Rewritten:
            if node.op in ("input", "parameter", "state"):
                return None
            if node.op != "constant" and op_spec(node.op).random:
                return None
            inputs: tuple[Value, ...] = node.inputs
            if node.op in SYMMETRIC:
                inputs = tuple(sorted(inputs))
            key = (node.op, node.attrs, inputs, node.types if node.op == "constant" else None)
            first = seen.setdefault(key, node.name)
            if first == node.name:
                return None
            return tuple(Value(first, port) for port in range(len(node.types)))

        result = rewrite(graph, {"*": [merge]})
        return PassResult(result, result is not graph, len(graph) - len(result))
