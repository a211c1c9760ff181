"""The safetensors format: a header in JSON, then the bytes of all arrays.

The header is read here, value by value, for nothing else of a file is needed to say what is in it.

References
----------
https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import safetensors.numpy

from graphinit.errors import FileError
from graphinit.json_values import Json
from graphinit.storage.contents import (
    MOST_VALUES,
    NOTES,
    Archive,
    Contents,
    Stored,
    checked_sizes,
    count_values,
    parsed_notes,
    read_values,
    shown,
)
from graphinit.storage.files import RegularFile
from graphinit.storage.notes import notes_text

MOST_HEADER = 32 * 2**20
"""Bytes that a header may have."""

_METADATA = "__metadata__"
_DTYPES = {
    "BOOL": "bool", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64", "U8": "uint8",
    "U16": "uint16", "U32": "uint32", "U64": "uint64", "F16": "float16", "F32": "float32", "F64": "float64",
    "BF16": "float32",
}  # fmt: skip


def to_safetensors(archive: Archive) -> bytes:
    """Return the content of a file.

    Raises
    ------
    FileError
        GI701, when a name or the notes cannot be in such a file.
    """
    for name in archive.arrays:
        if name == _METADATA or not _is_text(name):
            raise FileError(f"{shown(name)} cannot be the name of an array in a safetensors file")
    arrays = {name: np.array(array, order="C") for name, array in archive.arrays.items()}
    data = bytes(safetensors.numpy.save(arrays, {NOTES: notes_text(archive.notes)}))
    length = int.from_bytes(data[:8], "little")
    header = memoryview(data)[8 : 8 + length].tobytes()
    if length > MOST_HEADER or count_values(header) > MOST_VALUES:
        raise FileError(f"there are too many arrays, {len(arrays):,}, or notes for one safetensors file")
    return data


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def from_safetensors(file: RegularFile, held: int) -> Contents:
    """Return what a file holds.

    Raises
    ------
    ValueError
        When it is no whole file of this format.
    """
    length = int.from_bytes(file.stream.read(8), "little")
    if not 2 <= length <= file.size - 8:
        raise ValueError("it is cut off, or of another format")
    if length > MOST_HEADER:
        raise ValueError(f"its header has {length:,} bytes; there can be {MOST_HEADER:,}")
    header = parsed_notes(file.stream.read(length), "its header", unique=True)
    start, size = 8 + length, file.size - 8 - length
    found: dict[str, Stored] = {}
    ranges: list[tuple[int, int]] = []
    for name in header.value:
        if name == _METADATA:
            continue
        entry = Json(header.value[name], f"array {shown(name)}")
        begin, end = (item.whole(0, size) for item in _pair(entry.get("data_offsets")))
        ranges.append((begin, end))
        found[name] = _stored(file, entry, start + begin, end - begin)
    reached = 0
    for begin, end in sorted(ranges):
        if begin != reached:
            raise ValueError("its arrays overlap, or leave bytes between them")
        reached = max(reached, end)
    if reached != size:
        raise ValueError(f"its arrays have {reached} bytes, and it has {size}")
    notes = header.get(_METADATA, {}).get(NOTES, "{}")
    if not isinstance(notes.value, str):
        notes.fail("text")
    return Contents(found, parsed_notes(notes.value, "its notes"), f"file {file.name}", held)


def _pair(offsets: Json) -> tuple[Json, Json]:
    begin, end = offsets.pair("where it begins and where it ends")
    if begin.whole(0) > end.whole(0):
        offsets.fail("where it begins and where it ends")
    return begin, end


def _stored(file: RegularFile, entry: Json, start: int, nbytes: int) -> Stored:
    kind, shape = entry.get("dtype"), checked_sizes(entry.get("shape"))
    if not isinstance(kind.value, str) or kind.value not in _DTYPES:
        kind.fail(f"one of {', '.join(_DTYPES)}")
    dtype = np.dtype(_DTYPES[kind.value])
    inside = np.dtype("uint16") if kind.value == "BF16" else dtype
    if math.prod(shape) * inside.itemsize != nbytes:
        raise ValueError(f"{entry.place} is not whole: {nbytes} bytes do not make {dtype}{list(shape)}")

    def read() -> np.ndarray:
        file.stream.seek(start)
        little: np.dtype[Any] = inside.newbyteorder("<")
        values = read_values(file.stream.read, nbytes, little, f"{file.name}: {entry.place}")
        if inside is not dtype:  # the upper halves of float32
            values = (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
        return values.reshape(shape)

    return Stored(shape, dtype, read)
