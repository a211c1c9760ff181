"""Gradients are graphs, and right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphinit import Graph, GraphBuilder
from graphinit import functional as F
from graphinit.errors import DifferentiationError, GraphError
from graphinit.ir import op
from graphinit.ir.tensor import apply
from passes.differentiation import differentiate
from passes.pipelines import clean_up
from passes.shape_inference import infer_shapes
from passes.verification import Verify

from ..ops.reference import check_gradients, evaluate

RNG = np.random.default_rng(0)


def f64(name: str, *shape: int):
    return F.input(name, shape=shape, dtype="float64")


def test_text_of_a_gradient():
    x, w = F.input("x", shape=(2, 3)), F.parameter("w", shape=(5, 3))
    joint = differentiate(Graph(outputs=F.tanh(F.linear(x, w))))
    assert str(joint).split("\n")[0] == "graph(x: float32[2, 3], d.y: float32[2, 5])"
    assert list(joint.outputs) == ["y", "grad.x", "grad.w"]
    assert str(joint["d.y"].type) == "float32[2, 5]"
    Verify()(infer_shapes(joint).graph)


@pytest.mark.parametrize(
    "build",
    [
        lambda x, y: F.tanh(x) * y,
        lambda x, y: x * y[0],
        lambda x, y: x / (y.sum(axis=1, keepdims=True) + 20) + x,
        lambda x, y: x @ y.T,
        lambda x, y: F.softmax(x * x, axis=0) - y.mean(),
        lambda x, y: F.concat([x, y * x], axis=1)[:, 2:],
        lambda x, y: F.where(x > y, x * x, y * x).reshape(15),
    ],
)
def test_against_finite_differences(build):
    graph = Graph(outputs=build(f64("x", 3, 5), f64("y", 3, 5)))
    arrays = {"x": RNG.standard_normal((3, 5)), "y": RNG.standard_normal((3, 5))}
    check_gradients(graph, arrays, ["x", "y"])


@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 1), (1, 5), (2, 3, 5), (2, 1, 1)])
@pytest.mark.parametrize("op", ["add", "multiply", "divide", "subtract"])
def test_broadcasting_is_undone(op, shape):
    graph = Graph(outputs=apply(op, f64("x", 3, 5), f64("y", *shape)))
    arrays = {"x": RNG.standard_normal((3, 5)), "y": 2 + RNG.random(shape)}
    check_gradients(graph, arrays, ["x", "y"])


def test_batch_axes_of_matmul_are_undone():
    graph = Graph(outputs=f64("x", 7, 1, 2, 3) @ f64("y", 5, 3, 2))
    arrays = {"x": RNG.standard_normal((7, 1, 2, 3)), "y": RNG.standard_normal((5, 3, 2))}
    check_gradients(graph, arrays, ["x", "y"])


def test_broadcasting_is_undone_without_types():
    x, y = F.input("x", dtype="float64"), F.input("y", dtype="float64")
    joint = differentiate(Graph(outputs=x * y))
    arrays = {"x": RNG.random((3, 5)), "y": RNG.random((5,))}
    seed = next(name for name in joint.inputs if name not in ("x", "y"))
    got = evaluate(joint, {"x": arrays["x"], "y": arrays["y"], seed: np.ones((3, 5))})
    np.testing.assert_allclose(got["grad.y"], arrays["x"].sum(axis=0))
    np.testing.assert_allclose(got["grad.x"], np.broadcast_to(arrays["y"], (3, 5)))


def test_a_gradient_has_the_dtype_of_its_input():
    x, y = F.input("x", shape=(3,), dtype="float32"), F.input("y", shape=(3,), dtype="float64")
    joint = infer_shapes(differentiate(Graph(outputs=x * y))).graph
    assert str(joint.type_of(joint.outputs["grad.x"])) == "float32[3]"
    assert str(joint.type_of(joint.outputs["grad.y"])) == "float64[3]"


def test_tied_parameters_add_up():
    x, w = F.input("x", shape=(2, 2)), F.parameter("w", shape=(2, 2))
    graph = Graph(outputs=F.linear(F.linear(x, w), w).sum())
    arrays = {
        "x": np.array([[1, -1], [0.5, 2]], np.float32),
        "w": np.array([[1, 2], [3, 4]], np.float32),
        "d.y": np.float32(1),
    }
    got = evaluate(differentiate(graph), arrays)
    np.testing.assert_allclose(got["grad.w"], [[9.5, 12.5], [12.5, 14.5]])


def test_several_outputs_add_up_in_a_fixed_order():
    x = f64("x", 3)
    graph = Graph(outputs=[F.exp(x), F.tanh(x), x * x])
    joint = differentiate(graph)
    assert list(joint.inputs) == ["x", "d.y.0", "d.y.1", "d.y.2"]
    assert str(joint) == str(differentiate(graph))
    check_gradients(graph, {"x": RNG.standard_normal(3)}, ["x"])


def test_one_value_with_two_names_takes_two_seeds():
    x = f64("x", 3)
    y = F.exp(x)
    got = evaluate(
        differentiate(Graph(outputs={"a": y, "b": y})),
        {"x": np.zeros(3), "d.a": np.ones(3), "d.b": np.full(3, 2.0)},
    )
    np.testing.assert_array_equal(got["grad.x"], [3, 3, 3])


def test_only_what_is_asked_for():
    x, y = f64("x", 3), f64("y", 3)
    graph = Graph(outputs={"a": x * y, "b": x + y})
    joint = differentiate(graph, outputs=["b"], wrt=["y"])
    assert list(joint.inputs) == ["x", "y", "d.b"]
    assert list(joint.outputs) == ["a", "b", "grad.y"]


def test_gradient_of_an_inner_value():
    x = f64("x", 3)
    graph = Graph(outputs=F.square(F.exp(x)))
    got = evaluate(differentiate(graph, wrt=["exp"]), {"x": np.zeros(3), "d.y": np.ones(3)})
    np.testing.assert_array_equal(got["grad.exp"], [2, 2, 2])


def test_what_is_not_reached_has_zeros():
    x, y = f64("x", 3), f64("y", 5)
    graph = Graph(outputs=F.exp(x), inputs=[x, y])
    got = evaluate(differentiate(graph), {"x": np.zeros(3), "y": np.ones(5), "d.y": np.ones(3)})
    np.testing.assert_array_equal(got["grad.y"], np.zeros(5))


def test_integers_and_frozen_parameters_are_absent():
    ids, w = F.input("ids", shape=(3,), dtype="int64"), F.parameter("w", shape=(7, 2))
    frozen = F.parameter("frozen", shape=(2,), trainable=False)
    joint = differentiate(Graph(outputs=F.take(w, ids, axis=0) * frozen))
    assert [name for name in joint.outputs if name.startswith("grad.")] == ["grad.w"]


def test_a_gradient_of_a_gradient():
    x = f64("x", 3)
    first = differentiate(Graph(outputs=F.tanh(x) * x))
    second = differentiate(first, outputs=["grad.x"], wrt=["x"])
    assert list(second.outputs) == ["y", "grad.x", "grad.grad.x"]
    assert list(second.inputs) == ["x", "d.y", "d.grad.x"]
    values = RNG.standard_normal(3)
    got = evaluate(second, {"x": values, "d.y": np.ones(3), "d.grad.x": np.ones(3)})
    t = np.tanh(values)
    np.testing.assert_allclose(got["grad.grad.x"], 2 * (1 - t**2) - 2 * values * t * (1 - t**2))
    both = differentiate(first)
    assert "d.d.y" in both.inputs
    assert "grad.d.y" in both.outputs


def test_gradients_stop_where_values_are_no_floating_numbers():
    x = f64("x", 3, 5)
    graph = Graph(outputs=x * F.cast(F.argmax(x, axis=1, keepdims=True) + (x > 0), dtype="float64"))
    check_gradients(graph, {"x": RNG.standard_normal((3, 5))}, ["x"])


def test_an_op_without_gradient_is_an_error_only_when_a_gradient_must_flow(monkeypatch):
    monkeypatch.setitem(
        op._registry, "tanh", replace(op.op_spec("tanh"), vjp=None, no_gradient="it is a test")
    )
    x, y = f64("x", 3), f64("y", 3)
    graph = Graph(outputs={"a": F.tanh(x) * y, "b": x})
    with pytest.raises(DifferentiationError, match="tanh has no gradient: it is a test") as caught:
        differentiate(graph)
    assert caught.value.code == "GI109"
    assert caught.value.node == "tanh"
    assert "tanh = tanh(x)" in str(caught.value)
    differentiate(graph, wrt=["y"])
    differentiate(graph, outputs=["b"])


def test_wrong_names_and_integers_are_errors():
    x, n = f64("x", 3), F.input("n", shape=(3,), dtype="int64")
    graph = Graph(outputs={"a": x * 2, "b": n})
    with pytest.raises(GraphError, match="no output named 'c'; it has a, b") as caught:
        differentiate(graph, outputs=["c"])
    assert caught.value.code == "GI106"
    with pytest.raises(GraphError, match="no node named 'z'"):
        differentiate(graph, wrt=["z"])
    with pytest.raises(DifferentiationError, match="'b' is int64"):
        differentiate(graph, outputs=["b"])
    with pytest.raises(DifferentiationError, match="'n' is int64"):
        differentiate(graph, wrt=["n"])
    with pytest.raises(DifferentiationError, match="nothing to differentiate"):
        differentiate(Graph(outputs=n))


def test_what_carries_state_is_no_start():
    builder = GraphBuilder()
    x = builder.source("input", "x", f64("t", 3).type)
    mean = builder.source("state", "mean", f64("t", 3).type)
    y, moved = builder.add("multiply", [x, mean]), builder.add("add", [x, mean])
    joint = differentiate(builder.build({"y": y, "next.mean": moved}))
    assert list(joint.inputs) == ["x", "d.y"]
    assert list(joint.outputs) == ["y", "next.mean", "grad.x"]


def test_nodes_of_gradients_cite_where_the_value_was_made():
    x = f64("x", 3)
    joint = differentiate(Graph(outputs=F.exp(x)))
    added = [node for node in joint if node.op == "multiply"]
    assert all(node.meta.origin == joint["exp"].meta.origin for node in added)


def test_a_chain_of_many_ops():
    count = 20_000
    h = f64("x", 3)
    for place in range(count):
        h = -h if place % 2 else F.tanh(h)
    joint = differentiate(Graph(outputs=h))
    assert len(joint) > 2.5 * count
    assert len(clean_up()(infer_shapes(joint).graph).graph) > 2 * count


def test_a_value_with_many_users_and_a_deep_ladder():
    x = f64("x", 3)
    h = x
    for _ in range(200):
        h = h + h * 0.01
    check = evaluate(differentiate(Graph(outputs=h)), {"x": np.ones(3), "d.y": np.ones(3)})
    np.testing.assert_allclose(check["grad.x"], 1.01**200)
