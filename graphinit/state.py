"""What a network carries from run to run beside its parameters: random streams."""

from __future__ import annotations

from functools import partial

import numpy as np

from graphinit import random
from graphinit.interrupts import Change
from graphinit.ir.types import TensorType
from graphinit.variable import Variable


class RandomState(Variable):
    """The state of a random stream inside a network: a key from seed and path, and a counter of steps.

    Parameters
    ----------
    name : str
        Leaf name.
    """

    type = TensorType((3,), "uint64")
    grad_req = "null"
    stored = "forward"

    def __init__(self, name: str = "key") -> None:
        super().__init__(name)
        self._data: np.ndarray | None = None

    def data(self) -> np.ndarray:
        """Return key and counter; where no call of ``initialize`` started it, of `graphinit.random.seed`'s number."""
        if self._data is None:
            self.reset(random.current_seed())
        assert self._data is not None
        return self._data

    def reset(self, seed: int) -> None:
        """Start the stream of a seed again."""
        self.starting(seed)()

    def starting(self, seed: int) -> Change:
        """Return what starts the stream of a seed again."""
        return partial(self._become, np.append(random.stream_key(seed, self.path), np.uint64(0)))

    def store(self, data: np.ndarray) -> None:
        """Take key and counter after a run."""
        self.storing(data)()

    def storing(self, data: np.ndarray) -> Change:
        """Return what lets the stream take a key and a counter."""
        return partial(self._become, np.array(data, np.uint64))

    def _become(self, data: np.ndarray) -> None:
        self._data = data
