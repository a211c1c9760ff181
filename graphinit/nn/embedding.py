"""Embedding: from ids to vectors."""

from __future__ import annotations

from typing import Any

from graphinit import functional as F
from graphinit.nn.block import Block
from graphinit.nn.checks import positive_size
from graphinit.parameter import Parameter
from graphinit.plain_text import class_name


class Embedding(Block):
    """A vector for each id: int (*b) -> (*b, n).

    Gluon clips ids that are out of range; here they are an error that gives the first one and its place.

    Parameters
    ----------
    input_dim : int
        How many ids there are; they count from 0.
    output_dim : int
        Size of a vector, `n`.
    dtype : str
        Dtype of the vectors.
    weight_initializer : str or initializer, optional
        Initializer of its own.
    sparse_grad : bool
        Taken for Gluon's sake; gradients are dense.

    Attributes
    ----------
    weight : Parameter
        Shape (input_dim, output_dim).

    Raises
    ------
    BlockError
        GI407, when a size is none.

    Examples
    --------
    >>> Embedding(10, 4)
    Embedding(10 -> 4, float32)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        dtype: Any = "float32",
        weight_initializer: Any = None,
        sparse_grad: bool = False,
    ) -> None:
        super().__init__()
        shape = (positive_size("input_dim", input_dim), positive_size("output_dim", output_dim))
        self.weight = Parameter(
            "weight", shape=shape, dtype=dtype, init=weight_initializer, kernel="IO"
        ).note("input_dim", "output_dim")

    def forward(self, ids: Any) -> Any:
        """Look up ids of shape (*b)."""
        return F.take(self.weight, ids)

    def __repr__(self) -> str:
        shape = self.weight.shape
        assert shape is not None
        return f"{class_name(self)}({shape[0]} -> {shape[1]}, {self.weight.dtype})"
