"""Optimisers by name."""

from __future__ import annotations

from typing import Any, TypeVar

from graphinit.errors import ParameterError
from graphinit.optimizers.base import Optimizer

_registry: dict[str, type[Optimizer]] = {}
Kind = TypeVar("Kind", bound=type[Optimizer])


def register(kind: Kind) -> Kind:
    """Let `create` find an optimiser by the name of its class; to be used as a decorator."""
    _registry[kind.__name__.lower()] = kind
    return kind


def create(optimizer: str | Optimizer, **options: Any) -> Optimizer:
    """Return the optimiser of a name; case doesn't matter.

    Raises
    ------
    ParameterError
        GI405, when there is none of that name, or it doesn't take these options.

    Examples
    --------
    >>> from graphinit import optimizer
    >>> optimizer.create("sgd", momentum=0.9)
    SGD(lr=0.1, momentum=0.9, nesterov=False)
    """
    if isinstance(optimizer, Optimizer):
        if options:
            raise ParameterError("an optimiser that is made already takes no options", code="GI405")
        return optimizer
    kind = _registry.get(optimizer.lower()) if isinstance(optimizer, str) else None
    if kind is None:
        raise ParameterError(f"cannot find optimizer {optimizer!r}; there are {', '.join(sorted(_registry))}")
    try:
        return kind(**options)
    except TypeError as cause:
        raise ParameterError(f"optimizer {optimizer!r}: {cause}") from cause
