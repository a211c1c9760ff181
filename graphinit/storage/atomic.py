"""Writing a file so that at any moment the old one or the new one is there, whole."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from graphinit.errors import FileError
from graphinit.interrupts import Held
from graphinit.storage.files import check_regular, file_name, shown_name

_STEM = 40  # characters of a name that the temporary one begins with: it must not become too long
_PERMISSIONS = 0o777


def write_atomically(path: Any, data: bytes) -> None:
    """Write a file by way of a temporary one beside it.

    Parameters
    ----------
    path : str, bytes or os.PathLike
        Where to; a link is followed, so that what it points to is replaced.
    data : bytes
        The whole content.

    Raises
    ------
    FileError
        GI701, when it cannot be written, or is there and no regular file; what was there before is
        still there.

    Notes
    -----
    The bytes are on the disk before the name is: written, synced, then renamed.  A file that was there
    hands its permissions on.  A process that is killed on the way leaves at most a file
    ``.<name>.<random>.tmp``, which nobody reads; Ctrl-C leaves none.
    """
    name = file_name(path)
    try:
        target = os.path.realpath(name)
        permissions = _permissions(target, name)
        folder, leaf = os.path.split(target)
        temporary = os.path.join(folder, f".{leaf[:_STEM]}.{os.urandom(6).hex()}.tmp")
        try:
            with Held():
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
                # Nobody else reads it before it has the permissions that it is to have.
                descriptor = os.open(temporary, flags, 0o666 if permissions is None else 0o600)
                file = os.fdopen(descriptor, "wb")
            with file:
                if permissions is not None:
                    with contextlib.suppress(OSError):  # some file systems have no permissions
                        os.chmod(temporary, permissions)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            with Held(), contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _sync_folder(folder)
    except (OSError, ValueError) as cause:
        if isinstance(cause, FileError):
            raise
        said = getattr(cause, "strerror", None) or cause
        raise FileError(f"{shown_name(name)} cannot be written: {said}") from cause


def _permissions(target: str, name: str) -> int | None:
    """Return the permissions of a file that is there already, None when there is none."""
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return None
    check_regular(mode, name)
    return mode & _PERMISSIONS


def _sync_folder(folder: str) -> None:
    """Let the new name reach the disk as well, where the system can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
