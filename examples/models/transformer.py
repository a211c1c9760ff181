"""The Transformer of "Attention is all you need" (Vaswani et al. 2017): encoder, decoder, one embedding.

python -m graphinit check examples/models/transformer.py:net source=int64:batch,s target=int64:batch,t
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphinit import functional as F
from graphinit import nn
from passes import estimate_cost, infer_shapes


class Transformer(nn.Block):
    """Scores of the next token of the target at every place.

    Parameters
    ----------
    tokens : int
        Size of the vocabulary that source and target share; 37,000 in the paper.
    units, num_heads, hidden_size, num_layers : int
        Those of the base model by default.
    dropout : float
        Rate of dropout, in training.
    final_norm : bool
        Whether encoder and decoder end with a normalisation, as in `torch.nn.Transformer`.
    """

    def __init__(
        self,
        tokens: int = 37_000,
        units: int = 512,
        num_heads: int = 8,
        hidden_size: int = 2048,
        num_layers: int = 6,
        dropout: float = 0.1,
        final_norm: bool = False,
    ) -> None:
        super().__init__()
        self.scale = math.sqrt(units)
        self.embedding = nn.Embedding(tokens, units)
        self.positions = nn.SinusoidalPositions()
        self.drop = nn.Dropout(dropout)
        sizes = (units, num_heads, hidden_size, dropout)
        self.encoder = nn.Sequential(*(nn.TransformerEncoderLayer(*sizes) for _ in range(num_layers)))
        self.decoder = nn.Sequential(*(nn.TransformerDecoderLayer(*sizes) for _ in range(num_layers)))
        self.encoder_norm = nn.LayerNorm() if final_norm else nn.Identity()
        self.decoder_norm = nn.LayerNorm() if final_norm else nn.Identity()

    def embed(self, ids: Any) -> Any:
        """Return vectors of ids with their positions."""
        return self.drop(self.positions(self.embedding(ids) * self.scale))

    def forward(self, source: Any, target: Any, source_mask: Any = None) -> Any:
        """Return scores (batch, t, tokens) for ids (batch, s) and (batch, t); the mask is (batch, s)."""
        memory = self.embed(source)
        for layer in self.encoder:
            memory = layer(memory, key_mask=source_mask)
        memory, y = self.encoder_norm(memory), self.embed(target)
        for layer in self.decoder:
            y = layer(y, memory, memory_mask=source_mask)
        return F.linear(self.decoder_norm(y), self.embedding.weight)  # tied


net = Transformer()


def main() -> None:
    """Check the base model, then run a small one."""
    report = infer_shapes(net.trace(source="int64[batch, s]", target="int64[batch, t]"))
    report.raise_errors()
    print("scores", report["y"], *report.requirements, sep="\n")
    print(f"{estimate_cost(report).parameters:,} parameters")

    small = Transformer(tokens=31, units=12, num_heads=3, hidden_size=17, num_layers=2)
    small.initialize("xavier")
    source, target = np.arange(14).reshape(2, 7), np.arange(10).reshape(2, 5)
    mask = np.array([[1, 1, 1, 1, 1, 0, 0], [1] * 7])
    scores = small(source, target, mask)
    assert scores.shape == (2, 5, 31)
    # What is masked in the source, and what comes later in the target, changes nothing.
    padded = source.copy()
    padded[0, 5:] = 30
    np.testing.assert_allclose(small(padded, target, mask), scores, rtol=1e-4, atol=1e-5)
    later = target.copy()
    later[:, 3:] = 30
    np.testing.assert_allclose(small(source, later, mask)[:, :3], scores[:, :3], rtol=1e-4, atol=1e-5)
    print("a small one gives", scores.shape)


if __name__ == "__main__":
    main()
