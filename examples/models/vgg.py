"""VGG: small convolutions, one on another.

K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR
2015.

    graphinit check examples/models/vgg.py:vgg16 x=batch,3,h,w
"""

from __future__ import annotations

import math

import numpy as np

from graphinit import init, nn
from passes import infer_shapes


def vgg(depths: tuple[int, ...], classes: int, hidden: int) -> nn.Sequential:
    """Return a network with so many convolutions in each of five stages."""
    net = nn.Sequential()
    for stage, depth in enumerate(depths):
        for _ in range(depth):
            net.add(nn.Conv2D(min(64 << stage, 512), 3, padding=1, activation="relu"))
        net.add(nn.MaxPool2D(2))
    net.add(nn.AdaptiveAvgPool2D(7))
    for _ in range(2):
        net.add(nn.Dense(hidden, activation="relu"), nn.Dropout(0.5))
    net.add(nn.Dense(classes))
    return net


def vgg11(classes: int = 1000, hidden: int = 4096) -> nn.Sequential:
    """Return configuration A; `hidden` is the width of its two large layers."""
    return vgg((1, 1, 2, 2, 2), classes, hidden)


def vgg16(classes: int = 1000, hidden: int = 4096) -> nn.Sequential:
    """Return configuration D; `hidden` is the width of its two large layers."""
    return vgg((2, 2, 3, 3, 3), classes, hidden)


def main() -> None:
    """Check every size of batch and image, count the parameters, and run a small network."""
    net = vgg16()
    report = infer_shapes(net.trace(), x=("batch", 3, "h", "w"))
    report.raise_errors()
    assert report["y"] == ("batch", 1000)
    print("output", report["y"], "if", *report.requirements, sep="\n  ")

    graph = infer_shapes(net.trace(), x=(1, 3, 224, 224)).graph
    trained = [node.type.shape for node in graph.parameters.values() if node.attrs["trainable"]]
    count = sum(map(math.prod, trained))
    assert count == 138_357_544  # torchvision's count
    print(f"{count:,} trained parameters")

    small = vgg11(classes=7, hidden=11)
    small.initialize(init.Xavier())
    y = small(np.random.default_rng(0).random((2, 3, 32, 37), np.float32))
    assert y.shape == (2, 7)
    assert np.isfinite(y).all()
    print("a small one gives", y.shape)


if __name__ == "__main__":
    main()
