"""A network built by hand as a networkx graph: checked, drawn, asked, saved, and trained.

Nodes say which op they are, parameters and inputs their shapes as far as they are known (-1 is unknown), edges
which slot of the op they fill.  Everything else is worked out.
"""

from __future__ import annotations

import io

import networkx as nx
import numpy as np

import graphinit
from graphinit import Graph, init
from passes import infer_shapes, init_parameters


def add_layer(g: nx.MultiDiGraph, name: str, source: str, units: int) -> str:
    """Add ``name = source @ weight.T + bias`` to a graph: how wide the source is stays unknown."""
    g.add_node(f"{name}.weight", op="parameter", shape=(units, -1))
    g.add_node(f"{name}.bias", op="parameter", shape=(units,), attrs={"init": init.Zero()})
    g.add_node(name, op="linear")
    for slot, operand in enumerate((source, f"{name}.weight", f"{name}.bias")):
        g.add_edge(operand, name, slot=slot)
    return name


def build(width: int = 16) -> nx.MultiDiGraph:
    """Return a network with a skip connection, and its loss: the mean of (y - target)²."""
    g = nx.MultiDiGraph()
    g.add_node("x", op="input", shape="float32[batch, 3]")
    g.add_node("target", op="input", shape="float32[batch, 1]")
    first = add_layer(g, "first", "x", 16)
    g.add_node("tanh", op="tanh")
    g.add_edge(first, "tanh")
    second = add_layer(g, "second", "tanh", width)
    g.add_node("skip", op="add")
    g.add_edge("tanh", "skip", slot=0)
    g.add_edge(second, "skip", slot=1)
    y = add_layer(g, "y", "skip", 1)
    g.add_node("error", op="subtract")
    g.add_edge(y, "error", slot=0)
    g.add_edge("target", "error", slot=1)
    g.add_node("square", op="multiply")
    g.add_edge("error", "square", slot=0)
    g.add_edge("error", "square", slot=1)  # a second edge: what a DiGraph cannot say
    g.add_node("loss", op="mean")
    g.add_edge("square", "loss")
    g.graph["outputs"] = {"loss": "loss", "y": "y"}
    return g


def train(graph: Graph, steps: int = 200) -> list[float]:
    """Fit y = sin of the sum of x by plain gradient descent, and return the losses."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (64, 3)).astype(np.float32)
    target = np.sin(x.sum(axis=1, keepdims=True))
    report = infer_shapes(graph)
    parameters = init_parameters(graph, report, init.Xavier(), seed=0)
    executable = graphinit.compile(graph, x=x, target=target, parameters=parameters)
    losses = []
    for _ in range(steps):
        losses.append(float(executable.forward(x=x, target=target)["loss"]))
        gradients = executable.backward({"loss": np.float32(1), "y": np.zeros_like(target)})
        for name, array in parameters.items():
            array -= 0.1 * gradients[name]
    return losses


def main() -> None:
    """Check, draw, ask, save and train the network."""
    g = build()
    graph = Graph.from_networkx(g)
    report = infer_shapes(graph)
    print(report, end="\n\n")
    assert report.ok
    assert report["second.weight"] == (16, 16)
    assert report["loss"] == ()

    mistake = infer_shapes(Graph.from_networkx(build(width=12)))
    print("A layer of another width cannot be added:", mistake.errors[0], sep="\n", end="\n\n")
    assert mistake.errors[0].node == "skip"

    drawing = graphinit.render(graph, report=report)
    assert "second.weight" in drawing.dot
    print(f"Its picture in DOT has {len(drawing.dot.splitlines())} lines.")

    ops = nx.get_node_attributes(graph.nx, "op")
    path = nx.dag_longest_path(graph.nx)
    print("The longest path:", " -> ".join(path))
    assert [ops[name] for name in path[-3:]] == ["subtract", "multiply", "mean"]
    weights = [name for name, op in graph.nx.nodes(data="op") if op == "parameter"]
    print("Parameters:", ", ".join(weights))
    assert nx.descendants(graph.nx, "y.bias") == {"y", "error", "square", "loss"}

    file = io.BytesIO()  # or a path
    nx.write_graphml(graph.nx, file)
    file.seek(0)
    assert Graph.from_networkx(nx.read_graphml(file)) == graph

    losses = train(graph)
    print(f"The loss falls from {losses[0]:.3f} to {losses[-1]:.5f}.")
    assert losses[-1] < 0.05 * losses[0]


if __name__ == "__main__":
    main()
