"""The smallest set of the user's statements that cannot hold together.

Statements behind a mistake are found by walking back; each is then left out, and the equations
between them solved without it: what the mistake does not need goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from graphinit.ir.node_table import Row
from graphinit.ir.op import intern_rule
from passes.shapes.excerpt import Excerpt
from passes.shapes.explanation import History, Place, near

_MOST_STATEMENTS = 24
_MOST_ROWS = 2_000


Argument = tuple[int, str]
"""A row, and the name of an argument of its op."""


class Conflict(NamedTuple):
    """Statements that a mistake cannot do without.

    Parameters
    ----------
    places : tuple of (value, axis)
        Sizes; all of them where the mistake does not show on the rows behind it alone.
    arguments : tuple of (row, name)
        Arguments of ops: with another value, the rest would hold.
    """

    places: tuple[Place, ...]
    arguments: tuple[Argument, ...]


def minimal_conflict(
    history: History,
    rows: Iterable[int],
    statements: Mapping[Place, frozenset[Place]],
    arguments: Sequence[Argument] = (),
) -> Conflict:
    """Return the statements that a mistake cannot do without.

    Parameters
    ----------
    history : History
        What was inferred.
    rows : iterable of int
        The rows whose equations are between the statements and the mistake, and its own.
    statements : mapping
        For each statement the places that it is about: one argument may give several sizes.
    arguments : sequence of (row, name)
        What else was stated: arguments of ops, such as strides.
    """
    part = sorted(set(rows))
    found = tuple(statements)
    if len(found) > _MOST_STATEMENTS or len(part) > _MOST_ROWS:
        return Conflict(found, ())
    excerpt = Excerpt(history.inference, part)

    def clash(kept: Sequence[Place], changed: Row | None = None, at: int = -1) -> bool:
        stated = {place for each in kept for place in statements[each]}
        shapes = {
            value: tuple(
                -1 if (value, axis) not in stated or (dim := history.stated((value, axis))) is None else dim
                for axis in range(len(shape))
            )
            for value in excerpt.values
            if isinstance(shape := history.inference.solver.shapes[value], tuple)
        }
        return excerpt.clashes(shapes, changed, at)

    if not clash(found):
        return Conflict(found, ())
    kept = list(found)
    for place in found:
        rest = [other for other in kept if other != place]
        if clash(rest):
            kept = rest
    needed = {
        row: [name for other, name in arguments if other == row]
        for row in dict.fromkeys(row for row, _ in arguments)
        if not clash(kept, None, row)  # without its equations all holds
    }
    return Conflict(
        tuple(kept),
        tuple(
            (row, name)
            for row, names in needed.items()
            for name in names
            if any(not clash(kept, other, row) for other in _others(history, row, name))
        ),
    )


def _others(history: History, index: int, name: str) -> Iterator[Row]:
    """A row with other values of one argument."""
    row = history.inference.graph.table[index]
    node = list(history.inference.graph.nodes.values())[index]
    for _, attrs in near(node, name):
        yield Row(intern_rule(node.op, attrs), row.slots, row.take, row.inputs, row.outputs)
