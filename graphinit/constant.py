"""Constants: parameters that are never trained."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphinit.errors import ParameterError
from graphinit.initializers.distributions import Constant as ConstantValue
from graphinit.ir.origin import warn_user
from graphinit.parameter import GRAD_REQS, Parameter


class Constant(Parameter):
    """A parameter that is never trained; its value is its initializer.

    Parameters
    ----------
    value : array
        The value; lists become float32.
    name : str
        Leaf name.
    """

    def __init__(self, value: Any, name: str = "const") -> None:
        array = np.asarray(value)
        if not isinstance(value, np.ndarray | np.generic) and array.dtype.kind in "iuf":
            array = array.astype(np.float32)
        super().__init__(
            name,
            "null",
            array.shape,
            array.dtype,
            init=ConstantValue(array),
            differentiable=False,
        )

    @property
    def grad_req(self) -> str:
        """Always "null"."""
        return "null"

    @grad_req.setter
    def grad_req(self, value: str) -> None:
        if value not in GRAD_REQS:
            raise ParameterError(f"grad_req is 'write', 'add' or 'null', not {value!r}", path=self.path)
        if value != "null":
            warn_user(
                f'Constant parameter "{self.name}" does not support grad_req other than "null", '
                f'and new value "{value}" is ignored.'
            )
