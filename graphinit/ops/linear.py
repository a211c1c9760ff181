"""Matrix products: the affine map of a dense layer, and matmul with NumPy's meaning.

`linear` is one op with a flag, not two: with ``flatten`` its equations are those of the signature
``x[b,*s], w[n,prod(s)], bias[n]? -> y[b,n]``, without it ``x[*b,k], w[n,k], bias[n]? -> y[*b,n]``.
The gradients are `linear` again, over transposes, so gradients of any order stay in these ops and
need no rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphinit.errors import DifferentiationError, SymbolicValueError
from graphinit.ir.dims import Dim
from graphinit.ir.op import Attr, Attrs, OpSpec, Template, Vjp, register
from graphinit.ir.types import TensorType
from graphinit.ops import checks
from graphinit.ops.rules import elements, free, like_input, no_bool_dtype, reshaped, scaled

# --- linear -----------------------------------------------------------------------------------


def _linear_text(attrs: Attrs, inputs: int) -> str:
    x = "x.reshape(x.shape[0], w.shape[1])" if attrs["flatten"] else "x"
    text = f"np.matmul({x}, w.T, out=y)"
    return f"{text}\nnp.add(y, bias, out=y)" if inputs == 3 else text


def _linear_shape(ctx: Any) -> None:
    x, y, w = ctx.x, ctx.y, ctx.inputs[1]
    flatten = ctx.attrs["flatten"]
    if ctx.rank(w) != 2:
        return  # the signature says so already
    units, width = ctx.dim(w, 0), ctx.dim(w, 1)
    if flatten:
        if not ctx.set_rank(y, 2):
            return
        ctx.equal(ctx.dim(y, 1), units, "axis 1 of y must equal axis 0 of w")
    rank = ctx.rank(x)
    if rank is None and not flatten and ctx.rank(y) is not None:
        ctx.set_rank(x, ctx.rank(y))
        rank = ctx.rank(x)
    if rank is None:
        return
    if rank == 0:
        ctx.fail("GI202", "x needs at least one axis, and has none")
        return
    if not flatten and not ctx.set_rank(y, rank):
        return
    for axis in range(1 if flatten else rank - 1):
        ctx.equal(ctx.dim(y, axis), ctx.dim(x, axis), f"axis {axis} of y must equal axis {axis} of x")
    if not flatten:
        ctx.equal(ctx.dim(y, rank - 1), units, f"axis {rank - 1} of y must equal axis 0 of w")
    if not flatten or rank == 2:
        ctx.equal(ctx.dim(x, rank - 1), width, f"axis {rank - 1} of x must equal axis 1 of w")
    else:
        sizes = [ctx.dim(x, axis) for axis in range(1, rank)]
        ctx.product(sizes, [width], "the sizes of x beyond axis 0 must multiply to axis 1 of w")


def _linear_vjp(v: Vjp) -> Sequence[Any]:
    x, w = v.inputs[:2]
    flatten = v.attrs["flatten"]
    dx = dw = None
    if v.wanted[0]:
        dx = v.emit("linear", v.dy, v.emit("transpose", w))
        dx = v.emit("reshape_like", dx, x) if flatten else dx
    if v.wanted[1]:
        rows = v.emit("flatten" if flatten else "rows", x)
        slopes = v.dy if flatten else v.emit("rows", v.dy)
        dw = v.emit("linear", v.emit("transpose", slopes), v.emit("transpose", rows))
    return (dx, dw, v.dy)[: len(v.inputs)]


def _linear_cost(inputs: Sequence[TensorType], outputs: Sequence[TensorType], attrs: Attrs) -> Dim:
    shape = inputs[1].shape
    count = elements(outputs[0])
    width: Dim = -1 if shape is None else shape[1]
    product = scaled(scaled(2, width), count)
    return product + count if len(inputs) == 3 and not (isinstance(product, int) and product < 0) else product


register(
    OpSpec(
        name="linear",
        signature="x[...], w[n,k], bias[n]? -> y[...]",
        doc="Affine map x @ w.T + bias: [*b,k], [n,k], [n] -> [*b,n]; with flatten the axes beyond the"
        " first count as one: [b,*s], [n,prod(s)], [n] -> [b,n].",
        kernel=Template(_linear_text),
        vjp=_linear_vjp,
        attrs=(Attr("flatten", checks.boolean, False),),
        shape=_linear_shape,
        dtype=no_bool_dtype,
        cost=_linear_cost,
    )
)
register(
    OpSpec(
        name="rows",
        signature="x[*b,k] -> y[prod(b),k]",
        doc="All axes but the last merged into one: [*b,k] -> [prod(b),k].",
        kernel="np.copyto(y, x.reshape(y.shape))",
        vjp=like_input,
        cost=free,
        view=reshaped,
    )
)

# --- matmul -----------------------------------------------------------------------------------


def _matmul_shape(ctx: Any) -> None:
    (x, y), z = ctx.inputs, ctx.y
    rank_x, rank_y = ctx.rank(x), ctx.rank(y)
    for rank, name in ((rank_x, "x"), (rank_y, "y")):
        if rank == 0:
            ctx.fail("GI202", f"{name} needs at least one axis, and has none; multiply by a number with *")
            return
    if rank_x is not None and rank_y is not None:
        inner = max(rank_y - 2, 0)
        why = f"axis {rank_x - 1} of x must equal axis {inner} of y"
        ctx.equal(ctx.dim(x, rank_x - 1), ctx.dim(y, inner), why)
        trailing = (rank_x > 1) + (rank_y > 1)
        rank_z = max(rank_x - 2, rank_y - 2, 0) + trailing
        if not ctx.set_rank(z, rank_z):
            return
        if rank_x > 1:
            place = rank_z - trailing
            ctx.equal(
                ctx.dim(z, place),
                ctx.dim(x, rank_x - 2),
                f"axis {place} of z must equal axis {rank_x - 2} of x",
            )
        if rank_y > 1:
            place = rank_z - 1
            ctx.equal(
                ctx.dim(z, place),
                ctx.dim(y, rank_y - 1),
                f"axis {place} of z must equal axis {rank_y - 1} of y",
            )
        for back in range(1, rank_z - trailing + 1):  # batch axes, aligned at their ends
            parts = [ctx.dim(v, r - 2 - back) for v, r in ((x, rank_x), (y, rank_y)) if r - 2 - back >= 0]
            place = rank_z - trailing - back
            ctx.broadcast(
                ctx.dim(z, place), parts, f"axis {place} of z is where the batch axes of x and y broadcast"
            )


def _matmul_vjp(v: Vjp) -> Sequence[Any]:
    x, y = v.inputs
    try:
        flat_x, flat_y = x.ndim == 1, y.ndim == 1
    except SymbolicValueError as cause:
        raise DifferentiationError(
            "the gradient of matmul needs the number of axes of its operands; infer shapes first, or state them"
        ) from cause
    dx = dy = None
    if flat_x and flat_y:
        return (v.dy * y, v.dy * x)
    # A vector on the left is a row, on the right a column; its missing axis is put back for the product.
    dz = v.emit("expand_dims", v.dy, axis=-2) if flat_x else v.dy
    dz = v.emit("expand_dims", dz, axis=-1) if flat_y else dz
    if v.wanted[0]:
        across = v.emit("expand_dims", y, axis=0) if flat_y else v.emit("swapaxes", y, axis1=-2, axis2=-1)
        dx = v.emit("matmul", dz, across)
        dx = v.emit("squeeze", dx, axis=-2) if flat_x else dx
    if v.wanted[1]:
        across = v.emit("expand_dims", x, axis=-1) if flat_x else v.emit("swapaxes", x, axis1=-2, axis2=-1)
        dy = v.emit("matmul", across, dz)
        dy = v.emit("squeeze", dy, axis=-1) if flat_y else dy
    return (dx, dy)


def _matmul_cost(inputs: Sequence[TensorType], outputs: Sequence[TensorType], attrs: Attrs) -> Dim:
    shape = inputs[0].shape
    return scaled(scaled(2, -1 if shape is None else shape[-1]), elements(outputs[0]))


register(
    OpSpec(
        name="matmul",
        signature="x[...], y[...] -> z[...]",
        doc="Matrix product as numpy.matmul: [*a,m,k], [*b,k,n] -> [*a|b,m,n]; a vector on the left is a row,"
        " on the right a column, and its axis is left out of the result.",
        kernel="np.matmul(x, y, out=z)",
        vjp=_matmul_vjp,
        shape=_matmul_shape,
        dtype=no_bool_dtype,
        cost=_matmul_cost,
    )
)
