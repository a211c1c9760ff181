"""MobileNetV2: depthwise convolutions between thin layers that are joined directly.

M. Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018.

    graphinit check examples/models/mobilenet.py:mobilenet_v2 x=batch,3,h,w
"""

from __future__ import annotations

from graphinit import functional as F
from graphinit import nn

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
