"""First values for the parameters of a graph, without layers and without running anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from graphinit import init, random
from graphinit.errors import CallError, ShapeError
from graphinit.ir.graph import Graph
from passes.base import Network, is_network, no_network
from passes.shape_inference import ShapeReport, infer_shapes


def init_parameters(
    net_or_graph: Graph | Network,
    report: ShapeReport | None = None,
    initializer: Any = None,
    seed: int = 0,
    **inputs: Any,
) -> dict[str, np.ndarray]:
    """Return the first values of every parameter of a network or a graph; a network keeps what it has.

    Parameters
    ----------
    net_or_graph : Block or Graph
        The network.
    report : ShapeReport, optional
        The shapes that inference found for it; by default those that follow from what it states itself.
    initializer : initializer, str or mapping from pattern to either, optional
        What draws them; U[-0.07, 0.07] by default.  Of a mapping the first pattern (a regular
        expression) that matches a parameter's name from its start is taken.  A parameter's own
        initializer wins.
    seed : int
        With a parameter's name it decides its values; the sequence of `graphinit.random.seed` is left alone.
    **inputs : spec
        What is known of its inputs, instead of a report: see `infer_shapes`.

    Returns
    -------
    dict of str to numpy.ndarray
        Values by name, in order of the graph.

    Raises
    ------
    ShapeError
        GI207, when a shape is not known.
    ParameterError
        When an initializer fails.
    CallError
        GI503, when it is neither a network nor a graph, the report is none, or both report and inputs are given.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> from passes.shape_inference import infer_shapes
    >>> x, w = F.input("x", shape=(-1, 20)), F.parameter("w", shape=(3, -1))
    >>> graph = Graph(outputs=F.linear(x, w))
    >>> init_parameters(graph, infer_shapes(graph), "ones")["w"].shape
    (3, 20)
    """
    seed = random.check_seed(seed)
    graph, report = _described(net_or_graph, report, inputs)
    values: dict[str, np.ndarray] = {}
    for name, node in graph.parameters.items():
        type = report.type(name)
        if not type.is_static or type.shape is None:
            raise ShapeError(
                f"the shape of parameter {name!r} is {type}: give sizes to the inputs",
                code="GI207",
                node=name,
            )
        chosen = node.attrs.get("init")
        if chosen is None:
            chosen = _chosen(initializer, name)
        shape = tuple(dim for dim in type.shape if isinstance(dim, int))
        dtype, kernel = type.dtype or "float32", node.meta.kernel
        values[name] = init.draw(chosen, name, shape, dtype, seed=seed, kernel=kernel)
    return values


def _described(
    net_or_graph: Graph | Network, report: ShapeReport | None, inputs: Mapping[str, Any]
) -> tuple[Graph, ShapeReport]:
    """Return the graph and its shapes; a network was traced for its report already."""
    if report is not None and not isinstance(report, ShapeReport):
        raise CallError(f"report is what infer_shapes returns, not {report!r}")
    if report is not None and inputs:
        raise CallError("give the shapes of inputs or a report, not both")
    if isinstance(net_or_graph, Graph):
        return net_or_graph, report or infer_shapes(net_or_graph, **inputs)
    if not is_network(net_or_graph):
        raise no_network(net_or_graph, "init_parameters")
    report = report or infer_shapes(net_or_graph, **inputs)
    return report.graph, report


def _chosen(initializer: Any, name: str) -> Any:
    if isinstance(initializer, Mapping):
        initializer = next((item for pattern, item in initializer.items() if re.match(pattern, name)), None)
    return init.Uniform() if initializer is None else initializer
