"""Windows on images without images, channels or pixels run as inference says; none starts behind an image."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphinit
from graphinit import Graph, nn
from graphinit import functional as F
from graphinit.errors import ShapeError
from passes.shape_inference import infer_shapes


def agrees(function: Callable[..., Any], *shapes: tuple[int, ...]) -> bool:
    """Check that what inference accepts runs, forward and backward; whether it accepts."""
    graph = Graph(function(*(F.input(f"x{i}", shape) for i, shape in enumerate(shapes))))
    report = infer_shapes(graph)
    if not report.ok:
        return False
    exe = graphinit.compile(graph)
    rng = np.random.default_rng(0)
    y = exe.forward(*(rng.normal(size=shape) for shape in shapes))
    assert y.shape == report["y"]
    assert np.isfinite(y).all()
    for gradient, shape in zip(exe.backward().values(), shapes, strict=True):
        assert gradient.shape == shape
    return True


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("channels_last", [False, True])
def test_convolutions(groups: int, channels_last: bool) -> None:
    options: dict[str, Any] = {"groups": groups, "channels_last": channels_last}
    accepted = 0
    for b, c, n, size, padding in itertools.product((0, 2), (0, 3), (0, 3), (1, 4), (0, 1)):
        x, w = (b, c, size), (n, c // groups, 2)
        back, taps = (b, n, size), (n, c // groups, 2)
        if channels_last:
            x, w, back, taps = ((a[0], a[2], a[1]) for a in (x, w, back, taps))
        for strides in (1, 2):
            every = {**options, "strides": strides, "padding": padding}
            accepted += agrees(lambda x, w, b, o=every: F.conv(x, w, b, **o), x, w, (n,))
            accepted += agrees(lambda x, w, o=every: F.conv_transpose(x, w, **o), back, taps)
    assert accepted > 60


def test_pooling() -> None:
    for size, kernel, stride, padding, ceil in itertools.product(
        range(4), (1, 2, 3, "all"), (1, 2, 3), (0, 1, (0, 1)), (False, True)
    ):
        for pool in (F.max_pool, F.avg_pool, lambda *a, **o: F.avg_pool(*a, count_padding=False, **o)):
            agrees(lambda x, p=pool, a=(kernel, stride, (padding,), ceil): p(x, *a), (2, 3, size))


def places(size: int, kernel: int, stride: int, before: int, after: int) -> int:
    """PyTorch's number of windows with ceil_mode."""
    count = -(-(size + before + after - kernel) // stride) + 1
    return count - 1 if (count - 1) * stride >= size + before else count


def test_no_window_starts_behind_the_image() -> None:
    n = F.input("x", (1, 1, "n"))
    for kernel, stride, before, after in itertools.product((1, 2, 3), (1, 2, 3, 5), (0, 1), (0, 1)):
        if max(before, after) >= kernel:
            continue
        graph = Graph(F.max_pool(n, kernel, stride, ((before, after),), ceil=True))
        symbolic = infer_shapes(graph)
        for size in range(1, 9):
            wanted = places(size, kernel, stride, before, after)
            report = symbolic.update(x=(1, 1, size))
            assert report.ok == (wanted > 0)
            if not report.ok:
                continue
            assert report["y"] == (1, 1, wanted)
            y = graphinit.compile(graph, x=(1, 1, size)).forward(-np.ones((1, 1, size)))
            np.testing.assert_array_equal(y, -np.ones((1, 1, wanted)))
            back = symbolic.solve(y=(1, 1, wanted))
            assert "no" not in str(back).split()


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_layers_round_up_alike(axes: int) -> None:
    shape = (2, 3) + (2,) * axes
    for kind in ("Max", "Avg"):
        layer = getattr(nn, f"{kind}Pool{axes}D")(1, 2, ceil_mode=True)
        np.testing.assert_array_equal(layer(np.ones(shape, np.float32)), np.ones((2, 3) + (1,) * axes))


def test_windows_larger_than_the_image_round_up_to_one() -> None:
    """As PyTorch has it, where the stride reaches over what is missing."""
    x = np.array([[[3.0, 5.0]]], np.float32)
    np.testing.assert_array_equal(nn.MaxPool1D(4, ceil_mode=True)(x), [[[5]]])
    np.testing.assert_array_equal(nn.AvgPool1D(4, ceil_mode=True)(x), [[[4]]])
    with pytest.raises(ShapeError, match="4, must not exceed axis 2 of x by the stride of 2 or more: 2 < 3"):
        nn.MaxPool1D(4, 2, ceil_mode=True)(x)


def test_nothing_is_not_spread() -> None:
    layer = nn.Conv1DTranspose(4, 3, in_channels=2)
    layer.initialize()
    with pytest.raises(ShapeError, match="axis 2 of x is spread, so it must not be empty: 0 < 1"):
        layer(np.ones((5, 2, 0), np.float32))


def test_an_lstm_without_first_cells_starts_from_zeros() -> None:
    rng = np.random.default_rng(1)
    shapes = {"x": (4, 2, 3), "w": (20, 3), "r": (20, 5), "a": (20,), "b": (20,), "h": (2, 5), "c": (2, 5)}
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    arrays["c"][:] = 0
    found = []
    for names in ("xwrabh", "xwrabhc"):
        exe = graphinit.compile(Graph(F.lstm(*(F.input(name, shapes[name]) for name in names))[0]))
        y = exe.forward(*(arrays[name] for name in names))
        found.append((y, exe.backward()))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    for name in "xwrabh":
        np.testing.assert_array_equal(found[0][1][name], found[1][1][name])
