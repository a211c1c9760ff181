"""Whole training steps: forward, backward and update as one program.

>>> import numpy as np
>>> from graphinit import loss, nn, optimizer
>>> net = nn.Dense(1, in_units=2, use_bias=False)
>>> net.initialize("ones")
>>> step = compile_step(net, loss.L2Loss(), optimizer.SGD(lr=0.5))
>>> x, y = np.array([[1.0, 3.0]]), np.array([[2.0]])
>>> [float(step(x, y).mean()) for _ in range(3)]
[2.0, 32.0, 512.0]
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from graphinit.compiler import compile_training, differentiate_for, settled_graph
from graphinit.copying import Portable
from graphinit.errors import BlockError, CallError, GraphInitError
from graphinit.faces import listed_face
from graphinit.interrupts import Held, hold
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.node import Node, Value
from graphinit.ir.op import Attrs, Literal, op_spec
from graphinit.ir.origin import warn_user
from graphinit.ir.tensor import Tensor
from graphinit.ir.types import TensorType, is_float, static_shape
from graphinit.nn.block import Block
from graphinit.nn.containers import WithLoss
from graphinit.optimizers.base import Optimizer
from graphinit.optimizers.program import Item
from graphinit.optimizers.registry import create
from graphinit.recording import settle_pending
from graphinit.runtime.arguments import as_array, cast_input
from graphinit.runtime.executor import Executable
from passes.shapes.solver import resolve

KEPT = 16
NEXT = "next."
RATE, TIME = "learning rate", "time"


@dataclass(frozen=True, slots=True)
class _Program:
    """A compiled step.

    Parameters
    ----------
    executable : Executable
        What runs.
    types : dict of str to TensorType
        What it takes.
    indices : list of int
        The optimiser's parameters that it updates.
    groups : list of int
        For each of them which of the times it takes; others fell behind.
    """

    executable: Executable
    types: dict[str, TensorType]
    indices: list[int]
    groups: list[int]


class TrainingStep(Portable):
    """What `compile_step` returns: called on a batch it trains the network and returns the loss.

    A copy, or what a pickle is loaded to, goes on as the original would.

    Parameters
    ----------
    net : Block
        What to train.
    loss_fn : Block or callable
        Called as ``loss_fn(net(x), y)``.
    optimizer : Optimizer
        How parameters change.
    """

    _remade: ClassVar[Mapping[str, Any]] = {"_programs": OrderedDict, "_seen": NoneType}
    _refusal = BlockError

    def __init__(self, net: Block, loss_fn: Any, optimizer: Optimizer) -> None:
        self.net = net
        self.loss_fn = loss_fn
        self.optimizer = optimizer
        self._model = WithLoss(net, loss_fn)
        self._programs: OrderedDict[Any, _Program] = OrderedDict()
        self._seen: Any = None
        self._warned: tuple[int, ...] = ()

    def __call__(self, x: Any, y: Any) -> np.ndarray:
        """Train on a batch.

        Ctrl-C leaves the step done or not done, see `graphinit.interrupts`.

        Parameters
        ----------
        x, y : array
            Inputs of the network and labels.

        Returns
        -------
        numpy.ndarray
            The loss before the update, as the loss function gives it.  Gradients are divided by the
            length of its first axis.

        Raises
        ------
        GraphInitError
            As a call of the network; nothing is changed.
        """
        arrays = {"x": as_array("x", x), "y": as_array("y", y)}
        program = self._program(arrays)
        optimizer = self.optimizer
        counts = optimizer.counts
        settle_pending()
        given = [cast_input(name, arrays[name], type) for name, type in program.types.items()]
        times = sorted({counts[index] for index in program.indices})
        scalars = [np.array(optimizer.next_rate), *(np.array(time + 1.0) for time in times)]
        try:
            with Held(at_once=False):  # the program holds when it begins to write
                loss: np.ndarray = program.executable.run(*given, *scalars)
                hold()
                for index in program.indices:
                    counts[index] += 1
        except GraphInitError as error:
            program.executable.locate(error)
            raise
        return loss

    @property
    def source(self) -> str:
        """The text of the program that ran last."""
        if not self._programs:
            raise CallError("nothing has been compiled yet: call the step on a batch first")
        return next(reversed(self._programs.values())).executable.source

    def _program(self, arrays: Mapping[str, np.ndarray]) -> _Program:
        optimizer = self.optimizer
        settings = (
            *((array.shape, array.dtype) for array in arrays.values()),
            optimizer.settings(),
            optimizer.rescale_grad,
            *(
                (parameter.lr_mult, parameter.wd_mult, parameter.grad_req)
                for parameter in optimizer.parameters
            ),
        )
        if self._seen is not self._model._programs:  # shapes, dtypes or structure are others
            self._programs.clear()
        found = self._programs.get(settings)
        if found is None or found.groups != optimizer.groups(found.indices):
            found = self._programs[settings] = self._compile(arrays)
            self._seen = self._model._programs
            while len(self._programs) > KEPT:
                self._programs.popitem(last=False)
        else:
            self._programs.move_to_end(settings)
        return found

    def _compile(self, arrays: Mapping[str, np.ndarray]) -> _Program:
        model, optimizer = self._model, self.optimizer
        graph, report = settled_graph(model, True, arrays)
        if not isinstance(graph.structure, str) and len(_visible(graph)) != 1:
            raise BlockError("a loss is one array: the loss function returned several")
        (output,) = _visible(graph)
        types = {name: report.type(name) for name in graph.inputs}
        variables = model.variables(graph)
        names = {id(variable): name for name, variable in variables.items()}
        used: list[int] = []
        unused: list[int] = []
        for index, parameter in enumerate(optimizer.parameters):
            if parameter.grad_req != "null" and is_float(parameter.dtype):
                (used if id(parameter) in names else unused).append(index)
        if unused and self._warned != tuple(unused):
            self._warned = tuple(unused)
            listed = ", ".join(optimizer.parameters[index].path for index in unused)
            warn_user(f"the loss does not depend on {listed}, which stay as they are")
        if not used:
            raise BlockError("the loss depends on none of the optimiser's parameters", path=self.net.path)
        wanted = tuple(names[id(optimizer.parameters[index])] for index in used)
        joint, gradients = differentiate_for(graph, (output,), wanted)
        built, writes = self._updated(
            joint, output, dict(zip(used, wanted, strict=True)), gradients, variables
        )
        return _Program(
            compile_training(built, variables, writes=writes), types, used, optimizer.groups(used)
        )

    def _updated(
        self,
        joint: Graph,
        output: str,
        wanted: Mapping[int, str],
        gradients: Mapping[str, str],
        variables: dict[str, Any],
    ) -> tuple[Graph, dict[str, str]]:
        """Return the graph of the whole step, and which of its outputs go to which variables."""
        optimizer = self.optimizer
        builder = GraphBuilder(resolve=resolve)
        seed = f"d.{output}"
        for node in joint:
            if node.name == seed:  # every sample counts alike
                shape = static_shape(node.type)
                scale = np.full(shape, optimizer.rescale_grad / (shape[0] if shape else 1), node.type.dtype)
                builder.source("constant", seed, node.type, Attrs({"value": Literal(scale)}))
            else:
                builder.append(node)
        times = sorted({optimizer.counts[index] for index in wanted})
        scalar = TensorType((), "float64")
        scalars = [RATE, *(f"{TIME} {index}" for index in range(len(times)))]
        rate, *moments = (Tensor(builder, builder.source("input", name, scalar)) for name in scalars)
        sources = {owner: joint.outputs[name] for name, owner in gradients.items()}
        items = [
            Item(
                index,
                name,
                Tensor(builder, Value(name)),
                Tensor(builder, sources[name]),
                moments[times.index(optimizer.counts[index])],
            )
            for index, name in wanted.items()
        ]
        described = len(builder.nodes)
        updates = optimizer.describe(builder, items, rate, None, variables)
        builder = _with_early_updates(
            builder, described, {value.node: name for name, value in updates.items()}
        )
        writes = {name: name.removeprefix(NEXT) for name in updates}
        kept = {name: value for name, value in joint.outputs.items() if name not in gradients}
        writes |= {
            name: name.removeprefix(NEXT)
            for name, value in kept.items()
            if name != output and is_float(joint.type_of(value).dtype)  # running statistics
        }
        inputs = [name for name in joint.inputs if name != seed]
        graph = builder.build({**kept, **updates}, inputs=[*inputs, *scalars], structure=output)
        return graph, writes


def _with_early_updates(builder: GraphBuilder, described: int, updates: Mapping[str, str]) -> GraphBuilder:
    """Return the same nodes with each update as soon as it can be: its gradient is in the cache then.

    A node whose value takes the place of an old one comes after all readers of that.
    """
    nodes = list(builder.nodes.values())
    users: dict[str, list[Node]] = {node.name: [] for node in nodes}
    for node in nodes:
        for source in {value.node for value in node.inputs}:
            users[source].append(node)
    waits: dict[str, set[str]] = {}
    for node in nodes[described:]:
        before = {value.node for value in node.inputs}
        if node.name in updates:
            before |= _readers(updates[node.name].removeprefix(NEXT), users) - {node.name}
        waits[node.name] = before
    wakes: dict[str, list[str]] = {}
    for name, before in waits.items():
        for source in before:
            wakes.setdefault(source, []).append(name)
    ordered = GraphBuilder(resolve=resolve)
    sources = [node for node in nodes if node.is_source]
    for node in (*sources, *(node for node in nodes[:described] if not node.is_source)):
        ready = [node.name]
        while ready:
            name = ready.pop(0)
            ordered.append(builder.nodes[name])
            for waiting in wakes.get(name, ()):
                waits[waiting].discard(name)
                if not waits[waiting] and waiting not in ordered.nodes:
                    ready.append(waiting)
    for node in nodes[described:]:
        if node.name not in ordered.nodes:  # it waits for a later update that reads what it replaces
            ordered.append(node)
    return ordered


def _readers(variable: str, users: Mapping[str, list[Node]]) -> set[str]:
    """Return the nodes that read a variable, also by way of views of it."""
    found: set[str] = set()
    stack = [variable]
    while stack:
        for node in users.get(stack.pop(), ()):
            if node.name not in found:
                found.add(node.name)
                if op_spec(node.op).view is not None:
                    stack.append(node.name)
    return found


def _visible(graph: Graph) -> list[str]:
    return [name for name in graph.outputs if name.removeprefix(NEXT) not in graph.state]


def compile_step(net: Block, loss_fn: Any, optimizer: Any, **options: Any) -> TrainingStep:
    """Return a function that trains a network on a batch: forward, backward and update in one program.

    Parameters
    ----------
    net : Block
        What to train.
    loss_fn : Block or callable
        Called as ``loss_fn(net(x), y)``.
    optimizer : Optimizer, Trainer or str
        How parameters change; one without parameters takes those of the network.
    **options
        Options of the optimiser, with a name.

    Returns
    -------
    TrainingStep
        Compiles when it is called on arrays of new shapes.  Parameters and what the optimiser keeps are
        updated in place; gradients don't go to `Parameter.grad`.

    Raises
    ------
    ParameterError
        GI405, when there is no such optimiser.
    """
    if not isinstance(net, Block):
        raise BlockError(f"compile_step takes a block, not {net!r}")
    if not callable(loss_fn):
        raise BlockError(f"a loss is called as loss_fn(net(x), y); {loss_fn!r} cannot be called")
    made = create(getattr(optimizer, "optimizer", optimizer), **options)
    if not made.parameters:
        made.bind(net.collect_params())
    return TrainingStep(net, loss_fn, made)


__all__ = [
    "TrainingStep",
    "compile_step",
]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
