"""One engine for everything that rewrites a graph: a sweep with a worklist.

Nodes are visited in order, inputs first, so a rule that looks at the producers of a node finds them
rewritten already, and one sweep reaches the fixed point.  A rule never sees the users of a node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graphinit.ir.dims import Expr, size_of
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.node import Node, Value
from graphinit.ir.op import Attrs, Literal, intern_rule, op_spec
from graphinit.ir.types import TensorType

Rewritten = Node | Value | tuple[Value, ...] | None
"""What a rule returns: another node of the same name, what stands for the outputs, or nothing."""

RewriteRule = Callable[["Sweep", Node], Rewritten]


@dataclass(frozen=True, slots=True)
class Sweep:
    """The new graph as far as it is written; what rules look at and add to.

    Parameters
    ----------
    nodes : dict from str to Node
        The nodes of the new graph.
    rules : mapping from str to sequence of RewriteRule
        Rules by op; those under ``"*"`` are tried for every op.
    old : Graph
        The graph that is being rewritten.
    """

    nodes: dict[str, Node]
    rules: Mapping[str, Sequence[RewriteRule]]
    old: Graph

    def node(self, value: Value) -> Node:
        """Return the node that makes a value."""
        return self.nodes[value.node]

    def type(self, value: Value) -> TensorType:
        """Return the type of a value as far as the graph states it."""
        return self.nodes[value.node].types[value.port]

    def producer(self, value: Value, op: str) -> Node | None:
        """Return the node that makes a value as its first output, if it is of that op."""
        node = self.nodes[value.node]
        return node if node.op == op and value.port == 0 else None

    def number(self, value: Value) -> Any:
        """Return the number that a constant value is in every element; None when it is none."""
        node = self.nodes[value.node]
        if node.op != "constant":
            return None
        constant = node.attrs["value"]
        if not isinstance(constant, Literal):
            return constant
        array = constant.array
        return array.flat[0].item() if array.size and (array == array.flat[0]).all() else None

    def emit(
        self, op: str, inputs: Sequence[Value], types: Sequence[TensorType], like: Node, **attrs: Any
    ) -> Value:
        """Add an op beside `like`, itself rewritten as rules say, and return its first output."""
        name = self.free_name(like, op)
        checked = op_spec(op).check_attrs(attrs)
        return self.add(Node(name, op, checked, tuple(inputs), tuple(types), like.meta))[0]

    def constant(self, array: np.ndarray, like: Node) -> Value:
        """Add a constant and return it."""
        type = TensorType(array.shape, array.dtype.name)
        name = self.free_name(like, "constant")
        self.nodes[name] = Node(name, "constant", Attrs({"value": Literal(array)}), (), (type,), like.meta)
        return Value(name)

    def free_name(self, like: Node, op: str) -> str:
        """Return a name for a node of some op beside `like`, new to the old and the new graph."""
        stem = f"{like.meta.path}.{op}" if like.meta.path else op
        name, count = stem, len(self.nodes)
        while name in self.old.nodes or name in self.nodes:
            name, count = f"{stem}_{count}", count + 1
        return name

    def add(self, node: Node) -> tuple[Value, ...]:
        """Add a node, or what the rules make of it, and return what stands for its outputs."""
        result = self.apply(node)
        if isinstance(result, tuple):
            return result
        self.nodes[node.name] = result
        return tuple(Value(node.name, port) for port in range(len(result.types)))

    def apply(self, node: Node) -> Node | tuple[Value, ...]:
        """Apply rules to a node until none matches; return the last node, or what stands for its outputs."""
        place, rules = 0, self._rules_of(node.op)
        while place < len(rules):
            result = rules[place](self, node)
            place += 1
            if isinstance(result, Node):
                node = result
                place, rules = 0, self._rules_of(node.op)
            elif result is not None:
                return (result,) if isinstance(result, Value) else result
        return node

    def _rules_of(self, op: str) -> Sequence[RewriteRule]:
        everywhere, own = self.rules.get("*", ()), self.rules.get(op, ())
        return (*everywhere, *own) if everywhere and own else everywhere or own


def rewrite(graph: Graph, rules: Mapping[str, Sequence[RewriteRule]]) -> Graph:
    """Return the graph with rules applied wherever they match; the same object when none does.

    Nodes that nothing needs afterwards are left out, inputs excepted.
    """
    sweep = Sweep({}, rules, graph)
    nodes = sweep.nodes
    moved: dict[Value, Value] = {}
    changed = False
    for old in graph:
        node = renamed(old, moved) if moved else old
        result = sweep.apply(node) if node.op != "input" else node
        changed = changed or result is not node
        if isinstance(result, Node):
            nodes[node.name] = result
        else:
            moved.update((Value(node.name, port), value) for port, value in enumerate(result))
    if not changed:
        return graph
    outputs = {name: moved.get(value, value) for name, value in graph.outputs.items()}
    return graph_of(nodes, outputs, graph)


def needed(nodes: Mapping[str, Node], outputs: Mapping[str, Value]) -> set[str]:
    """Return the names of the nodes that outputs need, and of all inputs."""
    found = {name for name, node in nodes.items() if node.op == "input"}
    stack = [value.node for value in outputs.values()]
    while stack:
        name = stack.pop()
        if name not in found:
            found.add(name)
            node = nodes[name]
            stack += [value.node for value in node.inputs]
            if node.attrs:
                stack += [size.node for size in intern_rule(node.op, node.attrs).sizes]
    return found


def graph_of(nodes: Mapping[str, Node], outputs: Mapping[str, Value], like: Graph) -> Graph:
    """Return the graph of what outputs need among some nodes; inputs and structure are those of `like`."""
    kept = needed(nodes, outputs)
    builder = GraphBuilder()
    for name, node in nodes.items():
        if name in kept:
            builder.append(node)
    return builder.build(outputs, inputs=list(like.inputs), structure=like.structure, keep_all=True)


def renamed(node: Node, moved: Mapping[Value, Value]) -> Node:
    """Return a node that takes other values in place of some, in its inputs and in its sizes."""
    inputs = tuple(moved.get(value, value) for value in node.inputs)
    sizes = {
        size: size_of(*moved[Value(size.node, size.port)], size.axis)
        for size in intern_rule(node.op, node.attrs).sizes
        if Value(size.node, size.port) in moved
    }
    if inputs == node.inputs and not sizes:
        return node
    attrs = substituted(node.attrs, sizes) if sizes else node.attrs
    return replace(node, inputs=inputs, attrs=attrs)


def substituted(attrs: Attrs, sizes: Mapping[Any, Any]) -> Attrs:
    """Return attributes with sizes put in place of references to them."""

    def settled(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(settled, value))
        return value.substitute(sizes) if isinstance(value, Expr) else value

    return Attrs({name: settled(value) for name, value in attrs.items()})
