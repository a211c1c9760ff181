"""Graphs as JSON values, and back.

Values that JSON has no word for are objects of one key: ``{"dim": ...}`` for a symbolic size,
``{"array": ...}``, ``{"float": "nan"}``, ``{"graph": ...}``.

What is read is checked whole, here and not where it is used: a graph may come from anywhere, and what it
says ends up in text that is run, in sizes of memory and in loops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import networkx
import numpy as np

from graphinit.errors import GraphError, GraphInitError
from graphinit.ir.dims import Dim, Expr, parse_dim, read_dim
from graphinit.ir.kernel import Kernel
from graphinit.ir.node import Meta, Node, Value
from graphinit.ir.op import MOST_OUTPUTS, SOURCES, Attrs, Literal, intern_rule, op_spec
from graphinit.ir.origin import Origin
from graphinit.ir.signature import Operand, Star
from graphinit.ir.types import DTYPES, MOST_AXES, TensorType
from graphinit.json_values import Json


def in_order(nodes: Sequence[Node]) -> list[Node]:
    """Return nodes with inputs first, each as near to where it stands as that allows."""
    by_name = {node.name: node for node in nodes}
    if len(by_name) != len(nodes):
        seen: set[str] = set()
        twice = next(node.name for node in nodes if node.name in seen or seen.add(node.name))  # type: ignore[func-returns-value]
        raise GraphError(f"two nodes are called {twice!r}", code="GI101", node=twice)
    placed: set[str] = set()
    if all(placed.issuperset(_sources(node)) and not placed.add(node.name) for node in nodes):  # type: ignore[func-returns-value]
        return list(nodes)
    order: networkx.DiGraph[str] = networkx.DiGraph()
    order.add_nodes_from(by_name)
    for node in nodes:
        for source in _sources(node):
            if source not in by_name:
                raise GraphError(
                    f"{node.name!r} takes {source!r}, which is not in the graph", code="GI106", node=node.name
                )
            order.add_edge(source, node.name)
    try:
        place = {name: index for index, name in enumerate(by_name)}
        return [by_name[name] for name in networkx.lexicographical_topological_sort(order, place.__getitem__)]
    except networkx.NetworkXUnfeasible as cause:
        cycle = " -> ".join(edge[0] for edge in networkx.find_cycle(order))
        start = cycle.partition(" -> ")[0]
        raise GraphError(
            f"these nodes wait for each other: {cycle} -> {start}", code="GI102", node=start
        ) from cause


def _sources(node: Node) -> list[str]:
    """Return the names of the nodes that one takes, in its inputs and in its attributes."""
    sizes = intern_rule(node.op, node.attrs).sizes
    return [*(value.node for value in node.inputs), *(size.node for size in sizes)]


def node_to_json(node: Node, order: int) -> dict[str, Any]:
    """Return a node as JSON values; folders of origins are dropped.

    Parameters
    ----------
    node : Node
        The node.
    order : int
        Which of the graph's nodes it is by the time of creation; 0 to leave that out.
    """
    data: dict[str, Any] = {"name": node.name, "op": node.op}
    if node.inputs:
        data["inputs"] = [[value.node, value.port] for value in node.inputs]
    if node.attrs:
        data["attrs"] = {name: _attr_to_json(value, node) for name, value in node.attrs.items()}
    data["types"] = [
        [None if t.shape is None else [_attr_to_json(d, node) for d in t.shape], t.dtype] for t in node.types
    ]
    meta = node.meta
    if meta.path:
        data["path"] = meta.path
    if meta.block:
        data["block"] = meta.block
    if meta.notes:
        data["notes"] = list(meta.notes)
    if order:
        data["order"] = order
    if meta.aliases:
        data["aliases"] = list(meta.aliases)
    if meta.kernel is not None:
        data["kernel"] = [meta.kernel.axes, meta.kernel.transposed]
    if meta.origin is not None:
        file, _, line = str(meta.origin).rpartition(":")
        data["origin"] = [file, int(line)]
    return data


def _attr_to_json(value: Any, node: Node) -> Any:
    try:
        return value_to_json(value)
    except ValueError as cause:
        raise GraphError(f"{node.name!r} has {cause}", code="GI107", node=node.name) from cause


def value_to_json(value: Any) -> Any:
    """Return an attribute as JSON values: a canonical one, or one that a person wrote (lists, NumPy's numbers).

    Raises
    ------
    ValueError
        When JSON has no word for it; in words that complete "it has ...".
    """
    if isinstance(value, tuple | list):
        return [value_to_json(item) for item in value]
    if isinstance(value, dict):
        return {str(name): value_to_json(item) for name, item in value.items()}
    if hasattr(value, "to_data"):  # a graph
        return {"graph": value.to_data()}
    if isinstance(value, Expr):
        return {"dim": value.to_json()}
    if isinstance(value, np.generic):
        return value_to_json(float(value) if isinstance(value, np.floating) else value.item())
    array: Any = value.array if isinstance(value, Literal) else value
    if isinstance(array, np.ndarray) and array.dtype.name in DTYPES:
        numbers = array.reshape(-1).tolist()
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            numbers = [number if np.isfinite(number) else repr(number) for number in numbers]
        return {"array": numbers, "shape": list(array.shape), "dtype": array.dtype.name}
    if isinstance(value, float) and not np.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(
        f"an attribute that JSON cannot say: {value!r}; an initializer is written down when it is one of "
        "graphinit.init, or of a class with @init.register that hands its arguments to super().__init__"
    )


# --- reading ----------------------------------------------------------------------------------

READERS: dict[str, Callable[[Json], Any]] = {}
"""How to read objects of one key that are defined above this file: ``{"graph": ...}``."""

SOURCE_ATTRS = {"parameter": ("init", "trainable"), "constant": ("value",), "state": ("stored",)}
"""The attributes of nodes that have no op to say them."""

_NOT_FINITE = ("nan", "inf", "-inf")
_DEEPEST = 16  # lists in lists among attributes


def read_node(data: Json) -> Node:
    """Read what `node_to_json` gave, and check it by its op.

    Raises
    ------
    GraphError
        When it is not well formed, or says what its op does not take; with the code of what is wrong.
    ValueError
        When it has no name.
    """
    name = data.get("name").text()
    if not name:
        data.get("name").fail("a name")

    def stated(count: int) -> list[tuple[Json, Json]]:
        types = data.get("types")
        pairs = [item.pair("a shape and a dtype") for item in types.items(MOST_OUTPUTS)]
        return pairs if len(pairs) == count else types.fail(f"the types of {count} outputs")

    with naming(name, data):
        return make_node(name, data, map(_read_value, data.get("inputs", []).items(MOST_OUTPUTS)), stated)


@contextmanager
def naming(name: str, data: Json) -> Iterator[None]:
    """Say of what goes wrong with a node which node it is and where it stands."""
    try:
        yield
    except GraphInitError as cause:
        place = data.place
        message = cause.message if cause.message.startswith(place) else f"{place}: {cause.message}"
        raise GraphError(message, code=cause.code, node=name) from cause
    except ValueError as cause:
        raise GraphError(str(cause), code="GI107", node=name) from cause


def make_node(
    name: str, data: Json, inputs: Iterable[Value], stated: Callable[[int], Sequence[tuple[Json, Json]]]
) -> Node:
    """Return a node, checked by its op.

    Parameters
    ----------
    name : str
        Its name.
    data : Json
        What else it says but inputs and types: ``op``, ``attrs``, ``path`` and so on.
    inputs : iterable of Value
        What it takes.
    stated : callable
        Given how many outputs the op has, returns as many shapes and dtypes.

    Raises
    ------
    GraphInitError, ValueError
        When it is not well formed, or not what its op allows.
    """
    op, attrs, inputs = data.get("op").text(), data.get("attrs", {}), tuple(inputs)
    given, count = Attrs({key: _read_attr(value) for key, value in attrs.entries()}), 1
    if op in SOURCES:
        if inputs:
            raise ValueError(f"{data.place}: {op} takes no inputs and is one value")
    else:
        spec = op_spec(op)
        spec.check_arity(len(inputs))
        given = spec.check_attrs(given)
        count = spec.output_count(given)
    types = []
    for port, (shape, dtype) in enumerate(stated(count)):
        types.append(_read_type(shape, dtype))
        if op not in SOURCES and not _has_rank(spec.parsed.output(port), types[-1].rank):
            shape.fail(f"of a rank that {spec.name} gives, {spec.signature}")
    if op in SOURCES:
        _check_source(op, given, types[0], attrs)
    return Node(name, op, given, inputs, tuple(types), _read_meta(data))


def _read_meta(data: Json) -> Meta:
    origin = data.get("origin", None)
    place = None
    if origin.value is not None:
        file, line = origin.pair("a file and a line")
        place = Origin(file.text(), None, line.whole(0))
    notes = tuple(
        None if note.value is None else note.text() for note in data.get("notes", []).items(MOST_OUTPUTS)
    )
    aliases = tuple(alias.text() for alias in data.get("aliases", []).items(MOST_OUTPUTS))
    path, block = data.get("path", "").text(), data.get("block", "").text()
    return Meta(path, place, notes, block, data.get("order", 0).whole(0), aliases, _read_kernel(data))


def _read_kernel(data: Json) -> Kernel | None:
    kernel = data.get("kernel", None)
    if kernel.value is None:
        return None
    axes, transposed = kernel.pair("axes, and whether they are transposed")
    if not isinstance(transposed.value, bool):
        transposed.fail("true or false")
    return Kernel(axes.text(), transposed.value)


def _read_value(data: Json) -> Value:
    node, port = data.pair("a node and the number of its output")
    return Value(node.text(), port.whole(0))


def _read_type(shape: Json, dtype: Json) -> TensorType:
    if dtype.value is not None and dtype.value not in DTYPES:
        dtype.fail(f"one of {', '.join(DTYPES)}")
    if shape.value is None:
        return TensorType(None, dtype.value)
    return TensorType(tuple(map(_read_size, shape.items(MOST_AXES))), dtype.value)


def _read_size(data: Json) -> Dim:
    if isinstance(data.value, dict):
        return parse_dim(read_dim(data.get("dim")))
    return parse_dim(data.value if isinstance(data.value, str) else data.whole(-1))


def _read_attr(data: Json, depth: int = 0) -> Any:
    value = data.value
    if isinstance(value, list):
        if depth == _DEEPEST:
            data.fail(f"lists of no more than {_DEEPEST} levels")
        return tuple(_read_attr(item, depth + 1) for item in data.items(MOST_OUTPUTS))
    if isinstance(value, dict):
        if "dim" in value:
            return read_dim(data.get("dim"))
        if "float" in value:
            number = data.get("float")
            return float(number.value) if number.value in _NOT_FINITE else number.fail("nan, inf or -inf")
        if "array" in value:
            return _read_array(data)
        for key, read in READERS.items():
            if key in value:
                return read(data.get(key))
        return data.fail("an attribute")
    if isinstance(value, str):
        return data.text()
    if isinstance(value, bool) or value is None:
        return value
    return data.number() if isinstance(value, float) else data.whole()


def _read_array(data: Json) -> Literal:
    name, numbers = data.get("dtype"), data.get("array")
    if name.value not in DTYPES:
        name.fail(f"one of {', '.join(DTYPES)}")
    dtype = np.dtype(name.value)
    shape = tuple(size.whole(0) for size in data.get("shape").items(MOST_AXES))
    values = numbers.value if isinstance(numbers.value, list) else numbers.fail("a list of numbers")
    kinds: set[type] = {bool} if dtype.kind == "b" else {int, float, str} if dtype.kind == "f" else {int}
    if not kinds.issuperset(map(type, values)) or any(v not in _NOT_FINITE for v in values if type(v) is str):
        numbers.fail(f"values of {name.value}")
    try:
        with np.errstate(over="raise"):
            return Literal(np.array(values, dtype=dtype).reshape(shape))
    except (ValueError, ArithmeticError) as cause:
        raise ValueError(f"{numbers.place} are no values of {name.value}{list(shape)}: {cause}") from cause


def _check_source(op: str, held: Attrs, type: TensorType, attrs: Json) -> None:
    known = SOURCE_ATTRS.get(op, ())
    for name, item in attrs.entries():
        if name not in known:
            item.fail(f"left out: {op} has no such attribute")
    if op == "parameter":
        init, trainable = attrs.get("init", None), attrs.get("trainable", True)
        if init.value is not None:
            init.text()
        if not isinstance(trainable.value, bool):
            trainable.fail("true or false")
    elif op == "state":
        stored = attrs.get("stored", None)
        if stored.value not in (None, "forward", "backward"):
            stored.fail("'forward' or 'backward'")
    elif op == "constant":
        value = attrs.get("value")
        match held["value"]:
            case Literal(array=array):
                if (type.shape, type.dtype) != (array.shape, array.dtype.name):
                    value.fail(f"an array of the type {type}")
            case bool() | int() | float() | Expr() if type.shape == ():
                pass
            case _:
                value.fail("an array, or a number without axes")


def _has_rank(operand: Operand, rank: int | None) -> bool:
    """Whether an output can have as many axes, as far as its signature says."""
    if rank is None or operand.terms is None:
        return True
    single = sum(not isinstance(term, Star) for term in operand.terms)
    return rank == single if single == len(operand.terms) else rank >= single


def read_outputs(data: Json) -> dict[str, Value]:
    """Read the outputs of a graph by name; `ValueError` when they are not well formed."""
    return {name: _read_value(value) for name, value in data.entries(MOST_OUTPUTS)}


def read_structure(data: Json, outputs: Mapping[str, Value]) -> Any:
    """Read how outputs are returned; `ValueError` when that names what is no output."""
    if isinstance(data.value, str):
        return data.value if data.value in outputs else data.fail("the name of an output")
    if isinstance(data.value, dict):
        return {key: read_structure(item, outputs) for key, item in data.entries(MOST_OUTPUTS)}
    return [read_structure(item, outputs) for item in data.items(MOST_OUTPUTS)]
