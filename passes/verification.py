"""Verification: a graph is well formed, and its types agree with the rules of its ops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import graphinit.ops  # noqa: F401  (fills the registry)
from graphinit.errors import GraphError, GraphInitError
from graphinit.ir.graph import Graph
from graphinit.ir.node import Node
from graphinit.ir.op import SOURCES, intern_rule, op_spec
from graphinit.ir.types import TensorType
from passes.base import Instrument, Network, PassResult, traced
from passes.shape_inference import infer_shapes


@dataclass(frozen=True)
class Verify:
    """Check a graph; the report is None.

    Parameters
    ----------
    types : bool
        Whether the types that nodes state are compared with those that the rules give.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> Verify()(Graph(outputs=F.relu(F.input("x", shape=(2, 3))))).changed
    False
    """

    types: bool = True

    def __call__(self, graph: Graph | Network) -> PassResult[None]:
        """Return the graph as it is.

        Raises
        ------
        GraphError
            GI107, naming the first node that is not right.
        """
        graph = traced(graph, self)
        graphs = [graph]
        while graphs:  # those among attributes, too
            inner = graphs.pop()
            _check_form(inner)
            graphs += [value for node in inner for value in node.attrs.values() if isinstance(value, Graph)]
        if self.types:
            _check_types(graph)
        return PassResult(graph, False, None)


class VerifyPasses(Instrument):
    """Check every graph that a pass returns.

    Parameters
    ----------
    types : bool
        As in `Verify`.
    """

    def __init__(self, types: bool = True) -> None:
        self.types = types

    def after(self, name: str, graph: Graph, result: PassResult[Any]) -> None:
        """Check what the pass made."""
        if result.changed:
            Verify(self.types)(result.graph)
        elif result.graph is not graph:
            raise GraphError(f"{name} returned another graph and says that nothing changed")


def _check_form(graph: Graph) -> None:
    seen: dict[str, Node] = {}
    for name, node in graph.nodes.items():
        if node.name != name:
            raise _wrong(node, f"the node under the name {name!r} is called {node.name!r}")
        if node.op in SOURCES:
            if node.inputs or len(node.types) != 1:
                raise _wrong(node, f"{node.op} takes no inputs and has one output")
        else:
            try:
                spec = op_spec(node.op)
                spec.check_arity(len(node.inputs))
                canonical = spec.check_attrs(node.attrs)
            except GraphInitError as error:
                raise _wrong(node, error.message) from error
            if canonical != node.attrs:
                raise _wrong(node, f"its attributes are not canonical: {node.attrs!r}, not {canonical!r}")
            if len(node.types) != spec.output_count(node.attrs):
                raise _wrong(
                    node, f"it states {len(node.types)} outputs, not {spec.output_count(node.attrs)}"
                )
        for value in (*node.inputs, *intern_rule(node.op, node.attrs).sizes):
            source = seen.get(value.node)
            if source is None:
                raise _wrong(node, f"it takes {value.node!r}, which is not in the graph before it")
            if not 0 <= value.port < len(source.types):
                raise _wrong(
                    node, f"it takes output {value.port} of {value.node!r}, which has {len(source.types)}"
                )
        seen[name] = node
    for name, value in graph.outputs.items():
        if value.node not in seen or not 0 <= value.port < len(seen[value.node].types):
            raise GraphError(f"output {name!r} is {value}, which is not in the graph", node=name)


def _check_types(graph: Graph) -> None:
    report = infer_shapes(graph)
    for error in report.errors:
        raise GraphError(f"types don't agree with the rules: {error.message}", node=error.node) from error
    inferred = report.graph
    for node in graph:
        for stated, found in zip(node.types, inferred[node.name].types, strict=True):
            if not _agree(stated, found):
                raise _wrong(node, f"it states {stated}, and its rule gives {found}")


def _agree(stated: TensorType, found: TensorType) -> bool:
    if None not in (stated.dtype, found.dtype) and stated.dtype != found.dtype:
        return False
    if stated.shape is None or found.shape is None:
        return True
    return len(stated.shape) == len(found.shape) and all(
        one == other or -1 in (one, other) or not (isinstance(one, int) and isinstance(other, int))
        for one, other in zip(stated.shape, found.shape, strict=True)
    )


def _wrong(node: Node, message: str) -> GraphError:
    return GraphError(message, code="GI107", node=node.name)
