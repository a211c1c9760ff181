"""Initializers: how a parameter gets its first values.

Names, defaults and formulas are those of MXNet's ``mx.init`` unless a docstring says otherwise.

>>> from graphinit import init, nn
>>> net = nn.Dense(3, in_units=4)
>>> net.initialize(init.Constant(2))
>>> net.weight.data()[0]
array([2., 2., 2., 2.], dtype=float32)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphinit.faces import listed_face
from graphinit.initializers.base import Initializer, InitName, alias, create, draw, register
from graphinit.initializers.distributions import (
    Bilinear,
    Constant,
    LSTMBias,
    MSRAPrelu,
    Normal,
    One,
    Orthogonal,
    TruncatedNormal,
    Uniform,
    Xavier,
    Zero,
)
from graphinit.initializers.inplace import (
    constant_,
    kaiming_normal_,
    kaiming_uniform_,
    normal_,
    ones_,
    orthogonal_,
    trunc_normal_,
    uniform_,
    xavier_normal_,
    xavier_uniform_,
    zeros_,
)
from graphinit.initializers.presets import Preset, preset
from graphinit.ir.kernel import Kernel

__all__ = [
    "Bilinear",
    "Constant",
    "InitName",
    "Initializer",
    "Kernel",
    "LSTMBias",
    "MSRAPrelu",
    "Normal",
    "One",
    "Orthogonal",
    "Preset",
    "TruncatedNormal",
    "Uniform",
    "Xavier",
    "Zero",
    "alias",
    "constant_",
    "create",
    "draw",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "preset",
    "register",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
