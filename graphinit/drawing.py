"""Pictures of networks: a graph, and what a report says of it, as DOT text and SVG.

Blocks are clusters, nested as the blocks are; a parameter is one node with an edge to each of its
users, so that ties are seen; every edge carries the shape of its value, ``?`` standing for a size
that is not known; a node with a shape error is marked where it stands.  Nodes are opaque, lines and
loose text of a middle grey and the background is left out, so that a picture reads on light and on
dark pages alike.

Layout is done in this process by `pygraphviz`, whose wheels carry Graphviz, or by a ``dot`` program
where that is not at hand.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape as escape_html
from pathlib import Path
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree

import graphviz

from graphinit.errors import CODES, DrawingError, GraphError, GraphInitError
from graphinit.ir.dims import Expr
from graphinit.ir.graph import Graph
from graphinit.ir.node import Node, Value
from graphinit.ir.op import Literal, op_names, op_spec
from graphinit.ir.types import TensorType

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
_FORMATS = (".svg", ".png", ".pdf", ".dot", ".gv")
_FONT = "Helvetica,Arial,sans-serif"
_GREY = "#737a84"  # 4.3:1 on white as on near-black
_WARN = "#b7791f"
_BAD = "#d0342c"
_BACKSLASH = "\N{REVERSE SOLIDUS OPERATOR}"
_LONGEST = 30  # letters of a line inside a node

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

_EDGES: dict[str, dict[str, str]] = {
    "parameter": {"color": "#b98a3a", "penwidth": "0.9"},
    "state": {"color": "#9179c4", "penwidth": "0.9"},
    "constant": {"penwidth": "0.9"},
}
"""How edges look that leave such a node; those that carry data are grey."""


@dataclass(frozen=True)
class Drawing:
    """A picture: DOT text, laid out when the SVG is asked for.

    Parameters
    ----------
    dot : str
        The picture in Graphviz's language.

    Examples
    --------
    >>> from graphinit import Graph, functional as F
    >>> x = F.input("x", shape=("batch", 20))
    >>> drawing = render(Graph(F.relu(x)))
    >>> 'label="batch×20"' in drawing.dot
    True
    >>> drawing.svg[:4]
    '<svg'
    """

    dot: str

    @cached_property
    def svg(self) -> str:
        """The picture as SVG text.

        Raises
        ------
        DrawingError
            GI603 when neither `pygraphviz` nor a ``dot`` program is there.
        """
        return _tidy(_lay_out(self.dot, "svg").decode())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file: ``.svg``, ``.png``, ``.pdf``, or ``.dot`` for its source.

        The file appears whole or not at all.

        Parameters
        ----------
        path : str or path
            Where to; the ending says the format.

        Returns
        -------
        pathlib.Path
            The file written.

        Raises
        ------
        DrawingError
            GI603 when the ending is none of these, or there is nothing to lay it out with.
        OSError
            If the file cannot be written.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in _FORMATS:
            raise DrawingError(f"cannot draw to {path.name!r}: use a name that ends in {', '.join(_FORMATS)}")
        if suffix == ".svg":
            content = self.svg.encode()
        elif suffix in (".dot", ".gv"):
            content = self.dot.encode()
        else:
            content = _lay_out(self.dot, suffix[1:])
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(temporary, 0o644)  # mkstemp lets only the owner read
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        return path

    def _repr_svg_(self) -> str:
        return self.svg


def render(
    net_or_graph: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    report: Any = None,
    depth: int | None = None,
) -> Drawing:
    """Draw a network.

    Parameters
    ----------
    net_or_graph : Block or Graph
        What to draw; a network is traced.
    path : str or path, optional
        Where to write the picture, see `Drawing.save`.
    report : ShapeReport, optional
        What `passes.infer_shapes` found of it: its shapes are written on the edges and its errors
        are marked.  Without one, the picture shows the shapes that the graph itself states.
    depth : int, optional
        How many levels of blocks to open; deeper blocks are one node each.  By default all.

    Returns
    -------
    Drawing
        The picture, also when it was written to a file.

    Raises
    ------
    GraphError
        If there is no graph in `net_or_graph`, or `report` is of another one.
    DrawingError
        See `Drawing.save`.
    """
    graph = net_or_graph if isinstance(net_or_graph, Graph) else None
    if graph is None and report is not None:
        graph = report.graph
    elif graph is None:
        trace = getattr(net_or_graph, "trace", None)
        graph = trace() if callable(trace) else None
    if not isinstance(graph, Graph):
        raise GraphError(f"{net_or_graph!r} is neither a network nor a graph, so there is nothing to draw")
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 0):
        raise DrawingError(f"depth is the number of levels to open, 0 or more, not {depth!r}")
    errors: tuple[GraphInitError, ...] = ()
    if report is not None:
        if list(report.graph.nodes) != list(graph.nodes):
            raise GraphError("the report is of another graph; infer its shapes and draw it with that report")
        graph, errors = report.graph, tuple(report.errors)
    drawing = Drawing(_Picture(graph, errors, depth).source())
    if path is not None:
        drawing.save(path)
    return drawing


def format_size(dim: Any) -> str:
    """Return a size as pictures and tables show it: ``?`` when it is not known."""
    if isinstance(dim, Expr):
        text = str(dim)
        return f"({text})" if " " in text else text
    return "?" if dim == -1 else str(dim)


def format_sizes(type: TensorType) -> str:
    """Return a type for an edge: ``batch×256``, with the dtype unless it is the usual float32.

    Examples
    --------
    >>> format_sizes(TensorType((-1, 256), "float32")), format_sizes(TensorType(None, "int64"))
    ('?×256', 'int64 …')
    """
    sizes = "…" if type.shape is None else "×".join(map(format_size, type.shape)) or "scalar"
    return sizes if type.dtype in (None, "float32") else f"{type.dtype} {sizes}"


class _Picture:
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
                "penwidth": "1.4",
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
            label = path.rpartition(".")[2] if alone else _title(path, block)
            clusters[path] = graphviz.Digraph(
                f"cluster {self.block_id(path)}",
                graph_attr={
                    "label": graphviz.escape(label), "labeljust": "l", "style": "rounded,filled", "class": "block",
                    "color": "#80808070", "fillcolor": "#80808012", "margin": "12", "tooltip": _tooltip(path, block),
                },
            )  # fmt: skip
        return clusters[path]

    def add_node(self, where: graphviz.Digraph, node: Node) -> None:
        kind = node.op if node.op in _KINDS else "op"
        path = node.meta.path
        name = node.name.removeprefix(f"{path}.") if path else node.name
        if kind == "op":
            default = re.fullmatch(rf"{re.escape(node.op)}(_\d+)?", name)
            lines = [node.op, "" if default else name, _options(node)]
        elif kind == "constant":
            value = node.attrs.get("value")
            lines = [str(value)] if not isinstance(value, Literal) else [_array(value)]
        else:
            lines = [name]
        self.put(where, self.ids[node.name], kind, lines, [node.name], _details(node))

    def add_block(self, where: graphviz.Digraph, path: str) -> None:
        nodes = self.folded[path]
        count = sum(node.op == "parameter" for node in nodes)
        ops = sum(not node.is_source for node in nodes)
        holds = [f"{n} {word}{'s' * (n > 1)}" for n, word in ((ops, "op"), (count, "parameter")) if n]
        lines = [_title(path, self.blocks.get(path, "")), ", ".join(holds)]
        details = [path, *(f"{node.name} = {node.op}  {_types(node)}" for node in nodes)]
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
            details = [*(str(error) for error in errors), "", *details]
        where.node(key, _label(lines), tooltip=_tooltip(*details), **look, **{"class": css})

    def add_edges(self, picture: graphviz.Digraph) -> None:
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
                if node.meta.path and self.graph[value.node].op == "input":
                    look["minlen"] = "2"  # above the block that takes it, not beside the block's parameters
                if node.name in self.errors:
                    look |= {"class": "error", "color": _BAD, "penwidth": "2"}
                tooltip = _tooltip(f"{value} → {node.name}", f"input {slot}", str(self.graph.type_of(value)))
                self.connect(picture, source, target, value, tooltip, look)

    def add_outputs(self, picture: graphviz.Digraph) -> None:
        for index, (name, value) in enumerate(self.graph.outputs.items()):
            key = f"output {index}"
            type = self.graph.type_of(value)
            kind = "state" if name.startswith("next.") else "output"
            self.put(picture, key, kind, [name], [], [f"output {name}", str(value), str(type)])
            tooltip = _tooltip(f"{value} → output {name}", str(type))
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
        label = graphviz.escape(f"\N{NO-BREAK SPACE}{format_sizes(type)}\N{NO-BREAK SPACE}")
        picture.edge(source, target, label, tooltip=tooltip, labeltooltip=tooltip, **look)

    def shown(self, name: str) -> str:
        """The identifier of what stands for a node in the picture."""
        block = self.fold(self.graph[name])
        return self.ids[name] if block is None else f"block {self.block_id(block)}"

    def block_id(self, path: str) -> str:
        return self.block_ids.setdefault(path, _identifier(path, len(self.block_ids)))


def _identifier(name: str, index: int) -> str:
    # A colon would be read as a port, a backslash as an escape; the space keeps made names apart.
    return name if re.fullmatch(r"[\w.\-/]+", name) else f"node {index}"


def _title(path: str, block: str) -> str:
    """What a block is called within the one around it: ``fc1 Dense``."""
    return f"{path.rpartition('.')[2]} {block}".rstrip()


def _label(lines: Iterable[str]) -> str:
    first, *rest = lines
    small = "".join(
        f'<br/><font point-size="9">{escape_html(_shorten(line))}</font>' for line in rest if line
    )
    return f"<<b>{escape_html(_shorten(first)) or '&#160;'}</b>{small}>"


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _tooltip(*lines: str) -> str:
    # How often Graphviz expands the escapes of a tooltip differs with its version: let none be in it.
    text = "\n".join(filter(None, lines)).replace("&", "&amp;").replace("\\", _BACKSLASH)
    tooltip: str = graphviz.nohtml(text.replace("\n", "\\n"))
    return tooltip


def _options(node: Node) -> str:
    """The attributes that are not at their default."""
    usual: Mapping[str, Any] = MappingProxyType({})
    if node.op in op_names():
        usual = {attr.name: attr.default for attr in op_spec(node.op).attrs}
    changed = {name: value for name, value in node.attrs.items() if name not in usual or usual[name] != value}
    return ", ".join(f"{name}={_plain(value)}" for name, value in changed.items())


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_plain, value))})"
    return str(value)


def _array(value: Literal) -> str:
    array = value.array
    return str(array) if array.ndim == 0 else f"{array.dtype}[{', '.join(map(str, array.shape))}]"


def _types(node: Node) -> str:
    return ", ".join(map(str, node.types))


def _details(node: Node) -> list[str]:
    lines = [f"{node.name} = {node.op}", _types(node)]
    lines += [f"{name} = {_plain(value)}" for name, value in node.attrs.items()]
    meta = node.meta
    if meta.path:
        lines.append(f"in {meta.path}{f' ({meta.block})' if meta.block else ''}")
    if meta.origin is not None:
        lines.append(f"made at {meta.origin}")
    return lines


def _lay_out(dot: str, format: str) -> bytes:
    try:
        import pygraphviz  # an optional engine, and slow to import
    except ImportError:
        return _lay_out_by_program(dot, format)
    try:
        with pygraphviz.AGraph(string=dot) as picture:
            return bytes(picture.draw(format=format, prog="dot"))
    except (ValueError, OSError) as cause:
        raise DrawingError(f"Graphviz could not draw this network as {format}: {cause}") from cause


def _lay_out_by_program(dot: str, format: str) -> bytes:
    try:
        return bytes(graphviz.Source(dot, engine="dot").pipe(format=format, quiet=True))
    except graphviz.ExecutableNotFound as cause:
        raise DrawingError(
            "nothing here can lay out a picture: install pygraphviz (python -m pip install 'pygraphviz>=2.0.4', whose "
            "wheels carry Graphviz), or put Graphviz's dot on the PATH; the drawing's .dot works without either"
        ) from cause
    except graphviz.CalledProcessError as cause:
        raise DrawingError(f"dot could not draw this network as {format}: {cause}") from cause


def _tidy(svg: str) -> str:
    """Turn Graphviz's links that only carry a tooltip into titles, and let the picture shrink to its place."""
    root = ElementTree.fromstring(svg)
    for group in list(root.iter(f"{{{SVG}}}g")):
        title = group.find(f"{{{SVG}}}title")
        for index, child in reversed(list(enumerate(group))):
            link = child.find(f"{{{SVG}}}a")
            if link is None:
                continue
            if title is not None:
                text = link.get(f"{{{XLINK}}}title", "")
                title.text = text.replace("\N{NO-BREAK SPACE}", " ").replace(_BACKSLASH, "\\")
            group[index : index + 1] = list(link)
        if group.get("class") == "graph" and title is not None:
            group.remove(title)  # it would be the tooltip of the whole picture
    root.set("role", "img")
    root.set("style", "max-width: 100%; height: auto")
    ElementTree.register_namespace("", SVG)
    return ElementTree.tostring(root, encoding="unicode") + "\n"
