"""Values read from JSON, each with its place, so that what is wrong with one can be said exactly.

Files come from anywhere: nothing in them is taken on trust, neither what a value is nor how large.
"""

from __future__ import annotations

import gc
import itertools
import json
import reprlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from graphinit.plain_text import escaped
from graphinit.scalars import is_finite

LEAST, MOST = -(2**63), 2**63 - 1
"""Whole numbers that every reader takes."""

_SHOWN = 60  # characters of a bad value
_LONG = 1_000_000  # characters of a text for which the collector is stopped


class Json:
    """A value read from JSON.

    Parameters
    ----------
    value : object
        None, a bool, a number, text, a list or a dict.
    place : str
        Where it stands, ``nodes[3].attrs.index``; empty at the top.

    Examples
    --------
    >>> counts = Json.parse('{"counts": [1, -2]}').get("counts")
    >>> [count.whole(low=0) for count in counts.items()]
    Traceback (most recent call last):
    ValueError: counts[1] must be a whole number from 0 to 9223372036854775807, not -2
    """

    __slots__ = ("_key", "_within", "value")

    def __init__(self, value: Any, place: str = "") -> None:
        self.value = value
        self._within: Json | None = None
        self._key: str | int = place

    def _part(self, value: Any, key: str | int) -> Json:
        part = Json.__new__(Json)
        part.value, part._within, part._key = value, self, key
        return part

    @property
    def place(self) -> str:
        """Where it stands; put together when somebody asks, which is when something is wrong."""
        keys: list[str | int] = []
        part: Json | None = self
        while part is not None:
            keys.append(part._key)
            part = part._within
        text = ""
        for key in reversed(keys):
            text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
        return text

    @staticmethod
    def parse(text: str | bytes, unique: bool = False) -> Json:
        """Read JSON text.

        Parameters
        ----------
        text : str or bytes
            The text.
        unique : bool
            Whether a name that an object has twice is an error; else the last one counts.

        Raises
        ------
        ValueError
            When it is none, or nested too deeply.
        """
        try:
            with _no_collection(len(text) > _LONG):
                return Json(json.loads(text, object_pairs_hook=_unique if unique else None))
        except RecursionError as cause:
            raise ValueError("it is nested too deeply") from cause
        except UnicodeDecodeError as cause:
            raise ValueError("it is no text") from cause

    def fail(self, wanted: str) -> NoReturn:
        """Raise `ValueError` that says what was wanted here."""
        shown = escaped(_short.repr(self.value))
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
        raise ValueError(f"{self.place or 'the whole'} must be {wanted}, not {shown}")

    # ------------------------------------------------------------------ what it is

    def text(self) -> str:
        """Return it as text that can be printed in one line."""
        if not isinstance(self.value, str) or not self.value.isprintable():
            self.fail("printable text without line breaks")
        return self.value

    def whole(self, low: int = LEAST, high: int = MOST) -> int:
        """Return it as a whole number within limits; a bool is none."""
        if type(self.value) is not int or not low <= self.value <= high:
            self.fail(f"a whole number from {low} to {high}")
        return int(self.value)

    def number(self) -> float:
        """Return it as a finite number."""
        if type(self.value) not in (int, float) or not is_finite(self.value):
            self.fail("a finite number")
        return float(self.value)

    # ------------------------------------------------------------------ what is in it

    def items(self, most: int | None = None) -> list[Json]:
        """Return the entries of a list, of no more than `most`."""
        if not isinstance(self.value, list):
            self.fail("a list")
        self._check_count(most)
        return [self._part(item, index) for index, item in enumerate(self.value)]

    def pair(self, wanted: str) -> tuple[Json, Json]:
        """Return the two entries of a list of two."""
        if not isinstance(self.value, list) or len(self.value) != 2:
            self.fail(wanted)
        return self._part(self.value[0], 0), self._part(self.value[1], 1)

    def entries(self, most: int | None = None) -> Iterator[tuple[str, Json]]:
        """Give the keys and values of an object, of no more than `most`; keys are printable."""
        if not isinstance(self.value, dict):
            self.fail("an object")
        self._check_count(most)
        for key, item in self.value.items():
            if not key.isprintable():
                raise ValueError(
                    f"a name in {self.place or 'it'} is no printable text: '{escaped(key[:_SHOWN])}'"
                )
            yield key, self._part(item, key)

    def get(self, key: str, *default: Any) -> Json:
        """Return the value of a key, or a default where there is one."""
        if not isinstance(self.value, dict):
            self.fail("an object")
        if key not in self.value and not default:
            raise ValueError(f"{self._part(None, key).place} is missing")
        return self._part(self.value.get(key, *default), key)

    def _check_count(self, most: int | None) -> None:
        if most is not None and len(self.value) > most:
            raise ValueError(f"{self.place} has {len(self.value)} entries; there can be {most}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"it has {escaped(repr(twice))[:_SHOWN]} twice")
    return found


@contextmanager
def _no_collection(wanted: bool) -> Iterator[None]:
    """Stop the collector: it looks again and again at the millions of objects that a long text becomes."""
    if not (wanted and gc.isenabled()):
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class _Short(reprlib.Repr):
    """Shows the beginning of a value, at a cost that does not depend on how large it is."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxlong = self.maxother = _SHOWN

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        """Return the first entries, in their order; `reprlib` sorts all of them."""
        if level <= 0:
            return "{...}"
        shown = [
            f"{self.repr1(key, level)}: {self.repr1(x[key], level - 1)}" for key in itertools.islice(x, 4)
        ]
        return f"{{{', '.join(shown)}{', ...' if len(x) > len(shown) else ''}}}"


_short = _Short()
