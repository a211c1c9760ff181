"""LeNet-5, the network that read cheques.

Y. LeCun et al., "Gradient-based learning applied to document recognition", Proceedings of the IEEE 1998,
with every map of the second convolution connected to all of the first.

    graphinit check examples/models/lenet.py:lenet5 x=batch,1,28,28
"""

from __future__ import annotations

from graphinit import nn


def lenet5(classes: int = 10) -> nn.Sequential:
    """Return the network for grey images of 28 by 28 pixels."""
    return nn.Sequential(
        nn.Conv2D(6, 5, padding=2, activation="tanh"),
        nn.AvgPool2D(2),
        nn.Conv2D(16, 5, activation="tanh"),
        nn.AvgPool2D(2),
        nn.Dense(120, activation="tanh"),
        nn.Dense(84, activation="tanh"),
        nn.Dense(classes),
    )
