"""Some rows of a graph, solved by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from graphinit.ir.node_table import Row
from graphinit.ir.op import NO_ATTRS, intern_rule
from passes.shapes.candidates import try_candidates
from passes.shapes.inference import Inference
from passes.shapes.solver import Solver


class Excerpt:
    """Some rows of a table, to be solved with other shapes than those stated.

    Parameters
    ----------
    inference : Inference
        What was inferred.
    part : sequence of int
        The rows, in order.

    Attributes
    ----------
    values : list of int
        The values that they are about.
    """

    def __init__(self, inference: Inference, part: Sequence[int]) -> None:
        self.symbols = inference.solver.symbols
        self.table, self.values, self.where = _renumbered(inference, part)

    def clashes(self, stated: Mapping[int, Any], changed: Row | None = None, at: int = -1) -> bool:
        """Whether they clash.

        Parameters
        ----------
        stated : mapping from int to shape
            What is stated, by value.
        changed : Row, optional
            What stands in place of the row `at`; None for nothing.
        at : int
            That row; -1 when none is changed.
        """
        table = list(self.table)
        if at in self.where:
            own = table[self.where[at]]
            source = intern_rule("input", NO_ATTRS)
            table[self.where[at] : self.where[at] + 1] = (
                [Row(source, (value,), None, 0, 1) for value in own.slots[own.inputs :][: own.outputs]]
                if changed is None
                else [Row(changed.rule, own.slots, own.take, own.inputs, own.outputs)]
            )
        trial = Solver(self.symbols)
        trial.add(table, [stated.get(value) for value in self.values])
        trial.run()
        try_candidates(trial)
        return bool(trial.clashes)


def _renumbered(inference: Inference, part: Sequence[int]) -> tuple[list[Row], list[int], dict[int, int]]:
    """Some rows as a table of their own, the value behind each of its numbers, and where each row went."""
    table = inference.graph.table
    source = intern_rule("input", NO_ATTRS)
    rows: list[Row] = []
    values: list[int] = []
    numbers: dict[int, int] = {}
    where: dict[int, int] = {}

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
        where[index] = len(rows)
        rows.append(Row(row.rule, slots, take, row.inputs, row.outputs))
    return rows, values, where
