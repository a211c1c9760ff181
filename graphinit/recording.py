"""What is in force here: whether calls are recorded, and whether networks run in training mode.

Blocks look here when they are called; what a recorded call becomes is the recorder's affair
(`graphinit.autograd`), so that nothing below needs to know it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from graphinit.scopes import Scope, Scoped

Recorder = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]


class Mode(NamedTuple):
    """How calls of networks are taken.

    Attributes
    ----------
    recorder : callable or None
        What takes calls of blocks; None when they are not recorded.
    training : bool
        Whether dropout and batch statistics are on.
    """

    recorder: Recorder | None = None
    training: bool = False


mode = Scoped("graphinit.recording", Mode())
"""The mode in force for this thread and task."""


class ModeScope(Scope[Mode]):
    """A ``with`` block in which some of the mode is different.

    Parameters
    ----------
    **changes
        Fields of `Mode`; the others stay as they are where the scope is entered.
    """

    def __init__(self, **changes: Any) -> None:
        super().__init__(mode, Mode())
        self._changes = changes

    def value(self) -> Mode:
        """Return the mode within."""
        return mode.value._replace(**self._changes)


class _Thread(threading.local):
    """What knows the recorded arrays of one thread whose values nobody has asked for."""

    pending: Any = None


thread = _Thread()


def settle_pending() -> None:
    """Compute the recorded values that are still to come, because parameters are about to change."""
    if thread.pending is not None:
        thread.pending()
