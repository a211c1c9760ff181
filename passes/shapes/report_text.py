"""A shape report as a table for terminals."""

from __future__ import annotations

import textwrap
from typing import Any

from graphinit.plain_text import escaped

_WIDTH = 80


def report_table(report: Any, strict: bool = False) -> str:
    """Return the text of a `ShapeReport`: nodes with their types, then what is to be known of them.

    Parameters
    ----------
    report : ShapeReport
        What to print.
    strict : bool
        Whether unknown sizes and warnings count as failures in the last line.
    """
    graph = report.graph
    failing = {error.node for error in report.errors}
    rows = []
    for node in graph:
        kind = node.op
        types = escaped(", ".join(map(str, node.types)))
        rows.append(
            (escaped(node.name), escaped(kind), types + ("  <- error" if node.name in failing else ""))
        )
    names = min(max((len(row[0]) for row in rows), default=4), 34)
    kinds = min(max((len(row[1]) for row in rows), default=2), 16)
    lines = [f"{'node':{names}}  {'op':{kinds}}  type", "-" * min(_WIDTH, names + kinds + 24)]
    lines += [
        f"{_short(name, names):{names}}  {_short(kind, kinds):{kinds}}  {types}" for name, kind, types in rows
    ]
    lines.append(
        escaped("returns " + ", ".join(f"{name} = {value}" for name, value in graph.outputs.items()))
    )
    for title, items in (
        ("requirements", report.requirements),
        ("not known", [size.explained for size in report.unknowns]),
        ("warnings", report.warnings),
    ):
        if items:
            lines.append(f"{title}:")
            lines += [f"  {item}" for item in items]
    lines.append(verdict(report, strict))
    lines += [textwrap.indent(str(error), "  ") for error in report.errors]
    return fitted("\n".join(lines))


def verdict(report: Any, strict: bool = False) -> str:
    """Return whether a network holds, in words; see `report_table`."""
    if not report.ok:
        return f"{_counted(report.errors, 'error')}:"
    failed = [
        _counted(items, words)
        for items, words in ((report.unknowns, "unknown size"), (report.warnings, "warning"))
        if items
    ]
    return f"failed, since it is strict: {' and '.join(failed)}" if strict and failed else "ok"


def _counted(items: Any, words: str) -> str:
    return f"{len(items)} {words}{'' if len(items) == 1 else 's'}"


def fitted(text: str) -> str:
    """Return text that fits 80 columns, but for single words that don't; what follows is indented."""
    return "\n".join(map(_fitted_line, text.split("\n")))


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width // 2 - 1] + "…" + text[-(width - width // 2) :]


def _fitted_line(line: str) -> str:
    if len(line) <= _WIDTH:
        return line
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(
        line, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
