"""A whole training step, MLP 784-512-512-10, batch 128, SGD: against NumPy by hand, and PyTorch and JAX if installed.

The recorded loop stands beside the explicit step.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

import graphinit
from benchmarks.figures import Figure, format_figures
from graphinit import autograd, init, nn, optimizer
from graphinit.loss import SoftmaxCrossEntropyLoss
from graphinit.trainer import Trainer

ROUNDS = 41
STEPS = 5
RATE = 0.1
SIZES = (784, 512, 512, 10)
BATCH = 128


def network() -> nn.Sequential:
    """Return the network."""
    *hidden, last = (nn.Dense(units, in_units=width) for width, units in pairwise(SIZES))
    net = nn.Sequential()
    for layer in hidden:
        net.add(layer, nn.Activation("relu"))
    net.add(last)
    net.initialize(init.Xavier(), seed=0)
    return net


def dense(net: Any) -> list[Any]:
    """Return the layers that have weights."""
    return [layer for layer in net if isinstance(layer, nn.Dense)]


def by_hand(net: Any, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
    """Return the step as a person would write it: into buffers made beforehand."""
    weights = [layer.weight.data().copy() for layer in dense(net)]
    biases = [layer.bias.data().copy() for layer in dense(net)]
    hidden = [np.empty((BATCH, size), np.float32) for size in SIZES[1:]]
    back = [np.empty((BATCH, size), np.float32) for size in SIZES[1:]]
    masks = [np.empty((BATCH, size), bool) for size in SIZES[1:]]
    slopes = [np.empty_like(weight) for weight in weights]
    rows = np.arange(BATCH)

    def step() -> np.ndarray:
        given = x
        for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            np.matmul(given, weight.T, out=hidden[index])
            np.add(hidden[index], bias, out=hidden[index])
            if index < len(weights) - 1:
                np.maximum(hidden[index], 0, out=hidden[index])
            given = hidden[index]
        logits, gradient = hidden[-1], back[-1]
        np.subtract(logits, logits.max(axis=1, keepdims=True), out=logits)
        np.exp(logits, out=gradient)
        total = gradient.sum(axis=1, keepdims=True)
        losses = np.log(total[:, 0]) - logits[rows, y]
        np.divide(gradient, total, out=gradient)
        gradient[rows, y] -= 1
        np.divide(gradient, BATCH, out=gradient)
        for index in range(len(weights) - 1, -1, -1):
            given = hidden[index - 1] if index else x
            np.matmul(back[index].T, given, out=slopes[index])
            bias_slope = back[index].sum(axis=0)
            if index:
                np.matmul(back[index], weights[index], out=back[index - 1])
                np.greater(hidden[index - 1], 0, out=masks[index - 1])
                np.multiply(back[index - 1], masks[index - 1], out=back[index - 1])
            np.multiply(slopes[index], RATE, out=slopes[index])
            np.subtract(weights[index], slopes[index], out=weights[index])
            biases[index] -= RATE * bias_slope
        return losses

    return step


def with_torch(net: Any, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
    """Return the step in PyTorch."""
    import torch

    torch.set_num_threads(2)
    layers: list[Any] = []
    for layer in dense(net):
        made = torch.nn.Linear(*layer.weight.shape[::-1])
        made.weight.data.copy_(torch.from_numpy(layer.weight.data()))
        layers += [made, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    trainer = torch.optim.SGD(model.parameters(), RATE)
    data, labels = torch.from_numpy(x), torch.from_numpy(y)

    def step() -> Any:
        trainer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(data), labels)
        loss.backward()
        trainer.step()
        return loss.detach()

    return step


def with_jax(net: Any, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
    """Return the step in JAX."""
    import jax
    import jax.numpy as jnp

    params = [(jnp.array(layer.weight.data()), jnp.array(layer.bias.data())) for layer in dense(net)]
    data, labels = jnp.array(x), jnp.array(y)

    def criterion(params: Any) -> Any:
        h = data
        for weight, bias in params[:-1]:
            h = jax.nn.relu(h @ weight.T + bias)
        weight, bias = params[-1]
        logs = jax.nn.log_softmax(h @ weight.T + bias)
        return -logs[jnp.arange(BATCH), labels].mean()

    @jax.jit
    def update(params: Any) -> Any:
        loss, slopes = jax.value_and_grad(criterion)(params)
        return loss, jax.tree.map(lambda p, g: p - RATE * g, params, slopes)

    def step() -> Any:
        nonlocal params
        loss, params = update(params)
        return loss.block_until_ready()

    return step


def seconds(step: Callable[[], Any]) -> float:
    """Return the seconds of one of a few steps."""
    start = time.perf_counter()
    for _ in range(STEPS):
        step()
    return (time.perf_counter() - start) / STEPS


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Measure all in turn, round after round, and compare the medians."""
    rng = np.random.default_rng(0)
    x, y = rng.random((BATCH, SIZES[0]), np.float32), rng.integers(0, 10, BATCH)
    criterion = SoftmaxCrossEntropyLoss()
    whole, looped = network(), network()
    compiled = graphinit.compile_step(whole, criterion, optimizer.SGD(lr=RATE))
    trainer = Trainer(looped.collect_params(), "sgd", {"learning_rate": RATE})

    def loop() -> None:
        with autograd.record():
            loss = criterion(looped(x), y)
        loss.backward()
        trainer.step(BATCH)

    hand = by_hand(network(), x, y)
    for _ in range(3):
        np.testing.assert_allclose(compiled(x, y), hand(), rtol=1e-3, atol=1e-4)
    steps: dict[str, Callable[[], Any]] = {"step": lambda: compiled(x, y), "loop": loop, "hand": hand}
    for name, make in (("torch", with_torch), ("jax", with_jax)):
        if importlib.util.find_spec(name) is not None:
            steps[name] = make(network(), x, y)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step()
    for _ in range(rounds):
        for name, step in steps.items():
            times[name].append(seconds(step))
    medians = {name: statistics.median(values) for name, values in times.items()}
    figures = [
        Figure(
            "compile_step, MLP 784-512-512-10, batch 128",
            medians["step"],
            medians["hand"],
            "NumPy by hand",
            1.1,
        ),
        Figure("record, backward, Trainer.step", medians["loop"], medians["step"], "compile_step", 1.1),
    ]
    for name, title, goal in (("torch", "PyTorch eager", 0.9), ("jax", "JAX, jitted", 1.0)):
        if name in medians:
            figures.append(Figure("compile_step", medians["step"], medians[name], title, goal))
    return figures


if __name__ == "__main__":
    print(format_figures(measure()))
