"""Tying: one parameter used in the place of another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from graphinit.errors import ParameterError
from graphinit.initializers.base import LayerDefault
from graphinit.ir.origin import warn_user
from graphinit.parameter import Parameter

if TYPE_CHECKING:
    from graphinit.nn.block import Block

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


def check_tie(block: Block, key: str, parameter: Parameter) -> Shape | None:
    """Return the shape that a parameter must have to serve as another one as well.

    Parameters
    ----------
    block, key
        The place that it is to serve in.
    parameter : Parameter
        The parameter that is shared.

    Raises
    ------
    ParameterError
        GI403, when the sizes that both places state cannot agree.
    """
    own = block._parameters[key]
    try:
        return merged_shape(own.shape, parameter.shape)
    except ValueError:
        path = block.variable_path(own)
        places = [f"{parameter.path} has shape {parameter.shape}", f"{path} wants shape {own.shape}"]
        for index, origin in enumerate((parameter.meta().origin, own.meta().origin)):
            if origin is not None:
                places[index] += f"  {origin}"
        raise ParameterError(
            f"{path!r} cannot be tied to {parameter.path!r}", code="GI403", path=path, details=places
        ) from None


def tie(block: Block, key: str, parameter: Parameter) -> None:
    """Let `parameter` take on what the one that it replaces states: its sizes, its initializer."""
    own = block._parameters.get(key)
    if own is None or own.root is parameter.root:
        return
    shape = check_tie(block, key, parameter)
    wishes = [
        item.init
        for item in (parameter.root, own)
        if item.init is not None and not isinstance(item.init, LayerDefault)
    ]
    if len(wishes) == 2 and wishes[0] != wishes[1]:
        warn_user(
            f"{parameter.path} and {block.variable_path(own)} are tied and have initializers of their own, "
            f"{wishes[0]!r} and {wishes[1]!r}; the first one is used"
        )
    if shape is not None and shape != parameter.shape:
        parameter.shape = shape


def share(root: Block, shared: Mapping[str, Parameter]) -> None:
    """Tie parameters below a root to others, by path; all of them or none.

    Raises
    ------
    ParameterError
        GI403, when a tie cannot agree.
    """
    places = {
        (f"{path}." if path else "") + key: (block, key)
        for path, block in root.walk()
        for key in block._parameters
    }
    found = {name: (*places[name], parameter) for name, parameter in shared.items() if name in places}
    for block, key, parameter in found.values():
        check_tie(block, key, parameter)
    for name in shared:
        if name not in places:
            warn_user(f"Parameter name {name} is not in the current model!")
    for block, key, parameter in found.values():
        setattr(block, key, parameter)
