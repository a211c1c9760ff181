"""Copies and pickles: an object by its attributes, without what is made again.

Programs are never copied: they are compiled again where they are needed.  Functions and classes go into a
pickle by their names, as always in Python; one that has none is refused in words that say where it stands.

>>> import pickle
>>> class Counter(Portable):
...     _remade = {"cache": dict}
...     def __init__(self):
...         self.count, self.cache = 1, {"of": lambda: 1}
>>> again = copy.copy(Counter())
>>> again.count, again.cache
(1, {})
"""

from __future__ import annotations

import bisect
import copy
import dataclasses
import functools
import operator
import os
import sys
import types
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from graphinit.errors import GraphInitError


class Portable:
    """Base of what is copied and pickled by its attributes.

    ``__getstate__`` and ``__setstate__`` of subclasses are heeded.
    """

    _remade: ClassVar[Mapping[str, Callable[[], Any]]] = {}
    """Attributes that copies don't take over, and what makes new ones."""

    _arrays: ClassVar[tuple[str, ...]] = ()
    """Attributes that are arrays, or None, and are written to."""

    _refusal: ClassVar[type[GraphInitError]] = GraphInitError
    """What is raised when an attribute cannot be pickled."""

    @classmethod
    def _blank(cls) -> Self:
        """Return an object without attributes, but for those that are made again."""
        made = object.__new__(cls)
        made._remake()
        return made

    def _remake(self) -> None:
        """Make what copies don't take over."""
        for name, make in self._remade.items():
            self.__dict__[name] = make()

    def _described(self) -> tuple[str, str | None]:
        """Return what messages call it, and its path."""
        return f"this {type(self).__name__}", None

    def _first(self) -> Sequence[Any]:
        """Return what a pickle holds before anything else of this: what is deeply nested goes flat."""
        return ()

    def _links(self) -> Any:
        """Return what a copy is told of its place, beside its attributes."""
        return None

    def _relink(self, links: Any) -> None:
        """Take what `_links` said of the original."""

    def _parts(self) -> tuple[Any, ...]:
        state: Any = self.__getstate__()
        if isinstance(state, dict):
            state = self._kept(state)
        elif isinstance(state, tuple) and len(state) == 2 and isinstance(state[0], dict):  # has slots, too
            state = self._kept(state[0]), state[1]
        return (*self._first(), self._links(), state)

    def _kept(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in attributes.items() if name not in self._remade}

    def __reduce_ex__(self, protocol: Any) -> Any:
        if type(self).__reduce__ is not object.__reduce__:  # a subclass knows better
            return self.__reduce__()
        parts = self._parts()
        self._check_names(parts[-1])
        return _blank, (type(self),), parts, None, None, _restore

    def _check_names(self, state: Any) -> None:
        """Raise an error when the attributes hold what pickle cannot find by its name."""
        attributes = state[0] if isinstance(state, tuple) else state
        found = find_nameless(attributes) if isinstance(attributes, Mapping) else None
        words = ""
        if found:
            public = found[0].removeprefix("_")
            known = hasattr(type(self), public.partition(".")[0].partition("[")[0])
            words = f"its attribute {public if known else found[0]} is {found[1]}"
        if not found and not has_name(type(self)):
            words = f"its class is {_words(type(self))}"
        if words:
            subject, path = self._described()
            raise self._refusal(f"{subject} cannot be pickled: {words}; {WHAT_TO_DO}", path=path)

    def _take(self, parts: tuple[Any, ...]) -> None:
        """Become a copy of what has these parts."""
        *_, links, state = parts
        restore = getattr(type(self), "__setstate__", None)  # a __getattr__ of the class finds nothing yet
        if restore is not None:
            restore(self, state)
        else:
            attributes, slots = state if isinstance(state, tuple) else (state, None)
            self.__dict__.update({sys.intern(name): value for name, value in (attributes or {}).items()})
            for name, value in (slots or {}).items():
                setattr(self, name, value)
        self._relink(links)

    def __copy__(self) -> Self:
        made = self._blank()
        made._take(self._parts())
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        made = memo[id(self)] = self._blank()
        made._take(copy.deepcopy(self._parts(), memo))
        return made


WHAT_TO_DO = (
    "pickle finds functions and classes by their names, so define it with def or class at the top level of a "
    "module (copy.deepcopy takes it as it is)"
)


def _blank(cls: type[Portable]) -> Portable:
    return cls._blank()


def _restore(made: Portable, parts: tuple[Any, ...]) -> None:
    made._take(parts)
    for name in made._arrays:
        if (array := made.__dict__.get(name)) is not None:
            made.__dict__[name] = own_array(array)


def own_array(array: np.ndarray) -> np.ndarray:
    """Return an array from a pickle that can be written to and is nobody else's: itself, or a copy.

    What comes from buffers beside the pickle (protocol 5, out of band) may be neither.
    """
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    is_own = array.flags.writeable and (owner.base is None or type(owner.base) is bytearray)
    return array if is_own else array.copy()


# ---------------------------------------------------------------------- functions and classes without a name

_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes, type(...), slice, range})


def has_name(thing: Any) -> bool:
    """Whether pickle finds a function or a class by its module and name.

    Examples
    --------
    >>> has_name(len), has_name(lambda: 1)
    (True, False)
    """
    name = getattr(thing, "__qualname__", thing.__name__)
    found: Any = sys.modules.get(thing.__module__ or "")
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is thing


def find_nameless(attributes: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the first function or class among attributes that pickle finds under no name.

    Lists, dicts, partial functions and plain objects are looked into; what is `Portable` is not, since it
    looks itself when its turn comes.

    Parameters
    ----------
    attributes : mapping from str to object
        What to look through.

    Returns
    -------
    (str, str) or None
        Where it stands, and what it is, in words.

    Examples
    --------
    >>> find_nameless({"f": len, "g": [abs, lambda x: x]})[0]
    'g[1]'
    """
    seen: set[int] = set()
    stack = list(attributes.items())[::-1]
    while stack:
        place, value = stack.pop()
        kind = type(value)
        if kind in _ATOMS or id(value) in seen or isinstance(value, Portable):
            continue
        seen.add(id(value))
        if isinstance(value, types.FunctionType | type):
            if not has_name(value):
                return place, _words(value)
            continue
        if "<locals>" in kind.__qualname__ and _is_object_s(kind, "__reduce__", "__reduce_ex__"):
            return place, f"of {_words(kind)}"
        stack.extend(reversed([(f"{place}{step}", inner) for step, inner in _inner(value)]))
    return None


def _inner(value: Any) -> Iterator[tuple[str, Any]]:
    """Give what a pickle of a value holds, with the steps that lead there."""
    if isinstance(value, functools.partial):
        yield ".func", value.func
        yield ".args", value.args
        yield ".keywords", value.keywords
    elif isinstance(value, types.MethodType):
        yield "", value.__self__
    elif isinstance(value, dict):
        if isinstance(value, defaultdict):
            yield ".default_factory", value.default_factory
        yield from ((f"[{key!r}]", item) for key, item in value.items() if type(item) not in _ATOMS)
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((f"[{index}]", item) for index, item in enumerate(value) if type(item) not in _ATOMS)
    elif dataclasses.is_dataclass(value):
        yield from (
            (f".{field.name}", getattr(value, field.name, None)) for field in dataclasses.fields(value)
        )
    elif _is_object_s(type(value), "__reduce__", "__reduce_ex__", "__getstate__"):
        yield from ((f".{name}", item) for name, item in getattr(value, "__dict__", {}).items())


def _is_object_s(kind: type, *methods: str) -> bool:
    """Whether a class has inherited methods from `object` and nothing else."""
    return all(getattr(kind, method) is getattr(object, method) for method in methods)


def _words(thing: Any) -> str:
    """Return what a function or a class is, for messages."""
    code = getattr(thing, "__code__", None)
    place = f" ({os.path.basename(code.co_filename)}:{code.co_firstlineno})" if code else ""
    outside, local, _ = thing.__qualname__.partition(".<locals>")
    name = thing.__qualname__.rpartition(".")[2]
    if name == "<lambda>":
        return f"a lambda{place}"
    kind = "class" if isinstance(thing, type) else "function"
    return f"the {kind} {name!r}{place}" + (f", defined inside {outside!r}" if local else "")


# ---------------------------------------------------------------------- weak links


class Holders:
    """Who holds something, the oldest first: weak links, which keep nobody alive and are never copied.

    Each has a rank, by which copies of the holders come into the order of the originals, whichever of them
    is restored first.

    Examples
    --------
    >>> first, second, held = Portable(), Portable(), Holders()
    >>> held.add(second, rank=1)
    >>> held.add(first, rank=0)
    >>> [holder is first for holder, _ in held]
    [True, False]
    """

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: tuple[tuple[int, weakref.ref[Any], str], ...] = ()

    def __iter__(self) -> Iterator[tuple[Any, str]]:
        """Give those that are alive, with the keys that they hold it by."""
        for _, reference, key in self._entries:
            holder = reference()
            if holder is not None:
                yield holder, key

    def add(self, holder: Any, key: str = "", rank: int | None = None) -> None:
        """Note a holder: behind all others, or where its rank says."""
        entries = [entry for entry in self._entries if entry[1]() is not None]
        if any(entry[1]() is holder and entry[2] == key for entry in entries):
            return
        if rank is None:
            rank = entries[-1][0] + 1 if entries else 0
        bisect.insort(entries, (rank, weakref.ref(holder), key), key=operator.itemgetter(0))
        self._entries = tuple(entries)

    def remove(self, holder: Any) -> None:
        """Forget a holder."""
        self._entries = tuple(
            entry for entry in self._entries if (found := entry[1]()) is not None and found is not holder
        )

    def ranks(self, holder: Any) -> list[tuple[int, str]]:
        """Return the ranks of a holder, and the keys that it holds it by."""
        return [(rank, key) for rank, reference, key in self._entries if reference() is holder]
