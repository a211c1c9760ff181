"""Notes to JSON text, exactly: what would come back as something else is refused by its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from graphinit.errors import FileError
from graphinit.plain_text import escaped
from graphinit.storage.contents import MOST_VALUES, count_values

DEEPEST = 100
"""How deeply notes may be nested."""

_LARGEST = 10**300  # of whole numbers


def notes_text(notes: Mapping[str, Any]) -> str:
    r"""Return notes as JSON text in ASCII, which reads back as the same notes; only tuples become lists.

    Raises
    ------
    FileError
        GI701, when there is something that JSON cannot say, or too much of it; the message names
        the place.

    Examples
    --------
    >>> notes_text({"scores": (0.5, float("nan")), "é": None})
    '{"scores": [0.5, NaN], "\\u00e9": null}'
    """
    _check(notes)
    text = json.dumps(notes)
    if count_values(text.encode("ascii")) > MOST_VALUES:
        raise FileError(f"the notes have more than {MOST_VALUES:,} values")
    return text


def _check(notes: Any) -> None:
    stack: list[tuple[Any, str, int]] = [(notes, "notes", 0)]
    count = 0
    while stack:
        value, place, depth = stack.pop()
        count += 1
        if depth > DEEPEST:
            raise FileError(f"{place[:200]}... is nested more than {DEEPEST} deep, or contains itself")
        if count > MOST_VALUES:
            raise FileError(f"the notes have more than {MOST_VALUES:,} values, or contain themselves")
        kind = type(value)
        if kind is dict:
            for key in value:
                if type(key) is not str:
                    raise FileError(f"{place} has the key {key!r}; the keys of notes are text")
            stack += [(item, f"{place}[{escaped(repr(key))}]", depth + 1) for key, item in value.items()]
        elif kind in (list, tuple):
            stack += [(item, f"{place}[{index}]", depth + 1) for index, item in enumerate(value)]
        elif kind is int:
            if abs(value) >= _LARGEST:
                raise FileError(f"{place} is a whole number of more than 300 digits")
        elif value is not None and kind not in (bool, float, str):
            raise FileError(
                f"{place} is of type {kind.__name__}, which JSON cannot say; notes are made of text, numbers, "
                "True, False, None, lists and dicts"
            )
