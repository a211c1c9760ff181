"""Named arrays with notes in one file: safetensors, or the npz-style ``.params`` of MXNet 2.0.

Reading judges a file by its directory and headers, checks all of them, and runs nothing; values are
read one array at a time, when somebody takes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from graphinit.errors import DTypeError, FileError
from graphinit.ir.types import canonical_dtype
from graphinit.storage.atomic import write_atomically
from graphinit.storage.contents import Archive, Contents, shown
from graphinit.storage.files import RegularFile, file_name, open_regular_file
from graphinit.storage.npz import from_npz, to_npz
from graphinit.storage.tensors import from_safetensors, to_safetensors

FORMATS = ("safetensors", "npz")


def chosen_format(path: Any, format: str | None = None) -> str:
    """Return the format to write: the one asked for, else npz for ``.npz`` and ``.params``, else safetensors.

    Raises
    ------
    FileError
        GI701, when there is no such format, or the path is none.

    Examples
    --------
    >>> chosen_format("net.params"), chosen_format("net")
    ('npz', 'safetensors')
    """
    name = file_name(path)
    if format is None:
        return "npz" if Path(name).suffix in (".npz", ".params") else "safetensors"
    if not isinstance(format, str) or format not in FORMATS:
        raise FileError(f"there is no format {format!r}; there are {', '.join(FORMATS)}")
    return format


def write_archive(path: Any, archive: Archive, format: str | None = None) -> None:
    """Write arrays and notes, atomically.

    Raises
    ------
    FileError
        GI701, when the file cannot be written, or a name or a note cannot be in it.
    """
    encode = {"safetensors": to_safetensors, "npz": to_npz}[chosen_format(path, format)]
    write_atomically(path, encode(archive))


@contextmanager
def open_archive(path: Any) -> Iterator[Contents]:
    """Open a file of named arrays in a ``with`` block, whatever its name says its format is.

    Parameters
    ----------
    path : str, bytes or os.PathLike
        Which.

    Yields
    ------
    Contents
        What is in it; its arrays can be read within the block.

    Raises
    ------
    FileError
        GI701, when it is not there, not whole, or not such a file.
    """
    with open_regular_file(path) as file:
        yield _contents(file)


def _contents(file: RegularFile) -> Contents:
    if not file.size:
        raise FileError(f"{file.name} is empty")
    held = file.held_bytes()
    start = file.stream.read(9)
    file.stream.seek(0)
    if start[0] == 0x80 and start[1:2] <= b"\5" and start[8:9] != b"{":
        raise FileError(f"{file.name} is a pickle, and loading one could run anything; it is not read")
    if start.startswith(b"\x12\x01"):
        raise FileError(f"{file.name} is in MXNet 1.x's binary format; load it there and save it as npz")
    try:
        contents = (from_npz if start.startswith(b"PK") else from_safetensors)(file, held)
    except (FileError, OSError):
        raise
    except Exception as cause:  # zipfile and struct raise all sorts on foreign bytes
        raise FileError(f"{file.name} is no whole safetensors or npz file: {cause}") from cause
    for name, stored in contents.arrays.items():
        try:
            canonical_dtype(stored.dtype)
        except DTypeError as cause:
            raise FileError(
                f"{file.name}: array {shown(name)} holds {stored.dtype}, no real numbers"
            ) from cause
    return contents
