"""Arguments that layers on images share: a number for each spatial axis, layouts, padding."""

from __future__ import annotations

from typing import Any

from graphinit.errors import BlockError
from graphinit.nn.checks import choice
from graphinit.scalars import several, whole
from graphinit.suggestions import did_you_mean

LAYOUTS = {1: ("NCW", "NWC"), 2: ("NCHW", "NHWC"), 3: ("NCDHW", "NDHWC")}
"""Layouts by number of spatial axes: channels first, channels last."""


def per_axis(name: str, value: Any, count: int, least: int = 1) -> tuple[int, ...]:
    """Return a number for each spatial axis, from one for all or a tuple of them.

    Raises
    ------
    BlockError
        GI407, when it is neither, or a number is less than `least`.
    """
    entries = several(value)
    given = (whole(value),) * count if entries is None else tuple(map(whole, entries))
    numbers = tuple(item for item in given if item is not None and item >= least)
    if not len(numbers) == len(given) == count:
        raise BlockError(f"{name} is a whole number of at least {least}, or {count} of them; got {value!r}")
    return numbers


def image_padding(value: Any, count: int) -> str | tuple[int, ...]:
    """Return ``"same"``, or what is added on each side of each spatial axis.

    Raises
    ------
    BlockError
        GI407, when it is none.
    """
    if isinstance(value, str):
        if value == "valid":
            return (0,) * count
        if value != "same":
            hint = did_you_mean(value, ("same", "valid"))
            raise BlockError(f"padding is 'same', 'valid' or numbers; got {value!r}{hint}")
        return value
    return per_axis("padding", value, count, 0)


def is_channels_last(layout: str, count: int) -> bool:
    """Return whether a layout has channels last; `BlockError` (GI407) when there is none of that name."""
    return choice("layout", layout, LAYOUTS[count]) == LAYOUTS[count][1]
