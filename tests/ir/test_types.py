"""Types, input specifications, signatures and attributes."""

from __future__ import annotations

import numpy as np
import pytest

from graphinit.errors import CODES, DTypeError, GraphInitError, ShapeError
from graphinit.ir.dims import symbol
from graphinit.ir.op import Attrs, Literal, OpSpec, default_dtype, fill_template, op_names, op_spec, register
from graphinit.ir.signature import Letter, Product, Signature, Star
from graphinit.ir.types import TensorType, canonical_dtype, parse_shape


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ((2, -1), "?[2, -1]"),
        ([2, None], "?[2, -1]"),
        (("batch", 3, "h", "w"), "?[batch, 3, h, w]"),
        (("2*n + 1",), "?[2*n + 1]"),
        ((), "?[]"),
        ((np.int64(3), 0), "?[3, 0]"),
        (np.zeros((2, 3), np.float64), "float64[2, 3]"),
        (TensorType((5,), "int8"), "int8[5]"),
        ("int64[batch, 64]", "int64[batch, 64]"),
        ("int64:batch,64", "int64[batch, 64]"),
        ("batch,64", "?[batch, 64]"),
        ("[batch, 64]", "?[batch, 64]"),
        ("float32[]", "float32[]"),
        ("float32[...]", "float32[...]"),
        ("-1,5", "?[-1, 5]"),
        ("7", "?[7]"),
        (3.5, "?[]"),
    ],
)
def test_input_specifications(spec, text):
    assert str(TensorType.parse(spec)) == text


@pytest.mark.parametrize(
    "spec",
    [
        (2, -3), (2.5,), (float("nan"),), (True,), ("a b",), ("__import__('os')",), ((2,),), (2, object()),
        "float32[2", "2,,3", "float32[2]]", None, object(), {"a": 1}, ("x.y",), (1e3,), ("-n - 5",),
    ],
)  # fmt: skip
def test_other_specifications_are_shape_errors(spec):
    with pytest.raises(ShapeError) as caught:
        TensorType.parse(spec)
    assert caught.value.code == "GI206"


@pytest.mark.parametrize("spec", ["float[2]", "complex64[2]", "object:3", "flot32:3"])
def test_unknown_dtypes(spec):
    if spec.startswith("float["):  # NumPy calls float64 so
        assert TensorType.parse(spec).dtype == "float64"
    else:
        with pytest.raises(DTypeError, match="use one of"):
            TensorType.parse(spec)


@pytest.mark.parametrize("array", [np.zeros(3, complex), np.array(["a"]), np.array([None], dtype=object)])
def test_arrays_that_no_op_computes_with(array):
    with pytest.raises(DTypeError):
        TensorType.parse(array)


def test_dtype_names():
    assert (
        canonical_dtype("float32")
        == canonical_dtype(np.float32)
        == canonical_dtype(np.dtype("f4"))
        == "float32"
    )
    with pytest.raises(DTypeError):
        canonical_dtype(None)
    with pytest.raises(DTypeError):
        canonical_dtype("nonsense")


def test_shapes():
    assert parse_shape(3) == (3,)
    assert parse_shape([2, None, "n"]) == (2, -1, symbol("n"))
    for bad in ("abc", None, 3.5, {1, 2}):
        with pytest.raises(ShapeError):
            parse_shape(bad)


def test_what_is_static():
    assert TensorType((2, 3)).is_static
    assert not TensorType((2, -1)).is_static
    assert not TensorType((2, symbol("n"))).is_static
    assert not TensorType().is_static


class TestSignature:
    def test_terms(self):
        signature = Signature.parse("x[*b,k], ids:int[3,prod(s)], more..?, bias[n]? -> y[*a|b,n]")
        x, ids, _, bias = signature.inputs
        assert x.terms == (Star(("b",)), Letter("k"))
        assert (ids.kind, ids.terms) == ("int", (Letter("3"), Product("s")))
        assert bias.optional
        assert signature.outputs[0].terms == (Star(("a", "b")), Letter("n"))

    @pytest.mark.parametrize(
        ("text", "arity"),
        [("x -> y", (1, 1)), ("x, y -> z", (2, 2)), ("x, b? -> y", (1, 2)), ("x.. -> y", (1, None))],
    )
    def test_arity(self, text, arity):
        assert Signature.parse(text).arity == arity

    @pytest.mark.parametrize("text", ["", "x, y", "x[ -> y", "x! -> y"])
    def test_bad_signatures(self, text):
        with pytest.raises(ValueError, match="signature"):
            Signature.parse(text)

    def test_every_registered_signature_parses_and_is_documented(self):
        for name in op_names():
            spec = op_spec(name)
            assert spec.doc.strip(), name
            assert spec.parsed.outputs, name


class TestAttributes:
    def test_they_are_ordered_by_name_and_immutable(self):
        attrs = Attrs({"b": 1, "a": 2})
        assert list(attrs) == ["a", "b"]
        assert attrs == Attrs({"a": 2, "b": 1})
        assert hash(attrs) == hash(Attrs({"a": 2, "b": 1}))
        assert attrs.replace(a=3)["a"] == 3
        assert attrs["a"] == 2
        with pytest.raises(TypeError):
            attrs["a"] = 5

    @pytest.mark.parametrize(("one", "other"), [(1, 1.0), (True, 1), (0.0, -0.0), ((1,), (1.0,))])
    def test_kinds_of_numbers_are_kept_apart(self, one, other):
        assert Attrs({"a": one}) != Attrs({"a": other})

    def test_nan_equals_itself(self):
        assert Attrs({"a": float("nan")}) == Attrs({"a": float("nan")})

    def test_literals_compare_by_contents(self):
        assert Literal(np.arange(3)) == Literal(np.arange(3))
        assert Literal(np.arange(3)) != Literal(np.arange(3.0))
        assert Literal(np.zeros((2, 3))) != Literal(np.zeros((3, 2)))
        with pytest.raises(ValueError, match="read-only"):
            Literal(np.arange(3)).array[0] = 1


class TestRegistry:
    def test_a_name_is_taken_once(self):
        with pytest.raises(ValueError, match="registered already"):
            register(op_spec("relu"))

    def test_a_gradient_or_a_reason(self):
        with pytest.raises(ValueError, match="gradient"):
            OpSpec("nothing", "x -> y", "doc", "pass")

    @pytest.mark.parametrize(
        ("dtypes", "result"),
        [
            (("float32", "float32"), "float32"),
            (("float32", "int64"), "float32"),
            (("float32", "float64"), "float64"),
            (("int32", "int64"), "int64"),
            (("bool", "int8"), "int8"),
            (("float32", None), "float32"),
            ((None, None), None),
        ],
    )
    def test_promotion(self, dtypes, result):
        assert default_dtype(dtypes, Attrs()) == result

    def test_templates_replace_whole_names_only(self):
        text = fill_template(
            "np.add(x, y, out=z) # {axis}", {"x": "a", "y": "b", "z": "c"}, Attrs({"axis": 1})
        )
        assert text == "np.add(a, b, out=c) # 1"


class TestErrors:
    def test_every_error_has_a_known_code(self):
        import graphinit.errors as module

        kinds = [
            kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Exception)
        ]
        for kind in kinds:
            if kind is not GraphInitError:
                assert issubclass(kind, GraphInitError)
                assert kind.code in CODES

    def test_the_text_gives_code_place_details_and_fixes(self):
        error = ShapeError(
            "64 != 32",
            code="GI201",
            node="head",
            where="train.py:14",
            details=["input x\nweight w"],
            fixes=["drop it"],
        )
        assert str(error).split("\n") == [
            "GI201 dimension mismatch at head  train.py:14",
            "  input x",
            "  weight w",
            "  64 != 32",
            "  fix (checked): drop it",
        ]
        assert error.to_json()["fixes"] == ["drop it"]

    def test_a_shape_error_is_caught_under_its_old_names(self):
        for kind in (AssertionError, ValueError, RuntimeError):
            with pytest.raises(kind):
                raise ShapeError("sizes clash")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("(b, 784)", "?[b, 784]"),
        ("(b,784,)", "?[b, 784]"),
        ("('b', 784)", "?[b, 784]"),
        ('["b", 784]', "?[b, 784]"),
        ("[b, 784]", "?[b, 784]"),
        ("int64:(b, 64)", "int64[b, 64]"),
        ("int64: b, 64", "int64[b, 64]"),
        ("float32 [b]", "float32[b]"),
        ("()", "?[]"),
        ("float32[]", "float32[]"),
        ("(3,)", "?[3]"),
        ("((h - 5)//2 + 1, w)", "?[(h + 1)//2 - 2, w]"),
        ("(h - 5)//2, (w - 5)//2", "?[(h + 1)//2 - 3, (w + 1)//2 - 3]"),
        ("[max(s, t), 3]", "?[max(s, t), 3]"),
        ("max(s, t), min(s, t)", "?[max(s, t), min(s, t)]"),
        ("(x[0], 3, x[2])", "?[-1, 3, -1]"),
        ("(...)", "?[...]"),
        ("?[2, -1]", "?[2, -1]"),
    ],
)
def test_text_is_read_as_it_is_printed(text, shown):
    type = TensorType.parse(text)
    assert str(type) == shown
    assert TensorType.parse(str(type)) == type


@pytest.mark.parametrize("text", ["(b, 784", "[b, 784", "float32[b", "(b, 784]"])
def test_brackets_that_do_not_close(text):
    with pytest.raises(ShapeError, match="has no closing bracket"):
        TensorType.parse(text)
