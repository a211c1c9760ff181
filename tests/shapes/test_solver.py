from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphinit import functional as F
from graphinit.errors import GraphError, GraphInitError, ShapeError
from graphinit.ir.graph import Graph
from graphinit.ir.types import TensorType
from passes.shape_inference import InferShapes, infer_shapes


def requirements(report: Any) -> list[str]:
    return [str(requirement) for requirement in report.requirements]


def test_both_directions() -> None:
    x, w, bias = F.input("x", (-1, -1)), F.parameter("w", (7, 5)), F.parameter("b", (-1,))
    report = infer_shapes(Graph(F.linear(x, w, bias)))
    assert (report["x"], report["b"], report["y"]) == ((-1, 5), (7,), (-1, 7))


def test_from_the_output() -> None:
    x, w = F.input("x", (-1, -1)), F.parameter("w", (-1, -1))
    report = infer_shapes(Graph(F.linear(x, w)), linear=(3, 11), x=(-1, 5))
    assert (report["x"], report["w"]) == ((3, 5), (11, 5))


def test_symbols_stand_for_every_size() -> None:
    x, y = F.input("x", ("batch", 5)), F.input("y", ("n", 5))
    report = infer_shapes(Graph(F.concat([x, F.relu(y)], axis=1) + F.concat([x, y], axis=1)))
    assert requirements(report) == ["batch == n"]
    assert report.accepts(batch=3, n=3)
    assert not report.accepts(batch=3, n=2)
    assert not report.accepts(batch=0, n=0)
    with pytest.raises(ShapeError, match="give a size for n"):
        report.accepts(batch=3)


def test_a_given_size_stands_for_a_declared_symbol_everywhere() -> None:
    x, y = F.input("x", ("batch", 5)), F.input("y", ("batch", 7))
    report = infer_shapes(Graph(F.concat([x, y], axis=1)), x=(3, 5))
    assert report["y"] == (3, 7)
    assert report["y"] == infer_shapes(Graph(F.concat([x, y], axis=1)), y=(3, 7))["x"][:1] + (7,)  # noqa: RUF005
    clash = infer_shapes(Graph(F.concat([x, y], axis=1)), x=(3, 5), y=(2, 7))
    assert [error.code for error in clash.errors] == ["GI201"]


def test_unknown_rank_waits_for_any_side() -> None:
    x = F.input("x", None)
    assert infer_shapes(Graph(F.relu(x) * 2.0))["y"] is None
    report = infer_shapes(Graph(F.relu(x)), y=(3, 5))
    assert report["x"] == (3, 5)
    assert infer_shapes(Graph(F.relu(x) * 2.0), x=(3, "n"))["y"] == (3, "n")


def test_unknowns_that_meet_are_one() -> None:
    x, y, z = (F.input(name, (-1,)) for name in "xyz")
    joined = F.stack([x, y])
    report = infer_shapes(Graph([F.relu(joined), F.stack([F.relu(y), z])]))
    assert len(report.unknowns) == 1
    assert {name for name, _ in report.unknowns[0].places} >= {"x", "y", "z"}
    settled = infer_shapes(Graph([F.relu(joined), F.stack([F.relu(y), z])]), z=(5,))
    assert (settled["x"], settled["y"]) == ((5,), (5,))


def test_a_value_used_twice_is_one_unknown() -> None:
    x = F.input("x", (-1, 3))
    assert infer_shapes(Graph(x + x), x=(-1, 3), y=(7, 3))["x"] == (7, 3)
    whole = F.concat([x, x], axis=0)
    assert infer_shapes(Graph(whole), y=(14, 3))["x"] == (7, 3)
    square = F.input("s", (-1, 5))
    assert infer_shapes(Graph(F.stack([square, square.T])))["s"] == (5, 5)
    assert infer_shapes(Graph(square - square.T))["s"] == (-1, 5), "one row broadcasts"


def test_tied_weights_are_solved_from_either_use() -> None:
    w = F.parameter("w", (-1, -1))
    x, y = F.input("x", (2, 5)), F.input("z", (2, 11))
    report = infer_shapes(Graph([F.linear(x, w), F.linear(y, w.T)]))
    assert report["w"] == (11, 5)


def test_an_unknown_settled_at_the_end_is_settled_everywhere() -> None:
    value = F.input("x", (-1, 3))
    for _ in range(50):
        value = F.relu(value)
    report = infer_shapes(Graph(value), y=(7, 3))
    assert {report[name] for name in report} == {(7, 3)}


def test_concat_and_split() -> None:
    x, y = F.input("x", ("n", 3)), F.input("y", (-1, -1))
    report = infer_shapes(Graph(F.concat([x, y], axis=0)), **{"concat": (11, -1)})
    assert report["y"] == ("11 - n", 3)
    assert requirements(report) == ["n <= 11"]


def test_flatten_both_ways() -> None:
    x, w = F.input("x", (2, 5, -1)), F.parameter("w", (7, 15))
    assert infer_shapes(Graph(F.linear(x, w, flatten=True)))["x"] == (2, 5, 3)
    y = F.input("y", (2, "c", 3))
    w = F.parameter("v", (7, -1))
    assert infer_shapes(Graph(F.linear(y, w, flatten=True)))["v"] == (7, "3*c")
    w = F.parameter("u", (7, 15))
    report = infer_shapes(Graph(F.linear(y, w, flatten=True)))
    assert requirements(report) == ["c == 5"]


def test_reshape() -> None:
    x = F.input("x", ("n", 6))
    assert infer_shapes(Graph(x.reshape(-1, 3)))["y"] == ("2*n", 3)
    report = infer_shapes(Graph(x.reshape(-1, 4)))
    assert report["y"] == ("n + n//2", 4)
    assert requirements(report) == ["n % 2 == 0"]
    assert [need.holds(n=n) for need in report.requirements for n in (2, 3)] == [True, False]
    unknown = F.input("u", (-1, 6))
    assert infer_shapes(Graph(unknown.reshape(unknown.shape[0], 2, -1)))["y"] == (-1, 2, 3)
    assert infer_shapes(Graph(unknown.reshape(unknown.shape[0], 2, -1)), y=(5, 2, 3))["u"] == (5, 6)


@pytest.mark.parametrize(
    ("one", "other", "result", "needs"),
    [
        (5, 1, 5, []),
        (1, 1, 1, []),
        (5, 5, 5, []),
        (0, 1, 0, []),
        (5, -1, 5, []),
        (1, -1, -1, []),
        (-1, -1, -1, []),
        ("s", 1, "s", []),
        ("s", "s", "s", []),
        ("s", 5, 5, ["s == 1 or s == 5"]),
        ("s", "t", "max(s, t)", ["s == t or s == 1 or t == 1"]),
        ("s + 1", "t", "s + 1", ["s + 1 == t or t == 1"]),
        ("s", -1, -1, []),
    ],
)
def test_broadcasting(one: Any, other: Any, result: Any, needs: list[str]) -> None:
    report = infer_shapes(Graph(F.input("x", (one,)) + F.input("z", (other,))))
    assert report.ok
    assert report["y"] == (result,)
    assert requirements(report) == needs


def test_a_broadcast_is_never_guessed_backwards() -> None:
    graph = Graph(F.input("x", (-1,)) + F.input("z", (7,)))
    assert infer_shapes(graph, y=(7,))["x"] == (-1,)
    graph = Graph(F.input("x", (-1,)) + F.input("z", (1,)))
    assert infer_shapes(graph, y=(7,))["x"] == (7,)
    graph = Graph(F.input("x", (-1,)) + F.input("z", (-1,)))
    assert infer_shapes(graph, y=(1,))["x"] == (1,)


def test_a_size_of_another_value_is_solved() -> None:
    x, y = F.input("x", (-1, 6)), F.input("z", (-1, 4))
    moved = y + x.sum() * 0.0
    graph = Graph(moved.reshape(x.shape[0], 2, 2))
    assert infer_shapes(graph, z=(5, 4))["x"] == (5, 6)


def test_dtypes() -> None:
    x, ids = F.input("x", (2, 3), dtype=None), F.input("ids", (5,), dtype=None)
    report = infer_shapes(Graph([F.take(F.relu(x), ids, axis=0) * 2.0, x > 0]))
    assert (report.type("x").dtype, report.type("ids").dtype) == ("float32", "int64")
    assert [report.type(name).dtype for name in ("y.0", "y.1")] == ["float32", "bool"]
    wrong = infer_shapes(Graph(F.take(x, F.input("f", (5,), dtype="float32"), axis=0)))
    assert [error.code for error in wrong.errors] == ["GI301"]
    with pytest.raises(TypeError, match="takes integers"):
        wrong.raise_errors()


@pytest.mark.parametrize(
    "spec",
    [(2, 3), np.zeros((2, 3), np.float32), TensorType((2, 3), "float32"), "float32[2, 3]", "2,3", [2, 3]],
)
def test_input_specifications(spec: Any) -> None:
    assert infer_shapes(Graph(F.relu(F.input("x"))), x=spec)["y"] == (2, 3)


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"z": (2, 3)}, "GI106"),
        ({"x": (2, -3)}, "GI206"),
        ({"x": (float("nan"),)}, "GI206"),
        ({"x": 1j}, "GI206"),
    ],
)
def test_bad_specifications_are_refused(inputs: dict[str, Any], code: str) -> None:
    with pytest.raises(GraphInitError) as caught:
        infer_shapes(Graph(F.relu(F.input("x"))), **inputs)
    assert caught.value.code == code


def test_a_wrong_name_is_told_from_the_right_ones() -> None:
    with pytest.raises(GraphError, match="its inputs are image"):
        infer_shapes(Graph(F.relu(F.input("image"))), z=(2, 3))
    with pytest.raises(GraphError, match="did you mean 'image'"):
        infer_shapes(Graph(F.relu(F.input("image"))), imag=(2, 3))


def test_declared_and_given_must_agree() -> None:
    graph = Graph(F.relu(F.input("x", (2, 3))))
    rank, size = infer_shapes(graph, x=(2, 3, 5)), infer_shapes(graph, x=(-1, 5))
    assert [error.code for error in (*rank.errors, *size.errors)] == ["GI202", "GI201"]
    assert "3 != 5" in str(size.errors[0])
    assert infer_shapes(graph, x=(2, "n"))["x"] == (2, 3)
    assert requirements(infer_shapes(graph, x=(2, "n"))) == ["n == 3"]


def test_requirements_that_exclude_each_other_are_an_error() -> None:
    x = F.input("x", ("h", 3))
    one, other = F.parameter("v", (7, 3)), F.parameter("w", (5, 3))
    report = infer_shapes(Graph([F.stack([x, one]), F.stack([x, other])]))
    assert [error.code for error in report.errors] == ["GI208"]
    assert "h == 7 and h == 5 cannot hold together" in str(report.errors[0])


def test_open_sizes_say_what_settles_them() -> None:
    x, y = F.input("x", (-1, 3)), F.input("z", (-1, 3))
    report = infer_shapes(Graph(F.concat([x, y], axis=0)))
    by_name = {size.name: size.settled_by for size in report.unknowns}
    assert by_name["concat"] == (("axis 0 of x", "axis 0 of z"),)
    with pytest.raises(ShapeError) as caught:
        report.raise_errors(unknown=True)
    assert caught.value.code == "GI207"


def test_the_graph_is_left_alone_and_the_report_holds_a_typed_one() -> None:
    graph = Graph(F.relu(F.input("x", (-1, 3))))
    text = str(graph)
    result = InferShapes({"x": (2, 3)})(graph)
    assert result.graph is graph
    assert not result.changed
    assert str(graph) == text
    assert str(result.report.graph["relu"].type) == "float32[2, 3]"
    with pytest.raises(KeyError):
        result.report["nothing"]
    assert set(result.report) == {"x", "relu"}


def test_shapes_are_known_while_a_network_is_described() -> None:
    x = F.input("x", (-1, 6))
    y = F.linear(x, F.parameter("w", (7, -1)))
    assert y.shape[1] == 7
    assert y.reshape(-1, y.shape[1]).shape[1] == 7
    for _ in range(300):
        y = F.relu(y)
        assert y.ndim == 2


def test_long_chains_need_no_stack() -> None:
    value = F.input("x", ("batch", 3))
    for _ in range(5000):
        value = F.relu(value)
    report = infer_shapes(Graph(value))
    assert report["y"] == ("batch", 3)
    assert len(report.why("y", 0).steps) == 5001
    assert len(str(report.why("y", 0)).splitlines()) < 20
