"""U-Net: down to the large, up to the small, with what was seen on the way down at hand.

O. Ronneberger, P. Fischer and T. Brox, "U-Net: convolutional networks for biomedical image segmentation",
MICCAI 2015; with padding, so that the output is as large as the image.

    graphinit check examples/models/unet.py:unet x=batch,1,h,w

The requirements that this prints, ``h % 16 == 0`` and ``w % 16 == 0``, are where four halvings must
meet four doublings.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphinit import functional as F
from graphinit import init, nn
from passes import infer_shapes


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


def main() -> None:
    """Check every size of batch and image, count the parameters, and run a small network."""
    net = unet()
    report = infer_shapes(net.trace(), x=("batch", 1, "h", "w"))
    report.raise_errors()
    assert report["y"] == ("batch", 2, "h", "w")
    print("output", report["y"], "if", *report.requirements, sep="\n  ")

    graph = infer_shapes(net.trace(), x=(1, 1, 512, 512)).graph
    trained = [node.type.shape for node in graph.parameters.values() if node.attrs["trainable"]]
    count = sum(map(math.prod, trained))
    assert count == 31_030_658  # the 23 convolutions of the paper, layer by layer
    print(f"{count:,} trained parameters")

    small = unet(classes=3, width=2)
    small.initialize(init.Xavier())
    y = small(np.random.default_rng(0).random((2, 1, 16, 32), np.float32))
    assert y.shape == (2, 3, 16, 32)
    assert np.isfinite(y).all()
    print("a small one gives", y.shape)


if __name__ == "__main__":
    main()
