"""The defaults of other frameworks, as rules over layers.

A preset decides by the layer's kind, the parameter's role and the shapes of the layer's parameters.
It replaces what our layers do by default, never what the user passed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from graphinit.errors import ParameterError
from graphinit.initializers.base import Initializer
from graphinit.initializers.distributions import (
    LSTMBias,
    Normal,
    One,
    Orthogonal,
    TruncatedNormal,
    Uniform,
    Xavier,
    Zero,
    fans,
)
from graphinit.suggestions import did_you_mean

Shapes = Mapping[str, tuple[int, ...] | None]
Rule = Callable[[str, str, Shapes], Initializer | None]

_SCALES = ("gamma", "running_var")
_SHIFTS = ("beta", "running_mean")


@dataclass(frozen=True, eq=False, repr=False)
class Preset(Initializer):
    """One framework's defaults, as an initializer for a whole network.

    Parameters
    ----------
    name : {"pytorch", "keras", "flax", "mxnet"}
        The framework.
    """

    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or self.name not in _RULES:
            hint = did_you_mean(self.name, _RULES) or f"; there are {', '.join(_RULES)}"
            raise ParameterError(f"there is no preset {self.name!r}{hint}", code="GI405")

    def choose(self, layer: str, role: str, shapes: Shapes) -> Initializer | None:
        """Return the initializer of one parameter, None when it takes a shape that is not known yet.

        Parameters
        ----------
        layer : str
            Class of the layer, such as "Dense".
        role : str
            Name of the parameter in its layer, such as "bias".
        shapes : mapping from str to tuple or None
            Shapes of the layer's parameters by role; -1 in one that is unknown.
        """
        if role in _SCALES:
            return One()
        if role in _SHIFTS:
            return Zero()
        return _RULES[self.name](layer, role, shapes)

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        raise ParameterError(
            f"the preset {self.name!r} decides by layers; give it to a network's initialize()", code="GI404"
        )


def preset(name: str) -> Preset:
    """Return the default initialisation of a framework.

    Parameters
    ----------
    name : {"pytorch", "keras", "flax", "mxnet"}
        - "pytorch": U[-1/sqrt(fan_in), 1/sqrt(fan_in)] for weights and biases of dense and convolution
          layers, U[-1/sqrt(hidden), 1/sqrt(hidden)] for recurrent ones, N(0, 1) for embeddings.
        - "keras": Glorot-uniform weights, orthogonal recurrent weights, zero biases (1 for forget
          gates), U[-0.05, 0.05] for embeddings.
        - "flax": LeCun-normal weights (cut off at two standard deviations), orthogonal recurrent
          weights, zero biases, N(0, 1/width) for embeddings.
        - "mxnet": U[-0.07, 0.07] for weights, zero biases.

    Raises
    ------
    ParameterError
        GI405, when there is none of that name.

    Examples
    --------
    >>> from graphinit import init, nn
    >>> net = nn.Dense(3, in_units=4)
    >>> net.initialize(init.preset("pytorch"))
    >>> bool((abs(net.bias.data()) <= 0.5).all() and net.bias.data().any())
    True
    """
    return Preset(name)


def _fan_in(shapes: Shapes) -> float | None:
    weight = shapes.get("weight")
    if weight is None or -1 in weight:
        return None
    return max(fans(weight, "weight")[0], 1e-300)


def _is_recurrent(role: str) -> bool:
    return "i2h" in role or "h2h" in role


def _pytorch(layer: str, role: str, shapes: Shapes) -> Initializer | None:
    if layer == "Embedding":
        return Normal(1.0)
    if _is_recurrent(role):
        hidden = next((s[1] for key, s in shapes.items() if key.endswith("h2h_weight") and s), -1)
        return None if hidden < 0 else Uniform(1.0 / math.sqrt(max(hidden, 1)))
    if layer == "PReLU":
        return None
    fan_in = _fan_in(shapes)
    return None if fan_in is None else Uniform(1.0 / math.sqrt(fan_in))


def _keras(layer: str, role: str, shapes: Shapes) -> Initializer | None:
    if layer == "Embedding":
        return Uniform(0.05)
    if role.endswith("bias"):
        return LSTMBias() if layer.startswith("LSTM") and role.endswith("i2h_bias") else Zero()
    return Orthogonal(1.0, "normal") if role.endswith("h2h_weight") else Xavier()


def _flax(layer: str, role: str, shapes: Shapes) -> Initializer | None:
    weight = shapes.get(role)
    if layer == "Embedding":
        return None if weight is None or -1 in weight else Normal(1.0 / math.sqrt(weight[1]))
    if role.endswith("bias"):
        return Zero()
    if role.endswith("h2h_weight"):
        return Orthogonal(1.0, "normal")
    if weight is None or -1 in weight:
        return None
    # Cutting a normal distribution at two deviations leaves this share of its deviation.
    return TruncatedNormal(math.sqrt(1.0 / max(fans(weight, role)[0], 1e-300)) / 0.87962566103423978)


def _mxnet(layer: str, role: str, shapes: Shapes) -> Initializer | None:
    return Zero() if role.endswith("bias") else Uniform(0.07)


_RULES: dict[str, Rule] = {"pytorch": _pytorch, "keras": _keras, "flax": _flax, "mxnet": _mxnet}
