"""What public modules show and load: names on first use (PEP 562), and what was meant by those that are not there."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

from graphinit.foreign_names import FOREIGN
from graphinit.suggestions import did_you_mean


def lazy_face(
    package: str, places: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package whose public names are loaded on first use.

    Parameters
    ----------
    package : str
        Its name.
    places : mapping from str to str
        For each public name where it is: ``"module"`` for a module itself, ``"module:name"`` for what
        a module defines; further modules before it are loaded first.

    Examples
    --------
    >>> load, names = lazy_face("graphinit", {"tau": "math:tau"})
    >>> round(load("tau"), 2), names()
    (6.28, ['tau'])
    >>> load("tao")
    Traceback (most recent call last):
    AttributeError: module 'graphinit' has no attribute 'tao'; did you mean 'tau'?
    """

    def load(name: str) -> Any:
        place = places.get(name)
        if place is None:
            raise missing(package, name, places)
        *needed, place = place.split()
        for module in needed:
            importlib.import_module(module)
        module, colon, attribute = place.partition(":")
        found = importlib.import_module(module)
        value = getattr(found, attribute) if colon else found
        setattr(sys.modules[package], name, value)  # the next access does not come here
        return value

    return load, lambda: sorted(places)


def listed_face(module: str, names: Collection[str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a module that shows its public names only.

    Parameters
    ----------
    module : str
        Its name.
    names : collection of str
        Its ``__all__``.

    Examples
    --------
    >>> find, shown = listed_face("graphinit.nn", ["Dense", "Block"])
    >>> shown()
    ['Block', 'Dense']
    >>> find("Linear")
    Traceback (most recent call last):
    AttributeError: module 'graphinit.nn' has no attribute 'Linear'; it is nn.Dense here
    """

    def find(name: str) -> Any:
        raise missing(module, name, names)

    return find, lambda: sorted(names)


def missing(module: str, name: str, known: Collection[str]) -> AttributeError:
    """Return the error for a name that a module does not have; it says what was meant, where that is known."""
    hint = ""
    if not name.startswith("__"):  # what Python itself looks for
        foreign = FOREIGN.get(module, {}).get(name)
        hint = f"; it is {foreign} here" if foreign else did_you_mean(name, known)
    text = f"module {module!r} has no attribute {name!r}{hint}"
    return AttributeError(text, name=name, obj=sys.modules.get(module))
