"""Mistakes that Gluon documents: the same kind of exception, the full path, and nothing changed."""

import re

import numpy as np
import pytest

import passes
from graphinit import functional as F
from graphinit import init, loss, nn
from graphinit.errors import ArrayError, BlockError, DeferredInitializationError, SpellingError


def net():
    """Return a nested network whose inner weight is at ``0.0.weight``; biases are ready, weights wait."""
    built = nn.Sequential(nn.Sequential(nn.Dense(3)), nn.Dense(5))
    built.initialize()
    return built


def fresh():
    return nn.Sequential(nn.Sequential(nn.Dense(3)), nn.Dense(5))


def ready():
    built = net()
    built(np.ones((2, 7), np.float32))
    return built


def state(built):
    return [
        (name, p.shape, p.dtype, p.grad_req, p.is_waiting, None if p._data is None else p._data.tolist())
        for name, p in built.collect_params().items()
    ]


def weight(built):
    return built[0][0].weight


def assign(name, value):
    return lambda built: setattr(weight(built), name, value)


MISTAKES = {
    "read before initialising": (fresh, lambda b: weight(b).data(), RuntimeError, "0.0.weight"),
    "gradient before initialising": (fresh, lambda b: weight(b).grad(), RuntimeError, "0.0.weight"),
    "call before initialising": (fresh, lambda b: b(np.ones((2, 7))), RuntimeError, "0.0.weight"),
    "read while deferred": (net, lambda b: weight(b).data(), DeferredInitializationError, "0.0.weight"),
    "gradient while deferred": (net, lambda b: weight(b).grad(), DeferredInitializationError, "0.0.weight"),
    "bad grad_req": (net, assign("grad_req", "foo"), AssertionError, "0.0.weight"),
    "shape that clashes": (ready, assign("shape", (3, 8)), AssertionError, "0.0.weight"),
    "shape that forgets": (ready, assign("shape", (3, -1)), AssertionError, "0.0.weight"),
    "shape of another rank": (net, assign("shape", (3,)), AssertionError, "0.0.weight"),
    "data of another shape": (
        ready,
        lambda b: weight(b).set_data(np.ones((2, 3))),
        AssertionError,
        "0.0.weight",
    ),
    "data of another shape, deferred": (
        net,
        lambda b: weight(b).set_data(np.ones((2, 3))),
        AssertionError,
        "0.0.weight",
    ),
    "unknown initializer": (net, lambda b: b.initialize("foo", force_reinit=True), AssertionError, "foo"),
    "number for initializer": (net, lambda b: b.initialize(3, force_reinit=True), AssertionError, "3"),
    "class for initializer": (net, lambda b: b.initialize(init.Xavier), AssertionError, "Xavier"),
    "vector weight for Xavier": (
        net,
        lambda b: b[0][0].bias.initialize(init.Xavier(), force_reinit=True),
        ValueError,
        "0.0.bias",
    ),
    "unknown factor": (
        ready,
        lambda b: weight(b).initialize('["xavier", {"factor_type": "mid"}]', force_reinit=True),
        ValueError,
        "factor_type is 'avg', 'in' or 'out', not 'mid'",
    ),
    "constant of another shape": (
        ready,
        lambda b: weight(b).initialize(init.Constant(np.ones(5)), force_reinit=True),
        RuntimeError,
        "0.0.weight",
    ),
    "another type for a block": (net, lambda b: setattr(b[0][0], "weight", 3), TypeError, "weight"),
    "bad pattern": (net, lambda b: b.collect_params("("), re.error, ""),
    "index out of range": (net, lambda b: b[7], IndexError, ""),
    "text for an index": (net, lambda b: b["0"], TypeError, ""),
    "share what is no dict": (net, lambda b: b.share_parameters([1]), ValueError, "list"),
    "too many arguments": (net, lambda b: nn.Dense(3)(1.0, 2.0, 3.0), TypeError, ""),
    "no forward": (net, lambda b: nn.Block()(np.ones((2, 3))), NotImplementedError, "Block"),
    "another width": (ready, lambda b: b(np.ones((2, 8))), RuntimeError, "0.0.weight"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake(mistake):
    make, act, kind, words = MISTAKES[mistake]
    built = make()
    before = state(built)
    with pytest.raises(kind) as caught:
        act(built)
    assert words in str(caught.value)
    assert state(built) == before
    built.initialize(force_reinit=True)
    assert built(np.ones((2, 7), np.float32)).shape == (2, 5)


def test_blocks_in_lists_are_not_registered():
    class Listed(nn.Block):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Dense(3)]

    with pytest.warns(UserWarning, match=r'"Listed.layers" is an unregistered container'):
        assert not Listed().collect_params()


@pytest.mark.parametrize("given", ["no", "False", 1, 0, None, 1.0, [True]])
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("use_bias", lambda flag: nn.Dense(3, use_bias=flag)),
        ("flatten", lambda flag: nn.Dense(3, flatten=flag)),
        ("use_bias", lambda flag: nn.Conv2D(3, 2, use_bias=flag)),
        ("use_bias", lambda flag: nn.Conv1DTranspose(3, 2, use_bias=flag)),
        ("use_bias", lambda flag: nn.MultiHeadAttention(6, 2, use_bias=flag)),
        ("causal", lambda flag: nn.MultiHeadAttention(6, 2, causal=flag)),
        ("pre_norm", lambda flag: nn.TransformerEncoderLayer(6, 2, 5, pre_norm=flag)),
        ("center", lambda flag: nn.LayerNorm(center=flag)),
        ("scale", lambda flag: nn.BatchNorm(scale=flag)),
        ("use_global_stats", lambda flag: nn.BatchNorm(use_global_stats=flag)),
        ("ceil_mode", lambda flag: nn.MaxPool2D(2, ceil_mode=flag)),
        ("count_include_pad", lambda flag: nn.AvgPool1D(2, count_include_pad=flag)),
        ("bidirectional", lambda flag: nn.LSTM(3, bidirectional=flag)),
        ("sparse_label", lambda flag: loss.SoftmaxCrossEntropyLoss(sparse_label=flag)),
        ("from_logits", lambda flag: loss.KLDivLoss(from_logits=flag)),
    ],
)
def test_flags_are_true_or_false(name, make, given):
    with pytest.raises(BlockError) as caught:
        make(given)
    assert caught.value.message == f"{name} is True or False; got {given!r}"
    assert repr(make(np.True_)).partition("(")[0] == repr(make(True)).partition("(")[0]


@pytest.mark.parametrize("given", ["a", 1.0, None, True])
@pytest.mark.parametrize("kind", [nn.Softmax, nn.LogSoftmax])
def test_the_axis_of_a_softmax_is_a_whole_number(kind, given):
    with pytest.raises(BlockError) as caught:
        kind(given)
    assert caught.value.message == f"axis is a whole number; got {given!r}"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.ReLU(3), "ReLU takes no arguments; got 3"),
        (lambda: nn.Flatten(1, 2), "Flatten takes no arguments; got 1, 2"),
        (lambda: nn.Block("a"), "Block takes no arguments; got 'a'"),
        (lambda: nn.Dense(3, activation="linear"), "there is no activation 'linear'; leave it out for none"),
        (lambda: net()["0"], "layers are counted, as in net[0] and net[1:]; got '0'; "
         "net.collect_params() has parameters by path"),
        (lambda: net().collect_params(3), "parameters are selected by a regular expression, not 3"),
        (lambda: net().apply(init.Xavier), "apply takes a function of a block, not the class Xavier; "
         "call it to make one"),
        (lambda: net().register_forward_hook(3), "a hook is a function, not 3"),
        (lambda: net().register_child(3), "a child is a block, not 3"),
        (lambda: nn.Residual(nn.Dense), "a layer is a block or a function of tensors, not the class Dense; "
         "call it to make one"),
        (lambda: nn.Dense(3).share_parameters({"bias": 3}), "share_parameters ties parameters; got 3 for 'bias'"),
        (lambda: nn.ELU(float("inf")), "alpha is a finite number; got inf"),
        (lambda: nn.GaussianNoise("a"), "std is a number of at least 0; got 'a'"),
    ],
)  # fmt: skip
def test_words_about_what_was_given(make, words):
    with pytest.raises(BlockError) as caught:
        make()
    assert caught.value.message == words


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.LSTM(3, batch_first=True), 'LSTM has no argument \'batch_first\' here; write layout="NTC"'),
        (lambda: nn.MultiHeadAttention(embed_dim=6, num_heads=2),
         "MultiHeadAttention has no argument 'embed_dim' here; write units="),
        (lambda: nn.TransformerEncoderLayer(d_model=6, nhead=2),
         "TransformerEncoderLayer has no argument 'd_model' here; write units="),
        (lambda: nn.Conv2D(3, 3, data_format="NHWC"), "Conv2D has no argument 'data_format' here; write layout="),
        (lambda: net().fit, "Sequential has no fit here; write graphinit.fit(net, loss, data, optimizer=...)"),
        (lambda: net().predict, "Sequential has no predict here; write net(x)"),
        (lambda: net().append, "Sequential has no append here; write net.add(layer)"),
        (lambda: nn.Dense(3).weight.numel, "a parameter has no numel here; write weight.data().size"),
    ],
)  # fmt: skip
def test_words_about_other_frameworks_arguments(make, words):
    with pytest.raises(SpellingError) as caught:
        make()
    assert caught.value.message == words


def test_a_mask_is_one_of_truth_values_beside_parameters():
    class Masked(nn.Block):
        def __init__(self):
            super().__init__()
            self.dense = nn.Dense(5, flatten=False)

        def forward(self, x, mask):
            return F.where(mask, self.dense(x), -7.0)

    block = Masked()
    block.initialize()
    mask = np.tril(np.ones((3, 5), bool))
    y = block(np.ones((3, 4), np.float32), mask)
    assert ((y == -7.0) == ~mask).all()
    assert (block(np.ones((3, 4), np.float32), mask.astype(int)) == y).all()
    assert passes.infer_shapes(block, x=(3, 4), mask=(3, 5)).type("mask").dtype == "bool"
    with pytest.raises(ArrayError, match="input 'mask' takes truth values, not float64 values"):
        block(np.ones((3, 4), np.float32), mask.astype(float))
