"""Parameters to files and back.

A tied parameter is saved once, with its other paths noted beside it; Gluon saves it under every path.
A deferred one is saved as the wish that it is, and draws the same values wherever it is loaded.
Loading checks everything before it changes anything, and a loaded shape is evidence like any other.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphinit.errors import FileError, ParameterError
from graphinit.initializers.base import Initializer, create
from graphinit.ir.types import canonical_dtype
from graphinit.parameter import Parameter
from graphinit.parameter_dict import ParameterDict
from graphinit.storage.archive import Archive, read_archive, write_archive
from graphinit.wish import Wish

VERSION = 1


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a parameter is going to take.

    Parameters
    ----------
    parameter : Parameter
        The one that holds the values.
    value : numpy.ndarray or Wish
        Values, or how to draw them.
    dtype : str
        The dtype that it has afterwards.
    """

    parameter: Parameter
    value: Any
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
    if wish is None or not isinstance(wish.initializer, Initializer):
        parameter.check_initialized()  # it is not, and says so
    assert wish is not None
    return {
        "shape": None if parameter.shape is None else list(parameter.shape),
        "dtype": parameter.dtype,
        "init": wish.initializer.dumps(),
        "seed": wish.seed,
        "path": wish.path,
    }


def save_parameters(
    path: str | os.PathLike[str], parameters: ParameterDict, format: str | None = None
) -> None:
    """Write parameters to a file, atomically.

    Parameters
    ----------
    path : path
        Where to.
    parameters : ParameterDict
        What; see `pack` for its errors.
    format : {"safetensors", "npz"}, optional
        By default npz for names that end in ``.npz`` or ``.params``, else safetensors.

    Raises
    ------
    FileError
        GI701, when the file cannot be written.
    """
    write_archive(path, pack(parameters), format)


def load_parameters(path: str | os.PathLike[str], parameters: ParameterDict, **options: Any) -> None:
    """Read parameters from a file; options and errors are those of `unpack`.

    Raises
    ------
    FileError
        GI701, when the file is not there, not whole, or not such a file.
    """
    commit(unpack(read_archive(path), parameters, **options))


def load_dict(arrays: Mapping[str, Any], parameters: ParameterDict, **options: Any) -> None:
    """Take parameters from arrays by path; options and errors are those of `unpack`."""
    plain = {name: item.data() if isinstance(item, Parameter) else item for name, item in arrays.items()}
    commit(unpack(Archive(plain, source="param_dict"), parameters, **options))


def unpack(
    archive: Archive,
    parameters: ParameterDict,
    *,
    allow_missing: bool = False,
    ignore_extra: bool = False,
    cast_dtype: bool = False,
    dtype_source: str = "current",
) -> list[Loaded]:
    """Return what each parameter is going to take from an archive; nothing is changed yet.

    Parameters
    ----------
    archive : Archive
        Values by path; a prefix ``arg:`` or ``aux:``, as MXNet's exports have it, is dropped.
    parameters : ParameterDict
        Which are to take them.
    allow_missing : bool
        Whether parameters that the archive does not have stay as they are.
    ignore_extra : bool
        Whether what no parameter takes is passed over.
    cast_dtype : bool
        Whether dtypes may differ.
    dtype_source : {"current", "saved"}
        Which dtype stays where they do.

    Raises
    ------
    ParameterError
        GI405, when something is missing or too much; GI403, when shapes or dtypes don't agree.
    """
    if dtype_source not in ("current", "saved"):
        raise ParameterError(f"dtype_source is 'current' or 'saved', not {dtype_source!r}")
    found = _by_path(archive)
    taken: dict[int, tuple[str, Loaded]] = {}
    missing: dict[int, str] = {}
    used: set[str] = set()
    for path, parameter in parameters.items():
        place = id(parameter.root)
        if path not in found:
            missing.setdefault(place, path)
            continue
        used.add(path)
        loaded = _load_one(path, parameter, found[path], archive, cast_dtype, dtype_source)
        if place not in taken:
            taken[place] = path, loaded
        elif not _same(taken[place][1], loaded):
            raise ParameterError(
                f"{archive.source} has different values for {taken[place][0]!r} and {path!r}, which are tied here",
                code="GI403",
                path=path,
            )
    lacking = [path for place, path in missing.items() if place not in taken]
    if lacking and not allow_missing:
        raise ParameterError(
            f"parameter {lacking[0]!r} is missing in {archive.source}, which has {_listed(found)}; "
            "allow_missing=True leaves what is missing as it is",
            path=lacking[0],
        )
    extra = [path for path in found if path not in used]
    if extra and not ignore_extra:
        raise ParameterError(
            f"{archive.source} has {extra[0]!r}, and the network only {_listed(parameters)}; "
            "ignore_extra=True passes over it",
            path=extra[0],
        )
    return [loaded for _, loaded in taken.values()]


def commit(loaded: list[Loaded]) -> None:
    """Let parameters take what `unpack` returned."""
    for item in loaded:
        item.parameter.cast(item.dtype)
        if isinstance(item.value, Wish):
            item.parameter.commit(item.value)
        else:
            item.parameter.set_data(item.value)


def _by_path(archive: Archive) -> dict[str, Any]:
    """Return arrays and wishes by every path that the archive gives them."""
    found: dict[str, Any] = {}
    for name, array in archive.arrays.items():
        path = name.removeprefix("arg:").removeprefix("aux:")
        if path in found:
            raise FileError(f"{archive.source} has two arrays for {path!r}")
        found[path] = array
    try:
        for path, item in archive.notes.get("deferred", {}).items():
            shape = None if item["shape"] is None else tuple(int(size) for size in item["shape"])
            wish = Wish(create(str(item["init"])), int(item["seed"]), str(item["path"]))
            found[path] = (wish, shape, canonical_dtype(item["dtype"]))
        for path, (home, transposed) in archive.notes.get("aliases", {}).items():
            base = found[home]
            found[path] = base.T if transposed and isinstance(base, np.ndarray) else base
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise FileError(f"{archive.source}: its notes are damaged: {cause}") from cause
    return found


def _load_one(
    path: str, parameter: Parameter, item: Any, archive: Archive, cast_dtype: bool, dtype_source: str
) -> Loaded:
    if isinstance(item, tuple):
        wish, shape, dtype = item
        value: Any = wish
    else:
        value = parameter.as_array(item)
        shape, dtype = value.shape, canonical_dtype(value.dtype)
    if shape is not None:
        try:
            parameter.check_shape(_merged(parameter.shape, shape))
        except ParameterError as error:
            raise ParameterError(
                f"parameter {path!r} has shape {shape} in {archive.source}, and {parameter.shape} here",
                code="GI403",
                path=path,
                details=error.details,
            ) from None
    if dtype != parameter.dtype and not cast_dtype:
        raise ParameterError(
            f"parameter {path!r} is {dtype} in {archive.source}, and {parameter.dtype} here; cast_dtype=True casts",
            code="GI403",
            path=path,
        )
    root = parameter.root
    final = dtype if dtype_source == "saved" else parameter.dtype
    if isinstance(value, Wish):
        # A parameter whose shape is known takes the values that the wish stands for.
        drawn = (
            None if root.shape is None or -1 in root.shape else value.granted(root, lambda other: other.shape)
        )
        return Loaded(root, value if drawn is None else drawn, final)
    return Loaded(root, value if parameter is root else value.T, final)


def _merged(declared: tuple[int, ...] | None, saved: tuple[int, ...]) -> tuple[int, ...]:
    """Return a saved shape with its unknown sizes as they are declared here."""
    if declared is None or len(declared) != len(saved):
        return saved
    return tuple(here if size == -1 else size for here, size in zip(declared, saved, strict=True))


def _same(one: Loaded, other: Loaded) -> bool:
    if isinstance(one.value, Wish) or isinstance(other.value, Wish):
        return bool(one.value == other.value)
    return one.value is other.value or np.array_equal(
        one.value, other.value, equal_nan=one.value.dtype.kind == "f"
    )


def _listed(names: Mapping[str, Any]) -> str:
    shown = ", ".join(map(repr, list(names)[:8])) or "none"
    return f"{shown}, ..." if len(names) > 8 else shown
