"""Functions of one value: signs, powers, exponentials, limits, dtypes."""

from __future__ import annotations

from typing import Any

from graphinit.functional.operands import Operand
from graphinit.ir.tensor import Tensor, apply


def negative(x: Operand) -> Tensor:
    """Return ``-x``.

    Parameters
    ----------
    x : Tensor
        [*a].

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.negative(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("negative", x)


def abs(x: Operand) -> Tensor:
    """Return the absolute value.

    Parameters
    ----------
    x : Tensor
        [*a].

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.abs(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("abs", x)


def sign(x: Operand) -> Tensor:
    """Return -1, 0 or 1 by the sign of `x`; no gradient flows through it.

    Parameters
    ----------
    x : Tensor
        [*a].

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.sign(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("sign", x)


def floor(x: Operand) -> Tensor:
    """Return the greatest whole number not above `x`; no gradient flows through it.

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.floor(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("floor", x)


def round(x: Operand) -> Tensor:
    """Return the nearest whole number; of two equally near ones the even one.

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a]; no gradient flows through it.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.round(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("round", x)


def square(x: Operand) -> Tensor:
    """Return ``x * x``.

    Parameters
    ----------
    x : Tensor
        [*a].

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.square(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("square", x)


def exp(x: Operand) -> Tensor:
    """Return ``e ** x``.

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.exp(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("exp", x)


def expm1(x: Operand) -> Tensor:
    """Return ``e ** x - 1``, accurate near 0.

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.expm1(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("expm1", x)


def log(x: Operand) -> Tensor:
    """Return the natural logarithm.

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.log(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("log", x)


def log1p(x: Operand) -> Tensor:
    """Return ``log(1 + x)``, accurate near 0.

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.log1p(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("log1p", x)


def sqrt(x: Operand) -> Tensor:
    """Return the square root.

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.sqrt(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("sqrt", x)


def rsqrt(x: Operand) -> Tensor:
    """Return ``1 / sqrt(x)``.

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.rsqrt(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("rsqrt", x)


def erf(x: Operand) -> Tensor:
    """Return the error function, 2/sqrt(pi) times the integral of exp(-t*t) from 0 to `x`.

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.erf(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("erf", x)


def clip(x: Operand, low: float | None = None, high: float | None = None) -> Tensor:
    """Limit values to ``low..high``.

    Parameters
    ----------
    x : Tensor
        [*a].
    low, high : float, optional
        The limits; None for no limit on that side.

    Returns
    -------
    Tensor
        [*a]; the gradient is 0 outside the limits.

    Raises
    ------
    OpError
        GI105, when a limit is no number.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.clip(F.input("x", (2, 3)), -1, 1).shape
    (2, 3)
    """
    return apply("clip", x, low=low, high=high)


def cast(x: Operand, dtype: Any) -> Tensor:
    """Return the values in another dtype; integers cut off fractions towards 0.

    Parameters
    ----------
    x : Tensor
        [*a].
    dtype : dtype-like
        The dtype wanted.

    Returns
    -------
    Tensor
        [*a] of that dtype; gradients flow when it is floating.

    Raises
    ------
    OpError
        GI105, when it is no dtype.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.cast(F.input("x", (2, 3)), "int64").dtype
    'int64'
    """
    return apply("cast", x, dtype=dtype)


def stop_gradient(x: Operand) -> Tensor:
    """Return the same values, through which no gradient flows.

    Parameters
    ----------
    x : Tensor
        [*a].

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.stop_gradient(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("stop_gradient", x)


def zeros_like(x: Operand) -> Tensor:
    """Return 0 everywhere, in the shape and dtype of `x`.

    Parameters
    ----------
    x : Tensor
        [*a].

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.zeros_like(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("zeros_like", x)


def ones_like(x: Operand) -> Tensor:
    """Return 1 everywhere, in the shape and dtype of `x`.

    Parameters
    ----------
    x : Tensor
        [*a].

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.ones_like(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("ones_like", x)
