"""Checkpoints: all that a run needs to go on as if it had never stopped, in one file.

Parameters, what the optimiser keeps, gradients that wait for their update, random streams, the data's
order, and the place in the sequence of seeds: a resumed run is equal to an uninterrupted one in every bit.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from graphinit import random
from graphinit.data import DataLoader
from graphinit.errors import BlockError, CallError, FileError, ParameterError
from graphinit.faces import listed_face
from graphinit.interrupts import Change, make
from graphinit.nn.block import Block
from graphinit.optimizers.base import Optimizer
from graphinit.optimizers.restoring import Types
from graphinit.saving import changes, pack, unpack
from graphinit.storage.archive import open_archive, write_archive
from graphinit.storage.contents import Archive, Contents, Stored
from graphinit.training import TrainingStep
from graphinit.wish import Wish

VERSION = 1
PARAMETERS, STATES, STREAMS, PENDING = "parameters/", "optimizer/", "streams/", "pending/"


def save_checkpoint(
    path: Any,
    net: Block,
    optimizer: Any = None,
    loader: DataLoader | None = None,
    **notes: Any,
) -> None:
    """Write a checkpoint, atomically: killed at any moment, the old file or the new one is there, whole.

    Parameters
    ----------
    path : str, bytes or os.PathLike
        Where to.
    net : Block
        The network.
    optimizer : Optimizer, Trainer or TrainingStep, optional
        What trains it.
    loader : DataLoader, optional
        What gives the data; between two epochs.
    **notes
        Anything that JSON can say: the epoch, the step, scores.  It comes back as it is, but tuples as
        lists.

    Raises
    ------
    FileError
        GI701, when the file cannot be written, or a note says what JSON cannot.
    UninitializedError
        When a parameter was never initialised.
    """
    _check_kinds(net, loader)
    packed = pack(net.collect_params())
    arrays = {PARAMETERS + name: array for name, array in packed.arrays.items()}
    arrays |= {STREAMS + name: state.data() for name, state in net.states().items()}
    seed, taken = random.place()
    content: dict[str, Any] = {
        "kind": "checkpoint",
        "version": VERSION,
        "parameters": packed.notes,
        "seed": seed,
        "taken": taken,
        "notes": notes,
    }
    if optimizer is not None:
        made = _optimizer(optimizer)
        arrays |= {STATES + name: array for name, array in made.state_arrays().items()}
        content["optimizer"] = made.state_notes()
        if isinstance(optimizer, TrainingStep) and optimizer.sums.count:
            waiting = optimizer.sums.arrays(made)
            arrays |= {PENDING + name: array for name, array in waiting.items()}
            content["pending"] = optimizer.sums.count
    if loader is not None:
        content["loader"] = loader.state()
    write_archive(path, Archive(arrays, content), "safetensors")


def load_checkpoint(
    path: Any,
    net: Block,
    optimizer: Any = None,
    loader: DataLoader | None = None,
) -> dict[str, Any]:
    """Read a checkpoint into a network and what trains it; all of it or nothing.

    Everything is read and checked before anything is changed, and Ctrl-C is held back meanwhile.

    Parameters
    ----------
    path : str, bytes or os.PathLike
        Where from.
    net : Block
        The network; it need not be initialised.
    optimizer : Optimizer, Trainer or TrainingStep, optional
        What trains it.
    loader : DataLoader, optional
        What gives the data.

    Returns
    -------
    dict
        The notes that it was saved with.

    Raises
    ------
    FileError
        GI701, when the file is not there, not whole, or no checkpoint.
    ParameterError
        GI403 or GI405, when it is of another network or optimiser.
    """
    _check_kinds(net, loader)
    made = None if optimizer is None else _optimizer(optimizer)
    with open_archive(path) as contents:
        notes = contents.notes.value
        if notes.get("kind") != "checkpoint" or notes.get("version") != VERSION:
            raise FileError(f"{contents.source} is no checkpoint of this version")
        try:
            seed = contents.notes.get("seed").whole(*random.SEEDS)
            taken = contents.notes.get("taken", 0).whole(0)
            packed, said = (contents.notes.get(key) for key in ("parameters", "notes"))
            for item in (packed, said):
                if not isinstance(item.value, dict):
                    item.fail("an object")
        except ValueError as cause:
            raise FileError(f"{contents.source}: its notes are damaged: {cause}") from cause
        parameters = Contents(_under(contents, PARAMETERS), packed, contents.source, contents.held)
        streams = _streams(contents, net)
        loading = [] if loader is None else [_loader(contents, loader)]
        if made is not None and "optimizer" not in notes:
            raise FileError(f"{contents.source} was saved without an optimiser")
        loaded = unpack(parameters, net.collect_params())
        if made is not None:
            types = {
                id(item.parameter): (item.value.shape, item.dtype)
                for item in loaded
                if not isinstance(item.value, Wish)
            }
            loading.append(made.restoring(_under(contents, STATES), notes["optimizer"], types))
            loading += _pending(contents, optimizer, made, types)
    make([partial(random.seed, seed, taken), *changes(loaded), *streams, *loading])
    return dict(said.value)


def _check_kinds(net: Any, loader: Any) -> None:
    if not isinstance(net, Block):
        raise BlockError(f"a checkpoint takes a block, not {net!r}")
    if loader is not None and not isinstance(loader, DataLoader):
        raise CallError(f"a checkpoint takes a DataLoader, not {loader!r}")


def _under(contents: Contents, prefix: str) -> dict[str, Stored]:
    return {
        name.removeprefix(prefix): stored
        for name, stored in contents.arrays.items()
        if name.startswith(prefix)
    }


def _streams(contents: Contents, net: Block) -> list[Change]:
    """Return what lets the network's random streams go on."""
    found, states = _under(contents, STREAMS), net.states()
    if found.keys() != states.keys() or any(
        stored.shape != (3,) or stored.dtype != np.uint64 for stored in found.values()
    ):
        raise ParameterError(f"{contents.source} has the random streams of another network", code="GI403")
    return [state.storing(found[name].read()) for name, state in states.items()]


def _pending(contents: Contents, given: Any, optimizer: Optimizer, types: Types) -> list[Change]:
    """Return what lets gradients go on waiting for their update."""
    try:
        count = contents.notes.get("pending", 0).whole(low=0)
    except ValueError as cause:
        raise FileError(f"{contents.source}: its notes are damaged: {cause}") from cause
    if isinstance(given, TrainingStep):
        return [given.sums.restoring(optimizer, given.indices, count, _under(contents, PENDING), types)]
    if count:
        raise ParameterError(
            f"{contents.source} was saved after {count} of the batches of an update; load it into a compiled step "
            "with accumulate= as before",
            code="GI403",
        )
    return []


def _loader(contents: Contents, loader: DataLoader) -> Change:
    """Return what lets a loader go on."""
    if "loader" not in contents.notes.value:
        raise FileError(f"{contents.source} was saved without a loader")
    try:
        return loader.restoring(contents.notes.value["loader"])
    except CallError as cause:
        raise FileError(f"{contents.source}: {cause.message}") from cause


def _optimizer(given: Any) -> Optimizer:
    """Return the optimiser itself, or that of a trainer or a compiled step."""
    found = given if isinstance(given, Optimizer) else getattr(given, "optimizer", None)
    if not isinstance(found, Optimizer):
        raise ParameterError(f"a checkpoint takes an optimiser, a trainer or a compiled step, not {given!r}")
    return found


__all__ = [
    "load_checkpoint",
    "save_checkpoint",
]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
