"""Named arrays with notes in one file: safetensors, or the npz-style ``.params`` of MXNet 2.0.

Reading takes the whole file in, checks all of it, and runs nothing: arrays of objects, which NumPy
would unpickle, are refused.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from graphinit.errors import DTypeError, FileError
from graphinit.ir.types import canonical_dtype
from graphinit.storage.atomic import write_atomically

FORMATS = ("safetensors", "npz")
NOTES = "graphinit"
_COMMENT = 65535  # bytes that a zip file's comment may have
_EPOCH = (1980, 1, 1, 0, 0, 0)  # equal arrays give equal files
_DTYPES = {
    "BOOL": "bool", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64", "U8": "uint8",
    "U16": "uint16", "U32": "uint32", "U64": "uint64", "F16": "float16", "F32": "float32", "F64": "float64",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Archive:
    """What a file holds.

    Parameters
    ----------
    arrays : mapping from str to numpy.ndarray
        The arrays by name.
    notes : mapping from str to object
        What JSON can say about them.
    source : str
        Where it comes from, for messages.
    """

    arrays: Mapping[str, np.ndarray]
    notes: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""


def chosen_format(path: str | os.PathLike[str], format: str | None = None) -> str:
    """Return the format to write: the one asked for, else npz for ``.npz`` and ``.params``, else safetensors.

    Raises
    ------
    FileError
        GI701, when there is no such format.

    Examples
    --------
    >>> chosen_format("net.params"), chosen_format("net")
    ('npz', 'safetensors')
    """
    if format is None:
        return "npz" if Path(path).suffix in (".npz", ".params") else "safetensors"
    if format not in FORMATS:
        raise FileError(f"there is no format {format!r}; there are {', '.join(FORMATS)}")
    return format


def write_archive(path: str | os.PathLike[str], archive: Archive, format: str | None = None) -> None:
    """Write arrays and notes, atomically.

    Raises
    ------
    FileError
        GI701, when the file cannot be written.
    """
    encode = {"safetensors": _to_safetensors, "npz": _to_npz}[chosen_format(path, format)]
    write_atomically(path, encode(archive))


def _to_safetensors(archive: Archive) -> bytes:
    arrays = {name: np.array(array, order="C") for name, array in archive.arrays.items()}
    return bytes(safetensors.numpy.save(arrays, {NOTES: json.dumps(archive.notes)}))


def _to_npz(archive: Archive) -> bytes:
    notes = json.dumps(archive.notes).encode("ascii")
    if len(notes) > _COMMENT:
        raise FileError("there is more to note than an npz file has room for; save as safetensors")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, array in archive.arrays.items():
            with file.open(zipfile.ZipInfo(f"{name}.npy", _EPOCH), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
        file.comment = notes
    return stream.getvalue()


def read_archive(path: str | os.PathLike[str]) -> Archive:
    """Read a file of named arrays, whatever its name says its format is.

    Raises
    ------
    FileError
        GI701, when it is not there, not whole, or not such a file.
    """
    source = f"{os.fspath(path)!r}"
    try:
        data = Path(path).read_bytes()
    except IsADirectoryError as cause:
        raise FileError(f"{source} is a directory, not a file of arrays") from cause
    except OSError as cause:
        raise FileError(f"{source} cannot be read: {cause.strerror or cause}") from cause
    if not data:
        raise FileError(f"{source} is empty")
    if data.startswith(b"PK"):
        return _from_npz(data, source)
    if data[0] == 0x80 and len(data) > 1 and data[1] <= 5 and data[8:9] != b"{":
        raise FileError(f"{source} is a pickle, and loading one could run anything; it is not read")
    if data.startswith(b"\x12\x01"):
        raise FileError(f"{source} is in MXNet 1.x's binary format; load it there and save it as npz")
    return _from_safetensors(data, source)


def _from_safetensors(data: bytes, source: str) -> Archive:
    try:
        tensors = safetensors.deserialize(data)  # type: ignore[no-untyped-call]
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        notes = json.loads(header.get("__metadata__", {}).get(NOTES, "{}"))
    except (safetensors.SafetensorError, ValueError, KeyError, OverflowError) as cause:
        raise FileError(f"{source} is no whole safetensors or npz file: {cause}") from cause
    arrays: dict[str, np.ndarray] = {}
    for name, tensor in tensors:
        raw, shape = bytes(tensor["data"]), tuple(tensor["shape"])
        if tensor["dtype"] == "BF16":  # the upper half of a float32
            words = np.frombuffer(raw, "<u2").astype("<u4") << 16
            arrays[name] = words.view("<f4").reshape(shape)
        elif tensor["dtype"] in _DTYPES:
            dtype = np.dtype(_DTYPES[tensor["dtype"]])
            arrays[name] = np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
        else:
            raise FileError(f"{source}: array {name!r} is {tensor['dtype']}, which NumPy does not have")
    return _checked(arrays, notes, source)


def _from_npz(data: bytes, source: str) -> Archive:
    end = data.rfind(b"PK\x05\x06")
    if end < 0 or end + 22 + int.from_bytes(data[end + 20 : end + 22], "little") != len(data):
        raise FileError(f"{source} is no whole npz file: its end is missing")
    arrays: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            notes = _notes(file.comment)
            for member in file.infolist():
                name = member.filename.removesuffix(".npy")
                if name == member.filename or name in arrays:
                    raise FileError(f"{source}: {member.filename!r} is no array, or there are two of it")
                arrays[name] = _npy(file.read(member), f"{source}: array {name!r}")
    except FileError:
        raise
    except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, NotImplementedError, OSError, RuntimeError,
            EOFError, MemoryError, KeyError) as cause:  # fmt: skip
        raise FileError(f"{source} is no whole npz file: {cause}") from cause
    return _checked(arrays, notes, source)


def _notes(comment: bytes) -> Any:
    """Return the notes in a zip file's comment; those of other writers are none of ours."""
    try:
        return json.loads(comment) if comment.startswith(b"{") else {}
    except ValueError as cause:
        raise ValueError("its notes are damaged") from cause


def _npy(data: bytes, what: str) -> np.ndarray:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    if dtype.hasobject:
        raise FileError(f"{what} is pickled, and loading it could run anything; it is not read")
    rest = data[stream.tell() :]
    if len(rest) != int(np.prod(shape, dtype=object)) * dtype.itemsize:
        raise FileError(f"{what} is not whole: {len(rest)} bytes do not make {dtype}{list(shape)}")
    array = np.frombuffer(rest, dtype)
    array = array.reshape(shape[::-1]).T if fortran else array.reshape(shape)
    return np.array(array, dtype.newbyteorder("="), order="C")


def _checked(arrays: dict[str, np.ndarray], notes: Any, source: str) -> Archive:
    for name, array in arrays.items():
        try:
            canonical_dtype(array.dtype)
        except DTypeError as cause:
            raise FileError(f"{source}: array {name!r} holds {array.dtype}, no real numbers") from cause
    if not isinstance(notes, dict):
        raise FileError(f"{source}: its notes are damaged")
    return Archive(arrays, notes, f"file {source}")
