"""Mistakes as errors: both sides, where each number came from, the fixes that were tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphinit.errors import DTypeError, GraphInitError, ShapeError
from graphinit.ir.node import Node
from graphinit.ir.types import TensorType
from graphinit.json_values import MOST
from graphinit.plain_text import escaped
from passes.shapes.cause import Cause
from passes.shapes.dtype_inference import kind_words
from passes.shapes.explanation import History, Place
from passes.shapes.fixes import find_fixes
from passes.shapes.inference import Misfit
from passes.shapes.shape_context import slot_names

_FIXED = 8
"""For how many mistakes fixes are looked for: each try is one inference."""

_SOURCES = 3
"""How many statements are shown behind one operand; `origins` has them all."""

_LINES = 6


def diagnose(history: History) -> tuple[GraphInitError, ...]:
    """Return an error for each independent mistake, in the order of the graph."""
    inference = history.inference
    numbers = inference.graph.numbers
    found: list[tuple[int, GraphInitError]] = [
        (misfit.value, _misfit_error(history, misfit)) for misfit in inference.misfits
    ]
    nodes = list(inference.graph.nodes.values())
    for row, slot, kind in inference.dtypes.clashes:
        node = nodes[row]
        found.append((numbers[node.name], _dtype_error(history, node, slot, kind)))
    mended: dict[int, set[Any]] = {}
    for count, group in enumerate(_groups(history)):
        # A mistake that runs through an op that failed, and goes with it, is none of its own.
        causes = [
            cause
            for cause in group
            if not any(
                (nodes[cause.row].name, cause.clash.label) in mended.get(row, ()) for row in cause.rows
            )
        ]
        if not causes:
            continue
        cause, node = causes[0], nodes[causes[0].row]
        fixes = find_fixes(history, cause.mistake_with(causes[1:])) if count < _FIXED else ()
        mended.setdefault(cause.row, set()).update(*(fix.mended for fix in fixes))
        error = _clash_error(history, node, cause, [fix.text for fix in fixes])
        found.append((numbers[node.name], error))
    return tuple(error for _, error in sorted(found, key=lambda item: item[0]))


def _groups(history: History) -> list[list[Cause]]:
    """What clashes, in the order of the graph; together what is one mistake to the user."""
    groups: list[list[Cause]] = []
    told: dict[Any, list[Cause]] = {}
    clashes = history.inference.solver.clashes
    for (row, _), clash in sorted(clashes.items(), key=lambda item: item[0][0]):
        cause = Cause.of(history, row, clash)
        group = next((told[key] for key in cause.once if key in told), None)
        if group is None:
            group = []
            groups.append(group)
            told |= dict.fromkeys(cause.once, group)
        group.append(cause)
    return groups


def _clash_error(history: History, node: Node, cause: Cause, fixes: Sequence[str]) -> ShapeError:
    """Return the error for a mistake that solving a node's equations found."""
    clash, row = cause.clash, history.inference.graph.table[cause.row]
    names = slot_names(row)
    width = max((len(names[slot]) for slot in cause.axes), default=0)
    lines = []
    kept = cause.statements
    beside = {text for each, text in cause.arguments.items() if each not in cause.conflict.arguments}
    for slot in cause.axes:
        value = row.slots[slot]
        others = {text for other, texts in cause.sources.items() if other != slot for text in texts}
        sources = [text for text in cause.sources[slot] if text not in beside]
        # first what tells the sides apart, what the mistake cannot do without, what a fix is about
        sources.sort(key=lambda text: (text in others, text not in kept, not _is_edited(text, fixes)))
        named = f"{names[slot]:{width}}  {history.name(value)}  {_type_text(history, value)}"
        shown = sources if len(sources) <= _SOURCES else [*sources[: _SOURCES - 1], "..."]
        lines.append(f"{named}    {shown[0]}" if shown else named)
        lines += [f"{'':{width}}    {source}" for source in shown[1:]]
    own = [text for each, text in cause.arguments.items() if each[0] == cause.row and text not in beside]
    lines += [f"{'':{width}}  {text}" for text in own]
    parameter = next(
        (row.slots[slot] for slot in cause.axes if history.node(row.slots[slot]).op == "parameter"), None
    )
    if parameter is not None:
        lines += _sharing(history, cause.row, parameter)
    refuted = () if cause.tried is None else cause.tried.refuted
    nodes = list(history.inference.graph.nodes) if refuted else []
    tried = [f"not {each.size}: {each.message}, in {nodes[each.row]}" for each in refuted[:_LINES]]
    places = [(row.slots[slot], axis) for (slot, axis), _ in clash.sides if axis >= 0]
    of_parameter = [place for place in places if place[0] == parameter]
    return ShapeError(
        clash.message,
        code=clash.code,
        node=node.name,
        path=history.name(parameter) if parameter is not None else _path(history, node, places),
        axis=next((axis for _, axis in of_parameter or places), None),
        where=str(node.meta.origin) if node.meta.origin else None,
        origins=kept,
        details=map(escaped, [*lines[:_LINES], *tried]),
        fixes=fixes,
        trail=_trail(history, cause),
    )


def _is_edited(statement: str, fixes: Sequence[str]) -> bool:
    """Whether some fix is about a statement: that of ``units=3 of fc (Dense)`` says ``units=3 of fc``."""
    argument = statement.partition("  ")[0].partition(" (")[0].rpartition(" from ")[2]
    return any(f" {argument} " in fix for fix in fixes)


def _trail(history: History, cause: Cause) -> tuple[str, ...]:
    """Name the nodes that a conflict runs through: from the statements, by equations, to the op."""
    names = list(history.inference.graph.nodes)
    producers = history.inference.solver.producers
    return tuple(
        names[row] for row in sorted({*cause.rows, *(producers[value] for value, _ in cause.places)})
    )


def _path(history: History, node: Node, places: Sequence[Place]) -> str | None:
    """The block of an op, or the last block that gave it an operand."""
    paths = (history.node(value).meta.path for value, _ in reversed(places))
    return node.meta.path or next(filter(None, paths), None)


def _sharing(history: History, row: int, parameter: int) -> list[str]:
    """Say that a parameter that does not fit serves other ops, too."""
    users = [user for user in history.inference.solver.users(parameter) if user != row]
    if not users:
        return []
    names = list(history.inference.graph.nodes)
    shown = ", ".join(names[user] for user in users[:3])
    more = f" and {len(users) - 3} more" if len(users) > 3 else ""
    return [
        f"{history.name(parameter)} is tied: {shown}{more} {'uses' if len(users) == 1 else 'use'} it, too"
    ]


def _type_text(history: History, value: int) -> str:
    shape = history.inference.solver.known_shape(value)
    return str(TensorType(shape, history.inference.dtypes.dtypes[value]))


def _misfit_error(history: History, misfit: Misfit) -> GraphInitError:
    value, axis, declared, given = misfit
    node, name = history.node(value), history.name(value)
    place = f"{node.meta.origin}" if node.meta.origin else "the graph"
    if axis >= 0 and isinstance(given, int) and not 0 <= given <= MOST:
        message = f"axis {axis} of {name} is declared as {declared}, and a size cannot be {given}"
        return ShapeError(message, code="GI205", axis=axis, node=name, path=node.meta.path or None)
    where = history.inference.given[value].where
    origins = (f"{declared} declared at {place}", f"{given} given at {where}")
    fields: dict[str, Any] = {
        "node": name,
        "where": where or None,
        "origins": origins,
        "path": node.meta.path or None,
    }
    if axis == -2:
        return DTypeError(
            f"{name} is declared as {declared} and given as {given}",
            code="GI301",
            details=map(escaped, (f"declared {declared}  {place}", f"given    {given}  {where}")),
            **fields,
        )
    shown = [
        TensorType(shape, None)
        for shape in (history.node(value).types[0].shape, history.inference.given[value].type.shape)
    ]
    lines = (
        f"declared {name} {str(shown[0]).lstrip('?')}  {place}",
        f"given    {name} {str(shown[1]).lstrip('?')}  {where}",
    )
    details = tuple(map(escaped, lines))
    if axis == -1:
        message = f"{name} is declared with {len(declared)} axes and given with {len(given)}"
        return ShapeError(message, code="GI202", details=details, **fields)
    message = f"axis {axis} of {name} is declared as {declared} and given as {given}: {declared} != {given}"
    return ShapeError(message, code="GI201", axis=axis, details=details, **fields)


def _dtype_error(history: History, node: Node, slot: int, kind: str) -> DTypeError:
    where = str(node.meta.origin) if node.meta.origin else None
    if slot < 0:
        return DTypeError(kind, code="GI301", node=node.name, path=node.meta.path or None, where=where)
    graph = history.inference.graph
    row = graph.table[list(graph.nodes).index(node.name)]
    value, operand = row.slots[slot], slot_names(row)[slot]
    dtype = history.inference.dtypes.dtypes[value]
    source = history.node(value)
    origin = f"  {source.meta.origin}" if source.meta.origin else ""
    detail = f"{operand}  {history.name(value)}  {_type_text(history, value)}{origin}"
    return DTypeError(
        f"{operand} takes {kind_words(kind)}, and {history.name(value)} is {dtype or 'a number'}",
        code="GI301",
        node=node.name,
        path=node.meta.path or None,
        where=where,
        origins=(detail,),
        details=(escaped(detail),),
    )
