"""Interrupts that are held back."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import numpy as np
import pytest

from graphinit import loss, nn, optimizer
from graphinit.interrupts import Held, hold
from graphinit.training import compile_step


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def python_handles_interrupts():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def interrupted(held: Held, *steps: Callable[[], object]) -> list[int]:
    """Return which steps were done within `held`, and see that an interrupt came out of it."""
    done: list[int] = []

    def run() -> None:
        with held:
            for number, step in enumerate(steps):
                step()
                done.append(number)

    with pytest.raises(KeyboardInterrupt):
        run()
    return done


def nested() -> None:
    with Held():
        interrupt()


def broken() -> None:
    raise ValueError("broken")


def test_an_interrupt_waits_for_the_end() -> None:
    assert interrupted(Held(), interrupt, interrupt, int) == [0, 1, 2]


def test_without_holding_it_comes_at_once() -> None:
    assert interrupted(Held(at_once=False), int, interrupt, int) == [0]


def test_it_waits_from_where_it_is_held() -> None:
    assert interrupted(Held(at_once=False), hold, interrupt, int) == [0, 1, 2]


def test_holding_within_holding_waits_for_the_outer_end() -> None:
    assert interrupted(Held(), nested, int) == [0, 1]


def test_an_interrupt_comes_out_of_an_error_as_well() -> None:
    assert interrupted(Held(), interrupt, broken, int) == [0]


def test_what_the_user_does_on_interrupts_is_done_at_the_end() -> None:
    seen: list[str] = []
    signal.signal(signal.SIGINT, lambda *_: seen.append("interrupt"))
    with Held():
        interrupt()
        seen.append("change")
    assert seen == ["change", "interrupt"]
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ignored_interrupts_stay_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Held():
        interrupt()
    assert signal.signal(signal.SIGINT, signal.default_int_handler) is signal.SIG_IGN


def test_other_threads_hold_nothing() -> None:
    entered: list[bool] = []

    def run() -> None:
        with Held():
            hold()
            entered.append(signal.getsignal(signal.SIGINT) is signal.default_int_handler)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert entered == [True]


def test_a_step_says_where_writing_begins() -> None:
    net = nn.Sequential(nn.Dense(3, activation="tanh"), nn.Dense(1))
    net.initialize(seed=1)
    step = compile_step(net, loss.L2Loss(), optimizer.SGD(lr=0.1))
    step(np.ones((5, 2)), np.ones((5, 1)))
    lines = step.source.split("\n")
    held = lines.index("    hold()")
    weights = ("net_0_weight", "net_0_bias", "net_1_weight", "net_1_bias")
    writes = [i for i, line in enumerate(lines) if any(f"out={name})" in line for name in weights)]
    assert len(writes) == 4
    assert held < min(writes)
    assert any("matmul" in line for line in lines[:held])
    assert lines.count("    hold()") == 1
