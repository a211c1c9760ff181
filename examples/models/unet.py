"""U-Net: down to the large, up to the small, with what was seen on the way down at hand.

O. Ronneberger, P. Fischer and T. Brox, "U-Net: convolutional networks for biomedical image segmentation",
MICCAI 2015; with padding, so that the output is as large as the image.

    graphinit check examples/models/unet.py:unet x=batch,1,h,w

The requirements that this prints, ``h % 16 == 0`` and ``w % 16 == 0``, are where four halvings must
meet four doublings.
"""

from __future__ import annotations

from typing import Any

from graphinit import functional as F
from graphinit import nn


def double(channels: int) -> nn.Sequential:
    """Return two convolutions."""
    return nn.Sequential(
        nn.Conv2D(channels, 3, padding=1, activation="relu"),
        nn.Conv2D(channels, 3, padding=1, activation="relu"),
    )


class Level(nn.Block):
    """One scale: convolve, let the scale below do its work, join both and convolve again."""

    def __init__(self, channels: int, below: nn.Block) -> None:
        super().__init__()
        self.down = double(channels)
        self.pool = nn.MaxPool2D(2)
        self.below = below
        self.enlarge = nn.Conv2DTranspose(channels, 2, strides=2)
        self.up = double(channels)

    def forward(self, x: Any) -> Any:
        """Return (b, channels, h, w) for (b, c, h, w)."""
        here = self.down(x)
        coarse = self.enlarge(self.below(self.pool(here)))
        return self.up(F.concat([here, coarse], axis=1))


def unet(classes: int = 2, width: int = 64) -> nn.Sequential:
    """Return the network of five scales."""
    net: nn.Block = double(width * 16)
    for scale in (8, 4, 2, 1):
        net = Level(width * scale, net)
    return nn.Sequential(net, nn.Conv2D(classes, 1))
