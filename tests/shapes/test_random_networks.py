"""Inference against running: random networks from every op, with right and with wrong shapes.

``GRAPHINIT_NETWORKS=20000 pytest tests/shapes/test_random_networks.py`` tries more of them.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from graphinit.ir.dims import Expr, symbol
from graphinit.ir.op import op_names
from passes.shape_inference import infer_shapes
from tests.ops.samples import SAMPLES
from tests.shapes.op_networks import OpNetwork, run
from tests.shapes.wrong_shapes import CONTRACTS, is_helper, runs_anyway

NETWORKS = int(os.environ.get("GRAPHINIT_NETWORKS", "2000"))
PARTS = 40
SEEDS = range(NETWORKS)


def part(number: int) -> range:
    return range(number, NETWORKS, PARTS)


def test_every_op_is_among_them() -> None:
    drawn = {SAMPLES[index % len(SAMPLES)].op for index in range(2 * NETWORKS)}
    assert {sample.op for sample in SAMPLES} == drawn


@pytest.mark.parametrize("number", range(PARTS))
def test_stated_shapes_are_those_of_running(number: int) -> None:
    """Known sources: a network without mistakes holds; with one, running fails where inference says so."""
    for seed in part(number):
        net = OpNetwork(seed, 4, mistakes=0.3)
        report = infer_shapes(net.graph)
        failing = {error.node for error in report.errors}
        assert failing <= net.wrong, (seed, str(report))
        for value, shape in net.shapes.items():
            assert report[str(value)] == shape, (seed, str(value))
        if report.ok:
            assert not report.unknowns, seed
            run(report.graph, net.sources)
        else:
            for name in failing:
                refused(net, name, seed)


def refused(net: OpNetwork, name: str, seed: int) -> None:
    """An op that inference refuses fails when it runs, or its equations are a stated contract."""
    node = net.graph[name]
    if (
        is_helper(node.op)
        or node.op in CONTRACTS
        or any(value.node not in net.sources for value in node.inputs)
    ):
        return
    arrays = [net.sources[value.node] for value in node.inputs]
    assert not runs_anyway(node, net.samples[name], arrays), (seed, node.op, net.graph)


NARROW = {
    "getitem": "a slice that ends at a number requires that a named size reaches that far",
    "squeeze": "without axis=, a named size is required to be other than 1, so that the rank is known",
}
"""Ops whose requirements are stated contracts: they exclude sizes for which the network would hold."""


@pytest.mark.parametrize("number", range(PARTS))
def test_hidden_sizes_are_found_or_left_open(number: int) -> None:
    """Some sizes unknown, some named: nothing is stated that is not so."""
    for seed in part(number)[::2]:
        net = OpNetwork(seed, 4)
        chance = random.Random(seed)
        shown: dict[str, Any] = {}
        truth: dict[str, int] = {}
        for name, array in net.sources.items():
            dims: list[Any] = list(array.shape)
            for axis, size in enumerate(dims):
                draw = chance.random()
                if draw < 0.35:
                    dims[axis] = -1
                elif draw < 0.6 and size > 0:
                    dims[axis] = symbol(f"s{len(truth)}")
                    truth[f"s{len(truth)}"] = size
            shown[name] = None if chance.random() < 0.05 else tuple(dims)
        report = infer_shapes(net.stated(shown))
        if any(node.op in NARROW for node in net.graph) and not (report.ok and report.accepts(**truth)):
            continue
        assert report.ok, (seed, str(report))
        assert report.accepts(**truth), (seed, str(report))
        for value, shape in net.shapes.items():
            found = report.type(str(value)).shape
            if found is None:
                continue
            assert len(found) == len(shape), (seed, str(value))
            for dim, size in zip(found, shape, strict=True):
                known = dim.evaluate(truth) if isinstance(dim, Expr) else dim
                assert known in (-1, size), (seed, str(value), str(report))


@pytest.mark.parametrize("number", range(PARTS))
def test_requirements_are_exact_on_a_grid(number: int) -> None:
    """One size is a symbol: what is accepted is what holds with the number in its place."""
    for seed in part(number)[::4]:
        net = OpNetwork(seed, 3)
        chance = random.Random(seed)
        places = [(name, axis) for name, array in net.sources.items() for axis in range(array.ndim)]
        if not places:
            continue
        name, axis = chance.choice(places)
        shape: list[Any] = list(net.sources[name].shape)
        shape[axis] = symbol("n")
        report = infer_shapes(net.stated({name: tuple(shape)}))
        for size in (1, 2, 3, 4, 5, 7, 8, 12):
            shape[axis] = size
            concrete = infer_shapes(net.stated({name: tuple(shape)}))
            if concrete.ok and any(node.op in NARROW for node in net.graph):
                continue
            assert report.accepts(n=size) == concrete.ok, (seed, size, str(report), str(concrete))


def test_all_op_names_have_samples() -> None:
    assert {sample.op for sample in SAMPLES} <= set(op_names())
