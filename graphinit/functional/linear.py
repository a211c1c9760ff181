"""Matrix products."""

from __future__ import annotations

from graphinit.functional.operands import Operand
from graphinit.ir.tensor import Tensor, apply


def linear(x: Operand, w: Operand, bias: Operand | None = None, flatten: bool = False) -> Tensor:
    """Return the affine map ``x @ w.T + bias``.

    Parameters
    ----------
    x : Tensor
        [*b,k]; with `flatten` [b,*s].
    w : Tensor
        [n,k]; with `flatten` [n,prod(s)].
    bias : Tensor, optional
        [n].
    flatten : bool
        Whether the axes of `x` beyond the first count as one.

    Returns
    -------
    Tensor
        [*b,n]; with `flatten` [b,n].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> x, w, b = F.input("x", (-1, 20)), F.parameter("w", (256, -1)), F.parameter("b", (256,))
    >>> F.linear(x, w, b).shape
    (-1, 256)
    """
    if bias is None:
        return apply("linear", x, w, flatten=flatten)
    return apply("linear", x, w, bias, flatten=flatten)


def matmul(x: Operand, y: Operand) -> Tensor:
    """Return the matrix product, as `numpy.matmul`.

    Parameters
    ----------
    x : Tensor
        [*a,m,k], or a vector [k] that counts as a row.
    y : Tensor
        [*b,k,n], or a vector [k] that counts as a column.

    Returns
    -------
    Tensor
        [*a|b,m,n]; the axis of a vector is left out.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.matmul(F.input("x", (7, 2, 3)), F.input("y", (3, 5))).shape
    (7, 2, 5)
    """
    return apply("matmul", x, y)
