"""Sub-graphs: what ops of control flow need of the compiler, for the graphs among their attributes.

A sub-graph's shapes are solved by the ordinary solver, from what is known of the operands; what it
finds is stated back, so a size flows into a loop's body and out of it, and onto parameters that the
body captures.  A sub-graph runs as a planned program of its own, compiled once for the shapes that it
meets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from graphinit.errors import DTypeError
from graphinit.ir.dims import Dim, Expr, Unknown
from graphinit.ir.graph import Graph
from graphinit.ir.types import TensorType
from graphinit.ops.subgraphs import Arrays, Place, install
from graphinit.runtime.executor import Executable
from passes.base import run_pass
from passes.cost import estimate_cost
from passes.memory_planning import PlanMemory
from passes.numpy_emitter import emit_numpy
from passes.pipelines import pipeline
from passes.shape_inference import InferShapes
from passes.shapes.dtype_inference import Dtypes, kind_words
from passes.shapes.shape_context import ShapeContext
from passes.shapes.solver import Solver


class SubgraphEngine:
    """Runs and analyses sub-graphs; see `graphinit.ops.subgraphs.Engine`."""

    def state_shapes(
        self, ctx: ShapeContext, graph: Graph, inputs: Sequence[Place], outputs: Sequence[Place], name: str
    ) -> None:
        """State in a rule's context what holds between the inputs and outputs of a sub-graph.

        A place (-1, 0) is an output that must be one truth value.
        """
        if len(inputs) != len(graph.inputs) or len(outputs) != len(graph.outputs):
            ctx.fail(
                "GI202",
                f"{name} takes {len(graph.inputs)} values and gives {len(graph.outputs)}; "
                f"there are {len(inputs)} and {len(outputs)} to take and to give",
            )
            return
        shapes: list[Any] = [type.shape for node in graph for type in node.types]
        numbers = [graph.numbers[node] for node in graph.inputs]
        for number, place in zip(numbers, inputs, strict=True):
            shapes[number] = _pattern(ctx, place)
        solver = Solver(positive=ctx.local.positive)
        solver.add(graph.table, shapes)
        solver.run()
        nodes = list(graph.nodes)
        for (row, _), clash in solver.clashes.items():
            ctx.fail(clash.code, f"in {name}, at {nodes[row]}: {clash.message}")
        for need in solver.needs.values():
            ctx.local.need(need.alternatives, (), f"in {name}: {need.why}", need.taken)
        if solver.clashes:
            return
        ends = [graph.numbers[value.node] + value.port for value in graph.outputs.values()]
        held: dict[Any, Any] = {}
        for number, place in zip((*numbers, *ends), (*inputs, *outputs), strict=True):
            _state(ctx, place, solver.shapes[number], held, name)

    def dtypes(self, graph: Graph, inputs: Sequence[str | None]) -> tuple[str | None, ...]:
        """Return the dtypes of a sub-graph's outputs.

        Raises
        ------
        DTypeError
            GI301, when they don't fit the ops inside.
        """
        dtypes = Dtypes()
        dtypes.add(graph.table, graph.nodes.values())
        for node, dtype in zip(graph.inputs, inputs, strict=False):
            dtypes.dtypes[graph.numbers[node]] = dtype
        dtypes.run()
        for row, slot, kind in dtypes.clashes:
            words = kind if slot < 0 else f"input {slot} must be {kind_words(kind)}"
            raise DTypeError(f"at {list(graph.nodes)[row]}: {words}")
        return tuple(
            dtypes.dtypes[graph.numbers[value.node] + value.port] for value in graph.outputs.values()
        )

    def cost(self, graph: Graph, inputs: Sequence[TensorType]) -> Dim:
        """Return the FLOPs of a sub-graph, -1 when they are not known."""
        if any(type.shape is None for type in inputs):
            return -1
        report = run_pass(InferShapes(dict(zip(graph.inputs, inputs, strict=False))), graph).report
        return estimate_cost(report).flops

    def function(self, graph: Graph, arrays: Arrays) -> Callable[..., tuple[np.ndarray, ...]]:
        """Return what computes a sub-graph on arrays of such shapes and dtypes."""
        return _compiled(graph, tuple((array.shape, array.dtype.name) for array in arrays))


def _pattern(ctx: ShapeContext, place: Place) -> Any:
    slot, hidden = place
    shape = ctx.shape(slot)
    if shape is None:
        return None
    found = [ctx.known(dim) for dim in shape[hidden:]]
    return tuple(-1 if dim is None else dim for dim in found)


def _state(ctx: ShapeContext, place: Place, shape: Any, held: dict[Any, Any], name: str) -> None:
    """State what a sub-graph's solver found of one of its inputs or outputs."""
    slot, hidden = place
    if not isinstance(shape, tuple):
        return
    if slot < 0:
        if shape:
            ctx.fail("GI202", f"{name} must be one truth value, with no axes; it has {len(shape)}")
        return
    rank = len(shape) + hidden
    words = f"{ctx.local.names[slot]} must have {rank} {'axis' if rank == 1 else 'axes'}, as {name} makes it"
    if not ctx.set_rank(slot, rank, words):
        return
    for axis, dim in enumerate(shape, hidden):
        mine = ctx.dim(slot, axis)
        why = f"axis {axis} of {ctx.local.names[slot]} is what {name} makes it"
        if type(dim) is Unknown:
            ctx.equal(held.setdefault(dim, mine), mine, why)
        elif isinstance(dim, Expr) or (isinstance(dim, int) and dim >= 0):
            ctx.equal(mine, dim, why)


@lru_cache(maxsize=256)
def _compiled(graph: Graph, types: tuple[tuple[Any, str], ...]) -> Callable[..., tuple[np.ndarray, ...]]:
    given = {
        name: TensorType(shape, dtype) for name, (shape, dtype) in zip(graph.inputs, types, strict=False)
    }
    report = run_pass(InferShapes(given), graph).report
    report.raise_errors(unknown=True)
    settled = run_pass(pipeline("default"), report.graph).graph
    plan = run_pass(PlanMemory(), settled).report
    results = list(graph.outputs)
    executable = Executable(settled, plan.program, emit_numpy, {}, results, results, {})
    run: Callable[..., Any] = executable.run
    return run if len(results) > 1 else lambda *arrays: (run(*arrays),)


install(SubgraphEngine())
