"""Pooling layers."""

from __future__ import annotations

from typing import Any

from graphinit import functional as F
from graphinit.nn.block import Block
from graphinit.nn.checks import flag
from graphinit.nn.images import is_channels_last, per_axis
from graphinit.plain_text import class_name


class Pool(Block):
    """Base of pooling; subclasses say how many spatial axes there are, and what is taken of a window."""

    _spatial = 0
    _kind = "max"

    def __init__(
        self,
        pool_size: Any,
        strides: Any,
        padding: Any,
        ceil_mode: bool,
        layout: str,
        count_include_pad: bool = True,
        whole: bool = False,
    ) -> None:
        super().__init__()
        count = self._spatial
        self._size = per_axis("pool_size", pool_size, count)
        self._strides = self._size if strides is None else per_axis("strides", strides, count)
        self._named = {"kernel": "pool_size", "strides": "pool_size" if strides is None else "strides"}
        self._padding = per_axis("padding", padding, count, 0)
        self._ceil = flag("ceil_mode", ceil_mode)
        self._layout = layout
        self._channels_last = is_channels_last(layout, count)
        self._count_include_pad = flag("count_include_pad", count_include_pad)
        self._whole = whole

    def forward(self, x: Any) -> Any:
        """Pool x of shape (b, c, *s), or (b, *s, c) with channels last."""
        options: dict[str, Any] = {
            "ceil": self._ceil and not self._whole,
            "channels_last": self._channels_last,
        }
        kernel: Any = "all" if self._whole else self._size
        if self._kind == "max":
            return F.max_pool(x, kernel, self._strides, self._padding, **options)
        options["count_padding"] = self._count_include_pad
        return F.avg_pool(x, kernel, self._strides, self._padding, **options)

    def __repr__(self) -> str:
        return (
            f"{class_name(self)}(size={self._size}, stride={self._strides}, padding={self._padding}, "
            f"ceil_mode={self._ceil}, global_pool={self._whole}, pool_type={self._kind}, layout={self._layout})"
        )


class MaxPool1D(Pool):
    """Greatest value of each window of (b, c, w).

    Along each spatial axis there are ``(size + 2*padding - pool_size)//strides + 1`` windows; with
    `ceil_mode` the division rounds up. The gradient goes to the first of
    the greatest values.

    Parameters
    ----------
    pool_size : int or tuple of int
        Size of windows.
    strides : int or tuple of int, optional
        From one window to the next; by default `pool_size`.
    padding : int or tuple of int
        How far windows reach out on each side, less than `pool_size`.
    ceil_mode : bool
        Whether a window counts that ends outside, unless it starts behind the image (as in PyTorch;
        Gluon counts such windows too).
    layout : {"NCW", "NWC"}
        Whether channels come first or last.

    Raises
    ------
    BlockError
        GI407, when an argument is out of range.

    Examples
    --------
    >>> MaxPool1D(3, 2).infer_shape(x=("batch", 5, 9))["y"]
    ('batch', 5, 4)
    """

    _spatial = 1
    _kind = "max"

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        layout: str = "NCW",
    ) -> None:
        super().__init__(pool_size, strides, padding, ceil_mode, layout)


class MaxPool2D(Pool):
    """Greatest value of each window of (b, c, h, w).

    Along each spatial axis there are ``(size + 2*padding - pool_size)//strides + 1`` windows; with
    `ceil_mode` the division rounds up. The gradient goes to the first of
    the greatest values.

    Parameters
    ----------
    pool_size : int or tuple of int
        Size of windows.
    strides : int or tuple of int, optional
        From one window to the next; by default `pool_size`.
    padding : int or tuple of int
        How far windows reach out on each side, less than `pool_size`.
    ceil_mode : bool
        Whether a window counts that ends outside, unless it starts behind the image (as in PyTorch;
        Gluon counts such windows too).
    layout : {"NCHW", "NHWC"}
        Whether channels come first or last.

    Raises
    ------
    BlockError
        GI407, when an argument is out of range.

    Examples
    --------
    >>> MaxPool2D(3, 2).infer_shape(x=("batch", 5, 9, 9))["y"]
    ('batch', 5, 4, 4)
    """

    _spatial = 2
    _kind = "max"

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        layout: str = "NCHW",
    ) -> None:
        super().__init__(pool_size, strides, padding, ceil_mode, layout)


class MaxPool3D(Pool):
    """Greatest value of each window of (b, c, d, h, w).

    Along each spatial axis there are ``(size + 2*padding - pool_size)//strides + 1`` windows; with
    `ceil_mode` the division rounds up. The gradient goes to the first of
    the greatest values.

    Parameters
    ----------
    pool_size : int or tuple of int
        Size of windows.
    strides : int or tuple of int, optional
        From one window to the next; by default `pool_size`.
    padding : int or tuple of int
        How far windows reach out on each side, less than `pool_size`.
    ceil_mode : bool
        Whether a window counts that ends outside, unless it starts behind the image (as in PyTorch;
        Gluon counts such windows too).
    layout : {"NCDHW", "NDHWC"}
        Whether channels come first or last.

    Raises
    ------
    BlockError
        GI407, when an argument is out of range.

    Examples
    --------
    >>> MaxPool3D(3, 2).infer_shape(x=("batch", 5, 9, 9, 9))["y"]
    ('batch', 5, 4, 4, 4)
    """

    _spatial = 3
    _kind = "max"

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        layout: str = "NCDHW",
    ) -> None:
        super().__init__(pool_size, strides, padding, ceil_mode, layout)


class AvgPool1D(Pool):
    """Mean of each window of (b, c, w).

    Along each spatial axis there are ``(size + 2*padding - pool_size)//strides + 1`` windows; with
    `ceil_mode` the division rounds up.

    Parameters
    ----------
    pool_size : int or tuple of int
        Size of windows.
    strides : int or tuple of int, optional
        From one window to the next; by default `pool_size`.
    padding : int or tuple of int
        How far windows reach out on each side, less than `pool_size`.
    ceil_mode : bool
        Whether a window counts that ends outside, unless it starts behind the image (as in PyTorch;
        Gluon counts such windows too).
    layout : {"NCW", "NWC"}
        Whether channels come first or last.
    count_include_pad : bool
        Whether the padding counts as zeros; otherwise only what lies on the image is averaged.

    Raises
    ------
    BlockError
        GI407, when an argument is out of range.

    Examples
    --------
    >>> AvgPool1D(3, 2).infer_shape(x=("batch", 5, 9))["y"]
    ('batch', 5, 4)
    """

    _spatial = 1
    _kind = "avg"

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        layout: str = "NCW",
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(pool_size, strides, padding, ceil_mode, layout, count_include_pad)


class AvgPool2D(Pool):
    """Mean of each window of (b, c, h, w).

    Along each spatial axis there are ``(size + 2*padding - pool_size)//strides + 1`` windows; with
    `ceil_mode` the division rounds up.

    Parameters
    ----------
    pool_size : int or tuple of int
        Size of windows.
    strides : int or tuple of int, optional
        From one window to the next; by default `pool_size`.
    padding : int or tuple of int
        How far windows reach out on each side, less than `pool_size`.
    ceil_mode : bool
        Whether a window counts that ends outside, unless it starts behind the image (as in PyTorch;
        Gluon counts such windows too).
    layout : {"NCHW", "NHWC"}
        Whether channels come first or last.
    count_include_pad : bool
        Whether the padding counts as zeros; otherwise only what lies on the image is averaged.

    Raises
    ------
    BlockError
        GI407, when an argument is out of range.

    Examples
    --------
    >>> AvgPool2D(3, 2).infer_shape(x=("batch", 5, 9, 9))["y"]
    ('batch', 5, 4, 4)
    """

    _spatial = 2
    _kind = "avg"

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        layout: str = "NCHW",
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(pool_size, strides, padding, ceil_mode, layout, count_include_pad)


class AvgPool3D(Pool):
    """Mean of each window of (b, c, d, h, w).

    Along each spatial axis there are ``(size + 2*padding - pool_size)//strides + 1`` windows; with
    `ceil_mode` the division rounds up.

    Parameters
    ----------
    pool_size : int or tuple of int
        Size of windows.
    strides : int or tuple of int, optional
        From one window to the next; by default `pool_size`.
    padding : int or tuple of int
        How far windows reach out on each side, less than `pool_size`.
    ceil_mode : bool
        Whether a window counts that ends outside, unless it starts behind the image (as in PyTorch;
        Gluon counts such windows too).
    layout : {"NCDHW", "NDHWC"}
        Whether channels come first or last.
    count_include_pad : bool
        Whether the padding counts as zeros; otherwise only what lies on the image is averaged.

    Raises
    ------
    BlockError
        GI407, when an argument is out of range.

    Examples
    --------
    >>> AvgPool3D(3, 2).infer_shape(x=("batch", 5, 9, 9, 9))["y"]
    ('batch', 5, 4, 4, 4)
    """

    _spatial = 3
    _kind = "avg"

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        layout: str = "NCDHW",
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(pool_size, strides, padding, ceil_mode, layout, count_include_pad)
