"""Equations between sizes, solved over a whole graph.

The solver reads the table that the graph's builder made (`graphinit.ir.graph.Row`) and works on one
list: the shape of each value, by number.  A shape is a tuple of ints, expressions, `Unknown` s and -1;
-1 is an unknown that nothing shares yet.  It visits the nodes once in order, and then, as long as
something changes, those whose sizes have changed.

Each node's rule is solved in local coordinates (`passes.shapes.unification`) and the answer remembered: first by the
very shapes (when all got settled), then by their pattern (`passes.shapes.patterns`).  A thousand equal layers cost one
solved layer and a thousand look-ups.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphinit.ir.dims import Dim, Expr, Unknown
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.node import Node, Value
from graphinit.ir.node_table import Row
from graphinit.ir.op import Rule
from graphinit.ir.types import TensorType
from passes.shapes.dtype_inference import Dtypes
from passes.shapes.patterns import answer, pattern_of
from passes.shapes.shape_context import ShapeContext
from passes.shapes.unification import LOST, Choice, Clash, Entry, Need, Pattern, numbered

__all__ = ["ShapeContext", "Solver", "resolve"]

_Write = tuple[int, Pattern, tuple[Unknown, ...]]
"""A slot, the shape to write there, and the unknowns in it."""


class Solver:
    """The shapes of a graph's values, and what was found out on the way.

    Parameters
    ----------
    symbols : mapping, optional
        What symbols in attributes stand for.
    positive : frozenset of Expr, optional
        The sizes that are 1 or more; by default all that broadcast are taken as such.

    Attributes
    ----------
    shapes : list
        For each value its shape, or None when its rank is unknown.
    given : list
        What `shapes` was before anything was solved.
    steps : list of tuple
        The rows of ops: index, rule, slots, how to take the shapes, number of inputs.
    log : list of (int, Entry)
        The rows that something was learnt from, in order of time.
    clashes, needs : dict
        Mistakes and conditions with their row, in order.
    revisits : int
        How often a row was looked at once more.
    choices, tried : dict
        What waiting rows leave to unknowns, and what trying that gave (`passes.shapes.candidates`).
    """

    def __init__(
        self, symbols: Mapping[str, Dim] | None = None, positive: frozenset[Expr] | None = None
    ) -> None:
        self.positive = positive
        self.table: list[Row] = []
        self.steps: list[tuple[int, Rule, tuple[int, ...], Any, int]] = []
        self.shapes: list[Any] = []
        self.given: list[Any] = []
        self.first_user: list[int] = []
        self.more_users: dict[int, list[int]] = {}
        self.producers: list[int] = []
        self.symbols = dict(symbols or {})
        self.log: list[tuple[int, Entry]] = []
        self.clashes: dict[tuple[int, Any], Clash] = {}
        self.needs: dict[tuple[int, Any], Need] = {}
        self.revisits = 0
        self.choices: dict[int, tuple[Choice, ...]] = {}
        self.tried: dict[tuple[int, int], Any] = {}
        self.attribute_symbols: frozenset[str] | None = None
        self._exact: dict[Any, tuple[Entry, tuple[_Write, ...]]] = {}
        self._occurrences: dict[Unknown, list[int]] = {}
        self._forward: dict[Unknown, Any] = {}
        self._pending: set[int] = set()
        self._heap: list[int] = []
        self._visited = 0  # of the steps
        self._reached = 0  # of the rows
        self._created = itertools.count()

    def add(self, rows: Iterable[Row], shapes: Iterable[Any]) -> None:
        """Take in further rows of the table, and what is stated of their values' shapes."""
        self.given.extend(shapes)
        self.shapes.extend(self.given[len(self.shapes) :])
        first, more, producers = self.first_user, self.more_users, self.producers
        first.extend([-1] * (len(self.shapes) - len(first)))
        for index, row in enumerate(rows, len(self.table)):
            rule, slots, take, inputs, outputs = row
            self.table.append(row)
            if rule.spec is not None:
                self.steps.append((index, rule, slots, take, inputs))
            producers.extend([index] * outputs)
            if inputs + outputs < len(slots):
                taken = (*slots[:inputs], *slots[inputs + outputs :])
            else:
                taken = slots[:inputs]
            for slot in taken:
                if first[slot] < 0:
                    first[slot] = index
                else:
                    more.setdefault(slot, []).append(index)

    def take_over(self, graph: Graph, shapes: list[Any]) -> None:
        """Take in a whole graph, to begin with; who uses what is worked out once for each graph."""
        if graph.index is None:
            self.add(graph.table, shapes)
            graph.index = self.steps, self.first_user, self.more_users, self.producers
            return
        self.table, self.given, self.shapes = list(graph.table), shapes, list(shapes)
        self.steps, self.first_user, self.more_users, self.producers = graph.index

    def users(self, value: int) -> tuple[int, ...]:
        """Return the rows that take a value."""
        first = self.first_user[value]
        return () if first < 0 else (first, *self.more_users.get(value, ()))

    def run(self) -> None:
        """Solve: visit new rows in order, then what has changed, until nothing does."""
        exact, shapes, log, more = self._exact, self.shapes, self.log, self.more_users
        table, occurrences = self.table, self._occurrences
        for index, rule, slots, take, inputs in itertools.islice(self.steps, self._visited, None):
            key = (rule, take(shapes))
            found = exact.get(key)
            if found is None:
                self._reached = index
                self._solve(index, key)
                continue
            entry, writes = found
            if entry.learnt:
                log.append((index, entry))
            for slot, shape, unknowns in writes:
                value = slots[slot]
                shapes[value] = shape
                for unknown in unknowns:
                    occurrences[unknown].append(value)
                if slot < inputs and value in more:
                    self._reached = index
                    self._queue(value, index)
        self._visit_none()
        while self._heap:
            index = heapq.heappop(self._heap)
            self._pending.discard(index)
            row = table[index]
            shown = row.take(shapes)
            found = exact.get((row.rule, shown))
            self.revisits += 1
            if found is None or found[1]:
                self._solve(index, (row.rule, shown))

    def _visit_none(self) -> None:
        """Take all rows as visited."""
        self._visited, self._reached = len(self.steps), len(self.table)

    def _queue(self, value: int, current: int) -> None:
        """Note that the rows of a value, as far as they were visited, must be looked at again."""
        reached = self._reached
        for index in (self.producers[value], *self.users(value)):
            if (
                index != current
                and index <= reached
                and index not in self._pending
                and self.table[index].rule.spec
            ):
                self._pending.add(index)
                heapq.heappush(self._heap, index)

    def _solve(self, index: int, key: tuple[Rule, tuple[Any, ...]]) -> None:
        row = self.table[index]
        _, shown = key
        pattern, owners, alias = pattern_of(row, shown)
        entry = answer(row, pattern, len(owners), alias, self.symbols, self.positive)
        if entry.learnt:
            self.log.append((index, entry))
        for clash in entry.clashes:
            self.clashes.setdefault((index, clash.label), clash)
        for need in entry.needs:
            self.needs.setdefault((index, need.alternatives), need)
        if entry.choices or index in self.choices:
            self.choices[index] = entry.choices
        writes = self._apply(index, row, entry, owners)
        if writes is not None and alias is None and not entry.clashes and not entry.choices:
            taken = (*shown[: row.inputs], *shown[row.inputs + row.outputs :])
            open_ = [shape for shape in taken if shape is None or -1 in shape]
            if len(set(open_)) == len(open_):  # else one value in two slots would look the same
                self._exact[key] = entry, writes

    def _apply(self, index: int, row: Row, entry: Entry, owners: list[Any]) -> tuple[_Write, ...] | None:
        """Write what an entry says into the graph's shapes.

        Returns
        -------
        tuple of _Write, or None
            What was written; None when more was done than that, or something is still open.
        """
        slots, shapes, settled = row.slots, self.shapes, entry.settled
        held = {owner for owner in owners if type(owner) is Unknown}
        plain = not (held and any(owners[unknown.number] in held for unknown in entry.bound))
        shared = {} if settled else self._share(slots, entry, owners)
        plain = plain and held.issuperset(shared.values())
        writes: list[_Write] = []
        for slot, final in enumerate(entry.final):
            if final is None:
                plain = False
                continue
            value = slots[slot]
            new: tuple[Any, ...] = final
            unknowns: tuple[Unknown, ...] = ()
            if not settled:
                new = tuple([shared.get(dim, -1) if type(dim) is Unknown else dim for dim in final])
                unknowns = tuple([dim for dim in new if type(dim) is Unknown])
                plain = plain and -1 not in new
            if new != shapes[value]:
                shapes[value] = new
                writes.append((slot, new, unknowns))
                for unknown in unknowns:
                    self._occurrences[unknown].append(value)
                self._queue(value, index)
        for unknown, dim in entry.bound.items():
            owner = owners[unknown.number]
            if type(owner) is Unknown and type(dim) is not Unknown:
                self._settle(self._live(owner), dim, index)
        return tuple(writes) if plain else None

    def _share(self, slots: Sequence[int], entry: Entry, owners: list[Any]) -> dict[Unknown, Unknown]:
        """For each unknown of an entry that stands in several places, the one that it is in the graph."""
        places: dict[Unknown, set[tuple[int, int]]] = {}
        for slot, final in enumerate(entry.final):
            for axis, dim in enumerate(final or ()):
                if type(dim) is Unknown:
                    places.setdefault(dim, set()).add((slots[slot], axis))
        if not places:
            return {}
        members: dict[Unknown, list[Unknown]] = {dim: [] for dim in places}
        for number, owner in enumerate(owners):
            if type(owner) is Unknown:
                root = numbered(number)[0]
                root = entry.bound.get(root, root)
                if root in members:
                    members[root].append(owner)
        shared: dict[Unknown, Unknown] = {}
        for dim, held in places.items():
            if members[dim]:
                shared[dim] = self._merge([self._live(owner) for owner in members[dim]])
            elif len(held) > 1:
                shared[dim] = Unknown(next(self._created))
                self._occurrences[shared[dim]] = []
        return shared

    def _live(self, unknown: Unknown) -> Any:
        while unknown in self._forward:
            unknown = self._forward[unknown]
        return unknown

    def _merge(self, unknowns: list[Unknown]) -> Unknown:
        """Make several unknowns one: the one that stands in most places, so that it stays cheap."""
        kept = max(unknowns, key=lambda unknown: (len(self._occurrences[unknown]), -unknown.number))
        for unknown in unknowns:
            if self._live(unknown) is not kept:
                self._settle(unknown, kept, -1)
        return kept

    def _settle(self, unknown: Any, dim: Any, current: int) -> None:
        """Put a size, or another unknown, wherever an unknown stands."""
        if type(unknown) is not Unknown or unknown is dim:
            return
        self._forward[unknown] = dim
        held = self._occurrences.pop(unknown)
        if type(dim) is Unknown:
            self._occurrences[dim].extend(held)
        for value in held:
            shape = self.shapes[value]
            if unknown in shape:
                self.shapes[value] = tuple(dim if other is unknown else other for other in shape)
                self._queue(value, current)

    def mark_lost(self) -> None:
        """Mark what cannot be known because of a mistake, so that nobody asks for it."""
        wrong = {index for index, _ in self.clashes}
        if not wrong:
            return
        for index, row in enumerate(self.table):
            shapes = [self.shapes[slot] for slot in row.slots]
            if row.rule.spec is None or (index not in wrong and LOST not in shapes):
                continue
            outputs = row.slots[row.inputs : row.inputs + row.outputs]
            for slot in row.slots if index in wrong else outputs:
                shape = self.shapes[slot]
                if shape is None and slot in outputs:
                    self.shapes[slot] = LOST
                elif type(shape) is tuple and index in wrong:
                    self.shapes[slot] = tuple(
                        LOST if type(dim) is int and dim == -1 else dim for dim in shape
                    )

    def known_shape(self, value: int) -> tuple[Dim, ...] | None:
        """Return the shape of a value with -1 for all that is unknown."""
        shape = self.shapes[value]
        if type(shape) is not tuple:
            return None
        return tuple(dim if type(dim) is int or type(dim) is Expr else -1 for dim in shape)


class _Live:
    """What a builder keeps between questions about shapes."""

    def __init__(self) -> None:
        self.solver = Solver()
        self.dtypes = Dtypes()

    def extend(self, builder: GraphBuilder) -> None:
        done = len(self.solver.table)
        if len(builder.table) == done:
            return
        nodes: list[Node] = list(
            itertools.islice(reversed(builder.nodes.values()), len(builder.table) - done)
        )
        nodes.reverse()
        rows = builder.table[done:]
        self.solver.add(rows, (type.shape for node in nodes for type in node.types))
        self.solver.run()
        self.dtypes.add(rows, nodes)
        self.dtypes.run()


def resolve(builder: GraphBuilder, value: Value) -> TensorType:
    """Return what is known of a value while its network is described.

    Only nodes that were added since the last question are looked at.  Shapes that clash are no error
    here: `passes.infer_shapes` reports them, all at once.
    """
    if builder.solver is None:
        builder.solver = _Live()
    live: _Live = builder.solver
    live.extend(builder)
    number = builder.numbers[value.node] + value.port
    return TensorType(live.solver.known_shape(number), live.dtypes.dtypes[number])
