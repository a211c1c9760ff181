"""Recurrent cells: one step each, and unrolled over a number of steps that Python knows.

Names, arguments and gate orders are those of Gluon.  A cell is made of plain ops, so what is
unrolled can be differentiated any number of times; for a symbolic length take the layers of
`graphinit.nn.recurrent`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphinit import functional as F
from graphinit.errors import BlockError, ShapeError
from graphinit.ir.tensor import Tensor, add_constant
from graphinit.nn.arguments import is_array
from graphinit.nn.basic import ZEROS, ActivationLike, activated, activation_layer, activation_name
from graphinit.nn.block import Block
from graphinit.nn.checks import choice, positive_size, unknown_size
from graphinit.parameter import Parameter
from graphinit.plain_text import class_name

States = list[Any]


class RecurrentCell(Block):
    """Base of the cells: subclass it and write `forward`, which takes an input and states."""

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        """Return shape and layout of each state.

        Parameters
        ----------
        batch_size : int
            The size of the batch.
        """
        raise NotImplementedError(f"{class_name(self)} does not say what its states are")

    def begin_state(
        self, batch_size: int = 0, func: Callable[..., Any] = np.zeros, **options: Any
    ) -> list[Any]:
        """Return first states to call the cell with.

        Parameters
        ----------
        batch_size : int
            The size of the batch.
        func : callable
            ``func(shape, dtype=..., **options)`` makes one, by default zeros.
        """
        options.setdefault("dtype", self._dtype())
        return [func(info["shape"], **options) for info in self.state_info(batch_size)]

    def _dtype(self) -> str:
        return next((str(parameter.dtype) for parameter in self.collect_params().values()), "float32")

    def unroll(
        self,
        length: int,
        inputs: Any,
        begin_state: Any = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
        valid_length: Any = None,
    ) -> tuple[Any, list[Any]]:
        """Run over so many steps, on arrays or, inside a network, on tensors.

        Parameters
        ----------
        length : int
            How many steps.
        inputs : Tensor, array, or list of them
            One (batch, length, c) or, with layout "TNC", (length, batch, c); or a list of steps,
            (batch, c) each.
        begin_state : list, optional
            First states; zeros when left out.
        layout : {"NTC", "TNC"}
            Where length and batch stand in merged inputs and outputs.
        merge_outputs : bool, optional
            Whether to return one tensor rather than a list of steps; by default as `inputs` came.
        valid_length : Tensor or array, optional
            (batch,): how many steps count.  Outputs beyond are zero, and states those after the last
            step that counts.

        Returns
        -------
        outputs : Tensor, array, or list of them
            The output of each step.
        states : list
            The last states.

        Raises
        ------
        BlockError
            GI407, when the layout is none or a list of steps has another length.

        Examples
        --------
        >>> import numpy as np
        >>> from graphinit import nn
        >>> cell = nn.LSTMCell(4)
        >>> cell.initialize()
        >>> outputs, states = cell.unroll(5, np.zeros((2, 5, 3)))
        >>> outputs.shape, [state.shape for state in states]
        ((2, 5, 4), [(2, 4), (2, 4)])
        """
        length = positive_size("length", length)
        choice("layout", layout, ("NTC", "TNC"))
        steps = isinstance(inputs, list | tuple) and not is_array(inputs)
        if steps and len(inputs) != length:
            raise BlockError(f"unroll over {length} steps got {len(inputs)} inputs", path=self.path)
        merge = not steps if merge_outputs is None else bool(merge_outputs)
        given = [*inputs, begin_state, valid_length] if steps else [inputs, begin_state, valid_length]
        if not any(isinstance(item, Tensor) for item in given):
            key = (length, layout, merge)
            unrolled: dict[Any, Any] = self.__dict__.setdefault("_unrolled", {})
            if key not in unrolled:
                unrolled[key] = _Unrolled(self, *key)
            outputs, states = unrolled[key](inputs, begin_state, valid_length)
            return outputs, states
        axis = layout.index("T")
        if not steps:
            inputs = [_step(inputs, t, axis) for t in range(length)]
        states = list(begin_state) if begin_state is not None else self._zeros(inputs[0])
        valid = None if valid_length is None else F.expand_dims(valid_length, -1)
        outputs, states = self._run(list(inputs), states, valid, reverse=False)
        return F.stack(outputs, axis=axis) if merge else outputs, states

    def _zeros(self, like: Tensor) -> States:
        """Return first states of zeros for the batch of an input."""
        size, zeros = like.shape[0], []
        for info in self.state_info():
            zero = Tensor(like.builder, add_constant(like.builder, np.zeros((), self._dtype())))
            zeros.append(F.broadcast_to(zero, (size, *info["shape"][1:])))
        return zeros

    def _run(self, inputs: list[Any], states: States, valid: Any, reverse: bool) -> tuple[list[Any], States]:
        """Run over a list of steps; `valid` is (batch, 1)."""
        outputs: list[Any] = [None] * len(inputs)
        for t in reversed(range(len(inputs))) if reverse else range(len(inputs)):
            output, new = self(inputs[t], states)
            outputs[t], states = _kept(valid, t, output, new, states)
        return outputs, states


def _kept(valid: Any, t: int, output: Any, new: States, old: States) -> tuple[Any, States]:
    """Drop what a step gives where it does not count."""
    if valid is None:
        return output, list(new)
    counts = F.greater(valid, t)
    states = [F.where(counts, after, before) for after, before in zip(new, old, strict=True)]
    return F.where(counts, output, 0.0), states


def _step(inputs: Any, t: int, axis: int) -> Any:
    return inputs[t] if axis == 0 else inputs[:, t]


class _Unrolled(Block):
    """An unrolled cell as a block, so that it is compiled once and run on arrays."""

    _adopts_children = False  # the cell's parameters keep their paths

    def __init__(self, cell: RecurrentCell, length: int, layout: str, merge: bool) -> None:
        super().__init__()
        self.cell = cell
        self._options = (length, layout, merge)

    def forward(self, inputs: Any, begin_state: Any = None, valid_length: Any = None) -> Any:
        """Unroll the cell."""
        length, layout, merge = self._options
        cell: Any = self.cell
        return cell.unroll(length, inputs, begin_state, layout, merge, valid_length)


class _BasicCell(RecurrentCell):
    """A cell with weights of its own.

    Parameters
    ----------
    hidden_size : int
        Size of a state, `h`.
    i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer
        Initializers of their own; biases start at zero.
    input_size : int
        Size of the input, `c`; -1, 0 or None when it is to be inferred.
    dtype : str
        Dtype of the parameters.
    """

    _gates = 1
    _count = 1

    def __init__(
        self,
        hidden_size: int,
        i2h_weight_initializer: Any = None,
        h2h_weight_initializer: Any = None,
        i2h_bias_initializer: Any = ZEROS,
        h2h_bias_initializer: Any = ZEROS,
        input_size: int | None = -1,
        dtype: Any = "float32",
    ) -> None:
        super().__init__()
        self._hidden_size = positive_size("hidden_size", hidden_size)
        rows, size = self._gates * self._hidden_size, unknown_size("input_size", input_size)
        self.i2h_weight = Parameter(
            "i2h_weight", shape=(rows, size), dtype=dtype, init=i2h_weight_initializer, kernel="OI"
        ).note(None, "input_size")
        self.h2h_weight = Parameter(
            "h2h_weight",
            shape=(rows, self._hidden_size),
            dtype=dtype,
            init=h2h_weight_initializer,
            kernel="OI",
        ).note(None, "hidden_size")
        self.i2h_bias = Parameter("i2h_bias", shape=(rows,), dtype=dtype, init=i2h_bias_initializer)
        self.h2h_bias = Parameter("h2h_bias", shape=(rows,), dtype=dtype, init=h2h_bias_initializer)

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        """Return shape and layout of each state."""
        return [{"shape": (batch_size, self._hidden_size), "__layout__": "NC"} for _ in range(self._count)]

    def _projected(self, x: Any, states: Sequence[Any]) -> tuple[Any, Any]:
        """Return the products of input and state with their weights."""
        if not isinstance(states, list | tuple):
            raise BlockError(
                f"{class_name(self)} takes its states as a list; begin_state(batch_size) makes the first",
                path=self.path,
            )
        if len(states) != self._count:
            raise BlockError(
                f"{class_name(self)} has {self._count} state(s), got {len(states)}", path=self.path
            )
        for name, tensor, axes in (
            ("the input", x, "[batch,size]"),
            ("a state", states[0], "[batch,hidden]"),
        ):
            rank = tensor.type.rank
            if rank not in (None, 2):
                raise ShapeError(
                    f"{name} of a {class_name(self)} has 2 axes, {axes}; got {tensor.type}",
                    code="GI202",
                    node=tensor.name,
                    path=self.path,
                )
        from_input = F.linear(x, self.i2h_weight, self.i2h_bias)
        return from_input, F.linear(states[0], self.h2h_weight, self.h2h_bias)

    def _words(self) -> str:
        rows, size = self.i2h_weight.shape or (-1, -1)
        return f"{size} -> {rows}"

    def __repr__(self) -> str:
        return f"{class_name(self)}({self._words()})"


class RNNCell(_BasicCell):
    """A plain cell: h' = activation(W x + b + R h + d).

    Parameters
    ----------
    hidden_size : int
        Size of the state, `h`.
    activation : str, Block or callable
        An activation by name, as a layer, or as a function such as ``F.relu``.
    **options
        Initializers, `input_size` and `dtype`, as for all cells.

    Examples
    --------
    >>> RNNCell(4, input_size=3)
    RNNCell(3 -> 4, tanh)
    """

    def __init__(self, hidden_size: int, activation: ActivationLike = "tanh", **options: Any) -> None:
        super().__init__(hidden_size, **options)
        self.act = activation_layer(activation)

    def forward(self, x: Any, states: States) -> tuple[Any, States]:
        """Take an input (b, c) and [h], return the output (b, h) and [h']."""
        from_input, from_state = self._projected(x, states)
        output = activated(from_input + from_state, self.act)
        return output, [output]

    def _words(self) -> str:
        return f"{super()._words()}, {activation_name(self.act)}"


class LSTMCell(_BasicCell):
    """A cell of long short-term memory: c' = σ(f) c + σ(i) tanh(g), h' = σ(o) tanh(c').

    The gates stand in the order i, f, g, o.

    Parameters
    ----------
    hidden_size : int
        Size of a state, `h`.
    **options
        Initializers, `input_size` and `dtype`, as for all cells.
    """

    _gates = 4
    _count = 2

    def forward(self, x: Any, states: States) -> tuple[Any, States]:
        """Take an input (b, c) and [h, c], return the output (b, h) and [h', c']."""
        from_input, from_state = self._projected(x, states)
        i, f, g, o = F.split(from_input + from_state, 4, axis=-1)
        cell = F.sigmoid(f) * states[1] + F.sigmoid(i) * F.tanh(g)
        output = F.sigmoid(o) * F.tanh(cell)
        return output, [output, cell]


class GRUCell(_BasicCell):
    """A gated recurrent cell: n = tanh(n_x + σ(r) n_h), h' = (1 - σ(z)) n + σ(z) h.

    The gates stand in the order r, z, n.

    Parameters
    ----------
    hidden_size : int
        Size of the state, `h`.
    **options
        Initializers, `input_size` and `dtype`, as for all cells.
    """

    _gates = 3

    def forward(self, x: Any, states: States) -> tuple[Any, States]:
        """Take an input (b, c) and [h], return the output (b, h) and [h']."""
        from_input, from_state = self._projected(x, states)
        reset_x, update_x, new_x = F.split(from_input, 3, axis=-1)
        reset_h, update_h, new_h = F.split(from_state, 3, axis=-1)
        new = F.tanh(new_x + F.sigmoid(reset_x + reset_h) * new_h)
        output = new + F.sigmoid(update_x + update_h) * (states[0] - new)
        return output, [output]
