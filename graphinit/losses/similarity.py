"""Losses between vectors that should be near or far."""

from __future__ import annotations

from typing import Any

from graphinit import functional as F
from graphinit.losses.base import Loss, narrow, wide
from graphinit.nn.checks import number


class TripletLoss(Loss):
    """``max(0, |pred - positive|² - |pred - negative|² + margin)``, with squares summed over each sample.

    Parameters
    ----------
    margin : float
        How much nearer the positive should be.
    weight, batch_axis
        As in `Loss`.
    """

    def __init__(self, margin: float = 1, weight: float | None = None, batch_axis: int = 0) -> None:
        super().__init__(weight, batch_axis)
        self._margin = number("margin", margin)

    def forward(self, pred: Any, positive: Any, negative: Any, sample_weight: Any = None) -> Any:
        """Return the loss of each sample, shape (b,)."""
        near = F.square(F.reshape_like(positive, pred) - pred)
        far = F.square(F.reshape_like(negative, pred) - pred)
        values = F.relu(F.sum(self.rows(near - far), axis=1) + self._margin)
        return self.weighted(values, sample_weight)


class CosineEmbeddingLoss(Loss):
    """``1 - cos`` for pairs labelled 1, ``max(0, cos - margin)`` for pairs labelled -1.

    Parameters
    ----------
    weight, batch_axis
        As in `Loss`.
    margin : float
        How much cosine is allowed to pairs that should be far.
    """

    def __init__(self, weight: float | None = None, batch_axis: int = 0, margin: float = 0) -> None:
        super().__init__(weight, batch_axis)
        self._margin = number("margin", margin)

    def forward(self, input1: Any, input2: Any, label: Any, sample_weight: Any = None) -> Any:
        """Return the loss of each pair, shape (b,), for vectors of shape (b, n)."""
        first, second = wide(input1), wide(input2)
        cosine = _normalised(F.sum(first * F.reshape_like(second, first), axis=-1), first, second)
        cosine = narrow(cosine, input1)
        label = F.reshape_like(label, cosine)
        values = F.where(F.equal(label, 1), 1 - cosine, F.relu(cosine - self._margin))
        return self.per_sample(values, sample_weight)


def _normalised(products: Any, *vectors: Any) -> Any:
    """Return products of vectors divided by the vectors' lengths, 0 for a vector of zeros."""
    for vector in vectors:
        products = products * F.rsqrt(F.maximum(F.sum(F.square(vector), axis=-1), 1e-12))
    return products
