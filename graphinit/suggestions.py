"""What somebody may have meant who wrote a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like `name`, whatever its case; None when none is like it.

    Parameters
    ----------
    name : str
        What was written.
    known : iterable of str
        What there is.

    Examples
    --------
    >>> nearest("Dens", ["Dense", "Dropout"])
    'Dense'
    >>> nearest("rleu", ["relu", "tanh"])
    'relu'
    """
    names = {item.lower(): item for item in known}
    found = difflib.get_close_matches(name.lower(), names, n=1)
    return names[found[0]] if found else None
