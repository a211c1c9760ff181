"""Every rewrite, twice: the text of the graph after it, and equal values on random inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from graphinit import Graph
from graphinit import functional as F
from graphinit.ir import op
from graphinit.ir.graph import GraphBuilder
from graphinit.ir.tensor import Tensor, apply
from graphinit.ir.types import TensorType
from passes.canonicalization import RULES, Canonicalize, SettleSizes
from passes.common_subexpressions import MergeCommonSubexpressions
from passes.constant_folding import FoldConstants
from passes.dead_code import RemoveDeadCode
from passes.pipelines import clean_up
from passes.shape_inference import infer_shapes
from passes.verification import Verify

from ..ops.reference import evaluate

SPECIALS = np.array([0.0, -0.0, 1.5, -1.5, np.inf, -np.inf, np.nan], np.float32)


def settled(build: Callable[..., Any], **inputs: Any) -> Graph:
    """Return the graph of a function of inputs, with its types."""
    tensors = [
        F.input(name, shape=shape) if isinstance(shape, tuple) else F.input(name, dtype=shape, shape=(3, 5))
        for name, shape in inputs.items()
    ]
    report = infer_shapes(Graph(outputs=build(*tensors), inputs=tensors))
    report.raise_errors()
    return report.graph


def arrays_for(graph: Graph) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    arrays = {}
    for name, node in (*graph.inputs.items(), *graph.parameters.items()):
        shape, dtype = node.type.shape, node.type.dtype
        if dtype.startswith("float"):
            arrays[name] = rng.choice(SPECIALS, shape).astype(dtype)
        else:
            arrays[name] = rng.integers(0, 2, shape).astype(dtype)
    return arrays


def ops(graph: Graph) -> list[str]:
    return [node.op for node in graph if node.op not in ("input", "parameter", "constant")]


def check_equal(before: Graph, after: Graph) -> None:
    """Compare all outputs bit by bit, zeros' signs included (those of nan mean nothing)."""
    Verify()(after)
    arrays = arrays_for(before)
    with np.errstate(all="ignore"):
        one, other = evaluate(before, arrays), evaluate(after, arrays)
    for name in before.outputs:
        np.testing.assert_array_equal(one[name], other[name])
        if np.asarray(one[name]).dtype.kind == "f":
            signs = [
                np.where(np.isnan(array), False, np.signbit(array)) for array in (one[name], other[name])
            ]
            np.testing.assert_array_equal(*signs)
        assert np.asarray(one[name]).dtype == np.asarray(other[name]).dtype


X = {"x": (3, 5)}
XY = {"x": (3, 5), "y": (3, 5)}

REWRITES: dict[str, tuple[Callable[..., Any], dict[str, Any], list[str]]] = {
    "reshape to itself": (lambda x: x.reshape(3, 5), X, []),
    "reshape of reshape": (lambda x: x.reshape(5, 3).reshape(15), X, ["reshape"]),
    "there and back": (lambda x: x.reshape(5, 3).reshape(3, 5), X, []),
    "flatten of expand_dims": (lambda x: F.flatten(F.expand_dims(x, axis=2)), X, []),
    "squeeze of expand_dims": (lambda x: F.squeeze(F.expand_dims(x, axis=0), axis=0), X, []),
    "transpose twice": (lambda x: x.T.T, X, []),
    "transpose by axes twice": (
        lambda x: x.transpose(1, 2, 0).transpose(1, 0, 2),
        {"x": (2, 3, 5)},
        ["transpose"],
    ),
    "three turns are none": (
        lambda x: x.transpose(1, 2, 0).transpose(1, 2, 0).transpose(1, 2, 0),
        {"x": (2, 3, 5)},
        [],
    ),
    "transpose reversed, then by axes": (lambda x: x.transpose().transpose(2, 1, 0), {"x": (2, 3, 5)}, []),
    "transpose by axes in order": (lambda x: x.transpose(0, 1), X, []),
    "cast to its dtype": (lambda x: x.astype("float32"), X, []),
    "broadcast to its shape": (lambda x: F.broadcast_to(x, shape=(3, 5)), X, []),
    "sum_like of equal shape": (lambda x, y: apply("sum_like", x, y), XY, []),
    "sum_like over leading axes": (
        lambda x, y: apply("sum_like", x, y),
        {"x": (2, 3, 5), "y": (3, 5)},
        ["sum"],
    ),
    "sum_like over an inner axis": (
        lambda x, y: apply("sum_like", x, y),
        {"x": (2, 3, 5), "y": (2, 1, 5)},
        ["sum"],
    ),
    "broadcast_like of equal shape": (lambda x, y: apply("broadcast_like", x, y), XY, []),
    "negative twice": (lambda x: F.negative(-x), X, []),
    "not twice": (lambda x: F.logical_not(F.logical_not(x)), {"x": "bool"}, []),
    "relu twice": (lambda x: F.relu(F.relu(x)), X, ["relu"]),
    "abs twice": (lambda x: abs(abs(x)), X, ["abs"]),
    "abs of negative": (lambda x: abs(-x), X, ["abs"]),
    "square of negative": (lambda x: F.square(-x), X, ["square"]),
    "times one": (lambda x: x * 1, X, []),
    "one times": (lambda x: 1.0 * x, X, []),
    "over one": (lambda x: x / 1, X, []),
    "to the power of one": (lambda x: x**1, X, []),
    "times minus one": (lambda x: x * -1, X, ["negative"]),
    "times ones": (lambda x, y: x * apply("ones_like", y), XY, []),
    "integers plus zero": (lambda x: x + 0, {"x": "int64"}, []),
    "minus zero": (lambda x: x - 0, X, []),
    "plus -0.0": (lambda x: x + -0.0, X, []),
    "plus negative": (lambda x, y: x + (-y), XY, ["subtract"]),
    "negative plus": (lambda x, y: (-x) + y, XY, ["subtract"]),
    "minus negative": (lambda x, y: x - (-y), XY, ["add"]),
    "negative times negative": (lambda x, y: (-x) * (-y), XY, ["multiply"]),
    "concat of one": (lambda x: F.concat([x]), X, []),
    "flag of a flat input": (
        lambda x: F.linear(x, F.parameter("w", shape=(2, 5)), flatten=True),
        X,
        ["linear"],
    ),
}


@pytest.mark.parametrize("case", REWRITES.values(), ids=REWRITES.keys())
def test_canonical_form(case):
    build, inputs, expected = case
    before = settled(build, **inputs)
    result = Canonicalize()(before)
    assert result.changed
    assert ops(result.graph) == expected
    check_equal(before, result.graph)
    assert Canonicalize()(result.graph).graph is result.graph


STAY = {
    "floats plus zero": (lambda x: x + 0, X),  # -0.0 + 0 is 0.0
    "floats plus 0.0": (lambda x: 0.0 + x, X),
    "minus -0.0": (lambda x: x - -0.0, X),
    "zero minus": (lambda x: 0 - x, X),
    "one over": (lambda x: 1 / x, X),
    "one to the power of": (lambda x: 1**x, X),
    "ones that broadcast": (lambda x: x * F.constant(np.ones((2, 1, 1), np.float32)), X),
    "ones that promote": (lambda x: x * F.constant(np.ones((), np.float64)), X),
    "integers over one": (lambda x: x / 1, {"x": "int64"}),
    "truth plus zero": (lambda x: x + 0, {"x": "bool"}),
    "cast elsewhere": (lambda x: x.astype("float64"), X),
    "reshape elsewhere": (lambda x: x.reshape(5, 3), X),
    "sum_like over leading and inner axes": (
        lambda x, y: apply("sum_like", x, y),
        {"x": (2, 3, 5), "y": (1, 5)},
    ),
    "flatten of four axes": (
        lambda x: F.linear(x, F.parameter("w", shape=(2, 15)), flatten=True),
        {"x": (2, 3, 5)},
    ),
}


@pytest.mark.parametrize("case", STAY.values(), ids=STAY.keys())
def test_what_would_change_a_bit_stays(case):
    build, inputs = case
    graph = settled(build, **inputs)
    assert Canonicalize()(graph).graph is graph


def test_every_rule_is_covered():
    covered = {node.op for build, inputs, _ in REWRITES.values() for node in settled(build, **inputs)}
    assert set(RULES) - covered <= {"cast_like", "rows", "reshape_like"}


def test_text_before_and_after():
    x, y = F.input("x", shape=(3, 5)), F.input("y", shape=(3, 5))
    graph = infer_shapes(Graph(outputs=F.negative(-x) + (-y).reshape(3, 5))).graph
    assert str(graph).split("\n")[1:] == [
        "  negative: float32[3, 5] = negative(x)",
        "  negative_1: float32[3, 5] = negative(negative)",
        "  negative_2: float32[3, 5] = negative(y)",
        "  reshape: float32[3, 5] = reshape(negative_2, shape=(3, 5))",
        "  add: float32[3, 5] = add(negative_1, reshape)",
        "  return y=add",
    ]
    assert str(Canonicalize()(graph).graph).split("\n")[1:] == [
        "  add: float32[3, 5] = subtract(x, y)",
        "  return y=add",
    ]


def test_without_types_nothing_that_needs_them_is_done():
    x = F.input("x")
    graph = Graph(outputs=[x * 1, x.reshape(3, 5), F.negative(-x)])
    assert ops(Canonicalize()(graph).graph) == ["multiply", "reshape"]


def test_sizes_in_attributes_become_numbers():
    x = F.input("x", shape=(-1, 15))
    graph = infer_shapes(Graph(outputs=x.reshape(x.shape[0], 3, 5)), x=(7, 15)).graph
    assert SettleSizes()(graph).graph["reshape"].attrs["shape"] == (7, 3, 5)
    assert Canonicalize()(graph).graph["reshape"].attrs["shape"] == (7, 3, 5)


def test_sizes_of_a_replaced_node_are_those_of_what_stands_for_it():
    x = F.input("x", shape=("n", 15))
    h = F.negative(-x)
    graph = Graph(outputs=F.exp(x).reshape(h.shape[0], 3, 5))
    after = Canonicalize()(graph).graph
    assert "negative" not in ops(after)
    assert infer_shapes(after, x=(7, 15))["y"] == (7, 3, 5)


# --- common subexpressions --------------------------------------------------------------------


def test_equal_nodes_are_merged():
    def build(x, y):
        return (
            F.exp(x * y)
            + F.exp(y * x)
            + F.constant(np.ones(5, np.float32)) * F.constant(np.ones(5, np.float32))
        )

    before = settled(build, **XY)
    result = MergeCommonSubexpressions()(before)
    assert result.report == 3
    assert ops(result.graph) == ["multiply", "exp", "add", "multiply", "add"]
    assert sum(node.op == "constant" for node in result.graph) == 1
    check_equal(before, result.graph)


def test_different_attributes_dtypes_and_order_are_kept_apart():
    def build(x, y):
        return [x.sum(axis=0), x.sum(axis=1), x - y, y - x, x * 1, x * 1.0, x * -0.0, x * 0.0]

    graph = settled(build, **XY)
    assert MergeCommonSubexpressions()(graph).graph is graph


def test_outputs_of_merged_nodes_follow():
    before = settled(lambda x: [*F.split(x, 5, axis=1), *F.split(x, 5, axis=1)], **X)
    after = MergeCommonSubexpressions()(before).graph
    assert ops(after) == ["split"]
    check_equal(before, after)


def test_random_ops_stay_two_and_are_not_folded(monkeypatch):
    monkeypatch.setitem(op._registry, "exp", replace(op.op_spec("exp"), random=True))
    graph = settled(lambda x: F.exp(x) - F.exp(x), **X)
    assert MergeCommonSubexpressions()(graph).graph is graph
    graph = settled(lambda x: x + F.exp(F.constant(np.ones(5, np.float32))), **X)
    assert FoldConstants()(graph).graph is graph


def test_draws_of_one_key_are_one_draw_and_of_two_keys_two():
    builder = GraphBuilder()
    x = Tensor(builder, builder.source("input", "x", TensorType((3, 5), "float32")))
    keys = [Tensor(builder, builder.source("state", name, TensorType((3,), "uint64"))) for name in ("a", "b")]
    draws = [apply("dropout", x, key, rate=0.5) for key in (*keys, keys[0])]
    assert MergeCommonSubexpressions()(Graph(outputs=draws)).report == 1


# --- constants --------------------------------------------------------------------------------


def test_constants_are_folded():
    constant = np.array([1.0, 4.0, 9.0, 16.0, 25.0], np.float32)

    def build(x):
        return x * (F.sqrt(F.constant(constant)) + 1).reshape(1, 5)

    before = settled(build, **X)
    result = FoldConstants()(before)
    assert result.report == 3
    assert ops(result.graph) == ["multiply"]
    check_equal(before, result.graph)


def test_what_needs_only_a_shape_is_folded():
    before = settled(lambda x: x + apply("ones_like", x), **X)
    after = FoldConstants()(before).graph
    assert ops(after) == ["add"]
    check_equal(before, after)


def test_parameters_are_never_folded():
    graph = infer_shapes(Graph(outputs=F.exp(F.parameter("w", shape=(3,))))).graph
    assert FoldConstants()(graph).graph is graph


def test_large_results_of_small_constants_are_not_folded():
    def build(x):
        return x + F.broadcast_to(F.constant(np.ones((1, 1), np.float32)), shape=(300, 300))

    graph = settled(build, x=(300, 300))
    assert FoldConstants()(graph).graph is graph
    assert FoldConstants(limit=90_000)(graph).changed


def test_what_would_fail_or_warn_is_left_to_the_program():
    product = F.matmul(F.constant(np.full((5, 2), np.inf, np.float32)), F.constant(np.zeros(2, np.float32)))
    graph = settled(lambda x: x + product, **X)
    assert FoldConstants()(graph).graph is graph
    graph = settled(lambda x: x + F.constant(np.arange(5)) // 0, **X)
    assert FoldConstants()(graph).graph is graph


# --- dead code --------------------------------------------------------------------------------


def test_dead_nodes_go_and_inputs_stay():
    x, y = F.input("x", shape=(3,)), F.input("y", shape=(3,))
    dead = F.exp(y)
    live = F.relu(x) + dead * 0
    builder = live.builder
    graph = builder.build({"y": F.relu(x).value}, keep_all=True)
    result = RemoveDeadCode()(graph)
    assert list(result.graph.nodes) == ["x", "y", "relu_1"]
    assert "exp" in result.report
    check_equal(graph, result.graph)


def test_the_default_pipeline_keeps_values_and_signature():
    def build(x, y):
        return {
            "a": F.negative(-x) * 1 + F.exp(y) - F.exp(y),
            "b": (x.T.T + 2 * (F.constant(np.float32(3)) + 4)),
        }

    before = settled(build, **XY)
    after = clean_up()(before).graph
    assert list(after.inputs) == ["x", "y"]
    assert after.structure == before.structure
    check_equal(before, after)
