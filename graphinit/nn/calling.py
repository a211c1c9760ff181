"""A block called on arrays: compiled once for each signature of its inputs, then run.

A call looks up its program by shapes and dtypes; only what was not seen before is inferred, settled and
compiled, and described only when its ranks are new.  The sixteen signatures used last are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphinit import recording, tracing
from graphinit.compiler import compile
from graphinit.errors import SymbolicValueError
from graphinit.ir.graph import Graph
from graphinit.ir.types import TensorType
from graphinit.nn.arguments import Arguments, bind_call, bind_specs, check_given, map_specs
from graphinit.nn.describing import describe_call, needs_tensors, trace_block
from graphinit.nn.owner import Owner
from graphinit.nn.programs import keep
from graphinit.nn.settling import settle, variables
from graphinit.runtime.arguments import as_array
from graphinit.runtime.executor import Executable
from passes.shape_report import ShapeReport


def call_block(block: Owner, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a block on tensors or arrays whose program is not at hand yet."""
    trace = tracing.current()
    if trace is not None and id(block) in trace.paths:  # part of what is described, whatever it is given
        bind_call(block.forward, args, kwargs, block.name)
        return describe_call(block, args, kwargs)
    record = recording.mode.value.recorder
    if record is not None:
        return record(block, args, kwargs)
    arguments = bind_call(block.forward, args, kwargs, block.name)
    builder = needs_tensors(arguments)
    if builder is not None:
        return describe_call(block, args, kwargs, builder)
    if not (block._pre_hooks or block._hooks):
        return _run(block, arguments, args)
    for hook in block._pre_hooks:
        changed = hook(block, args)
        if changed is not None:
            args = changed if isinstance(changed, tuple) else (changed,)
    result = _run(block, bind_call(block.forward, args, kwargs, block.name), ())
    for after in block._hooks:
        changed = after(block, args, result)
        result = result if changed is None else changed
    return result


def _run(block: Owner, arguments: Arguments, args: tuple[Any, ...]) -> Any:
    check_given(block.forward, arguments, block.name)
    arrays = {name: as_array(name, value) for name, value in arguments.leaves.items()}
    train = recording.mode.value.training
    key = (repr(arguments.key), train, tuple((array.shape, array.dtype) for array in arrays.values()))
    executable = block._programs.general.get(key)
    if executable is None:
        executable = _compile(block, arguments, arrays, train)
    programs = block._programs  # others than before, where compiling has settled shapes
    keep(programs.general, key, executable)
    if not train and _is_simple(executable, args):
        keep(programs.fast, (args[0].shape, args[0].dtype), executable.run)
    return executable.forward(**arrays)


def _is_simple(executable: Executable, args: tuple[Any, ...]) -> bool:
    """Whether one array goes in as it is and one comes out, so that nothing needs checking or wrapping."""
    inputs = executable.graph.inputs
    if len(args) != 1 or len(inputs) != 1 or type(args[0]) is not np.ndarray:
        return False
    (source,) = inputs.values()
    return args[0].dtype == source.type.dtype and isinstance(executable.graph.structure, str)


def _compile(block: Owner, arguments: Arguments, arrays: dict[str, np.ndarray], train: bool) -> Executable:
    specs = block.specs(*arguments.specs(arrays))
    return compile(Traced(block, repr(arguments.key)), inputs=specs, train=train, grad=False)


class Traced:
    """A block whose description is kept for arrays of other sizes, as long as the ranks are the same.

    Parameters
    ----------
    block : Block
        The block.
    statics : str
        What is static about its arguments.
    """

    def __init__(self, block: Owner, statics: str) -> None:
        self._block = block
        self._statics = statics

    def trace(self, train: bool = False, **specs: Any) -> Graph:
        """Return the graph for some inputs: the one at hand with their sizes, where it doesn't depend on them."""
        block = self._block
        leaves = bind_specs(block.forward, specs, block.name).leaves
        types = {name: TensorType.parse(leaf) for name, leaf in leaves.items()}
        key = (self._statics, train, tuple((name, type.rank) for name, type in types.items()))
        graphs = block._programs.graphs
        if key not in graphs:
            keep(graphs, key, self._described(train, specs))
        graph: Graph | None = graphs[key]
        if graph is None:
            return trace_block(block, train, specs)[0]
        return graph.with_types({name: (type,) for name, type in types.items()})

    def _described(self, train: bool, specs: dict[str, Any]) -> Graph | None:
        """Return the graph for any sizes; None when Python in a `forward` decides by them."""

        def unsized(spec: Any) -> Any:
            type = TensorType.parse(spec)
            return TensorType((-1,) * (type.rank or 0), type.dtype)

        try:
            return trace_block(self._block, train, map_specs(specs, unsized))[0]
        except SymbolicValueError:
            return None

    def settle(self, report: ShapeReport) -> None:
        """Settle the block's parameters."""
        settle(self._block, report, require_values=True)

    def variables(self, graph: Graph) -> dict[str, Any]:
        """Return what holds the values of the block's parameters and state."""
        return variables(self._block, graph)
