"""Samples for every op: arguments of pairwise different prime sizes, and an independent reference.

A sample says what the op is given and what it should give, by other means than its kernel: NumPy
functions that allocate, Python loops, or a formula from the literature.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Draw = Callable[[np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Sample:
    """Arguments of one op.

    Parameters
    ----------
    op : str
        Its name.
    draws : tuple
        How each input is drawn; floating ones in float64.
    reference : callable
        From the inputs to the output (or a tuple of outputs), by other means than the kernel.
    attrs : dict
        Attributes as a user gives them.
    smooth : bool
        Whether the second derivative exists where the sample lies.
    wrt : str, optional
        The inputs whose gradients are compared, all floating ones by default.
    """

    op: str
    draws: tuple[Draw, ...]
    reference: Callable[..., Any]
    attrs: dict[str, Any] = field(default_factory=dict)
    smooth: bool = True
    wrt: str | None = None

    def arrays(self, dtype: Any = np.float64) -> list[np.ndarray]:
        """Return the inputs; floating ones in `dtype`."""
        rng = np.random.default_rng(zlib.crc32(f"{self.op}{self.attrs}".encode()))
        drawn = [draw(rng) for draw in self.draws]
        return [array.astype(dtype) if array.dtype.kind == "f" else array for array in drawn]

    def expected(self, arrays: list[np.ndarray]) -> tuple[np.ndarray, ...]:
        """Return the outputs that the reference gives."""
        result = self.reference(*arrays, **self.attrs)
        return tuple(map(np.asarray, result)) if isinstance(result, tuple | list) else (np.asarray(result),)

    def __str__(self) -> str:
        words = ", ".join(f"{name}={value}" for name, value in self.attrs.items())
        return f"{self.op}({words})"


# --- ways to draw an input --------------------------------------------------------------------


def normal(*shape: int) -> Draw:
    return lambda rng: np.asarray(rng.standard_normal(shape))


def positive(*shape: int) -> Draw:
    return lambda rng: np.asarray(rng.uniform(0.5, 2.0, shape))


def off_zero(*shape: int) -> Draw:
    """At least 0.1 from 0 and from 1, so that differences don't step over a kink there."""
    return lambda rng: np.asarray(rng.uniform(0.1, 0.9, shape) * rng.choice([-1.0, 1.0], shape))


def ids(count: int, *shape: int) -> Draw:
    return lambda rng: np.asarray(rng.integers(0, count, shape))


def integers(*shape: int) -> Draw:
    return lambda rng: np.asarray(rng.integers(1, 9, shape))


def truth(*shape: int) -> Draw:
    return lambda rng: np.asarray(rng.random(shape) < 0.5)


def key(step: int = 3) -> Draw:
    return lambda rng: np.array([11, 13, step], np.uint64)


SAMPLES: list[Sample] = []


def add(
    op: str, *draws: Draw, ref: Callable[..., Any], smooth: bool = True, wrt: str | None = None, **attrs: Any
) -> None:
    SAMPLES.append(Sample(op, draws, ref, attrs, smooth, wrt))


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

# --- products ---------------------------------------------------------------------------------


def _linear(x: np.ndarray, w: np.ndarray, bias: Any = None, flatten: bool = False) -> np.ndarray:
    x = x.reshape(x.shape[0], w.shape[1]) if flatten else x
    return np.einsum("...k,nk->...n", x, w) + (0 if bias is None else bias)


add("linear", normal(2, 3), normal(5, 3), ref=_linear)
add("linear", normal(2, 3), normal(5, 3), normal(5), ref=_linear)
add("linear", normal(7, 2, 3), normal(5, 3), normal(5), ref=_linear)
add("linear", normal(3), normal(5, 3), normal(5), ref=_linear)
add("linear", normal(0, 3), normal(5, 3), normal(5), ref=_linear)
add("linear", normal(2, 0), normal(5, 0), normal(5), ref=_linear)
add("linear", normal(7, 2, 3), normal(5, 6), normal(5), ref=_linear, flatten=True)
add("linear", normal(7, 3), normal(5, 3), ref=_linear, flatten=True)
add("linear", normal(7), normal(5, 1), ref=_linear, flatten=True)
add("linear", normal(0, 2, 3), normal(5, 6), ref=_linear, flatten=True)
add("rows", normal(2, 3, 5), ref=lambda x: x.reshape(6, 5))
add("rows", normal(5), ref=lambda x: x[None])
add("matmul", normal(2, 3), normal(3, 5), ref=lambda x, y: np.einsum("mk,kn->mn", x, y))
add("matmul", normal(7, 2, 3), normal(7, 3, 5), ref=lambda x, y: np.einsum("bmk,bkn->bmn", x, y))
add(
    "matmul",
    normal(7, 1, 2, 3),
    normal(11, 3, 5),
    ref=lambda x, y: np.einsum("abmk,bkn->abmn", x.repeat(11, 1), y),
)
add("matmul", normal(3), normal(3), ref=lambda x, y: np.einsum("k,k->", x, y))
add("matmul", normal(3), normal(7, 3, 5), ref=lambda x, y: np.einsum("k,bkn->bn", x, y))
add("matmul", normal(7, 2, 3), normal(3), ref=lambda x, y: np.einsum("bmk,k->bm", x, y))
add("matmul", normal(2, 3), normal(3), ref=lambda x, y: np.einsum("mk,k->m", x, y))
add("matmul", normal(2, 0), normal(0, 5), ref=lambda x, y: np.zeros((2, 5)))
add("matmul", integers(2, 3), integers(3, 5), ref=lambda x, y: np.einsum("mk,kn->mn", x, y))

# --- reductions -------------------------------------------------------------------------------


def _over(function: Callable[[np.ndarray], Any]) -> Callable[..., np.ndarray]:
    """Return a reduction that calls a function of flat arrays once per result, in a loop."""

    def reduce(x: np.ndarray, axis: Any = None, keepdims: bool = False, **attrs: Any) -> np.ndarray:
        axes = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis
        axes = tuple(sorted(place % x.ndim for place in axes))
        left = [place for place in range(x.ndim) if place not in axes]
        moved = x.transpose(*left, *axes)
        results = [
            function(moved[place].reshape(-1), **attrs) for place in np.ndindex(*(x.shape[i] for i in left))
        ]
        shape = [1 if i in axes else x.shape[i] for i in range(x.ndim) if keepdims or i not in axes]
        return np.array(results).reshape(shape)

    return reduce


_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": lambda x: math.fsum(x.tolist()),
    "mean": lambda x: math.fsum(x.tolist()) / len(x),
    "prod": lambda x: math.prod(x.tolist()),
    "max": lambda x: sorted(x.tolist())[-1],
    "min": lambda x: sorted(x.tolist())[0],
    "var": lambda x, ddof=0: math.fsum((x - math.fsum(x.tolist()) / len(x)) ** 2) / (len(x) - ddof),
    "logsumexp": lambda x: math.log(math.fsum(np.exp(x))),
}
for _op, _function in _REDUCTIONS.items():
    for _attrs in ({}, {"axis": 1}, {"axis": (0, -1)}, {"axis": -1, "keepdims": True}, {"keepdims": True}):
        add(_op, normal(2, 3, 5), ref=_over(_function), smooth=_op not in ("max", "min"), **_attrs)
    add(_op, normal(0, 3), ref=_over(_function), axis=1)
    add(_op, normal(), ref=_over(_function))
add("sum", normal(0, 3), ref=lambda x, axis: np.zeros(3), axis=0)
add("sum", integers(2, 3), ref=lambda x, axis: x.sum(axis), axis=0)
add("sum", truth(2, 3), ref=lambda x, axis: x.astype(np.int64).sum(axis), axis=0)
add("sum", normal(2, 3), ref=lambda x, axis: x, axis=())
add("mean", integers(2, 3), ref=lambda x: np.float32(x.sum() / 6))
add("mean", truth(2, 3), ref=lambda x: np.float32(x.sum() / 6))
add("prod", normal(0, 3), ref=lambda x, axis: np.ones(3), axis=0)
add("prod", integers(2, 3), ref=lambda x, axis: x.prod(axis), axis=1)
add("prod", lambda rng: np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 5.0]]), ref=_over(_REDUCTIONS["prod"]), axis=1)
add("var", normal(2, 3, 5), ref=_over(_REDUCTIONS["var"]), axis=(0, 2), ddof=1)
add("logsumexp", normal(0, 3), ref=lambda x, axis: np.full(3, -np.inf), wrt="", axis=0)
for _op, _best in (("argmax", max), ("argmin", min)):
    _function = lambda x, best=_best: x.tolist().index(best(x.tolist()))  # noqa: E731
    add(_op, normal(2, 3, 5), ref=_over(_function))
    add(_op, normal(2, 3, 5), ref=_over(_function), axis=1)
    add(_op, normal(2, 3, 5), ref=_over(_function), axis=-1, keepdims=True)
    add(_op, normal(2, 3, 5), ref=_over(_function), keepdims=True)
for _op, _held in (("any", any), ("all", all)):
    add(_op, truth(2, 3), ref=_over(lambda x, held=_held: held(x.tolist())), axis=1)
    add(_op, ids(2, 2, 3), ref=_over(lambda x, held=_held: held(x.tolist())))
    add(_op, truth(0, 3), ref=lambda x, axis, held=_held: np.array([held([])] * 3), axis=0)


def _others(x: np.ndarray, axis: Any = None) -> np.ndarray:
    return _over(_REDUCTIONS["prod"])(x, axis, True) / x


add("prod_others", off_zero(2, 3, 5), ref=_others, smooth=False)
add("prod_others", off_zero(2, 3, 5), ref=_others, smooth=False, axis=1)
add("prod_others", off_zero(2, 3, 5), ref=_others, smooth=False, axis=(0, -1))
add(
    "prod_others",
    lambda rng: np.array([2.0, 0.0, 3.0]),
    ref=lambda x: np.array([0.0, 6.0, 0.0]),
    smooth=False,
)
add(
    "prod_others_along",
    lambda rng: np.array([2.0, 3.0, 5.0]),
    lambda rng: np.array([7.0, 11.0, 13.0]),
    # Products of two others: derivatives of (bc, ac, ab) along the second argument.
    ref=lambda x, v: np.array([11 * 5 + 3 * 13, 7 * 5 + 2 * 13, 7 * 3 + 2 * 11], x.dtype),
    smooth=False,
    wrt="b",
)
add("count", normal(2, 3, 5), ref=lambda x: np.asarray(30, x.dtype))
add("count", normal(2, 3, 5), ref=lambda x, axis: np.asarray(10, x.dtype), axis=(0, -1))
add("sum_like", normal(2, 3, 5), normal(3, 1), ref=lambda x, like: x.sum((0, 2))[:, None])
add("sum_like", normal(2, 3), normal(2, 3), ref=lambda x, like: x)
add("sum_like", normal(2, 3), normal(), ref=lambda x, like: x.sum())
add("sum_like", normal(0, 3), normal(3), ref=lambda x, like: np.zeros(3))

# --- movement ---------------------------------------------------------------------------------


def _numbered(shape: tuple[int, ...], place: Callable[..., tuple[int, ...]]) -> Callable[..., np.ndarray]:
    """Return a movement that looks up, for each place of the result, a place of the input."""

    def move(x: np.ndarray, *_: Any, **__: Any) -> np.ndarray:
        result = np.empty(shape, x.dtype)
        for target in np.ndindex(*shape):
            result[target] = x[place(*target)]
        return result

    return move


def _flat(*shape: int) -> Callable[..., np.ndarray]:
    return lambda x, *_, **__: np.array(x.reshape(-1).tolist(), x.dtype).reshape(shape)


add("reshape", normal(2, 3, 5), ref=_flat(5, 6), shape=(5, -1))
add("reshape", normal(2, 3, 5), ref=_flat(30), shape=-1)
add("reshape", normal(2, 3), ref=_flat(3, 1, 2), shape=[3, 1, 2])
add("reshape", normal(1), ref=_flat(), shape=())
add("reshape", normal(0, 3), ref=_flat(3, 0, 5), shape=(3, 0, 5))
add("reshape_like", normal(2, 3, 5), normal(5, 6), ref=_flat(5, 6))
add("flatten", normal(2, 3, 5), ref=_flat(2, 15))
add("flatten", normal(7), ref=_flat(7, 1))
add("flatten", normal(0, 3, 5), ref=_flat(0, 15))
add("expand_dims", normal(2, 3), ref=_flat(2, 1, 3), axis=1)
add("expand_dims", normal(2, 3), ref=_flat(1, 2, 3, 1), axis=(0, -1))
add("squeeze", normal(2, 1, 3, 1), ref=_flat(2, 3))
add("squeeze", normal(2, 1, 3, 1), ref=_flat(2, 1, 3), axis=-1)
add("squeeze", normal(2, 1, 3, 1), ref=_flat(2, 3), axis=(1, 3))
add("transpose", normal(2, 3, 5), ref=_numbered((5, 3, 2), lambda i, j, k: (k, j, i)))
add("transpose", normal(2, 3, 5), ref=_numbered((5, 2, 3), lambda i, j, k: (j, k, i)), axes=(2, 0, 1))
add("transpose", normal(2, 3, 5), ref=_numbered((3, 5, 2), lambda i, j, k: (k, i, j)), axes=(1, -1, 0))
add("transpose", normal(0, 3), ref=_flat(3, 0))
add("swapaxes", normal(2, 3, 5), ref=_numbered((5, 3, 2), lambda i, j, k: (k, j, i)), axis1=0, axis2=-1)
add("moveaxis", normal(2, 3, 5), ref=_numbered((5, 2, 3), lambda i, j, k: (j, k, i)), source=2, destination=0)
add(
    "moveaxis", normal(2, 3, 5), ref=_numbered((3, 5, 2), lambda i, j, k: (k, i, j)), source=0, destination=-1
)
add("flip", normal(2, 3), ref=_numbered((2, 3), lambda i, j: (1 - i, 2 - j)))
add("flip", normal(2, 3), ref=_numbered((2, 3), lambda i, j: (i, 2 - j)), axis=1)
add("flip", normal(2, 3), ref=_numbered((2, 3), lambda i, j: (1 - i, 2 - j)), axis=(0, -1))
add("broadcast_to", normal(3, 1), ref=_numbered((2, 3, 5), lambda i, j, k: (j, 0)), shape=(2, 3, 5))
add("broadcast_to", normal(), ref=_numbered((2,), lambda i: ()), shape=2)
add("broadcast_like", normal(3, 1), normal(2, 3, 5), ref=_numbered((2, 3, 5), lambda i, j, k: (j, 0)))
add("tile", normal(2, 3), ref=_numbered((2, 15), lambda i, j: (i, j % 3)), reps=5)
add("tile", normal(2, 3), ref=_numbered((7, 10, 3), lambda i, j, k: (j % 2, k)), reps=(7, 5, 1))
add("tile", normal(2, 3), ref=_flat(2, 3), reps=())
add("tile", normal(2, 3), ref=lambda x, reps: np.empty((0, 3), x.dtype), reps=(0, 1))
add(
    "untile",
    normal(7, 10, 3),
    normal(2, 3),
    ref=lambda x, like, reps: x.reshape(7, 5, 2, 3).sum((0, 1)),
    reps=(7, 5, 1),
)
add("untile", normal(2, 15), normal(2, 3), ref=lambda x, like, reps: x.reshape(2, 5, 3).sum(1), reps=(5,))


def _pad(x: np.ndarray, pads: Any, value: float = 0) -> np.ndarray:
    return np.pad(x, pads, constant_values=value) if pads else x


add("pad", normal(2, 3), ref=_pad, pads=((1, 2), (0, 3)))
add("pad", normal(2, 3), ref=_pad, pads=[(0, 0), (5, 0)], value=-1.5)
add("pad", normal(2), ref=_pad, wrt="", pads=((1, 1),), value=-math.inf)
add("pad", normal(), ref=_pad, pads=())
add("pad", normal(0, 3), ref=_pad, pads=((1, 0), (0, 2)), value=7)

# --- joining ----------------------------------------------------------------------------------

add("concat", normal(2, 3), normal(5, 3), ref=lambda x, y: np.array([*x, *y]))
add("concat", normal(2, 3), normal(2, 5), normal(2, 0), ref=lambda x, y, z, axis: np.hstack([x, y]), axis=1)
add(
    "concat",
    normal(2, 3, 5),
    normal(2, 7, 5),
    ref=lambda x, y, axis: np.array([[*a, *b] for a, b in zip(x, y, strict=True)]),
    axis=-2,
)
add("concat", normal(2, 3), ref=lambda x: x)
add("concat", integers(2, 3), normal(5, 3), ref=lambda x, y: np.array([*x.astype(y.dtype), *y]))
add("stack", normal(2, 3), normal(2, 3), ref=lambda x, y: np.array([x, y]))
add("stack", normal(2, 3), normal(2, 3), normal(2, 3), ref=lambda *xs, axis: np.dstack(xs), axis=-1)
add(
    "stack", normal(2, 3), normal(2, 3), ref=lambda x, y, axis: np.array(list(zip(x, y, strict=True))), axis=1
)
add("stack", normal(), normal(), ref=lambda x, y: np.array([x, y]))
add("split", normal(6, 5), ref=lambda x, sections: (x[:2], x[2:4], x[4:]), sections=3)
add(
    "split",
    normal(2, 10),
    ref=lambda x, sections, axis: (x[:, :3], x[:, 3:10], x[:, 10:]),
    sections=(3, 7, 0),
    axis=1,
)
add("split", normal(2, 6), ref=lambda x, sections, axis: (x[:, :3], x[:, 3:]), sections=2, axis=-1)
add("split", normal(2, 3), ref=lambda x, sections: x, sections=1)

# --- indexing ---------------------------------------------------------------------------------

_ALL = (None, None, None)
for _index, _function in (
    (((1, None, None), _ALL), lambda x: x[1:]),
    ((_ALL, 2), lambda x: x[:, 2]),
    ((-1, (None, None, -2), "new"), lambda x: x[-1, ::-2, None]),
    (("...", 0), lambda x: x[..., 0]),
    (("new", "...", (None, -2, None)), lambda x: x[None, ..., :-2]),
    (((5, 1, -2),), lambda x: x[5:1:-2]),
    (((4, 100, None), (3, 1, None)), lambda x: x[4:100, 3:1]),
    (((-3, -1, None), (None, None, 2), (1, None, 3)), lambda x: x[-3:-1, ::2, 1::3]),
    ((1, 2, 3), lambda x: x[1, 2, 3]),
    ((), lambda x: x),
):
    add("getitem", normal(7, 5, 11), ref=lambda x, index, f=_function: np.array(f(x)), index=_index)


def _window(x: np.ndarray, like: np.ndarray, index: Any) -> np.ndarray:
    result = np.zeros_like(like)
    result[tuple(None if i == "new" else slice(*i) if isinstance(i, tuple) else i for i in index)] = x
    return result


add("getitem_grad", normal(3, 5), normal(7, 5), ref=_window, index=((1, 6, 2),))
add("getitem_grad", normal(7, 1), normal(7, 5), ref=_window, index=(_ALL, 2, "new"))
add("getitem_grad", normal(), normal(7, 5), ref=_window, index=(1, 2))

add("take", normal(7, 3), ids(7, 2, 5), ref=lambda x, i: np.array([[x[j] for j in row] for row in i]))
add("take", normal(2, 7, 3), ids(7, 5), ref=lambda x, i, axis: x[:, i], axis=1)
add("take", normal(2, 7), ids(7), ref=lambda x, i, axis: x[:, i], axis=-1)
add("take", normal(7, 3), ids(7, 0), ref=lambda x, i: np.empty((0, 3), x.dtype))
add("take", normal(0, 3), ids(1, 0), ref=lambda x, i: np.empty((0, 3), x.dtype))


def _scatter(x: np.ndarray, ids: np.ndarray, like: np.ndarray, axis: int = 0) -> np.ndarray:
    result = np.zeros_like(like)
    rows, parts = np.moveaxis(result, axis, 0), x
    for place in np.ndindex(*ids.shape):
        rows[ids[place]] += parts[(slice(None),) * (axis % like.ndim) + place]
    return result


add("take_grad", normal(2, 5, 3), ids(7, 2, 5), normal(7, 3), ref=_scatter)
add("take_grad", normal(2, 5), ids(7, 5), normal(2, 7), ref=_scatter, axis=-1)
add("take_grad", normal(0, 3), ids(7, 0), normal(7, 3), ref=_scatter)


def _pick(x: np.ndarray, ids: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    moved = np.moveaxis(x, axis, -1)
    result = np.empty(ids.shape, x.dtype)
    for place in np.ndindex(*ids.shape):
        result[place] = moved[place][ids[place]]
    return np.expand_dims(result, axis) if keepdims else result


add("pick", normal(2, 7), ids(7, 2), ref=_pick)
add("pick", normal(7, 2, 3), ids(7, 2, 3), ref=_pick, axis=0)
add("pick", normal(2, 7, 3), ids(7, 2, 3), ref=_pick, axis=-2, keepdims=True)
add("pick", normal(7), ids(7), ref=_pick)
add("pick", normal(0, 7), ids(7, 0), ref=_pick)


def _unpick(
    x: np.ndarray, ids: np.ndarray, like: np.ndarray, axis: int = -1, keepdims: bool = False
) -> np.ndarray:
    result = np.zeros_like(like)
    moved, values = np.moveaxis(result, axis, -1), x.reshape(ids.shape)
    for place in np.ndindex(*ids.shape):
        moved[place][ids[place]] = values[place]
    return result


add("pick_grad", normal(2), ids(7, 2), normal(2, 7), ref=_unpick)
add("pick_grad", normal(2, 1, 3), ids(7, 2, 3), normal(2, 7, 3), ref=_unpick, axis=1, keepdims=True)
add("one_hot", ids(5, 2, 3), ref=lambda i, depth: np.eye(depth, dtype=np.float32)[i], depth=5)
add("one_hot", ids(5), ref=lambda i, depth, dtype: np.eye(depth, dtype=dtype)[i], depth=5, dtype="int64")
add("one_hot", ids(1, 0), ref=lambda i, depth: np.empty((0, 0), np.float32), depth=0)

# --- random -----------------------------------------------------------------------------------


def _dropout(
    x: np.ndarray, key: np.ndarray, rate: float = 0.5, axes: Any = ()
) -> tuple[np.ndarray, np.ndarray]:
    shape = [1 if axis in axes else size for axis, size in enumerate(x.shape)]
    generator = np.random.Philox(key=int(key[0]) + (int(key[1]) << 64), counter=int(key[2]) << 192)
    kept = []
    for _ in range(math.prod(shape)):
        if not kept or len(kept) % 2 == 0:
            word = int(generator.random_raw())
        kept.append((word & 0xFFFFFFFF) >= rate * 2**32)
        word >>= 32
    mask = np.broadcast_to(np.array(kept, bool).reshape(shape) / (1 - rate), x.shape).astype(x.dtype)
    return x * mask, mask


add("dropout", normal(2, 3, 5), key(), ref=_dropout, rate=0.25)
add("dropout", normal(2, 3, 5), key(), ref=_dropout, rate=0.25, axes=(1,))
add("dropout", normal(7), key(2**63), ref=_dropout)
add("dropout", normal(0, 3), key(), ref=_dropout)
add("dropout", normal(2, 3), key(), ref=_dropout, rate=0.0)
add("advance_key", key(), ref=lambda k: np.array([k[0], k[1], 4], np.uint64))
