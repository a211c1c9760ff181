"""States that layers carry from run to run: stored when whoever made them says, whatever their dtype."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import graphinit
from graphinit import Graph, autograd, loss, nn, optimizer, tracing
from graphinit.errors import GraphError, ValueRangeError
from graphinit.parameter import Parameter
from graphinit.training import compile_step


class Counting(nn.Block):
    """Twice its input; counts how often it was used in training."""

    def __init__(self, stored: str, dtype: str = "int64") -> None:
        super().__init__()
        self.scale = Parameter("scale", shape=(), init="ones")
        self.count = Parameter("count", "null", (), dtype, init="zeros", differentiable=False)
        self.count.running, self.count.stored = True, stored

    def forward(self, x: Any) -> Any:
        trace = tracing.current()
        if trace is not None and trace.train:
            trace.update(self.count, trace.state(self.count) + 1)
        return x * self.scale


def made(stored: str, dtype: str = "int64") -> Counting:
    net = Counting(stored, dtype)
    net.initialize()
    return net


X = np.ones((2, 3), np.float32)
EVERY = pytest.mark.parametrize(
    ("stored", "dtype"),
    [(stored, dtype) for stored in ("forward", "backward") for dtype in ("int64", "float32")],
)


@EVERY
def test_calls_in_training_store_what_forward_stores(stored: str, dtype: str) -> None:
    net = made(stored, dtype)
    net(X)
    assert net.count.data() == 0
    with autograd.train_mode():
        net(X)
        net(X)
    assert net.count.data() == (2 if stored == "forward" else 0)


class Bounded(nn.Block):
    """A dense layer over the mean of its inputs so far, which it keeps and reads."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Dense(3)
        self.mean = Parameter("mean", "null", (5,), init="zeros", differentiable=False)
        self.mean.running = True

    def forward(self, x: Any) -> Any:
        trace = tracing.current()
        assert trace is not None
        now = trace.state(self.mean) * 0.5 + x.mean(axis=0) * 0.5
        trace.update(self.mean, now)
        return self.inner(x - now)


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("layer", [nn.BatchNorm, Bounded])
def test_a_failed_step_stores_nothing(layer: Any, accumulate: int) -> None:
    net = nn.Sequential(layer(), nn.Dense(3))
    net.initialize(seed=1)
    x, y = np.arange(20, dtype=np.float32).reshape(4, 5), np.array([0, 2, 1, 1])
    step = compile_step(net, loss.SoftmaxCrossEntropyLoss(), "adam", accumulate=accumulate)
    step(x, y)
    for _ in range(accumulate):
        before = {path: parameter.data().copy() for path, parameter in net.collect_params().items()}
        with pytest.raises(ValueRangeError, match="pick was given the id 3"):
            step(x, y + 1)
        after = {path: parameter.data().copy() for path, parameter in net.collect_params().items()}
        assert all(np.array_equal(after[path], old) for path, old in before.items())
        step(x, y)
        running = [path for path, parameter in net.collect_params().items() if parameter.running]
        assert running
        assert not any(np.array_equal(net.collect_params()[p].data(), before[p]) for p in running)


@EVERY
def test_executables_store_in_the_phase_that_was_said(stored: str, dtype: str) -> None:
    net = made(stored, dtype)
    exe = graphinit.compile(net, train=True, x=(2, 3))
    seen = []
    for _ in range(2):
        exe.forward(X)
        seen.append(int(net.count.data()))
        exe.backward()
        seen.append(int(net.count.data()))
    assert seen == ([1, 1, 2, 2] if stored == "forward" else [0, 1, 1, 2])


@EVERY
def test_recorded_training_stores_once_a_step(stored: str, dtype: str) -> None:
    net = made(stored, dtype)
    for step in (1, 2, 3):
        with autograd.record():
            y = net(X)
            value = (y * y).sum()
        if step > 1:
            assert float(value) == 6  # asked for before backward: forward may run again
        value.backward()
        assert net.count.data() == step


@EVERY
def test_two_calls_of_one_layer_count_twice(stored: str, dtype: str) -> None:
    net = made(stored, dtype)
    with autograd.record():
        first = net(X)
        assert first.sum() == 6
        value = (first + net(X)).sum()
    value.backward()
    assert net.count.data() == 2


@EVERY
def test_compiled_steps_store_once_a_step(stored: str, dtype: str) -> None:
    net = made(stored, dtype)
    step = compile_step(net, loss.L2Loss(), optimizer.SGD(lr=0.1))
    for done in (1, 2, 3):
        step(X, X * 2)
        assert net.count.data() == done
    assert net.scale.data() > 1


@EVERY
def test_files_say_when_a_state_is_stored(stored: str, dtype: str) -> None:
    graph = made(stored, dtype).trace(train=True, x=(2, 3))
    again = Graph.from_json(graph.to_json())
    assert again == graph
    assert again["count"].is_stored_late == (stored == "backward")


def test_files_of_older_versions_store_floating_states_late() -> None:
    for dtype in ("int64", "float32"):
        data = json.loads(made("forward", dtype).trace(train=True, x=(2, 3)).to_json())
        for node in data["nodes"]:
            if node["op"] == "state":
                del node["attrs"]
        assert Graph.from_json(json.dumps(data))["count"].is_stored_late == (dtype == "float32")


def test_another_phase_is_refused() -> None:
    text = made("forward").trace(train=True, x=(2, 3)).to_json().replace('"forward"', '"later"')
    with pytest.raises(GraphError, match="'forward' or 'backward'"):
        Graph.from_json(text)


def test_a_counter_is_a_counter_in_any_precision() -> None:
    net = made("forward")
    net.cast("float16")
    assert (net.scale.dtype, net.count.dtype) == ("float16", "int64")
    net.count.set_data(2048)
    with autograd.train_mode():
        net(X)
    assert net.count.data() == 2049
