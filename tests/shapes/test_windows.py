"""Sizes of sliding windows: symbols against numbers against what is computed."""

import random

import numpy as np
import pytest

from graphinit import Graph
from graphinit import functional as F
from graphinit.ops.windows import Windows
from passes import infer_shapes


def draw(seed):
    """Return a network over one spatial axis, by name, with random taps, strides and padding."""
    rng = random.Random(seed)
    kernel, strides, dilation = rng.randint(1, 5), rng.randint(1, 4), rng.randint(1, 3)
    padding = rng.choice([0, 1, (0, 2), (3, 1), "same"])
    kind = rng.choice(["conv", "transpose", "max", "average", "global", "enlarge"])
    x = F.input("x", ("batch", 3, None))
    if kind == "conv":
        w = F.constant(np.ones((5, 3, kernel), np.float32))
        return F.conv(x, w, strides=(strides,), padding=_each(padding), dilation=(dilation,))
    if kind == "transpose":
        w = F.constant(np.ones((3, 5, kernel), np.float32))
        extra = rng.randrange(strides) if padding != "same" else 0
        return F.conv_transpose(
            x, w, strides=(strides,), padding=_each(padding), dilation=(dilation,), output_padding=(extra,)
        )
    if kind == "enlarge":
        return F.resample(x, scale=(strides,))
    if kind == "global":
        return F.avg_pool(x, "all", strides=(1,))
    pool = F.max_pool if kind == "max" else F.avg_pool
    return pool(x, (kernel,), (strides,), (min(kernel - 1, 1),), ceil=rng.random() < 0.5)


def _each(padding):
    return padding if padding == "same" else (padding,)


@pytest.mark.parametrize("seed", range(120))
def test_symbols_hold_for_every_size(seed):
    graph = Graph(outputs=draw(seed))
    symbolic = infer_shapes(graph, x=("batch", 3, "w"))
    assert symbolic.ok
    for size in range(1, 14):
        report = infer_shapes(graph, x=(2, 3, size))
        assert symbolic.accepts(batch=2, w=size) == report.ok
        if report.ok:
            dim = symbolic.type("y").shape[2]
            found = dim if isinstance(dim, int) else dim.evaluate({"w": size})
            assert report["y"] == (2, 5 if report["y"][1] == 5 else 3, found)


def places(size, kernel, strides, dilation, padding):
    """Return how many windows there are, by trying one place after the other."""
    count = 0
    while count * strides + dilation * (kernel - 1) + 1 <= size + padding:
        count += 1
    return count


def test_the_formula_counts_places():
    for size in range(1, 12):
        for kernel in range(1, 5):
            for strides, dilation, padding in ((1, 1, 0), (2, 1, 1), (3, 2, 2), (2, 3, 4)):
                x, w = F.input("x", (1, 1, size)), F.input("w", (1, 1, kernel))
                net = F.conv(x, w, strides=(strides,), dilation=(dilation,), padding=((padding, 0),))
                report = infer_shapes(Graph(outputs=net))
                count = places(size, kernel, strides, dilation, padding)
                assert report.ok == (count > 0)
                if count:
                    assert report["y"] == (1, 1, count)


def test_sizes_flow_back_where_one_answer_fits():
    for strides, found in (((1,), 9), ((2,), -1)):
        x, w = F.input("x", (None, None, None)), F.input("w", (5, 3, 3))
        y = F.conv(x, w, strides=strides)
        joined = F.concat([y, F.input("z", (2, 5, 7))], axis=0)
        report = infer_shapes(Graph(outputs=[joined]))
        assert report["x"][1:] == (3, found)


def test_requirements_are_listed():
    x, w = F.input("x", ("batch", "c", "h", "w")), F.input("w", (6, None, 3, 5))
    report = infer_shapes(Graph(outputs=F.conv(x, w, groups=2, strides=2, padding=1)))
    assert sorted(map(str, report.requirements)) == ["c % 2 == 0", "w >= 3"]
    assert report["w"] == (6, "c//2", 3, 5)
    assert report["y"][2:] == ("(h + 1)//2", "(w + 1)//2 - 1")


def test_same_padding_puts_the_odd_one_behind():
    at = Windows.of((7,), (4,), (2,), (1,), "same", (4,))
    assert at.pads == ((1, 2),)
    assert at.reach == (10,)
