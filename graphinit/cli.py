"""The command line: ``graphinit check`` and ``graphinit render``.

A target is ``FILE.py:NAME``, ``package.module:NAME`` or a graph saved as ``FILE.json``.  `NAME` is a
network, a graph, or a function without arguments that returns one.  A file is imported, not run:
what stands under ``if __name__ == "__main__":`` stays asleep.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import graphinit
from graphinit.command.formats import as_github, as_json, as_sarif, failure, findings
from graphinit.command.pages import page
from graphinit.command.targets import graph_of, load_target, parse_inputs
from graphinit.command.watching import user_modules, watch
from graphinit.drawing import render
from graphinit.errors import (
    BlockError,
    CallError,
    GraphInitError,
    ShapeError,
    SymbolicValueError,
    TargetError,
)
from graphinit.ir.types import TensorType
from passes.shape_inference import ShapeReport, infer_shapes
from passes.shapes.report_text import fitted

__all__ = ["load_target", "main", "parse_inputs"]

HOLDS, CLASHES, MISUSED, STOPPED = 0, 1, 2, 130

_EXIT_CODES = """\
exit codes:
  0  the network holds, and with --strict nothing is unknown or suspicious
  1  its shapes clash, or no input gives what --solve asks for
  2  wrong usage: no such target, no network, no such input; or a full disk
  130  stopped by Ctrl-C
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
        0 when the network holds, 1 when its shapes clash, 2 on wrong usage, 130 after Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # names may have letters that a terminal lacks
    parser = _parser(prog)
    arguments, rest = parser.parse_known_args(argv)
    # argparse gives up on positional arguments that follow an option; they are ours all the same.
    strange = [text for text in rest if text.startswith("-")]
    if strange:
        parser.error(f"unrecognized arguments: {' '.join(strange)}")
    words = [*arguments.words, *rest]
    targets = [word for place, word in enumerate(words) if _is_target(word, first=place == 0)]
    if not targets and not getattr(arguments, "explain", None):
        parser.error("give a target: FILE.py:NAME, package.module:NAME or FILE.json")
    if getattr(arguments, "format", "text") != "text" and (arguments.why or arguments.solve):
        parser.error("--why and --solve answer as text")
    try:
        inputs = parse_inputs(word for word in words if word not in targets)
        return int(arguments.run(targets, inputs, arguments))
    except GraphInitError as error:
        return _fail(error, MISUSED)
    except KeyboardInterrupt:
        return STOPPED
    except OSError as error:  # a full disk
        _silence(sys.stdout)
        _say(f"graphinit: the output cannot be written: {error.strerror or error}", sys.stderr)
        return MISUSED


def _is_target(word: str, *, first: bool) -> bool:
    return "=" not in word and (first or ":" in word or word.endswith(".json"))


def _parser(prog: str) -> argparse.ArgumentParser:
    layout: Any = {
        "epilog": _TARGETS + "\n" + _EXIT_CODES,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Check the shapes of a neural network, or draw it, without running it.",
        **layout,
    )
    parser.add_argument("--version", action="version", version=f"graphinit {graphinit.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    summary = "print every shape, and every mistake with its fix"
    check = commands.add_parser("check", help=summary, description=f"{summary.capitalize()}.", **layout)
    summary = "draw the network with a shape on every edge"
    draw = commands.add_parser("render", help=summary, description=f"{summary.capitalize()}.", **layout)
    for command in (check, draw):
        command.add_argument(
            "words", nargs="*", metavar="TARGET | NAME=SPEC", help="a target, or what is known of an input"
        )
    draw.add_argument("-o", "--output", required=True, metavar="FILE", help=".svg, .png, .pdf or .dot")
    draw.add_argument("--depth", type=int, metavar="N", help="open only N levels of blocks")
    draw.set_defaults(run=_render)
    check.add_argument(
        "--format",
        choices=("text", "json", "github", "sarif"),
        default="text",
        help="how to print: for people, for programs, as annotations of GitHub, as SARIF 2.1.0",
    )
    check.add_argument("--strict", action="store_true", help="unknown sizes and warnings fail, too")
    check.add_argument("--explain", metavar="CODE", help="print what an error code means, such as GI201")
    check.add_argument(
        "--why", metavar="NAME", help="say where the sizes of a value come from: 1.weight, y[0]"
    )
    check.add_argument(
        "--solve", metavar="NAME=SPEC", action="append", help="say which inputs give an output: y=...,7,7"
    )
    check.add_argument("--watch", action="store_true", help="check again whenever a file is saved")
    check.set_defaults(run=_check)
    return parser


def _check(targets: list[str], inputs: dict[str, TensorType], arguments: argparse.Namespace) -> int:
    if arguments.explain:
        _say(page(arguments.explain))
        if not targets:
            return HOLDS
    if not arguments.watch:
        return _look(targets, inputs, arguments, {})
    before, known = dict(sys.modules), dict[str, ShapeReport]()
    code = HOLDS

    def look() -> dict[str, str]:
        nonlocal code
        code = _look(targets, inputs, arguments, known)
        places = [target.rpartition(":")[0] or target for target in targets]
        folders = {
            os.getcwd(),
            *(str(Path(place).resolve().parent) for place in places if Path(place).exists()),
        }
        files = {place: os.path.abspath(place) for place in places if Path(place).is_file()}
        # what a target would have imported, had it not failed, mostly stands beside it
        beside = {str(file): str(file) for path in files.values() for file in Path(path).parent.glob("*.py")}
        return user_modules(before, tuple(folders)) | files | beside

    watch(look)
    return code


def _look(
    targets: list[str],
    inputs: dict[str, TensorType],
    arguments: argparse.Namespace,
    known: dict[str, ShapeReport],
) -> int:
    """Check targets once and print what is found."""
    reports: list[tuple[str, ShapeReport]] = []
    failures: list[tuple[str, GraphInitError, int]] = []
    for target in targets:
        try:
            reports.append((target, _report(target, inputs, known.get(target))))
        except (TargetError, SymbolicValueError, CallError, BlockError) as error:
            failures.append((target, error, MISUSED))
        except GraphInitError as error:
            failures.append((target, error, CLASHES))
    answered = True
    if arguments.format == "text":
        answered = _print_texts(reports, arguments, len(targets) > 1, known)
        for _, failed, code in failures:
            _fail(failed, code)
    elif arguments.format == "json":
        _say(as_json(reports, [(target, failed) for target, failed, _ in failures]))
    else:
        found = [each for _, report in reports for each in findings(report)]
        found += [failure(failed) for _, failed, _ in failures]
        text = as_github(found) if arguments.format == "github" else as_sarif(found, graphinit.__version__)
        if text:
            _say(text)
    known.update(reports)
    codes = [HOLDS if answered else CLASHES, *(code for _, _, code in failures)]
    for _, report in reports:
        strict = arguments.strict and bool(report.unknowns or report.warnings)
        codes.append(CLASHES if strict or not report.ok else HOLDS)
    return max(codes)


def _report(target: str, inputs: dict[str, TensorType], before: ShapeReport | None = None) -> ShapeReport:
    with contextlib.redirect_stdout(sys.stderr):  # what the target prints is no part of a report
        graph = graph_of(load_target(target), inputs, target)
    return infer_shapes(graph, **inputs) if before is None else before.update(graph, **inputs)


def _print_texts(
    reports: list[tuple[str, ShapeReport]],
    arguments: argparse.Namespace,
    several: bool,
    known: dict[str, ShapeReport],
) -> bool:
    """Print reports, or the answers to questions; whether every question has one."""
    answered = True
    for target, report in reports:
        if several:
            _say(f"== {target}")
        if arguments.why is None and not arguments.solve:
            _say(str(report))
        if arguments.why is not None:
            name, bracket, axis = arguments.why.partition("[")
            number = axis.removesuffix("]")
            if bracket and not number.lstrip("-").isdecimal():
                raise TargetError(f"--why takes a name, or a name and an axis such as {name}[0]")
            _say(fitted(str(report.why(name, int(number)) if bracket else report.why(name))))
        if arguments.solve:
            wanted = {}
            for text in arguments.solve:
                name, equals, spec = text.partition("=")
                if not (name and equals and spec):
                    raise TargetError(f"{text!r} is not NAME=SPEC, such as y=...,7,7")
                parts = [part.strip() for part in spec.split(",")]
                wanted[name] = tuple(... if part == "..." else part for part in parts)
            solution = report.solve(**wanted)
            answered = answered and solution.ok
            _say(fitted(str(solution)))
        if target in known:
            _say(f"re-inferred {report.visited} of {len(report)} nodes")
    return answered


def _render(targets: list[str], inputs: dict[str, TensorType], arguments: argparse.Namespace) -> int:
    if len(targets) > 1:
        raise TargetError(f"one picture shows one target, and there are {len(targets)}")
    try:
        report = _report(targets[0], inputs)
    except (TargetError, SymbolicValueError, CallError, BlockError):
        raise
    except GraphInitError as error:
        return _fail(error, CLASHES)
    render(report.graph, arguments.output, report=report, depth=arguments.depth)
    _say(f"wrote {arguments.output}")
    if not report.ok:
        count = len(report.errors)
        _say(f"{count} error{'s are' if count > 1 else ' is'} marked in the picture", sys.stderr)
    return HOLDS if report.ok else CLASHES


def _fail(error: BaseException, code: int) -> int:
    others = error.others if isinstance(error, ShapeError) else ()
    for one in (error, *others):
        _say(fitted(str(one)), sys.stderr)
    return code


def _say(text: str, stream: Any = None) -> None:
    """Print, in colours on a terminal; quietly no more once the reader, such as ``head``, is gone."""
    stream = sys.stdout if stream is None else stream
    if stream is None:  # closed by whoever started the process
        return
    try:
        print(_coloured(text, stream), file=stream, flush=True)
    except BrokenPipeError:
        _silence(stream)


def _silence(stream: Any) -> None:
    """Send what is still to come nowhere, so that closing the stream does not fail once more."""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


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
