"""Control flow: what is captured, what is checked, what flows back, what runs."""

from dataclasses import replace

import numpy as np
import pytest

import graphinit
from graphinit import Graph, nn
from graphinit import functional as F
from graphinit.errors import DifferentiationError, DTypeError, ExecutionError, GraphError, OpError, ShapeError
from graphinit.ir.types import TensorType
from passes.differentiation import differentiate
from passes.shape_inference import infer_shapes
from passes.verification import Verify
from tests.ops.reference import check_gradients, evaluate


def ops(graph):
    return [node.op for node in graph if not node.is_source]


def wave(*shape):
    return np.sin(np.arange(np.prod(shape)) + 0.5).reshape(shape)


class Looped(nn.Block):
    """Applies one dense layer to each entry along axis 0, handing its output on."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(3, activation="tanh")

    def forward(self, x):
        return F.scan(lambda h, v: (self.dense(h + v), h), F.zeros_like(x[0]), x)


def test_a_layer_inside_a_scan_is_captured_and_inferred():
    net = Looped()
    report = net.infer_shape(x=("t", "n", 3))
    assert net.dense.weight.shape == (3, 3)
    assert report["y.0"] == ("n", 3)
    assert report["y.1"] == ("t", "n", 3)
    graph = net.trace(x=("t", "n", 3))
    assert ops(graph)[-1] == "scan"
    assert "linear" not in ops(graph)
    assert Graph.from_json(graph.to_json()) == graph
    assert hash(graph) == hash(Graph.from_json(graph.to_json()))


def test_a_scan_trains_what_it_captures():
    net = Looped()
    net.initialize()
    x = wave(5, 2, 3)
    net.infer_shape(x=x.shape)
    net.cast("float64")
    graph = infer_shapes(net.trace(x="float64[5, 2, 3]")).graph
    arrays = {"x": x, **{name: p.data() for name, p in net.collect_params().items()}}
    check_gradients(graph, arrays, list(arrays))
    exe = graphinit.compile(net, x=x)
    last, before = exe.forward(x)
    exe.backward()
    np.testing.assert_array_equal(before[0], 0)
    assert net.dense.weight.grad().any()
    assert last.shape == (2, 3)


def test_sub_graphs_print_below_their_node():
    x = F.input("x", (2, 3))
    graph = Graph(outputs=F.while_loop(lambda v: F.sum(v) < 9, lambda v: v + x, x))
    assert str(graph) == "\n".join(
        [
            "graph(x: float32[2, 3])",
            "  while_loop = while_loop(x, x, body=<Graph of 3 nodes>, condition=<Graph of 5 nodes>, max_steps=None)",
            "    body = graph(x0: float32[...], captured0: float32[...])",
            "      add = add(x0, captured0)",
            "      return y.0=add",
            "    condition = graph(x0: float32[...], captured0: float32[...])",
            "      sum = sum(x0, axis=None, keepdims=False)",
            "      constant: ?[] = constant(value=9)",
            "      less = less(sum, constant)",
            "      return y.0=less",
            "  return y=while_loop",
        ]
    )


def test_what_is_wrong_in_a_sub_graph_is_found():
    x = F.input("x", (2, 3))
    graph = Graph(outputs=F.while_loop(lambda v: F.sum(v) < 9, lambda v: v + x, x))
    Verify()(graph)
    node = graph["while_loop"]
    body = node.attrs["body"]
    broken = body.with_types({"add": (TensorType(), TensorType())})
    wrong = graph.replace({"while_loop": replace(node, attrs=node.attrs.replace(body=broken))})
    with pytest.raises(GraphError, match="it states 2 outputs"):
        Verify()(wrong)


def test_a_summary_counts_what_is_inside(capsys):
    Looped().summary(x=(5, 2, 3))
    assert "Dense-1" in capsys.readouterr().out


def test_a_scan_equals_an_unrolled_loop():
    x, w = F.input("x", (5, 2, 3), "float64"), F.parameter("w", (3, 3), "float64")
    carry, (doubled, plain) = F.scan(
        lambda h, v: ((F.tanh(F.matmul(h[0], w) + v), h[1] + 1), (h[0] * 2, v)), (x[0], 0), x
    )
    unrolled = x[0]
    for t in range(5):
        unrolled = F.tanh(F.matmul(unrolled, w) + x[t])
    graph = Graph(outputs={"h": carry[0], "n": carry[1], "u": unrolled, "d": doubled, "p": plain})
    found = evaluate(graph, {"x": wave(5, 2, 3), "w": wave(3, 3)})
    np.testing.assert_allclose(found["h"], found["u"], rtol=1e-12)
    assert found["n"] == 5
    np.testing.assert_array_equal(found["p"], wave(5, 2, 3))
    assert found["d"].shape == (5, 2, 3)


def test_loops_may_stand_in_loops():
    x = F.input("x", ("a", "b"))
    total, _ = F.scan(
        lambda outer, row: (F.scan(lambda inner, v: (inner + v * v, None), outer, row)[0], None),
        np.float32(0),
        x,
    )
    graph = Graph(outputs=total)
    assert infer_shapes(graph)["y"] == ()
    found = evaluate(graph, {"x": wave(3, 5).astype(np.float32)})["y"]
    np.testing.assert_allclose(found, np.square(wave(3, 5)).sum(), rtol=1e-6)
    joint = differentiate(infer_shapes(graph, x=(3, 5)).graph)
    slopes = evaluate(joint, {"x": wave(3, 5).astype(np.float32), "d.y": np.float32(1)})["grad.x"]
    np.testing.assert_allclose(slopes, 2 * wave(3, 5), rtol=1e-6)


def test_a_loop_of_unknown_length_trains_what_it_captures():
    x, w, n = F.input("x", (2, 3), "float64"), F.parameter("w", (3, 3), "float64"), F.input("n", (), "int64")
    left, y = F.while_loop(lambda n, v: n > 0, lambda n, v: (n - 1, F.tanh(F.matmul(v, w))), (n, x))
    graph = Graph(outputs={"left": left, "y": y})
    arrays = {"x": wave(2, 3), "w": wave(3, 3), "n": np.asarray(5)}
    check_gradients(infer_shapes(graph).graph, arrays, ["x", "w"], ["y"])
    check_gradients(infer_shapes(graph).graph, arrays | {"n": np.asarray(0)}, ["x", "w"], ["y"])
    with pytest.raises(DifferentiationError, match="a scan can be differentiated twice"):
        differentiate(differentiate(infer_shapes(graph).graph, ["y"], ["x"]), wrt=["x"])


class Scanned(nn.Block):
    """A cell over a length that Python does not know."""

    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(3)

    def forward(self, x, h, c):
        def step(states, entry):
            output, states = self.cell(entry, states)
            return tuple(states), output

        return F.scan(step, (h, c), x)


def test_a_cell_in_a_scan_equals_a_layer():
    net, layer = Scanned(), nn.LSTM(3)
    specs = {"x": ("t", "n", 7), "h": ("n", 3), "c": ("n", 3)}
    assert infer_shapes(net.trace(**specs))["y.1"] == ("t", "n", 3)
    net.initialize()
    layer.initialize()
    x, h, c = (wave(*shape).astype(np.float32) for shape in ((5, 2, 7), (2, 3), (2, 3)))
    (last, _), y = net(x, h, c)
    layer(x)
    for mine, theirs in zip(layer.collect_params().values(), net.collect_params().values(), strict=True):
        mine.set_data(theirs.data())
    expected, (states, _) = layer(x, [h[None], c[None]])
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last, states[0], rtol=1e-5, atol=1e-6)
    one, other = (
        graphinit.compile(net, x=x, h=h, c=c),
        graphinit.compile(layer, x=x, states=[h[None], c[None]]),
    )
    one.forward(x, h, c)
    other.forward(**{"x": x, "states.0": h[None], "states.1": c[None]})
    mine, theirs = one.backward(), other.backward()
    np.testing.assert_allclose(mine["x"], theirs["x"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(mine["cell.h2h_weight"], theirs["l0_h2h_weight"], rtol=1e-4, atol=1e-5)


# --- shapes -----------------------------------------------------------------------------------


def test_sizes_flow_through_a_body_in_both_directions():
    x, w = F.input("x", (2, -1)), F.parameter("w", (7, 7))
    graph = Graph(outputs=F.while_loop(lambda v: F.sum(v) < 9, lambda v: F.linear(v, w), x))
    assert infer_shapes(graph)["x"] == (2, 7)
    x, w = F.input("x", (2, 5)), F.parameter("w", (-1, -1))
    graph = Graph(outputs=F.while_loop(lambda v: F.sum(v) < 9, lambda v: F.linear(v, w), x))
    assert infer_shapes(graph)["w"] == (5, 5)
    x = F.input("x", (-1, 3))
    graph = Graph(outputs=F.cond(F.sum(x) > 0, lambda: F.relu(x), lambda: -x))
    assert infer_shapes(graph, y=(5, 3))["x"] == (5, 3)


def test_sizes_from_outside_may_be_used_inside():
    x, other = F.input("x", (2, -1)), F.input("other", ("n", 3))
    y = F.while_loop(
        lambda v: F.sum(v) < 9, lambda v: v + F.reshape(other, (other.shape[0] * 3,))[: v.shape[1]] * 0 + 1, x
    )
    graph = Graph(outputs=y)
    found = evaluate(graph, {"x": np.zeros((2, 5), np.float32), "other": np.zeros((2, 3), np.float32)})
    assert found["y"].shape == (2, 5)
    assert (found["y"] == 1).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x: F.while_loop(lambda v: F.sum(v) < 9, lambda v: F.concat([v, v], axis=1), x), "the body"),
        (lambda x: F.while_loop(lambda v: v < 9, lambda v: v, x), "one truth value"),
        (lambda x: F.while_loop(lambda v: F.sum(v) < 9, lambda v: F.matmul(v, v), x), "in the body"),
        (lambda x: F.cond(F.sum(x) > 0, lambda: x, lambda: F.sum(x, axis=0)), "the other branch"),
        (lambda x: F.cond(x > 0, lambda: x, lambda: x), "one truth value"),
        (lambda x: F.scan(lambda h, v: (F.stack([h, v]), None), x[0], x)[0], "the body"),
        (lambda x: F.scan(lambda h, v: (h, v[0] + v[1]), x, (x, x[0]))[1], "equally long"),
    ],
)
def test_shapes_are_invariants(make, words):
    report = infer_shapes(Graph(outputs=make(F.input("x", (2, 3)))))
    assert not report.ok
    assert words in str(report.errors[0])
    with pytest.raises(ShapeError):
        report.raise_errors()


def test_requirements_of_a_body_are_the_network_s():
    x, w = F.input("x", ("n", "d")), F.parameter("w", (7, 7))
    report = infer_shapes(Graph(outputs=F.while_loop(lambda v: F.sum(v) < 9, lambda v: F.linear(v, w), x)))
    assert [str(requirement) for requirement in report.requirements] == ["d == 7"]


def test_dtypes_are_invariants():
    x = F.input("x", (2, 3), "int64")
    with pytest.raises(DTypeError, match="must keep its dtype int64"):
        infer_shapes(Graph(outputs=F.while_loop(lambda v: F.sum(v) < 9, lambda v: v / 2, x))).raise_errors()
    with pytest.raises(DTypeError, match="in one branch"):
        infer_shapes(Graph(outputs=F.cond(F.sum(x) > 0, lambda: x, lambda: x / 2))).raise_errors()


# --- running ----------------------------------------------------------------------------------


def test_only_the_chosen_branch_runs():
    x, ids = F.input("x", (3,)), F.input("ids", (2,), "int64")
    graph = Graph(outputs=F.cond(F.sum(x) > 0, lambda: F.take(x, ids), lambda: x[:2]))
    assert "take" not in ops(graph)
    exe = graphinit.compile(graph, grad=False)
    bad = np.array([0, 99])
    np.testing.assert_array_equal(exe.forward(-np.ones(3), bad), [-1, -1])
    with pytest.raises(IndexError):
        exe.forward(np.ones(3), bad)


def test_a_loop_that_goes_on_too_long_is_an_error():
    x = F.input("x", (3,))
    graph = Graph(outputs=F.while_loop(lambda v: F.sum(v) < 9, lambda v: v * 1, x, max_steps=5))
    exe = graphinit.compile(graph, grad=False)
    with pytest.raises(ExecutionError, match="5 steps"):
        exe.forward(np.zeros(3))
    np.testing.assert_array_equal(exe.forward(np.full(3, 4)), [4, 4, 4])


def test_gradients_flow_through_the_branch_that_ran():
    x = F.input("x", (3,))
    exe = graphinit.compile(Graph(outputs=F.cond(F.sum(x) > 0, lambda: x * x, lambda: 5 * x)))
    exe.forward(np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(exe.backward()["x"], [2, 4, 6])
    exe.forward(-np.ones(3))
    np.testing.assert_array_equal(exe.backward()["x"], [5, 5, 5])


@pytest.mark.parametrize(
    "make",
    [
        lambda x: F.while_loop(lambda v: F.sum(v) < 9, lambda v: (v, v), x),
        lambda x: F.while_loop(lambda: True, lambda: (), ()),
        lambda x: F.cond(True, lambda: x, lambda: x),
        lambda x: F.cond(F.sum(x) > 0, lambda: (x, x), lambda: x),
        lambda x: F.scan(lambda h, v: ((h, h), None), x, x),
        lambda x: F.scan(lambda h, v: (h, None), x, ()),
    ],
)
def test_bad_arguments(make):
    with pytest.raises(OpError, match="GI105"):
        make(F.input("x", (2, 3)))


def test_state_does_not_change_inside():
    class Normed(nn.Block):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm()

        def forward(self, x):
            return F.scan(lambda h, v: (self.norm(h + v), None), F.zeros_like(x[0]), x)[0]

    with pytest.raises(OpError, match="changes inside"):
        Normed().trace(train=True, x=(5, 2, 3))
    assert infer_shapes(Normed().trace(x=(5, 2, 3)))["y"] == (2, 3)
