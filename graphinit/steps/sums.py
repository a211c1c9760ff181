"""Gradients that wait for their update: sums over batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from graphinit.copying import Portable
from graphinit.errors import ParameterError
from graphinit.interrupts import Change
from graphinit.optimizers.base import Optimizer
from graphinit.optimizers.restoring import Types
from graphinit.runtime.executor import StateVariable
from graphinit.storage.contents import Stored


class GradientSums(Portable):
    """The sums of the gradients of the batches since the last update.

    Parameters
    ----------
    every : int
        Number of batches that make one update.

    Attributes
    ----------
    count : int
        Number of batches since the last update.
    """

    _refusal = ParameterError

    def __init__(self, every: int) -> None:
        self.every = every
        self.count = 0
        self._variables: dict[int, StateVariable] = {}

    @property
    def completes(self) -> bool:
        """Whether the next batch makes the update."""
        return self.count == self.every - 1

    def variable(self, optimizer: Optimizer, index: int) -> StateVariable:
        """Return the sum for one of an optimiser's parameters, of the parameter's shape and dtype."""
        data = optimizer.parameters[index].data()
        kept = self._variables.get(index)
        if kept is None or kept.data().shape != data.shape:
            kept = self._variables[index] = StateVariable(np.zeros_like(data))
        elif kept.data().dtype != data.dtype:
            kept._data = kept.data().astype(data.dtype)
        return kept

    def clear(self) -> None:
        """Start again."""
        self.count = 0
        for variable in self._variables.values():
            variable.data().fill(0)

    def arrays(self, optimizer: Optimizer) -> dict[str, np.ndarray]:
        """Return the sums by the names of an optimiser's parameters; none when nothing waits."""
        if not self.count:
            return {}
        return {optimizer.names[index]: variable.data() for index, variable in self._variables.items()}

    def restoring(
        self,
        optimizer: Optimizer,
        indices: Sequence[int],
        count: int,
        arrays: Mapping[str, Stored],
        types: Types,
    ) -> Change:
        """Return what takes sums that `arrays` gave.

        Parameters
        ----------
        optimizer : Optimizer
            Whose parameters they are of.
        indices : sequence of int
            Those that the step updates.
        count : int
            Number of batches that they are of.
        arrays : mapping from str to Stored
            The sums, by name.
        types : mapping from int to (shape, dtype)
            For parameters (by `id`) that are about to have another shape or dtype, which.

        Raises
        ------
        ParameterError
            GI403, when they are of another step.
        """
        if count and count >= self.every:
            raise ParameterError(
                f"this was saved after {count} of the batches of an update, and this step updates after {self.every}; "
                "give accumulate= as before",
                code="GI403",
            )
        places = {optimizer.names[index]: index for index in indices}
        taken: dict[int, StateVariable] = {}
        for name, stored in arrays.items():
            index = places.get(name)
            if index is None:
                raise ParameterError(
                    f"a gradient of {name!r} waits for its update, which this step doesn't update",
                    code="GI403",
                )
            parameter = optimizer.parameters[index]
            known = (tuple(parameter.shape or ()), parameter.dtype)
            shape, dtype = types.get(id(parameter), known)
            if stored.shape != shape or stored.dtype != np.dtype(dtype):
                raise ParameterError(
                    f"the gradient of {name!r} that waits is {stored.dtype}{list(stored.shape)}, not "
                    f"{dtype}{list(shape)}",
                    code="GI403",
                    path=name,
                )
            taken[index] = StateVariable(stored.read())
        return partial(self._become, count, taken)

    def _become(self, count: int, taken: Mapping[int, StateVariable]) -> None:
        self.clear()
        for index, variable in taken.items():
            kept = self._variables.setdefault(index, variable)  # programs hold on to those that are there
            kept._data = variable.data()
        self.count = count
