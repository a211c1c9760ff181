"""The ops as typed functions on tensors: the way to build a graph without layers.

>>> from graphinit import Graph, functional as F
>>> x = F.input("x", shape=(-1, 20))
>>> w, b = F.parameter("w", shape=(256, -1)), F.parameter("b", shape=(256,))
>>> print(Graph(outputs=[F.relu(F.linear(x, w, b))]))
graph(x: float32[-1, 20])
  w: float32[256, -1] = parameter(init=None, trainable=True)
  b: float32[256] = parameter(init=None, trainable=True)
  linear = linear(x, w, b, flatten=False)
  relu = relu(linear)
  return y=relu

Shapes stand in the docstrings by letter: ``[*b,k]`` is any leading axes, then one of size k.
"""

from __future__ import annotations

import graphinit.functional.numpy_parts
import graphinit.functional.numpy_products
import graphinit.functional.numpy_reductions
import graphinit.functional.numpy_shapes
import graphinit.functional.numpy_ufuncs  # these five fill the table of NumPy's functions
import graphinit.ops  # noqa: F401  (fills the registry)
from graphinit.functional.activation import (
    elu,
    gelu,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    tanh,
)
from graphinit.functional.arithmetic import (
    add,
    divide,
    floor_divide,
    maximum,
    minimum,
    multiply,
    power,
    remainder,
    subtract,
)
from graphinit.functional.attention import add_positions, attention, attention_weights, sinusoidal_positions
from graphinit.functional.comparison import (
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    not_equal,
    where,
)
from graphinit.functional.control import cond, scan, while_loop
from graphinit.functional.conv import conv, conv_transpose
from graphinit.functional.elementwise import (
    abs,
    cast,
    clip,
    erf,
    exp,
    expm1,
    floor,
    log,
    log1p,
    negative,
    ones_like,
    round,
    rsqrt,
    sign,
    sqrt,
    square,
    stop_gradient,
    zeros_like,
)
from graphinit.functional.index import advance_key, dropout, one_hot, pick, take
from graphinit.functional.join import concat, pad, slice, split, stack, tile
from graphinit.functional.linear import linear, matmul
from graphinit.functional.loss import ctc_loss, without_ignored
from graphinit.functional.movement import (
    assert_shape,
    broadcast_like,
    broadcast_to,
    expand_dims,
    flatten,
    flip,
    moveaxis,
    reshape,
    reshape_like,
    squeeze,
    swapaxes,
    transpose,
)
from graphinit.functional.normalise import along_axis, batch_norm, split_axis, standardize
from graphinit.functional.pool import avg_pool, max_pool
from graphinit.functional.recurrent import gru, lstm, rnn
from graphinit.functional.reduce import all, any, argmax, argmin, logsumexp, max, mean, min, prod, sum, var
from graphinit.functional.resample import pixel_shuffle, pixel_unshuffle, reflect_pad, resample
from graphinit.functional.sources import constant, input, parameter

__all__ = [
    "abs",
    "add",
    "add_positions",
    "advance_key",
    "all",
    "along_axis",
    "any",
    "argmax",
    "argmin",
    "avg_pool",
    "assert_shape",
    "attention",
    "attention_weights",
    "batch_norm",
    "broadcast_like",
    "broadcast_to",
    "cast",
    "clip",
    "concat",
    "cond",
    "constant",
    "conv",
    "conv_transpose",
    "divide",
    "ctc_loss",
    "dropout",
    "elu",
    "equal",
    "erf",
    "exp",
    "expand_dims",
    "expm1",
    "flatten",
    "flip",
    "floor",
    "floor_divide",
    "gelu",
    "greater",
    "greater_equal",
    "gru",
    "input",
    "leaky_relu",
    "less",
    "less_equal",
    "linear",
    "log",
    "log1p",
    "log_sigmoid",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logsumexp",
    "lstm",
    "matmul",
    "max",
    "max_pool",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mish",
    "moveaxis",
    "multiply",
    "negative",
    "not_equal",
    "one_hot",
    "ones_like",
    "pad",
    "parameter",
    "pick",
    "pixel_shuffle",
    "pixel_unshuffle",
    "power",
    "prod",
    "reflect_pad",
    "relu",
    "remainder",
    "resample",
    "reshape",
    "reshape_like",
    "rnn",
    "round",
    "rsqrt",
    "scan",
    "selu",
    "sigmoid",
    "sign",
    "silu",
    "sinusoidal_positions",
    "slice",
    "softmax",
    "softplus",
    "softsign",
    "split",
    "split_axis",
    "sqrt",
    "square",
    "squeeze",
    "standardize",
    "stack",
    "stop_gradient",
    "subtract",
    "sum",
    "swapaxes",
    "take",
    "tanh",
    "tile",
    "transpose",
    "var",
    "where",
    "without_ignored",
    "while_loop",
    "zeros_like",
]
