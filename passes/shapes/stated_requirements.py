"""Requirements with the statements behind them; the error where no sizes meet them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphinit.errors import ShapeError
from graphinit.plain_text import escaped
from passes.shapes.explanation import History
from passes.shapes.fixes import find_fixes
from passes.shapes.mistake import Mistake
from passes.shapes.requirements import Requirement


def requirements_of(history: History) -> tuple[Requirement, ...]:
    """Return all that is required of symbols, as the equations of a network gave it.

    Parameters
    ----------
    history : History
        What was inferred.
    """
    inference = history.inference
    table = inference.graph.table
    nodes = list(inference.graph.nodes)
    found: dict[Any, Requirement] = {}
    for value, axis, alternatives in inference.needs:
        why = f"{history.words((value, axis))} is a size"
        origin = str(history.statement((value, axis)))
        found.setdefault(alternatives, Requirement(alternatives, history.name(value), why, (origin,)))
    for (row, _), need in inference.solver.needs.items():
        if need.alternatives in found:
            continue
        places = [(table[row].slots[slot], axis) for slot, axis in need.places]
        steps = [step for place in places for step in history.explain(place) if step.statement]
        origins = tuple(dict.fromkeys(map(str, steps)))
        found[need.alternatives] = Requirement(need.alternatives, nodes[row], need.why, origins)
    return tuple(found.values())


def contradiction_error(history: History, conflict: Sequence[Requirement]) -> ShapeError:
    """Return the error for requirements that cannot hold together.

    Parameters
    ----------
    history : History
        What was inferred.
    conflict : sequence of Requirement
        Of what it requires, those against each other.
    """
    texts = [str(need) for need in conflict]
    message = (
        f"{' and '.join(texts)} cannot hold together" if len(texts) > 1 else f"{texts[0]} holds for no size"
    )
    lines = [f"{need}  because {need.why}, in {need.node}" for need in conflict]
    origins = tuple(dict.fromkeys(origin for need in conflict for origin in need.origins))
    return ShapeError(
        message,
        code="GI208",
        node=conflict[-1].node,
        origins=origins,
        details=map(escaped, [*lines, *origins]),
        fixes=[fix.text for fix in find_fixes(history, _mistake(history, conflict))],
    )


def _mistake(history: History, conflict: Sequence[Requirement]) -> Mistake:
    inference = history.inference
    against = {need.alternatives for need in conflict}
    rows: dict[int, None] = {}
    statements = {(value, axis): None for value, axis, each in inference.needs if each in against}
    last = 0
    for (row, _), need in inference.solver.needs.items():
        if need.alternatives not in against:
            continue
        last = row
        rows[row] = None
        for slot, axis in need.places:
            for step in history.explain((inference.graph.table[row].slots[slot], axis)):
                rows.update(dict.fromkeys(each for each in (step.row, *step.behind) if each >= 0))
                if step.statement and not step.argument:
                    statements[history.place(step)] = None
    return Mistake(last, None, tuple(rows), tuple(statements))
