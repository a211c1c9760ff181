"""Package faces that load what is asked for, when it is asked for (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy_face(
    package: str, places: Mapping[str, str], others: Mapping[str, str] = {}
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package whose public names are loaded on first use.

    Parameters
    ----------
    package : str
        Its name.
    places : mapping from str to str
        For each public name where it is: ``"module"`` for a module itself, ``"module:name"`` for what
        a module defines; further modules before it are loaded first.
    others : mapping from str to str
        Names of other frameworks, and what to write in place of them.

    Examples
    --------
    >>> load, names = lazy_face("graphinit", {"tau": "math:tau"})
    >>> round(load("tau"), 2), "tau" in names()
    (6.28, True)
    """

    def load(name: str) -> Any:
        place = places.get(name)
        if place is None:
            meant = f"; write {others[name]}" if name in others else ""
            raise AttributeError(f"module {package!r} has no attribute {name!r}{meant}")
        *needed, place = place.split()
        for module in needed:
            importlib.import_module(module)
        module, colon, attribute = place.partition(":")
        found = importlib.import_module(module)
        value = getattr(found, attribute) if colon else found
        setattr(sys.modules[package], name, value)  # the next access does not come here
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *places})

    return load, names
