"""Attention: values mixed by how well queries match keys."""

from __future__ import annotations

import math

from graphinit.functional.linear import matmul
from graphinit.functional.movement import swapaxes
from graphinit.functional.operands import Operand
from graphinit.ir.joining import all_or_nothing
from graphinit.ir.tensor import Tensor, apply, symbolic


@all_or_nothing()
def attention(
    query: Operand,
    key: Operand,
    value: Operand,
    mask: Operand | None = None,
    causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Return scaled dot-product attention (Vaswani et al. 2017): softmax(q kᵀ scale) v.

    Parameters
    ----------
    query : Tensor
        [*b,t,d].
    key : Tensor
        [*b,s,d].
    value : Tensor
        [*b,s,e].
    mask : Tensor, optional
        What broadcasts to [*b,t,s]; a query sees the keys where it is not 0.
    causal : bool
        Whether a query sees no key after itself; the last query stands at the last key.
    scale : float, optional
        By default 1 / sqrt(d), for which d must be known.

    Returns
    -------
    Tensor
        [*b,t,e]; 0 for a query that sees no key.

    Raises
    ------
    SymbolicValueError
        GI108, when d is not known and no scale is given.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> q, kv = F.input("q", ("b", 5, 7)), F.input("kv", ("b", "s", 7))
    >>> F.attention(q, kv, kv).shape
    (b, 5, 7)
    """
    tensor = symbolic(query)
    if scale is None:
        scale = 1 / math.sqrt(max(int(tensor.shape[-1]), 1))
    weights = attention_weights(matmul(tensor * scale, swapaxes(key, -1, -2)), mask, causal)
    return matmul(weights, value)


def attention_weights(scores: Operand, mask: Operand | None = None, causal: bool = False) -> Tensor:
    """Return the softmax of scores over the keys that are seen.

    Parameters
    ----------
    scores : Tensor
        [*b,t,s].
    mask : Tensor, optional
        What broadcasts to [*b,t,s]; a key is seen where it is not 0.
    causal : bool
        Whether a query sees no key after itself; the last query stands at the last key.

    Returns
    -------
    Tensor
        [*b,t,s]; rows that see no key are 0.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.attention_weights(F.input("scores", (2, 3, 5)), causal=True).shape
    (2, 3, 5)
    """
    return apply("attention_weights", scores, *(() if mask is None else (mask,)), causal=causal)


def sinusoidal_positions(x: Operand, base: float = 10000.0) -> Tensor:
    """Return sines and cosines of positions (Vaswani et al. 2017), to be added to `x`.

    Parameters
    ----------
    x : Tensor
        [*b,t,d]; only its shape is used.
    base : float
        Ratio of the longest wave to the shortest.

    Returns
    -------
    Tensor
        [t,d]: even columns are sines, odd ones cosines.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.sinusoidal_positions(F.input("x", ("b", "t", 8))).shape
    (t, 8)
    """
    return apply("sinusoidal_positions", x, base=base)


def add_positions(x: Operand, positions: Operand) -> Tensor:
    """Return every sample plus the vector of each position.

    Parameters
    ----------
    x : Tensor
        [*b,t,d].
    positions : Tensor
        [t,d].

    Returns
    -------
    Tensor
        [*b,t,d].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> x, table = F.input("x", ("b", 5, 7)), F.parameter("table", (5, -1))
    >>> F.add_positions(x, table).shape
    (b, 5, 7)
    """
    return apply("add_positions", x, positions)
