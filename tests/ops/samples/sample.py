"""What a sample is, and ways to draw its inputs."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Draw = Callable[[np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Sample:
    """Arguments of one op.

    Parameters
    ----------
    op : str
        Its name.
    draws : tuple
        How each input is drawn; floating ones in float64.
    reference : callable
        From the inputs to the output (or a tuple of outputs), by other means than the kernel.
    attrs : dict
        Attributes as a user gives them.
    smooth : bool
        Whether the second derivative exists where the sample lies.
    wrt : str, optional
        The inputs whose gradients are compared, all floating ones by default.
    """

    op: str
    draws: tuple[Draw, ...]
    reference: Callable[..., Any]
    attrs: dict[str, Any] = field(default_factory=dict)
    smooth: bool = True
    wrt: str | None = None

    def arrays(self, dtype: Any = np.float64) -> list[np.ndarray]:
        """Return the inputs; floating ones in `dtype`."""
        rng = np.random.default_rng(zlib.crc32(f"{self.op}{self.attrs}".encode()))
        drawn = [draw(rng) for draw in self.draws]
        return [array.astype(dtype) if array.dtype.kind == "f" else array for array in drawn]

    def expected(self, arrays: list[np.ndarray]) -> tuple[np.ndarray, ...]:
        """Return the outputs that the reference gives."""
        result = self.reference(*arrays, **self.attrs)
        return tuple(map(np.asarray, result)) if isinstance(result, tuple | list) else (np.asarray(result),)

    def __str__(self) -> str:
        words = ", ".join(f"{name}={value}" for name, value in self.attrs.items())
        return f"{self.op}({words})"


def normal(*shape: int) -> Draw:
    return lambda rng: np.asarray(rng.standard_normal(shape))


def positive(*shape: int) -> Draw:
    return lambda rng: np.asarray(rng.uniform(0.5, 2.0, shape))


def off_zero(*shape: int) -> Draw:
    """At least 0.1 from 0 and from 1, so that differences don't step over a kink there."""
    return lambda rng: np.asarray(rng.uniform(0.1, 0.9, shape) * rng.choice([-1.0, 1.0], shape))


def ids(count: int, *shape: int) -> Draw:
    return lambda rng: np.asarray(rng.integers(0, count, shape))


def integers(*shape: int) -> Draw:
    return lambda rng: np.asarray(rng.integers(1, 9, shape))


def truth(*shape: int) -> Draw:
    return lambda rng: np.asarray(rng.random(shape) < 0.5)


def key(step: int = 3) -> Draw:
    return lambda rng: np.array([11, 13, step], np.uint64)


SAMPLES: list[Sample] = []


def add(
    op: str, *draws: Draw, ref: Callable[..., Any], smooth: bool = True, wrt: str | None = None, **attrs: Any
) -> None:
    SAMPLES.append(Sample(op, draws, ref, attrs, smooth, wrt))
