"""One set of operators: what each does on tensors, recorded arrays, parameters and sizes."""

# ruff: noqa: E501, PLW0108, SIM300  (tables of cases)
from __future__ import annotations

import math
import operator

import numpy as np
import pytest

import graphinit
from graphinit import Graph, autograd, nn
from graphinit import functional as F
from graphinit.errors import (
    ArrayError,
    DTypeError,
    GradientError,
    OpError,
    ParameterError,
    SymbolicValueError,
)
from graphinit.ir.size import Size
from graphinit.ir.tensor import Tensor
from graphinit.parameter import Parameter

X = np.array([[0.5, 1.5, -2.0], [3.0, -0.25, 1.0]], np.float32)
W = np.array([2.0, 0.5, 1.5], np.float32)

BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne,
]  # fmt: skip


class Applied(nn.Block):
    """A function of the input and a parameter."""

    def __init__(self, function):
        super().__init__()
        self.weight = Parameter("weight", shape=(3,))
        self.function = function

    def forward(self, x):
        return self.function(x, self.weight)


def applied(function, x=X):
    net = Applied(function)
    net.weight.set_data(W)
    return net(x)


@pytest.mark.parametrize("python", [*BINARY, operator.pow])
@pytest.mark.parametrize(
    "other", [2, 2.5, True, np.float32(1.5), np.int64(2), np.array(1.5, np.float32), W], ids=repr
)
def test_every_operand_on_either_side(python, other):
    base = abs(X) + 0.5
    for name, call in {"right": lambda a: python(a, other), "left": lambda a: python(other, a)}.items():
        expected = np.asarray(call(base))
        tensor = graphinit.compile(Graph(call(F.input("x", (2, 3)))), x=base).forward(base)
        with autograd.record():
            recorded = call(autograd.array(base))
        assert type(recorded) is autograd.Array, name
        for value in (tensor, recorded):
            np.testing.assert_allclose(value, expected, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("python", BINARY)
def test_a_parameter_in_a_forward_is_its_tensor(python):
    for call in (
        lambda x, w: python(w, x), lambda x, w: python(x, w), lambda x, w: python(w, 2) + 0 * x,
        lambda x, w: python(2, w) + 0 * x, lambda x, w: python(np.float32(2), w) + 0 * x,
        lambda x, w: python(np.ones((2, 3), np.float32), w) + 0 * x,
    ):  # fmt: skip
        np.testing.assert_allclose(applied(call), call(X, W), rtol=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        lambda x, w: 2 * w + (1 - w) ** 2 + 0 * x, lambda x, w: x * w**2, lambda x, w: x @ w, lambda x, w: abs(-w) * x,
        lambda x, w: +w * x, lambda x, w: w[1:] + 0 * x[:, 1:], lambda x, w: w[None] + x, lambda x, w: w.sum() * x,
        lambda x, w: w.reshape(3, 1).T + x, lambda x, w: x * w.mean(keepdims=True), lambda x, w: x * w.astype("float32"),
        lambda x, w: np.where(w > 1, x, 0), lambda x, w: np.stack([w, w]) * x, lambda x, w: x * w.max() - w.min(),
        lambda x, w: x * divmod(w, 0.75)[1], lambda x, w: ((w > 1) & (w < 2)) * x, lambda x, w: (~(w > 1) | (w == 2)) * x,
        lambda x, w: ((w > 1) ^ True) * x, lambda x, w: np.round(w) * x, lambda x, w: x * w.std(), lambda x, w: w * x.shape[1],
        lambda x, w: x.shape[1] * w + x,
    ],
)  # fmt: skip
def test_operators_and_methods_of_parameters(call):
    np.testing.assert_allclose(applied(call), call(X, W), rtol=1e-6)


@pytest.mark.parametrize(
    "ask",
    [
        lambda w: 2 * w, lambda w: w**2, lambda w: w > 1, lambda w: w == 2.0, lambda w: w != W, lambda w: w @ W,
        lambda w: W * w, lambda w: np.float32(2) * w, lambda w: w[0], lambda w: w.sum(), abs, list, float, len,
        np.sum, np.exp, np.asarray, lambda w: np.stack([w, w]), lambda w: 1 in w, lambda w: F.relu(w),
    ],
)  # fmt: skip
def test_a_parameter_outside_a_forward_says_where_its_array_is(ask):
    with pytest.raises(ParameterError, match=r"elsewhere data\(\) is its array"):
        ask(Parameter("weight", shape=(3,)))


def test_parameters_are_told_apart_as_objects():
    one, other = Parameter("a", shape=(3,)), Parameter("b", shape=(3,))
    assert one == one
    assert one != other
    assert one in [other, one]
    assert one not in [other]
    assert one != None  # noqa: E711
    assert len({one, other, one}) == 2
    assert bool(one)


class TestTruth:
    def test_only_truth_values_are_combined(self):
        x = F.input("x", (3,))
        for call in (lambda: x & x, lambda: x | 1, lambda: ~x, lambda: (x > 0) & x, lambda: 2 ^ (x > 0)):
            with pytest.raises(DTypeError, match="truth values"):
                call()
        with pytest.raises(DTypeError, match="unknown dtype"):
            F.input("z", (3,), dtype=None) & (x > 0)
        with pytest.raises(OpError, match="<< and >> have no op"):
            x << 2

    def test_arrays_of_truth_values_stand_on_either_side(self):
        mask = np.array([True, False, True])
        for call in (lambda x: mask & (x > 1), lambda x: (x > 1) | mask, lambda x: mask ^ (x > 1)):
            with autograd.record():
                recorded = call(autograd.array(W))
            np.testing.assert_array_equal(recorded, call(W))


def test_rounding_is_numpys():
    x = np.array([0.5, 1.5, -0.5, 2.4, -2.6, np.inf, 0.49999997], np.float32)
    exe = graphinit.compile(Graph([round(F.input("x", (7,))), round(F.input("x2", (7,)), 1)]))
    first, second = exe.forward(x, x)
    np.testing.assert_array_equal(first, np.round(x))
    np.testing.assert_allclose(second, np.round(x, 1), rtol=1e-6)


def test_numbers_of_any_size():
    x = F.input("x", (3,))
    np.testing.assert_allclose(graphinit.compile(Graph(x * 2**70)).forward(W), W * 2.0**70)


def test_nothing_is_written_to():
    x = F.input("x", (3,))
    with pytest.raises(OpError, match=r"F\.where"):
        x[0] = 1
    with pytest.raises(OpError, match=r"F\.where"):
        autograd.array(W)[0] = 1


class TestInPlace:
    def test_a_tensor_gets_a_new_name(self):
        x = F.input("x", (3,))
        y = x
        y += 1
        assert y is not x
        assert y.builder.nodes["add"].op == "add"

    def test_a_recorded_result_gets_a_new_name(self):
        x = autograd.array(W)
        x.attach_grad()
        with autograd.record():
            y = total = x * 2
            total += x
            total *= 3.0
        total.backward()
        np.testing.assert_allclose(x.grad, 9)
        np.testing.assert_allclose(y, 2 * W)

    def test_what_gradients_are_taken_of_is_not_changed_while_recording(self):
        x = autograd.array(W)
        x.attach_grad()
        with autograd.record(), pytest.raises(GradientError, match="not changed in place"):
            x += 1
        np.testing.assert_array_equal(x, W)

    def test_a_step_of_descent_keeps_the_array_and_its_gradient(self):
        x = autograd.array(W)
        x.attach_grad()
        same = x
        for _ in range(2):
            with autograd.record():
                loss = (x * x).sum()
            loss.backward()
            before = x.numpy().copy()
            x -= 0.25 * x.grad
            assert x is same
            np.testing.assert_allclose(x, before / 2)
        np.testing.assert_allclose(x.grad, W)
        with pytest.raises(ArrayError, match="cannot take values of shape"):
            x += np.ones((2, 3))

    def test_an_array_of_numpy_takes_no_recorded_value(self):
        total = np.zeros(3, np.float32)
        x = autograd.array(W)
        with autograd.record(), pytest.raises(OpError, match=r"np\.add has no out="):
            total += x
        total += x
        np.testing.assert_array_equal(total, W)


class TestSizes:
    @pytest.fixture
    def n(self):
        return F.input("x", (-1, 5)).shape[0]

    @pytest.mark.parametrize(
        ("make", "text"),
        [
            (lambda n: -n, "-x.shape[0]"), (lambda n: n**2, "x.shape[0]**2"), (lambda n: n**0, None),
            (lambda n: np.int64(3) * n, "3*x.shape[0]"), (lambda n: n // np.int32(2), "x.shape[0]//2"),
            (lambda n: 1 - n, "1 - x.shape[0]"), (lambda n: divmod(n, 2)[1], "x.shape[0] % 2"), (lambda n: +n, "x.shape[0]"),
            (abs, "x.shape[0]"), (round, "x.shape[0]"), (lambda n: 12 // n, "12//x.shape[0]"),
        ],
    )  # fmt: skip
    def test_whole_numbers_give_sizes(self, n, make, text):
        made = make(n)
        assert (made == 1) if text is None else (type(made) is Size and str(made) == text)

    @pytest.mark.parametrize(
        "make",
        [
            lambda n: n / 2, lambda n: 2 / n, lambda n: n**0.5, lambda n: n**-1, lambda n: n * 0.5, lambda n: 2.5 - n,
            lambda n: n // 2.0, lambda n: n % 1.5, lambda n: 2**n, np.sqrt, np.log, lambda n: np.float32(2) * n,
        ],
    )  # fmt: skip
    def test_fractions_give_numbers_of_the_graph(self, make):
        x = F.input("x", (-1, 5))
        number = make(x.shape[0])
        assert isinstance(number, Tensor)
        y = graphinit.compile(Graph(x * number), x=(4, 5)).forward(np.ones((4, 5)))
        np.testing.assert_allclose(y, make(4), rtol=1e-6)

    def test_with_tensors(self):
        x = F.input("x", (-1, 5))
        n = x.shape[0]
        for call in (
            lambda t, s: t * s,
            lambda t, s: s - t,
            lambda t, s: s / t,
            lambda t, s: t < s,
            lambda t, s: s < t,
        ):
            y = graphinit.compile(Graph(call(x, n)), x=(4, 5)).forward(np.full((4, 5), 2.0))
            np.testing.assert_allclose(y, call(np.full((4, 5), 2.0), 4))

    def test_comparisons_with_numbers_are_errors(self, n):
        for ask in (lambda: n < 3, lambda: n == 3, lambda: n != 3, lambda: 3 >= n, lambda: math.sqrt(n)):
            with pytest.raises(SymbolicValueError, match="pass the input's shape to trace"):
                ask()

    def test_it_serves_in_products_of_shapes(self):
        x = F.input("x", (-1, 3, 5))
        assert str(np.prod(x.shape[:2])) == "3*x.shape[0]"
        y = F.reshape(x, (np.int64(3) * x.shape[0], -1))
        assert graphinit.compile(Graph(y), x=(2, 3, 5)).forward(np.ones((2, 3, 5))).shape == (6, 5)


def test_recorded_arrays_and_tensors_do_not_mix():
    x, y = autograd.array(W), F.input("y", (3,))
    for call in (lambda: x * y, lambda: y * x, lambda: np.add(x, y), lambda: F.where(y > 0, x, y)):
        with pytest.raises(OpError, match=r"x\.numpy\(\)"), autograd.record():
            call()


def test_numpy_functions_need_known_sizes_only_where_they_use_them():
    x = F.input("x", (-1, 2, 5, 7))
    y = np.einsum("bhqd,bhkd->bhqk", x, x) / np.sqrt(x.shape[-1])
    values = np.random.default_rng(0).normal(size=(3, 2, 5, 7)).astype(np.float32)
    expected = np.einsum("bhqd,bhkd->bhqk", values, values) / np.sqrt(7)
    np.testing.assert_allclose(graphinit.compile(Graph(y), x=values).forward(values), expected, rtol=1e-5)
    with pytest.raises(SymbolicValueError):
        np.cumsum(F.input("z", (-1, 5)), axis=0)
