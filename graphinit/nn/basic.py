"""The basic layers: dense, activations, dropout, reshaping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphinit import functional as F
from graphinit import tracing
from graphinit.errors import BlockError
from graphinit.initializers.base import LayerDefault
from graphinit.nn.block import Block
from graphinit.nn.checks import flag, number, positive_size, unknown_size, whole_numbers
from graphinit.parameter import Parameter
from graphinit.plain_text import class_name, escaped, shown
from graphinit.state import RandomState
from graphinit.suggestions import did_you_mean

ZEROS = LayerDefault("zeros")

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": F.relu,
    "sigmoid": F.sigmoid,
    "tanh": F.tanh,
    "softrelu": F.softplus,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "gelu": F.gelu,
    "silu": F.silu,
    "swish": F.silu,
    "elu": F.elu,
    "selu": F.selu,
    "leaky_relu": F.leaky_relu,
    "log_sigmoid": F.log_sigmoid,
    "mish": F.mish,
    "relu6": F.relu6,
    "hard_sigmoid": F.hard_sigmoid,
    "hard_swish": F.hard_swish,
    "hard_tanh": F.hard_tanh,
    "softmax": F.softmax,
    "log_softmax": F.log_softmax,
}


class Activation(Block):
    """A function of one tensor that keeps its shape, by name or itself.

    Parameters
    ----------
    activation : str or callable
        "relu", "sigmoid", "tanh", "softrelu", "softsign", ..., or a function such as ``F.relu``.

    Raises
    ------
    BlockError
        GI407, when there is none of that name, or it is no function.

    Examples
    --------
    >>> Activation("relu"), Activation(F.relu)
    (Activation(relu), Activation(relu))
    """

    def __init__(self, activation: str | Callable[[Any], Any]) -> None:
        super().__init__()
        if isinstance(activation, str):
            if activation not in ACTIVATIONS:
                hint = did_you_mean(activation, ACTIVATIONS) or f"; there are {', '.join(ACTIVATIONS)}"
                if activation.lower() in ("linear", "identity", "none", ""):
                    hint = "; leave it out for none"
                raise BlockError(f"there is no activation {activation!r}{hint}")
            self._name, self._function = activation, ACTIVATIONS[activation]
            return
        if isinstance(activation, type) or not callable(activation):
            raise BlockError(
                f"an activation is a name, a layer or a function of tensors, not {shown(activation)}"
            )
        self._name, self._function = function_name(activation), activation

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return self._function(x)

    def __repr__(self) -> str:
        return f"Activation({escaped(self._name)})"


ActivationLike = str | Block | Callable[[Any], Any]
"""What ``activation=`` takes: a name, a layer, or a function of one tensor such as ``F.relu``."""


def activation_layer(activation: ActivationLike) -> Block:
    """Return the layer that an argument ``activation=`` stands for: a layer is itself."""
    return activation if isinstance(activation, Block) else Activation(activation)


def activated(x: Any, act: Block | None) -> Any:
    """Apply the activation of a layer: a function in the layer's own name, a layer of the user's in its own."""
    if act is None:
        return x
    return act.forward(x) if isinstance(act, Activation) else act(x)


def activation_name(act: Block) -> str:
    """Return what the activation of a layer is called in print."""
    return act._name if isinstance(act, Activation) else repr(act)


def function_name(function: Callable[..., Any]) -> str:
    """Return what a function is called in print."""
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) else repr(function)


class Dense(Block):
    """An affine layer, y = activation(x wᵀ + b).

    Parameters
    ----------
    units : int
        Size of the output's last axis, `n`.
    activation : str, Block or callable, optional
        An activation by name, as a layer, or as a function such as ``F.relu``.
    use_bias : bool
        Whether there is a bias.
    flatten : bool
        Whether all axes but the first count as one: (b, *s) -> (b, n); otherwise (*b, k) -> (*b, n).
    dtype : str
        Dtype of the parameters.
    weight_initializer, bias_initializer : str or initializer, optional
        Initializers of their own; the bias starts at zero.
    in_units : int
        Size of the input, `k`; -1, 0 or None when it is to be inferred.
    params : mapping from str to Parameter, optional
        Parameters to use in place of own ones: ``other.params`` ties the layer to another.

    Attributes
    ----------
    weight : Parameter
        Shape (n, k).
    bias : Parameter or None
        Shape (n,).

    Examples
    --------
    >>> Dense(256, activation="relu", in_units=20)
    Dense(20 -> 256, Activation(relu))
    >>> Dense(4, activation=F.tanh)
    Dense(-1 -> 4, Activation(tanh))
    """

    def __init__(
        self,
        units: int,
        activation: ActivationLike | None = None,
        use_bias: bool = True,
        flatten: bool = True,
        dtype: Any = "float32",
        weight_initializer: Any = None,
        bias_initializer: Any = ZEROS,
        in_units: int | None = -1,
        params: Mapping[str, Parameter] | None = None,
    ) -> None:
        super().__init__()
        units = positive_size("units", units)
        in_units = unknown_size("in_units", in_units)
        self._flatten = flag("flatten", flatten)
        self.weight = Parameter(
            "weight", shape=(units, in_units), dtype=dtype, init=weight_initializer, kernel="OI"
        ).note("units", "in_units")
        self.bias = (
            Parameter("bias", shape=(units,), dtype=dtype, init=bias_initializer).note("units")
            if flag("use_bias", use_bias)
            else None
        )
        self.act = None if activation is None else activation_layer(activation)
        self.share_parameters(params)

    def forward(self, x: Any) -> Any:
        """Apply the layer to x of shape (b, *s) or (*b, k)."""
        return activated(F.linear(x, self.weight, self.bias, flatten=self._flatten), self.act)

    def __repr__(self) -> str:
        shape = self.weight.shape
        assert shape is not None
        act = "linear" if self.act is None else repr(self.act)
        return f"{class_name(self)}({shape[1]} -> {shape[0]}, {act})"


class Flatten(Block):
    """All axes but the first as one: (b, *s) -> (b, prod(s))."""

    def forward(self, x: Any) -> Any:
        """Flatten x."""
        return F.flatten(x)

    def __repr__(self) -> str:
        return "Flatten"


class Identity(Block):
    """What goes in comes out."""

    def forward(self, x: Any) -> Any:
        """Return x."""
        return x

    def __repr__(self) -> str:
        return "Identity"


class Lambda(Block):
    """A function of tensors as a layer.

    Parameters
    ----------
    function : callable or str
        A function, or the name of one in `graphinit.functional`.

    Raises
    ------
    BlockError
        GI407, when it is neither.

    Examples
    --------
    >>> Lambda("tanh")
    Lambda(tanh)
    """

    def __init__(self, function: Callable[..., Any] | str) -> None:
        super().__init__()
        if isinstance(function, str):
            found = getattr(F, function, None)
            if found is None or function.startswith("_") or not callable(found):
                hint = did_you_mean(function, F.__all__)
                raise BlockError(f"graphinit.functional has no function {function!r}{hint}")
            function = found
        if not callable(function):
            raise BlockError(f"a Lambda takes a function of tensors or a name, not {function!r}")
        self._function = function

    def forward(self, *args: Any) -> Any:
        """Call the function."""
        return self._function(*args)

    def __repr__(self) -> str:
        return f"Lambda({escaped(function_name(self._function))})"


def as_layer(value: Any, path: str = "") -> Block:
    """Return a layer: a block itself, a function of tensors as a `Lambda`.

    Parameters
    ----------
    value : Block or callable
        What was given.
    path : str
        Where it is to stand, for the error.

    Raises
    ------
    BlockError
        GI407, when it is neither.
    """
    if isinstance(value, Block):
        return value
    if isinstance(value, type) or not callable(value):
        raise BlockError(f"a layer is a block or a function of tensors, not {shown(value)}", path=path)
    return Lambda(value)


class Dropout(Block):
    """In training, zero values at random and scale the rest; otherwise nothing.

    A value is kept with probability 1 - rate and then divided by it.

    Parameters
    ----------
    rate : float
        Probability of zeroing, 0 <= rate < 1.
    axes : tuple of int
        Axes along which one decision serves all values.

    Raises
    ------
    BlockError
        GI407, when the rate is out of range.

    References
    ----------
    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.
    """

    def __init__(self, rate: float, axes: tuple[int, ...] = ()) -> None:
        super().__init__()
        self._rate = number("a dropout rate", rate, least=0, below=1)
        self._axes = whole_numbers("axes", axes)
        self.key = RandomState()

    def forward(self, x: Any) -> Any:
        """Drop values of x in training."""
        trace = tracing.current()
        if trace is None or not trace.train or self._rate == 0:
            return x
        key = trace.state(self.key)
        trace.update(self.key, F.advance_key(key))
        return F.dropout(x, key, rate=self._rate, axes=self._axes)

    def __repr__(self) -> str:
        return f"Dropout(p = {self._rate}, axes={self._axes})"
