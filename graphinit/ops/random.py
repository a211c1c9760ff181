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
from graphinit.ops.rules import DTypes, array_axes, first_dtype, free, normalized_axes, per_output


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
    words = key.astype(np.uint64)
    counter = np.array([0, 0, 0, words[2]], np.uint64)
    generator = np.random.Philox(key=words[:2], counter=counter)
    raw = generator.random_raw((count + 1) // 2).astype("<u8", copy=False)
    return raw.view("<u4")[:count].astype(np.uint32, copy=False)


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
