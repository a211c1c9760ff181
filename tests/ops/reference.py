"""A reference interpreter: computes graphs node by node, the plainest way there is.

It plans nothing and reuses nothing, so it is the oracle for what emitted programs compute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphinit import Graph
from graphinit.ir.dims import Expr
from graphinit.ir.op import Attrs, Literal, op_spec
from graphinit.runtime.kernels import kernel_function
from passes.differentiation import differentiate
from passes.shape_inference import infer_shapes


def evaluate(
    graph: Graph, arrays: Mapping[str, np.ndarray], outputs: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the outputs of a graph by name.

    Parameters
    ----------
    graph : Graph
        What to compute.
    arrays : mapping from str to array
        Values of its inputs, parameters and state.
    outputs : sequence of str, optional
        Which outputs to return, by default all.
    """
    types = settled(graph, arrays)
    values: dict[tuple[str, int], np.ndarray] = {}
    for node in graph:
        if node.op == "constant":
            value = node.attrs["value"]
            values[node.name, 0] = value.array if isinstance(value, Literal) else value
        elif node.is_source:
            values[node.name, 0] = np.asarray(arrays[node.name])
        else:
            given = [np.empty(type.shape, type.dtype) for type in types[node.name].types]
            taken = [values[value.node, value.port] for value in node.inputs]
            attrs = Attrs({name: _number(attr, values) for name, attr in node.attrs.items()})
            kernel_function(op_spec(node.op), attrs, len(taken))(given, taken)
            values |= {(node.name, port): array for port, array in enumerate(given)}
    wanted = graph.outputs if outputs is None else outputs
    return {name: values[graph.outputs[name].node, graph.outputs[name].port] for name in wanted}


def settled(graph: Graph, arrays: Mapping[str, np.ndarray]) -> Graph:
    """Return the graph with the types that these arrays give it; raises the first mistake."""
    report = infer_shapes(
        graph, **{name: arrays[name] for name in (*graph.inputs, *graph.parameters, *graph.state)}
    )
    report.raise_errors()
    return report.graph


def _number(attr: Any, values: Mapping[tuple[str, int], np.ndarray]) -> Any:
    """Return an attribute with sizes of values put in."""
    if isinstance(attr, tuple):
        return tuple(_number(item, values) for item in attr)
    if isinstance(attr, Expr):
        return attr.substitute({size: values[size.node, size.port].shape[size.axis] for size in attr.sizes})
    return attr


def check_gradients(
    graph: Graph,
    arrays: Mapping[str, np.ndarray],
    wrt: Sequence[str],
    outputs: Sequence[str] | None = None,
    tolerance: float = 1e-6,
) -> Graph:
    """Compare the gradients of a graph with central differences, in a random direction.

    Parameters
    ----------
    graph : Graph
        What to differentiate.
    arrays : mapping from str to array
        Values of its inputs and parameters, in float64.
    wrt : sequence of str
        The nodes whose gradients are compared.
    outputs : sequence of str, optional
        The outputs that they are gradients of, by default all.
    tolerance : float
        Greatest relative difference.

    Returns
    -------
    Graph
        The differentiated graph, to go on with.
    """
    rng = np.random.default_rng(0)
    starts = list(graph.outputs if outputs is None else outputs)
    joint = differentiate(graph, outputs=starts, wrt=wrt)
    fresh = [name for name in joint.inputs if name not in graph.inputs]
    labels = {label.replace("grad.", ""): label for label in joint.outputs if label not in graph.outputs}
    assert set(labels) == set(wrt)
    plain = evaluate(graph, arrays, starts)
    seeds = [rng.standard_normal(plain[name].shape) for name in starts]
    exact = evaluate(joint, {**arrays, **dict(zip(fresh, seeds, strict=True))})
    gradients = {name: exact[labels[name]] for name in wrt}
    for name in wrt:
        assert gradients[name].shape == arrays[name].shape
        assert gradients[name].dtype == arrays[name].dtype
    direction = {name: rng.standard_normal(arrays[name].shape) for name in wrt}
    slope = sum(float(np.vdot(direction[name], gradients[name])) for name in wrt)

    def value(step: float) -> float:
        moved = {**arrays, **{name: arrays[name] + step * direction[name] for name in wrt}}
        result = evaluate(graph, moved, starts)
        return sum(float(np.vdot(seed, result[name])) for seed, name in zip(seeds, starts, strict=True))

    # Five points: the error falls with the fourth power of the step.
    step = 1e-3
    estimate = (8 * (value(step) - value(-step)) - (value(2 * step) - value(-2 * step))) / (12 * step)
    size = sum(float(np.sum(np.abs(direction[name] * gradients[name]))) for name in wrt)
    assert abs(slope - estimate) <= tolerance * max(size, 1e-2), (slope, estimate)
    return joint
