"""What NumPy's ufuncs mean on tensors, recorded arrays and parameters.

What is composed of several is written with NumPy's functions: they come back here for tensors, and are NumPy's
own for arrays that stand beside them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphinit.errors import DTypeError, OpError
from graphinit.functional import activation, arithmetic, comparison, elementwise, linear, reduce
from graphinit.functional.join import stack
from graphinit.functional.movement import broadcast_like
from graphinit.functional.numpy_table import (
    CASTING,
    FLAG,
    MEANINGS,
    ORDER,
    REFUSED,
    WHERE,
    dtype_of,
    is_floating,
    meaning,
    newer,
)
from graphinit.ir.operators import Arithmetic


def _enter(ufunc: Any, function: Callable[..., Any], inputs: int, typed: bool = False) -> None:
    """Enter a ufunc with the arguments that all ufuncs have; `typed` ones compute in ``dtype=``."""

    def one(
        x: Any,
        out: Any = REFUSED,
        *,
        where: Any = WHERE,
        dtype: Any = None,
        casting: Any = CASTING,
        order: Any = ORDER,
        subok: Any = FLAG,
        signature: Any = REFUSED,
        axes: Any = REFUSED,
        axis: Any = REFUSED,
        keepdims: Any = REFUSED,
    ) -> Any:
        return function(_cast(ufunc, x, dtype, typed))

    def two(
        x1: Any,
        x2: Any,
        out: Any = REFUSED,
        *,
        where: Any = WHERE,
        dtype: Any = None,
        casting: Any = CASTING,
        order: Any = ORDER,
        subok: Any = FLAG,
        signature: Any = REFUSED,
        axes: Any = REFUSED,
        axis: Any = REFUSED,
        keepdims: Any = REFUSED,
    ) -> Any:
        return function(_cast(ufunc, x1, dtype, typed), _cast(ufunc, x2, dtype, typed))

    MEANINGS[ufunc] = one if inputs == 1 else two


def _cast(ufunc: Any, x: Any, dtype: Any, typed: bool) -> Any:
    if dtype is None:
        return x
    if not typed:
        raise OpError(f"np.{ufunc.__name__} has no dtype= on tensors and recorded arrays; leave it out")
    return elementwise.cast(x, dtype) if isinstance(x, Arithmetic) else np.asarray(x, dtype)


def _floating(x: Any) -> Any:
    """Return whole numbers as floating ones, of which functions with fractions are taken."""
    if is_floating(x):
        return x
    return elementwise.cast(x, "float32") if isinstance(x, Arithmetic) else np.asarray(x, "float32")


def _of_floating(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: function(_floating(x))


def _or_same(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a rounding function, which leaves whole numbers alone."""
    return lambda x: function(x) if is_floating(x) else x


def ceil(x: Any) -> Any:
    """Return the least whole number not below x."""
    return -elementwise.floor(-x)


def trunc(x: Any) -> Any:
    """Return the whole number next to x towards 0."""
    return elementwise.sign(x) * elementwise.floor(elementwise.abs(x))


def isnan(x: Any) -> Any:
    """Return whether x is no number: then it differs from itself."""
    return np.not_equal(x, x)


def _isinf(x: Any) -> Any:
    return np.equal(np.abs(x), math.inf) if is_floating(x) else isnan(x)


def _isfinite(x: Any) -> Any:
    return np.less(np.abs(x), math.inf) if is_floating(x) else np.equal(x, x)


def _reciprocal(x: Any) -> Any:
    if not is_floating(x):
        raise OpError("np.reciprocal of whole numbers is 0 nearly everywhere; use 1 / x")
    return np.divide(1, x)


def _cbrt(x: Any) -> Any:
    return np.sign(x) * np.abs(x) ** (1 / 3)


def _hypot(x: Any, y: Any) -> Any:
    return np.sqrt(np.square(_floating(x)) + np.square(_floating(y)))


def _logaddexp(x: Any, y: Any) -> Any:
    total = x + y  # for its shape
    parts = [broadcast_like(item, total) for item in (x, y)]
    return reduce.logsumexp(_floating(stack(parts)), axis=0)


def _ignoring_nan(choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def chosen(x: Any, y: Any) -> Any:
        return np.where(isnan(x), y, np.where(isnan(y), x, choose(x, y)))

    return chosen


def _heaviside(x: Any, y: Any) -> Any:
    steps = np.where(np.less(x, 0), 0.0, np.where(np.greater(x, 0), 1.0, y))
    return np.where(isnan(x), x, steps)


def _logical_xor(x: Any, y: Any) -> Any:
    return np.not_equal(np.not_equal(x, 0), np.not_equal(y, 0))


def _bits(symbol: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function on bits, of which there are those of truth values only."""

    def on_truth_values(*operands: Any) -> Any:
        for operand in operands:
            if dtype_of(operand) != "bool":
                raise OpError(f"{symbol} has no op on the bits of numbers; compare first, as in x > 0")
        return function(*operands)

    return on_truth_values


def _float_power(x: Any, y: Any) -> Any:
    wide = elementwise.cast(x, "float64") if isinstance(x, Arithmetic) else np.asarray(x, "float64")
    return arithmetic.power(wide, y)


for _ufunc, _function in {
    np.add: arithmetic.add,
    np.subtract: arithmetic.subtract,
    np.multiply: arithmetic.multiply,
    np.divide: arithmetic.divide,
    np.floor_divide: arithmetic.floor_divide,
    np.remainder: arithmetic.remainder,
    np.power: arithmetic.power,
    np.maximum: arithmetic.maximum,
    np.minimum: arithmetic.minimum,
    np.matmul: linear.matmul,
}.items():
    _enter(_ufunc, _function, 2, typed=True)

for _ufunc, _function in {
    np.equal: comparison.equal,
    np.not_equal: comparison.not_equal,
    np.less: comparison.less,
    np.less_equal: comparison.less_equal,
    np.greater: comparison.greater,
    np.greater_equal: comparison.greater_equal,
    np.logical_and: comparison.logical_and,
    np.logical_or: comparison.logical_or,
    np.logical_xor: _logical_xor,
    np.bitwise_and: _bits("&", comparison.logical_and),
    np.bitwise_or: _bits("|", comparison.logical_or),
    np.bitwise_xor: _bits("^", comparison.not_equal),
    np.fmax: _ignoring_nan(np.maximum),
    np.fmin: _ignoring_nan(np.minimum),
    np.hypot: _hypot,
    np.logaddexp: _logaddexp,
    np.heaviside: _heaviside,
    np.float_power: _float_power,
    np.divmod: lambda x, y: (arithmetic.floor_divide(x, y), arithmetic.remainder(x, y)),
}.items():
    _enter(_ufunc, _function, 2)

for _ufunc, _single in {
    np.negative: elementwise.negative,
    np.absolute: elementwise.abs,
    np.square: elementwise.square,
    np.exp: _of_floating(elementwise.exp),
    np.exp2: _of_floating(lambda x: elementwise.exp(x * math.log(2))),
    np.expm1: _of_floating(elementwise.expm1),
    np.log: _of_floating(elementwise.log),
    np.log2: _of_floating(lambda x: elementwise.log(x) / math.log(2)),
    np.log10: _of_floating(lambda x: elementwise.log(x) / math.log(10)),
    np.log1p: _of_floating(elementwise.log1p),
    np.sqrt: _of_floating(elementwise.sqrt),
    np.cbrt: _of_floating(_cbrt),
    np.fabs: _of_floating(elementwise.abs),
    np.tanh: _of_floating(activation.tanh),
    np.deg2rad: _of_floating(lambda x: x * (math.pi / 180)),
    np.radians: _of_floating(lambda x: x * (math.pi / 180)),
    np.rad2deg: _of_floating(lambda x: x * (180 / math.pi)),
    np.degrees: _of_floating(lambda x: x * (180 / math.pi)),
    np.floor: _or_same(elementwise.floor),
    np.ceil: _or_same(ceil),
    np.trunc: _or_same(trunc),
    np.rint: _of_floating(elementwise.round),
    np.sign: elementwise.sign,
    np.positive: lambda x: x,
    np.conjugate: lambda x: x,
    np.reciprocal: _reciprocal,
}.items():
    _enter(_ufunc, _single, 1, typed=True)

for _ufunc, _single in {
    np.isnan: isnan,
    np.isinf: _isinf,
    np.isfinite: _isfinite,
    np.logical_not: comparison.logical_not,
    np.invert: _bits("~", comparison.logical_not),
}.items():
    _enter(_ufunc, _single, 1)

for _ufunc in newer("vecdot", "matvec", "vecmat"):
    _enter(
        _ufunc,
        {
            "vecdot": lambda x, y: reduce.sum(arithmetic.multiply(x, y), axis=-1),
            "matvec": lambda x, y: reduce.sum(arithmetic.multiply(x, y[..., None, :]), axis=-1),
            "vecmat": lambda x, y: reduce.sum(arithmetic.multiply(x[..., :, None], y), axis=-2),
        }[_ufunc.__name__],
        2,
    )


@meaning(np.fix)
def _fix(x: Any, out: Any = REFUSED) -> Any:
    return _or_same(trunc)(x)


@meaning(np.round, np.around)
def _round(a: Any, decimals: int = 0, out: Any = REFUSED) -> Any:
    if not is_floating(a):
        if decimals < 0:
            raise OpError("np.round of whole numbers to tens has no op; cast them to floating numbers")
        return a
    if decimals == 0:
        return elementwise.round(a)
    scale = 10.0 ** abs(decimals)
    if decimals < 0:
        return elementwise.round(a / scale) * scale
    return elementwise.round(a * scale) / scale


@meaning(np.clip)
def _clip(
    a: Any,
    a_min: Any = None,
    a_max: Any = None,
    out: Any = REFUSED,
    *,
    min: Any = None,
    max: Any = None,
    where: Any = WHERE,
    dtype: Any = REFUSED,
    casting: Any = CASTING,
) -> Any:
    low, high = (min if a_min is None else a_min), (max if a_max is None else a_max)
    if low is not None:
        a = np.maximum(a, low)
    return a if high is None else np.minimum(a, high)


@meaning(np.nan_to_num)
def _nan_to_num(x: Any, copy: Any = FLAG, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    if not is_floating(x):
        return x
    dtype = dtype_of(x)
    if dtype is None and (posinf is None or neginf is None):
        raise DTypeError(
            "np.nan_to_num takes the greatest numbers of a dtype, which is not known while the network is "
            "described; give posinf= and neginf=, or x.astype(...)"
        )
    limits = np.finfo(dtype or "float32")
    high, low = (
        float(limits.max) if posinf is None else posinf,
        float(limits.min) if neginf is None else neginf,
    )
    x = np.where(np.isnan(x), nan, x)
    x = np.where(np.equal(x, math.inf), high, x)
    return np.where(np.equal(x, -math.inf), low, x)
