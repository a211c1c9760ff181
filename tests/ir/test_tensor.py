"""Tensors: operators, indexing, sizes, and what Python may not ask of them."""

from __future__ import annotations

import operator

import numpy as np
import pytest

from graphinit import functional as F
from graphinit.errors import DTypeError, OpError, SymbolicValueError
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.node import Meta
from graphinit.ir.size import Size
from graphinit.ir.tensor import Tensor, apply
from graphinit.ir.types import TensorType
from passes import infer_shapes


def last(tensor):
    return tensor.builder.nodes[tensor.value.node]


BINARY = [
    (operator.add, "add"),
    (operator.sub, "subtract"),
    (operator.mul, "multiply"),
    (operator.truediv, "divide"),
    (operator.floordiv, "floor_divide"),
    (operator.mod, "remainder"),
    (operator.pow, "power"),
    (operator.matmul, "matmul"),
    (operator.eq, "equal"),
    (operator.ne, "not_equal"),
    (operator.lt, "less"),
    (operator.le, "less_equal"),
    (operator.gt, "greater"),
    (operator.ge, "greater_equal"),
]


@pytest.mark.parametrize(("python", "op"), BINARY)
def test_operators_are_ops_in_the_order_written(source, python, op):
    a, b = source("a", (3, 3)), source("b", (3, 3))
    node = last(python(a, b))
    assert node.op == op
    assert [value.node for value in node.inputs] == ["a", "b"]


@pytest.mark.parametrize(("python", "op"), BINARY[:7])
def test_a_number_on_the_left_stays_on_the_left(source, python, op):
    node = last(python(2, source("x", (3,))))
    assert node.op == op
    assert [value.node for value in node.inputs] == ["constant", "x"]


@pytest.mark.parametrize(("python", "op"), BINARY)
def test_an_array_on_either_side_becomes_a_constant(source, python, op):
    array = np.arange(9, dtype=np.float32).reshape(3, 3)
    right = last(python(source("x", (3, 3)), array))
    assert [value.node for value in right.inputs] == ["x", "constant"]
    left = last(python(array, source("x", (3, 3))))
    assert (left.op, [value.node for value in left.inputs]) == (op, ["constant", "x"])


@pytest.mark.parametrize(
    ("make", "op"),
    [
        (lambda x: -x, "negative"),
        (abs, "abs"),
        (lambda x: x.T, "transpose"),
        (lambda x: x.transpose(1, 0), "transpose"),
        (lambda x: x.transpose((1, 0)), "transpose"),
        (lambda x: x.reshape(5, 3), "reshape"),
        (lambda x: x.reshape((5, 3)), "reshape"),
        (lambda x: x.reshape(-1), "reshape"),
        (lambda x: x.astype("float64"), "cast"),
        (lambda x: x.sum(axis=1), "sum"),
        (lambda x: x.mean(), "mean"),
        (lambda x: x.max(axis=(0, 1)), "max"),
        (lambda x: x.min(keepdims=True), "min"),
        (lambda x: x.prod(), "prod"),
        (lambda x: x.var(), "var"),
        (lambda x: x.argmax(axis=1), "argmax"),
        (lambda x: x.argmin(axis=0), "argmin"),
    ],
)
def test_methods_are_ops(source, make, op):
    assert last(make(source("x", (3, 5)))).op == op


def test_plus_is_the_tensor_itself(source):
    x = source("x", (3,))
    assert +x is x


@pytest.mark.parametrize(
    "index",
    [
        0,
        -1,
        slice(1, 3),
        slice(None, None, -1),
        (slice(None), 0),
        ...,
        (..., 0),
        None,
        (None, 0),
        np.int64(1),
    ],
)
def test_basic_indexing_is_one_op(source, index):
    assert last(source("x", (3, 5))[index]).op == "getitem"


def test_ids_take_rows(source):
    x = source("x", (7, 5))
    assert last(x[source("ids", (3,), "int64")]).op == "take"
    assert last(x[[0, 2]]).op == "take"
    assert last(x[np.array([0, 2])]).op == "take"


@pytest.mark.parametrize("index", ["a", 1.5, True, (0, [1, 2]), (0, "a")])
def test_other_indices_are_errors(source, index):
    with pytest.raises(OpError):
        source("x", (3, 5))[index]


@pytest.mark.parametrize(
    "ask",
    [bool, float, int, list, len, lambda x: 3 in x, lambda x: x and 1, range, lambda x: [*x]],
)
def test_python_may_not_decide_by_a_tensor(source, ask):
    with pytest.raises(SymbolicValueError, match=r"F\.cond or F\.while_loop") as caught:
        ask(source("x", (3,)))
    assert caught.value.code == "GI108"
    assert isinstance(caught.value, TypeError)


def test_it_hashes_by_identity(source):
    x, y = source("x", (3,)), source("y", (3,))
    assert len({x, y, x}) == 2


def test_what_is_no_operand_is_an_error(source):
    for operand in ("text", object(), 1j, None, {"a": 1}):
        with pytest.raises((DTypeError, TypeError)):
            source("x", (3,)) + operand


def test_an_op_needs_a_tensor():
    with pytest.raises(OpError, match="needs at least one tensor"):
        apply("add", 1, 2)


def test_numbers_take_their_partners_dtype(source):
    node = last(source("x", (3,), "float64") + 1)
    assert node.inputs[1].node == "constant"
    assert (source("x", (3,)) + 1).builder.nodes["constant"].type == TensorType((), None)
    assert (source("x", (3,)) + True).builder.nodes["constant"].type == TensorType((), "bool")


def test_lists_of_numbers_become_float32_and_arrays_keep_their_dtype(source):
    assert apply("add", source("x", (2,)), [1.0, 2.0]).builder.nodes["constant"].type == TensorType(
        (2,), "float32"
    )
    assert (source("x", (2,)) + np.ones(2)).builder.nodes["constant"].type == TensorType((2,), "float64")
    assert apply("add", source("x", (2,)), [1, 2]).builder.nodes["constant"].type == TensorType((2,), "int64")


def test_a_constant_is_a_copy(source):
    array = np.zeros(3, np.float32)
    y = source("x", (3,)) + array
    array[:] = 7
    assert not y.builder.nodes["constant"].attrs["value"].array.any()


class TestShape:
    def test_known_sizes_are_numbers(self, source):
        x = source("x", (3, 5))
        assert x.shape == (3, 5)
        assert x.shape == [3, 5]
        assert tuple(x.shape) == (3, 5)
        assert x.shape[-1] == 5
        assert x.shape[:1] == (3,)
        assert x.ndim == len(x.shape) == 2
        assert x.dtype == "float32"
        assert repr(x.shape) == "(3, 5)"

    def test_symbols_compare_as_text(self, source):
        assert source("x", ("batch", 5)).shape == ("batch", 5)
        assert source("x", (-1, 5)).shape == (-1, 5)

    def test_an_axis_out_of_range(self, source):
        with pytest.raises(IndexError, match="no axis 2"):
            source("x", (3, 5)).shape[2]

    @pytest.mark.parametrize("ask", [len, list, tuple, lambda shape: shape[1:]])
    def test_the_number_of_axes_may_be_unknown(self, source, ask):
        with pytest.raises(SymbolicValueError, match="pass the input's shape to trace"):
            ask(source("x").shape)

    def test_unpacking_needs_the_number_of_axes(self, source):
        a, b = source("x", (3, -1)).shape
        assert a == 3
        assert isinstance(b, Size)
        with pytest.raises(SymbolicValueError):
            a, b = source("z").shape

    def test_one_axis_may_be_asked_for_without_the_number_of_axes(self, source):
        assert str(source("x").shape[0]) == "x.shape[0]"
        assert str(source("x").shape[-1]) == "x.shape[-1]"


class TestSize:
    @pytest.fixture
    def n(self, source):
        return source("x", (-1, 5)).shape[0]

    @pytest.mark.parametrize(
        ("make", "text"),
        [
            (lambda n: n + 1, "x.shape[0] + 1"),
            (lambda n: 1 + n, "x.shape[0] + 1"),
            (lambda n: n - 1, "x.shape[0] - 1"),
            (lambda n: 7 - n, "7 - x.shape[0]"),
            (lambda n: 2 * n, "2*x.shape[0]"),
            (lambda n: n * n, "x.shape[0]**2"),
            (lambda n: n // 2, "x.shape[0]//2"),
            (lambda n: n % 3, "x.shape[0] % 3"),
            (lambda n: (n + n) // 2, "x.shape[0]"),
        ],
    )
    def test_arithmetic(self, n, make, text):
        assert str(make(n)) == text

    def test_what_cancels_is_a_number(self, n):
        assert n - n == 0
        assert (n + 3) - n == 3

    @pytest.mark.parametrize(
        "ask", [bool, int, float, range, lambda n: n == 3, lambda n: n < 3, lambda n: n != 3]
    )
    def test_python_may_not_decide_by_it(self, n, ask):
        with pytest.raises(SymbolicValueError, match="pass the input's shape to trace"):
            ask(n)

    def test_it_serves_as_a_size(self, source):
        x = source("x", (-1, 6))
        y = x.reshape(x.shape[0] * 2, 3)
        assert str(last(y).attrs["shape"][0]) == "2*x.shape[0]"
        assert str(last(y).attrs["shape"]).count("x.shape[0]") == 1

    def test_it_serves_in_slices(self, source):
        x = source("x", (-1, 5))
        assert "x.shape[0]" in str(Graph(x[: x.shape[0] // 2]))


class TestOrigins:
    def test_an_op_remembers_the_users_line(self, source):
        x = source("x", (3,))
        y = apply("relu", x)
        meta = last(y).meta
        assert str(meta.origin).startswith("test_tensor.py:")

    def test_lines_differ(self, source):
        x = source("x", (3,))
        a = x + 1
        b = x + 2
        assert last(b).meta.origin.line == last(a).meta.origin.line + 1

    def test_inside_a_block_the_block_speaks(self, source):
        x = source("x", (3,))
        x.builder.scope = Meta(path="body", block="Body")
        assert last(x * x).name == "body.multiply"


def test_printing_a_tensor(source):
    assert repr(source("x", ("batch", 5))) == "Tensor(x: float32[batch, 5])"


def test_a_value_of_a_second_output_is_named_by_its_port():
    builder = GraphBuilder()
    x = builder.source("input", "x", TensorType((4,), "float32"))
    y = builder.add("split", [x], {"sections": 2})
    assert Tensor(builder, y).name == "split"
    assert Tensor(builder, type(y)("split", 1)).name == "split:1"


def test_a_size_brings_its_tensor_along():
    x, y = F.input("x"), F.input("y", shape=(35,))
    rows = F.relu(x).shape[0]
    graph = Graph(outputs=F.relu(y).reshape(rows, 7), inputs=[x, y])
    assert list(graph.nodes) == ["x", "y", "relu", "relu_1", "reshape"]
    assert infer_shapes(graph, x=(-1, 3))["x"] == (5, 3)


def test_sizes_of_tensors_that_have_not_met():
    x, y, z = F.input("x"), F.input("y"), F.input("z")
    graph = Graph(outputs=F.reshape(z, (F.relu(x).shape[0] * F.relu(y).shape[1], -1)))
    assert infer_shapes(graph, x=(2, 3), y=(5, 7), z=(14, 11))["reshape"] == (14, 11)
