from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphinit.errors import ShapeError
from graphinit.ir.dims import (
    Expr,
    SizeRef,
    bounds,
    exact_quotient,
    maximum,
    minimum,
    parse_dim,
    size_of,
    symbol,
)

h, w, n = symbol("h"), symbol("w"), symbol("n")

# A tree of arithmetic: evaluated once by Python, once through expressions.
NAMES = ("h", "w", "n")
leaves = st.one_of(st.sampled_from(NAMES), st.integers(-5, 9))


def grow(children: Any) -> Any:
    return st.one_of(
        st.tuples(st.sampled_from("+-*"), children, children),
        st.tuples(st.sampled_from(["//", "%"]), children, st.integers(-6, 7).filter(bool)),
        st.tuples(st.sampled_from(["min", "max"]), children, children),
    )


trees = st.recursive(leaves, grow, max_leaves=9)
sizes = st.fixed_dictionaries({name: st.integers(1, 30) for name in NAMES})


def compute(tree: Any, values: dict[str, Any]) -> Any:
    if not isinstance(tree, tuple):
        return values.get(tree, tree)
    kind, left, right = tree[0], compute(tree[1], values), compute(tree[2], values)
    symbolic = isinstance(left, Expr) or isinstance(right, Expr)
    if kind == "min":
        return minimum(left, right) if symbolic else min(left, right)
    if kind == "max":
        return maximum(left, right) if symbolic else max(left, right)
    return {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "//": lambda: left // right,
        "%": lambda: left % right,
    }[kind]()


def value_of(dim: Any, values: dict[str, int]) -> int:
    return dim.evaluate(values) if isinstance(dim, Expr) else dim


@given(trees, sizes)
@settings(max_examples=600, deadline=None)
def test_expressions_compute_what_whole_numbers_do(tree: Any, values: dict[str, int]) -> None:
    dim = compute(tree, {name: symbol(name) for name in NAMES})
    expected = compute(tree, values)
    assert value_of(dim, values) == expected
    low, high = bounds(dim)
    assert low is None or low <= expected
    assert high is None or expected <= high


@given(trees, sizes)
@settings(max_examples=300, deadline=None)
def test_text_json_and_substitution_keep_the_value(tree: Any, values: dict[str, int]) -> None:
    dim = compute(tree, {name: symbol(name) for name in NAMES})
    if isinstance(dim, int):
        return
    assert Expr.from_json(dim.to_json()) is dim
    assert dim.substitute({"h": values["h"], "w": w}) == dim.substitute({"h": values["h"]})
    assert value_of(dim.substitute(values), {}) == dim.evaluate(values)
    assert eval(str(dim), {}, values) == dim.evaluate(values)


@pytest.mark.parametrize(
    ("dim", "text"),
    [
        (2 * n, "2*n"),
        ((h - 1) // 2 + 1, "(h + 1)//2"),
        (((h - 1) // 2 + 1 - 1) // 2 + 1, "(h + 3)//4"),
        (4 - h, "4 - h"),
        (h * h, "h**2"),
        (h % 4, "h % 4"),
        (2 * (h % 3) - 1, "2*(h % 3) - 1"),
        (3 * (h // 2), "3*(h//2)"),
        ((h // 2) * (w // 2), "(h//2)*(w//2)"),
        (h // w, "h//w"),
        (maximum(n, h), "max(h, n)"),
        (maximum(maximum(h, w), h + 1), "max(h + 1, w)"),
        (size_of("x", 0, 0) + 1, "x.shape[0] + 1"),
        (size_of("x", 1, 2) * 1, "x:1.shape[2]"),
    ],
)
def test_text(dim: Expr, text: str) -> None:
    assert str(dim) == text


def test_equal_forms_are_one_object() -> None:
    assert h + w is w + h
    assert 2 * (h + 1) - 2 is 2 * h
    assert (h % 4) + 4 * (h // 4) is h
    assert (2 * h + 3) // 2 is h + 1  # the half is dropped
    assert (h // 2 + w) // 2 is (h + 2 * w) // 4
    assert (6 * h) // 4 is h + h // 2
    assert maximum(h, 1) is h
    assert (h + 1) - h == 1
    assert (h % 4) // 4 == 0
    assert copy.deepcopy(h + 1) is h + 1
    assert pickle.loads(pickle.dumps((h - 5) // 2)) is (h - 5) // 2


def test_exact_quotient() -> None:
    assert exact_quotient(h * h - 16, h - 4) is h + 4
    assert exact_quotient(12 * h * w, 3 * w) is 4 * h
    assert exact_quotient(h * h, 2) is None
    assert exact_quotient(h, w) is None
    assert exact_quotient(12, 4) == 3
    assert exact_quotient(12, 0) is None


def test_what_an_expression_speaks_of() -> None:
    dim = (size_of("x", 0, 1) * h + w) // 2
    assert isinstance(dim, Expr)
    assert dim.symbols == {"h", "w"}
    assert dim.sizes == {SizeRef("x", 0, 1)}
    assert dim.rename(lambda name: f"a.{name}").sizes == {SizeRef("a.x", 0, 1)}
    assert dim.substitute({SizeRef("x", 0, 1): 4}) is 2 * h + w // 2
    with pytest.raises(KeyError):
        dim.evaluate({"h": 1})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0, 0),
        (np.int64(7), 7),
        (-1, -1),
        (None, -1),
        ("?", -1),
        (" -1 ", -1),
        ("12", 12),
        ("batch", symbol("batch")),
        ("2*n + 1", 2 * n + 1),
        ("(h-1)//2", (h - 1) // 2),
        ("max(h, w)", maximum(h, w)),
        ("h**2", h * h),
        ("h % 2", h % 2),
        (h + 1, h + 1),
    ],
)
def test_reading_sizes(given: Any, expected: Any) -> None:
    assert parse_dim(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        -2, True, 2.0, float("nan"), "2.5", "", "h(", "a b", "-3", "2 - 3", "x.shape[0]", "-h", "h // 0", "f(h)",
        "__import__('os')", "h if h else 1", "(" * 500 + "h" + ")" * 500, "9" * 30, 2**63, "h**99", [3], object(),
        np.bool_(True), "h < 3", "lambda: 3", "'h'", "True",
    ],
)  # fmt: skip
def test_what_is_no_size_is_refused(given: Any) -> None:
    with pytest.raises(ShapeError) as caught:
        parse_dim(given)
    assert caught.value.code == "GI206"
