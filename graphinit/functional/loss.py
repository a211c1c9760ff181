"""What losses are made of."""

from __future__ import annotations

from graphinit.functional.operands import Operand
from graphinit.ir.tensor import Tensor, apply_all


def without_ignored(ids: Operand, ignored: int) -> tuple[Tensor, Tensor]:
    """Return ids with 0 in place of those to be ignored, and whether each is kept.

    Parameters
    ----------
    ids : Tensor
        [*a], integers.
    ignored : int
        The id to be ignored.

    Returns
    -------
    ids : Tensor
        [*a].
    kept : Tensor
        bool [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> [tensor.dtype for tensor in F.without_ignored(F.input("ids", (2, 3), "int64"), -1)]
    ['int64', 'bool']
    """
    classes, kept = apply_all("without_ignored", ids, ignored=ignored)
    return classes, kept
