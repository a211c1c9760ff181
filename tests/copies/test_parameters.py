"""Parameters and recorded arrays copy and pickle by themselves, without a network around them."""

import numpy as np
import pytest

from graphinit import autograd, init, nn
from graphinit.errors import DeferredInitializationError
from graphinit.recorded.array import Array

from .ways import DEEP, WAYS, assert_equal, ramp, tied

every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
every_deep_way = pytest.mark.parametrize("way", DEEP.values(), ids=DEEP)


@every_way
def test_parameters_by_themselves_keep_their_paths(way):
    net = tied()
    waiting = way(net[0].weight)
    assert waiting.path == "0.weight"
    assert waiting.owner is None
    assert waiting.shape == (5, 11)
    net.initialize(force_reinit=True, seed=4)
    again = way(net[0].weight)
    assert again.path == "0.weight"
    assert_equal(again.data(), net[0].weight.data())
    flipped = way(net[1].weight)
    assert_equal(flipped.data(), net[0].weight.data().T)
    assert flipped.root.path == "0.weight"


@every_deep_way
def test_a_parameter_that_waits_draws_the_same_values(way):
    net = nn.Sequential(nn.Dense(3))
    net.initialize(init.Xavier(), seed=5)
    again = way(net[0].weight)
    with pytest.raises(DeferredInitializationError, match=r"0\.weight"):
        again.data()
    again.shape = (3, 7)
    again.settle()
    net(ramp(2, 7))
    assert_equal(again.data(), net[0].weight.data())


@every_way
def test_dicts_of_parameters_keep_their_aliases(way):
    net = nn.Sequential(nn.Dense(3, in_units=2))
    net.initialize()
    parameters = net.collect_params()
    again = way(parameters)
    assert type(again) is type(parameters)
    assert list(again) == list(parameters)
    assert again[f"{net[0].name}_weight"] is again["0.weight"]
    assert_equal(again["0.weight"].data(), net[0].weight.data())


@every_way
def test_recorded_arrays_copy_as_their_values(way):
    x = Array([1.0, 2.0])
    x.attach_grad()
    with autograd.record():
        y = (x * x).sum()
    y.backward()
    assert float(way(y)) == 5.0
    again = way(x)
    assert_equal(again.numpy(), x.numpy())
    assert_equal(again.grad, x.grad)
    with autograd.record():
        z = (again * again * again).sum()
    z.backward()
    assert_equal(again.grad, np.array([3, 12], np.float32))
