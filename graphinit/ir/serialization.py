"""Nodes as JSON values, and back.

Values that JSON has no word for are objects of one key: ``{"dim": ...}`` for a symbolic size,
``{"array": ...}``, ``{"float": "nan"}``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import networkx
import numpy as np

from graphinit.errors import GraphError
from graphinit.ir.dims import Expr, parse_dim
from graphinit.ir.node import Meta, Node, Value
from graphinit.ir.op import SOURCES, Attrs, Literal, intern_rule, op_spec
from graphinit.ir.origin import Origin
from graphinit.ir.types import TensorType


def in_order(nodes: Sequence[Node]) -> list[Node]:
    """Return nodes with inputs first; as they are when they stand so already."""
    by_name = {node.name: node for node in nodes}
    if len(by_name) != len(nodes):
        seen: set[str] = set()
        twice = next(node.name for node in nodes if node.name in seen or seen.add(node.name))  # type: ignore[func-returns-value]
        raise GraphError(f"two nodes are called {twice!r}", code="GI101", node=twice)
    order: networkx.DiGraph[str] = networkx.DiGraph()
    order.add_nodes_from(by_name)
    for node in nodes:
        sizes = intern_rule(node.op, node.attrs).sizes
        for source in (*(value.node for value in node.inputs), *(size.node for size in sizes)):
            if source not in by_name:
                raise GraphError(
                    f"{node.name!r} takes {source!r}, which is not in the graph", code="GI106", node=node.name
                )
            order.add_edge(source, node.name)
    placed: set[str] = set()
    if all(placed.issuperset(order.pred[node.name]) and not placed.add(node.name) for node in nodes):  # type: ignore[func-returns-value]
        return list(nodes)
    try:
        return [by_name[name] for name in networkx.topological_sort(order)]
    except networkx.NetworkXUnfeasible as cause:
        cycle = " -> ".join(edge[0] for edge in networkx.find_cycle(order))
        start = cycle.partition(" -> ")[0]
        raise GraphError(
            f"these nodes wait for each other: {cycle} -> {start}", code="GI102", node=start
        ) from cause


def checked_attrs(node: Node) -> Attrs:
    """Return a node's attributes, checked by its op; `OpError` or `GraphError` when they don't fit."""
    if node.op in SOURCES:
        if node.inputs or len(node.types) != 1:
            raise GraphError(f"{node.name!r} takes no inputs and is one value", code="GI107", node=node.name)
        return node.attrs
    spec = op_spec(node.op)
    spec.check_arity(len(node.inputs))
    attrs = spec.check_attrs(node.attrs)
    if len(node.types) != spec.output_count(attrs):
        raise GraphError(f"{node.name!r} states {len(node.types)} outputs", code="GI107", node=node.name)
    return attrs


def node_to_json(node: Node) -> dict[str, Any]:
    """Return a node as JSON values; folders of origins are dropped."""
    data: dict[str, Any] = {"name": node.name, "op": node.op}
    if node.inputs:
        data["inputs"] = [[value.node, value.port] for value in node.inputs]
    if node.attrs:
        data["attrs"] = {name: _attr_to_json(value) for name, value in node.attrs.items()}
    data["types"] = [
        [None if t.shape is None else [_attr_to_json(d) for d in t.shape], t.dtype] for t in node.types
    ]
    meta = node.meta
    if meta.path:
        data["path"] = meta.path
    if meta.block:
        data["block"] = meta.block
    if meta.notes:
        data["notes"] = list(meta.notes)
    if meta.order:
        data["order"] = meta.order
    if meta.aliases:
        data["aliases"] = list(meta.aliases)
    if meta.origin is not None:
        file, _, line = str(meta.origin).rpartition(":")
        data["origin"] = [file, int(line)]
    return data


def node_from_json(data: dict[str, Any]) -> Node:
    """Read what `node_to_json` gave; `ValueError` and its kin when it is not well formed."""
    file, line = data.get("origin") or ("", 0)
    meta = Meta(
        str(data.get("path", "")),
        Origin(str(file), None, int(line)) if file else None,
        tuple(data.get("notes", ())),
        str(data.get("block", "")),
        int(data.get("order", 0)),
        tuple(map(str, data.get("aliases", ()))),
    )
    types = tuple(
        TensorType(
            None if shape is None else tuple(parse_dim(_attr_from_json(dim)) for dim in shape),
            None if dtype is None else TensorType.parse(f"{dtype}[]").dtype,
        )
        for shape, dtype in data["types"]
    )
    if not isinstance(data["name"], str) or not isinstance(data["op"], str) or not types:
        raise ValueError(f"node {data['name']!r} is not well formed")
    return Node(
        data["name"],
        data["op"],
        Attrs({name: _attr_from_json(value) for name, value in data.get("attrs", {}).items()}),
        tuple(Value(str(node), int(port)) for node, port in data.get("inputs", ())),
        types,
        meta,
    )


READERS: dict[str, Callable[[Any], Any]] = {}
"""How to read objects of one key that are defined above this file: ``{"graph": ...}``."""


def _attr_to_json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_attr_to_json(item) for item in value]
    if hasattr(value, "to_data"):  # a graph
        return {"graph": value.to_data()}
    if isinstance(value, Expr):
        return {"dim": value.to_json()}
    if isinstance(value, Literal):
        array = value.array
        numbers = array.reshape(-1).tolist()
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            numbers = [number if np.isfinite(number) else repr(number) for number in numbers]
        return {"array": numbers, "shape": list(array.shape), "dtype": array.dtype.name}
    if isinstance(value, float) and not np.isfinite(value):
        return {"float": repr(value)}
    return value


def _attr_from_json(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_attr_from_json(item) for item in value)
    if isinstance(value, dict):
        if "dim" in value:
            return Expr.from_json(value["dim"])
        if "float" in value:
            return float(value["float"])
        if "array" in value:
            return Literal(
                np.array(value["array"], dtype=TensorType.parse(f"{value['dtype']}[]").dtype).reshape(
                    value["shape"]
                )
            )
        for key, read in READERS.items():
            if key in value:
                return read(value[key])
        raise ValueError(f"{value!r} is not an attribute")
    return value
