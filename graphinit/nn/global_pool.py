"""Pooling over whole images."""

from __future__ import annotations

from graphinit.nn.pool import Pool


class _GlobalPool(Pool):
    """Base of pooling over whole images."""

    def __init__(self, layout: str) -> None:
        super().__init__(1, None, 0, True, layout, whole=True)


class GlobalMaxPool1D(_GlobalPool):
    """Greatest value of each channel of (b, c, w), with spatial axes of size 1.

    Parameters
    ----------
    layout : {"NCW", "NWC"}
        Whether channels come first or last.

    Raises
    ------
    BlockError
        GI407, when there is no such layout.
    """

    _spatial = 1
    _kind = "max"

    def __init__(self, layout: str = "NCW") -> None:
        super().__init__(layout)


class GlobalMaxPool2D(_GlobalPool):
    """Greatest value of each channel of (b, c, h, w), with spatial axes of size 1.

    Parameters
    ----------
    layout : {"NCHW", "NHWC"}
        Whether channels come first or last.

    Raises
    ------
    BlockError
        GI407, when there is no such layout.
    """

    _spatial = 2
    _kind = "max"

    def __init__(self, layout: str = "NCHW") -> None:
        super().__init__(layout)


class GlobalMaxPool3D(_GlobalPool):
    """Greatest value of each channel of (b, c, d, h, w), with spatial axes of size 1.

    Parameters
    ----------
    layout : {"NCDHW", "NDHWC"}
        Whether channels come first or last.

    Raises
    ------
    BlockError
        GI407, when there is no such layout.
    """

    _spatial = 3
    _kind = "max"

    def __init__(self, layout: str = "NCDHW") -> None:
        super().__init__(layout)


class GlobalAvgPool1D(_GlobalPool):
    """Mean of each channel of (b, c, w), with spatial axes of size 1.

    Parameters
    ----------
    layout : {"NCW", "NWC"}
        Whether channels come first or last.

    Raises
    ------
    BlockError
        GI407, when there is no such layout.
    """

    _spatial = 1
    _kind = "avg"

    def __init__(self, layout: str = "NCW") -> None:
        super().__init__(layout)


class GlobalAvgPool2D(_GlobalPool):
    """Mean of each channel of (b, c, h, w), with spatial axes of size 1.

    Parameters
    ----------
    layout : {"NCHW", "NHWC"}
        Whether channels come first or last.

    Raises
    ------
    BlockError
        GI407, when there is no such layout.
    """

    _spatial = 2
    _kind = "avg"

    def __init__(self, layout: str = "NCHW") -> None:
        super().__init__(layout)


class GlobalAvgPool3D(_GlobalPool):
    """Mean of each channel of (b, c, d, h, w), with spatial axes of size 1.

    Parameters
    ----------
    layout : {"NCDHW", "NDHWC"}
        Whether channels come first or last.

    Raises
    ------
    BlockError
        GI407, when there is no such layout.
    """

    _spatial = 3
    _kind = "avg"

    def __init__(self, layout: str = "NCDHW") -> None:
        super().__init__(layout)
