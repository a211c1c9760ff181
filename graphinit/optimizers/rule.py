"""What an update rule sees of one parameter: tensors, so that the update is part of a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphinit.functional.arithmetic import maximum, minimum
from graphinit.functional.elementwise import cast, clip, square
from graphinit.functional.reduce import sum as total
from graphinit.ir.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Slot:
    """An array that an optimiser keeps for a parameter from step to step.

    Parameters
    ----------
    shape : tuple of int
        Its shape.
    dtype : str
        Its dtype.
    initial : float
        What it is filled with at first.
    """

    shape: tuple[int, ...]
    dtype: str
    initial: float = 0.0


class Update:
    """One parameter at one step.

    Numbers that change from step to step (learning rate, number of the step) are float64 scalars, and
    arithmetic among them is done in float64; `number` takes the result to the parameter's dtype.

    Parameters
    ----------
    weight : Tensor
        The parameter.
    gradient : Tensor
        Its gradient as backward left it.
    scale : Tensor or None
        What the gradient is multiplied by; None when that has been done.
    rate : Tensor
        Learning rate, the parameter's ``lr_mult`` included.
    time : Tensor
        Number of this step, counted from 1.
    decay : float
        Weight decay, the parameter's ``wd_mult`` included.
    clip : float or None
        Greatest absolute value of a gradient.
    states : mapping from str to Tensor
        What was kept, by slot.

    Attributes
    ----------
    next : dict of str to Tensor
        What the rule keeps, by slot.
    """

    def __init__(
        self,
        weight: Tensor,
        gradient: Tensor,
        scale: Tensor | None,
        rate: Tensor,
        time: Tensor,
        decay: float,
        clip: float | None,
        states: Mapping[str, Tensor],
    ) -> None:
        self.weight = weight
        self.rate = rate
        self.time = time
        self.decay = decay
        self.states = states
        self.next: dict[str, Any] = {}
        self._raw = gradient
        self._scale = scale
        self._clip = clip

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the parameter."""
        return tuple(self.weight.shape)

    def number(self, scalar: Tensor) -> Tensor:
        """Return a float64 scalar in the dtype that the parameter is updated in."""
        return cast(scalar, self.weight.dtype)

    @property
    def gradient(self) -> Tensor:
        """The gradient: rescaled and clipped, without weight decay."""
        gradient = self._raw if self._scale is None else self._raw * self.number(self._scale)
        return gradient if self._clip is None else clip(gradient, -self._clip, self._clip)

    @property
    def decayed(self) -> Tensor:
        """The gradient with weight decay: that of the loss with ``decay / 2 * |weight|²`` added."""
        return self.gradient + self.weight * self.decay if self.decay else self.gradient

    def stepped(self, rate: Tensor) -> Tensor:
        """Return ``rate * decayed``, with as few passes over the array as possible."""
        if self.decay or self._clip is not None:
            return self.decayed * self.number(rate)
        return self._raw * self.number(rate if self._scale is None else rate * self._scale)

    def average(self, slot: str, beta: float | Tensor, value: Tensor) -> Tensor:
        """Return ``beta * state + (1 - beta) * value``, which the slot keeps."""
        old, new = (self.number(x) if isinstance(x, Tensor) else x for x in (beta, 1 - beta))
        average = self.states[slot] * old + value * new
        self.next[slot] = average
        return average


def wide_dtype(dtype: str) -> str:
    """Return the dtype in which parameters of some dtype are updated."""
    return "float32" if dtype == "float16" else dtype


def norm(x: Tensor) -> Tensor:
    """Return the Euclidean norm of all values, float64."""
    return cast(total(square(x)), "float64") ** 0.5


def limited_scale(gradients: Sequence[Tensor], scale: Tensor | None, limit: float) -> Tensor:
    """Return the scale of gradients with which their common norm stays within a limit."""
    joint = cast(total(square(gradients[0])), "float64")
    for gradient in gradients[1:]:
        joint = joint + cast(total(square(gradient)), "float64")
    size = joint**0.5 if scale is None else joint**0.5 * abs(scale)
    factor = minimum(limit / maximum(size, 1e-300), 1.0)
    return factor if scale is None else factor * scale
