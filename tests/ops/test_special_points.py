"""Functions and their slopes at zeros, infinities, nan, huge and tiny numbers: the limit, and no warning."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphinit
from graphinit import Graph
from graphinit import functional as F
from graphinit.errors import DTypeError, GraphInitError, ValueRangeError
from graphinit.ir.types import TensorType

FLOATS = ("float16", "float32", "float64")
INF = math.inf


def run(function: Callable[[Any], Any], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values and slopes, by the compiled program."""
    exe = graphinit.compile(Graph(function(F.input("x", TensorType(x.shape, x.dtype.name)))))
    return exe.forward(x), exe.backward()["x"]


def points(dtype: str) -> np.ndarray:
    limits = np.finfo(dtype)
    tiny = limits.smallest_subnormal
    finite = [limits.min, -1e4, -100, -30, -1, -tiny, -0.0, 0, tiny, limits.tiny, 1, 30, 100, 1e4, limits.max]
    return np.array([-INF, *finite, INF, np.nan], dtype)


def sigma(x: float) -> float:
    return 0.0 if x < -700 else 1 / (1 + math.exp(-x))


def density(x: float) -> float:
    return math.exp(-min(x * x, 1400) / 2) / math.sqrt(2 * math.pi)


def mish_gate(x: float) -> float:
    return 1.0 if x > 40 else 0.0 if x < -700 else math.tanh(math.log1p(math.exp(x)))


def times(x: float, gate: float) -> float:
    return 0.0 if gate == 0 else x * gate


def whole(x: float) -> float:
    """Keep squares and products of numbers finite, where nothing but signs matters any more."""
    return max(min(x, 1e100), -1e100)


# name: function, its values, its slopes, both in double precision
ACTIVATIONS: dict[str, tuple[Callable[[Any], Any], Callable[[float], float], Callable[[float], float]]] = {
    "relu": (F.relu, lambda x: max(x, 0.0), lambda x: float(x > 0)),
    "sigmoid": (F.sigmoid, sigma, lambda x: sigma(x) * sigma(-x)),
    "tanh": (F.tanh, math.tanh, lambda x: 1 - math.tanh(x) ** 2),
    "softplus": (F.softplus, lambda x: max(x, 0) + math.log1p(math.exp(-abs(x))), sigma),
    "log_sigmoid": (F.log_sigmoid, lambda x: min(x, 0) - math.log1p(math.exp(-abs(x))), lambda x: sigma(-x)),
    "softsign": (
        F.softsign,
        lambda x: math.copysign(1, x) if math.isinf(x) else x / (1 + abs(x)),
        lambda x: (1 / (1 + abs(x))) ** 2,
    ),
    "silu": (
        F.silu,
        lambda x: times(x, sigma(x)),
        lambda x: sigma(x) + times(whole(x), sigma(x) * sigma(-x)),
    ),
    "gelu": (
        F.gelu,
        lambda x: times(x, math.erfc(-x / math.sqrt(2)) / 2),
        lambda x: math.erfc(-x / math.sqrt(2)) / 2 + times(whole(x), density(whole(x)) if abs(x) < 40 else 0),
    ),
    "mish": (
        F.mish,
        lambda x: times(x, mish_gate(x)),
        lambda x: mish_gate(x) + times(whole(x), (1 - mish_gate(x) ** 2) * sigma(x)),
    ),
    "elu": (F.elu, lambda x: x if x > 0 else math.expm1(x), lambda x: 1.0 if x > 0 else math.exp(x)),
    "leaky_relu": (
        lambda x: F.leaky_relu(x, slope=0.2),
        lambda x: x if x > 0 else 0.2 * x,
        lambda x: 1.0 if x > 0 else 0.2,
    ),
    "erf": (F.erf, math.erf, lambda x: 2 / math.sqrt(math.pi) * math.exp(-min(x * x, 700))),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_have_their_limits(name: str, dtype: str) -> None:
    function, value, slope = ACTIVATIONS[name]
    x = points(dtype)
    found, steep = run(function, x)
    assert found.dtype == steep.dtype == dtype
    assert np.isnan(found[-1])
    rough = {"float16": 4e-3, "float32": 2e-6, "float64": 1e-12}[dtype]
    least = {"float16": 1e-5, "float32": 1e-10, "float64": 1e-12}[dtype]
    numbers = [float(number) for number in x[:-1]]
    np.testing.assert_allclose(found[:-1], [value(number) for number in numbers], rtol=rough, atol=least)
    np.testing.assert_allclose(steep[:-1], [slope(number) for number in numbers], rtol=rough, atol=rough)


def test_gates_are_closed_at_minus_infinity() -> None:
    for dtype in FLOATS:
        for function in (F.sigmoid, F.silu, F.gelu, F.mish, lambda x: F.gelu(x, approximate=True)):
            found, steep = run(function, np.array([-INF, -1e4], dtype))
            assert (found == 0).all()
            assert (steep == 0).all()


UNARY = [
    (F.log, [0, 1, INF], [-INF, 0, INF], [INF, 1, 0]),
    (F.log1p, [-1, 0, INF], [-INF, 0, INF], [INF, 1, 0]),
    (F.exp, [-INF, 0, INF], [0, 1, INF], [0, 1, INF]),
    (F.expm1, [-INF, 0, INF], [-1, 0, INF], [0, 1, INF]),
    (F.sqrt, [0, 1, INF], [0, 1, INF], [INF, 0.5, 0]),
    (F.rsqrt, [0, 1, INF], [INF, 1, 0], [-INF, -0.5, 0]),
    (F.square, [-INF, 0, INF], [INF, 0, INF], [-INF, 0, INF]),
    (F.abs, [-INF, 0, INF], [INF, 0, INF], [-1, 0, 1]),
    (lambda x: 1 / x, [-INF, 0, INF], [0, INF, 0], [0, -INF, 0]),
    (lambda x: x**0, [0, 1, INF], [1, 1, 1], [0, 0, 0]),
    (lambda x: x**1, [0, -1, INF], [0, -1, INF], [1, 1, 1]),
    (lambda x: x**2, [0, -1, INF], [0, 1, INF], [0, -2, INF]),
    (lambda x: x**0.5, [0, 1, INF], [0, 1, INF], [INF, 0.5, 0]),
    (lambda x: x**-1, [0, -1, INF], [INF, -1, 0], [-INF, -1, 0]),
    (lambda x: F.power(0.0, x), [0, 2, -1], [1, 0, INF], [0, 0, -INF]),
    (lambda x: F.clip(x, -2, 3), [-INF, 3, INF], [-2, 3, 3], [0, 1, 0]),
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("function", "x", "values", "slopes"), UNARY)
def test_elementwise_functions(
    function: Callable[[Any], Any], x: list[float], values: list[float], slopes: list[float], dtype: str
) -> None:
    found, steep = run(function, np.array(x, dtype))
    np.testing.assert_array_equal(found, np.array(values, dtype))
    np.testing.assert_array_equal(steep, np.array(slopes, dtype))


@pytest.mark.parametrize("dtype", FLOATS)
def test_what_has_no_value_is_nan_without_a_warning(dtype: str) -> None:
    x = np.array([-1.0, np.nan], dtype)
    for function in (F.log, F.sqrt, F.rsqrt, lambda t: t**0.5, lambda t: (t - t) / (t - t)):
        assert np.isnan(run(function, x)[0]).all()
    assert np.isnan(run(lambda t: t - t, np.array([INF], dtype))[0]).all()


@pytest.mark.parametrize("dtype", FLOATS)
def test_rows_of_infinities(dtype: str) -> None:
    x = np.array([[0, -INF, -INF], [-INF, -INF, -INF]], dtype)
    found, steep = run(lambda t: F.logsumexp(t, axis=1), x)
    np.testing.assert_array_equal(found, np.array([0, -INF], dtype))
    np.testing.assert_array_equal(steep, np.array([[1, 0, 0], [0, 0, 0]], dtype))
    soft, _ = run(F.softmax, x)
    logs, _ = run(F.log_softmax, x)
    np.testing.assert_array_equal(soft[0], [1, 0, 0])
    np.testing.assert_array_equal(logs[0], [0, -INF, -INF])
    assert np.isnan(soft[1]).all()  # no probabilities fit, as in PyTorch
    assert np.isnan(logs[1]).all()


def test_the_mean_of_a_sum_that_float16_has_not() -> None:
    found, steep = run(F.mean, np.full((3000,), 100, np.float16))
    assert found == 100
    np.testing.assert_allclose(steep, 1 / 3000, rtol=1e-2)


@pytest.mark.parametrize("dtype", FLOATS)
def test_empty_arrays(dtype: str) -> None:
    for function in (
        F.sum,
        F.mean,
        F.prod,
        F.logsumexp,
        F.softmax,
        F.log_softmax,
        F.sigmoid,
        F.silu,
        F.gelu,
        F.var,
    ):
        found, steep = run(function, np.empty((0, 3), dtype))
        assert steep.shape == (0, 3)
        assert found.dtype == dtype


def test_whole_numbers_are_not_divided_by_zero() -> None:
    for function in (F.floor_divide, F.remainder):
        exe = graphinit.compile(Graph(function(F.input("x", (2,), "int64"), F.input("y", (2,), "int64"))))
        with pytest.raises(ValueRangeError, match="whole numbers are divided by 0"):
            exe.forward(np.array([1, 2]), np.array([1, 0]))


# --- attributes -------------------------------------------------------------------------------

PRECISE = [
    (lambda x, a: F.leaky_relu(x, slope=a), 0.2),
    (lambda x, a: F.elu(x, alpha=a), 0.2),
    (lambda x, a: F.clip(x, a, None), 0.2),
    (lambda x, a: F.clip(x, None, -a), 0.2),
    (lambda x, a: F.pad(x, pads=((1, 1),), value=a), 0.2),
    (lambda x, a: F.standardize(x, axis=0, epsilon=a)[0], 0.2),
    (lambda x, a: x * a + F.where(x > 0, x, a), 0.2),
    (lambda x, a: x**a + a / x, 0.2),
]


@pytest.mark.parametrize("exponent", [0.3, -0.7, 1 / 3, 3, -1.0])
def test_slopes_of_powers_have_the_precision_of_the_tensor(exponent: float) -> None:
    x = np.array([0.7, 1.9])
    np.testing.assert_allclose(run(lambda x: x**exponent, x)[1], exponent * x ** (exponent - 1), rtol=1e-15)
    half = run(lambda x: x**exponent, np.array([1e-5], np.float16))  # float32 overflowed on its way back
    assert half[1].dtype == np.float16


BEYOND = [
    (lambda x: x + 300, "uint8"), (lambda x: -1 * x, "uint8"), (lambda x: F.maximum(x, -1), "uint64"),
    (lambda x: F.where(x > 0, x, -1), "uint8"), (lambda x: x + 2**31, "int32"), (lambda x: 2**63 - x, "int64"),
    (lambda x: x // 2**40, "int32"), (lambda x: x + 2**63, "bool"), (lambda x: x == 2**70, "bool"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "dtype"), BEYOND)
def test_whole_numbers_beyond_the_dtype_are_refused(function: Callable[..., Any], dtype: str) -> None:
    with pytest.raises(DTypeError, match=r"is no u?int\d+; cast the other operand"):
        graphinit.compile(Graph(outputs=[function(F.input("x", (2,), dtype))]))


def test_numbers_that_dtypes_hold_or_only_compare_with() -> None:
    x = F.input("x", (2,), "uint8")
    exe = graphinit.compile(Graph(outputs=[x + 255, x - 1, x < 300, x > -1, x // 200]))
    results = [value.tolist() for value in exe.forward(np.array([0, 201], np.uint8))]
    assert results == [[255, 200], [255, 200], [True, True], [True, True], [0, 1]]


def test_numbers_beyond_float16_are_infinite_without_a_warning() -> None:
    x = F.input("x", (2,), "float16")
    exe = graphinit.compile(Graph(outputs=[x + 1e6, x < 1e6, F.clip(x, None, 10**6), x // 2**40]))
    results = [value.tolist() for value in exe.forward(np.array([0, 201], np.float16))]
    assert results == [[INF, INF], [True, True], [0, 201], [0, 0]]
    with pytest.raises(DTypeError, match="a number of 1329 bits is beyond every dtype"):
        x + 10**400


@pytest.mark.parametrize(("function", "number"), PRECISE)
def test_numbers_have_the_precision_of_the_tensor(function: Callable[..., Any], number: float) -> None:
    """A number that float32 rounds differs in float64 from the rounded one."""
    rounded = float(np.float32(number))
    exact = run(lambda x: function(x, number), np.array([-1.0, 2.0]))
    other = run(lambda x: function(x, rounded), np.array([-1.0, 2.0]))
    assert any(np.nanmax(np.abs(a - b)) > 1e-12 for a, b in zip(exact, other, strict=True))


def test_slopes_are_not_rounded() -> None:
    assert run(lambda x: F.leaky_relu(x, slope=0.2), np.array([-1.0, 1.0]))[1].tolist() == [0.2, 1.0]
    steep = run(lambda x: F.elu(x, alpha=0.3), np.array([-INF, -0.0, 1.0]))[1]
    assert steep.tolist() == [0, 0.3, 1]


@pytest.mark.parametrize("value", [INF, -INF, math.nan])
@pytest.mark.parametrize(
    "function",
    [
        lambda x, a: F.elu(x, alpha=a),
        lambda x, a: F.leaky_relu(x, slope=a),
        lambda x, a: F.clip(x, a, 2.0),
        lambda x, a: F.clip(x, low=None, high=a),
        lambda x, a: F.pad(x, pads=((1, 1),), value=a),
        lambda x, a: F.standardize(x, axis=0, epsilon=a)[0],
        lambda x, a: F.dropout(x, F.constant(np.zeros(3, np.uint64)), rate=a),
    ],
)
def test_infinite_attributes_work_or_are_refused(function: Callable[..., Any], value: float) -> None:
    x = np.array([-1.0, 0.5, 3.0])
    try:
        found, _ = run(lambda t: function(t, value), x)
    except GraphInitError:
        return
    if found.shape == (5,):
        np.testing.assert_array_equal(found, [value, *x, value])
    else:
        assert np.isfinite(found).all()


def test_numbers_that_whole_numbers_cannot_hold_are_refused() -> None:
    x = F.input("x", (3,), "int8")
    for make in (lambda: F.pad(x, pads=((1, 1),), value=math.nan), lambda: F.clip(x, 0, 300)):
        with pytest.raises(GraphInitError, match="int8"):
            graphinit.compile(Graph(make()))
