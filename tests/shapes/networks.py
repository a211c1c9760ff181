"""Random small networks with an oracle: plain NumPy says which shapes an assignment of sizes gives."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import graphinit.ops  # noqa: F401  # registers the ops
from graphinit.ir.dims import size_of
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.node import Value
from graphinit.ir.types import TensorType

Arrays = Sequence[np.ndarray]
Computed = Callable[[Arrays], list[np.ndarray]]


def zeros(shape: Sequence[int]) -> np.ndarray:
    return np.zeros(tuple(shape), np.int8)


class Network:
    """A network in the making: each op beside the NumPy expression for it.

    Parameters
    ----------
    seed : int
        Decides everything.
    sizes : sequence of int
        What sizes are drawn from.
    """

    def __init__(self, seed: int, sizes: Sequence[int] = (1, 2, 3, 4), ops: int = 6) -> None:
        self.random = random.Random(seed)
        self.sizes = sizes
        self.sources: dict[str, tuple[int, ...]] = {}
        self.steps: list[tuple[str, list[Value], dict[str, Any], Computed, str]] = []
        self.arrays: dict[Value, np.ndarray] = {}
        for index in range(self.random.randint(1, 2)):
            self.source(f"x{index}", [self.size() for _ in range(self.random.randint(1, 3))])
        while len(self.steps) < ops:
            getattr(self, self.random.choice([name for name in dir(self) if name.startswith("op_")]))()

    def size(self) -> int:
        return self.random.choice(self.sizes)

    def any(self, *, rank: int | None = None, least: int = 0) -> Value | None:
        found = [
            value
            for value, array in self.arrays.items()
            if array.ndim >= least and (rank is None or array.ndim == rank) and array.size < 3000
        ]
        return self.random.choice(found) if found else None

    def source(self, name: str, shape: Sequence[int]) -> Value:
        self.sources[name] = tuple(shape)
        self.arrays[Value(name)] = zeros(shape)
        return Value(name)

    def parameter(self, shape: Sequence[int]) -> Value:
        return self.source(f"w{len(self.sources)}", shape)

    def add(self, op: str, inputs: list[Value], attrs: dict[str, Any], compute: Computed) -> None:
        name = f"n{len(self.steps)}"
        outputs = compute([self.arrays[value] for value in inputs])
        self.steps.append((op, inputs, attrs, compute, name))
        for port, array in enumerate(outputs):
            self.arrays[Value(name, port)] = array

    # ------------------------------------------------------------------ ops

    def op_relu(self) -> None:
        if value := self.any():
            self.add("relu", [value], {}, lambda a: [a[0]])

    def op_add(self) -> None:
        one = self.any()
        for _ in range(8):
            other = self.any()
            try:
                np.broadcast_shapes(self.arrays[one].shape, self.arrays[other].shape)
            except ValueError:
                continue
            self.add("add", [one, other], {}, lambda a: [a[0] + a[1]])
            return

    def op_add_parameter(self) -> None:
        if value := self.any(least=1):
            shape = [self.random.choice((1, size)) for size in self.arrays[value].shape]
            shape = shape[self.random.randrange(len(shape)) :]
            self.add("multiply", [value, self.parameter(shape)], {}, lambda a: [a[0] * a[1]])

    def op_linear(self) -> None:
        if value := self.any(least=2):
            flatten = self.random.random() < 0.4
            shape = self.arrays[value].shape
            k, n = (int(np.prod(shape[1:])) if flatten else shape[-1]), self.size()
            inputs = [value, self.parameter((n, k))]
            if self.random.random() < 0.5:
                inputs.append(self.parameter((n,)))

            def compute(a: Arrays) -> list[np.ndarray]:
                x = a[0].reshape(a[0].shape[0], -1) if flatten else a[0]
                y = x @ a[1].T
                if len(a) > 2:
                    if a[2].shape != y.shape[-1:]:
                        raise ValueError("the bias is not broadcast")
                    y = y + a[2]
                return [y]

            self.add("linear", inputs, {"flatten": flatten}, compute)

    def op_matmul(self) -> None:
        one = self.any(least=2)
        if one is not None:
            shape = self.arrays[one].shape
            other = self.parameter((shape[-1], self.size()))
            self.add("matmul", [one, other], {}, lambda a: [a[0] @ a[1]])

    def op_transpose(self) -> None:
        if value := self.any(least=2):
            axes = list(range(self.arrays[value].ndim))
            self.random.shuffle(axes)
            self.add("transpose", [value], {"axes": tuple(axes)}, lambda a: [a[0].transpose(axes)])

    def op_add_transposed(self) -> None:
        if (value := self.any(rank=2)) and len(set(self.arrays[value].shape)) == 1:
            name = f"n{len(self.steps)}"
            self.add("transpose", [value], {"axes": None}, lambda a: [a[0].T])
            self.add("subtract", [value, Value(name)], {}, lambda a: [a[0] - a[1]])

    def op_sum(self) -> None:
        if value := self.any(least=1):
            axis = self.random.randrange(-self.arrays[value].ndim, self.arrays[value].ndim)
            keep = self.random.random() < 0.5
            attrs = {"axis": axis, "keepdims": keep}
            self.add("sum", [value], attrs, lambda a: [a[0].sum(axis=axis, keepdims=keep)])

    def op_reshape(self) -> None:
        if (value := self.any(least=1)) and self.arrays[value].size:
            target = [self.arrays[value].size]
            for divisor in (2, 3):
                if target[-1] % divisor == 0:
                    target[-1:] = [divisor, target[-1] // divisor]
            self.random.shuffle(target)
            if self.random.random() < 0.7:
                target[self.random.randrange(len(target))] = -1
            shape = tuple(target)
            self.add("reshape", [value], {"shape": shape}, lambda a: [a[0].reshape(shape)])

    def op_reshape_by_size(self) -> None:
        if (value := self.any(least=2)) and self.arrays[value].size:
            shape = (size_of(value.node, value.port, 0), -1)
            self.add("reshape", [value], {"shape": shape}, lambda a: [a[0].reshape(a[0].shape[0], -1)])

    def op_flatten(self) -> None:
        if value := self.any(least=2):
            self.add(
                "flatten", [value], {}, lambda a: [a[0].reshape(a[0].shape[0], int(np.prod(a[0].shape[1:])))]
            )

    def op_concat(self) -> None:
        if value := self.any(least=1):
            shape = list(self.arrays[value].shape)
            axis = self.random.randrange(len(shape))
            if self.random.random() < 0.3:
                other = value
            else:
                shape[axis] = self.size()
                other = self.parameter(shape)
            self.add("concat", [value, other], {"axis": axis}, lambda a: [np.concatenate(a, axis)])

    def op_stack(self) -> None:
        if value := self.any():
            other = self.parameter(self.arrays[value].shape)
            self.add("stack", [value, other], {"axis": 0}, lambda a: [np.stack(a)])

    def op_split(self) -> None:
        if value := self.any(least=1):
            axis = self.random.randrange(self.arrays[value].ndim)
            if self.arrays[value].shape[axis] % 2 == 0:
                attrs = {"sections": 2, "axis": axis}
                self.add("split", [value], attrs, lambda a: np.split(a[0], 2, axis))

    def op_getitem(self) -> None:
        if (value := self.any(least=1)) and self.arrays[value].shape[0] > 1:
            self.add("getitem", [value], {"index": ((1, None, None),)}, lambda a: [a[0][1:]])

    def op_expand(self) -> None:
        if value := self.any():
            self.add("expand_dims", [value], {"axis": 0}, lambda a: [a[0][None]])

    # ------------------------------------------------------------------ answers

    def graph(self, shown: dict[str, Any]) -> Graph:
        """The network, with what is stated of its sources' shapes."""
        builder = GraphBuilder()
        for name in self.sources:
            kind = "input" if name.startswith("x") else "parameter"
            builder.source(kind, name, TensorType(shown[name], "float32"))
        for op, inputs, attrs, _, name in self.steps:
            builder.add(op, inputs, attrs, name=name)
        last = self.steps[-1][-1]
        return builder.build({"y": Value(last)}, keep_all=True)

    def shapes(self, sources: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]] | None:
        """What NumPy makes of some sizes: the shape of every value, None when it refuses."""
        arrays = {Value(name): zeros(shape) for name, shape in sources.items()}
        try:
            for _, inputs, _, compute, name in self.steps:
                for port, array in enumerate(compute([arrays[value] for value in inputs])):
                    arrays[Value(name, port)] = array
        except ValueError:
            return None
        return {str(value): array.shape for value, array in arrays.items()}
