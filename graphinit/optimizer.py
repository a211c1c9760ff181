"""Optimisers: how gradients change parameters.

Names, arguments and defaults are Gluon's.  The equations stand in the classes; they are written once,
with operators on tensors, and run as compiled programs.

>>> from graphinit import optimizer
>>> optimizer.create("adam", learning_rate=0.01)
Adam(lr=0.01, beta1=0.9, beta2=0.999, epsilon=1e-08)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphinit.faces import listed_face
from graphinit.optimizers.base import Optimizer
from graphinit.optimizers.moments import LAMB, Adam, Adamax, AdamW, Nadam
from graphinit.optimizers.momentum import NAG, SGD, Lion, Signum
from graphinit.optimizers.registration import register
from graphinit.optimizers.registry import create
from graphinit.optimizers.rule import Slot, Update
from graphinit.optimizers.squares import AdaDelta, Adafactor, AdaGrad, Ftrl, RMSProp

__all__ = [
    "LAMB",
    "NAG",
    "SGD",
    "AdaDelta",
    "AdaGrad",
    "Adafactor",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSProp",
    "Signum",
    "Slot",
    "Update",
    "create",
    "register",
]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
