"""Normalisation: values shifted and scaled by their own statistics, or by given ones."""

from __future__ import annotations

from collections.abc import Sequence

from graphinit.functional.operands import Operand
from graphinit.ir.tensor import Tensor, apply, apply_all


def along_axis(x: Operand, like: Operand, axis: int) -> Tensor:
    """Return a vector laid along one axis of `like`, to broadcast against it.

    Parameters
    ----------
    x : Tensor
        [c].
    like : Tensor
        [*a,c,*b]; only its shape is used.
    axis : int
        Which axis of `like` is c.

    Returns
    -------
    Tensor
        [1,..,c,..,1].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.along_axis(F.input("x", (3,)), F.input("like", (2, 3, 5)), axis=1).shape
    (1, 3, 1)
    """
    return apply("along_axis", x, like, axis=axis)


def split_axis(x: Operand, axis: int, parts: int) -> Tensor:
    """Return one axis parted into two, the first of a given size.

    Parameters
    ----------
    x : Tensor
        [*a,p*c,*b].
    axis : int
        Which axis of `x` is parted.
    parts : int
        The first size, p.

    Returns
    -------
    Tensor
        [*a,p,c,*b].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.split_axis(F.input("x", (2, 15, 7)), axis=1, parts=3).shape
    (2, 3, 5, 7)
    """
    return apply("split_axis", x, axis=axis, parts=parts)


def standardize(
    x: Operand, axis: int | Sequence[int] = -1, others: bool = False, epsilon: float = 1e-5
) -> tuple[Tensor, Tensor, Tensor]:
    """Return values of mean 0 and variance 1, and the statistics: ``(x - mean) / sqrt(variance + epsilon)``.

    Parameters
    ----------
    x : Tensor
        [*a], floating.
    axis : int or sequence of int
        The axes that statistics run over.
    others : bool
        Whether statistics run over all axes but those.
    epsilon : float
        Added to the variance, which is the biased one.

    Returns
    -------
    y : Tensor
        [*a].
    mean, variance : Tensor
        [*a], with 1 for the axes that they run over.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> [tensor.shape for tensor in F.standardize(F.input("x", (2, 3, 5)), axis=1, others=True)]
    [(2, 3, 5), (1, 3, 1), (1, 3, 1)]
    """
    y, mean, variance = apply_all("standardize", x, axis=axis, others=others, epsilon=epsilon)
    return y, mean, variance


def batch_norm(
    x: Operand,
    gamma: Operand,
    beta: Operand,
    mean: Operand,
    variance: Operand,
    axis: int = 1,
    epsilon: float = 1e-5,
) -> Tensor:
    """Return ``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` for each channel.

    Parameters
    ----------
    x : Tensor
        [*a,c,*b], floating.
    gamma, beta, mean, variance : Tensor
        [c].
    axis : int
        Which axis of `x` is c.
    epsilon : float
        Added to the variance.

    Returns
    -------
    Tensor
        [*a,c,*b].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> x, vectors = F.input("x", (2, -1, 5)), [F.parameter(name, (3,)) for name in "abcd"]
    >>> F.batch_norm(x, *vectors).shape
    (2, 3, 5)
    """
    return apply("batch_norm", x, gamma, beta, mean, variance, axis=axis, epsilon=epsilon)
