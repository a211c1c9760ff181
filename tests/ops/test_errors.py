"""The documented errors of ops: bad attributes, bad axes, bad ids, wrong dtypes."""

from __future__ import annotations

import numpy as np
import pytest

from graphinit import Graph
from graphinit import functional as F
from graphinit.errors import (
    DifferentiationError,
    DTypeError,
    GraphError,
    OpError,
    ShapeError,
    ValueRangeError,
)
from graphinit.ir.op import Attrs, op_spec
from graphinit.ir.tensor import apply
from graphinit.ir.types import TensorType
from graphinit.runtime.kernels import run_op
from passes.differentiation import differentiate
from passes.shape_inference import infer_shapes

from .reference import evaluate

BAD_ATTRS = [
    ("clip", {"low": "a"}),
    ("clip", {"low": float("nan")}),
    ("cast", {}),
    ("cast", {"dtype": None}),
    ("cast", {"dtype": "complex64"}),
    ("cast", {"dtype": "no dtype"}),
    ("elu", {"alpha": True}),
    ("elu", {"alpha": float("nan")}),
    ("gelu", {"approximate": 1}),
    ("softmax", {"axis": 1.5}),
    ("softmax", {"axis": None}),
    ("softmax", {"axis": True}),
    ("linear", {"flatten": 1}),
    ("sum", {"axis": (0, 0)}),
    ("sum", {"axis": "0"}),
    ("sum", {"keepdims": "yes"}),
    ("argmax", {"axis": (0, 1)}),
    ("var", {"ddof": -1}),
    ("reshape", {}),
    ("reshape", {"shape": (-1, -1)}),
    ("reshape", {"shape": (2, -3)}),
    ("reshape", {"shape": (2.5,)}),
    ("reshape", {"shape": (float("nan"),)}),
    ("expand_dims", {"axis": None}),
    ("transpose", {"axes": (0, 0)}),
    ("transpose", {"axes": (0, 2)}),
    ("broadcast_to", {"shape": (2, -1)}),
    ("concat", {"axis": None}),
    ("split", {"sections": 0}),
    ("split", {"sections": ()}),
    ("split", {"sections": (2, -1)}),
    ("pad", {"pads": 1}),
    ("pad", {"pads": ((1,),)}),
    ("pad", {"pads": ((1, -1),)}),
    ("pad", {"pads": ((0, 0),), "value": "0"}),
    ("tile", {"reps": -1}),
    ("tile", {"reps": (1.5,)}),
    ("take", {"axis": None}),
    ("one_hot", {"depth": -1}),
    ("one_hot", {"depth": 2.5}),
    ("dropout", {"rate": 1.0}),
    ("dropout", {"rate": -0.1}),
    ("dropout", {"rate": "half"}),
]


@pytest.mark.parametrize(("op", "attrs"), BAD_ATTRS, ids=[f"{op}-{attrs}" for op, attrs in BAD_ATTRS])
def test_bad_attributes(op: str, attrs: dict[str, object]) -> None:
    with pytest.raises(OpError) as caught:
        op_spec(op).check_attrs(attrs)
    assert caught.value.code == "GI105"
    assert caught.value.node == op


def _x(*shape: object) -> object:
    return F.input("x", shape)


BAD_SHAPES = [
    ("axis beyond the last", lambda: F.softmax(_x(2, 3), axis=2), "GI202"),
    ("axis before the first", lambda: F.sum(_x(2, 3), axis=-3), "GI202"),
    ("one axis by two names", lambda: F.sum(_x(2, 3), axis=(0, -2)), "GI202"),
    ("greatest of nothing", lambda: F.max(_x(0, 3), axis=0), "GI205"),
    ("place of nothing", lambda: F.argmin(_x(0, 3)), "GI205"),
    ("variance of one", lambda: F.var(_x(1, 3), axis=0, ddof=1), "GI205"),
    ("sizes that don't broadcast", lambda: F.add(_x(2, 3), F.input("z", (2,))), "GI203"),
    ("a condition that doesn't", lambda: F.where(F.input("c", "bool[5]"), _x(2, 3), 0), "GI203"),
    ("inner sizes of linear", lambda: F.linear(_x(2, 3), F.parameter("w", (5, 7))), "GI201"),
    (
        "inner sizes of a flattened linear",
        lambda: F.linear(_x(2, 3, 5), F.parameter("w", (7, 11)), None, True),
        "GI204",
    ),
    (
        "a bias of another width",
        lambda: F.linear(_x(2, 3), F.parameter("w", (5, 3)), F.parameter("b", (7,))),
        "GI201",
    ),
    ("weights with three axes", lambda: F.linear(_x(2, 3), F.parameter("w", (5, 3, 1))), "GI202"),
    ("linear of a number", lambda: F.linear(_x(), F.parameter("w", (5, 3))), "GI202"),
    ("inner sizes of matmul", lambda: F.matmul(_x(2, 3), F.parameter("w", (5, 7))), "GI201"),
    ("batch sizes of matmul", lambda: F.matmul(_x(2, 5, 3), F.parameter("w", (7, 3, 11))), "GI203"),
    ("matmul of a number", lambda: F.matmul(_x(), F.parameter("w", (5, 3))), "GI202"),
    ("a product that doesn't fit", lambda: F.reshape(_x(2, 3), (4, -1)), "GI204"),
    ("another product", lambda: F.reshape(_x(2, 3), (7,)), "GI204"),
    ("squeezing what is wide", lambda: F.squeeze(_x(2, 3), 0), "GI201"),
    ("too many axes to transpose", lambda: F.transpose(_x(2, 3), (0, 2, 1)), "GI202"),
    ("swapping what is not there", lambda: F.swapaxes(_x(2, 3), 0, 2), "GI202"),
    ("moving what is not there", lambda: F.moveaxis(_x(2, 3), 2, 0), "GI202"),
    ("flipping what is not there", lambda: F.flip(_x(2, 3), 2), "GI202"),
    ("broadcasting to fewer axes", lambda: F.broadcast_to(_x(2, 3), (3,)), "GI203"),
    (
        "broadcasting to other sizes",
        lambda: F.broadcast_to(
            _x(
                3,
            ),
            (2, 5),
        ),
        "GI203",
    ),
    ("joining other widths", lambda: F.concat([_x(2, 3), F.input("z", (2, 5))]), "GI201"),
    ("joining other ranks", lambda: F.concat([_x(2, 3), F.input("z", (2,))]), "GI202"),
    ("stacking other shapes", lambda: F.stack([_x(2, 3), F.input("z", (2, 5))]), "GI201"),
    ("unequal parts", lambda: F.split(_x(2, 3), 2, axis=1)[0], "GI204"),
    ("parts that don't add up", lambda: F.split(_x(2, 3), (1, 1), axis=1)[0], "GI201"),
    ("borders for other axes", lambda: F.pad(_x(2, 3), ((1, 1),)), "GI202"),
    ("ids of another batch", lambda: F.pick(_x(2, 3), F.input("i", "int64[5]")), "GI201"),
    ("ids with too many axes", lambda: F.pick(_x(2, 3), F.input("i", "int64[2, 3]")), "GI202"),
    ("taking along no axis", lambda: F.take(_x(2, 3), F.input("i", "int64[5]"), axis=2), "GI202"),
    ("a key of two words", lambda: F.dropout(_x(2, 3), F.input("k", "uint64[2]")), "GI201"),
    ("one draw along no axis", lambda: F.dropout(_x(2, 3), F.input("k", "uint64[3]"), axes=(2,)), "GI202"),
]


@pytest.mark.parametrize(
    ("make", "code"), [case[1:] for case in BAD_SHAPES], ids=[case[0] for case in BAD_SHAPES]
)
def test_bad_shapes(make: object, code: str) -> None:
    report = infer_shapes(Graph(make()))
    assert [error.code for error in report.errors][:1] == [code]
    assert isinstance(report.errors[0], ShapeError)


BAD_DTYPES = [
    lambda: F.exp(F.input("x", "int64[2]")),
    lambda: F.softmax(F.input("x", "int64[2]")),
    lambda: F.negative(F.input("x", "bool[2]")),
    lambda: F.subtract(F.input("x", "bool[2]"), F.input("z", "bool[2]")),
    lambda: F.where(F.input("x", "float32[2]"), 1, 0),
    lambda: F.take(F.input("x", (2, 3)), F.input("i", "float32[2]")),
    lambda: F.pick(F.input("x", (2, 3)), F.input("i", "float32[2]")),
    lambda: F.one_hot(F.input("i", "float32[2]"), 3),
    lambda: F.dropout(F.input("x", "float32[2]"), F.input("k", "float32[3]")),
]


@pytest.mark.parametrize("make", BAD_DTYPES)
def test_bad_dtypes(make: object) -> None:
    errors = infer_shapes(Graph(make())).errors
    assert [error.code for error in errors] == ["GI301"]
    assert isinstance(errors[0], DTypeError | ShapeError)


@pytest.mark.parametrize(
    ("op", "inputs"),
    [
        ("take", [np.zeros((7, 3)), np.array([[0, 1], [6, 7]])]),
        ("take", [np.zeros((7, 3)), np.array([[0, 1], [6, -1]])]),
        ("pick", [np.zeros((2, 2, 7)), np.array([[0, 1], [6, 7]])]),
    ],
)
def test_ids_out_of_range_are_named_with_their_place(op: str, inputs: list[np.ndarray]) -> None:
    bad = int(inputs[1][1, 1])
    report = infer_shapes(Graph(apply(op, F.input("x", inputs[0]), F.input("i", inputs[1]))))
    with pytest.raises(
        ValueRangeError, match=rf"(?s)GI502.*{op} was given the id {bad} at \(1, 1\).*less than 7"
    ):
        run_op(op, inputs, types=report.graph[op].types)


def test_one_hot_of_an_id_out_of_range() -> None:
    with pytest.raises(ValueRangeError, match="the id 5; ids must be at least 0 and less than 5"):
        run_op("one_hot", [np.array(5)], Attrs({"depth": 5}), [TensorType((5,), "float32")])


def test_ids_that_are_good_pass_in_any_integer_dtype() -> None:
    for dtype in ("int32", "int64", "uint8", "uint64"):
        i = np.array([1, 0], dtype)
        x = np.array([[1.0, 2.0], [3.0, 5.0]])
        graph = Graph({"t": F.take(F.input("x", x), F.input("i", i))})
        np.testing.assert_array_equal(evaluate(graph, {"x": x, "i": i})["t"], x[[1, 0]])


def test_one_pad_for_all_axes_needs_to_know_them() -> None:
    assert F.pad(F.input("x", (2, 3)), 1).shape == (4, 5)
    assert F.pad(F.input("x", (2, 3)), (0, 1)).shape == (3, 4)
    with pytest.raises(TypeError, match="GI108"):
        F.pad(F.input("x"), 1)


def test_the_gradient_of_matmul_needs_ranks() -> None:
    x, w = F.input("x", dtype="float32"), F.input("w", dtype="float32")
    with pytest.raises(DifferentiationError, match="number of axes"):
        differentiate(Graph(F.matmul(x, w)))


def test_third_derivatives_of_products_are_refused() -> None:
    graph = Graph(F.prod(F.input("x", (3,))))
    twice = differentiate(differentiate(graph, wrt=["x"]), outputs=["grad.x"], wrt=["x"])
    (name,) = (name for name in twice.outputs if name.startswith("grad.grad"))
    with pytest.raises(DifferentiationError, match="third derivative"):
        differentiate(twice, outputs=[name], wrt=["x"])


def test_names_of_sources() -> None:
    for make in (F.input, lambda name: F.parameter(name, (2,))):
        with pytest.raises(GraphError, match="a name is text"):
            make("")


def test_functions_need_a_tensor() -> None:
    with pytest.raises(OpError, match="at least one tensor"):
        F.add(1, 2)
