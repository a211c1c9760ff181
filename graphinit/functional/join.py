"""Joining tensors, taking parts of them, repeating and bordering them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphinit.errors import OpError
from graphinit.functional.operands import Operand
from graphinit.ir.tensor import Tensor, apply, apply_all, symbolic
from graphinit.scalars import several, whole


def concat(tensors: Sequence[Operand], axis: int = 0) -> Tensor:
    """Join tensors along an axis.

    Parameters
    ----------
    tensors : sequence of Tensor
        [a,b1,c], [a,b2,c], ...: of equal sizes but along the axis.
    axis : int
        The axis.

    Returns
    -------
    Tensor
        [a,b1+b2+...,c].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.concat([F.input("x", (2, 3)), F.input("y", (2, 5))], axis=1).shape
    (2, 8)
    """
    return apply("concat", *tensors, axis=axis)


def stack(tensors: Sequence[Operand], axis: int = 0) -> Tensor:
    """Join tensors of one shape along a new axis.

    Parameters
    ----------
    tensors : sequence of Tensor
        n times [*a].
    axis : int
        Where the new axis stands in the result.

    Returns
    -------
    Tensor
        [n,*a], for axis 0.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.stack([F.input("x", (2, 3)), F.input("y", (2, 3))], axis=-1).shape
    (2, 3, 2)
    """
    return apply("stack", *tensors, axis=axis)


def split(x: Operand, sections: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """Take a tensor apart along an axis.

    Parameters
    ----------
    x : Tensor
        [*a].
    sections : int or sequence of int
        How many equal parts, or the size of each part (unlike `numpy.split`, which takes places).
    axis : int
        The axis.

    Returns
    -------
    tuple of Tensor
        The parts.

    Raises
    ------
    OpError
        GI105, when `sections` is neither.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> [part.shape for part in F.split(F.input("x", (2, 8)), (3, 5), axis=1)]
    [(2, 3), (2, 5)]
    """
    return apply_all("split", x, sections=sections, axis=axis)


def slice(x: Operand, begin: Any, end: Any, step: Any = None) -> Tensor:
    """Return part of each of the first axes, ``x[begin:end:step]``.

    Parameters
    ----------
    x : Tensor
        [*a].
    begin, end : tuple of int or None
        For each axis where the part starts, and where it stops; negative ones count from the back,
        None is the start or the end.
    step : tuple of int or None, optional
        For each axis the distance between entries.

    Returns
    -------
    Tensor
        As many axes as `x`; those not named are whole.

    Raises
    ------
    OpError
        GI105, when the tuples differ in length, or a step is 0.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.slice(F.input("x", (7, 5)), (1, None), (None, -1), (2, None)).shape
    (3, 4)
    """
    starts, stops, steps = (
        (part,) if parts is None else parts
        for part, parts in ((part, several(part)) for part in (begin, end, step))
    )
    if step is None:
        steps = (None,) * len(starts)
    if not len(starts) == len(stops) == len(steps):
        raise OpError(f"begin, end and step must be equally long; got {begin}, {end}, {step}", node="slice")
    return apply("getitem", x, index=tuple(zip(starts, stops, steps, strict=True)))


def pad(x: Operand, pads: Any, value: float = 0) -> Tensor:
    """Return the tensor with a border of one value.

    Parameters
    ----------
    x : Tensor
        [*a].
    pads : int, pair or tuple of pairs
        (before, after) for each axis; one number or pair serves all axes, when their number is known.
    value : float
        What the border is filled with.

    Returns
    -------
    Tensor
        Each axis longer by before + after.

    Raises
    ------
    OpError
        GI105, when `pads` is neither or negative.
    SymbolicValueError
        GI108, when one number is to serve axes whose number is not known.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.pad(F.input("x", (2, 3)), ((0, 0), (1, 2))).shape
    (2, 6)
    """
    pair = several(pads) or (pads, pads)
    if len(pair) == 2 and all(whole(count) is not None for count in pair):
        pads = (pair,) * symbolic(x).ndim
    return apply("pad", x, pads=pads, value=value)


def tile(x: Operand, reps: int | Sequence[int]) -> Tensor:
    """Return the whole repeated along its axes, as `numpy.tile`.

    Parameters
    ----------
    x : Tensor
        [*a].
    reps : int or sequence of int
        How often along each of the last axes; more entries than axes make new axes in front.

    Returns
    -------
    Tensor
        [*a], each axis times its entry.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.tile(F.input("x", (2, 3)), (2, 1)).shape
    (4, 3)
    """
    return apply("tile", x, reps=reps)
