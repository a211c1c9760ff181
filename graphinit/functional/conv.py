"""Convolution and its transpose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphinit.errors import OpError
from graphinit.functional.operands import Operand
from graphinit.ir.tensor import Tensor, apply, symbolic
from graphinit.scalars import several

PerAxis = int | Sequence[int]
Padding = str | int | Sequence[int | tuple[int, int]]


def _spatial(w: Any, *given: Any) -> int:
    """Return the number of spatial axes: that of a tuple among the arguments, else that of the weight."""
    for value in map(several, given):
        if value is not None:
            return len(value)
    rank = getattr(symbolic(w), "ndim", None)
    if rank is None or rank < 3:
        raise OpError(f"w has {rank} axes; a convolution's has two and one or more spatial ones", node="conv")
    return int(rank) - 2


def _each(value: Any, count: int) -> tuple[Any, ...]:
    given = several(value)
    return (value,) * count if given is None else given


def _attributes(
    w: Any, strides: Any, padding: Any, dilation: Any, groups: int, channels_last: bool
) -> dict[str, Any]:
    count = _spatial(w, strides, padding, dilation)
    padding = 0 if padding == "valid" else padding
    return {
        "strides": _each(strides, count),
        "padding": padding if isinstance(padding, str) else _each(padding, count),
        "dilation": _each(dilation, count),
        "groups": groups,
        "channels_last": channels_last,
    }


def conv(
    x: Operand,
    w: Operand,
    bias: Operand | None = None,
    strides: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    channels_last: bool = False,
) -> Tensor:
    """Return the convolution of images with a weight, over any number of spatial axes.

    Parameters
    ----------
    x : Tensor
        [b,g*c,*s], floating; with `channels_last` [b,*s,g*c].
    w : Tensor
        [n,c,*k]; with `channels_last` [n,*k,c].
    bias : Tensor, optional
        [n].
    strides, dilation : int or sequence of int
        Distance of places, and of taps.
    padding : int, sequence of int or of (before, after), "same" or "valid"
        What is added on both sides; "same" gives s/stride places, rounded up.
    groups : int
        How many groups of channels are convolved apart, g.
    channels_last : bool
        Whether channels are the last axis.

    Returns
    -------
    Tensor
        [b,n,*t], t = (s + padding - dilation*(k - 1) - 1)//stride + 1; with `channels_last` [b,*t,n].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> x, w = F.input("x", (-1, 3, 32, 32)), F.parameter("w", (8, -1, 3, 3))
    >>> F.conv(x, w, strides=2, padding=1).shape
    (-1, 8, 16, 16)
    """
    operands = (x, w) if bias is None else (x, w, bias)
    return apply("conv", *operands, **_attributes(w, strides, padding, dilation, groups, channels_last))


def conv_transpose(
    x: Operand,
    w: Operand,
    bias: Operand | None = None,
    strides: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    channels_last: bool = False,
) -> Tensor:
    """Return the transposed convolution: the map that `conv` with this weight sends gradients back by.

    Parameters
    ----------
    x : Tensor
        [b,n,*t], floating; with `channels_last` [b,*t,n].
    w : Tensor
        [n,c,*k]; with `channels_last` [n,*k,c].
    bias : Tensor, optional
        [g*c].
    strides, padding, dilation, groups, channels_last
        As in `conv`; "same" gives s = t*stride.
    output_padding : int or sequence of int
        Sizes that are added to the result's, less than the strides.

    Returns
    -------
    Tensor
        [b,g*c,*s], s = (t - 1)*stride + dilation*(k - 1) + 1 - padding + output_padding; with
        `channels_last` [b,*s,g*c].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> x, w = F.input("x", (-1, 8, 16, 16)), F.parameter("w", (-1, 3, 2, 2))
    >>> F.conv_transpose(x, w, strides=2).shape
    (-1, 3, 32, 32)
    """
    operands = (x, w) if bias is None else (x, w, bias)
    attributes = _attributes(w, strides, padding, dilation, groups, channels_last)
    extra = _each(output_padding, len(attributes["strides"]))
    return apply("conv_transpose", *operands, **attributes, output_padding=extra if any(extra) else ())
