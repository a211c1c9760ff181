"""The graph of a whole step: forward, backward, and what is done with the gradients.

A step of several batches has two programs: one adds the gradients of a batch to their sums, the other adds
those of the last batch and updates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.node import Node, Value
from graphinit.ir.op import Attrs, Literal, op_spec
from graphinit.ir.tensor import Tensor
from graphinit.ir.types import TensorType, static_shape
from graphinit.optimizers.base import Optimizer
from graphinit.optimizers.program import Item
from graphinit.steps.sums import GradientSums
from passes.differentiation import NEXT
from passes.shapes.solver import resolve

RATE, TIME, SUM = "learning rate", "time", "sum of"


@dataclass(frozen=True, slots=True)
class Differentiated:
    """A network with its loss and their gradients.

    Parameters
    ----------
    graph : Graph
        What is described; the gradient of the loss is an input.
    loss : str
        The output that is the loss.
    gradients : mapping from str to str
        For each output that is a gradient, whose it is.
    """

    graph: Graph
    loss: str
    gradients: Mapping[str, str]


def joint_graph(
    joint: Differentiated,
    optimizer: Optimizer,
    wanted: Mapping[int, str],
    sums: GradientSums,
    variables: dict[str, Any],
) -> tuple[Graph, dict[str, str]]:
    """Return the graph of a whole step, and which of its outputs are written to which variables.

    Parameters
    ----------
    joint : Differentiated
        The network with its gradients.
    optimizer : Optimizer
        How parameters change.
    wanted : mapping from int to str
        The places of parameters in the optimiser's list, and their names in the graph.
    sums : GradientSums
        What waits, and whether this batch makes the update.
    variables : dict
        What holds the values, by name; takes states and sums.
    """
    graph, loss = joint.graph, joint.loss
    builder = GraphBuilder(resolve=resolve)
    seed = f"d.{loss}"
    for node in graph:
        if node.name == seed:  # every sample counts alike
            shape = static_shape(node.type)
            share = optimizer.rescale_grad / ((shape[0] if shape else 1) * sums.every)
            scale = np.full(shape, share, node.type.dtype)
            builder.source("constant", seed, node.type, Attrs({"value": Literal(scale)}))
        else:
            builder.append(node)
    gradients = {owner: Tensor(builder, graph.outputs[name]) for name, owner in joint.gradients.items()}
    scalars: list[str] = []
    if sums.completes:
        times = sorted({optimizer.counts[index] for index in wanted})
        scalars = [RATE, *(f"{TIME} {index}" for index in range(len(times)))]
    scalar = TensorType((), "float64")
    inputs = [Tensor(builder, builder.source("input", name, scalar)) for name in scalars]
    sources: dict[str, Tensor] = {}
    if sums.every > 1:
        for index, name in wanted.items():
            place = f"{SUM} {name}"
            variables[place] = sums.variable(optimizer, index)
            type = optimizer.parameters[index].type
            sources[name] = Tensor(builder, builder.source("state", place, type))
    described = len(builder.nodes)
    added = {name: source + gradients[name] for name, source in sources.items()}
    if sums.completes:
        rate, *moments = inputs
        items = [
            Item(
                index,
                name,
                Tensor(builder, Value(name)),
                added.get(name, gradients[name]),
                moments[times.index(optimizer.counts[index])],
            )
            for index, name in wanted.items()
        ]
        updates = optimizer.describe(builder, items, rate, None, variables)
    else:
        updates = {f"{NEXT}{SUM} {name}": tensor.value for name, tensor in added.items()}
    builder = _with_early_updates(builder, described, {value.node: name for name, value in updates.items()})
    writes = {name: name.removeprefix(NEXT) for name in updates}
    kept = {name: value for name, value in graph.outputs.items() if name not in joint.gradients}
    names = [name for name in graph.inputs if name != seed]
    return builder.build({**kept, **updates}, inputs=[*names, *scalars], structure=loss), writes


def _with_early_updates(builder: GraphBuilder, described: int, updates: Mapping[str, str]) -> GraphBuilder:
    """Return the same nodes with each update as soon as it can be: its gradient is in the cache then.

    A node whose value takes the place of an old one comes after all readers of that.
    """
    nodes = list(builder.nodes.values())
    users: dict[str, list[Node]] = {node.name: [] for node in nodes}
    for node in nodes:
        for source in {value.node for value in node.inputs}:
            users[source].append(node)
    waits: dict[str, set[str]] = {}
    for node in nodes[described:]:
        before = {value.node for value in node.inputs}
        if node.name in updates:
            before |= _readers(updates[node.name].removeprefix(NEXT), users) - {node.name}
        waits[node.name] = before
    wakes: dict[str, list[str]] = {}
    for name, before in waits.items():
        for source in before:
            wakes.setdefault(source, []).append(name)
    ordered = GraphBuilder(resolve=resolve)
    sources = [node for node in nodes if node.is_source]
    for node in (*sources, *(node for node in nodes[:described] if not node.is_source)):
        ready = [node.name]
        while ready:
            name = ready.pop(0)
            ordered.append(builder.nodes[name])
            for waiting in wakes.get(name, ()):
                waits[waiting].discard(name)
                if not waits[waiting] and waiting not in ordered.nodes:
                    ready.append(waiting)
    for node in nodes[described:]:
        if node.name not in ordered.nodes:  # it waits for a later update that reads what it replaces
            ordered.append(node)
    return ordered


def _readers(variable: str, users: Mapping[str, list[Node]]) -> set[str]:
    """Return the nodes that read a variable, also by way of views of it."""
    found: set[str] = set()
    stack = [variable]
    while stack:
        for node in users.get(stack.pop(), ()):
            if node.name not in found:
                found.add(node.name)
                if op_spec(node.op).view is not None:
                    stack.append(node.name)
    return found
