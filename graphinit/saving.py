"""Parameters to files and back.

A tied parameter is saved once, with its other paths noted beside it; Gluon saves it under every path.
A deferred one is saved as the wish that it is, and draws the same values wherever it is loaded.
Loading checks everything before it changes anything, and a loaded shape is evidence like any other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphinit import random, recording
from graphinit.errors import FileError, ParameterError
from graphinit.faces import listed_face
from graphinit.initializers.base import create, initializer_text
from graphinit.interrupts import Change, make
from graphinit.ir.types import DTYPES, canonical_dtype
from graphinit.json_values import Json
from graphinit.parameter import Parameter, as_real_array
from graphinit.parameter_dict import ParameterDict
from graphinit.storage.archive import open_archive, write_archive
from graphinit.storage.contents import Archive, Contents, Stored
from graphinit.storage.files import fair_size
from graphinit.wish import Wish, current_shape

VERSION = 1


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a parameter is going to take.

    Parameters
    ----------
    parameter : Parameter
        The one that holds the values.
    value : numpy.ndarray, Stored or Wish
        Values, read or not, or how to draw them.
    dtype : str
        The dtype that it has afterwards.
    """

    parameter: Parameter
    value: Any
    dtype: str


@dataclass(frozen=True, slots=True)
class _Deferred:
    """A parameter that waited for its shape when it was saved."""

    wish: Wish
    shape: tuple[int, ...] | None
    dtype: str


def pack(parameters: ParameterDict) -> Archive:
    """Return parameters as an archive.

    Raises
    ------
    UninitializedError
        GI401, when one was never initialised; GI402, when one waits for its shape and how it will be
        drawn cannot be written down.
    """
    arrays: dict[str, np.ndarray] = {}
    aliases: dict[str, list[Any]] = {}
    deferred: dict[str, Any] = {}
    homes: dict[int, str] = {}
    for path, parameter in parameters.items():
        if parameter is parameter.root:
            homes.setdefault(id(parameter), path)
    for path, parameter in parameters.items():
        root = parameter.root
        home = homes.setdefault(id(root), path)
        if home != path:
            aliases[path] = [home, parameter is not root and parameters[home] is root]
        elif root.is_waiting:
            deferred[path] = _wish_to_json(parameter)
        else:
            arrays[path] = np.asarray(parameter.data())
    return Archive(arrays, {"version": VERSION, "aliases": aliases, "deferred": deferred})


def _wish_to_json(parameter: Parameter) -> dict[str, Any]:
    wish = parameter.root.wish
    text = None if wish is None else initializer_text(wish.initializer)
    if text is None:
        parameter.root.check_initialized()  # it is not, and says so
    assert wish is not None
    return {
        "shape": None if parameter.shape is None else list(parameter.shape),
        "dtype": parameter.dtype,
        "init": text,
        "seed": wish.seed,
        "path": wish.path,
    }


def save_parameters(path: Any, parameters: ParameterDict, format: str | None = None) -> None:
    """Write parameters to a file, atomically.

    Parameters
    ----------
    path : str, bytes or os.PathLike
        Where to.
    parameters : ParameterDict
        What; see `pack` for its errors.
    format : {"safetensors", "npz"}, optional
        By default npz for names that end in ``.npz`` or ``.params``, else safetensors.

    Raises
    ------
    FileError
        GI701, when the file cannot be written, or its format cannot carry a parameter's path.
    """
    write_archive(path, pack(parameters), format)


def load_parameters(path: Any, parameters: ParameterDict, **options: Any) -> None:
    """Read parameters from a file; options and errors are those of `unpack`.

    Raises
    ------
    FileError
        GI701, when the file is not there, not whole, or not such a file.
    """
    with open_archive(path) as contents:
        loaded = unpack(contents, parameters, **options)
    commit(loaded)


def load_dict(arrays: Mapping[str, Any], parameters: ParameterDict, **options: Any) -> None:
    """Take parameters from arrays by path; options and errors are those of `unpack`.

    Raises
    ------
    ParameterError
        GI405, when it is no mapping from text.
    ArrayError
        GI302, when a value is no array of real numbers.
    """
    if not isinstance(arrays, Mapping):
        raise ParameterError(f"load_dict takes a dict of arrays by path, not {type(arrays).__name__}")
    plain: dict[str, Stored] = {}
    for name, item in arrays.items():
        if not isinstance(name, str):
            raise ParameterError(f"arrays are given by path, which is text, not by {name!r}")
        plain[name] = Stored.of(as_real_array(item, name))
    commit(unpack(Contents(plain, source="param_dict"), parameters, **options))


def unpack(
    contents: Contents,
    parameters: ParameterDict,
    *,
    allow_missing: bool = False,
    ignore_extra: bool = False,
    cast_dtype: bool = False,
    dtype_source: str = "current",
) -> list[Loaded]:
    """Return what each parameter is going to take from an archive; nothing is changed yet.

    Names, shapes and dtypes are compared first; values are read only when all of them fit.

    Parameters
    ----------
    contents : Contents
        Values by path; a prefix ``arg:`` or ``aux:``, as MXNet's exports have it, is dropped unless it
        belongs to a parameter's own path.
    parameters : ParameterDict
        Which are to take them.
    allow_missing : bool
        Whether parameters that the archive does not have stay as they are.
    ignore_extra : bool
        Whether what no parameter takes is passed over; it is not read then.
    cast_dtype : bool
        Whether dtypes may differ.
    dtype_source : {"current", "saved"}
        Which dtype stays where they do.

    Returns
    -------
    list of Loaded

    Raises
    ------
    ParameterError
        GI405, when something is missing or too much; GI403, when shapes or dtypes don't agree.
    FileError
        GI701, when values are not whole, the notes are damaged, or parameters whose shape is not known
        would take more memory than a file of this size may ask for, see
        `graphinit.storage.files.fair_size`.
    """
    if dtype_source not in ("current", "saved"):
        raise ParameterError(f"dtype_source is 'current' or 'saved', not {dtype_source!r}")
    found = _by_path(contents, parameters)
    taken: dict[int, list[tuple[str, Loaded]]] = {}
    missing: dict[int, str] = {}
    used: set[str] = set()
    for path, parameter in parameters.items():
        place = id(parameter.root)
        if path not in found:
            missing.setdefault(place, path)
            continue
        used.add(path)
        loaded = _fitting(path, parameter, found[path], contents.source, cast_dtype, dtype_source)
        taken.setdefault(place, []).append((path, loaded))
    lacking = [path for place, path in missing.items() if place not in taken]
    if lacking and not allow_missing:
        raise ParameterError(
            f"parameter {lacking[0]!r} is missing in {contents.source}, which has {_listed(found)}; "
            "allow_missing=True leaves what is missing as it is",
            path=lacking[0],
        )
    extra = [path for path in found if path not in used]
    if extra and not ignore_extra:
        raise ParameterError(
            f"{contents.source} has {extra[0]!r}, and the network only {_listed(parameters)}; "
            "ignore_extra=True passes over it",
            path=extra[0],
        )
    _check_fair([items[0][1] for items in taken.values()], contents)
    return [_read(items, contents.source) for items in taken.values()]


def changes(loaded: list[Loaded]) -> list[Change]:
    """Return what lets parameters take what `unpack` returned; all that can fail has been done."""
    recording.settle_pending()
    return [item.parameter.taking(item.value, item.dtype) for item in loaded]


def commit(loaded: list[Loaded]) -> None:
    """Let parameters take what `unpack` returned, all or none; Ctrl-C is held back meanwhile."""
    make(changes(loaded))


def _by_path(contents: Contents, parameters: ParameterDict) -> dict[str, Any]:
    """Return arrays and wishes by every path that the archive gives them."""
    found: dict[str, Any] = {}
    paths = set(parameters)  # without their older names
    for name, array in contents.arrays.items():
        path = name if name in paths else name.removeprefix("arg:").removeprefix("aux:")
        if path in found:
            raise FileError(f"{contents.source} has two arrays for {path!r}")
        found[path] = array
    try:
        for path, item in _entries(contents.notes.get("deferred", {})):
            _check_new(path, found)
            found[path] = _wish_from_json(item)
        for path, item in _entries(contents.notes.get("aliases", {})):
            _check_new(path, found)
            home, transposed = _alias(item)
            if home not in found:
                raise ValueError(f"{item.place} means {home!r}, which is not there")
            base = found[home]
            found[path] = base.T if transposed and isinstance(base, Stored) else base
    except ValueError as cause:
        raise FileError(f"{contents.source}: its notes are damaged: {cause}") from cause
    return found


def _entries(notes: Json) -> Iterator[tuple[str, Json]]:
    """Return the keys and values of an object; paths may have any characters."""
    if not isinstance(notes.value, dict):
        notes.fail("an object")
    return ((key, notes.get(key)) for key in notes.value)


def _check_new(path: str, found: Mapping[str, Any]) -> None:
    if path in found:
        raise ValueError(f"there are two values for {path!r}")


def _alias(item: Json) -> tuple[str, bool]:
    home, transposed = item.value if isinstance(item.value, list) and len(item.value) == 2 else (None, None)
    if not isinstance(home, str) or not isinstance(transposed, bool):
        item.fail("a path, and whether it is transposed")
    return home, transposed


def _wish_from_json(item: Json) -> _Deferred:
    sizes = item.get("shape")
    shape = None if sizes.value is None else tuple(size.whole(low=-1) for size in sizes.items())
    init, path, dtype = (item.get(key) for key in ("init", "path", "dtype"))
    for text in (init, path, dtype):
        if not isinstance(text.value, str):
            text.fail("text")
    if dtype.value not in DTYPES:
        dtype.fail(f"one of {', '.join(DTYPES)}")
    try:
        initializer = create(init.value)
    except Exception as cause:  # initializers are anybody's, and take their options unchecked
        raise ValueError(f"{init.place} makes no initializer: {cause}") from cause
    return _Deferred(Wish(initializer, item.get("seed").whole(*random.SEEDS), path.value), shape, dtype.value)


def _fitting(
    path: str, parameter: Parameter, item: Any, source: str, cast_dtype: bool, dtype_source: str
) -> Loaded:
    """Return what a parameter is going to take, not read yet, when its shape and dtype fit."""
    shape, dtype = item.shape, canonical_dtype(item.dtype)
    if shape is not None:
        try:
            parameter.check_shape(_merged(parameter.shape, shape))
        except ParameterError as error:
            raise ParameterError(
                f"parameter {path!r} has shape {shape} in {source}, and {parameter.shape} here",
                code="GI403",
                path=path,
                details=error.details,
            ) from None
    if dtype != parameter.dtype and not cast_dtype:
        raise ParameterError(
            f"parameter {path!r} is {dtype} in {source}, and {parameter.dtype} here; cast_dtype=True casts",
            code="GI403",
            path=path,
        )
    final = dtype if dtype_source == "saved" else parameter.dtype
    value = item.wish if isinstance(item, _Deferred) else item if parameter is parameter.root else item.T
    return Loaded(parameter.root, value, final)


def _check_fair(loaded: list[Loaded], contents: Contents) -> None:
    """Refuse values of unknown size that a file of this size may not ask for."""
    asked = sum(
        max(item.value.nbytes, math.prod(item.value.shape) * np.dtype(item.dtype).itemsize)
        for item in loaded
        if isinstance(item.value, Stored) and not item.parameter.is_known
    )
    if contents.held is not None and asked > fair_size(contents.held):
        raise FileError(
            f"{contents.source} has {contents.held:,} bytes, and its values take {asked:,}; state the sizes of the "
            "network's layers if it is to be trusted"
        )


def _read(items: list[tuple[str, Loaded]], source: str) -> Loaded:
    """Return what a parameter takes, read; under each of its paths there must be the same."""
    (first, loaded), *others = items
    value = _value(loaded, source)
    for path, other in others:
        if other.value is not loaded.value and not _same(value, _value(other, source)):
            raise ParameterError(
                f"{source} has different values for {first!r} and {path!r}, which are tied here",
                code="GI403",
                path=path,
            )
    return Loaded(loaded.parameter, value, loaded.dtype)


def _value(loaded: Loaded, source: str) -> Any:
    value, root = loaded.value, loaded.parameter
    if isinstance(value, Stored):
        return value.read()
    if not root.is_known:
        return value
    # A parameter whose shape is known takes the values that the wish stands for.
    try:
        drawn = value.granted(root, current_shape)
    except Exception as cause:  # initializers are anybody's, and take their options unchecked
        raise FileError(f"{source}: {root.path!r} cannot be drawn as its notes say: {cause}") from cause
    return value if drawn is None else drawn


def _merged(declared: tuple[int, ...] | None, saved: tuple[int, ...]) -> tuple[int, ...]:
    """Return a saved shape with its unknown sizes as they are declared here."""
    if declared is None or len(declared) != len(saved):
        return saved
    return tuple(here if size == -1 else size for here, size in zip(declared, saved, strict=True))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Wish) or isinstance(other, Wish):
        return bool(one == other)
    return np.array_equal(one, other, equal_nan=one.dtype.kind == other.dtype.kind == "f")


def _listed(names: Mapping[str, Any]) -> str:
    shown = ", ".join(map(repr, list(names)[:8])) or "none"
    return f"{shown}, ..." if len(names) > 8 else shown


__all__ = [
    "load_dict",
    "load_parameters",
    "pack",
    "save_parameters",
    "unpack",
]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
