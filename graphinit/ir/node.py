"""Nodes and values: what a graph is made of, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from graphinit.ir.dims import Expr
from graphinit.ir.kernel import Kernel
from graphinit.ir.op import NO_ATTRS, SOURCES, Attrs
from graphinit.ir.origin import Origin
from graphinit.ir.types import TensorType, is_float


class Value(NamedTuple):
    """Output number `port` of the node named `node`: what an edge carries."""

    node: str
    port: int = 0

    def __str__(self) -> str:
        return f"{self.node}:{self.port}" if self.port else self.node


@dataclass(frozen=True, slots=True)
class Meta:
    """Where a node comes from; never part of equality.

    Parameters
    ----------
    path : str
        Path of the block that made it, ``"body.fc1"``; empty at top level.
    origin : Origin, optional
        The user's line.
    notes : tuple of str or None
        For each axis of a declared shape, the argument that it came from: ``("units", None)``; of an
        op, ``attribute=argument`` where the user's argument has another name.
    block : str
        What the block calls itself, ``"Dense"``.
    order : int
        A counter of creation, so that inputs keep the order in which they were made.
    aliases : tuple of str
        Further names: the other paths of a tied parameter.
    kernel : Kernel, optional
        Of the weight of a layer, what its axes are.
    """

    path: str = ""
    origin: Origin | None = None
    notes: tuple[str | None, ...] = ()
    block: str = ""
    order: int = 0
    aliases: tuple[str, ...] = ()
    kernel: Kernel | None = None


NO_META = Meta()
UNTYPED = TensorType()


@dataclass(frozen=True, slots=True)
class Node:
    """One op application, input, parameter, state or constant.

    Parameters
    ----------
    name : str
        Unique in its graph; stable and readable.
    op : str
        Name of the op, or ``"input"``, ``"parameter"``, ``"state"``, ``"constant"``.
    attrs : Attrs
        Canonical attributes.
    inputs : tuple of Value
        The values it takes, in order.
    types : tuple of TensorType
        Type of each output: declared, or settled by inference.
    meta : Meta
        Where it comes from; not part of equality.
    """

    name: str
    op: str
    attrs: Attrs = NO_ATTRS
    inputs: tuple[Value, ...] = ()
    types: tuple[TensorType, ...] = (UNTYPED,)
    meta: Meta = field(default=NO_META, compare=False, repr=False)

    @property
    def type(self) -> TensorType:
        """Type of the first output."""
        return self.types[0]

    @property
    def is_stored_late(self) -> bool:
        """Whether a state is stored when backward, or a training step, has succeeded; else as soon as forward has.

        Files of older versions don't say: in them, floating states are.
        """
        stored = self.attrs.get("stored")
        return is_float(self.type.dtype) if stored is None else bool(stored == "backward")

    @property
    def is_source(self) -> bool:
        """Whether it has no inputs by nature."""
        return self.op in SOURCES


def rename_node(node: Node, renamed: Mapping[str, str]) -> Node:
    """Return the node with names changed: its own, its inputs', and those in its attributes."""

    def renamed_attr(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(renamed_attr, value))
        return value.rename(lambda name: renamed.get(name, name)) if isinstance(value, Expr) else value

    return replace(
        node,
        name=renamed.get(node.name, node.name),
        attrs=Attrs({name: renamed_attr(value) for name, value in node.attrs.items()}),
        inputs=tuple(Value(renamed.get(value.node, value.node), value.port) for value in node.inputs),
    )
