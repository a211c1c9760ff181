"""Files by name: what a path may be, and the one place that opens a file for reading.

A name may mean anything: a folder, a pipe that nobody writes to, a device without an end, a file of
holes.  Only regular files are read, without waiting, and through the descriptor that was looked at.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from graphinit.errors import FileError
from graphinit.interrupts import Held
from graphinit.plain_text import escaped

MOST_BYTES = 2**30
"""Bytes of a file that `read_regular_file` reads unless it is told otherwise."""

GRACE, RATIO = 64 * 2**20, 100
"""A file may stand for `GRACE` bytes and `RATIO` times what it holds on the disk, see `fair_size`."""

_SHOWN = 200  # characters of a name in a message
_FLAGS = ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")  # where the system has them
_KINDS = {
    stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip


def file_name(path: Any) -> str:
    """Return a path as text.

    Parameters
    ----------
    path : str, bytes or os.PathLike
        A descriptor's number is none.

    Raises
    ------
    FileError
        GI701, when it is none of these, empty, or no file can have such a name.

    Examples
    --------
    >>> file_name(b"net.npz")
    'net.npz'
    """
    if not isinstance(path, str | bytes | os.PathLike):
        raise FileError(f"a file is named by text, bytes or a path, not by {escaped(repr(path))[:_SHOWN]}")
    try:
        name = os.fsdecode(path)
        encoded = os.fsencode(name)
    except (TypeError, ValueError) as cause:
        raise FileError(f"no file can be named {shown_name(path)}: {cause}") from cause
    if not name or b"\0" in encoded:
        raise FileError(f"no file can be named {shown_name(name)}")
    return name


def shown_name(path: Any) -> str:
    r"""Return a path as messages show it: quoted, in one line, and cut where it is very long.

    Examples
    --------
    >>> print(shown_name("a\nb"))
    'a\nb'
    """
    text = path.decode("utf-8", "backslashreplace") if isinstance(path, bytes) else str(path)
    if len(text) > _SHOWN:
        text = f"{text[: _SHOWN // 2]}...{text[-_SHOWN // 2 :]}"
    return escaped(repr(text))


def check_regular(mode: int, path: Any) -> None:
    """Raise `FileError` (GI701) unless a mode is that of a regular file."""
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no file")
        raise FileError(f"{shown_name(path)} is {kind}, not a regular file")


@dataclass(frozen=True, slots=True)
class RegularFile:
    """A file that is open for reading.

    Parameters
    ----------
    stream : file
        Its bytes, from the start.
    size : int
        Their number.
    name : str
        The file's name as messages show it.
    """

    stream: BinaryIO
    size: int
    name: str

    def held_bytes(self) -> int:
        """Return how many bytes are on the disk, without those of holes; exactly only where there are few.

        Files up to `GRACE` bytes are not looked into.
        """
        if self.size <= GRACE or not hasattr(os, "SEEK_DATA"):
            return self.size
        descriptor, found, place = self.stream.fileno(), 0, 0
        before = os.lseek(descriptor, 0, os.SEEK_CUR)
        try:
            while place < self.size and found * RATIO < self.size:  # beyond that it is no file of holes
                start = os.lseek(descriptor, place, os.SEEK_DATA)
                place = os.lseek(descriptor, start, os.SEEK_HOLE)
                found += place - start
        except OSError as cause:
            if cause.errno != errno.ENXIO:  # ENXIO: there is nothing but a hole left
                return self.size
        finally:
            os.lseek(descriptor, before, os.SEEK_SET)  # where the buffer of the stream takes it to be
        return self.size if found * RATIO >= self.size else found


def fair_size(held: int) -> int:
    """Return how many bytes of memory a file may ask for that holds some bytes on the disk.

    Parameters
    ----------
    held : int
        Bytes on the disk, compressed ones as they are.

    Returns
    -------
    int
        ``GRACE + RATIO * held``: 64 MiB and a hundred times what it holds.
    """
    return GRACE + RATIO * held


@contextmanager
def open_regular_file(path: Any) -> Iterator[RegularFile]:
    """Open a file for reading, in a ``with`` block; what is no regular file is refused without waiting.

    Parameters
    ----------
    path : str, bytes or os.PathLike
        Which.

    Yields
    ------
    RegularFile

    Raises
    ------
    FileError
        GI701, when there is no such file, it may not be read, or it is a directory, a pipe, a socket
        or a device; also when reading it fails within the block.
    """
    name = file_name(path)
    flags = os.O_RDONLY
    for flag in _FLAGS:
        flags |= getattr(os, flag, 0)
    try:
        check_regular(os.stat(name).st_mode, name)  # opening a device can do something already
        with Held():  # else an interrupt could leave the descriptor without an owner
            stream = os.fdopen(os.open(name, flags), "rb")
        with stream:
            status = os.fstat(stream.fileno())
            check_regular(status.st_mode, name)  # the name may mean something else by now
            yield RegularFile(stream, status.st_size, shown_name(name))
    except OSError as cause:
        raise FileError(f"{shown_name(name)} cannot be read: {cause.strerror or cause}") from cause


def read_regular_file(path: Any, most: int = MOST_BYTES) -> bytes:
    """Return the content of a file.

    Parameters
    ----------
    path : str, bytes or os.PathLike
        Which.
    most : int
        How many bytes it may have.

    Raises
    ------
    FileError
        GI701, as `open_regular_file`, and when it has more than `most` bytes, consists of holes, or
        changes while it is read.
    """
    with open_regular_file(path) as file:
        if file.size > most:
            raise FileError(f"{file.name} has {file.size:,} bytes; it may have {most:,}")
        if file.size > fair_size(file.held_bytes()):
            raise FileError(f"{file.name} is {file.size:,} bytes of holes")
        try:
            data = file.stream.read(file.size)
        except MemoryError as cause:
            raise FileError(f"{file.name} has {file.size:,} bytes, more than there is memory for") from cause
    if len(data) != file.size:
        raise FileError(f"{file.name} has changed while it was read")
    return data
