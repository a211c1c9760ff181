"""Reports as JSON, as annotations for GitHub, and as SARIF 2.1.0."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from graphinit.errors import CODES, GraphInitError
from graphinit.ir.origin import Origin
from graphinit.plain_text import escaped, escaped_lines
from passes.shape_report import ShapeReport
from passes.shapes.report_text import verdict


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake, warning or unknown size, and where it belongs.

    Parameters
    ----------
    level : {"error", "warning", "note"}
        How bad it is.
    code : str
        A key of `graphinit.errors.CODES`.
    message : str
        What it is, escaped; several lines.
    node : str
        The node concerned; may be empty.
    file : str
        The user's file, from the current folder where it lies below; empty when not known.
    line : int
        The line in it.
    """

    level: str
    code: str
    message: str
    node: str = ""
    file: str = ""
    line: int = 0


def findings(report: ShapeReport) -> Iterator[Finding]:
    """Return all that a report finds, mistakes first."""
    for error in report.errors:
        fixes = [f"fix (checked): {fix}" for fix in error.fixes]
        text = "\n".join((escaped(error.message), *map(escaped_lines, error.details), *map(escaped, fixes)))
        yield Finding("error", error.code, text, error.node or "", *_place(report, error.node))
    for warning in report.warnings:
        text = escaped(str(warning))
        yield Finding("warning", warning.code, text, warning.node, *_place(report, warning.node))
    for size in report.unknowns:
        yield Finding("note", "GI207", escaped(size.explained), size.name, *_place(report, size.name))


def failure(error: GraphInitError) -> Finding:
    """Return the finding for a target that could not be looked at."""
    return Finding("error", error.code, escaped(error.message), error.node or "")


def _place(report: ShapeReport, name: str | None) -> tuple[str, int]:
    stem = (name or "").rpartition(":")[0]
    node = report.graph.nodes.get(name or "") or report.graph.nodes.get(stem)
    origin: Origin | None = node.meta.origin if node is not None else None
    if origin is None or not origin.file:
        return "", 0
    path = origin.file
    if os.path.isabs(path):
        with contextlib.suppress(OSError, ValueError):  # no current folder, or one on another drive
            path = os.path.relpath(path)
    return (origin.file if path.startswith("..") else path).replace(os.sep, "/"), max(origin.line, 1)


def as_json(
    reports: Sequence[tuple[str, ShapeReport]],
    failures: Sequence[tuple[str, GraphInitError]],
    strict: bool = False,
) -> str:
    """Return reports as JSON: ``{"ok": ..., "targets": [{"target": ..., "shapes": ...}]}``.

    When it is strict, a network with unknown sizes or warnings is not ok.
    """
    targets = [
        {"target": target, **report.to_json(), "ok": verdict(report, strict) == "ok"}
        for target, report in reports
    ]
    targets += [{"target": target, "ok": False, "errors": [error.to_json()]} for target, error in failures]
    return json.dumps({"ok": all(each["ok"] for each in targets), "targets": targets}, indent=2)


def as_github(found: Sequence[Finding]) -> str:
    """Return findings as workflow commands, which GitHub shows beside the lines."""
    lines = []
    for each in found:
        kind = {"note": "notice"}.get(each.level, each.level)
        fields = {"title": f"{each.code} {CODES.get(each.code, 'error')}"}
        if each.file:
            fields = {"file": each.file, "line": str(each.line), **fields}
        shown = ",".join(f"{name}={_encoded(escaped(text), ',:')}" for name, text in fields.items())
        lines.append(f"::{kind} {shown}::{_encoded(each.message)}")
    return "\n".join(lines)


def _encoded(text: str, more: str = "") -> str:
    for sign in "%\r\n" + more:
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


def _uri(file: str) -> str:
    try:
        return Path(file).as_uri() if os.path.isabs(file) else quote(os.fsencode(file))
    except UnicodeEncodeError:  # half a character, which no file has in its name
        return quote(file.encode("utf-8", "backslashreplace"))


def as_sarif(found: Sequence[Finding], version: str) -> str:
    """Return findings as a SARIF 2.1.0 log, which code scanning reads."""
    codes = sorted({each.code for each in found})
    rules = [
        {
            "id": code,
            "name": "".join(word.capitalize() for word in CODES.get(code, "error").split() if word.isalpha()),
            "shortDescription": {"text": CODES.get(code, "error")},
            "help": {"text": f"graphinit check --explain {code}"},
        }
        for code in codes
    ]
    results = []
    for each in found:
        location: dict[str, Any] = {}
        if each.file:
            location["physicalLocation"] = {
                "artifactLocation": {"uri": _uri(each.file)},
                "region": {"startLine": max(each.line, 1)},
            }
        if each.node:
            location["logicalLocations"] = [{"fullyQualifiedName": escaped(each.node), "kind": "element"}]
        results.append(
            {
                "ruleId": each.code,
                "ruleIndex": codes.index(each.code),
                "level": each.level,
                "message": {"text": each.message},
                **({"locations": [location]} if location else {}),
            }
        )
    driver = {"name": "graphinit", "version": version, "rules": rules}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }
    return json.dumps(log, indent=2)
