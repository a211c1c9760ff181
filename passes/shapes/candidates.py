"""Sizes that equations leave few numbers for: each number is tried, and what does not fit is out.

A broadcast leaves 1 or the other size, a product the divisors of a number, a sum or a window a range.
When nothing else can be solved, each of these is put in and solved for, which may clash.  What all that
fit agree on is settled; when none fits, that is a mistake.  A choice is tried only if it covers all that
is possible, and in numbers only, so nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from graphinit.ir.dims import Expr
from passes.shapes.shape_context import slot_names
from passes.shapes.solver import Solver
from passes.shapes.trials import (
    Place,
    Refuted,
    Trial,
    Tried,
    known_places,
    listed,
    put,
    reasons_of,
    refute,
    unknown_at,
)
from passes.shapes.unification import LOST, Choice, Clash

_MOST_SIZES = 64
"""Longer choices are left alone."""

_MOST_FACTORED = 1 << 24
"""The divisors of greater numbers are not looked for."""

_TRIALS, _ROWS, _ROWS_EACH = 128, 2_000, 500
"""How many numbers are tried, and rows solved for all and for each of them, until something is found."""

_ROUNDS = 32
"""How often this is done again with what was found."""


def try_candidates(solver: Solver) -> None:
    """Settle what only one size is left for, and what is the same whichever of some sizes it is.

    Parameters
    ----------
    solver : Solver
        It has been run, and found no mistake.
    """
    for _ in range(_ROUNDS):
        if solver.clashes or not any(solver.choices.values()):
            return
        long: set[Place] = set()
        if not any(_Round(solver, _Budget(), depth, long).run(list(solver.choices)) for depth in (1, 2)):
            return


class _Budget:
    """What may still be spent until something is found."""

    def __init__(self) -> None:
        self.trials, self.rows = _TRIALS, _ROWS

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.trials < 1 or self.rows < 1


class _Round:
    """One look at every choice that is left; of depth 2, each number is tried with those of other choices.

    `long` are places where a trial took too long: they are left alone.
    """

    def __init__(self, solver: Solver, budget: _Budget, depth: int, long: set[Place]) -> None:
        self.solver, self.budget, self.depth, self.long = solver, budget, depth, long

    def run(self, rows: Iterable[int]) -> bool:
        """Try all choices of some rows, the shortest first; whether something was found."""
        found = False
        for _, row, choice in self._choices(rows):
            if self.budget.spent or self.solver.clashes:
                break
            place = self._place(row, choice)
            if place not in self.long and unknown_at(self.solver, place) is not None:
                found = self._decide(row, choice) or found
        return found

    def _place(self, row: int, choice: Choice) -> Place:
        slot, axis = choice.target
        return self.solver.table[row].slots[slot], axis

    def _choices(self, rows: Iterable[int]) -> list[tuple[int, int, Choice]]:
        """The shortest choice for each unknown, with its length and row."""
        best: dict[Any, tuple[int, int, Choice]] = {}
        for row in rows:
            for choice in self.solver.choices[row]:
                unknown = unknown_at(self.solver, self._place(row, choice))
                if unknown is None or choice.whole > _MOST_FACTORED or len(choice.sizes) > _MOST_SIZES:
                    continue
                count = len(_sizes(choice))
                before = best.get(unknown)
                if count <= _MOST_SIZES and (before is None or (count, row) < before[:2]):
                    best[unknown] = count, row, choice
        return sorted(best.values(), key=lambda each: each[:2])

    def _decide(self, row: int, choice: Choice) -> bool:
        """Try the sizes of one choice; whether something was found."""
        solver, place = self.solver, self._place(row, choice)
        sizes = _sizes(choice)
        refuted: list[Refuted] = []
        fitting: list[tuple[int, Trial]] = []
        agreed: dict[Place, Any] | None = None
        for size in sizes:
            trial = self._try(place, size)
            if trial.stopped:
                self.long.add(place)
                return False
            if trial.clashes:
                refuted.append(refute(solver, trial, place, size))
                continue
            fitting.append((size, trial))
            agreed = self._agreed(trial, place, agreed)
            if self.budget.spent or (len(fitting) > 1 and not agreed):
                return False
        slots = solver.table[row].slots
        sources = known_places(solver, ((slots[slot], axis) for slot, axis in choice.places))
        record = Tried(
            None,
            row,
            choice.why,
            place,
            sizes,
            tuple(size for size, _ in fitting),
            tuple(refuted),
            sources,
            (),
            len(solver.log) - 0.5,
        )
        if not fitting:
            self._no_size(row, choice, place, record)
        elif len(fitting) == 1:
            solver.tried[place] = record._replace(size=fitting[0][0])
            put(solver, place, fitting[0][0])
        else:
            self._settle(agreed or {}, fitting, record)
        solver.run()
        return True

    def _try(self, place: Place, size: int) -> Trial:
        """Put a size in; of depth 2, try what is left beside it, too."""
        budget = self.budget
        trial = Trial(self.solver, min(budget.rows, _ROWS_EACH))
        put(trial, place, size)
        trial.run()
        budget.trials -= 1
        if self.depth > 1:
            inner, again = _Round(trial, budget, self.depth - 1, set()), True
            while again and not (trial.clashes or trial.stopped or budget.spent):
                again = inner.run(trial.concerned())
        budget.rows -= trial.revisits
        return trial

    def _agreed(self, trial: Trial, place: Place, before: dict[Place, Any] | None) -> dict[Place, Any]:
        """What a trial knows of other places, if all before it say the same."""
        if before is not None:
            kept = {each: dim for each, dim in before.items() if _at(trial, each) == dim}
            shapes = self.solver.shapes  # an axis says something only where it is clear how many there are
            return {
                (value, axis): dim
                for (value, axis), dim in kept.items()
                if shapes[value] is not None or (value, -1) in kept
            }
        solver, tried = self.solver, unknown_at(self.solver, place)
        agreed: dict[Place, Any] = {}
        for value in sorted(trial.touched):
            shape, was = trial.shapes[value], solver.shapes[value]
            if type(shape) is not tuple:
                continue
            if was is None:
                agreed[value, -1] = len(shape)
            for axis, dim in enumerate(shape):
                unknown = unknown_at(solver, (value, axis))
                if (type(dim) is Expr or (type(dim) is int and dim >= 0)) and unknown not in (None, tried):
                    agreed[value, axis] = dim
        return agreed

    def _settle(self, agreed: dict[Place, Any], fitting: Sequence[tuple[int, Trial]], record: Tried) -> None:
        solver = self.solver
        reasons = [reasons_of(solver, trial, record.subject) for _, trial in fitting]
        for place, dim in agreed.items():
            unknown = unknown_at(solver, place)
            if place[1] >= 0 and unknown is not None:
                behind = [each[unknown] for each in reasons if unknown in each]
                solver.tried[place] = record._replace(
                    size=dim,
                    places=tuple(dict.fromkeys((*record.places, *(p for each in behind for p in each[0])))),
                    rows=tuple(dict.fromkeys(row for each in behind for row in each[1])),
                )
            put(solver, place, dim)

    def _no_size(self, row: int, choice: Choice, place: Place, record: Tried) -> None:
        """Note that none of the sizes fits."""
        solver = self.solver
        solver.tried[place] = record
        slots = solver.table[row].slots
        concerned = dict.fromkeys((choice.target, *choice.places))
        sides = tuple((each, _at(solver, (slots[each[0]], each[1]))) for each in concerned)
        label = "no size", choice.target, choice.why
        slot, axis = choice.target
        left = f"{listed(record.sizes, 'or')} are left for" if record.sizes else "nothing is left for"
        words = f"{choice.why}: {left} axis {axis} of {slot_names(solver.table[row])[slot]}"
        message = f"{words}, and none of them fits" if record.sizes else words
        solver.clashes[row, label] = Clash(label, "GI209", message, sides)
        put(solver, place, LOST)


@lru_cache(maxsize=1024)
def _divisors(number: int) -> tuple[int, ...]:
    low = [size for size in range(1, int(number**0.5) + 1) if number % size == 0]
    return tuple(sorted({*low, *(number // size for size in low)}))


def _sizes(choice: Choice) -> tuple[int, ...]:
    return _divisors(choice.whole) if choice.whole else tuple(dict.fromkeys(choice.sizes))


def _at(solver: Solver, place: Place) -> Any:
    value, axis = place
    shape = solver.shapes[value]
    if type(shape) is not tuple:
        return None
    return len(shape) if axis < 0 else shape[axis] if axis < len(shape) else None
