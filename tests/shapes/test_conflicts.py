"""Smallest sets of statements that clash: all together they do, and without any one of them they don't."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from graphinit import functional as F
from graphinit import nn
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.op import Attrs
from graphinit.ir.tensor import Tensor
from passes.shape_inference import ShapeReport, infer_shapes
from passes.shapes.argument_edits import argument_places
from passes.shapes.cause import Cause
from passes.shapes.explanation import History, Place, near
from passes.shapes.inference import Inference, infer


class Skip(nn.Block):
    """A layer beside its input."""

    def __init__(self, body: nn.Block) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Tied(nn.Block):
    """Layers that share one weight."""

    def __init__(self, units: int, between: int | None = None) -> None:
        super().__init__()
        self.one, self.other = nn.Dense(units), nn.Dense(units)
        self.other.share_parameters(self.one.collect_params())
        self.between = nn.Identity() if between is None else nn.Dense(between)

    def forward(self, x: Tensor) -> Tensor:
        return self.other(self.between(self.one(x)))


class Turned(nn.Block):
    """An encoder and a decoder with its weight transposed."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Dense(5, in_units=11), nn.Dense(11)
        self.decoder.weight = self.encoder.weight.T
        self.middle = nn.Dense(7)

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.middle(self.encoder(x)))


class Stated(nn.Block):
    """A layer whose result is asserted to have some shape."""

    def __init__(self, shape: Any) -> None:
        super().__init__()
        self.body, self.shape = nn.Conv2D(6, 3, strides=2), shape

    def forward(self, x: Tensor) -> Tensor:
        return F.assert_shape(self.body(x), self.shape)


def with_data(*shape: int) -> nn.Block:
    net = nn.Sequential(nn.Dense(8), nn.Dense(shape[0]), nn.Dense(3))
    net[1].weight.set_data(np.zeros(shape, np.float32))
    return net


def deep(kind: str) -> nn.Block:
    """Twelve layers with a mistake in the ninth."""
    if kind == "dense":
        return nn.Sequential(
            *(nn.Dense(20 + n, activation="relu") for n in range(8)), nn.Dense(4, in_units=30), nn.Dense(3)
        )
    if kind == "windows":
        return nn.Sequential(
            *(nn.Conv2D(5 + n, 3, strides=1 + n % 2) for n in range(8)), nn.Conv2D(17, 3), nn.Conv2D(19, 5)
        )
    layers = [nn.Conv2D(8 + n, 3, padding=1) for n in range(8)]
    return nn.Sequential(*layers, nn.MaxPool2D(2), nn.Flatten(), nn.Dense(7, in_units=15 * 10 * 12))


def small() -> Iterator[tuple[str, Callable[[], nn.Block], tuple[Any, ...]]]:
    yield "dense", lambda: nn.Sequential(nn.Dense(256), nn.Dense(10, in_units=30)), (2, 20)
    yield "dense at the input", lambda: nn.Sequential(nn.Dense(6, in_units=30), nn.Dense(7)), ("batch", 20)
    yield (
        "channels",
        lambda: nn.Sequential(nn.Conv2D(16, 3), nn.Conv2D(32, 3, in_channels=8)),
        ("batch", 3, 32, 30),
    )
    yield "channels of the input", lambda: nn.Conv2D(16, 3, in_channels=5), (2, 3, 32, 30)
    yield "kernel", lambda: nn.Sequential(nn.Conv2D(16, 3), nn.Conv2D(32, 7)), ("batch", 3, 6, 6)
    yield "kernel and stride", lambda: nn.Sequential(nn.Conv2D(16, 3, 2), nn.Conv2D(32, 7)), (2, 3, 11, 12)
    yield (
        "kernel and padding",
        lambda: nn.Sequential(nn.Conv2D(16, 5, padding=1), nn.AvgPool2D(2), nn.Conv2D(32, 7, padding=1)),
        (2, 3, 10, 9),
    )
    yield "pooling", lambda: nn.Sequential(nn.Conv2D(16, 3), nn.MaxPool2D(7)), (2, 3, 6, 8)
    yield "skip", lambda: nn.Sequential(nn.Conv2D(32, 3), Skip(nn.Conv2D(64, 3, padding=1))), (2, 3, 20, 22)
    yield "skip of dense layers", lambda: nn.Sequential(nn.Dense(32), Skip(nn.Dense(64))), ("n", 5)
    yield "skip over a stride", lambda: Skip(nn.Conv2D(3, 3, strides=2, padding=1)), (2, 3, 20, 22)
    yield "skip over a valid convolution", lambda: Skip(nn.Conv2D(3, 3)), (2, 3, 20, 22)
    yield "skip that doubles", lambda: Skip(nn.Conv2DTranspose(3, 2, strides=2)), (2, 3, 20, 22)
    yield "tie", lambda: Tied(8), ("batch", 7)
    yield "tie with a layer between", lambda: Tied(8, 5), ("batch", 7)
    yield "tie through a transpose", Turned, ("batch", 11)
    yield "data", lambda: with_data(4, 5), (2, 20)
    yield "data and a width", lambda: nn.Sequential(with_data(4, 8), nn.Dense(6, in_units=9)), (2, 20)
    yield "assertion", lambda: Stated(("batch", 6, 10, 10)), ("batch", 3, 23, 21)
    yield "assertion of channels", lambda: Stated(("batch", 7, None, None)), ("batch", 3, 23, 21)
    yield "groups", lambda: nn.Sequential(nn.Conv2D(9, 3), nn.Conv2D(6, 3, groups=2)), (2, 3, 20, 22)
    yield "pixel shuffle", lambda: nn.Sequential(nn.Conv2D(6, 3), nn.PixelShuffle2D(2)), (2, 3, 20, 22)
    yield (
        "flattened",
        lambda: nn.Sequential(nn.Conv2D(6, 5), nn.MaxPool2D(2), nn.Dense(10, in_units=400)),
        (2, 1, 28, 26),
    )
    yield (
        "flattened, strides",
        lambda: nn.Sequential(
            nn.Conv2D(9, 3, strides=2, padding=1), nn.MaxPool2D(2), nn.Dense(6, in_units=90)
        ),
        (2, 3, 20, 24),
    )
    yield "norm", lambda: nn.Sequential(nn.Dense(4), nn.LayerNorm(in_channels=5)), ("batch", 11)
    yield "batch norm", lambda: nn.Sequential(nn.Conv2D(4, 3), nn.BatchNorm(in_channels=5)), (2, 3, 8, 9)
    yield "recurrence", lambda: nn.LSTM(7, input_size=9), ("t", "batch", 5)
    yield "reshape", lambda: nn.Sequential(nn.Dense(8), nn.Reshape((3, -1))), (2, 5)
    yield "deep dense", lambda: deep("dense"), ("batch", 7)
    yield "deep windows", lambda: deep("windows"), ("batch", 3, 60, 63)
    yield "deep and flattened", lambda: deep("flat"), ("batch", 3, 20, 22)
    yield (
        "three mistakes",
        lambda: nn.Sequential(
            nn.Dense(64), nn.Dense(32, in_units=30), nn.Dense(8, in_units=5), nn.Dense(4, in_units=3)
        ),
        ("batch", 20),
    )


def graphs() -> Iterator[tuple[str, Callable[[], ShapeReport]]]:
    for name, make, image in small():
        yield name, lambda make=make, image=image: infer_shapes(make().trace(), x=image)  # type: ignore[misc]

    def product() -> ShapeReport:
        x, w = F.input("x", (2, 5, 3)), F.parameter("w", (7, 16))
        return infer_shapes(Graph(F.linear(F.tanh(x), w, flatten=True)))

    def no_size() -> ShapeReport:
        u, v, q = F.input("u", (-1, 5)), F.input("v", (7, 5)), F.parameter("q", (3, 5))
        return infer_shapes(Graph([u + v, F.concat([u, q], axis=0).reshape(3, -1)]))

    def from_outputs() -> ShapeReport:
        x, w = F.input("x", (-1, -1)), F.parameter("w", (10, 30))
        return infer_shapes(Graph(F.matmul(x, F.linear(x, w))), x=(4, 31))

    yield "product", product
    yield "no size", no_size
    yield "inner sizes of a product", from_outputs


REPORTS = dict(graphs())


def inferred(report: ShapeReport, places: set[Place], row: int = -1, attrs: Attrs | None = None) -> Inference:
    """What follows if only some sizes are stated; with other attributes of one node."""
    old = report._inference
    graph = old.graph
    changed = {
        value: tuple(dim if (value, axis) in places else -1 for axis, dim in enumerate(shape))
        for value, shape in enumerate(old.stated)
        if shape is not None
    }
    if attrs is not None:
        builder = GraphBuilder()
        for index, node in enumerate(graph.nodes.values()):
            builder.append(replace(node, attrs=attrs) if index == row else node)
        graph = builder.build(graph.outputs, structure=graph.structure, keep_all=True)
    return infer(graph, {}, changed)


@pytest.mark.parametrize("name", REPORTS)
def test_conflicts_are_minimal(name: str) -> None:
    report = REPORTS[name]()
    history = History(report._inference)
    assert report.errors
    nodes = list(report.graph.nodes.values())
    causes = [Cause.of(history, row, clash) for (row, _), clash in report._inference.solver.clashes.items()]
    for error in report.errors:
        cause = next(each for each in causes if each.statements == error.origins)
        kept = cause.conflict
        assert nodes[cause.row].name == error.node
        about = {place: argument_places(history, place) for place in kept.places}
        stated = set().union(*about.values())
        assert inferred(report, stated).solver.clashes, "all together they clash"
        for place in kept.places:
            rest = {each for other in kept.places if other != place for each in about[other]}
            left = inferred(report, rest).solver.clashes
            assert not left, f"without {cause.places[place]}: {left}"
        for row, argument in kept.arguments:
            tried = (inferred(report, stated, row, attrs) for _, attrs in near(nodes[row], argument))
            assert not all(each.solver.clashes for each in tried), f"without {cause.arguments[row, argument]}"
