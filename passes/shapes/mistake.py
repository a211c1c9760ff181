"""What is to be mended: equations that clash, or requirements that no size meets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from passes.shapes.inference import Inference
from passes.shapes.requirements import Requirement
from passes.shapes.solved_requirements import solve_requirements
from passes.shapes.trials import Place
from passes.shapes.unification import Clash

Candidate = tuple[Any, str, Callable[[], Inference]]
"""What is edited (of several edits of one thing the first that works is enough), in words, and the trial."""


class Mistake(NamedTuple):
    """What is to be mended.

    Parameters
    ----------
    row : int
        The row that shows it.
    clash : Clash or None
        What its equations say; None where each holds, and requirements do not hold together.
    rows, statements : tuple
        The rows and statements behind it.
    beside : tuple of (row, Clash)
        What clashes with it and is the same to the user: the width beside the height.
    """

    row: int
    clash: Clash | None
    rows: tuple[int, ...]
    statements: tuple[Place, ...]
    beside: tuple[tuple[int, Clash], ...] = ()

    @property
    def sides(self) -> tuple[Any, ...]:
        """The sizes that clash, by slot and axis."""
        return () if self.clash is None else self.clash.sides

    @property
    def sizes(self) -> tuple[Any, ...]:
        """The sizes that clash, and those of what clashes beside."""
        return (
            *(size for _, size in self.sides),
            *(size for _, each in self.beside for _, size in each.sides),
        )

    @property
    def labels(self) -> tuple[tuple[int, Any], ...]:
        """What clashes, by row and equation; nothing where requirements do not hold together."""
        own = () if self.clash is None else ((self.row, self.clash.label),)
        return (*own, *((row, each.label) for row, each in self.beside))

    @property
    def code(self) -> str:
        """The error's code."""
        return "GI208" if self.clash is None else self.clash.code


def contradiction(inference: Inference) -> frozenset[Any]:
    """Return requirements of an inference that cannot hold together; empty when none are found."""
    needs = [each for _, _, each in inference.needs]
    needs += [need.alternatives for need in inference.solver.needs.values()]
    solved = solve_requirements([Requirement(each) for each in dict.fromkeys(needs)])
    return frozenset(each.alternatives for each in solved.conflict)


def required(inference: Inference) -> frozenset[Any]:
    """Return what an inference requires of its symbols."""
    found = {each for _, _, each in inference.needs}
    return frozenset(found | {need.alternatives for need in inference.solver.needs.values()})
