"""Samples of convolutions; the reference visits every place and tap."""

from __future__ import annotations

from typing import Any

import numpy as np

from .sample import add, normal


def _pads(padding: Any, sizes: Any, kernel: Any, strides: Any, dilation: Any) -> list[tuple[int, int]]:
    if padding != "same":
        return [(pad, pad) if isinstance(pad, int) else pad for pad in padding]
    pads = []
    for size, taps, stride, step in zip(sizes, kernel, strides, dilation, strict=True):
        whole = max((-(-size // stride) - 1) * stride + step * (taps - 1) + 1 - size, 0)
        pads.append((whole // 2, whole - whole // 2))
    return pads


def _visits(sizes: Any, kernel: Any, places: Any, strides: Any, padding: Any, dilation: Any) -> Any:
    """Give (place, tap, pixel) for all taps that fall on the image."""
    pads = _pads(padding, sizes, kernel, strides, dilation)
    for place in np.ndindex(*places):
        for tap in np.ndindex(*kernel):
            pixel = tuple(
                p * stride + t * step - before
                for p, t, stride, step, (before, _) in zip(place, tap, strides, dilation, pads, strict=True)
            )
            if all(0 <= i < size for i, size in zip(pixel, sizes, strict=True)):
                yield place, tap, pixel


def _places(sizes: Any, kernel: Any, strides: Any, padding: Any, dilation: Any) -> list[int]:
    pads = _pads(padding, sizes, kernel, strides, dilation)
    return [
        (size + sum(pad) - step * (taps - 1) - 1) // stride + 1
        for size, taps, stride, step, pad in zip(sizes, kernel, strides, dilation, pads, strict=True)
    ]


def _first(array: np.ndarray, last: bool) -> np.ndarray:
    return np.moveaxis(array, -1, 1) if last else array


def _back(array: np.ndarray, last: bool) -> np.ndarray:
    return np.moveaxis(array, 1, -1) if last else array


def _slots(w: np.ndarray, groups: int) -> Any:
    """Give (output channel, input channels) for a weight [n,c,*k]."""
    units, each = w.shape[:2]
    for unit in range(units):
        start = unit // (units // groups) * each
        yield unit, slice(start, start + each)


def _conv(
    x: np.ndarray,
    w: np.ndarray,
    bias: Any = None,
    *,
    strides: Any,
    padding: Any,
    dilation: Any,
    groups: int = 1,
    channels_last: bool = False,
) -> np.ndarray:
    x, w = _first(x, channels_last), _first(w, channels_last)
    sizes, kernel = x.shape[2:], w.shape[2:]
    places = _places(sizes, kernel, strides, padding, dilation)
    y = np.zeros((x.shape[0], w.shape[0], *places), x.dtype)
    for place, tap, pixel in _visits(sizes, kernel, places, strides, padding, dilation):
        for unit, channels in _slots(w, groups):
            y[(slice(None), unit, *place)] += (
                x[(slice(None), channels, *pixel)] @ w[(unit, slice(None), *tap)]
            )
    if bias is not None:
        y += bias.reshape(-1, *[1] * len(places))
    return _back(y, channels_last)


def _input_gradient(
    dy: np.ndarray,
    w: np.ndarray,
    like: np.ndarray,
    *,
    strides: Any,
    padding: Any,
    dilation: Any,
    groups: int = 1,
    channels_last: bool = False,
) -> np.ndarray:
    dy, w, dx = (_first(array, channels_last) for array in (dy, w, np.zeros(like.shape, dy.dtype)))
    for place, tap, pixel in _visits(dx.shape[2:], w.shape[2:], dy.shape[2:], strides, padding, dilation):
        for unit, channels in _slots(w, groups):
            sent = dy[(slice(None), unit, *place)][:, None] * w[(unit, slice(None), *tap)]
            dx[(slice(None), channels, *pixel)] += sent
    return _back(dx, channels_last)


def _weight_gradient(
    x: np.ndarray,
    dy: np.ndarray,
    like: np.ndarray,
    *,
    strides: Any,
    padding: Any,
    dilation: Any,
    groups: int = 1,
    channels_last: bool = False,
) -> np.ndarray:
    x, dy, dw = (_first(array, channels_last) for array in (x, dy, np.zeros(like.shape, dy.dtype)))
    for place, tap, pixel in _visits(x.shape[2:], dw.shape[2:], dy.shape[2:], strides, padding, dilation):
        for unit, channels in _slots(dw, groups):
            seen = x[(slice(None), channels, *pixel)]
            dw[(unit, slice(None), *tap)] += dy[(slice(None), unit, *place)] @ seen
    return _back(dw, channels_last)


def _transpose(
    x: np.ndarray, w: np.ndarray, bias: Any = None, *, output_padding: Any = (), **attrs: Any
) -> np.ndarray:
    last, groups = attrs.get("channels_last", False), attrs.get("groups", 1)
    sizes, (_, each, *kernel) = _first(x, last).shape[2:], _first(w, last).shape
    strides, dilation, padding = attrs["strides"], attrs["dilation"], attrs["padding"]
    if padding == "same":
        whole = [size * stride for size, stride in zip(sizes, strides, strict=True)]
    else:
        pads = _pads(padding, sizes, kernel, strides, dilation)
        extra = output_padding or (0,) * len(sizes)
        whole = [
            (size - 1) * stride + step * (taps - 1) + 1 - sum(pad) + more
            for size, stride, step, taps, pad, more in zip(
                sizes, strides, dilation, kernel, pads, extra, strict=True
            )
        ]
    shape = (x.shape[0], *whole, groups * each) if last else (x.shape[0], groups * each, *whole)
    y = _input_gradient(x, w, np.zeros(shape), **attrs)
    if bias is not None:
        y += bias if last else bias.reshape(-1, *[1] * len(sizes))
    return y


# image [b,c,*s], weight [n,c/g,*k], output [b,n,*t], attributes
CASES: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 7), (5, 3, 3), (2, 5, 5), {"strides": (1,), "padding": (0,), "dilation": (1,)}),
    ((2, 3, 7, 11), (5, 3, 3, 2), (2, 5, 3, 10), {"strides": (2, 1), "padding": (0, 0), "dilation": (1, 1)}),
    (
        (2, 3, 7, 5),
        (5, 3, 3, 1),
        (2, 5, 5, 3),
        {"strides": (2, 2), "padding": (2, (0, 1)), "dilation": (1, 2)},
    ),
    ((3, 2, 5, 7), (7, 2, 1, 1), (3, 7, 5, 7), {"strides": (1, 1), "padding": (0, 0), "dilation": (1, 1)}),
    ((3, 2, 5, 7), (7, 2, 1, 1), (3, 7, 2, 3), {"strides": (3, 3), "padding": (0, 0), "dilation": (1, 1)}),
    (
        (2, 6, 5, 7),
        (9, 2, 3, 2),
        (2, 9, 5, 4),
        {"strides": (1, 2), "padding": "same", "dilation": (1, 1), "groups": 3},
    ),
    (
        (2, 3, 5, 7),
        (6, 1, 3, 3),
        (2, 6, 3, 4),
        {"strides": (1, 2), "padding": (0, 1), "dilation": (1, 1), "groups": 3},
    ),
    (
        (2, 5, 7, 3),
        (5, 3, 2, 3),
        (2, 5, 7, 5),
        {"strides": (1, 1), "padding": (1, (0, 1)), "dilation": (1, 1), "channels_last": True},
    ),
    (
        (2, 3, 2, 5, 4),
        (3, 3, 2, 3, 1),
        (2, 3, 1, 3, 2),
        {"strides": (1, 1, 2), "padding": (0, 0, 0), "dilation": (1, 1, 1)},
    ),
    ((0, 3, 7), (5, 3, 3), (0, 5, 5), {"strides": (1,), "padding": (0,), "dilation": (1,)}),
]

for _x, _w, _y, _attrs in CASES:
    _n = _y[-1] if _attrs.get("channels_last") else _y[1]
    add("conv", normal(*_x), normal(*_w), ref=_conv, **_attrs)
    add("conv", normal(*_x), normal(*_w), normal(_n), ref=_conv, **_attrs)
    add("conv_input_gradient", normal(*_y), normal(*_w), normal(*_x), ref=_input_gradient, wrt="ab", **_attrs)
    add(
        "conv_weight_gradient",
        normal(*_x),
        normal(*_y),
        normal(*_w),
        ref=_weight_gradient,
        wrt="ab",
        **_attrs,
    )

_PLAIN = {"strides": (2, 3), "padding": (1, 0), "dilation": (1, 2)}
add("conv_transpose", normal(2, 3, 5, 4), normal(3, 7, 3, 2), normal(7), ref=_transpose, **_PLAIN)
add("conv_transpose", normal(2, 3, 5, 4), normal(3, 7, 3, 2), ref=_transpose, output_padding=(1, 2), **_PLAIN)
add(
    "conv_transpose",
    *(normal(2, 6, 5), normal(6, 5, 3), normal(10)),
    ref=_transpose,
    strides=(2,),
    padding="same",
    dilation=(1,),
    groups=2,
)
add(
    "conv_transpose",
    *(normal(2, 5, 7, 3), normal(3, 2, 3, 5), normal(5)),
    ref=_transpose,
    strides=(2, 1),
    padding=(0, 1),
    dilation=(1, 1),
    channels_last=True,
)
