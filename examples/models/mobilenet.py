"""MobileNetV2: depthwise convolutions between thin layers that are joined directly.

M. Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018.

    graphinit check examples/models/mobilenet.py:mobilenet_v2 x=batch,3,h,w
"""

from __future__ import annotations

import math

import numpy as np

from graphinit import functional as F
from graphinit import init, nn
from passes import infer_shapes

# Table 2 of the paper: expansion, channels, how often, first stride
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def conv(
    channels: int, kernel: int, strides: int = 1, groups: int = 1, bounded: bool = True
) -> nn.Sequential:
    """Return a convolution with batch normalisation, and values cut off at 0 and 6."""
    net = nn.Sequential(
        nn.Conv2D(channels, kernel, strides, padding=kernel // 2, groups=groups, use_bias=False),
        nn.BatchNorm(),
    )
    if bounded:
        net.add(lambda x: F.clip(x, 0, 6))
    return net


def inverted(width: int, expansion: int, channels: int, strides: int) -> nn.Block:
    """Return a block that widens, convolves each channel, and narrows."""
    wide = width * expansion
    body = nn.Sequential()
    if expansion > 1:
        body.add(conv(wide, 1))
    body.add(conv(wide, 3, strides, groups=wide), conv(channels, 1, bounded=False))
    return nn.Residual(body) if strides == 1 and width == channels else body


def mobilenet_v2(classes: int = 1000) -> nn.Sequential:
    """Return the network of width 1."""
    width = 32
    net = nn.Sequential(conv(width, 3, 2))
    for expansion, channels, count, first in STAGES:
        for number in range(count):
            net.add(inverted(width, expansion, channels, first if number == 0 else 1))
            width = channels
    net.add(conv(1280, 1), nn.GlobalAvgPool2D(), nn.Dropout(0.2), nn.Dense(classes))
    return net


def main() -> None:
    """Check every size of batch and image, count the parameters, and run a small network."""
    net = mobilenet_v2()
    report = infer_shapes(net.trace(), x=("batch", 3, "h", "w"))
    report.raise_errors()
    assert report["y"] == ("batch", 1000)
    print("output", report["y"], "if", *report.requirements, sep="\n  ")

    graph = infer_shapes(net.trace(), x=(1, 3, 224, 224)).graph
    trained = [node.type.shape for node in graph.parameters.values() if node.attrs["trainable"]]
    count = sum(map(math.prod, trained))
    assert count == 3_504_872  # torchvision's count
    print(f"{count:,} trained parameters")

    small = mobilenet_v2(classes=7)
    small.initialize(init.Xavier())
    y = small(np.random.default_rng(0).random((2, 3, 32, 37), np.float32))
    assert y.shape == (2, 7)
    assert np.isfinite(y).all()
    print("a small one gives", y.shape)


if __name__ == "__main__":
    main()
