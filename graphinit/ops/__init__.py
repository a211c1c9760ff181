"""Ops, one record each; importing this package registers them all."""

from graphinit.ops import (
    activation,
    attention,
    conv,
    elementwise,
    getitem,
    index,
    join,
    linear,
    movement,
    normalise,
    pool,
    random,
    recurrent,
    reduce,
    resample,
    reshape,
)

__all__ = [
    "activation",
    "attention",
    "conv",
    "elementwise",
    "getitem",
    "index",
    "join",
    "linear",
    "movement",
    "normalise",
    "pool",
    "random",
    "recurrent",
    "reduce",
    "resample",
    "reshape",
]
