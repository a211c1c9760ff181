"""The whole step as one program: the same numbers as the loop, and everything in place."""

from __future__ import annotations

import numpy as np
import pytest

import graphinit
from graphinit import autograd, loss, lr_scheduler, nn, optimizer
from graphinit.errors import BlockError, CallError, GraphInitError, ParameterError, ShapeError
from graphinit.trainer import Trainer


def network():
    net = nn.Sequential(nn.Dense(7, activation="relu"), nn.Dropout(0.2), nn.Dense(3))
    net.initialize(seed=0)
    return net


def batches(count, batch=13):
    rng = np.random.default_rng(0)
    return [
        (rng.normal(size=(batch, 11)).astype(np.float32), rng.integers(0, 3, batch)) for _ in range(count)
    ]


OPTIONS = [
    ("sgd", {"lr": 0.3}),
    ("sgd", {"lr": 0.3, "momentum": 0.9, "wd": 0.1, "clip_global_norm": 0.5}),
    ("adam", {"lr_scheduler": lr_scheduler.CosineScheduler(max_update=5, base_lr=0.1)}),
    ("adamw", {"wd": 0.1, "clip_gradient": 0.01, "rescale_grad": 3.0}),
    ("nadam", {}),
    ("lamb", {}),
    ("ftrl", {}),
    ("adafactor", {"beta1": 0.5}),
    ("lion", {"lr": 0.01}),
    ("rmsprop", {"centered": True}),
]


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_the_step_is_the_loop(name, options):
    one, other = network(), network()
    criterion = loss.SoftmaxCrossEntropyLoss()
    step = graphinit.compile_step(one, criterion, name, **options)
    trainer = Trainer(other.collect_params(), name, options)
    for x, y in batches(6):
        value = step(x, y)
        with autograd.record():
            expected = criterion(other(x), y)
        expected.backward()
        trainer.step(len(x))
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)
    for path, parameter in one.collect_params().items():
        np.testing.assert_allclose(
            parameter.data(), other.collect_params()[path].data(), rtol=2e-3, atol=2e-4, err_msg=path
        )
    assert step.optimizer.counts == trainer.optimizer.counts


def test_everything_is_updated_in_place():
    net = network()
    step = graphinit.compile_step(net, loss.L2Loss(), optimizer.SGD(lr=0.1, momentum=0.9))
    x, y = batches(1)[0][0], np.zeros((13, 3), np.float32)
    step(x, y)
    data = [p.data() for p in net.collect_params().values()]
    kept = dict(step.optimizer.state_arrays())
    before = [array.copy() for array in data]
    step(x, y)
    assert all(p.data() is array for p, array in zip(net.collect_params().values(), data, strict=True))
    assert all(step.optimizer.state_arrays()[name] is array for name, array in kept.items())
    assert not any(np.array_equal(array, old) for array, old in zip(data, before, strict=True))
    assert "store(" not in step.source.replace("key_variable.store", "")


def test_running_statistics_move():
    net = nn.Sequential(nn.Dense(7), nn.BatchNorm(), nn.Dense(3))
    net.initialize(seed=0)
    other = nn.Sequential(nn.Dense(7), nn.BatchNorm(), nn.Dense(3))
    other.initialize(seed=0)
    criterion = loss.SoftmaxCrossEntropyLoss()
    step = graphinit.compile_step(net, criterion, "sgd", lr=0.1)
    trainer = Trainer(other.collect_params(), "sgd", {"learning_rate": 0.1})
    for x, y in batches(3):
        step(x, y)
        with autograd.record():
            value = criterion(other(x), y)
        value.backward()
        trainer.step(len(x))
    np.testing.assert_allclose(net[1].running_mean.data(), other[1].running_mean.data(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(net[1].running_var.data(), other[1].running_var.data(), rtol=1e-4)
    assert net[1].running_mean.data().any()


def test_tied_and_frozen_parameters():
    net = nn.Sequential(nn.Dense(5, in_units=5), nn.Dense(5, in_units=5), nn.Dense(5, in_units=5))
    net.initialize(seed=0)
    net[1].weight = net[0].weight
    net[2].weight = net[0].weight.T
    net[1].bias.grad_req = "null"
    step = graphinit.compile_step(net, loss.L2Loss(), "sgd", lr=0.1)
    frozen = net[1].bias.data().copy()
    x = np.eye(5, dtype=np.float32)
    values = [step(x, x).mean() for _ in range(50)]
    assert values[-1] < values[0]
    assert np.array_equal(net[1].bias.data(), frozen)
    assert max(step.optimizer.counts) == 50
    net[1].bias.grad_req = "write"
    step(x, x)
    assert not np.array_equal(net[1].bias.data(), frozen)


def test_other_sizes_settings_and_casts_make_other_programs():
    net = network()
    step = graphinit.compile_step(net, loss.SoftmaxCrossEntropyLoss(), "sgd", lr=0.1)
    for batch in (13, 5, 13):
        (x, y) = batches(1, batch)[0]
        assert step(x, y).shape == (batch,)
    net[0].weight.lr_mult = 0.0
    before = net[0].weight.data().copy()
    step(x, y)
    assert np.array_equal(net[0].weight.data(), before)
    net.cast("float64")
    assert step(x, y).dtype == "float64"


def test_a_failed_step_changes_nothing():
    net = network()
    step = graphinit.compile_step(net, loss.SoftmaxCrossEntropyLoss(), "adam")
    x, y = batches(1)[0]
    step(x, y)
    before = [p.data().copy() for p in net.collect_params().values()]
    with pytest.raises(GraphInitError):
        step(x, y + 3)  # no such class
    with pytest.raises(ShapeError):
        step(x[:, :10], y)
    with pytest.raises(GraphInitError):
        step(x, y[:5])
    assert all(
        np.array_equal(p.data(), old) for p, old in zip(net.collect_params().values(), before, strict=True)
    )
    assert set(step.optimizer.counts) == {1}
    step(x, y)


def test_unused_parameters_are_named():
    class Partly(nn.Block):
        def __init__(self):
            super().__init__()
            self.used, self.spare = nn.Dense(2, in_units=3), nn.Dense(2, in_units=3)

        def forward(self, x):
            return self.used(x)

    net = Partly()
    net.initialize()
    step = graphinit.compile_step(net, loss.L2Loss(), "sgd")
    with pytest.warns(UserWarning, match=r"does not depend on spare.weight, spare.bias"):
        step(np.ones((2, 3)), np.ones((2, 2)))
    step(np.ones((2, 3)), np.ones((2, 2)))


def test_wrong_use():
    net = network()
    with pytest.raises(BlockError, match="takes a block"):
        graphinit.compile_step(lambda x: x, loss.L2Loss(), "sgd")
    with pytest.raises(BlockError, match="loss"):
        graphinit.compile_step(net, None, "sgd")
    with pytest.raises(ParameterError, match="cannot find"):
        graphinit.compile_step(net, loss.L2Loss(), "foo")
    with pytest.raises(CallError, match="first"):
        graphinit.compile_step(net, loss.L2Loss(), "sgd").source
    step = graphinit.compile_step(net, lambda p, y: (p, p), "sgd")
    with pytest.raises(BlockError, match="several"):
        step(*batches(1)[0])


def test_a_function_serves_as_loss():
    net = network()
    step = graphinit.compile_step(net, lambda p, y: ((p - y) ** 2).mean(), "sgd", lr=0.1)
    x = batches(1)[0][0]
    assert step(x, np.zeros((13, 3))).shape == ()
