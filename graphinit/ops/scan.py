"""Scan: a sub-graph applied along an axis, handing on what it carries.

Its gradient is a scan backwards, over carried values that are computed again, so it can be
differentiated any number of times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphinit.ir.dims import Dim
from graphinit.ir.node import Value
from graphinit.ir.op import Attr, Attrs, OpSpec, Vjp, register
from graphinit.ir.types import TensorType, is_float
from graphinit.ops import checks
from graphinit.ops.rules import scaled
from graphinit.ops.subgraphs import (
    Arrays,
    Pulled,
    check_carried,
    engine,
    graph_value,
    plain,
    ports,
    selected,
    slope_of,
)

# --- scan -------------------------------------------------------------------------------------


def _scan_kernel(outputs: Arrays, inputs: Arrays, attrs: Attrs) -> None:
    carries, sequences = attrs["carries"], attrs["sequences"]
    inputs = plain(inputs)
    values, given = inputs[:carries], inputs[carries : carries + sequences]
    captured = inputs[carries + sequences :]
    length = given[0].shape[0]
    steps = range(length - 1, -1, -1) if attrs["reverse"] else range(length)
    if length:
        advance = engine().function(attrs["body"], [*values, *(array[0, ...] for array in given), *captured])
    for t in steps:
        found = advance(*values, *(array[t, ...] for array in given), *captured)
        values = list(found[:carries])
        for output, value in zip(outputs[carries:], found[carries:], strict=True):
            output[t] = value
    for output, value in zip(outputs[:carries], values, strict=True):
        np.copyto(output, value)


def _scan_shape(ctx: Any) -> None:
    carries, sequences = ctx.attrs["carries"], ctx.attrs["sequences"]
    for index, y in enumerate(ctx.outputs[:carries]):
        ctx.same_shape(y, ctx.inputs[index], f"value {index} must keep its shape through the scan")
    along = [*ctx.inputs[carries : carries + sequences], *ctx.outputs[carries:]]
    for v in along:
        if ctx.rank(v) == 0:
            ctx.fail("GI202", "what is scanned has an axis to scan along; it has none")
            return
        if ctx.rank(v) is not None and ctx.rank(along[0]) is not None:
            why = "all that is scanned must be equally long"
            ctx.equal(ctx.dim(v, 0), ctx.dim(along[0], 0), why)
    places = [(v, int(v in along)) for v in (*ctx.inputs, *ctx.outputs)]
    count = len(ctx.inputs)
    engine().state_shapes(ctx, ctx.attrs["body"], places[:count], places[count:], "the body")


def _scan_dtype(dtypes: Sequence[str | None], attrs: Attrs) -> tuple[str | None, ...]:
    found = engine().dtypes(attrs["body"], dtypes)
    check_carried(dtypes, found, attrs["carries"])
    return (*dtypes[: attrs["carries"]], *found[attrs["carries"] :])


def _scan_cost(inputs: Sequence[TensorType], outputs: Sequence[TensorType], attrs: Attrs) -> Dim:
    carries, sequences = attrs["carries"], attrs["sequences"]
    shape = inputs[carries].shape
    along = range(carries, carries + sequences)
    types = [_without_first(type) if index in along else type for index, type in enumerate(inputs)]
    return -1 if shape is None else scaled(shape[0], engine().cost(attrs["body"], types))


def _scan_vjp(v: Vjp) -> Sequence[Any]:
    body, carries, sequences = v.attrs["body"], v.attrs["carries"], v.attrs["sequences"]
    along = range(carries, carries + sequences)
    types = [_without_first(x.type) if index in along else x.type for index, x in enumerate(v.inputs)]
    floats = [index for index, x in enumerate(v.inputs) if is_float(x.dtype)]
    starts = [port for port, output in enumerate(v.outputs) if is_float(output.dtype)]
    carried = [index for index in floats if index < carries]
    scanned = [index for index in floats if index in along and v.wanted[index]]
    captured = [index for index in floats if index >= along.stop and v.wanted[index]]
    # Once more forward, keeping what each step began with.
    names = list(body.inputs)
    results = [*body.outputs.values(), *(Value(names[index]) for index in range(carries))]
    keeping = selected(body, names, results)
    again = v.emit("scan", *v.inputs, **v.attrs.replace(body=keeping))
    kept = ports(again, len(v.outputs) + carries)[len(v.outputs) :]
    # Then backward: slopes of what is carried flow on, those of what is captured add up.
    pulled = Pulled(v, body, types, starts, [*carried, *scanned, *captured])
    sums, totals = pulled.accumulate(captured, types)
    order = [
        *(pulled.seeds[index] for index in carried),
        *sums,
        *names[: along.stop],
        *(pulled.seeds[port] for port in starts if port >= carries),
        *names[along.stop :],
    ]
    slopes = [pulled.gradients[i] for i in carried] + totals + [pulled.gradients[i] for i in scanned]
    first = [slope_of(v, index) for index in carried] + [
        v.emit("zeros_like", v.inputs[index]) for index in captured
    ]
    series = [
        *kept,
        *v.inputs[carries : along.stop],
        *(slope_of(v, port) for port in starts if port >= carries),
    ]
    backward = v.emit(
        "scan",
        *first,
        *series,
        *v.inputs[along.stop :],
        body=pulled.graph(order, slopes),
        carries=len(first),
        sequences=len(series),
        reverse=not v.attrs["reverse"],
    )
    found = dict(zip([*carried, *captured, *scanned], ports(backward, len(slopes)), strict=True))
    return [found.get(index) for index in range(len(v.inputs))]


def _without_first(type: TensorType) -> TensorType:
    return TensorType(None if type.shape is None else type.shape[1:], type.dtype)


register(
    OpSpec(
        name="scan",
        signature="x.. -> y..",
        doc="A body applied along axis 0: it takes what is carried, one entry of each sequence [t,*b] and what is"
        " captured, and gives what is carried on, of the same shapes [*a], and an entry of each result [t,*c].",
        kernel=_scan_kernel,
        vjp=_scan_vjp,
        attrs=(
            Attr("body", graph_value),
            Attr("carries", checks.natural),
            Attr("sequences", checks.natural),
            Attr("reverse", checks.boolean, False),
        ),
        shape=_scan_shape,
        dtype=_scan_dtype,
        outputs=lambda attrs: len(attrs["body"].outputs),
        cost=_scan_cost,
        quiet=True,
    )
)
