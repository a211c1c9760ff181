"""Arguments that layers on images share: a number for each spatial axis, layouts, padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphinit.errors import BlockError
from graphinit.scalars import whole

LAYOUTS = {1: ("NCW", "NWC"), 2: ("NCHW", "NHWC"), 3: ("NCDHW", "NDHWC")}
"""Layouts by number of spatial axes: channels first, channels last."""


def per_axis(name: str, value: Any, count: int, least: int = 1) -> tuple[int, ...]:
    """Return a number for each spatial axis, from one for all or a tuple of them.

    Raises
    ------
    BlockError
        GI407, when it is neither, or a number is less than `least`.
    """
    several = isinstance(value, tuple | list) or (isinstance(value, np.ndarray) and value.ndim == 1)
    given = tuple(map(whole, value)) if several else (whole(value),) * count
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
            raise BlockError(f"padding is 'same', 'valid' or numbers; got {value!r}")
        return value
    return per_axis("padding", value, count, 0)


def is_channels_last(layout: str, count: int) -> bool:
    """Return whether a layout has channels last; `BlockError` (GI407) when there is none of that name."""
    if layout not in LAYOUTS[count]:
        raise BlockError(f"layout is {' or '.join(map(repr, LAYOUTS[count]))}; got {layout!r}")
    return layout == LAYOUTS[count][1]
