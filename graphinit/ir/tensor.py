"""Tensors: symbolic values with the operators that people expect.

A `Tensor` names a value of a `GraphBuilder`; using an operator adds an op, by name, through the
registry.  Tensors of two builders that meet in one op join their builders.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from graphinit.errors import DTypeError, OpError, SymbolicValueError
from graphinit.ir.graph import GraphBuilder
from graphinit.ir.node import NO_META, Meta, Value
from graphinit.ir.op import Attrs, Literal
from graphinit.ir.origin import here
from graphinit.ir.size import Size, SymbolicShape, join
from graphinit.ir.types import TensorType, canonical_dtype
from graphinit.plain_text import escaped
from graphinit.scalars import several, whole

ELLIPSIS = "..."


class Tensor:
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
    __array_ufunc__ = None  # a NumPy array on the left leaves the operator to us

    def __init__(self, builder: GraphBuilder, value: Value) -> None:
        self._builder = builder
        self._value = value

    @property
    def builder(self) -> GraphBuilder:
        """The builder that holds its node now."""
        self._follow()
        return self._builder

    @property
    def value(self) -> Value:
        """The value's place in `builder`."""
        self._follow()
        return self._value

    def __copy__(self) -> Tensor:
        return self

    def __deepcopy__(self, memo: Any) -> Tensor:
        return self  # a name for a value, as blocks keep it after they were described

    def __reduce__(self) -> Any:
        return Tensor, (self.builder, self.value)

    def _follow(self) -> None:
        """Go where the node went when its builder was absorbed by another."""
        while self._builder.into is not None:
            node, port = self._value
            self._value = Value(self._builder.renamed.get(node, node), port)
            self._builder = self._builder.into

    @property
    def name(self) -> str:
        """Name of the value: its node's, with ``:1`` for a second output."""
        return str(self.value)

    @property
    def type(self) -> TensorType:
        """What is known of its shape and dtype."""
        builder = self.builder
        node = builder.nodes[self._value.node]
        declared = node.types[self._value.port]
        if builder.resolve is None or (declared.is_static and declared.dtype is not None):
            return declared
        resolved: TensorType = builder.resolve(builder, self._value)
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

    __hash__ = object.__hash__

    def _fail(self, *_: Any) -> Any:
        raise SymbolicValueError(
            f"{self.name!r} has no value while the network is described, so Python cannot decide by it; "
            "use F.cond or F.while_loop, or F.where for a choice by element",
            node=self._value.node,
        )

    __bool__ = __int__ = __float__ = __index__ = __len__ = __contains__ = _fail

    def __iter__(self) -> Iterator[Any]:
        return iter(self._fail())

    def __add__(self, other: Any) -> Tensor:
        return apply("add", self, other)

    def __radd__(self, other: Any) -> Tensor:
        return apply("add", other, self)

    def __sub__(self, other: Any) -> Tensor:
        return apply("subtract", self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return apply("subtract", other, self)

    def __mul__(self, other: Any) -> Tensor:
        return apply("multiply", self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return apply("multiply", other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return apply("divide", self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return apply("divide", other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        return apply("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return apply("floor_divide", other, self)

    def __mod__(self, other: Any) -> Tensor:
        return apply("remainder", self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return apply("remainder", other, self)

    def __pow__(self, other: Any) -> Tensor:
        return apply("power", self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return apply("power", other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return apply("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return apply("matmul", other, self)

    def __neg__(self) -> Tensor:
        return apply("negative", self)

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return apply("abs", self)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]
        return apply("equal", self, other)

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        return apply("not_equal", self, other)

    def __lt__(self, other: Any) -> Tensor:
        return apply("less", self, other)

    def __le__(self, other: Any) -> Tensor:
        return apply("less_equal", self, other)

    def __gt__(self, other: Any) -> Tensor:
        return apply("greater", self, other)

    def __ge__(self, other: Any) -> Tensor:
        return apply("greater_equal", self, other)

    def __getitem__(self, index: Any) -> Tensor:
        return _index(self, index)

    @property
    def T(self) -> Tensor:  # noqa: N802  (NumPy's name)
        """The tensor with its axes reversed."""
        return apply("transpose", self)

    def reshape(self, *shape: Any) -> Tensor:
        """Return the same values in another shape; one entry may be -1."""
        return apply(
            "reshape",
            self,
            shape=shape[0] if len(shape) == 1 else shape,
        )

    def transpose(self, *axes: Any) -> Tensor:
        """Return the tensor with its axes in another order, reversed by default."""
        order = several(axes[0]) if len(axes) == 1 and whole(axes[0]) is None else axes
        return apply("transpose", self, axes=order or None)

    def astype(self, dtype: Any) -> Tensor:
        """Return the values in another dtype."""
        return apply("cast", self, dtype=dtype)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Sum over axes."""
        return apply("sum", self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Mean over axes."""
        return apply("mean", self, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Greatest value over axes."""
        return apply("max", self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Least value over axes."""
        return apply("min", self, axis=axis, keepdims=keepdims)

    def prod(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Product over axes."""
        return apply("prod", self, axis=axis, keepdims=keepdims)

    def var(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Variance over axes, divided by the count."""
        return apply("var", self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Index of the greatest value along an axis."""
        return apply("argmax", self, axis=axis, keepdims=keepdims)

    def argmin(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Index of the least value along an axis."""
        return apply("argmin", self, axis=axis, keepdims=keepdims)


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
    builder = join(item.builder for item in _symbols((operands, tuple(attrs.values()))))
    if builder is None:
        raise OpError(
            f"{op} needs at least one tensor; got {', '.join(map(repr, operands)) or 'nothing'}", node=op
        )
    inputs = [_constant(builder, operand) for operand in operands]
    known = {key: _unsized(value) for key, value in attrs.items()}
    value = builder.add(op, inputs, known, name=name, meta=current_meta(builder))
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
    elif isinstance(value, tuple | list):
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
        type = TensorType((), "bool" if isinstance(value, bool) else None)
        return builder.source("constant", builder.unique("constant"), type, Attrs({"value": value}))
    try:
        array = np.asarray(value, None if dtype is None else canonical_dtype(dtype))
    except (TypeError, ValueError) as cause:
        raise DTypeError(f"{value!r} is neither a tensor nor an array") from cause
    if dtype is None and array.dtype == np.float64 and not isinstance(value, np.ndarray | np.generic):
        array = array.astype(np.float32)  # lists of numbers: the default dtype
    literal = Literal(array.astype(canonical_dtype(array.dtype), copy=False))
    type = TensorType(array.shape, canonical_dtype(array.dtype))
    return builder.source("constant", builder.unique("constant"), type, Attrs({"value": literal}))


def _unsized(value: Any) -> Any:
    if isinstance(value, Size):
        return value.expr
    if isinstance(value, SymbolicShape):
        value = tuple(value)
    if isinstance(value, tuple | list):
        return tuple(_unsized(item) for item in value)
    return value


def _index(tensor: Tensor, index: Any) -> Tensor:
    """Apply basic indexing: numbers, slices, None and ``...``; one tensor of ids takes rows."""
    items = index if isinstance(index, tuple) else (index,)
    if len(items) == 1 and (isinstance(items[0], Tensor | list | np.ndarray)):
        return apply("take", tensor, items[0], axis=0)
    entries: list[Any] = []
    for item in items:
        if item is Ellipsis:
            entries.append(ELLIPSIS)
        elif item is None:
            entries.append("new")
        elif isinstance(item, slice):
            entries.append((item.start, item.stop, item.step))
        elif isinstance(item, Size):
            entries.append(item)
        elif (number := whole(item)) is not None:
            entries.append(number)
        else:
            raise OpError(
                f"a tensor is indexed by numbers, slices, None, '...' or one tensor of ids, not by {item!r}; "
                "F.take and F.where do what masks and several index arrays do",
                node=tensor.name,
            )
    return apply("getitem", tensor, index=tuple(entries))
