"""The loss of labels that are not aligned with predictions."""

from __future__ import annotations

from typing import Any

from graphinit import functional as F
from graphinit.losses.base import Loss
from graphinit.nn.checks import choice
from graphinit.plain_text import class_name


class CTCLoss(Loss):
    """Negative log-likelihood of labels, summed over all alignments with the predictions.

    Predictions are scores of classes, of which the last is the blank; labels count from 0.  A sample
    whose labels don't fit into its time has an infinite loss and no gradient.

    Parameters
    ----------
    layout : {"NTC", "TNC"}
        Order of batch, time and classes in predictions.
    label_layout : {"NT", "TN"}
        Order of batch and place in labels.
    weight : float, optional
        Factor on the loss.

    Raises
    ------
    BlockError
        GI407, when there is no such layout.
    ValueRangeError
        GI502, when run, for a label that is no class, or a length that is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> CTCLoss()(np.zeros((1, 2, 3), np.float32), np.array([[0, -1]])).round(4)
    array([1.0986], dtype=float32)

    References
    ----------
    A. Graves et al., "Connectionist temporal classification: labelling unsegmented sequence data with
    recurrent neural networks", ICML 2006.
    """

    def __init__(self, layout: str = "NTC", label_layout: str = "NT", weight: float | None = None) -> None:
        choice("layout", layout, ("NTC", "TNC"))
        choice("label_layout", label_layout, ("NT", "TN"))
        super().__init__(weight, label_layout.index("N"))
        self._layout = layout

    def forward(
        self,
        pred: Any,
        label: Any,
        pred_lengths: Any = None,
        label_lengths: Any = None,
        sample_weight: Any = None,
    ) -> Any:
        """Return the loss of each sample, shape (b,); without lengths, labels end at the first -1."""
        if self._layout == "TNC":
            pred = F.swapaxes(pred, 0, 1)
        if self._batch_axis == 1:
            label = F.swapaxes(label, 0, 1)
        return self.weighted(F.ctc_loss(pred, label, pred_lengths, label_lengths), sample_weight)

    def __repr__(self) -> str:
        return f"{class_name(self)}(layout={self._layout}, batch_axis={self._batch_axis}, w={self._weight})"
