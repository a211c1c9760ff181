"""What NumPy's products mean on tensors, recorded arrays and parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphinit.errors import OpError
from graphinit.functional import arithmetic, movement, reduce
from graphinit.functional.join import stack
from graphinit.functional.numpy_shapes import reshaped
from graphinit.functional.numpy_table import (
    CASTING,
    OPTIMIZE,
    ORDER,
    REFUSED,
    axis_of,
    meaning,
    rank_of,
    shape_of,
)
from graphinit.ir.operators import Arithmetic

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _array(x: Any) -> Any:
    """Return an operand that has axes: lists become arrays."""
    return x if isinstance(x, Arithmetic) else np.asarray(x)


@meaning(np.dot)
def dot(a: Any, b: Any, out: Any = REFUSED) -> Any:
    """Return the dot product, as `numpy.dot`."""
    a, b = _array(a), _array(b)
    if not rank_of(a) or not rank_of(b):
        return arithmetic.multiply(a, b)
    if rank_of(b) <= 2:
        return np.matmul(a, b)
    return tensordot(a, b, (-1, -2))


@meaning(np.vdot)
def _vdot(a: Any, b: Any, /) -> Any:
    a, b = _array(a), _array(b)
    return np.matmul(reshaped(a, (-1,)), reshaped(b, (-1,)))


@meaning(np.inner)
def _inner(a: Any, b: Any, /) -> Any:
    a, b = _array(a), _array(b)
    if not rank_of(a) or not rank_of(b):
        return arithmetic.multiply(a, b)
    return tensordot(a, b, (-1, -1))


@meaning(np.outer)
def _outer(a: Any, b: Any, out: Any = REFUSED) -> Any:
    a, b = (reshaped(_array(x), shape) for x, shape in ((a, (-1, 1)), (b, (1, -1))))
    return arithmetic.multiply(a, b)


@meaning(np.linalg.outer)
def _linalg_outer(x1: Any, x2: Any, /) -> Any:
    return _outer(x1, x2)


@meaning(np.linalg.matmul)
def _linalg_matmul(x1: Any, x2: Any, /) -> Any:
    return np.matmul(x1, x2)


@meaning(np.linalg.vecdot)
def _linalg_vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return reduce.sum(arithmetic.multiply(x1, x2), axis)


@meaning(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Return sums of products over axes, as `numpy.tensordot`."""
    a, b = _array(a), _array(b)
    ranks = rank_of(a), rank_of(b)
    if isinstance(axes, int | np.integer):
        pair: Any = range(ranks[0] - int(axes), ranks[0]), range(int(axes))
    else:
        pair = tuple((part,) if isinstance(part, int | np.integer) else part for part in axes)
    left, right = ([axis_of(axis, rank) for axis in part] for part, rank in zip(pair, ranks, strict=True))
    if len(left) != len(right):
        raise OpError(f"np.tensordot sums over as many axes of a as of b, not {len(left)} and {len(right)}")
    rows, columns = shape_of(a), shape_of(b)
    kept_a = [axis for axis in range(ranks[0]) if axis not in left]
    kept_b = [axis for axis in range(ranks[1]) if axis not in right]
    a = np.moveaxis(a, left, range(ranks[0] - len(left), ranks[0]))
    b = np.moveaxis(b, right, range(len(right)))
    count = math.prod(rows[axis] for axis in left)
    free_a, free_b = tuple(rows[axis] for axis in kept_a), tuple(columns[axis] for axis in kept_b)
    product = np.matmul(reshaped(a, (math.prod(free_a), count)), reshaped(b, (count, math.prod(free_b))))
    return reshaped(product, (*free_a, *free_b))


@meaning(np.linalg.tensordot)
def _linalg_tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    return tensordot(x1, x2, axes)


@meaning(np.linalg.multi_dot)
def _multi_dot(arrays: Sequence[Any], *, out: Any = REFUSED) -> Any:
    product = arrays[0]
    for item in arrays[1:]:
        product = dot(product, item)
    return product


@meaning(np.linalg.matrix_power)
def _matrix_power(a: Any, n: int) -> Any:
    if n < 1:
        raise OpError("np.linalg.matrix_power takes a power of at least 1: there is no op for inverses")
    power, square = None, a
    while n:
        if n % 2:
            power = square if power is None else np.matmul(power, square)
        n //= 2
        square = np.matmul(square, square) if n else square
    return power


@meaning(np.kron)
def _kron(a: Any, b: Any) -> Any:
    a, b = _array(a), _array(b)
    rank = max(rank_of(a), rank_of(b))
    first, second = ((1,) * (rank - rank_of(x)) + tuple(shape_of(x)) for x in (a, b))
    spread_a = reshaped(a, tuple(size for pair in first for size in (pair, 1)))
    spread_b = reshaped(b, tuple(size for pair in second for size in (1, pair)))
    product = arithmetic.multiply(spread_a, spread_b)
    return reshaped(product, tuple(x * y for x, y in zip(first, second, strict=True)))


@meaning(np.cross)
def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = (np.moveaxis(x, (place,), (0,)) for x, place in ((_array(a), axisa), (_array(b), axisb)))
    if any(size != 3 for size in (shape_of(a)[0], shape_of(b)[0])):
        raise OpError("np.cross takes vectors of 3 entries")
    rows = [a[(n + 1) % 3] * b[(n + 2) % 3] - a[(n + 2) % 3] * b[(n + 1) % 3] for n in range(3)]
    return stack(rows, axisc)


@meaning(np.linalg.cross)
def _linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return _cross(x1, x2, axis=axis)


# ---------------------------------------------------------------------- Einstein's notation


@meaning(np.einsum)
def _einsum(
    subscripts: str,
    /,
    *operands: Any,
    out: Any = REFUSED,
    optimize: Any = OPTIMIZE,
    dtype: Any = REFUSED,
    order: Any = ORDER,
    casting: Any = CASTING,
) -> Any:
    if not isinstance(subscripts, str):
        raise OpError("np.einsum takes its subscripts as text on tensors and recorded arrays")
    arrays = [_array(operand) for operand in operands]
    labels, result = _parsed(subscripts, arrays)
    if len({*result}) != len(result) or not {*result} <= {*"".join(labels)}:
        raise OpError(
            f"np.einsum {subscripts!r} names each axis of the result once, of those of the operands"
        )
    parts = [_on_diagonals(x, own) for x, own in zip(arrays, labels, strict=True)]
    tensor, own = parts[0]
    for number, (other, theirs) in enumerate(parts[1:], 1):
        wanted = {*result, *(label for _, names in parts[number + 1 :] for label in names)}
        tensor, own = _contracted(tensor, own, other, theirs, wanted)
    tensor, own = _summed(tensor, own, {*result})
    return movement.transpose(tensor, [own.index(label) for label in result]) if len(own) > 1 else tensor


def _parsed(subscripts: str, arrays: Sequence[Any]) -> tuple[list[str], str]:
    """Return the labels of each operand and of the result, those of ``...`` written out."""
    text = subscripts.replace(" ", "")
    given, arrow, result = text.partition("->")
    labels = given.split(",")
    if len(labels) != len(arrays):
        raise OpError(f"np.einsum {subscripts!r} names {len(labels)} operands; {len(arrays)} were given")
    free = [letter for letter in _LETTERS if letter not in text]
    most = max(
        (rank_of(x) - len(own) + 3 for x, own in zip(arrays, labels, strict=True) if "..." in own), default=0
    )
    whole = "".join(free[:most])
    written = []
    for x, own in zip(arrays, labels, strict=True):
        hidden = rank_of(x) - len(own) + 3
        own = own.replace("...", whole[most - hidden :] if hidden > 0 else "") if "..." in own else own
        if len(own) != rank_of(x) or not own.replace(".", "").isalpha() * bool(own) + (not own):
            raise OpError(
                f"np.einsum {subscripts!r} names {len(own)} axes of an operand that has {rank_of(x)}"
            )
        written.append(own)
    if arrow:
        return written, result.replace("...", whole)
    every = "".join(written)
    return written, whole + "".join(sorted(c for c in {*every} if every.count(c) == 1 and c not in whole))


def _on_diagonals(x: Any, labels: str) -> tuple[Any, str]:
    """Return an operand in which no label stands twice."""
    for label in labels:
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            x = np.diagonal(x, 0, first, second)
            labels = labels[:first] + labels[first + 1 : second] + labels[second + 1 :] + label
    return x, labels


def _summed(x: Any, labels: str, wanted: set[str]) -> tuple[Any, str]:
    """Return an operand summed over the labels that nobody wants."""
    axes = tuple(place for place, label in enumerate(labels) if label not in wanted)
    if not axes:
        return x, labels
    x = np.sum(x, axes)
    return x, "".join(label for label in labels if label in wanted)


def _contracted(a: Any, first: str, b: Any, second: str, wanted: set[str]) -> tuple[Any, str]:
    """Return the product of two operands, summed over what nobody wants, as one product of matrices."""
    a, first = _summed(a, first, wanted | {*second})
    b, second = _summed(b, second, wanted | {*first})
    sizes = dict(zip(first + second, (*shape_of(a), *shape_of(b)), strict=True))
    batch = "".join(label for label in first if label in second and label in wanted)
    inner = "".join(label for label in first if label in second and label not in wanted)
    rows = "".join(label for label in first if label not in second)
    columns = "".join(label for label in second if label not in first)

    def arranged(x: Any, labels: str, *groups: str) -> Any:
        order = [labels.index(label) for label in "".join(groups)]
        x = np.transpose(x, order) if order else x
        merged = [math.prod(sizes[label] for label in group) for group in groups[-2:]]
        return reshaped(x, (*(sizes[label] for label in batch), *merged))

    product = np.matmul(arranged(a, first, batch, rows, inner), arranged(b, second, batch, inner, columns))
    kept = batch + rows + columns
    return reshaped(product, tuple(sizes[label] for label in kept)), kept
