"""Building graphs, printing and comparing them."""

from __future__ import annotations

import networkx
import pytest

from graphinit.errors import GraphError, OpError
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.node import Meta, Value
from graphinit.ir.origin import Origin
from graphinit.ir.tensor import Tensor, apply, apply_all
from graphinit.ir.types import TensorType


def mlp(source, width=7):
    x = source("x", (3, -1))
    w = source("w", (width, -1), op="parameter")
    return Graph(apply("relu", apply("linear", x, w, flatten=False)))


def test_nodes_stand_after_their_inputs(source):
    graph = mlp(source)
    placed = set()
    for node in graph:
        assert {value.node for value in node.inputs} <= placed
        placed.add(node.name)
    assert len(graph) == len(placed) == 4


def test_text_shows_inputs_nodes_and_outputs(source):
    x = source("x", ("batch", 5))
    y = apply("relu", x) + 2
    assert str(Graph({"out": y})) == (
        "graph(x: float32[batch, 5])\n"
        "  relu = relu(x)\n"
        "  constant: ?[] = constant(value=2)\n"
        "  add = add(relu, constant)\n"
        "  return out=add"
    )


def test_text_is_the_same_each_time(source):
    assert str(mlp(source)) == str(mlp(source))


def test_names_repeat_with_a_number(source):
    x = source("x", (3,))
    y = apply("relu", apply("relu", apply("relu", x)))
    assert list(Graph(y).nodes) == ["x", "relu", "relu_1", "relu_2"]


def test_op_nodes_are_named_by_their_block():
    builder = GraphBuilder()
    x = builder.source("input", "x", TensorType((3,), "float32"))
    y = builder.add("relu", [x], meta=Meta(path="body.0"))
    z = builder.add("relu", [y], meta=Meta(path="body.0"))
    assert (y.node, z.node) == ("body.0.relu", "body.0.relu_1")


def test_one_output_is_y_and_several_are_numbered(source):
    x = source("x", (3,))
    assert list(Graph(apply("relu", x)).outputs) == ["y"]
    assert list(Graph([apply("relu", x), x]).outputs) == ["y.0", "y.1"]
    assert list(Graph({"a": x}).outputs) == ["a"]


def test_structure_says_how_outputs_are_returned(source):
    x = source("x", (3,))
    assert Graph(x).structure == "y"
    assert Graph([x, x]).structure == ("y.0", "y.1")
    assert Graph({"a": x}).structure == {"a": "a"}


def test_inputs_keep_the_order_of_creation(source):
    a, b, c = source("a", (3,)), source("b", (3,)), source("c", (3,))
    assert list(Graph(c + (b + a)).inputs) == ["a", "b", "c"]
    assert list(Graph(c + (b + a), inputs=[b, c, a]).inputs) == ["b", "c", "a"]


def test_what_no_output_needs_is_left_out(source):
    x = source("x", (3,))
    y = apply("relu", x)
    apply("exp", y)
    assert list(Graph(y).nodes) == ["x", "relu"]


def test_a_listed_input_stays_even_when_unused(source):
    x, spare = source("x", (3,)), source("spare", (5,))
    graph = Graph(apply("relu", x), inputs=[x, spare])
    assert list(graph.inputs) == ["x", "spare"]


def test_a_needed_input_must_be_listed(source):
    x, z = source("x", (3,)), source("z", (3,))
    with pytest.raises(GraphError, match="'z', which is not listed"):
        Graph(x + z, inputs=[x])


@pytest.mark.parametrize("outputs", [[], {}, 3, [None], "y", {1: None}])
def test_outputs_must_be_tensors(outputs):
    with pytest.raises(GraphError):
        Graph(outputs)


def test_kinds_are_ordered_mappings(source):
    graph = mlp(source)
    assert list(graph.inputs) == ["x"]
    assert list(graph.parameters) == ["w"]
    assert list(graph.state) == []
    assert graph.inputs["x"].type == TensorType((3, -1), "float32")


def test_an_unknown_name_is_an_error(source):
    with pytest.raises(GraphError, match="GI106"):
        mlp(source)["nothing"]
    assert "nothing" not in mlp(source)


class TestNetworkx:
    def test_it_is_a_dag_with_slots_and_ports(self, source):
        x = source("x", (3,))
        first, second = apply_all("split", x, sections=3)[:2]
        view = Graph(second * first * first).nx
        assert isinstance(view, networkx.MultiDiGraph)
        assert networkx.is_directed_acyclic_graph(view)
        assert view.edges["split", "multiply", 0]["port"] == 1
        assert view.edges["split", "multiply", 1]["port"] == 0

    def test_a_square_is_two_edges(self, source):
        x = source("x", (3,))
        assert Graph(x * x).nx.number_of_edges("x", "multiply") == 2

    def test_a_tied_parameter_is_one_node(self, source):
        w = source("w", (5, 5), op="parameter")
        y = apply("matmul", apply("matmul", source("x", (3, 5)), w), w)
        view = Graph(y).nx
        assert view.out_degree("w") == 2

    def test_it_is_read_only_and_made_once(self, source):
        graph = mlp(source)
        assert graph.nx is graph.nx
        with pytest.raises(networkx.NetworkXError):
            graph.nx.add_node("more")


class TestImmutability:
    def test_mappings_cannot_be_written(self, source):
        graph = mlp(source)
        with pytest.raises(TypeError):
            graph.nodes["more"] = graph["x"]
        with pytest.raises(TypeError):
            graph.outputs["more"] = Value("x")

    def test_building_on_leaves_a_graph_alone(self, source):
        x = source("x", (3,))
        y = apply("relu", x)
        graph = Graph(y)
        text = str(graph)
        apply("exp", y)
        x + source("z", (3,))
        assert str(graph) == text

    def test_replace_gives_a_new_graph(self, source):
        graph = mlp(source)
        node = graph["x"]
        typed = type(node)(
            node.name, node.op, node.attrs, node.inputs, (TensorType((3, 5), "float32"),), node.meta
        )
        changed = graph.replace({"x": typed})
        assert changed["x"].type.shape == (3, 5)
        assert graph["x"].type.shape == (3, -1)
        assert changed.outputs == graph.outputs


class TestEquality:
    def test_equal_descriptions_are_equal(self, source):
        assert mlp(source) == mlp(source)
        assert hash(mlp(source)) == hash(mlp(source))

    def test_names_of_ops_and_origins_do_not_count(self):
        def build(name, origin):
            builder = GraphBuilder()
            x = builder.source("input", "x", TensorType((3,), "float32"))
            y = builder.add("relu", [x], name=name, meta=Meta(origin=origin))
            return builder.build({"y": y})

        assert build("a", None) == build("b", Origin("net.py", None, 4))

    @pytest.mark.parametrize(
        "other",
        [
            lambda make: apply("exp", make("x", (3,))),  # the op
            lambda make: apply("relu", make("z", (3,))),  # the input's name
            lambda make: apply("relu", make("x", (5,))),  # a declared shape
            lambda make: apply("relu", make("x", (3,), "float64")),  # a dtype
            lambda make: apply("relu", make("x", (3,), op="parameter")),  # its kind
            lambda make: apply("relu", apply("relu", make("x", (3,)))),  # the wiring
        ],
    )
    def test_what_counts(self, source, other):
        assert Graph(apply("relu", source("x", (3,)))) != Graph(other(source))

    def test_attributes_count(self, source):
        x = source("x", (3, 5))
        assert Graph(x.sum(axis=0)) != Graph(x.sum(axis=1))

    def test_order_of_operands_counts(self, source):
        def difference(swap):
            a, b = source("a", (3,)), source("b", (3,))
            return Graph(b - a if swap else a - b)

        assert difference(False) == difference(False)
        assert difference(False) != difference(True)

    def test_numbers_of_another_kind_are_other_constants(self, source):
        assert Graph(source("x", (3,)) * 1) != Graph(source("x", (3,)) * 1.0)
        assert Graph(source("x", (3,)) * 0.0) != Graph(source("x", (3,)) * -0.0)

    def test_a_graph_is_no_other_thing(self, source):
        assert mlp(source) != "graph"


class TestBuilder:
    def test_a_name_can_be_taken_once(self):
        builder = GraphBuilder()
        builder.source("input", "x", TensorType())
        with pytest.raises(GraphError, match="two nodes are called 'x'") as caught:
            builder.source("parameter", "x", TensorType())
        assert (caught.value.code, caught.value.node) == ("GI101", "x")
        assert list(builder.nodes) == ["x"]

    def test_the_first_of_two_is_named_by_its_line(self):
        builder = GraphBuilder()
        builder.source("input", "x", TensorType(), meta=Meta(origin=Origin("/somewhere/net.py", None, 12)))
        with pytest.raises(GraphError, match=r"the first one at net\.py:12"):
            builder.source("input", "x", TensorType())

    def test_inputs_must_be_there(self):
        builder = GraphBuilder()
        with pytest.raises(GraphError, match="GI106"):
            builder.add("relu", [Value("nothing")])
        assert not builder.nodes

    def test_a_port_must_be_there(self):
        builder = GraphBuilder()
        x = builder.source("input", "x", TensorType())
        with pytest.raises(GraphError, match="GI106"):
            builder.add("relu", [Value("x", 3)])
        with pytest.raises(GraphError, match="GI106"):
            builder.build({"y": Value(x.node, 1)})

    def test_an_unknown_op_is_an_error_with_a_hint(self):
        builder = GraphBuilder()
        x = builder.source("input", "x", TensorType())
        with pytest.raises(OpError, match="did you mean 'relu'") as caught:
            builder.add("relv", [x])
        assert caught.value.code == "GI103"

    def test_too_many_and_too_few_inputs(self, source):
        x = source("x", (3,))
        with pytest.raises(OpError, match="relu takes 1 inputs, got 2") as caught:
            apply("relu", x, x)
        assert caught.value.code == "GI104"
        with pytest.raises(OpError, match="linear takes 2 to 3 inputs, got 1"):
            apply("linear", x)

    def test_attributes_are_checked(self, source):
        x = source("x", (3,))
        with pytest.raises(OpError, match="takes no attribute 'colour'") as caught:
            apply("relu", x, colour=3)
        assert caught.value.code == "GI105"
        with pytest.raises(OpError, match="keepdims") as caught:
            apply("sum", x, keepdims="yes")
        assert caught.value.__cause__ is not None

    def test_a_failed_op_leaves_the_builder_alone(self, source):
        x = source("x", (3,))
        before = dict(x.builder.nodes)
        with pytest.raises(OpError):
            apply("sum", x, keepdims="yes")
        assert x.builder.nodes == before


class TestJoining:
    def test_tensors_of_two_builders_meet(self, source):
        a, b = source("a", (3,)), source("b", (3,))
        c = a + b
        assert a.builder is b.builder is c.builder
        assert list(Graph(c).inputs) == ["a", "b"]

    def test_op_names_that_clash_are_numbered(self, source):
        a, b = apply("relu", source("a", (3,))), apply("relu", source("b", (3,)))
        graph = Graph(a + b)
        assert {node.name for node in graph if node.op == "relu"} == {"relu", "relu_1"}
        assert {graph[value.node].inputs[0].node for value in graph["add"].inputs} == {"a", "b"}

    def test_references_to_sizes_follow_a_renamed_node(self, source):
        one = apply("relu", source("a", (3, -1)))
        two = apply("relu", source("b", (3, -1)))
        wide = two.reshape(two.shape[1], 3)
        graph = Graph(apply("matmul", one, wide))
        (reshape,) = [node for node in graph if node.op == "reshape"]
        (size,) = {ref for dim in reshape.attrs["shape"] if not isinstance(dim, int) for ref in dim.sizes}
        assert size.node == reshape.inputs[0].node

    def test_two_inputs_of_one_name_clash(self, source):
        a, b = source("x", (3,)), source("x", (5,))
        with pytest.raises(GraphError, match="two nodes are called 'x'") as caught:
            a + b
        assert caught.value.code == "GI101"
        assert Graph(apply("relu", a)) == Graph(apply("relu", source("x", (3,))))
        assert list(b.builder.nodes) == ["x"]

    def test_a_chain_of_joins_is_followed(self, source):
        first = source("a", (3,))
        total = first
        for name in "bcdefg":
            total = source(name, (3,)) + total
        assert isinstance(total, Tensor)
        assert first.builder is total.builder
        assert list(Graph(total + first).inputs) == list("abcdefg")


class TestDepth:
    COUNT = 100_000

    def test_a_long_chain_is_built_printed_compared_and_stored(self):
        def chain():
            builder = GraphBuilder()
            value = builder.source("input", "x", TensorType((3,), "float32"))
            for _ in range(self.COUNT):
                value = builder.add("relu", [value])
            return builder.build({"y": value})

        graph = chain()
        assert len(graph) == self.COUNT + 1
        assert str(graph).count("\n") == self.COUNT + 1
        assert graph == chain()
        assert Graph.from_json(graph.to_json()) == graph
        assert graph.nx.number_of_edges() == self.COUNT

    def test_what_is_needed_is_found_without_recursion(self):
        builder = GraphBuilder()
        value = builder.source("input", "x", TensorType((3,), "float32"))
        builder.source("input", "unused", TensorType((3,), "float32"))
        for _ in range(self.COUNT):
            value = builder.add("relu", [value])
        assert len(builder.build({"y": value})) == self.COUNT + 1
