"""Memory planning: from a graph with settled types to a program over planned buffers.

Nodes that the original outputs need make the forward phase; the rest makes the backward phase.  Every
value gets a place: memory of the workspace that is reused as soon as nothing reads it any more, the
memory of an input that dies at that very step (where the op allows it), a view of another value, or,
for what the caller gets, a fresh array.  What backward reads is never overwritten, so that backward
may run twice.  Inputs and states that backward reads are copied: their owner may change them meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import graphinit.ops  # noqa: F401  (fills the registry)
from graphinit.errors import ShapeError
from graphinit.ir.graph import Graph
from graphinit.ir.node import Node, Value
from graphinit.ir.op import Literal, op_spec
from graphinit.ir.types import static_shape
from graphinit.runtime.program import COPY, Buffer, Operand, Phase, Program, Role, Step, View, contiguous
from passes.allocation import Arena
from passes.base import Network, PassResult, traced
from passes.views import check_numbers, place_values, root_name, value_type

NEXT = "next."


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """What a plan costs, in bytes.

    Parameters
    ----------
    workspace : int
        Memory of each thread: the peak of what lives at once.
    kept : int
        The part that holds what backward needs.
    values : int
        What all values would take without reuse.
    parameters : int
        Parameters and states.
    """

    workspace: int
    kept: int
    values: int
    parameters: int

    def __str__(self) -> str:
        return (
            f"workspace {self.workspace:,} bytes a thread ({self.kept:,} kept for backward; "
            f"{self.values:,} without reuse), parameters {self.parameters:,} bytes"
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """A program and what its memory costs."""

    program: Program
    memory: MemoryReport


@dataclass(frozen=True)
class PlanMemory:
    """Plan the buffers and steps of a graph whose types are settled; the report is a `Plan`.

    Parameters
    ----------
    gradients : tuple of str
        Outputs that backward computes; all others are computed by forward.
    seeds : tuple of str
        Inputs that backward takes.
    writes : tuple of (str, str)
        Outputs that nobody gets, and the variables that take them: in place where nothing reads the
        old value any more, else when all steps have succeeded.  A variable is a parameter or a state
        of the graph, or one that only the caller knows, such as the place of a gradient.
    held : bool
        Whether inputs stay as they are until backward has run, so that it may read them themselves.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> from passes.shape_inference import infer_shapes
    >>> graph = Graph(outputs=F.tanh(F.exp(F.sigmoid(F.input("x", shape=(2, 3))))))
    >>> print(PlanMemory()(infer_shapes(graph).graph).report.memory)
    workspace 64 bytes a thread (0 kept for backward; 72 without reuse), parameters 0 bytes
    """

    gradients: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    writes: tuple[tuple[str, str], ...] = ()
    held: bool = False

    def __call__(self, graph: Graph | Network) -> PassResult[Plan]:
        """Return the plan.

        Raises
        ------
        ShapeError
            GI207, when a type, or a size among the attributes that a kernel reads, is not settled; GI205, when
            a value is larger than any memory.
        """
        graph = traced(graph, self)
        for node in graph:
            _check_settled(node)
        return PassResult(
            graph, False, _Planner(graph, self.gradients, self.seeds, dict(self.writes), self.held).plan()
        )


_MOST_ELEMENTS = 1 << 48
"""More than any memory holds; counts of bytes stay within 64 bits below it."""


def _check_settled(node: Node) -> None:
    """Raise unless a node's types have numbers for sizes, of arrays that memory may hold."""
    for type in node.types:
        if not type.is_static:
            raise ShapeError(
                f"{node.name!r} is {type}, and a program needs every size as a number",
                code="GI207",
                node=node.name,
            )
        if math.prod(max(size, 1) for size in static_shape(type)) > _MOST_ELEMENTS:
            raise ShapeError(f"{node.name!r} is {type}, larger than any memory", code="GI205", node=node.name)


KEPT = math.inf
"""Last reading of what must outlive every step."""


class _Planner:
    """The work of one plan.

    Positions count the steps of forward, its end, the steps of backward, its end.
    """

    def __init__(
        self,
        graph: Graph,
        gradients: tuple[str, ...],
        seeds: tuple[str, ...],
        writes: dict[str, str],
        held: bool,
    ) -> None:
        self.graph = graph
        self.seeds = seeds
        self.writes = writes
        self.held = held
        self.held_inputs: list[str] = []
        self.gradients = [name for name in graph.outputs if name in gradients]
        self.results = [name for name in graph.outputs if name not in gradients]
        self.stores = self._stores()
        self.results = [name for name in self.results if not _is_state(graph, name) and name not in writes]
        self.returned = [name for name in self.gradients if name not in writes]
        self.places = place_values(graph)
        self.roots_of = {
            node.name: [root_name(graph, Value(node.name, port)) for port in range(len(node.types))]
            for node in graph
        }
        self.buffers: dict[str, Buffer] = {}
        self.constants: dict[str, np.ndarray] = {}
        self.arena = Arena()
        self.buffer_of: dict[str, str] = {}  # root -> buffer
        self.owner: dict[str, str] = {}  # workspace buffer -> root that lives in it now
        self.claimed: dict[str, str] = {}  # root -> output that it is
        self.last: dict[str, float] = {}  # root -> position of its last reading
        self.taking: dict[str, str] = {}  # root -> variable that takes it
        for output, variable in writes.items():
            place = self.places.of[graph.outputs[output]]
            if isinstance(place, View) and _is_whole(place, self.places.roots[place.buffer]):
                self.taking.setdefault(place.buffer, variable)

    def _stores(self) -> list[list[tuple[str, str]]]:
        """For each phase, the states that it stores and the outputs that are their next values.

        Random streams move on when forward has run, running statistics when backward has: the state says.
        A program that writes, and has no backward, is a whole training step: it ends with both.
        """
        stores: list[list[tuple[str, str]]] = [[], []]
        for output, variable in self.writes.items():
            stores[output in self.gradients].append((variable, output))
        for output in self.results:
            if output not in self.writes and _is_state(self.graph, output):
                state = output.removeprefix(NEXT)
                late = self.graph[state].is_stored_late
                if not late or self.gradients or self.writes:
                    stores[late and bool(self.gradients)].append((state, output))
        return stores

    def plan(self) -> Plan:
        stored = [name for _, name in self.stores[0] + self.stores[1] if name not in self.gradients]
        forward = self._needed([*self.results, *stored], set())
        backward = self._needed(self.gradients, forward)
        order = [[node for node in self.graph if node.name in part] for part in (forward, backward)]
        ends = len(order[0]), len(order[0]) + 1 + len(order[1])
        self._read(order[0], 0, ends[0])
        self._read(order[1], ends[0] + 1, ends[1])
        kept = self._keep(order[0], ends)
        phases = [self._phase("forward", 0, order[0], kept, self.results)]
        if self.gradients:
            phases.append(self._phase("backward", ends[0] + 1, order[1], [], self.returned))
        program = Program(
            tuple(phases), self.buffers, self.constants, self.arena.size, tuple(self.held_inputs)
        )
        return Plan(program, self._memory(order))

    def _needed(self, names: Iterable[str], done: set[str]) -> set[str]:
        """Return the ops with memory of their own that outputs need, beyond those done already."""
        needed: set[str] = set()
        visited: set[str] = set()
        stack = [self.graph.outputs[name].node for name in names]
        while stack:
            name = stack.pop()
            node = self.graph.nodes[name]
            if name in done or name in visited or node.is_source:
                continue
            visited.add(name)
            place = self.places.of[Value(name)]
            if isinstance(place, View) and place.buffer == name:
                needed.add(name)
            shape_only = op_spec(node.op).shape_only
            stack += [value.node for slot, value in enumerate(node.inputs) if slot not in shape_only]
        return needed

    def _roots(self, node: Node) -> set[str]:
        """Return the roots that a node reads."""
        shape_only = op_spec(node.op).shape_only
        places = [self.places.of[value] for slot, value in enumerate(node.inputs) if slot not in shape_only]
        return {place.buffer for place in places if isinstance(place, View)}

    def _read(self, nodes: Sequence[Node], start: int, end: int) -> None:
        """Note the last reading of every root in one phase."""
        for position, node in enumerate(nodes, start):
            for root in self._roots(node):
                self.last[root] = position
            for root in self.roots_of[node.name]:
                self.last.setdefault(root, position)
        late = start > 0
        read = [*(self.gradients if late else self.results), *(name for _, name in self.stores[late])]
        for name in read:
            place = self.places.of[self.graph.outputs[name]]
            if isinstance(place, View):
                self.last[place.buffer] = end

    def _keep(self, nodes: Sequence[Node], ends: tuple[int, int]) -> list[str]:
        """Mark what backward reads of forward's values; return the inputs and states among it."""
        made = self._made(nodes)
        copied = []
        for root, position in self.last.items():
            if position <= ends[0]:
                continue
            node = self.graph.nodes.get(root)
            if root in made:
                self.last[root] = KEPT
            elif node is not None and node.op == "input" and root not in self.seeds and self.held:
                self.held_inputs.append(root)
            elif node is not None and node.op in ("input", "state") and root not in self.seeds:
                copied.append(root)
                self.last[root] = KEPT
        return copied

    def _phase(
        self, name: str, start: int, nodes: Sequence[Node], kept: Sequence[str], outputs: Sequence[str]
    ) -> Phase:
        late = start > 0
        seeds = [item for item in self.graph.inputs if (item in self.seeds) == late]
        for item in seeds:
            self._source(item)
        steps: list[Step] = []
        for root in kept:
            given = self._source(root)
            view = self.places.roots[root]
            self.buffer_of[root] = self._allocate(f"{root} kept", root)
            steps.append(Step(COPY, (self._located(view),), (view_of(view, given),), node=root))
        results = self._claim(nodes, outputs)
        dying: dict[float, list[str]] = {}
        for node in nodes:
            for root in self.roots_of[node.name]:
                dying.setdefault(self.last[root], []).append(root)
        for position, node in enumerate(nodes, start):
            steps.append(self._step(node, position))
            for root in dying.get(position, ()):
                self._release(root)
        steps += [self._copy_out(output, results) for output in outputs if output not in results]
        following = (
            (state, self.places.of[self.graph.outputs[output]]) for state, output in self.stores[late]
        )
        stores = tuple(
            (state, self._located(place))
            for state, place in following
            if isinstance(place, View)
            and self.buffer_of.get(place.buffer, place.buffer) != state  # else it is there
        )
        for root in dying.get(start + len(nodes), ()):
            self._release(root)
        return Phase(name, tuple(seeds), tuple(steps), tuple(results[item] for item in outputs), stores)

    def _made(self, nodes: Sequence[Node]) -> set[str]:
        return {root for node in nodes for root in self.roots_of[node.name]}

    def _claim(self, nodes: Sequence[Node], outputs: Sequence[str]) -> dict[str, View]:
        """Let outputs be written straight into the arrays that the caller gets, where nothing else needs them."""
        made = self._made(nodes)
        results: dict[str, View] = {}
        for output in outputs:
            place = self.places.of[self.graph.outputs[output]]
            if not isinstance(place, View):
                continue
            root = place.buffer
            whole = self.places.roots[root] if root in made else None
            if whole is None or root in self.claimed or self.last[root] == KEPT:
                continue
            if math.prod(whole.shape) == math.prod(place.shape):
                self.claimed[root] = output
                self.buffer_of[root] = self._add(f"{output} out", root, "output")
                results[output] = self._located(place)
        return results

    def _copy_out(self, output: str, results: dict[str, View]) -> Step:
        value = self.graph.outputs[output]
        type = value_type(self.graph, value)
        shape = static_shape(type)
        name = f"{output} out"
        self.buffers[name] = Buffer(name, str(type.dtype), math.prod(shape), "output")
        results[output] = View(name, shape, contiguous(shape))
        return Step(COPY, (results[output],), (self._operand(value),), node=value.node)

    def _step(self, node: Node, position: int) -> Step:
        spec = op_spec(node.op)
        if callable(spec.kernel):
            check_numbers(node)
        inputs = tuple(
            self._shape_operand(value) if slot in spec.shape_only else self._operand(value)
            for slot, value in enumerate(node.inputs)
        )
        roots = self.roots_of[node.name]
        for port, root in enumerate(roots):
            if root in self.claimed:
                continue
            target = self._target(node, root, spec.inplace if port == 0 else (), position)
            if target is not None:
                self.buffer_of[root] = target
                continue
            taken = None if port else self._overwritten(node, spec.inplace, position)
            self.buffer_of[root] = taken or self._allocate(root, root)
            self.owner[self.buffer_of[root]] = root
        outputs = tuple(self._located(self.places.roots[root]) for root in roots)
        return Step(node.op, outputs, inputs, node.attrs, node.name)

    def _target(self, node: Node, root: str, slots: Sequence[int], position: int) -> str | None:
        """Return the memory of the variable that takes a root, if it can be written now."""
        variable = self.taking.get(root)
        if variable is None or self.last[root] == KEPT:
            return None
        if variable not in self.graph:
            if variable not in self.buffers:
                self._add(variable, root, "parameter")
            return variable
        source, wanted = self.places.roots[variable], self.places.roots[root]
        last = self.last.get(variable, -1)
        same = source.shape == wanted.shape and self.places.dtypes[variable] == self.places.dtypes[root]
        if not same or last > position or root == variable:
            return None
        if last == position:
            read = [
                (slot, place)
                for slot, value in enumerate(node.inputs)
                if isinstance(place := self.places.of[value], View) and place.buffer == variable
            ]
            if not all(slot in slots and _is_whole(place, source) for slot, place in read):
                return None
        return self._source(variable)

    def _overwritten(self, node: Node, slots: Sequence[int], position: int) -> str | None:
        """Return the buffer of an input that the output may overwrite, if there is one."""
        wanted = self.places.roots[node.name]
        for slot in slots:
            place = self.places.of[node.inputs[slot]] if slot < len(node.inputs) else None
            if not isinstance(place, View) or self.last[place.buffer] != position:
                continue
            root, name = place.buffer, self.buffer_of.get(place.buffer, "")
            if self.owner.get(name) != root or (place.shape, place.strides) != (wanted.shape, wanted.strides):
                continue
            if (
                place.shape != self.places.roots[root].shape
                or self.places.dtypes[root] != self.places.dtypes[node.name]
            ):
                continue
            others = [self.places.of[value] for other, value in enumerate(node.inputs) if other != slot]
            if all(
                not isinstance(o, View) or o.buffer != root or _layout(o) == _layout(place) for o in others
            ):
                return name
        return None

    def _allocate(self, name: str, root: str) -> str:
        size = math.prod(self.places.roots[root].shape)
        offset = self.arena.take(self.places.bytes(root))
        self.buffers[name] = Buffer(name, self.places.dtypes[root], size, "workspace", offset)
        self.owner[name] = root
        return name

    def _release(self, root: str) -> None:
        name = self.buffer_of[root]
        if self.owner.get(name) == root and root not in self.claimed:
            self.arena.give(self.buffers[name].offset, self.buffers[name].bytes)
            del self.owner[name]

    def _add(self, name: str, root: str, role: Role) -> str:
        self.buffers[name] = Buffer(
            name, self.places.dtypes[root], math.prod(self.places.roots[root].shape), role
        )
        return name

    def _source(self, name: str) -> str:
        """Return the buffer of an input, parameter, state or constant."""
        node = self.graph.nodes[name]
        if name not in self.buffers:
            role: Any = node.op
            self._add(name, name, role)
            if node.op == "constant":
                literal: Literal = node.attrs["value"]
                self.constants[name] = literal.array.astype(node.type.dtype, copy=False)
        self.buffer_of.setdefault(name, name)
        return name

    def _operand(self, value: Value) -> Operand:
        place = self.places.of[value]
        return self._located(place) if isinstance(place, View) else place

    def _shape_operand(self, value: Value) -> Operand:
        type = value_type(self.graph, value)
        shape = static_shape(type)
        name = f"shape {type}"
        self.buffers.setdefault(name, Buffer(name, str(type.dtype), math.prod(shape), "shape"))
        return View(name, shape, (0,) * len(shape))

    def _located(self, view: View) -> View:
        """Return a view of a root as a view of the buffer that the root is in."""
        if view.buffer not in self.buffer_of:
            self._source(view.buffer)
        return view_of(view, self.buffer_of[view.buffer])

    def _memory(self, order: Sequence[Sequence[Node]]) -> MemoryReport:
        def total(roots: Iterable[str]) -> int:
            return sum(self.places.bytes(root) for root in roots)

        made = [root for part in order for node in part for root in self.roots_of[node.name]]
        kept = [root for root, position in self.last.items() if position == KEPT]
        variables = [*self.graph.parameters, *self.graph.state]
        return MemoryReport(self.arena.size, total(kept), total(made), total(variables))


def view_of(view: View, buffer: str) -> View:
    """Return the view of another buffer."""
    return View(buffer, view.shape, view.strides, view.offset, view.path, view.layout)


def _is_whole(view: View, root: View) -> bool:
    return (view.shape, view.strides, view.offset) == (root.shape, root.strides, 0) and not view.path


def _layout(view: View) -> tuple[Any, ...]:
    return view.shape, view.strides, view.offset


def _is_state(graph: Graph, output: str) -> bool:
    return output.startswith(NEXT) and output.removeprefix(NEXT) in graph.state
