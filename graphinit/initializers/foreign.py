"""Initializers that are called: those of Keras, those of JAX, and plain functions of ours.

Which convention one follows is read off its signature.  Keras's and JAX's are asked for a layer's weight in the
order of axes that Keras and Flax have, so that the fans which they compute are those of the layer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphinit import random
from graphinit.errors import ParameterError
from graphinit.ir.kernel import Kernel


@dataclass(frozen=True, slots=True)
class Convention:
    """How an initializer is called.

    Parameters
    ----------
    name : str
        Whose it is.
    first : callable, optional
        Makes what it is given before the shape, from seed and path.
    reordered : bool
        Whether it is asked for kernels as (*slides, in, out); otherwise for the shape as it is.
    undone : bool
        Whether kernels of transposed convolutions are asked for as (*slides, out, in).
    """

    name: str
    first: Callable[[int, str], Any] | None = None
    reordered: bool = True
    undone: bool = False

    def order(self, kernel: Kernel | None, axes: int) -> tuple[int, ...]:
        """Return a parameter's axes in the order in which it is asked for."""
        return kernel.order(self.undone) if kernel is not None and self.reordered else tuple(range(axes))


def _generator(seed: int, path: str) -> np.random.Generator:
    return random.PathStream(seed, path).generator()


def _jax_key(seed: int, path: str) -> Any:
    try:
        import jax
    except ImportError as cause:
        raise ParameterError(
            f"the initializer of {path!r} takes a JAX key, and there is no JAX here: pip install jax, or write a "
            "function (rng, shape, dtype), which gets a NumPy generator",
            code="GI404",
            path=path,
        ) from cause
    first, second = random.stream_key(seed, path).astype(np.uint32)
    return jax.random.fold_in(jax.random.key(first), second)


OURS = Convention("ours", _generator, reordered=False)
KERAS = Convention("Keras", undone=True)
FLAX = Convention("Flax", _jax_key)


_SHAPES = ("shape", "size")
_SOURCES = {"key": FLAX, "rng": OURS, "generator": OURS}
_DTYPES = ("dtype", "type", "dt", "d")
_FILLED = ("name", "data", "tensor", "parameter", "module")


def convention(initializer: Callable[..., Any]) -> Convention:
    """Return how an initializer is called.

    ``key`` as the first parameter makes it JAX's, ``shape`` or ``size`` Keras's, ``rng`` or ``generator`` ours,
    and any other name before ``shape`` too.  Where no name says so, it is ours with three parameters or more
    of which the first two must be given, and Keras's with fewer.

    Examples
    --------
    >>> convention(lambda key, shape, dtype=None: None).name
    'Flax'
    >>> convention(lambda shape, dtype=None, layout=None: None).name
    'Keras'
    """
    positional = _positional(_parameters(initializer))
    names = [parameter.name for parameter in positional[:2]]
    if not names or names[0] in _SHAPES:
        return KERAS
    if names[0] in _SOURCES:
        return _SOURCES[names[0]]
    if names[-1] in _SHAPES:
        return OURS
    return OURS if len(positional) >= 3 and positional[1].default is inspect.Parameter.empty else KERAS


def check_callable(initializer: Callable[..., Any]) -> None:
    """Raise an error when an initializer cannot be called as one.

    Parameters
    ----------
    initializer : callable
        What is to be called.

    Raises
    ------
    ParameterError
        GI405, when it does not take what initializers are given, or must be given more.
    """
    try:
        signature = inspect.signature(initializer)
    except (TypeError, ValueError):  # a builtin that does not tell
        return
    parameters = list(signature.parameters.values())
    given = (None, None)[: 1 if convention(initializer).first is None else 2]
    args, options = _arguments(parameters, given, np.dtype("float32"))
    names = [parameter.name for parameter in _positional(parameters)]
    last, later = {*names[: len(given)][-1:]}, {*names[len(given) :]}
    required = {p.name for p in parameters if p.default is p.empty}
    misplaced = later & required & {*_SOURCES} or (later & {*_SHAPES} and not last & {*_SHAPES})
    fits = not misplaced and not {*names[:1]} & {*_FILLED}
    try:
        signature.bind(*args, **options)
    except TypeError:
        fits = False
    if not fits:
        raise ParameterError(
            f"an initializer with parameters {signature} cannot be called; write one with (rng, shape, dtype), with "
            "(shape, dtype=None) as in Keras, or with (key, shape, dtype) as in JAX; to fill an array in place "
            "write a subclass of init.Initializer",
            code="GI405",
        )


def drawn(
    initializer: Callable[..., Any],
    path: str,
    shape: tuple[int, ...],
    dtype: str,
    seed: int,
    kernel: Kernel | None,
) -> np.ndarray:
    """Return what an initializer that is called gives for a parameter.

    Parameters
    ----------
    initializer : callable
        What is called.
    path : str
        The parameter's path.
    shape : tuple of int
        Its shape.
    dtype : str
        Its dtype.
    seed : int
        With the path it decides what the initializer draws with.
    kernel : Kernel, optional
        What its axes are.

    Raises
    ------
    ParameterError
        GI404, when it gives no array, or one of another shape, of a dtype that does not fit, or with values
        that are not finite; or when there is no JAX.
    """
    way = convention(initializer)
    if kernel is not None and len(kernel.axes) != len(shape):
        raise ParameterError(
            f"{path!r} has shape {shape}, and its kernel other axes, {kernel.axes!r}", code="GI404", path=path
        )
    order = way.order(kernel, len(shape))
    asked = tuple(shape[axis] for axis in order)
    leading = () if way.first is None else (way.first(seed, path),)
    args, options = _arguments(_parameters(initializer), (*leading, asked), np.dtype(dtype))
    given = _seeded(initializer, seed, path)(*args, **options)
    words = ""
    if kernel is not None and way.reordered:
        words = f", which {way.name} has as {kernel.words(order)}"
    data = _checked(given, path, asked, dtype, words)
    return np.array(np.transpose(data, np.argsort(order)), order="C")


def _checked(given: Any, path: str, asked: tuple[int, ...], dtype: str, words: str) -> np.ndarray:
    """Return what an initializer gave as an array of a parameter's dtype."""

    def wrong(gave: str) -> ParameterError:
        return ParameterError(f"the initializer of {path!r} gave {gave}", code="GI404", path=path)

    wanted = f"for a parameter of shape {asked}{words}"
    if callable(given):
        raise wrong(
            "another function, not values; if it makes initializers, call it: he_normal(), not he_normal"
        )
    try:
        array = np.asarray(given)
    except Exception as cause:  # what is no array says so in its own way
        raise wrong(f"what is no array, {type(given).__name__}, {wanted}") from cause
    if array.dtype.kind not in "biuf" or not np.can_cast(array.dtype, dtype, "same_kind"):
        raise wrong(f"{array.dtype} values {wanted} and dtype {dtype}")
    if array.shape != asked:
        raise wrong(f"an array of shape {array.shape} {wanted}")
    with np.errstate(over="ignore"):
        data = array.astype(dtype)
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        raise wrong(f"values that are not finite in {dtype} {wanted}")
    return data


def _arguments(
    parameters: list[inspect.Parameter], given: tuple[Any, ...], dtype: np.dtype[Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return what an initializer is called with: what is given, and the dtype where it takes one.

    It goes by its name, or in the next place unless that has a default and a name that says something else.
    """
    kinds = {parameter.kind for parameter in parameters}
    if any(p.name == "dtype" and p.kind is not p.POSITIONAL_ONLY for p in parameters):
        return given, {"dtype": dtype}
    further = _positional(parameters)[len(given) :]
    if further:
        first = further[0]
        takes = first.default is first.empty or first.name in _DTYPES
        return (*given, dtype) if takes else given, {}
    if not parameters or inspect.Parameter.VAR_POSITIONAL in kinds:
        return (*given, dtype), {}
    return given, {"dtype": dtype} if inspect.Parameter.VAR_KEYWORD in kinds else {}


def _parameters(initializer: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(initializer).parameters.values())
    except (TypeError, ValueError):  # a builtin that does not tell
        return []


def _positional(parameters: list[inspect.Parameter]) -> list[inspect.Parameter]:
    return [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _seeded(initializer: Any, seed: int, path: str) -> Any:
    """Return an initializer of Keras that has no seed of its own with one from seed and path.

    Otherwise two layers of one shape would get the same values from it, and every run others.
    """
    kind = type(initializer)
    owners = [
        next((place for place, cls in enumerate(kind.__mro__) if name in vars(cls)), None)
        for name in ("get_config", "__init__", "from_config")
    ]
    if None in owners or owners[0] > owners[1]:  # type: ignore[operator]  # its config leaves arguments out
        return initializer
    config = initializer.get_config()
    if not isinstance(config, Mapping) or config.get("seed", 0) is not None:
        return initializer
    return kind.from_config({**config, "seed": int(random.stream_key(seed, path)[0] % 2**31)})
