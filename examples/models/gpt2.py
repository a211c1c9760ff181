"""GPT-2 (Radford et al. 2019): a causal Transformer whose embedding is also its last layer.

    python -m graphinit check examples/models/gpt2.py:net ids=int64:batch,length

Shapes and the number of parameters are known before a byte is allocated, and the report says that
no text may be longer than there are positions.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from graphinit import functional as F
from graphinit import init, nn
from passes import estimate_cost, infer_shapes

# Layers, units and heads of the four models.
SIZES = {"small": (12, 768, 12), "medium": (24, 1024, 16), "large": (36, 1280, 20), "xl": (48, 1600, 25)}


class GPT2(nn.Block):
    """Scores of the next token at every place.

    Parameters
    ----------
    tokens : int
        Size of the vocabulary.
    max_length : int
        How many positions there are.
    num_layers, units, num_heads : int
        Those of the small model by default.
    dropout : float
        Rate of dropout, in training.
    """

    def __init__(
        self,
        tokens: int = 50_257,
        max_length: int = 1024,
        num_layers: int = 12,
        units: int = 768,
        num_heads: int = 12,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, units, weight_initializer=init.Normal(0.02))
        self.positions = nn.LearnedPositions(max_length, weight_initializer=init.Normal(0.02))
        self.drop = nn.Dropout(dropout)
        self.layers = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    units,
                    num_heads,
                    4 * units,
                    dropout,
                    activation=partial(F.gelu, approximate=True),
                    pre_norm=True,
                    causal=True,
                )
                for _ in range(num_layers)
            )
        )
        self.norm = nn.LayerNorm()

    def forward(self, ids: Any) -> Any:
        """Return scores (batch, length, tokens) for ids (batch, length)."""
        x = self.drop(self.positions(self.embedding(ids)))
        return F.linear(self.norm(self.layers(x)), self.embedding.weight)  # tied


net = GPT2()


def write(model: GPT2, ids: np.ndarray, count: int) -> np.ndarray:
    """Return ids with the `count` likeliest next ones."""
    for _ in range(count):
        following = model(ids)[:, -1].argmax(axis=-1)
        ids = np.concatenate([ids, following[:, None]], axis=1)
    return ids


def main() -> None:
    """Check the small model, count all four, then run a tiny one."""
    report = infer_shapes(net.trace(ids="int64[batch, length]"))
    report.raise_errors()
    print("scores", report["y"], "if", *report.requirements)
    for name, (num_layers, units, num_heads) in SIZES.items():
        model = GPT2(num_layers=num_layers, units=units, num_heads=num_heads)
        count = estimate_cost(infer_shapes(model.trace(ids="int64[batch, length]"))).parameters
        print(f"{name:>8} {count:>15,} parameters")

    tiny = GPT2(tokens=101, max_length=11, num_layers=2, units=12, num_heads=3)
    tiny.initialize(init.Normal(0.02))
    written = write(tiny, np.array([[5, 7], [2, 3]]), 5)
    print(written)
    assert written.shape == (2, 7)


if __name__ == "__main__":
    main()
