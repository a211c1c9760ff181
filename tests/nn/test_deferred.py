"""A parameter whose shape is not known yet is a full citizen; values depend on seed and path alone."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphinit
from graphinit import init, nn
from graphinit.errors import DeferredInitializationError, ShapeError
from passes import infer_shapes


def ramp(*shape):
    return np.sin(np.arange(np.prod(shape)).reshape(shape) * 0.37 + 0.1).astype(np.float32)


def mlp(*widths):
    return nn.Sequential(*(nn.Dense(width, activation="relu") for width in widths))


@pytest.mark.parametrize("when", ["before", "after"])
def test_assigned_data_are_evidence(when):
    net = mlp(7, 3)
    if when == "after":
        net.initialize()
    net[0].weight.set_data(ramp(7, 20))
    if when == "before":
        initialize_quietly(net)
    report = infer_shapes(net.trace(), x=("batch", 4, -1))
    assert report["x"] == ("batch", 4, 5)
    with pytest.raises(ShapeError) as caught:
        net(ramp(2, 21))
    assert "0.weight" in str(caught.value)
    y = net(ramp(2, 4, 5))
    hidden = np.maximum(ramp(2, 20) @ ramp(7, 20).T, 0)
    np.testing.assert_allclose(y, np.maximum(hidden @ net[1].weight.data().T, 0), rtol=1e-4, atol=1e-6)


def initialize_quietly(net):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        net.initialize()


def test_the_initializer_of_set_data_is_not_called():
    calls = []

    class Noted(init.Initializer):
        def _init_weight(self, name, data):
            calls.append(name.path)
            data[:] = 1

    net = mlp(7, 3)
    net.initialize(Noted())
    net[0].weight.set_data(ramp(7, 5))
    net(ramp(2, 5))
    assert calls == ["1.weight"]
    np.testing.assert_array_equal(net[0].weight.data(), ramp(7, 5))


@pytest.mark.parametrize("when", ["before", "after"])
def test_tie_freeze_and_give_an_initializer(when):
    net = mlp(7, 7, 7)
    if when == "after":
        net.initialize()
    net[2].weight = net[1].weight
    net[1].weight.grad_req = "null"
    init.constant_(net[1].weight, 3)
    net[0].weight.initialize("ones")
    if when == "before":
        initialize_quietly(net)
        init.constant_(net[1].weight, 3)
        net[0].weight.initialize("ones", force_reinit=True)
    net(ramp(2, 5))
    assert (net[1].weight.data() == 3).all()
    assert (net[0].weight.data() == 1).all()
    assert net[2].weight is net[1].weight
    exe = graphinit.compile(net, x=(2, 5))
    exe.forward(ramp(2, 5))
    assert set(exe.backward()) == {"x", "0.weight", "0.bias", "1.bias", "2.bias"}


def test_count_before_shapes_are_known(capsys):
    mlp(7, 3).summary()
    assert "7×?" in capsys.readouterr().out


def test_unused_parameters_are_reported_and_break_nothing():
    class Net(nn.Block):
        def __init__(self):
            super().__init__()
            self.used = nn.Dense(3)
            self.spare = nn.Parameter("spare", shape=(2, -1))

        def forward(self, x):
            return self.used(x)

    net = Net()
    net.initialize()
    assert net(ramp(2, 5)).shape == (2, 3)
    assert any("spare" in str(warning) for warning in infer_shapes(net.trace(), x=(2, 5)).warnings)
    with pytest.raises(DeferredInitializationError):
        net.spare.data()


def test_gradients_of_both_uses_add_up():
    shared = nn.Dense(2, use_bias=False, flatten=False)
    shared.weight.set_data([[1.0, 2.0], [3.0, 4.0]])
    net = nn.Sequential(shared, nn.Dense(2, use_bias=False).share_parameters(shared.params))
    exe = graphinit.compile(net, x=(2, 2))
    exe.forward(np.array([[1.0, -1.0], [0.5, 2.0]], np.float32))
    grads = exe.backward()
    np.testing.assert_allclose(grads["0.weight"], [[9.5, 12.5], [12.5, 14.5]])
    np.testing.assert_allclose(net[1].weight.grad(), [[9.5, 12.5], [12.5, 14.5]])
    assert net[1].weight.grad() is shared.weight.grad()


def test_competing_initializers_are_named():
    one = nn.Dense(3, weight_initializer="ones")
    other = nn.Dense(3, weight_initializer=init.Normal(0.5))
    with pytest.warns(UserWarning, match=r"'ones' and Normal\(sigma=0.5\)"):
        other.weight = one.weight


INITIALIZERS = [init.Xavier(), init.Normal(0.3), init.Uniform(0.2), init.Orthogonal(), "ones"]


@st.composite
def networks(draw):
    """A tree of layers as nested lists of widths, with a place that is looked at."""
    widths = st.integers(1, 5)
    return draw(
        st.recursive(widths, lambda inner: st.lists(inner, min_size=1, max_size=3), max_leaves=6).filter(
            lambda tree: isinstance(tree, list)
        )
    )


def grow(tree):
    return nn.Dense(tree) if isinstance(tree, int) else nn.Sequential(*map(grow, tree))


def values(net):
    return {name: parameter.data().copy() for name, parameter in net.collect_params().items()}


@given(networks(), networks(), st.integers(0, 3), st.sampled_from(INITIALIZERS), st.integers(1, 5))
def test_values_depend_on_seed_and_path_alone(tree, beside, seed, initializer, width):
    lazy = grow(tree)
    lazy.initialize(initializer, seed=seed)
    lazy(np.ones((1, width), np.float32))
    expected = values(lazy)
    # shapes first; another batch; a neighbour; piece by piece in reverse order; drawn again
    eager = grow(tree)
    eager.infer_shape(x=("batch", width))
    eager.initialize(initializer, seed=seed)
    neighboured = nn.Sequential()
    first = grow(tree)
    for layer in first:
        neighboured.add(layer)
    neighboured.add(grow(beside))
    neighboured.initialize(initializer, seed=seed)
    neighboured(np.ones((3, width), np.float32))
    pieces = grow(tree)
    for parameter in reversed(pieces.collect_params().values()):
        parameter.initialize(default_init=initializer, seed=seed)
    pieces(np.ones((2, width), np.float32))
    lazy.initialize(initializer, force_reinit=True, seed=seed)
    for net in (eager, neighboured, pieces, lazy):
        found = values(net)
        for name, value in expected.items():
            np.testing.assert_array_equal(found[name], value)
