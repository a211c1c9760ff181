"""A lesson: cells of code with what they print, run in order as a notebook runs them.

A lesson is written as in its document::

    [1]:
    print(1 + 1)
    =>
    2

A line after ``---`` is a heading.  Below ``=>`` stands what the cell must show: what it prints, and the value of
its last expression.  ``=> like`` means that random numbers which nobody can draw again stand there: the text must
be the same but for them.
"""

from __future__ import annotations

import ast
import contextlib
import io
import itertools
import re
import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphinit.nn import owner

CELL = re.compile(r"^(?:--- .*\n\s*)?\[(\w+)\]:\n", re.MULTILINE)
OUTPUT = re.compile(r"^=>( like)?$\n?", re.MULTILINE)
ARRAY = re.compile(
    r"(?:array|tensor|Array|np\.float32)\(([^()]*?)(?:,\s*shape=\([^()]*\))?(?:,\s*dtype=\w+)?\)"
)
NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+)(?:e[-+]?\d+)?|[-+]?\d+e[-+]?\d+")


@dataclass
class Lesson:
    """The cells of a document, and the names that they have defined so far."""

    text: str
    names: dict[str, Any] = field(default_factory=dict)
    warned: list[str] = field(default_factory=list)

    def cells(self) -> dict[str, tuple[str, str | None, bool]]:
        """Return source, output and whether its numbers are anybody's, by the cells' numbers."""
        _, *parts = CELL.split(self.text)
        found = {}
        for number, body in zip(parts[::2], parts[1::2], strict=True):
            source, *rest = OUTPUT.split(body)
            assert number not in found, f"two cells are [{number}]"
            found[number] = (source, rest[1] if rest else None, bool(rest and rest[0]))
        return found

    def run(self, source: str, name: str = "cell") -> str:
        """Run a cell and return what it shows."""
        *statements, last = ast.parse(source).body
        shown = io.StringIO()
        with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(shown):
            warnings.simplefilter("always")
            if isinstance(last, ast.Expr):
                self._execute(ast.Module(statements, []), name, "exec")
                value = self._execute(ast.Expression(last.value), name, "eval")
                if value is not None:
                    print(repr(value))
            else:
                self._execute(ast.Module([*statements, last], []), name, "exec")
        self.warned += [f"{name} {warning.message}" for warning in caught]
        return shown.getvalue()

    def _execute(self, tree: Any, name: str, mode: str) -> Any:
        return eval(compile(tree, f"<{name}>", mode), self.names)

    def check(self, rtol: float = 0.0) -> Lesson:
        """Run every cell and compare what it shows; floating numbers within `rtol` of what is printed."""
        cells = self.cells()
        assert len(cells) > 1
        for number, (source, output, like) in cells.items():
            shown = self.run(source, f"[{number}]")
            if output is None:
                assert OUTPUT.search(source) is None
                assert not shown or isinstance(ast.parse(source).body[-1], ast.Expr), f"[{number}]: {shown}"
            else:
                compare(f"[{number}]", shown, output, rtol, like)
        return self


def compare(where: str, shown: str, expected: str, rtol: float = 0.0, like: bool = False) -> None:
    """Compare what is shown with what a document prints."""
    texts, numbers = zip(*(_parted(text) for text in (shown, expected)), strict=True)
    assert texts[0] == texts[1], f"{where} shows\n{shown}\ninstead of\n{expected}"
    if not like:
        np.testing.assert_allclose(*numbers, rtol=rtol, atol=0, err_msg=where)


def _parted(text: str) -> tuple[str, list[float]]:
    """Return a text with holes for its floating numbers, and these; arrays without words and commas."""
    text = ARRAY.sub(lambda match: match[1].replace(",", ""), text)
    text = re.sub(r"\s+", " ", text).replace("[ ", "[").replace(" ]", "]").strip()
    return NUMBER.sub("#", text), [float(number) for number in NUMBER.findall(text)]


def count_names_afresh(monkeypatch: Any) -> None:
    """Let the next dense layer be ``dense0``, as in a new process."""
    monkeypatch.setattr(owner, "_counts", defaultdict(itertools.count))
