"""Random networks from samples of every registered op, some of them with a wrong shape."""

from __future__ import annotations

import contextlib
import functools
import random
from typing import Any

import numpy as np

from graphinit.errors import GraphInitError
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.node import Value
from graphinit.ir.types import TensorType
from tests.ops.samples import SAMPLES, Sample
from tests.shapes.wrong_shapes import compute, resized

Shape = tuple[int, ...]


@functools.cache
def signature_of(index: int) -> tuple[tuple[tuple[Shape, str], ...], tuple[tuple[Shape, str], ...]]:
    """Shapes and dtypes that a sample takes and, by its reference, gives."""
    sample = SAMPLES[index]
    arrays = sample.arrays()
    with np.errstate(all="ignore"):
        results = sample.expected(sample.arrays())
    kinds = tuple((array.shape, array.dtype.name) for array in arrays)
    return kinds, tuple((array.shape, array.dtype.name) for array in results)


class OpNetwork:
    """A network of some ops, each with attributes and shapes of one of its samples.

    Attributes
    ----------
    shapes : dict
        Of each value, by the references; only of values that no wrong shape has touched.
    wrong : set of str
        Ops that got a wrong shape, directly or from one that did.
    """

    def __init__(self, seed: int, ops: int, mistakes: float = 0.0) -> None:
        self.random = random.Random(seed)
        self.builder = GraphBuilder()
        self.sources: dict[str, np.ndarray] = {}
        self.shapes: dict[Value, Shape] = {}
        self.wrong: set[str] = set()
        self.samples: dict[str, Sample] = {}
        self._pool: dict[tuple[Shape, str], list[Value]] = {}
        first = seed * (ops // 2)
        for count in range(ops):
            self.add((first + count // 2) % len(SAMPLES) if count % 2 == 0 else self._draw(), mistakes)
        self.graph = self._build()

    def _draw(self) -> int:
        """A sample, rather one that takes what is there."""
        for _ in range(6):
            index = self.random.randrange(len(SAMPLES))
            if any(kind in self._pool for kind in signature_of(index)[0]):
                break
        return index

    def add(self, index: int, mistakes: float) -> None:
        sample = SAMPLES[index]
        takes, gives = signature_of(index)
        spoilt = self.random.random() < mistakes
        inputs: list[Value] = []
        for place, ((shape, dtype), array) in enumerate(zip(takes, sample.arrays(), strict=True)):
            known = self._pool.get((shape, dtype), [])
            if spoilt and place == 0:
                inputs.append(self.source(self._spoilt(array)))
            elif known and dtype.startswith("float") and self.random.random() < 0.8:
                inputs.append(self.random.choice(known))
            else:
                inputs.append(self.source(array))
        value = self.builder.add(sample.op, inputs, sample.attrs)
        name = value.node
        self.samples[name] = sample
        if spoilt or any(each.node in self.wrong for each in inputs):
            self.wrong.add(name)
            return
        for port, (shape, dtype) in enumerate(gives):
            self.shapes[Value(name, port)] = shape
            self._pool.setdefault((shape, dtype), []).append(Value(name, port))

    def source(self, array: np.ndarray) -> Value:
        name = f"x{len(self.sources)}"
        self.sources[name] = array
        return self.builder.source("input", name, TensorType(array.shape, array.dtype.name))

    def _spoilt(self, array: np.ndarray) -> np.ndarray:
        """The values in another shape: one size changed, or an axis more or less."""
        shape = list(array.shape)
        draw = self.random.random()
        if shape and draw < 0.7:
            axis = self.random.randrange(len(shape))
            shape[axis] = self.random.choice([size for size in (1, 2, 3, 4, 6, 9) if size != shape[axis]])
        elif shape and draw < 0.85:
            shape.pop(self.random.randrange(len(shape)))
        else:
            shape.insert(self.random.randint(0, len(shape)), self.random.choice((1, 2)))
        return resized(array, tuple(shape))

    def _build(self) -> Graph:
        used = {value for node in self.builder.nodes.values() for value in node.inputs}
        ends = [
            Value(name, port)
            for name, node in self.builder.nodes.items()
            for port in range(len(node.types))
            if not node.is_source and Value(name, port) not in used
        ]
        return self.builder.build({f"y{place}": value for place, value in enumerate(ends)}, keep_all=True)

    def stated(self, shapes: dict[str, Any]) -> Graph:
        """The graph with other shapes stated of its sources."""
        return self.graph.with_types(
            {name: (TensorType(shapes[name], self.sources[name].dtype.name),) for name in shapes}
        )


def run(graph: Graph, sources: dict[str, np.ndarray]) -> None:
    """Run every kernel into arrays of the stated shapes; whatever a kernel raises comes out.

    An error about values, such as an id beyond a table, is no matter of shapes.
    """
    arrays: dict[Value, np.ndarray] = {}
    for node in graph:
        if node.is_source:
            arrays[Value(node.name)] = sources[node.name]
            continue
        inputs = [arrays[value] for value in node.inputs]
        outputs = [np.zeros(type_.shape, type_.dtype) for type_ in node.types]  # type: ignore[arg-type]
        with contextlib.suppress(GraphInitError):
            compute(node, outputs, inputs)
        for port, array in enumerate(outputs):
            arrays[Value(node.name, port)] = array
