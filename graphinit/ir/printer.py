"""A graph as stable text, one node a line.

It reads a graph and imports nothing of it, so that `Graph.__str__` can use it.
"""

from __future__ import annotations

import textwrap
from typing import Any

from graphinit.ir.op import SOURCES
from graphinit.plain_text import escaped


def format_graph(graph: Any) -> str:
    """Return the text of a graph: inputs in the head, a line for each node, outputs at the end.

    Parameters
    ----------
    graph : Graph
        What to print.

    Returns
    -------
    str
        Reproducible text; nodes stand in topological order, graphs among attributes below their node.
    """
    inputs = ", ".join(f"{name}: {node.type}" for name, node in graph.inputs.items())
    lines = [f"graph({inputs})"]
    for node in graph:
        if node.op != "input":
            lines.append(f"  {format_node(node)}")
            inner = {name: value for name, value in node.attrs.items() if hasattr(value, "to_data")}
            for name, value in inner.items():
                lines += textwrap.indent(f"{name} = {value}", "    ").split("\n")
    lines.append("  return " + ", ".join(f"{name}={value}" for name, value in graph.outputs.items()))
    return "\n".join(map(escaped, lines))


def format_node(node: Any) -> str:
    """Return the line of one node: ``h: float32[2, 256] = linear(x, w, bias)``."""
    typed = ", ".join(str(type) for type in node.types if type.shape is not None or type.dtype is not None)
    head = f"{node.name}: {typed}" if typed else node.name
    attrs = repr(node.attrs)
    if node.op in SOURCES:
        return escaped(f"{head} = {node.op}{f'({attrs})' if attrs else ''}")
    taken = ", ".join(map(str, node.inputs))
    return escaped(f"{head} = {node.op}({', '.join(filter(None, (taken, attrs)))})")
