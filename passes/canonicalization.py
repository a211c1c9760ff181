"""Canonicalisation: one form for what can be written in several, the cheapest.

A rewrite must not change a bit of any result.  So ``x + 0`` stays for floating numbers (it turns
``-0.0`` into ``0.0``), and nothing is done that drops a broadcast or a promotion: a rule that leaves
an op out checks that types show equal shapes and dtypes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import graphinit.ops  # noqa: F401  (fills the registry)
from graphinit.ir.graph import Graph
from graphinit.ir.node import Node, Value
from graphinit.ir.op import intern_rule, op_spec
from graphinit.ir.types import TensorType, is_float, static_shape
from passes.base import Network, PassResult, traced
from passes.rewriting import RewriteRule, Rewritten, Sweep, rewrite, substituted


@dataclass(frozen=True)
class Canonicalize:
    """Bring a graph to its canonical form by the table of rules `RULES`.

    The report is None.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> x = F.input("x", shape=(3, 5))
    >>> print(Canonicalize()(Graph(outputs=-(-x.T.T))).graph)
    graph(x: float32[3, 5])
      return y=x
    """

    def __call__(self, graph: Graph | Network) -> PassResult[None]:
        """Return the graph in canonical form."""
        graph = traced(graph, self)
        sizes = {"*": [settle_sizes]} if _mentions_sizes(graph) else {}
        result = rewrite(graph, {**RULES, **sizes})
        return PassResult(result, result is not graph, None)


@dataclass(frozen=True)
class SettleSizes:
    """Put numbers in place of sizes in attributes, where types settle them; the report is None.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> x = F.input("x", shape=(-1, 6))
    >>> graph = Graph(outputs=x.reshape(x.shape[0], 2, 3))
    >>> from passes.shape_inference import infer_shapes
    >>> print(SettleSizes()(infer_shapes(graph, x=(5, 6)).graph).graph)
    graph(x: float32[5, 6])
      reshape: float32[5, 2, 3] = reshape(x, shape=(5, 2, 3))
      return y=reshape
    """

    def __call__(self, graph: Graph | Network) -> PassResult[None]:
        """Return the graph with settled sizes."""
        graph = traced(graph, self)
        result = rewrite(graph, {"*": [settle_sizes]}) if _mentions_sizes(graph) else graph
        return PassResult(result, result is not graph, None)


def settle_sizes(sweep: Sweep, node: Node) -> Rewritten:
    """Put numbers for sizes that types settle: ``reshape(x, shape=(x.shape[0], -1))``."""
    known: dict[Any, Any] = {}
    for size in intern_rule(node.op, node.attrs).sizes:
        shape = sweep.type(Value(size.node, size.port)).shape
        if shape is not None and shape[size.axis] != -1:
            known[size] = shape[size.axis]
    return replace(node, attrs=substituted(node.attrs, known)) if known else None


def _mentions_sizes(graph: Graph) -> bool:
    return any(row.rule.sizes for row in graph.table)


# --- rules ------------------------------------------------------------------------------------


def _same(one: TensorType, other: TensorType) -> bool:
    """Whether two types are certainly equal."""
    return _known(one) and one == other


def _known(type: TensorType) -> bool:
    return type.shape is not None and type.dtype is not None and -1 not in type.shape


def identity(sweep: Sweep, node: Node) -> Rewritten:
    """``reshape(x)`` to the shape of x, ``cast`` to its dtype and so on: x."""
    return node.inputs[0] if _same(sweep.type(node.inputs[0]), node.type) else None


def unflattened(sweep: Sweep, node: Node) -> Rewritten:
    """A dense layer on two axes has nothing to flatten."""
    if node.attrs["flatten"] and sweep.type(node.inputs[0]).rank == 2:
        return replace(node, attrs=node.attrs.replace(flatten=False))
    return None


def inner_reshape(sweep: Sweep, node: Node) -> Rewritten:
    """A reshape of a reshape is one, where its shape is settled."""
    inner = sweep.node(node.inputs[0])
    if inner.op not in RESHAPES or not node.type.is_static:
        return None
    return _op(node, "reshape", inner.inputs[0], shape=node.type.shape)


def inner_transpose(sweep: Sweep, node: Node) -> Rewritten:
    """A transpose of a transpose is one, or nothing at all."""
    inner = sweep.producer(node.inputs[0], "transpose")
    if inner is None:
        axes = node.attrs["axes"]
        return node.inputs[0] if axes is not None and axes == tuple(range(len(axes))) else None
    outer, first = node.attrs["axes"], inner.attrs["axes"]
    if outer is None and first is None:
        return inner.inputs[0]
    rank = len(outer if outer is not None else first)
    backwards = tuple(reversed(range(rank)))
    first, outer = first or backwards, outer or backwards
    both = tuple(first[axis] for axis in outer)
    if both == tuple(range(rank)):
        return inner.inputs[0]
    return replace(node, attrs=node.attrs.replace(axes=both), inputs=inner.inputs)


def double(sweep: Sweep, node: Node) -> Rewritten:
    """``-(-x)`` is x."""
    inner = sweep.producer(node.inputs[0], node.op)
    return None if inner is None else inner.inputs[0]


def repeated(sweep: Sweep, node: Node) -> Rewritten:
    """``relu(relu(x))`` is ``relu(x)``."""
    inner = sweep.producer(node.inputs[0], node.op)
    return None if inner is None else node.inputs[0]


def signless(sweep: Sweep, node: Node) -> Rewritten:
    """``abs(-x)`` is ``abs(x)``, and so is the square."""
    inner = sweep.producer(node.inputs[0], "negative")
    return None if inner is None else replace(node, inputs=inner.inputs)


def times_one(sweep: Sweep, node: Node) -> Rewritten:
    """``x * 1``, ``x / 1`` and ``x ** 1`` are x, unless they broadcast or promote it."""
    for slot, other in ((0, 1), (1, 0)) if node.op == "multiply" else ((0, 1),):
        if sweep.number(node.inputs[other]) == 1 and _same(sweep.type(node.inputs[slot]), node.type):
            return node.inputs[slot]
    return None


def times_minus_one(sweep: Sweep, node: Node) -> Rewritten:
    """``x * -1`` is ``-x``."""
    for slot, other in ((0, 1), (1, 0)):
        if sweep.number(node.inputs[other]) == -1 and _same(sweep.type(node.inputs[slot]), node.type):
            return _op(node, "negative", node.inputs[slot])
    return None


def times_ones(sweep: Sweep, node: Node) -> Rewritten:
    """``x * ones_like(y)`` is x, unless it broadcasts or promotes it."""
    for slot, other in ((0, 1), (1, 0)):
        ones = sweep.producer(node.inputs[other], "ones_like")
        if ones is not None and _same(sweep.type(node.inputs[slot]), node.type):
            return node.inputs[slot]
    return None


def plus_zero(sweep: Sweep, node: Node) -> Rewritten:
    """Adding 0 to integers, ``-0.0`` to anything, and taking 0 away leave x as it is."""
    for slot, other in ((0, 1), (1, 0)) if node.op == "add" else ((0, 1),):
        zero = sweep.number(node.inputs[other])
        if zero is None or isinstance(zero, bool) or zero != 0:
            continue
        minus = str(zero).startswith("-")
        harmless = not is_float(node.type.dtype) or (minus if node.op == "add" else not minus)
        if harmless and _same(sweep.type(node.inputs[slot]), node.type):
            return node.inputs[slot]
    return None


def plus_negative(sweep: Sweep, node: Node) -> Rewritten:
    """``x + -y`` is ``x - y``."""
    first, second = node.inputs
    if (inner := sweep.producer(second, "negative")) is not None:
        return _op(node, "subtract", first, *inner.inputs)
    if (inner := sweep.producer(first, "negative")) is not None:
        return _op(node, "subtract", second, *inner.inputs)
    return None


def minus_negative(sweep: Sweep, node: Node) -> Rewritten:
    """``x - -y`` is ``x + y``."""
    inner = sweep.producer(node.inputs[1], "negative")
    return None if inner is None else _op(node, "add", node.inputs[0], *inner.inputs)


def both_negative(sweep: Sweep, node: Node) -> Rewritten:
    """``-x * -y`` is ``x * y``."""
    first, second = (sweep.producer(value, "negative") for value in node.inputs)
    if first is None or second is None:
        return None
    return replace(node, inputs=(*first.inputs, *second.inputs))


def settled_sum(sweep: Sweep, node: Node) -> Rewritten:
    """Undoing a broadcast between settled shapes is a sum over known axes."""
    type = sweep.type(node.inputs[0])
    if not (type.is_static and node.type.is_static and is_float(type.dtype)):
        return None
    wide, narrow = static_shape(type), static_shape(node.type)
    extra = len(wide) - len(narrow)
    stretched = tuple(
        axis + extra for axis, size in enumerate(narrow) if size == 1 and wide[axis + extra] != 1
    )
    if extra and stretched:
        return None  # two sums add up in another order than one
    axes = stretched or tuple(range(extra))
    return _op(node, "sum", node.inputs[0], axis=axes, keepdims=bool(stretched))


def only_part(sweep: Sweep, node: Node) -> Rewritten:
    """One tensor joined with nothing is itself."""
    return node.inputs[0] if len(node.inputs) == 1 else None


def _op(node: Node, op: str, *inputs: Value, **attrs: Any) -> Node:
    return replace(node, op=op, attrs=op_spec(op).check_attrs(attrs), inputs=inputs)


RESHAPES = ("reshape", "reshape_like", "flatten", "expand_dims", "squeeze", "rows")
"""Ops that keep the order of the elements."""

RULES: Mapping[str, Sequence[RewriteRule]] = {
    **{op: [identity, inner_reshape] for op in RESHAPES},
    **{op: [identity] for op in ("cast", "cast_like", "broadcast_to", "broadcast_like")},
    "sum_like": [identity, settled_sum],
    "linear": [unflattened],
    "transpose": [inner_transpose],
    "negative": [double],
    "logical_not": [double],
    "relu": [repeated],
    "abs": [signless, repeated],
    "square": [signless],
    "multiply": [times_one, times_minus_one, times_ones, both_negative],
    "divide": [times_one],
    "power": [times_one],
    "add": [plus_zero, plus_negative],
    "subtract": [plus_zero, minus_negative],
    "concat": [only_part],
}
"""For each op, the rules that are tried on its nodes, in order."""
