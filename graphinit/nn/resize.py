"""Layers that change the size of images: adaptive pooling, padding, pixel shuffle, upsampling."""

from __future__ import annotations

from typing import Any

from graphinit import functional as F
from graphinit.errors import BlockError
from graphinit.nn.block import Block
from graphinit.nn.checks import choice
from graphinit.nn.images import LAYOUTS, is_channels_last, per_axis
from graphinit.plain_text import class_name


class _AdaptiveAvgPool(Block):
    """Base of adaptive average pooling; subclasses say how many spatial axes there are."""

    _spatial = 0

    def __init__(self, output_size: Any = 1, layout: str | None = None) -> None:
        super().__init__()
        count = self._spatial
        self._size = per_axis("output_size", output_size, count)
        self._channels_last = is_channels_last(LAYOUTS[count][0] if layout is None else layout, count)

    def forward(self, x: Any) -> Any:
        """Pool x of shape (b, c, *s), or (b, *s, c) with channels last."""
        return F.resample(x, size=self._size, method="area", channels_last=self._channels_last)

    def __repr__(self) -> str:
        return f"{class_name(self)}(output_size={self._size})"


class AdaptiveAvgPool1D(_AdaptiveAvgPool):
    """Means over equal parts of (b, c, w): the output has the size that is asked for.

    Part i of n covers what lies between ``i/n`` and ``(i + 1)/n`` of the axis, rounded outwards.

    Parameters
    ----------
    output_size : int
        How many parts.
    layout : {"NCW", "NWC"}
        Whether channels come first or last.

    Examples
    --------
    >>> AdaptiveAvgPool1D(3).infer_shape(x=("batch", 5, "w"))["y"]
    ('batch', 5, 3)
    """

    _spatial = 1


class AdaptiveAvgPool2D(_AdaptiveAvgPool):
    """Means over equal parts of (b, c, h, w); see `AdaptiveAvgPool1D`.

    Parameters
    ----------
    output_size : int or tuple of int
        How many parts along each axis.
    layout : {"NCHW", "NHWC"}
        Whether channels come first or last.
    """

    _spatial = 2


class AdaptiveAvgPool3D(_AdaptiveAvgPool):
    """Means over equal parts of (b, c, d, h, w); see `AdaptiveAvgPool1D`.

    Parameters
    ----------
    output_size : int or tuple of int
        How many parts along each axis.
    layout : {"NCDHW", "NDHWC"}
        Whether channels come first or last.
    """

    _spatial = 3


def _border(padding: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return what is added above, below, left and right: from one number, two, pairs, or Gluon's eight."""
    given = padding
    if isinstance(given, tuple | list) and len(given) == 8:
        if any(given[:4]):
            raise BlockError(f"only spatial axes are padded; got padding={padding!r}")
        given = ((given[4], given[5]), (given[6], given[7]))
    pairs = given if isinstance(given, tuple | list) else (given, given)
    if len(pairs) != 2:
        raise BlockError(f"padding is a number, two numbers or two pairs; got {padding!r}")
    first, second = (
        per_axis("padding", pair if isinstance(pair, tuple | list) else (pair, pair), 2, 0) for pair in pairs
    )
    return (first[0], first[1]), (second[0], second[1])


class ReflectionPad2D(Block):
    """A border that mirrors the image (b, c, h, w), without the edge itself.

    Parameters
    ----------
    padding : int, (h, w) or ((above, below), (left, right))
        How wide the border is, less than the image.

    Raises
    ------
    BlockError
        GI407, when it is none of these.

    Examples
    --------
    >>> ReflectionPad2D(2).infer_shape(x=("batch", 3, 5, 7))["y"]
    ('batch', 3, 9, 11)
    """

    def __init__(self, padding: Any = 0) -> None:
        super().__init__()
        self._padding = _border(padding)

    def forward(self, x: Any) -> Any:
        """Pad x of shape (b, c, h, w)."""
        return F.reflect_pad(x, ((0, 0), (0, 0), *self._padding))

    def __repr__(self) -> str:
        return f"{class_name(self)}({self._padding})"


class ZeroPad2D(ReflectionPad2D):
    """A border of zeros around the image (b, c, h, w); arguments of `ReflectionPad2D`."""

    def forward(self, x: Any) -> Any:
        """Pad x of shape (b, c, h, w)."""
        return F.pad(x, ((0, 0), (0, 0), *self._padding))


class _PixelShuffle(Block):
    """Base of pixel shuffles; subclasses say how many spatial axes there are."""

    _spatial = 0

    def __init__(self, factor: Any) -> None:
        super().__init__()
        self._factors = per_axis("factor", factor, self._spatial)
        self._named = {"factors": "factor"}

    def forward(self, x: Any) -> Any:
        """Shuffle x of shape (b, c * prod(factor), *s)."""
        return F.pixel_shuffle(x, self._factors)

    def __repr__(self) -> str:
        factors = self._factors if self._spatial > 1 else self._factors[0]
        return f"{class_name(self)}({factors})"


class PixelShuffle1D(_PixelShuffle):
    """Channels moved into pixels: (b, c f, w) -> (b, c, f w).

    Parameters
    ----------
    factor : int
        How many pixels each becomes, f.

    References
    ----------
    W. Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel
    convolutional neural network", CVPR 2016.
    """

    _spatial = 1


class PixelShuffle2D(_PixelShuffle):
    """Channels moved into pixels: (b, c f g, h, w) -> (b, c, f h, g w); see `PixelShuffle1D`.

    Parameters
    ----------
    factor : int or tuple of int
        How many pixels each becomes along each axis.
    """

    _spatial = 2


class PixelShuffle3D(_PixelShuffle):
    """Channels moved into pixels of volumes (b, c, d, h, w); see `PixelShuffle1D`.

    Parameters
    ----------
    factor : int or tuple of int
        How many pixels each becomes along each axis.
    """

    _spatial = 3


METHODS = {"nearest": "nearest", "bilinear": "linear"}


class UpSample(Block):
    """Images (b, c, h, w) made larger by a whole factor.

    Parameters
    ----------
    scale : int or tuple of int
        The factor, along each axis.
    sample_type : {"nearest", "bilinear"}
        Each pixel repeated, or interpolation between the centres of pixels.
    layout : {"NCHW", "NHWC"}
        Whether channels come first or last.

    Raises
    ------
    BlockError
        GI407, when an argument is out of range.

    Examples
    --------
    >>> UpSample(2).infer_shape(x=("batch", 3, "h", "w"))["y"]
    ('batch', 3, '2*h', '2*w')
    """

    def __init__(self, scale: Any = 2, sample_type: str = "nearest", layout: str = "NCHW") -> None:
        super().__init__()
        self._scale = per_axis("scale", scale, 2)
        self._sample_type = choice("sample_type", sample_type, tuple(METHODS))
        self._channels_last = is_channels_last(layout, 2)

    def forward(self, x: Any) -> Any:
        """Enlarge x of shape (b, c, h, w), or (b, h, w, c) with channels last."""
        return F.resample(
            x, scale=self._scale, method=METHODS[self._sample_type], channels_last=self._channels_last
        )

    def __repr__(self) -> str:
        return f"{class_name(self)}({self._scale}, {self._sample_type})"
