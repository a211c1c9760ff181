"""Calls of blocks, recorded."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphinit.compiler import settled_graph
from graphinit.ir.types import TensorType
from graphinit.nn.arguments import Arguments, bind_call, check_given
from graphinit.nn.calling import Traced
from graphinit.nn.describing import describe_call, needs_tensors
from graphinit.recorded.array import Array, leaf, record_op, wrap
from graphinit.recorded.nodes import CallEntry, Node, Ref
from graphinit.recording import mode
from graphinit.runtime.arguments import alike, as_array, cast_input

KEPT = 16


def record_call(block: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Record a call of a block; deferred parameters are drawn now, nothing is run.

    Returns
    -------
    Array, or a list, tuple or dict of them
        In the structure that ``forward`` returns.
    """
    plain = not kwargs and all(type(item) is np.ndarray or type(item) is Array for item in args)
    if not plain:
        builder = needs_tensors(bind_call(block.forward, args, kwargs, block.name))
        if builder is not None:
            return describe_call(block, args, kwargs, builder)
    for hook in block._pre_hooks:
        changed = hook(block, args)
        if changed is not None:
            args = changed if isinstance(changed, tuple) else (changed,)
    entry, given = _plain(block, args) if plain else _bound(block, args, kwargs)
    inputs = tuple(_input(name, item, type) for (name, type), item in zip(entry.inputs, given, strict=True))
    node = Node(entry, inputs, tuple(entry.outputs.values()))
    ports = {name: wrap(node, port) for port, name in enumerate(entry.outputs)}
    result = _filled(entry.structure, ports)
    for hook in block._hooks:
        changed = hook(block, args, result)
        result = result if changed is None else changed
    return result


def _plain(block: Any, args: tuple[Any, ...]) -> tuple[CallEntry, tuple[Any, ...]]:
    """Return what a call with nothing but arrays in order is; binding them by name costs more than the rest."""
    key = (mode.value.training, *((item.shape, item.dtype) for item in args))
    entry = block._programs.recorded.get(key)
    if entry is None:
        entry, given = _bound(block, args, {})
        if len(given) == len(args) and all(one is other for one, other in zip(given, args, strict=True)):
            block._programs.recorded[key] = entry
        return entry, tuple(given)
    return entry, args


def _bound(block: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[CallEntry, list[Any]]:
    arguments = bind_call(block.forward, args, kwargs, block.name)
    check_given(block.forward, arguments, block.name)
    given = {
        name: value if isinstance(value, Array) else as_array(name, value)
        for name, value in arguments.leaves.items()
    }
    statics = repr(arguments.key)
    key = (statics, mode.value.training, tuple((value.shape, value.dtype) for value in given.values()))
    entry = block._programs.recorded.get(key)
    if entry is None:
        entry = _entry(block, arguments, statics, given)
        recorded = block._programs.recorded  # others than before, where shapes have been settled
        recorded[key] = entry
        while len(recorded) > KEPT:
            recorded.popitem(last=False)
    return entry, [given[name] for name, _ in entry.inputs]


def _entry(block: Any, arguments: Arguments, statics: str, given: dict[str, Any]) -> CallEntry:
    stand_ins = {
        name: value
        if isinstance(value, np.ndarray)
        else np.broadcast_to(np.zeros((), value.dtype), value.shape)
        for name, value in given.items()
    }
    train = mode.value.training
    specs = block.specs(*arguments.specs(stand_ins))
    graph, report = settled_graph(Traced(block, statics), train, specs)
    inputs = tuple((name, report.type(name)) for name in graph.inputs)
    names = _names(graph.structure)
    outputs = {name: report.graph.type_of(report.graph.outputs[name]) for name in names}
    parameters = tuple(p for p in block.collect_params().distinct().values())
    emptied = Arguments(arguments.args, arguments.kwargs, {})
    return CallEntry(block, emptied, train, inputs, graph.structure, outputs, parameters)


def _input(name: str, given: Any, type: TensorType) -> Ref:
    if not isinstance(given, Array):
        return leaf(cast_input(name, given, type)), 0
    if given.type.dtype != type.dtype:
        (cast,) = record_op("cast", (given,), {"dtype": type.dtype})
        return cast.ref
    return given.ref


def _names(structure: Any) -> list[str]:
    """Return the names in a structure of outputs, in order."""
    if isinstance(structure, str):
        return [structure]
    parts = structure.values() if isinstance(structure, dict) else structure
    return [name for part in parts for name in _names(part)]


def _filled(structure: Any, values: dict[str, Any]) -> Any:
    if isinstance(structure, str):
        return values[structure]
    if isinstance(structure, dict):
        return {key: _filled(part, values) for key, part in structure.items()}
    return alike(structure, (_filled(part, values) for part in structure))
