"""What a graph's JSON text must not say, and what is answered, with the place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphinit import Graph, compile, nn
from graphinit import functional as F
from graphinit.errors import GraphError, GraphInitError, ShapeError
from graphinit.ir.op import MOST_OUTPUTS


def base() -> dict[str, Any]:
    """A graph with something of everything: nodes 0 to 5 are x, w, linear, constant, add and getitem."""
    x, w = F.input("x", ("n", 3)), F.parameter("w", (5, 3))
    y = F.linear(x, w) + np.arange(5, dtype=np.float32)
    data: dict[str, Any] = json.loads(Graph({"y": y[1:, 0], "z": y}).to_json())
    return data


def read(data: Any) -> Graph:
    return Graph.from_json(json.dumps(data))


def test_the_graph_to_start_from_is_read() -> None:
    assert [node["op"] for node in base()["nodes"]] == [
        "input", "parameter", "linear", "constant", "add", "getitem",
    ]  # fmt: skip
    assert len(read(base())) == 6


def node(index: int, **changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda data: data["nodes"][index].update(changes)


def attr(index: int, name: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda data: data["nodes"][index].setdefault("attrs", {}).update({name: value})


def symbol(name: Any, power: Any = 1) -> dict[str, Any]:
    return {"dim": [[1, [[["symbol", name], power]]]]}


WRONG: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a name that is no text": (node(2, name=3), "nodes[2].name must be printable text"),
    "a name with a line break": (node(2, name="a\nb"), r"nodes[2].name must be printable text"),
    "a name with a break of Unicode": (node(2, name="a\u2028b"), "nodes[2].name must be printable text"),
    "a name that turns letters round": (node(2, name="a\u202eb"), "nodes[2].name must be printable text"),
    "a name of half a character": (node(2, name="\ud800"), "nodes[2].name must be printable text"),
    "no name": (node(2, name=""), "nodes[2].name must be a name"),
    "a block path with a line break": (node(2, path="a\rb"), "nodes[2].path must be printable text"),
    "a class with a null": (node(2, block="a\0"), "nodes[2].block must be printable text"),
    "a note that is no text": (node(2, notes=[3]), "nodes[2].notes[0] must be printable text"),
    "notes that are no list": (node(2, notes="ab"), "nodes[2].notes must be a list"),
    "an alias that is no text": (node(1, aliases=[None]), "nodes[1].aliases[0] must be printable text"),
    "an order beyond 64 bits": (node(0, order=2**63), "nodes[0].order must be a whole number from 0 to"),
    "a file with a line break": (node(2, origin=["a\nb.py", 3]), "nodes[2].origin[0] must be printable text"),
    "a line before the first": (node(2, origin=["a.py", -1]), "nodes[2].origin[1] must be a whole number"),
    "an op that is no text": (node(2, op=None), "nodes[2].op must be printable text"),
    "a port that is no number": (
        node(2, inputs=[["x", "0"], ["w", 0]]),
        "nodes[2].inputs[0][1] must be a whole",
    ),
    "a port that is a truth value": (
        node(2, inputs=[["x", False], ["w", 0]]),
        "nodes[2].inputs[0][1] must be",
    ),
    "a port that is not there": (node(2, inputs=[["x", 2], ["w", 0]]), "takes output 2 of 'x', which has 1"),
    "types that are no list": (node(2, types=None), "nodes[2].types must be a list"),
    "two types of one output": (
        node(2, types=[[None, None]] * 2),
        "nodes[2].types must be the types of 1 outputs",
    ),
    "a dtype that is none": (node(2, types=[[None, "float"]]), "nodes[2].types[0][1] must be one of bool"),
    "a size below 0": (
        node(0, types=[[[-2], None]]),
        "nodes[0].types[0][0][0] must be a whole number from -1 to",
    ),
    "a size that is a fraction": (
        node(0, types=[[[1.5], None]]),
        "nodes[0].types[0][0][0] must be a whole number",
    ),
    "a size beyond 64 bits": (
        node(0, types=[[[2**63], None]]),
        "nodes[0].types[0][0][0] must be a whole number",
    ),
    "more axes than arrays have": (node(0, types=[[[1] * 65, None]]), "nodes[0].types[0][0] has 65 entries"),
    "a rank that the op does not give": (node(5, types=[[[3], None]]), "all of it"),
    "a symbol that is no identifier": (
        node(0, types=[[[symbol("a b")], None]]),
        "'a b' is no name for a size",
    ),
    "a symbol that is a keyword": (node(0, types=[[[symbol("if")], None]]), "'if' is no name for a size"),
    "a symbol that is code": (attr(5, "index", [symbol("f() or 1")]), "'f() or 1' is no name for a size"),
    "a power without bound": (
        node(0, types=[[[symbol("a", 10**9)], None]]),
        "nodes[0].types[0][0][0].dim[0][1][0][1] must be a whole number from 1 to 64, not 1000000000",
    ),
    "a power of a power": (
        node(0, types=[[[{"dim": [[1, [[["symbol", "a"], 60], [["symbol", "a"], 60]]]]}], None]]),
        "powers above 64",
    ),
    "a division by nothing": (
        node(0, types=[[[{"dim": [[1, [[["//", [[1, [[["symbol", "a"], 1]]]], 0], 1]]]]}], None]]),
        "dim[0][1][0][0][2] must be other than 0, not 0",
    ),
    "a part of a size that is none": (
        node(0, types=[[[{"dim": [[1, [[["eval", "a"], 1]]]]}], None]]),
        "must be a symbol, a size, a division, a minimum or a maximum",
    ),
    "an attribute beyond 64 bits": (
        attr(5, "index", [2**64]),
        "nodes[5].attrs.index[0] must be a whole number",
    ),
    "an attribute that is infinite": (
        lambda data: data["nodes"][5]["attrs"].update(index=[float("inf")]),
        "nodes[5].attrs.index[0] must be a finite number",
    ),
    "an attribute that the op has not": (attr(5, "colour", 3), "getitem takes no attribute 'colour'"),
    "attributes nested without end": (
        attr(5, "index", json.loads("[" * 40 + "]" * 40)),
        "lists of no more than 16",
    ),
    "an attribute of no kind": (attr(5, "index", {"what": 3}), "nodes[5].attrs.index must be an attribute"),
    "a constant without a value": (node(3, attrs={}), "nodes[3].attrs.value is missing"),
    "a constant of another shape": (
        node(3, types=[[[4], "float32"]]),
        "must be an array of the type float32[4]",
    ),
    "a constant that is a list": (node(3, attrs={"value": [1, 2]}), "nodes[3].attrs.value must be an array"),
    "a constant of too few numbers": (
        attr(3, "value", {"array": [1], "shape": [5], "dtype": "float32"}),
        "nodes[3].attrs.value.array are no values of float32[5]",
    ),
    "a constant of endless shape": (
        attr(3, "value", {"array": [1], "shape": [2**60, 2**60], "dtype": "float32"}),
        "nodes[3].attrs.value.array are no values of float32",
    ),
    "a constant of fractions as whole numbers": (
        attr(3, "value", {"array": [1.5] * 5, "shape": [5], "dtype": "int32"}),
        "nodes[3].attrs.value.array must be values of int32",
    ),
    "a constant out of its range": (
        attr(3, "value", {"array": [300] * 5, "shape": [5], "dtype": "int8"}),
        "nodes[3].attrs.value.array are no values of int8[5]",
    ),
    "a constant of words": (
        attr(3, "value", {"array": ["nan", "one"], "shape": [2], "dtype": "float32"}),
        "nodes[3].attrs.value.array must be values of float32",
    ),
    "a parameter that waits for a word": (
        attr(1, "trainable", 1),
        "nodes[1].attrs.trainable must be true or false",
    ),
    "an input with attributes": (attr(0, "value", 1), "nodes[0].attrs.value must be left out"),
    "an initializer that is no text": (attr(1, "init", 3), "nodes[1].attrs.init must be printable text"),
    "an output of no node": (
        lambda data: data["outputs"].update(y=["q", 0]),
        "output 'y' is q, which is not in",
    ),
    "an output that is no pair": (lambda data: data["outputs"].update(y="x"), "outputs.y must be a node and"),
    "an output with a line break": (
        lambda data: data["outputs"].update({"a\nb": ["x", 0]}),
        "a name in outputs",
    ),
    "a structure that names nothing": (
        lambda data: data.update(structure=["y", "q"]),
        "structure[1] must be the name of an output, not 'q'",
    ),
    "a structure of numbers": (lambda data: data.update(structure={"a": 3}), "structure.a must be a list"),
    "a structure with a hole": (lambda data: data.update(structure=[None]), "structure[0] must be a list"),
    "nodes that are no list": (lambda data: data.update(nodes={"a": 1}), "nodes must be a list"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(case: str) -> None:
    change, words = WRONG[case]
    data = base()
    change(data)
    if words == "all of it":  # an op of any rank takes what is stated of it
        read(data)
        return
    with pytest.raises(GraphError) as caught:
        read(data)
    assert words in str(caught.value)
    assert all(line.isprintable() for line in str(caught.value).split("\n"))


def test_a_rank_that_the_op_does_not_give() -> None:
    data = json.loads(nn.Conv2D(4, 3).trace(x=(2, 3, 7, 9)).to_json())
    data["nodes"][-1]["types"] = [[[2, 4, 5], None]]
    flat = json.loads(Graph(F.flatten(F.input("x", (2, 3, 5)))).to_json())
    flat["nodes"][-1]["types"] = [[[2, 3, 5], None]]
    with pytest.raises(GraphError, match=r"nodes\[1\].types\[0\]\[0\] must be of a rank that flatten gives"):
        read(flat)
    with pytest.raises(GraphInitError):
        compile(read(data), parameters={"weight": np.ones((4, 3, 3, 3)), "bias": np.ones(4)})


def test_what_is_large_is_refused_before_it_costs_anything() -> None:
    many = base()
    many["outputs"] = {f"y{index}": ["x", 0] for index in range(MOST_OUTPUTS + 1)}
    with pytest.raises(GraphError, match="outputs has 100001 entries; there can be 100000"):
        read(many)
    split = json.loads(Graph(F.split(F.input("x", (4,)), 2)[0]).to_json())
    split["nodes"][-1]["attrs"]["sections"] = 10**12
    with pytest.raises(GraphError, match=r"there can be 100000"):
        read(split)
    text = json.dumps(base()).replace('"structure": {', '"structure": ' + "[" * 100_000)
    with pytest.raises(GraphError, match="nested too deeply"):
        Graph.from_json(text)
    with pytest.raises(GraphError, match="Exceeds the limit"):
        Graph.from_json('{"format": 1' + "0" * 1_000_000 + "}")


def test_graphs_in_graphs_have_an_end() -> None:
    x = F.input("x", (3,))
    inner = json.loads(Graph(F.cond(F.sum(x) > 0, lambda a: a * 2, lambda a: a * 3, x)).to_json())
    read(inner)
    place = next(n for n in inner["nodes"] if n["op"] == "cond")["attrs"]
    name = next(key for key, value in place.items() if isinstance(value, dict))
    for _ in range(20):
        place[name] = {"graph": json.loads(json.dumps(inner))}
        inner = json.loads(json.dumps(inner))
        place = next(n for n in inner["nodes"] if n["op"] == "cond")["attrs"]
    with pytest.raises(GraphError, match="nested in graphs deeper than 16"):
        read(inner)


def test_a_size_that_is_open_is_refused_before_anything_is_printed() -> None:
    data = base()
    data["nodes"][5]["attrs"]["index"] = [[symbol("k"), None, None], 0]
    data["nodes"][5]["types"] = [[[2], None]]
    with pytest.raises(
        ShapeError, match=r"index=\(\(k, None, None\), 0\) of 'getitem' has a size that is not"
    ):
        compile(read(data), x=(7, 3), parameters={"w": np.ones((5, 3))})


def test_one_network_is_one_text() -> None:
    net = nn.Sequential(nn.Dense(4), nn.Dropout(0.5), nn.LSTM(3))
    texts = []
    for _ in range(3):
        texts.append(net.trace(train=True, x=(5, 2, 6)).to_json())
        F.input("between")
        nn.Dense(3).trace()
    first = texts[0]
    assert texts == [first] * 3
    assert Graph.from_json(first).to_json() == first


def test_inputs_keep_their_order() -> None:
    b, a = F.input("b", (3,)), F.input("a", (3,))
    graph = Graph(a - b)
    assert list(graph.inputs) == list(Graph.from_json(graph.to_json()).inputs) == ["b", "a"]


def test_an_initializer_that_json_cannot_say() -> None:
    net = nn.Dense(3, weight_initializer=lambda rng, shape, dtype: np.ones(shape, dtype))
    with pytest.raises(GraphError, match="'weight' has an attribute that JSON cannot say"):
        net.trace().to_json()
