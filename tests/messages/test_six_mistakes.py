"""The six mistakes that people make most, each with its message word for word.

A message names the path, both shapes, the axis, where each number came from, and edits that were
tried.  Lines of this file are written HERE.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from graphinit import functional as F
from graphinit import nn
from graphinit.errors import ParameterError, ShapeError
from graphinit.ir.graph import Graph
from passes.shape_inference import infer_shapes


class Residual(nn.Block):
    """A skip over two layers of different widths."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2D(32, 3, padding=1)
        self.two = nn.Conv2D(64, 3, padding=1)

    def forward(self, x: Any) -> Any:
        h = F.relu(self.one(x))
        return h + self.two(h)


class Tied(nn.Block):
    """Two layers that share a weight, and get inputs of different widths."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Dense(8)
        self.two = nn.Dense(8)
        self.two.share_parameters(self.one.collect_params())

    def forward(self, x: Any) -> Any:
        return self.two(self.one(x))


def with_data() -> nn.Block:
    net = nn.Sequential(nn.Dense(8), nn.Dense(4))
    net[1].weight.set_data(np.zeros((4, 5), np.float32))
    return net


MISTAKES: dict[str, tuple[Any, Any, str]] = {
    "the width of a dense layer": (
        lambda: nn.Sequential(nn.Dense(256), nn.Dense(10, in_units=30)),
        (2, 20),
        """
GI201 dimension mismatch at 1.linear  HERE
  x  0.linear  float32[2, 256]    256 from units=256 of 0 (Dense)  HERE
  w  1.weight  float32[10, 30]    30 from in_units=30 of 1 (Dense)  HERE
  axis 1 of x must equal axis 1 of w: 256 != 30
  fix (checked): drop in_units=30
  fix (checked): change units=256 of 0 to units=30
  fix (checked): change in_units=30 of 1 to in_units=256
""",
    ),
    "the channels of a convolution": (
        lambda: nn.Sequential(nn.Conv2D(16, 3), nn.Activation("relu"), nn.Conv2D(32, 3, in_channels=8)),
        ("batch", 3, 32, 32),
        """
GI201 dimension mismatch at 2.conv  HERE
  x  1.relu  float32[batch, 16, 30, 30]    16 from channels=16 of 0 (Conv2D)  HERE
  w  2.weight  float32[32, 8, 3, 3]    8 from in_channels=8 of 2 (Conv2D)  HERE
  axis 1 of x, the channels, must equal axis 1 of w: 16 != 8
  fix (checked): drop in_channels=8
  fix (checked): change channels=16 of 0 to channels=8
  fix (checked): change in_channels=8 of 2 to in_channels=16
""",
    ),
    "a kernel larger than its input": (
        lambda: nn.Sequential(nn.Conv2D(16, 3), nn.Conv2D(32, 7)),
        ("batch", 3, 6, 6),
        """
GI205 a size is out of range at 1.conv  HERE
  x  0.conv  float32[batch, 16, 4, 4]    6 from x=(batch, 3, 6, 6) given to inference  HERE
       3 from kernel_size=3 of 0 (Conv2D)  HERE
  w  1.weight  float32[32, 16, 7, 7]    7 from kernel_size=7 of 1 (Conv2D)  HERE
  the kernel, which reaches over 7, must not exceed axis 2 of x: 4 < 7
  fix (checked): change kernel_size=7 of 1 to kernel_size=4
  fix (checked): change padding=0 of 1 to padding=2
  fix (checked): change padding=0 of 0 to padding=2
""",
    ),
    "a skip over 32 and 64 channels": (
        Residual,
        ("batch", 3, 32, 32),
        """
GI203 shapes do not broadcast at add  HERE
  x  relu  float32[batch, 32, 32, 32]    32 from channels=32 of one (Conv2D)  HERE
  y  two.conv  float32[batch, 64, 32, 32]    64 from channels=64 of two (Conv2D)  HERE
  axis 1 of x and axis 1 of y must broadcast: 32 and 64 do not broadcast
  fix (checked): change channels=32 of one to channels=64
  fix (checked): change channels=64 of two to channels=32
  fix (checked): insert a projection on relu: Conv2D(64, 1)
  fix (checked): insert a projection on two.conv: Conv2D(32, 1)
""",
    ),
    "a tie that cannot agree": (
        Tied,
        ("batch", 7),
        """
GI201 dimension mismatch at two.linear  HERE
  x  one.linear  float32[batch, 8]    8 from units=8 of one (Dense)  HERE
  w  one.weight  float32[8, 7]    7 from x=(batch, 7) given to inference  HERE
  one.weight is tied: one.linear uses it, too
  axis 1 of x must equal axis 1 of w: 8 != 7
  fix (checked): change units=8 of one to units=7
""",
    ),
    "data before initialisation": (
        with_data,
        (2, 20),
        """
GI201 dimension mismatch at 1.linear  HERE
  x  0.linear  float32[2, 8]    8 from units=8 of 0 (Dense)  HERE
  w  1.weight  float32[4, 5]    5 from the data of 1.weight  HERE
  axis 1 of x must equal axis 1 of w: 8 != 5
  fix (checked): change units=8 of 0 to units=5
""",
    ),
}


def words(error: object) -> str:
    return re.sub(r"test_six_mistakes\.py:\d+", "HERE", str(error))


@pytest.mark.parametrize("name", MISTAKES)
def test_message(name: str) -> None:
    build, image, expected = MISTAKES[name]
    report = infer_shapes(build().trace(), x=image)
    (error,) = report.errors
    assert words(error) == expected.strip("\n")
    assert len(str(error).splitlines()) <= 12
    assert isinstance(error, ShapeError)
    assert error.path
    assert error.axis is not None
    assert len(error.origins) >= 2


def test_a_tie_that_is_refused_at_once() -> None:
    one, other = nn.Dense(8, in_units=7), nn.Dense(5, in_units=7)
    with pytest.raises(ParameterError) as caught:
        other.share_parameters(one.collect_params())
    assert len(str(caught.value).splitlines()) <= 12
    assert "(8, 7)" in str(caught.value)
    assert "(5, 7)" in str(caught.value)


def test_statements_are_minimal() -> None:
    """5*3 is not 16, but 3 alone is enough for that: no size times 3 is 16."""
    x, w = F.input("x", (2, 5, 3)), F.parameter("w", (7, 16))
    y = F.relu(F.linear(F.tanh(x), w, flatten=True))
    (error,) = infer_shapes(Graph(y)).errors
    assert sorted(re.sub(r"  .*", "", origin) for origin in error.origins) == [
        "16 from the shape of parameter w",
        "3 from the shape of input x",
    ]
    x = F.input("x", (2, 3, 5))
    (error,) = infer_shapes(Graph(F.linear(x, F.parameter("w", (7, 30)), flatten=True))).errors
    assert len(error.origins) == 3, "both 3 and 5 divide 30: it takes all of them"
