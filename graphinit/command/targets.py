"""Targets of the command line: files, modules and saved graphs, found without running them."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import networkx

from graphinit.errors import FileError, GraphError, GraphInitError, TargetError
from graphinit.ir.graph import Graph
from graphinit.ir.types import TensorType
from graphinit.nn.block import Block
from graphinit.plain_text import escaped
from graphinit.storage.files import read_regular_file

MOST_TEXT = 128 * 2**20
"""Bytes of a graph's text; some 400,000 nodes."""

SAVED = (".json", ".graphml")
"""How the names of graphs end that are read, not run."""

_LONGEST = 500  # letters of what an error of a target says


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
        name, equals, spec = (part.strip() for part in text.partition("="))
        if not (name and equals and spec):
            raise TargetError(f"{text!r} is not NAME=SPEC, such as x=batch,64 or x=int64:batch,64")
        if name in inputs:
            raise TargetError(f"the input {name!r} is given twice")
        inputs[name] = TensorType.parse(spec)
    return inputs


def load_target(text: str) -> Any:
    """Return the network or graph that a target names.

    The top level of a file or module is executed, and a function that is named; of a saved graph nothing.

    Parameters
    ----------
    text : str
        ``FILE.py:NAME``, ``package.module:NAME``, ``FILE.json`` or ``FILE.graphml``.

    Raises
    ------
    TargetError
        GI601 when it is not there or cannot be imported, GI602 when it is neither network nor graph.
    """
    if text.endswith(SAVED):
        return _load_saved(text)
    place, colon, name = text.rpartition(":")
    if not (colon and place and name):
        raise TargetError(
            f"{text!r} is not a target: write FILE.py:NAME, package.module:NAME, FILE.json or FILE.graphml"
        )
    module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    found: Any = module
    for part in name.split("."):
        with _answering(f"looking up {text}"):
            missing = not hasattr(found, part)
            found = None if missing else getattr(found, part)
        if missing:
            known = ", ".join(_networks(module)) or "none"
            raise TargetError(f"{place} has no {name!r}; networks and graphs there: {known}")
    if not _is_network(found) and callable(found):
        found = _made(found, text)
    if not _is_network(found):
        raise TargetError(
            f"{text} is of type {_kind(found)}, which is neither a network, nor a graph, nor a function "
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
    if not issubclass(type(target), Graph):
        try:
            graph = target.trace(**inputs)
        except KeyboardInterrupt:
            raise
        except GraphInitError as cause:
            if is_whole(cause):
                raise
            raise TargetError(f"tracing {text} failed: {describe(cause)}", code="GI602") from cause
        except BaseException as cause:  # the user's own forward: whatever it raises is the answer
            raise TargetError(f"tracing {text} failed: {describe(cause)}", code="GI602") from cause
    if not issubclass(type(graph), Graph):
        raise TargetError(f"tracing {text} gave no graph but a {_kind(graph)}", code="GI602")
    for name in inputs:
        if name not in graph.inputs:
            known = ", ".join(graph.inputs) or "none"
            raise TargetError(f"{text} takes no input {name!r}; its inputs: {known}")
    return graph


# ---------------------------------------------------------------------- where targets come from


def _load_saved(file: str) -> Graph:
    try:
        text = read_regular_file(file, MOST_TEXT).decode("utf-8")
    except (FileError, UnicodeDecodeError) as cause:
        detail = cause.message if isinstance(cause, FileError) else f"{file!r} is no text in UTF-8"
        raise TargetError(detail) from cause
    try:
        return Graph.from_json(text) if file.endswith(".json") else Graph.from_networkx(_read_graphml(text))
    except GraphInitError as cause:
        raise TargetError(f"{file} holds no graph: {cause.message}", code="GI602") from cause


def _read_graphml(text: str) -> networkx.Graph[Any]:
    if "<!ENTITY" in text:  # a few of which become any amount of text
        raise GraphError("it is not GraphML: it has entities of its own")
    try:
        return networkx.parse_graphml(text)
    except Exception as cause:  # whatever networkx and its parser raise of a text that is none
        raise GraphError(f"it is not GraphML: {escaped(str(cause))[:_LONGEST]}") from cause


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise TargetError(f"there is no file {path}")
    name = path.stem if path.stem not in sys.modules else f"_{path.stem}_target"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _answering(f"importing {path}", "GI601"), _importing_from(str(path.resolve().parent)):
            spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _load_module(name: str) -> ModuleType:
    with _importing_from(os.getcwd()), _answering(f"importing {name}", "GI601"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as cause:
            if cause.name and (name == cause.name or name.startswith(f"{cause.name}.")):
                raise _NoModuleError(f"there is no module {name}; a file is written FILE.py:NAME") from cause
            raise


class _NoModuleError(TargetError):
    """The module itself is not there."""


@contextlib.contextmanager
def _importing_from(folder: str) -> Iterator[None]:
    """Import from a folder, as for a script, so that files beside it are found."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # the target may have changed it
            sys.path.remove(folder)


def _made(function: Any, text: str) -> Any:
    """What a function without arguments returns."""
    try:
        inspect.signature(function).bind()
    except KeyboardInterrupt:
        raise
    except BaseException as cause:  # what it says of itself is the user's, too
        raise TargetError(
            f"{text} needs arguments ({_said(cause)}), so it cannot be called here", code="GI602"
        ) from cause
    with _answering(f"calling {text}"):
        return function()


def _is_network(value: Any) -> bool:
    return issubclass(type(value), Graph | Block)  # by its type: `isinstance` asks the value what it is


def _networks(module: ModuleType) -> list[str]:
    entries = module.__dict__ if issubclass(type(module), ModuleType) else {}
    return [name for name, value in tuple(entries.items()) if not name.startswith("_") and _is_network(value)]


# ---------------------------------------------------------------------- what users' code raises


@contextlib.contextmanager
def _answering(doing: str, code: str = "GI602") -> Iterator[None]:
    """Turn whatever a target raises, but Ctrl-C, into one error that says what was being done."""
    try:
        yield
    except (KeyboardInterrupt, _NoModuleError):
        raise
    except BaseException as cause:  # the user's own code: whatever it raises is the answer
        raise TargetError(f"{doing} failed: {describe(cause)}", code=code) from cause


def is_whole(error: GraphInitError) -> bool:
    """Whether an error that users' code may have made can be shown as ours are."""
    try:
        texts = [error.code, error.message, str(error), json.dumps(error.to_json())]
        maybe = [text for text in (error.node, error.path, error.where) if text is not None]
        others = getattr(error, "others", ())
        return all(isinstance(text, str) for text in (*texts, *maybe, *error.details, *error.fixes)) and all(
            isinstance(other, GraphInitError) and other is not error and is_whole(other) for other in others
        )
    except Exception:  # its methods are the user's
        return False


def describe(error: BaseException) -> str:
    """Return an error as text of one line and of bounded length, with the line that raised it.

    Nothing that the error's own methods do breaks this.
    """
    text = _said(error)
    if issubclass(type(error), GraphInitError):
        return text
    kind, place = escaped(_kind(error)), _asked(_place, error, "")
    return (f"{kind}: {text}" if text else kind) + (f" ({place})" if place else "")


def _said(error: BaseException) -> str:
    return _asked(_words, error, "its text cannot be shown")


def _asked(question: Callable[[BaseException], str], error: BaseException, otherwise: str) -> str:
    try:
        return question(error)
    except KeyboardInterrupt:
        raise
    except BaseException:  # its methods and attributes are the user's
        return otherwise


def _words(error: BaseException) -> str:
    if issubclass(type(error), GraphInitError):
        text = ": ".join(line.strip() for line in str(error).split("\n"))
    else:
        text = str(error.msg if isinstance(error, SyntaxError) else error)
    text = escaped(str.__str__(text))  # of a subclass of str, only the letters
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _place(error: BaseException) -> str:
    """The file and line that an error comes from, beyond graphinit and the importer."""
    if issubclass(type(error), SyntaxError):
        file, line = error.filename, error.lineno  # type: ignore[attr-defined]  # it is one
        return f"{os.path.basename(file)}:{line}" if type(file) is str and type(line) is int else ""
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    place, step = "", error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if not file.startswith((ours, "<frozen")):
            place = f"{os.path.basename(file)}:{step.tb_lineno}"
        step = step.tb_next
    return place


def _kind(value: Any) -> str:
    """The name of a type, whatever its metaclass says it is."""
    name: str = type.__dict__["__name__"].__get__(type(value))
    return name
