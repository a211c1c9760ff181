"""Programs: what the compiler makes and an emitter prints.

A `Program` is phases of steps over views over buffers, and nothing but data: no NumPy call, no text
of any language.  The NumPy emitter prints it as Python; another emitter would print the same steps
as something else.  Phases stand in order, separated by barriers: what a phase leaves in the
workspace is there for the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal as Choice

import numpy as np

from graphinit.ir.moves import Move
from graphinit.ir.op import NO_ATTRS, Attrs

Scope = Choice["program", "thread", "call"]
Role = Choice["constant", "shape", "workspace", "input", "parameter", "state", "output"]

ALIGNMENT = 64
"""Bytes; a cache line, and the width of the widest vector registers."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """A place for an array.

    Parameters
    ----------
    name : str
        Unique in its program; the value, input, parameter or state that it is for.
    dtype : str
        Of its elements.
    size : int
        Number of elements.
    role : str
        ``"constant"``: values known to the compiler; ``"shape"``: read for its shape only;
        ``"workspace"``: planned memory; ``"input"``, ``"parameter"``, ``"state"``: given by the
        caller, or fetched, at each call; ``"output"``: made afresh at each call.
    offset : int
        Bytes from the start of the workspace.  Buffers whose contents are never needed together
        may overlap.
    """

    name: str
    dtype: str
    size: int
    role: Role
    offset: int = 0

    @property
    def scope(self) -> Scope:
        """How long it lives: as the program, as a thread's workspace, or for one call."""
        if self.role in ("constant", "shape"):
            return "program"
        return "thread" if self.role == "workspace" else "call"

    @property
    def bytes(self) -> int:
        """Size in bytes."""
        return self.size * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True)
class View:
    """A buffer, or part of it, read as an array.

    Parameters
    ----------
    buffer : str
        Name of the buffer.
    shape : tuple of int
        Sizes.
    strides : tuple of int
        In elements.  For a buffer that is given at each call they say what holds when it is
        contiguous; `path` says what to do in general.
    offset : int
        In elements, from the start of the buffer.
    path : tuple of Move
        How to get there from the whole buffer, one move after the other.
    layout : str
        Which axis is innermost: ``"row"`` is the order of the shape.
    """

    buffer: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0
    path: tuple[Move, ...] = ()
    layout: str = "row"


Number = bool | int | float
Operand = View | Number
"""What a step reads; a Python number takes the dtype of what stands beside it."""

COPY = "copy"
"""The one step that is no op: its output becomes equal to its input."""


@dataclass(frozen=True, slots=True)
class Step:
    """One kernel with its operands.

    Parameters
    ----------
    kernel : str
        Name of the op, or `COPY`.
    outputs : tuple of View
        Where results go; written completely.
    inputs : tuple of View or number
        What is read.
    attrs : Attrs
        Constants of the kernel.
    node : str
        The node of the graph that it computes.
    """

    kernel: str
    outputs: tuple[View, ...]
    inputs: tuple[Operand, ...]
    attrs: Attrs = NO_ATTRS
    node: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """Steps that run at one call.

    Parameters
    ----------
    name : str
        ``"forward"`` or ``"backward"``.
    inputs : tuple of str
        Buffers that the caller gives, in order.
    steps : tuple of Step
        What is done, in order.
    results : tuple of View
        What the caller gets: whole output buffers, or views of them.
    stores : tuple of (str, View)
        States, and their next values, which are stored when all steps have succeeded.
    """

    name: str
    inputs: tuple[str, ...]
    steps: tuple[Step, ...]
    results: tuple[View, ...]
    stores: tuple[tuple[str, View], ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """What the compiler makes.

    Parameters
    ----------
    phases : tuple of Phase
        ``forward`` alone, or ``forward`` and ``backward``.
    buffers : mapping from str to Buffer
        Every place that steps read or write.
    constants : mapping from str to numpy.ndarray
        Contents of the constant buffers; never written to.
    workspace : int
        Bytes that each thread needs.
    held : tuple of str
        Inputs of forward that backward reads themselves: nobody writes to them in between.
    """

    phases: tuple[Phase, ...]
    buffers: Mapping[str, Buffer]
    constants: Mapping[str, np.ndarray] = field(default_factory=dict)
    workspace: int = 0
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """A program printed as Python source.

    Parameters
    ----------
    source : str
        The text; one function for each phase.
    names : mapping from str to object
        What its free names stand for, but for ``workspace`` and the variables.
    variables : mapping from str to str
        Free names that stand for parameters and states, and which ones.
    views : mapping from str to tuple of View
        For each phase, the views that it unpacks from the workspace.
    lines : mapping from int to str
        Line numbers of the source, and the node that each computes.
    """

    source: str
    names: Mapping[str, object]
    variables: Mapping[str, str]
    views: Mapping[str, tuple[View, ...]]
    lines: Mapping[int, str]


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides, in elements, of an array in row order.

    Examples
    --------
    >>> contiguous((2, 3, 5))
    (15, 5, 1)
    """
    strides = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))
