"""Graphs to start from, what can be done to their JSON text, and what is done with the outcome."""

from __future__ import annotations

import copy
import io
import json
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import graphinit
import passes
from graphinit import Graph, nn
from graphinit import functional as F
from graphinit.cli import main
from graphinit.errors import GraphInitError
from graphinit.ir.graph import GraphBuilder
from graphinit.ir.types import TensorType
from tests.ops.samples import SAMPLES

probe = ModuleType("fuzz_probe")
probe.ran = []  # type: ignore[attr-defined]
sys.modules["fuzz_probe"] = probe
CODE = "__import__('fuzz_probe').ran.append(1)"

FORMS: dict[str, str] = {
    "an expression": f"{CODE}",
    "an expression with a value": f"({CODE} or 1)",
    "a line of its own": f"relu\n    {CODE}\n    #",
    "behind a carriage return": f"relu\r    {CODE}\r    #",
    "behind a form feed and a vertical tab": f"relu\x0c\x0b\n{CODE}\n",
    "behind breaks that Unicode counts": f"relu\x85{CODE}\u2028{CODE}\u2029",
    "out of quotes": f"relu') or {CODE} or ('",
    "out of long quotes": f'relu""" + str({CODE}) + """',
    "in braces": f"{{{CODE}}} {{axis}} {{0.__class__}}",
    "among arguments": f"x, out={CODE}",
    "behind a backslash": f"relu\\\n{CODE}\\",
    "behind a null": f"relu\0\n{CODE}",
    "as an attribute": f"np.{CODE}",
    "in wide letters": "＿＿import＿＿('fuzz_probe').ran.append(1)",
}


@cache
def texts_of_ops() -> tuple[str, ...]:
    """Return JSON texts of a graph for every sample of an op."""
    return tuple(dict.fromkeys(_of_sample(sample).to_json() for sample in SAMPLES))


@cache
def texts_of_networks() -> tuple[str, ...]:
    """Return JSON texts of networks."""
    x = F.input("x", (-1, 6))
    joined = nn.Concatenate(axis=1)
    joined.add(nn.Dense(3, activation="relu"), nn.Dense(2))
    encoder = nn.TransformerEncoderLayer(units=8, hidden_size=12, num_heads=2)
    tied = nn.Sequential(nn.Dense(7, in_units=5), nn.Dense(5))
    tied[1].weight = tied[0].weight.T
    graphs = [
        Graph({"a": F.reshape(x, (x.shape[0] // 2, -1)), "b": x[: x.shape[0] - 1, ::-1]}),
        Graph([F.input("z", ("n", "2*n + 1")) * np.arange(3.0), F.assert_shape(x, ("m", 6))]),
        Graph(
            F.where(x > 0, F.broadcast_to(F.constant(np.ones((1, 6), np.float32)), (x.shape[0], 6)), -np.inf)
        ),
        nn.Sequential(nn.Conv2D(4, 3, strides=2), nn.BatchNorm(), nn.Flatten(), nn.Dense(5)).trace(
            x=("b", 3, 8, 9)
        ),
        nn.Sequential(nn.Residual(nn.Conv2D(3, 3, padding=1)), nn.MaxPool2D(2)).trace(x=(2, 3, "h", "w")),
        nn.Sequential(nn.Dense(3, activation="tanh"), nn.Dropout(0.5)).trace(train=True, x=(2, 5)),
        nn.Sequential(nn.Embedding(9, 4), nn.LSTM(3, num_layers=2)).trace(x=("t", "b")),
        nn.Sequential(joined, nn.LayerNorm()).trace(x=(4, 5)),
        encoder.trace(x=("b", "t", 8)),
        tied.trace(x=("b", 5)),
        passes.differentiate(nn.Sequential(nn.Dense(3), nn.Dense(2)).trace(x=(4, 5))),
    ]
    return tuple(graph.to_json() for graph in graphs)


def a_text(rng: random.Random) -> str:
    """Return the JSON text of some graph."""
    return rng.choice(texts_of_networks() if rng.random() < 0.5 else texts_of_ops())


def _of_sample(sample: Any) -> Graph:
    builder = GraphBuilder()
    values = [
        builder.source("input", f"in{index}", TensorType(array.shape, array.dtype.name))
        for index, array in enumerate(sample.arrays(np.float32))
    ]
    first = builder.add(sample.op, values, sample.attrs, name=f"block.{sample.op}")
    return builder.build({"y": first}, structure="y")


# --- changes ----------------------------------------------------------------------------------


def places(data: Any, wanted: Callable[[Any], bool]) -> Iterator[tuple[Any, Any]]:
    """Give every container and key below some JSON values whose value is wanted."""
    stack = [data]
    while stack:
        item = stack.pop()
        for key, value in list(item.items() if isinstance(item, dict) else enumerate(item)):
            if wanted(value):
                yield item, key
            if isinstance(value, list | dict):
                stack.append(value)


def with_code(text: str, form: str, rng: random.Random) -> str:
    """Return a graph's text with code in one of the places that hold text, or in all equal ones."""
    data = json.loads(text)
    bad = FORMS[form]
    kind = rng.choice(["value", "everywhere", "key", "symbol", "attribute"])
    texts = list(places(data, lambda value: isinstance(value, str)))
    if kind == "value":
        holder, key = rng.choice(texts)
        holder[key] = rng.choice([bad, f"{holder[key]}{bad}"])
    elif kind == "everywhere":
        holder, key = rng.choice(texts)
        return json.dumps(data).replace(json.dumps(holder[key]), json.dumps(bad))
    elif kind == "key":
        holder, key = rng.choice([(h, k) for h, k in places(data, lambda value: True) if isinstance(k, str)])
        holder[bad] = holder.pop(key)
    else:
        size = {"dim": [[1, [[["symbol", bad], 1]]]]}
        if rng.random() < 0.3:
            size = {"dim": [[2, [[["//", [[1, [[["size", bad, 0, 0], 1]]]], 3], 1]]]]}
        numbers = list(places(data, lambda value: type(value) is int))
        if kind == "attribute":
            inside = [node["attrs"] for node in data["nodes"] if node.get("attrs")]
            numbers = [place for attrs in inside for place in places(attrs, lambda value: True)] or numbers
        holder, key = rng.choice(numbers)
        holder[key] = size
    return json.dumps(data)


ODD: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 7, 63, 64, 65, -65, 2**40, 2**62, 2**63 - 1, 2**63, -(2**63) - 1, 2**64,
    10**30, 0.5, -0.0, 1e308, float("nan"), float("inf"), "", "x", "y", "nan", "float32", "int64", "\ud800", "a\nb",
    "(a+b)**9", "1//0", [], {}, [[]], [0, 0], [None, None], {"dim": 3}, {"dim": [[1, [[["symbol", "n"], 1]]]]},
    {"dim": [[1, [[["symbol", "n"], 2**40]]]]}, {"float": "nan"}, {"float": "-inf"}, {"graph": {}},
    {"array": [1, 2], "shape": [2], "dtype": "float32"}, {"array": [1], "shape": [2**60], "dtype": "int8"},
    {"dim": [[1, [[["size", "x", 0, 0], 1]]]]}, {"dim": [[1, [[["size", "in0", 0, -1], 1]]]]},
]  # fmt: skip


def changed(text: str, rng: random.Random) -> str:
    """Return a graph's text with a few values replaced, dropped, repeated or exchanged."""
    data = json.loads(text)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        if rng.random() < 0.5:
            _change_number(data, rng)
            continue
        every = list(places(data, lambda value: True))
        if not every:
            break
        holder, key = rng.choice(every)
        match rng.choice(["replace", "replace", "replace", "drop", "repeat", "exchange", "nest", "near"]):
            case "replace":
                holder[key] = copy.deepcopy(rng.choice(ODD))
            case "drop":
                del holder[key]
            case "repeat" if isinstance(holder, list):
                holder.insert(key, copy.deepcopy(holder[key]))
            case "exchange":
                other, place = rng.choice(every)
                taken = copy.deepcopy(other[place])
                holder[key] = taken
            case "nest":
                holder[key] = [holder[key]]
            case "near" if type(holder[key]) is int:
                holder[key] += rng.choice([-2, -1, 1, 2])
            case _:
                pass
    changed_text = json.dumps(data)
    if rng.random() < 0.1:
        place, kept = rng.randrange(len(changed_text)), rng.randrange(4)
        changed_text = changed_text[:place] + changed_text[place + kept :]
    return changed_text


def _change_number(data: Any, rng: random.Random) -> None:
    """Put another number, or a size, for a number in an attribute, a shape or a wire."""
    nodes = data.get("nodes") if isinstance(data, dict) else None
    numbers = list(places(nodes, lambda value: type(value) is int)) if isinstance(nodes, list) else []
    if numbers:
        holder, key = rng.choice(numbers)
        near = [holder[key] + step for step in (-2, -1, 1, 2)]
        holder[key] = copy.deepcopy(rng.choice([*near, *near, *SIZES]))


SIZES: list[Any] = [item for item in ODD if type(item) is int or (isinstance(item, dict) and "dim" in item)]


# --- what is done with it ---------------------------------------------------------------------


def use(text: str, folder: Path) -> str:
    """Read, print, infer, draw, differentiate, compile and run a graph; return how far it came.

    Raises
    ------
    Exception
        Whatever is none of our errors.
    """
    stage = "read"
    try:
        graph = Graph.from_json(text)
        stage = "print"
        str(graph), repr(graph), [repr(node) for node in graph]
        assert Graph.from_json(graph.to_json()) == graph
        stage = "infer"
        report = passes.infer_shapes(graph)
        str(report), [str(error) for error in report.errors], list(map(str, report.requirements))
        [str(report.why(name)) for name in list(graph.outputs)[:2]]
        stage = "check"
        path = folder / "graph.json"
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            assert main(["check", str(path), "--format", "json"]) in (0, 1, 2)
        stage = "draw"
        graphinit.render(graph, report=report).dot
        stage = "differentiate"
        passes.differentiate(graph)
        stage = "compile"
        given = {
            name: tuple(dim if isinstance(dim, int) and 0 <= dim < 100 else 3 for dim in shape)
            for name in graph.inputs
            if (shape := report[name]) is not None
        }
        arrays = {
            name: np.ones([d if isinstance(d, int) and 0 <= d < 100 else 2 for d in report[name] or ()])
            for name in (*graph.parameters, *graph.state)
        }
        executable = graphinit.compile(graph, inputs=given, parameters=arrays)
        stage = "run"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if '"while_loop"' not in text and executable.memory.values < 1 << 24:
                executable.forward(
                    **{
                        name: np.ones(type.shape, type.dtype)  # type: ignore[arg-type]
                        for name, type in executable.inputs.items()
                    }
                )
                if executable.run_backward is not None:
                    executable.backward()
    except GraphInitError as error:
        return f"{stage}: {error.code}" if str(error) else "an error without words"
    return "all of it"
