"""Losses between numbers."""

from __future__ import annotations

import math
from typing import Any

from graphinit import functional as F
from graphinit.losses.base import Loss, narrow, wide
from graphinit.nn.checks import flag, number


class L2Loss(Loss):
    """Half the squared difference, ``weight / 2 * (pred - label)²``.

    The label is reshaped to the prediction's shape.

    Parameters
    ----------
    weight, batch_axis
        As in `Loss`.
    """

    def __init__(self, weight: float = 1.0, batch_axis: int = 0) -> None:
        super().__init__(weight, batch_axis)

    def forward(self, pred: Any, label: Any, sample_weight: Any = None) -> Any:
        """Return the loss of each sample, shape (b,)."""
        return self.per_sample(F.square(pred - F.reshape_like(label, pred)) * 0.5, sample_weight)


class L1Loss(Loss):
    """Absolute difference, ``|pred - label|``.

    The label is reshaped to the prediction's shape.

    Parameters
    ----------
    weight, batch_axis
        As in `Loss`.
    """

    def forward(self, pred: Any, label: Any, sample_weight: Any = None) -> Any:
        """Return the loss of each sample, shape (b,)."""
        return self.per_sample(F.abs(pred - F.reshape_like(label, pred)), sample_weight)


class HuberLoss(Loss):
    """Squared near zero, absolute beyond: d²/(2 rho) for d = |pred - label| up to rho, else d - rho/2.

    Parameters
    ----------
    rho : float
        Where one becomes the other.
    weight, batch_axis
        As in `Loss`.
    """

    def __init__(self, rho: float = 1, weight: float | None = None, batch_axis: int = 0) -> None:
        super().__init__(weight, batch_axis)
        self._rho = number("rho", rho, above=0)

    def forward(self, pred: Any, label: Any, sample_weight: Any = None) -> Any:
        """Return the loss of each sample, shape (b,)."""
        distance = F.abs(pred - F.reshape_like(label, pred))
        near = F.minimum(distance, self._rho)  # the square of what is far would overflow
        values = F.square(near) * (0.5 / self._rho) + (distance - near)
        return self.per_sample(values, sample_weight)


class PoissonNLLLoss(Loss):
    """Negative log-likelihood of counts that are Poisson distributed.

    ``exp(pred) - target * pred``, or ``pred - target * log(pred + epsilon)`` for predicted rates.

    Parameters
    ----------
    weight : float, optional
        Factor on the loss.
    from_logits : bool
        Whether predictions are logarithms of rates.
    batch_axis : int
        The axis of samples.
    compute_full : bool
        Whether log(target!) is added, by Stirling's formula, where the target is above 1.
    """

    def __init__(
        self,
        weight: float | None = None,
        from_logits: bool = True,
        batch_axis: int = 0,
        compute_full: bool = False,
    ) -> None:
        super().__init__(weight, batch_axis)
        self._from_logits = flag("from_logits", from_logits)
        self._compute_full = flag("compute_full", compute_full)

    def forward(self, pred: Any, target: Any, sample_weight: Any = None, epsilon: float = 1e-8) -> Any:
        """Return the loss of each sample, shape (b,)."""
        target = F.reshape_like(target, pred)
        if self._from_logits:
            values = F.exp(pred) - target * pred
        else:
            values = narrow(pred - target * F.log(wide(pred) + epsilon), pred)
        if self._compute_full:
            large = F.maximum(target, 1.0)
            stirling = large * F.log(large) - large + 0.5 * F.log(large * (2 * math.pi))
            values = values + F.where(target > 1, stirling, F.zeros_like(target))
        return self.per_sample(values, sample_weight)
