"""Network in network: a small multilayer perceptron at every pixel, and no large layer at the end.

M. Lin, Q. Chen and S. Yan, "Network in network", ICLR 2014.

    graphinit check examples/models/nin.py:nin x=batch,3,h,w
"""

from __future__ import annotations

import math

import numpy as np

from graphinit import init, nn
from passes import infer_shapes


def block(channels: int, kernel: int, strides: int = 1, padding: int = 0, middle: int = 0) -> nn.Sequential:
    """Return a convolution and two perceptrons at each pixel."""
    return nn.Sequential(
        nn.Conv2D(middle or channels, kernel, strides, padding, activation="relu"),
        nn.Conv2D(middle or channels, 1, activation="relu"),
        nn.Conv2D(channels, 1, activation="relu"),
    )


def nin(classes: int = 1000) -> nn.Sequential:
    """Return the network for images of some 224 by 224 pixels."""
    return nn.Sequential(
        block(96, 11, strides=4),
        nn.MaxPool2D(3, 2),
        block(256, 5, padding=2),
        nn.MaxPool2D(3, 2),
        block(384, 3, padding=1),
        nn.MaxPool2D(3, 2),
        nn.Dropout(0.5),
        block(classes, 3, padding=1, middle=1024),
        nn.GlobalAvgPool2D(),
        nn.Flatten(),
    )


def main() -> None:
    """Check every size of batch and image, count the parameters, and run a small network."""
    net = nin()
    report = infer_shapes(net.trace(), x=("batch", 3, "h", "w"))
    report.raise_errors()
    assert report["y"] == ("batch", 1000)
    print("output", report["y"], "if", *report.requirements, sep="\n  ")

    graph = infer_shapes(net.trace(), x=(1, 3, 224, 224)).graph
    trained = [node.type.shape for node in graph.parameters.values() if node.attrs["trainable"]]
    count = sum(map(math.prod, trained))
    assert count == 7_595_176  # 29 MB of float32 in Caffe's model zoo
    print(f"{count:,} trained parameters")

    small = nin(classes=7)
    small.initialize(init.Xavier())
    y = small(np.random.default_rng(0).random((2, 3, 67, 71), np.float32))
    assert y.shape == (2, 7)
    assert np.isfinite(y).all()
    print("a small one gives", y.shape)


if __name__ == "__main__":
    main()
