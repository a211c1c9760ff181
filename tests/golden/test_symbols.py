"""Shape inference against MXNet's ``infer_shape``: every recorded case is answered at least as fully.

MXNet was asked what follows from some known shapes, in full and in part, with both of its ways to
write what is unknown.  Every size that it found must be found here, and the same; where it found a
contradiction there must be one here, but for the cases of `REASONS`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from graphinit import functional as F
from graphinit import nn
from graphinit.errors import GraphInitError
from graphinit.ir.graph import Graph
from passes.shape_inference import infer_shapes
from tests.golden.cases import recorded

CASES = recorded()["symbol_cases"]


def both(a: Any, b: Any) -> Any:
    """MXNet's elementwise sum, which does not broadcast: what is stacked has one shape."""
    return F.sum(F.stack([a, b]), axis=0)


def fully(x: Any, units: int, name: str) -> Any:
    return F.linear(
        x, F.input(f"{name}_weight", (units, -1)), F.input(f"{name}_bias", (units,)), flatten=True
    )


def conv(x: Any, units: int, kernel: int, stride: int, padding: int, name: str) -> Any:
    weight = F.input(f"{name}_weight", (units, -1, kernel, kernel))
    return F.conv(x, weight, F.input(f"{name}_bias", (units,)), strides=(stride,) * 2, padding=(padding,) * 2)


def deconv(a: Any) -> Any:
    return F.conv_transpose(a, F.input("dc_weight", (-1, 5, 4, 4)), strides=(2, 2), padding=(1, 1))


def softmax(a: Any) -> Any:
    scores = fully(a, 5, "fc")
    return [F.softmax(scores), F.pick(F.log_softmax(scores), F.input("sm_label", None, "int64"))]


def arg(name: str) -> Any:
    return F.input(name, None)


GRAPHS: dict[str, Any] = {
    "fc": lambda a: fully(a, 5, "fc"),
    "fc_noflat": lambda a: F.linear(a, F.input("fc_weight", (5, -1)), F.input("fc_bias", (5,))),
    "fc_plus_b": lambda a: both(fully(a, 5, "fc"), arg("b")),
    "add": lambda a: both(a, arg("b")),
    "mul": lambda a: both(a, arg("b")),
    "badd": lambda a: a + arg("b"),
    "relu_add": lambda a: both(F.relu(a), arg("b")),
    "mlp": lambda a: fully(F.relu(fully(a, 256, "fc1")), 10, "fc2"),
    "mlp_plus_b": lambda a: both(fully(F.relu(fully(a, 256, "fc1")), 10, "fc2"), arg("b")),
    "conv": lambda a: conv(a, 8, 3, 2, 1, "cv"),
    "conv_add": lambda a: both(conv(a, 8, 3, 2, 1, "cv"), arg("b")),
    "conv_s1_add": lambda a: both(conv(a, 8, 3, 1, 0, "cv"), arg("b")),
    "conv_big": lambda a: conv(a, 8, 7, 1, 0, "cv"),
    "deconv": deconv,
    "pool": lambda a: F.max_pool(a, kernel=(2, 2), strides=(2, 2)),
    "pool_full": lambda a: F.max_pool(a, kernel=(2, 2), strides=(2, 2), ceil=True),
    "gpool": lambda a: F.mean(a, axis=(2, 3), keepdims=True),
    "flatten": F.flatten,
    "reshape23": lambda a: F.reshape(a, (2, 3)),
    "reshape_m1": F.flatten,
    "transpose": lambda a: F.transpose(a, (1, 0, 2)),
    "transpose_add": lambda a: both(F.transpose(a, (1, 0, 2)), arg("b")),
    "concat": lambda a: F.concat([a, arg("b")], axis=1),
    "concat_add": lambda a: both(F.concat([a, arg("b")], axis=1), arg("w")),
    "dot": lambda a: F.matmul(a, arg("b")),
    "slice": lambda a: a[:, 1:3],
    "sum": lambda a: F.sum(a, axis=1),
    "softmax_out": softmax,
    "lr_out": lambda a: both(fully(a, 5, "fc"), arg("lr_label")),
    "expand": lambda a: F.expand_dims(a, 1),
    "relu": F.relu,
    "stack": lambda a: F.stack([a, arg("b")]),
}
BLOCKS = {
    "bn": (nn.BatchNorm, {"bn_gamma": "gamma", "bn_beta": "beta"}),
    "ln": (nn.LayerNorm, {"ln_gamma": "gamma", "ln_beta": "beta"}),
}

REASONS = {
    "rnn": "MXNet packs all weights of a recurrent layer into one vector; here each has a shape of its own",
    "must be known": "MXNet gives up on a product with an unknown size; here the rest is found",
    "exceeds input (-1": "MXNet refuses a window over an unknown size; here the rest is found",
    "reshape23": "MXNet does not notice a reshape that does not keep the number of elements",
}


@cache
def graph_of(kind: str) -> tuple[Graph, dict[str, str]]:
    if kind in BLOCKS:
        block, names = BLOCKS[kind]
        return block().trace(), {"a": "x", **names}
    if kind == "shared":
        a, w = F.input("a"), F.input("w", (8, -1))
        return Graph(F.linear(F.linear(a, w, flatten=True), w, flatten=True)), {}
    if kind == "emb":
        ids = F.input("a", None, "int64")
        return Graph(F.take(F.input("emb_weight", (10, 4)), ids)), {}
    if kind == "lrn_res":
        return Graph(both(conv(F.input("a"), 4, 1, 1, 0, "c1"), conv(arg("b"), 4, 3, 1, 1, "c2"))), {}
    return Graph(GRAPHS[kind](F.input("a"))), {}


def sizes(shape: Any, unknown: int) -> tuple[int, ...] | None:
    """A recorded shape with -1 for unknown; None for an unknown rank."""
    if shape is None or (shape == [] and unknown == 0):
        return None
    return tuple(-1 if size == unknown else size for size in shape)


def known_of(case: Any, names: dict[str, str]) -> dict[str, Any]:
    found = {
        names.get(name, name): sizes(shape, case["unknown_dim"]) for name, shape in case["known"].items()
    }
    return {name: shape for name, shape in found.items() if shape is not None}


def reason(case: Any) -> str | None:
    text = str(case["error"])
    return next((REASONS[key] for key in REASONS if key == case["graph"] or key in text), None)


@pytest.mark.parametrize("case", CASES, ids=[f"{case['id']}-{case['mxnet']}" for case in CASES])
def test_symbol_case(case: Any) -> None:
    if case["graph"] == "rnn":
        assert reason(case)
        return
    graph, names = graph_of(case["graph"])
    if case["error"] is not None:
        if reason(case) is None:
            with pytest.raises((GraphInitError, TypeError)):
                infer_shapes(graph, **known_of(case, names)).raise_errors()
        return
    if case["args"] is None:
        return
    report = infer_shapes(graph, **known_of(case, names))
    if not report.ok:
        assert reason(case), str(report)
        return
    found = dict(zip(case["arg_names"], case["args"], strict=True))
    outputs = list(graph.outputs)[: len(case["outs"])]
    expected = [(names.get(name, name), shape) for name, shape in found.items()]
    expected += list(zip(outputs, case["outs"], strict=False))
    for name, recorded_shape in expected:
        shape = sizes(recorded_shape, case["unknown_dim"])
        if shape is None or name not in {*graph.nodes, *graph.outputs}:
            continue
        ours = report[name]
        assert ours is not None, name
        assert len(ours) == len(shape), name
        assert all(size in (-1, own) for size, own in zip(shape, ours, strict=True)), (name, shape, ours)


def test_every_kind_of_graph_is_built_or_has_a_reason() -> None:
    kinds = {case["graph"] for case in CASES}
    special = {"shared", "emb", "lrn_res", "rnn"}
    assert kinds == {*GRAPHS, *BLOCKS, *special} & kinds
