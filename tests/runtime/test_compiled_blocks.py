"""Blocks, compiled: parameters settled and fetched, gradients stored, modes, dtypes."""

from __future__ import annotations

import numpy as np
import pytest

import graphinit
from graphinit import init, nn
from graphinit.errors import CallError, ExecutionError, ShapeError, UninitializedError

X = np.random.default_rng(0).standard_normal((2, 5)).astype(np.float32)


def network() -> nn.Sequential:
    net = nn.Sequential(nn.Dense(7, activation="relu"), nn.Dense(3))
    net.initialize(init.Xavier())
    return net


def by_hand(net, x):
    w0, b0, w1, b1 = (parameter.data() for parameter in net.collect_params().values())
    hidden = np.maximum(x @ w0.T + b0, 0)
    return hidden, hidden @ w1.T + b1


def test_compiling_settles_and_draws_deferred_parameters():
    net = network()
    exe = graphinit.compile(net, x=(2, 5))
    assert net.collect_params()["0.weight"].shape == (7, 5)
    np.testing.assert_allclose(exe.forward(X), by_hand(net, X)[1], rtol=1e-5, atol=1e-6)


def test_gradients_go_to_the_parameters_as_they_ask():
    net = network()
    parameters = net.collect_params()
    exe = graphinit.compile(net, x=(2, 5))
    parameters["1.bias"].grad_req = "add"
    exe.forward(X)
    dy = np.ones((2, 3), np.float32)
    for _ in range(2):
        grads = exe.backward(dy)
    hidden, _ = by_hand(net, X)
    assert list(grads) == ["x", "0.weight", "0.bias", "1.weight", "1.bias"]
    np.testing.assert_allclose(grads["1.weight"], dy.T @ hidden, rtol=1e-5)
    np.testing.assert_array_equal(parameters["1.weight"].grad(), grads["1.weight"])
    np.testing.assert_array_equal(parameters["1.bias"].grad(), 2 * grads["1.bias"])
    grads["1.weight"][...] = 0
    assert parameters["1.weight"].grad().any()


def test_parameters_that_ask_for_no_gradient_get_none():
    net = network()
    net.collect_params()["0.weight"].grad_req = "null"
    exe = graphinit.compile(net, x=(2, 5))
    exe.forward(X)
    assert "0.weight" not in exe.backward()


def test_new_values_need_no_compilation():
    net = network()
    exe = graphinit.compile(net, x=(2, 5), grad=False)
    weight = net.collect_params()["1.weight"]
    for change in (
        lambda: weight.set_data(np.ones((3, 7))),
        lambda: weight.data().fill(2),
        lambda: net.initialize(init.Normal(), force_reinit=True),
    ):
        change()
        np.testing.assert_allclose(exe.forward(X), by_hand(net, X)[1], rtol=1e-5, atol=1e-6)


def test_a_cast_network_must_be_compiled_again():
    net = network()
    exe = graphinit.compile(net, x=(2, 5))
    exe.forward(X)
    net.cast("float64")
    with pytest.raises(ShapeError, match="compile again"):
        exe.forward(X)


def test_a_network_without_values_does_not_compile():
    with pytest.raises(UninitializedError):
        graphinit.compile(nn.Sequential(nn.Dense(3)), x=(2, 5))
    with pytest.raises(CallError, match="for graphs"):
        graphinit.compile(network(), x=(2, 5), parameters={})


def test_a_compilation_that_fails_changes_nothing():
    net = nn.Sequential(nn.Dense(7), nn.Dense(3, in_units=11))
    net.initialize()
    with pytest.raises(ShapeError):
        graphinit.compile(net, x=(2, 5))
    assert net.collect_params()["0.weight"].shape == (7, -1)


@pytest.mark.parametrize(
    "given", [X.astype(np.float64), X.astype(np.float16), np.ones((2, 5), np.int64), (2, 5)]
)
def test_inputs_take_the_dtype_of_the_parameters(given):
    for dtype in ("float32", "float64"):
        net = network()
        net.cast(dtype)
        exe = graphinit.compile(net, x=given)
        assert str(exe.inputs["x"]) == f"{dtype}[2, 5]"
        assert exe.forward(np.ones((2, 5), np.int32)).dtype == dtype


def test_a_stated_dtype_and_arrays_without_parameters_keep_theirs():
    assert str(graphinit.compile(network(), x="float64[2, 5]").inputs["x"]) == "float64[2, 5]"
    relu = nn.Activation("relu")
    assert str(graphinit.compile(relu, x=X.astype(np.float64)).inputs["x"]) == "float64[2, 5]"


def test_dropout_draws_anew_in_training_and_does_nothing_otherwise():
    net = nn.Sequential(nn.Dropout(0.5))
    net.initialize()
    x = np.ones((50, 20), np.float32)
    still = graphinit.compile(net, x=x)
    np.testing.assert_array_equal(still.forward(x), x)
    moving = graphinit.compile(net, x=x, train=True)
    first, second = moving.forward(x), moving.forward(x)
    assert set(np.unique(first)) == {0, 2}
    assert (first != second).any()
    np.testing.assert_array_equal(moving.backward()["x"], second)


def test_training_mode_without_gradients_still_moves_random_streams():
    net = nn.Sequential(nn.Dropout(0.5))
    net.initialize()
    exe = graphinit.compile(net, x=(50, 20), train=True, grad=False)
    x = np.ones((50, 20), np.float32)
    assert (exe.forward(x) != exe.forward(x)).any()
    with pytest.raises(ExecutionError):
        exe.backward()


def test_the_checked_pipeline_gives_equal_results():
    net = network()
    plain = graphinit.compile(net, x=(2, 5))
    careful = graphinit.compile(net, x=(2, 5), pipeline="checked")
    written = graphinit.compile(net, x=(2, 5), pipeline="none")
    np.testing.assert_array_equal(plain.forward(X), careful.forward(X))
    np.testing.assert_array_equal(plain.forward(X), written.forward(X))
    for name, gradient in plain.backward().items():
        np.testing.assert_allclose(careful.backward()[name], gradient, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(written.backward()[name], gradient, rtol=1e-5, atol=1e-6)


def test_inner_values_of_a_network():
    net = network()
    got = graphinit.compile(net, x=(2, 5), outputs=["0.relu"]).forward(X)
    assert list(got) == ["y", "0.relu"]
    np.testing.assert_allclose(got["0.relu"], by_hand(net, X)[0], rtol=1e-5, atol=1e-6)
