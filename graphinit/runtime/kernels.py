"""Kernels as text and as Python callables: how a single op is computed.

The emitter prints `kernel_text`; constant folding, tests and reference execution call `kernel_function`
and `run_op`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, cast

import numpy as np

from graphinit.ir.op import Attrs, OpSpec, Template, fill_template, op_spec
from graphinit.ir.types import TensorType

KernelFunction = Callable[[Sequence[Any], Sequence[Any]], None]


def kernel_text(spec: OpSpec, attrs: Attrs, inputs: int, dtype: str = "float32") -> str | None:
    """Return the statements of an op's kernel over its operand names, attributes put in.

    Parameters
    ----------
    spec : OpSpec
        The op.
    attrs : Attrs
        Its attributes; sizes in them are numbers.
    inputs : int
        How many inputs there are.
    dtype : str
        The dtype of the first output.

    Returns
    -------
    str or None
        Statements, one a line, whose only free names are ``np`` and the signature's operands;
        None when the kernel is a Python callable.

    Examples
    --------
    >>> import graphinit.ops
    >>> print(kernel_text(op_spec("linear"), op_spec("linear").check_attrs({}), 2))
    np.matmul(x, w.T, out=y)
    """
    return _text(spec, (dtype == "float16" and spec.half) or spec.kernel, attrs, inputs)


def kernel_function(spec: OpSpec, attrs: Attrs, inputs: int) -> KernelFunction:
    """Return the kernel as ``function(outputs, inputs)`` over sequences of arrays.

    Parameters
    ----------
    spec : OpSpec
        The op.
    attrs : Attrs
        Its attributes; sizes in them are numbers.
    inputs : int
        How many inputs there are.

    Examples
    --------
    >>> import graphinit.ops
    >>> y = np.empty(2)
    >>> kernel_function(op_spec("exp"), Attrs(), 1)([y], [np.array([0.0, 1.0])])
    >>> y
    array([1.        , 2.71828183])
    """
    text = kernel_text(spec, attrs, inputs)
    function: KernelFunction
    if text is None:
        function = partial(_called, spec.kernel, attrs)
    else:
        taken = [operand.name for operand in spec.parsed.inputs[:inputs]]
        given = [operand.name for operand in spec.parsed.outputs]
        function = _compiled(spec.name, text, tuple(taken), tuple(given))
        if spec.half:
            short = kernel_text(spec, attrs, inputs, "float16") or text
            function = _by_width(function, _compiled(spec.name, short, tuple(taken), tuple(given)))
    return np.errstate(all="ignore")(function) if spec.quiet else function


def _called(kernel: Any, attrs: Attrs, outputs: Sequence[Any], arrays: Sequence[Any]) -> None:
    kernel(outputs, arrays, attrs)


def _by_width(usual: KernelFunction, half: KernelFunction) -> KernelFunction:
    def function(outputs: Sequence[Any], arrays: Sequence[Any]) -> None:
        (half if outputs[0].dtype == np.float16 else usual)(outputs, arrays)

    return function


def run_op(
    name: str,
    arrays: Sequence[Any],
    attrs: Attrs | None = None,
    types: Sequence[TensorType] = (),
) -> list[np.ndarray]:
    """Compute one op on arrays and return fresh outputs.

    Parameters
    ----------
    name : str
        Name of the op.
    arrays : sequence of arrays
        Its inputs.
    attrs : Attrs, optional
        Its attributes; defaults where left out.
    types : sequence of TensorType
        Types of its outputs, of known sizes.

    Examples
    --------
    >>> import graphinit.ops
    >>> run_op("add", [np.ones(2), np.ones(2)], types=[TensorType((2,), "float64")])
    [array([2., 2.])]
    """
    spec = op_spec(name)
    checked = spec.check_attrs(attrs or {})
    outputs: list[np.ndarray] = [np.empty(cast(Any, type.shape), type.dtype) for type in types]
    kernel_function(spec, checked, len(arrays))(outputs, [np.asarray(array) for array in arrays])
    return outputs


def _text(spec: OpSpec, source: Any, attrs: Attrs, inputs: int) -> str | None:
    if isinstance(source, Template):
        return source.write(attrs, inputs)
    return fill_template(source, {}, attrs) if isinstance(source, str) else None


@lru_cache(maxsize=1024)
def _compiled(name: str, text: str, taken: tuple[str, ...], given: tuple[str, ...]) -> KernelFunction:
    lines = [f"def {name}(outputs, inputs):", f"    ({', '.join(given)},) = outputs"]
    if taken:
        lines.append(f"    ({', '.join(taken)},) = inputs")
    lines += [f"    {line}" for line in text.split("\n")]
    scope: dict[str, Any] = {"np": np}
    exec(compile("\n".join(lines), f"<kernel of {name}>", "exec"), scope)
    function: KernelFunction = scope[name]
    return function
