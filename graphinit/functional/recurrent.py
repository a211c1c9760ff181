"""Recurrences over a whole length, one node each."""

from __future__ import annotations

from typing import Any

from graphinit.functional.operands import Operand
from graphinit.ir.tensor import Tensor, apply_all


def lstm(
    x: Operand,
    w: Operand,
    r: Operand,
    w_bias: Operand,
    r_bias: Operand,
    h: Operand | None = None,
    c: Operand | None = None,
    *,
    reverse: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Run one layer and direction of an LSTM (Hochreiter and Schmidhuber 1997; Gers et al. 2000).

    Parameters
    ----------
    x : Tensor
        [length,batch,size].
    w, r : Tensor
        Weights of the input [4*hidden,size] and of the state [4*hidden,hidden]; gates i, f, g, o.
    w_bias, r_bias : Tensor
        [4*hidden].
    h, c : Tensor, optional
        First output and cell [batch,hidden]; zeros when left out, both or neither.
    reverse : bool
        Whether to start at the end.

    Returns
    -------
    tuple of Tensor
        Outputs [length,batch,hidden], the last output and cell [batch,hidden].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> w, r = F.parameter("w", (12, -1)), F.parameter("r", (12, -1))
    >>> b = F.parameter("b", (12,))
    >>> F.lstm(F.input("x", ("t", "n", 7)), w, r, b, b)[0].shape
    (t, n, 3)
    """
    return apply_all("lstm", x, w, r, w_bias, r_bias, *_given(h, c), reverse=reverse)[:3]  # type: ignore[return-value]


def gru(
    x: Operand,
    w: Operand,
    r: Operand,
    w_bias: Operand,
    r_bias: Operand,
    h: Operand | None = None,
    *,
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    """Run one layer and direction of a GRU (Cho et al. 2014), the bias of n inside the reset.

    Parameters
    ----------
    x : Tensor
        [length,batch,size].
    w, r : Tensor
        Weights of the input [3*hidden,size] and of the state [3*hidden,hidden]; gates r, z, n.
    w_bias, r_bias : Tensor
        [3*hidden].
    h : Tensor, optional
        First state [batch,hidden]; zeros when left out.
    reverse : bool
        Whether to start at the end.

    Returns
    -------
    tuple of Tensor
        Outputs [length,batch,hidden] and the last one [batch,hidden].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> w, r = F.parameter("w", (9, -1)), F.parameter("r", (9, -1))
    >>> b = F.parameter("b", (9,))
    >>> F.gru(F.input("x", (5, 2, 7)), w, r, b, b)[0].shape
    (5, 2, 3)
    """
    return apply_all("gru", x, w, r, w_bias, r_bias, *_given(h), reverse=reverse)[:2]  # type: ignore[return-value]


def rnn(
    x: Operand,
    w: Operand,
    r: Operand,
    w_bias: Operand,
    r_bias: Operand,
    h: Operand | None = None,
    *,
    activation: str = "tanh",
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    """Run one layer and direction of a plain recurrence (Elman 1990).

    Parameters
    ----------
    x : Tensor
        [length,batch,size].
    w, r : Tensor
        Weights of the input [hidden,size] and of the state [hidden,hidden].
    w_bias, r_bias : Tensor
        [hidden].
    h : Tensor, optional
        First state [batch,hidden]; zeros when left out.
    activation : {"tanh", "relu"}
        What follows the sum.
    reverse : bool
        Whether to start at the end.

    Returns
    -------
    tuple of Tensor
        Outputs [length,batch,hidden] and the last one [batch,hidden].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> w, r = F.parameter("w", (3, -1)), F.parameter("r", (3, 3))
    >>> b = F.parameter("b", (3,))
    >>> F.rnn(F.input("x", (5, 2, 7)), w, r, b, b, activation="relu")[1].shape
    (2, 3)
    """
    operands = (x, w, r, w_bias, r_bias, *_given(h))
    return apply_all("rnn", *operands, activation=activation, reverse=reverse)  # type: ignore[return-value]


def _given(*states: Any) -> tuple[Any, ...]:
    return tuple(state for state in states if state is not None)
