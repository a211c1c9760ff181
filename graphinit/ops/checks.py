"""Checks of attributes: what the user gave becomes a canonical value, or an error in words.

A check raises `ValueError` or `TypeError` with words that complete "<attribute> ...".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graphinit import json_values
from graphinit.errors import GraphInitError
from graphinit.ir.dims import Dim, Expr, parse_dim
from graphinit.ir.types import canonical_dtype
from graphinit.scalars import real, several, truth, whole


def boolean(value: Any) -> bool:
    """True or False."""
    given = truth(value)
    if given is None:
        raise TypeError("must be True or False")
    return given


def integer(value: Any) -> int:
    """A whole number of 64 bits; a bool is none."""
    number = whole(value)
    if number is None:
        raise TypeError("must be a whole number")
    if not json_values.LEAST <= number <= json_values.MOST:
        raise ValueError("must be a whole number of 64 bits")
    return number


MOST = 1 << 48
"""More than any array has elements; kernels compute with numbers up to it without running over."""


def natural(value: Any) -> int:
    """A whole number of at least 0."""
    number = integer(value)
    if number < 0:
        raise ValueError("must not be negative")
    if number > MOST:
        raise ValueError(f"must be at most {MOST}")
    return number


def positive(value: Any) -> int:
    """A whole number of at least 1."""
    number = natural(value)
    if number < 1:
        raise ValueError("must be at least 1")
    return number


def naturals(value: Any) -> tuple[int, ...]:
    """Several whole numbers of at least 0."""
    given = several(value)
    if given is None:
        raise TypeError("must be a tuple of whole numbers")
    return tuple(natural(item) for item in given)


def number(value: Any) -> float:
    """A number, as float."""
    result = float(scalar(value))
    if math.isnan(result):
        raise ValueError("must be a number, not nan")
    return result


def finite(value: Any) -> float:
    """A number that is neither nan nor infinite, as float."""
    result = number(value)
    if math.isinf(result):
        raise ValueError("must be finite")
    return result


def positive_number(value: Any) -> float:
    """A finite number above 0, as float."""
    result = finite(value)
    if not result > 0:
        raise ValueError("must be above 0")
    return result


def scalar(value: Any) -> float | int:
    """A number that keeps its kind: an int stays an int."""
    result = real(value)
    if result is None:
        raise TypeError("must be a number")
    return result


def bound(value: Any) -> float | int | None:
    """A limit: a number, or None (also given as an infinity) for no limit."""
    if value is None:
        return None
    limit = scalar(value)
    if math.isnan(limit):
        raise ValueError("must be a number, not nan")
    return None if math.isinf(limit) else limit


def rate(value: Any) -> float:
    """A probability below 1."""
    probability = number(value)
    if not 0 <= probability < 1:
        raise ValueError("must be at least 0 and less than 1")
    return probability


def optional(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """None, or what `check` takes."""

    def checked(value: Any) -> Any:
        return None if value is None else check(value)

    return checked


def axes(value: Any) -> tuple[int, ...] | None:
    """None for all axes, one axis, or several, as a tuple."""
    if value is None:
        return None
    given = tuple(integer(axis) for axis in entries(value))
    if len(set(given)) != len(given):
        raise ValueError("names an axis twice")
    return given


def some_axes(value: Any) -> tuple[int, ...]:
    """One axis, or several, as a tuple."""
    given = axes(value)
    if given is None:
        raise TypeError("must be an axis or a tuple of axes")
    return given


def permutation(value: Any) -> tuple[int, ...] | None:
    """None to reverse the axes, or every axis once, counted from the front."""
    given = axes(value)
    if given is None:
        return None
    order = tuple(axis % len(given) if -len(given) <= axis < len(given) else -1 for axis in given)
    if sorted(order) != list(range(len(given))):
        raise ValueError(f"must name each of the {len(given)} axes once")
    return order


def dtype(value: Any) -> str:
    """A dtype by its canonical name."""
    if value is None:
        raise TypeError("must be a dtype")
    try:
        return canonical_dtype(value)
    except GraphInitError as cause:
        raise TypeError(cause.message) from cause


def size(value: Any) -> Dim:
    """A size: a number of at least 0, or an expression."""
    try:
        dim = parse_dim(value)
    except GraphInitError as cause:
        raise ValueError(cause.message) from cause
    if isinstance(dim, int) and dim < 0:
        raise ValueError("must be a size")
    return dim


def sizes(value: Any) -> tuple[Dim, ...]:
    """A shape without unknowns."""
    return tuple(size(dim) for dim in entries(value))


def target_shape(value: Any) -> tuple[Dim, ...]:
    """A shape in which one entry may be -1."""
    shape = tuple(-1 if whole(dim) == -1 else size(dim) for dim in entries(value))
    if sum(isinstance(dim, int) and dim == -1 for dim in shape) > 1:
        raise ValueError("may have only one -1")
    return shape


def stated_shape(value: Any) -> tuple[Dim, ...]:
    """A shape in which any entry may be -1, for a size that does not matter."""
    return tuple(-1 if dim is None or whole(dim) == -1 else size(dim) for dim in entries(value))


def entries(value: Any) -> tuple[Any, ...]:
    """One entry or several, as a tuple."""
    given = several(value)
    return (value,) if given is None else given


def pads(value: Any) -> tuple[tuple[int, int], ...]:
    """A pair (before, after) for each axis."""
    given = several(value)
    if given is None:
        raise TypeError("must be a pair (before, after) for each axis")
    pairs = []
    for pair in map(several, given):
        if pair is None or len(pair) != 2:
            raise TypeError("must be a pair (before, after) for each axis")
        pairs.append((natural(pair[0]), natural(pair[1])))
    return tuple(pairs)


def index(value: Any) -> tuple[Any, ...]:
    """Basic indexing: numbers, (start, stop, step), ``"..."`` and ``"new"``; Python's own words are taken, too."""
    entries = value if isinstance(value, tuple | list) else (value,)
    checked = tuple(_entry(entry) for entry in entries)
    if sum(isinstance(entry, str) and entry == "..." for entry in checked) > 1:
        raise ValueError("may have only one '...'")
    return checked


def _entry(entry: Any) -> Any:
    if isinstance(entry, Expr) or (isinstance(entry, str) and entry in ("...", "new")):
        return entry
    if entry is None or entry is Ellipsis:
        return "new" if entry is None else "..."
    if isinstance(entry, slice):
        entry = (entry.start, entry.stop, entry.step)
    if isinstance(entry, tuple | list) and len(entry) == 3:
        start, stop, step = (
            part if part is None or isinstance(part, Expr) else integer(part) for part in entry
        )
        if step == 0 or isinstance(step, Expr):
            raise ValueError("needs steps that are whole numbers other than 0")
        return (start, stop, None if step == 1 else step)
    return integer(entry)
