"""What losses share: from values to one number a sample."""

from __future__ import annotations

from typing import Any

from graphinit import functional as F
from graphinit.errors import BlockError
from graphinit.nn.block import Block
from graphinit.nn.checks import whole_number
from graphinit.plain_text import class_name
from graphinit.scalars import real


class Loss(Block):
    """Base of losses: weights values, then takes the mean of each sample.

    Parameters
    ----------
    weight : float, optional
        Factor on the loss.
    batch_axis : int
        The axis of samples.

    Raises
    ------
    BlockError
        GI407, when an argument is out of range.
    """

    def __init__(self, weight: float | None = None, batch_axis: int = 0) -> None:
        super().__init__()
        factor = None if weight is None else real(weight)
        if weight is not None and factor is None:
            raise BlockError(f"weight is a number or None; got {weight!r}")
        self._weight = factor
        self._batch_axis = whole_number("batch_axis", batch_axis)

    def weighted(self, values: Any, sample_weight: Any = None) -> Any:
        """Return values times the weights of samples and of the loss."""
        if sample_weight is not None:
            values = values * sample_weight
        return values if self._weight is None else values * self._weight

    def rows(self, values: Any) -> Any:
        """Return values as (b, n): a row for each sample."""
        if self._batch_axis != 0:
            values = F.moveaxis(values, self._batch_axis, 0)
        return F.flatten(values)

    def per_sample(self, values: Any, sample_weight: Any = None) -> Any:
        """Return the weighted mean of each sample: all axes but the batch's are averaged."""
        return F.mean(self.rows(self.weighted(values, sample_weight)), axis=1)

    def __repr__(self) -> str:
        return f"{class_name(self)}(batch_axis={self._batch_axis}, w={self._weight})"


def wide(values: Any) -> Any:
    """Return values of float16 in float32, where an epsilon such as 1e-12 is not 0; others as they are."""
    return F.cast(values, "float32") if getattr(values, "dtype", None) == "float16" else values


def narrow(values: Any, like: Any) -> Any:
    """Return values in float16 again where those that they come from are."""
    return F.cast(values, "float16") if getattr(like, "dtype", None) == "float16" else values
