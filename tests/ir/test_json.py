"""Graphs as JSON text."""

from __future__ import annotations

import json

import numpy as np
import pytest

from graphinit.errors import GraphError, GraphInitError
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.node import Meta
from graphinit.ir.origin import Origin
from graphinit.ir.tensor import apply, apply_all
from graphinit.ir.types import TensorType


def through(graph):
    return Graph.from_json(graph.to_json())


def data_of(graph):
    return json.loads(graph.to_json())


@pytest.fixture
def graph(source):
    x, w = source("x", ("batch", -1)), source("w", (7, -1), op="parameter")
    return Graph(apply("relu", apply("linear", x, w, flatten=False)))


def test_what_was_written_is_read(graph):
    again = through(graph)
    assert again == graph
    assert str(again) == str(graph)
    assert list(again.nodes) == list(graph.nodes)
    assert again.to_json() == graph.to_json()


def test_several_outputs_and_their_structure(source):
    first, second = apply_all("split", source("x", (4, 3)), sections=2, axis=0)
    for graph in (Graph([first, second]), Graph({"a": second}), Graph(second)):
        again = through(graph)
        assert again == graph
        assert dict(again.outputs) == dict(graph.outputs)
        # A tuple comes back as a list, and means the same.
        assert json.dumps(again.structure) == json.dumps(graph.structure)


def test_sizes_of_other_values(source):
    x = source("x", (-1, -1))
    y = x.reshape(x.shape[1], x.shape[0])
    assert through(Graph(y)) == Graph(y)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int64).reshape(2, 3),
        np.array([[1.5, np.nan, np.inf, -0.0]]),
        np.array([True, False]),
        np.float32(0.1),
        np.zeros((0, 3), np.float32),
        np.array([2**63 + 5], np.uint64),
    ],
)
def test_constant_arrays_are_bit_equal(source, array):
    graph = Graph(
        apply("reshape", source("x", (1,)), shape=(1,)) if array.dtype == bool else source("x", (1,)) + array
    )
    if array.dtype == bool:
        graph = Graph(apply("where", source("c", (2,), "bool"), array, array))
    constants = [node.attrs["value"].array for node in through(graph) if node.op == "constant"]
    assert constants
    for constant in constants:
        assert constant.dtype == array.dtype
        assert constant.shape == array.shape
        assert constant.tobytes() == np.asarray(array).tobytes()


@pytest.mark.parametrize("number", [2, 2.0, True, -0.0, float("inf")])
def test_constant_numbers_keep_their_kind(source, number):
    again = through(Graph(apply("add", source("x", (3,)), number)))
    value = again["constant"].attrs["value"]
    assert type(value) is type(number)
    assert repr(value) == repr(number)


def test_text_is_strict_json(source):
    graph = Graph(source("x", (3,)) + np.array([np.nan, np.inf, -np.inf]))

    def no_constants(name):
        raise AssertionError(f"{name} is not JSON")

    json.loads(graph.to_json(), parse_constant=no_constants)
    assert through(graph) == graph


def test_folders_of_origins_are_dropped():
    builder = GraphBuilder()
    place = Origin("/home/somebody/net.py", None, 12)
    x = builder.source("input", "x", TensorType((3,), "float32"))
    y = builder.add("relu", [x], meta=Meta("body", place, (), "Block"))
    text = builder.build({"y": y}).to_json()
    assert "somebody" not in text
    meta = Graph.from_json(text)["body.relu"].meta
    assert (str(meta.origin), meta.path, meta.block) == ("net.py:12", "body", "Block")


def test_nodes_may_stand_in_any_order(graph):
    data = data_of(graph)
    data["nodes"].reverse()
    again = Graph.from_json(json.dumps(data))
    assert set(again.nodes) == set(graph.nodes)
    assert all(again[name] == node for name, node in graph.nodes.items())


def test_a_cycle_is_named(graph):
    data = data_of(graph)
    relu = next(node for node in data["nodes"] if node["op"] == "relu")
    linear = next(node for node in data["nodes"] if node["op"] == "linear")
    linear["inputs"][0] = [relu["name"], 0]
    with pytest.raises(GraphError, match="wait for each other") as caught:
        Graph.from_json(json.dumps(data))
    assert caught.value.code == "GI102"
    assert "linear" in str(caught.value)
    assert "relu" in str(caught.value)


def test_a_node_that_takes_itself_is_a_cycle(graph):
    data = data_of(graph)
    data["nodes"][-1]["inputs"] = [[data["nodes"][-1]["name"], 0]]
    with pytest.raises(GraphError, match="GI102"):
        Graph.from_json(json.dumps(data))


def test_names_that_clash(graph):
    data = data_of(graph)
    data["nodes"].append(data["nodes"][0])
    with pytest.raises(GraphError, match="two nodes are called 'x'") as caught:
        Graph.from_json(json.dumps(data))
    assert caught.value.code == "GI101"


def test_an_input_that_is_missing(graph):
    data = data_of(graph)
    data["nodes"] = [node for node in data["nodes"] if node["name"] != "w"]
    with pytest.raises(GraphError, match="'w', which is not in the graph"):
        Graph.from_json(json.dumps(data))


def test_an_op_that_does_not_exist(graph):
    with pytest.raises(GraphError, match=r"GI103(?s:.*)nodes\[3\]: there is no op named 'rely'"):
        Graph.from_json(graph.to_json().replace('"op": "relu"', '"op": "rely"'))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        "3",
        "null",
        '{"format": "other", "version": 1}',
        '{"format": "graphinit-graph"}',
    ],
)
def test_other_texts_are_refused(text):
    with pytest.raises(GraphError, match="not the JSON text of a graph") as caught:
        Graph.from_json(text)
    assert caught.value.code == "GI107"
    assert caught.value.__cause__ is not None


def test_a_later_version_is_refused(graph):
    with pytest.raises(GraphError, match="version 2 is not known"):
        Graph.from_json(graph.to_json().replace('"version": 1', '"version": 2'))


def broken(change):
    def apply_change(data):
        change(data)
        return data

    return apply_change


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.pop("nodes"),
        lambda data: data.pop("outputs"),
        lambda data: data.update(outputs={}),
        lambda data: data.update(outputs=[]),
        lambda data: data.update(outputs={"y": ["nothing", 0]}),
        lambda data: data.update(outputs={"y": ["x", 5]}),
        lambda data: data.update(outputs={"y": ["x", -1]}),
        lambda data: data.update(outputs={"y": "x"}),
        lambda data: data.update(nodes=[]),
        lambda data: data.update(nodes={}),
        lambda data: data.update(nodes="x"),
        lambda data: data["nodes"].append(3),
        lambda data: data["nodes"][0].pop("name"),
        lambda data: data["nodes"][0].pop("op"),
        lambda data: data["nodes"][0].pop("types"),
        lambda data: data["nodes"][0].update(name=3),
        lambda data: data["nodes"][0].update(types=[]),
        lambda data: data["nodes"][0].update(types=[[[2.5], "float32"]]),
        lambda data: data["nodes"][0].update(types=[[[-3], "float32"]]),
        lambda data: data["nodes"][0].update(types=[[[3], "complex64"]]),
        lambda data: data["nodes"][0].update(types=[[["import os"], "float32"]]),
        lambda data: data["nodes"][0].update(types=[[[3], "float32"]] * 2, inputs=[["w", 0]]),
        lambda data: data["nodes"][-1].update(inputs=[]),
        lambda data: data["nodes"][-1].update(inputs=[["x"]]),
        lambda data: data["nodes"][-1].update(inputs=[["x", 7]]),
        lambda data: data["nodes"][-1].update(inputs=[["x", -1]]),
        lambda data: data["nodes"][-1].update(inputs=[["x", "one"]]),
        lambda data: data["nodes"][-1].update(attrs={"colour": 3}),
        lambda data: data["nodes"][-1].update(attrs={"colour": {"what": 3}}),
        lambda data: data["nodes"][-1].update(attrs=[]),
        lambda data: data["nodes"][-1].update(types=[[None, None]] * 2),
        lambda data: data["nodes"][-1].update(origin=["net.py"]),
        lambda data: data["nodes"][-1].update(origin=["net.py", "four"]),
    ],
)
def test_broken_texts_raise_an_error_of_ours(graph, change):
    data = data_of(graph)
    change(data)
    with pytest.raises(GraphInitError):
        Graph.from_json(json.dumps(data))


def test_a_text_is_not_the_only_thing_that_can_be_given():
    with pytest.raises(GraphError):
        Graph.from_json(None)
