"""Fixes and statements of further mistakes, word for word; lines of this file are written HERE."""

from __future__ import annotations

import re
from typing import Any

import pytest

from graphinit import functional as F
from graphinit import nn
from graphinit.ir.graph import Graph
from passes.shape_inference import infer_shapes

MISTAKES: dict[str, tuple[Any, Any, str]] = {
    "groups that do not divide the channels": (
        lambda: nn.Sequential(nn.Conv2D(9, 3), nn.Conv2D(6, 3, groups=2)),
        ("batch", 3, 20, 22),
        """
GI204 sizes do not multiply to the same number at 1.conv  HERE
  x  0.conv  float32[batch, 9, 18, 20]    9 from channels=9 of 0 (Conv2D)  HERE
  w  1.weight  float32[6, -1, 3, 3]
     groups=2 of 1 (Conv2D)  HERE
  axis 1 of x, the channels, must be 2 groups of axis 1 of w: 9 is not a multiple of 2
  fix (checked): change channels=9 of 0 to channels=8
  fix (checked): change groups=2 of 1 to groups=3
""",
    ),
    "channels that do not shuffle into pixels": (
        lambda: nn.Sequential(nn.Conv2D(6, 3), nn.PixelShuffle2D(2)),
        ("batch", 3, 20, 22),
        """
GI204 sizes do not multiply to the same number at 1.pixel_shuffle  HERE
  x  0.conv  float32[batch, 6, 18, 20]    6 from channels=6 of 0 (Conv2D)  HERE
  y  1.pixel_shuffle  float32[batch, -1, 36, 40]
     factor=2 of 1 (PixelShuffle2D)  HERE
  axis 1 of x, the channels, must be 4 times axis 1 of y: 6 is not a multiple of 4
  fix (checked): change channels=6 of 0 to channels=4
  fix (checked): change factor=2 of 1 to factor=1
""",
    ),
    "units that do not split": (
        lambda: nn.Sequential(nn.Dense(8), nn.Lambda(lambda x: F.split(x, 3, axis=-1)[0])),
        ("batch", 5),
        """
GI204 sizes do not multiply to the same number at 1.split  HERE
  x   0.linear  float32[batch, 8]    8 from units=8 of 0 (Dense)  HERE
  y0  1.split  float32[batch, -1]
  axis 1 of x must split into 3 equal parts: 8 is not a multiple of 3
  fix (checked): change units=8 of 0 to units=9
""",
    ),
    "a window that strides leave no room for": (
        lambda: nn.Sequential(nn.Conv2D(9, 3, strides=2), nn.MaxPool2D(7)),
        ("batch", 3, 11, 12),
        """
GI205 a size is out of range at 1.max_pool  HERE
  x  0.conv  float32[batch, 9, 5, 5]    strides=2 of 0 (Conv2D)  HERE
       11 from x=(batch, 3, 11, 12) given to inference  HERE
       3 from kernel_size=3 of 0 (Conv2D)  HERE
     pool_size=7 of 1 (MaxPool2D)  HERE
  the kernel, which reaches over 7, must not exceed axis 2 of x: 5 < 7
  fix (checked): change pool_size=7 of 1 to pool_size=5
  fix (checked): change padding=0 of 1 to padding=1
  fix (checked): change strides=2 of 0 to strides=1
  fix (checked): change padding=0 of 0 to padding=2
""",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_message(name: str) -> None:
    build, image, expected = MISTAKES[name]
    (error,) = infer_shapes(build().trace(), x=image).errors
    assert re.sub(r"test_checked_fixes\.py:\d+", "HERE", str(error)) == expected.strip("\n")
    assert len(str(error).splitlines()) <= 12


def test_strides_and_padding_are_statements() -> None:
    net = nn.Sequential(
        nn.Conv2D(9, 3, strides=2, padding=1), nn.MaxPool2D(2), nn.Dense(6, in_units=90, activation="relu")
    )
    (error,) = infer_shapes(net.trace(), x=(2, 3, 20, 24)).errors
    assert [origin.partition("  ")[0] for origin in error.origins] == [
        "9 from channels=9 of 0 (Conv2D)",
        "24 from x=(2, 3, 20, 24) given to inference",
        "3 from kernel_size=3 of 0 (Conv2D)",
        "90 from in_units=90 of 2 (Dense)",
        "pool_size=2 of 1 (MaxPool2D)",
        "strides=2 of 0 (Conv2D)",
        "padding=1 of 0 (Conv2D)",
    ]


def test_strides_that_have_no_part_in_a_mistake_are_none() -> None:
    net = nn.Sequential(nn.Conv2D(7, 3, strides=2, padding=1), nn.Conv2D(11, 3, in_channels=5))
    (error,) = infer_shapes(net.trace(), x=(2, 3, 20, 24)).errors
    assert [origin.partition("  ")[0] for origin in error.origins] == [
        "7 from channels=7 of 0 (Conv2D)",
        "5 from in_channels=5 of 1 (Conv2D)",
    ]


@pytest.mark.parametrize("image", [(7, 6), (6, 7)])
def test_a_fix_mends_height_and_width(image: tuple[int, int]) -> None:
    """A kernel of 5 in the one layer, or of 2 in the other, mends only the greater of them."""
    net = nn.Sequential(nn.Conv2D(5, 3), nn.Conv2D(8, 6))
    (error,) = infer_shapes(net.trace(), x=("batch", 3, *image)).errors
    assert error.fixes == (
        "change kernel_size=6 of 1 to kernel_size=4",
        "change padding=0 of 1 to padding=1",
        "change padding=0 of 0 to padding=1",
    )


def test_a_size_of_zero_has_no_multiples() -> None:
    (error,) = infer_shapes(Graph(F.parameter("w", (0, 5)).reshape(3, 2))).errors
    assert "3*2 = 6 != 0*5 = 0" in str(error)
