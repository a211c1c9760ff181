"""Sizes of 0, and sizes that no array has: what is stated is what runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphinit
from graphinit import Graph
from graphinit import functional as F
from passes.shape_inference import infer_shapes

HUGE = 2**62


def with_n(function: Callable[[Any], Any]) -> Graph:
    return Graph(function(F.input("x", ("n", 3))))


BROADCASTS: dict[str, Callable[[Any], Any]] = {
    "halves": lambda x: x[::2] + x[1::2],
    "thirds": lambda x: x[::3] * x[1::3] - x[2::3],
    "all but one": lambda x: x[1:] + x[:-1],
    "one and the rest": lambda x: x[:1] + x[1:],
    "behind": lambda x: F.relu(x[::2] + x[1::2])[1:] + x[2::2],
    "where": lambda x: F.where(x[::2] > 0, x[1::2], x[:1]),
    "summed": lambda x: F.sum(x[::2] + x[1::2], axis=0),
    "a requirement says so": lambda x: F.max(x[1::2], axis=0) + x[::2] + x[1::2],
    "in a branch": lambda x: F.cond(F.sum(x) > 0, lambda: x[::2] + x[1::2], lambda: x[::2] * x[1::2]),
}


@pytest.mark.parametrize("name", BROADCASTS)
def test_what_is_accepted_is_what_runs(name: str) -> None:
    """In symbols, in numbers, and when it is run."""
    graph = with_n(BROADCASTS[name])
    report = infer_shapes(graph)
    assert report.ok
    for n in range(1, 13):
        concrete = infer_shapes(graph, x=(n, 3))
        assert report.update(x=(n, 3)).ok == concrete.ok
        assert report.accepts(n=n) == concrete.ok or name in (
            "thirds",
            "behind",
        )  # slices from behind the end
        if report.accepts(n=n):
            assert report.update(x=(n, 3))["y"] == concrete["y"]
            assert graphinit.compile(graph, x=(n, 3)).forward(np.ones((n, 3))).shape == concrete["y"]


def test_one_and_nothing_broadcast_to_nothing() -> None:
    report = infer_shapes(with_n(BROADCASTS["halves"]))
    assert report["y"] == ("((n + 1)//2)*min(n//2, 1)", 3)
    assert [n for n in range(1, 9) if report.accepts(n=n)] == [1, 2, 3, 4, 6, 8]


def test_other_requirements_keep_sizes_plain() -> None:
    """A pool of 2 needs 2 pixels, so no side of the sum is empty."""
    x = F.input("x", ("b", 3, "h"))
    y = F.conv(x, F.parameter("w", (5, 3, 3)), strides=2, padding=1)
    skip = F.conv(F.avg_pool(x, 2, 2), F.parameter("v", (5, 3, 1)))
    assert infer_shapes(Graph(y + skip))["y"] == ("b", 5, "(h + 1)//2")


# --- reshapes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(0, -1), (-1, 0), (5, 0, -1)])
def test_nothing_has_no_missing_size(shape: tuple[int, ...]) -> None:
    report = infer_shapes(Graph(F.reshape(F.input("x", (0, 5)), shape)))
    assert "stands beside -1" in str(report.errors[0])
    with pytest.raises(ValueError, match="cannot reshape"):
        np.empty((0, 5)).reshape(shape)


def test_nothing_is_reshaped_where_the_missing_size_is_clear() -> None:
    assert infer_shapes(Graph(F.reshape(F.input("x", (0, 5)), (5, -1))))["y"] == (5, 0)
    assert infer_shapes(Graph(F.reshape(F.input("x", (0, 5)), (3, 0))))["y"] == (3, 0)


def test_a_size_that_may_be_0_is_required_not_to_be() -> None:
    x = F.input("x", ("h", 5))
    for shape in ((x.shape[0] - 2, -1), (-1, x.shape[0] - 2)):
        report = infer_shapes(Graph(F.reshape(x[2:], shape)))
        assert [str(need) for need in report.requirements] == ["h >= 3"]


# --- trials -----------------------------------------------------------------------------------


def test_a_rank_that_trials_differ_in_stays_unknown() -> None:
    x = F.input("x", (3, -1))
    report = infer_shapes(Graph([x + F.input("l", (3, 6)), F.squeeze(x)]))
    assert report.ok
    assert report["y.1"] is None
    assert infer_shapes(Graph([x + F.input("l2", (3, 6)), F.squeeze(x)]), x=(3, 1))["y.1"] == (3,)


# --- sizes beyond 64 bits ---------------------------------------------------------------------

BEYOND: dict[str, Callable[[], Any]] = {
    "reshape": lambda: F.reshape(F.input("x", (HUGE, 4)), (-1,)),
    "flatten": lambda: F.flatten(F.input("x", (3, HUGE, 4))),
    "tile": lambda: F.tile(F.input("x", (2**30,)), (2**40,)),
    "pad": lambda: F.pad(F.input("x", (2**63 - 1,)), pads=((1, 0),)),
    "concat": lambda: F.concat([F.input("x", (HUGE,)), F.input("z", (HUGE,))], axis=0),
    "conv": lambda: F.conv(F.input("x", (1, 1, 2**63 - 1)), F.parameter("w", (1, 1, 1)), padding=(2**20,)),
    "conv_transpose": lambda: F.conv_transpose(
        F.input("x", (1, 1, 2**40)), F.parameter("w", (1, 1, 3)), strides=2**30
    ),
    "resample": lambda: F.resample(F.input("x", (1, 1, 2**40)), scale=(2**30,)),
    "outer product": lambda: F.reshape(F.matmul(F.input("x", (HUGE, 3)), F.input("z", (3, HUGE))), (-1,)),
    "linear": lambda: F.linear(F.input("x", (3, 2**40, 2**40)), F.parameter("w", (5, -1)), flatten=True),
    "stack": lambda: F.reshape(F.stack([F.input("x", (HUGE,))] * 3, axis=0), (-1,)),
    "symbols": lambda: F.reshape(F.input("x", (HUGE, "n", 4)), (-1,)),
}


@pytest.mark.parametrize("name", BEYOND)
def test_no_size_beyond_64_bits_is_stated(name: str) -> None:
    report = infer_shapes(Graph(BEYOND[name]()))
    assert len(report.errors) == 1
    assert report.errors[0].code == "GI205"
    assert "has more than 64 bits" in str(report.errors[0])


def test_symbols_are_refused_sizes_that_lead_beyond() -> None:
    report = infer_shapes(Graph(F.flatten(F.input("x", (3, HUGE, "c")))))
    assert report.ok
    assert report.accepts(c=1)
    assert not report.accepts(c=2)
    assert report.update(x=(3, HUGE, 1)).ok
    assert not report.update(x=(3, HUGE, 2)).ok


def test_declared_sizes_are_sizes_when_numbers_are_put_in() -> None:
    for dim, n, found in (("n - 5", 3, "-2"), ("4*n", HUGE, str(4 * HUGE))):
        report = infer_shapes(Graph(F.relu(F.input("x", ("n", dim)))), x=(n, -1))
        assert f"axis 1 of x is declared as {dim}, and a size cannot be {found}" in str(report.errors[0])
