"""Checks of hyperparameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphinit.errors import ParameterError
from graphinit.scalars import is_finite, real


def number(name: str, value: Any, least: float = -np.inf, most: float = np.inf) -> float:
    """Return a finite number of a range; `ParameterError` (GI405) when it is none."""
    given = real(value)
    if given is None or not is_finite(given):
        raise ParameterError(f"{name} is a number, not {value!r}", code="GI405")
    if not least <= given <= most:
        raise ParameterError(f"{name} is from {least:g} to {most:g}, not {value!r}", code="GI405")
    return float(given)


def positive(name: str, value: Any) -> float:
    """Return a positive number; `ParameterError` (GI405) when it is none."""
    if number(name, value) <= 0:
        raise ParameterError(f"{name} is positive, not {value!r}", code="GI405")
    return float(value)


def fraction(name: str, value: Any) -> float:
    """Return a number from 0 to below 1; `ParameterError` (GI405) when it is none."""
    if not 0 <= number(name, value) < 1:
        raise ParameterError(f"{name} is from 0 to below 1, not {value!r}", code="GI405")
    return float(value)
