"""Passes take networks as well as graphs, and leave them as they are."""

import inspect

import numpy as np
import pytest

import graphinit
import passes
from graphinit import Graph, nn
from graphinit import functional as F
from graphinit.errors import CallError, GraphError

PASSES = [
    passes.Canonicalize(),
    passes.Differentiate(),
    passes.EstimateCost(),
    passes.FoldConstants(),
    passes.InferShapes(),
    passes.MergeCommonSubexpressions(),
    passes.Pipeline([passes.RemoveDeadCode(), passes.InferShapes()]),
    passes.RemoveDeadCode(),
    passes.Verify(),
    passes.pipeline("default"),
]
SHORT = [passes.infer_shapes, passes.differentiate, passes.init_parameters, passes.estimate_cost]


class Pair(nn.Block):
    """Two inputs in a list, one by name, one that is static."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Dense(3), nn.Dense(3)

    def forward(self, pair, scale=None, double=False):
        y = self.left(pair[0]) + self.right(pair[1])
        y = y if scale is None else y * scale
        return y + y if double else y


def states(net):
    return [(path, p.shape, p._data is None) for path, p in net.collect_params().items()]


def test_every_pass_is_tested():
    known = {type(item).__name__ for item in PASSES} | {"PlanMemory"}
    made = {
        name
        for name in passes.__all__
        if isinstance(kind := getattr(passes, name), type)
        and not kind.__module__.endswith("base")
        and "graph" in inspect.signature(kind.__call__).parameters
    }
    assert made <= known


@pytest.mark.parametrize("item", PASSES, ids=lambda item: type(item).__name__)
def test_a_pass_takes_a_network(item):
    net = nn.Sequential(nn.Dense(3, in_units=2, activation="relu"), nn.Dense(5, in_units=3))
    before = states(net)
    result = item(net)
    assert result.graph == item(net.trace()).graph
    assert isinstance(result.graph, Graph)
    assert states(net) == before


@pytest.mark.parametrize("item", [*PASSES, passes.PlanMemory()], ids=lambda item: type(item).__name__)
@pytest.mark.parametrize("wrong", [nn.Dense, None, "net.json", [1, 2], 3])
def test_a_pass_says_what_it_takes(item, wrong):
    with pytest.raises(CallError, match=r"takes a network or a graph, not "):
        item(wrong)


@pytest.mark.parametrize("short", [*SHORT, graphinit.compile, graphinit.render])
def test_short_forms_say_what_they_take(short):
    with pytest.raises(CallError, match=rf"{short.__name__} takes a network or a graph, not 'net'"):
        short("net")
    with pytest.raises(CallError, match=r"not the class Dense; call it to make one"):
        short(nn.Dense)
    with pytest.raises(CallError, match=r"not \[0, 0.*\.\.\."):
        short([0] * 1000)
    with pytest.raises(CallError, match=r"not array\("):  # which has a `trace` of its own
        short(np.ones((2, 2)))


def test_inference_takes_specs_by_the_names_of_inputs():
    net = nn.Dense(3)
    for spec in ((2, 5), [2, 5], "float32[2, 5]", np.zeros((2, 5)), np.zeros((2, 5), np.int64)):
        report = passes.infer_shapes(net, x=spec)
        assert report["y"] == (2, 3)
        assert report["weight"] == (3, 5)
        assert report.ok
    assert states(net) == [("weight", (3, -1), True), ("bias", (3,), True)]


def test_inference_of_a_network_is_that_of_its_graph():
    net = nn.Sequential(nn.Dense(3), nn.Dropout(0.5), nn.Dense(5))
    for inputs in ({"x": ("b", 7)}, {"x": np.zeros((2, 7))}, {"y": (2, 5)}, {"0.weight": (3, 11)}, {}):
        assert str(passes.infer_shapes(net, **inputs)) == str(passes.infer_shapes(net.trace(), **inputs))
        assert (
            passes.infer_shapes(net, **inputs).warnings == passes.infer_shapes(net.trace(), **inputs).warnings
        )


def test_inference_runs_backwards_through_a_network():
    report = passes.infer_shapes(nn.Dense(3, flatten=False), y=("b", 3), weight=(3, 7))
    assert report["x"] == ("b", 7)


def test_a_network_that_asks_for_ranks_is_traced_with_them():
    class Flat(nn.Block):
        def forward(self, x):
            return F.reshape(x, (len(x.shape), -1))

    assert passes.infer_shapes(Flat(), x=(2, 3, 5))["y"] == (3, 10)


def test_nested_and_static_inputs():
    report = passes.infer_shapes(Pair(), pair=[("b", 2), ("b", 7)], double=True)
    assert (report["left.weight"], report["right.weight"], report["y"]) == ((3, 2), (3, 7), ("b", 3))
    named = {"pair.0": ("b", 2), "pair.1": ("b", 7), "scale": (1, 3)}
    report = passes.infer_shapes(Pair(), **named)
    assert (report["right.weight"], report["scale"]) == ((3, 7), (1, 3))


def test_an_input_that_is_not_there():
    with pytest.raises(GraphError, match="nothing in the graph is called 'z'; its inputs are x"):
        passes.infer_shapes(nn.Dense(3), z=(2, 5))


def test_report_of_a_network_that_does_not_hold():
    report = passes.infer_shapes(nn.Sequential(nn.Dense(3), nn.Dense(2, in_units=4)), x=(2, 5))
    assert [error.code for error in report.errors] == ["GI201"]


def test_differentiating_a_network():
    net = nn.Dense(3)
    graph = passes.differentiate(net, wrt=["weight"], x=("b", 5))
    assert list(graph.outputs) == ["y", "grad.weight"]
    assert graph["weight"].type.shape == (3, 5)
    assert passes.differentiate(net.trace(x=(2, 5))) == passes.differentiate(net, x=(2, 5))
    assert list(passes.differentiate(net).outputs) == ["y", "grad.x", "grad.weight", "grad.bias"]


def test_costs_of_a_network():
    cost = passes.estimate_cost(nn.Dense(256), x=("b", 20))
    assert cost.parameters == 256 * 21
    assert cost.flops == passes.estimate_cost(passes.infer_shapes(nn.Dense(256), x=("b", 20))).flops
    graph = nn.Dense(256).trace()
    assert passes.estimate_cost(graph).parameters == -1
    assert passes.estimate_cost(graph, x=(2, 20)).parameters == 256 * 21


def test_first_values_of_a_network():
    net = nn.Dense(3)
    report = passes.infer_shapes(net, x=(2, 5))
    values = passes.init_parameters(net, report, "ones")
    assert {name: value.shape for name, value in values.items()} == {"weight": (3, 5), "bias": (3,)}
    assert states(net) == [("weight", (3, -1), True), ("bias", (3,), True)]
    known = passes.init_parameters(nn.Dense(3, in_units=2), initializer="ones")
    assert known["weight"].tolist() == [[1, 1]] * 3
    with pytest.raises(CallError, match="report is what infer_shapes returns, not 'ones'"):
        passes.init_parameters(net, "ones")
    for given in (net, net.trace()):
        again = passes.init_parameters(given, initializer="ones", x=(2, 5))
        assert {name: value.shape for name, value in again.items()} == {"weight": (3, 5), "bias": (3,)}
    with pytest.raises(CallError, match="give the shapes of inputs or a report, not both"):
        passes.init_parameters(net, report, x=(2, 5))
    with pytest.raises(GraphError, match="nothing in the graph is called 'z'; its inputs are x"):
        passes.init_parameters(net, z=(2, 5))


def test_whatever_can_be_traced_is_a_network():
    class Traced:
        def trace(self, train=False, **inputs):
            return Graph(F.relu(F.input("x", inputs["x"])))

    assert passes.infer_shapes(Traced(), x=(2, 3))["y"] == (2, 3)
