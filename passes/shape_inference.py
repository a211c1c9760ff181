"""Shape inference: every size of a network from the few that somebody stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphinit.ir.graph import Graph
from graphinit.runtime.arguments import without_dtype
from passes.base import Network, PassResult, traced
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

    def __call__(self, graph: Graph | Network) -> PassResult[ShapeReport]:
        """Infer the shapes of a graph, or of a network; no parameter is touched.

        Raises
        ------
        GraphError
            GI106, when the graph has no value of a name.
        ShapeError
            GI206, when a specification is none.
        CallError
            GI503, when it is neither a network nor a graph.
        """
        graph, stated = _described(graph, self.inputs)
        return PassResult(graph, False, ShapeReport(infer(graph, read_inputs(graph, stated))))


def _described(net_or_graph: Graph | Network, inputs: Mapping[str, Any]) -> tuple[Graph, Mapping[str, Any]]:
    """Return a graph, and what is stated of its values.

    A network is traced with what is stated of its inputs, since its `forward` may ask for ranks; of arrays
    it sees the shapes alone, as they are cast when it is called.
    """
    if isinstance(net_or_graph, Graph):
        return net_or_graph, inputs
    takes = getattr(net_or_graph, "has_input", lambda name: True)
    own = {name: without_dtype(spec) for name, spec in inputs.items() if takes(name)}
    graph = traced(net_or_graph, "infer_shapes", **own)
    stated = {name: spec for name, spec in inputs.items() if name not in own}
    for name, node in graph.inputs.items():  # those inside lists and dicts have names of their own
        if any(name == given or name.startswith(f"{given}.") for given in own):
            stated[name] = inputs.get(name, node.type)
    return graph, stated


def infer_shapes(net_or_graph: Graph | Network, /, **inputs: Any) -> ShapeReport:
    """Infer every shape and dtype of a network or a graph.

    Parameters
    ----------
    net_or_graph : Block or Graph
        The network; of a block no parameter is touched, see `Block.infer_shape` for that.
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
    CallError
        GI503, when it is neither a network nor a graph.

    Examples
    --------
    >>> from graphinit import functional as F, nn
    >>> infer_shapes(nn.Dense(3), x=("batch", 5))["weight"]
    (3, 5)
    >>> x, w = F.input("x", shape=(-1, -1)), F.parameter("w", shape=(10, -1))
    >>> report = infer_shapes(Graph(outputs=F.linear(x, w)), x=("batch", 30))
    >>> report["w"], report["y"]
    ((10, 30), ('batch', 10))
    """
    return InferShapes(inputs)(net_or_graph).report
