"""compile(): from a network to something that runs.  The one file of graphinit that drives the passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from graphinit.errors import CallError, GraphError, ShapeError
from graphinit.faces import listed_face
from graphinit.ir.dims import Expr
from graphinit.ir.graph import Graph
from graphinit.ir.node import Node, Value
from graphinit.ir.types import TensorType, is_float, is_integer, static_shape
from graphinit.runtime.arguments import array_leaves, without_dtype
from graphinit.runtime.executor import GRADIENT, SEED, ArrayVariable, Executable, StateVariable, Variable
from passes.base import Pass, is_network, no_network, run_pass
from passes.dead_code import RemoveDeadCode
from passes.differentiation import NEXT, Differentiate
from passes.memory_planning import Plan, PlanMemory
from passes.numpy_emitter import emit_numpy
from passes.pipelines import pipeline as chosen_pipeline
from passes.shape_inference import InferShapes, ShapeReport


def compile(
    net_or_graph: Any,
    *,
    inputs: Mapping[str, Any] | None = None,
    train: bool = False,
    grad: bool = True,
    parameters: Mapping[str, Any] | None = None,
    outputs: Iterable[str] | None = None,
    pipeline: str | Pass[Any] = "default",
    **specs: Any,
) -> Executable:
    """Compile a network or a graph for inputs of given shapes.

    Parameters
    ----------
    net_or_graph : Block or Graph
        What to compile.  Deferred parameters of a block are settled and drawn.
    inputs : mapping from str to spec, optional
        Specifications of inputs whose names clash with options of this function.
    train : bool
        The mode of layers such as dropout; of a graph it is settled already.
    grad : bool
        Whether forward keeps what backward needs.
    parameters : mapping from str to array, optional
        Parameters, and first values of states, of a functional graph; looked up at each call, never
        written to.
    outputs : iterable of str, optional
        Names of inner values to return as well; outputs are then returned as a dict by name.
    pipeline : str or pass
        ``"default"``, ``"none"`` (the graph as it was described), ``"checked"`` (verified after
        every pass), or a pass.
    **specs : tuple, array, TensorType or str
        Shapes of the inputs by name.

    Returns
    -------
    Executable

    Raises
    ------
    ShapeError
        The first of the network's mistakes; GI207 when a size is not known.
    CallError
        GI503, when it is neither a network nor a graph, or parameters of a graph are missing, or given for a
        block.
    UninitializedError
        GI401, when a block's parameters were never initialised.
    DifferentiationError
        GI109, when a gradient would flow through an op that has none.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> x, w = F.input("x", shape=("batch", 2)), F.parameter("w", shape=(1, -1))
    >>> exe = compile(Graph(outputs=F.linear(x, w)), x=(3, 2), parameters={"w": [[2.0, 3.0]]})
    >>> exe.forward(np.ones((3, 2)))
    array([[5.],
           [5.],
           [5.]], dtype=float32)
    >>> exe.backward()["w"]
    array([[3., 3.]], dtype=float32)
    """
    given = {**specs, **(inputs or {})}
    if isinstance(net_or_graph, Graph):
        graph, structure = _with_outputs(net_or_graph, outputs)
        report = _inferred(graph, {**_evidence(graph, parameters or {}), **given})
        variables = _array_variables(report.graph, parameters or {})
    elif is_network(net_or_graph):
        if parameters is not None:
            raise CallError("parameters= is for graphs; a block has its own")
        shapes = {name: without_dtype(spec) for name, spec in given.items()}
        graph, structure = _with_outputs(net_or_graph.trace(train=train, **shapes), outputs)
        graph = run_pass(RemoveDeadCode(), graph).graph  # parameters that nothing uses need no shape
        graph, report = _with_dtypes(graph, array_leaves(given))
        net_or_graph.settle(report)
        variables = net_or_graph.variables(graph)
    else:
        raise no_network(net_or_graph, "compile")
    return _build(graph, structure, report, variables, grad, chosen_pipeline(pipeline))


def _build(
    graph: Graph,
    structure: Any,
    report: ShapeReport,
    variables: Mapping[str, Variable],
    grad: bool,
    clean: Pass[Any],
) -> Executable:
    settled: Graph = run_pass(clean, report.graph).graph
    visible = [name for name in graph.outputs if not _is_next(graph, name)]
    starts = tuple(name for name in visible if is_float(settled.type_of(settled.outputs[name]).dtype))
    wanted = _wanted(settled, variables) if grad and starts else ()
    gradients: dict[str, str] = {}
    seeds: tuple[str, ...] = ()
    if wanted:
        settled, gradients, seeds = _differentiated(settled, starts, wanted, clean)
    plan = run_pass(PlanMemory(tuple(gradients), seeds), settled).report
    return _executable(settled, plan, variables, structure, visible, gradients, report)


def _differentiated(
    graph: Graph, starts: tuple[str, ...], wanted: tuple[str, ...], clean: Pass[Any]
) -> tuple[Graph, dict[str, str], tuple[str, ...]]:
    """Return the graph with gradients, the names of these outputs with their owners, and the new inputs."""
    before = set(graph.inputs)
    joint = run_pass(Differentiate(starts, wanted), graph)
    gradients = dict(zip(joint.report, wanted, strict=True))
    seeds = tuple(name for name in joint.graph.inputs if name not in before)
    return run_pass(clean, _inferred(joint.graph, {}).graph).graph, gradients, seeds


def _executable(
    graph: Graph,
    plan: Plan,
    variables: Mapping[str, Variable],
    structure: Any,
    visible: list[str],
    gradients: dict[str, str],
    report: ShapeReport,
) -> Executable:
    for name in (*graph.parameters, *graph.state):
        variables[name].data()  # nothing is compiled for a parameter without values
    return Executable(
        graph,
        plan.program,
        emit_numpy,
        variables,
        structure,
        visible,
        gradients,
        report,
        plan.memory,
    )


def differentiate_for(
    graph: Graph, starts: tuple[str, ...], wanted: tuple[str, ...]
) -> tuple[Graph, dict[str, str]]:
    """Return a described graph, clean and with gradients, and whose gradient each new output is.

    The gradients of the outputs `starts` are inputs ``d.<output>``.
    """
    clean = chosen_pipeline("default")
    settled: Graph = run_pass(clean, _inferred(run_pass(RemoveDeadCode(), graph).graph, {}).graph).graph
    joint, gradients, _ = _differentiated(settled, starts, wanted, clean)
    return joint, gradients


def settled_graph(net: Any, train: bool, given: Mapping[str, Any]) -> tuple[Graph, ShapeReport]:
    """Describe a block for inputs of given shapes, and draw the parameters that waited for them.

    Raises
    ------
    ShapeError
        The first of the network's mistakes.
    UninitializedError
        GI401, when its parameters were never initialised.
    """
    graph = net.trace(train=train, **{name: without_dtype(spec) for name, spec in given.items()})
    graph, report = _with_dtypes(run_pass(RemoveDeadCode(), graph).graph, array_leaves(given))
    net.settle(report)
    return graph, report


def compile_training(
    graph: Graph,
    variables: Mapping[str, Variable],
    *,
    starts: tuple[str, ...] = (),
    wanted: tuple[str, ...] = (),
    writes: Mapping[str, str] | None = None,
) -> Executable:
    """Compile a graph whose variables change: gradients that go to their places, updates of parameters.

    Between forward and backward nobody writes to its inputs.

    Parameters
    ----------
    graph : Graph
        What to compile.
    variables : mapping from str to Variable
        Parameters and states by name, and what else `writes` mentions.
    starts : tuple of str
        Outputs that backward starts from.
    wanted : tuple of str
        Inputs and parameters whose gradients it computes; none for a program without backward.
    writes : mapping from str to str
        For outputs, gradients (``grad.<name>``) among them, the variables that they are written to.

    Returns
    -------
    Executable
    """
    clean = chosen_pipeline("default")
    report = _inferred(run_pass(RemoveDeadCode(), graph).graph, {})
    settled: Graph = run_pass(clean, report.graph).graph
    gradients: dict[str, str] = {}
    seeds: tuple[str, ...] = ()
    if wanted:
        settled, gradients, seeds = _differentiated(settled, starts, wanted, clean)
    taken = writes or {}
    plan = run_pass(PlanMemory(tuple(gradients), seeds, tuple(taken.items()), held=True), settled).report
    visible = [name for name in graph.outputs if not _is_next(graph, name) and name not in taken]
    returned = {name: owner for name, owner in gradients.items() if name not in taken}
    return _executable(settled, plan, variables, tuple(visible), visible, returned, report)


def _inferred(graph: Graph, given: Mapping[str, Any]) -> ShapeReport:
    return _checked(run_pass(InferShapes(given), graph).report)


def _checked(report: ShapeReport) -> ShapeReport:
    """Raise the first mistake of a report, and an error when a size is not known; else return it."""
    report.raise_errors(unknown=True)
    open_symbols = sorted(
        {
            symbol
            for node in report.graph
            for type in node.types
            for dim in type.shape or ()
            if isinstance(dim, Expr)
            for symbol in dim.symbols
        }
    )
    if open_symbols:
        raise ShapeError(
            f"a program needs every size as a number: give {', '.join(open_symbols)} a size in the inputs' shapes",
            code="GI207",
        )
    return report


def _with_dtypes(graph: Graph, arrays: Mapping[str, Any]) -> tuple[Graph, ShapeReport]:
    """Return a block's graph and its report, with the dtypes that its inputs are cast to at a call.

    An input that was given as an array, or as a bare shape, takes the dtype of the parameters, or of
    what takes it as ids; where there are no parameters, an array keeps its own.
    """
    report: ShapeReport = run_pass(InferShapes({}), graph).report  # dtypes may clash until they are settled
    floats = [dtype for node in graph.parameters.values() if is_float(dtype := node.type.dtype)]
    retyped: dict[str, Node] = {}
    for name, node in graph.inputs.items():
        settled = report.type(name).dtype
        if node.type.dtype is not None:
            continue  # it was stated
        wanted = settled
        if is_float(settled):
            wanted = floats[0] if floats else arrays[name].dtype.name if name in arrays else settled
        elif is_integer(settled) and name in arrays and arrays[name].dtype.kind in "iu":
            wanted = arrays[name].dtype.name
        if wanted != settled:
            retyped[name] = replace(node, types=(TensorType(node.type.shape, wanted),))
    if not retyped:
        return graph, _checked(report)
    graph = graph.replace(retyped)
    return graph, _inferred(graph, {})


def _with_outputs(graph: Graph, outputs: Iterable[str] | None) -> tuple[Graph, Any]:
    """Return the graph with inner values as outputs too, and the structure in which they are returned."""
    hidden = {name for name in graph.outputs if _is_next(graph, name)}
    if outputs is None:
        return graph, _without(graph.structure, hidden)
    named = dict(graph.outputs)
    for name in outputs:
        if name not in named:
            node, _, port = name.rpartition(":") if name not in graph else (name, "", "0")
            if node not in graph or not port.isdigit() or int(port) >= len(graph[node].types):
                raise GraphError(f"the graph has no value named {name!r}", code="GI106", node=name)
            named[name] = Value(node, int(port))
    structure = {name: name for name in named if name not in hidden}
    return graph.replace({}, named), structure


def _without(structure: Any, hidden: set[str]) -> Any:
    """Return a structure of outputs without those that callers don't see."""
    if not hidden or isinstance(structure, str):
        return structure
    if isinstance(structure, Mapping):
        kept = {
            key: item for key, item in structure.items() if not (isinstance(item, str) and item in hidden)
        }
        return kept if len(kept) > 1 or not isinstance(structure, dict) else next(iter(kept.values()), {})
    return type(structure)(item for item in structure if not (isinstance(item, str) and item in hidden))


def _is_next(graph: Graph, output: str) -> bool:
    return output.startswith(NEXT) and output.removeprefix(NEXT) in graph.state


def _wanted(graph: Graph, variables: Mapping[str, Variable]) -> tuple[str, ...]:
    """Return the inputs and parameters whose gradients backward computes."""
    trained = (
        name
        for name, node in graph.parameters.items()
        if node.attrs.get("trainable", True) and getattr(variables[name], "grad_req", "write") != "null"
    )
    floating = (name for name in graph.inputs if is_float(graph[name].type.dtype))
    return (*floating, *(name for name in trained if is_float(graph[name].type.dtype)))


def _evidence(graph: Graph, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the shapes of given arrays, which inference reads like any other statement."""
    known = {*graph.parameters, *graph.state}
    for name in parameters:
        if name not in known:
            raise CallError(
                f"the graph has no parameter {name!r}; it has {', '.join(known) or 'none'}", node=name
            )
    return {name: np.shape(parameters[name]) for name in known if name in parameters}


def _array_variables(graph: Graph, parameters: Mapping[str, Any]) -> dict[str, Variable]:
    variables: dict[str, Variable] = {}
    missing = [name for name in graph.parameters if name not in parameters]
    if missing:
        raise CallError(f"parameters= lacks {', '.join(map(repr, missing))}", node=missing[0])
    for name, node in graph.parameters.items():
        variables[name] = ArrayVariable(parameters, name, node.type)
    for name, node in graph.state.items():
        first = ArrayVariable(parameters, name, node.type).data() if name in parameters else None
        zeros = np.zeros(static_shape(node.type), node.type.dtype)
        variables[name] = StateVariable(zeros if first is None else first)
    return variables


__all__ = ["GRADIENT", "SEED", "compile"]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
