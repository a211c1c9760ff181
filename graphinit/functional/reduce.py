"""Reductions over axes."""

from __future__ import annotations

from graphinit.functional.operands import Axis, Operand
from graphinit.ir.tensor import Tensor, apply


def sum(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the sum over axes; 0 over nothing.

    Parameters
    ----------
    x : Tensor
        [*a].
    axis : int, tuple of int or None
        The axes; None for all.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor
        The axes that are left; integers and truth values sum to int64.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.sum(F.input("x", (2, 3)), axis=1).shape
    (2,)
    """
    return apply("sum", x, axis=axis, keepdims=keepdims)


def mean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the mean over axes.

    Parameters
    ----------
    x : Tensor
        [*a].
    axis : int, tuple of int or None
        The axes; None for all.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor
        The axes that are left; floating, also for integers and truth values.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.mean(F.input("x", (2, 3)), axis=1).shape
    (2,)
    """
    return apply("mean", x, axis=axis, keepdims=keepdims)


def prod(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the product over axes; 1 over nothing.

    Parameters
    ----------
    x : Tensor
        [*a].
    axis : int, tuple of int or None
        The axes; None for all.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor
        The axes that are left; integers multiply to int64.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.prod(F.input("x", (2, 3)), axis=1).shape
    (2,)
    """
    return apply("prod", x, axis=axis, keepdims=keepdims)


def max(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the greatest value over axes; where several reach it, they share the gradient.

    Parameters
    ----------
    x : Tensor
        [*a].
    axis : int, tuple of int or None
        The axes; None for all.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor
        The axes that are left.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.max(F.input("x", (2, 3)), axis=1).shape
    (2,)
    """
    return apply("max", x, axis=axis, keepdims=keepdims)


def min(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the least value over axes; where several reach it, they share the gradient.

    Parameters
    ----------
    x : Tensor
        [*a].
    axis : int, tuple of int or None
        The axes; None for all.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor
        The axes that are left.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.min(F.input("x", (2, 3)), axis=1).shape
    (2,)
    """
    return apply("min", x, axis=axis, keepdims=keepdims)


def argmax(x: Operand, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the position of the (first) greatest value.

    Parameters
    ----------
    x : Tensor
        [*a].
    axis : int or None
        The axis; None for the position in the flattened array.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor
        The axes that are left, int64.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.argmax(F.input("x", (2, 3)), axis=1).shape
    (2,)
    """
    return apply("argmax", x, axis=axis, keepdims=keepdims)


def argmin(x: Operand, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the position of the (first) least value.

    Parameters
    ----------
    x : Tensor
        [*a].
    axis : int or None
        The axis; None for the position in the flattened array.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor
        The axes that are left, int64.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.argmin(F.input("x", (2, 3)), axis=1).shape
    (2,)
    """
    return apply("argmin", x, axis=axis, keepdims=keepdims)


def var(x: Operand, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Tensor:
    """Return the variance over axes, ``sum((x - mean)**2) / (count - ddof)``.

    Parameters
    ----------
    x : Tensor
        [*a], floating.
    axis : int, tuple of int or None
        The axes; None for all.
    keepdims : bool
        Whether reduced axes stay, with size 1.
    ddof : int
        What is taken from the count: 1 for the estimate from a sample.

    Returns
    -------
    Tensor
        The axes that are left.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.var(F.input("x", (2, 3)), axis=1, keepdims=True).shape
    (2, 1)
    """
    return apply("var", x, axis=axis, keepdims=keepdims, ddof=ddof)


def logsumexp(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return ``log(sum(exp(x)))`` over axes; nothing overflows.

    Parameters
    ----------
    x : Tensor
        [*a], floating.
    axis : int, tuple of int or None
        The axes; None for all.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor
        The axes that are left.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.logsumexp(F.input("x", (2, 3)), axis=1, keepdims=True).shape
    (2, 1)
    """
    return apply("logsumexp", x, axis=axis, keepdims=keepdims)


def any(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return whether any value holds (is not 0).

    Parameters
    ----------
    x : Tensor
        [*a].
    axis : int, tuple of int or None
        The axes; None for all.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor
        The axes that are left, truth values.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.any(F.input("x", (2, 3)), axis=1).shape
    (2,)
    """
    return apply("any", x, axis=axis, keepdims=keepdims)


def all(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return whether all values hold (are not 0).

    Parameters
    ----------
    x : Tensor
        [*a].
    axis : int, tuple of int or None
        The axes; None for all.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor
        The axes that are left, truth values.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.all(F.input("x", (2, 3)), axis=1).shape
    (2,)
    """
    return apply("all", x, axis=axis, keepdims=keepdims)
