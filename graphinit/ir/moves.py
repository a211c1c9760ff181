"""How a view lies in the array that it is taken of, as data: another shape, another order of axes, a part.

A backend that has arrays with strides applies moves or prints them; nothing here is text of a language.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import EllipsisType
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Reshape:
    """The same elements in order, in another shape."""

    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Permute:
    """The axes in another order: axis i is axis ``axes[i]`` of the whole."""

    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """What basic indexing takes of an array.

    Parameters
    ----------
    entries : tuple
        Numbers, slices ``(start, stop, step)``, ``"new"`` for an axis of size 1 and ``"..."`` for the axes
        that are not named.
    """

    entries: tuple[Any, ...]

    @property
    def index(self) -> tuple[int | slice | EllipsisType | None, ...]:
        """What stands between brackets; an ellipsis keeps the result an array when every axis gets a number."""
        index: list[Any] = []
        for entry in self.entries:
            if isinstance(entry, str):
                index.append(None if entry == "new" else Ellipsis)
            else:
                index.append(slice(*entry) if isinstance(entry, tuple) else entry)
        return tuple(index) if Ellipsis in index else (*index, Ellipsis)


Move = Reshape | Permute | Part


def moved(array: np.ndarray, move: Move) -> np.ndarray:
    """Return a view of an array; of a reshape that no view can be, a copy.

    Examples
    --------
    >>> x = np.arange(6).reshape(2, 3)
    >>> moved(x, Permute((1, 0))).shape, moved(x, Part((0, (None, None, -1)))).tolist()
    ((3, 2), [2, 1, 0])
    """
    match move:
        case Reshape(shape):
            return array.reshape(shape)
        case Permute(axes):
            return array.transpose(axes)
        case Part():
            part: np.ndarray = array[move.index]
            return part
