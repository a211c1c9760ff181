"""Running recorded computations: compiled once for each structure, forward and backward together."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphinit.compiler import compile_training
from graphinit.errors import DifferentiationError, ExecutionError, GraphInitError
from graphinit.interrupts import Held, hold
from graphinit.ir.types import is_float, static_shape
from graphinit.optimizers.program import GradientVariable
from graphinit.parameter import Parameter
from graphinit.recorded.describing import describe, trained
from graphinit.recorded.nodes import LEAF, CallEntry, GradientEntry, Node, Ref, Structure, collect
from graphinit.recording import thread
from passes.base import run_pass
from passes.dead_code import RemoveDeadCode

KEPT = 64
_loose: OrderedDict[Any, Plan] = OrderedDict()
"""Programs of computations in which no block was called."""


class _Stream:
    """A state that is stored when forward has run, as a program sees it: it may have to start there again.

    Parameters
    ----------
    state : RandomState or Parameter
        The state itself.
    """

    def __init__(self, state: Any) -> None:
        self.state = state
        self.first: np.ndarray | None = None
        self.reached = 0

    @property
    def _data(self) -> np.ndarray:
        return self.data()

    def data(self) -> np.ndarray:
        """Return what this run starts from."""
        return self.state.data() if self.first is None else self.first

    def store(self, data: np.ndarray) -> None:
        """Move the state on, unless it has been further already."""
        if self.reached > self.state.moves:
            self.state.store(data)
            self.state.moves = self.reached

    def accept_gradient(self, gradient: np.ndarray) -> None:
        """Do nothing: states have no gradient."""


class Plan:
    """The compiled program of one structure.

    Parameters
    ----------
    structure : Structure
        What is computed.
    wanted : sequence of Parameter, optional
        With gradients of these instead of all that are trained; for one that differentiates.
    differentiate : bool
        Whether there is a backward.
    """

    def __init__(self, structure: Structure, differentiate: bool) -> None:
        described = describe(structure)
        states = {name for name, node in described.graph.state.items() if not node.is_stored_late}
        self.streams = [(name, _Stream(described.variables[name])) for name in sorted(states)]
        self.last = threading.local()
        variables = {**described.variables, **dict(self.streams)}
        graph = run_pass(RemoveDeadCode(), described.graph).graph
        heads = tuple(f"y{index}" for index in range(structure.heads))
        self.parameters: list[Parameter] = []
        self.unused: list[Parameter] = []
        self.leaves: list[int] = []
        self.returned: list[Any] = []
        wanted: list[str] = []
        writes: dict[str, str] = {}
        if differentiate:
            names, unused = trained(described, graph)
            self.unused = [described.variables[name] for name in unused]
            self.parameters = [described.variables[name] for name in names]
            places = [index for index, leaf in enumerate(structure.leaves) if leaf]
            self.leaves = [index for index in places if structure.nodes[index].wanted]
            leaf_names = [f"in{places.index(index)}" for index in self.leaves]
            for name, parameter in zip(names, self.parameters, strict=True):
                if parameter.grad_req == "write":
                    writes[f"grad.{name}"] = f"grad.{name}"
                    variables[f"grad.{name}"] = GradientVariable(parameter)
            wanted = [*leaf_names, *names]
            owners: dict[str, Any] = dict(zip(leaf_names, self.leaves, strict=True))
            owners |= dict(zip(names, self.parameters, strict=True))
            self.returned = [owners[name] for name in wanted if f"grad.{name}" not in writes]
        self.executable = compile_training(
            described.graph, variables, starts=heads, wanted=tuple(wanted), writes=writes
        )
        self.ones = [
            np.ones(static_shape(node.types[port]), node.types[port].dtype)
            for node, port in structure.outputs[: structure.heads]
        ]
        self.has_backward = bool(wanted)

    def forward(self, structure: Structure) -> None:
        """Run forward, and give the nodes of the structure their values."""
        if self.streams:
            self._rewind(structure)
        arrays = structure.arrays()
        try:
            with Held(at_once=False):  # the program holds when it begins to store
                flat = self.executable.run(*arrays)
                hold()
                results = flat if isinstance(flat, tuple) else (flat,)
                for (node, port), value in zip(structure.outputs, results, strict=True):
                    node.values[port] = value
                self.last.heads = [weakref.ref(node) for node, _ in structure.outputs[: structure.heads]]
        except GraphInitError as error:
            self.executable.locate(error)
            raise

    def _rewind(self, structure: Structure) -> None:
        """Let states start where they started when these calls were run before."""
        calls = [node for node in structure.nodes if isinstance(node.entry, CallEntry)]
        known = next((node.states for node in calls if node.states is not None), None)
        starts: dict[int, tuple[np.ndarray, int]] = {}
        for _, stream in self.streams:
            before = None if known is None else known.get(id(stream.state))
            stream.first, moves = before or (stream.state.data().copy(), stream.state.moves)
            starts[id(stream.state)] = stream.first, moves
            stream.reached = moves + len(calls)
        for node in calls:
            if node.states is None:
                node.states = starts

    def ran(self, structure: Structure) -> bool:
        """Whether the last forward of this thread was that of these very nodes."""
        last = getattr(self.last, "heads", None)
        heads = structure.outputs[: structure.heads]
        return last is not None and all(ref() is node for ref, (node, _) in zip(last, heads, strict=True))

    def backward(self, seeds: Sequence[np.ndarray]) -> list[tuple[Any, np.ndarray]]:
        """Run backward; return the gradients that have not been written yet, with what they belong to."""
        run = self.executable.run_backward
        assert run is not None, "a plan with something wanted has a backward"
        flat = run(*seeds)
        results = flat if isinstance(flat, tuple) else (flat,)
        self.last.heads = None
        return list(zip(self.returned, results, strict=True))


def plan_for(structure: Structure, differentiate: bool) -> Plan:
    """Return the program of a structure, compiled when it is seen first."""
    call = next((node.entry for node in structure.nodes if isinstance(node.entry, CallEntry)), None)
    plans: Any = _loose if call is None else call.plans
    requests = tuple(
        parameter.grad_req
        for node in structure.nodes
        if differentiate and isinstance(node.entry, CallEntry)
        for parameter in node.entry.parameters
    )
    key = (structure.key, differentiate, requests)
    plan: Plan | None = plans.get(key)
    if plan is None:
        plan = plans[key] = Plan(structure, differentiate)
        while len(plans) > KEPT:
            plans.popitem(last=False)
    return plan


def evaluate(node: Node, port: int) -> np.ndarray:
    """Return a value, computed now if nobody has asked for it before."""
    value = node.values[port]
    if value is None:
        compute([(node, port)])
        value = node.values[port]
    result: np.ndarray = value
    return result


def compute(refs: Sequence[Ref]) -> None:
    """Compute values.  What has a gradient is run as backward will want it."""
    structure = collect(refs, cut=True)
    fresh = all(
        node.entry is LEAF for node, leaf in zip(structure.nodes, structure.leaves, strict=True) if leaf
    )
    gradient = (
        fresh and all(is_float(node.types[port].dtype) for node, port in refs) and _is_trained(structure)
    )
    plan_for(structure, gradient).forward(structure)


def _is_trained(structure: Structure) -> bool:
    return any(
        node.wanted
        or (isinstance(node.entry, CallEntry) and any(p.grad_req != "null" for p in node.entry.parameters))
        for node in structure.nodes
    )


def backward(
    heads: Sequence[Ref], head_grads: Sequence[Any], retain_graph: bool
) -> list[tuple[Node, np.ndarray]]:
    """Differentiate heads: parameters take their gradients, those of wanted leaves are returned.

    Within `Held` an interrupt comes before the first gradient is written, or after all is done.
    """
    for node, port in heads:
        check_recorded(node, port)
    structure = collect(heads, cut=False)
    plan = plan_for(structure, True)
    if not plan.has_backward:
        raise ExecutionError(
            "nothing that was recorded is differentiated: no parameter is trained, and no array has attach_grad()"
        )
    seeds = [
        one if given is None else cast_seed(given, one)
        for one, given in zip(plan.ones, head_grads, strict=True)
    ]
    if not plan.ran(structure):
        plan.forward(structure)
    for parameter in plan.parameters:
        parameter.grad()  # there is room for it before anything is written
    hold()
    leaves: list[tuple[Node, np.ndarray]] = []
    for owner, gradient in plan.backward(seeds):
        if isinstance(owner, Parameter):
            owner.accept_gradient(gradient)
        else:
            leaves.append((structure.nodes[owner], gradient))
    for parameter in plan.parameters:
        parameter.has_fresh_gradient, parameter.is_unused = True, False
    for parameter in plan.unused:
        parameter.is_unused = True
    if not retain_graph:
        for node, _ in heads:
            node.spent, node.inputs = True, ()
    return leaves


def check_recorded(node: Node, port: int) -> None:
    """Raise unless a value can be differentiated."""
    if node.spent:
        raise ExecutionError(
            "it has been differentiated; to do that again, give the first time retain_graph=True"
        )
    if node.entry is LEAF:
        raise ExecutionError(
            "it was not computed within autograd.record(), so there is nothing to differentiate"
        )
    if not is_float(node.types[port].dtype):
        raise DifferentiationError(
            f"it is {node.types[port].dtype}, and only floating numbers have a gradient"
        )


def cast_seed(given: Any, like: np.ndarray) -> np.ndarray:
    """Return the gradient of a head, as the program takes it."""
    array = np.asarray(given)
    if array.shape != like.shape:
        raise ExecutionError(
            f"the gradient of a head of shape {like.shape} has that shape, not {array.shape}"
        )
    return np.array(array, like.dtype)


class Pending:
    """The recorded values of this thread that nobody has asked for yet."""

    def __init__(self) -> None:
        self._nodes: weakref.WeakSet[Node] = weakref.WeakSet()

    def add(self, node: Node) -> None:
        """Note a node."""
        self._nodes.add(node)

    def __call__(self) -> None:
        """Compute what somebody may still ask for, before parameters change.

        What cannot be computed raises when it is asked for, not here: who changes parameters may know
        nothing of it, and what else was recorded still needs them as they are.
        """
        if not self._nodes:
            return
        late = sorted(
            (node for node in self._nodes if not node.is_known and not node.spent), key=lambda n: n.serial
        )
        refs = [(node, port) for node in late for port in node.held() if node.values[port] is None]
        self._nodes.clear()
        if not refs:
            return
        try:
            compute(refs)
        except GraphInitError:
            for node, port in refs:
                try:
                    evaluate(node, port)
                except GraphInitError as failure:
                    node.failure = failure


def pending() -> Pending:
    """Return this thread's list of values to come."""
    if thread.pending is None:
        thread.pending = Pending()
    found: Pending = thread.pending
    return found


__all__ = ["GradientEntry", "backward", "compute", "evaluate"]
