"""The ways to copy an object, and what both sides of a comparison are made of."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from graphinit import nn


def pickled(thing: Any, protocol: int = pickle.HIGHEST_PROTOCOL) -> Any:
    return pickle.loads(pickle.dumps(thing, protocol))


def pickled_in_python(thing: Any) -> Any:
    """The pickler in Python takes other paths than the one in C."""
    return pickle._loads(pickle._dumps(thing))


DEEP: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": pickled,
    "pickle 2": lambda thing: pickled(thing, 2),
    "pickle in Python": pickled_in_python,
}
WAYS = {"copy": copy.copy, **DEEP}


def ramp(*shape: int) -> np.ndarray:
    return np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def values(net: Any) -> dict[str, np.ndarray]:
    return {name: np.array(parameter.data()) for name, parameter in net.collect_params().items()}


def assert_equal(one: Any, other: Any) -> None:
    """Assert that arrays, alone or in dicts and sequences, are equal bit for bit."""
    if isinstance(one, dict):
        assert list(one) == list(other)
        one, other = list(one.values()), list(other.values())
    if isinstance(one, list | tuple):
        assert len(one) == len(other)
        for mine, its in zip(one, other, strict=True):
            assert_equal(mine, its)
        return
    np.testing.assert_array_equal(one, other, strict=True)


def tied() -> nn.Sequential:
    """Three layers over one parameter, one of them by its transpose."""
    one, other = nn.Dense(5, in_units=11, use_bias=False), nn.Dense(11, in_units=5, use_bias=False)
    other.weight = one.weight.T
    third = nn.Dense(5, in_units=11, params=one.params, use_bias=False)
    return nn.Sequential(one, other, third)
