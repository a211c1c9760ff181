"""The npz format, which NumPy and MXNet 2.0 (``.params``) read and write: a zip file of arrays.

What is in a file is known from the zip's directory and the headers of the arrays: nothing else is
unpacked before somebody asks for the values.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
from typing import Any

import numpy as np

from graphinit.errors import FileError
from graphinit.json_values import Json
from graphinit.storage.contents import Archive, Contents, Stored, check_axes, parsed_notes, read_values, shown
from graphinit.storage.files import RegularFile
from graphinit.storage.notes import notes_text

MOST_ARRAYS = 2**14
"""Arrays that a file may have; safetensors takes more."""

MOST_DIRECTORY = 4 * 2**20
"""Bytes that the directory of a file may have."""

_COMMENT = 65535  # bytes that a zip file's comment may have: the notes
_NAME = 65535  # bytes that a name in it may have
_EPOCH = (1980, 1, 1, 0, 0, 0)  # equal arrays give equal files
_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_LOCAL = 30  # bytes before an array, beside its name
_HEADER = 10_000  # bytes of an array's header, as many as NumPy takes
_ENTRY = r"""['"](descr|fortran_order|shape)['"]\s*:\s*(?:['"]([^'"]*)['"]|(True|False)|\(([\d\s,]*)\))"""
_ENTRIES = re.compile(rf"\s*\{{\s*{_ENTRY}\s*,\s*{_ENTRY}\s*,\s*{_ENTRY}\s*,?\s*\}}\s*")
_NUMBERS = re.compile(r"[<>|=]?[biuf]\d{1,2}")


def to_npz(archive: Archive) -> bytes:
    """Return the content of a file.

    Raises
    ------
    FileError
        GI701, when a name or the notes cannot be in such a file.
    """
    notes = notes_text(archive.notes).encode("ascii")
    if len(notes) > _COMMENT:
        raise FileError("there is more to note than an npz file has room for; save as safetensors")
    members = {name: _member(name) for name in archive.arrays}
    if len(members) > MOST_ARRAYS or sum(128 + 4 * len(name) for name in members) > MOST_DIRECTORY:
        raise FileError(f"there are too many arrays, {len(members):,}, for an npz file; save as safetensors")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, array in archive.arrays.items():
            with file.open(members[name], "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
        file.comment = notes
    return stream.getvalue()


def _member(name: str) -> zipfile.ZipInfo:
    """Return the entry of an array; zip files don't take every name as it is."""
    filename = f"{name}.npy"
    try:
        fits = len(filename.encode()) <= _NAME
    except UnicodeEncodeError:
        fits = False
    member = zipfile.ZipInfo(filename, _EPOCH)
    if not fits or member.filename != filename:
        raise FileError(f"{shown(name)} cannot be the name of an array in an npz file")
    return member


def from_npz(file: RegularFile, held: int) -> Contents:
    """Return what a file holds.

    Raises
    ------
    ValueError
        When it is no whole file of this format; further kinds come from `zipfile`.
    """
    _check_end(file)
    # It stays open as long as the file below: it needs no closing of its own.
    opened = zipfile.ZipFile(file.stream)
    found: dict[str, Stored] = {}
    reached = 0
    for member in sorted(opened.infolist(), key=lambda member: member.header_offset):
        if member.header_offset < reached:
            raise ValueError("its arrays overlap")
        reached = member.header_offset + _LOCAL + member.compress_size
    if reached > opened.start_dir:
        raise ValueError("its arrays overlap its directory")
    for member in opened.infolist():
        name = member.filename.removesuffix(".npy")
        if name == member.filename or name in found:
            raise ValueError(f"{shown(member.filename)} is no array, or there are two of it")
        found[name] = _stored(opened, member, f"{file.name}: array {shown(name)}")
    comment = opened.comment  # those of other writers are no notes of ours
    notes = parsed_notes(comment, "its notes") if comment.startswith(b"{") else Json({}, "its notes")
    return Contents(found, notes, f"file {file.name}", held)


def _check_end(file: RegularFile) -> None:
    """Check what `zipfile` takes on trust: where the file ends, and how large its directory is."""
    room = 22 + _COMMENT + 76
    file.stream.seek(max(0, file.size - room))
    tail = file.stream.read(room)
    end = tail.rfind(_END)
    if end < 0 or end + 22 > len(tail) or end + 22 + _number(tail, end + 20, 2) != len(tail):
        raise ValueError("its end is missing")
    entries, size = _number(tail, end + 10, 2), _number(tail, end + 12, 4)
    if tail[max(0, end - 20) :].startswith(_LOCATOR64):
        record = end - 76
        if record < 0 or not tail[record:].startswith(_END64):
            raise ValueError("its end is damaged")
        entries, size = _number(tail, record + 32, 8), _number(tail, record + 40, 8)
    if entries > MOST_ARRAYS or size > MOST_DIRECTORY:
        raise ValueError(
            f"it has {entries:,} arrays, and a directory of {size:,} bytes; there can be {MOST_ARRAYS:,} and "
            f"{MOST_DIRECTORY:,}"
        )
    file.stream.seek(0)


def _number(data: bytes, start: int, length: int) -> int:
    return int.from_bytes(data[start : start + length], "little")


def _stored(opened: zipfile.ZipFile, member: zipfile.ZipInfo, what: str) -> Stored:
    if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FileError(f"{what} is encrypted, or packed in a way that NumPy does not pack")
    if member.compress_type == zipfile.ZIP_STORED and member.compress_size != member.file_size:
        raise FileError(f"{what} is damaged: its sizes in the directory contradict each other")
    with opened.open(member) as stream:
        start, shape, fortran, dtype = _header(stream, what)
    count = math.prod(shape)
    if start + count * dtype.itemsize != member.file_size:
        found = f"{member.file_size - start} bytes do not make {dtype}{list(shape)}"
        raise FileError(f"{what} is not whole: {found}")

    def read() -> np.ndarray:
        try:
            with opened.open(member) as stream:
                stream.read(start)
                values = read_values(stream.read, count * dtype.itemsize, dtype, what)
                stream.read(1)  # at the end the checksum is compared
        except FileError:
            raise
        except Exception as cause:  # zipfile raises all sorts on foreign bytes
            raise FileError(f"{what} is not whole: {cause}") from cause
        ordered = values.reshape(shape[::-1]).T if fortran else values.reshape(shape)
        return np.ascontiguousarray(ordered).reshape(shape)

    return Stored(shape, dtype.newbyteorder("="), read)


def _header(stream: Any, what: str) -> tuple[int, tuple[int, ...], bool, np.dtype[Any]]:
    """Return where an array begins, its shape, whether its first axis runs fastest, and its dtype.

    The header is the text of a Python dict.  It is taken apart by a pattern: a parser of Python, as
    NumPy uses, costs and raises all sorts on foreign bytes.
    """
    start = stream.read(8)
    wide = start[6:] in (b"\2\0", b"\3\0")
    if not start.startswith(b"\x93NUMPY") or not (wide or start[6:] == b"\1\0"):
        raise FileError(f"{what} is not in NumPy's format")
    prefix = stream.read(4 if wide else 2)
    length = int.from_bytes(prefix, "little")
    if length > _HEADER:
        raise FileError(f"{what} has a header of {length:,} bytes; there can be {_HEADER:,}")
    text = stream.read(length).decode("latin-1")
    if "descr" in text and re.search(r"['\"]\|?O", text):
        raise FileError(f"{what} is pickled, and loading it could run anything; it is not read")
    match = _ENTRIES.fullmatch(text)
    groups = match.groups() if match else ()
    found = {groups[at]: groups[at + 1 : at + 4] for at in range(0, len(groups), 4)}
    descr, fortran, sizes = (
        found.get(key, (None,) * 3)[place] for place, key in enumerate(("descr", "fortran_order", "shape"))
    )
    if descr is None or fortran is None or sizes is None:
        raise FileError(f"{what} has no header that NumPy writes for an array of numbers")
    if not _NUMBERS.fullmatch(descr):
        raise FileError(f"{what} holds {descr!r}, no real numbers")
    try:
        dtype = np.dtype(descr)
        shape = tuple(Json(int(size), "a size").whole(low=0) for size in re.findall(r"\d+", sizes))
        check_axes(shape)
    except (TypeError, ValueError) as cause:
        raise FileError(f"{what} is damaged: {cause}") from cause
    return len(start) + len(prefix) + length, shape, fortran == "True", dtype
