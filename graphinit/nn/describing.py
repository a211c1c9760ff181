"""A block as a graph: its `forward` is run on tensors, once for each description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import graphinit.functional.numpy_table  # noqa: F401  (answers NumPy's functions)
from graphinit import tracing
from graphinit.errors import BlockError
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.node import Meta, Value
from graphinit.ir.origin import here
from graphinit.ir.tensor import Tensor, add_constant
from graphinit.ir.types import TensorType
from graphinit.nn.arguments import Arguments, bind_specs
from graphinit.nn.owner import Owner
from graphinit.parameter import Parameter
from graphinit.recording import ModeScope
from graphinit.runtime.arguments import alike
from passes.shapes.solver import resolve


def trace_block(block: Owner, train: bool, specs: Mapping[str, Any]) -> tuple[Graph, tracing.Trace]:
    """Describe a block for some input specifications; see `Block.trace`.

    Returns
    -------
    graph : Graph
        The network.  Parameters that `forward` does not use stand in it without users.
    trace : Trace
        What happened on the way.
    """
    arguments = bind_specs(block.forward, specs, block.name)
    builder = GraphBuilder(resolve=resolve)
    builder.scope = scope_of(block, "")
    inputs = {
        name: Tensor(builder, builder.source("input", name, TensorType.parse(spec), meta=Meta(origin=here())))
        for name, spec in arguments.leaves.items()
    }
    trace = new_trace({"": block}, builder)
    with ModeScope(training=train), tracing.tracing(trace), trace.block(block, builder.scope):
        args, kwargs = arguments.filled(inputs)
        result = block.forward(*args, **kwargs)
        trace.calls.append((block, result))
        unused = trace.unused_parameters(block.collect_params().distinct().values())
    outputs: dict[str, Value] = {}
    taken = {*inputs, *(name for names in trace.names.values() for name in names)}
    structure = _flatten_outputs(result, _free_name("y", taken), builder, outputs, block)
    for name, tensor in trace.updates.items():
        outputs[f"next.{name}"] = tensor.value
    graph = builder.build(outputs, inputs=list(inputs), structure=structure, keep=unused)
    dropped = [node for name, node in builder.nodes.items() if name not in graph.nodes and not node.is_source]
    taken = {value.node for node in dropped for value in node.inputs}
    graph.left_out = tuple(node for node in dropped if node.name not in taken)
    return graph, trace


def describe_call(
    block: Owner, args: tuple[Any, ...], kwargs: dict[str, Any], builder: GraphBuilder | None = None
) -> Any:
    """Run `forward` on tensors, inside a description or, outside of one, for a graph made by hand in a builder."""
    trace = tracing.current()
    if trace is None:
        assert builder is not None, "outside of a description there are tensors"
        with ModeScope(training=False), tracing.tracing(new_trace({"": block}, builder)):
            return describe_call(block, args, kwargs, builder)
    path = trace.paths.get(id(block))
    if path is None:
        path = _path_of_stranger(block, trace)
    with trace.block(block, scope_of(block, path)):
        for hook in block._pre_hooks:
            changed = hook(block, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        result = block.forward(*args, **kwargs)
        for after in block._hooks:
            changed = after(block, args, result)
            result = result if changed is None else changed
        trace.calls.append((block, result))
    return result


def _path_of_stranger(block: Owner, trace: tracing.Trace) -> str:
    """Return the path of a block that doesn't stand below the root.

    Made on the fly in a `forward`, it belongs where it is used.  One with parameters or states is taken in
    by a caller that does so.
    """
    host = trace.running[-1] if trace.running else None
    if host is None or not host._takes_in_blocks or not (block.collect_params() or block.states()):
        return trace.builder.scope.path if trace.builder.scope is not None else ""
    key = block.name
    while key in host._children:
        key += "_"
    host.register_child(block, key)
    admit(trace, {f"{trace.paths[id(host)]}.{key}.".lstrip("."): block})
    return trace.paths[id(block)]


def scope_of(block: Owner, path: str) -> Meta:
    """Return the metadata of nodes that `forward` makes: our layers cite their construction."""
    ours = type(block).forward.__module__.partition(".")[0] == "graphinit"
    notes = tuple(f"{attribute}={argument}" for attribute, argument in block._named.items())
    return Meta(path, block.origin if ours else None, notes, type(block).__name__)


def new_trace(roots: Mapping[str, Owner], builder: GraphBuilder) -> tracing.Trace:
    """Return a trace for blocks by the prefixes of their paths: ``""``, or one that ends with a dot."""
    trace = tracing.Trace(builder, {}, {})
    admit(trace, roots)
    return trace


def admit(trace: tracing.Trace, roots: Mapping[str, Owner]) -> None:
    """Let a trace know blocks, by the prefixes of their paths, with all that stands below them."""
    names, paths = trace.names, trace.paths
    transposed: list[Parameter] = []
    for path, inner in (
        (start + path, inner) for start, root in roots.items() for path, inner in root.walk()
    ):
        paths.setdefault(id(inner), path.rstrip("."))
        prefix = f"{path.rstrip('.')}." if path else ""
        for key, variable in (*inner._parameters.items(), *inner._states.items()):
            names.setdefault(id(variable), []).append(prefix + key)
            if isinstance(variable, Parameter) and variable.root is not variable:
                transposed.append(variable)
    for parameter in transposed:  # the transpose of what stands outside: its name is that of the other
        if id(parameter.root) not in names:
            names[id(parameter.root)] = names.pop(id(parameter))


def _free_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_out"
    return name


def _flatten_outputs(
    result: Any, name: str, builder: GraphBuilder, outputs: dict[str, Value], block: Owner
) -> Any:
    """Collect the tensors of a result under names and return its structure in names."""
    if isinstance(result, list | tuple):
        if not result:
            raise BlockError(
                f"forward of {block.name} returned an empty {type(result).__name__}", path=block.path
            )
        parts = (
            _flatten_outputs(item, f"{name}.{i}", builder, outputs, block) for i, item in enumerate(result)
        )
        return alike(result, parts)
    if isinstance(result, dict):
        return {
            key: _flatten_outputs(item, str(key), builder, outputs, block) for key, item in result.items()
        }
    if isinstance(result, np.ndarray | np.generic | int | float) and not isinstance(result, bool):
        outputs[name] = add_constant(builder, np.asarray(result))
        return name
    if not isinstance(result, Tensor):
        raise BlockError(
            f"forward of {block.name} returned {result!r}; it returns tensors, alone or in lists, tuples and dicts",
            path=block.path,
        )
    outputs[name] = result.value
    return name


def needs_tensors(arguments: Arguments) -> GraphBuilder | None:
    """Return the builder of the first tensor among arguments, None when all are arrays."""
    for leaf in arguments.leaves.values():
        if isinstance(leaf, Tensor):
            return leaf.builder
    return None
