"""Blocks: registering, naming, describing, calling."""

import gc

import numpy as np
import pytest

import graphinit
from graphinit import functional as F
from graphinit import init, loss, nn, optimizer
from graphinit.errors import (
    ArrayError,
    BlockError,
    CallError,
    DeferredInitializationError,
    GradientError,
    ParameterError,
    ShapeError,
    SymbolicValueError,
    UninitializedError,
)
from passes import infer_shapes


def mlp(**options):
    return nn.Sequential(nn.Dense(7, activation="relu", **options), nn.Dense(3))


def numpy_mlp(net, x):
    w0, b0, w1, b1 = (p.data() for p in net.collect_params().values())
    return np.maximum(x @ w0.T + b0, 0) @ w1.T + b1


def ramp(*shape):
    return np.sin(np.arange(np.prod(shape)).reshape(shape) * 0.37 + 0.1).astype(np.float32)


def test_deferred_then_settled():
    net = mlp()
    assert repr(net.collect_params()["0.weight"]) == "Parameter (shape=(7, -1), dtype=float32)"
    net.initialize()
    with pytest.raises(DeferredInitializationError):
        net[0].weight.data()
    assert net[0].bias.data().shape == (7,)
    y = net(ramp(2, 5))
    assert [p.shape for p in net.collect_params().values()] == [(7, 5), (7,), (3, 7), (3,)]
    np.testing.assert_allclose(y, numpy_mlp(net, ramp(2, 5)), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(net(ramp(11, 5)), numpy_mlp(net, ramp(11, 5)), rtol=1e-5, atol=1e-7)


def test_the_second_call_runs_the_same_program_on_current_values():
    net = mlp()
    net.initialize()
    x = ramp(2, 5)
    net(x)
    net[1].bias.data()[:] += 1
    np.testing.assert_allclose(net(x), numpy_mlp(net, x), rtol=1e-5, atol=1e-7)
    net.initialize(init.Xavier(), force_reinit=True)
    np.testing.assert_allclose(net(x), numpy_mlp(net, x), rtol=1e-5, atol=1e-7)
    net[0].weight.set_data(np.ones((7, 5)))
    np.testing.assert_allclose(net(x), numpy_mlp(net, x), rtol=1e-5, atol=1e-7)


def test_outputs_are_fresh():
    net = mlp()
    net.initialize()
    first = net(ramp(2, 5))
    kept = first.copy()
    net(ramp(2, 5) + 1)
    np.testing.assert_array_equal(first, kept)


def test_changing_the_network_recompiles():
    net = mlp()
    net.initialize()
    assert net(ramp(2, 5)).shape == (2, 3)
    net.add(nn.Dense(13))
    net[2].initialize()
    assert net(ramp(2, 5)).shape == (2, 13)
    net.cast("float64")
    assert net(ramp(2, 5)).dtype == np.float64


def test_never_initialised():
    net = mlp()
    with pytest.raises(UninitializedError, match=r"0\.weight"):
        net(ramp(2, 5))
    assert net[0].weight.shape == (7, -1)
    net.initialize()
    assert net(ramp(2, 6)).shape == (2, 3)


def test_a_failed_call_changes_nothing():
    net = nn.Sequential(nn.Dense(7), nn.Dense(3, in_units=9))
    net.initialize()
    with pytest.raises(ShapeError) as caught:
        net(ramp(2, 5))
    assert "1.weight" in str(caught.value)
    assert net[0].weight.shape == (7, -1)
    with pytest.raises(DeferredInitializationError):
        net[0].weight.data()
    good = mlp()
    good.initialize()
    good(ramp(2, 5))
    with pytest.raises(ShapeError):
        good(ramp(2, 6))
    assert good(ramp(2, 5)).shape == (2, 3)


def test_an_initializer_that_fails_in_a_call_changes_nothing():
    def fails(rng, shape, dtype):
        if shape == (3, 7):
            raise ZeroDivisionError
        return np.ones(shape)

    net = mlp()
    net.initialize(fails)
    with pytest.raises(ZeroDivisionError):
        net(ramp(2, 5))
    with pytest.raises(DeferredInitializationError):
        net[0].weight.data()


def test_initialise_all_or_nothing():
    net = nn.Sequential(nn.Dense(7, in_units=5), nn.Dense(3, in_units=7, bias_initializer=init.Xavier()))
    with pytest.raises(ParameterError):
        net.initialize()
    with pytest.raises(UninitializedError):
        net[0].weight.data()


def test_values_depend_on_seed_and_path_alone():
    one, other, third = mlp(), nn.Sequential(nn.Dense(7), nn.Dense(3, in_units=7), nn.Dense(11)), mlp()
    one.initialize(init.Xavier(), seed=0)
    other.initialize(init.Xavier(), seed=0)
    third.initialize(init.Xavier(), seed=1)
    one(ramp(2, 5)), other(ramp(13, 5)), third(ramp(2, 5))
    np.testing.assert_array_equal(one[1].weight.data(), other[1].weight.data())
    np.testing.assert_array_equal(one[0].weight.data(), other[0].weight.data())
    assert not np.array_equal(one[0].weight.data(), third[0].weight.data())
    kept = one[0].weight.data().copy()
    one[0].initialize(init.Xavier(), force_reinit=True, seed=0)
    np.testing.assert_array_equal(one[0].weight.data(), kept)


def test_paths_stay_with_the_first_root():
    net = mlp()
    part = net[0:1]
    nn.WithLoss(net, loss.L2Loss())
    assert net[0].weight.path == "0.weight"
    assert list(part.collect_params()) == ["0.weight", "0.bias"]
    assert part[0] is net[0]


def test_paths_of_a_block_that_outlives_its_parent():
    net = nn.Sequential(nn.Sequential(nn.Dense(3)))
    inner = net[0]
    assert inner[0].weight.path == "0.0.weight"
    del net
    gc.collect()
    assert inner[0].weight.path == "0.weight"


class Doubled(nn.Block):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter("scale", shape=(5,), init="ones")
        self.inner = nn.Dense(5, flatten=False)
        self.unused = nn.Parameter("unused", shape=(2, -1))

    def forward(self, x):
        h = self.inner(x) * self.scale.data()
        return {"twice": self.inner(h), "shape": h + x.shape[0]}


def test_a_block_of_ones_own():
    net = Doubled()
    net.initialize()
    assert list(net.collect_params()) == ["scale", "unused", "inner.weight", "inner.bias"]
    out = net(ramp(3, 5))
    assert set(out) == {"twice", "shape"}
    w = net.inner.weight.data()
    np.testing.assert_allclose(out["shape"], ramp(3, 5) @ w.T + 3, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(out["twice"], (ramp(3, 5) @ w.T) @ w.T, rtol=1e-5, atol=1e-6)


def test_a_block_used_twice_is_one_node():
    graph = Doubled().trace(x=("batch", 5))
    assert list(graph.parameters) == ["inner.weight", "inner.bias", "scale", "unused"]
    assert graph.nx.degree("unused") == 0
    assert graph.nx.out_degree("inner.weight") == 2


class Pair(nn.Block):
    def forward(self, pair, scale=2.0, *, options=None):
        first, second = pair["a"], pair["b"][0]
        y = first + second * scale
        return [y, (first - second, y)] if options == "more" else y


def test_nested_arguments_and_static_ones():
    net = Pair()
    a, b = ramp(2, 3), ramp(2, 3) + 1
    np.testing.assert_allclose(net({"a": a, "b": [b]}), a + 2 * b, rtol=1e-6)
    np.testing.assert_allclose(net({"a": a, "b": [b]}, 3.0), a + 3 * b, rtol=1e-6)
    y, (difference, again) = net({"a": a, "b": [b]}, options="more")
    np.testing.assert_allclose(difference, a - b, rtol=1e-6)
    np.testing.assert_array_equal(y, again)
    graph = net.trace(**{"pair.a": (2, 3), "pair.b": [(2, 3)]})
    assert list(graph.inputs) == ["pair.a", "pair.b.0"]


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (np.zeros((2, 5), complex), ArrayError),
        (np.array([["a"]]), ArrayError),
        ([[1.0], [1.0, 2.0]], ArrayError),
        (np.zeros(()), ShapeError),
    ],
)
def test_what_is_no_input(bad, error):
    net = mlp()
    net.initialize()
    with pytest.raises(error):
        net(bad)
    assert net(ramp(2, 5)).shape == (2, 3)


def test_arrays_are_cast_to_the_networks_dtype():
    net = mlp()
    net.initialize()
    x = ramp(2, 5)
    for given in (x.astype(np.float64), x.tolist()):
        np.testing.assert_allclose(net(given), net(x), rtol=1e-6)
    assert net(np.ones((2, 5), np.int64)).dtype == np.float32


class Rank(nn.Block):
    def forward(self, x):
        return F.reshape(x, (x.shape[0], -1)) if len(x.shape) > 2 else x


def test_python_that_needs_the_rank():
    assert Rank()(ramp(2, 3, 5)).shape == (2, 15)
    assert Rank()(ramp(2, 3)).shape == (2, 3)
    with pytest.raises(SymbolicValueError, match="x="):
        Rank().trace()
    assert len(Rank().trace(x=("batch", 3, 5))) == 2


def test_wrong_arguments():
    net = mlp()
    with pytest.raises(CallError, match="GI503"):
        net()
    with pytest.raises(CallError, match="no input named 'z'"):
        net.trace(z=(2, 3))


@pytest.mark.parametrize("bad", [0, -3, 2.5, "ten", None, True])
def test_units_are_a_size(bad):
    with pytest.raises(BlockError, match="units"):
        nn.Dense(bad)


def test_layers_that_are_none():
    net = nn.Sequential()
    for bad in (3, nn.Dense, "relu"):
        with pytest.raises(BlockError):
            net.add(nn.Dense(2), bad)
    assert len(net) == 0
    assert repr(net) == "Sequential(\n\n)"
    np.testing.assert_array_equal(net(ramp(2, 3)), ramp(2, 3))


def test_functions_and_lists_as_layers():
    net = nn.Sequential(
        [nn.Dense(5), F.relu, lambda x: x * 2, nn.Lambda("tanh"), nn.Flatten(), nn.Identity()]
    )
    net.initialize()
    w = net(ramp(2, 3))
    expected = np.tanh(2 * np.maximum(ramp(2, 3) @ net[0].weight.data().T, 0))
    np.testing.assert_allclose(w, expected, rtol=1e-5, atol=1e-7)


def test_indexing():
    net = nn.Sequential(nn.Dense(2), nn.Dense(3), nn.Dense(5))
    assert net[-1] is net[2]
    assert [type(layer) for layer in net] == [nn.Dense] * 3
    assert len(net[1:]) == 2
    with pytest.raises(IndexError):
        net[3]


def test_attribute_types_are_guarded():
    net = Doubled()
    with pytest.raises(TypeError, match="'inner'"):
        net.inner = 3
    net.inner = nn.Dense(11)
    assert net.collect_params()["inner.weight"].shape == (11, -1)


def test_a_block_cannot_contain_itself():
    net = nn.Sequential(nn.Dense(2))
    net.add(net)
    with pytest.raises(BlockError, match="contains itself"):
        net.collect_params()


def test_selecting_parameters():
    net = nn.Sequential(nn.Dense(4), nn.Sequential(nn.Dense(3), nn.Dense(2, use_bias=False)))
    assert list(net.collect_params("0")) == ["0.weight", "0.bias"]
    assert list(net.collect_params("weight")) == []
    assert list(net.collect_params(".*bias")) == ["0.bias", "1.0.bias"]
    name = net[0].name
    assert net.collect_params()[f"{name}_weight"] is net[0].weight
    assert list(net.collect_params(f"{name}.*")) == ["0.weight", "0.bias"]
    assert net[0].params[f"{name}_bias"] is net[0].bias
    with pytest.raises(KeyError, match="there is no parameter 'foo'"):
        net.collect_params()["foo"]


def test_tied_layers():
    shared = nn.Dense(8, activation="relu")
    net = nn.Sequential(nn.Dense(8), shared, nn.Dense(8).share_parameters(shared.params), nn.Dense(3))
    net.initialize()
    net(ramp(2, 5))
    assert net[1].weight is net[2].weight
    assert list(net.collect_params())[2:6] == ["1.weight", "1.bias", "2.weight", "2.bias"]
    graph = net.trace()
    assert "2.weight" not in graph.parameters
    assert graph.nx.out_degree("1.weight") == 2
    report = infer_shapes(graph, x=(2, 5))
    assert report["2.weight"] == report["1.weight"] == (8, 8)


def test_ties_that_cannot_agree():
    one, other = nn.Dense(4, in_units=5), nn.Dense(3)
    with pytest.raises(ParameterError) as caught:
        other.share_parameters(one.params)
    text = str(caught.value)
    assert "(4, 5)" in text
    assert "(3, -1)" in text
    assert "test_blocks.py" in text
    assert other.weight.shape == (3, -1)


def test_tie_through_a_transpose():
    inner, outer = nn.Dense(3, use_bias=False), nn.Dense(5, use_bias=False)
    net = nn.Sequential(inner, outer)
    outer.weight = inner.weight.T
    assert inner.weight.shape == (3, 5)
    net.initialize()
    x = ramp(2, 5)
    w = inner.weight.data()
    np.testing.assert_allclose(net(x), x @ w.T @ w, rtol=1e-5, atol=1e-7)
    outer.weight.data()[0, 0] = 7
    assert w[0, 0] == 7
    assert list(net.collect_params().distinct()) == ["0.weight"]
    exe = graphinit.compile(net, x=(2, 5))
    exe.forward(x)
    grads = exe.backward(np.ones((2, 5), np.float32))
    step = 1e-3
    up, down = w.astype(np.float64), w.astype(np.float64)
    up[1, 2] += step
    down[1, 2] -= step
    numeric = ((x @ up.T @ up).sum() - (x @ down.T @ down).sum()) / (2 * step)
    np.testing.assert_allclose(grads["0.weight"][1, 2], numeric, rtol=1e-4)
    np.testing.assert_array_equal(outer.weight.grad(), inner.weight.grad().T)


def test_tie_to_the_transpose_of_what_stands_elsewhere():
    outside, inside = nn.Dense(3, use_bias=False), nn.Dense(5, use_bias=False)
    inside.weight = outside.weight.T
    inside.initialize()
    x = ramp(2, 3)
    np.testing.assert_allclose(inside(x), x @ outside.weight.data(), rtol=1e-5)
    assert inside.weight.data().shape == (5, 3)


def test_dropout():
    net = nn.Sequential(nn.Dense(5), nn.Dropout(0.5))
    net.initialize()
    x = np.ones((1009, 3), np.float32)
    np.testing.assert_array_equal(net(x), net(x))
    exe = graphinit.compile(net, x=x.shape, train=True)
    one, two = exe.forward(x), exe.forward(x)
    assert abs((one == 0).mean() - 0.5) < 0.05
    assert not np.array_equal(one, two)
    kept = one != 0
    np.testing.assert_allclose(one[kept], 2 * net(x)[kept], rtol=1e-6)
    net.initialize(force_reinit=True, seed=0)
    np.testing.assert_array_equal(exe.forward(x), one)
    with pytest.raises(BlockError):
        nn.Dropout(1.0)


def test_hooks():
    seen = []
    net = nn.Sequential(nn.Dense(5), nn.Dense(3))
    net.initialize()
    net[0].register_forward_hook(lambda block, inputs, output: seen.append(type(output).__name__))
    with net.register_forward_hook(lambda block, inputs, output: output + 1):
        raised = net(ramp(2, 7))
        assert seen[-1] == "Tensor"
    np.testing.assert_allclose(net(ramp(2, 7)) + 1, raised, rtol=1e-6)
    net.register_forward_pre_hook(lambda block, inputs: (inputs[0] * 0,))
    np.testing.assert_array_equal(net(ramp(2, 7)), np.zeros((2, 3)))


def test_printing_the_graph():
    graph = mlp(in_units=5).trace(x=("batch", 5))
    assert str(graph).splitlines() == [
        "graph(x: ?[batch, 5])",
        "  0.weight: float32[7, 5] = parameter(init=None, trainable=True)",
        "  0.bias: float32[7] = parameter(init='zeros', trainable=True)",
        "  0.linear = linear(x, 0.weight, 0.bias, flatten=True)",
        "  0.relu = relu(0.linear)",
        "  1.weight: float32[3, -1] = parameter(init=None, trainable=True)",
        "  1.bias: float32[3] = parameter(init='zeros', trainable=True)",
        "  1.linear = linear(0.relu, 1.weight, 1.bias, flatten=True)",
        "  return y=1.linear",
    ]


def test_infer_shape_settles_without_running():
    net = mlp()
    net.infer_shape(x=("batch", 5))
    assert net[0].weight.shape == (7, 5)
    net.initialize()
    assert net[0].weight.data().shape == (7, 5)


def test_presets_wait_for_the_fan_in():
    net = mlp()
    net.initialize(init.preset("pytorch"))
    with pytest.raises(DeferredInitializationError):
        net[0].bias.data()
    net(ramp(2, 5))
    for layer, fan_in in ((net[0], 5), (net[1], 7)):
        for parameter in (layer.weight, layer.bias):
            assert 0 < np.abs(parameter.data()).max() <= fan_in**-0.5
    zeros = nn.Dense(3, in_units=4, bias_initializer="zeros")
    zeros.initialize(init.preset("pytorch"))
    assert not zeros.bias.data().any()


def test_training_with_a_loss():
    net = mlp()
    net.initialize(init.Xavier())
    x, y = ramp(11, 5), np.arange(11) % 3
    exe = graphinit.compile(
        nn.WithLoss(net, loss.SoftmaxCrossEntropyLoss()), x=x.shape, y=y.shape, train=True
    )
    rule = optimizer.SGD(net.collect_params(), 0.5)
    with pytest.raises(GradientError):
        rule.step(11)
    losses = []
    for _ in range(60):
        losses.append(exe.forward(x=x, y=y).mean())
        exe.backward()
        rule.step(11)
    assert losses[-1] < 0.5 * losses[0]


def test_losses_against_numpy():
    pred, ids = ramp(5, 7), np.array([0, 6, 3, 3, 2])
    logs = pred - np.log(np.exp(pred).sum(1, keepdims=True))
    np.testing.assert_allclose(loss.SoftmaxCrossEntropyLoss()(pred, ids), -logs[np.arange(5), ids], rtol=1e-5)
    np.testing.assert_allclose(
        loss.SoftmaxCrossEntropyLoss(sparse_label=False)(pred, np.eye(7)[ids].astype(np.float32)),
        -logs[np.arange(5), ids],
        rtol=1e-5,
    )
    other = ramp(7, 5) * 3
    expected = 0.5 * ((pred - other.reshape(5, 7)) ** 2).mean(1)
    np.testing.assert_allclose(loss.L2Loss()(pred, other), expected, rtol=1e-5)
    np.testing.assert_allclose(loss.L2Loss(weight=3.0)(pred, other), 3 * expected, rtol=1e-5)
    weights = np.arange(5, dtype=np.float32).reshape(5, 1)
    np.testing.assert_allclose(
        loss.L2Loss()(pred, pred * 2, weights), 0.5 * (pred**2).mean(1) * weights[:, 0], rtol=1e-5
    )
    across = 0.5 * ((pred - pred * 2) ** 2).mean(0)
    np.testing.assert_allclose(loss.L2Loss(batch_axis=1)(pred, pred * 2), across, rtol=1e-5)


class Counted(nn.Block):
    traces = 0

    def forward(self, x):
        Counted.traces += 1
        return F.reshape(x * 2, (x.shape[0], -1))


class Deciding(nn.Block):
    def forward(self, x):
        return x * 2 if x.shape == (2, 3) else x * 3


def test_a_description_serves_every_batch_size():
    net = Counted()
    for rows in (2, 3, 5):
        np.testing.assert_array_equal(net(ramp(rows, 7, 11)), 2 * ramp(rows, 77).reshape(rows, 77))
    assert Counted.traces == 1
    net(ramp(2, 7))
    assert Counted.traces == 2


def test_python_that_decides_by_a_shape():
    net = Deciding()
    np.testing.assert_array_equal(net(ramp(2, 3)), 2 * ramp(2, 3))
    np.testing.assert_array_equal(net(ramp(5, 3)), 3 * ramp(5, 3))
    with pytest.raises(SymbolicValueError):
        net.trace(x=("batch", 3))


class Total(nn.Block):
    def forward(self, first, *others):
        for other in others:
            first = first + other
        return first


def test_any_number_of_arguments():
    net = Total()
    np.testing.assert_allclose(net(ramp(2, 3)), ramp(2, 3))
    np.testing.assert_allclose(
        net(ramp(2, 3), ramp(2, 3), ramp(1, 3)), 2 * ramp(2, 3) + ramp(1, 3), rtol=1e-6
    )
    graph = net.trace(first=(2, 3), others=[(2, 3), (2, 1)])
    assert list(graph.inputs) == ["first", "others.0", "others.1"]
    net = nn.Sequential(Total(), nn.Lambda(lambda x: x * 2))
    np.testing.assert_allclose(net(ramp(2, 3), ramp(2, 3)), 4 * ramp(2, 3), rtol=1e-6)


def test_apply_visits_children_before_parents_and_in_order():
    leaves = [nn.Dense(units) for units in (2, 3, 5, 7)]
    inner = nn.Sequential(*leaves[1:3])
    net = nn.Sequential(leaves[0], inner, leaves[3])
    seen = []
    assert net.apply(seen.append) is net
    assert seen == [leaves[0], leaves[1], leaves[2], inner, leaves[3], net]


def test_apply_visits_a_shared_block_once():
    shared = nn.Dense(2)
    parts = nn.Sequential(shared, nn.Dense(3)), nn.Sequential(nn.Dense(5), shared)
    net = nn.Sequential(*parts, shared)
    seen = []
    net.apply(seen.append)
    assert seen == [shared, parts[0][1], parts[0], parts[1][0], parts[1], net]


def test_apply_may_change_the_network():
    net = nn.Sequential(nn.Dense(2), nn.Dense(3))
    net.apply(lambda block: block.add(nn.Flatten()) if isinstance(block, nn.Sequential) else None)
    assert len(net) == 3


def test_apply_on_deep_and_circular_networks():
    net = nn.Flatten()
    for _ in range(3000):
        net = nn.Sequential(net)
    count = []
    net.apply(lambda block: count.append(block.name))
    assert len(count) == 3001
    ring = nn.Sequential(nn.Sequential())
    ring[0].add(ring)
    called = []
    with pytest.raises(BlockError, match="contains itself"):
        ring.apply(called.append)
    assert called == []
