"""Scopes: whose they are, in which order they close, and that an interrupt leaves none open."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest

from graphinit import autograd, nn, tracing
from graphinit.scopes import Scope, Scoped


def state() -> tuple[bool, bool]:
    return autograd.is_recording(), autograd.is_training()


# --- whose they are ---------------------------------------------------------------------------


def test_a_task_does_not_see_the_scope_of_another() -> None:
    async def opens(inside: asyncio.Event, seen: asyncio.Event) -> tuple[bool, bool]:
        with autograd.record():
            inside.set()
            await seen.wait()
            return state()

    async def looks(inside: asyncio.Event, seen: asyncio.Event) -> tuple[bool, bool]:
        await inside.wait()
        found = state()
        with autograd.train_mode():
            seen.set()
            await asyncio.sleep(0)
        return found

    async def both() -> list[tuple[bool, bool]]:
        inside, seen = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(opens(inside, seen), looks(inside, seen))

    assert asyncio.run(both()) == [(True, True), (False, False)]
    assert state() == (False, False)


def test_a_task_takes_along_what_is_open_when_it_starts_and_not_longer() -> None:
    async def main() -> list[bool]:
        async def child(closed: asyncio.Event) -> list[bool]:
            first = autograd.is_recording()
            await closed.wait()
            return [first, autograd.is_recording()]

        closed = asyncio.Event()
        with autograd.record():
            task = asyncio.create_task(child(closed))
            await asyncio.sleep(0)
        closed.set()
        return await task

    assert asyncio.run(main()) == [True, False]


def test_threads_have_their_own() -> None:
    found: list[tuple[bool, bool]] = []
    with autograd.record(), ThreadPoolExecutor(1) as pool:
        found.append(pool.submit(state).result())
        found.append(asyncio.run(asyncio.to_thread(state)))  # which copies the variables of its caller
        thread = threading.Thread(target=lambda: found.append(state()))
        thread.start()
        thread.join()
        assert state() == (True, True)
    assert found == [(False, False)] * 3


def test_training_goes_on_in_tasks_side_by_side() -> None:
    async def train(rate: float) -> float:
        net = nn.Dense(1, in_units=1, use_bias=False)
        net.initialize("ones")
        for _ in range(3):
            with autograd.record():
                loss = (net(np.array([[rate]])) ** 2).sum()
                await asyncio.sleep(0)
            loss.backward()
            await asyncio.sleep(0)
        return float(net.weight.grad().item())

    async def both() -> list[float]:
        return await asyncio.gather(train(2.0), train(3.0))

    assert asyncio.run(both()) == [8.0, 18.0]


# --- how they close ---------------------------------------------------------------------------


@contextmanager
def wrapped() -> Iterator[None]:
    with autograd.record(train_mode=False):
        yield


@pytest.fixture
def recorded() -> Iterator[None]:
    with wrapped(), autograd.train_mode():
        yield


def test_a_fixture_works_as_a_plain_scope(recorded: None) -> None:
    assert state() == (True, True)
    with autograd.pause():
        assert state() == (False, False)
    assert state() == (True, True)


def test_a_scope_in_a_generator_works_as_a_plain_one() -> None:
    with wrapped():
        assert state() == (True, False)
    assert state() == (False, False)
    with ExitStack() as stack:
        stack.enter_context(wrapped())
        stack.enter_context(autograd.predict_mode())
        assert state() == (True, False)
    assert state() == (False, False)


def test_scopes_may_close_in_any_order() -> None:
    first, second = wrapped(), autograd.train_mode()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert state() == (True, True)  # the second one was entered while the first was open
    second.__exit__(None, None, None)
    assert state() == (False, False)


def test_a_scope_may_be_closed_from_another_context() -> None:
    scope = autograd.record()
    scope.__enter__()

    async def close() -> None:
        scope.__exit__(None, None, None)

    asyncio.run(close())
    assert state() == (False, False)


def test_one_scope_may_be_entered_within_itself() -> None:
    scope = autograd.record()
    with scope:
        with scope:
            assert autograd.is_recording()
        assert autograd.is_recording()
    assert not autograd.is_recording()


def test_a_scope_that_nobody_holds_is_closed() -> None:
    autograd.record().__enter__()
    gc.collect()
    assert not autograd.is_recording()


def test_an_abandoned_generator_closes_its_scope() -> None:
    made = wrapped()
    made.__enter__()
    assert autograd.is_recording()
    del made
    gc.collect()
    assert not autograd.is_recording()


# --- interrupts -------------------------------------------------------------------------------


class Interrupter:
    """Raises `KeyboardInterrupt` before one of the interpreter's steps in some files."""

    def __init__(self, at: int, *files: str) -> None:
        self.left = at
        self.files = files

    def __call__(self, frame, event, argument):
        if not frame.f_code.co_filename.endswith(self.files):
            return None
        frame.f_trace_opcodes = True
        if event in ("call", "opcode"):
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self


def interrupted_at_every_step(run, *files: str) -> int:
    """Run a function with an interrupt before each of its steps in turn; return how many there were."""
    before = sys.gettrace()
    for step in range(1, 10_000):
        try:
            sys.settrace(Interrupter(step, *files))
            try:
                run()
            finally:
                sys.settrace(before)
        except KeyboardInterrupt:
            reached = step
        else:
            return step - 1
        assert state() == (False, False), reached
        assert tracing.current() is None, reached
    raise AssertionError("it has no end")


def test_an_interrupt_leaves_no_scope_open() -> None:
    def run() -> None:
        with autograd.record(), autograd.predict_mode():
            pass

    assert interrupted_at_every_step(run, "scopes.py", "recording.py") > 100
    with autograd.record():
        assert state() == (True, True)
    assert state() == (False, False)


def test_an_interrupt_leaves_no_network_being_described() -> None:
    net = nn.Sequential(nn.Dense(3, in_units=2))

    def run() -> None:
        net.trace(x=(5, 2))

    assert interrupted_at_every_step(run, "scopes.py", "tracing.py") > 100
    net.initialize("ones")
    assert net(np.ones((5, 2))).shape == (5, 3)


def test_values_of_scopes() -> None:
    depth = Scoped("depth", 0)
    with Scope(depth, 2), Scope(depth, 3):
        assert depth.value == 3
    assert depth.value == 0
    assert depth.innermost() is None
