"""Arguments that a layer does not take: found when it is made, with what was meant."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from functools import lru_cache

from graphinit.errors import BlockError
from graphinit.suggestions import did_you_mean


def check_keywords(kind: type, given: Iterable[str]) -> None:
    """Raise an error when a class is given keyword arguments that it does not take.

    Parameters
    ----------
    kind : type
        The class of what is made.
    given : iterable of str
        Names of keyword arguments.

    Raises
    ------
    BlockError
        GI407, with the argument that may be meant.
    """
    taken = _taken(kind)
    if taken is None:
        return
    for name in given:
        if name not in taken:
            hint = did_you_mean(name, taken) or f"; it takes {', '.join(taken) or 'none'}"
            raise BlockError(f"{kind.__name__} takes no argument {name!r}{hint}")


@lru_cache(maxsize=512)
def _taken(kind: type) -> tuple[str, ...] | None:
    """Return the keyword arguments of a class; None when a user's class takes whatever there is."""
    names: dict[str, None] = {}
    for cls in kind.__mro__:
        init = cls.__dict__.get("__init__")
        if init is None or cls is object:
            continue
        parameters = list(inspect.signature(init, follow_wrapped=False).parameters.values())[1:]
        names |= {p.name: None for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
        if not cls.__module__.startswith("graphinit."):
            return None
    return tuple(names)
