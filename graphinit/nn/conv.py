"""Convolution layers; the transposed ones are in `graphinit.nn.conv_transpose`."""

from __future__ import annotations

from typing import Any

from graphinit import functional as F
from graphinit.errors import BlockError
from graphinit.ir.kernel import Kernel
from graphinit.nn.basic import ZEROS, ActivationLike, activated, activation_layer
from graphinit.nn.block import Block
from graphinit.nn.checks import flag, positive_size, unknown_size
from graphinit.nn.images import image_padding, is_channels_last, per_axis
from graphinit.parameter import Parameter
from graphinit.plain_text import class_name


class Convolution(Block):
    """Base of convolutions; subclasses say how many spatial axes there are, and which way they go."""

    _spatial = 0
    _transposed = False

    def __init__(
        self,
        channels: int,
        kernel_size: Any,
        strides: Any,
        padding: Any,
        dilation: Any,
        groups: int,
        layout: str,
        activation: ActivationLike | None,
        use_bias: bool,
        weight_initializer: Any,
        bias_initializer: Any,
        in_channels: int | None,
        output_padding: Any = 0,
    ) -> None:
        super().__init__()
        count = self._spatial
        channels = positive_size("channels", channels)
        in_channels = unknown_size("in_channels", in_channels)
        groups = positive_size("groups", groups)
        taps = per_axis("kernel_size", kernel_size, count)
        self._strides = per_axis("strides", strides, count)
        self._padding = image_padding(padding, count)
        self._dilation = per_axis("dilation", dilation, count)
        self._output_padding = per_axis("output_padding", output_padding, count, 0)
        self._groups = groups
        self._channels_last = is_channels_last(layout, count)
        self._channels = channels
        for name, size in (("channels", channels), ("in_channels", in_channels)):
            if size > 0 and size % groups:
                raise BlockError(f"{name}={size} cannot be parted into {groups} groups of equal size")
        for stride, extra in zip(self._strides, self._output_padding, strict=True):
            if extra >= max(stride, 1) and extra:
                raise BlockError(f"output_padding={extra} must be less than the stride of {stride}")
        outer, inner = (in_channels, channels) if self._transposed else (channels, in_channels)
        each = inner // groups if inner > 0 else -1
        shape = (outer, *taps, each) if self._channels_last else (outer, each, *taps)
        notes = ["in_channels", "channels"] if self._transposed else ["channels", "in_channels"]
        within = None if groups > 1 else notes[1]
        sizes = ["kernel_size"] * count
        letters = ("I", "O") if self._transposed else ("O", "I")
        slides = "DHW"[3 - count :]
        axes = (letters[0], slides, letters[1]) if self._channels_last else (*letters, slides)
        kernel = Kernel("".join(axes), self._transposed)
        self.weight = Parameter("weight", shape=shape, init=weight_initializer, kernel=kernel).note(
            notes[0], *([*sizes, within] if self._channels_last else [within, *sizes])
        )
        self.bias = (
            Parameter("bias", shape=(channels,), init=bias_initializer).note("channels")
            if flag("use_bias", use_bias)
            else None
        )
        self.act = None if activation is None else activation_layer(activation)

    def forward(self, x: Any) -> Any:
        """Convolve x of shape (b, c, *s), or (b, *s, c) with channels last."""
        options: dict[str, Any] = {
            "strides": self._strides,
            "padding": self._padding,
            "dilation": self._dilation,
            "groups": self._groups,
            "channels_last": self._channels_last,
        }
        if self._transposed:
            y = F.conv_transpose(x, self.weight, self.bias, output_padding=self._output_padding, **options)
        else:
            y = F.conv(x, self.weight, self.bias, **options)
        return activated(y, self.act)

    def __repr__(self) -> str:
        shape = self.weight.shape
        assert shape is not None
        kernel = shape[1:-1] if self._channels_last else shape[2:]
        inner = shape[-1] if self._channels_last else shape[1]
        if self._transposed:
            inner = shape[0]
        elif inner > 0:
            inner *= self._groups
        words = [f"{inner} -> {self._channels}", f"kernel_size={kernel}", f"stride={self._strides}"]
        if self._padding != (0,) * self._spatial:
            words.append(f"padding={self._padding}")
        if self._dilation != (1,) * self._spatial:
            words.append(f"dilation={self._dilation}")
        if any(self._output_padding):
            words.append(f"output_padding={self._output_padding}")
        if self._groups != 1:
            words.append(f"groups={self._groups}")
        if self.bias is None:
            words.append("bias=False")
        if self.act is not None:
            words.append(repr(self.act))
        return f"{class_name(self)}({', '.join(words)})"


class Conv1D(Convolution):
    """Convolution over signals (b, c, w).

    Along each spatial axis the output has ``(size + 2*padding - dilation*(kernel_size - 1) - 1)//strides + 1``
    places.

    Parameters
    ----------
    channels : int
        Number of output channels.
    kernel_size : int or tuple of int
        Taps along each axis.
    strides : int or tuple of int
        From one place to the next.
    padding : int, tuple of int, "same" or "valid"
        Zeros on each side; "same" gives size/strides places, rounded up.
    dilation : int or tuple of int
        From one tap to the next.
    groups : int
        How many groups of channels are convolved apart.
    layout : {"NCW", "NWC"}
        Whether channels come first or last.
    activation : str, Block or callable, optional
        An activation by name, as a layer, or as a function such as ``F.relu``.
    use_bias : bool
        Whether there is a bias.
    weight_initializer, bias_initializer : str or initializer, optional
        Initializers of their own; the bias starts at zero.
    in_channels : int
        Number of input channels; -1, 0 or None when it is to be inferred.

    Attributes
    ----------
    weight : Parameter
        Shape (channels, in_channels // groups, *kernel_size), channels last (channels, *kernel_size,
        in_channels // groups).
    bias : Parameter or None
        Shape (channels,).

    Raises
    ------
    BlockError
        GI407, when an argument is out of range.

    Examples
    --------
    >>> Conv1D(8, 3, padding=1, in_channels=5)
    Conv1D(5 -> 8, kernel_size=(3,), stride=(1,), padding=(1,))
    """

    _spatial = 1

    def __init__(
        self,
        channels: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = 0,
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
        )


class Conv2D(Convolution):
    """Convolution over images (b, c, h, w).

    Along each spatial axis the output has ``(size + 2*padding - dilation*(kernel_size - 1) - 1)//strides + 1``
    places.

    Parameters
    ----------
    channels : int
        Number of output channels.
    kernel_size : int or tuple of int
        Taps along each axis.
    strides : int or tuple of int
        From one place to the next.
    padding : int, tuple of int, "same" or "valid"
        Zeros on each side; "same" gives size/strides places, rounded up.
    dilation : int or tuple of int
        From one tap to the next.
    groups : int
        How many groups of channels are convolved apart.
    layout : {"NCHW", "NHWC"}
        Whether channels come first or last.
    activation : str, Block or callable, optional
        An activation by name, as a layer, or as a function such as ``F.relu``.
    use_bias : bool
        Whether there is a bias.
    weight_initializer, bias_initializer : str or initializer, optional
        Initializers of their own; the bias starts at zero.
    in_channels : int
        Number of input channels; -1, 0 or None when it is to be inferred.

    Attributes
    ----------
    weight : Parameter
        Shape (channels, in_channels // groups, *kernel_size), channels last (channels, *kernel_size,
        in_channels // groups).
    bias : Parameter or None
        Shape (channels,).

    Raises
    ------
    BlockError
        GI407, when an argument is out of range.

    Examples
    --------
    >>> Conv2D(8, 3, padding=1, in_channels=5)
    Conv2D(5 -> 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    """

    _spatial = 2

    def __init__(
        self,
        channels: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = 0,
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
        )


class Conv3D(Convolution):
    """Convolution over volumes (b, c, d, h, w).

    Along each spatial axis the output has ``(size + 2*padding - dilation*(kernel_size - 1) - 1)//strides + 1``
    places.

    Parameters
    ----------
    channels : int
        Number of output channels.
    kernel_size : int or tuple of int
        Taps along each axis.
    strides : int or tuple of int
        From one place to the next.
    padding : int, tuple of int, "same" or "valid"
        Zeros on each side; "same" gives size/strides places, rounded up.
    dilation : int or tuple of int
        From one tap to the next.
    groups : int
        How many groups of channels are convolved apart.
    layout : {"NCDHW", "NDHWC"}
        Whether channels come first or last.
    activation : str, Block or callable, optional
        An activation by name, as a layer, or as a function such as ``F.relu``.
    use_bias : bool
        Whether there is a bias.
    weight_initializer, bias_initializer : str or initializer, optional
        Initializers of their own; the bias starts at zero.
    in_channels : int
        Number of input channels; -1, 0 or None when it is to be inferred.

    Attributes
    ----------
    weight : Parameter
        Shape (channels, in_channels // groups, *kernel_size), channels last (channels, *kernel_size,
        in_channels // groups).
    bias : Parameter or None
        Shape (channels,).

    Raises
    ------
    BlockError
        GI407, when an argument is out of range.

    Examples
    --------
    >>> Conv3D(8, 3, padding=1, in_channels=5)
    Conv3D(5 -> 8, kernel_size=(3, 3, 3), stride=(1, 1, 1), padding=(1, 1, 1))
    """

    _spatial = 3

    def __init__(
        self,
        channels: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = 0,
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
        )
