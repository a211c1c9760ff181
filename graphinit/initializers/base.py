"""What an initializer is: one method, four ways to write one, and the names they go by.

Every initializer has one method, ``_init_weight(name, data)``: `name` is the parameter's leaf name, a
`str` that also knows the parameter's ``path`` and the random ``stream`` of that path, and `data` a
zero-filled array to fill.  A custom initializer overrides that method, as in Gluon; or is a plain function
``(rng, shape, dtype)``; or is one of another framework, as it stands: see `create`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import numpy as np

from graphinit import random
from graphinit.errors import GraphInitError, ParameterError
from graphinit.foreign_names import FOREIGN
from graphinit.initializers import foreign
from graphinit.ir.kernel import Kernel
from graphinit.plain_text import class_name
from graphinit.spellings import explained
from graphinit.suggestions import did_you_mean


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


def named(name: str) -> InitName:
    """Return a name that knows its path and stream."""
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

    takes_infinities: ClassVar[bool] = False
    """Whether values that are not finite are meant; otherwise they are an error."""

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
            self._init_weight(named(name), data)
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

    def _keep(self, **checked: Any) -> None:
        """Set arguments of a frozen initializer as they were checked."""
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def options(self) -> dict[str, Any]:
        """Return the arguments that make an equal initializer."""
        if dataclasses.is_dataclass(self):
            return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return dict(vars(self).get("_kwargs", vars(self)))  # a subclass need not call __init__

    def _state(self) -> str:
        """Return all that decides the values, as text: options, and what a subclass keeps of its own."""
        stated = {"_kwargs", *getattr(self, "__dataclass_fields__", ())}
        return repr({**self.options(), **{k: v for k, v in vars(self).items() if k not in stated}})

    def dumps(self) -> str:
        """Return the initializer as JSON text that `create` reads.

        Examples
        --------
        >>> from graphinit import init
        >>> init.Constant(9).dumps()
        '["constant", {"value": 9}]'
        """
        return json.dumps([type(self).__name__.lower(), self.options()])

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        assert isinstance(other, Initializer)
        return self._state() == other._state()

    def __hash__(self) -> int:
        return hash((type(self), self._state()))

    def __repr__(self) -> str:
        return f"{class_name(self)}({', '.join(f'{k}={v!r}' for k, v in self.options().items())})"


class LayerDefault(str):
    """The name of an initializer that a layer has unless the user says otherwise; presets replace it."""


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
        ``"xavier"`` (case doesn't matter), ``'["constant", {"value": 9}]'``, or what is one already:

        - an `Initializer`, whose ``_init_weight(name, data)`` fills an array;
        - a function ``(rng, shape, dtype)``, which gets a NumPy generator and our shape;
        - an object or function ``(shape, dtype=None)``, as Keras's: weights of layers are asked for in Keras's
          order of axes, ``(in, out)`` for dense and recurrent layers, ``(*k, in, out)`` for convolutions,
          ``(*k, out, in)`` for transposed ones.  One of Keras's that has no seed of its own gets one;
        - a function whose first parameter is ``key``, as JAX's: it gets a JAX key, and Flax's order of axes,
          ``(*k, in, out)`` for all of them.  JAX must be installed.

        What is drawn with, generator, key and seed, comes from the seed and the parameter's path.  The last
        two see all other parameters, biases and embeddings among them, as they are; a layer of one's own says
        what the axes of its weight are by `Parameter`'s ``kernel=``.
    **options
        Arguments, with a name.

    Raises
    ------
    ParameterError
        GI405, when nothing of that name is registered, it is no initializer, cannot be called as one, or an
        argument is bad.

    Examples
    --------
    >>> from graphinit import init
    >>> init.create("uniform", scale=0.1)
    Uniform(scale=0.1)
    """
    if isinstance(initializer, str):
        name, given = initializer, options
        if name.lstrip().startswith("["):
            try:
                name, stored = json.loads(name)
                given = {**stored, **options}
                name.lower()
            except (ValueError, TypeError, AttributeError, RecursionError) as cause:
                raise ParameterError(f"{initializer!r} is not the JSON text of an initializer") from cause
        cls = _registry.get(name.lower())
        if cls is None:
            theirs = FOREIGN["graphinit.init"].get(name)
            hint = f"; it is {theirs} here" if theirs else did_you_mean(name, _registry)
            hint = hint or f"; there are {', '.join(sorted(_registry))}"
            raise ParameterError(f"no initializer is registered as {name!r}{hint}", code="GI405")
        try:
            return cls(**given)
        except TypeError as cause:
            raise ParameterError(f"initializer {name!r} does not take these arguments: {cause}") from cause
    if isinstance(initializer, type):
        raise ParameterError(
            f"{initializer.__name__} is a class; give an initializer, {initializer.__name__}(...)",
            code="GI405",
        )
    if isinstance(initializer, Initializer) and not _is_called(initializer):
        return initializer
    if callable(initializer):
        foreign.check_callable(initializer)
        return initializer
    raise ParameterError(
        f"{initializer!r} is not an initializer; give a name such as 'xavier', an Initializer or a function "
        "(rng, shape, dtype)",
        code="GI405",
    )


def initializer_text(initializer: Any) -> str | None:
    """Return the text from which `create` makes an equal initializer, None when there is none.

    Examples
    --------
    >>> from graphinit import init
    >>> initializer_text(init.Constant(9)), initializer_text(init.preset("keras"))
    ('["constant", {"value": 9}]', None)
    """
    if not isinstance(initializer, Initializer):
        return None
    try:
        text = initializer.dumps()
        return text if create(text) == initializer else None
    except Exception:  # initializers are anybody's: one that cannot be written has no text
        return None


def draw(
    initializer: Any,
    path: str,
    shape: tuple[int, ...],
    dtype: str,
    *,
    seed: int | None = None,
    leaf: str = "",
    kernel: str | Kernel | None = None,
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
        The network's seed, by default the number that `graphinit.random.seed` was given; nothing is taken
        from its sequence.
    leaf : str, optional
        The name that the initializer is shown; by default the last part of the path.
    kernel : str or Kernel, optional
        What the parameter's axes are, see `Parameter`: initializers of Keras and JAX are asked for theirs.

    Raises
    ------
    ParameterError
        GI404, when it gives an array of another shape, one that the dtype cannot hold, or values that are not
        finite; GI405, when it is none, or cannot be called.  What it raises itself stays as it is, with a note
        on the parameter.

    Examples
    --------
    >>> draw(lambda shape, dtype: np.full(shape, 3), "0.bias", (2,), "float32")
    array([3., 3.], dtype=float32)
    """
    initializer = create(initializer)
    number = random.current_seed() if seed is None else random.check_seed(seed)
    try:
        with explained(path):
            if not isinstance(initializer, Initializer) or _is_called(initializer):
                return foreign.drawn(initializer, path, tuple(shape), dtype, number, Kernel.of(kernel))
            data = np.zeros(shape, dtype)
            with np.errstate(over="ignore"):  # it is looked for below
                initializer._init_weight(InitName(leaf or path.rpartition(".")[2], path, number), data)
            if not initializer.takes_infinities and not np.isfinite(data).all():
                raise ParameterError(
                    f"{initializer!r} gives {path!r} values that are not finite in {dtype}", code="GI404"
                )
            return data
    except GraphInitError as error:
        if error.path is None:
            error.path = path
        raise
    except Exception as error:
        error.add_note(f"raised by the initializer of {path!r}, of shape {tuple(shape)} and dtype {dtype}")
        raise


def _is_called(initializer: Initializer) -> bool:
    """Whether one of our classes says itself how it is called, as Keras's do."""
    return type(initializer).__call__ is not Initializer.__call__
