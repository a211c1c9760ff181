"""Learning-rate schedules: from the number of updates to the rate.

Names and arguments are Gluon's.  A schedule is a value without memory, so that the rate of a resumed
run is that of an uninterrupted one; Gluon's change as they are asked.

>>> schedule = CosineScheduler(max_update=100, base_lr=0.1, warmup_steps=10)
>>> [round(schedule(update), 4) for update in (1, 10, 55, 100)]
[0.01, 0.1, 0.05, 0.0]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

from graphinit.errors import ParameterError
from graphinit.faces import listed_face
from graphinit.scalars import real, several, whole


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise ParameterError(message, code="GI405")


@dataclass(frozen=True, kw_only=True)
class LRScheduler:
    """Base of schedules: a rate that stays, after a warm-up.

    Parameters
    ----------
    base_lr : float
        The rate after the warm-up; an optimiser's ``learning_rate`` takes its place.
    warmup_steps : int
        Updates before it is reached.
    warmup_begin_lr : float
        Where the warm-up begins.
    warmup_mode : {"linear", "constant"}
        Whether the rate rises from there, or stays there.

    Raises
    ------
    ParameterError
        GI405, when numbers are out of range.
    """

    base_lr: float = 0.01
    warmup_steps: int = 0
    warmup_begin_lr: float = 0.0
    warmup_mode: str = "linear"

    def __post_init__(self) -> None:
        for option in fields(self):
            if option.type in ("int", "float"):
                self._settle(option.name, whole if option.type == "int" else real)
        _check(self.base_lr > 0, f"base_lr is positive, not {self.base_lr!r}")
        _check(self.warmup_steps >= 0, f"warmup_steps is 0 or more, not {self.warmup_steps!r}")
        _check(self.warmup_mode in ("linear", "constant"), f"there is no warm-up {self.warmup_mode!r}")
        _check(0 <= self.warmup_begin_lr <= self.base_lr, "a warm-up begins from 0 to base_lr")

    def _settle(self, name: str, read: Callable[[Any], float | None]) -> None:
        """Keep an option as a plain number."""
        given = read(getattr(self, name))
        kind = "a whole number" if read is whole else "a number"
        _check(given is not None, f"{name} is {kind}, not {getattr(self, name)!r}")
        object.__setattr__(self, name, given)

    def __call__(self, num_update: int) -> float:
        """Return the rate of an update, counted from 1."""
        if num_update < self.warmup_steps:
            if self.warmup_mode == "constant":
                return self.warmup_begin_lr
            return (
                self.warmup_begin_lr + (self.base_lr - self.warmup_begin_lr) * num_update / self.warmup_steps
            )
        return self.rate(num_update)

    def rate(self, num_update: int) -> float:
        """Return the rate of an update after the warm-up."""
        return self.base_lr

    def with_base(self, base_lr: float) -> Self:
        """Return the schedule with another base."""
        return replace(self, base_lr=base_lr)


@dataclass(frozen=True, kw_only=True)
class FactorScheduler(LRScheduler):
    """Multiply the rate by a factor after every so many updates.

    Parameters
    ----------
    step : int
        How many.
    factor : float
        The factor, at most 1.
    stop_factor_lr : float
        The rate does not fall below this.
    base_lr, warmup_steps, warmup_begin_lr, warmup_mode
        As in `LRScheduler`.
    """

    step: int = field(kw_only=False)
    factor: float = 1.0
    stop_factor_lr: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.step >= 1, f"step is 1 or more, not {self.step!r}")
        _check(0 < self.factor <= 1, f"factor is above 0 and at most 1, not {self.factor!r}")

    def rate(self, num_update: int) -> float:
        """Return the rate of an update."""
        times = max(num_update - 1, 0) // self.step
        return max(self.base_lr * self.factor**times, self.stop_factor_lr)


@dataclass(frozen=True, kw_only=True)
class MultiFactorScheduler(LRScheduler):
    """Multiply the rate by a factor after each of some updates.

    Parameters
    ----------
    step : sequence of int
        After which; rising.
    factor : float
        The factor, at most 1.
    base_lr, warmup_steps, warmup_begin_lr, warmup_mode
        As in `LRScheduler`.
    """

    step: Sequence[int] = field(kw_only=False)
    factor: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        numbers = [whole(step) for step in several(self.step) or ()]
        steps = tuple(step for step in numbers if step is not None)
        rising = bool(steps) and steps[0] >= 1 and all(a < b for a, b in pairwise(steps))
        rising = rising and len(steps) == len(numbers)
        _check(rising, f"step is a list of rising numbers, not {self.step!r}")
        object.__setattr__(self, "step", steps)
        _check(0 < self.factor <= 1, f"factor is above 0 and at most 1, not {self.factor!r}")

    def rate(self, num_update: int) -> float:
        """Return the rate of an update."""
        return self.base_lr * self.factor ** sum(num_update > step for step in self.step)


@dataclass(frozen=True, kw_only=True)
class _Falling(LRScheduler):
    """What falls from the base to a final rate, and stays there."""

    max_update: int = field(kw_only=False)
    final_lr: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.max_update >= 1, f"max_update is 1 or more, not {self.max_update!r}")
        _check(self.max_update > self.warmup_steps, "the warm-up ends before max_update")

    def share(self, num_update: int) -> float:
        """Return how much of the fall is behind, from 0 to 1."""
        done = min(num_update, self.max_update) - self.warmup_steps
        return done / (self.max_update - self.warmup_steps)


@dataclass(frozen=True, kw_only=True)
class PolyScheduler(_Falling):
    """Fall along a power: ``final + (base - final) * (1 - share) ** pwr``.

    Parameters
    ----------
    max_update : int
        When the final rate is reached.
    pwr : float
        The power.
    final_lr : float
        The final rate.
    base_lr, warmup_steps, warmup_begin_lr, warmup_mode
        As in `LRScheduler`.
    """

    pwr: float = 2.0

    def rate(self, num_update: int) -> float:
        """Return the rate of an update."""
        left: float = (1 - self.share(num_update)) ** self.pwr
        return self.final_lr + (self.base_lr - self.final_lr) * left


@dataclass(frozen=True, kw_only=True)
class CosineScheduler(_Falling):
    """Fall along half a cosine: ``final + (base - final) * (1 + cos(pi * share)) / 2``.

    Parameters
    ----------
    max_update : int
        When the final rate is reached.
    final_lr : float
        The final rate.
    base_lr, warmup_steps, warmup_begin_lr, warmup_mode
        As in `LRScheduler`.

    References
    ----------
    I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
    """

    def rate(self, num_update: int) -> float:
        """Return the rate of an update."""
        share = (1 + math.cos(math.pi * self.share(num_update))) / 2
        return self.final_lr + (self.base_lr - self.final_lr) * share


__all__ = ["CosineScheduler", "FactorScheduler", "LRScheduler", "MultiFactorScheduler", "PolyScheduler"]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
