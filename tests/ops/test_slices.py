"""Slices of sizes that are numbers, names or unknown: inference against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphinit import Graph
from graphinit import functional as F
from graphinit.errors import OpError
from passes.shape_inference import infer_shapes

bounds = st.one_of(st.none(), st.integers(-9, 9))
steps = st.one_of(st.none(), st.integers(-4, 4).filter(bool))


@settings(max_examples=400, deadline=None)
@given(bounds, bounds, steps, st.integers(0, 13))
def test_a_known_size_gives_what_numpy_gives(start: int, stop: int, step: int, size: int) -> None:
    window = slice(start, stop, step)
    report = infer_shapes(Graph(F.input("x", (size,))[window]))
    assert report["y"] == np.zeros(size)[window].shape


@settings(max_examples=400, deadline=None)
@given(bounds, bounds, steps)
def test_a_named_size_gives_what_numpy_gives_wherever_it_is_accepted(
    start: int, stop: int, step: int
) -> None:
    window = slice(start, stop, step)
    report = infer_shapes(Graph(F.input("x", ("n",))[window]))
    if not report.ok:
        assert all(
            np.zeros(size)[window].size == 0
            for size in range(1, 9)
            if size < abs(stop or 0) + abs(start or 0)
        )
        return
    dim = report.type("y").shape[0]
    for size in range(1, 25):
        if report.accepts(n=size):
            found = dim if isinstance(dim, int) else dim.evaluate({"n": size})
            assert found in (-1, np.zeros(size)[window].size)


@settings(max_examples=200, deadline=None)
@given(bounds, bounds, st.integers(1, 13))
def test_an_unknown_size_is_never_guessed(start: int, stop: int, length: int) -> None:
    window = slice(start, stop)
    x = F.input("x", (-1,))
    sliced = x[window]
    report = infer_shapes(Graph(sliced + F.input("z", (length,))))
    size = report["x"][0]
    if size != -1 and report.ok:
        fitting = [n for n in range(40) if np.zeros(n)[window].size in (1, length)]
        assert size in fitting


def test_backwards_through_a_trimmed_border() -> None:
    x = F.input("x", (-1, 7))
    y = F.matmul(F.parameter("w", (2, 5)), x[1:-1])
    assert infer_shapes(Graph(y))["x"] == (7, 7)


def test_a_border_of_a_named_size_is_taken_off() -> None:
    report = infer_shapes(Graph(F.input("x", ("n", "m"))[2:-2, ::2]))
    assert report["y"] == ("n - 4", "(m + 1)//2")
    assert not report.accepts(n=3, m=1)
    assert report.accepts(n=4, m=1)


def test_up_to_so_many() -> None:
    assert infer_shapes(Graph(F.input("x", ("n",))[:100]))["y"] == ("min(n, 100)",)


def test_sizes_of_other_tensors_are_bounds() -> None:
    x, table = F.input("x", ("t", 3)), F.parameter("table", (512, 3))
    report = infer_shapes(Graph(x + table[: x.shape[0]]))
    assert report["y"] == ("t", 3)
    assert report.accepts(t=512)
    assert not report.accepts(t=513)


def test_integers_and_new_axes() -> None:
    x = F.input("x", (2, 3, 5))
    assert x[0, None, ..., -1].shape == (1, 3)
    assert x[..., None].shape == (2, 3, 5, 1)


def test_an_index_out_of_range_is_an_error() -> None:
    for index in (3, -4):
        (error,) = infer_shapes(Graph(F.input("x", (2, 3))[:, index])).errors
        assert error.code == "GI205"
    (error,) = infer_shapes(Graph(F.input("x", (2, 3))[0, 0, 0])).errors
    assert error.code == "GI202"


@pytest.mark.parametrize("index", [((0, 1, 0),), ("...", "..."), ("x",), (1.5,), (True,)])
def test_bad_indices(index: object) -> None:
    from graphinit.ir.tensor import apply

    with pytest.raises(OpError, match="GI105"):
        apply("getitem", F.input("x", (2, 3)), index=index)


def test_slice_takes_tuples_of_equal_length() -> None:
    with pytest.raises(OpError, match="equally long"):
        F.slice(F.input("x", (2, 3)), (0, 1), (1,))
