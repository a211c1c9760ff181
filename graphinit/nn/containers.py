"""Blocks made of blocks."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self, overload

from graphinit.errors import BlockError, CallError
from graphinit.nn.basic import Lambda, as_layer
from graphinit.nn.block import Block
from graphinit.plain_text import shown
from graphinit.scalars import whole
from graphinit.suggestions import did_you_mean

if TYPE_CHECKING:

    class Layer(Block):
        """A block of a container, as type checkers see it: it may have any attribute."""

        def __getattr__(self, name: str) -> Any: ...


class Sequential(Block):
    """Blocks one after the other, each taking what the one before gave.

    Parameters
    ----------
    *blocks : Block or callable, or one list of them
        The layers; a callable becomes a `Lambda`.  None at all is the identity.

    Examples
    --------
    >>> from graphinit import nn
    >>> nn.Sequential(nn.Dense(256, activation="relu"), nn.Dense(10))
    Sequential(
      (0): Dense(-1 -> 256, Activation(relu))
      (1): Dense(-1 -> 10, linear)
    )
    """

    def __init__(self, *blocks: Any) -> None:
        super().__init__()
        if len(blocks) == 1 and isinstance(blocks[0], list | tuple):
            blocks = tuple(blocks[0])
        self.add(*blocks)

    def add(self, *blocks: Any) -> None:
        """Append layers; one layer may stand in several places.

        Raises
        ------
        BlockError
            GI407, when one is neither a block nor callable; nothing is added.
        """
        for layer in [as_layer(block, self.path) for block in blocks]:
            self.register_child(layer)

    def forward(self, x: Any, *args: Any) -> Any:
        """Apply the layers in order; further arguments go to the first."""
        for block in self._children.values():
            x = block(x, *args)
            args = ()
            if isinstance(x, tuple | list):
                x, args = x[0], tuple(x[1:])
        return (x, *args) if args else x

    def __len__(self) -> int:
        return len(self._children)

    def __iter__(self) -> Iterator[Layer]:
        return iter(list(self._children.values()))

    @overload
    def __getitem__(self, index: int) -> Layer: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | slice) -> Any:
        """Return a layer, or a container of the same class that shares the layers of a slice."""
        if not isinstance(index, slice) and whole(index) is None:
            raise BlockError(
                f"layers are counted, as in net[0] and net[1:]; got {shown(index)}; "
                "net.collect_params() has parameters by path",
                path=self.path,
            )
        layers = list(self._children.values())[index]
        if isinstance(layers, Block):
            return layers
        part = type(self).__new__(type(self))
        for layer in layers:
            part.register_child(layer)
        return part


class LossFunction(Lambda):
    """A loss that is a function of tensors, as a block; blocks that it calls become part of it.

    Parameters
    ----------
    function : callable
        From outputs, or outputs and labels, to the loss.
    """

    _adopts_children = False
    _takes_in_blocks = True


def check_loss(loss: Any) -> None:
    """Raise `BlockError` (GI407) unless a loss is a block or a function."""
    if isinstance(loss, type) or not callable(loss):
        raise BlockError(f"a loss is a block or a function of outputs and labels, not {shown(loss)}")


class WithLoss(Block):
    """A network joined with its loss: inputs ``x`` and ``y``, output the loss of each sample.

    Parameters
    ----------
    net : Block
        The network.
    loss : Block or callable
        Called as ``loss(outputs, y)``, or as ``loss(outputs)`` when `y` is None.  Blocks that a function
        calls become part of the whole.

    Examples
    --------
    >>> from graphinit import loss, nn
    >>> training = nn.WithLoss(nn.Dense(3), loss.L2Loss())
    >>> list(training.trace().inputs)
    ['x', 'y']
    """

    _adopts_children = False  # wrapping a network must not move its parameters' paths
    _takes_in_blocks = True

    def __init__(self, net: Block, loss: Any) -> None:
        super().__init__()
        check_loss(loss)
        self.net = net
        self.loss = loss

    def forward(self, x: Any, y: Any) -> Any:
        """Return the loss of the network's outputs against `y`.

        Parameters
        ----------
        x : array, tuple or dict
            The inputs; a tuple holds them in order, a dict by name.
        y : array, a structure of them, or None
            The labels, as the loss takes them; None when it takes none.
        """
        return judge(self.loss, call_on(self.net, x), y)


def call_on(net: Block, x: Any) -> Any:
    """Call a network on inputs: an array, a tuple of them in order, or a dict by name.

    Raises
    ------
    CallError
        GI503, when the network has no input of a name.
    """
    if isinstance(x, tuple):
        return net(*x)
    if not isinstance(x, dict):
        return net(x)
    parameters = inspect.signature(net.forward).parameters.values()
    if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
        names = [
            item.name for item in parameters if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)
        ]
        for name in x:
            if name not in names:
                raise CallError(
                    f"{net.name} has no input {name!r}{did_you_mean(name, names) or ';'} its inputs are "
                    f"{', '.join(names) or 'none'}; a dict that is itself one input stands in a tuple, ({{...}},)",
                    path=net.path,
                )
    return net(**x)


def judge(loss: Any, outputs: Any, y: Any) -> Any:
    """Return the loss of outputs against labels, or of outputs alone where `y` is None.

    Raises
    ------
    CallError
        GI503, when the loss takes labels and there are none, or the other way round.
    """
    given = (outputs,) if y is None else (outputs, y)
    function = loss
    if isinstance(loss, Block):
        function = loss._function if isinstance(loss, Lambda) else loss.forward
    try:
        signature = inspect.signature(function)
    except ValueError:  # a built-in function that has none
        return loss(*given)
    if _takes(signature, given):
        return loss(*given)
    if y is None and _takes(signature, (None, None)):
        raise CallError("the loss takes labels, and there are none: call step(x, y), or give batches (x, y)")
    if y is not None and _takes(signature, (None,)):
        raise CallError(
            "the loss takes outputs alone, and labels were given: call step(x), or give batches (x, None); "
            "several inputs go into a tuple of their own, ((x1, x2), None)"
        )
    raise CallError(f"a loss is called as loss(outputs, y) or loss(outputs); this one takes {signature}")


def _takes(signature: inspect.Signature, given: tuple[Any, ...]) -> bool:
    try:
        signature.bind(*given)
    except TypeError:
        return False
    return True
