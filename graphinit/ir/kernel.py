"""What the axes of a weight are, as data.

Frameworks agree on what a dense layer or a convolution computes, and not on the order of its weight's axes.
A layer states that order once, where it makes the parameter; initializers of other frameworks are asked for
the order that they expect, see `graphinit.initializers.foreign`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphinit.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Kernel:
    """The axes of a kernel: the weight of a dense, convolution or recurrent layer.

    Parameters
    ----------
    axes : str
        A capital letter for each axis: O that of the layer's outputs, I that of its inputs, any others those
        along which it slides.  ``"OI"`` is our dense layer's, ``"OIHW"`` that of a convolution over images.
    transposed : bool
        Whether the layer is a transposed convolution.

    Raises
    ------
    ParameterError
        GI405, when the axes are not given so.

    Examples
    --------
    >>> conv = Kernel("OIHW")
    >>> [conv.axes[axis] for axis in conv.order()]
    ['H', 'W', 'I', 'O']
    """

    axes: str
    transposed: bool = False

    def __post_init__(self) -> None:
        axes = self.axes
        fits = isinstance(axes, str) and all("A" <= letter <= "Z" for letter in axes)
        if not fits or len(set(axes)) < len(axes) or not {"O", "I"} <= set(axes):
            raise ParameterError(
                f"a kernel's axes are different capital letters with O and I among them, such as 'OI' or 'OIHW', "
                f"not {axes!r}"
            )

    @staticmethod
    def of(given: Any) -> Kernel | None:
        """Return the kernel that letters, a kernel or None stand for."""
        return given if given is None or isinstance(given, Kernel) else Kernel(given)

    @property
    def T(self) -> Kernel:  # noqa: N802  (NumPy's name)
        """The kernel with its axes in reverse."""
        return Kernel(self.axes[::-1], self.transposed)

    def order(self, undone: bool = False) -> tuple[int, ...]:
        """Return the axes in the order (*slides, in, out).

        Parameters
        ----------
        undone : bool
            Whether a transposed convolution is seen as the convolution that it undoes, whose inputs are its
            outputs: (*slides, out, in).
        """
        last = "OI" if undone and self.transposed else "IO"
        slides = [letter for letter in self.axes if letter not in "OI"]
        return tuple(self.axes.index(letter) for letter in (*slides, *last))

    def words(self, order: Sequence[int]) -> str:
        """Return an order of the axes as text: ``(h, w, in, out)``."""
        names = {"O": "out", "I": "in"}
        return f"({', '.join(names.get(self.axes[axis], self.axes[axis].lower()) for axis in order)})"
