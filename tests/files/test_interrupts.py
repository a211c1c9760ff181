"""Ctrl-C at any moment: what has several parts is changed in all of them or in none.

Each test does something over and over while a thread sends the interrupt signal at random moments, and
compares what is there with the outcomes that may be.
"""

from __future__ import annotations

import os
import random as plain_random
import signal
import threading
import time

import numpy as np
import pytest

import graphinit
from graphinit import autograd, init, loss, nn, optimizer, random
from graphinit.checkpoint import load_checkpoint, save_checkpoint
from graphinit.data import DataLoader
from graphinit.trainer import Trainer

pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="there are no such signals here"),
    # An interrupt within a finalizer is told there and lost; a file that one leaves behind closes itself.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
]
TIMES = int(os.environ.get("GRAPHINIT_INTERRUPTS", "60"))


def interrupted(act, check, times=TIMES, longest=0.004):
    """Run `act` with an interrupt at a random moment, and `check` what it left, again and again.

    The longest wait settles at about the time that `act` takes, so that moments fall all over it.
    """
    rng = plain_random.Random(1)
    arrived = 0
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for _ in range(times):
            wait = rng.uniform(0, longest)
            timer = threading.Thread(target=send_after, args=(wait,))
            done = False
            try:
                try:
                    timer.start()
                    started = time.perf_counter()
                    act()
                    done = True
                    longest = 0.9 * longest + 0.1 * (time.perf_counter() - started)
                finally:
                    timer.join()
                    time.sleep(0)  # an interrupt that came late is raised here
            except KeyboardInterrupt:
                arrived += 1
            check(done)
    finally:
        signal.signal(signal.SIGINT, before)
    assert arrived > times // 2


def send_after(seconds):
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGINT)


def network():
    net = nn.Sequential(
        nn.Dense(37, in_units=11, activation="relu"), nn.BatchNorm(in_channels=37), nn.Dropout(0.3),
        *(nn.Dense(37, in_units=37, activation="tanh") for _ in range(6)), nn.Dense(3, in_units=37),
    )  # fmt: skip
    net.initialize(init.Xavier(), seed=2)
    return net


def values(net, *optimizers):
    found = [parameter.root._data.copy() for parameter in net.collect_params().values()]
    found += [state.data().copy() for state in net.states().values()]
    for made in optimizers:
        found += [array.copy() for array in made.state_arrays().values()]
        found.append(np.array(made.counts))
    return [array.tobytes() for array in found]


def batch():
    rng = np.random.default_rng(0)
    return rng.normal(size=(13, 11)).astype(np.float32), rng.integers(0, 3, 13)


def steps(net, made, once, count):
    """What is there after each number of steps."""
    found = [values(net, made)]
    for _ in range(count):
        once()
        found.append(values(net, made))
    return found


def check_steps(make, times=TIMES):
    """Compare an interrupted run with one that nobody interrupts."""
    net, made, once = make()
    once()  # compiled, with states made
    allowed = steps(net, made, once, times + 1)
    net, made, once = make()
    once()
    reached = [0]

    def check(done):
        now = values(net, made)
        places = [reached[0] + 1] if done else [reached[0], reached[0] + 1]
        found = [place for place in places if allowed[place] == now]
        assert found, "a step was left half done"
        reached[0] = found[0]

    interrupted(once, check, times)
    assert 0 < reached[0] <= times


def test_compiled_steps_are_done_or_not_done():
    def make():
        net = network()
        step = graphinit.compile_step(net, loss.SoftmaxCrossEntropyLoss(), "adam", lr=0.001)
        return net, step.optimizer, lambda: step(*batch())

    check_steps(make)


def test_steps_of_an_optimizer_are_done_or_not_done():
    def make():
        net = network()
        made = optimizer.Adam(net.collect_params(), lr=0.001)

        def once():
            for parameter in made.parameters:
                if parameter.grad_req != "null":
                    parameter.accept_gradient(np.ones_like(parameter.data()))
            made.step(1)

        return net, made, once

    check_steps(make)


@pytest.mark.parametrize("grad_req", ["write", "add"])
def test_recorded_backward_is_done_or_not_done(grad_req):
    net = network()
    net.setattr("grad_req", grad_req)
    x, y = batch()
    x = autograd.array(x)
    x.attach_grad(grad_req)
    criterion = loss.SoftmaxCrossEntropyLoss()
    parameters = [p for p in net.collect_params().values() if p.grad_req != "null"]
    held = []

    def once():
        with autograd.record():
            value = criterion(net(x), y)
        held[:] = [value]
        value.backward()

    def gradients():
        return [p.grad().copy() for p in parameters] + [np.array(x.grad)]

    once()
    reached = [gradients(), [p.data().copy() for p in net.collect_params(".*running.*").values()]]

    def check(done):
        now = gradients()
        same = [np.array_equal(a, b) for a, b in zip(reached[0], now, strict=True)]
        assert all(same) or not any(same), "some gradients are new, and some are not"
        fresh = {p.has_fresh_gradient for p in parameters}
        assert len(fresh) == 1
        assert not done or not any(same)
        running = [p.data().copy() for p in net.collect_params(".*running.*").values()]
        moved = [not np.array_equal(a, b) for a, b in zip(reached[1], running, strict=True)]
        assert all(moved) or not any(moved), "some running statistics have moved, and some have not"
        for p in net.collect_params(".*running.*").values():
            p.set_data(np.zeros(p.shape))  # else they settle where every call leaves them
        reached[:] = [
            now,
            [np.zeros(p.shape, np.float32) for p in net.collect_params(".*running.*").values()],
        ]
        for p in parameters:
            p.has_fresh_gradient = False

    interrupted(once, check)


def test_calls_in_training_mode_store_all_or_nothing():
    net = nn.Sequential(
        *(layer for _ in range(9) for layer in (nn.BatchNorm(in_channels=11), nn.Dropout(0.1)))
    )
    net.initialize()
    x = batch()[0]

    def streams():
        return [state.data().copy() for state in net.states().values()]

    def once():
        with autograd.train_mode():
            net(x)

    once()
    reached = [streams()]

    def check(done):
        now = streams()
        counts = {int(b[2] - a[2]) for a, b in zip(reached[0], now, strict=True)}
        assert counts in ([{1}] if done else [{0}, {1}])
        reached[0] = now

    interrupted(once, check)


def outcomes(act, reset, state, times=TIMES):
    """Check that an interrupted action leaves what was before or what comes after."""
    reset()
    before = state()
    act()
    after = state()
    assert before != after
    seen = set()

    def check(done):
        now = state()
        assert now in ([after] if done else [before, after]), "half of it is done"
        seen.add(now == after)
        reset()

    reset()
    interrupted(act, check, times)


@pytest.mark.parametrize("name", ["net.safetensors", "net.npz"])
def test_parameters_are_loaded_all_or_none(tmp_path, name):
    net = network()
    net.initialize("ones", force_reinit=True)
    net.save_parameters(tmp_path / name)
    zeros = {path: np.zeros_like(p.data()) for path, p in net.collect_params().items()}
    outcomes(
        lambda: net.load_parameters(tmp_path / name),
        lambda: net.load_dict(zeros),
        lambda: values(net),
    )
    outcomes(lambda: net.load_dict({path: array + 1 for path, array in zeros.items()}),
             lambda: net.load_dict(zeros), lambda: values(net))  # fmt: skip


def test_initialising_and_casting_are_done_or_not_done():
    net = network()
    outcomes(
        lambda: net.initialize(init.Normal(), force_reinit=True, seed=7),
        lambda: net.initialize("zeros", force_reinit=True, seed=6),
        lambda: values(net),
    )
    outcomes(
        lambda: net.cast("float64"),
        lambda: net.cast("float32"),
        lambda: [(p.dtype, p.data().dtype.name) for p in net.collect_params().values()],
    )


def test_shapes_are_settled_all_or_none():
    made = {}

    def reset():
        made["net"] = nn.Sequential(*(nn.Dense(5 + units) for units in range(12)))
        made["net"].initialize(seed=1)

    def state():
        return [(p.shape, p.is_waiting) for p in made["net"].collect_params().values()]

    def act():
        made["net"].infer_shape(x=(2, 3))

    outcomes(act, reset, state)


def test_a_call_of_initialize_that_is_interrupted_takes_no_seed():
    net, twin = network(), network()
    random.seed(3)
    net.initialize(init.Xavier(), force_reinit=True)

    def check(done):
        start, taken = random.place()
        random.seed(start, taken - 1)
        twin.initialize(init.Xavier(), force_reinit=True)
        assert values(net) == values(twin)
        assert random.place() == (start, taken)

    interrupted(lambda: net.initialize(init.Xavier(), force_reinit=True), check)
    assert random.place()[1] < 2 + TIMES


def test_checkpoints_and_states_are_loaded_all_or_nothing(tmp_path):
    net, (x, y) = network(), batch()
    step = graphinit.compile_step(net, loss.SoftmaxCrossEntropyLoss(), "adam")
    loader = DataLoader((x, y), 5, shuffle=True, last_batch="rollover", seed=4)
    seed = random.place()

    def train(number):
        random.seed(number, 2 * number)
        for _ in range(number):
            for part in loader:
                step(*part)

    train(1)
    save_checkpoint(tmp_path / "one", net, step, loader)
    train(2)
    save_checkpoint(tmp_path / "two", net, step, loader)
    trainer = Trainer(net.collect_params(), step.optimizer.__class__())
    trainer.optimizer.restore(step.optimizer.state_arrays(), step.optimizer.state_notes())
    trainer.save_states(tmp_path / "states")
    cold = Trainer(net.collect_params(), step.optimizer.__class__())
    notes = cold.optimizer.state_notes()
    try:
        outcomes(
            lambda: load_checkpoint(tmp_path / "two", net, step, loader),
            lambda: load_checkpoint(tmp_path / "one", net, step, loader),
            lambda: (values(net, step.optimizer), loader.state(), random.place()),
        )
    finally:
        random.seed(*seed)
    outcomes(
        lambda: trainer.load_states(tmp_path / "states"),
        lambda: trainer.optimizer.restore({}, notes),
        lambda: values(net, trainer.optimizer),
    )


def test_saving_leaves_no_other_file(tmp_path):
    net, path = network(), tmp_path / "net"
    net.save_parameters(path)
    good = path.read_bytes()

    def check(done):
        assert list(tmp_path.iterdir()) == [path]
        assert path.read_bytes() == good

    interrupted(lambda: net.save_parameters(path), check)
