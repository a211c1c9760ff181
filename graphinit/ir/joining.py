"""Builders that become one, whole or not at all.

Tensors of two graphs that meet in an op join their builders.  When the call that joined them fails, both
are again what they were: what joins, or adds several nodes, stands inside `all_or_nothing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from graphinit.errors import GraphError
from graphinit.ir.node import Node, rename_node
from graphinit.scopes import Scope, Scoped

_undo: Scoped[list[Callable[[], None]] | None] = Scoped("graphinit.joining", None)

STAND_IN = "stand_in"
"""Attribute of inputs that stand for the operands of a sub-graph while it is described: nobody named them."""


def may_fail() -> bool:
    """Whether what is joined now may be undone."""
    return _undo.innermost() is not None and _undo.value is not None


@contextmanager
def all_or_nothing(*builders: Any) -> Iterator[None]:
    """Undo, when what is inside fails, all joining of builders and all that was added to them.

    Parameters
    ----------
    *builders : GraphBuilder
        Further builders that forget what was added to them; those that are joined do anyway.
    """
    outer = _undo.value
    undo: list[Callable[[], None]] = []
    try:
        with Scope(_undo, undo):
            for builder in builders:
                note(builder)
            yield
    except BaseException:
        for step in reversed(undo):
            step()
        raise
    if outer is not None:
        outer.extend(undo)


def note(builder: Any) -> None:
    """Let a builder forget what is added to it from now on, if what is inside `all_or_nothing` fails."""
    undo = _undo.value
    if undo is not None:
        count = len(builder.nodes)
        undo.append(lambda: builder.truncate(count))


def join(builders: Iterable[Any]) -> Any:
    """Make one builder of several, and return it; None when there are none.

    The one that a block is being described in takes over the others, else the largest does.

    Raises
    ------
    GraphError
        GI101 when two have an input, parameter or state of one name; nothing is changed.
    """
    joined: Any = None
    others: list[Any] = []
    for builder in builders:
        while builder.into is not None:
            builder = builder.into
        if joined is None:
            joined = builder
        elif joined is not builder and builder not in others:
            others.append(builder)
    if others:
        with all_or_nothing():
            for other in others:
                joined = _joined(joined, other)
    return joined


def _joined(mine: Any, other: Any) -> Any:
    """Return the one of two builders that has taken over the other."""
    if mine.scope is None and (other.scope is not None or len(mine.nodes) < len(other.nodes)):
        mine, other = other, mine
    clash = _clash(mine, other)
    if clash is not None and mine.scope is None and other.scope is None and _clash(other, mine) is None:
        mine, other, clash = other, mine, None
    if clash is not None:
        raise GraphError(
            f"two nodes are called {clash!r}; give one of them another name", code="GI101", node=clash
        )
    note(mine)
    nodes, table = other.nodes, other.table
    undo = _undo.value
    assert undo is not None, "builders are joined inside `all_or_nothing`"

    def part() -> None:
        other.into, other.renamed = None, {}
        other.nodes, other.table = nodes, table

    undo.append(part)
    renamed: dict[str, str] = {}
    for node in nodes.values():
        if node.name in mine.nodes:
            renamed[node.name] = mine.unique(node.name)
        mine.append(rename_node(node, renamed) if renamed else node)
    other.into, other.renamed = mine, renamed
    other.nodes, other.table = {}, []
    return mine


def _clash(mine: Any, other: Any) -> str | None:
    """Return a name that somebody gave in one builder and that the other has, too."""
    return next((name for name, node in other.nodes.items() if name in mine.nodes and _is_named(node)), None)


def _is_named(node: Node) -> bool:
    return node.is_source and node.op != "constant" and STAND_IN not in node.attrs
