"""Blocks side by side, blocks around which the input is led, and other shapes for the same values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, overload

from graphinit import functional as F
from graphinit.errors import BlockError
from graphinit.nn.basic import as_layer
from graphinit.nn.block import Block
from graphinit.nn.checks import whole_number, whole_numbers
from graphinit.nn.containers import Sequential
from graphinit.parameter import Parameter
from graphinit.plain_text import class_name
from graphinit.scalars import truth

if TYPE_CHECKING:
    from graphinit.nn.containers import Layer


class Concatenate(Sequential):
    """Blocks that all take the same input; what they give is joined along an axis.

    Parameters
    ----------
    axis : int
        The axis.

    Examples
    --------
    >>> from graphinit import nn
    >>> net = Concatenate(axis=1)
    >>> net.add(nn.Conv2D(4, 1), nn.Conv2D(2, 3, padding=1))
    >>> net.infer_shape(x=("batch", 3, "h", "w"))["y"]
    ('batch', 6, 'h', 'w')
    """

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self._axis = whole_number("axis", axis)

    def forward(self, x: Any, *args: Any) -> Any:
        """Join what the blocks make of x."""
        if not len(self):
            raise BlockError(f"{self.name} has no blocks to join; add some", path=self.path)
        return F.concat([block(x, *args) for block in self], axis=self._axis)

    @overload
    def __getitem__(self, index: int) -> Layer: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | slice) -> Any:
        """Return a block, or a container that shares the blocks of a slice."""
        part = super().__getitem__(index)
        if isinstance(index, slice):
            part.__dict__["_axis"] = self._axis
        return part


class Residual(Block):
    """A block plus its input: y = block(x) + x, or block(x) + projection(x).

    Parameters
    ----------
    block : Block or callable
        What the input is led around.
    projection : bool, Block or callable
        What the input goes through: nothing; a matrix along `axis` whose sizes are inferred from both
        sides, when True; or a block.
    axis : int
        The axis of channels, for a projection that is inferred.
    weight_initializer : str or initializer, optional
        Initializer of that matrix.

    Attributes
    ----------
    weight : Parameter
        Shape (n, c), for a projection that is inferred from c channels to the n of the block.

    Examples
    --------
    >>> from graphinit import nn
    >>> net = Residual(nn.Conv2D(8, 3, padding=1), projection=True, axis=1)
    >>> net.infer_shape(x=("batch", 3, "h", "w"))["weight"]
    (8, 3)

    References
    ----------
    K. He et al., "Deep residual learning for image recognition", CVPR 2016.
    """

    def __init__(
        self, block: Any, projection: Any = False, axis: int = -1, weight_initializer: Any = None
    ) -> None:
        super().__init__()
        self.body = as_layer(block)
        self._axis = whole_number("axis", axis)
        asked = truth(projection)
        if asked:
            self.weight = Parameter("weight", shape=(-1, -1), init=weight_initializer, kernel="OI")
        self.projection = None if asked is not None or projection is None else as_layer(projection)

    def forward(self, x: Any) -> Any:
        """Add what the block makes of x to x."""
        y = self.body(x)
        if "weight" in self._parameters:
            moved = F.linear(F.moveaxis(x, self._axis, -1), self.weight)
            x = F.reshape_like(F.moveaxis(moved, -1, self._axis), y)
        elif self.projection is not None:
            x = self.projection(x)
        return y + x


class Reshape(Block):
    """Each sample in another shape: (b, *s) -> (b, *shape).

    Parameters
    ----------
    *shape : int
        The shape of a sample; one size may be -1.

    Raises
    ------
    BlockError
        GI407, when a size is none.

    Examples
    --------
    >>> Reshape(-1, 2).infer_shape(x=("batch", 3, 4))["y"]
    ('batch', 6, 2)
    """

    def __init__(self, *shape: Any) -> None:
        super().__init__()
        given = shape[0] if len(shape) == 1 else shape
        sizes = whole_numbers("a shape", given)
        if any(size < -1 for size in sizes):
            raise BlockError(f"a shape is made of sizes from 0 on, and one -1; got {sizes!r}")
        if sizes.count(-1) > 1:
            raise BlockError(f"a shape may have only one -1; got {sizes!r}")
        self._shape = sizes

    def forward(self, x: Any) -> Any:
        """Reshape x."""
        return F.reshape(x, (x.shape[0], *self._shape))

    def __repr__(self) -> str:
        return f"{class_name(self)}{self._shape}"


class Permute(Block):
    """The axes in another order.

    Parameters
    ----------
    *axes : int
        For each axis of the output, which one of the input it is; the batch counts.

    Raises
    ------
    BlockError
        GI407, when that is no order.

    Examples
    --------
    >>> Permute(0, 2, 1).infer_shape(x=("batch", 3, "w"))["y"]
    ('batch', 'w', 3)
    """

    def __init__(self, *axes: Any) -> None:
        super().__init__()
        order = whole_numbers("an order", axes[0] if len(axes) == 1 else axes)
        if sorted(order) != list(range(len(order))):
            raise BlockError(f"an order names each axis once, from 0 to {len(order) - 1}; got {order!r}")
        self._axes = order

    def forward(self, x: Any) -> Any:
        """Permute the axes of x."""
        return F.transpose(x, self._axes)

    def __repr__(self) -> str:
        return f"{class_name(self)}{self._axes}"
