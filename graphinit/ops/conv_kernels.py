"""How convolutions are computed.

What each tap sees is gathered into columns, tile by tile, and matrices are multiplied (im2col:
K. Chellapilla et al., "High performance convolutional neural networks for document processing", 2006).
Convolutions with one input channel a group add up taps instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from graphinit.ir.op import Attrs
from graphinit.ops.windows import Scratch, Windows, behind, channels_second, tiles


def _windows(image: np.ndarray, w: np.ndarray, places: Sequence[int], attrs: Attrs) -> Windows:
    return Windows.of(
        image.shape[2:], w.shape[2:], attrs["strides"], attrs["dilation"], attrs["padding"], places
    )


def _views(attrs: Attrs, *arrays: np.ndarray) -> list[np.ndarray]:
    return [channels_second(array, attrs["channels_last"]) for array in arrays]


def _add_bias(y: np.ndarray, bias: np.ndarray, channels_last: bool) -> None:
    np.add(y, bias if channels_last else bias.reshape(-1, *[1] * (y.ndim - 2)), out=y)


def conv_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    """Fill y with the convolution of x with w."""
    x, w, y = _views(attrs, inputs[0], inputs[1], outputs[0])
    at = _windows(x, w, y.shape[2:], attrs)
    if w.shape[1] == 1 and attrs["groups"] > 1:
        _conv_by_taps(x, w, y, at, attrs["groups"])
    else:
        _conv_by_columns(x, w, y, at, attrs["groups"])
    if len(inputs) == 3:
        _add_bias(outputs[0], inputs[2], attrs["channels_last"])


FEW = 64
"""With fewer places than that, one matrix of all images is multiplied rather than one an image."""


def _merges(batch: int, at: Windows) -> bool:
    return batch > 1 and math.prod(at.places) < FEW


def _conv_by_columns(x: np.ndarray, w: np.ndarray, y: np.ndarray, at: Windows, groups: int) -> None:
    batch, units = y.shape[:2]
    rows = w.reshape(groups, units // groups, math.prod(w.shape[1:]))
    seen = at.view(at.padded(x))
    taps = len(at.kernel)
    scratch, results = Scratch(x.dtype), Scratch(y.dtype)
    merges = _merges(batch, at)
    for images, part in tiles(batch, at.places[0], _per_row(rows, at, groups)):
        target = y[images, :, part]
        count, places = target.shape[0], math.prod(target.shape[2:])
        columns = seen[images][behind(2 + taps, part)]
        if merges:
            columns = scratch.copied(np.moveaxis(columns, 0, 1 + taps))  # [c,*k,b,*places]
            made = results.empty((groups, units // groups, count * places))
            np.matmul(rows, columns.reshape(groups, rows.shape[2], count * places), out=made)
            np.copyto(target, np.moveaxis(made.reshape(units, count, *target.shape[2:]), 0, 1))
            continue
        columns = columns if at.is_plain else scratch.copied(columns)
        gathered = columns.reshape(count, groups, rows.shape[2], places)
        shape = (count, groups, units // groups, places)
        if target.flags.c_contiguous:
            np.matmul(rows, gathered, out=target.reshape(shape))
        else:
            np.copyto(target, np.matmul(rows, gathered, out=results.empty(shape)).reshape(target.shape))


def _per_row(rows: np.ndarray, at: Windows, groups: int) -> int:
    return groups * int(rows.shape[2]) * math.prod(at.places[1:])


def _taps_of(w: np.ndarray, groups: int) -> np.ndarray:
    """Return the weight of a convolution with one channel a group as ``[g,m,*k]``."""
    return w.reshape(groups, w.shape[0] // groups, *w.shape[2:])


def _conv_by_taps(x: np.ndarray, w: np.ndarray, y: np.ndarray, at: Windows, groups: int) -> None:
    weights = _taps_of(w, groups)
    each = weights.shape[1]
    shape = (y.shape[0], groups, each, *at.places)
    total = np.zeros(shape, y.dtype)
    term = np.empty(shape, y.dtype)
    ones = (1,) * len(at.places)
    for tap, seen in at.tap_views(at.padded(x)):
        weight = weights[behind(2, *tap)].reshape(groups, each, *ones)
        np.multiply(seen[:, :, None], weight, out=term)
        np.add(total, term, out=total)
    np.copyto(y, total.reshape(y.shape))


def input_gradient_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    """Fill the gradient of the image."""
    dy, w, dx = _views(attrs, inputs[0], inputs[1], outputs[0])
    _spread(dy, w, dx, _windows(dx, w, dy.shape[2:], attrs), attrs["groups"])


def transpose_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    """Fill y with the transposed convolution of x with w."""
    x, w, y = _views(attrs, inputs[0], inputs[1], outputs[0])
    _spread(x, w, y, _windows(y, w, x.shape[2:], attrs), attrs["groups"])
    if len(inputs) == 3:
        _add_bias(outputs[0], inputs[2], attrs["channels_last"])


def _spread(dy: np.ndarray, w: np.ndarray, dx: np.ndarray, at: Windows, groups: int) -> None:
    """Add to each place of an image what the windows that see it send back."""
    batch, units = dy.shape[:2]
    channels = dx.shape[1]
    ones = (1,) * len(at.places)
    rows = w.reshape(groups, units // groups, math.prod(w.shape[1:])).swapaxes(1, 2)
    if at.is_plain and dx.flags.c_contiguous:
        count = math.prod(at.places)
        sent = dy.reshape(batch, groups, units // groups, count)
        np.matmul(rows, sent, out=dx.reshape(batch, groups, channels // groups, count))
        return
    padded = at.blank(dx.shape[:2], dx.dtype)
    if w.shape[1] == 1 and groups > 1:
        weights = _taps_of(w, groups)
        each = weights.shape[1]
        grouped = dy.reshape(batch, groups, each, *at.places)
        for tap, seen in at.tap_views(padded):
            weight = weights[behind(2, *tap)].reshape(groups, each, *ones)
            seen += grouped[:, :, 0] * weight[:, 0] if each == 1 else (grouped * weight).sum(axis=2)
    else:
        _spread_columns(dy, rows, padded, at, groups)
    np.copyto(dx, at.cropped(padded))


def _spread_columns(dy: np.ndarray, rows: np.ndarray, padded: np.ndarray, at: Windows, groups: int) -> None:
    """Add what columns send back to a padded image; `rows` is the weight as ``[g,c*k,n]``."""
    (batch, units), channels = dy.shape[:2], padded.shape[1]
    view, scratch, taken = at.view(padded), Scratch(padded.dtype), Scratch(dy.dtype)
    merges = _merges(batch, at)
    for images, part in tiles(batch, at.places[0], _per_row(rows.swapaxes(1, 2), at, groups)):
        sent = dy[images, :, part]
        count, places = sent.shape[0], math.prod(sent.shape[2:])
        target = view[images]
        if merges:
            flat = taken.copied(np.moveaxis(sent, 1, 0)).reshape(groups, units // groups, count * places)
            columns = scratch.empty((groups, rows.shape[1], count * places))
            np.matmul(rows, flat, out=columns)
            columns = columns.reshape(channels, *at.kernel, count, *sent.shape[2:])
            for tap in np.ndindex(*at.kernel):
                target[behind(2, *tap, part)] += np.moveaxis(columns[behind(1, *tap)], 0, 1)
            continue
        columns = scratch.empty((count, groups, rows.shape[1], places))
        np.matmul(rows, sent.reshape(count, groups, units // groups, places), out=columns)
        columns = columns.reshape(count, channels, *at.kernel, *sent.shape[2:])
        for tap in np.ndindex(*at.kernel):
            target[behind(2, *tap, part)] += columns[behind(2, *tap)]


def weight_gradient_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    """Fill the gradient of the weight."""
    x, dy, dw = _views(attrs, inputs[0], inputs[1], outputs[0])
    at, groups = _windows(x, dw, dy.shape[2:], attrs), attrs["groups"]
    batch, units = dy.shape[:2]
    padded = at.padded(x)
    if dw.shape[1] == 1 and groups > 1:
        grouped = dy.reshape(batch, groups, units // groups, *at.places)
        over = (0, *range(3, grouped.ndim))
        for tap, seen in at.tap_views(padded):
            dw[:, 0][behind(1, *tap)] = (grouped * seen[:, :, None]).sum(axis=over).ravel()
        return
    total = np.zeros((groups, units // groups, math.prod(dw.shape[1:])), dw.dtype)
    seen = np.moveaxis(at.view(padded), 0, 1 + len(at.kernel))  # [c,*k,b,*places]
    scratch = Scratch(x.dtype)
    for images, part in tiles(batch, at.places[0], _per_row(total, at, groups)):
        columns = scratch.copied(seen[behind(1 + len(at.kernel), images, part)])
        sent = np.moveaxis(dy[images, :, part], 1, 0)
        places = math.prod(sent.shape[1:])
        columns = columns.reshape(groups, total.shape[2], places)
        sent = sent.reshape(groups, units // groups, places)
        total += np.matmul(sent, columns.swapaxes(1, 2))
    np.copyto(dw, total.reshape(dw.shape))
