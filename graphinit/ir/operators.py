"""One set of operators and array methods for all that takes part in arithmetic.

Tensors, recorded arrays, parameters and sizes derive from `Operators` and say what happens in one method,
`operate`.  NumPy's functions and ufuncs on them are answered from one table as well; it stands above, in
`graphinit.functional.numpy_table`, and gives itself to `answer_numpy_with`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, NoReturn, Self, TypeVar

import numpy as np

from graphinit.errors import DTypeError, OpError
from graphinit.scalars import several, whole

Result = TypeVar("Result")

ELLIPSIS = "..."
Answer = Callable[[Any, str, tuple[Any, ...], dict[str, Any]], Any]


def _unanswered(function: Any, method: str, args: tuple[Any, ...], options: dict[str, Any]) -> NoReturn:
    raise OpError(f"{function.__name__} of NumPy is not known here: import graphinit.functional first")


_answer: list[Answer] = [_unanswered]


_OPERATORS = {
    np.add: "add", np.subtract: "subtract", np.multiply: "multiply", np.divide: "divide",
    np.floor_divide: "floor_divide", np.remainder: "remainder", np.power: "power", np.matmul: "matmul",
    np.equal: "equal", np.not_equal: "not_equal", np.less: "less", np.less_equal: "less_equal",
    np.greater: "greater", np.greater_equal: "greater_equal",
}  # fmt: skip


def answer_numpy_with(answer: Answer) -> None:
    """Say what answers NumPy's functions and ufuncs: called with the function, method, arguments, options."""
    _answer[0] = answer


class Arithmetic(Generic[Result]):
    """Something that Python's operators and NumPy's functions take.

    It hashes by identity, so that ``==`` can be an op.
    """

    __slots__ = ()
    is_number = False
    """Whether it stands for one whole number, as a size does."""

    def operate(self, op: str, *operands: Any, **attrs: Any) -> Result:
        """Apply an op to operands, of which this is one, and return its first output.

        Parameters
        ----------
        op : str
            Name of a registered op.
        *operands : object
            What it takes, in order.
        **attrs
            Its attributes.
        """
        raise NotImplementedError

    def computes_now(self) -> bool:
        """Whether NumPy may compute with its value, because nothing that is done here is kept."""
        return False

    __hash__ = object.__hash__

    # ------------------------------------------------------------------ arithmetic

    def __add__(self, other: Any) -> Result:
        return self.operate("add", self, other)

    def __radd__(self, other: Any) -> Result:
        return self.operate("add", other, self)

    def __sub__(self, other: Any) -> Result:
        return self.operate("subtract", self, other)

    def __rsub__(self, other: Any) -> Result:
        return self.operate("subtract", other, self)

    def __mul__(self, other: Any) -> Result:
        return self.operate("multiply", self, other)

    def __rmul__(self, other: Any) -> Result:
        return self.operate("multiply", other, self)

    def __truediv__(self, other: Any) -> Result:
        return self.operate("divide", self, other)

    def __rtruediv__(self, other: Any) -> Result:
        return self.operate("divide", other, self)

    def __floordiv__(self, other: Any) -> Result:
        return self.operate("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Result:
        return self.operate("floor_divide", other, self)

    def __mod__(self, other: Any) -> Result:
        return self.operate("remainder", self, other)

    def __rmod__(self, other: Any) -> Result:
        return self.operate("remainder", other, self)

    def __divmod__(self, other: Any) -> tuple[Result, Result]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Result, Result]:
        return self.__rfloordiv__(other), self.__rmod__(other)

    def __pow__(self, other: Any) -> Result:
        return self.operate("power", self, other)

    def __rpow__(self, other: Any) -> Result:
        return self.operate("power", other, self)

    def __matmul__(self, other: Any) -> Result:
        return self.operate("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Result:
        return self.operate("matmul", other, self)

    def __neg__(self) -> Result:
        return self.operate("negative", self)

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Result:
        return self.operate("abs", self)

    def __round__(self, digits: int | None = None) -> Result:
        if not digits:
            return self.operate("round", self)
        scale = 10.0**digits
        return self.operate("divide", self.operate("round", self.operate("multiply", self, scale)), scale)

    # ------------------------------------------------------------------ comparisons and truth values

    def __eq__(self, other: object) -> Result:  # type: ignore[override]  # no bool, as in NumPy
        return self.operate("equal", self, other)

    def __ne__(self, other: object) -> Result:  # type: ignore[override]  # no bool, as in NumPy
        return self.operate("not_equal", self, other)

    def __lt__(self, other: Any) -> Result:
        return self.operate("less", self, other)

    def __le__(self, other: Any) -> Result:
        return self.operate("less_equal", self, other)

    def __gt__(self, other: Any) -> Result:
        return self.operate("greater", self, other)

    def __ge__(self, other: Any) -> Result:
        return self.operate("greater_equal", self, other)

    def _logical(self, symbol: str, op: str, *operands: Any) -> Result:
        """Apply an op on truth values: of integers these operators would mean bits, for which there is none."""
        for operand in operands:
            dtype = "bool" if isinstance(operand, bool) else getattr(operand, "dtype", None)
            if dtype is None or np.dtype(dtype) != np.bool_:
                given = "an operand of unknown dtype" if dtype is None else f"{np.dtype(dtype)} values"
                raise DTypeError(
                    f"{symbol} combines truth values, not {given}; compare first, as in (x > 0) {symbol} (y > 0), "
                    "or use F.logical_and, F.logical_or and F.logical_not"
                )
        return self.operate(op, *operands)

    def __and__(self, other: Any) -> Result:
        return self._logical("&", "logical_and", self, other)

    def __or__(self, other: Any) -> Result:
        return self._logical("|", "logical_or", self, other)

    def __xor__(self, other: Any) -> Result:
        return self._logical("^", "not_equal", self, other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __invert__(self) -> Result:
        return self._logical("~", "logical_not", self)

    def _no_shift(self, other: Any) -> NoReturn:
        raise OpError("<< and >> have no op; multiply by a power of 2, or use // for its inverse")

    __lshift__ = __rshift__ = __rlshift__ = __rrshift__ = _no_shift

    # ------------------------------------------------------------------ NumPy's functions

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        op = _OPERATORS.get(ufunc) if method == "__call__" and not options else None
        if op is not None:  # an array of NumPy on the left of one of Python's operators
            return self.operate(op, *inputs)
        return _answer[0](ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return _answer[0](function, "__call__", args, options)


class Operators(Arithmetic[Result]):
    """Something that behaves like an array: operators, indexing, methods, NumPy's functions."""

    __slots__ = ()

    # ------------------------------------------------------------------ parts

    def __getitem__(self, index: Any) -> Result:
        """Apply basic indexing: numbers, slices, None and ``...``; one tensor or array of ids takes rows."""
        items = index if isinstance(index, tuple) else (index,)
        if len(items) == 1 and _is_ids(items[0]):
            return self.operate("take", self, items[0], axis=0)
        return self.operate("getitem", self, index=tuple(map(_entry, items)))

    def __setitem__(self, index: Any, value: Any) -> None:
        raise OpError("its values are not written to; F.where(condition, x, y) chooses between values")

    # ------------------------------------------------------------------ methods of arrays

    @property
    def T(self) -> Result:  # noqa: N802  (NumPy's name)
        """The same values with the axes reversed."""
        return self.operate("transpose", self)

    def reshape(self, *shape: Any) -> Result:
        """Return the same values in another shape; one entry may be -1."""
        return self.operate("reshape", self, shape=shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Result:
        """Return the values with the axes in another order, reversed by default."""
        order = several(axes[0]) if len(axes) == 1 and whole(axes[0]) is None else axes
        return self.operate("transpose", self, axes=order or None)

    def astype(self, dtype: Any) -> Result:
        """Return the values in another dtype."""
        return self.operate("cast", self, dtype=dtype)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Result:
        """Sum over axes."""
        return self.operate("sum", self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Result:
        """Mean over axes."""
        return self.operate("mean", self, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Result:
        """Greatest value over axes."""
        return self.operate("max", self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Result:
        """Least value over axes."""
        return self.operate("min", self, axis=axis, keepdims=keepdims)

    def prod(self, axis: Any = None, keepdims: bool = False) -> Result:
        """Product over axes."""
        return self.operate("prod", self, axis=axis, keepdims=keepdims)

    def var(self, axis: Any = None, keepdims: bool = False) -> Result:
        """Variance over axes, divided by the count."""
        return self.operate("var", self, axis=axis, keepdims=keepdims)

    def std(self, axis: Any = None, keepdims: bool = False) -> Result:
        """Standard deviation over axes: the square root of `var`."""
        return self.operate("sqrt", self.operate("var", self, axis=axis, keepdims=keepdims))

    def any(self, axis: Any = None, keepdims: bool = False) -> Result:
        """Whether any value over axes holds."""
        return self.operate("any", self, axis=axis, keepdims=keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Result:
        """Whether all values over axes hold."""
        return self.operate("all", self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: Any = None, keepdims: bool = False) -> Result:
        """Index of the greatest value along an axis."""
        return self.operate("argmax", self, axis=axis, keepdims=keepdims)

    def argmin(self, axis: Any = None, keepdims: bool = False) -> Result:
        """Index of the least value along an axis."""
        return self.operate("argmin", self, axis=axis, keepdims=keepdims)


class Unread:
    """What has no value that Python could ask for; `fail` says why."""

    __slots__ = ()

    def fail(self) -> NoReturn:
        """Raise the error that says what to write instead."""
        raise NotImplementedError

    def _fail(self, *_: Any, **__: Any) -> Any:
        self.fail()

    __int__ = __float__ = __complex__ = __index__ = __len__ = __contains__ = __array__ = _fail

    def __iter__(self) -> Iterator[Any]:
        return iter(self._fail())


def _is_ids(item: Any) -> bool:
    return isinstance(item, Operators | list | np.ndarray)


def _entry(item: Any) -> Any:
    """Return one entry of a basic index as the op `getitem` takes it."""
    if item is Ellipsis:
        return ELLIPSIS
    if item is None:
        return "new"
    if isinstance(item, slice):
        return item.start, item.stop, item.step
    if isinstance(item, Arithmetic) and item.is_number:
        return item
    number = whole(item)
    if number is not None:
        return number
    raise OpError(
        f"a tensor is indexed by numbers, slices, None, '...' or one tensor of ids, not by {item!r}; "
        "F.take and F.where do what masks and several index arrays do"
    )
