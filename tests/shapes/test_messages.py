from __future__ import annotations

import re

import pytest

from graphinit import functional as F
from graphinit import nn
from graphinit.errors import ShapeError
from graphinit.ir.graph import Graph
from passes.shape_inference import infer_shapes


def lines_of(error: object) -> list[str]:
    """The lines of a message, with this file's line numbers left out."""
    return re.sub(r"test_messages\.py:\d+", "HERE", str(error)).splitlines()


def test_two_layers_that_do_not_fit() -> None:
    net = nn.Sequential(nn.Dense(256), nn.Dense(10, in_units=30))
    report = infer_shapes(net.trace(), x=(2, 20))
    (error,) = report.errors
    assert lines_of(error) == [
        "GI201 dimension mismatch at 1.linear  HERE",
        "  x  0.linear  float32[2, 256]    256 from units=256 of 0 (Dense)  HERE",
        "  w  1.weight  float32[10, 30]    30 from in_units=30 of 1 (Dense)  HERE",
        "  axis 1 of x must equal axis 1 of w: 256 != 30",
        "  fix (checked): drop in_units=30",
        "  fix (checked): change units=256 of 0 to units=30",
        "  fix (checked): change in_units=30 of 1 to in_units=256",
    ]
    assert (error.node, error.path, error.axis, error.code) == ("1.linear", "1.weight", 1, "GI201")
    assert all(re.search(r"test_messages\.py:\d+$", origin) for origin in error.origins)
    fixed = nn.Sequential(nn.Dense(256), nn.Dense(10))
    assert infer_shapes(fixed.trace(), x=(2, 20)).ok


def test_three_mistakes_are_three_errors() -> None:
    net = nn.Sequential(
        nn.Dense(64),
        nn.Dense(32, in_units=30),
        nn.Dense(16),
        nn.Dense(8, in_units=5),
        nn.Dense(4, in_units=3),
    )
    report = infer_shapes(net.trace(), x=("batch", 20))
    assert [error.node for error in report.errors] == ["1.linear", "3.linear", "4.linear"]
    assert report["y"] == ("batch", 4)
    with pytest.raises(ShapeError) as caught:
        report.raise_errors()
    assert caught.value is report.errors[0]
    assert caught.value.others == report.errors[1:]
    assert caught.value.report is report


def test_inference_from_the_output_says_why() -> None:
    x, w = F.input("x", shape=(-1, -1)), F.parameter("w", shape=(10, 30))
    report = infer_shapes(Graph(outputs=F.linear(x, w)))
    assert report["x"] == (-1, 30)
    assert lines_of(report.why("x", 1)) == [
        "axis 1 of x is 30",
        "  = axis 1 of w: axis 1 of x must equal axis 1 of w, in linear  HERE",
        "  30 from the shape of parameter w  HERE",
    ]
    assert [step.where != "" for step in report.why("x", 1).steps] == [True, True]
    assert str(report.why("x", 0)).startswith("axis 0 of x is not known")


def test_why_leads_to_the_callers_own_line() -> None:
    net = nn.Sequential(nn.Dense(7, activation="relu"), nn.Dense(3))
    report = infer_shapes(net.trace(), x=("batch", 20))
    assert lines_of(report.why("1.weight", 1))[-1] == "  7 from units=7 of 0 (Dense)  HERE"
    assert lines_of(report.why("y", 0))[-1] == "  batch from x=(batch, 20) given to inference  HERE"
    assert len(report.why("1.weight").statements) == 2


def test_computed_sizes_are_explained_by_all_their_parts() -> None:
    x, w = F.input("x", shape=(2, 5, 3)), F.parameter("w", shape=(7, -1))
    report = infer_shapes(Graph(F.linear(x, w, flatten=True)))
    explanation = report.why("w", 1)
    assert report["w"] == (7, 15)
    assert {step.text for step in explanation.statements} == {
        "5 from the shape of input x",
        "3 from the shape of input x",
    }


def test_rank_mismatch() -> None:
    x, w = F.input("x", shape=(3,)), F.parameter("w", shape=(7, 3, 2))
    (error,) = infer_shapes(Graph(F.linear(x, w))).errors
    assert error.code == "GI202"
    assert "it has 3" in str(error)


def test_the_table_fits_a_terminal() -> None:
    net = nn.Sequential(nn.Dense(7, activation="relu"), nn.Dense(3))
    text = str(infer_shapes(net.trace(), x=("batch", 20)))
    assert "0.weight  parameter  float32[7, 20]" in text
    assert text.splitlines()[-1] == "ok"
    assert max(map(len, text.splitlines())) <= 80


def test_json() -> None:
    net = nn.Sequential(nn.Dense(256), nn.Dense(10, in_units=30))
    data = infer_shapes(net.trace(), x=("batch", 20)).to_json()
    assert data["ok"] is False
    assert data["shapes"]["0.weight"] == [256, 20]
    assert data["errors"][0]["code"] == "GI201"
