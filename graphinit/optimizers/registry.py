"""Optimisers by name: every rule of this folder, and those of users."""

from __future__ import annotations

from typing import Any

import graphinit.optimizers.moments
import graphinit.optimizers.momentum
import graphinit.optimizers.squares  # noqa: F401  (they register their rules)
from graphinit.errors import ParameterError
from graphinit.optimizers.base import Optimizer
from graphinit.optimizers.registration import registered
from graphinit.suggestions import did_you_mean


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
    if isinstance(optimizer, type) and issubclass(optimizer, Optimizer):
        raise ParameterError(f"{optimizer.__name__} is a class; give an optimiser, {optimizer.__name__}(...)")
    kind = registered.get(optimizer.lower()) if isinstance(optimizer, str) else None
    if kind is None:
        known = sorted(registered)
        raise ParameterError(
            f"cannot find optimizer {optimizer!r}{did_you_mean(optimizer, known) or ';'} there are {', '.join(known)}"
        )
    try:
        return kind(**options)
    except TypeError as cause:
        raise ParameterError(f"optimizer {optimizer!r}: {cause}") from cause
