"""ResNet: layers that learn what to add to their input.

K. He et al., "Deep residual learning for image recognition", CVPR 2016.  In the deep ones the stride lies
on the 3x3 convolution, as it is usually trained today ("v1.5").

    graphinit check examples/models/resnet.py:resnet18 x=batch,3,h,w
"""

from __future__ import annotations

from collections.abc import Callable

from graphinit import nn


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
