"""Settling: what inference found is written into a block's parameters, all of it or nothing."""

from __future__ import annotations

from typing import Any

from graphinit.errors import CallError
from graphinit.interrupts import Held
from graphinit.ir.graph import Graph
from graphinit.nn.owner import Owner
from graphinit.parameter import Parameter
from passes.shape_report import ShapeReport


def settle(owner: Owner, report: ShapeReport, require_values: bool) -> None:
    """Take the shapes of a report and draw the parameters that waited for them; see `Block.settle`."""
    parameters = owner.collect_params().roots()
    shapes: dict[int, tuple[int, ...]] = {}
    users = report.graph.users()
    sources = [node.name for node in report.graph if node.op in ("parameter", "state")]
    names = [name for name in sources if name in parameters and users[name]]  # running values may be states
    used = [parameters[name] for name in names]
    for name, parameter in zip(names, used, strict=True):
        found = report.type(name).shape
        if found is not None:
            shapes[id(parameter)] = tuple(dim if isinstance(dim, int) else -1 for dim in found)
        if require_values and not parameter.is_waiting:
            parameter.check_initialized()

    def shape_of(parameter: Parameter) -> tuple[int, ...] | None:
        return shapes.get(id(parameter), parameter.shape)

    drawn = [parameter.drawn(shape_of) for parameter in used]
    for parameter in used:
        if id(parameter) in shapes:
            parameter.check_shape(shapes[id(parameter)])
    with Held():
        for parameter, values in zip(used, drawn, strict=True):
            if id(parameter) in shapes:
                parameter.shape = shapes[id(parameter)]
            parameter.commit(values)


def variables(owner: Owner, graph: Graph) -> dict[str, Any]:
    """Return what holds the values of a graph's parameters and state, by node name; see `Block.variables`."""
    found: dict[str, Any] = {**owner.states(), **owner.collect_params().roots()}
    try:
        return {name: found[name] for name in (*graph.parameters, *graph.state)}
    except KeyError as cause:
        raise CallError(f"{owner.name} has no parameter {cause}", path=owner.path) from cause
