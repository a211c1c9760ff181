"""What is in force in this thread: whether calls are recorded, and whether networks run in training mode.

Blocks look here when they are called; what a recorded call becomes is the recorder's affair
(`graphinit.autograd`), so that nothing below needs to know it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

Recorder = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]

open_scopes = 0
"""How many scopes are in force in all threads; while there are none, a call need not look further."""

_lock = threading.Lock()


class _Scopes(threading.local):
    """What is in force in one thread.

    Attributes
    ----------
    recording : bool
        Whether calls and arithmetic are recorded.
    training : bool
        Whether dropout and batch statistics are on.
    recorder : callable or None
        What takes calls of blocks while recording.
    pending : object or None
        What knows the recorded arrays whose values nobody has asked for.
    """

    recording = False
    training = False
    recorder: Recorder | None = None
    pending: Any = None


scopes = _Scopes()


def recorder() -> Recorder | None:
    """Return what takes calls of blocks now, None when they are not recorded."""
    return scopes.recorder if scopes.recording else None


class Scope:
    """A ``with`` block in which some of it is different.

    Parameters
    ----------
    recording, training : bool, optional
        What is to be in force; None leaves it as it is.
    """

    def __init__(self, recording: bool | None = None, training: bool | None = None) -> None:
        self._recording = recording
        self._training = training
        self._outer: list[tuple[bool, bool]] = []

    def __enter__(self) -> None:
        global open_scopes  # noqa: PLW0603  (one number for all threads)
        self._outer.append((scopes.recording, scopes.training))
        if self._recording is not None:
            scopes.recording = self._recording
        if self._training is not None:
            scopes.training = self._training
        with _lock:
            open_scopes += 1

    def __exit__(self, *_: object) -> None:
        global open_scopes  # noqa: PLW0603
        scopes.recording, scopes.training = self._outer.pop()
        with _lock:
            open_scopes -= 1


def settle_pending() -> None:
    """Compute the recorded values that are still to come, because parameters are about to change."""
    if scopes.pending is not None:
        scopes.pending()
