"""Noise: numbers that are drawn anew in every run."""

from __future__ import annotations

from typing import Any

from graphinit import functional as F
from graphinit import tracing
from graphinit.errors import BlockError
from graphinit.nn.block import Block
from graphinit.nn.checks import number
from graphinit.state import RandomState


class _Drawn(Block):
    """Base of noise: a random stream that moves on with every draw.

    Its draws are those of the seed that the network was initialised with, and of its path.
    """

    def __init__(self) -> None:
        super().__init__()
        self.key = RandomState()

    def next_key(self) -> Any:
        """Return the key of a draw, and let the stream move on.

        Raises
        ------
        BlockError
            GI407, when nothing is being described.
        """
        trace = tracing.current()
        if trace is None:
            raise BlockError(f"{self.name} draws within the forward of a network", path=self.path)
        key = trace.state(self.key)
        trace.update(self.key, F.advance_key(key))
        return key


class NormalLike(_Drawn):
    """Numbers of N(mean, std²) in the shape of the input, whose values don't matter; in every mode.

    Parameters
    ----------
    mean, std : float
        Of the distribution; `std` is 0 or more.

    Raises
    ------
    BlockError
        GI407, when an argument is out of range.

    Examples
    --------
    The code of a variational auto-encoder:

    >>> from graphinit import functional as F
    >>> from graphinit import nn
    >>> class Code(nn.Block):
    ...     def __init__(self, size):
    ...         super().__init__()
    ...         self.mean, self.log_variance = nn.Dense(size), nn.Dense(size)
    ...         self.noise = nn.NormalLike()
    ...     def forward(self, x):
    ...         mean, log_variance = self.mean(x), self.log_variance(x)
    ...         return mean + F.exp(0.5 * log_variance) * self.noise(mean), mean, log_variance
    >>> list(Code(2).states())
    ['noise.key']
    """

    def __init__(self, mean: float = 0.0, std: float = 1.0) -> None:
        super().__init__()
        self._mean, self._std = number("mean", mean), number("std", std, least=0)

    def forward(self, x: Any) -> Any:
        """Draw as many numbers as x has."""
        numbers = F.normal_like(x, self.next_key())
        numbers = numbers if self._std == 1 else numbers * self._std
        return numbers if self._mean == 0 else numbers + self._mean

    def __repr__(self) -> str:
        return f"NormalLike(mean={self._mean:g}, std={self._std:g})"


class UniformLike(_Drawn):
    """Numbers of U[low, high) in the shape of the input, whose values don't matter; in every mode.

    Parameters
    ----------
    low, high : float
        The bounds.

    Raises
    ------
    BlockError
        GI407, when they are no numbers, or `high` is below `low`.

    Examples
    --------
    >>> UniformLike(-1, 1)
    UniformLike(low=-1, high=1)
    """

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        super().__init__()
        self._low, self._high = number("low", low), number("high", high, least=low)

    def forward(self, x: Any) -> Any:
        """Draw as many numbers as x has."""
        numbers = F.uniform_like(x, self.next_key())
        width = self._high - self._low
        numbers = numbers if width == 1 else numbers * width
        return numbers if self._low == 0 else numbers + self._low

    def __repr__(self) -> str:
        return f"UniformLike(low={self._low:g}, high={self._high:g})"


class GaussianNoise(_Drawn):
    """In training, add numbers of N(0, std²); otherwise nothing (Keras's layer of this name).

    Parameters
    ----------
    std : float
        Standard deviation, 0 or more.

    Raises
    ------
    BlockError
        GI407, when it is out of range.

    Examples
    --------
    >>> GaussianNoise(0.1)
    GaussianNoise(std=0.1)
    """

    def __init__(self, std: float) -> None:
        super().__init__()
        self._std = number("std", std, least=0)

    def forward(self, x: Any) -> Any:
        """Add noise to x in training."""
        trace = tracing.current()
        if trace is None or not trace.train or self._std == 0:
            return x
        return x + F.normal_like(x, self.next_key()) * self._std

    def __repr__(self) -> str:
        return f"GaussianNoise(std={self._std:g})"
