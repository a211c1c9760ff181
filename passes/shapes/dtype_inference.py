"""Dtypes of a graph's values.

An input without a dtype becomes int64 where a consumer takes integers, bool where one takes truth values,
else float32.  A Python number (a constant of no dtype) gives way to the other operands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from graphinit.errors import DTypeError
from graphinit.ir.dims import Expr
from graphinit.ir.graph import Graph
from graphinit.ir.node import Node
from graphinit.ir.node_table import Row
from graphinit.ir.op import Rule, default_dtype
from graphinit.ir.types import is_float, is_integer

_FITS = {"int": is_integer, "float": is_float, "bool": "bool".__eq__}
_DEFAULTS = {"int": "int64", "bool": "bool"}
_KINDS = {"int": "integers", "float": "floating numbers", "bool": "truth values"}

_CONTRADICTED = "{} is stated of what comes out, and {} gives {}"


class Declared(NamedTuple):
    """What the nodes of a graph state, read off once for each graph.

    Attributes
    ----------
    shapes, dtypes : list
        For each value what its node states.
    numbers : dict
        Python numbers among the constants, by value number.
    open : list of int
        The values of sources that state no dtype, Python numbers apart.
    rules : tuple of (Rule, int, int)
        The distinct rules with their numbers of inputs and outputs.
    symbolic : tuple of int
        The values whose stated shape has expressions in it.
    """

    shapes: list[Any]
    dtypes: list[str | None]
    numbers: dict[int, Any]
    open: list[int]
    rules: tuple[tuple[Rule, int, int], ...]
    symbolic: tuple[int, ...]


def read_declared(graph: Graph) -> Declared:
    """Return what a graph's nodes state."""
    known: Declared | None = graph.declared
    if known is not None:
        return known
    nodes = graph.nodes.values()
    numbers: dict[int, Any] = {}
    open_: list[int] = []
    for node in nodes:
        if _is_number(node):
            numbers[graph.numbers[node.name]] = node.attrs["value"]
        elif node.is_source and node.types[0].dtype is None:
            open_.append(graph.numbers[node.name])
    rules = {(row.rule, row.inputs, row.outputs): None for row in graph.table if row.rule.spec is not None}
    shapes = [type.shape for node in nodes for type in node.types]
    graph.declared = known = Declared(
        shapes,
        [type.dtype for node in nodes for type in node.types],
        numbers,
        open_,
        tuple(rules),
        tuple(value for value, shape in enumerate(shapes) if shape is not None and Expr in map(type, shape)),
    )
    return known


def _is_number(node: Node) -> bool:
    return node.op == "constant" and node.types[0].dtype in (None, "bool")


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
        self._answers: dict[Any, _Answer] = {}

    def add(self, rows: Iterable[Row], nodes: Iterable[Node]) -> None:
        """Take in further rows and their nodes, with the dtypes that they state."""
        self.table.extend(rows)
        for node in nodes:
            if _is_number(node):
                self.numbers[len(self.dtypes)] = node.attrs["value"]
            self.dtypes.extend(type.dtype for type in node.types)

    def take_over(self, graph: Graph, declared: Declared) -> None:
        """Take in a whole graph, to begin with."""
        self.table = list(graph.table)
        self.dtypes = list(declared.dtypes)
        self.numbers = declared.numbers

    def settle_inputs(self, sources: Iterable[int]) -> None:
        """Give sources without a dtype one that their consumers take."""
        open_ = {value for value in sources if self.dtypes[value] is None}
        if not open_:
            return
        for row in self.table:
            spec = row.rule.spec
            if spec is not None and open_.intersection(row.slots[: row.inputs]):
                for index in range(row.inputs):
                    wanted = _DEFAULTS.get(spec.parsed.input(index).kind)
                    if wanted and row.slots[index] in open_ and self.dtypes[row.slots[index]] != "int64":
                        self.dtypes[row.slots[index]] = wanted
        for value in open_:
            self.dtypes[value] = self.dtypes[value] or "float32"

    def run(self) -> None:
        """Visit new rows in order."""
        dtypes, answers, numbers = self.dtypes, self._answers, self.numbers
        for index in range(self._visited, len(self.table)):
            rule, slots, take, inputs, outputs = self.table[index]
            if rule.spec is None:
                continue
            shown = take(dtypes)
            key: Any = (rule, shown)
            if numbers and None in shown[:inputs]:
                key = (rule, shown, tuple(_kind(numbers.get(slot)) for slot in slots[:inputs]))
            answer = answers.get(key)
            if answer is None:
                taken = [dtypes[slot] for slot in slots[:inputs]]
                kinds = [numbers.get(slot) for slot in slots[:inputs]]
                answer = answers[key] = _answer(rule, taken, kinds, outputs)
            given, wrong = answer
            for port, dtype in enumerate(given, inputs):
                stated = dtypes[slots[port]]
                if stated is not None and dtype is not None and dtype != stated:
                    self.clashes.append((index, -1, _CONTRADICTED.format(stated, rule.op, dtype)))
                dtypes[slots[port]] = dtype
            for slot, kind in wrong:
                self.clashes.append((index, slot, kind))
        self._visited = len(self.table)

    def spread(self, declared: Declared) -> bool:
        """Give every value the one dtype of all sources, if every rule gives it for itself.

        That is most networks, and costs one look at each distinct rule instead of one at each node.
        """
        dtypes = self.dtypes
        if self.numbers or any(dtypes[value] is None for value in declared.open):
            return False
        stated = {*dtypes} - {None}
        if len(stated) != 1:
            return False
        (only,) = stated
        for rule, inputs, outputs in declared.rules:
            assert rule.spec is not None, "sources have no rule"
            if rule.spec.dtype is None and all(
                _fits(operand.kind, only, None) for operand in rule.spec.parsed.inputs
            ):
                continue  # what promotes one dtype gives that dtype
            given, wrong = _answer(rule, [only] * inputs, [None] * inputs, outputs)
            if wrong or any(dtype != only for dtype in given):
                return False
        self.dtypes = [only] * len(dtypes)
        self._visited = len(self.table)
        return True


_Answer = tuple[tuple[str | None, ...], tuple[tuple[int, str], ...]]


def _answer(rule: Rule, taken: Sequence[str | None], kinds: Sequence[Any], outputs: int) -> _Answer:
    """Return the dtypes of a rule's outputs, and the inputs that it cannot take with the kind it wants."""
    spec = rule.spec
    assert spec is not None, "sources have no rule"
    wrong = []
    for index, (dtype, number) in enumerate(zip(taken, kinds, strict=True)):
        kind = spec.parsed.input(index).kind
        if not _fits(kind, dtype, number):
            wrong.append((index, kind))
    promoted = _promote_numbers(taken, kinds)
    unsettled = any(dtype is None and number is None for dtype, number in zip(promoted, kinds, strict=True))
    settle = spec.dtype or default_dtype
    given: str | tuple[str | None, ...] | None = None
    if not wrong and not (unsettled and spec.dtype is None):
        try:
            given = settle(promoted, rule.attrs)
        except DTypeError as error:
            wrong.append((-1, error.message))
    results = given if isinstance(given, tuple) else (given,) * outputs
    if not wrong and results[0] is not None:
        misfits = (_misfit(dtype, number, results[0]) for dtype, number in zip(promoted, kinds, strict=True))
        wrong += [(-1, words) for words in misfits if words]
    return tuple(results), tuple(wrong)


def _kind(number: Any) -> Any:
    """Return what counts of a Python number: of a whole one whether a dtype can hold it, so itself."""
    return (int, number) if type(number) is int else type(number)


def _misfit(dtype: str | None, number: Any, result: str) -> str:
    """Return in words why a whole number cannot stand beside the other operands, or nothing."""
    held = dtype if dtype is not None else result  # what it was given, else that of its partners
    if type(number) is not int or not is_integer(held):
        return ""
    limits = np.iinfo(held)
    if limits.min <= number <= limits.max:
        return ""
    return f"{number} is no {held}; cast the other operand to a dtype that holds it"


def _fits(kind: str, dtype: str | None, number: Any) -> bool:
    if kind == "any" or (dtype is None and number is None):
        return True
    if dtype is None:
        return kind == "float" or (kind == "int" and isinstance(number, int))
    return _FITS[kind](dtype)


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
