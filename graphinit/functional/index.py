"""Indexing by ids, and random masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphinit.functional.operands import Operand
from graphinit.ir.tensor import Tensor, apply


def take(x: Operand, ids: Operand, axis: int = 0) -> Tensor:
    """Return rows by id, an embedding look-up.

    Parameters
    ----------
    x : Tensor
        [n,*a], for axis 0.
    ids : Tensor
        [*b], integers of at least 0 and less than n.
    axis : int
        The axis that ids count along.

    Returns
    -------
    Tensor
        [*b,*a].

    Raises
    ------
    ValueRangeError
        GI502, when the graph runs, for an id that is negative or too large.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.take(F.parameter("vectors", (100, 7)), F.input("ids", (2, 3), "int64")).shape
    (2, 3, 7)
    """
    return apply("take", x, ids, axis=axis)


def pick(x: Operand, ids: Operand, axis: int = -1, keepdims: bool = False) -> Tensor:
    """Return one entry per row: ``y[i] = x[i, ids[i]]``.

    Parameters
    ----------
    x : Tensor
        [*b,k], for axis -1.
    ids : Tensor
        [*b], integers of at least 0 and less than k.
    axis : int
        The axis that ids count along.
    keepdims : bool
        Whether that axis stays, with size 1.

    Returns
    -------
    Tensor
        [*b], or [*b,1].

    Raises
    ------
    ValueRangeError
        GI502, when the graph runs, for an id that is negative or too large.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.pick(F.input("scores", (2, 10)), F.input("labels", (2,), "int64")).shape
    (2,)
    """
    return apply("pick", x, ids, axis=axis, keepdims=keepdims)


def one_hot(ids: Operand, depth: Any, dtype: Any = "float32") -> Tensor:
    """Return vectors that are 1 at the place of the id, 0 elsewhere.

    Parameters
    ----------
    ids : Tensor
        [*b], integers of at least 0 and less than `depth`.
    depth : int
        How long the vectors are.
    dtype : dtype-like
        Their dtype.

    Returns
    -------
    Tensor
        [*b,depth].

    Raises
    ------
    ValueRangeError
        GI502, when the graph runs, for an id that is negative or too large.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.one_hot(F.input("ids", (2,), "int64"), 10).shape
    (2, 10)
    """
    return apply("one_hot", ids, depth=depth, dtype=dtype)


def dropout(x: Operand, key: Operand, rate: float = 0.5, axes: Sequence[int] = ()) -> Tensor:
    """Return each value as 0 with a probability, else divided by what is left (Srivastava et al. 2014).

    Parameters
    ----------
    x : Tensor
        [*a], floating.
    key : Tensor
        uint64 [3]: two words of a Philox key and a count of draws.
    rate : float
        The probability, less than 1.
    axes : sequence of int
        Axes along which one draw serves all.

    Returns
    -------
    Tensor
        [*a]; the same key gives the same draws.

    Raises
    ------
    OpError
        GI105, when the rate is out of range.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.dropout(F.input("x", (2, 3)), F.input("key", (3,), "uint64"), rate=0.2).shape
    (2, 3)
    """
    return apply("dropout", x, key, rate=rate, axes=axes)


def uniform_like(x: Operand, key: Operand) -> Tensor:
    """Return numbers of U[0, 1) in the shape and dtype of a tensor.

    Parameters
    ----------
    x : Tensor
        [*a], floating; its values don't matter.
    key : Tensor
        uint64 [3]: two words of a Philox key and a count of draws.  `nn.UniformLike` keeps one.

    Returns
    -------
    Tensor
        [*a]; the same key gives the same numbers.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.uniform_like(F.input("x", (2, 3)), F.input("key", (3,), "uint64")).shape
    (2, 3)
    """
    return apply("uniform_like", x, key)


def normal_like(x: Operand, key: Operand) -> Tensor:
    """Return numbers of N(0, 1) in the shape and dtype of a tensor.

    Parameters
    ----------
    x : Tensor
        [*a], floating; its values don't matter.
    key : Tensor
        uint64 [3]: two words of a Philox key and a count of draws.  `nn.NormalLike` keeps one.

    Returns
    -------
    Tensor
        [*a]; the same key gives the same numbers.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.normal_like(F.input("x", (2, 3)), F.input("key", (3,), "uint64")).shape
    (2, 3)
    """
    return apply("normal_like", x, key)


def advance_key(key: Operand) -> Tensor:
    """Return the key of the next draw.

    Parameters
    ----------
    key : Tensor
        uint64 [3].

    Returns
    -------
    Tensor
        uint64 [3], its count of draws higher by 1.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.advance_key(F.input("key", (3,), "uint64")).shape
    (3,)
    """
    return apply("advance_key", key)
