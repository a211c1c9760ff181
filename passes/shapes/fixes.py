"""Edits that make a network hold, each tried by inference before it is offered.

Small edits come first: leave an argument out, give it another number, change padding or strides,
transpose an operand, put a projection on a skip.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

from graphinit.ir.dims import Expr, Unknown, exact_quotient
from graphinit.ir.graph import GraphBuilder
from graphinit.ir.node import Node, Value
from graphinit.ir.op import Attrs
from graphinit.ir.types import TensorType, format_shape
from passes.shapes.explanation import History, Place
from passes.shapes.inference import Inference, infer
from passes.shapes.requirements import impossible
from passes.shapes.unification import Clash

_TRIED = 12
"""How many edits of arguments are tried, and as many of ops: each try is one inference."""

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


class Fix(NamedTuple):
    """An edit in words, and the mistakes that it mends, by node and equation."""

    text: str
    mended: frozenset[Any]


def find_fixes(history: History, mistake: Mistake) -> tuple[Fix, ...]:
    """Return edits after which this mistake is gone, and there is no new one.

    Parameters
    ----------
    history : History
        What was inferred.
    mistake : Mistake
        What is to be mended.

    Returns
    -------
    tuple of Fix
        Such as ``"drop in_units=30"``, the smallest edit first.
    """
    inference = history.inference
    before = _places(inference)
    asked = _equalities(inference)
    own = list(inference.graph.nodes)[mistake.row], mistake.clash.label
    found: dict[Any, Fix] = {}
    for edit, text, trial in _candidates(history, mistake):
        if edit in found:
            continue
        tried = trial()
        left = _places(tried)
        mends = own not in left and left < before and tried.mistakes < inference.mistakes
        if mends and _equalities(tried) <= asked:
            found[edit] = Fix(text, frozenset(before - left))
            if len(found) == _SHOWN:
                break
    return tuple({fix.text: fix for fix in found.values()}.values())


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
    for edit, text, changed in itertools.islice(_arguments(history, mistake, statements), _TRIED):
        yield edit, text, lambda changed=changed: infer(graph, given, changed)  # type: ignore[misc]
    if len(graph.nodes) > _MOST_NODES:
        return
    yield from itertools.islice(_windows(history, mistake), _TRIED)
    yield from _asserted(history, mistake)
    yield from _transposed(history, mistake)
    yield from _projected(history, mistake)


# --- arguments --------------------------------------------------------------------------------


def _arguments(
    history: History, mistake: Mistake, statements: Sequence[Place]
) -> Iterator[tuple[Any, str, dict[int, Any]]]:
    """What may be left out first, then what may be another number."""
    for place in statements:
        note = _note(history, place)
        if note is not None and (note.startswith("in_") or note == "input_size"):
            yield ("drop", place), f"drop {note}={history.stated(place)}", _with(history, place, -1)
    sizes = {place: history.stated(place) for place in statements}
    sides = [side for _, side in mistake.clash.sides]
    for place, dim in sizes.items():
        note, node = _note(history, place), history.node(place[0])
        if isinstance(dim, Expr) or (note is not None and " " in note):
            continue
        alike = [size for other, size in sizes.items() if _is_reach(_note(history, other)) == _is_reach(note)]
        wanted = [*alike, *sides, *_scaled(mistake, dim)]
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
    if mistake.clash.code != "GI204":
        return
    slots = mistake.clash.sides[0][0][0] if mistake.clash.sides else None
    products: list[Any] = [1, 1]
    for (slot, _), size in mistake.clash.sides:
        if isinstance(size, Unknown):
            return
        products[slot != slots] = products[slot != slots] * size
    for one, other in (products, products[::-1]):
        if one != 0:
            yield exact_quotient(dim * other, one)


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
    for row in sorted({mistake.row, *mistake.rows}, reverse=True):  # the nearest first
        node = nodes[row]
        padding, strides = node.attrs.get("padding"), node.attrs.get("strides")
        if not isinstance(strides, tuple) or not isinstance(padding, tuple):
            continue
        least = sum(padding[0]) // 2
        # what one line of the user's says of several layers is also tried for all of them
        alike = [
            other
            for other in nodes
            if (other.op, other.meta.origin, other.attrs) == (node.op, node.meta.origin, node.attrs)
        ]
        for edited in [node], alike:
            for wanted in (least + 1, least + 2, least + 3):
                pads = tuple((wanted, wanted) for _ in padding)
                if pads != padding:
                    yield _edit(history, edited, "padding", padding, pads)
            if max(strides) > 1:
                yield _edit(history, edited, "strides", strides, (1,) * len(strides))
            if len(alike) == 1:
                break


def _edit(history: History, nodes: Sequence[Node], name: str, old: Any, new: Any) -> _Candidate:
    owners = " and ".join(node.meta.path or node.name for node in nodes)
    if len(nodes) > 2:
        owners = f"{nodes[0].meta.path or nodes[0].name} and {len(nodes) - 1} more of {nodes[0].meta.origin}"
    text = f"change {name}={_plain(old)} of {owners} to {name}={_plain(new)}"
    edits = {node.name: dataclasses.replace(node, attrs=Attrs({**node.attrs, name: new})) for node in nodes}
    return (
        (*edits, name),
        text,
        lambda: _infer_with(history.inference, edits, lambda builder, node: edits[node.name]),
    )


def _plain(value: Any) -> Any:
    """Write ``((1, 1), (1, 1))`` as ``1``."""
    while isinstance(value, tuple) and value and len(set(value)) == 1:
        value = value[0]
    return value


def _asserted(history: History, mistake: Mistake) -> Iterator[_Candidate]:
    """What is there, in place of what was asserted to be."""
    node, _ = _failing(history, mistake)
    shape = history.inference.solver.known_shape(_slots(history, mistake)[0])
    if node.op != "assert_shape" or shape is None:
        return
    stated = node.attrs["shape"]
    axes = {axis for (_, axis), _ in mistake.clash.sides}
    if len(stated) == len(shape):
        pairs = enumerate(zip(shape, stated, strict=True))
        shape = tuple(
            own if axis in axes or (old != -1 and impossible(own, old)) else old for axis, (own, old) in pairs
        )
    edits = {node.name: dataclasses.replace(node, attrs=Attrs({**node.attrs, "shape": shape}))}
    yield (
        (node.name, "shape"),
        f"assert {format_shape(shape)} in place of {format_shape(stated)}",
        lambda: _infer_with(history.inference, edits, lambda builder, node: edits[node.name]),
    )


def _transposed(history: History, mistake: Mistake) -> Iterator[_Candidate]:
    node, names = _failing(history, mistake)
    slots = dict.fromkeys(place[0] for place, _ in mistake.clash.sides)
    for slot in slots if len(slots) > 1 else ():
        if slot >= len(node.inputs):
            continue
        shape = history.inference.solver.known_shape(_slots(history, mistake)[slot])
        if (
            shape is None
            or len(shape) < 2
            or shape[-1] == shape[-2]
            or (len(shape) > 2 and node.op != "matmul")
        ):
            continue
        order = (*range(len(shape) - 2), len(shape) - 1, len(shape) - 2)

        def edit(
            builder: GraphBuilder, node: Node = node, slot: int = slot, order: tuple[int, ...] = order
        ) -> Node:
            turned = builder.add(
                "transpose",
                [node.inputs[slot]],
                {"axes": order},
                name=builder.unique(f"{node.name}.transpose"),
            )
            return _taking(node, slot, turned)

        yield (
            edit,
            f"transpose {names[slot]}" if len(shape) == 2 else f"swap the last two axes of {names[slot]}",
            lambda edit=edit: _infer_with(history.inference, {node.name}, edit),  # type: ignore[misc]
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
            builder: GraphBuilder,
            node: Node = node,
            slot: int = slot,
            units: int = units,
            strides: tuple[int, ...] = strides,
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
            lambda edit=edit: _infer_with(history.inference, {node.name}, edit),  # type: ignore[misc]
        )


def _failing(history: History, mistake: Mistake) -> tuple[Node, list[str]]:
    node = list(history.inference.graph.nodes.values())[mistake.row]
    return node, [str(value) for value in node.inputs]


def _slots(history: History, mistake: Mistake) -> tuple[int, ...]:
    return history.inference.graph.table[mistake.row].slots


def _taking(node: Node, slot: int, value: Value) -> Node:
    inputs = tuple(value if at == slot else old for at, old in enumerate(node.inputs))
    return dataclasses.replace(node, inputs=inputs)


def _infer_with(
    inference: Inference, edited_names: Collection[str], edit: Callable[[GraphBuilder, Node], Node]
) -> Inference:
    """Infer the graph with some nodes edited."""
    graph = inference.graph
    builder = GraphBuilder()
    for node in graph.nodes.values():
        builder.append(edit(builder, node) if node.name in edited_names else node)
    edited = builder.build(graph.outputs, structure=graph.structure, keep_all=True)
    names = {graph.numbers[node.name] + port: (node.name, port) for _, node, port in inference.values()}
    given = {
        edited.numbers[names[value][0]] + names[value][1]: what for value, what in inference.given.items()
    }
    return infer(edited, given)
