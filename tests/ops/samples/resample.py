"""Samples of images in another size."""

from __future__ import annotations

from typing import Any

import numpy as np

from .sample import add, normal


def _weights(method: str, size: int, out: int) -> list[dict[int, float]]:
    """Return, for each place of one axis, the pixels that it is made of."""
    places = []
    for place in range(out):
        if method == "area":
            seen = [i for i in range(size) if i * out < (place + 1) * size and (i + 1) * out > place * size]
            places.append({i: 1 / len(seen) for i in seen})
        elif method == "nearest":
            places.append({int(place * size / out): 1.0})
        else:
            centre = min(max((place + 0.5) * size / out - 0.5, 0), size - 1)
            low = int(centre)
            places.append({low: 1 - (centre - low)} | ({low + 1: centre - low} if low + 1 < size else {}))
    return places


def _resample(
    x: np.ndarray, size: Any = (), scale: Any = (), method: str = "nearest", channels_last: bool = False
) -> np.ndarray:
    for place in range(len(size or scale)):
        axis = place + (1 if channels_last else 2)
        out = size[place] if size else scale[place] * x.shape[axis]
        parts = [
            sum(np.take(x, i, axis) * weight for i, weight in weights.items())
            for weights in _weights(method, x.shape[axis], out)
        ]
        x = np.stack(parts, axis).astype(x.dtype)
    return x


def _resample_gradient(dy: np.ndarray, like: np.ndarray, **attrs: Any) -> np.ndarray:
    """Return the transpose, from the images of unit vectors."""
    dx = np.zeros_like(like)
    for index in np.ndindex(*like.shape):
        unit = np.zeros_like(like)
        unit[index] = 1
        dx[index] = np.vdot(_resample(unit, **attrs), dy)
    return dx


for _method in ("area", "nearest", "linear"):
    for _x, _y, _attrs in (
        ((2, 3, 7), (2, 3, 3), {"size": (3,)}),
        ((2, 1, 3, 5), (2, 1, 5, 2), {"size": (5, 2)}),
        ((1, 2, 3, 5), (1, 6, 15, 5), {"scale": (3, 5), "channels_last": True}),
        ((2, 3, 2), (2, 3, 6), {"scale": (3,)}),
        ((1, 2, 2, 3, 1), (1, 2, 1, 2, 3), {"size": (1, 2, 3)}),
    ):
        if _attrs.get("channels_last"):
            _x, _y = (1, 2, 3, 5), (1, 6, 15, 5)
        add("resample", normal(*_x), ref=_resample, method=_method, **_attrs)
        add(
            "resample_gradient",
            *(normal(*_y), normal(*_x)),
            ref=_resample_gradient,
            wrt="a",
            method=_method,
            **_attrs,
        )


def _reflect(x: np.ndarray, pads: Any) -> np.ndarray:
    for axis, (before, after) in enumerate(pads):
        size = x.shape[axis]
        x = np.stack(
            [np.take(x, size - 1 - abs(size - 1 - abs(i)), axis) for i in range(-before, size + after)], axis
        )
    return x


def _reflect_gradient(dy: np.ndarray, like: np.ndarray, pads: Any) -> np.ndarray:
    dx = np.zeros_like(like)
    places = _reflect(np.arange(like.size).reshape(like.shape), pads)
    np.add.at(dx.reshape(-1), places.ravel(), dy.ravel())
    return dx


for _x, _pads in (((2, 3, 5), ((0, 0), (1, 2), (4, 3))), ((7,), ((6, 0),)), ((2, 3), ((0, 0), (0, 0)))):
    _y = tuple(size + sum(pair) for size, pair in zip(_x, _pads, strict=True))
    add("reflect_pad", normal(*_x), ref=_reflect, pads=_pads)
    add("reflect_pad_gradient", normal(*_y), normal(*_x), ref=_reflect_gradient, wrt="a", pads=_pads)


def _shuffle(x: np.ndarray, factors: Any) -> np.ndarray:
    count = int(np.prod(factors))
    y = np.zeros(
        (x.shape[0], x.shape[1] // count, *(s * f for s, f in zip(x.shape[2:], factors, strict=True))),
        x.dtype,
    )
    for channel in range(y.shape[1]):
        for number, offset in enumerate(np.ndindex(*factors)):
            spread = tuple(slice(o, None, f) for o, f in zip(offset, factors, strict=True))
            y[(slice(None), channel, *spread)] = x[:, channel * count + number]
    return y


def _unshuffle(x: np.ndarray, factors: Any) -> np.ndarray:
    channels = [
        x[
            (
                slice(None),
                channel,
                *(slice(o, n, f) for o, f, n in zip(offset, factors, x.shape[2:], strict=True)),
            )
        ]
        for channel in range(x.shape[1])
        for offset in np.ndindex(*factors)
    ]
    return np.stack(channels, 1)


add("pixel_shuffle", normal(2, 15, 7), ref=_shuffle, factors=(3,))
add("pixel_shuffle", normal(2, 30, 5, 7), ref=_shuffle, factors=(2, 3))
add("pixel_shuffle", normal(2, 12, 1, 2, 3), ref=_shuffle, factors=(2, 3, 1))
add("pixel_unshuffle", normal(2, 5, 21), ref=_unshuffle, factors=(3,))
add("pixel_unshuffle", normal(2, 5, 4, 9), ref=_unshuffle, factors=(2, 3))
