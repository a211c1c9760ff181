"""Mistakes that Gluon documents: the same kind of exception, the full path, and nothing changed."""

import re

import numpy as np
import pytest

from graphinit import init, nn
from graphinit.errors import DeferredInitializationError


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
