"""Arguments of a call: what fits, what is said when they don't, and that a program runs once."""

# ruff: noqa: E501  (tables of cases)
from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from graphinit import TensorType, autograd, nn
from graphinit import functional as F
from graphinit.errors import ArrayError, CallError, DTypeError, GraphInitError, ShapeError, ValueRangeError

X = np.ones((2, 3), np.float32)


class Several(nn.Block):
    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(5, in_units=3)

    def forward(self, *xs):
        return sum(self.dense(x) for x in xs)


class Named(nn.Block):
    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(5)

    def forward(self, x, y, scale=None, **more):
        total = self.dense(x) + y
        for item in more.values():
            total = total + item
        return total if scale is None else total * scale


def made(block, **options):
    block.initialize("ones", **options)
    return block


def network():
    return made(nn.Sequential(nn.Dense(5)))


@pytest.fixture(params=["plain", "recorded"])
def scope(request):
    return autograd.record() if request.param == "recorded" else autograd.pause()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (None, "None"), ("abc", "'abc'"), ({}, r"\{\}"), ([], r"\[\]"), ((), r"\(\)"), (1j, "1j"), ({1}, "a value of class set"),
        (object, "a value of class type"), ([None], r"\[None\]"), (["a", "b"], r"\['a', 'b'\]"), (print, "a value of class"),
        ("a" * 60, "a value of class str"), (nn.Dense(3), "a value of class Dense"),
    ],
)  # fmt: skip
def test_what_is_no_input_is_named_with_what_the_network_takes(scope, given, shown):
    net = network()
    before = net[0].weight.shape
    words = rf"{net.name} takes x; {shown}.* was given for x, which is no array of real numbers"
    with scope, pytest.raises(CallError, match=words) as caught:
        net(given)
    assert "\n" not in caught.value.message
    assert net[0].weight.shape == before


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ([[1, 2], [3]], ArrayError, "input 'x' is no array: its rows are of different lengths"),
        (np.ones((2, 3), complex), ArrayError, "input 'x' is no array of real numbers, but of complex128"),
        (np.array([None]), ArrayError, "input 'x' is no array of real numbers, but of object"),
        (np.array(["a"]), ArrayError, "input 'x' is no array of real numbers, but of <U1"),
        (1, ShapeError, "x needs at least one axis"),
        (True, ShapeError, "x needs at least one axis"),
        ({"a": X}, DTypeError, "is neither a tensor nor an array of real numbers"),
        (
            [X, X],
            DTypeError,
            "a list of tensors is no tensor; give one of them, or join them by F.stack or F.concat",
        ),
    ],
)
def test_what_is_no_array_of_numbers(scope, given, kind, words):
    with scope, pytest.raises(kind, match=words):
        network()(given)


def test_arguments_that_do_not_fit(scope):
    net = made(Named())
    name = net.name
    with scope:
        for call, words in [
            (lambda: net(X), f"{name} takes x, y, scale=None; missing a required argument: 'y'"),
            (net, f"{name} takes x, y, scale=None; missing a required argument: 'x'"),
            (lambda: net(X, X, 1, 2), f"{name} takes x, y, scale=None; 4 were given in order"),
            (lambda: net(X, X, x=X), f"{name} takes x, y, scale=None; multiple values for argument 'x'"),
            (lambda: made(nn.Dense(5))(X, units=3), "takes x; got an unexpected keyword argument 'units'"),
            (lambda: network()(1, 2, 3), "takes x; 3 were given in order"),
        ]:
            with pytest.raises(CallError) as caught:
                call()
            assert words in caught.value.message


def test_a_place_for_further_arguments_is_no_input_in_messages():
    with pytest.raises(CallError, match=r"its inputs are x$"):
        network().trace(z=(2, 3))
    with pytest.raises(CallError, match=r"its inputs are any number of xs$"):
        Several().trace(z=(2, 3))
    for spec in ("2,3", TensorType((2, 3)), np.ones((2, 3)), None, 3):
        with pytest.raises(CallError, match=r"takes any number of xs: give xs\.0 and so on, or a list"):
            Several().trace(xs=spec)


def test_several_inputs_are_numbered(scope):
    net = made(Several())
    assert list(net.trace(**{"xs.0": (2, 3), "xs.1": (2, 3)}).inputs) == ["xs.0", "xs.1"]
    assert list(net.trace(xs=[(2, 3), (2, 3)]).inputs) == ["xs.0", "xs.1"]
    assert net.infer_shape((2, 3), (2, 3))["y"] == (2, 5)
    with scope:
        np.testing.assert_array_equal(net(X, 2 * X), np.full((2, 5), 9))
        np.testing.assert_array_equal(net(X), np.full((2, 5), 3))


def test_loose_keywords_are_inputs_by_their_names(scope):
    net = made(Named())
    y = np.full((2, 5), 2.0, np.float32)
    with scope:
        np.testing.assert_array_equal(net(X, y, bias=y, scale=2), np.full((2, 5), 14))


def test_named_tuples_keep_their_fields(scope):
    class Pair(NamedTuple):
        left: object
        right: object

    class Added(nn.Block):
        def forward(self, pair):
            return pair.left + pair.right

    with scope:
        np.testing.assert_array_equal(Added()(Pair(X, 2 * X)), 3 * X)


class TestOneRun:
    def net(self):
        net = made(nn.Sequential(nn.Embedding(7, 3)))
        net(np.array([1, 2]))
        return net

    def test_a_program_that_fails_runs_once(self):
        net = self.net()
        runs = []
        (key,) = net._programs.fast
        program = net._programs.fast[key]
        net._programs.fast[key] = lambda x: (runs.append(1), program(x))[1]
        with pytest.raises(ValueRangeError, match="id 9") as caught:
            net(np.array([1, 9]))
        assert runs == [1]
        assert caught.value.__context__ is None

    @pytest.mark.parametrize("kind", [KeyError, TypeError, ValueError, AttributeError])
    def test_whatever_it_raises(self, kind):
        net = self.net()
        (key,) = net._programs.fast

        def failing(x):
            raise kind("its own")

        net._programs.fast[key] = failing
        with pytest.raises(kind, match="its own"):
            net(np.array([1, 2]))

    def test_the_first_failing_call_is_its_own_error(self):
        net = made(nn.Sequential(nn.Embedding(7, 3)))
        with pytest.raises(ValueRangeError, match="id 9") as caught:
            net(np.array([1, 9]))
        assert caught.value.__context__ is None


def test_a_block_within_a_forward_is_described_whatever_it_is_given():
    class Table(nn.Block):
        def __init__(self):
            super().__init__()
            self.inner = nn.Dense(5, in_units=3, use_bias=False)

        def forward(self, x):
            return x + self.inner(X)  # an array of NumPy: the weight takes part all the same

    net = made(Table())
    net.inner(X)  # a program for it is at hand
    with autograd.record():
        y = net(np.zeros((2, 5), np.float32))
    y.backward()
    np.testing.assert_array_equal(net.inner.weight.grad(), np.full((5, 3), 2))
    assert "inner.linear" in net.trace(x=(2, 5)).nodes


def test_a_recorded_array_given_outside_of_a_recording_is_its_value():
    net = network()
    expected = net(X)
    with autograd.record():
        x = F.relu(autograd.array(X))
    np.testing.assert_array_equal(net(x), expected)


def test_errors_are_of_one_family():
    for given in (None, "abc", object, [[1, 2], [3]], 1j):
        with pytest.raises(GraphInitError):
            network()(given)
