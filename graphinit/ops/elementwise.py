"""Elementwise ops: arithmetic, exponentials, comparisons, logic, choice, cast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphinit.errors import ValueRangeError
from graphinit.ir.op import Attr, Attrs, DtypeRule, Kernel, OpSpec, Template, Vjp, default_dtype, register
from graphinit.ir.source_text import literal
from graphinit.ir.types import is_float
from graphinit.ops import checks
from graphinit.ops.rules import (
    DEFAULT_FLOAT,
    DTypes,
    bool_dtype,
    check_fits,
    elementwise,
    float_dtype,
    free,
    no_bool_dtype,
    no_flow,
    per_output,
    whole,
)

Partial = Callable[[Vjp], Any]


def _unary(
    name: str,
    kernel: str,
    doc: str,
    partial: Partial | None,
    *,
    kind: str = "",
    dtype: DtypeRule | None = None,
    flops: int = 1,
) -> OpSpec:
    return register(
        OpSpec(
            name=name,
            signature=f"x{kind}[*a] -> y[*a]",
            doc=doc,
            kernel=kernel,
            vjp=no_flow if partial is None else elementwise(partial),
            dtype=dtype,
            cost=per_output(flops),
            inplace=(0,),
            quiet=True,
        )
    )


def _binary(
    name: str,
    kernel: str | Kernel,
    doc: str,
    partials: tuple[Partial, Partial],
    *,
    dtype: DtypeRule = default_dtype,
    flops: int = 1,
) -> OpSpec:
    return register(
        OpSpec(
            name=name,
            signature="x[*a], y[*b] -> z[*a|b]",
            doc=doc,
            kernel=kernel,
            vjp=elementwise(*partials),
            dtype=dtype,
            cost=per_output(flops),
            inplace=(0, 1),
            quiet=True,
        )
    )


# --- arithmetic -------------------------------------------------------------------------------

_binary(
    "add",
    "np.add(x, y, out=z)",
    "Sum x + y, broadcast: [*a], [*b] -> [*a|b].",
    (lambda v: v.dy, lambda v: v.dy),
)
_binary(
    "subtract",
    "np.subtract(x, y, out=z)",
    "Difference x - y, broadcast: [*a], [*b] -> [*a|b].",
    (lambda v: v.dy, lambda v: -v.dy),
    dtype=no_bool_dtype,
)
_binary(
    "multiply",
    "np.multiply(x, y, out=z)",
    "Product x * y, broadcast: [*a], [*b] -> [*a|b].",
    (lambda v: v.dy * v.inputs[1], lambda v: v.dy * v.inputs[0]),
)
_binary(
    "divide",
    "np.divide(x, y, out=z)",
    "True quotient x / y, broadcast: [*a], [*b] -> [*a|b]; integers give a floating result.",
    (lambda v: v.dy / v.inputs[1], lambda v: -(v.dy * v.y) / v.inputs[1]),
    dtype=float_dtype,
)


def _dividing(function: np.ufunc) -> Kernel:
    """Return the kernel of a division of which whole numbers have none by 0."""

    def kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
        x, y = inputs
        if outputs[0].dtype.kind in "iu" and not np.all(y):
            raise ValueRangeError("whole numbers are divided by 0")
        function(x, y, out=outputs[0])

    return kernel


_binary(
    "floor_divide",
    _dividing(np.floor_divide),
    "Quotient x // y rounded down, broadcast: [*a], [*b] -> [*a|b]; constant almost everywhere.",
    (lambda v: None, lambda v: None),
    dtype=no_bool_dtype,
)
_binary(
    "remainder",
    _dividing(np.remainder),
    "Remainder x - (x // y) * y with the sign of y, broadcast: [*a], [*b] -> [*a|b].",
    (lambda v: v.dy, lambda v: -v.dy * (v.inputs[0] // v.inputs[1])),
    dtype=no_bool_dtype,
)


def _power_base(v: Vjp) -> Any:
    x, y = v.inputs
    # y * x ** (y - 1), with an exponent of 0 kept at 0, so that 0 ** 0 has the gradient 0.
    # The 1 has the dtype of x: a truth value beside a number would be float32.
    return v.dy * y * x ** (y - v.emit("cast_like", y != 0, x))


def _power_exponent(v: Vjp) -> Any:
    x = v.x if is_float(v.x.dtype) else v.emit("cast_like", v.x, v.y)
    # 0 ** y doesn't change with y > 0: log(0) must not turn 0 * -inf into nan.
    still = v.emit("logical_and", x == 0, v.inputs[1] >= 0)
    return v.dy * v.y * v.emit("log", v.emit("where", still, v.emit("ones_like", x), x))


_binary(
    "power",
    "np.power(x, y, out=z)",
    "Power x ** y, broadcast: [*a], [*b] -> [*a|b].",
    (_power_base, _power_exponent),
    dtype=no_bool_dtype,
    flops=20,
)
_binary(
    "maximum",
    "np.maximum(x, y, out=z)",
    "Greater of x and y, broadcast: [*a], [*b] -> [*a|b]; where they are equal the gradient goes to x.",
    (lambda v: v.dy * (v.inputs[0] >= v.inputs[1]), lambda v: v.dy * (v.inputs[0] < v.inputs[1])),
)
_binary(
    "minimum",
    "np.minimum(x, y, out=z)",
    "Lesser of x and y, broadcast: [*a], [*b] -> [*a|b]; where they are equal the gradient goes to x.",
    (lambda v: v.dy * (v.inputs[0] <= v.inputs[1]), lambda v: v.dy * (v.inputs[0] > v.inputs[1])),
)

_unary(
    "negative", "np.negative(x, out=y)", "Negation -x: [*a] -> [*a].", lambda v: -v.dy, dtype=no_bool_dtype
)
_unary(
    "abs", "np.absolute(x, out=y)", "Absolute value |x|: [*a] -> [*a].", lambda v: v.dy * v.emit("sign", v.x)
)
_unary(
    "sign",
    "np.sign(x, out=y)",
    "Sign of x, one of -1, 0, 1: [*a] -> [*a]; constant almost everywhere.",
    None,
    dtype=no_bool_dtype,
)
_unary(
    "floor",
    "np.floor(x, out=y)",
    "Greatest whole number not above x: [*a] -> [*a]; constant almost everywhere.",
    None,
    kind=":float",
)
_unary(
    "round",
    "np.rint(x, out=y)",
    "Nearest whole number, the even one of two: [*a] -> [*a]; constant almost everywhere.",
    None,
    kind=":float",
)
_unary(
    "square",
    "np.multiply(x, x, out=y)",
    "Square x * x: [*a] -> [*a].",
    lambda v: v.dy * 2 * v.x,
)

# --- exponentials, logarithms, roots ----------------------------------------------------------

_unary(
    "exp",
    "np.exp(x, out=y)",
    "Exponential e ** x: [*a] -> [*a].",
    lambda v: v.dy * v.y,
    kind=":float",
    flops=10,
)
_unary(
    "expm1",
    "np.expm1(x, out=y)",
    "e ** x - 1, accurate near 0: [*a] -> [*a].",
    lambda v: v.dy * (v.y + 1),
    kind=":float",
    flops=10,
)
_unary(
    "log",
    "np.log(x, out=y)",
    "Natural logarithm: [*a] -> [*a].",
    lambda v: v.dy / v.x,
    kind=":float",
    flops=10,
)
_unary(
    "log1p",
    "np.log1p(x, out=y)",
    "log(1 + x), accurate near 0: [*a] -> [*a].",
    lambda v: v.dy / (v.x + 1),
    kind=":float",
    flops=10,
)
_unary("sqrt", "np.sqrt(x, out=y)", "Square root: [*a] -> [*a].", lambda v: v.dy * 0.5 / v.y, kind=":float")
_unary(
    "rsqrt",
    "np.sqrt(x, out=y)\nnp.reciprocal(y, out=y)",
    "Reciprocal of the square root, 1 / sqrt(x): [*a] -> [*a].",
    lambda v: v.dy * -0.5 * v.y / v.x,
    kind=":float",
    flops=2,
)

# --- limits -----------------------------------------------------------------------------------


def _clip_partial(v: Vjp) -> Any:
    low, high = v.attrs["low"], v.attrs["high"]
    inside = None if low is None else v.x >= low
    if high is not None:
        below = v.x <= high
        inside = below if inside is None else v.emit("logical_and", inside, below)
    return v.dy if inside is None else v.dy * inside


def _clip_text(attrs: Attrs, inputs: int) -> str:
    """Return the kernel: np.clip checks its arguments for 3 microseconds."""
    low, high = attrs["low"], attrs["high"]
    if low is None:
        return "np.copyto(y, x)" if high is None else f"np.minimum(x, {literal(high)}, out=y)"
    lower = f"np.maximum(x, {literal(low)}, out=y)"
    return lower if high is None else f"{lower}\nnp.minimum(y, {literal(high)}, out=y)"


def _clip_dtype(dtypes: DTypes, attrs: Attrs) -> str | None:
    dtype = no_bool_dtype(dtypes, attrs)
    fractional = isinstance(attrs["low"], float) or isinstance(attrs["high"], float)
    if dtype is None or is_float(dtype):
        return dtype
    if fractional:
        return DEFAULT_FLOAT
    for name in ("low", "high"):
        check_fits(name, attrs[name], dtype)
    return dtype


register(
    OpSpec(
        name="clip",
        signature="x[*a] -> y[*a]",
        doc="Limit x to low..high, either of which may be None: [*a] -> [*a].",
        kernel=Template(_clip_text),
        vjp=elementwise(_clip_partial),
        attrs=(Attr("low", checks.bound, None), Attr("high", checks.bound, None)),
        dtype=_clip_dtype,
        cost=per_output(2),
        inplace=(0,),
        quiet=True,
    )
)

# --- comparisons and logic --------------------------------------------------------------------

_TRUTH = "its outputs are truth values"

for _name, _words in {
    "equal": "x == y",
    "not_equal": "x != y",
    "less": "x < y",
    "less_equal": "x <= y",
    "greater": "x > y",
    "greater_equal": "x >= y",
    "logical_and": "x and y",
    "logical_or": "x or y",
}.items():
    register(
        OpSpec(
            name=_name,
            signature="x[*a], y[*b] -> z[*a|b]",
            doc=f"Whether {_words}, by element, broadcast: [*a], [*b] -> bool [*a|b].",
            kernel=f"np.{_name}(x, y, out=z)",
            no_gradient=_TRUTH,
            dtype=bool_dtype,
            cost=per_output(1),
            quiet=True,
        )
    )

register(
    OpSpec(
        name="logical_not",
        signature="x[*a] -> y[*a]",
        doc="Whether x is 0 or false, by element: [*a] -> bool [*a].",
        kernel="np.logical_not(x, out=y)",
        no_gradient=_TRUTH,
        dtype=bool_dtype,
        cost=per_output(1),
    )
)

# --- choice -----------------------------------------------------------------------------------


def _where_dtype(dtypes: DTypes, attrs: Attrs) -> str | None:
    return default_dtype(dtypes[1:], attrs)


register(
    OpSpec(
        name="where",
        signature="condition:bool[*a], x[*b], y[*c] -> z[*a|b|c]",
        doc="x where the condition holds, else y, broadcast: bool [*a], [*b], [*c] -> [*a|b|c].",
        kernel="np.copyto(z, np.where(condition, x, y))",  # np.where has no out=, where= is 4 times as slow
        vjp=elementwise(
            lambda v: None,
            lambda v: v.emit("where", v.x, v.dy, v.emit("zeros_like", v.dy)),
            lambda v: v.emit("where", v.x, v.emit("zeros_like", v.dy), v.dy),
        ),
        dtype=_where_dtype,
        cost=per_output(1),
        inplace=(1, 2),
    )
)

# --- dtypes -----------------------------------------------------------------------------------


def _cast_vjp(v: Vjp) -> Sequence[Any]:
    return (v.emit("cast_like", v.dy, v.x) if is_float(v.attrs["dtype"]) else None,)


register(
    OpSpec(
        name="cast",
        signature="x[*a] -> y[*a]",
        doc="The values in another dtype: [*a] -> [*a]; fractions are cut off towards 0 by integers.",
        kernel="np.copyto(y, x, casting='unsafe')",
        vjp=_cast_vjp,
        attrs=(Attr("dtype", checks.dtype),),
        dtype=lambda dtypes, attrs: str(attrs["dtype"]),
        cost=per_output(1),
        quiet=True,
    )
)
register(
    OpSpec(
        name="cast_like",
        signature="x[*a], like[...] -> y[*a]",
        doc="The values of x in the dtype of `like`, whose shape is free: [*a], [...] -> [*a].",
        kernel="np.copyto(y, x, casting='unsafe')",
        vjp=elementwise(lambda v: v.emit("cast_like", v.dy, v.x), lambda v: None),
        dtype=lambda dtypes, attrs: dtypes[1],
        cost=per_output(1),
        shape_only=(1,),
        quiet=True,
    )
)
register(
    OpSpec(
        name="stop_gradient",
        signature="x[*a] -> y[*a]",
        doc="The same values, through which no gradient flows: [*a] -> [*a].",
        kernel="np.copyto(y, x)",
        vjp=no_flow,
        cost=free,
        view=whole,
    )
)
