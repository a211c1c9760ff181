"""A table of a network's blocks, in Gluon's form."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from graphinit.ir.tensor import Tensor
from graphinit.nn.describing import trace_block
from graphinit.nn.owner import Owner
from graphinit.parameter import Parameter
from graphinit.plain_text import class_name, escaped
from passes.shape_inference import infer_shapes
from passes.shape_report import ShapeReport

WIDTH = 80


def summarize(block: Owner, specs: Mapping[str, Any]) -> str:
    """Return the table of a block for some input specifications; see `Block.summary`."""
    graph, trace = trace_block(block, False, specs)
    report = infer_shapes(graph)
    report.raise_errors()
    types = {id(p): report[name] for name, p in _by_node(block, report).items()}

    def counted(parameters: Iterable[Parameter]) -> str:
        return _count([types.get(id(p.root), p.shape) for p in parameters])

    lines = ["-" * WIDTH, _row("Layer (type)", "Output Shape", "Param #"), "=" * WIDTH]
    lines.append(_row("Input", _shapes(report, list(graph.inputs)), "0"))
    seen: list[Parameter] = []
    number = 0
    for inner, result in trace.calls:
        own = list(inner._parameters.values())
        seen += own
        if type(inner).__name__ == "Sequential":
            continue
        number += 1
        names = [tensor.name for tensor in _tensors(result)]
        lines.append(_row(f"{class_name(inner)}-{number}", _shapes(report, names), counted(own)))
    distinct = list({id(p.root): p.root for p in seen}.values())
    trained = [p for p in seen if p.grad_req != "null"]
    frozen = [p for p in seen if p.grad_req == "null"]
    shared = [p for index, p in enumerate(seen) if any(p.root is q.root for q in seen[:index])]
    lines += [
        "=" * WIDTH,
        "Parameters in forward computation graph, duplicate included",
        f"   Total params: {counted(seen)}",
        f"   Trainable params: {counted(trained)}",
        f"   Non-trainable params: {counted(frozen)}",
        f"Shared params in forward computation graph: {counted(shared)}",
        f"Unique parameters in model: {counted(distinct)}",
        "-" * WIDTH,
    ]
    return "\n".join(lines)


def _by_node(block: Owner, report: ShapeReport) -> dict[str, Parameter]:
    found = block.collect_params()
    return {name: found[name].root for name in report.graph.parameters}


def _row(layer: str, shape: str, count: str) -> str:
    return f"{layer:>20}  {shape:>42} {count:>15}"


def _shapes(report: ShapeReport, names: list[str]) -> str:
    shapes = [report.get(name) for name in names]  # None inside a loop
    return escaped(
        ", ".join("(...)" if shape is None else f"({', '.join(map(str, shape))})" for shape in shapes)
    )


def _tensors(result: Any) -> list[Tensor]:
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, list | tuple):
        return [tensor for item in result for tensor in _tensors(item)]
    return [result] if isinstance(result, Tensor) else []


def _count(shapes: Iterable[Any]) -> str:
    """Return how many numbers arrays hold: ``5130``, or ``256×? + 10`` while sizes are unknown."""
    known = 0
    unsettled: list[str] = []
    for shape in shapes:
        if shape is not None and all(isinstance(size, int) and size >= 0 for size in shape):
            known += math.prod(shape)
        else:
            unsettled.append(escaped("×".join("?" if size == -1 else str(size) for size in shape or (-1,))))
    return " + ".join([*unsettled, *([str(known)] if known or not unsettled else [])])
