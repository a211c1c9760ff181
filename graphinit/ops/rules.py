"""What many ops share: dtype rules, shape equations over axes, costs, steps of gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphinit.errors import DTypeError
from graphinit.ir.dims import Dim
from graphinit.ir.moves import Reshape
from graphinit.ir.op import (
    Attr,
    Attrs,
    CostRule,
    DtypeRule,
    Kernel,
    OpSpec,
    Template,
    ViewRule,
    Vjp,
    VjpRule,
    default_dtype,
    register,
)
from graphinit.ir.types import TensorType, is_float

DTypes = Sequence[str | None]

DEFAULT_FLOAT = "float32"


# --- dtypes -----------------------------------------------------------------------------------


def no_bool_dtype(dtypes: DTypes, attrs: Attrs) -> str | None:
    """Promote, refusing truth values alone, for which NumPy has no such arithmetic."""
    if all(dtype == "bool" for dtype in dtypes):
        raise DTypeError("truth values have no such arithmetic; cast them, or use logical_not and not_equal")
    return default_dtype(dtypes, attrs)


def float_dtype(dtypes: DTypes, attrs: Attrs) -> str | None:
    """Promote; integers and truth values give the default floating dtype."""
    result = default_dtype(dtypes, attrs)
    return result if result is None or is_float(result) else DEFAULT_FLOAT


def check_fits(name: str, value: float | None, dtype: str) -> None:
    """Raise `DTypeError` when a number cannot stand among whole numbers or truth values of a dtype."""
    if value is None or is_float(dtype):
        return
    limits = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if not limits[0] <= value <= limits[1] or value != int(value):
        raise DTypeError(f"{name}={value!r} is no {dtype}")


def sum_dtype(dtypes: DTypes, attrs: Attrs) -> str | None:
    """The input's dtype; integers add up in 64 bits, as in NumPy."""
    dtype = dtypes[0]
    if dtype is None or is_float(dtype):
        return dtype
    return "uint64" if dtype.startswith("uint") else "int64"


def first_dtype(dtypes: DTypes, attrs: Attrs) -> str | None:
    """The dtype of the first input."""
    return dtypes[0]


def bool_dtype(dtypes: DTypes, attrs: Attrs) -> str:
    """Truth values."""
    return "bool"


def int_dtype(dtypes: DTypes, attrs: Attrs) -> str:
    """Positions: int64."""
    return "int64"


# --- costs ------------------------------------------------------------------------------------


def elements(type: TensorType) -> Dim:
    """Number of elements, -1 when unknown."""
    if type.shape is None:
        return -1
    count: Dim = 1
    for dim in type.shape:
        if isinstance(dim, int) and dim < 0:
            return -1
        count = count * dim
    return count


def per_output(flops: int) -> CostRule:
    """Return a cost of so many FLOPs per element of the first output."""

    def cost(inputs: Sequence[TensorType], outputs: Sequence[TensorType], attrs: Attrs) -> Dim:
        return scaled(flops, elements(outputs[0]))

    return cost


def per_input(flops: int) -> CostRule:
    """Return a cost of so many FLOPs per element of the first input."""

    def cost(inputs: Sequence[TensorType], outputs: Sequence[TensorType], attrs: Attrs) -> Dim:
        return scaled(flops, elements(inputs[0]))

    return cost


def free(inputs: Sequence[TensorType], outputs: Sequence[TensorType], attrs: Attrs) -> Dim:
    """No FLOPs: data are moved, or nothing happens."""
    return 0


def scaled(factor: Dim, count: Dim) -> Dim:
    """Return the product of two counts, -1 when either is unknown."""
    if (isinstance(count, int) and count < 0) or (isinstance(factor, int) and factor < 0):
        return -1
    return factor * count


# --- gradients --------------------------------------------------------------------------------


def no_flow(v: Vjp) -> Sequence[Any]:
    """Gradient of a function that is constant almost everywhere: nothing flows."""
    return (None,) * len(v.inputs)


def elementwise(*partials: Callable[[Vjp], Any]) -> Callable[[Vjp], Sequence[Any]]:
    """Return a gradient rule from one function per input, called only for those that are wanted."""

    def vjp(v: Vjp) -> Sequence[Any]:
        return [partial(v) if wanted else None for partial, wanted in zip(partials, v.wanted, strict=True)]

    return vjp


def restore_axes(v: Vjp, tensor: Any) -> Any:
    """Put reduced axes back as axes of size 1, so that the result broadcasts against the input."""
    axis = v.attrs["axis"]
    if v.attrs["keepdims"] or axis is None:
        return tensor
    return v.emit("expand_dims", tensor, axis=axis)


def like_input(v: Vjp) -> Sequence[Any]:
    """Gradient of an op that only changes the shape."""
    return (v.emit("reshape_like", v.dy, v.x), *(None,) * (len(v.inputs) - 1))


# --- shapes -----------------------------------------------------------------------------------


def same_as_input(ctx: Any) -> None:
    """State that the first output has the shape of the first input."""
    ctx.same_shape(ctx.y, ctx.x, "the output has the shape of the input")


def normalized_axes(ctx: Any, operand: Any, axes: Sequence[int] | None) -> tuple[int, ...] | None:
    """Return axes counted from the front, None while the rank is unknown or when one is out of range."""
    rank = ctx.rank(operand)
    if rank is None:
        return None
    if axes is None:
        return tuple(range(rank))
    found = [ctx.normalize_axis(operand, axis) for axis in axes]
    if any(axis is None for axis in found):
        return None
    if len(set(found)) != len(found):
        ctx.fail("GI202", f"axes {tuple(axes)} name one axis twice: there are {rank} axes")
        return None
    return tuple(found)


def _reduced(ctx: Any) -> tuple[int, ...] | None:
    axis = ctx.attrs["axis"]
    return (axis,) if isinstance(axis, int) else axis


def reduced_shape(ctx: Any) -> None:
    """State the shape of a reduction over ``axis``, with or without ``keepdims``."""
    axis, keepdims = _reduced(ctx), ctx.attrs["keepdims"]
    if axis is None and not keepdims:
        ctx.set_shape(ctx.y, (), "a reduction over all axes gives one number")
        return
    rank = ctx.rank(ctx.x)
    if rank is None:
        given = ctx.rank(ctx.y)
        if given is not None:
            ctx.set_rank(ctx.x, given if keepdims or axis is None else given + len(axis))
            rank = ctx.rank(ctx.x)
        if rank is None:
            return
    gone = normalized_axes(ctx, ctx.x, axis)
    if gone is None:
        return
    if not ctx.set_rank(ctx.y, rank if keepdims else rank - len(gone)):
        return
    place = 0
    for position in range(rank):
        if position not in gone:
            why = f"axis {place} of y is axis {position} of x, which is not reduced"
            ctx.equal(ctx.dim(ctx.y, place), ctx.dim(ctx.x, position), why)
        elif keepdims:
            ctx.equal(ctx.dim(ctx.y, place), 1, f"axis {position} is reduced and kept with size 1")
        place += position not in gone or keepdims


def reduced_nonempty_shape(ctx: Any) -> None:
    """Like `reduced_shape`, for reductions that have no result over nothing."""
    reduced_shape(ctx)
    for axis in normalized_axes(ctx, ctx.x, _reduced(ctx)) or ():
        ctx.at_least(ctx.dim(ctx.x, axis), 1, f"axis {axis} of x is reduced, so it must not be empty")


def broadcasts_to(ctx: Any, whole: Any, part: Any, words: tuple[str, str] = ("y", "x")) -> None:
    """State that `part` broadcasts to the shape of `whole`; `words` are their names."""
    rank, inner = ctx.rank(whole), ctx.rank(part)
    if rank is None or inner is None:
        return
    if inner > rank:
        ctx.fail("GI203", f"the {inner} axes of {words[1]} do not broadcast to the {rank} of {words[0]}")
        return
    for back in range(1, inner + 1):
        size = ctx.dim(whole, rank - back)
        why = f"axis {inner - back} of {words[1]} must be 1 or equal axis {rank - back} of {words[0]}"
        ctx.broadcast(size, [size, ctx.dim(part, inner - back)], why)


def checked_axis(ctx: Any) -> None:
    """State that the output has the input's shape and that ``axis`` is one of its axes."""
    same_as_input(ctx)
    normalized_axes(ctx, ctx.x, (ctx.attrs["axis"],))


def array_axes(rank: int, axes: Sequence[int] | None) -> tuple[int, ...]:
    """Return axes counted from the front, for kernels, where the rank is known."""
    return tuple(range(rank)) if axes is None else tuple(axis % rank for axis in axes)


def moved_to_front(array: np.ndarray, axes: Sequence[int] | None) -> np.ndarray:
    """Return a view with some axes merged at the front: ``[prod(axes), ...]``, for kernels."""
    order = array_axes(array.ndim, axes)
    moved = np.moveaxis(array, order, range(len(order)))
    return moved.reshape(int(np.prod(moved.shape[: len(order)])), *moved.shape[len(order) :])


# --- views ------------------------------------------------------------------------------------


def whole(attrs: Attrs, rank: int, shape: tuple[int, ...]) -> None:
    """The output is the first input."""


def reshaped(attrs: Attrs, rank: int, shape: tuple[int, ...]) -> Reshape:
    """The output is the first input in its own shape."""
    return Reshape(shape)


# --- records ----------------------------------------------------------------------------------


def movement(
    name: str,
    doc: str,
    kernel: str | Template | Kernel,
    vjp: VjpRule,
    *,
    signature: str = "x[...] -> y[...]",
    attrs: tuple[Attr, ...] = (),
    shape: Any = None,
    view: ViewRule | None = None,
    shape_only: tuple[int, ...] = (),
    cost: CostRule = free,
    dtype: DtypeRule = first_dtype,
) -> OpSpec:
    """Register an op that moves data and keeps the dtype of its first input."""
    return register(
        OpSpec(
            name=name,
            signature=signature,
            doc=doc,
            kernel=kernel,
            vjp=vjp,
            attrs=attrs,
            shape=shape,
            dtype=dtype,
            cost=cost,
            view=view,
            shape_only=shape_only,
        )
    )
