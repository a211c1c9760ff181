"""Parameters: the ladder of states, and that a failed call changes nothing."""

import numpy as np
import pytest

from graphinit import init
from graphinit.constant import Constant
from graphinit.errors import (
    ArrayError,
    DeferredInitializationError,
    DTypeError,
    GradientError,
    ParameterError,
    ShapeError,
    SpellingError,
    UninitializedError,
)
from graphinit.parameter import Parameter


@pytest.mark.parametrize(
    ("old", "new", "result"),
    [
        ((4, -1), (4, 5), (4, 5)),
        ((-1, -1), (3, 4), (3, 4)),
        ((-1, -1), (3, -1), (3, -1)),
        ((4, -1), [4, 5], (4, 5)),
        (None, (3, 4), (3, 4)),
        (7, (7,), (7,)),
    ],
)
def test_shapes_fill_in(old, new, result):
    parameter = Parameter("w", shape=old)
    parameter.shape = new
    assert parameter.shape == result


@pytest.mark.parametrize(
    ("old", "new"),
    [((4, 5), (4, 6)), ((4, 5), (4, -1)), ((4, -1), (-1, 5)), ((4, -1), (5, -1)), ((4,), (4, 5)), ((), (1,))],
)
def test_known_sizes_stay(old, new):
    parameter = Parameter("w", shape=old)
    with pytest.raises(AssertionError, match="GI403"):
        parameter.shape = new
    assert parameter.shape == old


@pytest.mark.parametrize("bad", [(2, -3), (2.5,), ("n",), (float("nan"),), "abc", (True,)])
def test_what_is_no_shape(bad):
    with pytest.raises((ShapeError, ParameterError)):
        Parameter("w", shape=bad)


def test_the_ladder():
    parameter = Parameter("w", shape=(3, -1))
    with pytest.raises(RuntimeError, match="has not been initialised") as first:
        parameter.data()
    assert not isinstance(first.value, DeferredInitializationError)
    parameter.initialize("ones")
    for read in (parameter.data, parameter.grad):
        with pytest.raises(DeferredInitializationError, match="waits for its shape"):
            read()
    parameter.shape = (3, 5)
    parameter.settle()
    assert parameter.data().tolist() == np.ones((3, 5)).tolist()
    assert parameter.data() is parameter.data()
    assert not parameter.grad().any()
    parameter.grad_req = "null"
    with pytest.raises(GradientError, match="null"):
        parameter.grad()
    parameter.grad_req = "write"
    assert parameter.grad().shape == (3, 5)


def test_initialise_twice_warns_at_the_callers_line_and_keeps_the_values():
    parameter = Parameter("w", shape=(3,))
    parameter.initialize("ones")
    with pytest.warns(UserWarning, match="Parameter 'w' is already initialized") as caught:
        parameter.initialize("zeros")
    assert caught[0].filename == __file__
    assert parameter.data().tolist() == [1, 1, 1]
    parameter.initialize("zeros", force_reinit=True)
    assert parameter.data().tolist() == [0, 0, 0]


def test_precedence_of_initializers():
    own = Parameter("w", shape=(2,), init=init.Constant(2))
    own.initialize(default_init=init.Constant(3))
    assert own.data().tolist() == [2, 2]
    own.initialize(init.Constant(4), default_init=init.Constant(3), force_reinit=True)
    assert own.data().tolist() == [4, 4]
    plain = Parameter("w", shape=(2,))
    plain.initialize(default_init=init.Constant(3))
    assert plain.data().tolist() == [3, 3]


def test_a_wish_can_change_until_it_is_granted():
    parameter = Parameter("w", shape=(-1,))
    parameter.initialize(init.Constant(1))
    parameter.initialize(init.Constant(2))
    parameter.shape = (3,)
    parameter.settle()
    assert parameter.data().tolist() == [2, 2, 2]


def test_deferring_can_be_forbidden():
    parameter = Parameter("w", shape=(2, -1), allow_deferred_init=False)
    with pytest.raises(ValueError, match="does not allow deferred"):
        parameter.initialize()
    with pytest.raises(UninitializedError):
        parameter.data()


@pytest.mark.parametrize("rung", ["declared", "deferred", "ready"])
def test_data_can_be_set_on_any_rung(rung):
    parameter = Parameter("w", shape=(2, -1))
    if rung != "declared":
        parameter.initialize()
    if rung == "ready":
        parameter.set_data(np.zeros((2, 3)))
    parameter.set_data(np.arange(6.0).reshape(2, 3))
    assert parameter.data().dtype == np.float32
    assert parameter.data().tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(AssertionError, match="GI403"):
        parameter.set_data(np.zeros((2, 5)))
    assert parameter.shape == (2, 3)


@pytest.mark.parametrize("bad", [np.zeros((2, 3), complex), np.array([["a"]]), object()])
def test_data_that_are_no_real_numbers(bad):
    parameter = Parameter("w", shape=(2, -1))
    with pytest.raises(ArrayError, match="GI302"):
        parameter.set_data(bad)
    assert parameter.shape == (2, -1)


def test_writing_into_data_changes_the_parameter():
    parameter = Parameter("w", shape=(2, 3))
    parameter.initialize("zeros")
    parameter.data()[:] += 1
    parameter.data()[0, 0] = 42
    assert parameter.data().tolist() == [[42, 1, 1], [1, 1, 1]]


@pytest.mark.parametrize(("request_", "result"), [("write", 2), ("add", 3), ("null", None)])
def test_gradients_as_requested(request_, result):
    parameter = Parameter("w", shape=(1,), grad_req=request_)
    parameter.initialize()
    parameter.accept_gradient(np.array([1.0], np.float32))
    parameter.accept_gradient(np.array([2.0], np.float32))
    if result is not None:
        assert parameter.grad().tolist() == [result]
        parameter.zero_grad()
        assert parameter.grad().tolist() == [0]


def test_a_bad_request():
    parameter = Parameter("w")
    with pytest.raises(AssertionError, match="'foo'"):
        parameter.grad_req = "foo"
    assert parameter.grad_req == "write"
    fixed = Parameter("w", differentiable=False)
    fixed.grad_req = "write"
    assert fixed.grad_req == "null"


def test_cast_on_every_rung():
    parameter = Parameter("w", shape=(2, -1))
    parameter.cast("float64")
    parameter.initialize("ones")
    parameter.shape = (2, 3)
    parameter.settle()
    assert parameter.data().dtype == np.float64
    parameter.dtype = "float16"
    assert parameter.data().dtype == parameter.grad().dtype == np.float16
    with pytest.raises(DTypeError):
        parameter.cast("complex64")
    assert parameter.dtype == "float16"


def test_an_initializer_that_fails_changes_nothing():
    parameter = Parameter("w", shape=(3,))
    parameter.initialize("ones")
    with pytest.raises(ParameterError, match="at least two axes"):
        parameter.initialize(init.Xavier(), force_reinit=True)
    assert parameter.data().tolist() == [1, 1, 1]
    with pytest.raises(ParameterError, match="no initializer is registered as 'foo'"):
        parameter.initialize("foo", force_reinit=True)


def test_constants():
    constant = Constant([[1, 2], [3, 4]])
    assert repr(constant) == "Constant (shape=(2, 2), dtype=float32)"
    with pytest.raises(RuntimeError):
        constant.data()
    constant.initialize(default_init="ones")
    assert constant.data().tolist() == [[1, 2], [3, 4]]
    with pytest.warns(UserWarning, match='Constant parameter "const" does not support'):
        constant.grad_req = "write"
    constant.set_data(np.zeros((2, 2)))
    constant.initialize(force_reinit=True)
    assert constant.data().tolist() == [[1, 2], [3, 4]]
    constant.initialize("zeros", force_reinit=True)
    assert not constant.data().any()


def test_repr():
    assert repr(Parameter("weight", shape=(2, 3))) == "Parameter (shape=(2, 3), dtype=float32)"


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: Parameter(np.ones(3)), SpellingError, "write nn.Parameter('weight', shape=shape, init=init.Constant"),
        (lambda: Parameter(3), ParameterError, "the name of a parameter is text, not 3; its shape is shape="),
        (lambda: Parameter(lr_mult="a"), ParameterError, "lr_mult is a finite number, not 'a'"),
        (lambda: Parameter(wd_mult=float("nan")), ParameterError, "wd_mult is a finite number, not nan"),
    ],
)  # fmt: skip
def test_what_no_parameter_is_made_of(make, kind, words):
    with pytest.raises(kind) as caught:
        make()
    assert words in caught.value.message
