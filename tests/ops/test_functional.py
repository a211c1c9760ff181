"""The public functions: each op has one, and composites compute what they say."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from graphinit import Graph, Tensor
from graphinit import functional as F
from graphinit.errors import DTypeError, ShapeError
from graphinit.init import Xavier
from graphinit.ir.op import op_names
from graphinit.ops.random import random_bits
from passes.shape_inference import infer_shapes

from .reference import evaluate

HELPERS = {
    "cast_like", "count", "getitem", "max_pool_taps", "pool_pick", "prod_others", "prod_others_along", "rows",
    "sum_like", "unpool", "untile",
}  # fmt: skip


def test_every_public_op_has_a_function() -> None:
    helpers = {name for name in op_names() if name in HELPERS or name.endswith(("_grad", "_gradient"))}
    assert set(op_names()) - set(F.__all__) <= helpers


@pytest.mark.parametrize("name", F.__all__)
def test_functions_are_typed_and_documented(name: str) -> None:
    function = getattr(F, name)
    signature = inspect.signature(function)
    assert signature.return_annotation != inspect.Signature.empty
    assert all(item.annotation != inspect.Signature.empty for item in signature.parameters.values())
    for section in ("Parameters\n", "Returns\n", "Examples\n"):
        assert section in function.__doc__


def computed(function: object, *arrays: np.ndarray, **attrs: object) -> np.ndarray:
    named = {chr(97 + i): array for i, array in enumerate(arrays)}
    graph = Graph(function(*(F.input(name, array) for name, array in named.items()), **attrs))
    return evaluate(graph, named)["y"]


def test_composites() -> None:
    x = np.linspace(-3, 3, 7)
    softplus = np.log(1 + np.exp(x))
    np.testing.assert_allclose(computed(F.log_sigmoid, x), -np.log(1 + np.exp(-x)), rtol=1e-12)
    np.testing.assert_allclose(computed(F.mish, x), x * np.tanh(softplus), rtol=1e-12)


def test_slice_and_pad() -> None:
    x = np.arange(35.0).reshape(7, 5)
    found = computed(F.slice, x, begin=(1, None), end=(None, -1), step=(2, None))
    np.testing.assert_array_equal(found, x[1::2, :-1])
    np.testing.assert_array_equal(computed(F.slice, x, begin=2, end=5), x[2:5])
    np.testing.assert_array_equal(computed(F.pad, x, pads=1, value=3), np.pad(x, 1, constant_values=3))


def test_operators_mean_the_same_functions() -> None:
    x = F.input("x", (2, 3))
    pairs = [
        (x + 1, F.add(x, 1)), (1 - x, F.subtract(1, x)), (x * x, F.multiply(x, x)), (x / 2, F.divide(x, 2)),
        (x // 2, F.floor_divide(x, 2)), (x % 2, F.remainder(x, 2)), (x**2, F.power(x, 2)), (-x, F.negative(x)),
        (abs(x), F.abs(x)), (x @ x.T, F.matmul(x, F.transpose(x))), (x == 1, F.equal(x, 1)), (x < 1, F.less(x, 1)),
        (x >= 1, F.greater_equal(x, 1)), (x.sum(axis=0), F.sum(x, axis=0)), (x.reshape(-1), F.reshape(x, -1)),
        (x.var(), F.var(x)), (x.argmax(1), F.argmax(x, 1)),
        (x[F.input("i", "int64[5]")], F.take(x, F.input("j", "int64[5]"))),
    ]  # fmt: skip
    for by_operator, by_function in pairs:
        left, right = (tensor.builder.nodes[tensor.value.node] for tensor in (by_operator, by_function))
        assert (left.op, left.attrs) == (right.op, right.attrs)


def test_python_numbers_take_their_partners_dtype() -> None:
    assert (F.input("x", "float64[2]") * 0.5).dtype == "float64"
    assert (F.input("x", "float16[2]") + 1).dtype == "float16"
    assert (F.input("x", "int64[2]") * 2).dtype == "int64"
    assert (F.input("x", "int64[2]") * 0.5).dtype == "float32"
    assert ((F.input("x", "float32[2]") > 0) * 2).dtype == "int64"
    x = F.input("x", "int64[2]")
    np.testing.assert_array_equal(evaluate(Graph(x * 0.5), {"x": np.array([1, 3])})["y"], [0.5, 1.5])
    assert F.where(x > 0, 1.0, 0.0).dtype == "float32"
    assert F.where(x > 0, 1, 0).dtype == "int64"


def test_dtypes_of_reductions() -> None:
    for dtype, total, middle in (
        ("bool", "int64", "float32"), ("int8", "int64", "float32"), ("uint8", "uint64", "float32"),
        ("float16", "float16", "float16"), ("float64", "float64", "float64"),
    ):  # fmt: skip
        x = F.input("x", f"{dtype}[2, 3]")
        assert (F.sum(x).dtype, F.mean(x).dtype) == (total, middle)


def test_sources() -> None:
    x = F.input("x", ("batch", -1))
    assert isinstance(x, Tensor)
    assert str(x.type) == "float32[batch, -1]"
    assert F.input("x").type.shape is None
    assert F.input("x", "int64[batch]").dtype == "int64"
    assert F.input("x", np.zeros((2, 3), np.float64)).dtype == "float64"
    assert F.input("x", (2,), dtype=None).builder.nodes["x"].type.dtype is None
    w = F.parameter("w", (2, -1), init=Xavier(), trainable=False)
    node = w.builder.nodes["w"]
    assert node.attrs["init"] == Xavier().dumps()
    assert node.attrs["trainable"] is False
    assert Graph.from_json(Graph(w * 2).to_json()) == Graph(w * 2)
    assert F.constant(np.arange(3)).dtype == "int64"
    assert F.constant([0.5, 1.5]).dtype == "float32"
    for shape in ((float("nan"),), (2.5,), (-2,), ("1x",), (True,)):
        with pytest.raises(ShapeError, match="GI206"):
            F.input("x", shape)
    with pytest.raises(DTypeError, match="GI301"):
        F.input("x", (2,), dtype="complex64")


def test_weights_are_found_from_the_output_backwards() -> None:
    x, w = F.input("x", (-1, -1)), F.parameter("w", (10, 30))
    assert infer_shapes(Graph(F.linear(x, w)))["x"] == (-1, 30)
    flat = F.input("x", ("b", "c", -1, 5))
    report = infer_shapes(Graph(F.linear(flat, F.parameter("w", (10, 30)), flatten=True)), x=("b", 2, -1, 5))
    assert report["x"] == ("b", 2, 3, 5)


def test_unknown_rank_is_found_from_the_output_backwards() -> None:
    x = F.input("x")
    y = F.relu(x) + F.input("z", (2, 3))
    assert infer_shapes(Graph({"y": y, "t": F.transpose(x)}), x=(2, 3))["t"] == (3, 2)
    unknown = F.input("x")
    report = infer_shapes(Graph(F.matmul(F.transpose(unknown, (1, 0)), F.parameter("w", (3, 5)))))
    assert report["x"] == (3, -1)


# --- dropout ----------------------------------------------------------------------------------


def test_dropout_keeps_the_mean_and_its_promise() -> None:
    x, key = np.ones((97, 101)), np.array([5, 7, 0], np.uint64)
    y = computed(F.dropout, x, key, rate=0.25)
    assert set(np.unique(y)) == {0.0, 1 / 0.75}
    assert abs(y.mean() - 1) < 0.02
    np.testing.assert_array_equal(y, computed(F.dropout, x, key, rate=0.25))


def test_draws_of_two_steps_have_nothing_in_common() -> None:
    first, second = (random_bits(np.array([5, 7, step], np.uint64), 1000) for step in (0, 1))
    assert not set(first[:-8].tolist()).intersection(second.tolist())


def test_bits_start_the_same_however_many() -> None:
    key = np.array([5, 7, 2**64 - 1], np.uint64)
    np.testing.assert_array_equal(random_bits(key, 5), random_bits(key, 11)[:5])


def test_keys_advance() -> None:
    key = np.array([5, 7, 0], np.uint64)
    np.testing.assert_array_equal(computed(F.advance_key, key), [5, 7, 1])


def test_one_draw_along_axes() -> None:
    y = computed(F.dropout, np.ones((7, 11, 5)), np.array([5, 7, 0], np.uint64), axes=(1, -1))
    assert y.std(axis=(1, 2)).max() == 0
    assert set(np.unique(y)) == {0.0, 2.0}
