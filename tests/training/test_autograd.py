"""Recorded computations: values, gradients, scopes, and when things are run."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

import graphinit
from graphinit import autograd, loss, nn, optimizer
from graphinit import functional as F
from graphinit.errors import (
    ArrayError,
    ExecutionError,
    GradientError,
    GraphInitError,
    ParameterError,
    ShapeError,
    UninitializedError,
    ValueRangeError,
)
from graphinit.trainer import Trainer


def network(**options):
    net = nn.Sequential(nn.Dense(7, activation="tanh"), nn.Dense(3))
    net.initialize(seed=0, **options)
    return net


def data(batch=5, width=11):
    rng = np.random.default_rng(0)
    return rng.normal(size=(batch, width)).astype(np.float32), rng.integers(0, 3, batch)


def test_scopes():
    def now():
        return autograd.is_recording(), autograd.is_training()

    assert now() == (False, False)
    with autograd.record():
        assert now() == (True, True)
        with autograd.pause():
            assert now() == (False, False)
        with autograd.predict_mode():
            assert now() == (True, False)
        assert now() == (True, True)
    with autograd.record(train_mode=False):
        assert now() == (True, False)
    with autograd.train_mode():
        assert now() == (False, True)
    scope = autograd.record()
    with pytest.raises(ZeroDivisionError), scope:
        1 / 0
    assert now() == (False, False)


def test_gradients_are_those_of_the_explicit_program():
    net, criterion = network(), loss.SoftmaxCrossEntropyLoss()
    x, y = data()
    with autograd.record():
        output = net(x)
        assert (output.shape, output.dtype, output.ndim, len(output)) == ((5, 3), np.float32, 2, 5)
        value = criterion(output, y)
    value.backward()
    model = nn.WithLoss(net, criterion)
    recorded = {path: p.grad().copy() for path, p in net.collect_params().items()}
    exe = graphinit.compile(model, x=x, y=y, train=True)
    np.testing.assert_array_equal(value, exe.forward(x, y))
    expected = exe.backward()
    for path, gradient in recorded.items():
        np.testing.assert_allclose(gradient, expected[f"net.{path}"], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(output, net(x), rtol=1e-6)


def test_a_tied_layer_adds_the_gradients_of_both_uses():
    first, second = nn.Dense(2, use_bias=False, in_units=2), nn.Dense(2, use_bias=False, in_units=2)
    second.weight = first.weight
    net = nn.Sequential(first, second)
    first.weight.set_data([[1, 2], [3, 4]])
    with autograd.record():
        total = net(np.array([[1, -1], [0.5, 2]], np.float32)).sum()
    total.backward()
    assert np.array_equal(first.weight.grad(), [[9.5, 12.5], [12.5, 14.5]])
    assert second.weight.grad() is first.weight.grad()
    trainer = Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    trainer.step(1)
    np.testing.assert_allclose(first.weight.data(), [[0.05, 0.75], [1.75, 2.55]], rtol=1e-6)


def test_grad_req():
    net = nn.Dense(2, in_units=3, use_bias=False)
    net.initialize("ones")
    x = np.ones((5, 3), np.float32)

    def run():
        with autograd.record():
            y = net(x)
        y.backward()
        return net.weight.grad().copy()

    assert (run() == 5).all()
    assert (run() == 5).all()
    net.weight.grad_req = "add"
    net.zero_grad()
    assert (run() == 5).all()
    assert (run() == 10).all()
    net.weight.grad_req = "null"
    with pytest.raises(ExecutionError, match="no parameter is trained"):
        run()
    net.weight.grad_req = "write"
    live = net.weight.grad()
    run()
    assert (live == 5).all()


def test_gradients_of_inputs():
    x = autograd.array(np.array([1.0, 2.0], np.float32))
    assert x.grad is None
    x.attach_grad()
    assert np.array_equal(x.grad, [0, 0])
    with autograd.record():
        y = x * x + 3 * x
        z = 2 - y / 2
    z.backward()
    np.testing.assert_allclose(x.grad, -(2 * np.array([1, 2]) + 3) / 2)
    x.attach_grad("add")
    for _ in range(2):
        with autograd.record():
            y = (x**2).sum()
        y.backward()
    np.testing.assert_allclose(x.grad, 4 * np.array([1, 2]))
    net = network()
    inputs = autograd.array(data()[0])
    inputs.attach_grad()
    with autograd.record():
        out = net(inputs)
    out.backward(np.full((5, 3), 2.0))
    exe = graphinit.compile(net, x=data()[0])
    exe.forward(data()[0])
    np.testing.assert_allclose(inputs.grad, exe.backward(np.full((5, 3), 2.0))["x"], rtol=1e-6)
    with pytest.raises(ArrayError, match="no gradient"):
        autograd.array(np.array([1, 2])).attach_grad()


def test_mark_variables():
    x, place = autograd.array([1.0, 2.0]), np.zeros(2, np.float32)
    autograd.mark_variables(x, place)
    with autograd.record():
        y = F.exp(x)
    y.backward()
    np.testing.assert_allclose(place, np.exp([1, 2]), rtol=1e-6)
    with pytest.raises(GradientError):
        autograd.mark_variables([x], [np.zeros(3)])


def test_several_heads():
    x = autograd.array([2.0])
    x.attach_grad()
    with autograd.record():
        y, z = x * 3, x * x
    autograd.backward([y, z])
    assert x.grad == 7
    with autograd.record():
        y, z = x * 3, x * x
    y.backward()
    z.backward()
    assert x.grad == 4
    with autograd.record():
        y, z = x * 3, x * x
    autograd.backward([y, z], [None, np.array([10.0])])
    assert x.grad == 43
    with pytest.raises(ExecutionError, match="2 heads"):
        autograd.backward([y, z], [None])


def test_grad_leaves_buffers_alone_and_can_be_differentiated():
    x = autograd.array([2.0, 3.0])
    x.attach_grad()
    with autograd.record():
        y = x**3
        (slope,) = autograd.grad(y, [x], create_graph=True)
        (curve,) = autograd.grad(slope, [x], create_graph=True)
    assert np.array_equal(x.grad, [0, 0])
    np.testing.assert_allclose(slope, [12, 27])
    np.testing.assert_allclose(curve, [12, 18])
    curve.backward()
    np.testing.assert_allclose(x.grad, [6, 6])
    with autograd.record():
        y = x**2
    (plain,) = autograd.grad(y, x, head_grads=np.array([1.0, 10.0]))
    np.testing.assert_allclose(plain, [4, 60])


def test_grad_of_a_penalised_gradient_reaches_parameters():
    net = network()
    x = autograd.array(data()[0])
    x.attach_grad()
    with autograd.record():
        out = net(x).sum()
        slope, weight = autograd.grad(out, [x, net[1].weight], create_graph=True)
        penalty = (slope**2).sum()
    assert weight.shape == (3, 7)
    penalty.backward()
    step = 1e-2
    parameter = net[0].weight
    analytic = (parameter.grad() * np.ones_like(parameter.data())).sum()
    values = []
    for sign in (1, -1):
        parameter.data()[...] += sign * step
        exe = graphinit.compile(net, x=data()[0])
        exe.forward(data()[0])
        values.append((exe.backward()["x"].astype(float) ** 2).sum())
        parameter.data()[...] -= sign * step
    assert analytic == pytest.approx((values[0] - values[1]) / 2 / step, rel=1e-2)


def test_detach_and_pause_make_constants():
    x = autograd.array([2.0])
    x.attach_grad()
    with autograd.record():
        y = x * x
        with autograd.pause():
            constant = x * 5
        z = y.detach() * x + constant * x
    assert type(constant) is np.ndarray
    z.backward()
    assert x.grad == 4 + 10


def test_values():
    x = autograd.array([[1.0, 2.0], [3.0, 4.0]])
    with autograd.record():
        total = x.sum()
        rows = x[0]
        more = -abs(x.T.reshape(4) - 1) / 2 @ np.ones(4, np.float32)
    assert float(total) == total.item() == 10
    assert (int(total), bool(total), f"{total:.1f}", str(rows), repr(rows)) == (
        10,
        True,
        "10.0",
        "[1. 2.]",
        "array([1., 2.], dtype=float32)",
    )
    assert rows.tolist() == [1, 2]
    assert float(more) == -3
    assert [float(item) for item in rows] == [1, 2]
    assert type(rows + 1) is np.ndarray  # outside of a recording it is what it holds
    assert x.mean() == 2.5
    assert x.max() == 4
    assert x.min() == 1
    assert x.argmax() == 3
    assert ((x > 1.5) == [[False, True], [True, True]]).all()
    assert np.array_equal(np.ones((2, 2)) * x, [[1, 2], [3, 4]])
    assert np.asarray(x, dtype="float64").dtype == "float64"
    assert x.size == 4
    with pytest.raises(TypeError):
        len(total)


def test_a_networks_value_is_computed_with_the_loss():
    net, criterion = network(), loss.SoftmaxCrossEntropyLoss()
    x, y = data()
    calls = []
    with autograd.record():
        output = net(x)
        value = criterion(output, y)
    value.backward()
    assert output.ref[0].values[0] is not None  # somebody holds it, so it came along
    with autograd.record():
        value = criterion(net(x), y)
    inner = value.ref[0].inputs[0][0]
    value.backward()
    assert inner.values[0] is None  # nobody could ask for it
    assert not calls


def test_python_decides_between_calls():
    net = network()
    x = data()[0]
    for times in (1, 2, 1):
        with autograd.record():
            total = 0.0
            for _ in range(times):
                total = net(x).sum() * 1.5 + total
        total.backward()
        assert float(total) == pytest.approx(times * 1.5 * float(net(x).sum()), rel=1e-5)


def test_dropout_draws_once_for_each_call():
    net = nn.Sequential(nn.Dropout(0.5), nn.Dense(1, use_bias=False, in_units=50))
    net.initialize("ones", seed=3)
    x = np.ones((1, 50), np.float32)
    masks = []
    for early in (False, True, False):
        with autograd.record():
            out = net(x)
        if early:
            float(out.item())
            with autograd.record():
                other = net(x)
            float(other.item())  # another call between value and gradient
        out.backward()
        mask = net[1].weight.grad().copy()
        np.testing.assert_allclose(mask.sum(), out.item())
        masks.append(mask)
    assert not np.array_equal(masks[0], masks[1])
    with autograd.record(train_mode=False):
        assert net(x).item() == 50
    with autograd.train_mode():
        assert net(x).item() != 50
    assert net(x).item() == 50


def test_values_are_those_of_the_parameters_at_the_time():
    net = nn.Dense(1, in_units=1, use_bias=False)
    net.initialize("ones")
    trainer = Trainer(net.collect_params(), "sgd", {"learning_rate": 1.0})
    x = np.ones((1, 1), np.float32)
    with autograd.record():
        kept = net(x)
        value = net(x) * 2
    value.backward()
    trainer.step(1)
    assert kept.item() == 1
    assert net(x).item() == -1
    with autograd.record():
        kept = net(x)
    net.weight.set_data([[5.0]])
    assert kept.item() == -1
    with autograd.record():
        kept = net(x)
    x[...] = 100  # arrays are copied
    assert kept.item() == 5


def test_two_networks_in_one_loss():
    one, other = network(), network()
    other.initialize(seed=1, force_reinit=True)
    x = data()[0]
    with autograd.record():
        value = ((one(x) - other(x)) ** 2).sum()
    value.backward()
    assert one[1].bias.grad().any()
    np.testing.assert_allclose(one[1].bias.grad(), -other[1].bias.grad(), rtol=1e-5)
    assert float(value) == pytest.approx(((one(x) - other(x)) ** 2).sum(), rel=1e-5)


def test_structured_results_and_keyword_arguments():
    class Both(nn.Block):
        def __init__(self):
            super().__init__()
            self.dense = nn.Dense(2)

        def forward(self, x, scale=None, twice=False):
            y = self.dense(x)
            return {"y": y, "more": [y * 2 if twice else y, y if scale is None else y * scale]}

    net = Both()
    net.initialize("ones")
    with autograd.record():
        result = net(np.ones((3, 5)), scale=np.full((3, 1), 7.0), twice=True)
        total = result["more"][1].sum() + result["more"][0].sum() + result["y"].sum()
    total.backward()
    assert float(total) == 3 * 2 * 5 * 10
    assert (net.dense.weight.grad() == 30).all()


def test_hooks_see_recorded_arrays():
    net = nn.Dense(2, in_units=3)
    net.initialize("ones")
    seen = []
    net.register_forward_hook(lambda block, inputs, output: seen.append(output.shape))
    with net.register_forward_pre_hook(lambda block, inputs: inputs[0] * 2), autograd.record():
        out = net(np.ones((1, 3), np.float32))
    assert seen == [(1, 2)]
    assert out.numpy()[0, 0] == 6


def test_errors():
    net = network()
    x = data()[0]
    with autograd.record():
        value = net(x).sum()
    value.backward()
    with pytest.raises(ExecutionError, match="retain_graph"):
        value.backward()
    with autograd.record():
        value = net(x).sum()
    value.backward(retain_graph=True)
    value.backward()
    with pytest.raises(ExecutionError, match="record"):
        autograd.array([1.0]).backward()
    with pytest.raises(GraphInitError, match="int64"), autograd.record():
        net(x).argmax(axis=1).backward()
    with pytest.raises(ExecutionError, match="shape"), autograd.record():
        net(x).backward(np.ones(3))
    with pytest.raises(ExecutionError, match="ndarray"):
        autograd.backward(np.ones(3))
    with pytest.raises(ShapeError), autograd.record():
        net(np.ones((5, 12), np.float32))
    with pytest.raises(UninitializedError), autograd.record():
        nn.Dense(3)(x)
    with pytest.raises(GraphInitError), autograd.record():
        net(x) + np.ones(7)
    with pytest.raises(ParameterError, match="forward"), autograd.record():
        net(x) * net[1].bias
    with autograd.record():
        net(x)
    assert not autograd.is_recording()


def test_deferred_parameters_are_drawn_when_the_call_is_recorded():
    net = network()
    with autograd.record():
        net(data()[0])
        assert net[0].weight.shape == (7, 11)
        assert net[0].weight.data().any()


def test_nothing_is_kept_alive():
    net, criterion = network(), loss.L2Loss()
    x = data()[0]
    with autograd.record():
        value = criterion(net(x), np.zeros((5, 3), np.float32))
    node = weakref.ref(value.ref[0])
    value.backward()
    del value
    gc.collect()
    assert node() is None


def test_trainer():
    net, criterion = network(), loss.SoftmaxCrossEntropyLoss()
    x, y = data(batch=37)
    trainer = Trainer(net.collect_params(), "adam", {"learning_rate": 0.1})
    with pytest.raises(UninitializedError):
        Trainer(nn.Dense(3).collect_params(), "sgd").step(1)
    losses = []
    for _ in range(30):
        with autograd.record():
            value = criterion(net(x), y)
        value.backward()
        trainer.step(len(x))
        losses.append(float(value.mean()))
    assert losses[-1] < 0.2 * losses[0]
    with pytest.raises(GradientError):
        trainer.step(1)
    trainer.step(1, ignore_stale_grad=True)
    assert trainer.learning_rate == 0.1
    trainer.set_learning_rate(0.2)
    assert trainer.learning_rate == 0.2
    with pytest.raises(ValueError, match=r"takes net\.collect_params"):
        Trainer(3, "sgd")
    with pytest.raises(AssertionError, match="optimizer_params"):
        Trainer(net.collect_params(), optimizer.SGD(), {"momentum": 0.9})
    with pytest.raises(ValueError, match="cannot find optimizer"):
        Trainer(net.collect_params(), "foo")


def test_a_trainers_states_are_saved_exactly(tmp_path):
    criterion = loss.SoftmaxCrossEntropyLoss()
    x, y = data(batch=37)

    def run(split):
        net = network()
        trainer = Trainer(net.collect_params(), "adam")
        for step in range(6):
            if step == split:
                trainer.save_states(tmp_path / "states")
                trainer = Trainer(net.collect_params(), "adam")
                trainer.load_states(tmp_path / "states")
            with autograd.record():
                value = criterion(net(x), y)
            value.backward()
            trainer.step(37)
        return [p.data().tobytes() for p in net.collect_params().values()]

    assert run(None) == run(3)
    net = network()
    net.save_parameters(tmp_path / "net")
    with pytest.raises(GraphInitError, match="no optimiser"):
        Trainer(net.collect_params(), "adam").load_states(tmp_path / "net")


def test_parameters_that_the_loss_does_not_use_are_named_once():
    class Partly(nn.Block):
        def __init__(self):
            super().__init__()
            self.used, self.spare = nn.Dense(2, in_units=3), nn.Dense(2, in_units=3)

        def forward(self, x):
            self.spare(x)
            return self.used(x)

    net = Partly()
    net.initialize()
    trainer = Trainer(net.collect_params(), "sgd")

    def step():
        with autograd.record():
            value = net(np.ones((2, 3), np.float32))
        value.backward()
        trainer.step(2)

    before = net.spare.weight.data().copy()
    with pytest.warns(UserWarning, match=r"does not depend on spare.weight, spare.bias"):
        step()
    step()
    assert np.array_equal(net.spare.weight.data(), before)


def test_threads_record_by_themselves():
    net = network()
    x = data()[0]
    net(x)
    results = {}

    def work(number):
        inputs = autograd.array(x * number)
        inputs.attach_grad()
        for _ in range(20):
            with autograd.record(train_mode=False):
                total = (net(inputs) ** 2).sum()
            (slope,) = autograd.grad(total, [inputs])
        results[number] = np.asarray(slope)

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not autograd.is_recording()
    for number, found in results.items():
        work(number)
        np.testing.assert_array_equal(found, results[number])


def test_backward_reads_inputs_themselves():
    net = nn.Dense(3, in_units=11, use_bias=False)
    net.initialize()
    x = data()[0]
    with autograd.record():
        total = (net(x) * 2).sum()
    total.backward()
    (entry, *_) = net._programs.recorded.values()
    (plan,) = entry.plans.values()
    assert plan.executable.program.held == ("in0",)
    assert "in0 = workspace.held[0]" in plan.executable.source
    np.testing.assert_allclose(net.weight.grad(), np.full((5, 3), 2.0).T @ x, rtol=1e-5)


def test_functions_of_numpy_see_values():
    x = autograd.array([[1.0, 2.0], [3.0, 6.0]])
    with autograd.record():
        y = x * 2
    assert float(np.mean(y)) == 6
    assert np.concatenate([y, y], axis=1).shape == (2, 4)
    assert float(np.max(y)) == 12


def test_values_that_cannot_be_computed_stop_nobody_else():
    """Only who asks for them hears of it; others keep the values that they were recorded with."""
    table, dense, other = nn.Embedding(4, 3), nn.Dense(2, in_units=3), nn.Dense(1, in_units=1)
    for net in (table, dense, other):
        net.initialize("ones")
    with autograd.record():
        good = dense(np.ones((5, 3), np.float32))
        bad = table(np.array([9])).sum()
    with pytest.raises(ValueRangeError, match="take was given the id 9"):
        bad.backward()
    other.weight.set_data([[2.0]])
    dense.weight.set_data(np.zeros((2, 3)))
    np.testing.assert_array_equal(good.numpy(), np.full((5, 2), 3.0))
    for ask in (bad.numpy, bad.backward, lambda: bad * 2):
        with pytest.raises(ValueRangeError, match="take was given the id 9"):
            ask()
