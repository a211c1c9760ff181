"""Sizes that are not known while a network is described, and shapes made of them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from graphinit.errors import SymbolicValueError
from graphinit.ir.dims import Dim, Expr, size_of
from graphinit.ir.graph import GraphBuilder
from graphinit.ir.joining import join, whole
from graphinit.ir.node import Value
from graphinit.ir.types import TensorType
from graphinit.plain_text import escaped


class Sized(Protocol):
    """What a size needs of a tensor."""

    @property
    def builder(self) -> GraphBuilder:
        """The builder that holds it."""

    @property
    def value(self) -> Value:
        """Its place there."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def type(self) -> TensorType:
        """What is known of it."""


class Size:
    """The size of an axis that is not known yet, as ``x.shape[0]`` gives it.

    It takes part in arithmetic and stands for a size in `reshape`, slices and the like; the solver
    settles it.  Asking it for a number raises `SymbolicValueError`.

    Parameters
    ----------
    expr : Expr
        The size, in terms of sizes of values.
    tensors : mapping from str to tensor
        Those values by the names of their nodes in `expr`.
    """

    __slots__ = ("_expr", "_tensors")

    def __init__(self, expr: Expr, tensors: Mapping[str, Sized]) -> None:
        self._expr = expr
        self._tensors = dict(tensors)

    @property
    def expr(self) -> Expr:
        """The size, by the names that the values' nodes have now."""
        return self._expr.rename(lambda name: self._tensors[name].value.node)

    @property
    def builder(self) -> GraphBuilder:
        """The builder that holds the values."""
        builder: GraphBuilder | None = join(tensor.builder for tensor in self._tensors.values())
        assert builder is not None, "a size is that of some value"
        return builder

    def __repr__(self) -> str:
        return escaped(str(self.expr))

    def _fail(self, *_: Any) -> Any:
        raise SymbolicValueError(
            f"the size {self.expr} is not known while the network is described, so Python cannot decide by it; "
            "pass the input's shape to trace (x=...), or use F.cond / F.while_loop"
        )

    __bool__ = __int__ = __index__ = __float__ = __lt__ = __le__ = __gt__ = __ge__ = _fail
    __eq__ = _fail
    __ne__ = _fail
    __hash__ = None  # type: ignore[assignment]

    def _combine(self, other: Any, operation: Callable[[Any, Any], Dim]) -> Any:
        if isinstance(other, Size):
            with whole():
                join((self.builder, other.builder))  # names are unique in one builder only
                dim = operation(self.expr, other.expr)
            tensors = {
                tensor.value.node: tensor for tensor in (*self._tensors.values(), *other._tensors.values())
            }
        elif isinstance(other, int | np.integer) and not isinstance(other, bool):
            tensors = {tensor.value.node: tensor for tensor in self._tensors.values()}
            dim = operation(self.expr, int(other))
        else:
            return NotImplemented
        return Size(dim, tensors) if isinstance(dim, Expr) else dim

    def __add__(self, other: Any) -> Any:
        return self._combine(other, operator.add)

    def __sub__(self, other: Any) -> Any:
        return self._combine(other, operator.sub)

    def __mul__(self, other: Any) -> Any:
        return self._combine(other, operator.mul)

    def __floordiv__(self, other: Any) -> Any:
        return self._combine(other, operator.floordiv)

    def __mod__(self, other: Any) -> Any:
        return self._combine(other, operator.mod)

    def __rsub__(self, other: Any) -> Any:
        return self._combine(other, lambda mine, given: given - mine)

    __radd__ = __add__
    __rmul__ = __mul__


def dim_of(size: Any) -> Dim:
    """Return the dim that a `Size` or a number stands for."""
    dim: Dim = size.expr if isinstance(size, Size) else size
    return dim


class SymbolicShape(Sequence[Any]):
    """The shape of a tensor as far as it is known; unknown sizes are `Size`."""

    __slots__ = ("_tensor", "_type")

    def __init__(self, tensor: Sized) -> None:
        self._tensor = tensor
        self._type = tensor.type

    def _rank(self) -> int:
        rank = self._type.rank
        if rank is None:
            raise SymbolicValueError(
                f"the number of axes of {self._tensor.name!r} is not known while the network is described; "
                "pass the input's shape to trace, as in net.trace(x=('batch', 20))"
            )
        return rank

    def __len__(self) -> int:
        return self._rank()

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self[axis] for axis in range(*index.indices(self._rank())))
        rank = self._type.rank
        if rank is not None and not -rank <= index < rank:
            raise IndexError(f"{self._tensor.name!r} has {rank} axes, so there is no axis {index}")
        dim = self._type.shape[index] if self._type.shape is not None else -1
        if isinstance(dim, int) and dim >= 0:
            return dim
        node, port = self._tensor.value
        return Size(size_of(node, port, index if rank is None else index % rank), {node: self._tensor})

    def __iter__(self) -> Iterator[Any]:
        return (self[axis] for axis in range(self._rank()))

    def __eq__(self, other: object) -> bool:
        shape = self._type.shape
        if shape is None:
            return other is None
        mine = tuple(dim if isinstance(dim, int) else str(dim) for dim in shape)
        given = tuple(other) if isinstance(other, list | tuple | SymbolicShape) else other
        if (
            isinstance(given, tuple)
            and len(given) == len(mine)
            and all(isinstance(size, int) and size >= 0 for size in given)
            and all(
                size in (-1, other) or isinstance(size, str) for size, other in zip(mine, given, strict=True)
            )
            and mine != given
        ):
            raise SymbolicValueError(
                f"whether the shape {self!r} of {self._tensor.name!r} is {given} is not known while the network "
                "is described; pass the input's shape to trace (x=...)"
            )
        return mine == given

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shape = self._type.shape
        if shape is None:
            return "(...)"
        return escaped(f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})")
