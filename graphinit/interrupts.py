"""Ctrl-C held back while something is changed that must be whole.

Python raises `KeyboardInterrupt` in the main thread, between any two steps of the interpreter.  A
change of several parts (parameters, what an optimiser keeps, its counts) is made within `Held`: an
interrupt that arrives meanwhile is raised when the change is complete.

This holds for the interrupt signal in the main thread.  It cannot hold for what handlers of other
signals raise, for exceptions that a debugger or another thread plants, or when the process is killed.
"""

from __future__ import annotations

import importlib
import signal
import threading
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

# The functions below those of `signal`, which turn numbers into enumerations at 5 microseconds a call.
_plain: Any = importlib.import_module("_signal")
_handler: Callable[[int], Any] = _plain.getsignal
_set_handler: Callable[[int, Any], Any] = _plain.signal
_INTERRUPT = int(signal.SIGINT)


class Held:
    """A ``with`` block that an interrupt cannot leave half done.

    Parameters
    ----------
    at_once : bool
        Whether interrupts are held back from the start; else from the first call of `hold` within.

    Examples
    --------
    >>> with Held():
    ...     pass  # all of a change
    """

    __slots__ = ("_arrived", "_at_once", "_before", "_holding", "_outer")

    def __init__(self, at_once: bool = True) -> None:
        self._at_once = at_once
        self._holding = True
        self._arrived: FrameType | None = None
        self._before: Any = None
        self._outer: Held | None = None

    def __enter__(self) -> None:
        if not _is_main_thread():
            return
        before = _handler(_INTERRUPT)
        if callable(before):  # else an interrupt raises nothing
            self._before, self._outer = before, _innermost[0]
            _set_handler(_INTERRUPT, self._arrive)
            _innermost[0] = self
            self._holding = self._at_once

    def __exit__(self, *_: object) -> None:
        if self._before is None:
            return
        self._holding = True
        _innermost[0] = self._outer
        _set_handler(_INTERRUPT, self._before)
        if self._arrived is not None:
            self._before(_INTERRUPT, self._arrived)

    def _arrive(self, number: int, frame: FrameType) -> None:
        # On its very first step __exit__ has not said yet that it holds.
        if self._holding or frame.f_code is Held.__exit__.__code__:
            self._arrived = frame
        else:
            self._before(number, frame)


_innermost: list[Held | None] = [None]  # of the main thread


def _is_main_thread() -> bool:
    return threading.get_ident() == threading.main_thread().ident


def hold() -> None:
    """Hold interrupts back from now on, until the `Held` around ends; outside of one do nothing."""
    innermost = _innermost[0]
    if innermost is not None and _is_main_thread():
        innermost._holding = True


Change = Callable[[], None]
"""Makes one part of a change; everything that can fail has been done before."""


def make(changes: Iterable[Change]) -> None:
    """Make all parts of a change; an interrupt that arrives meanwhile is raised when it is complete."""
    with Held():
        for change in changes:
            change()
