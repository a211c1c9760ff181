"""Optimisers: rules that say how gradients change parameters, compiled like any graph.

A rule is written once, with operators on tensors.  `Optimizer.step` compiles the rules of all its
parameters to one program; `graphinit.training.compile_step` puts the same rules behind a network's
gradients.  Names, arguments and defaults are Gluon's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from graphinit.compiler import compile_training
from graphinit.copying import Portable
from graphinit.errors import GradientError, ParameterError
from graphinit.functional.elementwise import cast
from graphinit.interrupts import Change, Held, make
from graphinit.ir.graph import GraphBuilder
from graphinit.ir.node import Value
from graphinit.ir.op import Attrs
from graphinit.ir.origin import warn_user
from graphinit.ir.tensor import Tensor
from graphinit.ir.types import TensorType
from graphinit.optimizers.checks import number, positive
from graphinit.optimizers.program import GradientVariable, Item
from graphinit.optimizers.restoring import Restored, Types, restored
from graphinit.optimizers.rule import Slot, Update, limited_scale, wide_dtype
from graphinit.parameter import Parameter
from graphinit.plain_text import class_name, shown
from graphinit.recording import settle_pending
from graphinit.runtime.executor import StateVariable
from graphinit.storage.contents import Stored
from passes.shapes.solver import resolve

KEPT = 16
GRADIENT = "grad."
NEXT = "next."


class Optimizer(Portable):
    """Base of optimisers.  A subclass says what it keeps (`slots`) and how a parameter changes (`rule`).

    Parameters of float16 are updated in float32, which is also what is kept for them: an epsilon of 1e-8
    would be 0 in float16, and the square of a gradient of 300 infinite.

    Parameters
    ----------
    params : mapping or iterable of Parameter, optional
        What to train; a tied parameter is updated once.  `Trainer` gives them later.
    lr : float, optional
        Learning rate; also as ``learning_rate``.
    wd : float
        Weight decay.
    rescale_grad : float
        What gradients are multiplied by, beside one over the batch size.
    clip_gradient : float, optional
        Greatest absolute value of a rescaled gradient.
    clip_global_norm : float, optional
        Greatest norm of all rescaled gradients together; beyond it they are scaled down.
    lr_scheduler : callable, optional
        From the number of updates to the learning rate; see `graphinit.lr_scheduler`.

    Raises
    ------
    ParameterError
        GI405, when these are no parameters, or a number is out of range.

    Examples
    --------
    >>> from graphinit.functional import sign
    >>> class SignDescent(Optimizer):
    ...     def rule(self, update):
    ...         return update.weight - sign(update.decayed) * update.number(update.rate)
    >>> weight = Parameter(shape=(2,))
    >>> weight.set_data([1.0, 2.0])
    >>> weight.accept_gradient(weight.data())
    >>> SignDescent([weight], lr=0.5).step(1)
    >>> weight.data()
    array([0.5, 1.5], dtype=float32)
    """

    _remade: ClassVar[Mapping[str, Any]] = {"_programs": OrderedDict}
    _refusal = ParameterError

    default_rate: ClassVar[float] = 0.01
    hyper: ClassVar[tuple[str, ...]] = ()
    """Attributes that the rule reads; changing one makes another program."""

    def __init__(
        self,
        params: Mapping[str, Parameter] | Iterable[Parameter] | None = None,
        lr: float | None = None,
        *,
        learning_rate: float | None = None,
        wd: float = 0.0,
        rescale_grad: float = 1.0,
        clip_gradient: float | None = None,
        clip_global_norm: float | None = None,
        lr_scheduler: Callable[[int], float] | None = None,
    ) -> None:
        if lr_scheduler is not None and not callable(lr_scheduler):
            raise ParameterError(
                "lr_scheduler is called with the number of updates and returns the rate, as those of "
                f"graphinit.lr_scheduler; {lr_scheduler!r} cannot be",
                code="GI405",
            )
        given = lr if learning_rate is None else learning_rate
        if lr_scheduler is not None and given is not None and hasattr(lr_scheduler, "with_base"):
            lr_scheduler = lr_scheduler.with_base(positive("a learning rate", given))
        self.lr = positive("a learning rate", self.default_rate if given is None else given)
        self.wd = number("wd", wd, least=0)
        self.rescale_grad = number("rescale_grad", rescale_grad)
        self.clip_gradient = None if clip_gradient is None else positive("clip_gradient", clip_gradient)
        self.clip_global_norm = (
            None if clip_global_norm is None else positive("clip_global_norm", clip_global_norm)
        )
        self.lr_scheduler = lr_scheduler
        self.parameters: list[Parameter] = []
        self.names: list[str] = []
        self.counts: list[int] = []
        self.begin_num_update = 0
        self._states: list[dict[str, StateVariable]] = []
        self._programs: OrderedDict[Any, Any] = OrderedDict()
        if params is not None:
            self.bind(params)

    def bind(self, params: Mapping[str, Parameter] | Iterable[Parameter]) -> None:
        """Say what to train, once.

        Raises
        ------
        ParameterError
            GI405, when these are no parameters, or others are bound already.
        """
        if self.parameters:
            raise ParameterError("an optimiser trains one set of parameters; make another one", code="GI405")
        if not isinstance(params, Iterable):
            raise ParameterError(
                "an optimiser takes net.collect_params(), or net.parameters(), first, and the rest by name, as in "
                f"learning_rate=0.1; got {shown(params)}",
                code="GI405",
            )
        named = params.items() if isinstance(params, Mapping) else ((None, item) for item in params)
        found: dict[int, tuple[str | None, Parameter]] = {}
        for name, parameter in named:
            if not isinstance(parameter, Parameter):
                raise ParameterError(f"an optimiser takes parameters, not {parameter!r}", code="GI405")
            found.setdefault(id(parameter.root), (name, parameter.root))
        self.parameters = [parameter for _, parameter in found.values()]
        self.names = [f"{index}" if name is None else name for index, (name, _) in enumerate(found.values())]
        self.counts = [0] * len(self.parameters)
        self._states = [{} for _ in self.parameters]

    # ------------------------------------------------------------------ what subclasses say

    def slots(self, shape: tuple[int, ...], dtype: str) -> Mapping[str, Slot]:
        """Return what is kept for a parameter, by name; by default nothing."""
        return {}

    def rule(self, update: Update) -> Tensor:
        """Return the new value of a parameter; what is kept goes to ``update.next``."""
        raise NotImplementedError(f"{class_name(self)} does not say how parameters change: write rule")

    # ------------------------------------------------------------------ the learning rate

    @property
    def num_update(self) -> int:
        """Number of steps of the parameter that had most."""
        return max(self.counts, default=self.begin_num_update)

    @property
    def learning_rate(self) -> float:
        """The rate now: what was set, or what the schedule says."""
        return self.lr if self.lr_scheduler is None else float(self.lr_scheduler(self.num_update))

    @property
    def next_rate(self) -> float:
        """The rate of the next step."""
        return self.lr if self.lr_scheduler is None else float(self.lr_scheduler(self.num_update + 1))

    def set_learning_rate(self, lr: float) -> None:
        """Set the rate.

        Raises
        ------
        ParameterError
            GI405, when a schedule sets it, or it is not positive.
        """
        if self.lr_scheduler is not None:
            raise ParameterError("a schedule sets the learning rate of this optimiser", code="GI405")
        self.lr = positive("a learning rate", lr)

    # ------------------------------------------------------------------ steps

    def step(self, batch_size: float = 1, ignore_stale_grad: bool = False) -> None:
        """Update every trained parameter by its gradient.

        Ctrl-C leaves the step done or not done, see `graphinit.interrupts`.

        Parameters
        ----------
        batch_size : float
            What gradients are divided by.
        ignore_stale_grad : bool
            Whether parameters without a new gradient are left as they are.

        Raises
        ------
        GradientError
            GI406, when a gradient has not been computed since the last step; nothing is changed.
        """
        if not batch_size > 0:
            raise ParameterError(f"a batch size is positive, not {batch_size!r}", code="GI405")
        indices = self.due(ignore_stale_grad)
        if not indices:
            return
        settle_pending()
        times = sorted({self.counts[index] for index in indices})
        program = self._program(indices, self.groups(indices))
        rate, scale = np.array(self.next_rate), np.array(self.rescale_grad / batch_size)
        with Held():
            program(rate, scale, *(np.array(time + 1.0) for time in times))
            for index in indices:
                self.counts[index] += 1
                self.parameters[index].has_fresh_gradient = False

    def groups(self, indices: Sequence[int]) -> list[int]:
        """Return for some parameters which of their different numbers of steps they have had."""
        times = {time: group for group, time in enumerate(sorted({self.counts[index] for index in indices}))}
        return [times[self.counts[index]] for index in indices]

    def due(self, ignore_stale_grad: bool = False) -> list[int]:
        """Return which parameters have a gradient to be used.

        Raises
        ------
        GradientError
            GI406, when one lacks it and that is not to be ignored.
        """
        indices = []
        for index, parameter in enumerate(self.parameters):
            if parameter.has_fresh_gradient:
                indices.append(index)
            elif parameter.grad_req != "null" and not (ignore_stale_grad or parameter.is_unused):
                parameter.check_initialized()
                raise GradientError(
                    f"the gradient of {parameter.path!r} has not been computed since the last step; run backward, "
                    "or pass ignore_stale_grad=True to leave such parameters as they are",
                    path=parameter.path,
                )
        return indices

    def _program(self, indices: Sequence[int], groups: Sequence[int]) -> Callable[..., Any]:
        chosen = [self.parameters[index] for index in indices]
        key = (
            tuple(indices),
            tuple(groups),
            tuple((p.shape, p.dtype, p.lr_mult, p.wd_mult) for p in chosen),
            self.settings(),
        )
        program = self._programs.get(key)
        if program is None:
            program = self._programs[key] = self._compile(indices, groups)
            while len(self._programs) > KEPT:
                self._programs.popitem(last=False)
        else:
            self._programs.move_to_end(key)
        run: Callable[..., Any] = program.run
        return run

    def settings(self) -> tuple[Any, ...]:
        """Return what is fixed in a program of the rule."""
        return (
            self.wd,
            self.clip_gradient,
            self.clip_global_norm,
            *(getattr(self, name) for name in self.hyper),
        )

    def _compile(self, indices: Sequence[int], groups: Sequence[int]) -> Any:
        builder = GraphBuilder(resolve=resolve)
        scalar = TensorType((), "float64")
        rate, scale, *times = (
            Tensor(builder, builder.source("input", name, scalar))
            for name in ("lr", "scale", *(f"time{group}" for group in range(max(groups) + 1)))
        )
        items = []
        variables: dict[str, Any] = {}
        for index, group in zip(indices, groups, strict=True):
            name, parameter = self.names[index], self.parameters[index]
            weight = builder.source(
                "parameter", name, parameter.type, Attrs({"init": None, "trainable": True})
            )
            gradient = builder.source("state", f"{GRADIENT}{name}", parameter.type)
            variables[name] = parameter
            variables[f"{GRADIENT}{name}"] = GradientVariable(parameter)
            items.append(Item(index, name, Tensor(builder, weight), Tensor(builder, gradient), times[group]))
        inputs = ["lr", "scale", *(time.value.node for time in times)]
        outputs = self.describe(builder, items, rate, scale, variables)
        graph = builder.build(outputs, inputs=inputs, structure=tuple(outputs))
        writes = {output: output.removeprefix(NEXT) for output in outputs}
        return compile_training(graph, variables, writes=writes)

    def describe(
        self,
        builder: GraphBuilder,
        items: Sequence[Item],
        rate: Tensor,
        scale: Tensor | None,
        variables: dict[str, Any],
    ) -> dict[str, Value]:
        """Add the updates of parameters to a graph.

        Parameters
        ----------
        builder : GraphBuilder
            Where to.
        items : sequence of Item
            The parameters.
        rate : Tensor
            The learning rate.
        scale : Tensor or None
            What gradients are multiplied by.
        variables : dict
            Takes what holds the states, by name.

        Returns
        -------
        dict
            The outputs ``next.<name>``.
        """
        gradients = [_widened(item.gradient) for item in items]
        if self.clip_global_norm is not None:
            scale = limited_scale(gradients, scale, self.clip_global_norm)
        outputs: dict[str, Value] = {}
        for item, gradient in zip(items, gradients, strict=True):
            parameter = self.parameters[item.index]
            states = {}
            for slot, variable in self.states(item.index).items():
                name = f"{item.name}.{slot}"
                variables[name] = variable
                array = variable.data()
                states[slot] = Tensor(
                    builder, builder.source("state", name, TensorType(array.shape, array.dtype.name))
                )
            update = Update(
                _widened(item.weight),
                gradient,
                scale,
                rate * parameter.lr_mult if parameter.lr_mult != 1 else rate,
                item.time,
                self.wd * parameter.wd_mult,
                self.clip_gradient,
                states,
            )
            new = self.rule(update)
            if update.weight is not item.weight:
                new = cast(new, parameter.dtype)
            outputs[f"{NEXT}{item.name}"] = new.value
            for slot, tensor in update.next.items():
                outputs[f"{NEXT}{item.name}.{slot}"] = tensor.value
        return outputs

    # ------------------------------------------------------------------ what is kept

    def wide_slots(self, shape: tuple[int, ...], dtype: str) -> Mapping[str, Slot]:
        """Return the slots of a parameter of some dtype: those of float16 are kept in float32."""
        return self.slots(shape, wide_dtype(dtype))

    def states(self, index: int) -> dict[str, StateVariable]:
        """Return what is kept for a parameter, made when it is first asked for."""
        parameter = self.parameters[index]
        parameter.check_initialized()
        kept = self._states[index]
        for name, slot in self.wide_slots(tuple(parameter.data().shape), parameter.dtype).items():
            found = kept.get(name)
            if found is None or found.data().shape != slot.shape:
                kept[name] = StateVariable(np.full(slot.shape, slot.initial, slot.dtype))
            elif found.data().dtype != slot.dtype:
                found._data = found.data().astype(slot.dtype)
        return kept

    def state_arrays(self) -> dict[str, np.ndarray]:
        """Return all that is kept, by the parameter's name and the slot's.

        Raises
        ------
        ParameterError
            GI405, when names of parameters and slots read alike together.
        """
        found: dict[str, np.ndarray] = {}
        for name, kept in zip(self.names, self._states, strict=True):
            for slot, variable in kept.items():
                place = f"{name}.{slot}"
                if place in found:
                    raise ParameterError(f"two states of this optimiser are called {place!r}", code="GI405")
                found[place] = variable.data()
        return found

    def state_notes(self) -> dict[str, Any]:
        """Return what a checkpoint keeps beside `state_arrays`."""
        return {
            "kind": type(self).__name__,
            "lr": self.lr,
            "schedule": None if self.lr_scheduler is None else repr(self.lr_scheduler),
            "counts": dict(zip(self.names, self.counts, strict=True)),
        }

    def restore(
        self,
        arrays: Mapping[str, np.ndarray],
        notes: Mapping[str, Any],
        types: Types | None = None,
    ) -> None:
        """Take what `state_arrays` and `state_notes` gave; all of it or nothing.

        Parameters
        ----------
        arrays, notes
            What these methods returned.
        types : mapping from int to (shape, dtype), optional
            For parameters (by `id`) that are about to have another shape or dtype, which.

        Raises
        ------
        ParameterError
            GI403, when they come from another optimiser or other parameters, or are damaged; GI405, when
            the learning rate is no positive number.

        Warns
        -----
        UserWarning
            When they come from another schedule.
        """
        make([self.restoring(arrays, notes, types)])

    def restoring(
        self,
        arrays: Mapping[str, np.ndarray | Stored],
        notes: Mapping[str, Any],
        types: Types | None = None,
    ) -> Change:
        """Return what takes states that have been checked; arguments and errors are those of `restore`."""
        found = restored(self, arrays, notes, types or {})
        schedule = None if self.lr_scheduler is None else repr(self.lr_scheduler)
        if found.schedule != schedule:  # before anything is changed: a warning may be an error
            warn_user(f"these states come from the schedule {found.schedule}, and this one is {schedule}")
        return partial(self._become, found)

    def _become(self, found: Restored) -> None:
        self.lr, self.counts[:] = found.lr, found.counts
        for variable, array in found.states:
            variable._data = array
        for index, slot, variable in found.new:
            self._states[index][slot] = variable

    def __repr__(self) -> str:
        options = "".join(f", {name}={getattr(self, name)!r}" for name in self.hyper)
        return f"{class_name(self)}(lr={self.learning_rate:g}{options})"


def _widened(tensor: Tensor) -> Tensor:
    """Return a tensor in the dtype that updates are computed in."""
    dtype = tensor.dtype
    return tensor if dtype is None or dtype == wide_dtype(dtype) else cast(tensor, wide_dtype(dtype))
