"""Losses: blocks from predictions and labels to one number a sample.

Names, formulas and defaults are those of Gluon.

>>> import numpy as np
>>> from graphinit import loss
>>> loss.L2Loss()(np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]]))
array([1.])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphinit.faces import listed_face
from graphinit.losses.base import Loss
from graphinit.losses.classification import (
    HingeLoss,
    KLDivLoss,
    LogisticLoss,
    SigmoidBCELoss,
    SigmoidBinaryCrossEntropyLoss,
    SoftmaxCELoss,
    SoftmaxCrossEntropyLoss,
    SquaredHingeLoss,
)
from graphinit.losses.ctc import CTCLoss
from graphinit.losses.regression import HuberLoss, L1Loss, L2Loss, PoissonNLLLoss
from graphinit.losses.similarity import CosineEmbeddingLoss, TripletLoss

__all__ = [
    "CTCLoss",
    "CosineEmbeddingLoss",
    "HingeLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "L2Loss",
    "LogisticLoss",
    "Loss",
    "PoissonNLLLoss",
    "SigmoidBCELoss",
    "SigmoidBinaryCrossEntropyLoss",
    "SoftmaxCELoss",
    "SoftmaxCrossEntropyLoss",
    "SquaredHingeLoss",
    "TripletLoss",
]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
