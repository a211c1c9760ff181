"""Network in network: a small multilayer perceptron at every pixel, and no large layer at the end.

M. Lin, Q. Chen and S. Yan, "Network in network", ICLR 2014.

    graphinit check examples/models/nin.py:nin x=batch,3,h,w
"""

from __future__ import annotations

from graphinit import nn


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
