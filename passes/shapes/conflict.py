"""The smallest set of the user's statements that cannot hold together.

Statements behind a mistake are found by walking back; each is then left out, and the equations
between them solved without it: what the mistake does not need goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from graphinit.ir.node_table import Row
from graphinit.ir.op import NO_ATTRS, intern_rule
from passes.shapes.candidates import try_candidates
from passes.shapes.explanation import History, Place
from passes.shapes.solver import Solver

_MOST_STATEMENTS = 24
_MOST_ROWS = 2_000


def minimal_conflict(
    history: History, rows: Iterable[int], statements: Mapping[Place, frozenset[Place]]
) -> tuple[Place, ...]:
    """Return the statements that a mistake cannot do without.

    Parameters
    ----------
    history : History
        What was inferred.
    rows : iterable of int
        The rows whose equations are between the statements and the mistake, and its own.
    statements : mapping
        For each statement the places that it is about: one argument may give several sizes.

    Returns
    -------
    tuple of (value, axis)
        All of them where the mistake does not show on these rows alone.
    """
    part = sorted(set(rows))
    found = tuple(statements)
    if len(found) > _MOST_STATEMENTS or len(part) > _MOST_ROWS:
        return found
    table, values = _renumbered(history, part)
    solver = history.inference.solver

    def clash(kept: Sequence[Place]) -> bool:
        stated = {place for each in kept for place in statements[each]}
        shapes: list[Any] = []
        for value in values:
            shape = solver.shapes[value]
            if not isinstance(shape, tuple):
                shapes.append(None)
                continue
            shapes.append(
                tuple(
                    history.stated((value, axis)) if (value, axis) in stated else -1
                    for axis in range(len(shape))
                )
            )
        trial = Solver(solver.symbols)
        trial.add(table, shapes)
        trial.run()
        try_candidates(trial)
        return bool(trial.clashes)

    if not clash(found):
        return found
    kept = list(found)
    for place in found:
        rest = [other for other in kept if other != place]
        if rest and clash(rest):
            kept = rest
    return tuple(kept)


def _renumbered(history: History, part: Sequence[int]) -> tuple[list[Row], list[int]]:
    """Some rows of the table as a table of their own, and the value behind each of its numbers."""
    table = history.inference.graph.table
    source = intern_rule("input", NO_ATTRS)
    rows: list[Row] = []
    values: list[int] = []
    numbers: dict[int, int] = {}

    def number(value: int) -> int:
        numbers[value] = len(values)
        values.append(value)
        return numbers[value]

    for index in part:
        row = table[index]
        if row.rule.spec is None:
            continue
        outputs = row.slots[row.inputs : row.inputs + row.outputs]
        for value in row.slots:
            if value not in numbers and value not in outputs:
                given = number(value)
                rows.append(Row(source, (given,), None, 0, 1))
        for value in outputs:
            number(value)
        slots = tuple(numbers[value] for value in row.slots)
        take = itemgetter(*slots) if len(slots) > 1 else None
        rows.append(Row(row.rule, slots, take, row.inputs, row.outputs))
    return rows, values
