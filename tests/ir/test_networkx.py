"""Graphs as networkx digraphs: what networkx asks and writes works on them, and they come back whole."""

from __future__ import annotations

import copy
import io
import json
import pickle
import random
from collections.abc import Callable
from functools import cache
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import passes
from graphinit import Graph, init, nn
from graphinit import functional as F
from graphinit.errors import GraphError
from tests.fuzz.graphs import texts_of_networks, texts_of_ops
from tests.shapes.networks import Network


def through_file(write: Any, read: Any) -> Callable[[Any], Any]:
    def go(digraph: Any) -> Any:
        file = io.BytesIO()
        write(digraph, file)
        file.seek(0)
        return read(file)

    return go


def through_data(write: Any, read: Any) -> Callable[[Any], Any]:
    return lambda digraph: read(json.loads(json.dumps(write(digraph))))


graphml = through_file(nx.write_graphml, nx.read_graphml)


def without_keys(digraph: Any) -> Any:
    made = nx.MultiDiGraph(**digraph.graph)
    made.add_nodes_from(digraph.nodes(data=True))
    edges = list(digraph.edges(data=True))
    random.Random(0).shuffle(edges)
    made.add_edges_from(edges)
    return made


WAYS: dict[str, Callable[[Any], Any]] = {
    "as it is": lambda digraph: digraph,
    "GraphML": graphml,
    "GEXF": through_file(nx.write_gexf, nx.read_gexf),
    "GML": through_file(nx.write_gml, nx.read_gml),
    "node-link": through_data(nx.node_link_data, nx.node_link_graph),
    "node-link, edges": through_data(
        lambda digraph: nx.node_link_data(digraph, edges="edges"),
        lambda data: nx.node_link_graph(data, edges="edges"),
    ),
    "adjacency": through_data(nx.adjacency_data, nx.adjacency_graph),
    "Cytoscape": through_data(nx.cytoscape_data, nx.cytoscape_graph),
    "a pickle": lambda digraph: pickle.loads(pickle.dumps(digraph)),
    "a copy": copy.deepcopy,
    "a copy of networkx": lambda digraph: digraph.copy(),
    "a subgraph of all": lambda digraph: digraph.subgraph(list(digraph)).copy(),
    "a subgraph view": lambda digraph: nx.subgraph_view(digraph, filter_node=lambda node: True),
    "turned round twice": lambda digraph: nx.reverse_view(nx.reverse_view(digraph)),
    "composed with itself": lambda digraph: nx.compose(digraph, digraph),
    "edges without keys": without_keys,
}


@cache
def graphs() -> dict[str, Graph]:
    """One graph of every kind."""
    x = F.input("x", ("n", 5))
    ids = F.input("ids", "int64[n]")
    loop = F.while_loop(lambda i: i < 3, lambda i: i + 1, F.input("i", ()))
    tied = nn.Sequential(nn.Dense(7, in_units=5), nn.Dense(5))
    tied[1].weight = tied[0].weight.T
    net = nn.Sequential(nn.Conv2D(4, 3), nn.BatchNorm(), nn.Flatten(), nn.Dense(3), nn.Dropout(0.5))
    typed = net.trace(train=True, x=("b", 2, 7, 9))
    b, a = F.input("b", (3,)), F.input("a", (3,))
    odd = F.input("größe 'x' \"y\" <&> é漢😀 \\", (3,))
    return {
        "a square": Graph(x * x),
        "an input alone": Graph(x),
        "no inputs": Graph(F.parameter("w", (2, 3)) + 1.0),
        "a rank that is not known": Graph(F.relu(F.input("x", dtype=None))),
        "a scalar": Graph(F.relu(F.input("x", ()))),
        "several outputs of a node": Graph(F.split(x, 5, axis=1)),
        "one of several outputs": Graph({"last": F.split(x, 5, axis=1)[4]}),
        "outputs by name": Graph({"b": F.relu(x), "a": x}),
        "a list of one": Graph([F.relu(x)]),
        "expressions of sizes": Graph(F.reshape(x, (x.shape[0] * 5 // 5, -1)) * x.shape[0]),
        "symbols in expressions": Graph(F.relu(F.input("z", ("(n - 5)//2 + 1", "max(n, 3)")))),
        "constants": Graph(x * np.array([1.5, np.nan, np.inf, -0.0, 3e-45], np.float32) + True - 0.1 + 2),
        "constants of integers": Graph(F.constant(np.arange(6).reshape(2, 3)) * 2**60),
        "attributes that are not finite": Graph(F.pad(x, ((1, 1), (0, 0)), value=-np.inf)),
        "two branches": Graph(F.cond(F.sum(x) > 0, lambda a: a * 2, lambda a: a * 3, x)),
        "a loop": Graph(loop),
        "ids": Graph(F.take(F.parameter("w", (7, 3), init=init.Xavier()), ids, axis=0)),
        "inputs in another order": Graph(F.subtract(b, a), inputs=[a, b]),
        "an input that nobody takes": Graph(F.relu(b), inputs=[a, b]),
        "tied through a transpose": tied.trace(x=("b", 5)),
        "state": typed,
        "types": passes.infer_shapes(typed).graph,
        "a gradient": passes.differentiate(nn.Sequential(nn.Dense(3), nn.Dense(2)).trace(x=(4, 5))),
        "odd names": Graph({"ä '\"<&>": F.relu(odd) * odd}),
    }


def test_the_kinds_hold_what_they_say() -> None:
    assert any(node.op == "cond" for node in graphs()["two branches"])
    assert any(node.op == "while_loop" for node in graphs()["a loop"])
    assert graphs()["state"].state


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", graphs())
def test_every_kind_of_graph_comes_back_by_every_way(kind: str, way: str) -> None:
    graph = graphs()[kind]
    again = Graph.from_networkx(WAYS[way](graph.nx))
    assert again == graph
    assert again.to_json() == graph.to_json()
    assert list(again.nodes) == list(graph.nodes)
    assert Graph.from_json(graph.to_json()) == graph


@pytest.mark.parametrize("text", [*texts_of_networks(), *texts_of_ops()[::4]])
def test_networks_and_ops_come_back_from_graphml(text: str) -> None:
    graph = Graph.from_json(text)
    assert graph.to_json() == text
    assert Graph.from_networkx(graphml(graph.nx)).to_json() == text


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(WAYS)))
def test_random_networks_come_back(seed: int, way: str) -> None:
    network = Network(seed)
    graph = network.graph(
        {name: shape if seed % 2 else (-1,) * len(shape) for name, shape in network.sources.items()}
    )
    again = Graph.from_networkx(WAYS[way](graph.nx))
    assert again == graph
    assert again.to_json() == graph.to_json()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_the_order_of_nodes_is_free(seed: int) -> None:
    network = Network(seed)
    graph = network.graph(network.sources)
    nodes = list(graph.nx.nodes(data=True))
    random.Random(seed).shuffle(nodes)
    digraph = nx.MultiDiGraph(**graph.nx.graph)
    digraph.add_nodes_from(nodes)
    digraph.add_edges_from(graph.nx.edges(data=True))
    again = Graph.from_networkx(digraph)
    assert dict(again.nodes) == dict(graph.nodes)
    assert again.outputs == graph.outputs
    assert list(again.inputs) == list(graph.inputs)


class TestForm:
    def view(self) -> Any:
        net = nn.Sequential(nn.Dense(3, activation="relu", in_units=5), nn.BatchNorm())
        return net.trace(train=True, x="float32[batch, 5]").nx

    def test_attributes_are_plain(self) -> None:
        for kind, graph in graphs().items():
            view = graph.nx
            for _, attributes in [*view.nodes(data=True), *(edge[1:] for edge in view.edges(data=True))]:
                held = attributes if isinstance(attributes, dict) else attributes[-1]
                assert all(type(value) in (str, int) for value in held.values()), kind
            assert all(type(value) is str for value in view.graph.values())

    def test_a_node_says_what_it_is(self) -> None:
        nodes = self.view().nodes
        meta = {name: json.loads(text) for name, text in nodes(data="meta")}
        assert {name: value for name, value in nodes["0.weight"].items() if name != "meta"} == {
            "op": "parameter",
            "kind": "parameter",
            "path": "0",
            "dtype": "float32",
            "shape": "[3, 5]",
            "attrs": '{"init": null, "trainable": true}',
        }
        assert {name: value for name, value in nodes["0.relu"].items() if name != "meta"} == {
            "op": "relu",
            "kind": "op",
            "path": "0",
        }
        assert nodes["0.linear"]["attrs"] == '{"flatten": true}'
        assert (meta["0.weight"]["block"], meta["0.weight"]["notes"]) == ("Dense", ["units", "in_units"])
        assert json.loads(nodes["x"]["shape"]) == [{"dim": [[1, [[["symbol", "batch"], 1]]]]}, 5]
        assert {kind for _, kind in nodes(data="kind")} == {"input", "parameter", "state", "constant", "op"}

    def test_a_node_of_several_outputs_lists_them(self) -> None:
        x = F.input("x", (4, 3))
        graph = passes.infer_shapes(Graph(F.split(x, 2, axis=0))).graph
        assert graph.nx.nodes["split"]["dtype"] == '["float32", "float32"]'
        assert graph.nx.nodes["split"]["shape"] == "[[2, 3], [2, 3]]"
        assert "shape" not in Graph(F.split(F.input("x", (4, 3)), 2, axis=0)).nx.nodes["split"]

    def test_edges_say_slots_and_ports(self) -> None:
        first, second = F.split(F.input("x", (4, 3)), 2, axis=0)
        view = Graph(second - first).nx
        assert sorted(view.edges(keys=True, data=True)) == [
            ("split", "subtract", 0, {"slot": 0, "port": 1}),
            ("split", "subtract", 1, {"slot": 1, "port": 0}),
            ("x", "split", 0, {"slot": 0, "port": 0}),
        ]

    def test_the_graph_says_what_goes_in_and_out(self) -> None:
        a, b = F.input("a", (3,)), F.input("b", (3,))
        assert Graph({"sum": a + b}, inputs=[b, a]).nx.graph == {
            "inputs": '["b", "a"]',
            "outputs": '{"sum": ["add", 0]}',
            "structure": '{"sum": "sum"}',
        }

    def test_an_initializer_of_the_users_own_is_named_and_missed(self) -> None:
        net = nn.Dense(3, weight_initializer=lambda rng, shape, dtype: np.ones(shape, dtype))
        view = net.trace().nx
        assert json.loads(view.nodes["weight"]["attrs"])["init"] == {"object": "function"}
        with pytest.raises(
            GraphError, match=r"nodes\['weight'\].attrs.init was an initializer of the class 'function'"
        ):
            Graph.from_networkx(view)
        digraph = view.copy()
        digraph.nodes["weight"]["attrs"] = {"init": init.Constant(2)}
        assert Graph.from_networkx(digraph).parameters["weight"].attrs["init"] == init.Constant(2).dumps()


class TestWithoutWhatTheDigraphSays:
    """GEXF drops it; it stands a second time on the node that gives the first output."""

    def view(self) -> Any:
        x = F.input("x", (3,))
        y = F.relu(x)
        return Graph({"b": F.exp(y), "a": y, "c": x}).nx.copy()

    def test_a_node_says_it(self) -> None:
        digraph = self.view()
        stated = {name: json.loads(text) for name, text in digraph.graph.items()}
        assert json.loads(digraph.nodes["exp"]["meta"])["graph"] == {"nodes": 3, **stated}
        assert [name for name, meta in digraph.nodes(data="meta") if "graph" in json.loads(meta)] == ["exp"]
        digraph.graph.clear()
        graph = Graph.from_networkx(nx.relabel_nodes(digraph, {"exp": "relu", "relu": "exp"}))
        assert list(graph.outputs.items()) == [("b", ("relu", 0)), ("a", ("exp", 0)), ("c", ("x", 0))]
        assert graph.structure == {"b": "b", "a": "a", "c": "c"}

    def test_what_the_digraph_says_counts(self) -> None:
        digraph = self.view()
        del digraph.graph["outputs"]
        assert Graph.from_networkx(digraph).outputs == {"y": ("exp", 0)}
        digraph.graph.clear()
        digraph.graph["outputs"] = ["relu"]
        assert Graph.from_networkx(digraph).outputs == {"y": ("relu", 0)}

    def test_it_is_forgotten_when_nodes_came_or_went(self) -> None:
        longer, shorter = self.view(), self.view()
        for digraph in (longer, shorter):
            digraph.graph.clear()
        longer.add_node("z", op="tanh")
        longer.add_edge("relu", "z")
        assert list(Graph.from_networkx(longer).outputs.values()) == [("exp", 0), ("z", 0)]
        shorter.remove_node("exp")
        assert Graph.from_networkx(shorter).outputs == {"y": ("relu", 0)}
        shorter.nodes["relu"]["meta"] = '{"graph": {"nodes": 2, "outputs": {"b": ["exp", 0]}}}'
        assert Graph.from_networkx(shorter).outputs == {"y": ("relu", 0)}
        shorter.nodes["relu"]["meta"] = '{"graph": 3}'
        with pytest.raises(GraphError, match=r"nodes\['relu'\]\.meta\.graph must be an object, not 3"):
            Graph.from_networkx(shorter)


class TestRenamedNodes:
    """Text goes on naming nodes as they were called when it was written."""

    def graph(self) -> Graph:
        x = F.input("x", ("n", 3))
        return Graph({"y": F.reshape(F.relu(x), (F.relu(x).shape[0], -1))})

    def test_op_nodes_with_other_names_make_an_equal_graph(self) -> None:
        graph = self.graph()
        ops = {node.name: f"net/{node.name}" for node in graph if not node.is_source}
        again = Graph.from_networkx(nx.relabel_nodes(graph.nx, ops))
        assert again == graph
        assert list(again.nodes) == ["x", "net/relu", "net/relu_1", "net/reshape"]

    def test_names_that_change_places(self) -> None:
        graph = self.graph()
        again = Graph.from_networkx(nx.relabel_nodes(graph.nx, {"relu": "relu_1", "relu_1": "relu"}))
        assert again == graph
        assert again["reshape"].inputs[0].node == "relu_1"

    def test_numbers(self) -> None:
        again = Graph.from_networkx(graphml(nx.convert_node_labels_to_integers(self.graph().nx)))
        assert str(again).splitlines() == [
            "graph(0: float32[n, 3])",
            "  1 = relu(0)",
            "  2 = relu(0)",
            "  3 = reshape(1, shape=(2.shape[0], -1))",
            "  return y=3",
        ]

    def test_what_two_nodes_were_called(self) -> None:
        view = self.graph().nx
        with pytest.raises(
            GraphError, match=r"names 'relu_1', which is what 'a\.relu_1' and 'b\.relu_1' were called"
        ):
            Graph.from_networkx(nx.union(view, view, rename=("a.", "b.")))

    def test_two_networks_stand_side_by_side(self) -> None:
        view = Graph(F.relu(F.input("x", (3,)))).nx
        both = nx.union(view, view, rename=("a.", "b."))
        both.graph.clear()
        assert str(Graph.from_networkx(both)).splitlines()[0] == "graph(a.x: float32[3], b.x: float32[3])"
        both.graph["outputs"] = {"first": "a.relu", "second": "b.relu"}
        assert Graph.from_networkx(both).structure == {"first": "first", "second": "second"}

    def test_a_part_of_a_network(self) -> None:
        part = self.graph().nx.subgraph(["x", "relu"]).copy()
        with pytest.raises(
            GraphError, match=r"graph\['outputs'\].y names \['reshape', 0\], which is not in the graph"
        ):
            Graph.from_networkx(part)
        del part.graph["outputs"]
        assert Graph.from_networkx(part).outputs == {"y": ("relu", 0)}


def test_queries_of_networkx() -> None:
    view = nn.Sequential(nn.Dense(4, activation="relu"), nn.Dense(2)).trace().nx
    ops = nx.get_node_attributes(view, "op")
    assert [ops[name] for name in nx.dag_longest_path(view)] == ["input", "linear", "relu", "linear"]
    assert sorted(name for name, kind in view.nodes(data="kind") if kind == "parameter") == [
        "0.bias", "0.weight", "1.bias", "1.weight",
    ]  # fmt: skip
    assert nx.ancestors(view, "0.relu") == {"x", "0.weight", "0.bias", "0.linear"}
