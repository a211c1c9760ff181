"""Initializers: how a parameter gets its first values.

Every initializer has one method, ``_init_weight(name, data)``: `name` is the parameter's leaf name, a
`str` that also knows the parameter's ``path`` and the random ``stream`` of that path, and `data` a
zero-filled array to fill.  A custom initializer overrides that method, as in Gluon; or is an object with
``__call__(shape, dtype=None)``, as in Keras; or a plain function ``(rng, shape, dtype)``, as in JAX.

Names, defaults and formulas are those of MXNet's ``mx.init`` unless a docstring says otherwise.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from graphinit import random
from graphinit.errors import GraphInitError, ParameterError


class InitName(str):
    """A parameter's leaf name, as an initializer sees it.

    Attributes
    ----------
    path : str
        The parameter's path in the network.
    stream : Stream
        The random numbers of that path.
    """

    path: str
    stream: random.Stream

    def __new__(cls, name: str, path: str | None = None, seed: int | None = None) -> InitName:
        """Make a name; the stream is that of its path under the current seed by default."""
        self = super().__new__(cls, name)
        self.path = name if path is None else path
        self.stream = random.stream(random.current_seed() if seed is None else seed, self.path)
        return self


def _named(name: str) -> InitName:
    return name if isinstance(name, InitName) else InitName(name)


class Initializer:
    """Base of initializers; a subclass overrides `_init_weight`.

    Examples
    --------
    >>> class Halves(Initializer):
    ...     def _init_weight(self, name, data):
    ...         data[:] = 0.5
    >>> draw(Halves(), "0.weight", (2,), "float32")
    array([0.5, 0.5], dtype=float32)
    """

    def __init__(self, **kwargs: Any) -> None:
        self._kwargs = kwargs

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        raise NotImplementedError("an initializer overrides _init_weight(name, data)")

    def __call__(self, name: str, data: np.ndarray) -> None:
        """Fill `data` by what the end of `name` says it is, as MXNet's Module API does.

        Weights are drawn; biases, betas and minima become 0, gammas and maxima 1.

        Raises
        ------
        ValueError
            If the name ends in none of these.
        """
        if name.endswith("weight"):
            self._init_weight(_named(name), data)
            return
        for ends, value in ((("bias", "beta", "min"), 0.0), (("gamma", "max"), 1.0)):
            if name.endswith(ends):
                data[...] = value
                return
        raise ParameterError(
            f"by its name {name!r} is neither weight, bias, gamma nor beta; give the parameter an initializer "
            "of its own",
            code="GI404",
        )

    def options(self) -> dict[str, Any]:
        """Return the arguments that make an equal initializer."""
        if dataclasses.is_dataclass(self):
            return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return dict(self._kwargs)

    def dumps(self) -> str:
        """Return the initializer as JSON text that `create` reads.

        Examples
        --------
        >>> Constant(9).dumps()
        '["constant", {"value": 9}]'
        """
        return json.dumps([type(self).__name__.lower(), self.options()])

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        assert isinstance(other, Initializer)
        return repr(self.options()) == repr(other.options())

    def __hash__(self) -> int:
        return hash((type(self), repr(self.options())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.options().items())})"


_registry: dict[str, type[Initializer]] = {}
_Class = TypeVar("_Class", bound=type[Initializer])


def register(cls: _Class) -> _Class:
    """Let `create` find a class of initializers by its name in lower case."""
    _registry[cls.__name__.lower()] = cls
    return cls


def alias(*names: str) -> Callable[[_Class], _Class]:
    """Let `create` find a class by further names."""

    def add(cls: _Class) -> _Class:
        _registry.update(dict.fromkeys((name.lower() for name in names), cls))
        return cls

    return add


def create(initializer: Any, **options: Any) -> Any:
    """Return the initializer that a name, JSON text, initializer or function stands for.

    Parameters
    ----------
    initializer : str, Initializer or callable
        ``"xavier"`` (case doesn't matter), ``'["constant", {"value": 9}]'``, or what is one already.
    **options
        Arguments, with a name.

    Raises
    ------
    ParameterError
        GI405, when nothing of that name is registered or it is no initializer.

    Examples
    --------
    >>> create("uniform", scale=0.1)
    Uniform(scale=0.1)
    """
    if isinstance(initializer, str):
        name, given = initializer, options
        if name.lstrip().startswith("["):
            try:
                name, stored = json.loads(name)
                given = {**stored, **options}
            except (ValueError, TypeError) as cause:
                raise ParameterError(f"{initializer!r} is not the JSON text of an initializer") from cause
        cls = _registry.get(name.lower())
        if cls is None:
            known = ", ".join(sorted(_registry))
            raise ParameterError(f"no initializer is registered as {name!r}; there are {known}", code="GI405")
        try:
            return cls(**given)
        except TypeError as cause:
            raise ParameterError(f"initializer {name!r} does not take these arguments: {cause}") from cause
    if isinstance(initializer, type):
        raise ParameterError(
            f"{initializer.__name__} is a class; give an initializer, {initializer.__name__}(...)",
            code="GI405",
        )
    if isinstance(initializer, Initializer) or callable(initializer):
        return initializer
    raise ParameterError(
        f"{initializer!r} is not an initializer; give a name such as 'xavier', an Initializer or a function "
        "(rng, shape, dtype)",
        code="GI405",
    )


def draw(
    initializer: Any,
    path: str,
    shape: tuple[int, ...],
    dtype: str,
    *,
    seed: int | None = None,
    leaf: str = "",
) -> np.ndarray:
    """Return the first values of a parameter.

    Parameters
    ----------
    initializer : Initializer, callable or str
        What draws them.
    path : str
        The parameter's path; with the seed it decides every random number.
    shape : tuple of int
        The parameter's shape.
    dtype : str
        Its dtype.
    seed : int, optional
        The network's seed, by default the current one.
    leaf : str, optional
        The name that the initializer is shown; by default the last part of the path.

    Raises
    ------
    ParameterError
        GI404, when it gives an array of another shape, or one that the dtype cannot hold.

    Examples
    --------
    >>> draw(Constant(3), "0.bias", (2,), "float32")
    array([3., 3.], dtype=float32)
    """
    initializer = create(initializer)
    name = InitName(leaf or path.rpartition(".")[2], path, seed)
    if isinstance(initializer, Initializer) and type(initializer).__call__ is Initializer.__call__:
        data = np.zeros(shape, dtype)
        try:
            initializer._init_weight(name, data)
        except GraphInitError as error:
            if error.path is None:
                error.path = path
            raise
        return data
    if _takes_rng(initializer):
        source = random.PathStream(random.current_seed() if seed is None else seed, path)
        given = initializer(source.generator(), shape, np.dtype(dtype))
    else:
        given = initializer(shape, np.dtype(dtype))
    data = np.asarray(given)
    if data.shape != tuple(shape):
        raise ParameterError(
            f"the initializer of {path!r} gave an array of shape {data.shape} for a parameter of shape {shape}",
            code="GI404",
            path=path,
        )
    if not np.can_cast(data.dtype, dtype, "same_kind"):
        raise ParameterError(
            f"the initializer of {path!r} gave {data.dtype} values for a parameter of dtype {dtype}",
            code="GI404",
            path=path,
        )
    return np.array(data, dtype)


def _takes_rng(initializer: Callable[..., Any]) -> bool:
    """Whether a callable is ``(rng, shape, dtype)`` rather than ``(shape, dtype=None)``."""
    try:
        parameters = list(inspect.signature(initializer).parameters.values())
    except (TypeError, ValueError):  # a builtin that does not tell
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(positional) >= 3 or (bool(positional) and positional[0].name in ("rng", "key", "generator"))


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

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        try:
            data[...] = self.value
        except (TypeError, ValueError) as cause:
            given = np.shape(self.value)
            raise ParameterError(
                f"a constant of shape {given} does not broadcast to shape {data.shape} of {_named(name).path!r}",
                code="GI404",
            ) from cause

    def options(self) -> dict[str, Any]:
        """Return the value, arrays as lists."""
        return {"value": self.value.tolist() if isinstance(self.value, np.ndarray) else self.value}


@register
@dataclass(frozen=True, eq=False, repr=False)
class Uniform(Initializer):
    """U[-scale, scale].

    Parameters
    ----------
    scale : float
        Bound of the values.
    """

    scale: float = 0.07

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        data[...] = _named(name).stream.uniform(-self.scale, self.scale, data.shape)


@register
@dataclass(frozen=True, eq=False, repr=False)
class Normal(Initializer):
    """N(0, sigma²).

    Parameters
    ----------
    sigma : float
        Standard deviation.
    """

    sigma: float = 0.01

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        data[...] = _named(name).stream.normal(0.0, self.sigma, data.shape)


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

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        named = _named(name)
        fan_in, fan_out = fans(data.shape, named.path)
        factors = {"avg": (fan_in + fan_out) / 2.0, "in": fan_in, "out": fan_out}
        if self.factor_type not in factors:
            raise ParameterError(
                f"factor_type is 'avg', 'in' or 'out', not {self.factor_type!r}",
                code="GI404",
                path=named.path,
            )
        if self.rnd_type not in ("uniform", "gaussian"):
            raise ParameterError(
                f"rnd_type is 'uniform' or 'gaussian', not {self.rnd_type!r}", code="GI404", path=named.path
            )
        scale = math.sqrt(self.magnitude / max(factors[self.factor_type], 1e-300))
        if self.rnd_type == "uniform":
            data[...] = named.stream.uniform(-scale, scale, data.shape)
        else:
            data[...] = named.stream.normal(0.0, scale, data.shape)


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
        super().__init__("gaussian", factor_type, 2.0 / (1 + slope**2))
        object.__setattr__(self, "slope", slope)

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

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        named = _named(name)
        if data.ndim < 1 or data.size == 0:
            return
        shape = (data.shape[0], math.prod(data.shape[1:]))
        if self.rand_type == "uniform":
            drawn = named.stream.uniform(-1.0, 1.0, shape)
        elif self.rand_type == "normal":
            drawn = named.stream.normal(0.0, 1.0, shape)
        else:
            raise ParameterError(
                f"rand_type is 'uniform' or 'normal', not {self.rand_type!r}", code="GI404", path=named.path
            )
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
                f"{_named(name).path!r} has {data.ndim} axes; bilinear weights have 4", code="GI404"
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

    def _init_weight(self, name: str, data: np.ndarray) -> None:
        quarter = data.shape[0] // 4
        data[...] = 0
        data[quarter : 2 * quarter] = self.forget_bias
