"""Planned memory is never seen in results: random graphs, against the reference interpreter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphinit
from graphinit import Graph
from graphinit import functional as F
from graphinit.ir.tensor import apply
from graphinit.runtime.program import View
from passes.allocation import Arena
from passes.differentiation import differentiate
from passes.memory_planning import PlanMemory
from passes.shape_inference import infer_shapes

from ..ops.reference import evaluate

SHAPE = (3, 5)

UNARY = (
    F.tanh,
    F.relu,
    lambda x: -x,
    lambda x: F.sigmoid(x) * 2,
    lambda x: x.T.reshape(3, 5),
    lambda x: x.reshape(5, 3).T,
    lambda x: x[::-1],
    lambda x: F.softmax(x, axis=0),
    lambda x: x[:, 1:2] + x,
    lambda x: x - x.mean(axis=1, keepdims=True),
    lambda x: F.split(x, 5, axis=1)[2] * x,
    lambda x: F.concat([x[1:], x[:1]], axis=0),
)
BINARY = (
    lambda x, y: x + y,
    lambda x, y: x * y,
    lambda x, y: x - y,
    F.maximum,
    lambda x, y: F.where(x > y, x, y * 0.5),
    lambda x, y: (x @ y.T) @ y * 0.1,
)

steps = st.lists(
    st.tuples(st.integers(0, len(UNARY) + len(BINARY) - 1), st.integers(0, 9), st.integers(0, 9)),
    min_size=1,
    max_size=25,
)


def network(steps, returned):
    """Return a graph: each step takes earlier values; some values are returned."""
    values = [F.input("x", shape=SHAPE, dtype="float64"), F.parameter("w", shape=SHAPE, dtype="float64")]
    for op, one, other in steps:
        first, second = values[-1 - one % len(values)], values[-1 - other % len(values)]
        values.append(UNARY[op](first) if op < len(UNARY) else BINARY[op - len(UNARY)](first, second))
    picked = {f"out{place}": values[-1 - place % len(values)] for place in {0, *returned}}
    return Graph(outputs=picked, inputs=[values[0]])


@settings(max_examples=60, deadline=None)
@given(steps, st.lists(st.integers(0, 9), max_size=3), st.sampled_from(["default", "none"]))
def test_planned_programs_equal_the_reference(steps, returned, pipeline):
    graph = network(steps, returned)
    rng = np.random.default_rng(len(steps))
    x = rng.standard_normal(SHAPE)
    w = rng.standard_normal(SHAPE)
    parameters = {"w": w.copy()} if "w" in graph.parameters else {}
    joint = differentiate(graph)
    seeds = {name: rng.standard_normal(SHAPE) for name in joint.inputs if name.startswith("d.")}
    expected = evaluate(joint, {"x": x, "w": w, **seeds})
    exe = graphinit.compile(graph, parameters=parameters, pipeline=pipeline)
    given_x = x.copy()
    first = exe.forward(given_x)
    first = first if isinstance(first, dict) else {"out0": first}
    kept = {name: array.copy() for name, array in first.items()}
    for name, array in first.items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-12, atol=1e-12)
        array[...] = np.nan  # what the caller does with results is the caller's affair
    given_x[...] = np.nan
    for _ in range(2):
        gradients = exe.backward(**{name.removeprefix("d."): seed for name, seed in seeds.items()})
        for label, name in exe.gradients.items():
            np.testing.assert_allclose(gradients[name], expected[label], rtol=1e-10, atol=1e-12)
            gradients[name][...] = np.nan
    again = exe.forward(x)
    again = again if isinstance(again, dict) else {"out0": again}
    for name, array in kept.items():
        np.testing.assert_array_equal(again[name], array)
    for array in parameters.values():
        np.testing.assert_array_equal(array, w)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 1000)), max_size=60))
def test_an_arena_never_hands_out_a_byte_twice(requests):
    arena = Arena()
    taken: list[tuple[int, int]] = []
    for give, count in requests:
        if give and taken:
            arena.give(*taken.pop(count % len(taken)))
            continue
        start = arena.take(count)
        assert start % 64 == 0
        assert start + count <= arena.size
        assert all(start + count <= other or other + size <= start for other, size in taken if size and count)
        taken.append((start, count))
    for start, count in taken:
        arena.give(start, count)
    whole = arena.size
    arena.take(whole)
    assert arena.size == whole


def plan(outputs, **options):
    graph = infer_shapes(Graph(outputs=outputs)).graph
    return PlanMemory(**options)(graph).report


def test_elementwise_ops_overwrite_what_dies():
    x = F.input("x", shape=(64, 64))
    h = F.exp(x)
    for _ in range(10):
        h = F.tanh(h)
    report = plan(h.sum())
    assert report.memory.workspace == 64 * 64 * 4
    assert report.memory.values == 11 * 64 * 64 * 4 + 4


def test_memory_is_reused_across_shapes():
    x = F.input("x", shape=(64, 64))
    h = x
    for _ in range(6):
        h = (h @ x).sum(axis=0, keepdims=True) + x
    assert plan(h.sum()).memory.workspace < 4 * 64 * 64 * 4


def test_views_cost_nothing():
    x = F.input("x", shape=(3, 5))
    report = plan(F.exp(F.exp(x).reshape(5, 3).T[1:]))
    steps = report.program.phases[0].steps
    assert [step.kernel for step in steps] == ["exp", "exp"]
    (view,) = steps[1].inputs
    assert isinstance(view, View)
    assert (view.shape, view.strides, view.offset) == ((2, 5), (1, 3), 1)


def test_what_cannot_be_a_view_is_copied():
    x = F.input("x", shape=(3, 5))
    steps = plan(F.exp(F.exp(x).T.reshape(3, 5))).program.phases[0].steps
    assert [step.kernel for step in steps] == ["exp", "reshape", "exp"]


def test_what_is_read_for_its_shape_is_not_computed():
    x, y = F.input("x", shape=(3, 5)), F.input("y", shape=(1,))
    steps = plan(apply("broadcast_like", y, F.exp(x))).program.phases[0].steps
    assert [step.kernel for step in steps] == ["broadcast_like"]


def test_a_program_is_data_about_every_buffer():
    x, w = F.input("x", shape=(2, 3)), F.parameter("w", shape=(5, 3))
    report = plan(F.relu(F.linear(x, w)) + F.constant(np.ones(5, np.float32)))
    roles = {name: buffer.role for name, buffer in report.program.buffers.items()}
    assert roles == {
        "x": "input",
        "w": "parameter",
        "linear": "workspace",
        "constant": "constant",
        "y out": "output",
    }
    scopes = {buffer.role: buffer.scope for buffer in report.program.buffers.values()}
    assert scopes["constant"] == "program"
    assert scopes["workspace"] == "thread"
    assert scopes["parameter"] == scopes["output"] == "call"


def test_unknown_sizes_cannot_be_planned():
    with pytest.raises(graphinit.errors.ShapeError) as caught:
        PlanMemory()(Graph(outputs=F.exp(F.input("x", shape=(-1, 3)))))
    assert caught.value.code == "GI207"
