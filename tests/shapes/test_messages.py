from __future__ import annotations

import re

import pytest

from graphinit import functional as F
from graphinit import nn
from graphinit.errors import ShapeError
from graphinit.ir.graph import Graph
from graphinit.ir.tensor import Tensor
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


class Stage(nn.Block):
    """Two convolutions and a skip; all stages are made by the same lines."""

    def __init__(self, units: int, strides: int = 1, padding: int = 1) -> None:
        super().__init__()
        self.one = nn.Conv2D(units, 3, strides=strides, padding=1)
        self.two = nn.Conv2D(units, 3, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(F.relu(self.one(x))) + x


def test_a_fix_mends_the_mistake_that_it_stands_under() -> None:
    """More padding would mend the Dense layer; that is no fix for the channels."""
    net = nn.Sequential(nn.Conv2D(6, 5, in_channels=3), nn.Dense(10, in_units=6 * 28 * 28))
    channels, width = infer_shapes(net.trace(), x=("batch", 1, 28, 28)).errors
    assert channels.fixes == ("drop in_channels=3", "change in_channels=3 of 0 to in_channels=1")
    assert "change padding=0 of 0 to padding=2" in width.fixes
    assert "drop in_units=4704" in width.fixes


def test_the_stride_of_a_layer_in_a_stage() -> None:
    """The layer on one side only is named first, however many layers are behind both."""
    net = nn.Sequential(nn.Conv2D(7, 3, padding=1), nn.Conv2D(7, 3, padding=1), Stage(7, strides=2), Stage(7))
    (error,) = infer_shapes(net.trace(), x=("batch", 3, 32, 32)).errors
    assert "strides=2 of 2.one" in str(error).splitlines()[1]
    assert error.fixes == (
        "change strides=2 of 2.one to strides=1",
        "insert a projection on 1.conv: Conv2D(7, 1, strides=2)",
    )


def test_one_line_that_makes_many_layers_is_mended_at_once() -> None:
    net = nn.Sequential(nn.Conv2D(7, 3, padding=1), *(Stage(7, padding=0) for _ in range(3)))
    (error,) = infer_shapes(net.trace(), x=("batch", 3, 32, 32)).errors
    assert re.sub(r"\d+ to", "HERE to", error.fixes[0]) == (
        "change padding=0 of 1.two and 2 more of test_messages.py:HERE to padding=1"
    )


def test_height_and_width_are_one_mistake() -> None:
    """Both axes fail for one kernel, and a smaller kernel mends both."""
    x = F.input("x", ("batch", 3, 64, 48))
    small = F.conv(x, F.parameter("w", (5, -1, 2, 2)), strides=(2, 2))
    up = F.conv_transpose(small, F.parameter("v", (-1, 7, 3, 3)), strides=(2, 2), padding=(0, 0))
    (error,) = infer_shapes(Graph(F.concat([x, up], axis=1))).errors
    assert "64 != 65" in error.message

    class Net(nn.Block):
        def __init__(self) -> None:
            super().__init__()
            self.down = nn.MaxPool2D(2, 2)
            self.up = nn.Conv2DTranspose(7, 3, strides=2)

        def forward(self, x: Tensor) -> Tensor:
            return F.concat([x, self.up(self.down(x))], axis=1)

    (error,) = infer_shapes(Net().trace(), x=("batch", 3, 64, 48)).errors
    assert error.fixes[0] == "change kernel_size=3 of up to kernel_size=2"


def test_what_follows_from_a_mistake_goes_with_it() -> None:
    """Scores that miss a transpose have the wrong width for what comes next, too."""

    class Attention(nn.Block):
        def __init__(self) -> None:
            super().__init__()
            self.query, self.key = nn.Dense(32, flatten=False), nn.Dense(32, flatten=False)

        def forward(self, x: Tensor) -> Tensor:
            return F.matmul(F.softmax(F.matmul(self.query(x), self.key(x))), x)

    (error,) = infer_shapes(Attention().trace(), x=("batch", 20, 11)).errors
    assert error.node == "matmul"
    assert "swap the last two axes of key.linear" in error.fixes


def test_a_reshape_keeps_the_sizes_that_it_states() -> None:
    """The number of units is scaled to fit; a mistake behind the reshape is one of its own."""
    net = nn.Sequential(
        nn.Dense(64 * 7 * 6), nn.Reshape((64, 7, 7)), nn.Conv2DTranspose(5, 4, in_channels=32)
    )
    units, channels = infer_shapes(net.trace(), x=("batch", 100)).errors
    assert units.fixes == ("change units=2688 of 0 to units=3136",)
    assert "drop in_channels=32" in channels.fixes


def test_scale_and_shift_of_one_layer_are_one_mistake() -> None:
    net = nn.Sequential(nn.Dense(4), nn.LayerNorm(in_channels=5), nn.Dense(3), nn.LayerNorm(in_channels=7))
    first, second = infer_shapes(net.trace(), x=("batch", 11)).errors
    assert (first.path, second.path) == ("1.gamma", "3.gamma")
    assert first.fixes[0] == "drop in_channels=5"


def test_fixes_that_make_no_sense_are_not_tried() -> None:
    """No index is met by turning samples into features, nor by a number from nowhere."""
    net = nn.Sequential(nn.Dense(10), nn.Lambda(lambda x: x[:, 12]))
    (error,) = infer_shapes(net.trace(), x=("batch", 7)).errors
    assert error.fixes == ()
    (error,) = infer_shapes(nn.LSTM(7, input_size=9).trace(), x=("t", "batch", 5)).errors
    assert error.fixes[0] == "drop input_size=9"


def test_a_requirement_that_no_size_meets_is_shown_as_it_stands() -> None:
    net = nn.Sequential(nn.Conv2D(3, 3), nn.MaxPool2D(2), nn.Dense(4, in_units=3 * 7))
    (error,) = infer_shapes(net.trace(), x=(2, 3, "h", "h")).errors
    assert error.message == "(h//2)**2 == 2*(h//2) + 6 holds for no size"
    assert error.fixes == ("drop in_units=21",)


def test_fixes_of_requirements_against_each_other() -> None:
    """The layer that no size fits is mended beside another mistake, and what mends it is tried."""
    net = nn.Sequential(
        nn.Conv2D(3, 3), nn.MaxPool2D(2), nn.Dense(4, in_units=3 * 7), nn.Dense(5, in_units=6)
    )
    width, never = infer_shapes(net.trace(), x=(2, 3, "h", "h")).errors
    assert width.fixes[0] == "drop in_units=6"
    assert (never.code, never.fixes) == ("GI208", ("drop in_units=21",))
    image, wide = F.input("x", ("h", 5)), F.input("z", (11, 7))
    conv = F.assert_shape(image, ("2*n", 5)) + F.assert_shape(wide, ("k", 7))[:, :5] * 2
    errors = infer_shapes(Graph(conv)).errors
    assert [error.code for error in errors] == ["GI208"]
    assert errors[0].fixes == ()
