"""Shape inference: every size of a network from the few that somebody stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphinit.ir.graph import Graph
from passes.base import PassResult
from passes.shape_report import ShapeReport
from passes.shapes.inference import infer, read_inputs

__all__ = ["InferShapes", "ShapeReport", "infer_shapes"]


@dataclass(frozen=True)
class InferShapes:
    """The pass that infers shapes and dtypes; it returns the graph as it was, and a `ShapeReport`.

    Parameters
    ----------
    inputs : mapping from str to spec
        What is known beside the graph: for an input (or a parameter, a state or an output) a tuple
        such as ``("batch", -1)``, an array, a `TensorType` or text such as ``"int64[batch, 64]"``.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> graph = Graph(outputs=F.relu(F.input("x")))
    >>> InferShapes({"x": (2, 3)})(graph).report["y"]
    (2, 3)
    """

    inputs: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, graph: Graph) -> PassResult[ShapeReport]:
        """Infer the shapes of a graph.

        Raises
        ------
        GraphError
            GI106, when the graph has no value of a name.
        ShapeError
            GI206, when a specification is none.
        """
        given = read_inputs(graph, self.inputs)
        return PassResult(graph, False, ShapeReport(infer(graph, given)))


def infer_shapes(graph: Graph, /, **inputs: Any) -> ShapeReport:
    """Infer every shape and dtype of a graph.

    Parameters
    ----------
    graph : Graph
        The network.
    **inputs : tuple, array, TensorType or str
        What is known of its inputs: see `InferShapes`.

    Returns
    -------
    ShapeReport
        Also for a network that does not hold: its `errors` say why.

    Raises
    ------
    GraphError
        GI106, when the graph has no value of a name.
    ShapeError
        GI206, when a specification is none.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> x, w = F.input("x", shape=(-1, -1)), F.parameter("w", shape=(10, -1))
    >>> report = infer_shapes(Graph(outputs=F.linear(x, w)), x=("batch", 30))
    >>> report["w"], report["y"]
    ((10, 30), ('batch', 10))
    """
    return InferShapes(inputs)(graph).report
