"""Nodes in the order in which they were added, numbered for the shape solver."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

from graphinit.errors import GraphError
from graphinit.ir.node import Node, Value
from graphinit.ir.op import Rule, intern_rule


class Row(NamedTuple):
    """What the shape solver reads of a node: its rule and the numbers of its values.

    `slots` are the value numbers of its inputs, then its outputs, then the values whose sizes its
    attributes refer to; ``take(shapes)`` picks their shapes as a tuple.
    """

    rule: Rule
    slots: tuple[int, ...]
    take: Any
    inputs: int
    outputs: int


def _alone(slot: int, shapes: Sequence[Any]) -> tuple[Any]:
    return (shapes[slot],)


class NodeTable:
    """Nodes by name, inputs first, and a row for each of them.

    Attributes
    ----------
    nodes : dict
        Nodes by name; their order is a topological order.
    table : list of Row
        One row a node, in the same order.
    numbers : dict
        For each node's name the number of its first value.
    values : int
        How many values there are.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.table: list[Row] = []
        self.numbers: dict[str, int] = {}
        self.values = 0
        self._used: dict[str, int] = {}

    def unique(self, stem: str) -> str:
        """Return `stem`, or `stem` with ``_1``, ``_2``... when that is taken."""
        if stem not in self.nodes:
            return stem
        count = self._used.get(stem, 0)
        while True:
            count += 1
            if f"{stem}_{count}" not in self.nodes:
                self._used[stem] = count
                return f"{stem}_{count}"

    def append(self, node: Node) -> None:
        """Add a node that is made already; its inputs must be there.

        Raises
        ------
        GraphError
            GI101 when the name is taken, GI106 when an input is not there.
        """
        name = node.name
        if name in self.nodes:
            other = self.nodes[name].meta.origin
            place = f" (the first one at {other})" if other else ""
            raise GraphError(
                f"two nodes are called {name!r}{place}; give one of them another name",
                code="GI101",
                node=name,
            )
        rule = intern_rule(node.op, node.attrs)
        numbers = self.numbers
        try:
            taken = [numbers[source] + port for source, port in node.inputs]
            given = [numbers[size.node] + size.port for size in rule.sizes]
        except KeyError as cause:
            raise GraphError(
                f"{name!r} takes {cause}, which is not in the graph before it", code="GI106", node=name
            ) from cause
        for source, port in (*node.inputs, *((size.node, size.port) for size in rule.sizes)):
            if not 0 <= port < len(self.nodes[source].types):
                raise GraphError(
                    f"{name!r} takes output {port} of {source!r}, which has {len(self.nodes[source].types)}",
                    code="GI106",
                    node=name,
                )
        first = self.values
        count = len(node.types)
        slots = (*taken, *range(first, first + count), *given)
        take = itemgetter(*slots) if len(slots) > 1 else partial(_alone, *slots)
        self.nodes[name] = node
        numbers[name] = first
        self.values = first + count
        self.table.append(Row(rule, slots, take, len(taken), count))

    def truncate(self, count: int) -> None:
        """Forget all nodes but the first so many."""
        for name in list(self.nodes)[count:]:
            del self.nodes[name]
            first = self.numbers.pop(name)
            self.values = min(self.values, first)
        del self.table[count:]
        self._used.clear()

    def needed(self, outputs: Iterable[Value], kept: Iterable[str]) -> set[str]:
        """Return the names of the nodes that some values, and some nodes, need."""
        needed: set[str] = set()
        stack = [*kept, *(value.node for value in outputs)]
        while stack:
            name = stack.pop()
            if name not in needed:
                needed.add(name)
                node = self.nodes[name]
                stack.extend(value.node for value in node.inputs)
                stack.extend(size.node for size in intern_rule(node.op, node.attrs).sizes)
        return needed
