"""DenseNet-121: every layer sees what all layers before it in its block gave.

G. Huang et al., "Densely connected convolutional networks", CVPR 2017.

    graphinit check examples/models/densenet.py:densenet121 x=batch,3,h,w
"""

from __future__ import annotations

from graphinit import nn


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
