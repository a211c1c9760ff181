"""Targets of the command line: files, modules and saved graphs, found without running them."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from graphinit.errors import GraphInitError, TargetError
from graphinit.ir.graph import Graph
from graphinit.ir.types import TensorType
from graphinit.nn.block import Block


def parse_inputs(texts: Iterable[str]) -> dict[str, TensorType]:
    """Read ``x=batch,64`` or ``x=int64:batch,64`` for each input.

    Raises
    ------
    TargetError
        If one is not of this form, or an input is given twice.
    ShapeError, DTypeError
        If sizes or dtype are none.

    Examples
    --------
    >>> {name: str(type) for name, type in parse_inputs(["x=int64:batch,64"]).items()}
    {'x': 'int64[batch, 64]'}
    """
    inputs: dict[str, TensorType] = {}
    for text in texts:
        name, equals, spec = text.partition("=")
        if not (name.strip() and equals and spec.strip()):
            raise TargetError(f"{text!r} is not NAME=SPEC, such as x=batch,64 or x=int64:batch,64")
        if name in inputs:
            raise TargetError(f"the input {name!r} is given twice")
        inputs[name] = TensorType.parse(spec)
    return inputs


def load_target(text: str) -> Any:
    """Return the network or graph that a target names.

    Parameters
    ----------
    text : str
        ``FILE.py:NAME``, ``package.module:NAME`` or ``FILE.json``.

    Raises
    ------
    TargetError
        GI601 when it is not there or cannot be imported, GI602 when it is neither network nor graph.
    """
    if text.endswith(".json"):
        return _load_json(Path(text))
    place, colon, name = text.rpartition(":")
    if not (colon and place and name):
        raise TargetError(f"{text!r} is not a target: write FILE.py:NAME, package.module:NAME or FILE.json")
    module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = ", ".join(_networks(module)) or "none"
            raise TargetError(f"{place} has no {name!r}; networks and graphs there: {known}")
        found = getattr(found, part)
    if not _is_network(found) and callable(found):
        found = _made(found, text)
    if not _is_network(found):
        raise TargetError(
            f"{text} is of type {type(found).__name__}, which is neither a network, nor a graph, nor a function "
            "without arguments that returns one",
            code="GI602",
        )
    return found


def graph_of(target: Any, inputs: dict[str, TensorType], text: str) -> Graph:
    """Return the graph of a target.

    Raises
    ------
    TargetError
        If it takes no such input, or its own code fails while it is traced.
    GraphInitError
        If it cannot be traced with these inputs.
    """
    graph: Graph = target
    if not isinstance(target, Graph):
        try:
            graph = target.trace(**inputs)
        except GraphInitError:
            raise
        except (Exception, SystemExit) as cause:  # the user's own forward: whatever it raises is the answer
            raise TargetError(f"tracing {text} failed: {describe(cause)}", code="GI602") from cause
    for name in inputs:
        if name not in graph.inputs:
            known = ", ".join(graph.inputs) or "none"
            raise TargetError(f"{text} takes no input {name!r}; its inputs: {known}")
    return graph


def _load_json(path: Path) -> Graph:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise TargetError(f"cannot read {path}: {_reason(cause)}") from cause
    try:
        return Graph.from_json(text)
    except GraphInitError as cause:
        raise TargetError(f"{path} holds no graph: {cause.message}", code="GI602") from cause


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise TargetError(f"there is no file {path}")
    name = path.stem if path.stem not in sys.modules else f"_{path.stem}_target"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)  # as for a script, so that files beside it can be imported
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as cause:
        del sys.modules[name]
        raise TargetError(f"importing {path} failed: {describe(cause)}") from cause
    finally:
        sys.path.remove(folder)
    return module


def _load_module(name: str) -> ModuleType:
    sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as cause:
        if cause.name and (name == cause.name or name.startswith(f"{cause.name}.")):
            raise TargetError(f"there is no module {name}; a file is written FILE.py:NAME") from cause
        raise TargetError(f"importing {name} failed: {describe(cause)}") from cause
    except (Exception, SystemExit) as cause:
        raise TargetError(f"importing {name} failed: {describe(cause)}") from cause
    finally:
        sys.path.remove(os.getcwd())


def _made(function: Any, text: str) -> Any:
    """What a function without arguments returns."""
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError) as cause:
        raise TargetError(
            f"{text} needs arguments ({cause}), so it cannot be called here", code="GI602"
        ) from cause
    try:
        return function()
    except (Exception, SystemExit) as cause:  # the user's own function: whatever it raises is the answer
        raise TargetError(f"calling {text} failed: {describe(cause)}", code="GI602") from cause


def _is_network(value: Any) -> bool:
    return isinstance(value, Graph | Block)


def _networks(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if not name.startswith("_") and _is_network(value)]


def _reason(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def describe(error: BaseException) -> str:
    """Return an error as text, with the line that raised it."""
    if isinstance(error, GraphInitError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    users = [frame for frame in frames if not frame.filename.startswith((ours, "<frozen"))]
    if isinstance(error, SyntaxError):
        place = f"{os.path.basename(error.filename)}:{error.lineno}" if error.filename else ""
    else:
        place = f"{os.path.basename(users[-1].filename)}:{users[-1].lineno}" if users else ""
    return f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}" + (
        f" ({place})" if place else ""
    )
