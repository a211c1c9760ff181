"""What a network carries from run to run beside its parameters: random streams."""

from __future__ import annotations

import numpy as np

from graphinit import random
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

    def __init__(self, name: str = "key") -> None:
        super().__init__(name)
        self._data: np.ndarray | None = None

    def data(self) -> np.ndarray:
        """Return key and counter; made from the current seed when `reset` was not called."""
        if self._data is None:
            self.reset(random.current_seed())
        assert self._data is not None
        return self._data

    def reset(self, seed: int) -> None:
        """Start the stream of a seed again."""
        self._data = np.append(random.stream_key(seed, self.path), np.uint64(0))

    def store(self, data: np.ndarray) -> None:
        """Take key and counter after a run."""
        self._data = np.array(data, np.uint64)
