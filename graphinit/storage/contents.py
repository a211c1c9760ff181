"""What an archive holds: known from its directory and headers, read array by array when asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphinit.errors import FileError
from graphinit.ir.types import MOST_AXES
from graphinit.json_values import Json
from graphinit.plain_text import escaped

NOTES = "graphinit"
"""Under which name notes stand in a file."""

MOST_VALUES = 1_000_000
"""How many values the notes and headers of an archive may have, counted by commas and brackets."""

_CHUNK = 2**20  # bytes


@dataclass(frozen=True, slots=True)
class Archive:
    """Arrays with notes, to be written.

    Parameters
    ----------
    arrays : mapping from str to numpy.ndarray
        The arrays by name.
    notes : mapping from str to object
        What JSON can say about them.
    """

    arrays: Mapping[str, np.ndarray]
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stored:
    """An array that has not been read yet.

    Parameters
    ----------
    shape : tuple of int
        Its shape.
    dtype : numpy.dtype
        Its dtype, in the machine's byte order.
    read : callable
        Returns its values, which are the caller's alone; `FileError` when they are not whole.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], np.ndarray]

    @property
    def nbytes(self) -> int:
        """Bytes that its values take."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def T(self) -> Stored:  # noqa: N802  (NumPy's name)
        """The array with its axes reversed."""
        return Stored(self.shape[::-1], self.dtype, lambda: self.read().T)

    @staticmethod
    def of(array: np.ndarray) -> Stored:
        """Return an array in memory as one that can be read."""
        return Stored(array.shape, array.dtype, lambda: array)


@dataclass(frozen=True, slots=True)
class Contents:
    """What an archive holds.

    Parameters
    ----------
    arrays : mapping from str to Stored
        The arrays by name.
    notes : Json
        An object; empty where another writer made the file.
    source : str
        Where it comes from, for messages.
    held : int, optional
        Bytes that it has on the disk; None where the arrays are in memory already.
    """

    arrays: Mapping[str, Stored]
    notes: Json = field(default_factory=lambda: Json({}, "its notes"))
    source: str = ""
    held: int | None = None


def count_values(text: bytes) -> int:
    """Return about how many values JSON text has, by its commas and brackets, before it is parsed."""
    return sum(text.count(mark) for mark in (b",", b"[", b"{"))


def parsed_notes(text: str | bytes, place: str, unique: bool = False) -> Json:
    """Read notes or a header from JSON text.

    Raises
    ------
    ValueError
        When it is none, no object, or has more than `MOST_VALUES` values.
    """
    values = count_values(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    if values > MOST_VALUES:
        raise ValueError(f"{place} has {values:,} values; there can be {MOST_VALUES:,}")
    try:
        found = Json(Json.parse(text, unique=unique).value, place)
    except ValueError as cause:
        raise ValueError(f"{place} cannot be read: {cause}") from cause
    if not isinstance(found.value, dict):
        found.fail("an object")
    return found


def checked_sizes(shape: Json) -> tuple[int, ...]:
    """Return the sizes of an array; `ValueError` when they are none."""
    return tuple(size.whole(low=0) for size in shape.items(MOST_AXES))


def check_axes(shape: tuple[int, ...]) -> None:
    """Raise `ValueError` when an array has more axes than NumPy can give it."""
    if len(shape) > MOST_AXES:
        raise ValueError(f"it has {len(shape)} axes; there can be {MOST_AXES}")


def read_values(take: Callable[[int], bytes], nbytes: int, dtype: np.dtype[Any], what: str) -> np.ndarray:
    """Return a vector of values, read piece by piece, so that a file that ends early costs what it holds.

    Parameters
    ----------
    take : callable
        Returns that many bytes, or fewer, none at the end.
    nbytes : int
        How many the values take.
    dtype : numpy.dtype
        What they are, in the byte order of the file.
    what : str
        Whose they are, for messages.

    Raises
    ------
    FileError
        When there are fewer, or no memory for them.
    """
    try:
        values = np.empty(nbytes // dtype.itemsize, dtype)
        room = memoryview(values.view(np.uint8))  # type: ignore[arg-type]
        place = 0
        while place < nbytes and (data := take(min(nbytes - place, _CHUNK))):
            room[place : place + len(data)] = data
            place += len(data)
    except MemoryError as cause:
        raise FileError(f"{what} has {nbytes:,} bytes, more than there is memory for") from cause
    if place != nbytes:
        raise FileError(f"{what} is not whole: {place} bytes do not make {nbytes}")
    if dtype.kind == "b":
        return np.not_equal(
            values.view(np.uint8), 0
        )  # other bytes than 0 and 1 would make truth of a third kind
    return values.astype(dtype.newbyteorder("="), copy=False)


def shown(name: str) -> str:
    """Return the name of an array as messages show it."""
    text = escaped(repr(name))
    return text if len(text) <= 200 else f"{text[:200]}...'"
