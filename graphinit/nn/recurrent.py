"""Recurrent layers over whole sequences: RNN, LSTM and GRU, of several layers and both directions.

Each layer in each direction is one node of the graph, whatever the length is.  Names, arguments and
gate orders are those of Gluon; parameters are named as in Gluon 1.9 (``l0_i2h_weight``; 2.0 packs
them into one array), and `input_size` is honoured, which 2.0 forgets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphinit import functional as F
from graphinit.errors import BlockError
from graphinit.ir.tensor import Tensor
from graphinit.nn.basic import ZEROS, Dropout
from graphinit.nn.block import Block
from graphinit.nn.checks import choice, flag, positive_size, unknown_size
from graphinit.parameter import Parameter
from graphinit.plain_text import class_name


class RecurrentLayer(Block):
    """Base of the recurrent layers.

    Parameters
    ----------
    hidden_size : int
        Size of a state, `h`.
    num_layers : int
        How many layers, one above the other.
    layout : {"TNC", "NTC"}
        Whether the length or the batch is axis 0 of input and output; in states it is axis 1.
    dropout : float
        Rate of the dropout between layers, in training.
    bidirectional : bool
        Whether each layer also runs from the end; outputs of both directions are joined.
    input_size : int
        Size of the input, `c`; -1, 0 or None when it is to be inferred.
    i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer
        Initializers of their own; biases start at zero.
    dtype : str
        Dtype of the parameters.

    Raises
    ------
    BlockError
        GI407, when a size, the layout or the rate is none.
    """

    _gates = 1
    _states_per_layer = 1

    def __init__(
        self,
        hidden_size: int,
        num_layers: int = 1,
        layout: str = "TNC",
        dropout: float = 0,
        bidirectional: bool = False,
        input_size: int | None = -1,
        i2h_weight_initializer: Any = None,
        h2h_weight_initializer: Any = None,
        i2h_bias_initializer: Any = ZEROS,
        h2h_bias_initializer: Any = ZEROS,
        dtype: Any = "float32",
    ) -> None:
        super().__init__()
        self._hidden_size = positive_size("hidden_size", hidden_size)
        self._num_layers = positive_size("num_layers", num_layers)
        self._input_size = unknown_size("input_size", input_size)
        self._layout = choice("layout", layout, ("TNC", "NTC"))
        self._directions = ("l", "r") if flag("bidirectional", bidirectional) else ("l",)
        self.drop = Dropout(dropout) if dropout else None
        rows, hidden = self._gates * self._hidden_size, self._hidden_size
        for layer in range(self._num_layers):
            size = hidden * len(self._directions) if layer else self._input_size
            for direction in self._directions:
                for leaf, shape, init, notes in (
                    (
                        "i2h_weight",
                        (rows, size),
                        i2h_weight_initializer,
                        (None, None if layer else "input_size"),
                    ),
                    ("h2h_weight", (rows, hidden), h2h_weight_initializer, (None, "hidden_size")),
                    ("i2h_bias", (rows,), i2h_bias_initializer, ()),
                    ("h2h_bias", (rows,), h2h_bias_initializer, ()),
                ):
                    name = f"{direction}{layer}_{leaf}"
                    kernel = "OI" if len(shape) == 2 else None
                    made = Parameter(name, shape=shape, dtype=dtype, init=init, kernel=kernel)
                    setattr(self, name, made.note(*notes))

    def _recur(self, x: Any, weights: Sequence[Any], states: Sequence[Any], reverse: bool) -> Sequence[Any]:
        """Return all outputs of one layer and direction, and its last states."""
        raise NotImplementedError

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        """Return shape and layout of each state.

        Parameters
        ----------
        batch_size : int
            The size of the batch.

        Examples
        --------
        >>> from graphinit import nn
        >>> nn.GRU(3, 2).state_info(5)
        [{'shape': (2, 5, 3), '__layout__': 'LNC'}]
        """
        shape = (self._num_layers * len(self._directions), batch_size, self._hidden_size)
        return [{"shape": shape, "__layout__": "LNC"} for _ in range(self._states_per_layer)]

    def begin_state(
        self, batch_size: int = 0, func: Callable[..., Any] = np.zeros, **options: Any
    ) -> list[Any]:
        """Return first states to call the layer with.

        Parameters
        ----------
        batch_size : int
            The size of the batch.
        func : callable
            ``func(shape, dtype=..., **options)`` makes one, by default zeros.
        """
        options.setdefault("dtype", getattr(self, "l0_h2h_weight").dtype)  # noqa: B009  (it is set by name)
        return [func(info["shape"], **options) for info in self.state_info(batch_size)]

    def forward(self, x: Any, states: Any = None) -> Any:
        """Run over a sequence.

        Parameters
        ----------
        x : Tensor
            (length, batch, c); with layout "NTC" (batch, length, c).
        states : Tensor or list of Tensor, optional
            First states, (layers * directions, batch, h) each; zeros when left out, or None in the list.

        Returns
        -------
        Tensor, or tuple of Tensor and list
            (length, batch, h * directions) in the same layout; the last states as well when first
            ones were given.
        """
        first = [states] if isinstance(states, Tensor) else states
        if first is not None and len(first) != self._states_per_layer:
            raise BlockError(
                f"{class_name(self)} has {self._states_per_layer} state(s), got {len(first)}",
                path=self.path,
            )
        if first is not None and any(state is None for state in first):
            known = next((state for state in first if state is not None), None)
            if known is None:
                raise BlockError(f"states of {class_name(self)} are all None; leave them out", path=self.path)
            first = [F.zeros_like(known) if state is None else state for state in first]
        y = F.swapaxes(x, 0, 1) if self._layout == "NTC" else x
        last: list[list[Any]] = [[] for _ in range(self._states_per_layer)]
        for layer in range(self._num_layers):
            if layer and self.drop is not None:
                y = self.drop(y)
            found = []
            for direction in self._directions:
                weights = [
                    getattr(self, f"{direction}{layer}_{leaf}")
                    for leaf in ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias")
                ]
                own = [] if first is None else [state[len(last[0])] for state in first]
                out, *ends = self._recur(y, weights, own, direction == "r")
                found.append(out)
                for kept, end in zip(last, ends, strict=True):
                    kept.append(end)
            y = found[0] if len(found) == 1 else F.concat(found, axis=-1)
        y = F.swapaxes(y, 0, 1) if self._layout == "NTC" else y
        return y if first is None else (y, [F.stack(kept, axis=0) for kept in last])

    def __repr__(self) -> str:
        size = getattr(self, "l0_i2h_weight").shape[1]  # noqa: B009
        words = [f"{size} -> {self._hidden_size}", self._layout]
        words += [f"num_layers={self._num_layers}"] if self._num_layers > 1 else []
        words += [f"dropout={self.drop._rate}"] if self.drop is not None else []
        words += ["bidirectional"] if len(self._directions) > 1 else []
        return f"{class_name(self)}({', '.join(words)})"


class RNN(RecurrentLayer):
    """Plain recurrent layers: h' = activation(W x + b + R h + d).

    Parameters
    ----------
    hidden_size, num_layers
        See `RecurrentLayer`.
    activation : {"relu", "tanh"} or the function ``F.relu`` or ``F.tanh``
        What follows the sum; an unrolled `RNNCell` takes any activation.
    layout, dropout, bidirectional, input_size, ...
        See `RecurrentLayer`.

    Examples
    --------
    >>> RNN(4, 2, activation="tanh", input_size=3)
    RNN(3 -> 4, TNC, num_layers=2)

    References
    ----------
    J. L. Elman, "Finding structure in time", Cognitive Science 14, 1990.
    """

    def __init__(
        self,
        hidden_size: int,
        num_layers: int = 1,
        activation: str | Callable[[Any], Any] = "relu",
        layout: str = "TNC",
        **options: Any,
    ) -> None:
        for name, function in (("relu", F.relu), ("tanh", F.tanh)):
            if activation is function or activation == name:
                break
        else:
            raise BlockError(
                f"the activation of an RNN is 'relu' or 'tanh'; got {activation!r}; "
                "unroll an RNNCell for another one"
            )
        super().__init__(hidden_size, num_layers, layout, **options)
        self._activation = name

    def _recur(self, x: Any, weights: Sequence[Any], states: Sequence[Any], reverse: bool) -> Sequence[Any]:
        return F.rnn(x, *weights, *states, activation=self._activation, reverse=reverse)


class LSTM(RecurrentLayer):
    """Long short-term memory: c' = σ(f) c + σ(i) tanh(g), h' = σ(o) tanh(c').

    The gates stand in the order i, f, g, o; the states are [h, c].  See `RecurrentLayer` for the
    arguments.

    Examples
    --------
    >>> from graphinit import nn
    >>> net = nn.LSTM(4, bidirectional=True)
    >>> net
    LSTM(-1 -> 4, TNC, bidirectional)
    >>> net.infer_shape(x=("length", "batch", 3))["y"]
    ('length', 'batch', 8)
    >>> net.l0_i2h_weight.shape
    (16, 3)

    References
    ----------
    S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9, 1997; F. Gers et
    al., "Learning to forget", Neural Computation 12, 2000.
    """

    _gates = 4
    _states_per_layer = 2

    def _recur(self, x: Any, weights: Sequence[Any], states: Sequence[Any], reverse: bool) -> Sequence[Any]:
        return F.lstm(x, *weights, *states, reverse=reverse)


class GRU(RecurrentLayer):
    """Gated recurrent units: n = tanh(n_x + σ(r) n_h), h' = (1 - σ(z)) n + σ(z) h.

    The gates stand in the order r, z, n, and the bias of n_h inside the reset, as in cuDNN.  See
    `RecurrentLayer` for the arguments.

    Examples
    --------
    >>> import numpy as np
    >>> from graphinit import nn
    >>> net = nn.GRU(4, layout="NTC")
    >>> net.initialize()
    >>> y, states = net(np.zeros((2, 5, 3)), net.begin_state(2))
    >>> y.shape, states[0].shape
    ((2, 5, 4), (1, 2, 4))

    References
    ----------
    K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014.
    """

    _gates = 3

    def _recur(self, x: Any, weights: Sequence[Any], states: Sequence[Any], reverse: bool) -> Sequence[Any]:
        return F.gru(x, *weights, *states, reverse=reverse)
