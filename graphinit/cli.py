"""The command line: ``graphinit check`` and ``graphinit render``.

A target is ``FILE.py:NAME``, ``package.module:NAME`` or a graph saved as ``FILE.json``.  `NAME` is a
network, a graph, or a function without arguments that returns one.  A file is imported, not run:
what stands under ``if __name__ == "__main__":`` stays asleep.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import os
import sys
import textwrap
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import graphinit
from graphinit.drawing import render
from graphinit.errors import (
    BlockError,
    CallError,
    GraphInitError,
    ShapeError,
    SymbolicValueError,
    TargetError,
)
from graphinit.ir.graph import Graph
from graphinit.ir.types import TensorType
from passes.shape_inference import ShapeReport, infer_shapes

HOLDS, CLASHES, MISUSED = 0, 1, 2

_EXIT_CODES = """\
exit codes:
  0  the network holds
  1  its shapes clash
  2  wrong usage: no such target, no network, no such input
"""
_TARGETS = """\
targets:
  FILE.py:NAME         imported without running what stands under __main__
  package.module:NAME
  FILE.json            a graph saved with Graph.to_json

inputs:
  x=batch,64           sizes: numbers, names for any size, -1 for unknown
  x=int64:batch,64     with a dtype
"""


def main(argv: Sequence[str] | None = None, prog: str = "graphinit") -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those of the process.
    prog : str
        What the program is called in its help.

    Returns
    -------
    int
        0 when the network holds, 1 when its shapes clash, 2 on wrong usage.
    """
    parser = _parser(prog)
    arguments, rest = parser.parse_known_args(argv)
    # argparse gives up on positional arguments that follow an option; they are ours all the same.
    strange = [text for text in rest if text.startswith("-") or "=" not in text]
    if strange:
        parser.error(f"unrecognized arguments: {' '.join(strange)}")
    try:
        inputs = parse_inputs([*arguments.inputs, *rest])
        target = load_target(arguments.target)
    except GraphInitError as error:
        return _fail(error, MISUSED)
    try:
        report = examine(target, inputs, arguments.target)
    except (TargetError, SymbolicValueError, CallError, BlockError) as error:
        return _fail(error, MISUSED)
    except GraphInitError as error:
        return _fail(error, CLASHES)
    try:
        return int(arguments.run(report, arguments))
    except GraphInitError as error:
        return _fail(error, MISUSED)


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Check the shapes of a neural network, or draw it, without running it.",
        epilog=_TARGETS + "\n" + _EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"graphinit {graphinit.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, run, summary in (
        ("check", _check, "print every shape, and every mistake with its fix"),
        ("render", _render, "draw the network with a shape on every edge"),
    ):
        command = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=_TARGETS + "\n" + _EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add_argument(
            "target", metavar="TARGET", help="FILE.py:NAME, package.module:NAME or FILE.json"
        )
        if name == "render":
            command.add_argument(
                "-o", "--output", required=True, metavar="FILE", help=".svg, .png, .pdf or .dot"
            )
            command.add_argument("--depth", type=int, metavar="N", help="open only N levels of blocks")
        command.add_argument(
            "inputs", nargs="*", metavar="NAME=SPEC", help="what is known of an input: x=batch,64"
        )
        command.set_defaults(run=run)
    return parser


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


def examine(target: Any, inputs: dict[str, TensorType], text: str) -> ShapeReport:
    """Infer the shapes of a target.

    Raises
    ------
    TargetError
        If it takes no such input, or its own code fails while it is traced.
    GraphInitError
        If it cannot be traced with these inputs.
    """
    graph = target
    if not isinstance(target, Graph):
        try:
            graph = target.trace(**inputs)
        except GraphInitError:
            raise
        except Exception as cause:  # the user's own forward: whatever it raises is the answer
            raise TargetError(f"tracing {text} failed: {_describe(cause)}", code="GI602") from cause
    for name in inputs:
        if name not in graph.inputs:
            known = ", ".join(graph.inputs) or "none"
            raise TargetError(f"{text} takes no input {name!r}; its inputs: {known}")
    return infer_shapes(graph, **inputs)


def _check(report: ShapeReport, arguments: argparse.Namespace) -> int:
    print(_coloured(str(report), sys.stdout))
    return HOLDS if report.ok else CLASHES


def _render(report: ShapeReport, arguments: argparse.Namespace) -> int:
    render(report.graph, arguments.output, report=report, depth=arguments.depth)
    print(f"wrote {arguments.output}")
    if not report.ok:
        count = len(report.errors)
        print(f"{count} error{'s are' if count > 1 else ' is'} marked in the picture", file=sys.stderr)
    return HOLDS if report.ok else CLASHES


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
        raise TargetError(f"importing {path} failed: {_describe(cause)}") from cause
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
        raise TargetError(f"importing {name} failed: {_describe(cause)}") from cause
    except (Exception, SystemExit) as cause:
        raise TargetError(f"importing {name} failed: {_describe(cause)}") from cause
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
    except Exception as cause:  # the user's own function: whatever it raises is the answer
        raise TargetError(f"calling {text} failed: {_describe(cause)}", code="GI602") from cause


def _is_network(value: Any) -> bool:
    return isinstance(value, Graph) or (
        callable(getattr(value, "trace", None)) and not isinstance(value, type)
    )


def _networks(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if not name.startswith("_") and _is_network(value)]


def _reason(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _describe(error: BaseException) -> str:
    """One error as text, with the line that raised it."""
    if isinstance(error, GraphInitError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    ours = os.path.dirname(os.path.abspath(graphinit.__file__))
    users = [frame for frame in frames if not frame.filename.startswith((ours, "<frozen"))]
    if isinstance(error, SyntaxError):
        place = f"{os.path.basename(error.filename or '')}:{error.lineno}"
    else:
        place = f"{os.path.basename(users[-1].filename)}:{users[-1].lineno}" if users else ""
    return f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}" + (
        f" ({place})" if place else ""
    )


def _fail(error: BaseException, code: int) -> int:
    others = error.others if isinstance(error, ShapeError) else ()
    for one in (error, *others):
        print(_coloured(_wrapped(str(one)), sys.stderr), file=sys.stderr)
    return code


def _wrapped(text: str) -> str:
    """Text that fits 80 columns, but for single words that don't."""
    return "\n".join(
        textwrap.fill(line, 80, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )


def _coloured(text: str, stream: Any) -> str:
    """Text with errors in red and fixes in green, where a terminal shows it."""
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    colours = (("GI", "31;1"), ("fix", "32"))
    lines = []
    for line in text.split("\n"):
        colour = next((code for word, code in colours if line.lstrip().startswith(word)), None)
        lines.append(f"\x1b[{colour}m{line}\x1b[0m" if colour else line)
    return "\n".join(lines)
