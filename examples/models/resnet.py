"""ResNet: layers that learn what to add to their input.

K. He et al., "Deep residual learning for image recognition", CVPR 2016.  In the deep ones the stride lies
on the 3x3 convolution, as it is usually trained today ("v1.5").

    graphinit check examples/models/resnet.py:resnet18 x=batch,3,h,w
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from graphinit import init, nn
from passes import infer_shapes


def conv(channels: int, kernel: int, strides: int = 1) -> nn.Sequential:
    """Return a convolution with batch normalisation."""
    return nn.Sequential(
        nn.Conv2D(channels, kernel, strides, padding=kernel // 2, use_bias=False), nn.BatchNorm()
    )


def basic(channels: int, strides: int) -> tuple[nn.Sequential, int]:
    """Return two convolutions, and how many channels they give."""
    return nn.Sequential(conv(channels, 3, strides), nn.Activation("relu"), conv(channels, 3)), channels


def bottleneck(channels: int, strides: int) -> tuple[nn.Sequential, int]:
    """Return a convolution between two that change the number of channels, and how many they give."""
    relu = nn.Activation("relu")
    layers = (conv(channels, 1), relu, conv(channels, 3, strides), relu, conv(4 * channels, 1))
    return nn.Sequential(*layers), 4 * channels


def resnet(
    block: Callable[[int, int], tuple[nn.Sequential, int]], depths: tuple[int, ...], classes: int
) -> nn.Sequential:
    """Return a network with so many blocks in each of four stages."""
    net = nn.Sequential(conv(64, 7, 2), nn.Activation("relu"), nn.MaxPool2D(3, 2, padding=1))
    width = 64
    for stage, depth in enumerate(depths):
        for number in range(depth):
            strides = 2 if stage > 0 and number == 0 else 1
            body, channels = block(64 << stage, strides)
            changes = strides > 1 or channels != width
            net.add(
                nn.Residual(body, conv(channels, 1, strides) if changes else False), nn.Activation("relu")
            )
            width = channels
    net.add(nn.GlobalAvgPool2D(), nn.Dense(classes))
    return net


def resnet18(classes: int = 1000) -> nn.Sequential:
    """Return the network of 18 layers."""
    return resnet(basic, (2, 2, 2, 2), classes)


def resnet50(classes: int = 1000) -> nn.Sequential:
    """Return the network of 50 layers."""
    return resnet(bottleneck, (3, 4, 6, 3), classes)


def main() -> None:
    """Check every size of batch and image, count the parameters, and run a small network."""
    net = resnet50()
    report = infer_shapes(net.trace(), x=("batch", 3, "h", "w"))
    report.raise_errors()
    assert report["y"] == ("batch", 1000)
    print("output", report["y"], "if", *report.requirements, sep="\n  ")

    graph = infer_shapes(net.trace(), x=(1, 3, 224, 224)).graph
    trained = [node.type.shape for node in graph.parameters.values() if node.attrs["trainable"]]
    count = sum(map(math.prod, trained))
    assert count == 25_557_032  # torchvision's count
    print(f"{count:,} trained parameters")

    small = resnet18(classes=7)
    small.initialize(init.Xavier())
    y = small(np.random.default_rng(0).random((2, 3, 32, 37), np.float32))
    assert y.shape == (2, 7)
    assert np.isfinite(y).all()
    print("a small one gives", y.shape)


if __name__ == "__main__":
    main()
