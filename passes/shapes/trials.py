"""One more size put into a solver's answers, to see whether it fits; and what such an answer rests on."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

from graphinit.ir.dims import Unknown
from passes.shapes.solver import Solver

Place = tuple[int, int]
"""A value's number and an axis; axis -1 stands for how many axes it has."""

_Reason = tuple[tuple[Place, ...], tuple[int, ...]]
"""The places that were known before, and the rows, that something follows from."""


class Refuted(NamedTuple):
    """A size that does not fit: the mistake it would be, the places and rows that this rests on."""

    size: int
    row: int
    message: str
    places: tuple[Place, ...]
    rows: tuple[int, ...]


class Tried(NamedTuple):
    """What trying sizes gave for a place.

    Parameters
    ----------
    size : int, Expr or None
        What was found; None when nothing fits.
    row : int
        The row whose equation left a choice.
    why : str
        That equation.
    subject : (value, axis)
        The place whose sizes were tried: this one, or one that it depends on.
    sizes, fitting : tuple of int
        Those that were tried, and those among them that fit.
    refuted : tuple of Refuted
        Those that do not.
    places, rows : tuple
        What the answer rests on beside `refuted`.
    time : float
        Where in the solver's log it belongs.
    """

    size: Any
    row: int
    why: str
    subject: Place
    sizes: tuple[int, ...]
    fitting: tuple[int, ...]
    refuted: tuple[Refuted, ...]
    places: tuple[Place, ...]
    rows: tuple[int, ...]
    time: float

    @property
    def all_places(self) -> tuple[Place, ...]:
        """Every known place that the answer rests on."""
        return tuple(dict.fromkeys(itertools.chain(self.places, *(each.places for each in self.refuted))))

    @property
    def all_rows(self) -> tuple[int, ...]:
        """Every row that the answer rests on."""
        return tuple(
            dict.fromkeys(itertools.chain((self.row, *self.rows), *(each.rows for each in self.refuted)))
        )


class _StoppedError(Exception):
    """A trial has clashed, or taken too long."""


class Trial(Solver):
    """A copy of a solver in which one more size is stated."""

    def __init__(self, solver: Solver, most_rows: int) -> None:
        super().__init__(solver.symbols, solver.positive)
        self.table, self.given, self.shapes = solver.table, solver.given, list(solver.shapes)
        self.steps, self.first_user, self.more_users, self.producers = (
            solver.steps,
            solver.first_user,
            solver.more_users,
            solver.producers,
        )
        self._occurrences = {unknown: list(held) for unknown, held in solver._occurrences.items()}
        self._visit_none()
        self._most_rows = most_rows
        self.choices = dict(solver.choices)
        self.touched: set[int] = set()
        self.solved: set[int] = set()
        self.stopped = False

    def run(self) -> None:
        """Solve, up to the first clash."""
        try:
            super().run()
        except _StoppedError:
            self.stopped = self.stopped or not self.clashes

    def _solve(self, index: int, key: Any) -> None:
        super()._solve(index, key)
        self.solved.add(index)
        if self.clashes or self.revisits >= self._most_rows:
            raise _StoppedError

    def _queue(self, value: int, current: int) -> None:
        self.touched.add(value)
        if len(self.touched) <= self._most_rows:
            super()._queue(value, current)
        else:
            self.stopped = True
            self._heap.clear()

    def concerned(self) -> list[int]:
        """Return the rows that leave a choice beside the sizes that it has looked at."""
        slots = {slot for index in self.solved for slot in self.table[index].slots}
        passing = (slot for slot in slots if slot in self.touched or self._open(slot))
        rows = {row for slot in passing for row in (self.producers[slot], *self.users(slot))}
        return sorted(row for row in rows if self.choices.get(row))

    def _open(self, value: int) -> bool:
        shape = self.shapes[value]
        axes = range(0 if shape is None else len(shape))
        return shape is None or any(unknown_at(self, (value, axis)) is not None for axis in axes)


def put(solver: Solver, place: Place, dim: Any) -> None:
    """Put a size, or a number of axes, where it is unknown; `Solver.run` finds what follows."""
    value, axis = place
    shape = solver.shapes[value]
    if axis < 0:
        if shape is None:
            solver.shapes[value] = (-1,) * dim
            solver._queue(value, -1)
    elif type(shape[axis]) is Unknown:
        solver._settle(shape[axis], dim, -1)
    elif shape[axis] == -1:
        solver.shapes[value] = (*shape[:axis], dim, *shape[axis + 1 :])
        solver._queue(value, -1)


def unknown_at(solver: Solver, place: Place) -> Any:
    """What stands for a size that is not known, the same wherever it stands; None when it is known."""
    value, axis = place
    shape = solver.shapes[value]
    if shape is None:
        return place
    if type(shape) is not tuple or axis >= len(shape):
        return None
    dim = shape[axis]
    return dim if type(dim) is Unknown else place if type(dim) is int and dim == -1 else None


def known_places(solver: Solver, places: Iterable[Place]) -> tuple[Place, ...]:
    """Return those of some places whose size is known, each once."""
    return tuple(dict.fromkeys(each for each in places if each[1] >= 0 and unknown_at(solver, each) is None))


def reasons_of(solver: Solver, trial: Trial, start: Place) -> dict[Any, _Reason]:
    """For each unknown that a trial settles, the places known before and the rows that it follows from."""
    links: list[tuple[Place, tuple[Place, ...], tuple[int, ...]]] = [
        (place, tried.all_places, tried.all_rows)
        for place, tried in trial.tried.items()
        if tried.size is not None
    ]
    for row, entry in trial.log:
        slots = solver.table[row].slots
        for fact in entry.facts:
            target = slots[fact.target[0]], fact.target[1]
            sources = tuple((slots[slot], axis) for slot, axis in fact.sources)
            links.append((target, sources, (row,)))
            if fact.equal:
                links.append((sources[0], (target,), (row,)))
    reasons: dict[Any, _Reason] = {unknown_at(solver, start): ((), ())}
    count = 0
    while count < len(reasons):
        count = len(reasons)
        for target, sources, by in links:
            unknown = unknown_at(solver, target)
            if unknown is None or unknown in reasons:
                continue
            behind = [(each, unknown_at(solver, each)) for each in sources]
            if all(other is None or other in reasons for _, other in behind):
                reasons[unknown] = _joined(reasons, behind, by)
    return reasons


def _joined(
    reasons: dict[Any, _Reason],
    behind: Iterable[tuple[Place, Any]],
    by: Iterable[int],
) -> _Reason:
    places: dict[Place, None] = {}
    rows = dict.fromkeys(by)
    for place, unknown in behind:
        if unknown is None:
            places[place] = None
        elif unknown in reasons:
            places.update(dict.fromkeys(reasons[unknown][0]))
            rows.update(dict.fromkeys(reasons[unknown][1]))
    return tuple(places), tuple(rows)


def refute(solver: Solver, trial: Trial, place: Place, size: int) -> Refuted:
    """Return why a size does not fit, from the trial that clashed."""
    (row, _), clash = next(iter(trial.clashes.items()))
    slots = solver.table[row].slots
    by: tuple[int, ...] = (row,)
    sides = [(slots[slot], axis) for (slot, axis), _ in clash.sides if axis >= 0]
    for tried in trial.tried.values():
        if tried.size is None:  # nothing fits beside this size
            sides += tried.all_places
            by = tried.all_rows
    behind = [(side, unknown_at(solver, side)) for side in sides]
    places, rows = _joined(reasons_of(solver, trial, place), behind, by)
    return Refuted(size, row, clash.message, places, rows)


def listed(sizes: Iterable[int], word: str = "and") -> str:
    """Return numbers as words: ``1, 2, 3 and 6``."""
    texts = [str(size) for size in sizes]
    if len(texts) > 8:
        texts = [*texts[:4], "...", texts[-1]]
        return ", ".join(texts)
    return f" {word} ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))
