"""Blocks made of blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self, overload

from graphinit.errors import BlockError
from graphinit.nn.basic import Lambda
from graphinit.nn.block import Block

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
        checked = []
        for block in blocks:
            if isinstance(block, type) or not callable(block):
                kind = f"the class {block.__name__}" if isinstance(block, type) else repr(block)
                raise BlockError(f"a layer is a block or a function of tensors, not {kind}", path=self.path)
            checked.append(block if isinstance(block, Block) else Lambda(block))
        for block in checked:
            self.register_child(block)

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
        layers = list(self._children.values())[index]
        if isinstance(layers, Block):
            return layers
        part = type(self).__new__(type(self))
        for layer in layers:
            part.register_child(layer)
        return part


class WithLoss(Block):
    """A network joined with its loss: inputs ``x`` and ``y``, output the loss of each sample.

    Parameters
    ----------
    net : Block
        The network.
    loss : Block
        Called as ``loss(net(x), y)``.

    Examples
    --------
    >>> from graphinit import loss, nn
    >>> training = nn.WithLoss(nn.Dense(3), loss.L2Loss())
    >>> list(training.trace().inputs)
    ['x', 'y']
    """

    _adopts_children = False  # wrapping a network must not move its parameters' paths

    def __init__(self, net: Block, loss: Block) -> None:
        super().__init__()
        self.net = net
        self.loss = loss

    def forward(self, x: Any, y: Any) -> Any:
        """Return the loss of the network's output against `y`."""
        return self.loss(self.net(x), y)
