"""Checkpoints: all that a run needs to go on as if it had never stopped, in one file.

Parameters, what the optimiser keeps, random streams, the data's order and the seed: a resumed run is
equal to an uninterrupted one in every bit.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from graphinit import random
from graphinit.data import DataLoader
from graphinit.errors import FileError, ParameterError
from graphinit.nn.block import Block
from graphinit.optimizers.base import Optimizer
from graphinit.saving import commit, pack, unpack
from graphinit.storage.archive import Archive, read_archive, write_archive
from graphinit.wish import Wish

VERSION = 1
PARAMETERS, STATES, STREAMS = "parameters/", "optimizer/", "streams/"


def save_checkpoint(
    path: str | os.PathLike[str],
    net: Block,
    optimizer: Any = None,
    loader: DataLoader | None = None,
    **notes: Any,
) -> None:
    """Write a checkpoint, atomically: killed at any moment, the old file or the new one is there, whole.

    Parameters
    ----------
    path : path
        Where to.
    net : Block
        The network.
    optimizer : Optimizer, Trainer or TrainingStep, optional
        What trains it.
    loader : DataLoader, optional
        What gives the data; between two epochs.
    **notes
        Anything that JSON can say: the epoch, the step, scores.

    Raises
    ------
    FileError
        GI701, when the file cannot be written.
    UninitializedError
        When a parameter was never initialised.
    """
    packed = pack(net.collect_params())
    arrays = {PARAMETERS + name: array for name, array in packed.arrays.items()}
    arrays |= {STREAMS + name: state.data() for name, state in net.states().items()}
    content: dict[str, Any] = {
        "kind": "checkpoint",
        "version": VERSION,
        "parameters": packed.notes,
        "seed": random.current_seed(),
        "notes": notes,
    }
    if optimizer is not None:
        made = _optimizer(optimizer)
        arrays |= {STATES + name: array for name, array in made.state_arrays().items()}
        content["optimizer"] = made.state_notes()
    if loader is not None:
        content["loader"] = loader.state()
    write_archive(path, Archive(arrays, content), "safetensors")


def load_checkpoint(
    path: str | os.PathLike[str],
    net: Block,
    optimizer: Any = None,
    loader: DataLoader | None = None,
) -> dict[str, Any]:
    """Read a checkpoint into a network and what trains it; all of it or nothing.

    Parameters
    ----------
    path : path
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
    archive = read_archive(path)
    content = archive.notes
    if content.get("kind") != "checkpoint" or content.get("version") != VERSION:
        raise FileError(f"{archive.source} is no checkpoint of this version")
    try:
        packed = Archive(_under(archive, PARAMETERS), content["parameters"], archive.source)
        seed, notes = int(content["seed"]), dict(content["notes"])
    except (KeyError, TypeError, ValueError) as cause:
        raise FileError(f"{archive.source}: its notes are damaged: {cause}") from cause
    loaded = unpack(packed, net.collect_params())
    streams, states = _under(archive, STREAMS), net.states()
    if streams.keys() != states.keys() or any(
        array.shape != (3,) or array.dtype != np.uint64 for array in streams.values()
    ):
        raise ParameterError(f"{archive.source} has the random streams of another network", code="GI403")
    if loader is not None and "loader" not in content:
        raise FileError(f"{archive.source} was saved without a loader")
    if optimizer is not None:
        if "optimizer" not in content:
            raise FileError(f"{archive.source} was saved without an optimiser")
        types = {id(x.parameter): (x.value.shape, x.dtype) for x in loaded if not isinstance(x.value, Wish)}
        _optimizer(optimizer).restore(_under(archive, STATES), content["optimizer"], types)
    commit(loaded)
    for name, state in states.items():
        state.store(streams[name])
    if loader is not None:
        loader.restore(content["loader"])
    random.seed(seed)
    return notes


def _under(archive: Archive, prefix: str) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(prefix): array for name, array in archive.arrays.items() if name.startswith(prefix)
    }


def _optimizer(given: Any) -> Optimizer:
    """Return the optimiser itself, or that of a trainer or a compiled step."""
    found = given if isinstance(given, Optimizer) else getattr(given, "optimizer", None)
    if not isinstance(found, Optimizer):
        raise ParameterError(f"a checkpoint takes an optimiser, a trainer or a compiled step, not {given!r}")
    return found
