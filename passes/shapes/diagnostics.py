"""Mistakes as errors: both sides, where each number came from, the fixes that were tried."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphinit.errors import DTypeError, GraphInitError, ShapeError
from graphinit.ir.node import Node
from graphinit.ir.types import TensorType
from passes.shapes.argument_edits import argument_places
from passes.shapes.conflict import minimal_conflict
from passes.shapes.dtype_inference import kind_words
from passes.shapes.explanation import History, Place
from passes.shapes.fixes import find_fixes
from passes.shapes.inference import Misfit
from passes.shapes.mistake import Mistake
from passes.shapes.shape_context import slot_names
from passes.shapes.trials import Tried
from passes.shapes.unification import Clash

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
    count = 0
    told: set[Any] = set()
    mended: dict[int, set[Any]] = {}
    for (row, label), clash in sorted(inference.solver.clashes.items(), key=lambda item: item[0][0]):
        node = nodes[row]
        cause = _Cause.of(history, row, clash)
        # A mistake that runs through an op that failed, and goes with it, is none of its own.
        follows = any((node.name, label) in mended.get(other, ()) for other in cause.rows)
        if follows or not told.isdisjoint(cause.once):
            continue
        told.update(cause.once)
        fixes = find_fixes(history, cause.mistake) if count < _FIXED else ()
        mended.setdefault(row, set()).update(*(fix.mended for fix in fixes))
        count += 1
        error = _clash_error(history, node, cause, [fix.text for fix in fixes])
        found.append((numbers[node.name], error))
    return tuple(error for _, error in sorted(found, key=lambda item: item[0]))


@dataclass(frozen=True, slots=True)
class _Cause:
    """What is behind a clash: for each slot concerned its axes and the statements behind them."""

    row: int
    clash: Clash
    axes: dict[int, list[int]]
    sources: dict[int, list[str]]
    places: dict[Place, str]
    rows: tuple[int, ...]
    inputs: frozenset[str]
    tried: Tried | None

    @classmethod
    def of(cls, history: History, row: int, clash: Clash) -> _Cause:
        slots = history.inference.graph.table[row].slots
        axes: dict[int, list[int]] = {}
        for (slot, axis), _ in clash.sides:
            axes.setdefault(slot, [])
            if axis >= 0:
                axes[slot].append(axis)
        sources: dict[int, list[str]] = {}
        places: dict[Place, str] = {}
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
                    if step.statement:
                        texts[str(step)] = None
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
                if step.statement:
                    places.setdefault(history.place(step), str(step))
        return cls(row, clash, axes, sources, places, tuple(rows), frozenset(inputs), tried)

    @property
    def once(self) -> tuple[Any, ...]:
        """What two mistakes that are one to the user have in common.

        One equation for several axes of one op: height and width may be given as different numbers,
        and yet fail for one kernel.  Or the same statements against each other, in one block: those
        of a width against those of a scale and of a shift.
        """
        words = re.sub(r"\d+", "#", self.clash.message.partition(": ")[0])
        behind = tuple((slot, *texts) for slot, texts in self.sources.items())
        made = tuple((slot, *(text for text in texts if text not in self.inputs)) for slot, *texts in behind)
        axes = self.row, self.clash.code, words, made if any(len(each) > 1 for each in made) else behind
        statements = tuple(frozenset(texts) for texts in self.sources.values())
        return axes, *([(self.clash.code, words, statements)] if all(statements) and statements[1:] else [])

    @property
    def mistake(self) -> Mistake:
        """What is to be mended."""
        return Mistake(self.row, self.clash, self.rows, tuple(self.places))


def _first(slots: Sequence[int], clash: Clash) -> Place:
    """The place that comes first in a clash."""
    (slot, axis), _ = clash.sides[0]
    return slots[slot], axis


def _clash_error(history: History, node: Node, cause: _Cause, fixes: Sequence[str]) -> ShapeError:
    """Return the error for a mistake that solving a node's equations found."""
    clash, row = cause.clash, history.inference.graph.table[cause.row]
    names = slot_names(row)
    width = max((len(names[slot]) for slot in cause.axes), default=0)
    lines = []
    for slot in cause.axes:
        value = row.slots[slot]
        others = {text for other, texts in cause.sources.items() if other != slot for text in texts}
        sources = sorted(cause.sources[slot], key=others.__contains__)  # what tells the sides apart first
        named = f"{names[slot]:{width}}  {history.name(value)}  {_type_text(history, value)}"
        shown = sources if len(sources) <= _SOURCES else [*sources[: _SOURCES - 1], "..."]
        lines.append(f"{named}    {shown[0]}" if shown else named)
        lines += [f"{'':{width}}    {source}" for source in shown[1:]]
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
    statements = {place: argument_places(history, place) for place in cause.places}
    stated = {place: about for place, about in statements.items() if history.stated(place) is not None}
    kept = minimal_conflict(history, cause.rows, stated) if stated else ()
    origins = [text for place, text in cause.places.items() if place in kept or history.stated(place) is None]
    every = [text for sources in cause.sources.values() for text in sources]
    return ShapeError(
        clash.message,
        code=clash.code,
        node=node.name,
        path=history.name(parameter) if parameter is not None else _path(history, node, places),
        axis=next((axis for _, axis in of_parameter or places), None),
        where=str(node.meta.origin) if node.meta.origin else None,
        origins=dict.fromkeys(origins or every),
        details=[*lines[:_LINES], *tried],
        fixes=fixes,
        trail=_trail(history, cause),
    )


def _trail(history: History, cause: _Cause) -> tuple[str, ...]:
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
            details=(f"declared {declared}  {place}", f"given    {given}  {where}"),
            **fields,
        )
    shown = [
        TensorType(shape, None)
        for shape in (history.node(value).types[0].shape, history.inference.given[value].type.shape)
    ]
    details = (
        f"declared {name} {str(shown[0]).lstrip('?')}  {place}",
        f"given    {name} {str(shown[1]).lstrip('?')}  {where}",
    )
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
        details=(detail,),
    )
