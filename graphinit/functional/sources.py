"""Where graphs begin: inputs, parameters, constants."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graphinit.errors import GraphError
from graphinit.initializers.base import initializer_text
from graphinit.ir.graph import GraphBuilder
from graphinit.ir.kernel import Kernel
from graphinit.ir.op import Attrs
from graphinit.ir.tensor import Tensor, add_constant, current_meta
from graphinit.ir.types import TensorType, canonical_dtype, parse_shape
from passes.shapes.solver import resolve


def input(name: str, shape: Any = None, dtype: Any = "float32") -> Tensor:
    """Return an input of a new graph, called `name`.

    Parameters
    ----------
    name : str
        Its name, by which arrays are given when the graph runs.
    shape : tuple, array, TensorType or str, optional
        Any input specification: ``(-1, 20)``, ``("batch", 20)``, ``"int64[batch]"``; -1 is unknown,
        0 a size.  By default not even the number of axes is known.
    dtype : dtype-like or None
        Its dtype, unless `shape` states one; None lets its consumers decide.

    Returns
    -------
    Tensor
        A symbolic value; functions and operators on it add to its graph.

    Raises
    ------
    ShapeError
        GI206, when the sizes are none.
    DTypeError
        GI301, when the dtype is none.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.input("x", ("batch", 20))
    Tensor(x: float32[batch, 20])
    >>> F.input("ids", "int64[batch]").dtype
    'int64'
    """
    type = TensorType() if shape is None else TensorType.parse(shape)
    if type.dtype is None and dtype is not None:
        type = TensorType(type.shape, canonical_dtype(dtype))
    builder = GraphBuilder(resolve=resolve)
    return Tensor(builder, builder.source("input", _checked(name), type, meta=current_meta(builder)))


def parameter(
    name: str,
    shape: Any,
    dtype: Any = "float32",
    init: Any = None,
    trainable: bool = True,
    kernel: str | Kernel | None = None,
) -> Tensor:
    """Return a parameter of a new graph, called `name`.

    Parameters
    ----------
    name : str
        Its path, such as ``"0.weight"``; its values are drawn from a stream of that name.
    shape : tuple
        Its sizes; -1 for those that inference is to find.
    dtype : dtype-like
        Its dtype.
    init : Initializer, str or callable, optional
        How it gets its first values; by default whoever initialises decides.
    trainable : bool
        Whether gradients are wanted.
    kernel : str or Kernel, optional
        Of the weight of a layer, what its axes are, ``"OI"`` for `linear`: initializers of Keras and JAX are
        then asked for the order of axes that they know, see `graphinit.init.create`.

    Returns
    -------
    Tensor
        A symbolic value.

    Raises
    ------
    ShapeError
        GI206, when the sizes are none.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.linear(F.input("x", (2, 20)), F.parameter("w", shape=(256, -1))).shape
    (2, 256)
    """
    builder = GraphBuilder(resolve=resolve)
    type = TensorType(parse_shape(shape), canonical_dtype(dtype))
    attrs = Attrs({"init": initializer_text(init) or init, "trainable": bool(trainable)})
    meta = replace(current_meta(builder), kernel=Kernel.of(kernel))
    return Tensor(builder, builder.source("parameter", _checked(name), type, attrs, meta))


def constant(array: Any, dtype: Any = None) -> Tensor:
    """Return a constant of a new graph.

    Parameters
    ----------
    array : array or number
        Its values, copied.  A Python number has no dtype of its own and takes its partner's.
    dtype : dtype-like, optional
        By default that of the array; lists of Python floats become float32.

    Returns
    -------
    Tensor
        A symbolic value.

    Raises
    ------
    DTypeError
        GI301, when it is no array of numbers.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.constant([[1.0, 2.0, 3.0]])
    Tensor(constant: float32[1, 3])
    """
    builder = GraphBuilder(resolve=resolve)
    return Tensor(builder, add_constant(builder, array, dtype))


def _checked(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise GraphError(f"a name is text, not {name!r}", code="GI107")
    return name
