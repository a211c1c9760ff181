"""Attention: against loops over heads and keys, its masks, its shapes, its errors."""

import numpy as np
import pytest

import graphinit
from graphinit import functional as F
from graphinit import nn
from graphinit.errors import BlockError, ShapeError
from passes.shape_inference import infer_shapes
from tests.ops.reference import check_gradients


def drawn(net, dtype="float64"):
    rng = np.random.default_rng(7)
    net.cast(dtype)
    for parameter in net.collect_params().values():
        parameter.set_data(rng.standard_normal(parameter.shape))
    return net


def normal(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape)


def attended(net, heads, groups, query, memory, seen):
    """Compute multi-head attention one query and head at a time."""
    q, k, v = (
        x @ layer.weight.data().T + layer.bias.data()
        for x, layer in ((query, net.query), (memory, net.key), (memory, net.value))
    )
    size = q.shape[-1] // heads
    mixed = np.zeros(q.shape)
    for n, t in np.ndindex(*q.shape[:2]):
        for head in range(heads):
            mine = slice(head * size, (head + 1) * size)
            theirs = slice(*(head // (heads // groups) * size + edge for edge in (0, size)))
            keys = [s for s in range(k.shape[1]) if seen[n, t, s]]
            if keys:
                scores = np.array([q[n, t, mine] @ k[n, s, theirs] for s in keys]) / np.sqrt(size)
                weights = np.exp(scores - scores.max())
                mixed[n, t, mine] = (weights / weights.sum()) @ v[n, keys][:, theirs]
    return mixed @ net.out.weight.data().T + net.out.bias.data()


@pytest.mark.parametrize(("heads", "groups"), [(1, 1), (6, 6), (6, 2), (6, 3), (6, 1)])
@pytest.mark.parametrize("causal", [False, True])
def test_heads_agree_with_loops(heads, groups, causal):
    net = nn.MultiHeadAttention(6 * 3, heads, num_kv_heads=groups, causal=causal)
    query, memory = normal(2, 5, 7), normal(2, 11, 13)
    net.initialize()
    net.infer_shape(query=query, key=memory)
    drawn(net)
    mask = np.random.default_rng(1).random((2, 5, 11)) < 0.7
    key_mask = np.random.default_rng(2).random((2, 11)) < 0.7
    found = net(query, memory, mask=mask, key_mask=key_mask)
    seen = mask & key_mask[:, None]
    if causal:  # the last query stands at the last key
        seen = seen & np.tri(5, 11, 6, bool)
    np.testing.assert_allclose(
        found, attended(net, heads, groups, query, memory, seen), rtol=1e-10, atol=1e-11
    )
    assert net(query, memory, mask=mask[0]).shape == (2, 5, 18)


def test_gradients_agree_with_differences():
    net = nn.TransformerDecoderLayer(6, 3, 7, num_kv_heads=1, activation="gelu")
    x, memory = normal(2, 5, 6), normal(2, 3, 11)
    net.initialize()
    net.infer_shape(x=x, memory=memory)
    drawn(net)
    mask = np.array([[1, 1, 0], [1, 1, 1]])
    specs = {"x": x, "memory": memory, "memory_mask": mask}
    graph = infer_shapes(net.trace(**specs)).graph
    arrays = {**specs, **{name: parameter.data() for name, parameter in net.collect_params().items()}}
    wrt = [name for name in arrays if arrays[name].dtype.kind == "f"]
    check_gradients(graph, arrays, wrt, tolerance=1e-5)


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_scores_of_any_size_are_stable(size):
    x = np.array([[size, 0.0, size], [0.0, 0.0, -size]], np.float32)
    exe = graphinit.compile(graphinit.Graph(outputs=F.attention_weights(F.input("x", (2, 3)))))
    found = exe.forward(x)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    assert np.isfinite(exe.backward()["x"]).all()


def test_a_query_that_sees_nothing_gets_nothing():
    q = F.input("q", (2, 3, 5))
    exe = graphinit.compile(graphinit.Graph(outputs=F.attention(q, q, q, mask=F.input("mask", (3,)))))
    q = normal(2, 3, 5).astype(np.float32)
    assert not exe.forward(q, np.zeros(3, np.float32)).any()
    assert not exe.backward()["q"].any()


def test_a_causal_layer_does_not_see_what_comes():
    net = nn.TransformerEncoderLayer(6, 2, 7, causal=True, pre_norm=True)
    net.initialize()
    x = normal(2, 5, 6).astype(np.float32)
    other = x.copy()
    other[:, 3:] += 1
    np.testing.assert_array_equal(net(x)[:, :3], net(other)[:, :3])


def test_padding_is_not_seen():
    net = nn.TransformerEncoderLayer(6, 2, 7)
    net.initialize()
    x = normal(2, 5, 6).astype(np.float32)
    key_mask = np.array([[1, 1, 1, 0, 0]] * 2)
    alone = net(x[:, :3])
    np.testing.assert_allclose(net(x, key_mask=key_mask)[:, :3], alone, rtol=1e-5, atol=1e-6)


# --- shapes -----------------------------------------------------------------------------------


def test_symbols_pass_through():
    net = nn.MultiHeadAttention(12, 3)
    report = net.infer_shape(query=("batch", "t", 7), key=("batch", "s", 5))
    assert report["y"] == ("batch", "t", 12)
    assert net.value.weight.shape == (12, 5)
    assert not report.requirements


def test_shapes_flow_back_from_weights():
    net = nn.MultiHeadAttention(12, 3)
    net.initialize()
    net.key.weight.shape = (12, 7)
    report = infer_shapes(net.trace(query=("batch", "t", -1)))
    assert report["query"] == ("batch", "t", 7)


@pytest.mark.parametrize(
    ("name", "shape"), [("mask", (5, 4)), ("mask", (2, 5, 4)), ("mask", (3, 5, 5)), ("key_mask", (2, 4))]
)
@pytest.mark.parametrize("groups", [3, 1])
def test_a_mask_of_another_length_is_an_error(name, shape, groups):
    net = nn.MultiHeadAttention(12, 3, num_kv_heads=groups)
    net.initialize()
    with pytest.raises(ShapeError) as caught:
        net.infer_shape(query=(2, 5, 7), **{name: shape})
    assert caught.value.code == "GI203"
    with pytest.raises(ShapeError):
        net(normal(2, 5, 7), **{name: np.ones(shape)})
    assert net.query.weight.shape == (12, -1)


@pytest.mark.parametrize(("name", "shape"), [("mask", (5,)), ("mask", (2, 3, 5, 5)), ("key_mask", (2, 5, 5))])
def test_a_mask_of_another_rank_is_an_error(name, shape):
    with pytest.raises(ShapeError, match=f"{name} is "):
        nn.MultiHeadAttention(12, 3).infer_shape(query=(2, 5, 7), **{name: shape})


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.MultiHeadAttention(7, 2),
        lambda: nn.MultiHeadAttention(12, 6, num_kv_heads=4),
        lambda: nn.MultiHeadAttention(12, 0),
        lambda: nn.LearnedPositions(0),
        lambda: nn.TransformerEncoderLayer(12, 3, -1),
    ],
)
def test_bad_arguments(make):
    with pytest.raises(BlockError, match="GI407"):
        make()


def test_positions_are_added():
    x = np.zeros((2, 5, 8), np.float32)
    waves = nn.SinusoidalPositions()(x)
    wanted = [wave(3 / 10**power) for power in range(4) for wave in (np.sin, np.cos)]
    np.testing.assert_allclose(waves[1, 3], wanted, rtol=1e-6)
    net = nn.LearnedPositions(11)
    net.initialize()
    np.testing.assert_array_equal(net(x)[1], net.weight.data()[:5])
    exe = graphinit.compile(net, x=x.shape)
    exe.forward(x)
    exe.backward()
    np.testing.assert_array_equal(net.weight.grad(), [[2.0] * 8] * 5 + [[0.0] * 8] * 6)


def test_positions_bound_the_length():
    net = nn.LearnedPositions(11)
    report = net.infer_shape(x=("batch", "t", 7))
    assert [str(requirement) for requirement in report.requirements] == ["t <= 11"]
    assert report.accepts(batch=2, t=11)
    assert not report.accepts(batch=2, t=13)
    with pytest.raises(ShapeError):
        nn.LearnedPositions(11).infer_shape(x=(2, 13, 7))
