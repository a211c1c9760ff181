"""Mistakes as errors: both sides, where each number came from, the fixes that were tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphinit.errors import DTypeError, GraphInitError, ShapeError
from graphinit.ir.node import Node
from graphinit.ir.types import TensorType
from passes.dtype_inference import kind_words
from passes.explanation import History, Place
from passes.fixes import find_fixes
from passes.inference import Misfit
from passes.requirements import Requirement
from passes.solver import slot_names
from passes.unification import Clash

_FIXED = 8
"""For how many mistakes fixes are looked for: each try is one inference."""


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
    for count, ((row, _), clash) in enumerate(
        sorted(inference.solver.clashes.items(), key=lambda item: item[0][0])
    ):
        node = nodes[row]
        found.append((numbers[node.name], clash_error(history, node, row, clash, fixes=count < _FIXED)))
    return tuple(error for _, error in sorted(found, key=lambda item: item[0]))


def clash_error(history: History, node: Node, row: int, clash: Clash, *, fixes: bool = True) -> ShapeError:
    """Return the error for a mistake that solving a node's equations found."""
    inference = history.inference
    slots = inference.graph.table[row].slots
    names = slot_names(inference.graph.table[row])
    shown: dict[int, list[int]] = {}
    for (slot, axis), _ in clash.sides:
        shown.setdefault(slot, [])
        if axis >= 0:
            shown[slot].append(axis)
    lines, origins = [], []
    roots: list[tuple[Place, Any]] = []
    width = max((len(names[slot]) for slot in shown), default=0)
    for slot, axes in shown.items():
        value = slots[slot]
        sources = []
        for axis in axes or range(len(inference.solver.known_shape(value) or ())):
            for place, text in _roots(history, (value, axis)):
                if text not in sources:
                    sources.append(text)
                if axes:
                    roots.append((place, axis))
        named = f"{names[slot]:{width}}  {history.name(value)}  {_type_text(history, value)}"
        if not axes:
            sources = sources[:1]
        lines.append(f"{named}    {sources[0]}" if sources else named)
        lines += [f"{'':{len(named)}}    {source}" for source in sources[1:]]
        origins += [source for source in sources if source not in origins]
    parameter = next((slots[slot] for slot in shown if history.node(slots[slot]).op == "parameter"), None)
    places = [(slots[slot], axis) for (slot, axis), _ in clash.sides if axis >= 0]
    of_parameter = [place for place in places if place[0] == parameter]
    return ShapeError(
        clash.message,
        code=clash.code,
        node=node.name,
        path=history.name(parameter) if parameter is not None else node.meta.path or None,
        axis=next((axis for _, axis in of_parameter or places), None),
        where=str(node.meta.origin) if node.meta.origin else None,
        origins=origins,
        details=lines,
        fixes=find_fixes(history, [place for place, _ in roots]) if fixes else (),
    )


def _roots(history: History, place: Place) -> list[tuple[Place, str]]:
    """The user's statements behind a size."""
    value_numbers = history.inference.graph.numbers
    found = []
    for step in history.explain(place):
        if step.statement:
            stem, _, digits = step.value.rpartition(":")
            name, port = (step.value, "0") if step.value in value_numbers else (stem, digits)
            found.append(((value_numbers[name] + int(port), step.axis), str(step)))
    return found


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


def contradiction_error(conflict: Sequence[Requirement]) -> ShapeError:
    """Return the error for requirements that cannot hold together."""
    texts = [str(need) for need in conflict]
    message = (
        f"{' and '.join(texts)} cannot hold together" if len(texts) > 1 else f"{texts[0]} holds for no size"
    )
    lines = [f"{need}  because {need.why}, in {need.node}" for need in conflict]
    origins = tuple(dict.fromkeys(origin for need in conflict for origin in need.origins))
    return ShapeError(
        message, code="GI208", node=conflict[-1].node, origins=origins, details=[*lines, *origins]
    )
