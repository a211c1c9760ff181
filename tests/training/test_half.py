"""Parameters of float16: every optimiser trains them without inf and nan."""

from __future__ import annotations

import numpy as np
import pytest

from graphinit import autograd, loss, nn, optimizer
from graphinit.optimizers.registry import create
from graphinit.trainer import Trainer
from graphinit.training import compile_step

NAMES = (
    ("sgd", {"momentum": 0.9}), ("nag", {}), ("signum", {}), ("lion", {}), ("adam", {}), ("adamw", {}), ("lamb", {}),
    ("adamax", {}), ("nadam", {}), ("adagrad", {}), ("adadelta", {"lr": 1.0}), ("rmsprop", {}),
    ("rmsprop", {"centered": True}), ("ftrl", {}), ("adafactor", {}),
)  # fmt: skip


def net_of(dtype: str) -> nn.Sequential:
    net = nn.Sequential(nn.Dense(7, in_units=5, activation="relu"), nn.Dense(3, in_units=7))
    net.initialize(seed=2)
    net.cast(dtype)
    return net


def batch(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(11, 5)).astype(dtype)
    x[:, 2] = 0  # whose weights have gradients that are always 0
    return x, rng.normal(size=(11, 3)).astype(dtype)


@pytest.mark.parametrize(("name", "options"), NAMES)
def test_every_optimizer_follows_what_it_does_in_float32(name: str, options: dict[str, object]) -> None:
    nets = {dtype: net_of(dtype) for dtype in ("float16", "float32")}
    for dtype, net in nets.items():
        step = compile_step(net, loss.L2Loss(), create(name, **{"lr": 0.01, **options}))
        first = float(step(*batch(dtype)).mean())
        for _ in range(20):
            last = float(step(*batch(dtype)).mean())
        assert last < first
    for half, single in zip(
        nets["float16"].collect_params().values(), nets["float32"].collect_params().values(), strict=True
    ):
        assert half.dtype == "float16"
        np.testing.assert_allclose(half.data(), single.data(), atol=0.05)


@pytest.mark.parametrize("limits", [{}, {"clip_global_norm": 1.0}, {"clip_gradient": 0.5, "wd": 0.01}])
def test_a_trainer_does_as_a_compiled_step(limits: dict[str, float]) -> None:
    x, y = batch("float16")
    compiled, recorded = net_of("float16"), net_of("float16")
    step = compile_step(compiled, loss.L2Loss(), optimizer.Adam(lr=0.01, **limits))
    trainer = Trainer(recorded.collect_params(), optimizer.Adam(lr=0.01, **limits))
    for _ in range(3):
        step(x, y)
        with autograd.record():
            value = loss.L2Loss()(recorded(x), y)
        value.backward()
        trainer.step(len(x))
    for one, other in zip(
        compiled.collect_params().values(), recorded.collect_params().values(), strict=True
    ):
        np.testing.assert_allclose(one.data(), other.data(), atol=2e-3)


def test_what_is_kept_is_float32_and_comes_back() -> None:
    net = net_of("float16")
    step = compile_step(net, loss.L2Loss(), optimizer.Adam())
    step(*batch("float16"))
    kept = step.optimizer.state_arrays()
    assert {array.dtype.name for array in kept.values()} == {"float32"}


def test_gradients_beyond_the_root_of_the_greatest_number() -> None:
    """The square of 300 is infinite in float16."""
    net = nn.Dense(1, in_units=2, use_bias=False)
    net.initialize("ones")
    net.cast("float16")
    step = compile_step(net, loss.L1Loss(), optimizer.Adam(lr=0.5))
    step(np.array([[300.0, 0.0]], np.float16), np.array([[0.0]], np.float16))
    np.testing.assert_allclose(net.weight.data(), [[0.5, 1.0]], rtol=1e-3)
