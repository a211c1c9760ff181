"""Writing a file so that at any moment the old one or the new one is there, whole."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from graphinit.errors import FileError


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file by way of a temporary one beside it.

    Parameters
    ----------
    path : path
        Where to; a link is followed, so that what it points to is replaced.
    data : bytes
        The whole content.

    Raises
    ------
    FileError
        GI701, when it cannot be written; what was there before is still there.

    Notes
    -----
    The bytes are on the disk before the name is: written, synced, then renamed.  A process that is
    killed on the way leaves at most a file ``.<name>.<random>.tmp``, which nobody reads.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise FileError(f"{str(path)!r} is a directory; name a file in it")
    temporary = target.with_name(f".{target.name}.{os.urandom(6).hex()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        _sync_folder(target.parent)
    except OSError as cause:
        raise FileError(f"{str(path)!r} cannot be written: {cause.strerror or cause}") from cause


def _sync_folder(folder: Path) -> None:
    """Let the new name reach the disk as well, where the system can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
