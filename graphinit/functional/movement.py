"""Moving data: other shapes, other orders, broadcasting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphinit.functional.operands import Axis, Operand
from graphinit.ir.tensor import Tensor, apply


def assert_shape(x: Operand, shape: Any) -> Tensor:
    """State the shape that a tensor is believed to have; inference proves it, or explains why not.

    A size that is not known yet is settled by it; names stand for all sizes, so that a name against
    another size becomes a requirement of the network.

    Parameters
    ----------
    x : Tensor
        [*a].
    shape : tuple
        The sizes; -1 or None where the size does not matter, and names (``"batch"``).

    Returns
    -------
    Tensor
        [*a], the same values.

    Raises
    ------
    OpError
        GI105, when the shape is none.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> x = F.input("x", ("batch", 3, 5))
    >>> F.assert_shape(F.flatten(x), ("batch", 15)).shape
    (batch, 15)
    """
    return apply("assert_shape", x, shape=shape)


def reshape(x: Operand, shape: Any) -> Tensor:
    """Return the same values in another shape.

    Parameters
    ----------
    x : Tensor
        [*a].
    shape : int or tuple
        The sizes, 0 being one; one entry may be -1, and sizes of tensors (``x.shape[0]``) and names
        (``"batch"``) may stand in it.

    Returns
    -------
    Tensor
        Of that shape.

    Raises
    ------
    OpError
        GI105, when the shape is none.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.reshape(F.input("x", (2, 3, 5)), (2, -1)).shape
    (2, 15)
    """
    return apply("reshape", x, shape=shape)


def reshape_like(x: Operand, like: Operand) -> Tensor:
    """Return the values of `x` in the shape of `like`.

    Parameters
    ----------
    x, like : Tensor
        [*a] and [*b], with equally many elements.

    Returns
    -------
    Tensor
        [*b].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.reshape_like(F.input("x", (6,)), F.input("like", (2, 3))).shape
    (2, 3)
    """
    return apply("reshape_like", x, like)


def flatten(x: Operand) -> Tensor:
    """Return the tensor with all axes but the first merged into one.

    Parameters
    ----------
    x : Tensor
        [b,*s].

    Returns
    -------
    Tensor
        [b,prod(s)].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.flatten(F.input("x", (2, 3, 5))).shape
    (2, 15)
    """
    return apply("flatten", x)


def transpose(x: Operand, axes: Sequence[int] | None = None) -> Tensor:
    """Return the tensor with its axes in another order.

    Parameters
    ----------
    x : Tensor
        [*a].
    axes : sequence of int, optional
        For each axis of the result the axis of `x`; by default they are reversed.

    Returns
    -------
    Tensor
        The same values.

    Raises
    ------
    OpError
        GI105, when `axes` does not name each axis once.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.transpose(F.input("x", (2, 3, 5)), (1, 0, 2)).shape
    (3, 2, 5)
    """
    return apply("transpose", x, axes=axes)


def swapaxes(x: Operand, axis1: int, axis2: int) -> Tensor:
    """Return the tensor with two axes exchanged.

    Parameters
    ----------
    x : Tensor
        [*a].
    axis1, axis2 : int
        The axes.

    Returns
    -------
    Tensor
        The same values.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.swapaxes(F.input("x", (2, 3, 5)), 0, -1).shape
    (5, 3, 2)
    """
    return apply("swapaxes", x, axis1=axis1, axis2=axis2)


def moveaxis(x: Operand, source: int, destination: int) -> Tensor:
    """Return the tensor with one axis moved to another place.

    Parameters
    ----------
    x : Tensor
        [*a].
    source, destination : int
        Where the axis is, and where it goes.

    Returns
    -------
    Tensor
        The same values.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.moveaxis(F.input("x", (2, 3, 5)), 2, 0).shape
    (5, 2, 3)
    """
    return apply("moveaxis", x, source=source, destination=destination)


def expand_dims(x: Operand, axis: int | Sequence[int]) -> Tensor:
    """Return the tensor with new axes of size 1.

    Parameters
    ----------
    x : Tensor
        [*a].
    axis : int or sequence of int
        Where the new axes stand in the result.

    Returns
    -------
    Tensor
        The same values.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.expand_dims(F.input("x", (2, 3)), (0, -1)).shape
    (1, 2, 3, 1)
    """
    return apply("expand_dims", x, axis=axis)


def squeeze(x: Operand, axis: Axis = None) -> Tensor:
    """Return the tensor without axes of size 1.

    Parameters
    ----------
    x : Tensor
        [*a].
    axis : int or sequence of int, optional
        The axes to leave out, of size 1; by default all such axes, for which the shape must be known.

    Returns
    -------
    Tensor
        The same values.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.squeeze(F.input("x", (2, 1, 3)), 1).shape
    (2, 3)
    """
    return apply("squeeze", x, axis=axis)


def broadcast_to(x: Operand, shape: Any) -> Tensor:
    """Return the values repeated to fill a shape.

    Parameters
    ----------
    x : Tensor
        [*a].
    shape : tuple
        Sizes to which [*a] broadcasts.

    Returns
    -------
    Tensor
        Of that shape.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.broadcast_to(F.input("x", (3, 1)), (2, 3, 5)).shape
    (2, 3, 5)
    """
    return apply("broadcast_to", x, shape=shape)


def broadcast_like(x: Operand, like: Operand) -> Tensor:
    """Return the values repeated to fill the shape of `like`.

    Parameters
    ----------
    x, like : Tensor
        [*a] and [*b], to which [*a] broadcasts.

    Returns
    -------
    Tensor
        [*b].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.broadcast_like(F.input("x", (3,)), F.input("like", (2, 3))).shape
    (2, 3)
    """
    return apply("broadcast_like", x, like)


def flip(x: Operand, axis: Axis = None) -> Tensor:
    """Return the tensor with the order along axes reversed.

    Parameters
    ----------
    x : Tensor
        [*a].
    axis : int or sequence of int, optional
        The axes, by default all.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.flip(F.input("x", (2, 3)), 1).shape
    (2, 3)
    """
    return apply("flip", x, axis=axis)
