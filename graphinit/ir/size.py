"""Sizes that are not known while a network is described, and shapes made of them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from graphinit.errors import SymbolicValueError
from graphinit.ir.dims import Dim, Expr, maximum, size_of
from graphinit.ir.graph import GraphBuilder
from graphinit.ir.joining import all_or_nothing, join
from graphinit.ir.node import Value
from graphinit.ir.operators import Arithmetic, Operators
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

    def operate(self, op: str, *operands: Any, **attrs: Any) -> Any:
        """Add an op to the graph."""


class Size(Arithmetic[Any]):
    """The size of an axis that is not known yet, as ``x.shape[0]`` gives it.

    It takes part in arithmetic and stands for a size in `reshape`, slices and the like; the solver
    settles it.  With whole numbers ``+ - * // % **`` give a size again; with fractions and tensors it is
    a number of the graph, so that ``x / x.shape[1] ** 0.5`` works.  Asking it for a number raises
    `SymbolicValueError`.

    Parameters
    ----------
    expr : Expr
        The size, in terms of sizes of values.
    tensors : mapping from str to tensor
        Those values by the names of their nodes in `expr`.
    """

    __slots__ = ("_expr", "_tensors")
    is_number = True

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

    def _compare(self, other: Any) -> Any:
        """Leave a comparison with a tensor to the tensor; Python cannot decide others."""
        return NotImplemented if isinstance(other, Operators) else self._fail()

    __bool__ = __int__ = __index__ = __float__ = __complex__ = _fail
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _compare
    __hash__ = None  # type: ignore[assignment]

    def operate(self, op: str, *operands: Any, **attrs: Any) -> Any:
        """Combine sizes and whole numbers exactly; with anything else a size is a number in the graph."""
        exact = _EXACT.get(op)
        if op == "power" and not (_is_whole(operands[1]) and int(operands[1]) >= 0):
            exact, operands = None, (operands[0], _number(operands[1]))  # a fraction, or no polynomial
        if exact is None or not all(isinstance(item, Size) or _is_whole(item) for item in operands):
            return next(iter(self._tensors.values())).operate(op, *operands, **attrs)
        sizes = [item for item in operands if isinstance(item, Size)]
        with all_or_nothing():
            join(size.builder for size in sizes)  # names are unique in one builder only
            dim = exact(*(item.expr if isinstance(item, Size) else int(item) for item in operands))
        tensors = {tensor.value.node: tensor for size in sizes for tensor in size._tensors.values()}
        return Size(dim, tensors) if isinstance(dim, Expr) else dim


def _number(item: Any) -> Any:
    """Return a whole number as a fraction: NumPy refuses negative powers of whole numbers."""
    return float(item) if _is_whole(item) else item


def _is_whole(item: Any) -> bool:
    return isinstance(item, int | np.integer) and not isinstance(item, bool)


_EXACT: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "power": operator.pow,
    "negative": operator.neg,
    "abs": lambda dim: maximum(dim, -dim),
    "round": lambda dim: dim,
}
"""What is done with sizes exactly, by op."""


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
