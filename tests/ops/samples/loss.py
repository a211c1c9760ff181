"""Samples of what losses are made of."""

from __future__ import annotations

import numpy as np

from .sample import add, ids


def _without(ids: np.ndarray, ignored: int) -> tuple[np.ndarray, np.ndarray]:
    return np.where(ids == ignored, 0, ids), ids != ignored


add("without_ignored", ids(3, 5, 7), ref=_without, ignored=2)
add("without_ignored", ids(3, 0, 7), ref=_without, ignored=-1)
