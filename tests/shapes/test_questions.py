"""Questions to a report: which inputs give an output, and what changes after an edit."""

from __future__ import annotations

import random
from typing import Any

import pytest

from graphinit import functional as F
from graphinit import nn
from graphinit.errors import GraphError, ShapeError
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.node import Value
from passes.shape_inference import ShapeReport, infer_shapes
from tests.shapes.image_networks import lenet, residual, unet, vgg
from tests.shapes.networks import Network


def same(one: ShapeReport, other: ShapeReport) -> None:
    assert dict(one) == dict(other)
    assert list(map(str, one.requirements)) == list(map(str, other.requirements))
    assert [error.code for error in one.errors] == [error.code for error in other.errors]
    assert [str(one.type(name)) for name in one] == [str(other.type(name)) for name in other]


def convolutions() -> Graph:
    """The layers of `vgg` without the last one: an image in, a map out."""
    graph = vgg((-1, 3, -1, -1))
    node = next(reversed([node for node in graph if node.op == "conv"]))
    builder = GraphBuilder()
    for each in graph:
        builder.append(each)
    return builder.build({"y": Value(node.name)})


def test_which_image_gives_a_map_of_seven() -> None:
    solution = infer_shapes(convolutions()).solve(y=(..., 7, 7))
    assert solution["x"] == ("x[0]", 3, "x[2]", "x[3]")
    assert [str(each) for each in solution.requirements] == ["224 <= x[2] <= 255", "224 <= x[3] <= 255"]
    assert str(solution).splitlines()[0] == "x = (x[0], 3, x[2], x[3])"
    assert list(solution) == ["x"]
    assert len(solution) == 1


def test_backwards_to_one_size() -> None:
    report = infer_shapes(Graph(F.concat([F.input("a", (-1, 3)), F.input("b", (-1, 5))], axis=1)))
    assert report.solve(y=(7, 8))["b"] == (7, 5)
    assert not report.solve(y=(7, 9)).ok
    assert "no inputs give that" in str(report.solve(y=(7, 9)))


def test_what_is_asked_must_be_there() -> None:
    report = infer_shapes(lenet((-1, 3, -1, -1)))
    with pytest.raises(GraphError):
        report.solve(nothing=(2, 3))
    with pytest.raises(ShapeError, match="the rank is 2"):
        report.solve(y=(..., 1, 2, 3))


def test_numbers_for_symbols_visit_nothing() -> None:
    graph = residual(("batch", 3, "h", "w"))
    report = infer_shapes(graph)
    again = report.update(x=(2, 3, 32, 48))
    assert again.visited == 0
    same(again, infer_shapes(graph, x=(2, 3, 32, 48)))
    assert "48 from x=(2, 3, 32, 48) given to inference" in str(again.why("x", 3))
    same(again.update(x=(5, 3, 32, 48)), infer_shapes(graph, x=(5, 3, 32, 48)))


def test_numbers_that_do_not_fit_are_found_by_a_full_run() -> None:
    graph = lenet(("batch", 3, "h", "w"), 400)
    report = infer_shapes(graph)
    again = report.update(x=(2, 3, 29, 32))
    assert not again.ok
    same(again, infer_shapes(graph, x=(2, 3, 29, 32)))
    assert report.update(x=(2, 3, 33, 32)).visited == 0


def test_another_width_visits_what_follows_from_it() -> None:
    a, b = F.input("a", ("batch", 7)), F.input("b", ("batch", 11))
    left, right = F.relu(a), F.relu(b)
    for _ in range(5):
        left, right = F.tanh(left), F.tanh(right)
    graph = Graph(F.concat([left, right], axis=1))
    report = infer_shapes(graph, a=("batch", 7), b=("batch", -1))
    again = report.update(b=("batch", "n"))
    same(again, infer_shapes(graph, a=("batch", 7), b=("batch", "n")))
    longer = Graph(F.concat([left, F.relu(right)], axis=1))
    edited = report.update(longer)
    same(edited, infer_shapes(longer, a=("batch", 7), b=("batch", -1)))
    assert 0 < edited.visited < report.visited


def test_an_edited_layer_visits_what_follows_from_it() -> None:
    def net(units: int) -> Graph:
        layers = [nn.Dense(64, activation="relu") for _ in range(20)]
        layers[16] = nn.Dense(units)
        return nn.Sequential(*layers).trace()

    before, after = net(64), net(32)
    report = infer_shapes(before, x=("batch", 20))
    again = report.update(after)
    same(again, infer_shapes(after, x=("batch", 20)))
    assert again.visited < 8
    assert report.update(before).visited == 0


@pytest.mark.parametrize("seed", range(80))
def test_updates_equal_full_runs(seed: int) -> None:
    """Other inputs, and other networks, one after the other."""
    chance = random.Random(seed)
    net = Network(seed, ops=chance.randint(2, 7))
    graph = net.graph({name: (-1,) * len(shape) for name, shape in net.sources.items()})
    report = infer_shapes(graph, **net.sources)
    for _ in range(4):
        if chance.random() < 0.3:
            other = Network(seed + chance.randint(0, 3), ops=chance.randint(2, 7))
            edited = other.graph({name: (-1,) * len(shape) for name, shape in other.sources.items()})
            kept = {name: net.sources[name] for name in net.sources if name in edited.nodes}
            same(report.update(edited), infer_shapes(edited, **kept))
            continue
        changed: dict[str, Any] = {}
        for name, shape in net.sources.items():
            if chance.random() < 0.5:
                changed[name] = tuple(
                    chance.choice([dim, dim, "s", "t", -1, chance.choice([1, 2, 3, 4])]) for dim in shape
                )
        sources = {**net.sources, **changed}
        full = infer_shapes(graph, **sources)
        same(report.update(**changed), full)


@pytest.mark.parametrize("build", [lenet, residual, lambda image: unet(image, 3)])
def test_updates_of_images(build: Any) -> None:
    graph = build((-1, 3, -1, -1))
    report = infer_shapes(graph, x=("batch", 3, "h", "w"))
    for image in ((2, 3, 32, 64), (1, 3, 16, 16), ("n", 3, "h", "h"), (2, 3, "h", "w"), (2, 5, 32, 32)):
        full = infer_shapes(graph, x=image)
        same(report.update(x=image), full)
        report = full if full.ok else report


def test_the_smallest_sets_of_facts_that_settle_a_size() -> None:
    """Sizes that only several facts settle together; a shape of which not even the rank is known."""
    net = nn.Sequential(nn.Conv2D(7, 3), nn.Dense(5))
    report = infer_shapes(net.trace(), x=(-1, -1, -1, -1))
    weight = next(size for size in report.unknowns if size.name == "1.weight")
    assert ("axis 2 of x", "axis 3 of x") in weight.settled_by
    assert weight.explained == "axis 1 of 1.weight: settled by axis 2 of x and axis 3 of x"
    assert report.update(x=(-1, -1, 11, 13))["1.weight"] == (5, 7 * 9 * 11)

    report = infer_shapes(nn.Dense(5).trace())
    weight = next(size for size in report.unknowns if size.name == "weight")
    assert weight.explained == "axis 1 of weight: settled by the shape of x"


def test_answers_keep_what_is_known() -> None:
    dense = nn.Dense(10, in_units=784)
    assert str(infer_shapes(dense).solve(y=("b", 10))) == (
        "x = (b, ...), with any further axes, for example (b, 784)"
    )
    assert str(infer_shapes(nn.Dense(4)).solve(y=(7, 4))) == "x = (7, ...), with any further axes"
    given = infer_shapes(dense, x=("b", 1, 28, "w"))
    assert str(given.solve(y=(7, 10))) == "x = (7, 1, 28, 28)\nb == 7\nw == 28"
    assert given.solve(y=(7, 10))["x"] == (7, 1, 28, 28)
    both = Graph(F.input("a", ("b", 3)) + F.input("c"))
    assert str(infer_shapes(both).solve(y=("b", 3))) == "a = (b, 3)\nc may have any number of axes"
