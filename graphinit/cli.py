"""The command line: ``graphinit check`` and ``graphinit render``.

A target is ``FILE.py:NAME``, ``package.module:NAME`` or a graph saved as ``FILE.json`` or ``FILE.graphml``.
`NAME` is a network, a graph, or a function without arguments that returns one.  A file is imported, not run:
what stands under ``if __name__ == "__main__":`` stays asleep.  The rest of its top level is executed, and
`NAME` when it is a function, so that only trusted code is to be checked; a saved graph executes nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import graphinit
from graphinit.command.formats import as_github, as_json, as_sarif, failure, findings
from graphinit.command.output import Output
from graphinit.command.pages import page
from graphinit.command.targets import SAVED, describe, graph_of, load_target, parse_inputs
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
from graphinit.faces import listed_face
from graphinit.ir.types import TensorType, spec_parts
from graphinit.plain_text import escaped
from passes.shape_inference import ShapeReport, infer_shapes
from passes.shapes.report_text import fitted, report_table, verdict

__all__ = ["load_target", "main", "parse_inputs", "run"]

HOLDS, CLASHES, MISUSED, STOPPED = 0, 1, 2, 130

_MISUSES = (TargetError, SymbolicValueError, CallError, BlockError)
"""Errors of which a target is the cause, not its shapes."""

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
  package.module:NAME  imported, too
  FILE.json            a graph saved with Graph.to_json
  FILE.graphml         one written by networkx, of Graph.nx or built by hand

Checking or drawing a FILE.py or a module executes its top level, and NAME if
it is a function: only use code that you trust. A FILE.json or FILE.graphml
executes nothing.

inputs:
  x=batch,64           sizes: numbers, names for any size, -1 for unknown
  x=int64:batch,64     with a dtype
  "x=int64[batch, 64]" or as shapes are printed, (batch, 64) too
"""


def main(argv: Sequence[str] | None = None, prog: str = "graphinit") -> int:
    """Run the command line.

    While it runs, what targets write to descriptor 1 goes to standard error; see `Output`.

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

    Raises
    ------
    SystemExit
        When the arguments are not to be understood, or ask for help.
    """
    return _command(argv, prog, lasting=False)


def run(prog: str = "graphinit") -> NoReturn:
    """Run the command line as all that a process does, and end it.

    What targets write to descriptor 1 when the process ends goes to standard error, too.
    """
    sys.exit(_command(None, prog, lasting=True))


def _command(argv: Sequence[str] | None, prog: str, *, lasting: bool) -> int:
    try:
        with Output(lasting) as output:
            arguments, words = _parsed(argv, prog, output)
            code = _answer(arguments, words, output)
            if output.failure is not None:  # a full disk
                reason = output.failure.strerror or output.failure
                output.complain(f"graphinit: the output cannot be written: {reason}")
                return MISUSED
            return code
    except KeyboardInterrupt:
        return STOPPED


def _answer(arguments: argparse.Namespace, words: Sequence[str], output: Output) -> int:
    targets = _targets(words)
    try:
        inputs = parse_inputs(word for word in words if word not in targets)
        return int(arguments.run(targets, inputs, arguments, output))
    except KeyboardInterrupt:
        raise
    except GraphInitError as error:
        return _fail(error, MISUSED, output)
    except BaseException as error:  # objects of users are met everywhere, and do what they like
        output.complain(fitted(f"graphinit: {describe(error)}"))
        return MISUSED


def _parsed(argv: Sequence[str] | None, prog: str, output: Output) -> tuple[argparse.Namespace, list[str]]:
    """Return the options, and the words that are none."""
    said, complained = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
            parser = _parser(prog)
            arguments, rest = parser.parse_known_args(argv)
            # argparse gives up on positional arguments that follow an option; they are ours all the same.
            strange = [text for text in rest if text.startswith("-")]
            if strange:
                parser.error(f"unrecognized arguments: {' '.join(strange)}")
            words = [*arguments.words, *rest]
            if not _targets(words) and not getattr(arguments, "explain", None):
                parser.error("give a target: FILE.py:NAME, package.module:NAME, FILE.json or FILE.graphml")
            if getattr(arguments, "format", "text") != "text" and (arguments.why or arguments.solve):
                parser.error("--why and --solve answer as text")
    except SystemExit:
        for text, tell in ((said, output.say), (complained, output.complain)):
            if text.getvalue():
                tell(text.getvalue().rstrip("\n"))
        raise
    return arguments, words


def _targets(words: Sequence[str]) -> list[str]:
    return [word for place, word in enumerate(words) if _is_target(word, first=place == 0)]


def _is_target(word: str, *, first: bool) -> bool:
    return "=" not in word and (first or ":" in word or word.endswith(SAVED))


class _Parser(argparse.ArgumentParser):
    """A parser whose errors quote what was typed in one line that can be read."""

    def error(self, message: str) -> NoReturn:
        super().error(escaped(message))


def _parser(prog: str) -> argparse.ArgumentParser:
    layout: Any = {
        "epilog": _TARGETS + "\n" + _EXIT_CODES,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }
    parser = _Parser(
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


def _check(
    targets: list[str], inputs: dict[str, TensorType], arguments: argparse.Namespace, output: Output
) -> int:
    if arguments.explain:
        output.say(page(arguments.explain))
        if not targets:
            return HOLDS
    if not arguments.watch:
        return _look(targets, inputs, arguments, output, {})
    before, known = dict(sys.modules), dict[str, ShapeReport]()
    code = HOLDS

    def look() -> dict[str, str]:
        nonlocal code
        code = _look(targets, inputs, arguments, output, known)
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
    output: Output,
    known: dict[str, ShapeReport],
) -> int:
    """Check targets once and print what is found."""
    reports: list[tuple[str, ShapeReport]] = []
    failures: list[tuple[str, GraphInitError, int]] = []
    for target in targets:
        try:
            reports.append((target, _report(target, inputs, known.get(target))))
        except _MISUSES as error:
            failures.append((target, error, MISUSED))
        except GraphInitError as error:
            failures.append((target, error, CLASHES))
        except KeyboardInterrupt:
            raise
        except BaseException as cause:  # objects of users are met everywhere, and do what they like
            unforeseen = TargetError(f"checking {target} failed: {describe(cause)}", code="GI602")
            failures.append((target, unforeseen, MISUSED))
    answered = True
    if arguments.format == "text":
        answered = _print_texts(reports, arguments, output, len(targets) > 1, known)
        for _, failed, code in failures:
            _fail(failed, code, output)
    elif arguments.format == "json":
        output.say_json(
            as_json(reports, [(target, failed) for target, failed, _ in failures], arguments.strict)
        )
    else:
        found = [each for _, report in reports for each in findings(report)]
        found += [failure(failed) for _, failed, _ in failures]
        if arguments.format == "sarif":
            output.say_json(as_sarif(found, graphinit.__version__))
        elif found:
            output.command(as_github(found))
    known.update(reports)
    codes = [HOLDS if answered else CLASHES, *(code for _, _, code in failures)]
    for _, report in reports:
        strict = arguments.strict and bool(report.unknowns or report.warnings)
        codes.append(CLASHES if strict or not report.ok else HOLDS)
    return max(codes)


def _report(target: str, inputs: dict[str, TensorType], before: ShapeReport | None = None) -> ShapeReport:
    graph = graph_of(load_target(target), inputs, target)
    return infer_shapes(graph, **inputs) if before is None else before.update(graph, **inputs)


def _print_texts(
    reports: list[tuple[str, ShapeReport]],
    arguments: argparse.Namespace,
    output: Output,
    several: bool,
    known: dict[str, ShapeReport],
) -> bool:
    """Print reports, or the answers to questions; whether every question has one."""
    answered = True
    for target, report in reports:
        if several:
            output.say(f"== {escaped(target)}")
        if arguments.why is None and not arguments.solve:
            output.say(report_table(report, arguments.strict))
        elif arguments.strict and not (told := verdict(report, True)).startswith("ok"):
            output.complain(told.removesuffix(":"))
        if arguments.why is not None:
            name, bracket, axis = arguments.why.partition("[")
            number = axis.removesuffix("]")
            if bracket and not number.lstrip("-").isdecimal():
                raise TargetError(f"--why takes a name, or a name and an axis such as {name}[0]")
            output.say(fitted(str(report.why(name, int(number)) if bracket else report.why(name))))
        if arguments.solve:
            wanted = {}
            for text in arguments.solve:
                name, equals, spec = (part.strip() for part in text.partition("="))
                if not (name and equals and spec):
                    raise TargetError(f"{text!r} is not NAME=SPEC, such as y=...,7,7")
                dtype, parts = spec_parts(spec)
                if dtype:
                    raise TargetError(f"--solve asks for sizes, not for a dtype: {name}={','.join(parts)}")
                wanted[name] = tuple(... if part == "..." else part for part in parts)
            solution = report.solve(**wanted)
            answered = answered and solution.ok
            output.say(fitted(str(solution)))
        if target in known:
            output.say(f"re-inferred {report.visited} of {len(report)} nodes")
    return answered


def _render(
    targets: list[str], inputs: dict[str, TensorType], arguments: argparse.Namespace, output: Output
) -> int:
    if len(targets) > 1:
        raise TargetError(f"one picture shows one target, and there are {len(targets)}")
    try:
        report = _report(targets[0], inputs)
    except _MISUSES:
        raise
    except GraphInitError as error:
        return _fail(error, CLASHES, output)
    render(report.graph, arguments.output, report=report, depth=arguments.depth)
    output.say(f"wrote {escaped(arguments.output)}")
    if not report.ok:
        count = len(report.errors)
        output.complain(f"{count} error{'s are' if count > 1 else ' is'} marked in the picture")
    return HOLDS if report.ok else CLASHES


def _fail(error: GraphInitError, code: int, output: Output) -> int:
    others = error.others if isinstance(error, ShapeError) else ()
    for one in (error, *others):
        output.complain(fitted(str(one)))
    return code


if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
