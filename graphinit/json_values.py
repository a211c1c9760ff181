"""Values read from JSON, each with its place, so that what is wrong with one can be said exactly.

Files come from anywhere: nothing in them is taken on trust, neither what a value is nor how large.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from graphinit.plain_text import escaped

LEAST, MOST = -(2**63), 2**63 - 1
"""Whole numbers that every reader takes."""

_SHOWN = 60  # characters of a bad value
_DIGITS = 400  # of a whole number; more are refused before they cost anything


@dataclass(frozen=True, slots=True)
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

    value: Any
    place: str = ""

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
            return Json(json.loads(text, parse_int=_int, object_pairs_hook=_unique if unique else None))
        except RecursionError as cause:
            raise ValueError("it is nested too deeply") from cause
        except UnicodeDecodeError as cause:
            raise ValueError("it is no text") from cause

    def fail(self, wanted: str) -> NoReturn:
        """Raise `ValueError` that says what was wanted here."""
        try:
            shown = escaped(repr(self.value))
        except RecursionError:
            shown = "something nested"
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
        if type(self.value) not in (int, float) or not _is_finite(self.value):
            self.fail("a finite number")
        return float(self.value)

    # ------------------------------------------------------------------ what is in it

    def items(self, most: int | None = None) -> Iterator[Json]:
        """Return the entries of a list, of no more than `most`."""
        if not isinstance(self.value, list):
            self.fail("a list")
        if most is not None and len(self.value) > most:
            raise ValueError(f"{self.place} has {len(self.value)} entries; there can be {most}")
        return (Json(item, f"{self.place}[{index}]") for index, item in enumerate(self.value))

    def entries(self, most: int | None = None) -> Iterator[tuple[str, Json]]:
        """Return the keys and values of an object, of no more than `most`; keys are printable."""
        if not isinstance(self.value, dict):
            self.fail("an object")
        if most is not None and len(self.value) > most:
            raise ValueError(f"{self.place} has {len(self.value)} entries; there can be {most}")
        for key, item in self.value.items():
            if not key.isprintable():
                raise ValueError(f"a name in {self.place or 'it'} is no printable text: '{escaped(key)}'")
            yield key, self._inner(key, item)

    def get(self, key: str, *default: Any) -> Json:
        """Return the value of a key, or a default where there is one."""
        if not isinstance(self.value, dict):
            self.fail("an object")
        if key not in self.value and not default:
            raise ValueError(f"{self._inner(key, None).place} is missing")
        return self._inner(key, self.value.get(key, *default))

    def _inner(self, key: str, item: Any) -> Json:
        return Json(item, f"{self.place}.{key}" if self.place else key)


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number that no float is as large as
        return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"it has {escaped(repr(twice))[:_SHOWN]} twice")
    return found


def _int(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)
