"""The known name that a mistaken one is closest to."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the closest of the known names, None when none is close; case doesn't matter.

    Parameters
    ----------
    name : str
        What was written.
    known : iterable of str
        What there is.

    Examples
    --------
    >>> nearest("acuracy", ["accuracy", "mae"])
    'accuracy'
    >>> nearest("relu", ["ReLU", "SELU"]), nearest("adma", ["adamax", "adam"]), nearest("L2", ["L2Loss"])
    ('ReLU', 'adam', 'L2Loss')
    """
    lowered: dict[str, str] = {}
    for item in known:
        lowered.setdefault(item.lower(), item)
    written = name.lower()
    found = sorted(difflib.get_close_matches(written, lowered, n=5), key=lambda item: _slips(written, item))
    if not found and len(written) > 1:  # only the beginning was written
        found = sorted((item for item in lowered if item.startswith(written)), key=len)
    return lowered[found[0]] if found else None


def _slips(written: str, meant: str) -> int:
    """Return how many slips lead from one word to another: letters left out, added, replaced or swapped."""
    above: list[int] = []
    row = list(range(len(meant) + 1))
    for i, letter in enumerate(written):
        before, above, row = above, row, [i + 1]
        for j, other in enumerate(meant):
            slips = min(above[j] + (letter != other), above[j + 1] + 1, row[j] + 1)
            if i and j and letter == meant[j - 1] and written[i - 1] == other:
                slips = min(slips, before[j - 1] + 1)
            row.append(slips)
    return row[-1]


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: a question, or nothing when no name is close.

    Examples
    --------
    >>> f"there is no optimizer 'adm'{did_you_mean('adm', ['adam', 'sgd'])}"
    "there is no optimizer 'adm'; did you mean 'adam'?"
    """
    found = nearest(name, known) if isinstance(name, str) else None
    return "" if found is None else f"; did you mean {found!r}?"
