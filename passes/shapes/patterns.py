"""Rules solved for patterns of shapes, and remembered.

A pattern is the shapes of a node's slots in which unknowns are numbered by where they first stand: nodes
with the same rule and the same pattern have the same answer.  A thousand equal layers cost one solved
layer, in whatever network they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from graphinit.errors import ShapeError
from graphinit.ir.dims import Dim, Expr, Unknown
from graphinit.ir.node_table import Row
from passes.shapes.shape_context import ShapeContext, slot_names
from passes.shapes.signature_rule import state_signature
from passes.shapes.unification import Entry, Fact, Local, Pattern, numbered

_MOST = 20_000

_answers: dict[Any, Entry] = {}


def pattern_of(
    row: Row, shapes: Sequence[Any]
) -> tuple[tuple[Pattern | None, ...], list[Any], tuple[int, ...] | None]:
    """Number the unknowns in the shapes of a row's slots.

    Returns
    -------
    pattern : tuple
        The shapes.
    owners : list
        What each number stands for: an `Unknown`, or the (value, axis) of a -1.
    alias : tuple of int, or None
        For each slot the first slot with the same value, where there are such.
    """
    owners: list[Any] = []
    numbers: dict[Any, Unknown] = {}
    slots = row.slots
    alias = tuple(map(slots.index, slots)) if len(set(slots)) < len(slots) else None
    pattern: list[Pattern | None] = []
    for slot, shape in enumerate(shapes):
        if shape is None or (-1 not in shape and Unknown not in map(type, shape)):
            pattern.append(shape)
            continue
        dims: list[Any] = []
        for axis, dim in enumerate(shape):
            if type(dim) is Unknown or dim == -1:
                owner = (slots[slot], axis) if type(dim) is int else dim
                if owner not in numbers:
                    numbers[owner] = numbered(len(owners))[0]
                    owners.append(owner)
                dim = numbers[owner]
            dims.append(dim)
        pattern.append(tuple(dims))
    return tuple(pattern), owners, alias


def answer(
    row: Row,
    pattern: tuple[Pattern | None, ...],
    unknowns: int,
    alias: tuple[int, ...] | None,
    symbols: dict[str, Dim],
    positive: frozenset[Expr] | None = None,
) -> Entry:
    """Return what the rule of a row says about a pattern.

    Parameters
    ----------
    row : Row
        The row, or another one with the same rule.
    pattern : tuple
        The shapes of its slots.
    unknowns : int
        How many unknowns there are in it.
    alias : tuple of int, optional
        For each slot the first slot with the same value.
    symbols : dict
        What symbols in attributes stand for.
    positive : frozenset of Expr, optional
        See `Local`.
    """
    key = row.rule, pattern, alias, tuple(sorted(symbols.items())) if symbols else (), positive
    found = _answers.get(key)
    if found is None:
        question = row, pattern, unknowns, alias, symbols, positive
        found = Entry(_solved(False, *question), partial(_facts, *question))
        if len(_answers) >= _MOST:
            _answers.clear()
        _answers[key] = found
    return found


def forget() -> None:
    """Forget every answer, so that the next inference solves all patterns afresh."""
    _answers.clear()


def _solved(
    explained: bool,
    row: Row,
    pattern: Sequence[Pattern | None],
    unknowns: int,
    alias: tuple[int, ...] | None,
    symbols: dict[str, Dim],
    positive: frozenset[Expr] | None,
) -> Local:
    """Solve a rule for one pattern: state it again as long as something waits for what was learnt."""
    spec = row.rule.spec
    assert spec is not None, "sources have no rule"
    local = Local(pattern, unknowns, alias, slot_names(row), explained, positive)
    context = ShapeContext(local, row.rule, row.inputs, row.outputs, symbols)
    while True:
        local.changed = local.waiting = False
        local.choices.clear()
        try:
            state_signature(context, spec.parsed)
            if spec.shape is not None:
                spec.shape(context)
        except ShapeError as error:  # an expression beyond its limits
            context.fail(error.code, error.message)
            return local
        if not (local.changed and local.waiting):
            return local


def _facts(*question: Any) -> tuple[Fact, ...]:
    return tuple(_solved(True, *question).facts)
