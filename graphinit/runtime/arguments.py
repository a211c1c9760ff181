"""What callers give and get: arrays checked and cast, nested structures taken apart and put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from graphinit.errors import ArrayError, CallError, ShapeError
from graphinit.ir.graph import Structure
from graphinit.ir.types import TensorType, is_float, is_integer


def cast_input(name: str, given: Any, type: TensorType, what: str = "input") -> np.ndarray:
    """Return an array of the type that a program takes.

    Floating numbers and integers become the floating dtype that is wanted; floating numbers that are
    whole become integers where ids are taken.

    Raises
    ------
    ArrayError
        GI302, when it is no array of numbers, or its numbers don't fit.
    ShapeError
        GI201 or GI202, when its shape is another.
    """
    array = given if isinstance(given, np.ndarray) else as_array(name, given, what)
    if array.shape != type.shape:
        rank = len(type.shape or ())
        raise ShapeError(
            f"{what} {name!r} has shape {array.shape}, and this program takes {type}",
            code="GI201" if array.ndim == rank else "GI202",
            node=name,
        )
    if array.dtype == type.dtype:
        return array
    if array.dtype.kind not in "biuf":
        raise ArrayError(
            f"{what} {name!r} takes real numbers ({type.dtype}), not {array.dtype} values", node=name
        )
    if is_float(type.dtype):
        return array.astype(type.dtype)
    return _as_integers(name, array, type, what)


def _as_integers(name: str, array: np.ndarray, type: TensorType, what: str) -> np.ndarray:
    dtype = np.dtype(type.dtype)
    whole = array.dtype.kind != "f" or bool((np.isfinite(array) & (array == np.floor(array))).all())
    if not whole:
        raise ArrayError(f"{what} {name!r} takes whole numbers ({dtype}), and has fractions", node=name)
    limits = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if not is_integer(type.dtype) and array.dtype.kind == "f":
        raise ArrayError(f"{what} {name!r} takes truth values, not {array.dtype} values", node=name)
    if array.size and not (limits[0] <= int(array.min()) and int(array.max()) <= limits[1]):
        raise ArrayError(f"{what} {name!r} has numbers that {dtype} cannot hold", node=name)
    return array.astype(dtype)


def as_array(name: str, given: Any, what: str = "input") -> np.ndarray:
    """Return an argument as an array of real numbers.

    Raises
    ------
    ArrayError
        GI302, when it is none: complex, objects, text, rows of different lengths.
    """
    try:
        array = np.asarray(given)
    except (TypeError, ValueError) as cause:
        ragged = "inhomogeneous" in str(cause)
        reason = "its rows are of different lengths" if ragged else getattr(cause, "message", cause)
        raise ArrayError(f"{what} {name!r} is no array: {reason}", node=name) from cause
    if array.dtype.kind not in "biuf":
        raise ArrayError(f"{what} {name!r} is no array of real numbers, but of {array.dtype}", node=name)
    return array


def alike(structure: Any, items: Iterable[Any]) -> Any:
    """Return items in a list or tuple of the same class, named tuples included.

    Examples
    --------
    >>> alike((1, 2), [3, 4])
    (3, 4)
    """
    return structure._make(items) if hasattr(structure, "_make") else type(structure)(items)


def bind(types: Mapping[str, Any], arrays: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given for each input, by name."""
    takes = f"this program takes {', '.join(types) or 'no inputs'}"
    if len(arrays) > len(types):
        raise CallError(f"{len(arrays)} arrays were given, and {takes}")
    given = dict(zip(types, arrays, strict=False))
    flat: dict[str, Any] = {}
    for name, item in named.items():
        flat.update({name: item} if name in types else _parts(name, item))
    for name, item in flat.items():
        if name not in types:
            raise CallError(f"there is no input {name!r}; {takes}", node=name)
        if name in given:
            raise CallError(f"input {name!r} was given twice", node=name)
        given[name] = item
    for name in types:
        if name not in given:
            raise CallError(f"input {name!r} is missing; {takes}", node=name)
    return given


def _parts(name: str, item: Any) -> dict[str, Any]:
    """Return the arrays in nested lists and dicts by path."""
    found: dict[str, Any] = {}
    stack = [(name, item)]
    while stack:
        path, part = stack.pop()
        if isinstance(part, Mapping):
            stack += [(f"{path}.{key}", value) for key, value in part.items()]
        elif isinstance(part, list | tuple):
            stack += [(f"{path}.{place}", value) for place, value in enumerate(part)]
        else:
            found[path] = part
    return found


def restructured(structure: Structure, arrays: Mapping[str, Any]) -> Any:
    """Return arrays by name in a structure of names."""
    if isinstance(structure, str):
        return arrays[structure]
    if isinstance(structure, Mapping):
        return {key: restructured(item, arrays) for key, item in structure.items()}
    return alike(structure, (restructured(item, arrays) for item in structure))


def flat_structure(structure: Structure, given: Any) -> dict[str, Any]:
    """Return gradients that were given in the structure of the outputs, by output name."""
    if isinstance(structure, str):
        return {structure: given}
    if isinstance(structure, Mapping):
        if not isinstance(given, Mapping):
            raise CallError(
                f"the outputs are a dict of {', '.join(structure)}; give their gradients as a dict"
            )
        pairs = [(structure.get(key), item) for key, item in given.items()]
        unknown = [key for key in given if key not in structure]
        if unknown:
            raise CallError(f"there is no output {unknown[0]!r}; there are {', '.join(structure)}")
    else:
        if not isinstance(given, list | tuple) or len(given) != len(structure):
            raise CallError(f"there are {len(structure)} outputs; give a list of as many gradients")
        pairs = list(zip(structure, given, strict=True))
    flat: dict[str, Any] = {}
    for part, item in pairs:
        if item is not None:
            flat.update(flat_structure(part, item))
    return flat


def without_dtype(spec: Any) -> Any:
    """Return an input specification with the shape of each array in its place.

    An array's dtype says how it is stored, not what a network takes: it is cast at the call.
    """
    if isinstance(spec, np.ndarray | np.generic):
        if spec.dtype.kind not in "biuf":
            raise ArrayError(f"an input takes an array of real numbers, not {spec.dtype} values")
        return TensorType(spec.shape)
    if isinstance(spec, Mapping):
        return {key: without_dtype(item) for key, item in spec.items()}
    if isinstance(spec, list | tuple):
        return alike(spec, map(without_dtype, spec))
    return spec


def array_leaves(specs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arrays among input specifications, nested ones by path."""
    leaves: dict[str, Any] = {}
    for name, spec in specs.items():
        leaves.update(_parts(name, spec))
    return {name: leaf for name, leaf in leaves.items() if isinstance(leaf, np.ndarray | np.generic)}
