"""What losses are made of."""

from __future__ import annotations

from graphinit.functional.operands import Operand
from graphinit.ir.tensor import Tensor, apply, apply_all


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


def ctc_loss(
    x: Operand, labels: Operand, lengths: Operand | None = None, label_lengths: Operand | None = None
) -> Tensor:
    """Return the negative log-likelihood of labels under softmax(x), summed over all alignments.

    Parameters
    ----------
    x : Tensor
        [b,t,c], floating: scores of classes, of which the last is the blank.
    labels : Tensor
        [b,l], integers less than c - 1.
    lengths : Tensor, optional
        [b]: how much of the time counts; by default all.
    label_lengths : Tensor, optional
        [b]: how many labels there are; by default they end at the first negative one.

    Returns
    -------
    Tensor
        [b]; inf where there is no alignment.

    Raises
    ------
    ValueRangeError
        GI502, when the graph runs, for a label or length that is out of range.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.ctc_loss(F.input("x", (2, 7, 5)), F.input("labels", (2, 3), "int64")).shape
    (2,)
    """
    extra = [tensor for tensor in (lengths, label_lengths) if tensor is not None]
    return apply(
        "ctc_loss", x, labels, *extra, lengths=lengths is not None, label_lengths=label_lengths is not None
    )
