"""The exercise of the book: a constant weight, one dense layer used twice, a loop of unknown length.

Python cannot loop over values that it does not know yet, so the loop is an op of the graph:
`F.while_loop` takes a condition and a body, and inference checks that the body keeps every shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import graphinit
import passes
from graphinit import functional as F
from graphinit import nn, random
from graphinit.errors import ShapeError


class FancyMLP(nn.Block):
    """The network of the exercise."""

    def __init__(self) -> None:
        super().__init__()
        # A weight that is never trained.
        self.random_weight = nn.Constant(random.uniform(size=(20, 20)))
        self.dense = nn.Dense(20, activation="relu")

    def forward(self, x: Any) -> Any:
        """Return one number for a batch."""
        x = self.dense(x)
        x = F.relu(F.matmul(x, self.random_weight) + 1)
        # The same layer again: its parameters are tied.
        x = self.dense(x)
        # Halve until the absolute sum is at most 1, then make what is too small larger.
        x = F.while_loop(lambda v: F.sum(F.abs(v)) > 1, lambda v: v / 2, x)
        x = F.cond(F.sum(F.abs(x)) < 0.8, lambda: x * 10, lambda: x)
        return F.sum(x)


def by_hand(net: FancyMLP, x: np.ndarray) -> Any:
    """Compute the same with NumPy."""
    weight, bias = net.dense.weight.data(), net.dense.bias.data()
    x = np.maximum(x @ weight.T + bias, 0)
    x = np.maximum(x @ net.random_weight.data() + 1, 0)
    x = np.maximum(x @ weight.T + bias, 0)
    while np.abs(x).sum() > 1:
        x = x / 2
    if np.abs(x).sum() < 0.8:
        x = x * 10
    return x.sum()


def main() -> None:
    """Describe it, infer its shapes, run it, and make a mistake."""
    net = FancyMLP()
    net.initialize()
    graph = net.trace(x=("batch", 20))
    report = passes.infer_shapes(graph)
    print(report)
    assert report["y"] == ()
    assert [node.op for node in graph].count("while_loop") == 1

    x = random.uniform(size=(2, 20))
    y = net(x)
    print(f"output {y:.6f}, by hand {by_hand(net, x):.6f}")
    np.testing.assert_allclose(y, by_hand(net, x), rtol=1e-5)
    assert list(net.collect_params()) == ["random_weight", "dense.weight", "dense.bias"]

    # A body that changes a shape is an error before anything runs.
    v = F.input("v", shape=("batch", 3))
    growing = F.while_loop(lambda v: F.sum(v) < 9, lambda v: F.concat([v, v], axis=1), v)
    try:
        passes.infer_shapes(graphinit.Graph(outputs=growing)).raise_errors()
    except ShapeError as error:
        print(error)
    else:
        raise AssertionError("a loop must keep its shapes")


if __name__ == "__main__":
    main()
