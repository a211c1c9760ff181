"""One node of a networkx digraph, as networkx or a person wrote it, read with the edges to it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from graphinit.errors import DTypeError, GraphError, OpError
from graphinit.ir.dims import Expr
from graphinit.ir.node import Node, Value
from graphinit.ir.op import MOST_OUTPUTS, REQUIRED, SOURCES, default_dtype, op_spec
from graphinit.ir.serialization import SOURCE_ATTRS, make_node, naming, value_to_json
from graphinit.ir.signature import Star
from graphinit.ir.types import TensorType, canonical_dtype
from graphinit.json_values import Json

FIELDS = ("op", "kind", "path", "dtype", "shape", "attrs", "meta")
"""The attributes of a node, in the order in which they are written."""

_MERGED = (
    "; a DiGraph has one edge from a node to another, so a node that takes a value twice needs a MultiDiGraph"
)


def is_missing(value: Any) -> bool:
    """Whether an attribute is not there: None, and what pandas puts into tables for it."""
    if isinstance(value, float | np.floating):
        return bool(np.isnan(value))
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def read_node(
    name: str, fields: dict[str, Any], digraph: Any, key: Any, names: Mapping[Any, str]
) -> tuple[Node, Json]:
    """Return a node, and what else was said of it: what it is called in text, and what its digraph says."""
    place = f"nodes[{name!r}]"
    given = Json(fields, place)
    op = fields["op"] = str(fields["op"]) if isinstance(fields["op"], str) else fields["op"]
    with naming(name, given):
        given.get("op").text()
        meta = decoded(given.get("meta", {}), Mapping, "an object, as JSON text")
        inputs = _read_edges(digraph, key, names)
        attrs = _read_attrs(op, given, lambda: _rank_of_operands(digraph, key, names))
        live = attrs.pop("init") if callable(attrs.get("init")) else None
        stated = Json({**meta, "op": op, "path": fields.get("path", ""), "attrs": attrs}, place)
        kind = op if op in SOURCES else "op"
        if fields.get("kind", kind) != kind:
            given.get("kind").fail(f"{kind!r}, which {op} is")
        try:
            node = make_node(name, stated, inputs, _stated_types(given, op, attrs))
        except OpError as cause:
            if cause.code == "GI104" and not digraph.is_multigraph() and 0 < len(inputs) < _least(op):
                cause.message += _MERGED
            raise
        if live is not None:
            node = replace(node, attrs=node.attrs.replace(init=live))
        return node, Json(dict(meta), f"{place}.meta")


def _least(op: str) -> int:
    return op_spec(op).parsed.arity[0]


def decoded(part: Json, kind: Any, wanted: str) -> Any:
    """Return a value that may stand as JSON text, of a kind."""
    value = part.value
    if isinstance(value, str):
        try:
            value = Json.parse(value).value
        except ValueError:
            part.fail(wanted)
    return value if isinstance(value, kind) else part.fail(wanted)


def _read_attrs(op: str, given: Json, rank: Callable[[], int | None]) -> dict[str, Any]:
    """Return the attributes of an op, as JSON values; an initializer of the user's own stays as it is."""
    part = given.get("attrs", None)
    is_text = isinstance(part.value, str)
    said = decoded(part, dict, "a dict, or one as JSON text") if is_text else part.value or {}
    if not isinstance(said, Mapping):
        part.fail("a dict, or one as JSON text")
    init = said.get("init")
    if op == "parameter" and isinstance(init, dict) and "object" in init:
        raise ValueError(
            f"{part.place}.init was an initializer of the class {init['object']!r}, which text cannot hold; "
            "give it again, or None"
        )
    required = {attr.name: attr.default is REQUIRED for attr in ([] if op in SOURCES else op_spec(op).attrs)}
    for name in [*required, *SOURCE_ATTRS.get(op, ())]:
        if name in said or name not in given.value:
            continue
        if name not in FIELDS:
            given.get(name).fail(f"in attrs, attrs={{{name!r}: ...}}, where {op} looks for it")
        if required[name]:
            raise ValueError(
                f"{given.place}: {op} needs {name} in attrs, attrs={{{name!r}: ...}}; on the node itself it "
                "states what comes out"
            )
    attrs = dict(said) if is_text else _attrs_to_json(op, said, given.place)
    return _each_axis(attrs, required, rank) if required.get("strides") else attrs


def _each_axis(
    attrs: dict[str, Any], required: Mapping[str, bool], rank: Callable[[], int | None]
) -> dict[str, Any]:
    """Return the attributes of a window, one number for each axis, as `graphinit.functional` completes them."""
    names = [
        name for name in ("kernel", "strides", "padding", "dilation", "output_padding") if name in required
    ]
    count = next(
        (len(attrs[name]) for name in names if attrs.get(name) and isinstance(attrs[name], list)), None
    )
    if count is None:
        known = rank()
        count = max(known - 2, 0) if known is not None else None
    kernel = attrs.get("kernel", 1)
    plain = {"strides": 1 if kernel == "all" else kernel, "padding": 0, "dilation": 1}
    for name in names:
        value = attrs.get(name, plain.get(name))
        if value == "valid":
            value = 0
        if type(value) is int and count is not None:
            value = [value] * count
        if value is not None:
            attrs[name] = value
    return attrs


def _attrs_to_json(op: str, attrs: Mapping[Any, Any], place: str) -> dict[str, Any]:
    """Return attributes that a person wrote as JSON values, as `graphinit.functional` takes them."""
    given = {str(name): value for name, value in attrs.items()}
    init, value = given.get("init"), given.get("value")
    if op == "parameter":
        if callable(init) and type(init).__module__.startswith("graphinit."):
            init = init.dumps()
        given = {"trainable": True, **given, "init": None if callable(init) else init}
    elif op == "constant" and isinstance(value, np.generic | list | tuple):
        array = np.asarray(value)
        is_wide = array.dtype == np.float64 and not isinstance(value, np.generic)
        given["value"] = array.astype(np.float32) if is_wide else array
    for attr in [] if op in SOURCES else op_spec(op).attrs:
        with contextlib.suppress(TypeError, ValueError, ArithmeticError):  # said below, or by the op
            given.update({attr.name: attr.check(given[attr.name])} if attr.name in given else {})
    try:
        made: dict[str, Any] = value_to_json(given)
    except ValueError as cause:
        raise ValueError(f"{place} has {cause}") from cause
    return {**made, "init": init} if op == "parameter" and callable(init) else made


def _rank_of_operands(digraph: Any, key: Any, names: Mapping[Any, str]) -> int | None:
    """Return the rank of what a window slides over, as its operands state it or what they come from."""
    passed: set[Any] = set()
    while key not in passed:  # a cycle is named later
        passed.add(key)
        keys = {names[source]: source for source in digraph.pred[key]}
        operands = [keys[value.node] for value in _read_edges(digraph, key, names)]
        is_window, keeps = _keeps_rank(digraph.nodes[key].get("op"))
        for operand in operands[: 2 if is_window else 1]:
            rank = _stated_rank(digraph.nodes[operand].get("shape"))
            if rank is not None:
                return rank
        if not (keeps and operands):
            break
        key = operands[0]
    return None


def _stated_rank(shape: Any) -> int | None:
    shape = _plain(shape)
    if isinstance(shape, list):
        return None if any(isinstance(item, list) for item in shape) else len(shape)
    is_type = isinstance(shape, str | TensorType) or hasattr(shape, "dtype")
    return TensorType.parse(shape).rank if is_type else None


def _keeps_rank(op: Any) -> tuple[bool, bool]:
    """Whether an op is a window over two operands, and whether what it gives has the rank of the first."""
    try:
        spec = op_spec(op)
    except (OpError, TypeError):  # said where that node is read
        return False, False
    is_window = any(attr.name == "strides" for attr in spec.attrs)  # conv has a kernel beside it
    ends = (*spec.parsed.inputs[:1], *spec.parsed.outputs[:1])
    by_element = all(len(end.terms or ()) == 1 and isinstance((end.terms or ())[0], Star) for end in ends)
    return is_window, is_window or by_element or spec.name == "batch_norm"


# --- types ------------------------------------------------------------------------------------


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
    return value.item() if isinstance(value, np.generic) else value


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


def check_dtypes(nodes: Sequence[Node]) -> None:
    """Raise `GraphError` unless the dtypes that ops state are those that they give."""
    types = {node.name: node.types for node in nodes}
    for node in nodes:
        stated = [type.dtype for type in node.types]
        if node.is_source or not any(stated):
            continue
        taken = [
            types[source][port].dtype if port < len(types[source]) else None for source, port in node.inputs
        ]
        if None in taken:
            continue  # inference settles it
        with contextlib.suppress(DTypeError):  # inference says so, with both sides
            given = (op_spec(node.op).dtype or default_dtype)(taken, node.attrs)
            for dtype, settled in zip(
                stated, given if isinstance(given, tuple) else [given] * len(stated), strict=False
            ):
                if None not in (dtype, settled) and dtype != settled:
                    raise GraphError(
                        f"nodes[{node.name!r}].dtype is {dtype}, but {node.op} of {', '.join(map(str, taken))} "
                        f"gives {settled}",
                        code="GI301",
                        node=node.name,
                    )


# --- edges ------------------------------------------------------------------------------------


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
        raise ValueError(
            f"no edge to {names[key]!r} has slot {min(every - placed.keys())}{'' if several else _MERGED}"
        )
    return [placed[slot] for slot in range(len(edges))]


def _number(data: Mapping[str, Any], name: str, source: str, user: str) -> int | None:
    """Return a whole number of an edge; formats make text of it, tables fractions."""
    value = data.get(name)
    if type(value) is int and 0 <= value < MOST_OUTPUTS:
        return value
    if is_missing(value):
        return None
    is_whole = isinstance(value, np.integer) or (
        isinstance(value, float | np.floating) and value.is_integer()
    )
    if is_whole or (isinstance(value, str) and value.isdecimal() and len(value) < 10):
        value = int(value)  # type: ignore[arg-type]  # it is text or a number
    return Json(value, f"edges[{source!r}, {user!r}].{name}").whole(0, MOST_OUTPUTS - 1)
