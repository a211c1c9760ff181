"""What holds for every op: the suite runs over all samples of all registered ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphinit.ops  # noqa: F401
from graphinit import Graph, GraphBuilder, Tensor
from graphinit.errors import OpError
from graphinit.ir.moves import moved
from graphinit.ir.node import Value
from graphinit.ir.op import Attrs, op_names, op_spec
from graphinit.ir.source_text import move_text
from graphinit.ir.types import TensorType, is_float
from graphinit.ops.rules import free
from graphinit.runtime.kernels import kernel_function, run_op
from passes.shape_inference import infer_shapes

from .reference import check_gradients, evaluate
from .samples import SAMPLES, Sample

FLOATS = ("float32", "float64")
RESULTS = {"dropout": 1, "lstm": 3, "gru": 2}  # outputs beyond these are kept for the gradient and have none


def samples_where(holds: Callable[[Sample], bool]) -> pytest.MarkDecorator:
    chosen = [sample for sample in SAMPLES if holds(sample)]
    return pytest.mark.parametrize("sample", chosen, ids=map(str, chosen))


def is_view(sample: Sample) -> bool:
    return op_spec(sample.op).view is not None


def keeps_dtype(sample: Sample) -> bool:
    """Whether its first input is floating and no attribute says what it gives."""
    return "dtype" not in sample.attrs and sample.arrays()[0].dtype.kind == "f"


def is_differentiable(sample: Sample) -> bool:
    return op_spec(sample.op).vjp is not None and bool(starts_of(sample) and wrt_of(sample))


def starts_of(sample: Sample) -> list[str]:
    """Return the outputs that gradients flow from."""
    types = inferred(sample, "float64")
    starts = [f"y{port}" for port, type in enumerate(types) if is_float(type.dtype)]
    return starts[: RESULTS.get(sample.op, len(starts))]


def wrt_of(sample: Sample) -> list[str]:
    """Return the inputs that gradients flow to."""
    if sample.wrt is not None:
        return list(sample.wrt)
    return [name for name, array in named(sample.arrays()).items() if array.dtype.kind == "f"]


every_sample = samples_where(lambda sample: True)


def graph_of(sample: Sample, dtype: str = "float64", types: list[TensorType] | None = None) -> Graph:
    """Return the graph of one op; its inputs are called a, b, c... and its outputs y0, y1..."""
    arrays = sample.arrays(dtype)
    types = types or [TensorType.parse(array) for array in arrays]
    builder = GraphBuilder()
    inputs = [builder.source("input", chr(97 + i), type) for i, type in enumerate(types)]
    first = builder.add(sample.op, inputs, sample.attrs, name="op")
    count = len(builder.nodes["op"].types)
    return builder.build(
        {f"y{port}": Value(first.node, port) for port in range(count)},
        inputs=[value.node for value in inputs],
    )


def named(arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {chr(97 + i): array for i, array in enumerate(arrays)}


def inferred(sample: Sample, dtype: str) -> tuple[TensorType, ...]:
    report = infer_shapes(graph_of(sample, dtype))
    report.raise_errors()
    return report.graph["op"].types


def run(sample: Sample, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> None:
    spec = op_spec(sample.op)
    kernel_function(spec, spec.check_attrs(sample.attrs), len(inputs))(outputs, inputs)


def poisoned(types: tuple[TensorType, ...], poison: int = 77) -> list[np.ndarray]:
    """Return outputs that hold nan, or a number that nobody computes."""
    outputs = []
    for type in types:
        output = np.empty(type.shape, type.dtype)
        output[...] = np.nan if is_float(type.dtype) else poison
        outputs.append(output)
    return outputs


def assert_close(found: np.ndarray, expected: np.ndarray, dtype: str) -> None:
    tolerance = 2e-5 if dtype == "float32" else 1e-11
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_every_op_has_samples() -> None:
    assert {sample.op for sample in SAMPLES} == set(op_names())


@pytest.mark.parametrize("dtype", FLOATS)
@every_sample
def test_rule_and_kernel_agree_with_the_reference(sample: Sample, dtype: str) -> None:
    arrays = sample.arrays(dtype)
    types = inferred(sample, dtype)
    expected = sample.expected(arrays)
    assert len(types) == len(expected)
    for type, wanted in zip(types, expected, strict=True):
        assert type.shape == wanted.shape
        # References may compute in more precision than asked for, never in another kind.
        assert np.dtype(type.dtype).kind == wanted.dtype.kind
    for poison in (0, 77):
        outputs = poisoned(types, poison)
        run(sample, arrays, outputs)
        for found, wanted in zip(outputs, expected, strict=True):
            assert_close(found, wanted, dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@samples_where(keeps_dtype)
def test_floating_inputs_keep_their_dtype(sample: Sample, dtype: str) -> None:
    for type in inferred(sample, dtype):
        assert type.dtype == dtype if is_float(type.dtype) else type.dtype in ("int64", "bool")


@every_sample
def test_inputs_are_left_alone(sample: Sample) -> None:
    arrays = sample.arrays()
    for array in arrays:
        array.flags.writeable = False
    run(sample, arrays, poisoned(inferred(sample, "float64")))
    for array, fresh in zip(arrays, sample.arrays(), strict=True):
        np.testing.assert_array_equal(array, fresh)


@every_sample
def test_strided_inputs_and_outputs(sample: Sample) -> None:
    types = inferred(sample, "float64")
    plain = poisoned(types)
    run(sample, sample.arrays(), plain)
    strided = [_strided(array) for array in sample.arrays()]
    outputs = [_strided(array) for array in poisoned(types)]
    run(sample, strided, outputs)
    for found, wanted in zip(outputs, plain, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


def _strided(array: np.ndarray) -> np.ndarray:
    """Return an equal array whose every axis has a stride of its own, in another order."""
    wide = np.zeros([2 * size for size in reversed(array.shape)], array.dtype)
    view = wide[(slice(None, None, 2),) * array.ndim + (...,)].transpose()
    view[...] = array
    return view


@every_sample
def test_declared_aliasing_gives_the_same(sample: Sample) -> None:
    spec = op_spec(sample.op)
    types = inferred(sample, "float64")
    plain = poisoned(types)
    run(sample, sample.arrays(), plain)
    for index in spec.inplace:
        arrays = sample.arrays()
        if arrays[index].shape == types[0].shape and arrays[index].dtype == types[0].dtype:
            run(sample, arrays, [arrays[index], *plain[1:]])
            np.testing.assert_array_equal(arrays[index], plain[0])


@samples_where(is_view)
def test_view_agrees_with_kernel(sample: Sample) -> None:
    spec = op_spec(sample.op)
    arrays, types = sample.arrays(), inferred(sample, "float64")
    assert spec.view is not None
    move = spec.view(spec.check_attrs(sample.attrs), arrays[0].ndim, types[0].shape)
    view = arrays[0] if move is None else moved(arrays[0], move)
    printed = "x" if move is None else move_text(move, "x")
    np.testing.assert_array_equal(eval(printed, {"x": arrays[0]}), view)
    expected = poisoned(types)
    run(sample, arrays, expected)
    np.testing.assert_array_equal(view, expected[0])
    assert view.shape == types[0].shape
    assert view.size == 0 or np.shares_memory(view, arrays[0])


@every_sample
def test_run_op_agrees(sample: Sample) -> None:
    arrays, types = sample.arrays(), inferred(sample, "float64")
    outputs = run_op(sample.op, arrays, Attrs(sample.attrs), types)
    for found, wanted in zip(outputs, evaluate(graph_of(sample), named(arrays)).values(), strict=True):
        np.testing.assert_array_equal(found, wanted)


@samples_where(lambda sample: sample.op != "stop_gradient" and is_differentiable(sample))
def test_gradient_agrees_with_differences(sample: Sample) -> None:
    graph, given = graph_of(sample), named(sample.arrays())
    joint = check_gradients(graph, given, wrt_of(sample), starts_of(sample))
    if sample.smooth:
        again = {**given, **{name: np.random.default_rng(1).standard_normal(joint[name].type.shape)
                             for name in joint.inputs if name not in given}}  # fmt: skip
        firsts = [name for name in joint.outputs if name.startswith("grad.")]
        check_gradients(joint, again, [name for name in again if again[name].dtype.kind == "f"], firsts, 1e-5)


@samples_where(lambda sample: op_spec(sample.op).cost is not None)
def test_costs_are_counts(sample: Sample) -> None:
    spec = op_spec(sample.op)
    attrs = spec.check_attrs(sample.attrs)
    inputs = [TensorType.parse(array) for array in sample.arrays()]
    outputs = inferred(sample, "float64")
    cost = spec.cost(inputs, outputs, attrs)
    assert isinstance(cost, int)
    # Moving data is free, and so is what is done to nothing.
    empty = any(0 in type.shape for type in (*inputs, *outputs))
    assert cost > 0 or (cost == 0 and (spec.cost is free or empty))
    unknown = TensorType(None, "float64")
    assert spec.cost([unknown] * len(inputs), [unknown] * len(outputs), attrs) in (-1, 0)


@every_sample
def test_json_keeps_the_graph(sample: Sample) -> None:
    graph = graph_of(sample)
    assert Graph.from_json(graph.to_json()) == graph


@every_sample
def test_checking_attributes_twice_changes_nothing(sample: Sample) -> None:
    spec = op_spec(sample.op)
    attrs = spec.check_attrs(sample.attrs)
    assert spec.check_attrs(attrs) == attrs
    hash(attrs)


def numpied(value: Any, kind: Any) -> Any:
    """Return an attribute with every number as NumPy has it."""
    if isinstance(value, bool):
        return np.bool_(value)
    if isinstance(value, int):
        return kind(value)
    if isinstance(value, float):
        return np.float64(value)
    return type(value)(numpied(item, kind) for item in value) if isinstance(value, tuple | list) else value


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
@pytest.mark.parametrize("kind", [np.int64, np.int32, np.array])
def test_numbers_of_numpy_are_numbers(sample: Sample, kind: Any) -> None:
    spec = op_spec(sample.op)
    plain = spec.check_attrs(sample.attrs)
    ours = spec.check_attrs({name: numpied(value, kind) for name, value in sample.attrs.items()})
    assert ours == plain
    assert repr(ours) == repr(plain)  # plain numbers, whatever they were


@samples_where(lambda sample: all(array.size for array in sample.arrays()))  # symbols are at least 1
def test_symbols_give_the_same_shape(sample: Sample) -> None:
    """Inference with a name for each size, those sizes put in, agrees with inference on sizes."""
    arrays = sample.arrays()
    types = [
        TensorType(tuple(f"{chr(97 + i)}{axis}" for axis in range(array.ndim)), array.dtype.name)
        for i, array in enumerate(arrays)
    ]
    sizes = {
        f"{chr(97 + i)}{axis}": size
        for i, array in enumerate(arrays)
        for axis, size in enumerate(array.shape)
    }
    graph = graph_of(sample, types=[TensorType.parse(type.shape) for type in types])
    graph = graph.replace(
        {node.name: _typed(node, array) for node, array in zip(graph, arrays, strict=False)}
    )
    report = infer_shapes(graph)
    if not report.ok or not report.accepts(**sizes):
        pytest.skip("the sample holds for its sizes, not for all")
    for settled, wanted in zip(report.graph["op"].types, inferred(sample, "float64"), strict=True):
        if settled.shape is None:
            continue
        for dim, size in zip(settled.shape, wanted.shape, strict=True):
            found = dim if isinstance(dim, int) else dim.evaluate(sizes)
            assert found in (-1, size)


def _typed(node: object, array: np.ndarray) -> object:
    from dataclasses import replace

    return replace(node, types=(TensorType(node.type.shape, array.dtype.name),))


@pytest.mark.parametrize("name", op_names())
def test_errors_of_every_op(name: str) -> None:
    spec = op_spec(name)
    least, most = spec.parsed.arity
    with pytest.raises(OpError, match="GI104"):
        spec.check_arity(least - 1)
    if most is not None:
        with pytest.raises(OpError, match="GI104"):
            spec.check_arity(most + 1)
    with pytest.raises(OpError, match="GI105"):
        spec.check_attrs({**next(s for s in SAMPLES if s.op == name).attrs, "no_such_attribute": 1})


@pytest.mark.parametrize("name", op_names())
def test_docs_give_shapes(name: str) -> None:
    spec = op_spec(name)
    assert spec.doc.endswith(".")
    assert spec.vjp is not None or spec.no_gradient


def test_a_tensor_is_what_apply_returns() -> None:
    from graphinit import functional as F

    assert isinstance(F.relu(F.input("x", (2, 3))), Tensor)
