"""Pictures: the DOT text, and the structure of the SVG that comes of it."""

from __future__ import annotations

import builtins
import shutil
import subprocess
import sys
from itertools import combinations
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

import graphinit.ops
from graphinit import nn
from graphinit.drawing import Drawing, render
from graphinit.errors import CallError, DrawingError, FileError, GraphError, ShapeError
from graphinit.ir.dims import symbol
from graphinit.ir.graph import GraphBuilder
from graphinit.ir.node import Meta, Value
from graphinit.ir.op import Attrs
from graphinit.ir.origin import Origin
from graphinit.ir.types import TensorType
from graphinit.pictures.layout import SVG
from graphinit.pictures.wording import format_sizes
from graphinit.plain_text import escaped

BATCH = symbol("batch")


def f32(*shape):
    return TensorType(shape, "float32")


class Network:
    """A network in the making: two dense blocks inside `body`, as layers would describe them."""

    def __init__(self):
        self.builder = GraphBuilder()
        self.x = self.builder.source("input", "x", f32(BATCH, 5), meta=Meta(origin=Origin("net.py", None, 3)))

    def dense(self, x, path, n, k, weight=None):
        meta = Meta(path=path, block="Dense", origin=Origin("net.py", None, 7))
        if weight is None:
            weight = self.builder.source("parameter", f"{path}.weight", f32(n, k), meta=meta)
        bias = self.builder.source("parameter", f"{path}.bias", f32(n), meta=meta)
        return weight, self.builder.add("linear", [x, weight, bias], meta=meta, types=(f32(BATCH, n),))

    def relu(self, x, path, n):
        return self.builder.add("relu", [x], meta=Meta(path=path, block="Activation"), types=(f32(BATCH, n),))


@pytest.fixture
def graph():
    network = Network()
    _, h = network.dense(network.x, "body.0", 7, 5)
    h = network.relu(h, "body.0.act", 7)
    _, y = network.dense(h, "body.1", 11, 7)
    return network.builder.build({"y": y})


@pytest.fixture
def tied():
    network = Network()
    weight, h = network.dense(network.x, "0", 5, 5)
    _, h = network.dense(h, "1", 5, 5, weight=weight)
    return network.builder.build({"y": h})


def parse(drawing):
    root = ElementTree.fromstring(drawing.svg)
    return [group for group in root.iter(f"{{{SVG}}}g") if group.get("class")]


def groups(drawing, kind):
    return [group for group in parse(drawing) if kind in group.get("class").split()]


def title(group):
    return group.find(f"{{{SVG}}}title").text


def texts(group):
    return [
        "".join(text.itertext()).replace("\N{NO-BREAK SPACE}", "") for text in group.iter(f"{{{SVG}}}text")
    ]


def test_one_node_per_parameter(graph):
    drawn = groups(render(graph), "parameter")
    assert [title(group).split(" = ")[0] for group in drawn] == list(graph.parameters)


def test_a_shape_on_every_edge(graph):
    edges = groups(render(graph), "edge")
    assert len(edges) == graph.nx.number_of_edges() + len(graph.outputs)
    labels = sorted(text for edge in edges for text in texts(edge))
    assert labels == sorted(["batch×5", "7×5", "7", "batch×7", "batch×7", "11×7", "11", "batch×11"])


def test_a_tied_parameter_is_one_node_with_several_edges(tied):
    drawing = render(tied)
    assert len(groups(drawing, "parameter")) == 3
    assert drawing.dot.count('"0.weight" ->') == 2


def test_two_edges_between_the_same_nodes_stay_two():
    builder = GraphBuilder()
    x = builder.source("input", "x", f32(3))
    y = builder.add("multiply", [x, x], types=(f32(3),))
    assert render(builder.build({"y": y})).dot.count("x -> multiply") == 2


def test_every_kind_looks_different(graph):
    builder = GraphBuilder()
    x = builder.source("input", "x", f32(3))
    w = builder.source("parameter", "w", f32(3))
    s = builder.source("state", "s", f32(3))
    c = builder.source("constant", "c", TensorType(), Attrs({"value": 2.0}))
    y = builder.add("add", [builder.add("add", [x, w]), builder.add("add", [s, c])])
    dot = render(builder.build({"y": y, "next.s": y})).dot
    looks = {}
    for line in dot.splitlines():
        for kind in ("input", "parameter", "state", "constant", "op", "output"):
            if f"class={kind} " in line:
                fill = next((word for word in line.split() if word.startswith("fillcolor")), "")
                shape = next(word for word in line.split() if word.startswith("shape"))
                looks.setdefault(kind, (shape, fill))
    assert set(looks) == {"input", "parameter", "state", "constant", "op", "output"}
    assert len({look for kind, look in looks.items() if kind != "output"}) == 5


class TestBlocks:
    def test_they_are_clusters_nested_as_the_blocks_are(self, graph):
        drawing = render(graph)
        assert [title(group).split("\n")[0] for group in groups(drawing, "cluster")] == [
            "body", "body.0", "body.0.act", "body.1",
        ]  # fmt: skip
        depth, found = 0, {}
        for line in drawing.dot.splitlines():
            if line.strip().startswith("subgraph"):
                depth += 1
                found[line.split('"')[1]] = depth
            elif line.strip() == "}":
                depth -= 1
        assert found == {"cluster body": 1, "cluster body.0": 2, "cluster body.0.act": 3, "cluster body.1": 2}

    def test_they_are_labelled_with_their_class(self, graph):
        labels = [text for group in groups(render(graph), "cluster") for text in texts(group)]
        assert labels == ["body", "0 Dense", "act", "1 Dense"]

    def test_depth_closes_deeper_blocks(self, graph):
        drawing = render(graph, depth=1)
        assert [title(group) for group in groups(drawing, "cluster")] == ["body"]
        assert [texts(group) for group in groups(drawing, "block") if "node" in group.get("class")] == [
            ["0 Dense", "2 ops, 2 parameters"],
            ["1 Dense", "1 op, 2 parameters"],
        ]
        assert sorted(text for edge in groups(drawing, "edge") for text in texts(edge)) == [
            "batch×11", "batch×5", "batch×7",
        ]  # fmt: skip

    def test_depth_zero_is_one_node_for_each_outermost_block(self, graph):
        drawing = render(graph, depth=0)
        assert not groups(drawing, "cluster")
        assert len(groups(drawing, "node")) == 3

    def test_a_tie_between_closed_blocks_is_an_edge(self, tied):
        labels = [text for edge in groups(render(tied, depth=0), "edge") for text in texts(edge)]
        assert sorted(labels) == ["5×5", "batch×5", "batch×5", "batch×5"]

    def test_an_error_inside_a_closed_block_marks_it(self, graph):
        error = ShapeError("7 != 5", node="body.0.linear")
        drawing = render(graph, report=SimpleNamespace(graph=graph, errors=[error]), depth=0)
        (marked,) = [group for group in groups(drawing, "error") if "node" in group.get("class")]
        assert "7 != 5" in title(marked)

    @pytest.mark.parametrize("depth", [-1, 1.5, True, "all"])
    def test_depth_is_a_number_of_levels(self, graph, depth):
        with pytest.raises(DrawingError, match="number of levels"):
            render(graph, depth=depth)


class TestMarks:
    def test_a_failing_op_is_marked_where_it_stands(self, graph):
        error = ShapeError("axis 1 of x must be 5, not <7>", node="body.1.linear", fixes=["drop in_units=7"])
        drawing = render(graph, report=SimpleNamespace(graph=graph, errors=[error]))
        (node,) = [group for group in groups(drawing, "error") if "node" in group.get("class")]
        assert texts(node) == ["linear", "✗ GI201 dimension mismatch"]
        assert "axis 1 of x must be 5, not <7>" in title(node)
        assert "drop in_units=7" in title(node)
        edges = [group for group in groups(drawing, "error") if "edge" in group.get("class")]
        assert len(edges) == 3

    def test_the_path_of_a_conflict_is_marked(self):
        net = nn.Sequential(nn.Dense(7, activation="relu"), nn.Dense(3, in_units=5), nn.Dense(2))
        drawing = render(net.trace(x=("batch", 11)))
        edges = [title(group) for group in groups(drawing, "error") if "edge" in group.get("class")]
        assert [edge.splitlines()[0] for edge in edges] == [
            "0.weight → 0.linear",
            "0.linear → 0.relu",
            "0.relu → 1.linear",
            "1.weight → 1.linear",
        ]

    def test_several_errors_of_one_node(self, graph):
        errors = [ShapeError(text, node="body.1.linear") for text in ("first", "second")]
        drawing = render(graph, report=SimpleNamespace(graph=graph, errors=errors))
        (node,) = [group for group in groups(drawing, "error") if "node" in group.get("class")]
        assert "first" in title(node)
        assert "second" in title(node)

    def test_unknown_sizes_are_marked(self):
        builder = GraphBuilder()
        x = builder.source("input", "x", f32(-1, 3))
        y = builder.source("input", "ids", TensorType(None, "int64"))
        drawing = render(builder.build({"y": builder.add("relu", [x]), "z": y}))
        assert [texts(edge) for edge in groups(drawing, "unknown")] == [["?×3"], ["int64 …"], ["?×3"]]

    def test_shapes_are_inferred_where_no_report_is_given(self):
        drawing = render(nn.Sequential(nn.Dense(5), nn.Dense(3)))
        assert "3×5" in drawing.dot

    @pytest.mark.parametrize(
        ("type", "text"),
        [
            (f32(), "scalar"),
            (f32(BATCH, 3), "batch×3"),
            (f32((BATCH + 1) // 2, 3), "((batch + 1)//2)×3"),
            (TensorType((3,), "int64"), "int64 3"),
            (TensorType((0, -1), None), "0×?"),
            (TensorType(), "…"),
        ],
    )
    def test_sizes_as_text(self, type, text):
        assert format_sizes(type) == text


class TestTooltips:
    def test_they_carry_the_details(self, graph):
        titles = {title(group).split("\n")[0]: title(group) for group in groups(render(graph), "node")}
        assert "float32[7, 5]" in titles["body.0.weight = parameter"]
        assert "in body.0 (Dense)" in titles["body.0.linear = linear"]
        assert "made at net.py:7" in titles["body.0.linear = linear"]

    def test_edges_say_what_they_carry(self, graph):
        assert "x → body.0.linear\ninput 0\nfloat32[batch, 5]" in map(title, groups(render(graph), "edge"))

    def test_no_links_are_left(self, graph):
        assert "<a " not in render(graph).svg
        assert "xlink" not in render(graph).svg


class TestEscaping:
    NASTY = (
        '<b>&"x"</b>', "a:b", "a\\nb", "back\\", "\\N", "node", "graph", "new\nline", "日本", "]]>", "-->",
        "<script>alert(1)</script>", "a;b{c}", "%s", "",
    )  # fmt: skip

    @pytest.mark.parametrize("name", NASTY)
    def test_names_come_out_as_they_are(self, name):
        builder = GraphBuilder()
        x = builder.source("input", name, f32(3, symbol("n")))
        w = builder.source("parameter", f"{name}.weight", f32(3), meta=Meta(path=name, block=name))
        y = builder.add("add", [x, w], name=f"{name}!", meta=Meta(path=name, block=name), types=(f32(3),))
        graph = builder.build({name: y, "y": Value(name)})
        error = ShapeError(f"wrong: {name}", node=f"{name}!")
        drawing = render(graph, report=SimpleNamespace(graph=graph, errors=[error]))
        titles = [title(group) for group in groups(drawing, "node")]
        name = escaped(name)
        assert any(text.startswith(f"{name} = input") for text in titles), titles
        assert any("".join(f"wrong: {name}".split()) in "".join(text.split()) for text in titles)
        assert len(groups(drawing, "node")) == 5
        assert len(groups(drawing, "edge")) == 4
        render(graph, depth=0).svg  # closed blocks are named by the user as well

    def test_names_that_look_like_ours_stay_apart(self):
        builder = GraphBuilder()
        x = builder.source("input", "output 0", f32(3))
        y = builder.add("relu", [x], name="node 0", types=(f32(3),))
        z = builder.add("exp", [y], name="a:b", types=(f32(3),))
        assert len(groups(render(builder.build({"y": z})), "node")) == 4

    def test_long_lines_are_cut(self):
        builder = GraphBuilder()
        builder.source("input", "x" * 200, f32(3))
        drawing = render(builder.build({"y": Value("x" * 200)}))
        (node,) = groups(drawing, "input")
        assert texts(node) == ["x" * 29 + "…"]
        assert "x" * 200 in title(node)


def boxes(svg):
    """Where each text stands, its width estimated from its letters."""
    found = []
    for text in ElementTree.fromstring(svg).iter(f"{{{SVG}}}text"):
        words = "".join(text.itertext()).strip("\N{NO-BREAK SPACE} ")
        size = float(text.get("font-size"))
        width = 0.5 * size * len(words)
        x, y = float(text.get("x")), float(text.get("y"))
        left = x - width / 2 if text.get("text-anchor") == "middle" else x
        found.append((words, left, y - 0.7 * size, left + width, y))
    return found


def overlapping(svg):
    return [
        (a[0], b[0])
        for a, b in combinations(boxes(svg), 2)
        if a[1] < b[3] and b[1] < a[3] and a[2] < b[4] and b[2] < a[4]
    ]


class TestPicture:
    @pytest.mark.parametrize("depth", [None, 0, 1])
    def test_no_labels_overlap(self, graph, tied, depth):
        assert overlapping(render(graph, depth=depth).svg) == []
        assert overlapping(render(tied, depth=depth).svg) == []

    def test_the_background_is_left_out(self, graph):
        root = ElementTree.fromstring(render(graph).svg)
        whole = next(group for group in root.iter(f"{{{SVG}}}g") if group.get("class") == "graph")
        assert all(
            shape.get("fill") in ("none", "transparent") for shape in whole.findall(f"{{{SVG}}}polygon")
        )

    def test_text_is_the_same_each_time(self, graph):
        assert render(graph).dot == render(graph).dot
        assert render(graph) == render(graph)

    def test_a_notebook_shows_the_svg(self, graph):
        drawing = render(graph)
        assert drawing._repr_svg_() == drawing.svg
        assert drawing.svg.startswith("<svg ")

    def test_a_long_chain_is_drawn_as_dot_without_recursion(self):
        builder = GraphBuilder()
        value = builder.source("input", "x", f32(3))
        for _ in range(5_000):
            value = builder.add("relu", [value], types=(f32(3),))
        assert render(builder.build({"y": value})).dot.count("->") == 5_001

    def test_deeply_nested_blocks(self):
        builder = GraphBuilder()
        x = builder.source("input", "x", f32(3))
        y = builder.add("relu", [x], meta=Meta(path=".".join("abcdefgh" * 8)), types=(f32(3),))
        assert len(groups(render(builder.build({"y": y})), "cluster")) == 64


class TestSaving:
    @pytest.mark.parametrize(
        ("name", "start"), [("a.svg", b"<svg"), ("a.dot", b"digraph"), ("a.png", b"\x89PNG")]
    )
    def test_the_ending_says_the_format(self, graph, tmp_path, name, start):
        path = render(graph).save(tmp_path / name)
        assert path.read_bytes().startswith(start)
        assert [entry.name for entry in tmp_path.iterdir()] == [name]

    def test_render_saves_as_well(self, graph, tmp_path):
        drawing = render(graph, str(tmp_path / "net.svg"))
        assert (tmp_path / "net.svg").read_text() == drawing.svg

    @pytest.mark.parametrize("name", ["net", "net.jpg", "net.svg.txt"])
    def test_other_endings_are_errors(self, graph, tmp_path, name):
        with pytest.raises(DrawingError, match=r"\.svg"):
            render(graph, tmp_path / name)
        assert not list(tmp_path.iterdir())

    def test_a_missing_folder_is_an_error(self, graph, tmp_path):
        with pytest.raises(FileError, match="GI701"):
            render(graph, tmp_path / "nowhere" / "net.svg")

    def test_an_old_file_survives_a_failure(self, graph, tmp_path, monkeypatch):
        path = tmp_path / "net.svg"
        path.write_text("old")
        monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk")))
        with pytest.raises(FileError, match="disk"):
            render(graph, path)
        assert path.read_text() == "old"
        assert [entry.name for entry in tmp_path.iterdir()] == ["net.svg"]


class TestEngines:
    @pytest.fixture
    def without_pygraphviz(self, monkeypatch):
        real = builtins.__import__

        def refuse(name, *args, **kwargs):
            if name == "pygraphviz":
                raise ImportError(name)
            return real(name, *args, **kwargs)

        monkeypatch.delitem(sys.modules, "pygraphviz", raising=False)
        monkeypatch.setattr(builtins, "__import__", refuse)

    def test_without_any_engine_the_text_still_works(self, graph, without_pygraphviz, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        drawing = render(graph)
        assert drawing.dot.startswith("digraph")
        with pytest.raises(DrawingError, match="install pygraphviz") as caught:
            drawing.svg
        assert caught.value.code == "GI603"
        with pytest.raises(DrawingError):
            drawing.save(tmp_path / "net.svg")
        assert not list(tmp_path.iterdir())

    def test_a_dot_on_the_path_serves(self, graph, without_pygraphviz, monkeypatch, tmp_path):
        program = tmp_path / "dot"
        program.write_text(
            f'#!{sys.executable}\nprint(\'<svg xmlns="{SVG}"><g class="graph"><title>t</title></g></svg>\')\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert render(graph).svg.startswith("<svg ")

    def test_text_that_is_no_dot_is_an_error(self):
        with pytest.raises(DrawingError):
            Drawing("digraph {").svg

    def test_pygraphviz_is_imported_when_first_needed(self):
        code = "import sys, graphinit.drawing; print('pygraphviz' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "False"

    @pytest.mark.skipif(shutil.which("dot") is not None, reason="there is a dot here")
    def test_pictures_come_out_without_a_system_dot(self, graph):
        assert render(graph).svg


class TestArguments:
    @pytest.mark.parametrize("thing", [None, 3, "net", object()])
    def test_only_networks_and_graphs_are_drawn(self, thing):
        with pytest.raises(CallError, match="render takes a network or a graph, not"):
            render(thing)

    def test_anything_that_traces_is_a_network(self, graph):
        assert render(SimpleNamespace(trace=lambda: graph)) == render(graph)

    def test_the_report_must_be_of_this_graph(self, graph, tied):
        with pytest.raises(GraphError, match="another graph"):
            render(graph, report=SimpleNamespace(graph=tied, errors=[]))


def test_ops_are_registered():
    assert graphinit.ops
