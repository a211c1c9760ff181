"""A block called on arrays: compiled once for each signature of its inputs, then run.

A call looks up its program by shapes and dtypes; only what was not seen before is traced, inferred,
settled and compiled.  The sixteen signatures used last are kept.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from graphinit.compiler import compile
from graphinit.ir.types import TensorType, is_float, is_integer
from graphinit.nn.arguments import Arguments, bind_call, cast_array, to_array
from graphinit.nn.describing import describe_call, needs_tensors
from passes.shape_inference import infer_shapes

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
    """

    def __init__(self) -> None:
        self.fast: OrderedDict[Any, Any] = OrderedDict()
        self.general: OrderedDict[Any, tuple[Executable, dict[str, str]]] = OrderedDict()


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
    key = (repr(arguments.key), tuple((array.shape, array.dtype) for array in arrays.values()))
    found = block._programs.general.get(key)
    if found is None:
        found = _compile(block, arguments, arrays)
        _keep(block._programs.general, key, found)
    else:
        block._programs.general.move_to_end(key)
    executable, dtypes = found
    if (
        len(args) == len(arrays) == 1
        and type(args[0]) is np.ndarray
        and args[0].dtype == dtypes[next(iter(dtypes))]
    ) and isinstance(executable.graph.structure, str):
        _keep(block._programs.fast, (args[0].shape, args[0].dtype), executable.run)
    return executable.forward(
        **{name: cast_array(name, array, dtypes[name]) for name, array in arrays.items()}
    )


def _compile(
    block: Block, arguments: Arguments, arrays: dict[str, np.ndarray]
) -> tuple[Executable, dict[str, str]]:
    args, kwargs = arguments.filled({name: TensorType(array.shape) for name, array in arrays.items()})
    specs = block.specs(args, kwargs)
    report = infer_shapes(block.trace(**specs))
    floats = [p.dtype for p in block.collect_params().values() if is_float(p.dtype)]
    dtypes = {name: _dtype(report.type(name).dtype, array, floats) for name, array in arrays.items()}
    args, kwargs = arguments.filled(
        {name: TensorType(array.shape, dtypes[name]) for name, array in arrays.items()}
    )
    return compile(block, inputs=block.specs(args, kwargs), grad=False), dtypes


def _dtype(settled: str | None, array: np.ndarray, floats: list[str]) -> str:
    """Return the dtype that an input is cast to: ids where ids are taken, else that of the parameters."""
    if is_integer(settled):
        return array.dtype.name if array.dtype.kind in "iu" else str(settled)
    if floats:
        return floats[0]
    return array.dtype.name
