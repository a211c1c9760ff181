"""What was recorded: nodes, each with what it is (`entry`) and what it takes.

Recording costs little: a node holds no operations, only a reference to an entry that was worked out
when its like was seen first.  The entries of a computation, with how they are connected, are the key
of its compiled program.
"""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphinit.errors import GraphInitError
from graphinit.ir.types import TensorType

_serial = itertools.count()


@dataclass(frozen=True, eq=False, slots=True)
class LeafEntry:
    """An array that was given."""


@dataclass(frozen=True, eq=False, slots=True)
class OpEntry:
    """An op with its attributes.

    Parameters
    ----------
    op : str
        Its name.
    operands : tuple
        None for what the node takes, in order; else a constant.
    attrs : dict
        Its attributes.
    types : tuple of TensorType
        Types of its outputs.
    """

    op: str
    operands: tuple[Any, ...]
    attrs: dict[str, Any]
    types: tuple[TensorType, ...]


@dataclass(frozen=True, eq=False, slots=True)
class CallEntry:
    """A call of a block.

    Parameters
    ----------
    block : Block
        What was called.
    arguments : Arguments
        Its arguments without the arrays.
    train : bool
        The mode.
    inputs : tuple of (str, TensorType)
        Names and types of what it takes.
    structure : object
        How outputs are returned, in names of `outputs`.
    outputs : dict of str to TensorType
        What it returns.
    parameters : tuple of Parameter
        The block's parameters, each once.
    plans : OrderedDict
        Programs of computations that this call comes first in.
    """

    block: Any
    arguments: Any
    train: bool
    inputs: tuple[tuple[str, TensorType], ...]
    structure: Any
    outputs: dict[str, TensorType]
    parameters: tuple[Any, ...]
    plans: OrderedDict[Any, Any] = field(default_factory=OrderedDict)


@dataclass(frozen=True, eq=False, slots=True)
class GradientEntry:
    """Gradients of recorded values, recorded themselves.

    Parameters
    ----------
    heads : int
        How many of the node's inputs are what is differentiated; as many gradients of them may follow.
    seeded : tuple of bool
        Which heads have a gradient that was given.
    variables : tuple
        With respect to what: None for the next of the node's inputs, or a parameter.
    types : tuple of TensorType
        Types of the gradients.
    """

    heads: int
    seeded: tuple[bool, ...]
    variables: tuple[Any, ...]
    types: tuple[TensorType, ...]


LEAF = LeafEntry()
Ref = tuple["Node", int]


class Node:
    """One recorded step.

    Parameters
    ----------
    entry : object
        What it is.
    inputs : tuple of (Node, int)
        Which outputs of which nodes it takes.
    types : sequence of TensorType
        Types of its outputs.
    values : list of array, optional
        Values that are known already.

    Attributes
    ----------
    failure : GraphInitError or None
        Why it has no values and never will: computing them, when parameters were about to change, failed.
    """

    __slots__ = (
        "__weakref__",
        "_holders",
        "entry",
        "failure",
        "inputs",
        "serial",
        "spent",
        "states",
        "types",
        "values",
        "wanted",
    )

    def __init__(
        self,
        entry: Any,
        inputs: tuple[Ref, ...],
        types: Sequence[TensorType],
        values: list[Any] | None = None,
    ) -> None:
        self.entry = entry
        self.inputs = inputs
        self.types = types
        self.serial = next(_serial)
        self.values: list[Any] = [None] * len(types) if values is None else values
        self.wanted = False
        self.spent = False
        self.failure: GraphInitError | None = None
        self.states: dict[int, tuple[np.ndarray, int]] | None = None
        self._holders: list[Any] = []

    def held_by(self, holder: Any, port: int) -> None:
        """Note an array that stands for an output: while it lives somebody may ask for the value."""
        self._holders.append((port, weakref.ref(holder)))

    def held(self) -> list[int]:
        """Return the outputs that living arrays stand for."""
        return sorted({port for port, holder in self._holders if holder() is not None})

    def holders(self) -> list[Any]:
        """Return the living arrays that stand for the first output."""
        return [found for port, holder in self._holders if port == 0 and (found := holder()) is not None]

    @property
    def is_known(self) -> bool:
        """Whether all values are at hand."""
        return all(value is not None for value in self.values)


@dataclass(frozen=True, slots=True)
class Structure:
    """A recorded computation, inputs first.

    Parameters
    ----------
    nodes : list of Node
        In order of recording.
    leaves : list of bool
        Which of them are read as arrays.
    outputs : list of (Node, int)
        What is computed; heads first.
    heads : int
        How many of them are heads.
    key : tuple
        Equal for computations that one program serves.
    """

    nodes: list[Node]
    leaves: list[bool]
    outputs: list[Ref]
    heads: int
    key: tuple[Any, ...]

    def arrays(self) -> list[np.ndarray]:
        """Return the arrays that are read, in order."""
        return [node.values[0] for node, leaf in zip(self.nodes, self.leaves, strict=True) if leaf]


def collect(heads: Sequence[Ref], cut: bool) -> Structure:
    """Return what heads are computed from.

    Parameters
    ----------
    heads : sequence of (Node, int)
        What is asked for.
    cut : bool
        Whether known values (of nodes with one output) are read rather than computed again; what is
        differentiated within the computation is always computed again.

    Raises
    ------
    GraphInitError
        That of a node among them that failed while its parameters had the values that it was recorded with.
    """
    found: dict[int, Node] = {}
    stack = [node for node, _ in heads]
    while stack:
        node = stack.pop()
        if id(node) in found:
            continue
        found[id(node)] = node
        if node.failure is not None:
            raise node.failure.with_traceback(None)
        if cut and isinstance(node.entry, GradientEntry) and not _is_leaf(node, cut):
            return collect(heads, cut=False)
        if not _is_leaf(node, cut):
            stack += [source for source, _ in node.inputs]
    nodes = sorted(found.values(), key=_by_serial)
    place = {id(node): index for index, node in enumerate(nodes)}
    leaves = [_is_leaf(node, cut) for node in nodes]
    outputs = list(heads)
    listed = {(id(node), port) for node, port in heads}
    for node, leaf in zip(nodes, leaves, strict=True):
        if not leaf:
            outputs += [(node, port) for port in node.held() if (id(node), port) not in listed]
    key = tuple(
        (node.types[0], node.wanted) if leaf else (node.entry, *_places(node.inputs, place))
        for node, leaf in zip(nodes, leaves, strict=True)
    )
    return Structure(nodes, leaves, outputs, len(heads), (key, *_places(outputs, place)))


def _is_leaf(node: Node, cut: bool) -> bool:
    return node.entry is LEAF or (cut and len(node.values) == 1 and node.values[0] is not None)


def _places(
    refs: Iterable[Ref], place: dict[int, int]
) -> list[tuple[int, int]] | tuple[tuple[int, int], ...]:
    return tuple((place[id(node)], port) for node, port in refs)


def _by_serial(node: Node) -> int:
    return node.serial
