"""Arguments of a block: nested structures taken apart into named arrays, and put together again.

An array given for the argument `x` is called ``x``; inside lists and dicts ``x.0`` and ``x.key``.
Numbers, text, None and truth values are static: they stay where they are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphinit.errors import CallError
from graphinit.ir.dims import Expr
from graphinit.ir.tensor import Tensor
from graphinit.ir.types import TensorType
from graphinit.plain_text import class_name
from graphinit.runtime.arguments import alike
from graphinit.scalars import real, whole


@dataclass(frozen=True, slots=True)
class Leaf:
    """The place of a named value in a structure."""

    name: str


@dataclass(frozen=True, slots=True)
class Static:
    """What a call was given that is no array: `trace` takes it as it is, though it read like a shape."""

    value: Any


@dataclass(frozen=True, slots=True)
class Arguments:
    """Arguments with their arrays taken out.

    Parameters
    ----------
    args, kwargs
        Positional and keyword arguments, a `Leaf` in place of each array.
    leaves : dict
        What was taken out, by name and in order.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    leaves: dict[str, Any]

    def filled(self, values: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return arguments with other values in the places of the arrays."""
        args = tuple(fill(item, values) for item in self.args)
        return args, {name: fill(item, values) for name, item in self.kwargs.items()}

    def specs(self, arrays: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return arguments as `trace` takes them, with arrays in their places."""
        args = tuple(specs_of(item, arrays) for item in self.args)
        return args, {name: specs_of(item, arrays) for name, item in self.kwargs.items()}

    @property
    def key(self) -> tuple[Any, ...]:
        """What is static about them, hashable where its parts are."""
        return (self.args, tuple(sorted(self.kwargs.items())))


def fill(structure: Any, values: Mapping[str, Any]) -> Any:
    """Return a structure with values in place of its leaves."""
    if isinstance(structure, Leaf):
        return values[structure.name]
    if isinstance(structure, Static):
        return structure.value
    if isinstance(structure, list | tuple):
        return alike(structure, [fill(item, values) for item in structure])
    if isinstance(structure, dict):
        return {key: fill(item, values) for key, item in structure.items()}
    return structure


def specs_of(structure: Any, arrays: Mapping[str, Any]) -> Any:
    """Return a structure with arrays in place of its leaves, and what has none of them marked as static."""
    if isinstance(structure, Leaf):
        return arrays[structure.name]
    if isinstance(structure, list | tuple | dict) and structure:
        items = structure.values() if isinstance(structure, dict) else structure
        made = [specs_of(item, arrays) for item in items]
        if any(not isinstance(item, Static) for item in made):
            is_dict = isinstance(structure, dict)
            return dict(zip(structure, made, strict=True)) if is_dict else alike(structure, made)
    return Static(structure)


def split(name: str, value: Any, leaves: dict[str, Any], is_leaf: Callable[[Any], bool]) -> Any:
    """Return a structure with leaves taken out into `leaves`."""
    if is_leaf(value):
        leaves[name] = value
        return Leaf(name)
    if isinstance(value, list | tuple):
        return alike(value, [split(f"{name}.{i}", item, leaves, is_leaf) for i, item in enumerate(value)])
    if isinstance(value, dict):
        return {key: split(f"{name}.{key}", item, leaves, is_leaf) for key, item in value.items()}
    return value


def map_specs(specs: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """Return input specifications with each array's changed, inside lists and dicts too."""
    changed: dict[str, Any] = {}
    for name, spec in specs.items():
        leaves: dict[str, Any] = {}
        structure = split(name, spec, leaves, lambda value: isinstance(value, Static) or is_spec(value))
        changed[name] = fill(
            structure,
            {leaf: item if isinstance(item, Static) else change(item) for leaf, item in leaves.items()},
        )
    return changed


def is_spec(value: Any) -> bool:
    """Whether an argument of `trace` says what an input is like."""
    if isinstance(value, TensorType | np.ndarray | np.generic | Tensor):
        return True
    if isinstance(value, str):
        return any(letter in value for letter in "[(,")
    if isinstance(value, tuple | list) and all(
        item is None or isinstance(item, str) or _is_size(item) for item in value
    ):
        return isinstance(value, tuple) or any(map(_is_size, value))
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _is_size(value: Any) -> bool:
    return isinstance(value, Expr | int) or whole(value) is not None


def is_array(value: Any) -> bool:
    """Whether an argument of a call is one array: an array, or nested lists of numbers."""
    if isinstance(value, np.ndarray | np.generic | Tensor) or (
        hasattr(value, "shape") and hasattr(value, "dtype")
    ):
        return True
    if isinstance(value, list | tuple) and value:
        first = value
        while isinstance(first, list | tuple) and first:
            first = first[0]
        return not isinstance(first, np.ndarray) and real(first) is not None
    return False


def bind_call(
    forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], block: str
) -> Arguments:
    """Take apart the arguments of a call.

    Raises
    ------
    CallError
        GI503, when they don't fit `forward`.
    """
    bound = _bind(forward, args, kwargs, block)
    leaves: dict[str, Any] = {}
    return Arguments(
        tuple(split(name, value, leaves, is_array) for name, value in _positional(forward, bound)),
        {name: split(name, value, leaves, is_array) for name, value in bound.kwargs.items()},
        leaves,
    )


def _bind(
    forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], block: str
) -> inspect.BoundArguments:
    signature = inspect.signature(forward)
    try:
        return signature.bind(*args, **kwargs)
    except TypeError as cause:
        given = f"{len(args)} were given in order" if "too many" in str(cause) else str(cause)
        raise CallError(f"{block} takes {_taken(forward)}; {given}", path=block) from cause


def _taken(forward: Callable[..., Any]) -> str:
    """Return in words what `forward` takes: ``x, mask=None``; what it passes on is no input of its own."""
    parameters = inspect.signature(forward).parameters.values()
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    several = [p for p in parameters if p.kind is p.VAR_POSITIONAL] if not named else []
    words = [p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in named]
    return ", ".join([*words, *(f"any number of {p.name}" for p in several)]) or "no inputs"


def bound_by_name(
    forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], block: str
) -> dict[str, Any]:
    """Return arguments by the names of `forward`'s parameters; those of ``*xs`` are ``xs.0``, ``xs.1``."""
    named = dict(_bind(forward, args, kwargs, block).arguments)
    for parameter in inspect.signature(forward).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            named.update(named.pop(parameter.name, {}))
        elif parameter.kind is parameter.VAR_POSITIONAL:
            given = named.pop(parameter.name, ())
            named.update({f"{parameter.name}.{i}": item for i, item in enumerate(given)})
    return named


def check_given(forward: Callable[..., Any], arguments: Arguments, block: str) -> None:
    """Raise unless something that can be an input was given to a network that needs inputs.

    Raises
    ------
    CallError
        GI503, when no argument is an array, and what stands in the place of one is no number either.
    """
    if arguments.leaves:
        return
    bound = inspect.signature(forward).bind(*arguments.args, **arguments.kwargs)
    for parameter in bound.signature.parameters.values():
        if parameter.default is not parameter.empty or parameter.name not in bound.arguments:
            continue
        given = bound.arguments[parameter.name]
        loose = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if loose or isinstance(given, int | float):
            continue
        raise CallError(
            f"{block} takes {_taken(forward)}; {_described(given)} was given for {parameter.name}, "
            "which is no array of real numbers",
            path=block,
        )


def _described(value: Any) -> str:
    """Return in few words what was given."""
    words = repr(value) if isinstance(value, str | complex | list | tuple | dict | None) else ""
    return words if 0 < len(words) <= 40 else f"a value of class {class_name(value)}"


def has_input(forward: Callable[..., Any], name: str) -> bool:
    """Whether `forward` has an argument of this name, or one that a name such as ``x.0`` is inside of."""
    parameters = inspect.signature(forward).parameters.values()
    known = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
    return name in known or name.partition(".")[0] in known or len(known) < len(parameters)


def bind_specs(forward: Callable[..., Any], specs: Mapping[str, Any], block: str) -> Arguments:
    """Take apart what `trace` was told of the inputs; those it wasn't told of are unknown.

    Raises
    ------
    CallError
        GI503, when `forward` has no argument of a name, or one for any number of inputs is given no list.
    """
    parameters = inspect.signature(forward).parameters
    known = [p.name for p in parameters.values() if p.kind is not p.VAR_KEYWORD]
    loose = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    nested: dict[str, Any] = {}
    for name, spec in specs.items():
        if not has_input(forward, name):
            raise CallError(
                f"{block} has no input named {name!r}; its inputs are {_taken(forward)}", path=block
            )
        nested[name] = spec
    leaves: dict[str, Any] = {}
    kwargs: dict[str, Any] = {}
    for parameter in parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        name = parameter.name
        if name in nested and parameter.kind is parameter.VAR_POSITIONAL:  # each is an input, or static
            given = nested[name]
            if not isinstance(given, list | tuple):
                raise CallError(
                    f"{block} takes any number of {name}: give {name}.0 and so on, or a list with one of each",
                    path=block,
                )
            kwargs[name] = [split(f"{name}.{i}", spec, leaves, is_spec) for i, spec in enumerate(given)]
        elif name in nested:
            kwargs[name] = split(name, nested[name], leaves, is_spec)
        elif inner := {
            key[len(name) + 1 :]: spec for key, spec in nested.items() if key.startswith(f"{name}.")
        }:
            kwargs[name] = _gather(name, inner, leaves)
        elif parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL:
            leaves[name] = TensorType()
            kwargs[name] = Leaf(name)
    for name, spec in nested.items():
        if loose and name not in known:
            kwargs[name] = split(name, spec, leaves, is_spec)
    positional = [
        p.name for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    args = []
    for name in positional:
        if name not in kwargs:
            break
        args.append(kwargs.pop(name))
    rest = next((p.name for p in parameters.values() if p.kind is p.VAR_POSITIONAL), None)
    if rest in kwargs:
        args.extend(kwargs.pop(rest))
    return Arguments(tuple(args), kwargs, leaves)


def _gather(name: str, inner: dict[str, Any], leaves: dict[str, Any]) -> Any:
    """Return the list or dict that specs named ``name.0``, ``name.key`` describe."""
    if all(key.isdigit() for key in inner):
        return [split(f"{name}.{key}", inner[key], leaves, is_spec) for key in sorted(inner, key=int)]
    return {key: split(f"{name}.{key}", spec, leaves, is_spec) for key, spec in inner.items()}


def _positional(forward: Callable[..., Any], bound: inspect.BoundArguments) -> list[tuple[str, Any]]:
    names: list[str] = []
    for parameter in inspect.signature(forward).parameters.values():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
        elif parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}.{i}" for i in range(len(bound.args))]
    return list(zip(names, bound.args, strict=False))
