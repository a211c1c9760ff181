"""Activations as layers of their own, one of them with a parameter.

A function without options is a class that says which (`FunctionLayer`); `graphinit.nn.basic.Activation` takes
the same functions by name.
"""

from __future__ import annotations

from typing import Any, ClassVar

from graphinit import functional as F
from graphinit.errors import BlockError
from graphinit.initializers.base import LayerDefault
from graphinit.nn.block import Block
from graphinit.nn.checks import number, unknown_size, whole_number
from graphinit.parameter import Parameter
from graphinit.plain_text import class_name

QUARTER = LayerDefault('["constant", {"value": 0.25}]')


class FunctionLayer(Block):
    """Base of layers that apply one function of `graphinit.functional` and have neither options nor parameters.

    Examples
    --------
    >>> from graphinit import nn
    >>> nn.Sequential(nn.Dense(8), nn.ReLU(), nn.Dense(1))
    Sequential(
      (0): Dense(-1 -> 8, linear)
      (1): ReLU()
      (2): Dense(-1 -> 1, linear)
    )
    """

    _function: ClassVar[staticmethod[..., Any]]

    def forward(self, x: Any) -> Any:
        """Apply the function to x of any shape."""
        return type(self)._function(x)

    def __repr__(self) -> str:
        return f"{class_name(self)}()"


class ReLU(FunctionLayer):
    """x above 0, 0 below: max(x, 0)."""

    _function = staticmethod(F.relu)


class ReLU6(FunctionLayer):
    """x limited to 0..6: min(max(x, 0), 6)."""

    _function = staticmethod(F.relu6)


class Sigmoid(FunctionLayer):
    """The logistic function, 1 / (1 + exp(-x))."""

    _function = staticmethod(F.sigmoid)


class LogSigmoid(FunctionLayer):
    """The logarithm of the logistic function, -log(1 + exp(-x))."""

    _function = staticmethod(F.log_sigmoid)


class Hardsigmoid(FunctionLayer):
    """x / 6 + 1/2 limited to 0..1: a logistic function of straight lines."""

    _function = staticmethod(F.hard_sigmoid)


class Tanh(FunctionLayer):
    """The hyperbolic tangent."""

    _function = staticmethod(F.tanh)


class Hardtanh(FunctionLayer):
    """x limited to -1..1."""

    _function = staticmethod(F.hard_tanh)


class Softplus(FunctionLayer):
    """log(1 + exp(x)), a smooth relu."""

    _function = staticmethod(F.softplus)


class Softsign(FunctionLayer):
    """x / (1 + |x|)."""

    _function = staticmethod(F.softsign)


class SiLU(FunctionLayer):
    """x sigmoid(x), also called swish."""

    _function = staticmethod(F.silu)


class Hardswish(FunctionLayer):
    """x times the hard sigmoid of x.

    References
    ----------
    A. Howard et al., "Searching for MobileNetV3", ICCV 2019.
    """

    _function = staticmethod(F.hard_swish)


class Mish(FunctionLayer):
    """x tanh(log(1 + exp(x))).

    References
    ----------
    D. Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020.
    """

    _function = staticmethod(F.mish)


class SELU(FunctionLayer):
    """Self-normalising exponential linear unit: an ELU of alpha 1.6733, times 1.0507.

    References
    ----------
    G. Klambauer et al., "Self-normalizing neural networks", NeurIPS 2017.
    """

    _function = staticmethod(F.selu)


class Softmax(Block):
    """exp(x) divided by its sum along an axis.

    Parameters
    ----------
    axis : int
        The axis along which the values sum to 1.

    Raises
    ------
    BlockError
        GI407, when it is none.

    Examples
    --------
    >>> Softmax()
    Softmax(axis=-1)
    """

    _function: ClassVar[staticmethod[..., Any]] = staticmethod(F.softmax)

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self._axis = whole_number("axis", axis)

    def forward(self, x: Any) -> Any:
        """Apply the function to x of any shape."""
        return type(self)._function(x, axis=self._axis)

    def __repr__(self) -> str:
        return f"{class_name(self)}(axis={self._axis})"


class LogSoftmax(Softmax):
    """The logarithm of `Softmax`, computed without forming it.

    Parameters
    ----------
    axis : int
        The axis along which the exponentials sum to 1.
    """

    _function = staticmethod(F.log_softmax)


class LeakyReLU(Block):
    """x above 0, alpha * x below.

    Parameters
    ----------
    alpha : float
        The slope, at least 0; PyTorch's by default, since Gluon has none.

    Raises
    ------
    BlockError
        GI407, when it is none.

    Examples
    --------
    >>> LeakyReLU(0.2)
    LeakyReLU(0.2)
    """

    def __init__(self, alpha: float = 0.01) -> None:
        super().__init__()
        self._alpha = number("alpha", alpha, least=0)

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return F.leaky_relu(x, slope=self._alpha)

    def __repr__(self) -> str:
        return f"{class_name(self)}({self._alpha:g})"


class PReLU(Block):
    """x above 0, alpha * x below, with alpha trained, one or one a channel (axis 1).

    Parameters
    ----------
    alpha_initializer : str or initializer
        First slopes; 0.25 by default.
    in_channels : int
        How many slopes there are, `c`: 1, or as many as channels; -1 to infer their number.

    Attributes
    ----------
    alpha : Parameter
        Shape (c,).

    Examples
    --------
    >>> PReLU(in_channels=-1).infer_shape(x=("batch", 3, "w"))["alpha"]
    (3,)

    References
    ----------
    K. He et al., "Delving deep into rectifiers: surpassing human-level performance on ImageNet
    classification", ICCV 2015.
    """

    def __init__(self, alpha_initializer: Any = QUARTER, in_channels: int | None = 1) -> None:
        super().__init__()
        channels = unknown_size("in_channels", in_channels)
        self.alpha = Parameter("alpha", shape=(channels,), init=alpha_initializer).note("in_channels")

    def forward(self, x: Any) -> Any:
        """Apply the function to x of shape (b, c, *s); with one slope, of any shape."""
        one = self.alpha.shape == (1,)
        alpha: Any = self.alpha if one else F.along_axis(self.alpha, x, axis=1)
        return F.relu(x) - F.relu(-x) * alpha

    def __repr__(self) -> str:
        shape = self.alpha.shape
        assert shape is not None
        return f"{class_name(self)}(in_channels={shape[0]})"


class ELU(Block):
    """Exponential linear unit: x above 0, alpha (exp(x) - 1) below.

    Parameters
    ----------
    alpha : float
        What it tends to below.

    References
    ----------
    D. Clevert, T. Unterthiner and S. Hochreiter, "Fast and accurate deep network learning by
    exponential linear units", ICLR 2016.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self._alpha = number("alpha", alpha)

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return F.elu(x, alpha=self._alpha)

    def __repr__(self) -> str:
        return f"{class_name(self)}({self._alpha:g})"


class GELU(Block):
    """Gaussian error linear unit: x (1 + erf(x / sqrt(2))) / 2.

    Parameters
    ----------
    approximation : {"erf", "tanh"}
        The function itself, or its approximation by tanh.

    Raises
    ------
    BlockError
        GI407, when it is neither.

    References
    ----------
    D. Hendrycks and K. Gimpel, "Gaussian error linear units", 2016.
    """

    def __init__(self, approximation: str = "erf") -> None:
        super().__init__()
        if approximation not in ("erf", "tanh"):
            raise BlockError(f"approximation is 'erf' or 'tanh'; got {approximation!r}")
        self._approximation = approximation

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return F.gelu(x, approximate=self._approximation == "tanh")

    def __repr__(self) -> str:
        return f"{class_name(self)}({self._approximation})"


class Swish(Block):
    """x sigmoid(beta x).

    Parameters
    ----------
    beta : float
        How steep the gate is.

    References
    ----------
    P. Ramachandran, B. Zoph and Q. Le, "Searching for activation functions", 2017.
    """

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__()
        self._beta = number("beta", beta)

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return F.silu(x) if self._beta == 1 else x * F.sigmoid(x * self._beta)

    def __repr__(self) -> str:
        return f"{class_name(self)}({self._beta:g})"
