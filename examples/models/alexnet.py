"""AlexNet in the width that fits one machine.

A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014; the first version
is Krizhevsky, Sutskever and Hinton, NeurIPS 2012.

    graphinit check examples/models/alexnet.py:alexnet x=batch,3,h,w
"""

from __future__ import annotations

import math

import numpy as np

from graphinit import init, nn
from passes import infer_shapes


def alexnet(classes: int = 1000, hidden: int = 4096) -> nn.Sequential:
    """Return the network; `hidden` is the width of its two large layers."""
    return nn.Sequential(
        nn.Conv2D(64, 11, strides=4, padding=2, activation="relu"),
        nn.MaxPool2D(3, 2),
        nn.Conv2D(192, 5, padding=2, activation="relu"),
        nn.MaxPool2D(3, 2),
        nn.Conv2D(384, 3, padding=1, activation="relu"),
        nn.Conv2D(256, 3, padding=1, activation="relu"),
        nn.Conv2D(256, 3, padding=1, activation="relu"),
        nn.MaxPool2D(3, 2),
        nn.AdaptiveAvgPool2D(6),
        nn.Dropout(0.5),
        nn.Dense(hidden, activation="relu"),
        nn.Dropout(0.5),
        nn.Dense(hidden, activation="relu"),
        nn.Dense(classes),
    )


def main() -> None:
    """Check every size of batch and image, count the parameters, and run a small network."""
    net = alexnet()
    report = infer_shapes(net.trace(), x=("batch", 3, "h", "w"))
    report.raise_errors()
    assert report["y"] == ("batch", 1000)
    print("output", report["y"], "if", *report.requirements, sep="\n  ")

    graph = infer_shapes(net.trace(), x=(1, 3, 224, 224)).graph
    trained = [node.type.shape for node in graph.parameters.values() if node.attrs["trainable"]]
    count = sum(map(math.prod, trained))
    assert count == 61_100_840  # torchvision's count
    print(f"{count:,} trained parameters")

    small = alexnet(classes=7, hidden=11)
    small.initialize(init.Xavier())
    y = small(np.random.default_rng(0).random((2, 3, 67, 71), np.float32))
    assert y.shape == (2, 7)
    assert np.isfinite(y).all()
    print("a small one gives", y.shape)


if __name__ == "__main__":
    main()
