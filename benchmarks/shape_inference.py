"""Shape inference against the time that networkx takes to build a graph of the same nodes and edges.

Both sides of a ratio are measured in turn, in one process, and the least time of each counts.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

import networkx

import graphinit.ops  # noqa: F401  (fills the registry)
from benchmarks.figures import Figure, format_figures
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.op import Attrs
from graphinit.ir.types import TensorType
from passes.shape_inference import infer_shapes
from passes.shapes.patterns import forget

UNITS = 64


def dense_chain(layers: int) -> Graph:
    """Dense and relu, so many times, with a symbolic batch and input sizes left open."""
    builder = GraphBuilder()
    value = builder.source("input", "x", TensorType((-1, UNITS), "float32"))
    attrs = Attrs({"init": None, "trainable": True})
    for layer in range(layers):
        weight = builder.source("parameter", f"{layer}.weight", TensorType((UNITS, -1), "float32"), attrs)
        bias = builder.source("parameter", f"{layer}.bias", TensorType((UNITS,), "float32"), attrs)
        value = builder.add("linear", [value, weight, bias], name=f"{layer}.linear")
        value = builder.add("relu", [value], name=f"{layer}.relu")
    return builder.build({"y": value})


def unary_chain(length: int) -> Graph:
    """A chain of so many ops."""
    builder = GraphBuilder()
    value = builder.source("input", "x", TensorType((-1, UNITS), "float32"))
    for index in range(length):
        value = builder.add("relu", [value], name=f"relu{index}")
    return builder.build({"y": value})


def networkx_graph(graph: Graph) -> networkx.MultiDiGraph:
    """What networkx alone does: the same nodes and edges."""
    result = networkx.MultiDiGraph()
    for node in graph:
        result.add_node(node.name, node=node)
    for node in graph:
        for slot, (source, port) in enumerate(node.inputs):
            result.add_edge(source, node.name, key=slot, port=port)
    return result


def least(functions: dict[str, Callable[[], Any]], rounds: int, cold: bool = False) -> dict[str, float]:
    """Run functions in turn and return the least time of each, in seconds.

    `cold` empties the caches before each call, by going through all of memory: for what is to be compared
    across sizes, of which only the small ones fit into a cache.
    """
    best = dict.fromkeys(functions, float("inf"))
    for _ in range(rounds):
        for name, function in functions.items():
            if cold:
                gc.collect()
            start = time.perf_counter()
            function()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def measure() -> list[Figure]:
    """Measure a deep network against networkx, and a long chain against a short one."""
    graph = dense_chain(1_000)

    def cold() -> None:
        forget()
        infer_shapes(graph, x=("batch", UNITS))

    times = least(
        {
            "inference": lambda: infer_shapes(graph, x=("batch", UNITS)),
            "inference, nothing remembered": cold,
            "inference, batch unknown": lambda: infer_shapes(graph),
            "inference and report.graph": lambda: infer_shapes(graph, x=("batch", UNITS)).graph,
            "networkx": lambda: networkx_graph(graph),
        },
        rounds=9,
    )
    beside = times.pop("networkx")
    figures = [
        Figure(f"{name}, 1,000 Dense+relu", seconds, beside, "networkx builds the graph", 1.5)
        for name, seconds in times.items()
    ]
    short, long = (
        least({"run": lambda chain=chain: infer_shapes(chain, x=("batch", UNITS))}, rounds, cold=True)["run"]
        / len(chain)
        for chain, rounds in ((unary_chain(1_000), 30), (unary_chain(100_000), 5))
    )
    return [*figures, Figure("one op of a chain of 100,000", long, short, "one op of a chain of 1,000", 1.5)]


if __name__ == "__main__":
    print(format_figures(measure()))
