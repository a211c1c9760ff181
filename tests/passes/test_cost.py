"""Costs come from shapes alone."""

from __future__ import annotations

from graphinit import Graph
from graphinit import functional as F
from passes.cost import estimate_cost
from passes.shape_inference import infer_shapes


def mlp(batch):
    x = F.input("x", shape=(batch, 20))
    h = F.relu(F.linear(x, F.parameter("w0", shape=(256, -1)), F.parameter("b0", shape=(256,))))
    return infer_shapes(Graph(outputs=F.linear(h, F.parameter("w1", shape=(10, -1)))))


def test_flops_bytes_and_parameters():
    cost = estimate_cost(mlp(2))
    assert cost["w0"].parameters == 5120
    assert cost.parameters == 256 * 20 + 256 + 10 * 256
    assert cost["linear"].flops == 2 * 2 * 256 * 20 + 2 * 256
    assert cost["relu"].flops == 2 * 256
    assert cost["relu"].bytes == 2 * 2 * 256 * 4
    assert cost["linear"].bytes == 4 * (2 * 20 + 256 * 20 + 256 + 2 * 256)
    assert cost.flops == sum(item.flops for item in cost.values())


def test_symbols_are_kept():
    cost = estimate_cost(mlp("batch"))
    assert str(cost["relu"].flops) == "256*batch"
    assert cost.flops.evaluate({"batch": 2}) == estimate_cost(mlp(2)).flops
    assert cost.bytes.evaluate({"batch": 3}) == estimate_cost(mlp(3)).bytes


def test_what_is_unknown_stays_unknown():
    x = F.input("x", shape=(-1, 20))
    cost = estimate_cost(Graph(outputs=F.relu(x)))
    assert cost["relu"].flops == -1
    assert cost.flops == -1
    assert "?" in str(cost)


def test_a_tied_parameter_counts_once_and_views_move_nothing():
    x, w = F.input("x", shape=(2, 7)), F.parameter("w", shape=(7, 7))
    cost = estimate_cost(infer_shapes(Graph(outputs=F.linear(F.linear(x, w).reshape(7, 2).T, w))))
    assert cost.parameters == 49
    assert cost["reshape"].bytes == cost["transpose"].bytes == 0


def test_the_table():
    lines = str(estimate_cost(mlp(2))).split("\n")
    assert lines[0].split() == ["node", "op", "FLOPs", "bytes", "parameters"]
    assert lines[-1].split() == ["total", "31,744", *lines[-1].split()[2:]]
    assert [line.split()[0] for line in lines[2:-2]] == ["x", "w0", "b0", "linear", "relu", "w1", "linear_1"]
