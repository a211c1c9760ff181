"""Shape rules of every op under incomplete and wrong statements: never an exception, never a lie."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from graphinit import Graph
from graphinit.errors import GraphInitError, ValueRangeError
from graphinit.ir.node import Node
from graphinit.ir.op import op_spec
from graphinit.ir.types import TensorType
from graphinit.runtime.kernels import kernel_function
from passes.shape_inference import infer_shapes

from .samples import SAMPLES, Sample
from .test_every_op import graph_of

every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=map(str, SAMPLES))


def stated(sample: Sample, types: list[TensorType], outputs: tuple[TensorType, ...] | None = None) -> Graph:
    graph = graph_of(sample, types=types)
    if outputs is None:
        return graph
    return graph.replace({"op": replace(graph["op"], types=outputs)})


def agrees(found: TensorType, true: TensorType) -> bool:
    """Whether what is stated is true, as far as it goes."""
    if found.shape is None:
        return True
    return len(found.shape) == len(true.shape) and all(
        a in (-1, b) for a, b in zip(found.shape, true.shape, strict=True)
    )


def forgotten(type: TensorType) -> Iterator[TensorType]:
    """Yield the type with less and less known of its shape."""
    for axis in range(len(type.shape)):
        yield TensorType((*type.shape[:axis], -1, *type.shape[axis + 1 :]), type.dtype)
    yield TensorType((-1,) * len(type.shape), type.dtype)
    yield TensorType(None, type.dtype)


@every_sample
def test_what_is_unknown_is_found_or_stays_unknown(sample: Sample) -> None:
    """Any statement left out, inputs and outputs alike: what is inferred is what was left out."""
    inputs = [TensorType.parse(array) for array in sample.arrays()]
    outputs = infer_shapes(graph_of(sample)).graph["op"].types
    for index, type in enumerate(inputs):
        for less in forgotten(type):
            types = [*inputs[:index], less, *inputs[index + 1 :]]
            for given in (None, outputs):
                report = infer_shapes(stated(sample, types, given))
                assert report.ok, report.errors
                nodes: list[Node] = list(report.graph)
                for node, true in zip(nodes, inputs, strict=False):
                    assert agrees(node.type, true), (less, node)
                for found, true in zip(report.graph["op"].types, outputs, strict=True):
                    assert agrees(found, true), (less, found)


@every_sample
def test_wrong_shapes_are_reported_or_work(sample: Sample) -> None:
    """An axis more, one less, a size changed: either a report of the mistake, or the kernel agrees."""
    inputs = [TensorType.parse(array) for array in sample.arrays()]
    spec = op_spec(sample.op)
    attrs = spec.check_attrs(sample.attrs)
    for index, type in enumerate(inputs):
        shapes = [(*type.shape, 13), (13, *type.shape), type.shape[1:]]
        shapes += [
            (*type.shape[:axis], size + 1, *type.shape[axis + 1 :]) for axis, size in enumerate(type.shape)
        ]
        for shape in shapes:
            types = [*inputs[:index], TensorType(shape, type.dtype), *inputs[index + 1 :]]
            report = infer_shapes(stated(sample, types))
            if not report.ok:
                continue
            found = report.graph["op"].types
            assert all(t.is_static for t in found), (shape, found)
            arrays = [np.zeros(t.shape, t.dtype) for t in types]
            results = [np.empty(t.shape, t.dtype) for t in found]
            # Ids out of range are a matter of values; all else that is wrong is a matter of shapes.
            with np.errstate(all="ignore"), contextlib.suppress(ValueRangeError):
                kernel_function(spec, attrs, len(arrays))(results, arrays)


@every_sample
def test_wrong_outputs_are_reported(sample: Sample) -> None:
    inputs = [TensorType.parse(array) for array in sample.arrays()]
    outputs = infer_shapes(graph_of(sample)).graph["op"].types
    for port, type in enumerate(outputs):
        wrong = TensorType((*type.shape, 13), type.dtype)
        report = infer_shapes(stated(sample, inputs, (*outputs[:port], wrong, *outputs[port + 1 :])))
        assert not report.ok
        assert all(isinstance(error, GraphInitError) for error in report.errors)
