"""Warnings: what holds and is hardly meant, and what is meant and draws no warning."""

from __future__ import annotations

from typing import Any

import pytest

from graphinit import functional as F
from graphinit import nn
from graphinit.ir.graph import Graph
from passes.shape_inference import infer_shapes


def codes(graph: Graph, **inputs: Any) -> list[str]:
    report = infer_shapes(graph, **inputs)
    assert report.ok, str(report)
    return [warning.code for warning in report.warnings]


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (("n", 1), ("n",), ["GI211"]),
        ((7,), (7, 1), ["GI211"]),
        ((7, 1), (5,), []),
        ((1, 1), (1,), []),
        (("n", 3), (3,), []),
        (("n", 1), ("n", 1), []),
    ],
)
def test_a_column_against_a_vector(one: Any, other: Any, found: list[str]) -> None:
    graph = Graph(F.input("x", one) - F.input("z", other))
    assert codes(graph) == found


@pytest.mark.parametrize(
    ("shape", "target", "found"),
    [
        (("n", 3, 4), ("n", -1), []),
        (("n", 3, 4), (-1, 4), []),
        (("n", 3, 4), (-1,), []),
        (("n", 3, 4), ("n", 2, 6), []),
        (("n", 12), (12, -1), ["GI212"]),
        (("n", 12), (-1, 8), ["GI212"]),
        (("n", 12), (4, 3, -1), ["GI212"]),
        ((12, "n"), (-1, 8), []),
    ],
)
def test_a_reshape_that_mixes_samples(shape: Any, target: Any, found: list[str]) -> None:
    assert codes(Graph(F.reshape(F.input("x", shape), target))) == found


def test_sizes_that_are_equal_by_chance() -> None:
    x = F.input("x", (-1, -1))
    graph = Graph(x + F.transpose(x))
    (warning,) = infer_shapes(graph, x=(7, 7)).warnings
    assert warning.code == "GI213"
    assert "axes 0 and 1 of x are both 7" in warning
    assert warning.where.startswith("test_suspicions.py:")
    assert codes(graph, x=("n", "n")) == []
    net = nn.Sequential(nn.Lambda(lambda x: x + x.T))
    assert codes(net.trace(x=(7, 7)), x=(7, 7)) == ["GI213"]
    images = nn.Sequential(nn.Conv2D(7, 3), nn.Flatten(), nn.Dense(3))
    assert codes(images.trace(), x=(2, 3, 28, 28)) == []


def test_what_nothing_uses() -> None:
    class Net(nn.Block):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.three = nn.Dense(3), nn.Dense(5), nn.Dense(7)

        def forward(self, x: Any, y: Any) -> Any:
            F.relu(self.two(x))
            return self.one(x)

    found = infer_shapes(Net().trace(), x=("batch", 11)).warnings
    assert "nothing uses the input y" in found
    assert "nothing uses the result of relu; the branch is left out" in found
    assert {warning.code for warning in found} == {"GI214"}


def joined(other: Any) -> Graph:
    return Graph(F.concat([F.input("x", (-1, 4)), F.input("z", other)], axis=0))


def test_a_size_that_came_out_as_0() -> None:
    report = infer_shapes(joined((3, 4)), y=(3, 4))
    assert report["x"] == (0, 4)
    (warning,) = report.warnings
    assert (warning.code, warning.node) == ("GI215", "x")
    assert warning.startswith("axis 0 of x came out as 0, which nobody stated: ")
    assert "test_suspicions.py" in warning
    assert "test_suspicions.py" in warning.where


@pytest.mark.parametrize(
    ("make", "given"),
    [
        (lambda: joined((3, 4)), {"y": (3, 4), "x": (0, 4)}),
        (lambda: joined((3, 4)), {"y": (5, 4)}),
        (lambda: nn.Dense(3).trace(), {"x": ("b", 0)}),
        (lambda: nn.Dense(3).trace(), {"x": (0, 5)}),
        (lambda: Graph(F.input("x", ("h", 3))[5:]), {"y": (0, 3)}),
        (lambda: Graph(F.reshape(F.input("x", (-1, 4)), (0, 7))), {}),
        (lambda: Graph(F.split(F.input("x", (2, 4)), (0, 4), axis=1)), {}),
        (lambda: Graph(F.input("x", (3, 4))[0:0]), {}),
        (lambda: Graph(F.input("x", (3, 4))[0]), {}),
        (lambda: Graph(F.sum(F.input("x", (3, 4)), axis=0)), {}),
    ],
)
def test_a_0_that_was_stated_draws_no_warning(make: Any, given: Any) -> None:
    assert "GI215" not in codes(make(), **given)


def test_what_an_op_makes_may_be_empty() -> None:
    report = infer_shapes(Graph(F.relu(F.input("x", (3, 5))[7:])))
    assert [(warning.code, warning.node) for warning in report.warnings] == [("GI215", "getitem")]
    net = nn.Dense(2, flatten=False)
    report = infer_shapes(Graph({"y": net(F.input("x", (3, 5))[:, 5:])}))
    assert [warning.node for warning in report.warnings if warning.code == "GI215"] == ["getitem", "weight"]
