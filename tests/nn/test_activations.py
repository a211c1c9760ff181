"""Activations: as layers, by name, and as functions, wherever a layer takes one."""

import copy
import math
import pickle

import numpy as np
import pytest

import graphinit
from graphinit import functional as F
from graphinit import nn
from graphinit.errors import BlockError
from graphinit.functional import __all__ as functions
from graphinit.ir.graph import Graph
from graphinit.nn.basic import ACTIVATIONS

X = np.array([[-7.0, -3.0, -1.5, -0.25, 0.0], [0.5, 1.0, 2.5, 3.0, 8.0]], np.float32)


def logistic(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)


FORMULAS = {
    "ReLU": lambda x: np.maximum(x, 0),
    "ReLU6": lambda x: np.minimum(np.maximum(x, 0), 6),
    "Sigmoid": logistic,
    "LogSigmoid": lambda x: np.log(logistic(x)),
    "Hardsigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "Tanh": np.tanh,
    "Hardtanh": lambda x: np.clip(x, -1, 1),
    "Softplus": lambda x: np.log1p(np.exp(x)),
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "SiLU": lambda x: x * logistic(x),
    "Swish": lambda x: x * logistic(x),
    "Hardswish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "Mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "SELU": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "ELU": lambda x: np.where(x > 0, x, np.expm1(x)),
    "GELU": lambda x: x * np.vectorize(lambda v: (1 + math.erf(v / math.sqrt(2))) / 2)(x),
    "LeakyReLU": lambda x: np.where(x > 0, x, 0.01 * x),
    "Softmax": softmax,
    "LogSoftmax": lambda x: np.log(softmax(x)),
    "Identity": lambda x: x,
}


@pytest.mark.parametrize("name", FORMULAS)
def test_each_is_a_layer_without_arguments(name):
    net = nn.Sequential(getattr(nn, name)())
    y = net(X)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, FORMULAS[name](X.astype(np.float64)), rtol=1e-5, atol=1e-6)
    assert not net.collect_params()
    for again in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(again(X), y)
    graph = net.trace(x=X)
    assert Graph.from_json(graph.to_json()) == graph


@pytest.mark.parametrize("name", [name for name in FORMULAS if name != "Identity"])
def test_gradients_are_those_of_the_formula(name):
    x = np.array([[-5.0, -1.7, -0.4], [0.3, 2.2, 7.5]])
    exe = graphinit.compile(getattr(nn, name)(), x=TYPE)
    exe.forward(x)
    weights = np.cos(np.arange(x.size)).reshape(x.shape)
    found = exe.backward(weights)["x"]
    step = 1e-6
    for place in np.ndindex(x.shape):
        shift = np.zeros_like(x)
        shift[place] = step
        change = (FORMULAS[name](x + shift) - FORMULAS[name](x - shift)) / (2 * step)
        assert abs(found[place] - (weights * change).sum()) < 1e-6, place


TYPE = "float64[2, 3]"


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_takes_an_axis(axis):
    np.testing.assert_allclose(nn.Softmax(axis)(X), softmax(X, axis), rtol=1e-5)
    np.testing.assert_allclose(nn.LogSoftmax(axis=axis)(X), np.log(softmax(X, axis)), rtol=1e-4)
    assert repr(nn.LogSoftmax(axis)) == f"LogSoftmax(axis={axis})"


def test_hard_swish_is_zero_far_below():
    assert nn.Hardswish()(np.array([-np.inf, -1e30], np.float32)).tolist() == [0, 0]


def test_they_print_as_pytorch_s():
    net = nn.Sequential(nn.Dense(8), nn.ReLU(), nn.Dense(1), nn.Sigmoid())
    assert repr(net) == (
        "Sequential(\n  (0): Dense(-1 -> 8, linear)\n  (1): ReLU()\n  (2): Dense(-1 -> 1, linear)\n  (3): Sigmoid()\n)"
    )


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_name_and_its_function_are_the_same(name):
    function = ACTIVATIONS[name]
    nets = [
        nn.Sequential(nn.Dense(5, activation=name)),
        nn.Sequential(nn.Dense(5, activation=function)),
        nn.Sequential(nn.Dense(5), nn.Activation(name)),
        nn.Sequential(nn.Dense(5), nn.Activation(function)),
        nn.Sequential(nn.Dense(5), function),
        nn.Sequential(nn.Dense(5), nn.Lambda(function)),
    ]
    for net in nets:
        net.initialize(seed=3)
    first, *others = [net(X) for net in nets]
    for other in others:
        np.testing.assert_array_equal(other, first)
    assert nets[0].trace() == nets[1].trace()


def doubled(x):
    return F.relu(x) * 2


LAYERS = {
    "Dense": (lambda act: nn.Dense(4, activation=act), (2, 3)),
    "Conv1D": (lambda act: nn.Conv1D(4, 2, activation=act), (2, 3, 5)),
    "Conv2D": (lambda act: nn.Conv2D(4, 2, activation=act), (2, 3, 5, 6)),
    "Conv3D": (lambda act: nn.Conv3D(4, 2, activation=act), (2, 3, 5, 6, 7)),
    "Conv1DTranspose": (lambda act: nn.Conv1DTranspose(4, 2, activation=act), (2, 3, 5)),
    "Conv2DTranspose": (lambda act: nn.Conv2DTranspose(4, 2, activation=act), (2, 3, 5, 6)),
    "Conv3DTranspose": (lambda act: nn.Conv3DTranspose(4, 2, activation=act), (2, 3, 5, 6, 7)),
    "PositionwiseFFN": (lambda act: nn.PositionwiseFFN(4, 6, activation=act), (2, 3, 5)),
    "TransformerEncoderLayer": (lambda act: nn.TransformerEncoderLayer(4, 2, 6, activation=act), (2, 3, 4)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_takes_names_functions_and_layers(name):
    make, shape = LAYERS[name]
    x = np.cos(np.arange(math.prod(shape))).reshape(shape)
    results = []
    for act in ("relu", F.relu, nn.ReLU(), nn.Activation("relu"), lambda x: F.maximum(x, 0)):
        net = make(act)
        net.initialize(seed=1)
        results.append(net(x))
        assert np.isfinite(net(x)).all()
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])
    net = make(doubled)
    net.initialize(seed=1)
    twice = net(x)
    assert (twice != results[0]).any()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(net))(x), twice)


def test_an_activation_may_have_parameters(tmp_path):
    net = nn.Sequential(nn.Dense(4, activation=nn.PReLU(in_channels=-1)), nn.Dense(2))
    assert list(net.collect_params())[:3] == ["0.weight", "0.bias", "0.act.alpha"]
    net.initialize()
    y = net(X)
    assert net.collect_params()["0.act.alpha"].shape == (4,)
    assert repr(net[0]) == "Dense(5 -> 4, PReLU(in_channels=4))"
    exe = graphinit.compile(net, x=X)
    exe.forward(X)
    exe.backward()
    assert net[0].act.alpha.grad().any()
    net.save_parameters(tmp_path / "net.safetensors")
    again = nn.Sequential(nn.Dense(4, activation=nn.PReLU(in_channels=-1)), nn.Dense(2))
    again.load_parameters(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(again(X), y)


def test_hooks_of_a_layer_given_as_activation_run():
    seen = []
    act = nn.Tanh()
    act.register_forward_hook(lambda block, inputs, output: seen.append(block))
    net = nn.Dense(4, activation=act)
    net.initialize()
    net(X)
    assert seen == [act]


def test_a_function_prints_by_its_name():
    assert repr(nn.Dense(4, activation=F.relu)) == "Dense(-1 -> 4, Activation(relu))"
    assert repr(nn.Dense(4, activation=lambda x: x)) == "Dense(-1 -> 4, Activation(<lambda>))"
    assert repr(nn.Dense(4, activation=nn.Softmax(0))) == "Dense(-1 -> 4, Softmax(axis=0))"


def test_a_lambda_is_copied_and_not_pickled():
    net = nn.Dense(4, activation=lambda x: F.relu(x) * 2)
    net.initialize()
    np.testing.assert_array_equal(copy.deepcopy(net)(X), net(X))
    with pytest.raises(
        BlockError, match=r"Activation 'act' cannot be pickled: its attribute _function is a lambda"
    ):
        pickle.dumps(net)


def test_nodes_of_a_function_belong_to_the_layer():
    net = nn.Sequential(nn.Dense(4, activation=doubled))
    assert [node.name for node in net.trace() if not node.is_source] == ["0.linear", "0.relu", "0.multiply"]


@pytest.mark.parametrize("act", ["tanh", F.tanh, nn.Tanh(), lambda x: 1 * F.tanh(x)])
def test_cells_take_every_activation(act):
    plain, cell = nn.RNNCell(4), nn.RNNCell(4, activation=act)
    for each in (plain, cell):
        each.initialize(seed=2)
    np.testing.assert_array_equal(cell(X, cell.begin_state(2))[0], plain(X, plain.begin_state(2))[0])
    outputs, _ = cell.unroll(3, np.ones((2, 3, 5), np.float32))
    assert outputs.shape == (2, 3, 4)


def test_recurrent_layers_take_relu_and_tanh():
    x = np.ones((3, 2, 5), np.float32)
    for name, function in (("relu", F.relu), ("tanh", F.tanh)):
        nets = [nn.RNN(4, activation=name), nn.RNN(4, activation=function)]
        for net in nets:
            net.initialize(seed=2)
        np.testing.assert_array_equal(nets[0](x), nets[1](x))
    for wrong in ("gelu", F.sigmoid, nn.ReLU(), None):
        with pytest.raises(
            BlockError, match=r"activation of an RNN is 'relu' or 'tanh'; .*unroll an RNNCell"
        ):
            nn.RNN(4, activation=wrong)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("rleu", "relu"),
        ("ReLU", "relu"),
        ("sigmod", "sigmoid"),
        ("leakyrelu", "leaky_relu"),
        ("soft_max", "softmax"),
    ],
)
def test_a_wrong_name_gets_a_suggestion(written, meant):
    message = f"there is no activation '{written}'; did you mean '{meant}'?"
    for make in (nn.Activation, lambda name: nn.Dense(4, activation=name)):
        with pytest.raises(BlockError) as caught:
            make(written)
        assert caught.value.message == message


def test_a_name_like_none_gets_the_list():
    with pytest.raises(BlockError, match=r"there is no activation 'xyzzy'; there are relu, sigmoid, tanh, "):
        nn.Activation("xyzzy")
    with pytest.raises(BlockError, match=r"has no function 'sofmax'; did you mean 'softmax'\?"):
        nn.Lambda("sofmax")


@pytest.mark.parametrize(
    ("wrong", "words"), [(nn.ReLU, "the class ReLU; call it to make one"), (3, "3"), (True, "True")]
)
def test_what_is_no_activation_is_refused(wrong, words):
    for make in (nn.Activation, lambda act: nn.Dense(4, activation=act)):
        with pytest.raises(BlockError) as caught:
            make(wrong)
        assert (
            caught.value.message == f"an activation is a name, a layer or a function of tensors, not {words}"
        )


def test_every_activation_by_name_is_a_public_function():
    assert {function.__name__ for function in ACTIVATIONS.values()} <= set(functions)


def test_layers_of_functions_take_no_arguments():
    for made, words in (
        (lambda: nn.ReLU(True), r"ReLU takes no arguments; got True"),
        (lambda: nn.Tanh(3, "x"), r"Tanh takes no arguments; got 3, 'x'"),
        (lambda: nn.Softmax("a"), r"axis is a whole number; got 'a'"),
        (lambda: nn.LogSoftmax(None), r"axis is a whole number; got None"),
        (lambda: nn.Dense(3, activation="linear"), r"there is no activation 'linear'; leave it out"),
    ):
        with pytest.raises(BlockError, match=words):
            made()
    assert repr(nn.Softmax(np.int64(1))) == "Softmax(axis=1)"
