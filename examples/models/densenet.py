"""DenseNet-121: every layer sees what all layers before it in its block gave.

G. Huang et al., "Densely connected convolutional networks", CVPR 2017.

    graphinit check examples/models/densenet.py:densenet121 x=batch,3,h,w
"""

from __future__ import annotations

import math

import numpy as np

from graphinit import init, nn
from passes import infer_shapes


def layer(growth: int) -> nn.Concatenate:
    """Return a layer that adds `growth` channels to its input."""
    added = nn.Sequential(
        nn.BatchNormReLU(),
        nn.Conv2D(4 * growth, 1, use_bias=False),
        nn.BatchNormReLU(),
        nn.Conv2D(growth, 3, padding=1, use_bias=False),
    )
    both = nn.Concatenate(axis=1)
    both.add(nn.Identity(), added)
    return both


def densenet121(classes: int = 1000, growth: int = 32) -> nn.Sequential:
    """Return the network of 121 layers."""
    width = 2 * growth
    net = nn.Sequential(
        nn.Conv2D(width, 7, 2, padding=3, use_bias=False),
        nn.BatchNormReLU(),
        nn.MaxPool2D(3, 2, padding=1),
    )
    for stage, depth in enumerate((6, 12, 24, 16)):
        if stage > 0:
            width //= 2
            net.add(nn.BatchNormReLU(), nn.Conv2D(width, 1, use_bias=False), nn.AvgPool2D(2))
        for _ in range(depth):
            net.add(layer(growth))
        width += depth * growth
    net.add(nn.BatchNormReLU(), nn.GlobalAvgPool2D(), nn.Dense(classes))
    return net


def main() -> None:
    """Check every size of batch and image, count the parameters, and run a small network."""
    net = densenet121()
    report = infer_shapes(net.trace(), x=("batch", 3, "h", "w"))
    report.raise_errors()
    assert report["y"] == ("batch", 1000)
    print("output", report["y"], "if", *report.requirements, sep="\n  ")

    graph = infer_shapes(net.trace(), x=(1, 3, 224, 224)).graph
    trained = [node.type.shape for node in graph.parameters.values() if node.attrs["trainable"]]
    count = sum(map(math.prod, trained))
    assert count == 7_978_856  # torchvision's count
    print(f"{count:,} trained parameters")

    small = densenet121(classes=7, growth=5)
    small.initialize(init.Xavier())
    y = small(np.random.default_rng(0).random((2, 3, 32, 37), np.float32))
    assert y.shape == (2, 7)
    assert np.isfinite(y).all()
    print("a small one gives", y.shape)


if __name__ == "__main__":
    main()
