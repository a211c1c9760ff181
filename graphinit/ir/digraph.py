"""Graphs as networkx digraphs, and back.

Attributes are plain, so that networkx's own queries and writers work: text and whole numbers, and what isn't
there is left out.  Whatever is not text by nature stands as the JSON text that `Graph.to_json` uses, and is
read by the same reader.  A person who builds a digraph may write Python values instead.

What the digraph itself says (inputs, outputs and structure) stands a second time in ``meta`` of the node that
gives the first output: GEXF holds nodes and edges alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import networkx

from graphinit.errors import GraphError
from graphinit.ir.digraph_node import FIELDS, check_dtypes, decoded, is_missing, read_node
from graphinit.ir.node import Node, Value, rename_node
from graphinit.ir.op import MOST_OUTPUTS, SOURCES, Attrs, intern_rule
from graphinit.ir.serialization import (
    node_to_json,
    read_outputs,
    read_structure,
    value_to_json,
)
from graphinit.json_values import Json
from graphinit.plain_text import class_name
from graphinit.suggestions import did_you_mean


class Contents(NamedTuple):
    """What a digraph says: the parts of a graph."""

    nodes: list[Node]
    inputs: list[str] | None
    outputs: dict[str, Value]
    structure: Any


# --- writing ----------------------------------------------------------------------------------


def write_digraph(
    nodes: Sequence[Node], orders: Mapping[str, int], outputs: Mapping[str, Value], structure: Any
) -> networkx.MultiDiGraph[str]:
    """Return nodes as a digraph that cannot be added to.

    Parameters
    ----------
    nodes : sequence of Node
        The nodes, inputs first.
    orders : mapping from str to int
        Which of the sources each one is by the time of creation.
    outputs, structure
        What is returned, and how.
    """
    made: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
    texts: dict[int, str] = {}
    ends = {
        "inputs": [node.name for node in nodes if node.op == "input"],
        "outputs": {name: [value.node, value.port] for name, value in outputs.items()},
        "structure": structure,
    }
    first = next(iter(outputs.values())).node
    for node in nodes:
        said = {"graph": {"nodes": len(nodes), **ends}} if node.name == first else {}
        made.add_node(node.name, **_written(node, orders.get(node.name, 0), texts, said))
    for node in nodes:
        for slot, (source, port) in enumerate(node.inputs):
            made.add_edge(source, node.name, key=slot, slot=slot, port=port)
    made.graph.update({name: json.dumps(value) for name, value in ends.items()})
    return networkx.freeze(made)  # type: ignore[no-any-return]  # its stub has no types


def _written(node: Node, order: int, texts: dict[int, str], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a node, with what else its `meta` says; texts that nodes share are written once."""
    init = node.attrs.get("init")
    is_own = init is not None and not isinstance(init, str)
    if is_own:  # the user's: named, so that it is missed when read
        node = replace(node, attrs=node.attrs.replace(init=class_name(init)))
    text = texts.get(id(node.attrs))
    data = node_to_json(node if text is None else replace(node, attrs=Attrs()), order)
    attrs, types, path = data.pop("attrs", {}), data.pop("types"), data.pop("path", "")
    op, _ = data.pop("op"), data.pop("inputs", None)
    kind = op if op in SOURCES else "op"
    if is_own:
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
    written["meta"] = json.dumps({**data, **said})
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
    said = {
        key: {field: value for field, value in digraph.nodes[key].items() if not is_missing(value)}
        for key in names
    }
    for key, name in names.items():
        if "op" not in said[key]:
            raise GraphError(_without_op(name, said[key], digraph, names), code="GI107", node=name)
    nodes, records = [], []
    for (key, fields), name in zip(said.items(), names.values(), strict=True):
        node, meta = read_node(name, fields, digraph, key, names)
        nodes.append(node)
        called.setdefault(meta.get("name", name).text(), []).append(name)
        records += [meta.get("graph")] if "graph" in meta.value else []
    text_names = _Names(called, set(names.values()))
    if any(found != [before] for before, found in called.items()):
        nodes = [_with_sizes_of(node, text_names) for node in nodes]
    check_dtypes(nodes)
    ends = {name: digraph.graph.get(name) for name in ENDS}
    if all(map(is_missing, ends.values())) and len(records) == 1:
        ends = _ends_of(records[0], nodes, text_names)
    reader = _Reader(ends, names, text_names)
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
    if not fields.keys() & set(FIELDS):  # a slip in an edge makes a node
        others = [other for key, other in names.items() if "op" in digraph.nodes[key]]
        hint = did_you_mean(name, others)
        return f"nodes[{name!r}] has no op{hint}" if hint else text
    return text


# --- names in text ----------------------------------------------------------------------------


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


# --- inputs and outputs -----------------------------------------------------------------------


ENDS = ("inputs", "outputs", "structure")
"""What a digraph itself says."""


def _ends_of(record: Json, nodes: Sequence[Node], names: _Names) -> dict[str, Any]:
    """Return what a digraph said before a format dropped it; nothing when nodes came or went since."""
    given = [names.find(value.node, record.place) for value in read_outputs(record.get("outputs")).values()]
    if None in given or record.get("nodes").value != len(nodes):
        return {}
    return {name: json.dumps(record.get(name, None).value) for name in ENDS}


class _Reader:
    """Reads what a digraph says of its inputs and outputs: Python values name keys, text names names."""

    def __init__(self, stated: Mapping[str, Any], keys: Mapping[Any, str], names: _Names) -> None:
        self._stated = stated
        self._keys = {**{name: name for name in keys.values()}, **keys}
        self._names = names

    def read(self, field: str) -> tuple[Json, bool]:
        """Return a field, None when it is left out, and whether it was text."""
        value, place = self._stated.get(field), f"graph[{field!r}]"
        if is_missing(value):
            return Json(None, place), False
        if not isinstance(value, str):
            return Json(value, place), False
        if self._names.find(value, place) is not None:
            return Json(value, place), True
        return Json(decoded(Json(value, place), object, "the name of a node, or JSON text"), place), True

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
