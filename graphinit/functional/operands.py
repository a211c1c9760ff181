"""What functions on tensors take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from numpy.typing import ArrayLike

from graphinit.ir.operators import Arithmetic
from graphinit.ir.tensor import Tensor


class SupportsSymbolic(Protocol):
    """Something that stands for a tensor, such as a `Parameter` while a block is traced."""

    def __symbolic__(self) -> Tensor:
        """Return the tensor."""
        ...


Operand: TypeAlias = "Tensor | Arithmetic[Any] | SupportsSymbolic | ArrayLike"
"""A tensor, a parameter, a recorded array, a size, an array or a number."""

Axis: TypeAlias = "int | Sequence[int] | None"
"""One axis, several, or None for all."""
