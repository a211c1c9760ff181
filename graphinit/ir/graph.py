"""Graphs: nodes by name, in topological order, with a networkx view.

A `GraphBuilder` adds nodes after their inputs, so insertion order is a topological order and
nothing ever sorts.  `Node.inputs` is the truth that passes read.  The `networkx.MultiDiGraph` of
the same nodes and edges (a plain `DiGraph` would merge the two edges of ``x * x``) is made on first
use of `Graph.nx`: that costs some 25 microseconds a node, more than most passes do.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Protocol

import networkx

from graphinit.copying import WHAT_TO_DO, find_nameless
from graphinit.errors import GraphError, UnknownNameError
from graphinit.ir.digraph import read_digraph, write_digraph
from graphinit.ir.dims import Expr
from graphinit.ir.joining import all_or_nothing, join
from graphinit.ir.node import NO_META, UNTYPED, Meta, Node, Value
from graphinit.ir.node_table import NodeTable, Row
from graphinit.ir.op import NO_ATTRS, Attrs, intern_rule, op_spec
from graphinit.ir.printer import format_graph
from graphinit.ir.serialization import (
    READERS,
    in_order,
    node_to_json,
    read_node,
    read_outputs,
    read_structure,
)
from graphinit.ir.types import TensorType
from graphinit.json_values import Json
from graphinit.suggestions import did_you_mean

Structure = Any
"""How outputs are returned: an output's name, or a list, tuple or dict of structures."""

Fields = tuple[Any, ...]
"""A node as a pickle holds it."""


class Symbol(Protocol):
    """What `Graph` needs of a tensor."""

    @property
    def builder(self) -> GraphBuilder:
        """The builder that holds it."""

    @property
    def value(self) -> Value:
        """Its place there."""


class Graph:
    """An immutable network: a DAG of ops and parameters.

    Parameters
    ----------
    outputs : tensor, sequence of tensors, or mapping from name to tensor
        What the graph computes.  A single one is called ``"y"``, several ``"y.0"``, ``"y.1"``.
    inputs : sequence of tensors, optional
        The inputs, in order; by default those that the outputs need, in order of creation.

    Raises
    ------
    GraphError
        If an output is no tensor, or an input is needed and not listed.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> x = F.input("x", shape=(-1, 20))
    >>> graph = Graph(outputs=F.relu(x))
    >>> print(graph)
    graph(x: float32[-1, 20])
      relu = relu(x)
      return y=relu
    """

    __slots__ = (
        "__weakref__",
        "_nx",
        "declared",
        "index",
        "left_out",
        "nodes",
        "numbers",
        "outputs",
        "structure",
        "table",
    )

    nodes: Mapping[str, Node]
    outputs: Mapping[str, Value]
    structure: Structure
    table: Sequence[Row]
    numbers: Mapping[str, int]

    def __init__(
        self,
        outputs: Symbol | Sequence[Symbol] | Mapping[str, Symbol],
        inputs: Sequence[Symbol] | None = None,
    ) -> None:
        named = _name_outputs(outputs)
        structure: Structure = tuple(named)
        if isinstance(outputs, Mapping):
            structure = {name: name for name in named}
        elif not isinstance(outputs, Sequence):
            structure = "y"
        with all_or_nothing():
            builder = join(tensor.builder for tensor in (*named.values(), *(inputs or ())))
            values = {name: tensor.value for name, tensor in named.items()}
            order = None if inputs is None else [tensor.value.node for tensor in inputs]
            built = builder.build(values, inputs=order, structure=structure)
        self._assign(built.nodes, built.outputs, built.table, built.numbers, structure)

    def _assign(
        self,
        nodes: Mapping[str, Node],
        outputs: Mapping[str, Value],
        table: Sequence[Row],
        numbers: Mapping[str, int],
        structure: Structure,
    ) -> Graph:
        self.nodes = MappingProxyType(dict(nodes))
        self.outputs = MappingProxyType(dict(outputs))
        self.table = table
        self.numbers = numbers
        self.structure = structure
        self.left_out: tuple[Node, ...] = ()  # the ends of branches that no output needs
        self.index: Any = None  # what the shape solver worked out of the table
        self.declared: Any = None  # what it read off the nodes
        self._nx: networkx.MultiDiGraph[str] | None = None
        return self

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __len__(self) -> int:
        return len(self.nodes)

    def __contains__(self, name: object) -> bool:
        return name in self.nodes

    def __getitem__(self, name: str) -> Node:
        node = self.nodes.get(name)
        if node is None:
            hint = did_you_mean(str(name), self.nodes)
            raise UnknownNameError(f"the graph has no node named {name!r}{hint}", node=str(name))
        return node

    def _of_kind(self, kind: str) -> Mapping[str, Node]:
        return MappingProxyType({node.name: node for node in self if node.op == kind})

    @property
    def inputs(self) -> Mapping[str, Node]:
        """The inputs by name, in order."""
        return self._of_kind("input")

    @property
    def parameters(self) -> Mapping[str, Node]:
        """The parameters by path."""
        return self._of_kind("parameter")

    @property
    def state(self) -> Mapping[str, Node]:
        """The state nodes (running statistics, random streams) by path."""
        return self._of_kind("state")

    @property
    def nx(self) -> networkx.MultiDiGraph[str]:
        """The same graph in networkx, read-only: what networkx asks, draws and writes works on it.

        A key is a node's name, and its attributes are plain: ``op``; ``kind``, which is that of a source
        (``"input"``, ``"parameter"``, ``"state"``, ``"constant"``) or ``"op"``; ``path`` of its block;
        ``dtype``; ``shape`` and ``attrs`` as the JSON text that `to_json` uses, and ``meta``, the text of
        what else it says of a node.  What a node doesn't state is left out; one of several outputs lists
        its dtypes and shapes.  ``self[name]`` is the `Node`.

        An edge runs from what is taken to who takes it; its attribute ``slot`` (and its key) says which
        input it is, ``port`` which output it carries.  ``nx.graph`` has ``inputs``, ``outputs`` and
        ``structure`` as text; for GEXF, which has no place for them, the node of the first output says them too.

        `from_networkx` is the way back, also from what networkx wrote to a file and read again: GraphML,
        GEXF, GML, node-link and adjacency data hold all of a graph.

        Examples
        --------
        >>> from graphinit import functional as F
        >>> view = Graph(F.relu(F.input("x", shape=(-1, 20)))).nx
        >>> dict(view.nodes(data="op"))
        {'x': 'input', 'relu': 'relu'}
        >>> view.nodes["x"]["shape"], list(view.edges(keys=True, data="port"))
        ('[-1, 20]', [('x', 'relu', 0, 0)])
        """
        if self._nx is None:
            self._nx = write_digraph(tuple(self), self._orders(), self.outputs, self.structure)
        return self._nx

    @staticmethod
    def from_networkx(digraph: networkx.Graph[Any]) -> Graph:
        """Return the graph that a networkx digraph says: one of the form of `nx`, or one built by hand.

        Parameters
        ----------
        digraph : networkx.DiGraph or networkx.MultiDiGraph
            Nodes need ``op`` alone: the name of an op, ``"input"``, ``"parameter"``, ``"state"`` or
            ``"constant"``.  Keys become names, by `str`; nodes may stand in any order.  Attributes may be
            text as in `nx`, or Python values: ``shape`` any input specification (``(-1, 20)``,
            ``"int64[batch]"``), ``attrs`` a dict.  Attributes that have no meaning here are ignored; None
            and NaN mean that there is none.

            - ``shape`` and ``dtype`` left out are for inference to find (an input becomes int64 where ids
              are taken, else float32; a constant has those of its value).
            - ``attrs`` left out are the op's defaults; those of a parameter are ``init`` and ``trainable``,
              that of a constant ``value``.
            - ``slot`` left out, on all edges to a node, is the order in which they were added.  A copy or a
              file of a digraph keeps that order only where it is that of the nodes: give ``slot`` to edges
              of ops for which it matters.  A `DiGraph` cannot say that a node takes a value twice.
            - ``port`` left out is 0.
            - ``digraph.graph["inputs"]`` lists the inputs, by default all in order; ``["outputs"]`` is a
              node, a list of nodes, or a dict whose keys name the outputs, where ``(node, port)`` stands for
              another output than the first.  By default every op that no other takes is an output.

        Returns
        -------
        Graph
            With all nodes, inputs first.

        Raises
        ------
        GraphError
            GI107 when it is no such digraph, or says too little or two things at once; GI101 when names
            clash, GI102 when it has a cycle, GI106 when a name is missing; GI103 to GI105, GI205, GI206 and
            GI301 when a node is none that its op allows.

        Examples
        --------
        >>> import networkx as nx
        >>> g = nx.DiGraph()
        >>> g.add_node("x", op="input", shape=("batch", 20))
        >>> g.add_node("w", op="parameter", shape=(256, -1))
        >>> g.add_node("h", op="linear")
        >>> g.add_edge("x", "h", slot=0)
        >>> g.add_edge("w", "h", slot=1)
        >>> print(Graph.from_networkx(g))
        graph(x: ?[batch, 20])
          w: ?[256, -1] = parameter(init=None, trainable=True)
          h = linear(x, w, flatten=False)
          return y=h
        """
        try:
            nodes, inputs, outputs, structure = read_digraph(digraph)
            return _built(nodes, outputs, structure, inputs)
        except (TypeError, ValueError, RecursionError) as cause:
            if isinstance(cause, GraphError):
                raise
            detail = "it is nested too deeply" if isinstance(cause, RecursionError) else cause
            raise GraphError(f"this networkx graph says no network: {detail}", code="GI107") from cause

    def users(self) -> dict[str, list[tuple[Node, int]]]:
        """For each node's name, the nodes that take it and in which slot."""
        users: dict[str, list[tuple[Node, int]]] = {name: [] for name in self.nodes}
        for node in self:
            for slot, value in enumerate(node.inputs):
                users[value.node].append((node, slot))
        return users

    def type_of(self, value: Value) -> TensorType:
        """Type of a value as far as the graph states it."""
        return self[value.node].types[value.port]

    def __str__(self) -> str:
        return format_graph(self)

    def __repr__(self) -> str:
        return f"<Graph of {len(self)} nodes>"

    def _structure(self) -> tuple[Any, ...]:
        """What equality compares: names of op nodes and origins left out."""
        number = {name: index for index, name in enumerate(self.nodes)}

        def portable(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(map(portable, value))
            if isinstance(value, Expr) and value.sizes:
                return ("size", str(value.rename(lambda name: f"%{number[name]}")))
            return value

        rows = tuple(
            (
                node.name if node.is_source and node.op != "constant" else None,
                node.op,
                Attrs({name: portable(item) for name, item in node.attrs.items()}),
                tuple((number[value.node], value.port) for value in node.inputs),
                node.types,
            )
            for node in self
        )
        outputs = tuple((name, number[value.node], value.port) for name, value in self.outputs.items())
        return rows, outputs

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graph):
            return NotImplemented
        return self is other or (len(self) == len(other) and self._structure() == other._structure())

    def __hash__(self) -> int:
        return hash((len(self), tuple(self.outputs), tuple(self.inputs)))

    def replace(self, nodes: Mapping[str, Node], outputs: Mapping[str, Value] | None = None) -> Graph:
        """Return the graph with some nodes replaced by others of the same name and wiring kind."""
        builder = GraphBuilder()
        for node in self:
            builder.append(nodes.get(node.name, node))
        if outputs is None:
            return builder.build(self.outputs, structure=self.structure, keep_all=True)
        return builder.build(outputs, keep_all=True)

    def with_types(self, types: Mapping[str, tuple[TensorType, ...]]) -> Graph:
        """Return the graph with other types on some nodes: as many per node as there were.

        Cheaper than `replace`, since nodes and wiring stay.
        """
        nodes = dict(self.nodes)
        for name, changed in types.items():
            old = nodes[name]
            nodes[name] = Node(name, old.op, old.attrs, old.inputs, changed, old.meta)
        graph = Graph.__new__(Graph)._assign(nodes, self.outputs, self.table, self.numbers, self.structure)
        graph.index, graph.left_out = self.index, self.left_out
        return graph

    def __copy__(self) -> Graph:
        return self

    def __deepcopy__(self, memo: Any) -> Graph:
        return self

    def __reduce__(self) -> Any:
        return _rebuilt, (_fields(self), dict(self.outputs), self.structure, _fields(self.left_out))

    def to_json(self) -> str:
        """Return the graph as JSON text: names kept, folders of origins dropped."""
        return json.dumps(self.to_data())

    def to_data(self) -> dict[str, Any]:
        """Return what `to_json` writes, as JSON values: the same for the same network, whenever it is traced."""
        order = self._orders()
        return {
            "format": "graphinit-graph",
            "version": 1,
            "nodes": [node_to_json(node, order.get(node.name, 0)) for node in self],
            "outputs": {name: [value.node, value.port] for name, value in self.outputs.items()},
            "structure": self.structure,
        }

    def _orders(self) -> dict[str, int]:
        """Number the nodes by the time of creation, inputs as they stand; 0 for what has no time."""
        created = sorted({node.meta.order for node in self} - {0})
        order = dict(zip([0, *created], range(len(created) + 1), strict=True))
        orders = {node.name: order[node.meta.order] for node in self}
        return orders | dict(zip(self.inputs, sorted(orders[name] for name in self.inputs), strict=True))

    @staticmethod
    def from_json(text: str | bytes) -> Graph:
        """Read what `to_json` wrote; nodes may stand in any order.

        The text may come from anywhere: it is checked whole, and nothing in it is run.

        Raises
        ------
        GraphError
            GI107 when it is not such a text; GI101 when names clash, GI102 when it has a cycle, GI106 when a
            name is missing; GI103 to GI105, GI205 and GI206 when a node is none that its op allows.
        """
        try:
            return _read_graph(Json.parse(text))
        except (TypeError, ValueError, RecursionError) as cause:
            if isinstance(cause, GraphError):
                raise
            detail = "it is nested too deeply" if isinstance(cause, RecursionError) else cause
            raise GraphError(f"this is not the JSON text of a graph: {detail}", code="GI107") from cause


_DEEPEST = 16  # graphs among the attributes of graphs


def _read_graph(data: Json) -> Graph:
    if data.place.count(".graph") > _DEEPEST:
        raise ValueError(f"graphs are nested in graphs deeper than {_DEEPEST}")
    format, version = data.get("format"), data.get("version")
    if format.value != "graphinit-graph":
        format.fail("'graphinit-graph'")
    if version.value != 1:
        raise ValueError(f"version {version.whole()} is not known")
    outputs = read_outputs(data.get("outputs"))
    structure = data.get("structure", None)
    nodes = [read_node(item) for item in data.get("nodes").items()]
    return _built(nodes, outputs, None if structure.value is None else read_structure(structure, outputs))


def _built(
    nodes: Sequence[Node],
    outputs: Mapping[str, Value],
    structure: Structure,
    inputs: Sequence[str] | None = None,
) -> Graph:
    """Return the graph of nodes that were read, in whatever order they stand."""
    builder = GraphBuilder()
    for node in in_order(nodes):
        builder.append(node)
    return builder.build(outputs, inputs=inputs, structure=structure, keep_all=True)


READERS["graph"] = _read_graph  # attributes may be graphs


class GraphBuilder(NodeTable):
    """Builds a graph, node by node, inputs first.

    Parameters
    ----------
    resolve : callable, optional
        Given the builder and a value, says what is known of its type; this is how a tensor knows
        its shape while a network is described.

    Examples
    --------
    >>> builder = GraphBuilder()
    >>> x = builder.source("input", "x", TensorType((-1, 4), "float32"))
    >>> y = builder.add("relu", [x])
    >>> list(builder.build({"y": y}).nodes)
    ['x', 'relu']
    """

    _created = itertools.count(1)

    def __init__(self, resolve: Any = None) -> None:
        super().__init__()
        self.resolve = resolve
        self.solver: Any = None  # what `resolve` remembers between questions
        self.scope: Meta | None = None  # metadata for nodes made now, while a block is traced
        self.into: GraphBuilder | None = None
        self.renamed: dict[str, str] = {}

    def __reduce__(self) -> Any:
        """Copy and pickle the nodes; what is remembered of their shapes is found again."""
        return _rebuilt_builder, (_fields(self.nodes.values()), self.resolve, self.scope)

    def next_order(self) -> int:
        """Return the next number of the counter of creation."""
        return next(self._created)

    def source(
        self, op: str, name: str, type: TensorType, attrs: Attrs = NO_ATTRS, meta: Meta | None = None
    ) -> Value:
        """Add an input, parameter, state or constant and return its value.

        Raises
        ------
        GraphError
            GI101 when the name is taken.
        """
        meta = replace(meta or NO_META, order=self.next_order())
        self.append(Node(name, op, attrs, (), (type,), meta))
        return Value(name)

    def add(
        self,
        op: str,
        inputs: Sequence[Value],
        attrs: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        meta: Meta = NO_META,
        types: tuple[TensorType, ...] | None = None,
    ) -> Value:
        """Add an op and return its first output.

        Parameters
        ----------
        op : str
            Name of the op.
        inputs : sequence of Value
            What it takes; nodes of this builder.
        attrs : mapping, optional
            Attributes as the user gave them; checked and completed here.
        name : str, optional
            Name of the node; by default ``<block path>.<op>``, made unique.
        meta : Meta
            Where it comes from.
        types : tuple of TensorType, optional
            What is known of its outputs.

        Raises
        ------
        OpError
            If there is no such op, or inputs or attributes don't fit it.
        """
        spec = op_spec(op)
        spec.check_arity(len(inputs))
        checked = intern_rule(op, spec.check_attrs(attrs or {})).attrs  # one object for equal ones
        if types is None:
            types = (UNTYPED,) * spec.output_count(checked)
        if name is None:
            name = self.unique(f"{meta.path}.{op}" if meta.path else op)
        self.append(Node(name, op, checked, tuple(inputs), types, meta))
        return Value(name)

    def truncate(self, count: int) -> None:
        """Forget all nodes but the first so many."""
        super().truncate(count)
        self.solver = None

    def build(
        self,
        outputs: Mapping[str, Value],
        *,
        inputs: Sequence[str] | None = None,
        structure: Structure = None,
        keep: Sequence[str] = (),
        keep_all: bool = False,
    ) -> Graph:
        """Return the graph of what the outputs need.

        Parameters
        ----------
        outputs : mapping from str to Value
            The outputs by name.
        inputs : sequence of str, optional
            Names of the inputs in order; listed ones are kept even when nothing needs them.
        structure : Structure, optional
            How the outputs are returned; by default the one output, or a dict of them by name.
        keep : sequence of str
            Nodes to keep although no output needs them.
        keep_all : bool
            Keep nodes that no output needs.

        Raises
        ------
        GraphError
            GI106 when an output, or an input, is not there.
        """
        for name, value in outputs.items():
            node = self.nodes.get(value.node)
            if node is None or not 0 <= value.port < len(node.types):
                raise GraphError(
                    f"output {name!r} is {value}, which is not in the graph", code="GI106", node=name
                )
        if not outputs:
            raise GraphError("a graph needs at least one output", code="GI107")
        needed = set(self.nodes) if keep_all else self.needed(outputs.values(), (*(inputs or ()), *keep))
        if inputs is not None:
            for name in inputs:
                if name not in self.nodes or self.nodes[name].op != "input":
                    raise GraphError(f"{name!r} is not an input of the graph", code="GI106", node=name)
            missing = [n for n in needed if self.nodes[n].op == "input" and n not in inputs]
            if missing:
                raise GraphError(
                    f"the outputs need the input {missing[0]!r}, which is not listed",
                    code="GI106",
                    node=missing[0],
                )
        given = [node for node in self.nodes.values() if node.op == "input" and node.name in needed]
        wanted = list(inputs) if inputs is not None else [node.name for node in sorted(given, key=_by_order)]
        graph = Graph.__new__(Graph)
        if structure is None:
            structure = next(iter(outputs)) if len(outputs) == 1 else {name: name for name in outputs}
        if len(needed) == len(self.nodes) and wanted == [node.name for node in given]:
            return graph._assign(self.nodes, outputs, tuple(self.table), dict(self.numbers), structure)
        selection = GraphBuilder()
        for name in wanted:
            selection.append(self.nodes[name])
        for name, node in self.nodes.items():
            if name in needed and node.op != "input":
                selection.append(node)
        return graph._assign(selection.nodes, outputs, tuple(selection.table), selection.numbers, structure)


def _fields(nodes: Iterable[Node]) -> list[Fields]:
    """Return what a pickle holds of nodes."""
    fields = []
    for node in nodes:
        found = find_nameless(node.attrs)
        if found is not None:
            raise GraphError(
                f"a graph cannot be pickled: attribute {found[0]} of {node.name!r} is {found[1]}; {WHAT_TO_DO}",
                node=node.name,
            )
        fields.append((node.name, node.op, node.attrs, node.inputs, node.types, node.meta))
    return fields


def _rebuilt_builder(nodes: Iterable[Fields], resolve: Any, scope: Meta | None) -> GraphBuilder:
    builder = GraphBuilder(resolve)
    for fields in nodes:
        builder.append(Node(*fields))
    builder.scope = scope
    return builder


def _rebuilt(
    nodes: Iterable[Fields], outputs: Mapping[str, Value], structure: Structure, left_out: Iterable[Fields]
) -> Graph:
    """Return the graph of a pickle; what is interned or remembered is made again."""
    table = NodeTable()
    for fields in nodes:
        table.append(Node(*fields))
    graph = Graph.__new__(Graph)._assign(table.nodes, outputs, tuple(table.table), table.numbers, structure)
    graph.left_out = tuple(Node(*fields) for fields in left_out)
    return graph


def _by_order(node: Node) -> int:
    return node.meta.order


def _name_outputs(outputs: Any) -> dict[str, Symbol]:
    if isinstance(outputs, Mapping):
        named = dict(outputs)
    elif isinstance(outputs, Sequence):
        named = {"y": outputs[0]} if len(outputs) == 1 else {f"y.{i}": item for i, item in enumerate(outputs)}
    else:
        named = {"y": outputs}
    for name, tensor in named.items():
        if not isinstance(name, str) or not hasattr(tensor, "builder"):
            raise GraphError(f"output {name!r} is {tensor!r}, not a tensor", code="GI107")
    if not named:
        raise GraphError("a graph needs at least one output", code="GI107")
    return named
