"""Values that ``with`` blocks put in force, for the thread and the task that opened them.

What is in force is a chain of openings, innermost first, in a context variable: a task of `asyncio` has a
chain of its own, to which it takes along what was open when it was started.  An opening counts as long as
it has not been closed and its scope object is alive: an interrupt that arrives between the steps of opening
or closing one leaves an object that nobody holds, and so nothing stays open.  Scopes may be closed in any
order and from anywhere, as generators and fixtures do.
"""

from __future__ import annotations

import threading
import weakref
from contextvars import ContextVar
from typing import Generic, TypeVar

T = TypeVar("T")


class _Opening(Generic[T]):
    """One entering of a scope."""

    __slots__ = ("closed", "outer", "scope", "thread", "value")

    def __init__(self, scope: Scope[T], value: T, outer: _Opening[T] | None) -> None:
        self.scope = weakref.ref(scope)
        self.value = value
        self.outer = outer
        self.thread = threading.get_ident()
        self.closed = False


class Scoped(Generic[T]):
    """A value that scopes change.

    Parameters
    ----------
    name : str
        What debuggers call it.
    default : object
        The value outside of all scopes.

    Examples
    --------
    >>> depth = Scoped("depth", 0)
    >>> with Scope(depth, 2):
    ...     depth.value
    2
    >>> depth.value
    0
    """

    def __init__(self, name: str, default: T) -> None:
        self._default = default
        self._innermost: ContextVar[_Opening[T] | None] = ContextVar(name, default=None)
        self.innermost = self._innermost.get
        """Return the innermost opening: None while surely no scope is open."""

    @property
    def value(self) -> T:
        """The value in force."""
        opening = self._innermost.get()
        if opening is not None:
            opening = self._open()
        return self._default if opening is None else opening.value

    def _open(self) -> _Opening[T] | None:
        """Return the innermost opening of this thread that counts."""
        opening = self._innermost.get()
        while opening is not None and (
            opening.closed or opening.scope() is None or opening.thread != threading.get_ident()
        ):
            opening = opening.outer
        return opening

    def open(self, scope: Scope[T], value: T) -> _Opening[T]:
        """Put a value in force while a scope is open."""
        opening = _Opening(scope, value, self._open())
        self._innermost.set(opening)
        return opening

    def close(self, opening: _Opening[T]) -> None:
        """Put in force what is open still."""
        opening.closed = True
        self._innermost.set(self._open())


class Scope(Generic[T]):
    """A ``with`` block in which a value is another one.

    Parameters
    ----------
    scoped : Scoped
        Which value.
    value : object
        What it is within.
    """

    def __init__(self, scoped: Scoped[T], value: T) -> None:
        self._scoped = scoped
        self._value = value
        self._openings: list[_Opening[T]] = []

    def value(self) -> T:
        """Return what is in force within, asked when it is entered."""
        return self._value

    def __enter__(self) -> None:
        self._openings.append(self._scoped.open(self, self.value()))

    def __exit__(self, *_: object) -> None:
        self._scoped.close(self._openings.pop())
