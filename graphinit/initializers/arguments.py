"""Arguments of initializers, checked where an initializer is made."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np

from graphinit.errors import ParameterError
from graphinit.plain_text import shown
from graphinit.scalars import is_finite, real


def check_number(owner: str, name: str, value: Any, low: float | None = None) -> float:
    """Return a finite real number as Python's; NumPy's are numbers, and text and bools are none.

    Parameters
    ----------
    owner, name : str
        Whose argument it is, for the message.
    value : object
        What was given.
    low : float, optional
        The least that it may be.

    Raises
    ------
    ParameterError
        GI405, when it is none.

    Examples
    --------
    >>> check_number("Normal", "sigma", np.float32(0.5), low=0)
    0.5
    """
    number = real(value)
    if number is not None and is_finite(number) and (low is None or number >= low):
        return number
    least = "" if low is None else f" of at least {low}"
    raise ParameterError(f"{owner}: {name} is a finite number{least}, not {shown(value)}")


def check_choice(owner: str, name: str, value: Any, choices: tuple[str, ...]) -> str:
    """Return one of some words.

    Raises
    ------
    ParameterError
        GI405, when it is none of them.
    """
    if isinstance(value, str) and value in choices:
        return value
    *others, last = map(repr, choices)
    raise ParameterError(f"{owner}: {name} is {', '.join(others)} or {last}, not {shown(value)}")


def check_constant(owner: str, name: str, value: Any) -> Any:
    """Return a number, also one that is not finite, or an array of real numbers.

    Raises
    ------
    ParameterError
        GI405, when it is neither.
    """
    try:
        if isinstance(value, numbers.Real):
            number = float(value)
            return _plain(value) if math.isfinite(number) else number
        array = np.asarray(value)
    except Exception as cause:  # what is no array says so in its own way
        raise ParameterError(f"{owner}: {name} is a number or an array, not {shown(value)}") from cause
    if array.dtype.kind not in "biuf":
        raise ParameterError(f"{owner}: {name} is a real number or an array of them, not {shown(value)}")
    return array.item() if array.ndim == 0 else array


def _plain(number: numbers.Real) -> float:
    """Return a number as Python's own."""
    if isinstance(number, bool):
        return number
    return int(number) if isinstance(number, numbers.Integral) else float(number)
