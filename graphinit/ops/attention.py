"""What attention needs beside matrix products: a softmax over what is not masked, and positions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphinit.ir.op import Attr, Attrs, OpSpec, Vjp, register
from graphinit.ops import checks
from graphinit.ops.rules import (
    broadcasts_to,
    first_dtype,
    no_bool_dtype,
    no_flow,
    per_output,
    same_as_input,
)

# --- softmax over what is not masked ----------------------------------------------------------


def _attention_weights_kernel(
    outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs
) -> None:
    x, *masks = inputs
    (y,) = outputs
    np.copyto(y, x)
    rows, columns = x.shape[-2:]
    if attrs["causal"]:
        y += np.triu(np.full((rows, columns), -np.inf, y.dtype), 1 + columns - rows)
    for mask in masks:
        y += np.where(mask != 0, y.dtype.type(0), y.dtype.type(-np.inf))
    greatest = np.maximum.reduce(y, axis=-1, keepdims=True, initial=np.finfo(y.dtype).min)
    np.subtract(y, greatest, out=y)
    np.exp(y, out=y)
    total = np.add.reduce(y, axis=-1, keepdims=True)
    np.divide(y, total + (total == 0), out=y)


def _attention_weights_shape(ctx: Any) -> None:
    same_as_input(ctx)
    rank = ctx.rank(ctx.x)
    if rank is not None and rank < 2:
        ctx.fail("GI202", f"x needs two axes, queries and keys; it has {rank}")
    for mask in ctx.inputs[1:]:
        broadcasts_to(ctx, ctx.x, mask, ("x", "mask"))


def _attention_weights_vjp(v: Vjp) -> Sequence[Any]:
    weighted = v.emit("sum", v.dy * v.y, axis=-1, keepdims=True)
    return (v.y * (v.dy - weighted), None)[: len(v.inputs)]


register(
    OpSpec(
        name="attention_weights",
        signature="x:float[...], mask[...]? -> y[...]",
        doc="Softmax over the last axis of scores [*b,t,s], where the mask (which broadcasts to them) is not 0"
        " and, if causal, no key comes after its query, the last query standing at the last key:"
        " [*b,t,s]; a row of which nothing is left is 0.",
        kernel=_attention_weights_kernel,
        vjp=_attention_weights_vjp,
        attrs=(Attr("causal", checks.boolean, False),),
        shape=_attention_weights_shape,
        dtype=first_dtype,
        cost=per_output(16),
        quiet=True,
    )
)

# --- positions --------------------------------------------------------------------------------


def _sinusoidal_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    (y,) = outputs
    length, width = y.shape
    columns = np.arange(width)
    rates = np.exp(-math.log(attrs["base"]) * (columns - columns % 2) / max(width, 1))
    angles = np.arange(length)[:, None] * rates
    angles[:, 1::2] += math.pi / 2  # a cosine
    np.copyto(y, np.sin(angles), casting="same_kind")


def _base(value: Any) -> float:
    base = checks.number(value)
    if not 1 < base < math.inf:
        raise ValueError("must be greater than 1")
    return base


register(
    OpSpec(
        name="sinusoidal_positions",
        signature="x:float[*b,t,d] -> y[t,d]",
        doc="Sines and cosines of positions (Vaswani et al. 2017): y[p,2i] = sin(p / base^(2i/d)),"
        " y[p,2i+1] = cos(p / base^(2i/d)), for t positions of [*b,t,d]: [t,d].",
        kernel=_sinusoidal_kernel,
        vjp=no_flow,
        attrs=(Attr("base", _base, 10000.0),),
        cost=per_output(30),
        quiet=True,
        shape_only=(0,),
    )
)
register(
    OpSpec(
        name="add_positions",
        signature="x[*b,t,d], positions[t,d] -> y[*b,t,d]",
        doc="The same vector of each position added to every sample: [*b,t,d] + [t,d] -> [*b,t,d]; unlike a"
        " broadcasting sum it settles d from either side.",
        kernel="np.add(x, positions, out=y)",
        vjp=lambda v: (v.dy, v.emit("sum_like", v.dy, v.inputs[1]) if v.wanted[1] else None),
        dtype=no_bool_dtype,
        inplace=(0,),
    )
)
