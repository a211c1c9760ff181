"""An optimiser's states, checked before they are taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphinit.errors import ParameterError
from graphinit.json_values import Json
from graphinit.optimizers.checks import positive
from graphinit.parameter import Parameter
from graphinit.runtime.executor import StateVariable
from graphinit.storage.contents import Stored

if TYPE_CHECKING:
    from graphinit.optimizers.base import Optimizer

Types = Mapping[int, tuple[tuple[int, ...], str]]
"""For parameters (by `id`) that are about to have another shape or dtype, which."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What an optimiser is going to take.

    Parameters
    ----------
    lr : float
        The learning rate.
    counts : list of int
        The numbers of steps.
    schedule : str or None
        How the schedule printed that the states come from.
    states : list of (StateVariable, numpy.ndarray)
        What is kept already, and the array that it is to hold.
    new : list of (int, str, StateVariable)
        What is kept from now on, with the parameter's number and the slot's name.
    """

    lr: float
    counts: list[int]
    schedule: str | None
    states: list[tuple[StateVariable, np.ndarray]]
    new: list[tuple[int, str, StateVariable]]


def restored(
    optimizer: Optimizer, arrays: Mapping[str, np.ndarray | Stored], notes: Mapping[str, Any], types: Types
) -> Restored:
    """Return what an optimiser is going to take; see `Optimizer.restore`.

    Raises
    ------
    ParameterError
        GI403, when the states come from another optimiser or other parameters, or are damaged.
    """
    try:
        lr, counts, schedule = _numbers(optimizer, Json(notes, "its notes"))
    except ValueError as cause:
        if isinstance(cause, ParameterError):
            raise
        raise ParameterError(f"these are no optimiser's states: {cause}", code="GI403") from cause
    chosen: list[dict[str, Stored | None]] = []
    for name, parameter, count in zip(optimizer.names, optimizer.parameters, counts, strict=True):
        chosen.append(_chosen(optimizer, name, parameter, count, arrays, types))
    states: list[tuple[StateVariable, np.ndarray]] = []
    new: list[tuple[int, str, StateVariable]] = []
    for index, slots in enumerate(chosen):  # all of them fit: now they are read
        kept = optimizer._states[index]
        for slot, item in slots.items():
            array = _initial(optimizer, index, slot, types) if item is None else item.read()
            if slot in kept:  # programs hold on to the variables that are there
                states.append((kept[slot], np.array(array, order="C")))
            elif item is not None:
                new.append((index, slot, StateVariable(array)))
        stale = (kept[slot] for slot in kept.keys() - slots.keys())  # of a shape that it had before
        states += [(variable, np.zeros_like(variable.data())) for variable in stale]
    return Restored(lr, counts, schedule, states, new)


def _numbers(optimizer: Optimizer, notes: Json) -> tuple[float, list[int], str | None]:
    kind, counts, schedule = notes.get("kind"), notes.get("counts"), notes.get("schedule", None)
    names = optimizer.names
    if not isinstance(counts.value, dict):
        counts.fail("an object")
    if kind.value != type(optimizer).__name__ or counts.value.keys() != set(names):
        raise ParameterError(
            f"these states are of {kind.value} for {', '.join(counts.value) or 'nothing'}; this "
            f"is {type(optimizer).__name__} for {', '.join(names)}",
            code="GI403",
        )
    if schedule.value is not None and not isinstance(schedule.value, str):
        schedule.fail("text")
    lr = positive("a learning rate", notes.get("lr").number())
    return lr, [counts.get(name).whole(low=0) for name in names], schedule.value


def _chosen(
    optimizer: Optimizer,
    name: str,
    parameter: Parameter,
    count: int,
    arrays: Mapping[str, np.ndarray | Stored],
    types: Types,
) -> dict[str, Stored | None]:
    """Return what each slot of a parameter takes; None for what it holds at first."""
    type = _type(parameter, types)
    if type is None:
        if count:
            raise ParameterError(
                f"these states are of {count} steps of {name!r}, which still waits for its shape; run the network "
                "once, or load its parameters, before",
                code="GI403",
                path=name,
            )
        return {}
    slots = optimizer.wide_slots(*type)
    found: dict[str, Stored | None] = {}
    for slot, wanted in slots.items():
        array = arrays.get(f"{name}.{slot}")
        if array is None and not count:
            found[slot] = None
            continue
        if array is None or array.shape != wanted.shape or array.dtype != wanted.dtype:
            raise ParameterError(
                f"state {slot!r} of {name!r} is {'missing' if array is None else array.shape}, not "
                f"{wanted.dtype}{list(wanted.shape)}",
                code="GI403",
                path=name,
            )
        found[slot] = array if isinstance(array, Stored) else Stored.of(array)
    return found


def _type(parameter: Parameter, types: Types) -> tuple[tuple[int, ...], str] | None:
    known = (tuple(parameter.shape or ()), parameter.dtype) if parameter.is_known else None
    return types.get(id(parameter), known)


def _initial(optimizer: Optimizer, index: int, slot: str, types: Types) -> np.ndarray:
    type = _type(optimizer.parameters[index], types)
    assert type is not None, "slots are chosen for parameters of known shape"
    wanted = optimizer.wide_slots(*type)[slot]
    return np.full(wanted.shape, wanted.initial, wanted.dtype)
