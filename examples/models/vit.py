"""The Vision Transformer (Dosovitskiy et al. 2021): patches of an image as a sequence.

    python -m graphinit check examples/models/vit.py:net x=batch,3,height,width

There is one trained vector for each patch, so the report requires as many patches as that.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphinit import functional as F
from graphinit import nn
from passes import estimate_cost, infer_shapes


class ViT(nn.Block):
    """Scores of classes.

    Parameters
    ----------
    classes : int
        How many classes there are.
    patch, image : int
        Sizes of a patch and of the images, which are square.
    num_layers, units, num_heads, hidden_size : int
        Those of ViT-B by default.
    dropout : float
        Rate of dropout, in training.
    """

    def __init__(
        self,
        classes: int = 1000,
        patch: int = 16,
        image: int = 224,
        num_layers: int = 12,
        units: int = 768,
        num_heads: int = 12,
        hidden_size: int = 3072,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.units = units
        self.patches = nn.Conv2D(units, patch, strides=patch)
        self.token = nn.Parameter("token", shape=(1, 1, units), init="zeros")
        self.positions = nn.Parameter("positions", shape=((image // patch) ** 2 + 1, units), init="normal")
        self.drop = nn.Dropout(dropout)
        self.layers = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    units, num_heads, hidden_size, dropout, "gelu", pre_norm=True, epsilon=1e-6
                )
                for _ in range(num_layers)
            )
        )
        self.norm = nn.LayerNorm(epsilon=1e-6)
        self.head = nn.Dense(classes)

    def forward(self, x: Any) -> Any:
        """Return scores (batch, classes) for images (batch, channels, height, width)."""
        batch = x.shape[0]
        x = F.reshape(self.patches(x), (batch, self.units, -1))
        first = F.broadcast_to(self.token, (batch, 1, self.units))
        x = F.concat([first, F.swapaxes(x, 1, 2)], axis=1)
        x = self.layers(self.drop(F.add_positions(x, self.positions)))
        return self.head(self.norm(x)[:, 0])


net = ViT()


def main() -> None:
    """Check ViT-B/16, then run a small one."""
    report = infer_shapes(net.trace(x=("batch", 3, "height", "width")))
    report.raise_errors()
    print("scores", report["y"], "if", *report.requirements, sep="\n  ")
    assert report.accepts(batch=1, height=224, width=224)
    assert not report.accepts(batch=1, height=224, width=256)
    count = estimate_cost(infer_shapes(net.trace(x=("batch", 3, 224, 224)))).parameters
    print(f"{count:,} parameters")

    small = ViT(classes=7, patch=3, image=15, num_layers=2, units=12, num_heads=3, hidden_size=17)
    small.initialize("xavier")
    scores = small(np.random.default_rng(0).standard_normal((2, 3, 15, 15)))
    assert scores.shape == (2, 7)
    assert np.isfinite(scores).all()
    print("a small one gives", scores.shape)


if __name__ == "__main__":
    main()
