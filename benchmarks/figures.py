"""What a benchmark gives, and how all of them are shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One comparison.

    Parameters
    ----------
    what : str
        What was measured.
    ours, other : float
        Seconds, each the median or the least of many rounds taken in turn.
    against : str
        What `other` is the time of.
    goal : float
        The ratio to stay under.
    """

    what: str
    ours: float
    other: float
    against: str
    goal: float

    @property
    def ratio(self) -> float:
        """How many times as long ours takes."""
        return self.ours / self.other

    @property
    def holds(self) -> bool:
        """Whether the goal is met."""
        return self.ratio <= self.goal


def format_time(seconds: float) -> str:
    """Return a time with a unit that suits it.

    Examples
    --------
    >>> format_time(0.0000123), format_time(0.2)
    ('12.3 us', '200 ms')
    """
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def format_figures(figures: Iterable[Figure]) -> str:
    """Return figures as a table."""
    rows = [("", "ours", "beside it", "", "ratio", "goal", "")]
    rows += [
        (
            figure.what,
            format_time(figure.ours),
            format_time(figure.other),
            figure.against,
            f"{figure.ratio:.2g}" if figure.ratio < 0.1 else f"{figure.ratio:.2f}",
            f"{figure.goal:g}",
            "" if figure.holds else "missed",
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(7)]
    left = (0, 3, 6)
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
