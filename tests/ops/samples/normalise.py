"""Samples of the ops that normalise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .sample import add, normal, positive


def _along(x: np.ndarray, like: np.ndarray, axis: int) -> np.ndarray:
    shape = [1] * like.ndim
    shape[axis] = len(x)
    return x.reshape(shape)


add("along_axis", normal(3), normal(2, 3, 5), ref=_along, axis=1)
add("along_axis", normal(5), normal(2, 3, 5), ref=_along, axis=-1)
add("along_axis", normal(0), normal(2, 0), ref=_along, axis=1)


def _split(x: np.ndarray, axis: int, parts: int) -> np.ndarray:
    return np.stack(np.split(x, parts, axis), axis if axis >= 0 else x.ndim + axis)


add("split_axis", normal(2, 15, 7), ref=_split, axis=1, parts=3)
add("split_axis", normal(2, 3, 35), ref=_split, axis=-1, parts=7)
add("split_axis", normal(2, 3), ref=_split, axis=0, parts=1)


def _standardize(
    x: np.ndarray, axis: Any = -1, others: bool = False, epsilon: float = 1e-5
) -> tuple[np.ndarray, ...]:
    named = set(normalize_axis_tuple(axis, x.ndim))
    axes = tuple(set(range(x.ndim)) - named if others else named)
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon), mean, variance


add("standardize", normal(2, 7), ref=_standardize)
add("standardize", normal(5, 3, 2, 7), ref=_standardize, axis=1, others=True)
add("standardize", normal(5, 3), ref=_standardize, axis=1, others=True, epsilon=0.5)
add("standardize", normal(2, 3, 7), ref=_standardize, axis=(0, 1), others=True)
add("standardize", normal(2, 3, 7), ref=_standardize, axis=(0, 2))
add("standardize", normal(0, 3), ref=_standardize)


def _batch_norm(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    axis: int = 1,
    epsilon: float = 1e-5,
) -> np.ndarray:
    moved = (np.moveaxis(x, axis, -1) - mean) / np.sqrt(variance + epsilon) * gamma + beta
    return np.moveaxis(moved, -1, axis)


add("batch_norm", normal(2, 3, 5), normal(3), normal(3), normal(3), positive(3), ref=_batch_norm)
add(
    "batch_norm",
    *(normal(2, 3, 5, 7), normal(7), normal(7), normal(7), positive(7)),
    ref=_batch_norm,
    axis=-1,
    epsilon=0.1,
)
add("batch_norm", normal(0, 3), normal(3), normal(3), normal(3), positive(3), ref=_batch_norm)
