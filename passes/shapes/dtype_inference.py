"""Dtypes of a graph's values.

An input without a dtype becomes int64 where a consumer takes integers, else float32.  A Python
number (a constant of no dtype) gives way to the other operands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from graphinit.errors import DTypeError
from graphinit.ir.node import Node
from graphinit.ir.node_table import Row
from graphinit.ir.op import default_dtype
from graphinit.ir.types import is_float, is_integer

_KINDS = {"int": "integers", "float": "floating numbers", "bool": "truth values"}


class Dtypes:
    """Dtypes of a graph's values, by value number.

    Attributes
    ----------
    dtypes : list of str or None
        None for what is not settled, and for Python numbers.
    clashes : list of (int, int, str)
        Row, slot and the kind that was wanted; slot -1 with words where the op's own rule objects.
    """

    def __init__(self) -> None:
        self.table: list[Row] = []
        self.dtypes: list[str | None] = []
        self.numbers: dict[int, Any] = {}
        self.clashes: list[tuple[int, int, str]] = []
        self._visited = 0
        self._answers: dict[Any, tuple[tuple[str | None, ...], tuple[tuple[int, str], ...]]] = {}

    def add(self, rows: Iterable[Row], nodes: Iterable[Node]) -> None:
        """Take in further rows and their nodes, with the dtypes that they state."""
        dtypes = self.dtypes
        self.table.extend(rows)
        for node in nodes:
            types = node.types
            if len(types) == 1:
                dtype = types[0].dtype
                if (dtype is None or dtype == "bool") and node.op == "constant":
                    self.numbers[len(dtypes)] = node.attrs["value"]
                dtypes.append(dtype)
            else:
                dtypes.extend(type.dtype for type in types)

    def settle_inputs(self, sources: Iterable[tuple[int, str]]) -> None:
        """Give inputs (value number, op) without a dtype one that their consumers take."""
        open_ = {value for value, op in sources if self.dtypes[value] is None and op != "constant"}
        if not open_:
            return
        for row in self.table:
            spec = row.rule.spec
            if spec is not None and open_.intersection(row.slots[: row.inputs]):
                for index in range(row.inputs):
                    if row.slots[index] in open_ and spec.parsed.input(index).kind == "int":
                        self.dtypes[row.slots[index]] = "int64"
        for value in open_:
            self.dtypes[value] = self.dtypes[value] or "float32"

    def run(self) -> None:
        """Visit new rows in order."""
        dtypes, answers, numbers = self.dtypes, self._answers, self.numbers
        for index in range(self._visited, len(self.table)):
            rule, slots, take, inputs, _ = self.table[index]
            if rule.spec is None:
                continue
            shown = take(dtypes) if take is not None else (dtypes[slots[0]],)
            key: Any = (rule, shown)
            if numbers and None in shown[:inputs]:
                key = (rule, shown, tuple(type(numbers.get(slot)) for slot in slots[:inputs]))
            answer = answers.get(key)
            if answer is None:
                answer = answers[key] = self._answer(self.table[index])
            given, wrong = answer
            if len(given) == 1:
                dtypes[slots[inputs]] = given[0]
            else:
                for port, dtype in enumerate(given, inputs):
                    dtypes[slots[port]] = dtype
            for slot, kind in wrong:
                self.clashes.append((index, slot, kind))
        self._visited = len(self.table)

    def _answer(self, row: Row) -> tuple[tuple[str | None, ...], tuple[tuple[int, str], ...]]:
        spec = row.rule.spec
        assert spec is not None, "sources have no rule"
        taken = [self.dtypes[slot] for slot in row.slots[: row.inputs]]
        kinds = [self.numbers.get(slot) for slot in row.slots[: row.inputs]]
        wrong = []
        for index, (dtype, number) in enumerate(zip(taken, kinds, strict=True)):
            kind = spec.parsed.input(index).kind
            if not _fits(kind, dtype, number):
                wrong.append((index, kind))
        promoted = _promote_numbers(taken, kinds)
        unsettled = any(
            dtype is None and number is None for dtype, number in zip(promoted, kinds, strict=True)
        )
        rule = spec.dtype or default_dtype
        given: str | tuple[str | None, ...] | None = None
        if not wrong and not (unsettled and spec.dtype is None):
            try:
                given = rule(promoted, row.rule.attrs)
            except DTypeError as error:
                wrong.append((-1, error.message))
        results = given if isinstance(given, tuple) else (given,) * row.outputs
        return tuple(results), tuple(wrong)


def _fits(kind: str, dtype: str | None, number: Any) -> bool:
    if kind == "any" or (dtype is None and number is None):
        return True
    if dtype is None:
        return kind == "float" or (kind == "int" and isinstance(number, int))
    return {"int": is_integer, "float": is_float, "bool": "bool".__eq__}[kind](dtype)


def _promote_numbers(dtypes: Sequence[str | None], numbers: Sequence[Any]) -> list[str | None]:
    """Give Python numbers a dtype where the other operands cannot hold them."""
    others = [
        dtype for dtype, number in zip(dtypes, numbers, strict=True) if number is None or dtype is not None
    ]
    weak = [
        number for dtype, number in zip(dtypes, numbers, strict=True) if dtype is None and number is not None
    ]
    if not weak or None in others:
        return list(dtypes)
    needed: str | None = None
    if any(isinstance(number, float) for number in weak):
        if not any(is_float(dtype) for dtype in others):
            needed = "float32"
    elif not any(is_float(dtype) or is_integer(dtype) for dtype in others):
        needed = "int64"
    return [
        needed if dtype is None and number is not None else dtype
        for dtype, number in zip(dtypes, numbers, strict=True)
    ]


def kind_words(kind: str) -> str:
    """Return what a kind of operand is called in messages."""
    return _KINDS[kind]
