"""Parameters by path, as `collect_params` gives them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from graphinit import random
from graphinit.errors import ParameterError, SpellingError, UnknownNameError
from graphinit.interrupts import Change, make
from graphinit.parameter import Parameter
from graphinit.spellings import PARAMETER_DICTS, attribute_error
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
        raise UnknownNameError(f"there is no parameter {name!r}{hint}", path=str(name))

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (
            isinstance(name, str) and super().__contains__(self._aliases.get(name))
        )

    def get(self, name: str, default: Any = None, **options: Any) -> Any:
        """Return the parameter of a path or an older name, `default` when there is none.

        Raises
        ------
        SpellingError
            GI110, when it is given the options of a new parameter, as in Gluon 1.
        """
        if options:
            raise SpellingError(
                f"get looks up what there is; to make a parameter write self.{name} = nn.Parameter({name!r}, ...)"
            )
        return self[name] if name in self else default  # noqa: SIM401  (dict.get knows no older names)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            error = attribute_error("", name, "a dict of parameters", PARAMETER_DICTS)
            if error is not None:
                raise error
            return object.__getattribute__(self, name)

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

    def initialize(
        self,
        init: Any = None,
        force_reinit: bool = False,
        seed: int | None = None,
        *,
        device: Any = None,
        ctx: Any = None,
    ) -> None:
        """Initialise every parameter, or none: `init` is the default that a parameter's own wins over.

        A tied parameter is drawn once.  Without `seed` the call takes one number of the sequence that
        `graphinit.random.seed` starts, for all of them.  `device` and `ctx` are taken for Gluon's sake.

        Warns
        -----
        UserWarning
            Once for each parameter that has values already, when `force_reinit` is not set.

        Raises
        ------
        GraphInitError
            As `Parameter.initialize`; then nothing is changed.
        """
        with random.CallSeed(seed) as numbered:
            make([*self.initializing(init, force_reinit, numbered), numbered.keep])

    def initializing(self, init: Any, force_reinit: bool, seed: random.CallSeed) -> list[Change]:
        """Return what initialises the parameters that need it; values are drawn before it returns."""
        planned = [(item, item.plan(None, init, force_reinit, seed)) for item in self.distinct().values()]
        return [partial(item.commit, plan) for item, plan in planned if plan is not None]

    def zero_grad(self) -> None:
        """Set every gradient to zero."""
        for parameter in self.values():
            parameter.zero_grad()

    def setattr(self, name: str, value: Any) -> None:
        """Set an attribute on every parameter.

        Raises
        ------
        ParameterError
            GI405, when parameters have none of that name.
        """
        known = {known for parameter in self.values() for known in dir(parameter)}
        if self and name not in known:
            hint = did_you_mean(name, (item for item in known if not item.startswith("_")))
            raise ParameterError(f"parameters have no attribute {name!r}{hint}", code="GI405")
        for parameter in self.values():
            setattr(parameter, name, value)
