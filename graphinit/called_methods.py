"""Methods that are attributes in other frameworks: what is done to them as to values is refused with words.

``weight.data`` is a method here and in Gluon, and an array in PyTorch.
"""

from __future__ import annotations

import functools
import numbers
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from graphinit.errors import SpellingError

_Function = TypeVar("_Function", bound=Callable[..., Any])


class BoundMethod(functools.partial[Any]):
    """A method of an object that says so when it is taken for what it returns.

    Where Python or its tools ask, it answers as a bound method does: it is pickled with its object, and equal
    to another one of the same object.
    """

    def _refuse(self, *_: Any, **__: Any) -> Any:
        name = self.func.__name__
        raise SpellingError(f"{name} is a method here; write {name}(), as in weight.{name}()[0]")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in ("__name__", "__qualname__", "__module__"):
                return getattr(self.func, name)
            if name == "__self__":
                return self.args[0]
            if name == "__func__":
                return self.func
            return self._refuse()

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        if isinstance(other, BoundMethod):
            return self.func is other.func and self.args[0] is other.args[0]
        given = isinstance(other, numbers.Number | list | tuple) or hasattr(other, "__array__")
        return bool(self._refuse()) if given else NotImplemented

    def __hash__(self) -> int:
        return hash((self.func, id(self.args[0])))

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self.args[0], self.func.__name__)

    def __copy__(self) -> BoundMethod:
        return self

    def __repr__(self) -> str:
        return f"<bound method {self.func.__qualname__} of {self.args[0]!r}>"


_ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
_OTHERS = ("getitem", "setitem", "len", "iter", "contains", "neg", "abs", "round", "lt", "le", "gt", "ge")
_NUMBERS = ("float", "int", "index", "array", "array_ufunc", "array_function")
for _name in (*(form + item for item in _ARITHMETIC for form in ("", "r", "i")), *_OTHERS, *_NUMBERS):
    setattr(BoundMethod, f"__{_name}__", BoundMethod._refuse)


class _Called(property):
    """A method that cannot be assigned to and whose bound form is a `BoundMethod`, made without Python code."""

    def __init__(self, function: Callable[..., Any], instead: str) -> None:
        def refuse(owner: Any, _: Any) -> None:
            raise SpellingError(f"{function.__name__} is a method here; write {instead}")

        super().__init__(functools.partial(BoundMethod, function), refuse)
        functools.update_wrapper(self, function)
        self.__wrapped__ = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__wrapped__(*args, **kwargs)


def called(instead: str) -> Callable[[_Function], _Function]:
    """Return a decorator for methods that are attributes in other frameworks.

    To index them, to compute with them and to assign to them are errors that say what to write.

    Parameters
    ----------
    instead : str
        What to write in place of an assignment.

    Examples
    --------
    >>> class Weight:
    ...     @called("weight.set_data(values)")
    ...     def data(self):
    ...         return [1, 2]
    >>> Weight().data()
    [1, 2]
    >>> Weight().data[0]
    Traceback (most recent call last):
        ...
    graphinit.errors.SpellingError: GI110 another framework's spelling
      data is a method here; write data(), as in weight.data()[0]
    """

    def decorate(function: _Function) -> _Function:
        return cast(_Function, _Called(function, instead))

    return decorate


def refused(name: str, instead: str) -> Any:
    """Return an attribute that other frameworks read and assign, and that is another one here."""

    def refuse(*_: Any) -> Any:
        raise SpellingError(f"there is no {name} here; {instead}")

    return property(refuse, refuse, doc=f"Refused: {instead}.")
