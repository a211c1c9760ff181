"""Sizes that nothing but trying settles: against every size there is, and in words."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable

import pytest

from graphinit import functional as F
from graphinit.ir.graph import Graph
from graphinit.ir.tensor import Tensor
from passes.shape_inference import infer_shapes
from passes.shapes import candidates
from passes.shapes.solver import Solver
from passes.shapes.trials import Trial, listed
from tests.shapes.networks import Network

Fits = Callable[[int, int], bool]
PRIMES = (2, 3, 5, 7, 11, 13)


def lines_of(text: object) -> list[str]:
    """The lines of a text, with this file's line numbers left out."""
    return re.sub(r"test_candidates\.py:\d+", "HERE", str(text)).splitlines()


def joined(rows: int, more: int, divisor: int) -> Graph:
    """``u`` broadcasts to some rows, and with more rows below it its elements part by a divisor."""
    u, v = F.input("u", (-1, 5)), F.input("v", (rows, 5))
    return Graph([u + v, F.concat([u, F.parameter("q", (more, 5))], axis=0).reshape(divisor, -1)])


def beside(rows: int, columns: int, more: int, divisor: int) -> Graph:
    """``x`` broadcasts along two axes, and with more rows below it its elements part by a divisor."""
    x = F.input("x", (-1, -1))
    below = F.concat([x, F.parameter("w", (more, -1))], axis=0)
    return Graph([x + F.input("m", (rows, columns)), below.reshape(divisor, -1)])


# --- each kind of choice ------------------------------------------------------------------------


def test_a_broadcast_leaves_one_or_the_size() -> None:
    assert infer_shapes(joined(7, 3, 2))["u"] == (-1, 5), "4*5 and 10*5 are even"
    assert infer_shapes(joined(7, 4, 11))["u"] == (7, 5)
    assert infer_shapes(joined(7, 3, 4))["u"] == (1, 5)


def test_two_factors_are_divisors() -> None:
    x = F.input("x", (-1, -1))
    below = F.concat([x, F.parameter("w", (11, -1))], axis=0)
    report = infer_shapes(Graph([x.reshape(15), below.reshape(14, -1)]))
    assert (report["x"], report["w"]) == ((3, 5), (11, 5))


def test_a_third_power_has_one_root() -> None:
    x = F.input("x", (-1, -1))
    cube = F.stack([x, x.T]).reshape(-1, x.shape[0]) + F.input("z", (6, 3))
    assert infer_shapes(Graph(cube))["x"] == (3, 3)


def test_parts_are_at_most_the_whole() -> None:
    x, y = F.input("x", (-1, 2)), F.input("y", (-1, 2))
    report = infer_shapes(
        Graph([F.concat([x, y], axis=0), x.reshape(3, -1), y.reshape(5, -1)]), **{"y.0": (8, 2)}
    )
    assert (report["x"], report["y"]) == ((3, 2), (5, 2))
    odd = infer_shapes(
        Graph([F.concat([x, y], axis=0), x.reshape(3, -1), y.reshape(5, -1)]), **{"y.0": (7, 2)}
    )
    assert [error.code for error in odd.errors] == ["GI209"]


def test_a_window_leaves_a_range() -> None:
    x, w = F.input("x", (1, 1, -1)), F.parameter("w", (1, 1, 3))
    graph = Graph([F.conv(x, w, strides=(4,)), x.reshape(7, -1)])
    assert infer_shapes(graph, **{"y.0": (1, 1, 2)})["x"] == (1, 1, 7)
    assert infer_shapes(graph, **{"y.0": (1, 1, 7)})["x"] == (1, 1, 28)


def test_what_all_that_fit_agree_on_is_settled() -> None:
    report = infer_shapes(beside(13, 7, 2, 15))
    assert report["x"] == (13, -1), "of 1, 3*1 and 3*7 are no multiples of 15"
    assert lines_of(report.why("x", 0)) == [
        "axis 0 of x is 13",
        "  axis 0 of x is 13: the same whether axis 1 of x is 1 or 7, in add  HERE",
        "  axis 1 of add is 7: axis 1 of x and axis 1 of y must broadcast, in add  HERE",
        "  7 from the shape of input m  HERE",
        "  axis 0 of add is 13: axis 0 of x and axis 0 of y must broadcast, in add  HERE",
        "  13 from the shape of input m  HERE",
        "  15 from shape=(15, -1) of reshape (reshape)  HERE",
        "  2 from the shape of parameter w  HERE",
    ]


def test_symbols_are_no_candidates() -> None:
    graph = Graph(F.input("x", (-1,)) + F.input("z", ("n",)))
    assert infer_shapes(graph, y=("n",))["x"] == (-1,)
    report = infer_shapes(joined(7, 4, 11), v=(7, 5))
    assert not report.requirements


def test_numbers_behind_symbols_are_tried_again() -> None:
    u, v = F.input("u", (-1, 5)), F.input("v", ("n", 5))
    graph = Graph([u + v, F.concat([u, F.parameter("q", (4, 5))], axis=0).reshape(11, -1)])
    report = infer_shapes(graph)
    assert report["u"] == (-1, 5)
    assert report.update(v=(7, 5))["u"] == (7, 5)
    assert report.update(v=(7, 5)).update(v=(18, 5))["u"] == (18, 5)
    assert [error.code for error in report.update(v=(8, 5)).errors] == ["GI209"]


def test_what_was_found_by_trying_is_not_carried_over() -> None:
    first = infer_shapes(joined(7, 4, 11))
    for rows, more, divisor in ((7, 3, 4), (7, 3, 2), (7, 4, 11), (5, 4, 11)):
        graph = joined(rows, more, divisor)
        assert dict(first.update(graph)) == dict(infer_shapes(graph))
        assert first.update(graph).ok == infer_shapes(graph).ok


def test_trying_costs_nothing_where_nothing_is_left_to_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "_Round", None)
    value = F.input("x", (-1, 3))
    for number in range(200):
        value = F.relu(F.linear(value, F.parameter(f"w{number}", (3, -1))) + value)
    assert infer_shapes(Graph(value))["y"] == (-1, 3)


def test_trying_ends_when_much_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def counted(solver: Solver, most_rows: int) -> Trial:
        tried.append(most_rows)
        return Trial(solver, most_rows)

    monkeypatch.setattr(candidates, "Trial", counted)
    value = F.input("x", (2, 7))
    for number in range(200):
        value = value * F.parameter(f"w{number}", (-1,))
    assert infer_shapes(Graph(value))["y"] == (2, 7)
    assert len(tried) <= 260


# --- in words -----------------------------------------------------------------------------------


def test_why_names_what_was_tried() -> None:
    report = infer_shapes(joined(7, 4, 11))
    assert lines_of(report.why("u", 0)) == [
        "axis 0 of u is 7",
        "  axis 0 of u is 7: axis 0 of x and axis 0 of y must broadcast, and of 1 and 7 only 7 fits, in add  HERE",
        "  not 1: a reshape keeps the number of elements: 25 is not a multiple of 11, in reshape  HERE",
        "  axis 0 of add is 7: axis 0 of x and axis 0 of y must broadcast, in add  HERE",
        "  7 from the shape of input v  HERE",
        "  11 from shape=(11, -1) of reshape (reshape)  HERE",
        "  4 from the shape of parameter q  HERE",
        "  = axis 1 of u: axis 1 of y is axis 1 of x0, in concat  HERE",
        "  5 from the shape of input u  HERE",
    ]
    assert {str(step).split(" from")[0] for step in report.why("reshape", 1).statements} == {
        "11",
        "7",
        "4",
        "5",
    }


def test_an_error_where_no_size_fits() -> None:
    report = infer_shapes(joined(7, 3, 3))
    (error,) = report.errors
    assert lines_of(error) == [
        "GI209 no size fits at add  HERE",
        "  x  u  float32[-1, 5]",
        "  z  add  float32[7, 5]    7 from the shape of input v  HERE",
        "  y  v  float32[7, 5]    7 from the shape of input v  HERE",
        "  not 1: a reshape keeps the number of elements: 20 is not a multiple of 3, in reshape",
        "  not 7: a reshape keeps the number of elements: 50 is not a multiple of 3, in reshape",
        "  axis 0 of x and axis 0 of y must broadcast: 1 or 7 are left for axis 0 of x, and none of them fits",
        "  fix (checked): change axis 0 of input v from 7 to 3",
        "  fix (checked): change axis 0 of parameter q from 3 to 5",
    ]
    assert [origin.split("  ")[0] for origin in error.origins] == [
        "7 from the shape of input v",
        "3 from shape=(3, -1) of reshape (reshape)",
        "3 from the shape of parameter q",
        "5 from the shape of input u",
    ]
    assert error.trail == ("u", "v", "add", "q", "concat", "reshape")
    assert (error.node, error.axis) == ("add", 0)


def test_an_error_leaves_out_statements_that_it_does_not_need() -> None:
    u, v, b = F.input("u", (-1, 5)), F.input("v", (7, 5)), F.parameter("b", (5,))
    below = F.concat([u, F.parameter("q", (3, 5))], axis=0) + b
    report = infer_shapes(Graph([F.relu(u + v) * b, below.reshape(3, -1)]))
    (error,) = report.errors
    assert error.code == "GI209"
    assert not any("parameter b" in origin for origin in error.origins)


def test_numbers_in_words() -> None:
    assert [listed(range(1, end)) for end in (2, 3, 4, 10)] == [
        "1",
        "1 and 2",
        "1, 2 and 3",
        "1, 2, 3, 4, ..., 9",
    ]


# --- against brute force ------------------------------------------------------------------------


def puzzle(seed: int, wrong: bool = False) -> tuple[Graph, Fits, int]:
    """A network around a matrix of two unknown sizes, what it asks of them, and the greatest to try.

    When `wrong`, all but the first are asked of a matrix of other sizes.
    """
    chance = random.Random(seed)
    *sizes, more, stride = chance.sample(PRIMES, 6)
    u, v, *others = sizes
    matrix = F.input("x", (-1, -1))
    outputs: list[Tensor] = [matrix.reshape(u * v)]
    asked: list[Fits] = [lambda a, b: a * b == u * v]
    if chance.random() < 0.4:
        outputs, asked = [matrix + F.input("m", (u, v))], [lambda a, b: a in (1, u) and b in (1, v)]
    for place in range(chance.randint(1, 2)):
        axis = chance.randrange(2)
        size, other = (others if wrong else (u, v))[:: 1 - 2 * axis]
        draw = chance.random()
        if draw < 0.5:
            shape = (more, -1) if axis == 0 else (-1, more)
            below = F.concat([matrix, F.parameter(f"w{place}", shape)], axis=axis)
            by = chance.choice([each for each in range(2, 40) if (size + more) * other % each == 0])
            outputs.append(below.reshape(by, -1))
            asked.append(_divided(axis, more, by))
        elif draw < 0.75:
            by = chance.choice([size, other, size * other])
            outputs.append(F.stack([matrix, matrix]).reshape(2 * by, -1))
            asked.append(_divided(0, 0, by))
        else:
            count = -(-size // stride)
            taken = (matrix if axis == 0 else matrix.T)[::stride]
            outputs.append(F.stack([taken, F.parameter(f"p{place}", (count, -1))]))
            asked.append(_counted(axis, stride, count))
    return Graph(outputs), lambda a, b: all(fits(a, b) for fits in asked), u * v


def _divided(axis: int, more: int, by: int) -> Fits:
    return lambda a, b: ((a, b)[axis] + more) * (b, a)[axis] % by == 0


def _counted(axis: int, stride: int, count: int) -> Fits:
    return lambda a, b: -(-(a, b)[axis] // stride) == count


@pytest.mark.parametrize("wrong", [False, True])
@pytest.mark.parametrize("seed", range(150))
def test_what_is_found_is_what_every_pair_that_fits_agrees_on(seed: int, wrong: bool) -> None:
    graph, fits, most = puzzle(seed, wrong)
    report = infer_shapes(graph)
    pairs = [pair for pair in itertools.product(range(most + 1), repeat=2) if fits(*pair)]
    assert report.ok == bool(pairs), str(report)
    if pairs:
        columns = [set(column) for column in zip(*pairs, strict=True)]
        assert report["x"] == tuple(sizes.pop() if len(sizes) == 1 else -1 for sizes in columns)
        assert dict(infer_shapes(report.graph)) == dict(report), "its own result changes nothing"


@pytest.mark.parametrize("seed", range(100))
def test_random_networks_with_results_stated(seed: int) -> None:
    """Up to three sizes are hidden, some results are stated: what is found is what all that fits agrees on."""
    chance = random.Random(seed)
    net = Network(seed, (1, 2, 3, 5, 7), ops=chance.randint(2, 6))
    places = [(name, axis) for name, shape in net.sources.items() for axis in range(len(shape))]
    hidden = chance.sample(places, min(len(places), chance.randint(1, 3)))
    shown = {name: list(shape) for name, shape in net.sources.items()}
    for name, axis in hidden:
        shown[name][axis] = -1
    results = {
        name: shape for name, shape in net.shapes(net.sources).items() if name[0] == "n" and ":" not in name
    }
    given = {name: shape for name, shape in results.items() if chance.random() < 0.3}
    graph = net.graph({name: tuple(shape) for name, shape in shown.items()})
    report = infer_shapes(graph, **given)
    assert report.ok, str(report)
    fitting = []
    for sizes in itertools.product(range((16, 16, 16, 8)[len(hidden)]), repeat=len(hidden)):
        for (name, axis), size in zip(hidden, sizes, strict=True):
            shown[name][axis] = size
        shapes = net.shapes({name: tuple(shape) for name, shape in shown.items()})
        if shapes is not None and all(shapes[name] == shape for name, shape in given.items()):
            fitting.append(shapes)
    for name in fitting[0]:
        for axis, size in enumerate(report[name]):
            assert size == -1 or {each[name][axis] for each in fitting} == {size}, name
