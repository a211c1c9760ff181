"""Edits of ops that may make a network hold: padding, strides, a transpose, a projection."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from graphinit.ir.graph import GraphBuilder
from graphinit.ir.node import Node, Value
from graphinit.ir.op import Attrs, intern_rule
from graphinit.ir.types import TensorType, format_shape
from passes.shapes.excerpt import Excerpt
from passes.shapes.explanation import History, arguments_of, near, plain
from passes.shapes.inference import Inference, infer
from passes.shapes.mistake import Candidate, Mistake
from passes.shapes.requirements import impossible

_NEAR = 4
"""How many other values of an op's argument are tried."""

_BUILDERS = {3: "Conv1D", 4: "Conv2D", 5: "Conv3D"}


def edits_of_op_arguments(history: History, mistake: Mistake) -> Iterator[Candidate]:
    """Return other padding, strides and groups for the ops behind a mistake."""
    nodes = list(history.inference.graph.nodes.values())
    fits = _fits(history, mistake)
    for row in sorted({mistake.row, *mistake.rows}, reverse=True):  # the nearest first
        node = nodes[row]
        if node.is_source or node.op == "assert_shape":  # to leave an assertion out mends nothing
            continue
        # what one line of the user's says of several layers is also tried for all of them
        alike = [
            other
            for other in nodes
            if (other.op, other.meta.origin, other.attrs) == (node.op, node.meta.origin, node.attrs)
        ]
        for edited in ([node], alike) if len(alike) > 1 else ([node],):
            for argument in arguments_of(node):
                others = (each for each in near(node, argument) if row != mistake.row or fits(each[1]))
                for value, attrs in itertools.islice(others, _NEAR):
                    yield _edit(history, edited, argument, value, attrs)


def _fits(history: History, mistake: Mistake) -> Callable[[Attrs], bool]:
    """Whether the op that fails takes what it is given, with other attributes: soon seen, and worth a trial."""
    excerpt = Excerpt(history.inference, (mistake.row,))
    row, node = history.inference.graph.table[mistake.row], _failing(history, mistake)[0]
    shapes = {value: history.inference.solver.known_shape(value) for value in row.slots[: row.inputs]}

    def fits(attrs: Attrs) -> bool:
        return not excerpt.clashes(shapes, row._replace(rule=intern_rule(node.op, attrs)), mistake.row)

    return fits


def edits_of_the_op(history: History, mistake: Mistake) -> Iterator[Candidate]:
    """Return edits of the op whose equations clash, and of what it takes."""
    if mistake.clash is not None:
        yield from _asserted(history, mistake)
        yield from _transposed(history, mistake)
        yield from _projected(history, mistake)


def _edit(history: History, nodes: Sequence[Node], argument: str, new: Any, attrs: Attrs) -> Candidate:
    owners = " and ".join(node.meta.path or node.name for node in nodes)
    if len(nodes) > 2:
        owners = f"{nodes[0].meta.path or nodes[0].name} and {len(nodes) - 1} more of {nodes[0].meta.origin}"
    old = nodes[0].attrs[arguments_of(nodes[0])[argument][0].name]
    text = f"change {argument}={plain(old)} of {owners} to {argument}={plain(new)}"
    edits = {node.name: dataclasses.replace(node, attrs=attrs) for node in nodes}
    return (
        (*edits, argument),
        text,
        lambda: _infer_with(history.inference, edits, lambda builder, node: edits[node.name]),
    )


def _asserted(history: History, mistake: Mistake) -> Iterator[Candidate]:
    """What is there, in place of what was asserted to be."""
    node, _ = _failing(history, mistake)
    shape = history.inference.solver.known_shape(_slots(history, mistake)[0])
    if node.op != "assert_shape" or shape is None:
        return
    stated = node.attrs["shape"]
    axes = {axis for (_, axis), _ in mistake.sides}
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


def _transposed(history: History, mistake: Mistake) -> Iterator[Candidate]:
    node, names = _failing(history, mistake)
    slots = dict.fromkeys(place[0] for place, _ in mistake.sides)
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


def _projected(history: History, mistake: Mistake) -> Iterator[Candidate]:
    """A layer on the shorter of two branches, so that it gives as many channels as the other one."""
    node, names = _failing(history, mistake)
    slots = _slots(history, mistake)
    if mistake.code != "GI203" or len(node.inputs) != 2:
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
            moved = "" if max(strides) == 1 else f", strides={plain(strides)}"
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
