"""Every op with every argument in every shape near the right one: inference against running."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from graphinit.errors import GraphInitError
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.node import Value
from graphinit.ir.types import TensorType
from passes.shape_inference import infer_shapes
from tests.ops.samples import SAMPLES, Sample
from tests.shapes.wrong_shapes import CONTRACTS, compute, is_helper, resized, runs_anyway, spoilt_shapes

BEYOND = {"take_grad", "pick_grad"}
"""Helpers that ids beyond a table break: the op that they are the gradient of has refused them before."""


def network(sample: Sample, arrays: list[np.ndarray]) -> tuple[Graph, str]:
    """One op, and its name."""
    builder = GraphBuilder()
    types = [TensorType(array.shape, array.dtype.name) for array in arrays]
    inputs = [builder.source("input", f"x{place}", type_) for place, type_ in enumerate(types)]
    name = builder.add(sample.op, inputs, sample.attrs).node
    ports = range(len(builder.nodes[name].types))
    return builder.build({f"y{port}": Value(name, port) for port in ports}, keep_all=True), name


def spoilt(sample: Sample) -> Iterator[list[np.ndarray]]:
    arrays = sample.arrays()
    for place, array in enumerate(arrays):
        for shape in spoilt_shapes(array.shape):
            yield [*arrays[:place], resized(array, shape), *arrays[place + 1 :]]


@pytest.mark.parametrize("op", sorted({sample.op for sample in SAMPLES}))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's means of nothing
def test_what_is_accepted_runs_and_what_is_refused_does_not(op: str) -> None:
    stated = False
    for sample in SAMPLES:
        for arrays in spoilt(sample) if sample.op == op else ():
            graph, name = network(sample, arrays)
            report = infer_shapes(graph)
            if report.ok:
                node = report.graph[name]
                outputs = [np.zeros(type_.shape, type_.dtype) for type_ in node.types]  # type: ignore[arg-type]
                try:
                    compute(node, outputs, arrays)
                except GraphInitError:  # about values
                    pass
                except IndexError:
                    assert op in BEYOND
            elif not is_helper(op) and runs_anyway(graph[name], sample, arrays):
                assert op in CONTRACTS, (str(sample), [array.shape for array in arrays], str(report))
                stated = True
    assert stated == (op in CONTRACTS), "a contract that excludes nothing"
