"""Where values lie: as views of the value that has memory of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from graphinit.errors import ShapeError
from graphinit.ir.graph import Graph
from graphinit.ir.moves import Move, Part, moved
from graphinit.ir.node import Node, Value
from graphinit.ir.op import Literal, has_open_size, op_spec
from graphinit.ir.types import TensorType, static_shape
from graphinit.runtime.program import Operand, View, contiguous


def value_type(graph: Graph, value: Value) -> TensorType:
    """Return the settled type of a value; a number without a dtype of its own is what NumPy makes of it."""
    type = graph.nodes[value.node].types[value.port]
    if type.dtype is not None:
        return type
    number = graph.nodes[value.node].attrs.get("value")
    dtype = "bool" if isinstance(number, bool) else "int64" if isinstance(number, int) else "float32"
    return TensorType(type.shape, dtype)


def check_numbers(node: Node) -> None:
    """Raise `ShapeError` (GI207) unless the attributes of a node have numbers for sizes."""
    for name, value in node.attrs.items():
        if has_open_size(value):
            raise ShapeError(
                f"{name}={value} of {node.name!r} has a size that is not known, and a program needs a number",
                code="GI207",
                node=node.name,
            )


@dataclass(frozen=True, slots=True)
class Places:
    """Where every value lies.

    A root is a value with memory of its own.  It is taken to be contiguous.

    Parameters
    ----------
    of : mapping from Value to View or number
        A view of the value's root, which it names in place of a buffer; Python numbers are operands
        by themselves.
    roots : mapping from str to View
        The whole of each root.
    dtypes : mapping from str to str
        The dtype of each root.
    """

    of: dict[Value, Operand]
    roots: dict[str, View]
    dtypes: dict[str, str]

    def bytes(self, root: str) -> int:
        """Return the size of a root in bytes."""
        return math.prod(self.roots[root].shape) * np.dtype(self.dtypes[root]).itemsize


def place_values(graph: Graph) -> Places:
    """Return for each value where it lies: in memory of its own, or as a view of another's."""
    places = Places({}, {}, {})
    stand_in = _StandIn()
    for node in graph:
        for port, type in enumerate(node.types):
            value = Value(node.name, port)
            if node.op == "constant" and not isinstance(node.attrs["value"], Literal):
                places.of[value] = node.attrs["value"]
                continue
            viewed = None if node.is_source else _viewed(graph, node, places, stand_in)
            if viewed is None:
                shape = static_shape(type)
                root = root_name(graph, value)
                viewed = places.roots[root] = View(root, shape, contiguous(shape))
                places.dtypes[root] = str(value_type(graph, value).dtype)
            places.of[value] = viewed
    return places


def root_name(graph: Graph, value: Value) -> str:
    """Return what a value is called as a root: like the value, and like no other node."""
    name = str(value)
    while value.port and name in graph.nodes:
        name += "'"
    return name


def _viewed(graph: Graph, node: Node, places: Places, stand_in: _StandIn) -> View | None:
    spec = op_spec(node.op)
    if spec.view is None or len(node.types) != 1 or not node.inputs:
        return None
    parent = places.of[node.inputs[0]]
    if not isinstance(parent, View) or value_type(graph, node.inputs[0]).dtype != node.type.dtype:
        return None
    move = spec.view(
        node.attrs, len(static_shape(value_type(graph, node.inputs[0]))), static_shape(node.type)
    )
    if move is None:
        return parent
    if isinstance(move, Part):
        check_numbers(node)
    layout = stand_in.follow(move, math.prod(places.roots[parent.buffer].shape), parent)
    if layout is None:
        return None
    shape, strides, offset = layout
    return View(parent.buffer, shape, strides, offset, (*parent.path, move))


class _StandIn:
    """Memory that is never read, to ask NumPy where a view would lie in a buffer of some size."""

    def __init__(self) -> None:
        self._bytes = np.empty(0, np.int8)

    def follow(
        self, move: Move, size: int, view: View
    ) -> tuple[tuple[int, ...], tuple[int, ...], int] | None:
        """Return shape, strides and offset of a move over a view; None when NumPy would copy."""
        if not size:
            return None
        if self._bytes.size < size:
            self._bytes = np.empty(size, np.int8)  # one byte an element: strides count elements
        x: np.ndarray = np.ndarray(view.shape, np.int8, self._bytes, view.offset, view.strides)
        result = moved(x, move)
        if not np.may_share_memory(result, self._bytes):
            return None
        start: int = result.__array_interface__["data"][0] - self._bytes.__array_interface__["data"][0]
        return result.shape, result.strides, start
