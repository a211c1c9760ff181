"""Pooling: the greatest value, or the mean, of each window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphinit.errors import OpError
from graphinit.functional.operands import Operand
from graphinit.ir.tensor import Tensor, apply, symbolic
from graphinit.scalars import several

PerAxis = int | Sequence[int]


def _attributes(
    x: Any, kernel: Any, strides: Any, padding: Any, ceil: bool, channels_last: bool
) -> dict[str, Any]:
    count = next((len(v) for v in map(several, (kernel, strides, padding)) if v is not None), None)
    if count is None:
        rank = getattr(symbolic(x), "ndim", None)
        if rank is None or rank < 3:
            raise OpError(f"x has {rank} axes; pooling takes a batch, channels and spatial axes", node="pool")
        count = rank - 2
    if strides is None:
        strides = 1 if isinstance(kernel, str) else kernel

    def each(value: Any) -> tuple[Any, ...]:
        given = several(value)
        return (value,) * count if given is None else given

    return {
        "kernel": kernel if isinstance(kernel, str) else each(kernel),
        "strides": each(strides),
        "padding": each(padding),
        "ceil": ceil,
        "channels_last": channels_last,
    }


def max_pool(
    x: Operand,
    kernel: PerAxis | str,
    strides: PerAxis | None = None,
    padding: int | Sequence[Any] = 0,
    ceil: bool = False,
    channels_last: bool = False,
) -> Tensor:
    """Return the greatest value of each window; its gradient goes to the first of the greatest.

    Parameters
    ----------
    x : Tensor
        [b,c,*s], floating; with `channels_last` [b,*s,c].
    kernel : int, sequence of int or "all"
        Size of windows; "all" for one that is the image.
    strides : int or sequence of int, optional
        From one window to the next; by default the kernel.
    padding : int, sequence of int or of (before, after)
        How far windows reach out, less than the kernel.
    ceil : bool
        Whether a window counts that ends outside: the division rounds up, but a window that would start
        behind the image, in the padding there, is left out, as in PyTorch.  MXNet counts it.
    channels_last : bool
        Whether channels are the last axis.

    Returns
    -------
    Tensor
        [b,c,*t], t = (s + padding - kernel)//stride + 1, rounded up with `ceil`.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.max_pool(F.input("x", (-1, 3, 7, 7)), 2).shape
    (-1, 3, 3, 3)
    """
    return apply("max_pool", x, **_attributes(x, kernel, strides, padding, ceil, channels_last))


def avg_pool(
    x: Operand,
    kernel: PerAxis | str,
    strides: PerAxis | None = None,
    padding: int | Sequence[Any] = 0,
    ceil: bool = False,
    count_padding: bool = True,
    channels_last: bool = False,
) -> Tensor:
    """Return the mean of each window.

    Parameters
    ----------
    x, kernel, strides, padding, ceil, channels_last
        As in `max_pool`.
    count_padding : bool
        Whether the padding counts as zeros; otherwise only what lies on the image is averaged.

    Returns
    -------
    Tensor
        [b,c,*t], t = (s + padding - kernel)//stride + 1, rounded up with `ceil`.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.avg_pool(F.input("x", (-1, 3, 7, 7)), "all").shape
    (-1, 3, 1, 1)
    """
    attributes = _attributes(x, kernel, strides, padding, ceil, channels_last)
    return apply("avg_pool", x, **attributes, count_padding=count_padding)
