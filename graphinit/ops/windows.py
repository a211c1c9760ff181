"""Windows that slide over the spatial axes of images: what convolutions and pooling share.

An image is ``[b,c,*s]``, or ``[b,*s,c]`` with channels last.  Along each spatial axis the output has
``(size + padding - extent)//stride + 1`` places, where a kernel of k taps with dilation d has the
extent ``d*(k - 1) + 1``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphinit.ops.checks import natural, positive
from graphinit.scalars import several

Pads = tuple[tuple[int, int], ...]

TILE = 1 << 19
"""Numbers that a kernel gathers at a time, at most, unless one row of one image needs more."""


class Scratch:
    """Memory that a kernel fills again and again: fresh pages cost more than the copying.

    Parameters
    ----------
    dtype : dtype
        What it holds.
    """

    def __init__(self, dtype: Any) -> None:
        self._memory = np.empty(0, dtype)

    def empty(self, shape: Sequence[int]) -> np.ndarray:
        """Return an array of that shape, whose contents are those of the one before."""
        size = math.prod(shape)
        if size > self._memory.size:
            self._memory = np.empty(size, self._memory.dtype)
        return self._memory[:size].reshape(shape)

    def copied(self, array: np.ndarray) -> np.ndarray:
        """Return a contiguous copy of an array."""
        copy = self.empty(array.shape)
        np.copyto(copy, array)
        return copy


def taps(value: Any) -> tuple[int, ...]:
    """A whole number of at least 1 for each spatial axis."""
    given = several(value)
    if given is None:
        raise TypeError("must be a tuple with a number for each spatial axis")
    return tuple(positive(item) for item in given)


def paddings(value: Any) -> str | Pads:
    """``"same"``, or for each spatial axis a number or a pair (before, after)."""
    if isinstance(value, str):
        if value != "same":
            raise ValueError("must be 'same' or a number or pair for each spatial axis")
        return value
    given = several(value)
    if given is None:
        raise TypeError("must be 'same' or a number or pair for each spatial axis")
    pairs = []
    for item in given:
        pair = several(item) or (item, item)
        if len(pair) != 2:
            raise ValueError("must be 'same' or a number or pair for each spatial axis")
        pairs.append((natural(pair[0]), natural(pair[1])))
    return tuple(pairs)


# --- axes and equations -----------------------------------------------------------------------


def channel_axis(rank: int, channels_last: bool) -> int:
    """Return the axis of channels."""
    return rank - 1 if channels_last else 1


def spatial_axes(rank: int, channels_last: bool) -> range:
    """Return the axes between batch and channels, or behind both."""
    return range(1, rank - 1) if channels_last else range(2, rank)


def total_padding(padding: str | Pads, place: int) -> int | None:
    """Return the padding of one spatial axis, both sides; None for ``"same"``."""
    return None if isinstance(padding, str) else sum(padding[place])


def state_window(
    ctx: Any,
    out: Any,
    size: Any,
    extent: Any,
    stride: int,
    padding: int | None,
    names: tuple[str, str],
    before: int | None = None,
    because: Sequence[Any] = (),
) -> None:
    """State how many places a window has along one axis.

    Parameters
    ----------
    ctx : ShapeContext
        The sizes.
    out, size : handle
        The axis of the output and that of the input.
    extent : int or Expr
        How far the window reaches.
    stride : int
        From one place to the next.
    padding : int or None
        How much is added on both sides together; None for as many places as strides fit in.
    names : tuple of str
        What `out` and `size` are, in messages.
    before : int, optional
        Lets windows count that end outside, up to a stride less one: the padding in front, since a window
        must still start on the image or in front of it, never in the padding behind (PyTorch's rule).
    because : sequence of handle
        The sizes that the extent was worked out from.
    """
    if padding is None:
        ctx.floordiv(
            out,
            (1, size, stride - 1),
            stride,
            f"{names[0]} is {names[1]} over the stride of {stride}, rounded up",
        )
        return
    least = extent - padding
    within = f" padded by {padding}" if padding else ""
    if before is not None:
        least -= stride - 1
        within += f" by the stride of {stride} or more" if stride > 1 else ""
    known = ctx.known(size)
    if not isinstance(least, int) or least > 0:
        ctx.at_least(
            size,
            least,
            f"the kernel, which reaches over {extent}, must not exceed {names[1]}{within}",
            because,
        )
        if isinstance(known, int) and isinstance(least, int) and known < least:
            ctx.local.lose(out)
            return
    offset = padding - extent + stride
    if before is not None:  # rounded up, but no more places than strides start before the end of the image
        offset = min(offset, before) + stride - 1
    ctx.floordiv(
        out,
        (1, size, offset),
        stride,
        f"{names[0]} counts the places of a window of {extent} on {names[1]}",
        because,
    )


# --- arrays -----------------------------------------------------------------------------------


def channels_second(array: np.ndarray, channels_last: bool) -> np.ndarray:
    """Return a view ``[b,c,*s]`` of an image."""
    return np.moveaxis(array, -1, 1) if channels_last else array


def behind(axes: int, *index: Any) -> Any:
    """Return an index that takes some axes whole and goes on behind them."""
    return (*(slice(None),) * axes, *index)


@dataclass(frozen=True, slots=True)
class Windows:
    """Where windows lie on images of one size.

    Parameters
    ----------
    sizes, kernel, strides, dilation : tuple of int
        For each spatial axis: the image's size, taps, distance of windows, distance of taps.
    pads : tuple of (int, int)
        What is added before and after.
    places : tuple of int
        How many windows there are.
    """

    sizes: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: Pads
    places: tuple[int, ...]

    @classmethod
    def of(
        cls,
        sizes: Sequence[int],
        kernel: Sequence[int],
        strides: Sequence[int],
        dilation: Sequence[int],
        padding: str | Pads,
        places: Sequence[int],
    ) -> Windows:
        """Return the windows; ``"same"`` padding puts the odd one behind."""
        if isinstance(padding, str):
            pads = []
            for size, taps_, stride, step, count in zip(
                sizes, kernel, strides, dilation, places, strict=True
            ):
                whole = max((count - 1) * stride + step * (taps_ - 1) + 1 - size, 0)
                pads.append((whole // 2, whole - whole // 2))
            padding = tuple(pads)
        return cls(tuple(sizes), tuple(kernel), tuple(strides), tuple(dilation), padding, tuple(places))

    @property
    def reach(self) -> tuple[int, ...]:
        """For each spatial axis, the size that all windows need."""
        return tuple(
            (count - 1) * stride + step * (taps_ - 1) + 1
            for count, stride, step, taps_ in zip(
                self.places, self.strides, self.dilation, self.kernel, strict=True
            )
        )

    @property
    def is_whole(self) -> bool:
        """Whether there is one window, which is the image."""
        return (
            self.kernel == self.sizes
            and all(count == 1 for count in self.places)
            and not any(map(any, self.pads))
        )

    @property
    def is_plain(self) -> bool:
        """Whether windows are the places of the image themselves."""
        return (
            self.places == self.sizes
            and all(taps_ == 1 for taps_ in self.kernel)
            and not any(map(any, self.pads))
        )

    def padded(self, x: np.ndarray, fill: float = 0) -> np.ndarray:
        """Return the image ``[b,c,*s]`` with its padding, as far as windows reach."""
        whole = self._padded_sizes()
        if whole == x.shape[2:]:
            return x
        result = self.blank(x.shape[:2], x.dtype, fill)
        result[self._inner()] = x
        return result

    def blank(self, lead: tuple[int, ...], dtype: Any, fill: float = 0) -> np.ndarray:
        """Return an empty padded image, to gather in what windows give."""
        shape = (*lead, *self._padded_sizes())
        try:
            return np.full(shape, fill, dtype)
        except ValueError as cause:  # more elements than can be counted
            raise MemoryError(f"padding to {shape}") from cause

    def cropped(self, padded: np.ndarray) -> np.ndarray:
        """Return the part of a padded image that is the image."""
        image: np.ndarray = padded[self._inner()]
        return image

    def _padded_sizes(self) -> tuple[int, ...]:
        return tuple(
            max(reach, before + size + after)
            for reach, size, (before, after) in zip(self.reach, self.sizes, self.pads, strict=True)
        )

    def _inner(self) -> Any:
        spans = (
            slice(before, before + size) for size, (before, _) in zip(self.sizes, self.pads, strict=True)
        )
        return behind(2, *spans)

    def view(self, padded: np.ndarray) -> np.ndarray:
        """Return a view ``[b,c,*kernel,*places]`` of a padded image: for each tap, what it sees."""
        steps = padded.strides[2:]
        taps, places = self.kernel, self.places  # along an axis of one there is no step, however far it were
        return np.lib.stride_tricks.as_strided(
            padded,
            (*padded.shape[:2], *taps, *places),
            (
                *padded.strides[:2],
                *(step * by * (n > 1) for step, by, n in zip(steps, self.dilation, taps, strict=True)),
                *(step * by * (n > 1) for step, by, n in zip(steps, self.strides, places, strict=True)),
            ),
        )

    def tap_views(self, padded: np.ndarray) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
        """Give each tap, in order, with a view ``[b,c,*places]`` of what it sees."""
        view = self.view(padded)
        for tap in np.ndindex(*self.kernel):
            yield tap, view[behind(2, *tap)]


def tiles(batch: int, rows: int, per_row: int) -> Iterator[tuple[slice, slice]]:
    """Part images, and rows of one image where that is large, into what fits a cache.

    Parameters
    ----------
    batch, rows : int
        How many images, and how many rows each.
    per_row : int
        Numbers in one row.
    """
    if rows * per_row <= TILE:
        step = max(1, TILE // max(rows * per_row, 1))
        for start in range(0, batch, step):
            yield slice(start, min(start + step, batch)), slice(0, rows)
        return
    count = math.ceil(rows * per_row / TILE)
    step = max(1, math.ceil(rows / count))
    for image in range(batch):
        for start in range(0, rows, step):
            yield slice(image, image + 1), slice(start, min(start + step, rows))
