"""Numbers, truth values and tuples of them as users have them, as plain ones of Python.

A number that comes out of NumPy counts as one of Python's wherever an argument is taken; it is stored as a
plain one, so that what is printed, compared and saved does not depend on where it came from.
"""

from __future__ import annotations

import math
import operator
from numbers import Real
from typing import Any

import numpy as np


def whole(value: Any) -> int | None:
    """Return a whole number as an int; None when it is none, as a truth value is.

    Examples
    --------
    >>> whole(np.int32(3)), whole(3.0), whole(True)
    (3, None, None)
    """
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def real(value: Any) -> float | None:
    """Return a number as an int or a float; None when it is none, as a truth value is.

    Examples
    --------
    >>> real(np.float32(0.5)), real(np.int64(3)), real("3"), real(np.True_)
    (0.5, 3, None, None)
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    number = whole(value)
    try:
        return float(value) if number is None else number
    except OverflowError:  # a fraction that no float is as large as
        return None


def is_finite(number: float) -> bool:
    """Whether a number is neither nan nor infinite, nor an int that no float is as large as.

    Examples
    --------
    >>> is_finite(0.5), is_finite(math.inf), is_finite(10**400)
    (True, False, False)
    """
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def truth(value: Any) -> bool | None:
    """Return True or False; None when it is neither.

    Examples
    --------
    >>> truth(np.True_), truth(False), truth(1)
    (True, False, None)
    """
    return bool(value) if isinstance(value, bool | np.bool_) else None


def several(value: Any) -> tuple[Any, ...] | None:
    """Return the entries of a tuple, a list or an array; None when it is none of these.

    Examples
    --------
    >>> several([2, 3]), several(2), [whole(size) for size in several(np.array([2, 3]))]
    ((2, 3), None, [2, 3])
    """
    if isinstance(value, tuple | list) or (isinstance(value, np.ndarray) and value.ndim > 0):
        return tuple(value)
    return None
