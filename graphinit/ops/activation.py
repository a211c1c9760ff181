"""Activations: one value to one value, and softmax along an axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphinit.ir.op import Attr, Attrs, Kernel, OpSpec, Template, Vjp, register
from graphinit.ops import checks
from graphinit.ops.erf import erf
from graphinit.ops.rules import checked_axis, elementwise, no_bool_dtype, per_output


def _activation(
    name: str,
    kernel: str | Template | Kernel,
    doc: str,
    partial: Callable[[Vjp], Any],
    *,
    flops: int,
    attrs: tuple[Attr, ...] = (),
    inplace: tuple[int, ...] = (),
    half: str = "",
) -> OpSpec:
    return register(
        OpSpec(
            name=name,
            signature="x:float[*a] -> y[*a]",
            doc=doc,
            kernel=kernel,
            half=half,
            vjp=elementwise(partial),
            attrs=attrs,
            cost=per_output(flops),
            quiet=True,
            inplace=inplace,
        )
    )


register(
    OpSpec(
        name="relu",
        signature="x[*a] -> y[*a]",
        doc="Rectified linear unit max(x, 0): [*a] -> [*a]; its gradient at 0 is 0.",
        kernel="np.maximum(x, 0, out=y)",
        vjp=elementwise(lambda v: v.dy * (v.y > 0)),
        dtype=no_bool_dtype,
        cost=per_output(1),
        inplace=(0,),
    )
)

# 1 / (1 + exp(-x)): where exp overflows the result is 0, which in float16 would be far too early.
_SIGMOID = """\
np.negative(x, out=y)
np.exp(y, out=y)
np.add(y, 1, out=y)
np.reciprocal(y, out=y)"""
_SIGMOID_HALF = "np.reciprocal(np.exp(np.negative(x, dtype=np.float32)) + 1, out=y, casting='same_kind')"

_LEAST = -1e4
"""What silu and the like take lower numbers for: the gate is 0 there, and -inf times 0 would be nan."""

_activation(
    "sigmoid",
    _SIGMOID,
    "Logistic function 1 / (1 + exp(-x)): [*a] -> [*a].",
    lambda v: v.dy * v.y * (1 - v.y),
    flops=13,
    inplace=(0,),
    half=_SIGMOID_HALF,
)
_activation(
    "tanh",
    "np.tanh(x, out=y)",
    "Hyperbolic tangent: [*a] -> [*a].",
    lambda v: v.dy * (1 - v.emit("square", v.y)),
    flops=10,
    inplace=(0,),
)
_activation(
    "softplus",
    # max(x, 0) + log1p(exp(-|x|)); np.logaddexp is 15 times as slow.
    "np.absolute(x, out=y)\nnp.negative(y, out=y)\nnp.exp(y, out=y)\nnp.log1p(y, out=y)\n"
    "np.add(y, np.maximum(x, 0), out=y)",
    "Smooth relu log(1 + exp(x)): [*a] -> [*a].",
    lambda v: v.dy * v.emit("sigmoid", v.x),
    flops=24,
)
_activation(
    "softsign",
    # Greater numbers give 1 as well, and inf / inf would be nan.
    "np.absolute(x, out=y)\nnp.minimum(y, (6e4, 1e30, 1e300)[y.itemsize >> 2], out=y)\n"
    "np.divide(y, y + 1, out=y)\nnp.copysign(y, x, out=y)",
    "x / (1 + |x|): [*a] -> [*a].",
    lambda v: v.dy / v.emit("square", v.emit("abs", v.x) + 1),
    flops=3,
)
_activation(
    "silu",
    _SIGMOID + f"\nnp.multiply(np.maximum(x, {_LEAST}), y, out=y)",
    "x * sigmoid(x), also called swish: [*a] -> [*a].",
    lambda v: v.dy * _silu_slope(v),
    flops=14,
    half=f"{_SIGMOID_HALF}\nnp.multiply(np.maximum(x, {_LEAST}), y, out=y)",
)


def _silu_slope(v: Vjp) -> Any:
    gate = v.emit("sigmoid", v.x)
    return gate * (v.emit("clip", v.x, low=_LEAST, high=-_LEAST) * (1 - gate) + 1)


# --- the exponential family -------------------------------------------------------------------

_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805


def _elu_slope(v: Vjp, alpha: float) -> Any:
    # Sums of products with truth values: `where` takes five times as long.
    below = v.emit("exp", v.emit("minimum", v.x, 0)) * alpha
    return below * (v.x <= 0) + (v.x > 0)


_ELU = "np.minimum(x, 0, out=y)\nnp.expm1(y, out=y)\nnp.multiply(y, {alpha}, out=y)\nnp.add(y, np.maximum(x, 0), out=y)"

_activation(
    "elu",
    _ELU,
    "Exponential linear unit: x above 0, alpha * (exp(x) - 1) below: [*a] -> [*a].",
    lambda v: v.dy * _elu_slope(v, v.attrs["alpha"]),
    flops=14,
    attrs=(Attr("alpha", checks.finite, 1.0),),
)
_activation(
    "selu",
    _ELU.replace("{alpha}", repr(_SELU_ALPHA)) + f"\nnp.multiply(y, {_SELU_SCALE!r}, out=y)",
    "Self-normalising elu (Klambauer et al. 2017): elu of alpha 1.6733, times 1.0507: [*a] -> [*a].",
    lambda v: v.dy * _SELU_SCALE * _elu_slope(v, _SELU_ALPHA),
    flops=15,
)
_activation(
    "leaky_relu",
    "np.minimum(x, 0, out=y)\nnp.multiply(y, {slope}, out=y)\nnp.add(y, np.maximum(x, 0), out=y)",
    "x above 0, slope * x below: [*a] -> [*a].",
    # Truth values times a number would be float32, which rounds the slope.
    lambda v: v.dy * _leaky_slope(v, v.x > 0),
    flops=4,
    attrs=(Attr("slope", checks.finite, 0.01),),
)


def _leaky_slope(v: Vjp, above: Any) -> Any:
    return v.emit("cast_like", v.emit("logical_not", above), v.x) * v.attrs["slope"] + above


# --- the error function -----------------------------------------------------------------------


def _erf_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    np.copyto(outputs[0], erf(inputs[0]), casting="same_kind")


def _gelu_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    (x,), (y,) = inputs, outputs
    if attrs["approximate"]:
        inner = x * x
        inner *= _GELU_CUBIC
        inner += 1
        inner *= x
        inner *= _GELU_SCALE
        np.tanh(inner, out=inner)
    else:
        inner = erf(x * math.sqrt(0.5))
    inner += 1
    inner *= 0.5
    np.multiply(inner, np.maximum(x, _LEAST), out=y)


_GELU_SCALE = math.sqrt(2 / math.pi)
_GELU_CUBIC = 0.044715


def _gelu_slope(v: Vjp) -> Any:
    x = v.emit("clip", v.x, low=-100.0, high=100.0)  # the slope is 0 or 1 beyond, and inf * 0 would be nan
    if not v.attrs["approximate"]:
        density = v.emit("exp", v.emit("square", x) * -0.5) * (1 / math.sqrt(2 * math.pi))
        return (v.emit("erf", x * math.sqrt(0.5)) + 1) * 0.5 + x * density
    squared = v.emit("square", x)
    bend = v.emit("tanh", (squared * _GELU_CUBIC + 1) * x * _GELU_SCALE)
    inner = (squared * (3 * _GELU_CUBIC) + 1) * _GELU_SCALE
    return (bend + 1) * 0.5 + x * (1 - v.emit("square", bend)) * inner * 0.5


_activation(
    "erf",
    _erf_kernel,
    "Error function 2/sqrt(pi) * integral of exp(-t*t) from 0 to x: [*a] -> [*a].",
    lambda v: v.dy * v.emit("exp", -v.emit("square", v.x)) * (2 / math.sqrt(math.pi)),
    flops=30,
    inplace=(0,),
)
_activation(
    "gelu",
    _gelu_kernel,
    "Gaussian error linear unit x * (1 + erf(x / sqrt(2))) / 2, or its tanh approximation"
    " (Hendrycks and Gimpel 2016): [*a] -> [*a].",
    lambda v: v.dy * _gelu_slope(v),
    flops=34,
    attrs=(Attr("approximate", checks.boolean, False),),
    inplace=(0,),
)

# --- softmax ----------------------------------------------------------------------------------


def _softmax_partial(v: Vjp) -> Any:
    weighted = v.emit("sum", v.dy * v.y, axis=v.attrs["axis"], keepdims=True)
    return v.y * (v.dy - weighted)


def _log_softmax_partial(v: Vjp) -> Any:
    total = v.emit("sum", v.dy, axis=v.attrs["axis"], keepdims=True)
    return v.dy - v.emit("exp", v.y) * total


_SHIFT = "np.subtract(x, np.maximum.reduce(x, axis={axis}, keepdims=True, initial=-np.inf), out=y)\n"

register(
    OpSpec(
        name="softmax",
        signature="x:float[*a] -> y[*a]",
        doc="exp(x) divided by its sum along an axis, shifted so that nothing overflows: [*a] -> [*a].",
        kernel=_SHIFT + "np.exp(y, out=y)\nnp.divide(y, np.add.reduce(y, axis={axis}, keepdims=True), out=y)",
        vjp=elementwise(_softmax_partial),
        attrs=(Attr("axis", checks.integer, -1),),
        shape=checked_axis,
        cost=per_output(14),
        quiet=True,
        inplace=(0,),
    )
)
# The sum is 1 or more, as the greatest value adds exp(0), but over an empty axis, where log(0) would warn.
register(
    OpSpec(
        name="log_softmax",
        signature="x:float[*a] -> y[*a]",
        doc="Logarithm of softmax along an axis, x - logsumexp(x): [*a] -> [*a].",
        kernel=_SHIFT
        + "np.subtract(y, np.log(np.maximum(np.add.reduce(np.exp(y), axis={axis}, keepdims=True), 1)), out=y)",
        vjp=elementwise(_log_softmax_partial),
        attrs=(Attr("axis", checks.integer, -1),),
        shape=checked_axis,
        cost=per_output(14),
        quiet=True,
        inplace=(0,),
    )
)
