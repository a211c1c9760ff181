"""Initialising one parameter by a call, as in PyTorch: ``init.normal_(net[0].weight, std=0.01)``.

Each is a thin call of an initializer.  A parameter that is ready is drawn again at once; one that
waits for its shape, or was never initialised, gets its values when its shape is known.  Every call takes a
seed of the sequence that `graphinit.random.seed` starts, so that a second one draws other values.
"""

from __future__ import annotations

import math
from typing import Any

from graphinit.errors import ParameterError
from graphinit.initializers.arguments import check_constant, check_number
from graphinit.initializers.base import Initializer
from graphinit.initializers.distributions import (
    Constant,
    Normal,
    One,
    Orthogonal,
    TruncatedNormal,
    Uniform,
    Xavier,
    Zero,
)


def _draw(parameter: Any, initializer: Initializer) -> Any:
    if not hasattr(parameter, "initialize"):
        raise ParameterError(
            f"this takes a parameter, such as net[0].weight, not {parameter!r}", code="GI405"
        )
    parameter.initialize(initializer, force_reinit=True)
    return parameter


def uniform_(parameter: Any, a: float = 0.0, b: float = 1.0) -> Any:
    """Draw from U[a, b); return the parameter."""
    a, b = check_number("uniform_", "a", a), check_number("uniform_", "b", b)
    if a > b:
        raise ParameterError(f"uniform_: a is at most b, not {a!r} with b={b!r}")
    return _draw(parameter, Uniform((b - a) / 2, (a + b) / 2))


def normal_(parameter: Any, mean: float = 0.0, std: float = 1.0) -> Any:
    """Draw from N(mean, std²); return the parameter."""
    return _draw(parameter, Normal(check_number("normal_", "std", std, 0), mean))


def trunc_normal_(parameter: Any, mean: float = 0.0, std: float = 1.0) -> Any:
    """Draw from N(mean, std²) cut off at two standard deviations; return the parameter."""
    return _draw(parameter, TruncatedNormal(check_number("trunc_normal_", "std", std, 0), mean))


def constant_(parameter: Any, val: float) -> Any:
    """Set every value to `val`; return the parameter."""
    return _draw(parameter, Constant(check_constant("constant_", "val", val)))


def zeros_(parameter: Any) -> Any:
    """Set every value to 0; return the parameter."""
    return _draw(parameter, Zero())


def ones_(parameter: Any) -> Any:
    """Set every value to 1; return the parameter."""
    return _draw(parameter, One())


def xavier_uniform_(parameter: Any, gain: float = 1.0) -> Any:
    """Draw from U[-s, s], s = gain sqrt(6 / (fan_in + fan_out)); return the parameter."""
    return _draw(parameter, Xavier("uniform", "avg", 3.0 * _square("xavier_uniform_", "gain", gain)))


def xavier_normal_(parameter: Any, gain: float = 1.0) -> Any:
    """Draw from N(0, s²), s = gain sqrt(2 / (fan_in + fan_out)); return the parameter."""
    return _draw(parameter, Xavier("gaussian", "avg", _square("xavier_normal_", "gain", gain)))


def kaiming_uniform_(
    parameter: Any, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Any:
    """Draw from U[-s, s], s = gain sqrt(3 / fan); return the parameter."""
    slope = check_number("kaiming_uniform_", "a", a)
    return _draw(parameter, Xavier("uniform", _fan(mode), 3.0 * _gain(nonlinearity, slope) ** 2))


def kaiming_normal_(
    parameter: Any, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Any:
    """Draw from N(0, s²), s = gain / sqrt(fan); return the parameter."""
    slope = check_number("kaiming_normal_", "a", a)
    return _draw(parameter, Xavier("gaussian", _fan(mode), _gain(nonlinearity, slope) ** 2))


def orthogonal_(parameter: Any, gain: float = 1.0) -> Any:
    """Draw a matrix of orthogonal rows or columns of length `gain`; return the parameter."""
    return _draw(parameter, Orthogonal(check_number("orthogonal_", "gain", gain, 0), "normal"))


def _square(owner: str, name: str, value: Any) -> float:
    number = check_number(owner, name, value)
    return number * number


def _fan(mode: str) -> str:
    if mode not in ("fan_in", "fan_out"):
        raise ParameterError(f"mode is 'fan_in' or 'fan_out', not {mode!r}", code="GI405")
    return mode.removeprefix("fan_")


def _gain(nonlinearity: str, slope: float) -> float:
    """Return the factor that keeps the variance through an activation (PyTorch's table)."""
    gains = {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5.0 / 3.0,
        "relu": math.sqrt(2.0),
        "leaky_relu": math.sqrt(2.0 / (1.0 + slope * slope)),
        "selu": 0.75,
    }
    if not isinstance(nonlinearity, str) or nonlinearity not in gains:
        raise ParameterError(f"nonlinearity is one of {', '.join(gains)}, not {nonlinearity!r}", code="GI405")
    return gains[nonlinearity]
