"""Samples of pooling; the reference looks at one window after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .sample import Draw, add, ids, normal


def apart(*shape: int) -> Draw:
    """Values at least 0.1 apart, so that small steps don't change which is greatest."""
    return lambda rng: rng.permutation(np.prod(shape, dtype=int)).reshape(shape) * 0.1


def _pairs(padding: Any) -> list[tuple[int, int]]:
    return [(pad, pad) if isinstance(pad, int) else pad for pad in padding]


def _looks(x: np.ndarray, attrs: dict[str, Any]) -> tuple[list[int], Iterator[Any]]:
    """Return how many places there are, and for each its (place, pixels by tap number)."""
    sizes = x.shape[2:]
    kernel = sizes if attrs["kernel"] == "all" else attrs["kernel"]
    strides, pads = attrs["strides"], _pairs(attrs["padding"])
    places = []
    for size, width, stride, pad in zip(sizes, kernel, strides, pads, strict=True):
        left = size + sum(pad) - width
        count = (-(-left // stride) if attrs.get("ceil") else left // stride) + 1
        if attrs.get("ceil") and (count - 1) * stride >= size + pad[0]:  # it would start behind the image
            count -= 1
        places.append(count)

    def looks() -> Iterator[Any]:
        for place in np.ndindex(*places):
            pixels = {}
            for number, tap in enumerate(np.ndindex(*kernel)):
                pixel = tuple(
                    p * stride + t - before
                    for p, t, stride, (before, _) in zip(place, tap, strides, pads, strict=True)
                )
                if all(0 <= i < size for i, size in zip(pixel, sizes, strict=True)):
                    pixels[number] = pixel
            yield place, pixels

    return places, looks()


def _lasting(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Let a reference for channels first serve channels last."""

    def reference(*arrays: np.ndarray, channels_last: bool = False, **attrs: Any) -> np.ndarray:
        if not channels_last:
            return function(*arrays, **attrs)
        return np.moveaxis(function(*(np.moveaxis(array, -1, 1) for array in arrays), **attrs), 1, -1)

    return reference


@_lasting
def _max(x: np.ndarray, **attrs: Any) -> np.ndarray:
    places, looks = _looks(x, attrs)
    y = np.empty((*x.shape[:2], *places), x.dtype)
    for place, pixels in looks:
        seen = [x[(..., *pixel)] for pixel in pixels.values()]
        y[(..., *place)] = np.max(seen, 0)
    return y


@_lasting
def _taps(x: np.ndarray, **attrs: Any) -> np.ndarray:
    places, looks = _looks(x, attrs)
    y = np.zeros((*x.shape[:2], *places), np.int64)
    for place, pixels in looks:
        if pixels:
            numbers = np.array(list(pixels))
            y[(..., *place)] = numbers[np.argmax([x[(..., *pixel)] for pixel in pixels.values()], 0)]
    return y


@_lasting
def _unpool(dy: np.ndarray, taps: np.ndarray, like: np.ndarray, **attrs: Any) -> np.ndarray:
    y = np.zeros_like(like)
    for place, pixels in _looks(like, attrs)[1]:
        for number, pixel in pixels.items():
            y[(..., *pixel)] += dy[(..., *place)] * (taps[(..., *place)] == number)
    return y


@_lasting
def _pick(x: np.ndarray, taps: np.ndarray, **attrs: Any) -> np.ndarray:
    y = np.zeros(taps.shape, x.dtype)
    for place, pixels in _looks(x, attrs)[1]:
        for number, pixel in pixels.items():
            y[(..., *place)] += x[(..., *pixel)] * (taps[(..., *place)] == number)
    return y


def _seen(place: Any, pixels: Any, sizes: Any, attrs: dict[str, Any]) -> int:
    if not attrs.get("count_padding", True):
        return max(len(pixels), 1)
    kernel = sizes if attrs["kernel"] == "all" else attrs["kernel"]
    count = 1
    for p, size, width, stride, (before, after) in zip(
        place, sizes, kernel, attrs["strides"], _pairs(attrs["padding"]), strict=True
    ):
        count *= max(min(p * stride - before + width, size + after) - (p * stride - before), 1)
    return count


@_lasting
def _average(x: np.ndarray, **attrs: Any) -> np.ndarray:
    places, looks = _looks(x, attrs)
    y = np.zeros((*x.shape[:2], *places), x.dtype)
    for place, pixels in looks:
        for pixel in pixels.values():
            y[(..., *place)] += x[(..., *pixel)] / _seen(place, pixels, x.shape[2:], attrs)
    return y


@_lasting
def _average_gradient(dy: np.ndarray, like: np.ndarray, **attrs: Any) -> np.ndarray:
    y = np.zeros_like(like)
    for place, pixels in _looks(like, attrs)[1]:
        for pixel in pixels.values():
            y[(..., *pixel)] += dy[(..., *place)] / _seen(place, pixels, like.shape[2:], attrs)
    return y


CASES: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 7), (2, 3, 3), {"kernel": (2,), "strides": (2,), "padding": (0,)}),
    ((2, 3, 7), (2, 3, 4), {"kernel": (2,), "strides": (2,), "padding": (0,), "ceil": True}),
    ((2, 3, 5), (2, 3, 2), {"kernel": (2,), "strides": (3,), "padding": (1,), "ceil": True}),
    ((2, 3, 2), (2, 3, 1), {"kernel": (1,), "strides": (2,), "padding": (0,), "ceil": True}),
    ((2, 3, 4, 5), (2, 3, 2, 2), {"kernel": (3, 2), "strides": (3, 4), "padding": (1, (0, 1)), "ceil": True}),
    ((2, 3, 5, 7), (2, 3, 3, 6), {"kernel": (3, 2), "strides": (2, 1), "padding": (1, 0)}),
    ((2, 3, 5, 7), (2, 3, 5, 3), {"kernel": (2, 3), "strides": (1, 3), "padding": ((1, 0), (2, 0))}),
    (
        (2, 5, 7, 3),
        (2, 2, 3, 3),
        {"kernel": (2, 3), "strides": (2, 2), "padding": (0, 0), "channels_last": True},
    ),
    ((2, 3, 2, 5, 4), (2, 3, 1, 2, 2), {"kernel": (2, 3, 1), "strides": (1, 2, 3), "padding": (0, 0, 0)}),
    ((2, 3, 5, 7), (2, 3, 1, 1), {"kernel": "all", "strides": (1, 1), "padding": (0, 0)}),
    (
        (2, 5, 7, 3),
        (2, 1, 1, 3),
        {"kernel": "all", "strides": (1, 1), "padding": (0, 0), "channels_last": True},
    ),
    ((0, 3, 7), (0, 3, 3), {"kernel": (2,), "strides": (2,), "padding": (0,)}),
]

for _x, _y, _attrs in CASES:
    _count = 1 if _attrs["kernel"] == "all" else int(np.prod(_attrs["kernel"]))
    add("max_pool", apart(*_x), ref=_max, **_attrs)
    add("max_pool_taps", apart(*_x), ref=_taps, **_attrs)
    add("unpool", normal(*_y), ids(_count, *_y), normal(*_x), ref=_unpool, wrt="a", **_attrs)
    add("pool_pick", normal(*_x), ids(_count, *_y), ref=_pick, **_attrs)
    for _counting in (True, False):
        add("avg_pool", normal(*_x), ref=_average, count_padding=_counting, **_attrs)
        add(
            "avg_pool_gradient",
            *(normal(*_y), normal(*_x)),
            ref=_average_gradient,
            wrt="a",
            count_padding=_counting,
            **_attrs,
        )
