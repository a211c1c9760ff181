"""Inference against NumPy: random small networks, with sizes hidden, and with one size wrong."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from graphinit.ir.dims import Expr, symbol
from passes.shape_inference import infer_shapes
from tests.shapes.networks import Network

SEEDS = range(120)


def hide(net: Network, seed: int) -> tuple[dict[str, Any], dict[str, int], list[tuple[str, int]]]:
    """What is stated of each source: some sizes unknown, some named, some ranks unknown."""
    chance = random.Random(seed)
    shown: dict[str, Any] = {}
    truth: dict[str, int] = {}
    hidden: list[tuple[str, int]] = []
    for name, shape in net.sources.items():
        dims: list[Any] = list(shape)
        for axis, size in enumerate(shape):
            draw = chance.random()
            if draw < 0.45:
                dims[axis] = -1
                hidden.append((name, axis))
            elif draw < 0.6:
                truth[f"s{len(truth)}"] = size
                dims[axis] = symbol(f"s{len(truth) - 1}")
        shown[name] = None if chance.random() < 0.07 else tuple(dims)
    return shown, truth, hidden


def networks(seed: int) -> Network:
    return Network(seed, ops=random.Random(seed).randint(2, 7))


@pytest.mark.parametrize("seed", SEEDS)
def test_known_sources_give_every_shape(seed: int) -> None:
    net = networks(seed)
    report = infer_shapes(net.graph(net.sources))
    assert report.ok, str(report)
    assert {name: report[name] for name in net.shapes(net.sources)} == net.shapes(net.sources)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_shape_is_stated_that_is_not_the_computed_one(seed: int) -> None:
    net = networks(seed)
    shown, truth, _ = hide(net, seed)
    report = infer_shapes(net.graph(shown))
    assert report.ok, str(report)
    assert report.accepts(**truth)
    again = infer_shapes(report.graph)
    for name, shape in net.shapes(net.sources).items():
        stated = report.type(name).shape
        if stated is None:
            continue
        assert len(stated) == len(shape)
        for dim, size in zip(stated, shape, strict=True):
            assert dim == -1 or size == (dim.evaluate(truth) if isinstance(dim, Expr) else dim), name
        assert again[name] == report[name], "inference from its own result changes nothing"


def solutions(net: Network, shown: dict[str, Any], hidden: list[tuple[str, int]], most: int) -> list[Any]:
    """The shapes of all values for every assignment of the hidden sizes that NumPy accepts."""
    found = []
    sources = {name: list(shape) for name, shape in shown.items()}
    for sizes in itertools.product(range(1, most + 1), repeat=len(hidden)):
        for (name, axis), size in zip(hidden, sizes, strict=True):
            sources[name][axis] = size
        shapes = net.shapes({name: tuple(shape) for name, shape in sources.items()})
        if shapes is not None:
            found.append(shapes)
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_brute_force_agrees(seed: int) -> None:
    """One size is wrong, up to three are hidden: errors only where nothing fits, sizes only where all agree."""
    net = networks(seed)
    chance = random.Random(seed)
    places = [(name, axis) for name, shape in net.sources.items() for axis in range(len(shape))]
    hidden = chance.sample(places, min(len(places), chance.randint(0, 3)))
    stated = [place for place in places if place not in hidden]
    shown = {name: list(shape) for name, shape in net.sources.items()}
    if stated:
        name, axis = chance.choice(stated)
        shown[name][axis] = chance.choice([1, 2, 3, 5])
    for name, axis in hidden:
        shown[name][axis] = -1
    report = infer_shapes(net.graph({name: tuple(shape) for name, shape in shown.items()}))
    fitting = solutions(net, shown, hidden, (24, 24, 12, 6)[len(hidden)])
    if not report.ok:
        assert not fitting, str(report)
        return
    assert fitting or hidden, "a mistake was not seen"
    for name in fitting[0] if fitting else ():
        shape = report[name]
        for axis, size in enumerate(shape or ()):
            assert size == -1 or {each[name][axis] for each in fitting} == {size}, name
