"""The basic layers: dense, activations, dropout, reshaping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphinit import functional as F
from graphinit import tracing
from graphinit.errors import BlockError
from graphinit.initializers.base import LayerDefault
from graphinit.nn.block import Block
from graphinit.nn.checks import positive_size, unknown_size, whole_numbers
from graphinit.parameter import Parameter
from graphinit.plain_text import class_name, escaped
from graphinit.scalars import real
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
}


class Activation(Block):
    """An elementwise function by name.

    Parameters
    ----------
    activation : str
        "relu", "sigmoid", "tanh", "softrelu", "softsign", ...

    Raises
    ------
    BlockError
        GI407, when there is none of that name.
    """

    def __init__(self, activation: str) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            hint = did_you_mean(activation, ACTIVATIONS) or f"; there are {known}"
            raise BlockError(f"there is no activation {activation!r}{hint}")
        self._activation = activation

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return ACTIVATIONS[self._activation](x)

    def __repr__(self) -> str:
        return f"Activation({self._activation})"


class Dense(Block):
    """An affine layer, y = activation(x wᵀ + b).

    Parameters
    ----------
    units : int
        Size of the output's last axis, `n`.
    activation : str, optional
        Name of an activation.
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
    """

    def __init__(
        self,
        units: int,
        activation: str | None = None,
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
        self._flatten = bool(flatten)
        self.weight = Parameter("weight", shape=(units, in_units), dtype=dtype, init=weight_initializer).note(
            "units", "in_units"
        )
        self.bias = (
            Parameter("bias", shape=(units,), dtype=dtype, init=bias_initializer).note("units")
            if use_bias
            else None
        )
        self.act = None if activation is None else Activation(activation)
        self.share_parameters(params)

    def forward(self, x: Any) -> Any:
        """Apply the layer to x of shape (b, *s) or (*b, k)."""
        y = F.linear(x, self.weight, self.bias, flatten=self._flatten)
        return y if self.act is None else self.act.forward(y)

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
        name = getattr(self._function, "__name__", None)
        return f"Lambda({escaped(name if isinstance(name, str) else repr(self._function))})"


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
        probability = real(rate)
        if probability is None or not 0 <= probability < 1:
            raise BlockError(f"a dropout rate is a number from 0 to below 1; got {rate!r}")
        self._rate = float(probability)
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
