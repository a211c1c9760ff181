"""A program computes what the reference interpreter computes: for every op, both ways."""

from __future__ import annotations

import numpy as np
import pytest

import graphinit
from graphinit import Graph, GraphBuilder
from graphinit.errors import DifferentiationError
from graphinit.ir.node import Value
from graphinit.ir.types import TensorType
from passes.differentiation import differentiate

from ..ops.reference import evaluate
from ..ops.samples import SAMPLES, Sample


def graph_of(sample: Sample, arrays: list[np.ndarray]) -> Graph:
    """Return the graph of one op; its inputs are called a, b, c... and its outputs y0, y1..."""
    builder = GraphBuilder()
    inputs = [
        builder.source("input", chr(97 + place), TensorType.parse(array))
        for place, array in enumerate(arrays)
    ]
    first = builder.add(sample.op, inputs, sample.attrs, name="op")
    outputs = {f"y{port}": Value(first.node, port) for port in range(len(builder.nodes["op"].types))}
    return builder.build(outputs, inputs=[value.node for value in inputs])


@pytest.mark.parametrize("sample", SAMPLES, ids=map(str, SAMPLES))
def test_program_equals_reference(sample):
    arrays = sample.arrays()
    graph = graph_of(sample, arrays)
    given = {chr(97 + place): array for place, array in enumerate(arrays)}
    expected = evaluate(graph, given)
    for pipeline in ("checked", "none"):
        exe = graphinit.compile(graph, grad=False, pipeline=pipeline)
        got = exe.forward(**given)
        got = got if isinstance(got, dict) else {"y0": got}
        for name, array in expected.items():
            np.testing.assert_array_equal(got[name], array)
            assert got[name].dtype == array.dtype
            assert not any(np.shares_memory(got[name], other) for other in arrays)


@pytest.mark.parametrize("sample", SAMPLES, ids=map(str, SAMPLES))
def test_gradients_equal_those_of_the_reference(sample):
    arrays = sample.arrays()
    graph = graph_of(sample, arrays)
    given = {chr(97 + place): array for place, array in enumerate(arrays)}
    try:
        exe = graphinit.compile(graph, pipeline="checked")
    except DifferentiationError:
        return  # it says why; tests of the op look at that
    if not exe.gradients:
        return  # it takes, or gives, no floating numbers
    joint = differentiate(graph, wrt=list(exe.gradients.values()))
    rng = np.random.default_rng(0)
    seeds = {
        name.removeprefix("d."): np.asarray(rng.standard_normal(exe.graph[name].type.shape))
        for name in exe.program.phases[1].inputs
    }
    expected = evaluate(joint, {**given, **{f"d.{name}": seed for name, seed in seeds.items()}})
    exe.forward(**given)
    for _ in range(2):
        got = exe.backward(**seeds)
        for label, name in exe.gradients.items():
            np.testing.assert_allclose(got[name], expected[label], rtol=1e-12, atol=1e-12)
            assert got[name].shape == np.shape(given[name])
