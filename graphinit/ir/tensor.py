"""Tensors: symbolic values with the operators that people expect.

A `Tensor` names a value of a `GraphBuilder`; using an operator adds an op, by name, through the
registry.  Tensors of two builders that meet in one op join their builders.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from graphinit.errors import DTypeError, OpError, SymbolicValueError
from graphinit.ir.graph import GraphBuilder
from graphinit.ir.joining import all_or_nothing, join, may_fail
from graphinit.ir.node import NO_META, Meta, Value
from graphinit.ir.op import Attrs, Literal
from graphinit.ir.operators import Arithmetic, Operators, Unread
from graphinit.ir.origin import here
from graphinit.ir.size import Size, SymbolicShape
from graphinit.ir.types import TensorType, canonical_dtype
from graphinit.plain_text import class_name, escaped, shown
from graphinit.spellings import TENSORS, attribute_error


class Tensor(Unread, Operators["Tensor"]):
    """A symbolic value: output `port` of a node.

    It hashes by identity, so that ``==`` can be an op.

    Parameters
    ----------
    builder : GraphBuilder
        Where its node is.
    value : Value
        Which node, which output.
    """

    __slots__ = ("_builder", "_value")
    __apply_op__ = __symbolic__ = None  # it is a symbol itself

    def __init__(self, builder: GraphBuilder, value: Value) -> None:
        self._builder = builder
        self._value = value

    @property
    def builder(self) -> GraphBuilder:
        """The builder that holds its node now."""
        return self._builder if self._builder.into is None else self._place()[0]

    @property
    def value(self) -> Value:
        """The value's place in `builder`."""
        return self._value if self._builder.into is None else self._place()[1]

    def __copy__(self) -> Tensor:
        return self

    def __deepcopy__(self, memo: Any) -> Tensor:
        return self  # a name for a value, as blocks keep it after they were described

    def __reduce__(self) -> Any:
        return Tensor, (self.builder, self.value)

    def _place(self) -> tuple[GraphBuilder, Value]:
        """Return where the node went when its builder was taken over by another."""
        builder, value = self._builder, self._value
        while builder.into is not None:
            value = Value(builder.renamed.get(value.node, value.node), value.port)
            builder = builder.into
        if not may_fail():  # else it may go back
            self._builder, self._value = builder, value
        return builder, value

    @property
    def name(self) -> str:
        """Name of the value: its node's, with ``:1`` for a second output."""
        return str(self.value)

    @property
    def type(self) -> TensorType:
        """What is known of its shape and dtype."""
        builder, value = self.builder, self.value
        declared = builder.nodes[value.node].types[value.port]
        if builder.resolve is None or (declared.is_static and declared.dtype is not None):
            return declared
        resolved: TensorType = builder.resolve(builder, value)
        return resolved

    @property
    def shape(self) -> SymbolicShape:
        """Its shape as far as known."""
        return SymbolicShape(self)

    @property
    def ndim(self) -> int:
        """Number of axes; `SymbolicValueError` when unknown."""
        return len(self.shape)

    @property
    def dtype(self) -> str | None:
        """Its dtype, None when not settled yet."""
        return self.type.dtype

    def __repr__(self) -> str:
        return escaped(f"Tensor({self.name}: {self.type})")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise attribute_error("x", name, "a tensor", TENSORS) or AttributeError(
                f"a tensor has no attribute {name!r}", name=name, obj=self
            )

    def fail(self) -> NoReturn:
        """Raise, because Python asked for a value."""
        raise SymbolicValueError(
            f"{self.name!r} has no value while the network is described, so Python cannot decide by it; "
            "use F.cond or F.while_loop, or F.where for a choice by element: in place of "
            "'while F.sum(x) > 1: x = x / 2' write "
            "x = F.while_loop(lambda x: F.sum(x) > 1, lambda x: x / 2, x)",
            node=self.value.node,
        )

    __bool__ = Unread._fail

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise SymbolicValueError(
            f"{self.name!r} has no value while the network is described, so NumPy cannot make an array of it; "
            "use the functions of graphinit.functional (F.stack joins a list of tensors)",
            node=self.value.node,
        )

    def operate(self, op: str, *operands: Any, **attrs: Any) -> Tensor:
        """Add an op to the graph."""
        return apply_all(op, *operands, **attrs)[0]


def apply(op: str, *operands: Any, name: str | None = None, **attrs: Any) -> Tensor:
    """Add an op to the graph of its operands and return its first output.

    Parameters
    ----------
    op : str
        Name of a registered op.
    *operands : Tensor, array or number
        At least one tensor; arrays and numbers become constants.
    name : str, optional
        Name of the new node.
    **attrs
        Attributes of the op; a `Size` may stand for any size.

    Raises
    ------
    OpError
        If operands or attributes don't fit the op.
    """
    return apply_all(op, *operands, name=name, **attrs)[0]


def apply_all(op: str, *operands: Any, name: str | None = None, **attrs: Any) -> tuple[Tensor, ...]:
    """Like `apply`, but return all outputs."""
    for operand in operands:
        takes_over = getattr(operand, "__apply_op__", None)
        if takes_over is not None:  # a recorded array
            taken: tuple[Tensor, ...] = takes_over(op, operands, attrs)
            return taken
    operands = tuple(symbolic(operand) for operand in operands)
    builder = None
    for item in _symbols((operands, tuple(attrs.values()))):
        if builder is not None and item.builder is not builder:
            with all_or_nothing():
                builder = join(other.builder for other in _symbols((operands, tuple(attrs.values()))))
                return _added(builder, op, operands, attrs, name)
        builder = item.builder
    if builder is None:
        raise OpError(
            f"{op} needs at least one tensor, as F.input makes them and forward gets them; got "
            f"{', '.join(map(shown, operands)) or 'nothing'}",
            node=op,
        )
    return _added(builder, op, operands, attrs, name)


def _added(
    builder: GraphBuilder, op: str, operands: tuple[Any, ...], attrs: dict[str, Any], name: str | None
) -> tuple[Tensor, ...]:
    """Add an op to a builder, or nothing when that fails."""
    count = len(builder.nodes)
    try:
        inputs = [_constant(builder, operand) for operand in operands]
        known = {key: _unsized(value) for key, value in attrs.items()}
        value = builder.add(op, inputs, known, name=name, meta=current_meta(builder))
    except BaseException:
        builder.truncate(count)
        raise
    return tuple(
        Tensor(builder, Value(value.node, port)) for port in range(len(builder.nodes[value.node].types))
    )


def symbolic(operand: Any) -> Any:
    """Return what an operand stands for: a parameter is its tensor, everything else itself."""
    convert = getattr(operand, "__symbolic__", None)
    return operand if convert is None else convert()


def current_meta(builder: GraphBuilder) -> Meta:
    """Return the metadata for a node made now: the builder's open block, or the user's line."""
    scope = builder.scope
    if scope is not None:  # a block of the user's states its own lines, one of ours where it was made
        return scope if scope.origin is not None else replace(scope, origin=here())
    origin = here()
    return Meta(origin=origin) if origin else NO_META


def _symbols(value: Any) -> Iterator[Tensor | Size]:
    """Give the tensors and sizes among operands and attributes."""
    if isinstance(value, Tensor | Size):
        yield value
    elif isinstance(value, tuple | list | SymbolicShape):
        for item in value:
            yield from _symbols(item)


def _constant(builder: GraphBuilder, operand: Any) -> Value:
    if isinstance(operand, Tensor):
        return operand.value
    return add_constant(builder, operand)


def add_constant(builder: GraphBuilder, value: Any, dtype: Any = None) -> Value:
    """Add a constant node; a Python number has no dtype of its own and takes its partner's."""
    if isinstance(value, Size):
        return builder.source(
            "constant", builder.unique("constant"), TensorType((), None), Attrs({"value": value.expr})
        )
    if isinstance(value, bool | int | float) and dtype is None:
        if not isinstance(value, bool):  # np.float64 is a float as well
            value = float(value) if isinstance(value, float) else int(value)
            if isinstance(value, int) and value.bit_length() > 1024:
                raise DTypeError(f"a number of {value.bit_length()} bits is beyond every dtype")
        type = TensorType((), "bool" if isinstance(value, bool) else None)
        return builder.source("constant", builder.unique("constant"), type, Attrs({"value": value}))
    wanted = None if dtype is None else canonical_dtype(dtype)
    try:
        array = np.asarray(value, wanted)
    except (TypeError, ValueError, OverflowError) as cause:
        raise _no_operand(value) from cause
    if array.dtype.kind not in "biuf" and not isinstance(value, np.ndarray | np.generic):
        raise _no_operand(value)
    if dtype is None and array.dtype == np.float64 and not isinstance(value, np.ndarray | np.generic):
        array = array.astype(np.float32)  # lists of numbers: the default dtype
    literal = Literal(array.astype(canonical_dtype(array.dtype), copy=False))
    type = TensorType(array.shape, canonical_dtype(array.dtype))
    return builder.source("constant", builder.unique("constant"), type, Attrs({"value": literal}))


def _no_operand(value: Any) -> DTypeError:
    """Return the error that says that something is no operand."""
    if isinstance(value, list | tuple) and any(isinstance(item, Arithmetic) for item in value):
        return DTypeError(
            f"a {class_name(value)} of tensors is no tensor; give one of them, or join them by F.stack or F.concat"
        )
    shown = repr(value)
    what = shown if len(shown) <= 40 else f"a value of class {class_name(value)}"
    return DTypeError(f"{what} is neither a tensor nor an array of real numbers")


def _unsized(value: Any) -> Any:
    if isinstance(value, Size):
        return value.expr
    if isinstance(value, SymbolicShape):
        value = tuple(value)
    if isinstance(value, tuple | list):
        return tuple(_unsized(item) for item in value)
    return value
