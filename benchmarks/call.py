"""A compiled network called on arrays, against the same five NumPy calls written by hand."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import graphinit
from benchmarks.figures import Figure, format_figures
from graphinit import init, nn

ROUNDS = 301
CALLS = 100


def by_hand(net: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Return the network as a person would write it: into buffers made beforehand."""
    w0, b0, w1, b1 = (parameter.data() for parameter in net.collect_params().values())
    hidden, out = np.empty((2, 256), np.float32), np.empty((2, 10), np.float32)

    def run(x: np.ndarray) -> np.ndarray:
        np.matmul(x, w0.T, out=hidden)
        np.add(hidden, b0, out=hidden)
        np.maximum(hidden, 0, out=hidden)
        np.matmul(hidden, w1.T, out=out)
        np.add(out, b1, out=out)
        return out

    return run


def seconds(function: Callable[[np.ndarray], Any], x: np.ndarray) -> float:
    """Return the seconds of one of many calls."""
    start = time.perf_counter()
    for _ in range(CALLS):
        function(x)
    return (time.perf_counter() - start) / CALLS


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Measure all in turn, round after round, and compare the medians."""
    net = nn.Sequential(nn.Dense(256, activation="relu"), nn.Dense(10))
    net.initialize(init.Xavier())
    x = np.random.default_rng(0).random((2, 20), np.float32)
    net(x)
    hand = by_hand(net)
    exe = graphinit.compile(net, x=(2, 20), grad=False)
    np.testing.assert_allclose(net(x), hand(x), rtol=1e-5, atol=1e-6)
    functions = {"hand": hand, "net(x)": net, "forward": exe.forward, "run": exe.run}
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            times[name].append(seconds(function, x))
    medians = {name: statistics.median(values) for name, values in times.items()}
    return [
        Figure("net(x), 20-256-10, batch 2", medians["net(x)"], medians["hand"], "NumPy by hand", 1.5),
        Figure("the program alone", medians["run"], medians["hand"], "NumPy by hand", 1.5),
        Figure("forward, arguments checked", medians["forward"], medians["hand"], "NumPy by hand", 3),
    ]


if __name__ == "__main__":
    print(format_figures(measure()))
