"""The executor: runs a program on arrays.

`Executable.run` is the generated function itself, with no checks around it: what calls of a network
go through once their signature has been seen.  `Executable.forward` checks and casts its arguments
first.  Each thread has a workspace of its own; what callers get never shares memory with it, with
their own arrays, or with parameters.
"""

from __future__ import annotations

import itertools
import linecache
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from graphinit.copying import Portable
from graphinit.errors import (
    CallError,
    ExecutionError,
    GraphInitError,
    ShapeError,
)
from graphinit.interrupts import Held, hold
from graphinit.ir.graph import Graph, Structure
from graphinit.ir.op import op_spec
from graphinit.ir.types import TensorType
from graphinit.plain_text import escaped
from graphinit.runtime.arguments import bind, cast_input, flat_structure, restructured
from graphinit.runtime.program import ALIGNMENT, Listing, Program, View

GRADIENT = "grad."
SEED = "d."


class Variable(Protocol):
    """What the executor needs of a parameter or a state."""

    @property
    def _data(self) -> Any:
        """The live array, fetched at each call."""

    def data(self) -> np.ndarray:
        """Return the live array; made first, or an error, when there is none."""

    def accept_gradient(self, gradient: np.ndarray, /) -> None:
        """Take the gradient that backward computed."""

    def store(self, data: np.ndarray, /) -> None:
        """Take the next value of a state; the array is copied, not kept."""


class ArrayVariable:
    """A parameter of a functional graph: looked up in the caller's mapping at each call.

    Parameters
    ----------
    arrays : mapping from str to array
        The caller's; never written to.
    name : str
        Which one.
    type : TensorType
        What the program takes.
    """

    def __init__(self, arrays: Mapping[str, Any], name: str, type: TensorType) -> None:
        self._arrays = arrays
        self._name = name
        self._type = type
        self._last: Any = None
        self._checked: np.ndarray | None = None

    @property
    def _data(self) -> np.ndarray:
        given = self._arrays.get(self._name)
        if given is None:
            raise CallError(f"parameter {self._name!r} is missing; give it in parameters=", node=self._name)
        if given is not self._last or self._checked is None:
            self._checked = cast_input(self._name, given, self._type, "parameter")
            self._last = given if self._checked is given else None  # a cast one may be written to: cast again
        return self._checked

    def data(self) -> np.ndarray:
        """Return the caller's array, cast to the dtype of the program."""
        return self._data

    def accept_gradient(self, gradient: np.ndarray) -> None:
        """Do nothing: the caller gets gradients as the result of backward."""

    def store(self, data: np.ndarray) -> None:
        """Do nothing: parameters are not stored."""


class StateVariable(Portable):
    """A state of a functional graph, owned by its executable.

    Parameters
    ----------
    array : numpy.ndarray
        The first value; copied.
    """

    _arrays = ("_data",)

    def __init__(self, array: np.ndarray) -> None:
        self._data = np.array(array, order="C")

    def data(self) -> np.ndarray:
        """Return the current value."""
        return self._data

    def accept_gradient(self, gradient: np.ndarray) -> None:
        """Do nothing: states have no gradient."""

    def store(self, data: np.ndarray) -> None:
        """Take the next value."""
        self._data = np.array(data, self._data.dtype, order="C")


class Workspace(threading.local):
    """The planned memory, once for each thread: made when a thread first asks for it.

    Parameters
    ----------
    program : Program
        Says how much, and what lies where.
    views : mapping from str to sequence of View
        What each phase unpacks.
    """

    ready = False
    """Whether forward has left what backward reads."""

    held: tuple[np.ndarray, ...] = ()
    """Inputs of forward that backward reads themselves."""

    def __init__(self, program: Program, views: Mapping[str, Sequence[View]]) -> None:
        memory = np.empty(program.workspace + ALIGNMENT, np.uint8)
        start = -memory.__array_interface__["data"][0] % ALIGNMENT
        arena = memory[start : start + program.workspace]
        for phase, listed in views.items():
            setattr(self, phase, tuple(_view(arena, program, view) for view in listed))


def _view(arena: np.ndarray, program: Program, view: View) -> np.ndarray:
    buffer = program.buffers[view.buffer]
    dtype = np.dtype(buffer.dtype)
    offset = buffer.offset + view.offset * dtype.itemsize
    strides = [stride * dtype.itemsize for stride in view.strides]
    if not buffer.size:
        return np.empty(view.shape, dtype)
    return np.ndarray(view.shape, dtype, arena, offset, strides)


class Executable:
    """A compiled network.

    A copy has a workspace of its own; a shallow one shares the variables, `copy.deepcopy` copies them.
    A pickle holds the plan and no code.

    Parameters
    ----------
    graph : Graph
        What it computes, gradients included.
    program : Program
        The plan.
    emit : callable
        From the plan to its Python source: a function at the top level of a module.  It is called again
        for every copy and wherever a pickle is loaded.
    variables : mapping from str to Variable
        Parameters and states by name.
    structure : Structure
        How outputs are returned.
    results : sequence of str
        Names of the outputs in the order in which the program returns them.
    gradients : mapping from str to str
        Names of what backward returns, and of the inputs and parameters that they belong to.
    report, memory : object
        What inference and planning found.

    Attributes
    ----------
    run : callable
        The generated forward function: takes one array per input, of exactly the right shape and
        dtype, and returns one fresh array, or a tuple of them.  It checks nothing, and keeps NumPy's
        warnings of floating numbers quiet where an op asks for that.
    source : str
        The text of the program.
    """

    def __init__(
        self,
        graph: Graph,
        program: Program,
        emit: Callable[[Program], Listing],
        variables: Mapping[str, Variable],
        structure: Structure,
        results: Sequence[str],
        gradients: Mapping[str, str],
        report: Any = None,
        memory: Any = None,
    ) -> None:
        listing = emit(program)
        self.graph = graph
        self.program = program
        self.source = listing.source
        self._emit = emit
        self.report = report
        self.memory = memory
        self.structure = structure
        self.results = tuple(results)
        self.gradients = dict(gradients)
        self.inputs = {name: graph[name].type for name in program.phases[0].inputs}
        self._variables = {name: variables[name] for name in listing.variables.values()}
        self._given = {name: variables[name] for name in self.gradients.values() if name in variables}
        self._accepting = [
            (place, variables[owner])
            for place, owner in enumerate(self.gradients.values())
            if owner in variables
        ]
        self._types = {name: graph[name].type for name in self._variables if name in graph}
        self._fetch = {name: self._variables[name].data for name in self._types}
        self._stores = bool(program.phases[0].stores)
        self._seen: dict[str, Any] = {}
        self._workspace = Workspace(program, listing.views)
        self._lines = listing.lines
        scope = {
            **listing.names,
            **{name: variables[owner] for name, owner in listing.variables.items()},
            "workspace": self._workspace,
        }
        self._file = _publish(self, listing.source)
        exec(compile(listing.source, self._file, "exec"), scope)
        forward: Any = scope["forward"]
        backward: Any = scope.get("backward")
        if any(not node.is_source and op_spec(node.op).quiet for node in graph):  # costs a microsecond a call
            quiet = np.errstate(all="ignore")
            forward, backward = quiet(forward), backward and quiet(backward)
        self.run: Callable[..., Any] = forward
        self.run_backward: Callable[..., Any] | None = backward

    def __reduce__(self) -> Any:
        variables = {**self._variables, **self._given}
        found = (self.structure, self.results, self.gradients, self.report, self.memory)
        return Executable, (self.graph, self.program, self._emit, variables, *found)

    def __repr__(self) -> str:
        given = escaped(", ".join(f"{name}: {type}" for name, type in self.inputs.items()))
        return f"<Executable ({given}) of {len(self.graph)} nodes>"

    def forward(self, *arrays: Any, **named: Any) -> Any:
        """Compute the outputs.

        Parameters
        ----------
        *arrays : array
            Inputs in order.
        **named : array
            Inputs by name; a list or dict for an input that is made of parts ``name.0``, ``name.key``.

        Returns
        -------
        numpy.ndarray, or a list, tuple or dict of them
            Fresh arrays in the structure of the outputs.

        Raises
        ------
        CallError
            GI503, when an input is missing, unknown or given twice.
        ShapeError
            GI201 or GI202, when a shape is not that of the program.
        ArrayError
            GI302, when something is no array of numbers that the input takes.
        ExecutionError
            GI504, when there is not enough memory.
        """
        prepared = self.prepare(*arrays, **named)
        self._check_variables()
        try:
            if self._stores:  # Ctrl-C leaves states stored, all of them, or not
                with Held(at_once=False):
                    flat = self.run(*prepared)
            else:
                flat = self.run(*prepared)
        except GraphInitError as error:
            self.locate(error)
            raise
        except MemoryError as cause:
            raise out_of_memory(cause) from cause
        return self.unflatten(flat)

    def prepare(self, *arrays: Any, **named: Any) -> list[np.ndarray]:
        """Return the arrays that `run` takes: in order, checked and cast."""
        given = bind(self.inputs, arrays, named)
        return [cast_input(name, given[name], type) for name, type in self.inputs.items()]

    def unflatten(self, flat: Any) -> Any:
        """Return what `run` returned in the structure of the outputs."""
        if isinstance(self.structure, str):
            return flat
        return restructured(self.structure, dict(zip(self.results, _as_tuple(flat), strict=True)))

    def backward(self, dy: Any = None, **dys: Any) -> dict[str, np.ndarray]:
        """Compute gradients of what this thread's last `forward` computed.

        Parameters
        ----------
        dy : array, or a list, tuple or dict of them, optional
            Gradients of the outputs, in their structure; ones when none is given.
        **dys : array
            Gradients of some outputs by name; those of the others are zeros.

        Returns
        -------
        dict of str to numpy.ndarray
            Fresh gradients by the names of inputs and parameters.  Those of parameters are handed
            to the parameters too, which write or add them to `Parameter.grad`.

        Raises
        ------
        ExecutionError
            GI501, when there was no forward, or the program was compiled with ``grad=False``.
        CallError, ShapeError, ArrayError
            As in `forward`.
        """
        if self.run_backward is None:
            raise ExecutionError("there is no backward: compile with grad=True, and with a floating output")
        if not self._workspace.ready:
            raise ExecutionError("backward needs a forward of this thread before it: call forward first")
        seeds = self._seeds(dy, dys)
        try:
            with Held(at_once=False):  # the program holds when it begins to store
                flat = _as_tuple(self.run_backward(*seeds))
                hold()
                for place, variable in self._accepting:
                    variable.accept_gradient(flat[place])
        except GraphInitError as error:
            self.locate(error)
            raise
        except MemoryError as cause:
            raise out_of_memory(cause) from cause
        return dict(zip(self.gradients.values(), flat, strict=True))

    def _seeds(self, dy: Any, dys: dict[str, Any]) -> list[np.ndarray]:
        types = {name.removeprefix(SEED): self.graph[name].type for name in self.program.phases[1].inputs}
        given: dict[str, Any] = dict(dys)
        if dy is not None:
            if dys:
                raise CallError("give gradients of outputs as one argument or by name, not both")
            given = flat_structure(self.structure, dy)
        for name in given:
            if name not in types:
                known = ", ".join(types)
                raise CallError(f"there is no floating output {name!r}; there are {known}", node=name)
        missing = 0.0 if given else 1.0
        return [
            cast_input(name, given[name], type, "gradient of output")
            if given.get(name) is not None
            else np.full(type.shape or (), missing, type.dtype)  # type: ignore[arg-type]
            for name, type in types.items()
        ]

    def _check_variables(self) -> None:
        """Check that parameters still have the shapes and dtypes that were compiled for."""
        for name, type in self._types.items():
            array = self._fetch[name]()
            if array is self._seen.get(name):
                continue
            if array.shape != type.shape or array.dtype != type.dtype:
                raise ShapeError(
                    f"{name!r} is {array.dtype}{list(array.shape)} now, and was {type} when this program was "
                    "compiled; compile again",
                    code="GI403",
                    node=name,
                )
            self._seen[name] = array

    def locate(self, error: GraphInitError) -> None:
        """Let an error that a kernel raised name its node."""
        trace = error.__traceback__
        while trace is not None and error.node in (None, ""):
            if trace.tb_frame.f_code.co_filename == self._file:
                error.node = self._lines.get(trace.tb_lineno)
            trace = trace.tb_next


def out_of_memory(cause: MemoryError) -> ExecutionError:
    """Return the error for a program whose arrays don't fit."""
    return ExecutionError(f"there is not enough memory to run this program: {cause}", code="GI504")


def _as_tuple(flat: Any) -> tuple[Any, ...]:
    return flat if isinstance(flat, tuple) else (flat,)


_count = itertools.count(1)


def _publish(owner: Executable, source: str) -> str:
    """Let tracebacks show the lines of a program for as long as it lives; return its file name."""
    name = f"<graphinit program {next(_count)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    weakref.finalize(owner, linecache.cache.pop, name, None)
    return name
