"""From a recorded computation to a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphinit import tracing
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.node import Value
from graphinit.ir.op import Attrs, Literal
from graphinit.ir.tensor import Tensor, apply_all
from graphinit.ir.types import is_float, static_shape
from graphinit.nn.describing import new_trace, scope_of
from graphinit.recorded.nodes import CallEntry, GradientEntry, Node, OpEntry, Structure
from graphinit.recording import ModeScope
from passes.differentiation import Differentiate
from passes.rewriting import renamed
from passes.shapes.solver import resolve


@dataclass(frozen=True, slots=True)
class Described:
    """A recorded computation as a graph.

    Parameters
    ----------
    graph : Graph
        Inputs ``in<i>`` for arrays that are read, outputs ``y<i>``.
    variables : dict
        Parameters and states by name.
    names : dict
        Names of parameters and states, by identity.
    blocks : list of Block
        The blocks that were called.
    """

    graph: Graph
    variables: dict[str, Any]
    names: dict[int, str]
    blocks: list[Any]


def describe(structure: Structure) -> Described:
    """Return a recorded computation as a graph."""
    builder = GraphBuilder(resolve=resolve)
    roots = _roots(structure)
    trace = new_trace(roots, builder)
    variables: dict[str, Any] = {}
    for prefix, block in roots.items():
        own = {**block.states(), **block.collect_params().roots()}
        variables.update({prefix + name: variable for name, variable in own.items()})
    tensors: dict[int, tuple[Tensor, ...]] = {}
    inputs: list[str] = []
    for node, leaf in zip(structure.nodes, structure.leaves, strict=True):
        if leaf:
            inputs.append(f"in{len(inputs)}")
            tensors[id(node)] = (
                Tensor(trace.builder, trace.builder.source("input", inputs[-1], node.types[0])),
            )
            continue
        operands = [tensors[id(source)][port] for source, port in node.inputs]
        if isinstance(node.entry, CallEntry):
            tensors[id(node)] = _call(trace, node.entry, operands)
        elif isinstance(node.entry, OpEntry):
            given = iter(operands)
            placed = [next(given) if item is None else item for item in node.entry.operands]
            tensors[id(node)] = apply_all(node.entry.op, *placed, **node.entry.attrs)
        else:
            kept = [*(tensor for made in tensors.values() for tensor in made), *trace.made()]
            tensors[id(node)] = _differentiate(trace, node, operands, kept)
    outputs = {f"y{i}": tensors[id(node)][port].value for i, (node, port) in enumerate(structure.outputs)}
    outputs |= {f"next.{name}": tensor.value for name, tensor in trace.updates.items()}
    graph = trace.builder.build(outputs, inputs=inputs, structure=tuple(outputs))
    names = {variable: paths[0] for variable, paths in trace.names.items()}
    return Described(graph, variables, names, list(roots.values()))


def _roots(structure: Structure) -> dict[str, Any]:
    """Return the blocks that were called by the prefixes of their paths: none where nothing clashes."""
    roots: dict[str, Any] = {}
    taken: set[str] = set()
    for node in structure.nodes:
        block = node.entry.block if isinstance(node.entry, CallEntry) else None
        if block is None or any(block is other for other in roots.values()):
            continue
        names = {*block.collect_params(), *block.states()}
        if not names:
            prefix = f"{block.name}."
        else:
            prefix = f"{block.name}." if names & taken or "" in roots else ""
        roots[prefix] = block
        taken |= {prefix + name for name in names}
    return roots


def _call(trace: tracing.Trace, entry: CallEntry, operands: list[Tensor]) -> tuple[Tensor, ...]:
    block = entry.block
    values = {name: tensor for (name, _), tensor in zip(entry.inputs, operands, strict=True)}
    args, kwargs = entry.arguments.filled(values)
    scope = scope_of(block, trace.paths[id(block)])
    with ModeScope(training=entry.train), tracing.tracing(trace), trace.block(block, scope):
        result = block.forward(*args, **kwargs)
    return tuple(_flat(result))


def _flat(result: Any) -> list[Tensor]:
    if isinstance(result, dict):
        return [tensor for item in result.values() for tensor in _flat(item)]
    if isinstance(result, list | tuple):
        return [tensor for item in result for tensor in _flat(item)]
    return [result]


def _differentiate(
    trace: tracing.Trace, node: Node, operands: list[Tensor], kept: list[Tensor]
) -> tuple[Tensor, ...]:
    """Put gradients of what has been described so far into the graph, by differentiating that."""
    entry: GradientEntry = node.entry
    heads, rest = operands[: entry.heads], iter(operands[entry.heads :])
    seeds = [next(rest) if seeded else None for seeded in entry.seeded]
    wanted = [(next(rest) if item is None else trace.parameter(item)).value.node for item in entry.variables]
    old = trace.builder
    start = f"head{len(old.nodes)}."
    starts = {f"{start}{index}": head.value for index, head in enumerate(heads)}
    later = {f"kept{index}": tensor.value for index, tensor in enumerate(kept)}
    partial = old.build({**starts, **later}, keep_all=True)
    result = Differentiate(tuple(starts), tuple(wanted))(partial)
    joint = result.graph
    moved: dict[Value, Value] = {}
    new = GraphBuilder(resolve=resolve)
    for made in joint:
        if made.op == "input" and made.name not in old.nodes:  # the gradient of a head
            seed = seeds[int(made.name.removeprefix(f"d.{start}"))]
            if seed is not None:
                moved[Value(made.name)] = seed.value
                continue
            ones = np.ones(static_shape(made.type), made.type.dtype)
            new.source("constant", made.name, made.type, Attrs({"value": Literal(ones)}))
        else:
            new.append(renamed(made, moved))
    old.into, trace.builder = new, new
    gradients = dict(zip(dict.fromkeys(wanted), result.report, strict=True))
    return tuple(Tensor(new, joint.outputs[gradients[name]]) for name in wanted)


def trained(described: Described, graph: Graph) -> tuple[list[str], list[str]]:
    """Return the names of the trainable parameters that a graph uses, and the paths of those it doesn't."""
    used: list[str] = []
    unused: list[str] = []
    for block in described.blocks:
        for parameter in block.collect_params().distinct().values():
            if parameter.grad_req == "null" or not is_float(parameter.dtype):
                continue
            name = described.names[id(parameter)]
            (used if name in graph.parameters else unused).append(name)
    return list(dict.fromkeys(used)), unused
