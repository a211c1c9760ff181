"""What stands in the graph of an update, and what holds the gradients that it reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphinit.ir.tensor import Tensor
from graphinit.parameter import Parameter


class GradientVariable:
    """A parameter's gradient, as programs read and write it.

    Parameters
    ----------
    parameter : Parameter
        Whose.
    """

    __slots__ = ("parameter",)

    def __init__(self, parameter: Parameter) -> None:
        self.parameter = parameter

    @property
    def _data(self) -> np.ndarray:
        return self.parameter.grad()

    def data(self) -> np.ndarray:
        """Return the live gradient."""
        return self.parameter.grad()

    def store(self, data: np.ndarray) -> None:
        """Take a new gradient."""
        self.parameter.grad()[...] = data

    def accept_gradient(self, gradient: np.ndarray) -> None:
        """Do nothing: gradients have no gradient here."""


@dataclass(frozen=True, slots=True)
class Item:
    """One parameter in the graph of an update.

    Parameters
    ----------
    index : int
        Which of the optimiser's parameters.
    name : str
        Its name in the graph.
    weight, gradient : Tensor
        Its tensors there.
    time : Tensor
        Number of its step.
    """

    index: int
    name: str
    weight: Tensor
    gradient: Tensor
    time: Tensor
