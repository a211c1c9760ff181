"""LeNet-5, the network that read cheques.

Y. LeCun et al., "Gradient-based learning applied to document recognition", Proceedings of the IEEE 1998,
with every map of the second convolution connected to all of the first.

    graphinit check examples/models/lenet.py:lenet5 x=batch,1,28,28
"""

from __future__ import annotations

import math

import numpy as np

from graphinit import init, nn
from passes import infer_shapes


def lenet5(classes: int = 10) -> nn.Sequential:
    """Return the network for grey images of 28 by 28 pixels."""
    return nn.Sequential(
        nn.Conv2D(6, 5, padding=2, activation="tanh"),
        nn.AvgPool2D(2),
        nn.Conv2D(16, 5, activation="tanh"),
        nn.AvgPool2D(2),
        nn.Dense(120, activation="tanh"),
        nn.Dense(84, activation="tanh"),
        nn.Dense(classes),
    )


def main() -> None:
    """Check every size of batch and image, count the parameters, and run a small network."""
    net = lenet5()
    report = infer_shapes(net.trace(), x=("batch", 1, "h", "w"))
    report.raise_errors()
    assert report["y"] == ("batch", 10)
    print("output", report["y"], "if", *report.requirements, sep="\n  ")

    graph = infer_shapes(net.trace(), x=(1, 1, 28, 28)).graph
    trained = [node.type.shape for node in graph.parameters.values() if node.attrs["trainable"]]
    count = sum(map(math.prod, trained))
    assert count == 61_706  # the paper: C1 156, C5 48,120, F6 10,164; here also C3 2,416, output 850
    print(f"{count:,} trained parameters")

    small = lenet5()
    small.initialize(init.Xavier())
    y = small(np.random.default_rng(0).random((2, 1, 28, 28), np.float32))
    assert y.shape == (2, 10)
    assert np.isfinite(y).all()
    print("a small one gives", y.shape)


if __name__ == "__main__":
    main()
