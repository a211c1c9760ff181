"""Arguments that layers on images share: a number for each spatial axis, layouts, padding."""

from __future__ import annotations

from typing import Any

from graphinit.errors import BlockError

LAYOUTS = {1: ("NCW", "NWC"), 2: ("NCHW", "NHWC"), 3: ("NCDHW", "NDHWC")}
"""Layouts by number of spatial axes: channels first, channels last."""


def per_axis(name: str, value: Any, count: int, least: int = 1) -> tuple[int, ...]:
    """Return a number for each spatial axis, from one for all or a tuple of them.

    Raises
    ------
    BlockError
        GI407, when it is neither, or a number is less than `least`.
    """
    given = tuple(value) if isinstance(value, tuple | list) else (value,) * count
    whole = all(isinstance(item, int) and not isinstance(item, bool) and item >= least for item in given)
    if len(given) != count or not whole:
        raise BlockError(f"{name} is a whole number of at least {least}, or {count} of them; got {value!r}")
    return given


def image_padding(value: Any, count: int) -> str | tuple[int, ...]:
    """Return ``"same"``, or what is added on each side of each spatial axis.

    Raises
    ------
    BlockError
        GI407, when it is none.
    """
    if value == "valid":
        return (0,) * count
    if isinstance(value, str):
        if value != "same":
            raise BlockError(f"padding is 'same', 'valid' or numbers; got {value!r}")
        return value
    return per_axis("padding", value, count, 0)


def is_channels_last(layout: str, count: int) -> bool:
    """Return whether a layout has channels last; `BlockError` (GI407) when there is none of that name."""
    if layout not in LAYOUTS[count]:
        raise BlockError(f"layout is {' or '.join(map(repr, LAYOUTS[count]))}; got {layout!r}")
    return layout == LAYOUTS[count][1]
