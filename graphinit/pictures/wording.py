"""What a picture says: sizes, labels, tooltips."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape as escape_html
from types import MappingProxyType
from typing import Any

import graphviz

from graphinit.ir.dims import Expr
from graphinit.ir.node import Node
from graphinit.ir.op import Literal, op_names, op_spec
from graphinit.ir.types import TensorType
from graphinit.plain_text import escaped

BACKSLASH = "\N{REVERSE SOLIDUS OPERATOR}"
"""Stands for a backslash in tooltips and nodes, until the SVG is made."""

_LONGEST = 30  # letters of a line inside a node


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


def block_title(path: str, block: str) -> str:
    """What a block is called within the one around it: ``fc1 Dense``."""
    return f"{path.rpartition('.')[2]} {block}".rstrip()


def label_of(text: str, beside: str = "") -> str:
    """The label of a block or an edge, with something on both sides."""
    # Graphviz reads what looks like an entity as a character, if need be one that no SVG may hold.
    label: str = graphviz.escape(f"{beside}{escaped(text)}{beside}".replace("&", "&amp;"))
    return label


def node_label(lines: Iterable[str]) -> str:
    """The label of a node: its first line large, those after it small."""
    first, *rest = map(escaped, lines)
    small = "".join(f'<br/><font point-size="9">{_html(line)}</font>' for line in rest if line)
    return f"<<b>{_html(first) or '&#160;'}</b>{small}>"


def _html(line: str) -> str:
    # Graphviz replaces a backslash and an N by a name, even here and however it is written.
    return escape_html(_shorten(line)).replace("\\", BACKSLASH)


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def tooltip_of(*lines: str) -> str:
    """The text that appears over a thing, as Graphviz wants it."""
    # How often Graphviz expands the escapes of a tooltip differs with its version: let none be in it.
    text = "\n".join(map(escaped, filter(None, lines)))
    text = text.replace("&", "&amp;").replace("\\", BACKSLASH)
    tooltip: str = graphviz.nohtml(text.replace("\n", "\\n"))
    return tooltip


def options_of(node: Node) -> str:
    """The attributes that are not at their default."""
    usual: Mapping[str, Any] = MappingProxyType({})
    if node.op in op_names():
        usual = {attr.name: attr.default for attr in op_spec(node.op).attrs}
    changed = {name: value for name, value in node.attrs.items() if name not in usual or usual[name] != value}
    return ", ".join(f"{name}={_plain(value)}" for name, value in changed.items())


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_plain, value))}{',' * (len(value) == 1)})"
    return str(value)


def array_text(value: Literal) -> str:
    """The number in a constant, or its type when it holds several."""
    array = value.array
    return str(array) if array.ndim == 0 else f"{array.dtype}[{', '.join(map(str, array.shape))}]"


def types_text(node: Node) -> str:
    """The types of a node's outputs."""
    return ", ".join(map(str, node.types))


def details_of(node: Node) -> list[str]:
    """Everything that is known of a node, in lines."""
    lines = [f"{node.name} = {node.op}", types_text(node)]
    lines += [f"{name} = {_plain(value)}" for name, value in node.attrs.items()]
    meta = node.meta
    if meta.path:
        lines.append(f"in {meta.path}{f' ({meta.block})' if meta.block else ''}")
    if meta.origin is not None:
        lines.append(f"made at {meta.origin}")
    return lines
