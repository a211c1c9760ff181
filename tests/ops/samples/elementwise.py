"""Samples of ops that work by element."""

from __future__ import annotations

import math

import numpy as np

from .sample import Draw, add, ids, integers, normal, off_zero, positive, truth

# --- arithmetic -------------------------------------------------------------------------------

for _op, _ufunc in {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
}.items():
    add(_op, normal(2, 3), normal(2, 3), ref=_ufunc)
    add(_op, normal(5, 2, 3), normal(2, 1), ref=_ufunc)
    add(_op, normal(), normal(3), ref=_ufunc)
    add(_op, normal(0, 3), normal(3), ref=_ufunc)
    add(_op, integers(2, 3), integers(3), ref=_ufunc)
    add(_op, normal(2, 3), integers(3), ref=lambda x, y, f=_ufunc: f(x, y.astype(x.dtype)))
add("divide", normal(2, 3), positive(5, 1, 3), ref=np.divide)
add("divide", integers(2, 3), integers(3), ref=lambda x, y: np.divide(x, y).astype(np.float32))
add("floor_divide", off_zero(2, 3), positive(3), ref=lambda x, y: np.floor(x / y))
add("floor_divide", integers(2, 3), integers(3), ref=np.floor_divide)
add("remainder", off_zero(2, 3), positive(3), ref=lambda x, y: x - y * np.floor(x / y))
add("remainder", integers(2, 3), integers(3), ref=lambda x, y: x - y * (x // y))
add("power", positive(2, 3), normal(5, 1, 1), ref=lambda x, y: np.exp(y * np.log(x)))
add("power", positive(2, 3), normal(), ref=lambda x, y: np.exp(y * np.log(x)))
add("power", integers(2, 3), integers(3), ref=np.vectorize(lambda a, b: int(a) ** int(b)))
for _op, _ufunc in {
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
}.items():
    add(_op, normal(2, 3), normal(5, 1, 3), ref=_ufunc)
    add(_op, ids(3, 2, 5), ids(3, 5), ref=_ufunc)
for _op, _ufunc in {"logical_and": np.logical_and, "logical_or": np.logical_or}.items():
    add(_op, truth(2, 3), truth(5, 1, 3), ref=_ufunc)
    add(_op, ids(2, 7, 5), normal(5), ref=_ufunc)
add("logical_not", truth(2, 3), ref=np.logical_not)
add("logical_not", ids(2, 3, 5), ref=lambda x: x == 0)
add("where", truth(3), normal(2, 3), normal(5, 2, 1), ref=np.where)
add("where", truth(2, 3), normal(), normal(2, 3), ref=np.where)


# --- elementwise ------------------------------------------------------------------------------

for _op, _draw, _function in (
    ("negative", normal, lambda x: 0 - x),
    ("abs", off_zero, lambda x: np.sqrt(x * x)),
    ("sign", off_zero, lambda x: np.where(x > 0, 1.0, -1.0)),
    ("floor", off_zero, lambda x: np.where(x > 0, 0.0, -1.0)),
    ("square", normal, lambda x: x**2),
    ("exp", normal, lambda x: np.power(math.e, x)),
    ("expm1", normal, lambda x: np.exp(x) - 1),
    ("log", positive, lambda x: np.log2(x) * math.log(2)),
    ("log1p", positive, lambda x: np.log(1 + x)),
    ("sqrt", positive, lambda x: x**0.5),
    ("rsqrt", positive, lambda x: x**-0.5),
    ("relu", off_zero, lambda x: np.where(x > 0, x, 0)),
    ("sigmoid", normal, lambda x: (1 + np.tanh(x / 2)) / 2),
    ("tanh", normal, lambda x: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1)),
    ("softplus", normal, lambda x: np.log(1 + np.exp(x))),
    ("softsign", off_zero, lambda x: x / (1 + np.abs(x))),
    ("silu", normal, lambda x: x / (1 + np.exp(-x))),
    ("erf", normal, lambda x: np.vectorize(math.erf, otypes=[x.dtype])(x)),
    ("gelu", normal, lambda x: x * (1 + np.vectorize(math.erf, otypes=[x.dtype])(x / math.sqrt(2))) / 2),
    ("elu", off_zero, lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    (
        "selu",
        off_zero,
        lambda x: 1.0507009873554804934 * np.where(x > 0, x, 1.6732632423543772848 * (np.exp(x) - 1)),
    ),
    ("leaky_relu", off_zero, lambda x: np.where(x > 0, x, 0.01 * x)),
    ("stop_gradient", normal, lambda x: x),
    ("clip", off_zero, lambda x: x),
):
    add(_op, _draw(2, 3), ref=_function)
    add(_op, _draw(5, 0, 3), ref=_function)
    add(_op, _draw(), ref=_function)


def _off_half(*shape: int) -> Draw:
    """Numbers away from halves, where rounding jumps."""
    return lambda rng: np.asarray(rng.integers(-3, 4, shape) + rng.uniform(-0.4, 0.4, shape))


for _shape in ((2, 3), (5, 0, 3), ()):
    add("round", _off_half(*_shape), ref=lambda x: np.floor(x + 0.5))
add("relu", integers(2, 3), ref=lambda x: np.where(x > 0, x, 0))
add("negative", integers(2, 3), ref=lambda x: 0 - x)
add("gelu", normal(2, 3), ref=lambda x, approximate: _tanh_gelu(x), approximate=True)
add("elu", off_zero(2, 3), ref=lambda x, alpha: np.where(x > 0, x, alpha * (np.exp(x) - 1)), alpha=1.7)
add("leaky_relu", off_zero(2, 3), ref=lambda x, slope: np.where(x > 0, x, slope * x), slope=1.3)
add(
    "clip",
    off_zero(7, 5),
    ref=lambda x, low, high: np.where(x < low, low, np.where(x > high, high, x)),
    low=0,
    high=0.95,
)
add("clip", off_zero(7, 5), ref=lambda x, low: np.where(x < low, low, x), low=0.0)
add("clip", off_zero(7, 5), ref=lambda x, high: np.where(x > high, high, x), high=0)
add("clip", integers(7, 5), ref=lambda x, low, high: np.minimum(np.maximum(x, low), high), low=2, high=6)
add("clip", integers(7, 5), ref=lambda x, low: np.maximum(x, low).astype(np.float32), low=2.5)
add("cast", normal(2, 3), ref=lambda x, dtype: x.astype(dtype), dtype="float64")
add("cast", normal(2, 3), ref=lambda x, dtype: np.trunc(x).astype(dtype), dtype="int64")
add("cast", integers(2, 3), ref=lambda x, dtype: x + np.zeros((), dtype), dtype="float64")
add("cast_like", normal(2, 3), normal(5), ref=lambda x, like: x)
add("cast_like", integers(2, 3), normal(5), ref=lambda x, like: x + np.zeros_like(like[0]))
add("zeros_like", normal(2, 3), ref=lambda x: np.zeros(x.shape, x.dtype))
add("zeros_like", integers(2, 3), ref=lambda x: np.zeros(x.shape, x.dtype))
add("ones_like", normal(2, 3), ref=lambda x: np.ones(x.shape, x.dtype))


def _tanh_gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


# --- softmax ----------------------------------------------------------------------------------


def _softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum(axis, keepdims=True)


for _axis in (-1, 0, 1):
    add("softmax", normal(2, 3, 5), ref=_softmax, axis=_axis)
    add("log_softmax", normal(2, 3, 5), ref=lambda x, axis: np.log(_softmax(x, axis)), axis=_axis)
add("softmax", normal(0, 3), ref=lambda x: x)
add("softmax", normal(3, 0), ref=lambda x: x)
add("log_softmax", normal(3, 0), ref=lambda x: x)
