"""Checks of what layers are made with: what the user gave as a plain number, or an error in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from graphinit.errors import BlockError
from graphinit.plain_text import shown
from graphinit.scalars import is_finite, real, several, truth, whole
from graphinit.suggestions import did_you_mean


def unknown_size(name: str, size: Any) -> int:
    """Return an input size as given, -1 for None and 0, which stand for unknown in layers.

    Raises
    ------
    BlockError
        GI407, when it is no size.
    """
    number = -1 if size is None else whole(size)
    if number is None or number < -1:
        raise BlockError(f"{name} is a positive whole number, or -1 for unknown; got {shown(size)}")
    return number or -1


def positive_size(name: str, size: Any) -> int:
    """Return a size that must be known; `BlockError` (GI407) when it is not."""
    number = whole(size)
    if number is None or number < 1:
        raise BlockError(f"{name} is a positive whole number; got {shown(size)}")
    return number


def whole_number(name: str, value: Any) -> int:
    """Return an argument that is a whole number; `BlockError` (GI407) when it is none."""
    number = whole(value)
    if number is None:
        raise BlockError(f"{name} is a whole number; got {shown(value)}")
    return number


def whole_numbers(name: str, value: Any) -> tuple[int, ...]:
    """Return one or several whole numbers as a tuple; `BlockError` (GI407) when they are none."""
    entries = several(value)
    numbers = tuple(map(whole, (value,) if entries is None else entries))
    checked = tuple(item for item in numbers if item is not None)
    if len(checked) != len(numbers):
        raise BlockError(f"{name} is made of whole numbers; got {shown(value)}")
    return checked


def flag(name: str, value: Any) -> bool:
    """Return an argument that is True or False; `BlockError` (GI407) when it is neither."""
    given = truth(value)
    if given is None:
        raise BlockError(f"{name} is True or False; got {shown(value)}")
    return given


def choice(name: str, value: Any, known: Sequence[str]) -> str:
    """Return one of a few texts; `BlockError` (GI407) when it is none of them."""
    if not isinstance(value, str) or value not in known:
        hint = did_you_mean(value, known)
        raise BlockError(f"{name} is {' or '.join(map(repr, known))}; got {shown(value)}{hint}")
    return value


def number(
    name: str,
    value: Any,
    *,
    least: float = -math.inf,
    most: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
) -> float:
    """Return an argument that is a finite number, within limits; `BlockError` (GI407) when it is none."""
    given = real(value)
    if given is None or not is_finite(given) or not (least <= given <= most and above < given < below):
        limit = ""
        if above > -math.inf:
            limit = f" above {above:g}"
        elif below < math.inf:
            limit = f" from {least:g} to below {below:g}"
        elif most < math.inf:
            limit = f" from {least:g} to {most:g}"
        elif least > -math.inf:
            limit = f" of at least {least:g}"
        kind = "number" if given is None or is_finite(given) else "finite number"
        raise BlockError(f"{name} is a {kind}{limit}; got {shown(value)}")
    return float(given)
