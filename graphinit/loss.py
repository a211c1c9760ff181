"""Losses: blocks from predictions and labels to one number a sample.

Formulas and defaults are those of Gluon.
"""

from __future__ import annotations

from typing import Any

from graphinit import functional as F
from graphinit.nn.block import Block


class Loss(Block):
    """Base of losses: weights values, then takes the mean of each sample.

    Parameters
    ----------
    weight : float, optional
        Factor on the loss.
    batch_axis : int
        The axis of samples.
    """

    def __init__(self, weight: float | None = None, batch_axis: int = 0) -> None:
        super().__init__()
        self._weight = weight
        self._batch_axis = batch_axis

    def per_sample(self, values: Any, sample_weight: Any = None) -> Any:
        """Return the weighted mean of each sample: all axes but the batch's are averaged."""
        if sample_weight is not None:
            values = values * sample_weight
        if self._weight is not None:
            values = values * self._weight
        if self._batch_axis != 0:
            values = F.moveaxis(values, self._batch_axis, 0)
        return F.mean(F.flatten(values), axis=1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(batch_axis={self._batch_axis}, w={self._weight})"


class L2Loss(Loss):
    """Half the squared difference, ``weight / 2 * (pred - label)²``.

    The label is reshaped to the prediction's shape.
    """

    def __init__(self, weight: float = 1.0, batch_axis: int = 0) -> None:
        super().__init__(weight, batch_axis)

    def forward(self, pred: Any, label: Any, sample_weight: Any = None) -> Any:
        """Return the loss of each sample, shape (b,)."""
        return self.per_sample(F.square(pred - F.reshape_like(label, pred)) * 0.5, sample_weight)


class SoftmaxCrossEntropyLoss(Loss):
    """Cross-entropy of softmax(pred) against labels.

    Parameters
    ----------
    axis : int
        Axis of the classes.
    sparse_label : bool
        Whether labels are class ids rather than distributions.
    from_logits : bool
        Whether predictions are log-probabilities already.
    weight, batch_axis
        As in `Loss`.
    """

    def __init__(
        self,
        axis: int = -1,
        sparse_label: bool = True,
        from_logits: bool = False,
        weight: float | None = None,
        batch_axis: int = 0,
    ) -> None:
        super().__init__(weight, batch_axis)
        self._axis = axis
        self._sparse = sparse_label
        self._from_logits = from_logits

    def forward(self, pred: Any, label: Any, sample_weight: Any = None) -> Any:
        """Return the loss of each sample, shape (b,)."""
        if not self._from_logits:
            pred = F.log_softmax(pred, axis=self._axis)
        if self._sparse:
            values = -F.pick(pred, label, axis=self._axis, keepdims=True)
        else:
            values = -F.sum(pred * F.reshape_like(label, pred), axis=self._axis, keepdims=True)
        return self.per_sample(values, sample_weight)


SoftmaxCELoss = SoftmaxCrossEntropyLoss
