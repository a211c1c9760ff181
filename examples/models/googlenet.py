"""GoogLeNet: several sizes of windows side by side.

C. Szegedy et al., "Going deeper with convolutions", CVPR 2015; the network as it is used, without the two
classifiers that helped to train it.

    graphinit check examples/models/googlenet.py:googlenet x=batch,3,h,w
"""

from __future__ import annotations

import math

import numpy as np

from graphinit import init, nn
from passes import infer_shapes

# Table 1 of the paper: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection
STAGES = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)


def conv(channels: int, kernel: int, strides: int = 1) -> nn.Conv2D:
    """Return a convolution that keeps the size, but for strides."""
    return nn.Conv2D(channels, kernel, strides, padding=kernel // 2, activation="relu")


def inception(one: int, to_three: int, three: int, to_five: int, five: int, pool: int) -> nn.Concatenate:
    """Return four ways through a module, joined along channels."""
    module = nn.Concatenate(axis=1)
    module.add(
        conv(one, 1),
        nn.Sequential(conv(to_three, 1), conv(three, 3)),
        nn.Sequential(conv(to_five, 1), conv(five, 5)),
        nn.Sequential(nn.MaxPool2D(3, 1, padding=1), conv(pool, 1)),
    )
    return module


def googlenet(classes: int = 1000) -> nn.Sequential:
    """Return the network."""
    net = nn.Sequential(conv(64, 7, 2), nn.MaxPool2D(3, 2, ceil_mode=True))
    net.add(conv(64, 1), conv(192, 3))
    for stage in STAGES:
        net.add(nn.MaxPool2D(3, 2, ceil_mode=True))
        for module in stage:
            net.add(inception(*module))
    net.add(nn.GlobalAvgPool2D(), nn.Dropout(0.4), nn.Dense(classes))
    return net


def main() -> None:
    """Check every size of batch and image, count the parameters, and run a small network."""
    net = googlenet()
    report = infer_shapes(net.trace(), x=("batch", 3, "h", "w"))
    report.raise_errors()
    assert report["y"] == ("batch", 1000)
    print("output", report["y"], "if", *report.requirements, sep="\n  ")

    graph = infer_shapes(net.trace(), x=(1, 3, 224, 224)).graph
    trained = [node.type.shape for node in graph.parameters.values() if node.attrs["trainable"]]
    count = sum(map(math.prod, trained))
    assert count == 6_998_552  # Caffe's count
    print(f"{count:,} trained parameters")

    small = googlenet(classes=7)
    small.initialize(init.Xavier())
    y = small(np.random.default_rng(0).random((2, 3, 64, 71), np.float32))
    assert y.shape == (2, 7)
    assert np.isfinite(y).all()
    print("a small one gives", y.shape)


if __name__ == "__main__":
    main()
