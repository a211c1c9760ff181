"""Constant folding: what depends on constants alone is computed once, by the compiler."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

import graphinit.ops  # noqa: F401  (fills the registry)
from graphinit.errors import GraphInitError
from graphinit.ir.graph import Graph
from graphinit.ir.node import Node
from graphinit.ir.op import Literal, op_spec
from graphinit.ir.types import static_shape
from graphinit.runtime.kernels import run_op
from passes.base import Network, PassResult, traced
from passes.rewriting import Rewritten, Sweep, rewrite


@dataclass(frozen=True)
class FoldConstants:
    """Compute ops whose inputs are all constants; parameters are never folded, as they change.

    The report is the number of ops computed.

    Parameters
    ----------
    limit : int
        A result of more elements is left for the program to compute, unless its inputs are as large.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> from passes.shape_inference import infer_shapes
    >>> x, c = F.input("x", shape=(2,)), F.constant(np.array([4.0, 9.0], np.float32))
    >>> print(FoldConstants()(infer_shapes(Graph(outputs=x * F.sqrt(c))).graph).graph)
    graph(x: float32[2])
      constant_1: float32[2] = constant(value=<float32[2]>)
      multiply: float32[2] = multiply(x, constant_1)
      return y=multiply
    """

    limit: int = 1 << 16

    def __call__(self, graph: Graph | Network) -> PassResult[int]:
        """Return the graph with constants in place of what was computed from constants."""
        graph = traced(graph, self)
        folded = 0

        def fold(sweep: Sweep, node: Node) -> Rewritten:
            nonlocal folded
            arrays = _computed(sweep, node, self.limit)
            if arrays is None:
                return None
            folded += 1
            return tuple(sweep.constant(array, node) for array in arrays)

        result = rewrite(graph, {"*": [fold]})
        return PassResult(result, result is not graph, folded)


def _computed(sweep: Sweep, node: Node, limit: int) -> list[np.ndarray] | None:
    """Return the outputs of a node, when it is known and worth it."""
    if node.is_source:
        return None
    spec = op_spec(node.op)
    if spec.random or any(isinstance(value, Graph) for value in node.attrs.values()):
        return None  # a loop may be long, or without an end
    if any(
        sweep.nodes[value.node].op != "constant" and slot not in spec.shape_only
        for slot, value in enumerate(node.inputs)
    ):
        return None
    if not all(type.is_static and type.dtype is not None for type in node.types):
        return None
    arrays: list[np.ndarray] = []
    dtypes = [sweep.type(value).dtype for value in node.inputs]
    beside = [dtype for dtype in dtypes if dtype is not None] or [str(node.type.dtype)]
    for slot, value in enumerate(node.inputs):
        source = sweep.node(value)
        if slot in spec.shape_only and sweep.type(value).is_static:
            arrays.append(np.broadcast_to(np.zeros((), beside[0]), static_shape(sweep.type(value))))
        elif source.op != "constant":
            return None
        elif isinstance(constant := source.attrs["value"], Literal):
            arrays.append(constant.array)
        else:
            arrays.append(np.asarray(constant, np.result_type(constant, *map(np.dtype, beside))))
    count = sum(math.prod(static_shape(type)) for type in node.types)
    if count > limit and count > sum(array.size for array in arrays):
        return None
    try:
        with np.errstate(all="raise"):
            return run_op(node.op, arrays, node.attrs, node.types)
    except (GraphInitError, ArithmeticError, ValueError, LookupError, MemoryError):
        return None  # it is the program's to fail, or to warn, at the user's call
