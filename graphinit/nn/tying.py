"""Tying: one parameter used in the place of another."""

from __future__ import annotations

from typing import Any

from graphinit.errors import ParameterError
from graphinit.initializers.base import Initializer, LayerDefault
from graphinit.ir.origin import warn_user
from graphinit.parameter import Parameter
from graphinit.plain_text import escaped

Shape = tuple[int, ...]


def merged_shape(one: Shape | None, other: Shape | None) -> Shape | None:
    """Return what two shapes say together.

    Raises
    ------
    ValueError
        If they clash.
    """
    if one is None or other is None:
        return other if one is None else one
    if len(one) != len(other) or any(a != b and -1 not in (a, b) for a, b in zip(one, other, strict=True)):
        raise ValueError("the shapes clash")
    return tuple(max(a, b) for a, b in zip(one, other, strict=True))


def check_tie(own: Parameter, parameter: Parameter) -> Shape | None:
    """Return the shape that a parameter must have to serve as another one as well.

    Parameters
    ----------
    own : Parameter
        The one that it is to take the place of.
    parameter : Parameter
        The parameter that is shared.

    Raises
    ------
    ParameterError
        GI403, when the sizes that both places state cannot agree.
    """
    try:
        return merged_shape(own.shape, parameter.shape)
    except ValueError:
        places = [f"{parameter.path} has shape {parameter.shape}", f"{own.path} wants shape {own.shape}"]
        for index, origin in enumerate((parameter.meta().origin, own.meta().origin)):
            if origin is not None:
                places[index] += f"  {origin}"
        raise ParameterError(
            f"{own.path!r} cannot be tied to {parameter.path!r}",
            code="GI403",
            path=own.path,
            details=map(escaped, places),
        ) from None


def tie(own: Parameter, parameter: Parameter) -> None:
    """Let `parameter` take on what the one that it replaces states: its sizes, initializer, kernel."""
    if own.root is parameter.root:
        return
    shape = check_tie(own, parameter)
    wishes = [
        item.init
        for item in (parameter.root, own)
        if item.init is not None and not isinstance(item.init, LayerDefault)
    ]
    if len(wishes) == 2 and _differ(*wishes):
        warn_user(
            f"{parameter.path} and {own.path} are tied and have initializers of their own, "
            f"{wishes[0]!r} and {wishes[1]!r}; the first one is used"
        )
    if parameter.root.kernel is None and own.root.kernel is not None:
        direct = (own is own.root) == (parameter is parameter.root)
        parameter.root.kernel = own.root.kernel if direct else own.root.kernel.T
    if shape is not None and shape != parameter.shape:
        parameter.shape = shape


def _differ(one: Any, other: Any) -> bool:
    """Whether two initializers draw different values; what is neither ours nor a name is compared as an object."""
    ours = isinstance(one, Initializer | str) and isinstance(other, Initializer | str)
    return bool(one != other) if ours else one is not other
