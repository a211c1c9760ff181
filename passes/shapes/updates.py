"""Infer again after a change: put numbers in for symbols, or solve what the change can touch."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from graphinit.ir.dims import Dim, Expr
from graphinit.ir.graph import Graph
from graphinit.json_values import MOST
from passes.shapes.inference import Given, Inference
from passes.shapes.requirements import Condition
from passes.shapes.resumption import is_complete


def update(old: Inference, graph: Graph, given: Mapping[int, Given]) -> Inference:
    """Infer the shapes of a graph from those of an earlier state of it.

    Parameters
    ----------
    old : Inference
        What was inferred before.
    graph : Graph
        The graph now; the very same one when only inputs changed.
    given : mapping from int to Given
        What is stated beside it now.

    Returns
    -------
    Inference
        What a full run gives; its `visited` says how many nodes were looked at.
    """
    if graph is old.graph:
        sizes = _sizes(old, given)
        if sizes is not None:
            found = _substituted(old, given, sizes)
            if found is not None:
                return found
    return Inference(graph, given, {}, previous=old.in_full())


def _sizes(old: Inference, given: Mapping[int, Given]) -> dict[str, int] | None:
    """The numbers that were put in for symbols, when that is all that has changed."""
    if given.keys() < old.given.keys():
        return None
    sizes: dict[str, int] = {}
    numbers = old.graph.numbers
    first = itertools.takewhile(lambda node: node.op == "input", old.graph.nodes.values())
    types = {numbers[node.name]: node.types[0] for node in first}
    changed: set[int] = set()
    everywhere: set[str] = set()
    for value, now in given.items():
        before = old.given.get(value)
        if before is not None and before.type == now.type:
            continue
        if value not in types:
            return None
        stated, dtype = old.stated[value], before.type.dtype if before is not None else types[value].dtype
        shape = now.type.shape
        if (
            shape is None
            or stated is None
            or len(shape) != len(stated)
            or now.type.dtype not in (None, dtype)
        ):
            return None
        changed.add(value)
        for axis, (was, dim) in enumerate(zip(stated, shape, strict=True)):
            if not isinstance(dim, int) or dim < 1:
                return None
            if isinstance(was, Expr) and was.symbols == {str(was)}:
                if sizes.setdefault(str(was), dim) != dim:
                    return None
                declared = types[value].shape
                if declared is not None and declared[axis] is was:
                    everywhere.add(str(was))
            elif was != dim:
                return None
    named = sizes.keys() - everywhere
    if named and (_speaks(old, changed, named) or _in_attributes(old, named)):
        return None
    return sizes if changed else None


def _speaks(old: Inference, changed: set[int], named: Iterable[str]) -> bool:
    """Whether something else that is stated speaks of these symbols."""
    names = frozenset(named)
    return any(
        isinstance(dim, Expr) and dim.symbols & names
        for value in old.symbolic - changed
        for dim in old.stated[value] or ()
    )


def _in_attributes(old: Inference, named: Iterable[str]) -> bool:
    solver = old.solver
    if solver.attribute_symbols is None:
        solver.attribute_symbols = frozenset(
            name
            for rule in {row.rule for row in old.graph.table}
            for value in rule.attrs.values()
            for part in (value if isinstance(value, tuple) else (value,))
            if isinstance(part, Expr)
            for name in part.symbols
        )
    return not solver.attribute_symbols.isdisjoint(named)


def _substituted(old: Inference, given: Mapping[int, Given], sizes: Mapping[str, int]) -> Inference | None:
    solver = old.solver
    distinct = set(solver.shapes)
    if old.mistakes or solver.tried or not is_complete(distinct):  # type: ignore[arg-type]
        return None
    for alternatives in (
        *(need.alternatives for need in solver.needs.values()),
        *(alternatives for _, _, alternatives in old.needs),
    ):
        if not any(_put_in(condition, sizes).decided() for condition in alternatives):
            return None
    for value, now in given.items():  # an equal size in another form would be a requirement
        if any(type(dim) is Expr for dim in now.type.shape or ()) and now.type.shape != old.stated[value]:
            return None
    shapes = {shape: _with(shape, sizes) for shape in distinct}
    if any(type(dim) is int and dim > MOST for shape in shapes.values() for dim in shape):
        return None
    new = copy.copy(old)
    new.given = dict(given)
    new.stated = list(old.stated)
    for value in old.symbolic:
        new.stated[value] = _with(old.stated[value], sizes)
    new.needs = []
    new.solver = copy.copy(solver)
    new.solver.shapes = list(map(shapes.__getitem__, solver.shapes))
    new.solver.needs = {}
    new.derived = True
    return new


def _put_in(condition: Condition, sizes: Mapping[str, Dim]) -> Condition:
    left, right = (side.substitute(sizes) if isinstance(side, Expr) else side for side in condition[1:])
    return Condition(condition.relation, left, right)


def _with(shape: tuple[Any, ...], sizes: Mapping[str, Dim]) -> tuple[Any, ...]:
    return tuple(dim.substitute(sizes) if type(dim) is Expr else dim for dim in shape)
