"""Edits that make a network hold, each tried by inference before it is offered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from graphinit.ir.dims import Expr
from passes.explanation import History, Place
from passes.inference import Inference, infer

_TRIED = 8


def find_fixes(history: History, statements: Sequence[Place]) -> tuple[str, ...]:
    """Return the edits of some statements after which there is one mistake less, and no new one.

    Parameters
    ----------
    history : History
        What was inferred.
    statements : sequence of (value, axis)
        The user's statements that a mistake follows from.

    Returns
    -------
    tuple of str
        Such as ``"drop in_units=30"``; dropping before changing.
    """
    inference = history.inference
    statements = [place for place in dict.fromkeys(statements) if history.stated(place) is not None]
    found: list[str] = []
    for tried, (text, changed) in enumerate(_candidates(history, statements)):
        if tried >= _TRIED:
            break
        trial = infer(inference.graph, inference.given, changed)
        if trial.mistakes < inference.mistakes and _places(trial) < _places(inference) and text not in found:
            found.append(text)
    return tuple(found)


def _places(inference: Inference) -> set[Any]:
    """The mistakes that are there, by equation."""
    return {(row, label) for row, label in inference.solver.clashes}


def _candidates(history: History, statements: Sequence[Place]) -> Iterator[tuple[str, dict[int, Any]]]:
    """Edits worth a try: what may be left out first, then what may be another number."""
    for place in statements:
        if _note(history, place) not in (None, "units", "channels") and _is_parameter(history, place):
            dim = history.stated(place)
            yield f"drop {_note(history, place)}={dim}", _with(history, place, -1)
    sizes = {place: history.stated(place) for place in statements}
    for place, dim in sizes.items():
        others = [other for other in sizes.values() if other is not dim and other != dim]
        for other in dict.fromkeys(others):
            if isinstance(dim, Expr) or isinstance(other, Expr):
                continue
            note = _note(history, place)
            node = history.node(place[0])
            if note:
                owner = node.meta.path or history.name(place[0])
                text = f"change {note}={dim} of {owner} to {note}={other}"
            elif node.op in ("input", "parameter", "state"):
                text = f"change axis {place[1]} of {node.op} {history.name(place[0])} from {dim} to {other}"
            else:
                continue
            yield text, _with(history, place, other)


def _note(history: History, place: Place) -> str | None:
    notes = history.node(place[0]).meta.notes
    return notes[place[1]] if place[1] < len(notes) else None


def _is_parameter(history: History, place: Place) -> bool:
    return history.node(place[0]).op == "parameter"


def _with(history: History, place: Place, dim: Any) -> dict[int, Any]:
    """The stated shapes with one argument changed, wherever its block uses it."""
    note, node = _note(history, place), history.node(place[0])
    stated = history.inference.stated
    changed: dict[int, Any] = {place[0]: _put(stated[place[0]], [place[1]], dim)}
    if note and node.meta.path:
        for value, other, _ in history.inference.values():
            if other.op == "parameter" and other.meta.path == node.meta.path and stated[value] is not None:
                axes = [axis for axis, name in enumerate(other.meta.notes) if name == note]
                if axes:
                    changed[value] = _put(stated[value], axes, dim)
    return changed


def _put(shape: Any, axes: Sequence[int], dim: Any) -> tuple[Any, ...]:
    return tuple(dim if axis in axes else old for axis, old in enumerate(shape))
