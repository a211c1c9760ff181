"""Images in another size."""

from __future__ import annotations

from collections.abc import Sequence

from graphinit.functional.operands import Operand
from graphinit.ir.tensor import Tensor, apply


def resample(
    x: Operand,
    size: Sequence[int] = (),
    scale: Sequence[int] = (),
    method: str = "nearest",
    channels_last: bool = False,
) -> Tensor:
    """Return images in another size, given or as a multiple.

    Parameters
    ----------
    x : Tensor
        [b,c,*s], floating; with `channels_last` [b,*s,c].
    size, scale : sequence of int
        One of the two, with a number for each spatial axis.
    method : {"nearest", "linear", "area"}
        The nearest pixel, linear interpolation between the centres of pixels, or means over parts of
        equal size.
    channels_last : bool
        Whether channels are the last axis.

    Returns
    -------
    Tensor
        [b,c,*t].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.resample(F.input("x", (-1, 3, 5, 7)), scale=(2, 2)).shape
    (-1, 3, 10, 14)
    """
    return apply("resample", x, size=size, scale=scale, method=method, channels_last=channels_last)


def reflect_pad(x: Operand, pads: Sequence[Sequence[int]]) -> Tensor:
    """Return the tensor with a border that mirrors what lies inside, without the edge itself.

    Parameters
    ----------
    x : Tensor
        [*a].
    pads : sequence of (before, after)
        For each axis; less than its size.

    Returns
    -------
    Tensor
        Each axis longer by before + after.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.reflect_pad(F.input("x", (2, 3)), ((0, 0), (1, 2))).shape
    (2, 6)
    """
    return apply("reflect_pad", x, pads=pads)


def pixel_shuffle(x: Operand, factors: Sequence[int]) -> Tensor:
    """Return images with channels moved into pixels.

    Parameters
    ----------
    x : Tensor
        [b,c*prod(f),*s].
    factors : sequence of int
        How many pixels each becomes along each spatial axis, f.

    Returns
    -------
    Tensor
        [b,c,*(f*s)].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.pixel_shuffle(F.input("x", (-1, 12, 5, 7)), (2, 3)).shape
    (-1, 2, 10, 21)
    """
    return apply("pixel_shuffle", x, factors=factors)


def pixel_unshuffle(x: Operand, factors: Sequence[int]) -> Tensor:
    """Return images with pixels moved into channels: the inverse of `pixel_shuffle`.

    Parameters
    ----------
    x : Tensor
        [b,c,*(f*s)].
    factors : sequence of int
        How many pixels become one along each spatial axis, f.

    Returns
    -------
    Tensor
        [b,c*prod(f),*s].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.pixel_unshuffle(F.input("x", (-1, 2, 10, 21)), (2, 3)).shape
    (-1, 12, 5, 7)
    """
    return apply("pixel_unshuffle", x, factors=factors)
