"""AlexNet in the width that fits one machine.

A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014; the first version
is Krizhevsky, Sutskever and Hinton, NeurIPS 2012.

    graphinit check examples/models/alexnet.py:alexnet x=batch,3,h,w
"""

from __future__ import annotations

from graphinit import nn


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
