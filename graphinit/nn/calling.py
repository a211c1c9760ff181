"""A block called on arrays: compiled once for each signature of its inputs, then run.

A call looks up its program by shapes and dtypes; only what was not seen before is inferred, settled and
compiled, and described only when its ranks are new.  The sixteen signatures used last are kept.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from graphinit import recording
from graphinit.compiler import compile
from graphinit.errors import SymbolicValueError
from graphinit.ir.graph import Graph
from graphinit.ir.types import TensorType
from graphinit.nn.arguments import Arguments, bind_call, bind_specs, map_specs, to_array
from graphinit.nn.describing import describe_call, needs_tensors

if TYPE_CHECKING:
    from graphinit.nn.block import Block
    from graphinit.runtime.executor import Executable

KEPT = 16


class Programs:
    """The compiled programs of one block.

    Attributes
    ----------
    fast : OrderedDict
        From shape and dtype to what runs, for calls with one array.
    general : OrderedDict
        From the signature of all arguments to the executable.
    graphs : OrderedDict
        From what is static about arguments, and ranks, to the network's description.
    """

    def __init__(self) -> None:
        self.fast: OrderedDict[Any, Any] = OrderedDict()
        self.general: OrderedDict[Any, Executable] = OrderedDict()
        self.graphs: OrderedDict[Any, Graph | None] = OrderedDict()


def _keep(programs: OrderedDict[Any, Any], key: Any, program: Any) -> None:
    programs[key] = program
    while len(programs) > KEPT:
        programs.popitem(last=False)


def call_block(block: Block, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a block on tensors or arrays whose program is not at hand yet."""
    arguments = bind_call(block.forward, args, kwargs, block.name)
    builder = needs_tensors(arguments)
    if builder is not None:
        return describe_call(block, args, kwargs, builder)
    record = recording.recorder()
    if record is not None:
        return record(block, args, kwargs)
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


def _run(block: Block, arguments: Arguments, args: tuple[Any, ...]) -> Any:
    arrays = {name: to_array(name, value) for name, value in arguments.leaves.items()}
    train = recording.scopes.training
    key = (repr(arguments.key), train, tuple((array.shape, array.dtype) for array in arrays.values()))
    executable = block._programs.general.get(key)
    if executable is None:
        executable = _compile(block, arguments, arrays, train)
    programs = block._programs  # others than before, where compiling has settled shapes
    _keep(programs.general, key, executable)
    programs.general.move_to_end(key)
    if not train and _is_simple(executable, args):
        _keep(programs.fast, (args[0].shape, args[0].dtype), executable.run)
    return executable.forward(**arrays)


def _is_simple(executable: Executable, args: tuple[Any, ...]) -> bool:
    """Whether one array goes in as it is and one comes out, so that nothing needs checking or wrapping."""
    inputs = executable.graph.inputs
    if len(args) != 1 or len(inputs) != 1 or type(args[0]) is not np.ndarray:
        return False
    (source,) = inputs.values()
    return args[0].dtype == source.type.dtype and isinstance(executable.graph.structure, str)


def _compile(block: Block, arguments: Arguments, arrays: dict[str, np.ndarray], train: bool) -> Executable:
    specs = block.specs(*arguments.filled(arrays))
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

    def __init__(self, block: Block, statics: str) -> None:
        self._block = block
        self._statics = statics
        self.settle = block.settle
        self.variables = block.variables

    def trace(self, train: bool = False, **specs: Any) -> Graph:
        """Return the graph for some inputs: the one at hand with their sizes, where it doesn't depend on them."""
        block = self._block
        leaves = bind_specs(block.forward, specs, block.name).leaves
        types = {name: TensorType.parse(leaf) for name, leaf in leaves.items()}
        key = (self._statics, train, tuple((name, type.rank) for name, type in types.items()))
        graphs = block._programs.graphs
        if key not in graphs:
            _keep(graphs, key, self._described(train, specs))
        graph: Graph | None = graphs[key]
        if graph is None:
            return block.trace(train=train, **specs)
        return graph.with_types({name: (type,) for name, type in types.items()})

    def _described(self, train: bool, specs: dict[str, Any]) -> Graph | None:
        """Return the graph for any sizes; None when Python in a `forward` decides by them."""

        def unsized(spec: Any) -> Any:
            type = TensorType.parse(spec)
            return TensorType((-1,) * (type.rank or 0), type.dtype)

        try:
            return self._block.trace(train=train, **map_specs(specs, unsized))
        except SymbolicValueError:
            return None
