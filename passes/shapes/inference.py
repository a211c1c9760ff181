"""One run of inference: what is stated of a graph, put together and solved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import graphinit.ops
from graphinit.errors import UnknownNameError
from graphinit.ir.dims import Dim, Expr, bounds, stand_in
from graphinit.ir.graph import Graph
from graphinit.ir.node import Node, Value
from graphinit.ir.origin import Origin, here
from graphinit.ir.types import TensorType, is_float
from graphinit.json_values import MOST
from graphinit.suggestions import did_you_mean
from passes.shapes.candidates import try_candidates
from passes.shapes.dtype_inference import Dtypes, read_declared
from passes.shapes.requirements import Condition, impossible
from passes.shapes.resumption import ResumedSolver
from passes.shapes.solver import Solver
from passes.shapes.unification import LOST
from passes.shapes.zero_sizes import find_positive

__all__ = ["Given", "Inference", "Misfit", "infer", "number_of", "read_inputs"]

_OPS = graphinit.ops  # importing it fills the registry


class Given(NamedTuple):
    """What the caller of inference said of a value: an input specification and where it stands."""

    type: TensorType
    origin: Origin | None
    cast: bool = False

    @property
    def where(self) -> str:
        """The user's line; empty when it is not known."""
        return str(self.origin or "")


class Misfit(NamedTuple):
    """A declared type and a given one that don't agree: value, axis (-1: rank, -2: dtype), both sides."""

    value: int
    axis: int
    declared: Any
    given: Any


class Inference:
    """What a graph's shapes and dtypes are, and how that came about.

    Attributes
    ----------
    graph : Graph
        The graph.
    given : dict
        What the caller stated, by value number.
    solver, dtypes : Solver, Dtypes
        The answers.
    misfits : list of Misfit
        Where the graph and the caller disagree.
    needs : list of (int, int, tuple of Condition)
        Conditions from declared sizes: value, axis, alternatives.
    stated : list
        The shape of each value as declared or given, before anything was solved.
    symbolic : set of int
        The values of which expressions are stated.
    derived : bool
        Whether it is another inference with numbers put in for symbols.
    """

    def __init__(
        self,
        graph: Graph,
        given: Mapping[int, Given],
        changed: Mapping[int, Any],
        previous: Inference | None = None,
    ) -> None:
        self.graph = graph
        self.given = dict(given)
        self.misfits: list[Misfit] = []
        self.needs: list[tuple[int, int, tuple[Condition, ...]]] = []
        self._declared = read_declared(graph)
        shapes = list(self._declared.shapes)
        symbols = self._merge(shapes)
        for value, shape in changed.items():
            shapes[value] = shape
        self.stated = shapes
        self.symbolic = {
            value
            for value in (*self._declared.symbolic, *given, *changed)
            if Expr in map(type, shapes[value] or ())
        }
        self._check_stated()
        self.derived = False
        resumed = None if previous is None else self._resume(previous, symbols)
        if resumed is not None:
            self.solver: Solver = resumed
            self._visited: int | None = len(resumed.visited)
        else:
            self.solver = self._solved(symbols, None)
            self._visited = None
        positive = self._positive()
        if positive is not None:
            self.solver, self._visited = self._solved(symbols, positive), None
        if self.solver.clashes or self.misfits:
            self.solver.mark_lost()
        self.dtypes = self._settle_dtypes()

    def _solved(self, symbols: dict[str, Dim], positive: frozenset[Expr] | None) -> Solver:
        solver = Solver(symbols, positive)
        solver.take_over(self.graph, self.stated)
        solver.run()
        if solver.choices and not self.misfits:
            try_candidates(solver)
        return solver

    def _positive(self) -> frozenset[Expr] | None:
        """Return which sizes are 1 or more, when others were taken as such that needn't be."""
        needs = self.solver.needs.values()
        return find_positive(needs, (each for _, _, each in self.needs)) if needs else None

    def _resume(self, previous: Inference, symbols: Mapping[str, Dim]) -> ResumedSolver | None:
        if previous.mistakes or self.misfits:
            return None
        solver = ResumedSolver(self.graph, self.stated, symbols)
        return solver if solver.resume(previous.graph, previous.solver, previous.stated) else None

    @property
    def visited(self) -> int:
        """How many times a node was looked at."""
        if self.derived:
            return 0
        if self._visited is not None:
            return self._visited
        return self.solver.revisits + sum(row.rule.spec is not None for row in self.graph.table)

    def in_full(self) -> Inference:
        """Return it with all reasons; what came of putting in numbers has those of the symbols."""
        return Inference(self.graph, self.given, {}) if self.derived else self

    def _merge(self, shapes: list[Any]) -> dict[str, Dim]:
        """Join what is given to what is declared; return what symbols of the graph stand for."""
        symbols: dict[str, Dim] = {}
        for value, given in self.given.items():
            declared, shape = shapes[value], given.type.shape
            if declared is None or shape is None or len(declared) != len(shape):
                continue
            for mine, other in zip(declared, shape, strict=True):
                if isinstance(mine, Expr) and other != -1 and mine.symbols and str(mine) in mine.symbols:
                    symbols.setdefault(str(mine), other)
        symbols = {name: dim for name, dim in symbols.items() if dim is not stand_in(name)}
        if symbols:
            for value, shape in enumerate(shapes):
                if shape is not None and any(isinstance(dim, Expr) for dim in shape):
                    shapes[value] = self._put_in(value, shape, symbols)
        for value, given in self.given.items():
            shapes[value] = self._join(value, shapes[value], given.type.shape)
        return symbols

    def _put_in(self, value: int, shape: Any, symbols: Mapping[str, Dim]) -> Any:
        """Put sizes in for the symbols of a declared shape."""
        sizes = [dim.substitute(symbols) if isinstance(dim, Expr) else dim for dim in shape]
        for axis, (declared, dim) in enumerate(zip(shape, sizes, strict=True)):
            if isinstance(declared, Expr) and isinstance(dim, int) and not 0 <= dim <= MOST:
                self.misfits.append(Misfit(value, axis, declared, dim))
                sizes[axis] = LOST
        return tuple(sizes)

    def _join(self, value: int, declared: Any, given: Any) -> Any:
        if declared is None or given is None:
            return declared if given is None else given
        if len(declared) != len(given):
            self.misfits.append(Misfit(value, -1, declared, given))
            return declared
        joined: list[Any] = []
        for axis, (mine, other) in enumerate(zip(declared, given, strict=True)):
            if mine is LOST:
                joined.append(LOST)
            elif mine == -1 or other == -1 or mine is other or mine == other:
                joined.append(other if mine == -1 else mine)
            elif impossible(mine, other):
                self.misfits.append(Misfit(value, axis, mine, other))
                joined.append(LOST)
            else:
                self.needs.append((value, axis, (Condition("==", mine, other).normal(),)))
                joined.append(mine if isinstance(mine, int) else other)
        return tuple(joined)

    def _check_stated(self) -> None:
        """Sizes that are stated as expressions must not be negative."""
        seen: set[Expr] = set()
        for value in sorted(self.symbolic):
            for axis, dim in enumerate(self.stated[value] or ()):
                if type(dim) is Expr and dim not in seen:
                    seen.add(dim)
                    low = bounds(dim)[0]
                    if low is None or low < 0:
                        self.needs.append((value, axis, (Condition(">=", dim, 0).normal(),)))

    def _settle_dtypes(self) -> Dtypes:
        declared_types = self._declared
        dtypes = Dtypes()
        dtypes.take_over(self.graph, declared_types)
        for value, given in self.given.items():
            wanted, declared = given.type.dtype, dtypes.dtypes[value]
            if wanted is None:
                continue
            if declared is None:
                dtypes.dtypes[value] = wanted
            elif wanted != declared and not (given.cast and is_float(wanted) <= is_float(declared)):
                self.misfits.append(Misfit(value, -2, declared, wanted))
        dtypes.settle_inputs(declared_types.open)
        if not dtypes.spread(declared_types):
            dtypes.run()
        return dtypes

    @property
    def mistakes(self) -> int:
        """How many mistakes there are."""
        return len(self.solver.clashes) + len(self.misfits) + len(self.dtypes.clashes)

    def values(self) -> Iterator[tuple[int, Node, int]]:
        """Return the number, node and port of every value."""
        number = 0
        for node in self.graph.nodes.values():
            for port in range(len(node.types)):
                yield number, node, port
                number += 1


def infer(
    graph: Graph, given: Mapping[int, Given] | None = None, changed: Mapping[int, Any] | None = None
) -> Inference:
    """Infer the shapes and dtypes of a graph.

    Parameters
    ----------
    graph : Graph
        The graph.
    given : mapping from int to Given, optional
        What is stated beside it, by value number.
    changed : mapping from int to shape, optional
        Shapes that stand in place of what is stated, to try an edit.
    """
    return Inference(graph, given or {}, changed or {})


def read_inputs(graph: Graph, inputs: Mapping[str, Any]) -> dict[int, Given]:
    """Return what specifications state, by value number.

    Raises
    ------
    UnknownNameError
        GI106, when the graph has no value of a name.
    ShapeError
        GI206, when a specification is none.
    """
    given: dict[int, Given] = {}
    origin = here() if inputs else None
    for name, spec in inputs.items():
        number = number_of(graph, name)
        cast = hasattr(spec, "__array__") and not isinstance(spec, TensorType)
        given[number] = Given(TensorType.parse(spec), origin, cast)
    return given


def number_of(graph: Graph, name: str) -> int:
    """Return the number of the value called `name`: a node, ``node:port`` or an output.

    Raises
    ------
    UnknownNameError
        GI106, when there is none.
    """
    value = _value(graph, name) if isinstance(name, str) else None
    if value is not None:
        return graph.numbers[value.node] + value.port
    hint = did_you_mean(str(name), [*graph.nodes, *graph.outputs])
    hint = hint or f"; its inputs are {', '.join(graph.inputs) or 'none'}"
    raise UnknownNameError(f"nothing in the graph is called {name!r}{hint}", node=str(name))


def _value(graph: Graph, name: str) -> Value | None:
    if not isinstance(name, str):
        return None
    if name in graph.nodes:
        return Value(name)
    if name in graph.outputs:
        return graph.outputs[name]
    tied = next((node for node in graph if name in node.meta.aliases), None)
    if tied is not None:
        return Value(tied.name)
    stem, colon, port = name.rpartition(":")
    node = graph.nodes.get(stem) if colon and port.isdecimal() else None
    return Value(stem, int(port)) if node is not None and int(port) < len(node.types) else None
