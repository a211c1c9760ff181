"""Tensors of two graphs that meet: their builders become one, or, when the call fails, stay as they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphinit
from graphinit import Graph
from graphinit import functional as F
from graphinit.errors import GraphError, GraphInitError
from passes.shape_inference import infer_shapes


def fail(*_: Any) -> Any:
    raise ZeroDivisionError


def uses(tensor: Any) -> Callable[..., Any]:
    def use(*_: Any) -> Any:
        made = tensor + 1
        return fail(made)

    return use


BAD: dict[str, Callable[[Any, Any], Any]] = {
    "unknown attribute": lambda x, y: F.concat([x, y], axis="a"),
    "concat": lambda x, y: F.concat([x, y, object()], axis=0),
    "stack": lambda x, y: F.stack([x, y], axis=None),
    "too many": lambda x, y: graphinit.ir.tensor.apply("relu", x, y),
    "no such op": lambda x, y: graphinit.ir.tensor.apply("rleu", x, y),
    "tile": lambda x, y: F.tile(x, (y.shape[0], "a")),
    "reshape": lambda x, y: F.reshape(x, (y.shape[0], "1a")),
    "getitem": lambda x, y: x[y.shape[0] : "a"],
    "getitem step": lambda x, y: x[:: y.shape[0]],
    "broadcast": lambda x, y: F.broadcast_to(x, (y.shape[0], object())),
    "one_hot": lambda x, y: F.one_hot(x, y.shape[0], dtype="complex64"),
    "where": lambda x, y: F.where(x > 0, y, "a"),
    "linear": lambda x, y: F.linear(x, y, flatten="a"),
    "conv": lambda x, y: F.conv(x, y, strides=(-1,)),
    "take": lambda x, y: F.take(x, y, axis="a"),
    "lstm": lambda x, y: F.lstm(x, y, x, y, x, reverse=3),
    "cond": lambda x, y: F.cond(F.sum(x) > 0, uses(y), lambda: x),
    "cond operands": lambda x, y: F.cond(F.sum(x) > 0, fail, fail, x, y),
    "cond branches": lambda x, y: F.cond(F.sum(x) > 0, lambda: (x, y), lambda: x),
    "while": lambda x, y: F.while_loop(lambda a, b: F.sum(a) > 0, uses(y), (x, y)),
    "while counts": lambda x, y: F.while_loop(lambda a: F.sum(a) > 0, lambda a: (a, y), x),
    "scan": lambda x, y: F.scan(lambda c, v: (c + y, fail()), x, y),
    "scan carry": lambda x, y: F.scan(lambda c, v: ((c, y), None), x, y),
    "graph": lambda x, y: Graph([x, y], inputs=[x]),
    "graph names": lambda x, y: Graph({"a": x, "b": y, "c": F.input("x", (2, 3))}),
    "clash": lambda x, y: F.concat([x, y, F.input("x", (2, 3))], axis=0),
}


@pytest.mark.parametrize("name", BAD)
def test_a_call_that_fails_leaves_both_graphs_as_they_were(name: str) -> None:
    x, y = F.input("x", (2, 3)), F.input("y", (-1, -1))
    other = F.relu(y)
    before = [(t.builder, t.value, dict(t.builder.nodes)) for t in (x, y, other)]
    with pytest.raises((GraphInitError, ZeroDivisionError, TypeError, ValueError)):
        BAD[name](x, y)
    for tensor, (builder, value, nodes) in zip((x, y, other), before, strict=True):
        assert tensor.builder is builder
        assert tensor.value == value
        own = {"add", "constant", "sum", "greater"}  # operands that were made before the call
        assert {key: node for key, node in builder.nodes.items() if key not in own} == nodes
    again = F.reshape(x, (F.input("x2", (-1, 3)).shape[0], -1)) + F.relu(other)  # and they work as before
    assert infer_shapes(Graph(again), y=(2, 3), x2=(2, 3)).ok


def test_a_failed_call_adds_no_nodes() -> None:
    x = F.input("x", (2, 3))
    for bad in (lambda: F.concat([x, np.ones((2, 3))], axis="a"), lambda: F.add(F.relu(x), object())):
        with pytest.raises(GraphInitError):
            bad()
    assert str(Graph(F.add(x, np.ones((2, 3), np.float32)))).count("constant_1") == 0


def test_stand_ins_of_loops_clash_with_nothing() -> None:
    def one(name: str) -> Any:
        t = F.input(name, (3,))
        return F.cond(
            F.sum(t) > 0, lambda: t + 1, lambda: F.while_loop(lambda v: F.sum(v) < 0, lambda v: v + 1, t)
        )

    a, b, c = one("a"), one("b"), one("c")
    graph = Graph(a * b + c)
    assert infer_shapes(graph).ok
    exe = graphinit.compile(graph)
    found = exe.forward(a=np.ones(3), b=np.full(3, -0.5), c=np.full(3, 2.0))
    np.testing.assert_allclose(found, [4, 4, 4])  # 2 * 0.5 + 3


def test_scans_of_two_graphs_make_one() -> None:
    def sums(name: str) -> Any:
        t = F.input(name, ("t", 2))
        return F.scan(lambda c, v: (c + v, c), F.constant(np.zeros(2, np.float32)), t)[1]

    assert infer_shapes(Graph(sums("a") + sums("b")))["y"] == ("t", 2)


def test_inputs_that_users_called_the_same_stay_an_error() -> None:
    with pytest.raises(GraphError, match="two nodes are called 'x'"):
        F.input("x", (3,)) + F.input("x", (3,))


def test_an_input_may_be_called_as_an_op_of_another_graph_is() -> None:
    y = F.relu(F.exp(F.input("x", (3,))))
    assert infer_shapes(Graph(y + F.input("relu", (3,)))).ok


@pytest.mark.parametrize("late", [False, True])
def test_the_shape_of_a_tensor_of_another_graph_joins_them(late: bool) -> None:
    """As a whole, as its sizes one by one do."""
    first, second = F.input("x", ("a", "b")), F.input("z", ("c", "d"))
    x, z = (second, first) if late else (first, second)
    for function in (F.reshape, F.broadcast_to):
        graph = Graph({"y": function(x, z.shape)})
        assert set(graph.inputs) == {"x", "z"}
        assert infer_shapes(graph, x=(1, 6), z=(1, 6))["y"] == (1, 6)
