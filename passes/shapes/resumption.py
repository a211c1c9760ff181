"""Solve a graph that was solved before, or one like it: visit only what a change can touch.

This serves networks in which sizes flow forward only (into parameters, but never back into an op that
was visited already) and all of them are known.  All others are solved afresh.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

from graphinit.ir.dims import Dim, Unknown
from graphinit.ir.graph import Graph
from passes.shapes.solver import Solver


def is_complete(shapes: Sequence[Any]) -> bool:
    """Whether every size is known."""
    return all(
        type(shape) is tuple and -1 not in shape and not any(type(dim) is Unknown for dim in shape)
        for shape in set(shapes)
    )


class ResumedSolver(Solver):
    """A solver that starts from the answers of another one.

    Parameters
    ----------
    graph : Graph
        What is to be solved.
    stated : sequence
        What is stated of its shapes.
    symbols : mapping
        What symbols in attributes stand for.

    Attributes
    ----------
    visited : set of int
        The rows that were solved again.
    """

    def __init__(self, graph: Graph, stated: Sequence[Any], symbols: Mapping[str, Dim]) -> None:
        super().__init__(symbols)
        self.graph = graph
        self.take_over(graph, list(stated))
        self.visited: set[int] = set()
        self._waiting: list[int] = []
        self._before: list[Any] = []
        self._reset: set[int] = set()

    def resume(self, graph: Graph, solver: Solver, stated: Sequence[Any]) -> bool:
        """Solve from the answers for another graph; False when it must be solved afresh.

        Parameters
        ----------
        graph : Graph
            The graph that was solved.
        solver : Solver
            Its answers.
        stated : sequence
            What was stated of its shapes.
        """
        if solver.revisits or solver.clashes or solver.tried or solver.symbols != self.symbols:
            return False
        if solver.positive is not None:
            return False
        if not is_complete(solver.shapes):
            return False
        rows = self._take_over(graph, solver, stated)
        self._exact = solver._exact
        self._visit_none()
        while self._waiting:
            index = heapq.heappop(self._waiting)
            while self._waiting and self._waiting[0] == index:
                heapq.heappop(self._waiting)
            if index not in self.visited and not self._visit(index):
                return False
        kept = {old: new for old, new in rows.items() if new not in self.visited}
        self.log += [(kept[row], entry) for row, entry in solver.log if row in kept]
        self.log.sort(key=lambda item: item[0])
        for (row, label), need in solver.needs.items():
            if row in kept:
                self.needs[kept[row], label] = need
        self.needs = dict(sorted(self.needs.items(), key=lambda item: item[0][0]))
        return True

    def _take_over(self, graph: Graph, solver: Solver, stated: Sequence[Any]) -> dict[int, int]:
        """Take the answers for nodes that are there as before; note the rows that others touch."""
        numbers, shapes = self.graph.numbers, self.shapes
        places = {name: index for index, name in enumerate(graph.nodes)}
        names, names_now = list(graph.nodes), list(self.graph.nodes)
        rows: dict[int, int] = {}
        self._before = [None] * len(shapes)
        for index, node in enumerate(self.graph.nodes.values()):
            first = numbers[node.name]
            values = range(first, first + len(node.types))
            old = graph.nodes.get(node.name)
            if old is None or not (
                old is node
                or (old.op == node.op and old.inputs == node.inputs and len(old.types) == len(node.types))
            ):
                self._touch(index, values)
                continue
            place = places[node.name]
            rule = self.table[index].rule
            if rule is not graph.table[place].rule and rule.spec is not None:
                self._touch(index, values)
                continue
            rows[place] = index
            was = graph.numbers[node.name]
            same = all(self.given[value] == stated[value - first + was] for value in values)
            if rule.spec is None and graph is not self.graph:
                users = [names[user] for user in solver.users(was)]
                now = [names_now[user] for user in self.users(first)]
                same = same and users == now
            if not same:
                self._touch(index, values)
                continue
            for value in values:
                shapes[value] = self._before[value] = solver.shapes[value - first + was]
        return rows

    def _touch(self, index: int, values: range) -> None:
        if self.table[index].rule.spec is not None:
            heapq.heappush(self._waiting, index)
        for value in values:
            self._reset.add(value)
            for user in self.users(value):
                heapq.heappush(self._waiting, user)

    def _visit(self, index: int) -> bool:
        row = self.table[index]
        shapes = self.shapes
        outputs = row.slots[row.inputs : row.inputs + row.outputs]
        taken = (*row.slots[: row.inputs], *row.slots[row.inputs + row.outputs :])
        again = False
        for slot in taken:
            if self.table[self.producers[slot]].rule.spec is None and slot not in self._reset:
                self._reset.add(slot)
                shapes[slot] = self.given[slot]
                for user in self.users(slot):
                    heapq.heappush(self._waiting, user)
                    again = again or user < index
        if again:
            return True  # it comes up once more, after the earlier ones
        for slot in outputs:
            shapes[slot] = self.given[slot]
        before = [shapes[slot] for slot in taken]
        shown = row.take(shapes)
        found = self._exact.get((row.rule, shown))
        self.visited.add(index)
        if found is None:
            self._solve(index, (row.rule, shown))
        else:
            entry, writes = found
            if entry.learnt:
                self.log.append((index, entry))
            for need in entry.needs:
                self.needs.setdefault((index, need.alternatives), need)
            for slot, shape, _ in writes:
                shapes[row.slots[slot]] = shape
        self._heap.clear()
        self._pending.clear()
        if self.clashes or not is_complete([shapes[slot] for slot in row.slots]):
            return False
        for slot, was in zip(taken, before, strict=True):
            changed = shapes[slot] != was
            if changed and self.table[self.producers[slot]].rule.spec is not None:
                return False
            if changed and any(user in self.visited and user != index for user in self.users(slot)):
                return False
        for slot in outputs:
            if shapes[slot] != self._before[slot]:
                for user in self.users(slot):
                    if user in self.visited:
                        return False
                    heapq.heappush(self._waiting, user)
        return True
