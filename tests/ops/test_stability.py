"""Extreme values: no overflow, no nan where there is a limit, no warnings."""

from __future__ import annotations

import math

import numpy as np
import pytest

from graphinit import Graph
from graphinit import functional as F
from graphinit.ops.erf import erf
from passes.differentiation import differentiate

from .reference import evaluate

FLOATS = ("float32", "float64")
EXTREME = [-1e4, -100.0, -20.0, 0.0, 20.0, 100.0, 1e4]


def value(function: object, x: np.ndarray, **attrs: object) -> np.ndarray:
    graph = Graph(function(F.input("x", x), **attrs))
    return evaluate(graph, {"x": x})["y"]


def slope(function: object, x: np.ndarray, **attrs: object) -> np.ndarray:
    graph = differentiate(Graph(function(F.input("x", x), **attrs)))
    ones = np.ones_like(value(function, x, **attrs))
    return evaluate(graph, {"x": x, "d.y": ones})["grad.x"]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("function", "limits", "slopes"),
    [
        (F.sigmoid, (0, 1), (0, 0)),
        (F.softplus, (0, 1e4), (0, 1)),
        (F.log_sigmoid, (-1e4, 0), (1, 0)),
        (F.tanh, (-1, 1), (0, 0)),
        (F.softsign, (-1, 1), (0, 0)),
        (F.silu, (0, 1e4), (0, 1)),
        (F.mish, (0, 1e4), (0, 1)),
        (F.gelu, (0, 1e4), (0, 1)),
        (F.elu, (-1, 1e4), (0, 1)),
        (F.selu, (-1.7580993408473766, 1.0507009873554805e4), (0, 1.0507009873554805)),
        (F.erf, (-1, 1), (0, 0)),
    ],
)
def test_activations_reach_their_limits(function: object, limits: object, slopes: object, dtype: str) -> None:
    x = np.array(EXTREME, dtype)
    found, steep = value(function, x), slope(function, x)
    assert found.dtype == steep.dtype == dtype
    np.testing.assert_allclose(found[[0, -1]], limits, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(steep[[0, -1]], slopes, rtol=1e-4, atol=1e-3)
    assert np.isfinite(found).all()
    assert np.isfinite(steep).all()


@pytest.mark.parametrize("dtype", ["float16", *FLOATS])
def test_sigmoid_keeps_small_values(dtype: str) -> None:
    x = np.array([-9.0, -5.0, 5.0], dtype)
    np.testing.assert_allclose(value(F.sigmoid, x), 1 / (1 + np.exp(-x.astype(np.float64))), rtol=5e-3)
    if dtype != "float16":
        np.testing.assert_allclose(value(F.sigmoid, np.array([-80.0], dtype)), math.exp(-80), rtol=1e-4)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shift", [-1e4, 0.0, 1e4])
def test_softmax_does_not_mind_a_shift(shift: float, dtype: str) -> None:
    x = np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 0.0]], dtype)
    expected = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    moved = x + np.asarray(shift, dtype)
    np.testing.assert_allclose(value(F.softmax, moved), expected, rtol=2e-3)
    np.testing.assert_allclose(value(F.log_softmax, moved), np.log(expected), rtol=2e-3)
    np.testing.assert_allclose(
        value(F.logsumexp, moved, axis=1), np.log(np.exp(x.astype(float)).sum(1)) + shift, rtol=1e-4
    )


def test_softmax_of_far_values() -> None:
    x = np.array([[-1e4, 0.0, 1e4]])
    np.testing.assert_array_equal(value(F.softmax, x), [[0, 0, 1]])
    np.testing.assert_array_equal(value(F.log_softmax, x), [[-2e4, -1e4, 0]])
    np.testing.assert_array_equal(slope(F.log_softmax, x), [[1, 1, -2]])


def test_logsumexp_of_infinities() -> None:
    x = np.array([[-np.inf, -np.inf], [np.inf, 0.0], [-np.inf, 3.0]])
    np.testing.assert_array_equal(value(F.logsumexp, x, axis=1), [-np.inf, np.inf, 3])


@pytest.mark.parametrize("dtype", FLOATS)
def test_variance_of_equal_values_is_nothing(dtype: str) -> None:
    x = np.full((7, 1000), 1234.5, dtype)
    assert value(F.var, x) == 0
    np.testing.assert_array_equal(slope(F.var, x), np.zeros_like(x))


def test_variance_of_values_far_from_zero() -> None:
    x = 1e8 + np.array([0.0, 1.0, 2.0])
    np.testing.assert_allclose(value(F.var, x), 2 / 3, rtol=1e-7)


def test_powers_of_zero_have_slopes() -> None:
    x, y = np.array([0.0, 0.0, 0.0, 2.0]), np.array([0.0, 1.0, 2.0, 0.0])
    graph = differentiate(Graph(F.power(F.input("x", x), F.input("y", y))))
    found = evaluate(graph, {"x": x, "y": y, "d.y": np.ones(4)})
    np.testing.assert_array_equal(found["grad.x"], [0, 1, 0, 0])
    np.testing.assert_allclose(found["grad.y"], [0, 0, 0, math.log(2)])


def test_products_with_zeros_have_slopes() -> None:
    np.testing.assert_array_equal(slope(F.prod, np.array([0.0, 2.0, 3.0])), [6, 0, 0])
    np.testing.assert_array_equal(slope(F.prod, np.array([0.0, 2.0, 0.0])), [0, 0, 0])


def test_where_hides_what_is_not_chosen() -> None:
    x = np.array([0.0, 4.0])

    def safe_root(t: object) -> object:
        return F.where(t > 0, F.sqrt(F.where(t > 0, t, 1)), 0)

    np.testing.assert_array_equal(value(safe_root, x), [0, 2])
    np.testing.assert_array_equal(slope(safe_root, x), [0, 0.25])


def test_ties_share_what_reductions_send_back() -> None:
    np.testing.assert_array_equal(slope(F.max, np.array([3.0, 1.0, 3.0])), [0.5, 0, 0.5])
    np.testing.assert_array_equal(slope(F.min, np.array([3.0, 1.0, 3.0])), [0, 1, 0])


def test_ties_of_two_go_to_the_first() -> None:
    x = np.array([1.0, 2.0])
    for function in (F.maximum, F.minimum):
        graph = differentiate(Graph(function(F.input("a", x), F.input("b", x))))
        found = evaluate(graph, {"a": x, "b": x, "d.y": np.ones(2)})
        np.testing.assert_array_equal(found["grad.a"], [1, 1])
        np.testing.assert_array_equal(found["grad.b"], [0, 0])


def test_erf_to_the_last_bit_or_so() -> None:
    x = np.concatenate(
        [np.linspace(-7, 7, 20011), [0.0, 1e-300, 0.84375, 1.25, 1 / 0.35, 6.0, np.inf, -np.inf]]
    )
    expected = np.array([math.erf(t) for t in x])
    assert np.all(np.abs(erf(x) - expected) <= 2 * np.spacing(np.abs(expected)))
    assert np.isnan(erf(np.array([np.nan]))).all()
    np.testing.assert_array_equal(np.signbit(erf(np.array([-0.0, 0.0]))), [True, False])


def test_nan_goes_through() -> None:
    x = np.array([np.nan, 1.0])
    for function in (F.relu, F.sigmoid, F.softplus, F.gelu, F.elu, F.clip, F.abs):
        assert np.isnan(value(function, x)[0])
    assert np.isnan(value(F.max, x))
    assert np.isnan(value(F.softmax, x)).all()


@pytest.mark.parametrize("axis", [0, 1, None, (0, 1)])
def test_sums_of_a_million_numbers_keep_their_digits(axis: object) -> None:
    for shape in ((1_000_000, 2), (2, 1_000_000)):
        x = np.full(shape, 0.1, np.float32)
        wanted = np.sum(x, axis=axis, dtype=np.float64)
        np.testing.assert_allclose(value(F.sum, x, axis=axis), wanted, rtol=1e-6)
        np.testing.assert_allclose(value(F.mean, x, axis=axis), np.float64(np.float32(0.1)), rtol=1e-6)
        assert np.max(value(F.var, x, axis=axis)) < 1e-14


def test_gradients_of_a_bias_add_up_a_million_rows() -> None:
    x, bias = F.input("x", (1_000_000, 2)), F.input("bias", (2,))
    graph = differentiate(Graph(x + bias), wrt=["bias"])
    arrays = {"x": np.zeros((1_000_000, 2), np.float32), "bias": np.zeros(2, np.float32)}
    gradient = evaluate(graph, {**arrays, "d.y": np.full((1_000_000, 2), 0.1, np.float32)})["grad.bias"]
    np.testing.assert_allclose(gradient, 1e5, rtol=1e-6)
