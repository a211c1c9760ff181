"""Expressions of sizes have limits, on every way in."""

from __future__ import annotations

import functools
import threading
from typing import Any

import pytest

import passes
from graphinit import Graph, nn
from graphinit import functional as F
from graphinit.cli import main
from graphinit.errors import ShapeError
from graphinit.ir import expressions, op
from graphinit.ir.dims import Expr, maximum, parse_dim, stand_in, symbol
from graphinit.ir.op import intern_rule
from graphinit.ir.types import TensorType

SUM = "+".join("abcdefgh")
NESTED = "h"
for _ in range(70):
    NESTED = f"({NESTED}//w+1)"
LARGE = {
    f"({SUM})**16": "more than 1000 terms",
    f"({SUM})**8*({SUM})**8": "more than 1000 terms",
    "a**16*a**16*a**16*a**16*a": "powers above 64",
    "((((9**16)**16)**16)**16)**16": "numbers of more than 256 bits",
    "a*" + "*".join(["99999999999999999999"] * 5): "more than 256 bits",
    NESTED: "nested deeper than 64",
    "("
    + "+".join(f"a{i}" for i in range(120))
    + ")*("
    + "+".join(f"b{i}" for i in range(120))
    + ")": "terms",
}


@pytest.mark.parametrize("text", LARGE)
def test_text_that_is_too_large(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ShapeError, match=LARGE[text]) as caught:
        parse_dim(text)
    assert caught.value.code == "GI205"
    assert len(str(caught.value)) < 400
    with pytest.raises(ShapeError, match=LARGE[text]):
        passes.infer_shapes(Graph(F.relu(F.input("x", (-1,)))), x=(text,))
    with pytest.raises(ShapeError, match=LARGE[text]):
        F.input("x", (3, text))
    assert main(["check", "graphinit.nn:Identity", f"x={text}"]) == 2
    assert "GI205" in capsys.readouterr().err


def test_just_below_the_limits_all_is_well() -> None:
    assert str(parse_dim("a**16*a**16*a**16*a**16")) == "a**64"
    assert len(parse_dim("(a+b+c+d)**6").terms) == 84  # type: ignore[union-attr]
    deep: Any = "h"
    for _ in range(60):
        deep = f"({deep}//w+1)"
    dim = parse_dim(deep)
    assert isinstance(dim, Expr)
    assert (
        dim.evaluate({"h": 7, "w": 2})
        == 1 + dim.evaluate({"h": 3, "w": 2}) - dim.evaluate({"h": 3, "w": 2}) + 1
    )
    assert Expr.from_json(dim.to_json()) is dim


def test_in_a_network_it_is_a_mistake_of_the_layer() -> None:
    sizes = ["+".join(f"{letter}{i}" for i in range(150)) for letter in "ab"]
    net = nn.Sequential(nn.Dense(3), nn.Dense(4, in_units=5))
    report = passes.infer_shapes(net.trace(), x=("n", *sizes))
    first, second = report.errors
    assert (first.code, first.node, second.code, second.node) == ("GI205", "0.linear", "GI201", "1.linear")


def test_names_of_sizes_are_identifiers() -> None:
    for name in ("a b", "1a", "", "if", "a\n", "f()", "a.b"):
        with pytest.raises(ShapeError, match="is no name for a size"):
            symbol(name)
    assert symbol("größe") is parse_dim("größe")
    assert symbol("ﬁ") is parse_dim("fi")  # as Python reads names
    assert str(stand_in("x[0]") + 1) == "x[0] + 1"


def test_no_more_axes_than_an_array_has() -> None:
    assert TensorType.parse((1,) * 64).rank == 64
    for spec in ((1,) * 65, ",".join("1" * 65), f"float32[{','.join('1' * 65)}]"):
        with pytest.raises(ShapeError, match="a shape of 65 axes is more than an array can have: 64"):
            TensorType.parse(spec)


def test_minima_of_many() -> None:
    dims = [symbol(f"s{index}") for index in range(33)]
    most = functools.reduce(maximum, dims[:-1])
    with pytest.raises(ShapeError, match="more than 32 sizes in one minimum or maximum"):
        maximum(most, dims[-1])


# --- what is kept -----------------------------------------------------------------------------


def test_expressions_that_nobody_holds_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    held = [(symbol(f"held{index}") * 3 + 1) // symbol("other") for index in range(50)]
    monkeypatch.setattr(expressions, "_room", len(expressions._exprs) + 100)
    for index in range(1_000):
        symbol(f"forgotten{index}") // 7
    assert expressions._room == 20_000  # it was full, and swept
    assert len(expressions._exprs) < 3_000
    names = {atom.args[0] for atom in expressions._atoms.values() if atom.kind == "symbol"}
    assert "forgotten3" not in names
    assert {"held3", "other", "forgotten999"} <= names
    again = [(symbol(f"held{index}") * 3 + 1) // symbol("other") for index in range(50)]
    assert all(one is other for one, other in zip(held, again, strict=True))


def test_quotients_and_rules_are_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    h = symbol("h")
    for index in range(2, 12_000):
        h // index
    assert len(expressions._quotients) <= 10_000
    monkeypatch.setattr(op, "_MOST_RULES", 50)
    for size in range(1, 200):
        F.reshape(F.input("x", (size,)), (size, 1))
    assert len(op._rules) <= 50


def test_one_rule_for_equal_attributes() -> None:
    attrs = F.reshape(F.input("x", (6,)), (2, 3)).builder.nodes["reshape"].attrs
    again = F.reshape(F.input("x", (6,)), (2, 3)).builder.nodes["reshape"].attrs
    assert intern_rule("reshape", attrs) is intern_rule("reshape", again)


def test_threads_make_one_expression() -> None:
    start = threading.Barrier(4)
    found: list[list[Any]] = []

    def make() -> None:
        start.wait()
        found.append([symbol(f"t{index}") * 2 + symbol(f"u{index}") // 3 for index in range(2_000)])

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len({id(each[index]) for each in found}) == 1 for index in range(2_000))


def test_powers_from_0_to_64() -> None:
    a = symbol("a")
    assert (a**0, a**1, str(a**64)) == (1, a, "a**64")
    for power, words in ((65, "powers above 64"), (-1, "powers below 0")):
        with pytest.raises(ShapeError, match=words):
            a**power


def test_the_remainder_of_a_number() -> None:
    remainder = 17 % symbol("n")
    assert isinstance(remainder, Expr)
    assert [remainder.evaluate({"n": n}) for n in (1, 5, 17, 23)] == [0, 2, 0, 17]


def test_axes_of_sizes_in_json() -> None:
    def of_axis(axis: int) -> Any:
        return Expr.from_json([[1, [[["size", "x", 0, axis], 1]]]])

    assert (str(of_axis(-64)), str(of_axis(63))) == ("x.shape[-64]", "x.shape[63]")
    for axis in (-65, 64):
        with pytest.raises(ValueError, match="must be a whole number from -64 to 63"):
            of_axis(axis)
