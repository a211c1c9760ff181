"""NumPy's functions on tensors, recorded arrays and parameters: NumPy's values, and gradients; or an error."""

# ruff: noqa: E501, PT017  (the table of cases; errors of one of many functions)
from __future__ import annotations

import inspect
import subprocess
import sys
import warnings

import numpy as np
import pytest
from numpy.lib import recfunctions
from numpy.testing import overrides

import graphinit
from graphinit import Graph, autograd, nn
from graphinit import functional as F
from graphinit.errors import DTypeError, GradientError, GraphInitError, OpError, SymbolicValueError
from graphinit.functional.numpy_table import LOOKING, MEANINGS, title
from graphinit.recorded.array import Array

RNG = np.random.default_rng(7)


def normal(*shape):
    return RNG.normal(size=shape)


def positive(*shape):
    return RNG.uniform(0.5, 2.0, size=shape)


def away(*shape):
    """Numbers that are not near a whole number, where rounding jumps."""
    return RNG.integers(-3, 3, shape) + RNG.uniform(0.1, 0.4, shape)


M, N, V, W, T, S = normal(3, 5), normal(3, 5), normal(5), normal(7), normal(2, 3, 5), normal(4, 4)
P, Q = positive(3, 5), positive(3, 5)
NAN = np.where(np.arange(15).reshape(3, 5) % 4 == 1, np.nan, M)
K = RNG.integers(-2, 3, (3, 5))
B, C = M > 0, N > 0
IDS = np.array([[0, 2], [1, 1], [-1, 0]])

# Each case: what is called on arrays; the same call is made on tensors and on recorded arrays.
CASES = [
    *((function, (M, N)) for function in (np.add, np.subtract, np.multiply, np.maximum, np.minimum, np.fmax, np.fmin)),
    *((function, (P, Q)) for function in (np.divide, np.power, np.float_power, np.hypot, np.logaddexp)),
    *((function, (M, Q)) for function in (np.floor_divide, np.remainder, np.divmod, np.heaviside)),
    *((function, (V, M)) for function in (np.add, np.subtract, np.divide)),
    *((function, (M, 2.0)) for function in (np.add, np.subtract, np.multiply, np.divide, np.maximum)),
    *((function, (2.0, P)) for function in (np.subtract, np.divide, np.power)),
    *(
        (function, (M,))
        for function in (
            np.negative, np.absolute, np.square, np.exp, np.exp2, np.expm1, np.fabs, np.tanh, np.deg2rad,
            np.radians, np.rad2deg, np.degrees, np.positive, np.conjugate, np.sign, np.isnan, np.isinf,
            np.isfinite, np.logical_not,
        )
    ),
    *((function, (P,)) for function in (np.log, np.log2, np.log10, np.log1p, np.sqrt, np.cbrt, np.reciprocal)),
    *((function, (away(3, 5),)) for function in (np.floor, np.ceil, np.trunc, np.rint, np.fix, np.round, np.around)),
    (np.cbrt, (-P,)),
    (np.round, (M, 1)), (np.round, (M * 100, -1)),
    *((function, (K,)) for function in (np.floor, np.ceil, np.trunc, np.round, np.isnan, np.isinf, np.isfinite)),
    *(
        (function, (M, N))
        for function in (
            np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.logical_and,
            np.logical_or, np.logical_xor,
        )
    ),
    *((function, (B, C)) for function in (np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.logical_xor)),
    (np.invert, (B,)),
    (np.isnan, (NAN,)), (np.isfinite, (NAN,)), (np.nan_to_num, (NAN,)),
    (np.isinf, (np.array([1.0, -np.inf, np.nan, np.inf]),)),
    (np.isfinite, (np.array([1.0, -np.inf, np.nan, np.inf]),)),
    (np.nan_to_num, (np.array([1.0, -np.inf, np.nan, np.inf]), False, 3.0, 5.0, -7.0)),
    (np.fmax, (NAN, N)), (np.fmin, (N, NAN)),
    (np.heaviside, (np.array([-1.0, 0.0, 2.0]), np.array([0.5, 0.25, 0.75]))),
    (np.clip, (M, -0.5, 0.5)), (np.clip, (M, None, 0.5)), (np.clip, (M, N, N + 1)),
    (np.clip, (M,), {"min": -0.25}),
    # reductions
    *(
        (function, (T,), options)
        for function in (np.sum, np.mean, np.prod, np.max, np.amax, np.min, np.amin, np.var, np.std, np.ptp)
        for options in ({}, {"axis": 1}, {"axis": (0, 2), "keepdims": True}, {"axis": -1, "keepdims": False})
    ),
    *((function, (NAN,), options) for function in (np.nansum, np.nanmean, np.nanprod) for options in ({}, {"axis": 1})),
    *((function, (B,), options) for function in (np.any, np.all, np.sum) for options in ({}, {"axis": 0})),
    *((function, (T,), options) for function in (np.argmax, np.argmin) for options in ({}, {"axis": 1, "keepdims": True})),
    (np.sum, (M,), {"dtype": "float32", "axis": 0}), (np.mean, (M, 0, "float32")),
    (np.var, (M,), {"ddof": 1}), (np.std, (M, 1), {"correction": 1}), (np.count_nonzero, (K,)),
    (np.count_nonzero, (K,), {"axis": 1}),
    (np.average, (M,)), (np.average, (M, 1, V)), (np.average, (M,), {"weights": P}),
    (np.average, (M, 0, positive(3))),
    *(
        (function, (T,), options)
        for function in (np.cumsum, np.cumprod)
        for options in ({}, {"axis": 0}, {"axis": 2}, {"axis": -2, "dtype": "float64"})
    ),
    (np.cumsum, (K,)), (np.cumsum, (np.array([1.0, np.inf, 2.0]),)), (np.cumsum, (normal(0),)), (np.cumsum, (normal(1),)),
    (np.diff, (M,)), (np.diff, (M, 2, 0)), (np.trapezoid, (M,)), (np.trapezoid, (M, None, 0.5, 0)), (np.trapezoid, (M, V)),
    *((np.linalg.norm, (M,), options) for options in ({}, {"axis": 1}, {"ord": "fro"}, {"ord": 1}, {"ord": -1}, {"ord": np.inf}, {"ord": -np.inf}, {"axis": (0, 1), "keepdims": True}, {"ord": 1, "axis": (1, 0)})),
    *((np.linalg.norm, (V,), {"ord": ord}) for ord in (None, 0, 1, 2, 3, np.inf, -np.inf, 2.5)),
    (np.linalg.norm, (T,)), (np.linalg.norm, (T, 1, -1)), (np.linalg.norm, (T,), {"ord": np.inf, "axis": (0, 2)}),
    (np.linalg.vector_norm, (T,)), (np.linalg.vector_norm, (T,), {"axis": 1, "ord": 1}),
    (np.linalg.vector_norm, (M,), {"keepdims": True}), (np.linalg.matrix_norm, (T,)),
    # shapes
    (np.reshape, (T, (5, -1))), (np.reshape, (T, 30)), (np.ravel, (T,)), (np.transpose, (T,)), (np.transpose, (T, (1, 2, 0))),
    (np.matrix_transpose, (T,)), (np.linalg.matrix_transpose, (T,)), (np.swapaxes, (T, 0, -1)), (np.moveaxis, (T, 0, -1)),
    (np.moveaxis, (T, (0, 1), (-1, 0))), (np.rollaxis, (T, 2)), (np.rollaxis, (T, 0, 3)), (np.rollaxis, (T, 1, 2)),
    (np.squeeze, (T[:1],)), (np.squeeze, (T[:, :1], 1)), (np.expand_dims, (T, 1)), (np.expand_dims, (T, (0, -1))),
    (np.broadcast_to, (V, (3, 5))), (np.broadcast_arrays, (V, normal(3, 1))), (np.broadcast_arrays, (V, M)),
    *((function, (x,)) for function in (np.atleast_1d, np.atleast_2d, np.atleast_3d) for x in (np.array(3.0), V, M, T)),
    (np.atleast_2d, (V, M)),
    (np.flip, (T,)), (np.flip, (T, (0, 2))), (np.fliplr, (M,)), (np.flipud, (M,)),
    *((np.rot90, (T, k, axes)) for k in range(4) for axes in ((0, 1), (2, 0))),
    (np.roll, (T, 2)), (np.roll, (T, -1, 1)), (np.roll, (T, 7, 0)), (np.roll, (T, (1, -2), (0, 2))), (np.roll, (T, 3, (1, 2))),
    (np.repeat, (M, 2)), (np.repeat, (T, 3, 1)), (np.repeat, (M, (2, 0, 1), 0)), (np.tile, (M, 2)), (np.tile, (M, (2, 1, 3))),
    (np.tile, (T, (3,))), (np.meshgrid, (V, W)), (np.meshgrid, (V, W), {"indexing": "ij"}), (np.meshgrid, (V, W, normal(2)), {"sparse": True}),
    (np.take, (M, [0, -1, 7])), (np.take, (M, IDS, 0)), (np.take, (T, 1, 2)), (np.take, (T, [1, -2], -1)),
    (np.take_along_axis, (M, np.argsort(M, 1), 1)), (np.take_along_axis, (M, IDS, 1)), (np.take_along_axis, (T, IDS[None, :, :1] % 2 + np.zeros((2, 1, 1), int), -1)),
    (np.diagonal, (S,)), (np.diagonal, (M, 1)), (np.diagonal, (T, -1, 1, 2)), (np.diagonal, (T, 2, 2, 0)), (np.diagonal, (K,)), (np.linalg.diagonal, (T,)),
    (np.trace, (S,)), (np.trace, (M, 1)), (np.trace, (T, 0, 1, 2)), (np.linalg.trace, (T,)), (np.diag, (V,)), (np.diag, (V, 2)), (np.diag, (V, -1)), (np.diag, (M, 1)), (np.diagflat, (M,)),
    *((function, (x, k)) for function in (np.tril, np.triu) for x in (M, T, V) for k in (0, 1, -1)),
    # joins and parts
    (np.concatenate, ([M, N],)), (np.concatenate, ((M, N), 1)), (np.concatenate, ([M, V], None)), (np.concatenate, ([M, N],), {"axis": -1, "dtype": "float32"}),
    (np.stack, ([M, N],)), (np.stack, ([M, N], -1)), (np.vstack, ([V, M],)), (np.hstack, ([V, W],)), (np.hstack, ([M, N[:, :2]],)), (np.dstack, ([M, N],)), (np.dstack, ([V, V],)),
    (np.column_stack, ([normal(3), M],)), (np.append, (M, N)), (np.append, (M, N, 1)),
    (np.split, (M, 5, 1)), (np.split, (W, [2, 5])), (np.split, (M, [-2], -1)), (np.array_split, (W, 3)), (np.array_split, (M, 3)), (np.array_split, (W, [1])), (np.hsplit, (M, [2])), (np.hsplit, (normal(6), 3)), (np.vsplit, (M, 3)), (np.dsplit, (T, 5)), (np.unstack, (T,)), (np.unstack, (T,), {"axis": 1}),
    (np.pad, (M, 2)), (np.pad, (M, (1, 2)),), (np.pad, (M, ((1, 0), (0, 2)))), (np.pad, (V, 1), {"constant_values": 3.0}),
    (np.where, (B, M, N)), (np.where, (M, N, 0.0)), (np.where, (B, 1.0, N)), (np.select, ([B, C], [M, N])), (np.select, ([B, C], [M, 2.0], 7.0)),
    (np.zeros_like, (M,)), (np.ones_like, (M,)), (np.ones_like, (M, "int64")), (np.full_like, (M, 3.5)), (np.full_like, (K, 2.9)), (np.copy, (M,)), (np.astype, (M, "float32")), (np.real, (M,)), (np.real_if_close, (M,)),
    # products
    (np.dot, (M, V)), (np.dot, (V, V)), (np.dot, (M, N.T)), (np.dot, (V, N.T)), (np.dot, (M, 2.0)), (np.dot, (T, normal(2, 5, 7))), (np.dot, (V, normal(2, 5, 7))),
    (np.matmul, (M, N.T)), (np.matmul, (T, V)), (np.matmul, (T, normal(5, 7))), (np.linalg.matmul, (M, N.T)), (np.vdot, (M, N)), (np.inner, (M, N)), (np.inner, (T, M)), (np.inner, (V, 3.0)),
    (np.outer, (V, W)), (np.outer, (M, W)), (np.linalg.outer, (V, W)), (np.linalg.vecdot, (M, N)), (np.linalg.vecdot, (M, N), {"axis": 0}),
    (np.vecdot, (M, N)), (np.tensordot, (T, M)), (np.tensordot, (V, W, 0)), (np.tensordot, (T, M, ([2, 1], [1, 0]))), (np.tensordot, (T, M, (1, 0))), (np.linalg.tensordot, (T, M), {"axes": 2}),
    (np.linalg.multi_dot, ([M, N.T, S[:3]],)), (np.linalg.matrix_power, (S, 5)), (np.kron, (M, N[:2])), (np.kron, (V, M)), (np.kron, (V, W)),
    (np.cross, (M[:, :3], N[:, :3])), (np.cross, (M, N), {"axis": 0}), (np.linalg.cross, (M[:, :3], N[:, :3])),
    *(
        (np.einsum, case)
        for case in (
            ("ij,kj->ik", M, N), ("ij,ij", M, N), ("ij->ji", M), ("ij->j", M), ("ij->", M), ("ii", S), ("ii->i", S), ("ij", M), ("ji", M),
            ("bij,bkj->bik", T, normal(2, 7, 5)), ("...j,kj->...k", T, M), ("...ij,...jk->...ik", T, normal(5, 7)), ("i,j->ij", V, W), ("i,i", V, V), ("ij,j", M, V),
            ("ij,jk,kl->il", M, N.T, normal(3, 2)), ("ij,ik,ij->k", M, N, M), ("iij->j", normal(3, 3, 2)), ("ab,ab,ab->ab", M, N, P), ("...", M), ("i...->...", T), ("bhqd,bhkd->bhqk", normal(2, 3, 5, 7), normal(2, 3, 4, 7)), (",ij->ij", np.array(2.0), M),
        )
    ),
]  # fmt: skip


def numbered():
    counts = {}
    for function, args, *options in CASES:
        name = title(function)
        counts[name] = counts.get(name, 0) + 1
        yield pytest.param(function, args, options[0] if options else {}, id=f"{name}-{counts[name]}")


def is_operand(item):
    return (isinstance(item, np.ndarray) and item.dtype.kind in "fb") or (
        isinstance(item, np.ndarray) and item.dtype == np.int64 and item.shape == (3, 5)
    )


def replaced(value, make):
    """Return arguments with each array of numbers made into something else."""
    if is_operand(value):
        return make(value)
    if isinstance(value, list | tuple):
        return type(value)(replaced(item, make) for item in value)
    return value


def arrays_in(value):
    if is_operand(value):
        return [value]
    return [found for item in value for found in arrays_in(item)] if isinstance(value, list | tuple) else []


def flat(result):
    return list(result) if isinstance(result, list | tuple) else [result]


def described(function, args, options):
    names = iter(range(99))
    tensors = replaced(args, lambda x: F.input(f"x{next(names)}", x.shape, x.dtype))
    result = flat(function(*tensors, **options))
    return Graph({f"y{number}": item for number, item in enumerate(result)})


@pytest.mark.parametrize(("function", "args", "options"), [*numbered()])
def test_values_are_numpys(function, args, options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = flat(function(*args, **options))
    given = arrays_in(args)
    graph = described(function, args, options)
    exe = graphinit.compile(
        graph, inputs={f"x{n}": x for n, x in enumerate(given) if f"x{n}" in graph.inputs}
    )
    compiled = exe.forward(**{f"x{n}": x for n, x in enumerate(given) if f"x{n}" in graph.inputs})
    with autograd.record():
        recorded = flat(function(*replaced(args, autograd.array), **options))
        assert all(type(item) is autograd.Array for item in recorded)
    assert len(expected) == len(compiled) == len(recorded)
    for wanted, one, other in zip(expected, compiled.values(), recorded, strict=True):
        wanted = np.asarray(wanted)
        kind = "f" if wanted.dtype.kind == "f" else wanted.dtype.kind
        for value in (np.asarray(one), other.numpy()):
            assert value.shape == wanted.shape
            assert value.dtype.kind == kind
            np.testing.assert_allclose(
                value, wanted, rtol=1e-5 if wanted.dtype == "float32" else 1e-9, atol=1e-12
            )
    outside = flat(function(*replaced(args, autograd.array), **options))
    assert not any(isinstance(item, autograd.Array) for item in outside)


@pytest.mark.parametrize(("function", "args", "options"), [*numbered()])
def test_arrays_of_numpy_may_stand_beside_recorded_ones(function, args, options):
    given = arrays_in(args)
    if len(given) < 2 or function is np.full_like:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = flat(function(*args, **options))
    for place in range(len(given)):
        numbers = iter(range(len(given)))
        mixed = replaced(args, lambda x, n=numbers, p=place: autograd.array(x) if next(n) == p else x)
        with autograd.record():
            results = flat(function(*mixed, **options))
        for wanted, one in zip(expected, results, strict=True):
            np.testing.assert_allclose(one, wanted, rtol=1e-5, atol=1e-12)


STEPS = {
    np.floor_divide, np.sign, np.floor, np.ceil, np.trunc, np.rint, np.fix, np.round, np.around, np.argmax, np.argmin,
    np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.count_nonzero, np.heaviside,
}  # fmt: skip


@pytest.mark.parametrize(("function", "args", "options"), [*numbered()])
def test_gradients_are_those_of_finite_differences(function, args, options):
    given = arrays_in(args)
    if function in STEPS or any(x.dtype != np.float64 or not np.isfinite(x).all() for x in given):
        return  # constant nearly everywhere, or not differentiable here
    expected = [
        item for item in flat(function(*args, **options)) if np.asarray(item).dtype.kind == "f" and item.size
    ]
    single = any(isinstance(item, str) and item == "float32" for item in (*args, options.get("dtype")))
    if not expected or single or options.get("ord", 1) == 0 or function is np.full_like:
        return
    arrays = []

    def leaf(x):
        arrays.append(autograd.array(x))
        arrays[-1].attach_grad()
        return arrays[-1]

    with autograd.record():
        results = flat(function(*replaced(args, leaf), **options))
        total = sum((item * item).sum() for item in results if item.dtype.kind == "f")
    total.backward()
    directions = [np.random.default_rng(n).normal(size=x.shape) for n, x in enumerate(given)]
    slope = sum(float((x.grad * way).sum()) for x, way in zip(arrays, directions, strict=True))

    def along(step):
        moved = iter([x + step * way for x, way in zip(given, directions, strict=True)])
        values = flat(function(*replaced(args, lambda x: next(moved)), **options))
        return sum((np.asarray(item) ** 2).sum() for item in values if np.asarray(item).dtype.kind == "f")

    h = 1e-6
    assert slope == pytest.approx((along(h) - along(-h)) / (2 * h), rel=1e-4, abs=1e-5)


class Called(nn.Block):
    """A network that calls a function; sizes and dtypes of its inputs are not known while it is described."""

    def __init__(self, call):
        super().__init__()
        self.call = call

    def forward(self, *xs):
        return self.call(*xs)


DECIDED = {
    np.floor, np.ceil, np.trunc, np.round, np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert,
}  # fmt: skip
"""What means one thing for whole numbers and truth values, another for fractions."""


@pytest.mark.parametrize(("function", "args", "options"), [*numbered()])
def test_values_inside_a_network_are_numpys(function, args, options):
    given = arrays_in(args)
    if function in (np.nan_to_num, np.full_like):
        return  # see below
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = flat(function(*args, **options))

    def call(*xs):
        left = iter(xs)
        return flat(function(*replaced(args, lambda x: next(left)), **options))

    if function in DECIDED and given[0].dtype.kind in "ib":
        with pytest.raises(GraphInitError):
            Called(call)(*given)
        return
    results = Called(call)(*given)
    for wanted, one in zip(expected, results, strict=True):
        assert one.shape == wanted.shape
        np.testing.assert_allclose(one, wanted, rtol=1e-5 if wanted.dtype == "float32" else 1e-9, atol=1e-12)


BYTES = np.array([[187, 177, 231, 233], [9, 200, 3, 100], [5, 0, 7, 90]], np.uint8)


@pytest.mark.parametrize(
    "call",
    [
        np.cumsum, np.cumprod, lambda x: np.cumsum(x, 0), lambda x: np.cumprod(x > 5, 1), lambda x: np.cumsum(x > 5),
        lambda x: np.full_like(x, 2.7), np.trace, lambda x: np.diagonal(x > 5),
        lambda x: np.array_split(x, 3, 1), lambda x: np.roll(x, 5, 1), lambda x: np.roll(x, -9, 1),
        lambda x: np.roll(x, (7, 2, -1), (0, 1, 1)), lambda x: np.roll(x, -3), lambda x: np.hypot(x.astype("uint8"), 3),
        lambda x: np.hypot(np.array([300, 400, 2, 1]), x.astype("int64")),
    ],
)  # fmt: skip
def test_whole_numbers_inside_a_network_are_numpys(call):
    expected = flat(call(BYTES))
    results = flat(Called(call)(BYTES))
    with autograd.record():
        recorded = flat(call(autograd.array(BYTES)))
    for wanted, *ours in zip(expected, results, recorded, strict=True):
        for one in ours:
            assert one.shape == wanted.shape
            np.testing.assert_allclose(
                np.asarray(one), wanted, rtol=1e-3 if wanted.dtype.kind == "f" else 0
            )  # NumPy takes roots of bytes in float16


@pytest.mark.parametrize("call", [
    lambda x: np.einsum("ij->ii", x), lambda x: np.einsum("ij->ijk", x), lambda x: np.diff(x, -1),
])  # fmt: skip
def test_what_numpy_refuses_is_refused(call):
    with pytest.raises(ValueError):  # noqa: PT011  (NumPy's own words)
        call(M)
    with pytest.raises(OpError, match=r"np\.einsum|np\.diff"):
        call(F.input("x", (3, 5)))


@pytest.mark.parametrize("call", [
    lambda a, b: np.clip(a, b, "q"), lambda a, b: np.select([a, b], [b, "q"], a),
    lambda a, b: np.linalg.multi_dot([a, b, "q"]),
])  # fmt: skip
def test_a_composition_that_fails_leaves_nothing_behind(call):
    a, b = F.input("a", (3, 3)), F.input("b", (3, 3))
    tested = F.input("c", (3, 3))
    with pytest.raises(GraphInitError):
        call(a, b)
    assert a.builder is not b.builder
    assert [*b.builder.nodes] == ["b"]
    assert np.clip(a, b, tested).builder is a.builder is b.builder


def test_the_greatest_number_of_an_unknown_dtype_is_asked_for():
    values = np.array([np.nan, np.inf, -np.inf, 3.0], np.float16)
    with pytest.raises(DTypeError, match="give posinf= and neginf="):
        Called(np.nan_to_num)(values)
    stated = Called(lambda x: np.nan_to_num(x, posinf=5.0, neginf=-7.0))(values)
    cast = Called(lambda x: np.nan_to_num(x.astype("float16")))(values)
    assert stated.tolist() == [0, 5, -7, 3]
    assert cast.tolist() == [0, 65504, -65504, 3]


def test_numpy_is_answered_where_only_nn_was_imported():
    program = "import numpy as np\nfrom graphinit import nn\nclass Net(nn.Block):\n def forward(self, x):\n  return "
    program += "np.mean(np.exp(x))\nassert Net()(np.zeros(3)) == 1"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_meaning_has_a_case():
    looked_at = {
        np.shape,
        np.ndim,
        np.size,
        np.result_type,
        np.can_cast,
        np.iscomplexobj,
        np.isrealobj,
        np.empty_like,
    }
    names = {title(function) for function, *_ in CASES}
    newest = {"np.matvec", "np.vecmat", "np.cumulative_sum", "np.cumulative_prod"}
    assert {title(function) for function in MEANINGS} - names - {
        title(item) for item in looked_at
    } - newest == set()


# ---------------------------------------------------------------------- every function of NumPy


SPECIAL = {
    np.concatenate: lambda x: np.concatenate([x]),
    np.choose: lambda x: np.choose(x, [x, x]),
    np.empty: lambda x: np.empty(2, like=x),
    np.zeros: lambda x: np.zeros(2, like=x),
    np.fromiter: lambda x: np.fromiter([1], float, like=x),
    np.fromstring: lambda x: np.fromstring("1", sep=" ", like=x),
    np.frombuffer: lambda x: np.frombuffer(b"12345678", like=x),
    np.savez: lambda x: np.savez("nowhere", x),
    np.savez_compressed: lambda x: np.savez_compressed("nowhere", x),
    np.ravel_multi_index: lambda x: np.ravel_multi_index([x], (3,)),
    **dict.fromkeys(
        (np.poly, np.roots, recfunctions.merge_arrays, recfunctions.stack_arrays), None
    ),  # of a sequence
}


MAKING = {np.empty, np.zeros, np.fromiter, np.fromstring, np.frombuffer}


def called(function, x):
    """Call a function with an operand wherever it must be given something."""
    if function in SPECIAL:
        return (SPECIAL[function] or (lambda x: function([x])))(x)
    if isinstance(function, np.ufunc):
        return function(*[x] * function.nin)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:
        parameters = []
    needed = [
        p
        for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return function(
        *[x] * max(1, len(needed)), **({"like": x} if "like" in [p.name for p in parameters] else {})
    )


EVERY = sorted(
    {
        function
        for function in (
            *overrides.get_overridable_numpy_array_functions(),
            *overrides.get_overridable_numpy_ufuncs(),
        )
        if not function.__name__.startswith("_") and function not in LOOKING
    },
    key=title,
)


@pytest.mark.parametrize("function", EVERY, ids=title)
@pytest.mark.parametrize("kind", ["tensor", "recorded"])
def test_every_function_is_mapped_or_an_error_that_says_what_to_do(function, kind):
    x = F.input("x", (3, 3), "float64") if kind == "tensor" else autograd.array(np.eye(3))
    with autograd.record(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = called(function, x)
        except GraphInitError as error:
            if function not in MEANINGS:
                assert error.message.startswith(title(function)) or isinstance(error, SymbolicValueError)
                assert "F." in error.message or "F for it" in error.message
                assert ("x.numpy()" if kind == "recorded" else "has no value") in error.message
            return
        if function in MAKING:  # a constant of NumPy: nothing is lost
            return
        assert function in MEANINGS
        for item in flat(result):
            assert not isinstance(item, np.ndarray) or item.dtype != object


@pytest.mark.parametrize("function", sorted(LOOKING, key=title), ids=title)
def test_what_looks_is_an_error_on_tensors(function):
    with pytest.raises(OpError, match="has no value while the network is described"):
        called(function, F.input("x", (3, 3)))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (np.sum, "sum"),
        (lambda arrays: np.mean(tuple(arrays), axis=0), "mean"),
        (np.max, "max"),
        (np.linalg.norm, "linalg.norm"),
    ],
)
def test_a_list_of_recorded_arrays_does_not_lose_its_gradients_in_silence(call, name):
    x = Array(V)
    with autograd.record():
        arrays = [x * 2, x * 3]
        words = rf"np\.{name} of a list of recorded arrays would cut their gradients; join them first"
        with pytest.raises(GradientError, match=words):
            call(arrays)
        assert np.asarray(arrays).shape == (2, 5)  # asked for in so many words
        np.testing.assert_allclose(arrays, [V * 2, V * 3])
    np.testing.assert_allclose(np.sum(arrays), V.sum() * 5)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_counting_entries_as_a_norm_keeps_the_dtype(dtype):
    values = np.array([[1, 0, 2], [0, 0, 3]], dtype)
    with autograd.record():
        counted = np.linalg.norm(Array(values), 0, axis=1)
    assert counted.dtype == dtype
    np.testing.assert_array_equal(counted.numpy(), np.linalg.norm(values, 0, axis=1))
