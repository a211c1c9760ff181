"""The initializers at hand.

Names, defaults and formulas are those of MXNet's ``mx.init`` unless a docstring says otherwise.  A bad
argument is refused where the initializer is made: `ParameterError`, GI405.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from graphinit.errors import ParameterError
from graphinit.initializers.arguments import check_choice, check_constant, check_number
from graphinit.initializers.base import Initializer, alias, named, register


@alias("zeros")
@register
@dataclass(frozen=True, eq=False, repr=False)
class Zero(Initializer):
    """Every value 0."""

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        data[...] = 0


@alias("ones")
@register
@dataclass(frozen=True, eq=False, repr=False)
class One(Initializer):
    """Every value 1."""

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        data[...] = 1


@register
@dataclass(frozen=True, eq=False, repr=False)
class Constant(Initializer):
    """Every value the same number, or an array that broadcasts.

    Parameters
    ----------
    value : float or array
        The value.
    """

    value: Any
    takes_infinities: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._keep(value=check_constant("Constant", "value", self.value))

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        try:
            data[...] = self.value
        except (TypeError, ValueError) as cause:
            given = np.shape(self.value)
            raise ParameterError(
                f"a constant of shape {given} does not broadcast to shape {data.shape} of {named(name).path!r}",
                code="GI404",
            ) from cause
        if data.dtype.kind == "f" and not np.isfinite(data).all() and np.isfinite(self.value).all():
            raise ParameterError(
                f"{data.dtype} has no {self.value!r}, which {named(name).path!r} is to be", code="GI404"
            )

    def options(self) -> dict[str, Any]:
        """Return the value, arrays as lists."""
        return {"value": self.value.tolist() if isinstance(self.value, np.ndarray) else self.value}


@register
@dataclass(frozen=True, eq=False, repr=False)
class Uniform(Initializer):
    """U[centre - scale, centre + scale].

    Parameters
    ----------
    scale : float
        Half the width of the interval.
    centre : float
        Its middle.
    """

    scale: float = 0.07
    centre: float = 0.0

    def __post_init__(self) -> None:
        scale = check_number("Uniform", "scale", self.scale, 0)
        self._keep(scale=scale, centre=check_number("Uniform", "centre", self.centre))

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        low, high = self.centre - self.scale, self.centre + self.scale
        data[...] = named(name).stream.uniform(low, high, data.shape)

    def options(self) -> dict[str, Any]:
        """Return scale, and centre where it is not 0."""
        return {"scale": self.scale} | ({"centre": self.centre} if self.centre else {})


@register
@dataclass(frozen=True, eq=False, repr=False)
class Normal(Initializer):
    """N(mean, sigma²).

    Parameters
    ----------
    sigma : float
        Standard deviation.
    mean : float
        Mean.
    """

    sigma: float = 0.01
    mean: float = 0.0

    def __post_init__(self) -> None:
        sigma = check_number("Normal", "sigma", self.sigma, 0)
        self._keep(sigma=sigma, mean=check_number("Normal", "mean", self.mean))

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        data[...] = named(name).stream.normal(self.mean, self.sigma, data.shape)

    def options(self) -> dict[str, Any]:
        """Return sigma, and mean where it is not 0."""
        return {"sigma": self.sigma} | ({"mean": self.mean} if self.mean else {})


@register
@dataclass(frozen=True, eq=False, repr=False)
class TruncatedNormal(Initializer):
    """N(mean, sigma²) cut off at two standard deviations, by the inverse of its distribution function.

    Parameters
    ----------
    sigma : float
        Standard deviation before the cut; 0.8796 times that remains after it.
    mean : float
        Mean.

    References
    ----------
    P. J. Acklam, "An algorithm for computing the inverse normal cumulative distribution function", 2003.
    """

    sigma: float = 0.01
    mean: float = 0.0

    def __post_init__(self) -> None:
        sigma = check_number("TruncatedNormal", "sigma", self.sigma, 0)
        self._keep(sigma=sigma, mean=check_number("TruncatedNormal", "mean", self.mean))

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        tail = 0.5 * math.erfc(2.0 / math.sqrt(2.0))
        unit = named(name).stream.uniform(tail, 1.0 - tail, data.shape)
        data[...] = self.mean + self.sigma * np.clip(
            _normal_quantile(np.asarray(unit, np.float64)), -2.0, 2.0
        )


_CENTRE_TOP = (-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.3577518672690,
               -30.66479806614716, 2.506628277459239)  # fmt: skip
_CENTRE_BOTTOM = (-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972,
                  -13.28068155288572, 1.0)  # fmt: skip
_TAIL_TOP = (-0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734,
             4.374664141464968, 2.938163982698783)  # fmt: skip
_TAIL_BOTTOM = (0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1.0)


def _normal_quantile(p: np.ndarray) -> np.ndarray:
    """Return the numbers below which a share p of N(0, 1) lies; relative error 1.2e-9."""
    centred = p - 0.5
    square = centred * centred
    middle = np.polyval(_CENTRE_TOP, square) * centred / np.polyval(_CENTRE_BOTTOM, square)
    share = np.clip(np.minimum(p, 1.0 - p), 1e-300, 0.02425)
    far = np.sqrt(-2.0 * np.log(share))
    tail = np.polyval(_TAIL_TOP, far) / np.polyval(_TAIL_BOTTOM, far)
    return np.where(np.abs(centred) <= 0.5 - 0.02425, middle, np.where(centred < 0, tail, -tail))


def fans(shape: Sequence[int], path: str) -> tuple[float, float]:
    """Return fan-in and fan-out of a weight of shape (out, in, *kernel).

    Raises
    ------
    ParameterError
        GI404, when the shape has fewer than two axes.
    """
    if len(shape) < 2:
        raise ParameterError(
            f"{path!r} has shape {tuple(shape)}: fan-in and fan-out need at least two axes",
            code="GI404",
            path=path,
        )
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


@register
@dataclass(frozen=True, eq=False, repr=False)
class Xavier(Initializer):
    """Values whose variance is ``magnitude / 3 / fan`` (uniform) or ``magnitude / fan`` (Gaussian).

    Uniform: U[-s, s]; Gaussian: N(0, s²); with s = sqrt(magnitude / fan).

    Parameters
    ----------
    rnd_type : {"uniform", "gaussian"}
        The distribution.
    factor_type : {"avg", "in", "out"}
        Which fan: fan-in, fan-out, or their mean.
    magnitude : float
        Scale.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010.
    """

    rnd_type: str = "uniform"
    factor_type: str = "avg"
    magnitude: float = 3

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_choice(owner, "rnd_type", self.rnd_type, ("uniform", "gaussian"))
        check_choice(owner, "factor_type", self.factor_type, ("avg", "in", "out"))
        self._keep(magnitude=check_number(owner, "magnitude", self.magnitude, 0))

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        known = named(name)
        fan_in, fan_out = fans(data.shape, known.path)
        factors = {"avg": (fan_in + fan_out) / 2.0, "in": fan_in, "out": fan_out}
        scale = math.sqrt(self.magnitude / max(factors[self.factor_type], 1e-300))
        if self.rnd_type == "uniform":
            data[...] = known.stream.uniform(-scale, scale, data.shape)
        else:
            data[...] = known.stream.normal(0.0, scale, data.shape)


@register
class MSRAPrelu(Xavier):
    """N(0, s²) with s² = 2 / (1 + slope²) / fan: Xavier for rectifiers of a given slope.

    Parameters
    ----------
    factor_type : {"avg", "in", "out"}
        Which fan.
    slope : float
        Slope of the rectifier for negative values.

    References
    ----------
    K. He et al., "Delving deep into rectifiers", ICCV 2015.
    """

    def __init__(self, factor_type: str = "avg", slope: float = 0.25) -> None:
        slope = check_number("MSRAPrelu", "slope", slope)
        super().__init__("gaussian", factor_type, 2.0 / (1 + slope * slope))
        self._keep(slope=slope)

    def options(self) -> dict[str, Any]:
        """Return factor_type and slope."""
        return {"factor_type": self.factor_type, "slope": self.__dict__["slope"]}


@register
@dataclass(frozen=True, eq=False, repr=False)
class Orthogonal(Initializer):
    """A matrix with orthogonal rows or columns, whichever are fewer, times `scale`.

    Axes after the first count as one.

    Parameters
    ----------
    scale : float
        Length of each row or column.
    rand_type : {"uniform", "normal"}
        Distribution of the matrix whose singular vectors are taken.

    References
    ----------
    A. M. Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks", ICLR 2014.
    """

    scale: float = 1.414
    rand_type: str = "uniform"

    def __post_init__(self) -> None:
        check_choice("Orthogonal", "rand_type", self.rand_type, ("uniform", "normal"))
        self._keep(scale=check_number("Orthogonal", "scale", self.scale, 0))

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        stream = named(name).stream
        if data.ndim < 1 or data.size == 0:
            return
        shape = (data.shape[0], math.prod(data.shape[1:]))
        uniform = self.rand_type == "uniform"
        drawn = stream.uniform(-1.0, 1.0, shape) if uniform else stream.normal(0.0, 1.0, shape)
        left, _, right = np.linalg.svd(drawn, full_matrices=False)
        data[...] = (self.scale * (left if left.shape == shape else right)).reshape(data.shape)


@register
@dataclass(frozen=True, eq=False, repr=False)
class Bilinear(Initializer):
    """Weights of a transposed convolution that enlarges an image bilinearly.

    The same for every pair of channels: (1 - |x/f - c|)(1 - |y/f - c|) with f = ceil(width / 2) and
    c = (2f - 1 - f mod 2) / 2f.
    """

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        if data.ndim != 4:
            raise ParameterError(
                f"{named(name).path!r} has {data.ndim} axes; bilinear weights have 4", code="GI404"
            )
        factor = math.ceil(data.shape[3] / 2.0)
        centre = (2 * factor - 1 - factor % 2) / (2.0 * factor)
        rows, columns = (1 - np.abs(np.arange(size) / factor - centre) for size in data.shape[2:])
        data[...] = np.outer(rows, columns)


@register
@dataclass(frozen=True, eq=False, repr=False)
class LSTMBias(Initializer):
    """Zeros, but the forget gate's quarter (the second) is `forget_bias`.

    Parameters
    ----------
    forget_bias : float
        First value of the forget gate's bias.

    References
    ----------
    R. Jozefowicz et al., "An empirical exploration of recurrent network architectures", ICML 2015.
    """

    forget_bias: float = 1.0

    def __post_init__(self) -> None:
        self._keep(forget_bias=check_number("LSTMBias", "forget_bias", self.forget_bias))

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        if data.ndim != 1:
            raise ParameterError(
                f"{named(name).path!r} has {data.ndim} axes; an LSTM's bias has 1", code="GI404"
            )
        quarter = data.shape[0] // 4
        data[...] = 0
        data[quarter : 2 * quarter] = self.forget_bias
