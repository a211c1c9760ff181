"""Edits that make a network hold, each tried by inference before it is offered.

Small edits come first: leave an argument out, give it another number, change padding or strides,
transpose an operand, put a projection on a skip.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from graphinit.ir.dims import Expr
from graphinit.ir.graph import GraphBuilder
from graphinit.ir.node import Node, Value
from graphinit.ir.op import Attrs
from graphinit.ir.types import TensorType
from passes.shapes.explanation import History, Place
from passes.shapes.inference import Inference, infer
from passes.shapes.unification import Clash

_TRIED = 20
_SHOWN = 4
_MOST_NODES = 5_000
"""Larger graphs are not built anew to try an edit of their ops."""

_BUILDERS = {3: "Conv1D", 4: "Conv2D", 5: "Conv3D"}


class Mistake(NamedTuple):
    """What is to be mended: a clash, its row, the rows and statements behind it."""

    row: int
    clash: Clash
    rows: tuple[int, ...]
    statements: tuple[Place, ...]


_Trial = Callable[[], Inference]

_Candidate = tuple[Any, str, _Trial]
"""What is edited (of several edits of one thing the first that works is enough), in words, and the trial."""


def find_fixes(history: History, mistake: Mistake) -> tuple[str, ...]:
    """Return edits after which there is one mistake less, and no new one.

    Parameters
    ----------
    history : History
        What was inferred.
    mistake : Mistake
        What is to be mended.

    Returns
    -------
    tuple of str
        Such as ``"drop in_units=30"``, the smallest edit first.
    """
    inference = history.inference
    before = _places(inference)
    asked = _equalities(inference)
    found: dict[Any, str] = {}
    for edit, text, trial in itertools.islice(_candidates(history, mistake), _TRIED):
        if edit in found:
            continue
        tried = trial()
        if tried.mistakes < inference.mistakes and _places(tried) < before and _equalities(tried) <= asked:
            found[edit] = text
            if len(found) == _SHOWN:
                break
    return tuple(dict.fromkeys(found.values()))


def _equalities(inference: Inference) -> set[Any]:
    """The equalities that a network asks of its symbols: an edit must not ask for more."""
    needs = inference.solver.needs.values()
    return {need.alternatives for need in needs if any(each.relation == "==" for each in need.alternatives)}


def _places(inference: Inference) -> set[Any]:
    """The mistakes that are there, by node and equation."""
    if not inference.solver.clashes:
        return set()
    names = list(inference.graph.nodes)
    return {(names[row], label) for row, label in inference.solver.clashes}


def _candidates(history: History, mistake: Mistake) -> Iterator[_Candidate]:
    statements = [place for place in dict.fromkeys(mistake.statements) if history.stated(place) is not None]
    graph, given = history.inference.graph, history.inference.given
    for edit, text, changed in _arguments(history, mistake, statements):
        yield edit, text, lambda changed=changed: infer(graph, given, changed)  # type: ignore[misc]
    if len(graph.nodes) > _MOST_NODES:
        return
    yield from _windows(history, mistake)
    yield from _transposed(history, mistake)
    yield from _projected(history, mistake)


# --- arguments --------------------------------------------------------------------------------


def _arguments(
    history: History, mistake: Mistake, statements: Sequence[Place]
) -> Iterator[tuple[Any, str, dict[int, Any]]]:
    """What may be left out first, then what may be another number."""
    for place in statements:
        note = _note(history, place)
        if note is not None and note.startswith("in_"):
            yield ("drop", place), f"drop {note}={history.stated(place)}", _with(history, place, -1)
    sizes = {place: history.stated(place) for place in statements}
    wanted = [*sizes.values(), *(side for _, side in mistake.clash.sides)]
    others = [size for size in dict.fromkeys(wanted) if isinstance(size, int) and size > 0]
    for place, dim in sizes.items():
        note, node = _note(history, place), history.node(place[0])
        if isinstance(dim, Expr) or (note is not None and " " in note):
            continue
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


# --- ops --------------------------------------------------------------------------------------


def _windows(history: History, mistake: Mistake) -> Iterator[_Candidate]:
    """More padding, and strides of 1, for the windows behind a mistake."""
    nodes = list(history.inference.graph.nodes.values())
    for row in dict.fromkeys((mistake.row, *reversed(mistake.rows))):
        node = nodes[row]
        padding, strides = node.attrs.get("padding"), node.attrs.get("strides")
        if not isinstance(strides, tuple) or not isinstance(padding, tuple):
            continue
        least = sum(padding[0]) // 2
        for wanted in (least + 1, least + 2, least + 3):
            pads = tuple((wanted, wanted) for _ in padding)
            if pads != padding:
                yield _edit(history, node, "padding", padding, pads)
        if max(strides) > 1:
            yield _edit(history, node, "strides", strides, (1,) * len(strides))


def _edit(history: History, node: Node, name: str, old: Any, new: Any) -> _Candidate:
    owner = node.meta.path or node.name
    text = f"change {name}={_plain(old)} of {owner} to {name}={_plain(new)}"
    edited = dataclasses.replace(node, attrs=Attrs({**node.attrs, name: new}))
    return (node.name, name), text, lambda: _infer_with(history.inference, node.name, lambda builder: edited)


def _plain(value: Any) -> Any:
    """Write ``((1, 1), (1, 1))`` as ``1``."""
    while isinstance(value, tuple) and value and len(set(value)) == 1:
        value = value[0]
    return value


def _transposed(history: History, mistake: Mistake) -> Iterator[_Candidate]:
    node, names = _failing(history, mistake)
    for slot in dict.fromkeys(place[0] for place, _ in mistake.clash.sides):
        if slot >= len(node.inputs):
            continue
        shape = history.inference.solver.known_shape(_slots(history, mistake)[slot])
        if shape is None or len(shape) != 2 or shape[0] == shape[1]:
            continue

        def edit(builder: GraphBuilder, slot: int = slot) -> Node:
            turned = builder.add(
                "transpose", [node.inputs[slot]], name=builder.unique(f"{node.name}.transpose")
            )
            return _taking(node, slot, turned)

        yield (
            edit,
            f"transpose {names[slot]}",
            lambda edit=edit: _infer_with(history.inference, node.name, edit),  # type: ignore[misc]
        )


def _projected(history: History, mistake: Mistake) -> Iterator[_Candidate]:
    """A layer on the shorter of two branches, so that it gives as many channels as the other one."""
    node, names = _failing(history, mistake)
    slots = _slots(history, mistake)
    if mistake.clash.code != "GI203" or len(node.inputs) != 2:
        return
    shapes = [history.inference.solver.known_shape(value) for value in slots[:2]]
    if (
        None in shapes
        or len(shapes[0] or ()) != len(shapes[1] or ())
        or len(shapes[0] or ()) not in (2, 3, 4, 5)
    ):
        return
    for slot in sorted((0, 1), key=lambda slot: slots[slot]):
        own, other = shapes[slot] or (), shapes[1 - slot] or ()
        rank, units = len(own), other[1]
        if not isinstance(units, int) or units < 2 or node.inputs[0] == node.inputs[1]:
            continue
        strides = tuple(
            -(-a // b) if isinstance(a, int) and isinstance(b, int) and a > b > 0 else 1
            for a, b in zip(own[2:], other[2:], strict=True)
        )

        def edit(
            builder: GraphBuilder, slot: int = slot, units: int = units, strides: tuple[int, ...] = strides
        ) -> Node:
            name = builder.unique(f"{node.name}.projection")
            type_ = TensorType((units, -1, *(1,) * len(strides)), None)
            weight = builder.source("parameter", f"{name}.weight", type_)
            if not strides:
                value = builder.add("linear", [node.inputs[slot], weight], name=name)
            else:
                plain = {"padding": (0,) * len(strides), "dilation": (1,) * len(strides)}
                value = builder.add(
                    "conv", [node.inputs[slot], weight], {"strides": strides, **plain}, name=name
                )
            return _taking(node, slot, value)

        layer = f"Dense({units})"
        if strides:
            moved = "" if max(strides) == 1 else f", strides={_plain(strides)}"
            layer = f"{_BUILDERS[rank]}({units}, 1{moved})"
        yield (
            edit,
            f"insert a projection on {names[slot]}: {layer}",
            lambda edit=edit: _infer_with(history.inference, node.name, edit),  # type: ignore[misc]
        )


def _failing(history: History, mistake: Mistake) -> tuple[Node, list[str]]:
    node = list(history.inference.graph.nodes.values())[mistake.row]
    return node, [str(value) for value in node.inputs]


def _slots(history: History, mistake: Mistake) -> tuple[int, ...]:
    return history.inference.graph.table[mistake.row].slots


def _taking(node: Node, slot: int, value: Value) -> Node:
    inputs = tuple(value if at == slot else old for at, old in enumerate(node.inputs))
    return dataclasses.replace(node, inputs=inputs)


def _infer_with(inference: Inference, name: str, edit: Callable[[GraphBuilder], Node]) -> Inference:
    """Infer the graph with one node edited."""
    graph = inference.graph
    builder = GraphBuilder()
    for node in graph.nodes.values():
        builder.append(edit(builder) if node.name == name else node)
    edited = builder.build(graph.outputs, structure=graph.structure, keep_all=True)
    names = {graph.numbers[node.name] + port: (node.name, port) for _, node, port in inference.values()}
    given = {
        edited.numbers[names[value][0]] + names[value][1]: what for value, what in inference.given.items()
    }
    return infer(edited, given)
