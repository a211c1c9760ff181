"""Where the user made something: one frame walk, formatted only when asked for.

A frame is kept as its code object and instruction offset; finding the line costs more than the
walk and is rarely needed.
"""

from __future__ import annotations

import os
import sys
import warnings
from dataclasses import dataclass, field
from types import CodeType

from graphinit.plain_text import escaped

_PACKAGES = ("graphinit", "passes")
_COMMAND = "graphinit.cli"
"""Whoever called the command line is no user's source."""

_KEPT = 4096
_is_ours: dict[CodeType, bool | None] = {}
"""Whether code is of these packages; None where the walk ends.  Emptied when it has grown to `_KEPT`."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in the user's source.

    Parameters
    ----------
    file : str
        File name; empty when it is not known.
    code, offset
        The code object and the instruction offset of the frame, or a line number when `code` is
        None.
    """

    file: str
    code: CodeType | None = field(repr=False)
    offset: int

    @property
    def line(self) -> int:
        """Line number, counted from 1."""
        if self.code is None:
            return self.offset
        for start, stop, line in self.code.co_lines():
            if line is not None and start <= self.offset < stop:
                return line
        return self.code.co_firstlineno

    def __str__(self) -> str:
        return escaped(f"{os.path.basename(self.file)}:{self.line}")

    def __copy__(self) -> Origin:
        return self

    def __deepcopy__(self, memo: object) -> Origin:
        return self

    def __reduce__(self) -> tuple[type[Origin], tuple[str, None, int]]:
        return Origin, (self.file, None, self.line)  # no code object leaves the process


def here() -> Origin | None:
    """Return the nearest place outside graphinit and passes that led to this call."""
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        try:
            ours = _is_ours[code]
        except KeyError:
            module = frame.f_globals.get("__name__", "")
            ours = None if module == _COMMAND else module.partition(".")[0] in _PACKAGES
            if len(_is_ours) >= _KEPT:  # code that is made at run time must not be kept for ever
                _is_ours.clear()
            _is_ours[code] = ours
        if ours is None:
            return None
        if not ours:
            return Origin(code.co_filename, code, frame.f_lasti)
        frame = frame.f_back  # type: ignore[assignment]  # None ends the walk
    return None


def warn_user(message: str) -> None:
    """Give a `UserWarning` of one line at the user's line."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _PACKAGES:
        level, frame = level + 1, frame.f_back
    warnings.warn(escaped(message), UserWarning, stacklevel=level + 1)
