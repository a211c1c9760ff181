"""Samples of what attention needs."""

from __future__ import annotations

import math

import numpy as np

from .sample import add, ids, normal, truth


def _weights(x: np.ndarray, mask: np.ndarray | None = None, causal: bool = False) -> np.ndarray:
    y = np.zeros(x.shape, x.dtype)
    seen = np.ones(x.shape) if mask is None else np.broadcast_to(mask, x.shape)
    for *row, t in np.ndindex(*x.shape[:-1]):
        place = (*row, t)
        keys = [
            s
            for s in range(x.shape[-1])
            if seen[(*place, s)] and (not causal or s <= t + x.shape[-1] - x.shape[-2])
        ]
        total = math.fsum(math.exp(x[(*place, s)]) for s in keys)
        for s in keys:
            y[(*place, s)] = math.exp(x[(*place, s)]) / total
    return y


add("attention_weights", normal(2, 3, 5), ref=_weights)
add("attention_weights", normal(2, 3, 5), ref=_weights, causal=True)
add("attention_weights", normal(5, 3), ref=_weights, causal=True)  # the first queries see nothing
add("attention_weights", normal(7, 2, 3, 5), truth(7, 1, 1, 5), ref=_weights)
add("attention_weights", normal(2, 3, 5), ids(2, 5), ref=_weights, causal=True)
add("attention_weights", normal(2, 3, 5), truth(2, 1, 1), ref=_weights)
add("attention_weights", normal(2, 0, 5), ref=_weights, causal=True)
add("attention_weights", normal(2, 3, 0), ref=_weights)


def _positions(x: np.ndarray, base: float = 10000.0) -> np.ndarray:
    length, width = x.shape[-2:]
    y = np.empty((length, width), x.dtype)
    for p, j in np.ndindex(length, width):
        angle = p / base ** (2 * (j // 2) / width)
        y[p, j] = math.cos(angle) if j % 2 else math.sin(angle)
    return y


add("sinusoidal_positions", normal(2, 5, 7), ref=_positions)
add("sinusoidal_positions", normal(11, 2), ref=_positions, base=100.0)
add("sinusoidal_positions", normal(2, 0, 3), ref=_positions)
add("add_positions", normal(2, 5, 7), normal(5, 7), ref=lambda x, p: x + p)
add("add_positions", normal(5, 7), normal(5, 7), ref=lambda x, p: x + p)
