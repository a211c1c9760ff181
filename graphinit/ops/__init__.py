"""Ops, one record each; importing this package registers them all."""

from graphinit.ops import (
    activation,
    elementwise,
    getitem,
    index,
    join,
    linear,
    movement,
    normalise,
    random,
    recurrent,
    reduce,
    reshape,
)

__all__ = [
    "activation",
    "elementwise",
    "getitem",
    "index",
    "join",
    "linear",
    "movement",
    "normalise",
    "random",
    "recurrent",
    "reduce",
    "reshape",
]
