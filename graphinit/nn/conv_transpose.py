"""Transposed convolution layers."""

from __future__ import annotations

from typing import Any

from graphinit.nn.basic import ZEROS, ActivationLike
from graphinit.nn.conv import Convolution


class Conv1DTranspose(Convolution):
    """Transposed convolution over signals (b, c, w), which undoes the shape of `Conv1D`.

    Along each spatial axis the output has the size ``(size - 1)*strides + dilation*(kernel_size - 1) + 1 -
    2*padding + output_padding``; with "same" padding ``size*strides``.

    Parameters
    ----------
    channels, kernel_size, strides, padding, dilation, groups, layout, activation, use_bias
        As in `Conv1D`.
    output_padding : int or tuple of int
        Sizes that are added to the output's, less than the strides.
    weight_initializer, bias_initializer, in_channels
        As in `Conv1D`.

    Attributes
    ----------
    weight : Parameter
        Shape (in_channels, channels // groups, *kernel_size), channels last (in_channels, *kernel_size,
        channels // groups).
    bias : Parameter or None
        Shape (channels,).

    Raises
    ------
    BlockError
        GI407, when an argument is out of range.

    Examples
    --------
    >>> Conv1DTranspose(8, 2, strides=2, in_channels=5)
    Conv1DTranspose(5 -> 8, kernel_size=(2,), stride=(2,))
    """

    _spatial = 1
    _transposed = True

    def __init__(
        self,
        channels: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        layout: str = "NCW",
        activation: ActivationLike | None = None,
        use_bias: bool = True,
        weight_initializer: Any = None,
        bias_initializer: Any = ZEROS,
        in_channels: int | None = -1,
    ) -> None:
        super().__init__(
            channels,
            kernel_size,
            strides,
            padding,
            dilation,
            groups,
            layout,
            activation,
            use_bias,
            weight_initializer,
            bias_initializer,
            in_channels,
            output_padding,
        )


class Conv2DTranspose(Convolution):
    """Transposed convolution over images (b, c, h, w), which undoes the shape of `Conv2D`.

    Along each spatial axis the output has the size ``(size - 1)*strides + dilation*(kernel_size - 1) + 1 -
    2*padding + output_padding``; with "same" padding ``size*strides``.

    Parameters
    ----------
    channels, kernel_size, strides, padding, dilation, groups, layout, activation, use_bias
        As in `Conv2D`.
    output_padding : int or tuple of int
        Sizes that are added to the output's, less than the strides.
    weight_initializer, bias_initializer, in_channels
        As in `Conv2D`.

    Attributes
    ----------
    weight : Parameter
        Shape (in_channels, channels // groups, *kernel_size), channels last (in_channels, *kernel_size,
        channels // groups).
    bias : Parameter or None
        Shape (channels,).

    Raises
    ------
    BlockError
        GI407, when an argument is out of range.

    Examples
    --------
    >>> Conv2DTranspose(8, 2, strides=2, in_channels=5)
    Conv2DTranspose(5 -> 8, kernel_size=(2, 2), stride=(2, 2))
    """

    _spatial = 2
    _transposed = True

    def __init__(
        self,
        channels: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        layout: str = "NCHW",
        activation: ActivationLike | None = None,
        use_bias: bool = True,
        weight_initializer: Any = None,
        bias_initializer: Any = ZEROS,
        in_channels: int | None = -1,
    ) -> None:
        super().__init__(
            channels,
            kernel_size,
            strides,
            padding,
            dilation,
            groups,
            layout,
            activation,
            use_bias,
            weight_initializer,
            bias_initializer,
            in_channels,
            output_padding,
        )


class Conv3DTranspose(Convolution):
    """Transposed convolution over volumes (b, c, d, h, w), which undoes the shape of `Conv3D`.

    Along each spatial axis the output has the size ``(size - 1)*strides + dilation*(kernel_size - 1) + 1 -
    2*padding + output_padding``; with "same" padding ``size*strides``.

    Parameters
    ----------
    channels, kernel_size, strides, padding, dilation, groups, layout, activation, use_bias
        As in `Conv3D`.
    output_padding : int or tuple of int
        Sizes that are added to the output's, less than the strides.
    weight_initializer, bias_initializer, in_channels
        As in `Conv3D`.

    Attributes
    ----------
    weight : Parameter
        Shape (in_channels, channels // groups, *kernel_size), channels last (in_channels, *kernel_size,
        channels // groups).
    bias : Parameter or None
        Shape (channels,).

    Raises
    ------
    BlockError
        GI407, when an argument is out of range.

    Examples
    --------
    >>> Conv3DTranspose(8, 2, strides=2, in_channels=5)
    Conv3DTranspose(5 -> 8, kernel_size=(2, 2, 2), stride=(2, 2, 2))
    """

    _spatial = 3
    _transposed = True

    def __init__(
        self,
        channels: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        layout: str = "NCDHW",
        activation: ActivationLike | None = None,
        use_bias: bool = True,
        weight_initializer: Any = None,
        bias_initializer: Any = ZEROS,
        in_channels: int | None = -1,
    ) -> None:
        super().__init__(
            channels,
            kernel_size,
            strides,
            padding,
            dilation,
            groups,
            layout,
            activation,
            use_bias,
            weight_initializer,
            bias_initializer,
            in_channels,
            output_padding,
        )
