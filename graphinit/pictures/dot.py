"""From a graph to the text of a picture in Graphviz's language."""

from __future__ import annotations

import re
from collections.abc import Iterable

import graphviz

from graphinit.errors import CODES, GraphInitError
from graphinit.ir.graph import Graph
from graphinit.ir.node import Node, Value
from graphinit.ir.op import Literal
from graphinit.pictures.wording import (
    array_text,
    block_title,
    details_of,
    format_sizes,
    label_of,
    node_label,
    options_of,
    tooltip_of,
    types_text,
)

_FONT = "Helvetica,Arial,sans-serif"
_GREY = "#737a84"  # 4.3:1 on white as on near-black
_WARN = "#b7791f"
_BAD = "#d0342c"

_KINDS: dict[str, dict[str, str]] = {
    "input": {"shape": "box", "style": "rounded,filled", "fillcolor": "#1d7a6c", "color": "#2b9c8b"},
    "output": {
        "shape": "box",
        "style": "rounded,filled",
        "fillcolor": "#1d7a6c",
        "color": "#58c2b2",
        "penwidth": "2.2",
    },
    "parameter": {"shape": "note", "style": "filled", "fillcolor": "#96600f", "color": "#c68a2e"},
    "state": {"shape": "note", "style": "filled,dashed", "fillcolor": "#6f56a0", "color": "#a48ed0"},
    "constant": {"shape": "plaintext", "fontcolor": _GREY},
    "op": {"shape": "box", "style": "rounded,filled", "fillcolor": "#36609c", "color": "#6a93cc"},
    "block": {"shape": "box3d", "style": "filled", "fillcolor": "#46556b", "color": "#8494ab"},
}
"""How each kind of node looks."""

_KEPT = ("parameter", "state", "constant")

_EDGES: dict[str, dict[str, str]] = {
    "parameter": {"color": "#b98a3a", "penwidth": "0.9", "weight": "1"},
    "state": {"color": "#9179c4", "penwidth": "0.9", "weight": "1"},
    "constant": {"penwidth": "0.9", "weight": "1"},
}
"""How edges look that leave such a node; those that carry data are grey."""


class Picture:
    """The making of one DOT text."""

    def __init__(self, graph: Graph, errors: Iterable[GraphInitError], depth: int | None) -> None:
        self.graph = graph
        self.depth = depth
        self.errors: dict[str, list[GraphInitError]] = {}
        for error in errors:
            self.errors.setdefault(error.node or "", []).append(error)
        self.blocks = {node.meta.path: node.meta.block for node in graph if node.meta.block}
        self.ids = {name: _identifier(name, index) for index, name in enumerate(graph.nodes)}
        self.block_ids: dict[str, str] = {}
        self.folded: dict[str, list[Node]] = {}  # what each closed block holds
        self.held: dict[str, int] = {}  # how many nodes and blocks each open block holds
        for node in graph:
            block = self.fold(node)
            if block is None:
                self.count(node.meta.path)
            elif block in self.folded:
                self.folded[block].append(node)
            else:
                self.folded[block] = [node]
                self.count(block.rpartition(".")[0])

    def fold(self, node: Node) -> str | None:
        """The path of the closed block that a node is drawn within, if any."""
        parts = node.meta.path.split(".") if node.meta.path else []
        if self.depth is None or len(parts) <= self.depth:
            return None
        return ".".join(parts[: self.depth + 1])

    def count(self, path: str) -> None:
        """Note one more thing held by the block at `path`, and by those around it when it is new."""
        while path:
            new = path not in self.held
            self.held[path] = self.held.get(path, 0) + 1
            path = path.rpartition(".")[0] if new else ""

    def source(self) -> str:
        """The whole text."""
        picture = graphviz.Digraph(
            "network",
            graph_attr={
                "bgcolor": "transparent", "rankdir": "TB", "nodesep": "0.3", "ranksep": "0.4", "pad": "0.15",
                "fontname": _FONT, "fontsize": "11", "fontcolor": _GREY, "tooltip": " ",
            },
            node_attr={
                "fontname": _FONT, "fontsize": "12", "fontcolor": "#ffffff", "margin": "0.17,0.07",
                "height": "0.36", "width": "0.5", "penwidth": "1.3",
            },
            edge_attr={
                "fontname": _FONT, "fontsize": "10", "fontcolor": _GREY, "color": _GREY, "arrowsize": "0.6",
                "penwidth": "1.4", "weight": "8",
            },
        )  # fmt: skip
        clusters: dict[str, graphviz.Digraph] = {"": picture}
        closed: set[str] = set()
        for node in self.graph:
            block = self.fold(node)
            if block is None:
                self.add_node(self.cluster(clusters, node.meta.path), node)
            elif block not in closed:
                closed.add(block)
                self.add_block(self.cluster(clusters, block.rpartition(".")[0]), block)
        for path in sorted(filter(None, clusters), key=lambda path: -path.count(".")):
            clusters[path.rpartition(".")[0]].subgraph(clusters[path])
        self.add_edges(picture)
        self.add_outputs(picture)
        return str(picture.source)

    def cluster(self, clusters: dict[str, graphviz.Digraph], path: str) -> graphviz.Digraph:
        """The cluster of a block, made with those around it when it is new."""
        missing = []
        while path not in clusters:
            missing.append(path)
            path = path.rpartition(".")[0]
        for path in reversed(missing):
            block = self.blocks.get(path, "")
            alone = (
                self.held.get(path, 0) == 1
            )  # a short label lets the edge into the one node pass beside it
            label = path.rpartition(".")[2] if alone else block_title(path, block)
            clusters[path] = graphviz.Digraph(
                f"cluster {self.block_id(path)}",
                graph_attr={
                    "label": label_of(label), "labeljust": "l", "style": "rounded,filled", "class": "block",
                    "color": "#80808070", "fillcolor": "#80808012", "margin": "12", "tooltip": tooltip_of(path, block),
                },
            )  # fmt: skip
        return clusters[path]

    def add_node(self, where: graphviz.Digraph, node: Node) -> None:
        """Add an input, a parameter, an op and the like."""
        kind = node.op if node.op in _KINDS else "op"
        path = node.meta.path
        name = node.name.removeprefix(f"{path}.") if path else node.name
        if kind == "op":
            default = re.fullmatch(rf"{re.escape(node.op)}(_\d+)?", name)
            lines = [node.op, "" if default else name, options_of(node)]
        elif kind == "constant":
            value = node.attrs.get("value")
            lines = [str(value)] if not isinstance(value, Literal) else [array_text(value)]
        else:
            lines = [name]
        self.put(where, self.ids[node.name], kind, lines, [node.name], details_of(node))

    def add_block(self, where: graphviz.Digraph, path: str) -> None:
        """Add a closed block as one node."""
        nodes = self.folded[path]
        count = sum(node.op == "parameter" for node in nodes)
        ops = sum(not node.is_source for node in nodes)
        holds = [f"{n} {word}{'s' * (n > 1)}" for n, word in ((ops, "op"), (count, "parameter")) if n]
        lines = [block_title(path, self.blocks.get(path, "")), ", ".join(holds)]
        details = [path, *(f"{node.name} = {node.op}  {types_text(node)}" for node in nodes)]
        self.put(
            where, f"block {self.block_id(path)}", "block", lines, [node.name for node in nodes], details
        )

    def put(
        self,
        where: graphviz.Digraph,
        key: str,
        kind: str,
        lines: list[str],
        names: list[str],
        details: list[str],
    ) -> None:
        """Add one drawn node, marked when one of the nodes it stands for has an error."""
        look = dict(_KINDS[kind])
        errors = [error for name in names for error in self.errors.get(name, ())]
        css = kind
        if errors:
            css += " error"
            look |= {"fillcolor": "#b3261e", "color": "#ff6b5e", "penwidth": "2.4", "fontcolor": "#ffffff"}
            look["style"] = look.get("style", "filled").replace(",dashed", "")
            lines = [*lines, *(f"✗ {error.code} {CODES.get(error.code, 'error')}" for error in errors)]
            details = [*(line for error in errors for line in str(error).split("\n")), *details]
        where.node(key, node_label(lines), tooltip=tooltip_of(*details), **look, **{"class": css})

    def add_edges(self, picture: graphviz.Digraph) -> None:
        """Add an edge for each input of each node."""
        drawn = set()
        for node in self.graph:
            target = self.shown(node.name)
            for slot, value in enumerate(node.inputs):
                source = self.shown(value.node)
                once = (source, value, target)
                if source == target or (target != self.ids[node.name] and once in drawn):
                    continue  # inside a closed block, or entering one a second time
                drawn.add(once)
                look = (
                    dict(_EDGES.get(self.graph[value.node].op, {})) if source == self.ids[value.node] else {}
                )
                if self.enters(value.node, node):
                    look["minlen"] = "2"  # come from above the block, not from beside its parameters
                if self.is_conflict(value.node, node.name):
                    look |= {"class": "error", "color": _BAD, "penwidth": "2"}
                tooltip = tooltip_of(
                    f"{value} → {node.name}", f"input {slot}", str(self.graph.type_of(value))
                )
                self.connect(picture, source, target, value, tooltip, look)

    def is_conflict(self, source: str, target: str) -> bool:
        """Whether an edge is on the way from a user's statement to the op where it clashes with another."""
        return any(
            source in error.trail and target in error.trail if error.trail else name == target
            for name, errors in self.errors.items()
            for error in errors
        )

    def enters(self, source: str, node: Node) -> bool:
        """Whether an edge brings data to a node that takes parameters, from outside its block."""
        path = node.meta.path
        brought = self.graph[source]
        if not path or brought.op in _KEPT or f"{brought.meta.path}.".startswith(f"{path}."):
            return False
        return any(self.graph[value.node].op in _KEPT for value in node.inputs)

    def add_outputs(self, picture: graphviz.Digraph) -> None:
        """Add a node for each output, with its edge."""
        for index, (name, value) in enumerate(self.graph.outputs.items()):
            key = f"output {index}"
            type = self.graph.type_of(value)
            kind = "state" if name.startswith("next.") else "output"
            self.put(picture, key, kind, [name], [], [f"output {name}", str(value), str(type)])
            tooltip = tooltip_of(f"{value} → output {name}", str(type))
            self.connect(picture, self.shown(value.node), key, value, tooltip, {})

    def connect(
        self,
        picture: graphviz.Digraph,
        source: str,
        target: str,
        value: Value,
        tooltip: str,
        look: dict[str, str],
    ) -> None:
        """Add one edge with the shape of the value that it carries."""
        type = self.graph.type_of(value)
        look = {"class": "edge", **look}
        if type.shape is None or any(isinstance(dim, int) and dim < 0 for dim in type.shape):
            look |= {"class": f"{look['class']} unknown", "fontcolor": _WARN, "style": "dashed"}
        # Graphviz puts a label hard against its line; the spaces hold it off.
        label = label_of(format_sizes(type), "\N{NO-BREAK SPACE}")
        picture.edge(source, target, label, tooltip=tooltip, labeltooltip=tooltip, **look)

    def shown(self, name: str) -> str:
        """The identifier of what stands for a node in the picture."""
        block = self.fold(self.graph[name])
        return self.ids[name] if block is None else f"block {self.block_id(block)}"

    def block_id(self, path: str) -> str:
        """A name for a block that Graphviz takes as it is."""
        return self.block_ids.setdefault(path, _identifier(path, len(self.block_ids)))


def _identifier(name: str, index: int) -> str:
    # A colon would be read as a port, a backslash as an escape; the space keeps made names apart.
    return name if re.fullmatch(r"[\w.\-/]+", name) else f"node {index}"
