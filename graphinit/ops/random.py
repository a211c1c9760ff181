"""Random ops: pure functions of a key, which enters as an input and leaves advanced.

A key is uint64 ``[k0, k1, step]``: the key of a Philox 4x64 generator (Salmon et al. 2011) and a
count of draws.  The step is the highest word of the generator's counter, so the draws of two steps
never overlap, however many there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphinit.ir.op import Attr, Attrs, OpSpec, Vjp, register
from graphinit.ops import checks
from graphinit.ops.rules import DTypes, array_axes, first_dtype, free, no_flow, normalized_axes, per_output
from graphinit.random import normal_numbers, unit_numbers


def random_bits(key: np.ndarray, count: int) -> np.ndarray:
    """Return so many random 32-bit words, the same ones on every platform.

    Parameters
    ----------
    key : numpy.ndarray
        uint64 ``[k0, k1, step]``.
    count : int
        How many.

    Returns
    -------
    numpy.ndarray
        uint32 ``[count]``.

    Examples
    --------
    >>> random_bits(np.array([1, 2, 3], np.uint64), 2).dtype
    dtype('uint32')
    """
    raw = _words(key, (count + 1) // 2).astype("<u8", copy=False)
    return raw.view("<u4")[:count].astype(np.uint32, copy=False)


def _words(key: np.ndarray, count: int) -> np.ndarray:
    words = key.astype(np.uint64)
    counter = np.array([0, 0, 0, words[2]], np.uint64)
    return np.asarray(np.random.Philox(key=words[:2], counter=counter).random_raw(count), np.uint64)


def _dropout_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    (x, key), (y, mask), rate = inputs, outputs, attrs["rate"]
    shared = array_axes(x.ndim, attrs["axes"])
    drawn = tuple(1 if axis in shared else size for axis, size in enumerate(x.shape))
    bits = random_bits(key, math.prod(drawn)).reshape(drawn)
    np.multiply(bits >= np.uint32(round(rate * 2**32)), x.dtype.type(1 / (1 - rate)), out=mask)
    np.multiply(x, mask, out=y)


def _dropout_shape(ctx: Any) -> None:
    normalized_axes(ctx, ctx.x, ctx.attrs["axes"])


def _dropout_dtype(dtypes: DTypes, attrs: Attrs) -> tuple[str | None, str | None]:
    return (dtypes[0], dtypes[0])


def _dropout_vjp(v: Vjp) -> Sequence[Any]:
    dy, mask = v.dys[0], v.outputs[1]
    return (None if dy is None else dy * mask, None)


register(
    OpSpec(
        name="dropout",
        signature="x:float[*a], key:int[3] -> y[*a], mask[*a]",
        doc="Each value 0 with probability `rate`, else divided by 1 - rate (Srivastava et al. 2014);"
        " along `axes` one draw serves all: [*a], uint64 [3] -> [*a] and the factors, [*a].",
        kernel=_dropout_kernel,
        vjp=_dropout_vjp,
        attrs=(Attr("rate", checks.rate, 0.5), Attr("axes", checks.some_axes, ())),
        shape=_dropout_shape,
        dtype=_dropout_dtype,
        cost=per_output(2),
    )
)


def _uniform_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    (like, key), (y,) = inputs, outputs
    unit = unit_numbers(_words(key, like.size))
    below = np.nextafter(y.dtype.type(1), y.dtype.type(0))  # what rounds to 1 in a smaller dtype
    np.minimum(unit.reshape(like.shape).astype(y.dtype), below, out=y)


def _normal_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    (like, key), (y,) = inputs, outputs
    numbers = normal_numbers(_words(key, 2 * ((like.size + 1) // 2)))
    y[...] = numbers[: like.size].reshape(like.shape)


for _name, _kernel, _numbers in (
    ("uniform_like", _uniform_kernel, "U[0, 1)"),
    ("normal_like", _normal_kernel, "N(0, 1)"),
):
    register(
        OpSpec(
            name=_name,
            signature="like:float[*a], key:int[3] -> y[*a]",
            doc=f"Numbers of {_numbers} in the shape and dtype of another tensor, which are the same for the"
            " same key: [*a], uint64 [3] -> [*a].",
            kernel=_kernel,
            vjp=no_flow,
            dtype=first_dtype,
            cost=per_output(20),
        )
    )
register(
    OpSpec(
        name="advance_key",
        signature="key:int[3] -> y[3]",
        doc="The key of the next draw: its step one higher: uint64 [3] -> [3].",
        kernel="np.copyto(y, key)\nnp.add(y[2:], 1, out=y[2:])",
        no_gradient="keys are whole numbers",
        dtype=first_dtype,
        cost=free,
    )
)
