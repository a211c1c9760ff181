"""Sizes that inference could not settle, and the facts that would settle them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphinit.ir.dims import Unknown, symbol
from graphinit.plain_text import escaped
from passes.shapes.inference import Inference, infer
from passes.shapes.unification import LOST

_TRIED = 24
"""How many unknown sizes are tried for what they would settle: each try is one inference."""

_RANKS = (2, 4, 3, 5, 1)
"""Ranks that a value of unknown rank is tried with."""


@dataclass(frozen=True, slots=True)
class OpenSize:
    """A size that is not known.

    Parameters
    ----------
    name : str
        The first value that has it.
    axis : int or None
        Its axis; None when not even the rank is known.
    places : tuple of (str, int)
        All values that have it, with their axes.
    settled_by : tuple of tuple of str
        The smallest sets of facts that would settle it.
    """

    name: str
    axis: int | None
    places: tuple[tuple[str, int | None], ...] = ()
    settled_by: tuple[tuple[str, ...], ...] = ()

    def __str__(self) -> str:
        return escaped(self._words)

    @property
    def _words(self) -> str:
        return f"the rank of {self.name}" if self.axis is None else f"axis {self.axis} of {self.name}"

    @property
    def settled_by_text(self) -> tuple[str, ...]:
        """The sets of facts in words."""
        return tuple(" and ".join(facts) for facts in self.settled_by)

    @property
    def explained(self) -> str:
        """The size, and what would settle it, in one line."""
        facts = " or ".join(text for text in self.settled_by_text if text != self._words)
        return escaped(f"{self._words}: settled by {facts}" if facts else f"{self._words}: stated nowhere")

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return {
            "name": self.name,
            "axis": self.axis,
            "places": [list(place) for place in self.places],
            "settled_by": [list(facts) for facts in self.settled_by],
        }


def find_open(inference: Inference) -> tuple[OpenSize, ...]:
    """Return the sizes that are not known, each once however many values have it.

    Parameters
    ----------
    inference : Inference
        What was inferred.
    """
    groups = _groups(inference)
    if not groups:
        return ()
    names = [f"{node.name}:{port}" if port else node.name for _, node, port in inference.values()]
    sources = {value for value, node, _ in inference.values() if node.is_source and node.op != "constant"}
    facts = [places[0] for places in groups.values() if places[0][0] in sources][:_TRIED]
    outcomes = {fact: _settled(inference, [fact]) for fact in facts}
    together = _settled(inference, facts) if len(facts) > 1 else set()
    found = []
    for places in groups.values():
        size = places[0]
        single = [fact for fact in facts if size in outcomes[fact]]
        sets: list[tuple[str, ...]] = [(_words(names, fact),) for fact in single]
        if size in together and not set(single) - {size}:
            joined = _smallest(inference, size, [fact for fact in facts if fact != size])
            sets += [tuple(_words(names, fact) for fact in joined)] if joined else []
        value, axis = size
        shown = tuple((names[number], at) for number, at in places)
        found.append(OpenSize(names[value], axis, shown, tuple(sets)))
    return tuple(found)


def _words(names: list[str], place: Any) -> str:
    value, axis = place
    return f"the shape of {names[value]}" if axis is None else f"axis {axis} of {names[value]}"


def _smallest(inference: Inference, size: Any, facts: list[Any]) -> list[Any]:
    """Facts that settle a size together, none of which can be left out; empty when all of them don't."""
    if size not in _settled(inference, facts):
        return []
    for fact in reversed(facts):
        rest = [other for other in facts if other != fact]
        if size in _settled(inference, rest):
            facts = rest
    return facts


def _groups(inference: Inference) -> Mapping[Any, list[tuple[int, int | None]]]:
    """The unknown sizes, each with the places where it stands, in order of the graph."""
    groups: dict[Any, list[tuple[int, int | None]]] = {}
    solver = inference.solver
    rankless: dict[int, int] = {}
    for value, shape in enumerate(solver.shapes):
        if shape is LOST:
            continue
        if shape is None:
            row = inference.graph.table[solver.producers[value]]
            roots = [rankless[slot] for slot in row.slots[: row.inputs] if slot in rankless]
            rankless[value] = roots[0] if roots else value
            groups.setdefault(("rank", rankless[value]), []).append((value, None))
            continue
        for axis, dim in enumerate(shape):
            if type(dim) is Unknown:
                groups.setdefault(dim, []).append((value, axis))
            elif type(dim) is int and dim == -1:
                groups[value, axis] = [(value, axis)]
    return groups


def _settled(inference: Inference, facts: list[Any]) -> set[tuple[int, int | None]]:
    """The places that are settled when some unknown sizes, or all of a value, are given names."""
    shapes = inference.solver.shapes
    for rank in _RANKS if any(axis is None for _, axis in facts) else _RANKS[:1]:
        changed: dict[int, Any] = {}
        fresh = (symbol(f"_{number}") for number in itertools.count())
        for value, axis in facts:
            shape = changed.get(value, inference.stated[value])
            if axis is None:
                changed[value] = tuple(itertools.islice(fresh, rank))
                continue
            if shape is None:
                shape = (-1,) * len(shapes[value])
            changed[value] = tuple(next(fresh) if at == axis else dim for at, dim in enumerate(shape))
        trial = infer(inference.graph, inference.given, changed)
        if not trial.mistakes or trial.mistakes <= inference.mistakes:
            break
    else:
        return set()
    settled: set[tuple[int, int | None]] = set()
    for value, shape in enumerate(shapes):
        now = trial.solver.known_shape(value)
        if now is None:
            continue
        if not isinstance(shape, tuple):
            settled.add((value, None))
        settled |= {(value, axis) for axis, dim in enumerate(now) if dim != -1}
    return settled
