"""Which sizes a network takes: in solved form, and by trying them all."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from graphinit import functional as F
from graphinit.errors import ShapeError
from graphinit.ir.dims import Expr, parse_dim, symbol
from graphinit.ir.graph import Graph
from graphinit.ir.tensor import Tensor
from passes.shape_inference import infer_shapes
from passes.shapes.requirements import Condition, Requirement
from passes.shapes.size_sets import SizeSet, solutions
from passes.shapes.solved_requirements import solve_requirements
from tests.shapes.image_networks import lenet, residual, unet, vgg


def texts(graph: Graph, **inputs: Any) -> list[str]:
    report = infer_shapes(graph, **inputs)
    assert report.ok, str(report)
    return [str(requirement) for requirement in report.requirements]


NETWORKS = {
    "LeNet": (lenet, (), ["h >= 16"]),
    "LeNet with 400 units": (lenet, (400,), ["32 <= h <= 35"]),
    "VGG": (vgg, (), ["h >= 32"]),
    "VGG with 931 units": (vgg, (19 * 49,), ["224 <= h <= 255"]),
    "U-Net of depth 2": (unet, (2,), ["h % 4 == 0"]),
    "U-Net of depth 4": (unet, (4,), ["h % 16 == 0"]),
    "residual net": (residual, (), []),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_square_images(name: str) -> None:
    """The answer in words, and every size to 256 tried by inference."""
    build, arguments, expected = NETWORKS[name]
    assert texts(build(("batch", 3, "h", "h"), *arguments)) == expected
    report = infer_shapes(build(("batch", 3, "h", "h"), *arguments))
    graph = build((-1, 3, -1, -1), *arguments)
    for size in range(1, 257):
        fits = infer_shapes(graph, x=(2, 3, size, size)).ok
        assert report.accepts(batch=2, h=size) == fits, size
        assert all(each.holds(h=size, batch=2) for each in report.requirements) == fits


def test_height_and_width_apart() -> None:
    assert texts(lenet(("batch", 3, "h", "w"))) == ["h >= 16", "w >= 16"]
    report = infer_shapes(lenet(("batch", 3, "h", "w"), 400))
    assert [str(each) for each in report.requirements] == [
        "16 <= h <= 19 and 112 <= w <= 115 or 32 <= h <= 35 and 32 <= w <= 35"
        " or 112 <= h <= 115 and 16 <= w <= 19"
    ]
    graph = lenet((-1, 3, -1, -1), 400)
    chance = random.Random(3)
    sizes = [*range(14, 38), *range(110, 118)]
    for h in sizes:
        for w in chance.sample(sizes, 11):
            fits = infer_shapes(graph, x=(2, 3, h, w)).ok
            assert report.accepts(batch=2, h=h, w=w) == fits, (h, w)


def test_height_and_width_apart_for_every_pair_up_to_256() -> None:
    def places(size: int) -> int:
        for kernel, stride in ((5, 1), (2, 2), (5, 1), (2, 2)):
            size = (size - kernel) // stride + 1 if size >= kernel else 0
        return size

    report = infer_shapes(lenet(("batch", 3, "h", "w"), 400))
    every = range(1, 257)
    wrong = [
        (h, w)
        for h in every
        for w in every
        if report.accepts(batch=2, h=h, w=w) != (16 * places(h) * places(w) == 400)
    ]
    assert not wrong


def downsampled(image: Any, blocks: int = 3) -> Graph:
    """Strides of 2 beside a mean of 2x2 on the skip, as in ResNet-D."""
    y, count = F.input("x", image), 0
    for units in range(5, 5 + blocks):
        weights = [F.parameter(f"w{count + at}", (units, -1, k, k)) for at, k in enumerate((3, 1))]
        skip = F.conv(F.avg_pool(y, (2, 2), strides=(2, 2)), weights[1])
        y, count = F.conv(y, weights[0], strides=(2, 2), padding=(1, 1)) + skip, count + 2
    return Graph(y)


def test_a_skip_that_rounds_the_other_way() -> None:
    """The greater of both sizes is known, and small images broadcast."""
    graph = downsampled(("batch", 3, "h", "h"))
    assert texts(graph) == ["h == 6 or h == 12 or h % 8 == 0"]
    assert infer_shapes(graph)["y"] == ("batch", 7, "(h + 7)//8", "(h + 7)//8")
    concrete = downsampled((-1, 3, -1, -1))
    accepted = [h for h in range(1, 50) if infer_shapes(concrete, x=(2, 3, h, h)).ok]
    assert accepted == [6, 8, 12, 16, 24, 32, 40, 48]


def patches(x: Tensor) -> Tensor:
    b, c, h, w = x.shape
    return F.reshape(x, (b, c, h // 4, 4, w // 4, 4))


@pytest.mark.parametrize(
    ("build", "shape", "asked", "y"),
    [
        (patches, ("b", 3, "h", "w"), ["h % 4 == 0", "w % 4 == 0"], ("b", 3, "h//4", 4, "w//4", 4)),
        (lambda x: F.reshape(x, (x.shape[0], -1, 4)), ("b", "2*n"), ["n % 2 == 0"], ("b", "n//2", 4)),
        (
            lambda x: F.reshape(x, (x.shape[0], x.shape[1], 3, x.shape[2] // 3)),
            ("b", "t", "c"),
            ["c % 3 == 0"],
            ("b", "t", 3, "c//3"),
        ),
    ],
)
def test_what_all_sides_have_in_common_cancels(build: Any, shape: Any, asked: list[str], y: Any) -> None:
    graph = Graph(build(F.input("x", shape)))
    assert texts(graph) == asked
    assert infer_shapes(graph)["y"] == y


def test_products_of_floors_lose_nothing() -> None:
    h, w = symbol("h"), symbol("w")
    condition = Condition("==", 20 * (h // 4) * ((w + 1) // 5), h * (w + 1))
    assert sorted(map(str, condition.parts())) == ["h % 4 == 0", "w % 5 == 4"]
    assert Condition("==", 20 * (h // 4) * (w // 5), h * (w + 1)).parts()[0].relation == "=="
    for first, second in ((h, w), (8, 9), (8, 7), (3, 9)):
        sizes = {"h": first, "w": second} if isinstance(first, int) else {"h": 12, "w": 4}
        assert condition.holds(sizes) == all(part.holds(sizes) for part in condition.parts())


def test_what_holds_for_no_size_is_no_alternative() -> None:
    need = Requirement((Condition("==", 2 * symbol("h"), 7), Condition(">=", symbol("h"), 5)))
    assert str(need) == "h >= 5"
    assert str(Requirement((Condition("==", 2 * symbol("h"), 7),))) == "2*h == 7"


def test_a_tie_of_two_symbols_is_put_in_elsewhere() -> None:
    x, z = F.input("x", ("h", "w")), F.input("z", ("w", "h"))
    graph = Graph(F.reshape(F.concat([x, z], axis=0).sum() + F.reshape(F.stack([x, z]), (2, -1)), (2, 36)))
    assert texts(graph) == ["h == w", "h == 6"]


def test_what_no_size_meets_is_an_error_with_every_statement_behind_it() -> None:
    x = F.input("x", ("h",))
    graph = Graph([F.reshape(x, (-1, 4)), F.reshape(F.concat([x, F.input("z", (1,))], axis=0), (-1, 2))])
    (error,) = infer_shapes(graph).errors
    assert error.code == "GI208"
    assert "h % 4 == 0 and h % 2 == 1 cannot hold together" in error.message
    assert any("input x" in origin for origin in error.origins)
    report = infer_shapes(graph)
    assert not report.accepts(h=8)


def test_a_symbol_without_a_size_is_asked_for() -> None:
    report = infer_shapes(lenet(("batch", 3, "h", "w"), 400))
    with pytest.raises(ShapeError, match="give a size for w"):
        report.accepts(h=32)
    for size in (32.5, "32", None):
        with pytest.raises(ShapeError, match="is no size; give a whole number"):
            report.accepts(h=size, w=32)
    assert report.accepts(h=np.int64(32), w=33)


def evaluate(dim: Any, size: int) -> int:
    return dim.evaluate({"h": size}) if isinstance(dim, Expr) else int(dim)


def drawn(chance: random.Random, depth: int) -> Any:
    h = symbol("h")
    if depth == 0:
        return chance.choice([h, h, 2 * h + 1, chance.randint(0, 9)])
    one, draw = drawn(chance, depth - 1), chance.random()
    if draw < 0.35:
        return one // chance.randint(1, 5)
    if draw < 0.55:
        return one * chance.choice([chance.randint(-2, 3), drawn(chance, depth - 1)])
    return one + chance.choice([drawn(chance, depth - 1), chance.randint(-30, 9)])


@pytest.mark.parametrize("seed", range(30))
def test_one_symbol_is_solved_exactly(seed: int) -> None:
    """Conditions of any degree against all sizes; their text is a condition, too."""
    chance = random.Random(seed)
    for _ in range(3):
        relation = chance.choice(["==", ">=", "%"])
        left, right = drawn(chance, 3), chance.randint(1, 9) if relation == "%" else drawn(chance, 2)
        condition = Condition(relation, left, right)
        allowed = solutions(relation, left, right, "h")
        assert allowed is not None
        text = allowed.text("h")
        for size in range(1, 200):
            assert (size in allowed) == condition.holds({"h": size}), (condition, size)
            assert bool(eval(text, {"h": size})) == (size in allowed), text


@pytest.mark.parametrize("seed", range(30))
def test_several_requirements_are_solved_together(seed: int) -> None:
    """What is left holds for the same sizes as what was asked."""
    chance = random.Random(seed)
    pieces = ["h", "w", "h//2", "w//3", "h - w", "h + w", "2*h + 1", "(h//2 - 1)*(w//3)", "h*w", "w + 3"]
    asked = [
        Requirement(
            tuple(
                Condition(relation, parse_dim(chance.choice(pieces)), number)
                for relation, number in (
                    chance.choice([("==", chance.randint(0, 12)), (">=", chance.randint(0, 9)), ("%", 3)])
                    for _ in range(chance.choice((1, 1, 2)))
                )
            )
        )
        for _ in range(chance.randint(1, 4))
    ]
    solved = solve_requirements(asked)
    for h in range(1, 30):
        for w in range(1, 30):
            fits = all(each.holds(h=h, w=w) for each in asked)
            if solved.conflict:
                assert not fits, (asked, h, w)
                assert not all(each.holds(h=h, w=w) for each in solved.conflict)
            else:
                assert all(each.holds(h=h, w=w) for each in solved.requirements) == fits, (asked, h, w)


@pytest.mark.parametrize(
    ("relation", "left", "right", "text"),
    [
        ("==", "3*(h//3)", "2*(h//2)", "h % 6 in [0, 1]"),
        (">=", "(h - 5)//2 + 1", "3", "h >= 9"),
        ("==", "512*(h//32)*(h//32)", "25088", "224 <= h <= 255"),
        ("%", "h*(h + 1)", "3", "h % 3 != 1"),
        (">=", "h*(20 - h)", "75", "5 <= h <= 15"),
        ("==", "h*h", "2", "False"),
        ("==", "(h - 1)*(h % 4)", "0", "h == 1 or h % 4 == 0"),
    ],
)
def test_text_of_solutions(relation: str, left: str, right: str, text: str) -> None:
    allowed = solutions(relation, parse_dim(left), parse_dim(right), "h")
    assert allowed is not None
    assert allowed.text("h") == text


def test_sets_are_equal_when_their_members_are() -> None:
    fourth, even = SizeSet.where([True, False, False, False]), SizeSet.where([True, False])
    assert fourth & even == fourth
    assert fourth <= even
    assert (fourth | even) == even
    assert even & SizeSet.between(None, 2) == SizeSet.between(2, 2)
    assert SizeSet.between(2, 2).only == 2
    assert SizeSet.between(3, 2).empty
    assert 10**12 in even
    assert 10**12 + 1 not in even
