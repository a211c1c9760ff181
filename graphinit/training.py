"""Whole training steps: forward, backward and update as one program.

>>> import numpy as np
>>> from graphinit import loss, nn, optimizer
>>> net = nn.Dense(1, in_units=2, use_bias=False)
>>> net.initialize("ones")
>>> step = compile_step(net, loss.L2Loss(), optimizer.SGD(lr=0.5))
>>> x, y = np.array([[1.0, 3.0]]), np.array([[2.0]])
>>> [float(step(x, y).mean()) for _ in range(3)]
[2.0, 32.0, 512.0]

A step takes what the network takes and gives the loss what the network returns, whatever their structure;
`parameters` says what it updates.  So steps of several networks at once are steps like any other: here
a generator learns from a discriminator that stays as it is, being no part of its network.

>>> from graphinit import functional as F
>>> generator, discriminator = nn.Dense(2), nn.Dense(1)
>>> generator.initialize(seed=0)
>>> discriminator.initialize(seed=1)
>>> criterion = loss.LogisticLoss(label_format="binary")
>>> def fooled(fake):
...     score = discriminator(fake)
...     return criterion(score, F.ones_like(score))
>>> step = compile_step(generator, fooled, "adam")
>>> step(np.ones((4, 3))).shape
(4,)
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from graphinit.compiler import compile_training, differentiate_for, settled_graph
from graphinit.copying import Portable
from graphinit.errors import BlockError, CallError, GraphInitError, ParameterError
from graphinit.faces import listed_face
from graphinit.interrupts import Held, hold
from graphinit.ir.graph import Graph
from graphinit.ir.origin import warn_user
from graphinit.ir.types import TensorType, is_float
from graphinit.nn.arguments import is_array, specs_of, split
from graphinit.nn.block import Block
from graphinit.nn.containers import WithLoss, check_loss
from graphinit.optimizers.base import Optimizer
from graphinit.optimizers.registry import create
from graphinit.parameter import Parameter
from graphinit.recording import settle_pending
from graphinit.runtime.arguments import as_array, cast_input
from graphinit.runtime.executor import Executable
from graphinit.scalars import whole
from graphinit.steps.joint_graph import Differentiated, joint_graph
from graphinit.steps.selection import select_parameters
from graphinit.steps.sums import GradientSums
from passes.differentiation import NEXT
from passes.shape_report import ShapeReport

KEPT = 16
_factors = attrgetter("lr_mult", "wd_mult", "_grad_req")


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

    A copy, or what a pickle is loaded to, goes on as the original would.  A loss that is a function calls
    the very blocks that it refers to, in a copy too; one that is a block is copied with its blocks.

    Parameters
    ----------
    net : Block
        What to train.
    loss_fn : Block or callable
        Called as ``loss_fn(outputs, y)``, or as ``loss_fn(outputs)`` where there are no labels.
    optimizer : Optimizer
        How parameters change.
    indices : sequence of int, optional
        The places in the optimiser's list of those that are updated; by default all.
    accumulate : int
        Number of batches that make one update.
    """

    _remade: ClassVar[Mapping[str, Any]] = {"_programs": OrderedDict, "_seen": NoneType}
    _refusal = BlockError

    def __init__(
        self,
        net: Block,
        loss_fn: Any,
        optimizer: Optimizer,
        indices: Sequence[int] | None = None,
        accumulate: int = 1,
    ) -> None:
        self.net = net
        self.loss_fn = loss_fn
        self.optimizer = optimizer
        self.sums = GradientSums(accumulate)
        self.indices = tuple(range(len(optimizer.parameters)) if indices is None else indices)
        self._trained = [optimizer.parameters[index] for index in self.indices]
        self._model = WithLoss(net, loss_fn)
        self._programs: OrderedDict[Any, _Program] = OrderedDict()
        self._seen: Any = None
        self._warned: tuple[int, ...] = ()

    @property
    def parameters(self) -> dict[str, Parameter]:
        """What it updates, by the optimiser's names."""
        optimizer = self.optimizer
        return {optimizer.names[index]: optimizer.parameters[index] for index in self.indices}

    def __call__(self, x: Any, y: Any = None) -> np.ndarray:
        """Train on a batch.

        Ctrl-C leaves the step done or not done, see `graphinit.interrupts`.

        Parameters
        ----------
        x : array, tuple or dict
            Inputs of the network: one, several in order, or several by the names of `forward`'s parameters.
            Each may be a structure, or static, as in a call; a list, or a dict in a tuple, is one input.
        y : array, or a list, tuple or dict of them, optional
            What the loss takes beside the network's outputs, in the structure in which it takes it.

        Returns
        -------
        numpy.ndarray
            The loss before the update, as the loss function gives it.  Gradients are divided by the
            length of its first axis; those of a scalar are not.

        Raises
        ------
        CallError
            GI503, when the inputs are not those of the network, or the loss takes no labels, or takes some.
        GraphInitError
            As a call of the network; nothing is changed.
        """
        leaves: dict[str, Any] = {}
        if type(x) is np.ndarray and type(y) is np.ndarray:
            leaves["x"], leaves["y"] = x, y
            structure, statics = None, ""
        else:
            structure = (_inputs(x, leaves), split("y", y, leaves, is_array))
            statics = repr(structure)
        arrays = {name: as_array(name, leaf) for name, leaf in leaves.items()}
        program, times = self._program(arrays, structure, statics)
        optimizer, sums = self.optimizer, self.sums
        settle_pending()
        given = [cast_input(name, arrays[name], type) for name, type in program.types.items()]
        updates = sums.completes
        if updates:
            given.append(np.array(optimizer.next_rate))
            given += [np.array(time + 1.0) for time in times]
        try:
            with Held(at_once=False):  # the program holds when it begins to write
                loss: np.ndarray = program.executable.run(*given)
                hold()
                if updates:
                    counts = optimizer.counts
                    for index in program.indices:
                        counts[index] += 1
                    sums.clear()
                else:
                    sums.count += 1
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

    def _program(
        self, arrays: Mapping[str, np.ndarray], structure: Any, statics: str
    ) -> tuple[_Program, list[int]]:
        """Return the program for a batch, and the numbers of updates that its parameters have had."""
        optimizer = self.optimizer
        settings = (
            *[(array.shape, array.dtype) for array in arrays.values()],
            statics,
            self.sums.completes,
            optimizer.settings(),
            optimizer.rescale_grad,
            tuple(map(_factors, self._trained)),
        )
        if self._seen is not self._model._programs:  # shapes, dtypes or structure are others
            self._programs.clear()
        found = self._programs.get(settings)
        if found is not None:
            times = self._times(found)
            behind = len(times) > 1 or found.groups[-1] > 0
            if not behind or found.groups == optimizer.groups(found.indices):
                self._programs.move_to_end(settings)
                return found, times
        found = self._programs[settings] = self._compile(arrays, structure)
        self._seen = self._model._programs
        while len(self._programs) > KEPT:
            self._programs.popitem(last=False)
        return found, self._times(found)

    def _times(self, program: _Program) -> list[int]:
        return sorted(set(map(self.optimizer.counts.__getitem__, program.indices)))

    def _compile(self, arrays: Mapping[str, np.ndarray], structure: Any) -> _Program:
        model, optimizer = self._model, self.optimizer
        x, y = (
            (arrays["x"], arrays["y"])
            if structure is None
            else (specs_of(item, arrays) for item in structure)
        )
        graph, report = settled_graph(model, True, {"x": x, "y": y})
        output = _loss_of(graph, report)
        types = {name: report.type(name) for name in graph.inputs}
        variables = model.variables(graph)
        names = {id(variable): name for name, variable in variables.items()}
        used: list[int] = []
        unused: list[int] = []
        for index in self.indices:
            parameter = optimizer.parameters[index]
            if parameter.grad_req != "null" and is_float(parameter.dtype):
                (used if id(parameter) in names else unused).append(index)
        if unused and self._warned != tuple(unused):
            self._warned = tuple(unused)
            listed = ", ".join(optimizer.parameters[index].path for index in unused)
            warn_user(f"the loss does not depend on {listed}, which stay as they are")
        if not used:
            raise BlockError(
                "the loss depends on none of the parameters that this step updates", path=self.net.path
            )
        wanted = {index: names[id(optimizer.parameters[index])] for index in used}
        joint, gradients = differentiate_for(graph, (output,), tuple(wanted.values()))
        built, writes = joint_graph(
            Differentiated(joint, output, gradients), optimizer, wanted, self.sums, variables
        )
        executable = compile_training(built, variables, writes=writes)
        return _Program(executable, types, used, optimizer.groups(used))


def _inputs(x: Any, leaves: dict[str, Any]) -> Any:
    """Take a network's inputs apart: a tuple holds several, also of numbers."""
    if isinstance(x, tuple):
        return tuple(split(f"x.{place}", item, leaves, is_array) for place, item in enumerate(x))
    return split("x", x, leaves, is_array)


def _loss_of(graph: Graph, report: ShapeReport) -> str:
    """Return the one output of a network with its loss."""
    visible = [name for name in graph.outputs if name.removeprefix(NEXT) not in graph.state]
    if len(visible) != 1:
        raise BlockError("a loss is one array: the loss function returned several")
    dtype = report.graph.type_of(report.graph.outputs[visible[0]]).dtype
    if not is_float(dtype):
        raise BlockError(f"a loss is made of floating numbers: the loss function returned {dtype}")
    return visible[0]


def compile_step(
    net: Block,
    loss_fn: Any,
    optimizer: Any,
    *,
    parameters: Any = None,
    accumulate: int = 1,
    **options: Any,
) -> TrainingStep:
    """Return a function that trains a network on a batch: forward, backward and update in one program.

    Parameters
    ----------
    net : Block
        What to train, with any inputs and outputs.
    loss_fn : Block or callable
        Called as ``loss_fn(outputs, y)`` with what `forward` returns, in its structure, and the labels; as
        ``loss_fn(outputs)`` where there are none.  Blocks that a function calls are part of the model:
        they run in training mode, and are updated where `parameters` names theirs.
    optimizer : Optimizer, Trainer or str
        How parameters change; one without parameters takes those that the step updates.  One that has
        some may serve several steps, each for its own of them.
    parameters : str, dict, or list of str and Parameter, optional
        What is updated: paths, older names, paths of blocks for what is below them, patterns as
        `Block.collect_params` takes them, or parameters themselves.  By default all of the optimiser's, or
        of the network's.  Gradients are computed for these alone; the others are as they were, but for
        running statistics, which move as in a call.
    accumulate : int
        Number of batches that make one update, by the mean of their gradients: with batches of one size
        the update of one large batch.  Clipping, counts of updates and schedules see that update alone.
        Every call returns the loss of its batch.  Gradients that wait are kept in copies, pickles and
        checkpoints.
    **options
        Options of the optimiser, with a name.

    Returns
    -------
    TrainingStep
        Compiles when it is called on arrays of new shapes.  Parameters and what the optimiser keeps are
        updated in place; gradients don't go to `Parameter.grad`, so that ``grad_req`` "add" is "write".

    Raises
    ------
    BlockError
        GI407, when the network is no block or the loss cannot be called.
    ParameterError
        GI405, when there is no such optimiser, `parameters` fits nothing, or the optimiser has others.
    CallError
        GI503, when `accumulate` is no whole number of 1 or more.
    """
    if not isinstance(net, Block):
        raise BlockError(f"compile_step takes a block, not {net!r}")
    check_loss(loss_fn)
    every = whole(accumulate)
    if every is None or every < 1:
        raise CallError(f"accumulate is a whole number of 1 or more, not {accumulate!r}")
    made = create(getattr(optimizer, "optimizer", optimizer), **options)
    chosen = None if parameters is None else select_parameters(net, parameters)
    if not made.parameters:
        made.bind(net.collect_params() if chosen is None else chosen)
    indices = None if chosen is None else _places(made, chosen)
    return TrainingStep(net, loss_fn, made, indices, every)


def _places(optimizer: Optimizer, chosen: Mapping[str, Parameter]) -> list[int]:
    """Return where parameters stand in an optimiser's list."""
    places = {id(parameter): index for index, parameter in enumerate(optimizer.parameters)}
    missing = [path for path, parameter in chosen.items() if id(parameter) not in places]
    if missing:
        raise ParameterError(
            f"the optimiser trains {', '.join(optimizer.names)}, and not {', '.join(missing)}; make it without "
            "parameters, or with all that its steps update",
            code="GI405",
        )
    return [places[id(parameter)] for parameter in chosen.values()]


__all__ = ["TrainingStep", "compile_step"]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
