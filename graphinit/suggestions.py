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
    >>> nearest("relu", ["ReLU", "SELU"])
    'ReLU'
    """
    lowered: dict[str, str] = {}
    for item in known:
        lowered.setdefault(item.lower(), item)
    found = difflib.get_close_matches(name.lower(), lowered, n=1)
    return lowered[found[0]] if found else None


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: a question, or nothing when no name is close.

    Examples
    --------
    >>> f"there is no optimizer 'adm'{did_you_mean('adm', ['adam', 'sgd'])}"
    "there is no optimizer 'adm'; did you mean 'adam'?"
    """
    found = nearest(name, known) if isinstance(name, str) else None
    return "" if found is None else f"; did you mean {found!r}?"
