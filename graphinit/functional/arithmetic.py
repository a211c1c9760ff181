"""Arithmetic by element, with broadcasting."""

from __future__ import annotations

from graphinit.functional.operands import Operand
from graphinit.ir.tensor import Tensor, apply


def add(x: Operand, y: Operand) -> Tensor:
    """Return the sum ``x + y``.

    Parameters
    ----------
    x, y : Tensor
        [*a] and [*b], which broadcast together; at least one is a tensor.

    Returns
    -------
    Tensor
        [*a|b].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.add(F.input("x", (2, 3)), F.input("y", (3,))).shape
    (2, 3)
    """
    return apply("add", x, y)


def subtract(x: Operand, y: Operand) -> Tensor:
    """Return the difference ``x - y``.

    Parameters
    ----------
    x, y : Tensor
        [*a] and [*b], which broadcast together; at least one is a tensor.

    Returns
    -------
    Tensor
        [*a|b].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.subtract(F.input("x", (2, 3)), F.input("y", (3,))).shape
    (2, 3)
    """
    return apply("subtract", x, y)


def multiply(x: Operand, y: Operand) -> Tensor:
    """Return the product ``x * y``, by element.

    Parameters
    ----------
    x, y : Tensor
        [*a] and [*b], which broadcast together; at least one is a tensor.

    Returns
    -------
    Tensor
        [*a|b].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.multiply(F.input("x", (2, 3)), F.input("y", (3,))).shape
    (2, 3)
    """
    return apply("multiply", x, y)


def divide(x: Operand, y: Operand) -> Tensor:
    """Return the true quotient ``x / y``.

    Parameters
    ----------
    x, y : Tensor
        [*a] and [*b], which broadcast together; at least one is a tensor.

    Returns
    -------
    Tensor
        [*a|b]; floating, also for integers.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.divide(F.input("x", (2, 3)), F.input("y", (3,))).shape
    (2, 3)
    """
    return apply("divide", x, y)


def floor_divide(x: Operand, y: Operand) -> Tensor:
    """Return the quotient ``x // y`` rounded down.

    Parameters
    ----------
    x, y : Tensor
        [*a] and [*b], which broadcast together; at least one is a tensor.

    Returns
    -------
    Tensor
        [*a|b]; no gradient flows through it.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.floor_divide(F.input("x", (2, 3)), F.input("y", (3,))).shape
    (2, 3)
    """
    return apply("floor_divide", x, y)


def remainder(x: Operand, y: Operand) -> Tensor:
    """Return the remainder ``x % y``, with the sign of `y`.

    Parameters
    ----------
    x, y : Tensor
        [*a] and [*b], which broadcast together; at least one is a tensor.

    Returns
    -------
    Tensor
        [*a|b].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.remainder(F.input("x", (2, 3)), F.input("y", (3,))).shape
    (2, 3)
    """
    return apply("remainder", x, y)


def power(x: Operand, y: Operand) -> Tensor:
    """Return ``x ** y``.

    Parameters
    ----------
    x, y : Tensor
        [*a] and [*b], which broadcast together; at least one is a tensor.

    Returns
    -------
    Tensor
        [*a|b].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.power(F.input("x", (2, 3)), F.input("y", (3,))).shape
    (2, 3)
    """
    return apply("power", x, y)


def maximum(x: Operand, y: Operand) -> Tensor:
    """Return the greater of `x` and `y`; where they are equal the gradient goes to `x`.

    Parameters
    ----------
    x, y : Tensor
        [*a] and [*b], which broadcast together; at least one is a tensor.

    Returns
    -------
    Tensor
        [*a|b].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.maximum(F.input("x", (2, 3)), F.input("y", (3,))).shape
    (2, 3)
    """
    return apply("maximum", x, y)


def minimum(x: Operand, y: Operand) -> Tensor:
    """Return the lesser of `x` and `y`; where they are equal the gradient goes to `x`.

    Parameters
    ----------
    x, y : Tensor
        [*a] and [*b], which broadcast together; at least one is a tensor.

    Returns
    -------
    Tensor
        [*a|b].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.minimum(F.input("x", (2, 3)), F.input("y", (3,))).shape
    (2, 3)
    """
    return apply("minimum", x, y)
