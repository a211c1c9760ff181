"""Arguments that may be left out, or be another number, to make a network hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from graphinit.ir.dims import Expr, Unknown, exact_quotient
from passes.shapes.excerpt import Excerpt
from passes.shapes.explanation import History, Place
from passes.shapes.mistake import Mistake

_FURTHEST = 65
"""How far from a size another is looked for."""


def edits_of_arguments(
    history: History, mistake: Mistake, statements: Sequence[Place]
) -> Iterator[tuple[Any, str, dict[int, Any]]]:
    """Return what may be left out first, then what may be another number: edit, in words, stated shapes."""
    for place in statements:
        note = _note(history, place)
        if note is not None and (note.startswith("in_") or note == "input_size"):
            yield ("drop", place), f"drop {note}={history.stated(place)}", _with(history, place, -1)
    sizes = {place: history.stated(place) for place in statements}
    sides = mistake.sizes
    for place, dim in sizes.items():
        note, node = _note(history, place), history.node(place[0])
        if isinstance(dim, Expr) or (note is not None and " " in note):
            continue
        alike = [size for other, size in sizes.items() if _is_reach(_note(history, other)) == _is_reach(note)]
        wanted = [*alike, *sides, *_scaled(mistake, dim), *_fitting(history, mistake, dim)]
        if _is_reach(note):  # one more or less, or what there is room for
            wanted = [
                *alike,
                dim - 1,
                dim + 1,
                *(side for side in sides if isinstance(side, int) and side < dim),
            ]
        others = [size for size in dict.fromkeys(wanted) if isinstance(size, int) and size > 0]
        for other in sorted(others, key=lambda other: abs(other - dim)):
            if other == dim:
                continue
            if note:
                owner = node.meta.path or history.name(place[0])
                text = f"change {note}={dim} of {owner} to {note}={other}"
                yield place, text, _with(history, place, other)
            elif node.op in ("input", "parameter", "state") and place[0] not in history.inference.given:
                name = history.name(place[0])
                text = f"change axis {place[1]} of {node.op} {name} from {dim} to {other}"
                yield place, text, _with(history, place, other)


def _is_reach(note: str | None) -> bool:
    """Whether an argument says how far a window reaches, and not how wide something is."""
    return note is not None and note.startswith("kernel")


def _scaled(mistake: Mistake, dim: int) -> Iterator[Any]:
    """What a factor must be for products, which were found unequal, to be equal."""
    if mistake.code != "GI204":
        return
    slots = mistake.sides[0][0][0] if mistake.sides else None
    products: list[Any] = [1, 1]
    for (slot, _), size in mistake.sides:
        if isinstance(size, Unknown):
            return
        products[slot != slots] = products[slot != slots] * size
    for one, other in (products, products[::-1]):
        if one != 0:
            yield exact_quotient(dim * other, one)


def _fitting(history: History, mistake: Mistake, dim: int) -> Iterator[Any]:
    """What a size must be for the op that fails to take what comes of it: the nearest multiples."""
    if mistake.code != "GI204" or dim < 1:
        return
    excerpt = Excerpt(history.inference, (mistake.row,))
    row, solver = history.inference.graph.table[mistake.row], history.inference.solver
    shapes = {value: solver.known_shape(value) for value in row.slots[: row.inputs]}
    for (slot, axis), side in mistake.sides:
        shape = shapes.get(row.slots[slot])
        if shape is None or not isinstance(side, int) or axis < 0 or side < 1 or side % dim:
            continue
        times = side // dim
        for step in (-1, 1):
            for size in range(dim + step, max(dim + step * _FURTHEST, 0), step):
                other = *shape[:axis], size * times, *shape[axis + 1 :]
                if not excerpt.clashes({**shapes, row.slots[slot]: other}):
                    yield size
                    break


def _note(history: History, place: Place) -> str | None:
    node = history.node(place[0])
    notes = node.meta.notes if node.op == "parameter" else ()
    return notes[place[1]] if place[1] < len(notes) else None


def argument_places(history: History, place: Place) -> frozenset[Place]:
    """Return all places that the argument behind a stated size is about."""
    note, node = _note(history, place), history.node(place[0])
    places = {place}
    if note and node.meta.path:
        for value, other, _ in history.inference.values():
            if other.op == "parameter" and other.meta.path == node.meta.path:
                places |= {(value, axis) for axis, name in enumerate(other.meta.notes) if name == note}
    return frozenset(places)


def _with(history: History, place: Place, dim: Any) -> dict[int, Any]:
    """The stated shapes with one argument changed, wherever its block uses it."""
    changed: dict[int, Any] = {}
    for value, axis in argument_places(history, place):
        shape = changed.get(value, history.inference.stated[value])
        if shape is not None:
            changed[value] = tuple(dim if at == axis else old for at, old in enumerate(shape))
    return changed
