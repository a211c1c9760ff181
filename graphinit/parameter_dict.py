"""Parameters by path, as `collect_params` gives them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from graphinit.interrupts import Change, make
from graphinit.ir.origin import warn_user
from graphinit.parameter import Parameter
from graphinit.suggestions import did_you_mean


class ParameterDict(dict[str, Parameter]):
    """Parameters by path: a dict that also answers to Gluon's older names.

    Parameters
    ----------
    parameters : mapping from str to Parameter
        The parameters in order.
    aliases : mapping from str to str, optional
        Older names (``"dense0_weight"``) and the paths that they mean.
    """

    def __init__(self, parameters: Mapping[str, Parameter] = {}, aliases: Mapping[str, str] = {}) -> None:
        super().__init__(parameters)
        self._aliases = dict(aliases)

    def __missing__(self, name: str) -> Parameter:
        path = self._aliases.get(name)
        if path is not None and path in self.keys():
            return self[path]
        hint = did_you_mean(name, [*self, *self._aliases]) or f"; there are {', '.join(self) or 'none'}"
        raise KeyError(f"there is no parameter {name!r}{hint}")

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (
            isinstance(name, str) and super().__contains__(self._aliases.get(name))
        )

    @property
    def aliases(self) -> Mapping[str, str]:
        """Older names and the paths that they mean."""
        return self._aliases

    def distinct(self) -> dict[str, Parameter]:
        """Return each parameter once, under its first path; of transposed ones the one that holds the values."""
        found: dict[int, tuple[str, Parameter]] = {}
        for name, parameter in self.items():
            found.setdefault(id(parameter.root), (name, parameter.root))
        return dict(found.values())

    def roots(self) -> dict[str, Parameter]:
        """Return what holds the values, under every path; a transposed parameter is the other one."""
        return {name: parameter.root for name, parameter in self.items()}

    def grad(self) -> dict[str, np.ndarray]:
        """Return the gradients by path, of those parameters that have one."""
        return {name: p.grad() for name, p in self.items() if p.grad_req != "null"}

    def initialize(self, init: Any = None, force_reinit: bool = False, seed: int | None = None) -> None:
        """Initialise every parameter, or none: `init` is the default that a parameter's own wins over.

        A tied parameter is drawn once.

        Raises
        ------
        GraphInitError
            As `Parameter.initialize`; then nothing is changed.
        """
        make(self.initializing(init, force_reinit, seed))

    def initializing(
        self, init: Any = None, force_reinit: bool = False, seed: int | None = None
    ) -> list[Change]:
        """Return what initialises the parameters; values are drawn before it returns."""
        planned: dict[int, tuple[Parameter, Any]] = {}
        for parameter in self.values():
            place = id(parameter.root)
            if place not in planned:
                planned[place] = parameter.root, parameter.root.plan(None, init, force_reinit, seed)
            elif (
                not force_reinit and parameter is parameter.root and isinstance(planned[place][1], np.ndarray)
            ):
                warn_user(
                    f"Parameter '{parameter.name}' is already initialized, ignoring. "
                    "Set force_reinit=True to re-initialize."
                )
        return [partial(parameter.commit, plan) for parameter, plan in planned.values()]

    def zero_grad(self) -> None:
        """Set every gradient to zero."""
        for parameter in self.values():
            parameter.zero_grad()

    def setattr(self, name: str, value: Any) -> None:
        """Set an attribute on every parameter."""
        for parameter in self.values():
            setattr(parameter, name, value)
