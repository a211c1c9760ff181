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
) -> OpSpec:
    return register(
        OpSpec(
            name=name,
            signature="x:float[*a] -> y[*a]",
            doc=doc,
            kernel=kernel,
            vjp=elementwise(partial),
            attrs=attrs,
            cost=per_output(flops),
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

# 1 / (1 + exp(-x)) with x kept above the point where exp overflows in float16, 32 and 64; the
# result there is below the smallest normal number already.
_SIGMOID = """\
np.maximum(x, (-11.0, -88.0, -709.0)[y.itemsize >> 2], out=y)
np.negative(y, out=y)
np.exp(y, out=y)
np.add(y, 1, out=y)
np.reciprocal(y, out=y)"""

_activation(
    "sigmoid",
    _SIGMOID,
    "Logistic function 1 / (1 + exp(-x)): [*a] -> [*a].",
    lambda v: v.dy * v.y * (1 - v.y),
    flops=13,
    inplace=(0,),
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
    "np.absolute(x, out=y)\nnp.add(y, 1, out=y)\nnp.divide(x, y, out=y)",
    "x / (1 + |x|): [*a] -> [*a].",
    lambda v: v.dy / v.emit("square", v.emit("abs", v.x) + 1),
    flops=3,
)
_activation(
    "silu",
    _SIGMOID + "\nnp.multiply(x, y, out=y)",
    "x * sigmoid(x), also called swish: [*a] -> [*a].",
    lambda v: v.dy * _silu_slope(v),
    flops=14,
)


def _silu_slope(v: Vjp) -> Any:
    gate = v.emit("sigmoid", v.x)
    return gate * (v.x * (1 - gate) + 1)


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
    attrs=(Attr("alpha", checks.number, 1.0),),
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
    lambda v: v.dy * ((v.x > 0) * (1.0 - v.attrs["slope"]) + v.attrs["slope"]),
    flops=4,
    attrs=(Attr("slope", checks.number, 0.01),),
)

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
    np.multiply(inner, x, out=y)


_GELU_SCALE = math.sqrt(2 / math.pi)
_GELU_CUBIC = 0.044715


def _gelu_slope(v: Vjp) -> Any:
    x = v.x
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
        inplace=(0,),
    )
)
