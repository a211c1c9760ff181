"""What is behind a clash: the statements on each side, and the fewest of them that cannot hold together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from passes.shapes.argument_edits import argument_places
from passes.shapes.conflict import Argument, Conflict, minimal_conflict
from passes.shapes.explanation import History, Place
from passes.shapes.mistake import Mistake
from passes.shapes.trials import Tried
from passes.shapes.unification import Clash


@dataclass(frozen=True)
class Cause:
    """What is behind a clash.

    Parameters
    ----------
    history : History
        What was inferred.
    row : int
        The row that clashes.
    clash : Clash
        How.
    axes : dict
        For each slot concerned its axes.
    sources : dict
        For each of these slots the statements behind it, in words.
    places, arguments : dict
        All statements, in words, by what they are about.
    rows : tuple of int
        The rows between them and the clash.
    inputs : frozenset of str
        Those of the statements that are about inputs.
    tried : Tried or None
        The sizes that were tried, when none of them fits.
    """

    history: History
    row: int
    clash: Clash
    axes: dict[int, list[int]]
    sources: dict[int, list[str]]
    places: dict[Place, str]
    arguments: dict[Argument, str]
    rows: tuple[int, ...]
    inputs: frozenset[str]
    tried: Tried | None

    @classmethod
    def of(cls, history: History, row: int, clash: Clash) -> Cause:
        """Walk back from a clash.

        Parameters
        ----------
        history : History
            What was inferred.
        row : int
            The row that clashes.
        clash : Clash
            How.
        """
        slots = history.inference.graph.table[row].slots
        axes: dict[int, list[int]] = {}
        for (slot, axis), _ in clash.sides:
            axes.setdefault(slot, [])
            if axis >= 0:
                axes[slot].append(axis)
        sources: dict[int, list[str]] = {}
        places: dict[Place, str] = {}
        arguments: dict[Argument, str] = {}
        tried = history.inference.solver.tried.get(_first(slots, clash)) if clash.code == "GI209" else None
        rows = {row: None} if tried is None else dict.fromkeys(tried.all_rows)
        inputs: set[str] = set()
        for slot, shown in axes.items():
            rank = len(history.inference.solver.known_shape(slots[slot]) or ())
            texts: dict[str, None] = {}
            for axis in shown or range(rank):
                for step in history.explain((slots[slot], axis)):
                    if step.row >= 0:
                        rows.update(dict.fromkeys((step.row, *step.behind)))
                    if not step.statement:
                        continue
                    texts[str(step)] = None
                    if step.argument:
                        arguments[step.row, step.argument] = str(step)
                        continue
                    place = history.place(step)
                    if history.node(place[0]).op == "input":
                        inputs.add(str(step))
                    if shown:
                        places.setdefault(place, str(step))
            sources[slot] = list(texts) if shown else list(texts)[:1]
        for place in () if tried is None else tried.all_places:
            for step in history.explain(place):
                if step.row >= 0:
                    rows.update(dict.fromkeys((step.row, *step.behind)))
                if step.argument:
                    arguments[step.row, step.argument] = str(step)
                elif step.statement:
                    places.setdefault(history.place(step), str(step))
        for step in history.written(row):
            arguments[row, step.argument] = str(step)
        return cls(
            history, row, clash, axes, sources, places, arguments, tuple(rows), frozenset(inputs), tried
        )

    @cached_property
    def conflict(self) -> Conflict:
        """The fewest statements that cannot hold together."""
        history = self.history
        stated = [place for place in self.places if history.stated(place) is not None]
        about = {place: argument_places(history, place) for place in stated}
        return minimal_conflict(history, self.rows, about, tuple(self.arguments))

    @property
    def statements(self) -> tuple[str, ...]:
        """The fewest statements that cannot hold together, in words."""
        kept, history = self.conflict, self.history
        texts = [
            text
            for place, text in self.places.items()
            if place in kept.places or history.stated(place) is None
        ]
        texts += [text for argument, text in self.arguments.items() if argument in kept.arguments]
        every = [text for sources in self.sources.values() for text in sources]
        return tuple(dict.fromkeys(texts or every))

    @property
    def once(self) -> tuple[Any, ...]:
        """What two mistakes that are one to the user have in common.

        One equation for several axes of one op: height and width may be given as different numbers,
        and yet fail for one kernel.  Or the same statements against each other: those of a width
        against those of a scale and of a shift.
        """
        words = re.sub(r"\d+", "#", self.clash.message.partition(": ")[0])
        behind = tuple((slot, *texts) for slot, texts in self.sources.items())
        made = tuple((slot, *(text for text in texts if text not in self.inputs)) for slot, *texts in behind)
        axes = self.row, self.clash.code, words, made if any(len(each) > 1 for each in made) else behind
        statements = tuple(frozenset(texts) for texts in self.sources.values())
        return axes, *([(self.clash.code, words, statements)] if all(statements) and statements[1:] else [])

    def mistake_with(self, others: Sequence[Cause]) -> Mistake:
        """Return what is to be mended, with what is the same to the user."""
        rows = dict.fromkeys(row for each in (self, *others) for row in each.rows)
        places = dict.fromkeys(place for each in (self, *others) for place in each.places)
        beside = tuple((each.row, each.clash) for each in others)
        return Mistake(self.row, self.clash, tuple(rows), tuple(places), beside)


def _first(slots: Sequence[int], clash: Clash) -> Place:
    """The place that comes first in a clash."""
    (slot, axis), _ = clash.sides[0]
    return slots[slot], axis
