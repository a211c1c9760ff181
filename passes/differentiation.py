"""Differentiation: reverse mode, as a graph.

The gradient of a graph is a graph: the same nodes, then nodes that run backwards through them.  So
every other pass applies to gradients, and a gradient can be differentiated again.

Values are visited in reverse order.  A value's adjoint is the sum of what its users send back, added
in the order of visits, so a result never depends on hashing.  A tied parameter is one node with
several users and needs no rule of its own.  Gradient rules of ops don't undo broadcasting: `_fit`
does, in this one place.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import graphinit.ops  # noqa: F401  (fills the registry)
from graphinit.errors import DifferentiationError, GraphError, GraphInitError
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.node import Node, Value
from graphinit.ir.op import OpSpec, Vjp, op_spec
from graphinit.ir.signature import Star
from graphinit.ir.tensor import Tensor, apply
from graphinit.ir.types import TensorType, is_float
from passes.base import Network, PassResult, run_pass, traced
from passes.shape_inference import infer_shapes
from passes.shapes.solver import resolve

GRADIENT = "grad."
SEED = "d."
NEXT = "next."


def differentiate(
    net_or_graph: Graph | Network,
    /,
    outputs: Iterable[str] | None = None,
    wrt: Iterable[str] | None = None,
    **inputs: Any,
) -> Graph:
    """Return a graph that computes the outputs of a network or a graph, and gradients.

    Parameters
    ----------
    net_or_graph : Block or Graph
        What to differentiate.
    outputs : iterable of str, optional
        Names of the outputs to start from; by default all floating ones but those that carry state
        (``next.<state>``).
    wrt : iterable of str, optional
        Names of the nodes whose gradients are wanted; by default the inputs of floating dtype and
        the trainable parameters.
    **inputs : spec
        What is known of its inputs, see `infer_shapes`; the graph then has the types that follow.

    Returns
    -------
    Graph
        It has an input ``d.<output>`` for each starting output, of that output's type, and after
        the outputs of the graph an output ``grad.<name>`` for each gradient.  What no starting output
        depends on has a gradient of zeros.  Where such a name is taken, as in the gradient of a
        gradient, the prefix is put once more: ``grad.grad.x``.

    Raises
    ------
    DifferentiationError
        GI109, when a gradient would have to flow through an op that has none, or into integers.
    GraphError
        GI106, when there is no such output or node.
    CallError
        GI503, when it is neither a network nor a graph.
    ShapeError
        When the shapes of its inputs make it clash.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> x = F.input("x", shape=(3,))
    >>> print(differentiate(Graph(outputs=F.exp(x))))
    graph(x: float32[3], d.y: float32[3])
      exp: float32[3] = exp(x)
      multiply = multiply(d.y, exp)
      return y=exp, grad.x=multiply
    """
    if inputs:
        report = infer_shapes(net_or_graph, **inputs)
        report.raise_errors()
        net_or_graph = report.graph
    chosen = (None if names is None else tuple(names) for names in (outputs, wrt))
    return run_pass(Differentiate(*chosen), traced(net_or_graph, "differentiate")).graph


@dataclass(frozen=True)
class Differentiate:
    """The pass behind `differentiate`; its report is the names of the gradient outputs.

    Parameters
    ----------
    outputs, wrt : tuple of str, optional
        See `differentiate`.
    """

    outputs: tuple[str, ...] | None = None
    wrt: tuple[str, ...] | None = None

    def __call__(self, graph: Graph | Network) -> PassResult[tuple[str, ...]]:
        """Return the graph with its gradients."""
        graph = traced(graph, self)
        if any(type.dtype is None for node in graph if node.op != "constant" for type in node.types):
            report = infer_shapes(graph)
            report.raise_errors()
            graph = report.graph
        joint, names = _differentiate(graph, self.outputs, self.wrt)
        return PassResult(joint, True, names)


def _differentiate(
    graph: Graph, outputs: tuple[str, ...] | None, wrt: tuple[str, ...] | None
) -> tuple[Graph, tuple[str, ...]]:
    starts = _starts(graph, outputs)
    wanted = _wanted(graph, wrt)
    active = _active(graph, wanted)
    builder = GraphBuilder(resolve=resolve)
    for node in graph:
        builder.append(node)
    adjoints: dict[Value, list[Tensor]] = {}
    seeds = []
    for name in starts:
        value = graph.outputs[name]
        seed = builder.source("input", _free(SEED, name, builder.nodes), graph.type_of(value))
        seeds.append(seed.node)
        adjoints.setdefault(value, []).append(Tensor(builder, seed))
    for node in reversed(list(graph)):
        values = [Value(node.name, port) for port in range(len(node.types))]
        if node.is_source or active.isdisjoint(values):
            continue
        builder.scope = replace(node.meta, notes=())
        dys = tuple(_sum(adjoints, value) if value in active else None for value in values)
        if any(dy is not None for dy in dys):
            _send_back(builder, graph, node, dys, active, adjoints)
    gradients: dict[str, Value] = {}
    for name in wanted:
        builder.scope = replace(graph[name].meta, notes=())
        gradient = _sum(adjoints, Value(name))
        if gradient is None:
            gradient = apply("zeros_like", Tensor(builder, Value(name)))
        gradients[_free(GRADIENT, name, {**graph.outputs, **gradients})] = gradient.value
    builder.scope = None
    joint = builder.build({**graph.outputs, **gradients}, inputs=[*graph.inputs, *seeds])
    return joint, tuple(gradients)


def _starts(graph: Graph, outputs: tuple[str, ...] | None) -> list[str]:
    floating = [name for name, value in graph.outputs.items() if is_float(graph.type_of(value).dtype)]
    if outputs is None:
        starts = [name for name in floating if not name.startswith(NEXT)]
        if not starts:
            raise DifferentiationError("no output is a floating number, so there is nothing to differentiate")
        return starts
    for name in outputs:
        if name not in graph.outputs:
            known = ", ".join(graph.outputs)
            raise GraphError(
                f"the graph has no output named {name!r}; it has {known}", code="GI106", node=name
            )
        if name not in floating:
            dtype = graph.type_of(graph.outputs[name]).dtype
            raise DifferentiationError(
                f"the output {name!r} is {dtype}, and only floating numbers have a gradient"
            )
    return list(dict.fromkeys(outputs))


def _wanted(graph: Graph, wrt: tuple[str, ...] | None) -> list[str]:
    if wrt is None:
        nodes = [
            *graph.inputs.values(),
            *(p for p in graph.parameters.values() if p.attrs.get("trainable", True)),
        ]
        return [node.name for node in nodes if is_float(node.type.dtype)]
    for name in wrt:
        dtype = graph[name].type.dtype
        if not is_float(dtype):
            raise DifferentiationError(
                f"{name!r} is {dtype}, and only floating numbers have a gradient", node=name
            )
    return list(dict.fromkeys(wrt))


def _active(graph: Graph, wanted: Sequence[str]) -> set[Value]:
    """Return the floating values that depend on what gradients are wanted of."""
    active = {Value(name) for name in wanted}
    for node in graph:
        if node.is_source or active.isdisjoint(node.inputs):
            continue
        shape_only = op_spec(node.op).shape_only
        if any(value in active and slot not in shape_only for slot, value in enumerate(node.inputs)):
            active.update(
                Value(node.name, port) for port, type in enumerate(node.types) if is_float(type.dtype)
            )
    return active


def _sum(adjoints: dict[Value, list[Tensor]], value: Value) -> Tensor | None:
    """Return the sum of what arrived at a value so far, in order of arrival; None when nothing did."""
    terms = adjoints.get(value)
    if terms is None:
        return None
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    adjoints[value] = [total]
    return total


def _send_back(
    builder: GraphBuilder,
    graph: Graph,
    node: Node,
    dys: tuple[Tensor | None, ...],
    active: set[Value],
    adjoints: dict[Value, list[Tensor]],
) -> None:
    """Add what one node sends back to the adjoints of its inputs."""
    spec = op_spec(node.op)
    wanted = tuple(value in active and slot not in spec.shape_only for slot, value in enumerate(node.inputs))
    if not any(wanted):
        return
    if spec.vjp is None:
        raise DifferentiationError(f"{node.op} has no gradient: {spec.no_gradient}", node=node.name)
    inputs = tuple(Tensor(builder, value) for value in node.inputs)
    outputs = tuple(Tensor(builder, Value(node.name, port)) for port in range(len(node.types)))
    try:
        gradients = spec.vjp(Vjp(dys, inputs, outputs, node.attrs, wanted, apply, differentiate))
    except GraphInitError as error:
        error.node = error.node or node.name
        raise
    for slot, gradient in enumerate(gradients):
        if wanted[slot] and gradient is not None:
            fitted = _fit(gradient, inputs[slot], graph.type_of(node.inputs[slot]), node, spec)
            adjoints.setdefault(node.inputs[slot], []).append(fitted)


def _fit(gradient: Tensor, like: Tensor, type: TensorType, node: Node, spec: OpSpec) -> Tensor:
    """Return a gradient with the shape and dtype of its input: broadcasting and promotion undone."""
    if _may_broadcast(spec) and not _same_shape(type, node, gradient, spec):
        gradient = apply("sum_like", gradient, like)
    dtypes = {out.dtype for out in node.types if is_float(out.dtype)}
    if type.dtype is not None and dtypes != {type.dtype}:
        gradient = apply("cast", gradient, dtype=type.dtype)
    return gradient


def _may_broadcast(spec: OpSpec) -> bool:
    """Whether an input may be smaller than the output; a shape rule of its own may say anything."""
    if spec.shape is not None:
        return True
    return any(
        isinstance(term, Star) and len(term.names) > 1
        for output in spec.parsed.outputs
        for term in output.terms or ()
    )


def _same_shape(type: TensorType, node: Node, gradient: Tensor, spec: OpSpec) -> bool:
    """Whether types show that nothing was broadcast."""
    if not type.is_static:
        return False
    if spec.shape is None:  # elementwise: the gradient has the output's shape
        return type.shape == node.type.shape
    return type.shape == gradient.type.shape


def _free(prefix: str, name: str, taken: Container[str]) -> str:
    name = prefix + name
    while name in taken:
        name = prefix + name
    return name
