"""Digraphs that people build, and what is said of those that are no network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

import graphinit
import passes
from graphinit import Graph, TensorType, init
from graphinit import functional as F
from graphinit.errors import GraphError, GraphInitError
from graphinit.ir.op import MOST_OUTPUTS
from tests.fuzz.graphs import CODE, FORMS, probe


def line(kind: Any = nx.DiGraph, **h: Any) -> Any:
    """h = linear(x, w, b), slots in order of edges."""
    g = kind()
    g.add_node("x", op="input", shape=("batch", 20))
    g.add_node("w", op="parameter", shape=(7, -1))
    g.add_node("b", op="parameter", shape=(7,))
    g.add_node("h", **{"op": "linear", **h})
    g.add_edges_from([("x", "h"), ("w", "h"), ("b", "h")])
    return g


def same() -> Graph:
    x, w, b = F.input("x", ("batch", 20), dtype=None), F.parameter("w", (7, -1)), F.parameter("b", (7,))
    return Graph(F.linear(x, w, b))


class TestDefaults:
    @pytest.mark.parametrize("kind", [nx.DiGraph, nx.MultiDiGraph])
    def test_op_and_shape_are_enough(self, kind: Any) -> None:
        g = line(kind)
        for name in ("w", "b"):
            g.nodes[name]["dtype"] = "float32"
        assert Graph.from_networkx(g) == same()

    def test_dtypes_are_found(self) -> None:
        g = nx.DiGraph()
        g.add_node("ids", op="input", shape=("n",))
        g.add_node("w", op="parameter", shape=(11, 3))
        g.add_node("rows", op="take", attrs={"axis": 0})
        g.add_edge("w", "rows", slot=0)
        g.add_edge("ids", "rows", slot=1)
        graph = Graph.from_networkx(g)
        types = {node.name: str(node.type) for node in passes.infer_shapes(graph).graph}
        assert types == {"ids": "int64[n]", "w": "float32[11, 3]", "rows": "float32[n, 3]"}
        parameters = passes.init_parameters(graph, passes.infer_shapes(graph))
        exe = graphinit.compile(graph, parameters=parameters, ids=(2,))
        np.testing.assert_array_equal(exe.forward(ids=[10, 3]), parameters["w"][[10, 3]])

    def test_a_dtype_that_is_stated_holds_for_what_is_found(self) -> None:
        g = nx.DiGraph()
        g.add_node("x", op="input", shape=(3,))
        g.add_node("y", op="relu", dtype="float64")
        g.add_edge("x", "y")
        graph = Graph.from_networkx(g)
        (error,) = passes.infer_shapes(graph).errors
        assert (error.code, error.node) == ("GI301", "y")
        assert error.message == "float64 is stated of what comes out, and relu gives float32"
        assert passes.infer_shapes(graph, x="float64[3]").ok

    def test_operands_that_are_optional(self) -> None:
        g = line()
        g.remove_node("b")
        assert [value.node for value in Graph.from_networkx(g)["h"].inputs] == ["x", "w"]

    def test_slots_follow_the_order_of_edges(self) -> None:
        g = nx.DiGraph()
        g.add_node("a", op="input")
        g.add_node("b", op="input")
        g.add_node("d", op="subtract")
        g.add_edge("b", "d")
        g.add_edge("a", "d")
        assert [value.node for value in Graph.from_networkx(g)["d"].inputs] == ["b", "a"]

    def test_keys_that_number_the_edges_are_slots(self) -> None:
        g = nx.MultiDiGraph()
        g.add_node("a", op="input")
        g.add_node("b", op="input")
        g.add_node("d", op="subtract")
        g.add_edge("a", "d", key=1)
        g.add_edge("b", "d", key=0)
        g.add_node("s", op="multiply")
        g.add_edge("d", "s")
        g.add_edge("d", "s")
        graph = Graph.from_networkx(g)
        assert [value.node for value in graph["d"].inputs] == ["b", "a"]
        assert [value.node for value in graph["s"].inputs] == ["d", "d"]

    def test_nodes_stay_where_they_stand_as_far_as_inputs_allow(self) -> None:
        g = nx.DiGraph()
        for name in ("e", "c", "b", "a"):
            g.add_node(name, op="relu")
        g.add_node("x", op="input")
        g.add_edges_from([("x", "c"), ("x", "b"), ("x", "a"), ("a", "e")])
        graph = Graph.from_networkx(g)
        assert list(graph.nodes) == ["x", "c", "b", "a", "e"]

    def test_outputs_are_what_no_op_takes(self) -> None:
        g = line()
        g.add_node("unused", op="input", shape=(3,))
        g.add_node("s", op="split", attrs={"sections": 2, "axis": 0})
        g.add_edge("h", "s")
        g.add_node("r", op="relu")
        g.add_edge("x", "r")
        graph = Graph.from_networkx(g)
        assert {name: str(value) for name, value in graph.outputs.items()} == {
            "y.0": "s",
            "y.1": "s:1",
            "y.2": "r",
        }
        assert graph.structure == ("y.0", "y.1", "y.2")
        assert list(graph.inputs) == ["x", "unused"]
        g.remove_nodes_from(["s", "r"])
        assert (Graph.from_networkx(g).outputs, Graph.from_networkx(g).structure) == ({"y": ("h", 0)}, "y")
        g.remove_node("h")
        assert list(Graph.from_networkx(g).outputs.values()) == [("x", 0), ("w", 0), ("b", 0), ("unused", 0)]

    def test_a_size_that_is_referred_to_is_taken(self) -> None:
        y = F.relu(F.input("a", ("n", 3)))
        view = Graph(F.reshape(F.input("b", (-1,)), (y.shape[0], -1))).nx.copy()
        del view.graph["outputs"]
        assert Graph.from_networkx(view).outputs == {"y": ("reshape", 0)}


class TestValues:
    @pytest.mark.parametrize(
        ("shape", "type"),
        [
            (("batch", 20), "?[batch, 20]"),
            (["batch", -1], "?[batch, -1]"),
            ((None, np.int64(20)), "?[-1, 20]"),
            ((), "?[]"),
            ("[]", "?[]"),
            ('["batch", 20]', "?[batch, 20]"),
            ("[batch, 20]", "?[batch, 20]"),
            ("(None, 20)", "?[-1, 20]"),
            (str(("batch", None)), "?[batch, -1]"),
            ("[...]", "?[...]"),
            ("float64[batch, n//2 - 1]", "float64[batch, n//2 - 1]"),
            ("int64:n,20", "int64[n, 20]"),
            ("n", "?[n]"),
            (TensorType.parse("float16[n, 20]"), "float16[n, 20]"),
            (TensorType.parse(("n", 20)).shape, "?[n, 20]"),
            (np.zeros((3, 20)), "float64[3, 20]"),
            (None, "?[...]"),
            (float("nan"), "?[...]"),
        ],
    )
    def test_shapes(self, shape: Any, type: str) -> None:
        g = nx.DiGraph()
        g.add_node("x", op="input", shape=shape)
        assert str(Graph.from_networkx(g)["x"].type) == type

    @pytest.mark.parametrize("dtype", ["float64", np.float64, np.dtype("float64"), float])
    def test_dtypes(self, dtype: Any) -> None:
        g = nx.DiGraph()
        g.add_node("x", op="input", shape=(3,), dtype=dtype)
        assert str(Graph.from_networkx(g)["x"].type) == "float64[3]"

    def test_several_outputs(self) -> None:
        for shape, dtype in (
            ([(2, 3), None], ["float32", None]),
            ("[[2, 3], null]", '["float32", null]'),
            (["float32[2, 3]", None], None),
        ):
            g = nx.DiGraph()
            g.add_node("x", op="input", shape=(4, 3), dtype="float32")
            g.add_node("s", op="split", attrs={"sections": 2, "axis": 0}, shape=shape, dtype=dtype)
            g.add_edge("x", "s")
            assert list(map(str, Graph.from_networkx(g)["s"].types)) == ["float32[2, 3]", "?[...]"]

    @pytest.mark.parametrize("attrs", [{"flatten": True}, {"flatten": np.True_}, '{"flatten": true}'])
    def test_attributes(self, attrs: Any) -> None:
        assert Graph.from_networkx(line(attrs=attrs))["h"].attrs["flatten"] is True

    def test_attributes_are_as_functions_take_them(self) -> None:
        g = nx.DiGraph()
        g.add_node("x", op="input", shape=("b", 3, 9, 11))
        g.add_node("w", op="parameter", shape=(5, 3, 3, 3))
        g.add_node("c", op="conv", attrs={"strides": [np.int32(2), 2], "padding": ((1, 1), (1, 1))})
        g.add_edges_from([("x", "c"), ("w", "c")])
        assert passes.infer_shapes(Graph.from_networkx(g))["c"] == ("b", 5, 5, 6)

    def test_windows_have_one_number_for_each_axis(self) -> None:
        x, w = F.input("x", ("b", 3, 9, 11)), F.parameter("w", (5, 3, 3, 3))
        g = nx.DiGraph()
        g.add_node("x", op="input", shape="float32[b, 3, 9, 11]")
        g.add_node("w", op="parameter", shape=(5, 3, 3, 3), dtype="float32")
        g.add_node("c", op="conv")
        g.add_edges_from([("x", "c"), ("w", "c")])
        assert Graph.from_networkx(g) == Graph(F.conv(x, w))
        g.nodes["c"]["attrs"] = {"strides": 2, "padding": "same"}
        assert Graph.from_networkx(g) == Graph(F.conv(x, w, strides=2, padding="same"))
        g.nodes["c"]["attrs"] = '{"padding": [1, 2]}'
        g.add_node("p", op="max_pool", attrs={"kernel": (2, 3)})
        g.add_edge("c", "p")
        assert Graph.from_networkx(g) == Graph(F.max_pool(F.conv(x, w, padding=(1, 2)), (2, 3)))
        g.nodes["p"].update(op="avg_pool", attrs={"kernel": "all"})
        g.nodes["c"]["shape"] = ("b", 5, -1, -1)
        assert passes.infer_shapes(Graph.from_networkx(g))["p"] == ("b", 5, 1, 1)

    def test_windows_over_what_keeps_the_rank(self) -> None:
        g = nx.MultiDiGraph()
        g.add_node("x", op="input", shape=("b", 3, 16, 17))
        g.add_node("w", op="parameter", shape=(5, -1, 3, 3))
        g.add_node("c", op="conv")
        g.add_edges_from([("x", "c"), ("w", "c")])
        nx.add_path(g, ["c", "r", "s", "p", "q"])
        g.nodes["r"]["op"] = "relu"
        g.nodes["s"]["op"] = "add"
        g.add_edge("c", "s")
        g.nodes["p"].update(op="max_pool", attrs={"kernel": 2})
        g.nodes["q"].update(op="avg_pool", attrs={"kernel": 3, "strides": 1})
        assert passes.infer_shapes(Graph.from_networkx(g))["q"] == ("b", 5, 5, 5)
        g.nodes["s"].update(op="reshape", attrs={"shape": (0, 0, -1)})
        g.remove_edge("c", "s")
        with pytest.raises(
            GraphError, match="kernel must be a tuple with a number for each spatial axis; got 2"
        ):
            Graph.from_networkx(g)
        nx.add_path(g, ["p", "s"])
        with pytest.raises(GraphError, match="reshape takes 1 inputs, got 2"):
            Graph.from_networkx(g)

    @pytest.mark.parametrize(
        ("op", "attrs", "same"),
        [
            ("getitem", {"index": slice(1, None)}, lambda x: x[1:]),
            ("getitem", {"index": (0, None, ...)}, lambda x: x[0, None, ...]),
            ("getitem", {"index": (slice(None, None, -1), np.int64(2))}, lambda x: x[::-1, 2]),
            ("cast", {"dtype": np.float64}, lambda x: F.cast(x, "float64")),
            ("cast", {"dtype": np.dtype("int32")}, lambda x: F.cast(x, "int32")),
            ("cast", {"dtype": int}, lambda x: F.cast(x, "int64")),
            ("reshape", {"shape": np.array([-1, 9])}, lambda x: F.reshape(x, (-1, 9))),
            ("reshape", {"shape": -1}, lambda x: F.reshape(x, -1)),
            ("leaky_relu", {"slope": np.array(0.5)}, lambda x: F.leaky_relu(x, 0.5)),
            ("mean", {"axis": range(2)}, None),
            ("sum", {"axis": [np.int32(1)], "keepdims": np.True_}, lambda x: F.sum(x, axis=1, keepdims=True)),
        ],
    )
    def test_attributes_are_taken_as_functions_take_them(self, op: str, attrs: Any, same: Any) -> None:
        g = nx.DiGraph()
        g.add_node("x", op="input", shape="float32[6, 3]")
        g.add_node("y", op=op, attrs=attrs)
        g.add_edge("x", "y")
        if same is None:
            with pytest.raises(GraphError, match=r"has an attribute that JSON cannot say: range\(0, 2\)"):
                Graph.from_networkx(g)
        else:
            assert Graph.from_networkx(g) == Graph(same(F.input("x", (6, 3))))

    @pytest.mark.parametrize(
        ("value", "type"),
        [
            (2.0, "?[]"),
            (True, "bool[]"),
            (float("inf"), "?[]"),
            (np.float32(3), "float32[]"),
            ([1.0, 2.0], "float32[2]"),
            (((1, 2), (3, 4)), "int64[2, 2]"),
            (np.array([np.nan, 1.0]), "float64[2]"),
        ],
    )
    def test_constants_have_the_type_of_their_value(self, value: Any, type: str) -> None:
        g = nx.DiGraph()
        g.add_node("c", op="constant", attrs={"value": value})
        graph = Graph.from_networkx(g)
        assert str(graph["c"].type) == type
        assert graph["c"] == replace_name(Graph(F.constant(value)), "c")

    def test_initializers(self) -> None:
        def ones(rng: Any, shape: Any, dtype: Any) -> np.ndarray:
            return np.ones(shape, dtype)

        g = line()
        g.nodes["w"]["attrs"] = {"init": ones}
        g.nodes["b"]["attrs"] = {"init": init.Constant(3), "trainable": False}
        graph = Graph.from_networkx(g)
        assert (
            graph["b"].attrs
            == F.parameter("b", (7,), init=init.Constant(3), trainable=False).builder.nodes["b"].attrs
        )
        values = passes.init_parameters(graph, passes.infer_shapes(graph))
        assert values["w"].shape == (7, 20)
        assert (values["w"].min(), values["b"].tolist()) == (1, [3.0] * 7)

    def test_a_graph_of_another_as_attribute(self) -> None:
        x = F.input("x", (3,))
        cond = next(
            n for n in Graph(F.cond(F.sum(x) > 0, lambda a: a * 2, lambda a: a * 3, x)) if n.op == "cond"
        )
        g = nx.DiGraph()
        g.add_node("p", op="input", shape=(), dtype="bool")
        g.add_node("x", op="input", shape=(3,), dtype="float32")
        g.add_node("y", op="cond", attrs=dict(cond.attrs))
        g.add_edges_from([("p", "y"), ("x", "y")])
        assert Graph.from_networkx(g)["y"].attrs == cond.attrs

    def test_numbers_of_tables_and_formats(self) -> None:
        g = line()
        g.edges["x", "h"].update(slot=np.int64(0), port=0.0, weight=float("nan"))
        g.edges["w", "h"].update(slot="1", port="0")
        g.edges["b", "h"].update(slot=2.0, port=None)
        g.nodes["h"].update(dtype=float("nan"), attrs=None, path=np.float32("nan"))
        assert [value.node for value in Graph.from_networkx(g)["h"].inputs] == ["x", "w", "b"]

    def test_attributes_without_a_meaning_are_ignored(self) -> None:
        g = line(color="red", label=3, pos=np.zeros(2), viz={"size": 3})
        g.graph.update(name="net", node_default={})
        g.nodes["x"].update(axis=3)
        assert Graph.from_networkx(g).nodes.keys() == {"x", "w", "b", "h"}

    def test_keys_become_names(self) -> None:
        g = nx.relabel_nodes(line(), {"x": 0, "w": ("layer", 1), "b": 2.5, "h": 3})
        g.graph.update(inputs=[0], outputs=[3, (0, 0), ("layer", 1)])
        graph = Graph.from_networkx(g)
        assert [str(value) for value in graph["3"].inputs] == ["0", "('layer', 1)", "2.5"]
        assert list(map(str, graph.outputs.values())) == ["3", "0", "('layer', 1)"]

    @pytest.mark.parametrize(
        ("outputs", "named", "structure"),
        [
            ("h", {"y": "h"}, "y"),
            (["h"], {"y": "h"}, ("y",)),
            (("h", "x"), {"y.0": "h", "y.1": "x"}, ("y.0", "y.1")),
            ({"a": "h", "b": ("x", 0)}, {"a": "h", "b": "x"}, {"a": "a", "b": "b"}),
            ('{"a": ["h", 0]}', {"a": "h"}, {"a": "a"}),
            ('["h", ["x", 0]]', {"y.0": "h", "y.1": "x"}, ("y.0", "y.1")),
        ],
    )
    def test_outputs(self, outputs: Any, named: Any, structure: Any) -> None:
        g = line()
        g.graph["outputs"] = outputs
        graph = Graph.from_networkx(g)
        assert {name: str(value) for name, value in graph.outputs.items()} == named
        assert graph.structure == structure

    def test_outputs_of_ones_own_have_a_structure_of_their_own(self) -> None:
        g = Graph([F.relu(F.input("x", (3,)))]).nx.copy()
        g.graph["outputs"] = {"a": "relu", "b": "x"}
        assert Graph.from_networkx(g).structure == {"a": "a", "b": "b"}

    @pytest.mark.parametrize("inputs", [["b", "a"], ("b", "a"), '["b", "a"]'])
    def test_inputs(self, inputs: Any) -> None:
        g = nx.DiGraph()
        g.add_node("a", op="input")
        g.add_node("b", op="input")
        g.graph["inputs"] = inputs
        assert list(Graph.from_networkx(g).inputs) == ["b", "a"]

    def test_reading_changes_nothing(self) -> None:
        g = line(attrs={"flatten": True})
        before = json.dumps(nx.node_link_data(g), default=str)
        Graph.from_networkx(nx.freeze(g))
        assert json.dumps(nx.node_link_data(g), default=str) == before


def replace_name(graph: Graph, name: str) -> Any:
    """The one node of a graph, under another name."""
    (node,) = graph
    return type(node)(name, node.op, node.attrs, node.inputs, node.types)


def edge(*places: Any, **changes: Any) -> Callable[[Any], Any]:
    return lambda g: g.edges[places].update(changes)


def node(name: str, **changes: Any) -> Callable[[Any], Any]:
    return lambda g: g.nodes[name].update(changes)


def ends(**changes: Any) -> Callable[[Any], Any]:
    return lambda g: g.graph.update(changes)


def drop(name: str, field: str) -> Callable[[Any], Any]:
    return lambda g: g.nodes[name].pop(field) and None


def add(name: str, *sources: str, **attributes: Any) -> Callable[[Any], Any]:
    def change(g: Any) -> None:
        g.add_node(name, **attributes)
        g.add_edges_from((source, name) for source in sources)

    return change


def both(first: Callable[[Any], Any], second: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda g: (first(g), second(g))


WRONG: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "no directions": (
        lambda g: g.to_undirected(),
        "GI107",
        "a Graph has no directions; give a networkx.DiGraph",
    ),
    "nothing": (lambda g: nx.DiGraph(), "GI107", "it has no nodes"),
    "no op": (drop("h", "op"), "GI107", "nodes['h'] has no op; give each node one"),
    "a slip in an edge": (
        lambda g: g.add_edge("xx", "h"),
        "GI107",
        "nodes['xx'] has no op; did you mean 'x'?",
    ),
    "a slip in an op": (
        node("h", op="lineer"),
        "GI103",
        "nodes['h']: there is no op named 'lineer'; did you mean 'linear'?",
    ),
    "an op in capitals": (node("h", op="LINEAR"), "GI103", "did you mean 'linear'?"),
    "a slip in a kind of source": (
        node("x", op="inptu"),
        "GI103",
        "there is no op named 'inptu'; did you mean 'input'?",
    ),
    "an op that is no text": (node("h", op=3), "GI107", "nodes['h'].op must be printable text"),
    "an op in a list": (node("h", op=["relu"]), "GI107", "nodes['h'].op must be printable text"),
    "another kind": (
        node("h", kind="input"),
        "GI107",
        "nodes['h'].kind must be 'op', which linear is, not 'input'",
    ),
    "a parameter of another kind": (node("w", kind="op"), "GI107", "nodes['w'].kind must be 'parameter'"),
    "a slot twice": (
        lambda g: (
            [g.edges[name, "h"].update(slot=slot) for name, slot in (("x", 0), ("w", 1), ("b", 1))] and None
        ),
        "GI107",
        "slot 1 of 'h' is given twice, from 'w' and 'b'",
    ),
    "a slot left out": (
        lambda g: (
            [g.edges[name, "h"].update(slot=slot) for name, slot in (("x", 0), ("w", 1), ("b", 3))] and None
        ),
        "GI107",
        "no edge to 'h' has slot 2; a DiGraph has one edge from a node to another",
    ),
    "some slots": (
        edge("x", "h", slot=0),
        "GI107",
        "the edge from 'w' to 'h' has no slot, and others to it have one",
    ),
    "a slot below 0": (
        edge("x", "h", slot=-1),
        "GI107",
        "edges['x', 'h'].slot must be a whole number from 0 to 99999",
    ),
    "a slot that is a fraction": (
        edge("x", "h", slot=0.5),
        "GI107",
        "edges['x', 'h'].slot must be a whole number",
    ),
    "a slot in words": (edge("x", "h", slot="first"), "GI107", "edges['x', 'h'].slot must be a whole number"),
    "a slot that is a truth value": (
        edge("x", "h", slot=True),
        "GI107",
        "edges['x', 'h'].slot must be a whole number",
    ),
    "a slot that is enormous": (
        edge("x", "h", slot=10**30),
        "GI107",
        "edges['x', 'h'].slot must be a whole number",
    ),
    "a port that is not there": (edge("x", "h", port=2), "GI106", "'h' takes output 2 of 'x', which has 1"),
    "a port that is infinite": (
        edge("x", "h", port=np.inf),
        "GI107",
        "edges['x', 'h'].port must be a whole number",
    ),
    "too many inputs": (add("r", "h", "x", op="relu"), "GI104", "nodes['r']: relu takes 1 inputs, got 2"),
    "a square in a DiGraph": (
        add("r", "h", op="multiply"),
        "GI104",
        "a node that takes a value twice needs a MultiDiGraph",
    ),
    "an edge to a source": (lambda g: g.add_edge("h", "w"), "GI107", "nodes['w']: parameter takes no inputs"),
    "a node that takes itself": (
        add("r", "r", op="relu"),
        "GI102",
        "these nodes wait for each other: r -> r",
    ),
    "a cycle": (
        both(add("r", "t", op="relu"), both(add("s", "r", op="relu"), add("t", "s", op="relu"))),
        "GI102",
        "these nodes wait for each other: ",
    ),
    "a dtype that is none": (node("x", dtype="float"), "GI107", "nodes['x'].dtype must be one of bool, int8"),
    "a dtype of no op": (
        node("x", dtype=np.complex64),
        "GI301",
        "nodes['x']: dtype complex64 is not supported",
    ),
    "two dtypes": (
        node("x", dtype="float32", shape="int64[n, 20]"),
        "GI107",
        "nodes['x'].dtype must be int64, which the shape says, not 'float32'",
    ),
    "a dtype that the op does not give": (
        lambda g: (
            [g.nodes[name].update(dtype="float64" if name != "h" else "float32") for name in g] and None
        ),
        "GI301",
        "nodes['h'].dtype is float32, but linear of float64, float64, float64 gives float64",
    ),
    "a rank that the op does not give": (
        add("p", "h", op="sinusoidal_positions", shape=(3,)),
        "GI107",
        "nodes['p'].shape must be of a rank that sinusoidal_positions gives",
    ),
    "a shape that is a number": (node("x", shape=5), "GI107", "nodes['x'].shape must be a list, not 5"),
    "a shape that is a number of NumPy": (
        node("x", shape=np.int64(5)),
        "GI107",
        "nodes['x'].shape must be a list, not 5",
    ),
    "a size that is a fraction": (
        node("x", shape=(1.5, 20)),
        "GI107",
        "nodes['x'].shape[0] must be a whole number from -1",
    ),
    "a size that is not a number": (
        node("x", shape=(float("nan"), 20)),
        "GI107",
        "nodes['x'].shape[0] must be a whole",
    ),
    "a size below -1": (
        node("x", shape=(3, -2)),
        "GI107",
        "nodes['x'].shape[1] must be a whole number from -1",
    ),
    "a size that is a truth value": (
        node("x", shape=(True, 20)),
        "GI107",
        "nodes['x'].shape[0] must be a whole number",
    ),
    "a symbol that is none": (node("x", shape=("a b", 20)), "GI206", "nodes['x']: 'a b' is not a size"),
    "a shape in broken text": (
        node("x", shape='["batch", 20'),
        "GI206",
        "nodes['x']: '[\"batch\", 20' has no closing bracket",
    ),
    "a shape of too many axes": (
        node("x", shape=(1,) * 65),
        "GI107",
        "nodes['x'].shape has 65 entries; there can be 64",
    ),
    "a shape without an end": (
        node("x", shape=[[]] * 3),
        "GI107",
        "nodes['x'].shape[0] must be a whole number",
    ),
    "an attribute that the op has not": (
        node("h", attrs={"colour": 3}),
        "GI105",
        "nodes['h']: linear takes no attribute 'colour'",
    ),
    "an attribute that is no JSON": (
        node("h", attrs={"flatten": object}),
        "GI107",
        "nodes['h'] has an attribute that JSON cannot say",
    ),
    "attributes in broken text": (
        node("h", attrs="{"),
        "GI107",
        "nodes['h'].attrs must be a dict, or one as JSON text, not '{'",
    ),
    "attributes in a list": (
        node("h", attrs=[3]),
        "GI107",
        "nodes['h'].attrs must be a dict, or one as JSON text",
    ),
    "attributes in a list, as text": (
        node("h", attrs="[3]"),
        "GI107",
        "nodes['h'].attrs must be a dict, or one as JSON text",
    ),
    "an attribute beside attrs": (
        node("h", flatten=True),
        "GI107",
        "nodes['h'].flatten must be in attrs, attrs={'flatten': ...}",
    ),
    "an initializer beside attrs": (
        node("w", init="xavier"),
        "GI107",
        "nodes['w'].init must be in attrs, attrs={'init': ...}",
    ),
    "an attribute in the place of a type": (
        add("r", "h", op="reshape", shape=(7, -1)),
        "GI107",
        "nodes['r']: reshape needs shape in attrs, attrs={'shape': ...}; on the node itself it states what comes out",
    ),
    "an initializer that is none": (
        node("w", attrs={"init": 3}),
        "GI107",
        "nodes['w'].attrs.init must be printable text",
    ),
    "a parameter that is trainable by number": (
        node("w", attrs={"trainable": 1}),
        "GI107",
        "trainable must be true or false",
    ),
    "an input with attributes": (
        node("x", attrs={"init": None}),
        "GI107",
        "nodes['x'].attrs.init must be left out",
    ),
    "a constant without value": (add("c", op="constant"), "GI107", "nodes['c'].attrs.value is missing"),
    "a constant of another shape": (
        add("c", op="constant", shape=(4,), attrs={"value": np.arange(3)}),
        "GI107",
        "nodes['c'].attrs.value must be an array of the type int64[4]",
    ),
    "a constant of texts": (
        add("c", op="constant", attrs={"value": np.array(["a"])}),
        "GI107",
        "nodes['c'] has an attribute",
    ),
    "one dtype of three": (
        add("s", "h", op="split", attrs={"sections": 3}, dtype="float32"),
        "GI107",
        "nodes['s'].dtype must be a list of 3, one for each output, not 'float32'",
    ),
    "a path that is no text": (node("x", path=3), "GI107", "nodes['x'].path must be printable text"),
    "meta in broken text": (node("x", meta="{"), "GI107", "nodes['x'].meta must be an object, as JSON text"),
    "an order that is none": (
        node("x", meta='{"order": -1}'),
        "GI107",
        "nodes['x'].order must be a whole number from 0",
    ),
    "two keys of one name": (
        lambda g: nx.relabel_nodes(g, {"x": 1, "w": "1"}),
        "GI101",
        "two nodes are called '1': 1 and '1'",
    ),
    "a name without letters": (
        lambda g: nx.relabel_nodes(g, {"x": ""}),
        "GI107",
        "a node has the empty name ''",
    ),
    "a name with a line break": (
        lambda g: nx.relabel_nodes(g, {"x": "a\nb"}),
        "GI107",
        "the name of a node must be printable",
    ),
    "an output that is not there": (
        ends(outputs={"y": "hh"}),
        "GI106",
        "graph['outputs'].y names 'hh', which is not in the graph",
    ),
    "a port of an output": (
        ends(outputs={"y": ("h", 1)}),
        "GI106",
        "output 'y' is h:1, which is not in the graph",
    ),
    "a port of an output below 0": (
        ends(outputs=[("h", -1)]),
        "GI107",
        "graph['outputs'][0][1] must be a whole number from 0",
    ),
    "no outputs": (ends(outputs=[]), "GI107", "graph['outputs'] is empty"),
    "outputs in a number": (ends(outputs=3), "GI106", "graph['outputs'] names 3, which is not in the graph"),
    "outputs in broken text": (
        ends(outputs="{h"),
        "GI107",
        "graph['outputs'] must be the name of a node, or JSON text",
    ),
    "a structure of other outputs": (
        ends(outputs='{"a": ["h", 0]}', structure='"y"'),
        "GI107",
        "graph['structure'] must be the name of an output, not 'y'",
    ),
    "an input that is none": (
        ends(inputs=["h"]),
        "GI106",
        "graph['inputs'] names 'h', which is no input of the graph",
    ),
    "an input twice": (ends(inputs=["x", "x"]), "GI107", "graph['inputs'] names 'x' twice"),
    "an input that is left out": (
        ends(inputs=[]),
        "GI106",
        "graph['inputs'] leaves out 'x', which is an input",
    ),
    "inputs in a dict": (ends(inputs={"x": 1}), "GI107", "graph['inputs'] must be a list of nodes"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(case: str) -> None:
    change, code, words = WRONG[case]
    g = line()
    changed = change(g)
    with pytest.raises(GraphError) as caught:
        Graph.from_networkx(changed if isinstance(changed, nx.Graph) else g)
    assert caught.value.code == code
    assert words in caught.value.message
    assert all(text.isprintable() for text in str(caught.value).split("\n"))


@pytest.mark.parametrize("other", [None, 3, "g.graphml", {"x": ["h"]}, nx, Graph(F.input("x"))])
def test_what_is_no_networkx_graph(other: Any) -> None:
    with pytest.raises(GraphError, match=r"give a networkx\.DiGraph or MultiDiGraph"):
        Graph.from_networkx(other)


def test_a_list_that_holds_itself() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for change in (node("x", shape=endless), node("h", attrs={"flatten": endless})):
        g = line()
        change(g)
        with pytest.raises(GraphError, match="nested too deeply"):
            Graph.from_networkx(g)


class TestHostileFiles:
    def test_limits_are_those_of_json(self) -> None:
        deep = "[" * 100_000
        for change, words in (
            (node("h", attrs='{"flatten": ' + deep), "must be a dict, or one as JSON text"),
            (node("h", attrs='{"flatten": ' + "[" * 40 + "]" * 40 + "}"), "lists of no more than 16 levels"),
            (node("x", shape=deep), "has no closing bracket"),
            (
                node("x", shape='[{"dim": [[1, [[["symbol", "a"], 1000000000]]]]}]'),
                "must be a whole number from 1 to 64",
            ),
            (add("s", "h", op="split", attrs='{"sections": 1000000000000}'), "there can be 100000"),
            (node("x", shape="[1" + "0" * 5000 + "]"), "is not a size"),
            (
                ends(outputs=json.dumps({f"y{i}": ["h", 0] for i in range(MOST_OUTPUTS + 1)})),
                "has 100001 entries",
            ),
        ):
            g = line()
            change(g)
            with pytest.raises(GraphError) as caught:
                Graph.from_networkx(g)
            assert words in str(caught.value)

    @pytest.mark.parametrize("form", FORMS)
    def test_code_in_text_does_not_run(self, form: str) -> None:
        code = FORMS[form]
        for change in (
            node("h", op=code),
            node("x", shape=(code,)),
            node("x", shape=code),
            node("x", dtype=code),
            node("w", attrs={"init": code}),
            node("w", path=code),
            node("w", meta=json.dumps({"block": code, "name": code, "aliases": [code], "origin": [code, 3]})),
            lambda g: nx.relabel_nodes(g, {"h": code}, copy=False),
            ends(outputs={code: "h"}),
            ends(outputs=code),
        ):
            g = line()
            change(g)
            try:
                graph = Graph.from_networkx(g)
                str(graph), passes.infer_shapes(graph)
                arrays = {"w": np.ones((7, 20), np.float32), "b": np.ones(7, np.float32)}
                graphinit.compile(graph, inputs={"x": (2, 20)}, parameters=arrays).forward(np.ones((2, 20)))
            except GraphInitError:
                pass
            assert not probe.ran, CODE

    def test_graphml_of_others(self, tmp_path: Path) -> None:
        path = tmp_path / "net.graphml"
        path.write_text(
            '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
            '<key id="a" for="node" attr.name="op" attr.type="string"/>'
            '<key id="b" for="node" attr.name="shape" attr.type="string"/>'
            '<key id="c" for="edge" attr.name="slot" attr.type="double"/>'
            '<key id="d" for="node" attr.name="colour" attr.type="string"><default>red</default></key>'
            '<graph edgedefault="directed">'
            '<node id="n0"><data key="a">input</data><data key="b">float32[batch, 5]</data></node>'
            '<node id="n1"><data key="a">multiply</data></node>'
            '<edge source="n0" target="n1"><data key="c">0.0</data></edge>'
            '<edge source="n0" target="n1"><data key="c">1.0</data></edge>'
            "</graph></graphml>",
            encoding="utf-8",
        )
        x = F.input("n0", ("batch", 5))
        assert Graph.from_networkx(nx.read_graphml(path)) == Graph(x * x)
