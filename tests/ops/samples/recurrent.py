"""Samples of recurrences; references compute one number at a time, gradients by complex steps."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from .sample import Draw, add, normal

LENGTH, BATCH, SIZE, HIDDEN = 5, 2, 7, 3
COUNTS = {"lstm": 4, "gru": 3, "rnn": 1}
KEPT = {"lstm": (0, 3, 4), "gru": (0, 2, 3), "rnn": (0,)}  # outputs that the gradient reads
STATES = {"lstm": 2, "gru": 1, "rnn": 1}


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def recur(
    op: str,
    x: np.ndarray,
    w: np.ndarray,
    r: np.ndarray,
    w_bias: np.ndarray,
    r_bias: np.ndarray,
    *states: np.ndarray,
    reverse: bool = False,
    activation: str = "tanh",
) -> tuple[np.ndarray, ...]:
    """Compute a recurrence sample by sample and unit by unit; complex numbers are welcome."""
    (length, batch, _), hidden = x.shape, r.shape[1]
    kind = np.result_type(x, w, r, w_bias, r_bias, *states)
    h, c = (np.array(s, kind) for s in (*states, *[np.zeros((batch, hidden))] * 2)[:2])
    y, cells, inner = (np.zeros((length, batch, hidden), kind) for _ in range(3))
    gates = np.zeros((length, batch, w.shape[0]), kind)
    for t in reversed(range(length)) if reverse else range(length):
        for n in range(batch):
            a = [w[k] @ x[t, n] + w_bias[k] for k in range(len(w))]
            b = [r[k] @ h[n] + r_bias[k] for k in range(len(w))]
            for j in range(hidden):
                one, two, three, four = ((a + [0] * 999)[k * hidden + j] for k in range(4))
                un, deux, trois, quatre = ((b + [0] * 999)[k * hidden + j] for k in range(4))
                if op == "lstm":
                    found = (
                        sigmoid(one + un),
                        sigmoid(two + deux),
                        np.tanh(three + trois),
                        sigmoid(four + quatre),
                    )
                    cells[t, n, j] = found[1] * c[n, j] + found[0] * found[2]
                    y[t, n, j] = found[3] * np.tanh(cells[t, n, j])
                elif op == "gru":
                    reset, z = sigmoid(one + un), sigmoid(two + deux)
                    found = (reset, z, np.tanh(three + reset * trois))
                    inner[t, n, j] = trois
                    y[t, n, j] = (1 - z) * found[2] + z * h[n, j]
                else:
                    total = one + un
                    found = ()
                    y[t, n, j] = np.tanh(total) if activation == "tanh" else total * (total.real > 0)
                for k, gate in enumerate(found):
                    gates[t, n, k * hidden + j] = gate
        h, c = y[t].copy(), cells[t].copy()
    return {"lstm": (y, h, c, gates, cells), "gru": (y, h, gates, inner), "rnn": (y, h)}[op]


def drawn(op: str, index: int, *shape: int) -> Draw:
    """Draw an argument that does not depend on what is drawn beside it."""
    seed = zlib.crc32(f"{op}{index}".encode())
    return lambda rng: np.random.default_rng(seed).standard_normal(shape)


def arguments(op: str, length: int = LENGTH, first: bool = True) -> list[Draw]:
    gates = COUNTS[op] * HIDDEN
    shapes: list[tuple[int, ...]] = [
        (length, BATCH, SIZE),
        (gates, SIZE),
        (gates, HIDDEN),
        (gates,),
        (gates,),
    ]
    shapes += [(BATCH, HIDDEN)] * (STATES[op] if first else 0)
    return [drawn(op, index, *shape) for index, shape in enumerate(shapes)]


def add_gradient(op: str, length: int = LENGTH, first: bool = True, **attrs: Any) -> None:
    """Add a sample of a gradient op; the kept values are those of a forward run."""
    rng = np.random.default_rng()
    x, w, r, w_bias, r_bias, *states = (draw(rng) for draw in arguments(op, length, first))
    forward = recur(op, x, w, r, w_bias, r_bias, *states, **attrs)
    kept: list[Draw] = [lambda rng, port=port: forward[port] for port in KEPT[op]]
    slopes = [normal(*forward[port].shape) for port in range(1 + STATES[op])]

    def reference(
        x: np.ndarray, w: np.ndarray, r: np.ndarray, *rest: np.ndarray, **attrs: Any
    ) -> Sequence[np.ndarray]:
        dys = rest[len(KEPT[op]) : len(KEPT[op]) + 1 + STATES[op]]
        given = [x, w, r, w_bias, r_bias, *rest[len(KEPT[op]) + 1 + STATES[op] :]]
        given += [np.zeros((BATCH, HIDDEN))] * (5 + STATES[op] - len(given))
        gradients = [np.zeros(array.shape) for array in given]
        for index, gradient in enumerate(gradients):
            for place in np.ndindex(*gradient.shape):
                moved = [array.astype(complex) for array in given]
                moved[index][place] += 1e-30j
                outputs = recur(op, *moved, **attrs)
                gradient[place] = (
                    sum(np.sum(dy * out.imag) for dy, out in zip(dys, outputs, strict=False)) / 1e-30
                )
        return gradients if op == "gru" else gradients[:3] + gradients[4:]

    gates = arguments(op, length, first)
    add(f"{op}_grad", *gates[:3], *kept, *slopes, *gates[5:], ref=reference, **attrs)


for _op in COUNTS:
    _reference = lambda *arrays, op=_op, **attrs: recur(op, *arrays, **attrs)  # noqa: E731
    add(_op, *arguments(_op), ref=_reference, smooth=False)
    add(_op, *arguments(_op), ref=_reference, smooth=False, reverse=True)
    add(_op, *arguments(_op, first=False), ref=_reference, smooth=False)
    add(_op, *arguments(_op, length=0), ref=_reference, smooth=False)
    add_gradient(_op)
    add_gradient(_op, reverse=True)
    add_gradient(_op, first=False)
    add_gradient(_op, length=0)
add("rnn", *arguments("rnn"), ref=_reference, smooth=False, activation="relu")
add_gradient("rnn", activation="relu")
