"""Recurrence: one op for one layer in one direction, over a whole length.

The length may be a symbol: a recurrence is one node, never an unrolling.  The inputs of all steps
are projected by one matrix product; then comes one product a step.  A gradient is one node too
(``lstm_grad``), which reads what the forward op kept: the gates after their activations, and the
cells.  The first state may be left out, and is then zero.

Gate orders are those of MXNet and cuDNN: LSTM i, f, g, o (Hochreiter and Schmidhuber 1997, with the
forget gate of Gers et al. 2000); GRU r, z, n with the bias of n inside the reset (Cho et al. 2014,
in the form that cuDNN computes).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphinit.errors import DifferentiationError
from graphinit.ir.dims import Dim
from graphinit.ir.node import Value
from graphinit.ir.op import Attr, Attrs, CostRule, OpSpec, Vjp, register
from graphinit.ir.tensor import Tensor
from graphinit.ir.types import TensorType
from graphinit.ops import checks
from graphinit.ops.rules import elements, scaled

Arrays = Sequence[np.ndarray]

ONCE = "the gradient of a recurrence is one op that reads kept gates; unroll a cell to differentiate twice"


# --- steps of kernels -------------------------------------------------------------------------


def _project(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, out: np.ndarray) -> None:
    """Write ``x @ weight.T + bias`` for all steps by one matrix product."""
    if out.flags.c_contiguous:
        rows = x.reshape(x.shape[0] * x.shape[1], x.shape[2])
        np.matmul(rows, weight.T, out=out.reshape(rows.shape[0], out.shape[2]))
    else:
        np.matmul(x, weight.T, out=out)
    np.add(out, bias, out=out)


def _sigmoid(x: np.ndarray) -> None:
    """In place; the exponential may overflow, and then the result is 0, as it should be."""
    np.negative(x, out=x)
    np.exp(x, out=x)
    np.add(x, 1, out=x)
    np.reciprocal(x, out=x)


def _first(states: Arrays, index: int, like: np.ndarray) -> np.ndarray:
    """Return a state before the first step: zeros where none is given."""
    return states[index] if index < len(states) else np.zeros(like.shape, like.dtype)


def _order(length: int, reverse: bool) -> range:
    return range(length - 1, -1, -1) if reverse else range(length)


def _spread(slopes: np.ndarray, weight: np.ndarray, out: np.ndarray) -> None:
    """Write ``slopes @ weight`` for all steps: the gradient of what was projected."""
    if out.flags.c_contiguous:
        rows = slopes.reshape(slopes.shape[0] * slopes.shape[1], slopes.shape[2])
        np.matmul(rows, weight, out=out.reshape(rows.shape[0], out.shape[2]))
    else:
        np.matmul(slopes, weight, out=out)


def _sum_products(slopes: np.ndarray, values: np.ndarray, out: np.ndarray) -> None:
    """Write ``slopes.T @ values``, summed over steps and batch: the gradient of a weight."""
    count = slopes.shape[0] * slopes.shape[1]
    rows = values.reshape(count, values.shape[2])
    np.matmul(slopes.reshape(count, slopes.shape[2]).T, rows, out=out)


def _before(y: np.ndarray, first: np.ndarray, reverse: bool) -> np.ndarray:
    """Return the state that each step began with."""
    before = np.empty(y.shape, y.dtype)
    if y.shape[0]:
        before[-1 if reverse else 0] = first
        if reverse:
            before[:-1] = y[1:]
        else:
            before[1:] = y[:-1]
    return before


# --- LSTM -------------------------------------------------------------------------------------


def _lstm_kernel(outputs: Arrays, inputs: Arrays, attrs: Attrs) -> None:
    x, w, r, w_bias, r_bias, *states = inputs
    y, h_last, c_last, gates, cells = outputs
    length, _, size = y.shape
    h, c = _first(states, 0, h_last), _first(states, 1, c_last)
    part, product = np.empty(gates.shape[1:], y.dtype), np.empty(y.shape[1:], y.dtype)
    _project(x, w, w_bias + r_bias, gates)
    for t in _order(length, attrs["reverse"]):
        gate, cell = gates[t], cells[t]
        np.matmul(h, r.T, out=part)
        np.add(gate, part, out=gate)
        _sigmoid(gate[:, : 2 * size])
        np.tanh(gate[:, 2 * size : 3 * size], out=gate[:, 2 * size : 3 * size])
        _sigmoid(gate[:, 3 * size :])
        i, f, g, o = (gate[:, k * size : (k + 1) * size] for k in range(4))
        np.multiply(f, c, out=cell)
        np.multiply(i, g, out=product)
        np.add(cell, product, out=cell)
        np.tanh(cell, out=product)
        np.multiply(o, product, out=y[t])
        h, c = y[t], cell
    np.copyto(h_last, h)
    np.copyto(c_last, c)


def _lstm_grad_kernel(outputs: Arrays, inputs: Arrays, attrs: Attrs) -> None:
    x, w, r, y, gates, cells, dy, dh_last, dc_last, *states = inputs
    dx, dw, dr, db, dh, dc = outputs
    (length, batch, size), reverse = y.shape, attrs["reverse"]
    h_first, c_first = _first(states, 0, dh_last), _first(states, 1, dc_last)
    parted = gates.reshape(length, batch, 4, size)
    i, f, g, o = (parted[:, :, k] for k in range(4))
    slopes = np.empty(gates.shape, dx.dtype)
    # All that does not wait for a step: what each gate's slope is to be multiplied by, and c's.
    factors = slopes.reshape(parted.shape)
    np.multiply(parted, 1 - parted, out=factors)
    factors[:, :, 0] *= g
    factors[:, :, 1] *= _before(cells, c_first, reverse)
    np.multiply(i, 1 - g * g, out=factors[:, :, 2])
    through = np.tanh(cells)
    factors[:, :, 3] *= through
    np.multiply(o, 1 - through * through, out=through)
    part = np.empty(dh.shape, dh.dtype)
    np.copyto(dh, dh_last)
    np.copyto(dc, dc_last)
    for t in _order(length, not reverse):
        np.add(dh, dy[t], out=dh)
        np.multiply(factors[t, :, 3], dh, out=factors[t, :, 3])
        np.multiply(through[t], dh, out=part)
        np.add(dc, part, out=dc)
        np.multiply(factors[t, :, :3], dc[:, None], out=factors[t, :, :3])
        np.multiply(dc, f[t], out=dc)
        np.matmul(slopes[t], r, out=dh)
    _spread(slopes, w, dx)
    _sum_products(slopes, x, dw)
    _sum_products(slopes, _before(y, h_first, reverse), dr)
    np.sum(slopes, axis=(0, 1), out=db)


# --- GRU --------------------------------------------------------------------------------------


def _gru_kernel(outputs: Arrays, inputs: Arrays, attrs: Attrs) -> None:
    x, w, r, w_bias, r_bias, *states = inputs
    y, h_last, gates, inner = outputs
    length, _, size = y.shape
    h = _first(states, 0, h_last)
    part, product = np.empty(gates.shape[1:], y.dtype), np.empty(y.shape[1:], y.dtype)
    _project(x, w, w_bias, gates)
    for t in _order(length, attrs["reverse"]):
        gate = gates[t]
        np.matmul(h, r.T, out=part)
        np.add(part, r_bias, out=part)
        both, n = gate[:, : 2 * size], gate[:, 2 * size :]
        np.add(both, part[:, : 2 * size], out=both)
        _sigmoid(both)
        np.copyto(inner[t], part[:, 2 * size :])
        np.multiply(both[:, :size], inner[t], out=product)
        np.add(n, product, out=n)
        np.tanh(n, out=n)
        np.subtract(h, n, out=product)  # (1 - z) n + z h = n + z (h - n)
        np.multiply(both[:, size:], product, out=product)
        np.add(n, product, out=y[t])
        h = y[t]
    np.copyto(h_last, h)


def _gru_grad_kernel(outputs: Arrays, inputs: Arrays, attrs: Attrs) -> None:
    x, w, r, y, gates, inner, dy, dh_last, *states = inputs
    dx, dw, dr, dw_bias, dr_bias, dh = outputs
    (length, batch, size), reverse = y.shape, attrs["reverse"]
    h_first = _first(states, 0, dh_last)
    before = _before(y, h_first, reverse)
    parted = gates.reshape(length, batch, 3, size)
    reset, z, n = (parted[:, :, k] for k in range(3))
    slopes, loops = np.empty(gates.shape, dx.dtype), np.empty(gates.shape, dx.dtype)
    # All that does not wait for a step: what h's slope is to be multiplied by for each gate.
    factors, inside = slopes.reshape(parted.shape), loops.reshape(parted.shape)
    np.multiply(1 - z, 1 - n * n, out=factors[:, :, 2])
    np.multiply(before - n, z * (1 - z), out=factors[:, :, 1])
    np.multiply(factors[:, :, 2], inner * (reset * (1 - reset)), out=factors[:, :, 0])
    np.copyto(inside, factors)
    inside[:, :, 2] *= reset
    part = np.empty(dh.shape, dh.dtype)
    np.copyto(dh, dh_last)
    for t in _order(length, not reverse):
        np.add(dh, dy[t], out=dh)
        np.multiply(factors[t], dh[:, None], out=factors[t])
        np.multiply(inside[t], dh[:, None], out=inside[t])
        np.matmul(loops[t], r, out=part)
        np.multiply(dh, z[t], out=dh)
        np.add(dh, part, out=dh)
    _spread(slopes, w, dx)
    _sum_products(slopes, x, dw)
    _sum_products(loops, before, dr)
    np.sum(slopes, axis=(0, 1), out=dw_bias)
    np.sum(loops, axis=(0, 1), out=dr_bias)


# --- plain RNN --------------------------------------------------------------------------------


def _rnn_kernel(outputs: Arrays, inputs: Arrays, attrs: Attrs) -> None:
    x, w, r, w_bias, r_bias, *states = inputs
    y, h_last = outputs
    h, part = _first(states, 0, h_last), np.empty(h_last.shape, y.dtype)
    _project(x, w, w_bias + r_bias, y)
    for t in _order(y.shape[0], attrs["reverse"]):
        np.matmul(h, r.T, out=part)
        np.add(y[t], part, out=y[t])
        if attrs["activation"] == "tanh":
            np.tanh(y[t], out=y[t])
        else:
            np.maximum(y[t], 0, out=y[t])
        h = y[t]
    np.copyto(h_last, h)


def _rnn_grad_kernel(outputs: Arrays, inputs: Arrays, attrs: Attrs) -> None:
    x, w, r, y, dy, dh_last, *states = inputs
    dx, dw, dr, db, dh = outputs
    reverse = attrs["reverse"]
    slopes = np.empty(y.shape, dx.dtype)
    np.copyto(dh, dh_last)
    for t in _order(y.shape[0], not reverse):
        np.add(dh, dy[t], out=dh)
        np.multiply(dh, 1 - y[t] * y[t] if attrs["activation"] == "tanh" else y[t] > 0, out=slopes[t])
        np.matmul(slopes[t], r, out=dh)
    _spread(slopes, w, dx)
    _sum_products(slopes, x, dw)
    _sum_products(slopes, _before(y, _first(states, 0, dh_last), reverse), dr)
    np.sum(slopes, axis=(0, 1), out=db)


# --- rules ------------------------------------------------------------------------------------


def _gates(count: int) -> Callable[[Any], None]:
    """Return the equation that both weights hold so many gates."""

    def shape(ctx: Any) -> None:
        w, r = ctx.inputs[1], ctx.inputs[2]
        if ctx.rank(w) == 2 and ctx.rank(r) == 2:
            why = f"axis 0 of w must be {count} times axis 1 of r"
            ctx.total(ctx.dim(w, 0), [ctx.dim(r, 1)] * count, why)

    return shape


def _cost(products: int, steps: int) -> CostRule:
    """Return a cost of so many passes over the weights, and of so many FLOPs per element of gates."""

    def cost(inputs: Sequence[TensorType], outputs: Sequence[TensorType], attrs: Attrs) -> Dim:
        x, w, r = inputs[:3]
        if x.shape is None or w.shape is None or r.shape is None:
            return -1
        rows = elements(TensorType(x.shape[:2]))
        weights = [elements(w), elements(r), elements(TensorType(w.shape[:1]))]
        if any(isinstance(count, int) and count < 0 for count in weights):
            return -1
        one_row = (weights[0] + weights[1]) * (2 * products) + weights[2] * steps
        return scaled(one_row, rows)

    return cost


def _backward(op: str, kept: Sequence[int], states: int) -> Callable[[Vjp], Sequence[Any]]:
    """Return the gradient rule of a recurrence.

    Parameters
    ----------
    op : str
        The op that computes the gradients of x, w, r, bias (or two biases) and first states.
    kept : sequence of int
        The outputs that it reads.
    states : int
        How many states there are; their last values are the outputs behind the first.
    """

    def vjp(v: Vjp) -> Sequence[Any]:
        if any(dy is not None for dy in v.dys[1 + states :]):
            raise DifferentiationError(f"the kept gates of {op.removesuffix('_grad')} have no gradient")
        dys = [
            v.emit("zeros_like", out) if dy is None else dy
            for dy, out in zip(v.dys[: 1 + states], v.outputs, strict=False)
        ]
        x, w, r, _, _, *first = v.inputs
        made = v.emit(op, x, w, r, *(v.outputs[port] for port in kept), *dys, *first, **v.attrs)
        ports = [
            Tensor(made.builder, Value(made.value.node, port))
            for port in range(4 + states + (op == "gru_grad"))
        ]
        dx, dw, dr, *rest = ports
        biases = rest[: len(rest) - states]
        return (dx, dw, dr, biases[0], biases[-1], *rest[len(rest) - states :])[: len(v.inputs)]

    return vjp


def _activation(value: Any) -> str:
    if value not in ("tanh", "relu"):
        raise ValueError("must be 'tanh' or 'relu'")
    return str(value)


REVERSE = Attr("reverse", checks.boolean, False)
ACTIVATION = Attr("activation", _activation, "tanh")

_TAKEN = "x:float[length,batch,size], w:float[gates,size], r:float[gates,hidden]"
_BIASES = "w_bias:float[gates], r_bias:float[gates]"
_H, _C = "h[batch,hidden]?", "c[batch,hidden]?"
_Y = "y[length,batch,hidden]"
_GATES, _CELLS = "all[length,batch,gates]", "cells[length,batch,hidden]"
_SLOPES = "dy[length,batch,hidden], dh_last[batch,hidden]"
_WEIGHT_GRADS = "dx[length,batch,size], dw[gates,size], dr[gates,hidden]"

register(
    OpSpec(
        name="lstm",
        signature=f"{_TAKEN}, {_BIASES}, {_H}, {_C} -> {_Y}, h_last[batch,hidden], c_last[batch,hidden],"
        f" {_GATES}, {_CELLS}",
        doc="One layer and direction of an LSTM over [length,batch,size], gates i, f, g, o:"
        " c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c'); gives all h, the last h and c,"
        " and what the gradient reads: gates and cells.",
        kernel=_lstm_kernel,
        vjp=_backward("lstm_grad", (0, 3, 4), 2),
        attrs=(REVERSE,),
        shape=_gates(4),
        cost=_cost(1, 8),
        quiet=True,
    )
)
register(
    OpSpec(
        name="lstm_grad",
        signature=f"{_TAKEN}, {_Y}, {_GATES}, {_CELLS}, {_SLOPES}, dc_last[batch,hidden], {_H}, {_C}"
        f" -> {_WEIGHT_GRADS}, db[gates], dh[batch,hidden], dc[batch,hidden]",
        doc="The gradients of lstm, from those of its first three outputs: of [length,batch,size], of both"
        " weights, of either bias, of the first states.",
        kernel=_lstm_grad_kernel,
        no_gradient=ONCE,
        attrs=(REVERSE,),
        shape=_gates(4),
        cost=_cost(2, 16),
        quiet=True,
    )
)
register(
    OpSpec(
        name="gru",
        signature=f"{_TAKEN}, {_BIASES}, {_H} -> {_Y}, h_last[batch,hidden], {_GATES}, inner[length,batch,hidden]",
        doc="One layer and direction of a GRU over [length,batch,size], gates r, z, n:"
        " n = tanh(n_x + sigmoid(r) n_h), h' = (1 - sigmoid(z)) n + sigmoid(z) h; gives all h, the last h,"
        " and what the gradient reads: gates and n_h.",
        kernel=_gru_kernel,
        vjp=_backward("gru_grad", (0, 2, 3), 1),
        attrs=(REVERSE,),
        shape=_gates(3),
        cost=_cost(1, 8),
        quiet=True,
    )
)
register(
    OpSpec(
        name="gru_grad",
        signature=f"{_TAKEN}, {_Y}, {_GATES}, inner[length,batch,hidden], {_SLOPES}, {_H}"
        f" -> {_WEIGHT_GRADS}, dw_bias[gates], dr_bias[gates], dh[batch,hidden]",
        doc="The gradients of gru, from those of its first two outputs: of [length,batch,size], of both"
        " weights and biases, of the first state.",
        kernel=_gru_grad_kernel,
        no_gradient=ONCE,
        attrs=(REVERSE,),
        shape=_gates(3),
        cost=_cost(2, 16),
        quiet=True,
    )
)
register(
    OpSpec(
        name="rnn",
        signature=f"{_TAKEN}, {_BIASES}, {_H} -> {_Y}, h_last[batch,hidden]",
        doc="One layer and direction of a plain recurrence over [length,batch,size] (Elman 1990):"
        " h' = activation(w x + r h + biases); gives all h and the last.",
        kernel=_rnn_kernel,
        vjp=_backward("rnn_grad", (0,), 1),
        attrs=(REVERSE, ACTIVATION),
        shape=_gates(1),
        cost=_cost(1, 3),
        quiet=True,
    )
)
register(
    OpSpec(
        name="rnn_grad",
        signature=f"{_TAKEN}, {_Y}, {_SLOPES}, {_H} -> {_WEIGHT_GRADS}, db[gates], dh[batch,hidden]",
        doc="The gradients of rnn, from those of its outputs: of [length,batch,size], of both weights, of"
        " either bias, of the first state.",
        kernel=_rnn_grad_kernel,
        no_gradient=ONCE,
        attrs=(REVERSE, ACTIVATION),
        shape=_gates(1),
        cost=_cost(2, 6),
        quiet=True,
    )
)
