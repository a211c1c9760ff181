"""Comparisons, logic and choice by element."""

from __future__ import annotations

from graphinit.functional.operands import Operand
from graphinit.ir.tensor import Tensor, apply


def equal(x: Operand, y: Operand) -> Tensor:
    """Return whether ``x == y``.

    Parameters
    ----------
    x, y : Tensor
        [*a] and [*b], which broadcast together; at least one is a tensor.

    Returns
    -------
    Tensor
        [*a|b], truth values.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.equal(F.input("x", (2, 3)), F.input("y", (3,))).shape
    (2, 3)
    """
    return apply("equal", x, y)


def not_equal(x: Operand, y: Operand) -> Tensor:
    """Return whether ``x != y``.

    Parameters
    ----------
    x, y : Tensor
        [*a] and [*b], which broadcast together; at least one is a tensor.

    Returns
    -------
    Tensor
        [*a|b], truth values.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.not_equal(F.input("x", (2, 3)), F.input("y", (3,))).shape
    (2, 3)
    """
    return apply("not_equal", x, y)


def less(x: Operand, y: Operand) -> Tensor:
    """Return whether ``x < y``.

    Parameters
    ----------
    x, y : Tensor
        [*a] and [*b], which broadcast together; at least one is a tensor.

    Returns
    -------
    Tensor
        [*a|b], truth values.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.less(F.input("x", (2, 3)), F.input("y", (3,))).shape
    (2, 3)
    """
    return apply("less", x, y)


def less_equal(x: Operand, y: Operand) -> Tensor:
    """Return whether ``x <= y``.

    Parameters
    ----------
    x, y : Tensor
        [*a] and [*b], which broadcast together; at least one is a tensor.

    Returns
    -------
    Tensor
        [*a|b], truth values.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.less_equal(F.input("x", (2, 3)), F.input("y", (3,))).shape
    (2, 3)
    """
    return apply("less_equal", x, y)


def greater(x: Operand, y: Operand) -> Tensor:
    """Return whether ``x > y``.

    Parameters
    ----------
    x, y : Tensor
        [*a] and [*b], which broadcast together; at least one is a tensor.

    Returns
    -------
    Tensor
        [*a|b], truth values.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.greater(F.input("x", (2, 3)), F.input("y", (3,))).shape
    (2, 3)
    """
    return apply("greater", x, y)


def greater_equal(x: Operand, y: Operand) -> Tensor:
    """Return whether ``x >= y``.

    Parameters
    ----------
    x, y : Tensor
        [*a] and [*b], which broadcast together; at least one is a tensor.

    Returns
    -------
    Tensor
        [*a|b], truth values.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.greater_equal(F.input("x", (2, 3)), F.input("y", (3,))).shape
    (2, 3)
    """
    return apply("greater_equal", x, y)


def logical_and(x: Operand, y: Operand) -> Tensor:
    """Return whether both `x` and `y` hold (are not 0).

    Parameters
    ----------
    x, y : Tensor
        [*a] and [*b], which broadcast together; at least one is a tensor.

    Returns
    -------
    Tensor
        [*a|b], truth values.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.logical_and(F.input("x", (2, 3)), F.input("y", (3,))).shape
    (2, 3)
    """
    return apply("logical_and", x, y)


def logical_or(x: Operand, y: Operand) -> Tensor:
    """Return whether `x` or `y` holds (is not 0).

    Parameters
    ----------
    x, y : Tensor
        [*a] and [*b], which broadcast together; at least one is a tensor.

    Returns
    -------
    Tensor
        [*a|b], truth values.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.logical_or(F.input("x", (2, 3)), F.input("y", (3,))).shape
    (2, 3)
    """
    return apply("logical_or", x, y)


def logical_not(x: Operand) -> Tensor:
    """Return whether `x` does not hold (is 0).

    Parameters
    ----------
    x : Tensor
        [*a].

    Returns
    -------
    Tensor
        [*a], truth values.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.logical_not(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("logical_not", x)


def where(condition: Operand, x: Operand, y: Operand) -> Tensor:
    """Return `x` where the condition holds, else `y`.

    Parameters
    ----------
    condition : Tensor
        [*a], truth values.
    x, y : Tensor
        [*b] and [*c]; all three broadcast together.

    Returns
    -------
    Tensor
        [*a|b|c].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> x = F.input("x", (2, 3))
    >>> F.where(x > 0, x, 0).shape
    (2, 3)
    """
    return apply("where", condition, x, y)
