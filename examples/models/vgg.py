"""VGG: small convolutions, one on another.

K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR
2015.

    graphinit check examples/models/vgg.py:vgg16 x=batch,3,h,w
"""

from __future__ import annotations

from graphinit import nn


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
