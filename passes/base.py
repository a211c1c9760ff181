"""Passes: functions from graph to graph, as values.

A pass is a frozen dataclass whose fields are its options; calling it on a graph returns a
`PassResult` and leaves its input alone.  A `Pipeline` is a pass made of passes.  What should happen
around every pass (verify, time, print, draw) is an `Instrument`, plugged in and never written into
a pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from graphinit.errors import CallError, ExecutionError, GraphInitError
from graphinit.ir.graph import Graph
from graphinit.ir.printer import format_node
from graphinit.plain_text import escaped, shown

R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class PassResult(Generic[R_co]):
    """What a pass returns.

    Parameters
    ----------
    graph : Graph
        The graph after the pass: a new one, or the same object when nothing changed.
    changed : bool
        Whether it is a new one.
    report : object
        What the pass found; None when it has nothing to say.
    """

    graph: Graph
    changed: bool
    report: R_co


class Network(Protocol):
    """What can be traced: a block, or whatever else has such a method."""

    def trace(self, train: bool = ..., **inputs: Any) -> Graph:
        """Return the network as a graph."""


def traced(net_or_graph: Graph | Network, what: Any = "a pass", **inputs: Any) -> Graph:
    """Return a graph: the one given, or what a network says of itself.

    Parameters
    ----------
    net_or_graph : Block or Graph
        A network is traced; nothing of it is changed.
    what : str or Pass
        Who asks, for the error.
    **inputs : spec
        What a network is traced with.

    Raises
    ------
    CallError
        GI503, when it is neither.
    """
    if isinstance(net_or_graph, Graph):
        return net_or_graph
    graph = net_or_graph.trace(**inputs) if is_network(net_or_graph) else None
    if not isinstance(graph, Graph):
        raise no_network(net_or_graph, what if isinstance(what, str) else pass_name(what))
    return graph


def is_network(value: Any) -> bool:
    """Whether a value can be traced; a class of networks cannot, and `trace` of an array is another thing."""
    is_array = hasattr(type(value), "__array__")
    return not (isinstance(value, type) or is_array) and callable(getattr(value, "trace", None))


def no_network(value: Any, what: str) -> CallError:
    """Return the error for what is neither a network nor a graph."""
    return CallError(f"{what} takes a network or a graph, not {shown(value)}")


class Pass(Protocol[R_co]):
    """A function from graph to graph and report; never changes its argument."""

    def __call__(self, graph: Graph, /) -> PassResult[R_co]:
        """Run the pass."""


class Instrument:
    """What happens around each pass of a `Pipeline`; this one does nothing."""

    def before(self, name: str, graph: Graph) -> None:
        """Take note of a pass that is about to run."""

    def after(self, name: str, graph: Graph, result: PassResult[Any]) -> None:
        """Take note of a pass that has run."""


@dataclass(frozen=True)
class TimePasses(Instrument):
    """Measure passes.

    Attributes
    ----------
    seconds : list of (str, float)
        Name and duration of each pass, in order.
    """

    seconds: list[tuple[str, float]] = field(default_factory=list)
    _starts: list[float] = field(default_factory=list, repr=False)

    def before(self, name: str, graph: Graph) -> None:
        """Start the clock."""
        self._starts.append(time.perf_counter())

    def after(self, name: str, graph: Graph, result: PassResult[Any]) -> None:
        """Stop it."""
        self.seconds.append((name, time.perf_counter() - self._starts.pop()))


@dataclass(frozen=True)
class PrintPasses(Instrument):
    """Write the graph after each pass that changed it.

    Parameters
    ----------
    write : callable
        Takes the text.
    """

    write: Callable[[str], Any]

    def after(self, name: str, graph: Graph, result: PassResult[Any]) -> None:
        """Write the graph, or that it is as it was."""
        self.write(f"after {escaped(name)}: {result.graph if result.changed else 'unchanged'}\n")


@dataclass(frozen=True)
class DrawPasses(Instrument):
    """Hand the graph to a function after each pass that changed it.

    Parameters
    ----------
    draw : callable
        Takes the name of the pass and the graph, such as
        ``lambda name, graph: graphinit.render(graph, f"{name}.svg")``.
    """

    draw: Callable[[str, Graph], Any]

    def after(self, name: str, graph: Graph, result: PassResult[Any]) -> None:
        """Draw what changed."""
        if result.changed:
            self.draw(name, result.graph)


@dataclass(frozen=True)
class Pipeline:
    """Passes that run one after the other; itself a pass.

    Parameters
    ----------
    passes : sequence of passes
        In the order in which they run.
    instruments : sequence of Instrument
        What happens around each of them.
    name : str
        What it is called in errors and by instruments.

    Raises
    ------
    CallError
        GI503, when something else is given.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> from passes.dead_code import RemoveDeadCode
    >>> clock = TimePasses()
    >>> result = Pipeline([RemoveDeadCode()], [clock])(Graph(outputs=F.relu(F.input("x"))))
    >>> result.changed, [name for name, _ in clock.seconds]
    (False, ['RemoveDeadCode'])
    """

    passes: Sequence[Pass[Any]]
    instruments: Sequence[Instrument] = ()
    name: str = "Pipeline"

    def __post_init__(self) -> None:
        if isinstance(self.passes, str) or not isinstance(self.passes, Sequence):
            raise CallError(f"a pipeline takes a list of passes, not {self.passes!r}")
        for item in self.passes:
            if isinstance(item, type):
                raise CallError(
                    f"a pipeline is made of passes: {item.__name__}(), not the class {item.__name__}"
                )
            if not callable(item):
                raise CallError(f"a pipeline is made of passes such as FoldConstants(), not of {item!r}")

    def __call__(self, graph: Graph | Network) -> PassResult[tuple[Any, ...]]:
        """Run the passes on a graph, or on the trace of a network; the report is the tuple of theirs."""
        graph = first = traced(graph, self)
        reports = []
        for item in self.passes:
            result = run_pass(item, graph, self.instruments)
            reports.append(result.report)
            graph = result.graph
        return PassResult(graph, graph is not first, tuple(reports))

    def with_instruments(self, *instruments: Instrument) -> Pipeline:
        """Return the same pipeline with more instruments, here and in pipelines inside."""
        inner = [p.with_instruments(*instruments) if isinstance(p, Pipeline) else p for p in self.passes]
        return Pipeline(inner, (*self.instruments, *instruments), self.name)


def pass_name(item: Pass[Any]) -> str:
    """Return what a pass is called: its `name`, or that of its class or function."""
    named = getattr(item, "name", None) or getattr(item, "__name__", None)
    return str(named or type(item).__name__)


def run_pass(item: Pass[Any], graph: Graph, instruments: Sequence[Instrument] = ()) -> PassResult[Any]:
    """Run one pass with instruments around it; an error gains the pass's name and the graph's line."""
    name = pass_name(item)
    with pass_boundary(name, graph):
        for instrument in instruments:
            instrument.before(name, graph)
        result = item(graph)
        for instrument in reversed(instruments):
            instrument.after(name, graph, result)
    return result


@contextmanager
def pass_boundary(name: str, graph: Graph) -> Iterator[None]:
    """Let errors that leave the body say which pass and which line of the graph they concern, once."""
    try:
        yield
    except MemoryError as cause:
        raise ExecutionError(
            f"there is not enough memory for the pass {name}: {cause}", code="GI504"
        ) from cause
    except Exception as error:
        if not getattr(error, "crossed_pass", ""):
            error.crossed_pass = name  # type: ignore[attr-defined]
            lines = [f"in pass {escaped(name)}"]
            node = graph.nodes.get(getattr(error, "node", None) or "")
            if node is not None:
                lines.append(f"  {format_node(node)}")
            if isinstance(error, GraphInitError):
                error.details = (*error.details, *lines)
            else:
                error.add_note("\n".join(lines))
        raise
