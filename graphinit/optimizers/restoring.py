"""Checks of an optimiser's states before they are taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from graphinit.errors import ParameterError

if TYPE_CHECKING:
    from graphinit.optimizers.base import Optimizer


def checked_states(
    optimizer: Optimizer,
    arrays: Mapping[str, np.ndarray],
    notes: Mapping[str, Any],
    types: Mapping[int, tuple[tuple[int, ...], str]],
) -> list[dict[str, np.ndarray]]:
    """Return what each parameter's slots are going to hold; see `Optimizer.restore`.

    Raises
    ------
    ParameterError
        GI403, when the states come from another optimiser or other parameters.
    """
    counts = notes.get("counts")
    if not isinstance(counts, Mapping) or "lr" not in notes:
        raise ParameterError("these are no optimiser's states", code="GI403")
    if notes.get("kind") != type(optimizer).__name__ or set(counts) != set(optimizer.names):
        raise ParameterError(
            f"these states are of {notes.get('kind')} for {', '.join(counts) or 'nothing'}; this "
            f"is {type(optimizer).__name__} for {', '.join(optimizer.names)}",
            code="GI403",
        )
    taken: list[dict[str, np.ndarray]] = []
    for name, parameter in zip(optimizer.names, optimizer.parameters, strict=True):
        kept = {}
        known = (tuple(parameter.shape or ()), parameter.dtype) if parameter.is_known else None
        shape = types.get(id(parameter), known)
        slots = {} if shape is None else optimizer.slots(*shape)
        for slot, wanted in slots.items():
            array = arrays.get(f"{name}.{slot}")
            if array is None and not counts[name]:
                continue
            if array is None or array.shape != wanted.shape or array.dtype != wanted.dtype:
                raise ParameterError(
                    f"state {slot!r} of {name!r} is {'missing' if array is None else array.shape}, not "
                    f"{wanted.dtype}{list(wanted.shape)}",
                    code="GI403",
                    path=name,
                )
            kept[slot] = array
        taken.append(kept)
    return taken
