"""Losses between scores and classes."""

from __future__ import annotations

from typing import Any

from graphinit import functional as F
from graphinit.errors import BlockError
from graphinit.losses.base import Loss, narrow, wide
from graphinit.nn.checks import flag, number, whole_number

EPSILON = 1e-12
"""What keeps logarithms of probabilities finite, as in Gluon."""


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
    label_smoothing : float
        How much of each label, from 0 to below 1, is spread evenly over all classes.
    ignore_index : int, optional
        A class id that counts for nothing: means are over the other labels of a sample, 0 when there
        are none.  For sparse labels.

    Raises
    ------
    BlockError
        GI407, when an argument is out of range.
    ValueRangeError
        GI502, when run, for a label that is no class.

    Examples
    --------
    >>> import numpy as np
    >>> loss = SoftmaxCrossEntropyLoss(ignore_index=-1)
    >>> loss(np.zeros((2, 4), np.float32), np.array([3, -1])).round(4)
    array([1.3863, 0.    ], dtype=float32)
    """

    def __init__(
        self,
        axis: int = -1,
        sparse_label: bool = True,
        from_logits: bool = False,
        weight: float | None = None,
        batch_axis: int = 0,
        label_smoothing: float = 0.0,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(weight, batch_axis)
        self._axis = whole_number("axis", axis)
        self._sparse = flag("sparse_label", sparse_label)
        self._from_logits = flag("from_logits", from_logits)
        self._smoothing = number("label_smoothing", label_smoothing, least=0, below=1)
        if ignore_index is not None and not sparse_label:
            raise BlockError("ignore_index is for labels that are class ids: sparse_label=True")
        self._ignored = None if ignore_index is None else whole_number("ignore_index", ignore_index)

    def forward(self, pred: Any, label: Any, sample_weight: Any = None) -> Any:
        """Return the loss of each sample, shape (b,)."""
        axis = self._axis
        if not self._from_logits:
            pred = F.log_softmax(pred, axis=axis)
        if not self._sparse:
            values = -F.sum(pred * F.reshape_like(label, pred), axis=axis, keepdims=True)
            return self.per_sample(self._smoothed(values, pred), sample_weight)
        if self._ignored is None:
            values = -F.pick(pred, label, axis=axis, keepdims=True)
            return self.per_sample(self._smoothed(values, pred), sample_weight)
        classes, counted = F.without_ignored(label, self._ignored)
        values = self._smoothed(-F.pick(pred, classes, axis=axis, keepdims=True), pred)
        mask = F.expand_dims(counted, axis)
        values = F.where(mask, values, F.zeros_like(values))
        total = F.sum(self.rows(self.weighted(values, sample_weight)), axis=1)
        count = F.sum(self.rows(F.cast(mask, "float32")), axis=1)
        return total / F.maximum(count, 1.0)

    def _smoothed(self, values: Any, logs: Any) -> Any:
        if not self._smoothing:
            return values
        even = -F.mean(logs, axis=self._axis, keepdims=True)
        return values * (1 - self._smoothing) + even * self._smoothing


class SigmoidBinaryCrossEntropyLoss(Loss):
    """Cross-entropy of sigmoid(pred) against labels from 0 to 1: ``softplus(pred) - pred * label``.

    Parameters
    ----------
    from_sigmoid : bool
        Whether predictions are probabilities already; then 1e-12 is added before logarithms.
    weight, batch_axis
        As in `Loss`.
    """

    def __init__(self, from_sigmoid: bool = False, weight: float | None = None, batch_axis: int = 0) -> None:
        super().__init__(weight, batch_axis)
        self._from_sigmoid = flag("from_sigmoid", from_sigmoid)

    def forward(self, pred: Any, label: Any, sample_weight: Any = None, pos_weight: Any = None) -> Any:
        """Return the loss of each sample, shape (b,); `pos_weight` is a factor on the positive labels."""
        label = F.reshape_like(label, pred)
        if self._from_sigmoid:
            given, pred = pred, wide(pred)
            positive = F.log(pred + EPSILON) * label
            if pos_weight is not None:
                positive = positive * pos_weight
            values = narrow(-(positive + F.log(1 - pred + EPSILON) * (1 - label)), given)
        elif pos_weight is None:
            values = F.softplus(pred) - pred * label
        else:
            factor = (pos_weight - 1) * label + 1
            values = pred * (1 - label) + factor * F.softplus(-pred)
        return self.per_sample(values, sample_weight)


class KLDivLoss(Loss):
    """Divergence of predicted from given distributions: ``label * (log(label + 1e-12) - pred)``.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are log-probabilities; otherwise log_softmax is taken along `axis`.
    axis : int
        Axis of the classes.
    weight, batch_axis
        As in `Loss`.
    """

    def __init__(
        self, from_logits: bool = True, axis: int = -1, weight: float | None = None, batch_axis: int = 0
    ) -> None:
        super().__init__(weight, batch_axis)
        self._from_logits = flag("from_logits", from_logits)
        self._axis = whole_number("axis", axis)

    def forward(self, pred: Any, label: Any, sample_weight: Any = None) -> Any:
        """Return the loss of each sample, shape (b,)."""
        if not self._from_logits:
            pred = F.log_softmax(pred, axis=self._axis)
        values = label * (F.log(wide(label) + EPSILON) - pred)
        return self.per_sample(narrow(values, pred), sample_weight)


class HingeLoss(Loss):
    """``max(0, margin - pred * label)`` for labels -1 and 1.

    Parameters
    ----------
    margin : float
        How far on its side a prediction should be.
    weight, batch_axis
        As in `Loss`.
    """

    def __init__(self, margin: float = 1, weight: float | None = None, batch_axis: int = 0) -> None:
        super().__init__(weight, batch_axis)
        self._margin = number("margin", margin)

    def forward(self, pred: Any, label: Any, sample_weight: Any = None) -> Any:
        """Return the loss of each sample, shape (b,)."""
        return self.per_sample(self._short(pred, label), sample_weight)

    def _short(self, pred: Any, label: Any) -> Any:
        return F.relu(self._margin - pred * F.reshape_like(label, pred))


class SquaredHingeLoss(HingeLoss):
    """``max(0, margin - pred * label)²`` for labels -1 and 1; arguments of `HingeLoss`."""

    def forward(self, pred: Any, label: Any, sample_weight: Any = None) -> Any:
        """Return the loss of each sample, shape (b,)."""
        return self.per_sample(F.square(self._short(pred, label)), sample_weight)


class LogisticLoss(Loss):
    """``log(1 + exp(-pred * label))``.

    Parameters
    ----------
    weight, batch_axis
        As in `Loss`.
    label_format : {"signed", "binary"}
        Whether labels are -1 and 1, or 0 and 1.

    Raises
    ------
    BlockError
        GI407, when it is neither.
    """

    def __init__(
        self, weight: float | None = None, batch_axis: int = 0, label_format: str = "signed"
    ) -> None:
        super().__init__(weight, batch_axis)
        if label_format not in ("signed", "binary"):
            raise BlockError(f"label_format is 'signed' or 'binary'; got {label_format!r}")
        self._signed = label_format == "signed"

    def forward(self, pred: Any, label: Any, sample_weight: Any = None) -> Any:
        """Return the loss of each sample, shape (b,)."""
        label = F.reshape_like(label, pred)
        if self._signed:
            label = (label + 1) * 0.5
        return self.per_sample(F.softplus(pred) - pred * label, sample_weight)


SoftmaxCELoss = SoftmaxCrossEntropyLoss
SigmoidBCELoss = SigmoidBinaryCrossEntropyLoss
