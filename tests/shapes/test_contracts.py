"""Stated shapes: proved, turned into requirements, or explained to be wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphinit import functional as F
from graphinit import nn
from graphinit.compiler import compile as compile_graph
from graphinit.errors import OpError
from graphinit.ir.graph import Graph
from graphinit.ir.types import TensorType
from passes.shape_inference import infer_shapes


def flattened(stated: Any, image: Any = ("batch", 3, 5)) -> Any:
    return infer_shapes(Graph(F.assert_shape(F.flatten(F.input("x", image)), stated)))


def test_what_holds_is_proved() -> None:
    report = flattened(("batch", 15))
    assert report.ok
    assert report.requirements == ()
    assert flattened(("batch", "15")).ok
    assert flattened((-1, None)).ok


def test_what_may_hold_is_required() -> None:
    (requirement,) = flattened(("batch", 15), ("n", 3, "k")).requirements[:1]
    assert str(requirement) == "batch == n"
    assert [str(each) for each in flattened((-1, 15), ("n", 3, "k")).requirements] == ["k == 5"]


def test_what_is_wrong_is_explained() -> None:
    (error,) = flattened(("batch", 14)).errors
    assert error.code == "GI201"
    assert "axis 1 of x is asserted to be 14" in str(error)
    assert "5 from the shape of input x" in str(error)
    (error,) = flattened(("batch", 3, 5)).errors
    assert error.code == "GI202"


def test_a_contract_settles_what_is_open() -> None:
    x = F.input("x", (-1, -1))
    report = infer_shapes(Graph(F.assert_shape(F.relu(x), ("batch", 64))))
    assert report["x"] == ("batch", 64)


def test_in_a_layer_that_runs() -> None:
    class Net(nn.Block):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Dense(7)

        def forward(self, x: Any) -> Any:
            return F.assert_shape(F.relu(self.body(x)), ("batch", 7))

    net = Net()
    net.initialize()
    assert net(np.ones((2, 5), np.float32)).shape == (2, 7)
    assert not infer_shapes(net.trace(), x=("batch", 3)).ok


def test_a_declared_type_is_a_contract() -> None:
    x = F.input("x", TensorType(("batch", 5), "float32").shape)
    report = infer_shapes(Graph(F.relu(x)), y=("batch", 7))
    assert not report.ok


@pytest.mark.parametrize("shape", ["text", (2, -3), (1.5,), (True,)])
def test_what_is_no_shape(shape: Any) -> None:
    with pytest.raises(OpError):
        F.assert_shape(F.input("x", (2, 3)), (shape, [3]))


def test_compiled_it_costs_nothing() -> None:
    graph = Graph(F.assert_shape(F.relu(F.input("x", (2, 3))), (2, 3)))
    executable = compile_graph(graph)
    assert executable.forward(np.ones((2, 3), np.float32)).shape == (2, 3)


def test_a_type_may_name_its_sizes() -> None:
    net = nn.Sequential(nn.Dense(5), nn.Dense(3))
    report = infer_shapes(net.trace(), x=TensorType(("batch", "2*n"), "float32"))  # type: ignore[arg-type]
    assert report["0.weight"] == (5, "2*n")
    inner: Any = {"0.linear": TensorType(("batch", 7), None)}  # type: ignore[arg-type]
    (error,) = infer_shapes(net.trace(), x=("batch", 4), **inner).errors
    assert "7 != 5" in error.message or "5 != 7" in error.message


@pytest.mark.parametrize(
    ("stated", "fix"),
    [
        (("batch", 7), "assert [batch, 15] in place of [batch, 7]"),
        ((-1, 7), "assert [-1, 15] in place of [-1, 7]"),
        (("n", "2*n"), "assert [n, 15] in place of [n, 2*n]"),
        (("batch", 15, 1), "assert [batch, 15] in place of [batch, 15, 1]"),
    ],
)
def test_what_may_be_asserted_instead(stated: Any, fix: str) -> None:
    (error,) = flattened(stated).errors
    assert fix in error.fixes


def test_all_that_is_wrong_of_an_assertion_is_mended() -> None:
    x = F.input("x", (2, 3, 5))
    report = infer_shapes(Graph(F.assert_shape(F.relu(x), (2, 7, 11))))
    assert report.errors[0].fixes == ("assert [2, 3, 5] in place of [2, 7, 11]",)
