"""Where rules put their names."""

from __future__ import annotations

from typing import TypeVar

from graphinit.optimizers.base import Optimizer

registered: dict[str, type[Optimizer]] = {}
Kind = TypeVar("Kind", bound=type[Optimizer])


def register(kind: Kind) -> Kind:
    """Let `create` find an optimiser by the name of its class; to be used as a decorator."""
    registered[kind.__name__.lower()] = kind
    return kind
