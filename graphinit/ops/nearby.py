"""Other values of attributes that sizes depend on, the likeliest first: `Attr.near`.

The shape checker tries the first of them where sizes clash, to mend a mistake, and more of them to see
whether a value is part of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_FURTHEST = 16


def _around(own: int, least: int) -> Iterator[int]:
    """Give numbers in order of distance: 4, 2, 5, 1 for 3."""
    for distance in range(1, _FURTHEST):
        yield from (each for each in (own + distance, own - distance) if each >= least)


def paddings(value: Any) -> Iterator[Any]:
    """Give paddings that are the same on all sides; none for ``"same"``."""
    if isinstance(value, tuple) and value:
        own = sum(value[0]) // 2
        if value != ((own, own),) * len(value):
            yield ((own, own),) * len(value)
        yield from (((pad, pad),) * len(value) for pad in _around(own, 0))


def unstated(value: Any) -> Iterator[Any]:
    """Give the shape that says nothing."""
    yield (-1,) * len(value)


def steps(value: Any) -> Iterator[Any]:
    """Give 1 for every axis first; nothing for what is 1 already."""
    most = max(value, default=1)
    if most > 1:
        yield (1,) * len(value)
        yield from ((step,) * len(value) for step in _around(most, 2))


def lengths(value: Any) -> Iterator[Any]:
    """Give lengths that differ from these by the same on every axis."""
    if isinstance(value, tuple) and value:
        least = min(value)
        yield from (tuple(each + other - least for each in value) for other in _around(least, 1))


def groups(value: int) -> Iterator[int]:
    """Give numbers of groups; nothing for what is one group."""
    if value > 1:
        yield from _around(value, 1)
