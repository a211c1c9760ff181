"""What the command line says: its own text, kept apart from what targets print, and started by no one else.

While a command runs, descriptor 1 leads to standard error, so that whatever a target writes there, in
Python or in C, from threads or from processes that it starts, is no part of what the command answers;
the answer goes to a private duplicate.

Runners of workflows read what is printed line by line: GitHub's takes ``::error::`` where a line begins
with it, after white space, and ``##[error]`` anywhere in one, as commands.  No name or message can give
such a command: its first sign is written as an escape.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from types import TracebackType
from typing import Any, Self

from graphinit.plain_text import escaped_lines

_STDOUT, _STDERR = 1, 2

_COMMAND = re.compile(r"^(\s*):(?=:)", re.MULTILINE)
_COMMAND_WITHIN = re.compile(r"#(?=#\w*\[)")
_COLOURS = (("GI", "31;1"), ("fix", "32"))


class Output:
    """The two streams of a command, as a ``with`` block in which descriptor 1 leads to standard error.

    Parameters
    ----------
    lasting : bool
        Whether descriptor 1, and `sys.stdout`, stay where they lead after the block: for a process
        that has nothing else to say, so that what runs when it ends says nothing either.

    Attributes
    ----------
    failure : OSError or None
        Why something could not be written; a reader that has gone is no reason.
    """

    def __init__(self, lasting: bool = False) -> None:
        self.failure: OSError | None = None
        self._lasting = lasting
        self._process = os.getpid()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        process, given = contextlib.ExitStack(), sys.stdout
        process.callback(_put_back, sys.stderr if self._lasting else given, sys.stderr)
        self._stack.enter_context(process)
        _flush(given)
        self._out = self._own(given, _STDOUT)
        self._err = self._own(sys.stderr, _STDERR)
        if not self._lasting:
            process.callback(_lead_back, given, _copy(_STDOUT))
        _lead_away()
        sys.stdout = sys.stderr
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _own(self, stream: Any, descriptor: int) -> Any:
        """A stream of our own to where one leads; the stream itself when it leads to no descriptor."""
        if stream is None or _number(stream) != descriptor:
            return stream
        copy = _copy(descriptor)
        if copy is None:
            return None
        encoding = getattr(stream, "encoding", None) or "utf-8"
        own = open(copy, "w", encoding=encoding)  # noqa: SIM115  # closed at the end
        self._stack.callback(_close, own)
        return own

    # ------------------------------------------------------------------ saying

    def say(self, text: str) -> None:
        """Print text for people."""
        self._write(_plain(text), "_out")

    def complain(self, text: str) -> None:
        """Print text for people on standard error."""
        self._write(_plain(text), "_err")

    def say_json(self, text: str) -> None:
        """Print JSON text; it parses to the same values.  No line of such text begins with a colon."""
        self._write(_COMMAND_WITHIN.sub(r"\\u0023", text), "_out")

    def command(self, lines: str) -> None:
        """Print commands for the runner of a workflow, in which all text is escaped already."""
        self._write(_COMMAND_WITHIN.sub(r"\\x23", lines), "_out")

    def _write(self, text: str, name: str) -> None:
        stream = getattr(self, name)
        # A process that a target forked, and that came back here, has nothing to say.
        if stream is None or os.getpid() != self._process:
            return
        try:
            print(_coloured(_written(text, stream), stream), file=stream, flush=True)
        except (OSError, ValueError) as error:  # ValueError: the stream was closed meanwhile
            setattr(self, name, None)
            if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
                self.failure = error
            _silence(stream)


def _plain(text: str) -> str:
    """Text in which no line is a command, and all but its line breaks shows as itself."""
    return _COMMAND.sub(r"\1\\x3a", _COMMAND_WITHIN.sub(r"\\x23", escaped_lines(text)))


def _written(text: str, stream: Any) -> str:
    """Text in the letters that a stream has, others escaped."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _number(stream: Any) -> int | None:
    """The descriptor that a stream writes to, if any."""
    try:
        return int(stream.fileno())
    except (AttributeError, OSError, TypeError, ValueError):
        return None


def _copy(descriptor: int) -> int | None:
    """Another descriptor to the same place, none of the three that processes hand on; None when closed."""
    taken = []
    try:
        while True:
            copy = os.dup(descriptor)
            if copy > _STDERR:
                return copy
            taken.append(copy)
    except OSError:
        return None
    finally:
        for each in taken:
            os.close(each)


def _lead_away() -> None:
    """Make descriptor 1 lead to standard error, or nowhere when that is closed."""
    with contextlib.suppress(OSError):
        if _copy_onto(_STDERR):
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != _STDOUT:
            _copy_onto(nowhere)
            os.close(nowhere)


def _copy_onto(descriptor: int) -> bool:
    try:
        os.dup2(descriptor, _STDOUT)
    except OSError:
        return False
    return True


def _lead_back(stream: Any, aside: int | None) -> None:
    """Lead descriptor 1 where it led before, with what was written to it meanwhile gone the other way."""
    for each in (sys.__stdout__, stream):
        if _number(each) == _STDOUT:
            _flush(each)
    with contextlib.suppress(OSError):
        if aside is None:
            os.close(_STDOUT)
        else:
            os.dup2(aside, _STDOUT)
            os.close(aside)


def _put_back(out: Any, err: Any) -> None:
    """Put streams in their places, whatever a target has put there."""
    sys.stdout, sys.stderr = out, err


def _flush(stream: Any) -> None:
    with contextlib.suppress(AttributeError, OSError, ValueError):
        stream.flush()


def _close(stream: io.TextIOBase) -> None:
    with contextlib.suppress(OSError, ValueError):
        stream.close()


def _silence(stream: Any) -> None:
    """Send what is still to come nowhere, so that closing the stream does not fail once more."""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _coloured(text: str, stream: Any) -> str:
    """Text with errors in red and fixes in green, where a terminal shows it."""
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    lines = []
    for line in text.split("\n"):
        colour = next((code for word, code in _COLOURS if line.lstrip().startswith(word)), None)
        lines.append(f"\x1b[{colour}m{line}\x1b[0m" if colour else line)
    return "\n".join(lines)
