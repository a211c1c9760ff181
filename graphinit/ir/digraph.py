"""Graphs as networkx digraphs, and back.

Attributes are plain, so that networkx's own queries and writers work: text and whole numbers, and what isn't
there is left out.  Whatever is not text by nature stands as the JSON text that `Graph.to_json` uses, and is
read by the same reader.  A person who builds a digraph may write Python values instead.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import networkx
import numpy as np

from graphinit.errors import GraphError, OpError
from graphinit.ir.dims import Expr
from graphinit.ir.node import Node, Value, rename_node
from graphinit.ir.op import MOST_OUTPUTS, REQUIRED, SOURCES, Attrs, intern_rule, op_spec
from graphinit.ir.serialization import (
    SOURCE_ATTRS,
    make_node,
    naming,
    node_to_json,
    read_structure,
    value_to_json,
)
from graphinit.ir.types import TensorType, canonical_dtype
from graphinit.json_values import Json
from graphinit.plain_text import class_name

_FIELDS = ("op", "kind", "path", "dtype", "shape", "attrs", "meta")
"""The attributes of a node, in the order in which they are written."""


class Contents(NamedTuple):
    """What a digraph says: the parts of a graph."""

    nodes: list[Node]
    inputs: list[str] | None
    outputs: dict[str, Value]
    structure: Any


# --- writing ----------------------------------------------------------------------------------


def write_digraph(
    nodes: Iterable[Node], orders: Mapping[str, int], outputs: Mapping[str, Value], structure: Any
) -> networkx.MultiDiGraph[str]:
    """Return nodes as a digraph that cannot be added to.

    Parameters
    ----------
    nodes : iterable of Node
        The nodes, inputs first.
    orders : mapping from str to int
        Which of the sources each one is by the time of creation.
    outputs, structure
        What is returned, and how.
    """
    made: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
    texts: dict[int, str] = {}
    inputs = []
    for node in nodes:
        made.add_node(node.name, **_written(node, orders.get(node.name, 0), texts))
        if node.op == "input":
            inputs.append(node.name)
    for node in nodes:
        for slot, (source, port) in enumerate(node.inputs):
            made.add_edge(source, node.name, key=slot, slot=slot, port=port)
    made.graph["inputs"] = json.dumps(inputs)
    made.graph["outputs"] = json.dumps({name: [value.node, value.port] for name, value in outputs.items()})
    made.graph["structure"] = json.dumps(structure)
    return networkx.freeze(made)  # type: ignore[no-any-return]


def _written(node: Node, order: int, texts: dict[int, str]) -> dict[str, Any]:
    """Return the attributes of a node; texts of attributes that many nodes share are written once."""
    init = node.attrs.get("init")
    if init is not None and not isinstance(
        init, str
    ):  # of the user's own: named, so that it is missed when read
        node = replace(node, attrs=node.attrs.replace(init=class_name(init)))
    text = texts.get(id(node.attrs))
    data = node_to_json(node if text is None else replace(node, attrs=Attrs()), order)
    attrs, types, path = data.pop("attrs", {}), data.pop("types"), data.pop("path", "")
    op, _ = data.pop("op"), data.pop("inputs", None)
    kind = op if op in SOURCES else "op"
    if init is not None and not isinstance(init, str):
        attrs["init"] = {"object": attrs["init"]}
    elif text is None and attrs:
        text = texts[id(node.attrs)] = json.dumps(attrs)
    written: dict[str, Any] = {"op": op, "kind": kind}
    if path:
        written["path"] = path
    shapes, dtypes = [shape for shape, _ in types], [dtype for _, dtype in types]
    if len(types) > 1:
        written["dtype"] = None if dtypes.count(None) == len(dtypes) else json.dumps(dtypes)
        written["shape"] = None if shapes.count(None) == len(shapes) else json.dumps(shapes)
    else:
        written["dtype"] = dtypes[0]
        written["shape"] = None if shapes[0] is None else json.dumps(shapes[0])
    if attrs or text or op == "parameter":
        written["attrs"] = text or json.dumps(attrs)
    written["meta"] = json.dumps(data)
    return {name: value for name, value in written.items() if value is not None}


# --- reading ----------------------------------------------------------------------------------


def read_digraph(digraph: Any) -> Contents:
    """Read a digraph, written by `write_digraph` or by hand; nodes stand in its order.

    Raises
    ------
    GraphError, ValueError
        When it says no network.
    """
    if not isinstance(digraph, networkx.Graph):
        raise ValueError(f"it is of type {class_name(digraph)}; give a networkx.DiGraph or MultiDiGraph")
    if not digraph.is_directed():
        raise ValueError(
            f"a {class_name(digraph)} has no directions; give a networkx.DiGraph or MultiDiGraph, with edges "
            "from what is taken to who takes it"
        )
    if not digraph:
        raise ValueError("it has no nodes")
    names = _name_nodes(digraph)
    called: dict[str, list[str]] = {}  # for what each node was called in text, the nodes of today
    nodes = []
    for key, name in names.items():
        fields = {field: value for field, value in digraph.nodes[key].items() if not _is_missing(value)}
        if "op" not in fields:
            raise GraphError(_without_op(name, fields, digraph, names), code="GI107", node=name)
        node, before = _read_node(name, fields, digraph, key, names)
        nodes.append(node)
        called.setdefault(before, []).append(name)
    text_names = _Names(called, set(names.values()))
    if any(found != [before] for before, found in called.items()):
        nodes = [_with_sizes_of(node, text_names) for node in nodes]
    reader = _Reader(digraph, names, text_names)
    return Contents(nodes, _read_inputs(reader, nodes), *_read_outputs(reader, nodes))


def _name_nodes(digraph: Any) -> dict[Any, str]:
    names: dict[Any, str] = {}
    first: dict[str, Any] = {}
    for key in digraph:
        name = str(key)
        if not name:
            raise ValueError("a node has the empty name ''; nx.relabel_nodes gives it another")
        Json(name, "the name of a node").text()
        if name in first:
            raise GraphError(
                f"two nodes are called {name!r}: {first[name]!r} and {key!r}; nx.relabel_nodes gives them "
                "other names",
                code="GI101",
                node=name,
            )
        first[name] = key
        names[key] = name
    return names


def _without_op(name: str, fields: Mapping[str, Any], digraph: Any, names: Mapping[Any, str]) -> str:
    text = f"nodes[{name!r}] has no op; give each node one, such as op='input' or op='relu'"
    if not fields.keys() & set(_FIELDS):
        others = [other for key, other in names.items() if "op" in digraph.nodes[key]]
        close = difflib.get_close_matches(name, others, 1)
        text = f"nodes[{name!r}] has no op and stands in edges alone" + (
            f"; did you mean {close[0]!r}?" if close else "; add it with add_node(..., op=...)"
        )
    return text


def _is_missing(value: Any) -> bool:
    """Whether an attribute is not there: None, and what pandas puts into tables for it."""
    if isinstance(value, float | np.floating):
        return bool(np.isnan(value))
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _read_node(
    name: str, fields: dict[str, Any], digraph: Any, key: Any, names: Mapping[Any, str]
) -> tuple[Node, str]:
    """Return a node, and what it is called in text."""
    place = f"nodes[{name!r}]"
    given = Json(fields, place)
    op = fields["op"] = str(fields["op"]) if isinstance(fields["op"], str) else fields["op"]
    with naming(name, given):
        given.get("op").text()
        meta = _decoded(given.get("meta", {}), Mapping, "an object, as JSON text")
        attrs = _read_attrs(op, given)
        live = attrs.pop("init") if callable(attrs.get("init")) else None
        inputs = _read_edges(digraph, key, names)
        stated = Json({**meta, "op": op, "path": fields.get("path", ""), "attrs": attrs}, place)
        kind = op if op in SOURCES else "op"
        if fields.get("kind", kind) != kind:
            given.get("kind").fail(f"{kind!r}, which {op} is")
        try:
            node = make_node(name, stated, inputs, _stated_types(given, op, attrs))
        except OpError as cause:
            if cause.code == "GI104" and inputs and not digraph.is_multigraph():
                cause.message += (
                    "; a DiGraph has one edge from a node to another: a value that is taken twice needs a "
                    "MultiDiGraph"
                )
            raise
        if live is not None:
            node = replace(node, attrs=node.attrs.replace(init=live))
        return node, stated.get("name", name).text()


def _decoded(part: Json, kind: Any, wanted: str) -> Any:
    """Return a value that may stand as JSON text, of a kind."""
    value = part.value
    if isinstance(value, str):
        try:
            value = Json.parse(value).value
        except ValueError:
            part.fail(wanted)
    return value if isinstance(value, kind) else part.fail(wanted)


def _read_attrs(op: str, given: Json) -> dict[str, Any]:
    """Return the attributes of an op, as JSON values; an initializer of the user's own stays as it is."""
    part = given.get("attrs", None)
    required = {attr.name: attr.default is REQUIRED for attr in ([] if op in SOURCES else op_spec(op).attrs)}
    if part.value is None:
        attrs: dict[str, Any] = {"init": None, "trainable": True} if op == "parameter" else {}
    else:
        attrs = dict(_decoded(part, Mapping, "a dict, or one as JSON text"))
    init = attrs.get("init")
    if op == "parameter" and callable(init):
        if type(init).__module__.startswith("graphinit."):
            attrs["init"] = init.dumps()
    elif op == "parameter" and isinstance(init, dict) and "object" in init:
        raise ValueError(
            f"{part.place}.init was an initializer of the class {init['object']!r}, which text cannot hold; "
            "give it again, or None"
        )
    for name in [*required, *SOURCE_ATTRS.get(op, ())]:
        if name in attrs or name not in given.value:
            continue
        if name not in _FIELDS:
            given.get(name).fail(f"in attrs, attrs={{{name!r}: ...}}, where {op} looks for it")
        if required[name]:
            raise ValueError(
                f"{given.place}: {op} needs {name} in attrs, attrs={{{name!r}: ...}}; on the node itself it "
                "states what comes out"
            )
    try:
        return {
            str(name): value if name == "init" and callable(value) else value_to_json(value)
            for name, value in attrs.items()
        }
    except ValueError as cause:
        raise ValueError(f"{given.place} has {cause}") from cause


# --- types


def _stated_types(
    given: Json, op: str, attrs: Mapping[str, Any]
) -> Callable[[int], Sequence[tuple[Json, Json]]]:
    """Return what gives the shapes and dtypes that a node states, as `make_node` asks for them."""
    fields = {name: _plain(given.value.get(name)) for name in ("shape", "dtype")}
    value = attrs.get("value")
    if op == "constant" and isinstance(value, dict) and "array" in value:
        defaults = {"shape": value.get("shape"), "dtype": value.get("dtype")}
    else:
        defaults = {"shape": [], "dtype": "bool" if isinstance(value, bool) else None}
    if op == "constant":
        fields = {name: defaults[name] if field is None else field for name, field in fields.items()}
    parts = Json(fields, given.place)

    def stated(count: int) -> list[tuple[Json, Json]]:
        shape, dtype = parts.get("shape"), parts.get("dtype")
        if count == 1:
            return [_typed(shape, dtype)]
        return [_typed(*pair) for pair in zip(_each(shape, count), _each(dtype, count), strict=True)]

    return stated


def _plain(value: Any) -> Any:
    """Return a shape or dtype as JSON values as far as it is one; specifications stay."""
    if isinstance(value, str):
        text = str(value).strip()
        if text.startswith("["):
            try:
                return Json.parse(text).value
            except ValueError:
                return text  # [batch, 20] is a specification
        return text
    if isinstance(value, list | tuple):
        return [_plain_size(item) for item in value]
    return value


def _plain_size(item: Any) -> Any:
    if isinstance(item, list | tuple):
        return [_plain_size(inner) for inner in item]
    return value_to_json(item) if isinstance(item, np.integer | Expr) else item


def _each(part: Json, count: int) -> list[Json]:
    """Return the parts of a list of as many as a node has outputs; of one that is left out, nothings."""
    if part.value is None:
        return [part] * count
    if not isinstance(part.value, list) or len(part.value) != count:
        part.fail(f"a list of {count}, one for each output")
    return part.items()


def _typed(shape: Json, dtype: Json) -> tuple[Json, Json]:
    """Return a shape and a dtype as JSON values."""
    stated, kind = shape.value, dtype.value
    if kind is not None and not isinstance(kind, str):
        dtype = Json(canonical_dtype(kind), dtype.place)
    elif kind == "?":
        dtype = Json(None, dtype.place)
    if isinstance(stated, list):
        if None in stated:
            shape = Json([-1 if size is None else size for size in stated], shape.place)
    elif isinstance(stated, str | TensorType) or (hasattr(stated, "shape") and hasattr(stated, "dtype")):
        type = TensorType.parse(stated)
        shape = Json(None if type.shape is None else value_to_json(type.shape), shape.place)
        if type.dtype is not None and dtype.value not in (None, type.dtype):
            dtype.fail(f"{type.dtype}, which the shape says")
        dtype = Json(type.dtype or dtype.value, dtype.place)
    return shape, dtype


# --- edges


def _read_edges(digraph: Any, key: Any, names: Mapping[Any, str]) -> list[Value]:
    """Return what a node takes, in order of slot."""
    several = digraph.is_multigraph()
    edges = [
        (names[source], edge, data)
        for source, held in digraph.pred[key].items()
        for edge, data in (held.items() if several else ((None, held),))
    ]
    values: list[Value] = []
    slots: list[int | None] = []
    for source, _, data in edges:
        slots.append(_number(data, "slot", source, names[key]))
        values.append(Value(source, _number(data, "port", source, names[key]) or 0))
    every = set(range(len(edges)))
    if all(slot is None for slot in slots):
        keys = [edge for _, edge, _ in edges]
        slots = keys if every.issuperset(keys) and len(set(keys)) == len(keys) else list(range(len(edges)))
    placed: dict[int, Value] = {}
    for slot, value in zip(slots, values, strict=True):
        if slot is None:
            raise ValueError(
                f"the edge from {value.node!r} to {names[key]!r} has no slot, and others to it have one: give "
                "every edge of a node its slot, or none"
            )
        if slot in placed:
            raise ValueError(
                f"slot {slot} of {names[key]!r} is given twice, from {placed[slot].node!r} and {value.node!r}"
            )
        placed[slot] = value
    if every != placed.keys():
        raise ValueError(f"no edge to {names[key]!r} has slot {min(every - placed.keys())}")
    return [placed[slot] for slot in range(len(edges))]


def _number(data: Mapping[str, Any], name: str, source: str, user: str) -> int | None:
    """Return a whole number of an edge; formats make text of it, tables fractions."""
    value = data.get(name)
    if type(value) is int and 0 <= value < MOST_OUTPUTS:
        return value
    if _is_missing(value):
        return None
    is_whole = isinstance(value, np.integer) or (
        isinstance(value, float | np.floating) and value.is_integer()
    )
    if is_whole or (isinstance(value, str) and value.isdecimal() and len(value) < 10):
        value = int(value)  # type: ignore[arg-type]  # it is text or a number
    return Json(value, f"edges[{source!r}, {user!r}].{name}").whole(0, MOST_OUTPUTS - 1)


# --- names in text


class _Names:
    """What the names in text mean: nodes may have been given other names since it was written."""

    def __init__(self, called: Mapping[str, Sequence[str]], names: set[str]) -> None:
        self._called, self._names = called, names

    def find(self, name: str, place: str) -> str | None:
        """Return the node that is meant, None when there is none."""
        found = self._called.get(name, ())
        if len(found) > 1:
            raise ValueError(
                f"{place} names {name!r}, which is what {found[0]!r} and {found[1]!r} were called: write which"
            )
        return found[0] if found else name if name in self._names else None


def _with_sizes_of(node: Node, names: _Names) -> Node:
    """Return a node whose attributes refer to nodes by the names that they have now."""
    sizes = {size.node for size in intern_rule(node.op, node.attrs).sizes}
    if not sizes:
        return node
    found = {name: names.find(name, f"nodes[{node.name!r}].attrs") for name in sizes}
    renamed = {name: now for name, now in found.items() if now is not None}
    return replace(node, attrs=rename_node(node, renamed).attrs)


# --- inputs and outputs


class _Reader:
    """Reads what a digraph says of its inputs and outputs: Python values name keys, text names names."""

    def __init__(self, digraph: Any, keys: Mapping[Any, str], names: _Names) -> None:
        self._stated = digraph.graph
        self._keys = {**{name: name for name in keys.values()}, **keys}
        self._names = names

    def read(self, field: str) -> tuple[Json, bool]:
        """Return a field, None when it is left out, and whether it was text."""
        value, place = self._stated.get(field), f"graph[{field!r}]"
        if _is_missing(value):
            return Json(None, place), False
        if not isinstance(value, str):
            return Json(value, place), False
        if self._names.find(value, place) is not None:
            return Json(value, place), True
        return Json(_decoded(Json(value, place), object, "the name of a node, or JSON text"), place), True

    def find(self, item: Any, place: str, is_text: bool) -> str | None:
        """Return the node that is meant."""
        if is_text:
            return self._names.find(str(item), place) if isinstance(item, str | int) else None
        try:
            return self._keys.get(item)
        except TypeError:  # a list
            return None

    def find_value(self, part: Json, is_text: bool) -> Value:
        """Return the value that is meant: a node, or a node and the number of its output."""
        item, place = part.value, part.place
        name, port = self.find(item, place, is_text), 0
        if name is None and isinstance(item, list | tuple) and len(item) == 2:
            name, port = (
                self.find(item[0], place, is_text),
                Json(value_to_json(item[1]), f"{place}[1]").whole(0),
            )
        if name is None:
            raise GraphError(
                f"{place} names {item!r}, which is not in the graph; where 'outputs' is left out, the nodes that "
                "no other takes are the outputs",
                code="GI106",
            )
        return Value(name, port)


def _read_inputs(reader: _Reader, nodes: Sequence[Node]) -> list[str] | None:
    field, is_text = reader.read("inputs")
    if field.value is None:
        return None
    value = [field.value] if isinstance(field.value, str) else field.value
    if not isinstance(value, list | tuple):
        field.fail("a list of nodes")
    found: dict[str, None] = {}
    inputs = dict.fromkeys(node.name for node in nodes if node.op == "input")
    for item in value:
        name = reader.find(item, field.place, is_text)
        if name is None or name not in inputs:
            raise GraphError(f"{field.place} names {item!r}, which is no input of the graph", code="GI106")
        if name in found:
            raise ValueError(f"{field.place} names {name!r} twice")
        found[name] = None
    missing = next((name for name in inputs if name not in found), None)
    if missing is not None:
        raise GraphError(
            f"{field.place} leaves out {missing!r}, which is an input: list it, or leave out 'inputs'",
            code="GI106",
            node=missing,
        )
    return list(found)


def _read_outputs(reader: _Reader, nodes: Sequence[Node]) -> tuple[dict[str, Value], Any]:
    """Return the outputs by name and how they are returned."""
    field, is_text = reader.read("outputs")
    value, outputs = field.value, {}
    if value is None:
        return _listed(_last_values(nodes))
    if isinstance(value, Mapping):
        parts = Json({str(name): item for name, item in value.items()}, field.place)
        outputs = {name: reader.find_value(part, is_text) for name, part in parts.entries(MOST_OUTPUTS)}
        structure: Any = {name: name for name in outputs}
    elif isinstance(value, list | tuple) and reader.find(value, field.place, is_text) is None:
        parts = Json(list(value), field.place)
        outputs, _ = _listed([reader.find_value(part, is_text) for part in parts.items(MOST_OUTPUTS)])
        structure = tuple(outputs)
    else:
        outputs, structure = _listed([reader.find_value(field, is_text)])
    if not outputs:
        raise ValueError(f"{field.place} is empty; a graph needs at least one output")
    stated, _ = reader.read("structure")
    if is_text and stated.value is not None:
        structure = read_structure(stated, outputs)
    return outputs, structure


def _listed(values: Sequence[Value]) -> tuple[dict[str, Value], Any]:
    """Return outputs without names of their own as `Graph` names them."""
    if len(values) == 1:
        return {"y": values[0]}, "y"
    outputs = {f"y.{index}": value for index, value in enumerate(values)}
    return outputs, tuple(outputs)


def _last_values(nodes: Sequence[Node]) -> list[Value]:
    """Return every output of the nodes that no other takes; unused sources are none, unless they are all."""
    taken = {value.node for node in nodes for value in node.inputs}
    taken |= {size.node for node in nodes for size in intern_rule(node.op, node.attrs).sizes}
    last = [node for node in nodes if node.name not in taken]
    last = [node for node in last if not node.is_source] or last
    return [Value(node.name, port) for node in last for port in range(len(node.types))]
