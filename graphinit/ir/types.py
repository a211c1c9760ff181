"""What is known of a value before it exists: its shape and its dtype."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphinit.errors import DTypeError, ShapeError
from graphinit.ir.dims import Dim, parse_dim
from graphinit.scalars import whole

Shape = tuple[Dim, ...]

DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64",
)  # fmt: skip


_DTYPE = re.compile(r"(\w+|\?)\s*(?:(:)|(?=\[))(.*)$", re.DOTALL)
"""A dtype and what follows it: ``int64:batch, 64`` or ``int64[batch, 64]``."""

MOST_AXES = 64
"""As many axes as an array of NumPy can have."""


def canonical_dtype(dtype: Any) -> str:
    """Return the canonical name of a dtype, ``"float32"`` for `numpy.float32` and the like.

    Raises
    ------
    DTypeError
        If it is no dtype, or one that no op computes with (complex, object, text).

    Examples
    --------
    >>> canonical_dtype(np.float64)
    'float64'
    """
    try:
        name = str(np.dtype(dtype).name)
    except TypeError as cause:
        raise DTypeError(f"{dtype!r} is not a dtype; use one of {', '.join(DTYPES)}") from cause
    if dtype is None or name not in DTYPES:
        raise DTypeError(
            f"dtype {name if dtype is not None else None} is not supported; use one of {', '.join(DTYPES)}"
        )
    return name


def static_shape(type: TensorType) -> tuple[int, ...]:
    """Return a shape whose sizes are all numbers, as plain numbers.

    Examples
    --------
    >>> static_shape(TensorType((2, 3), "float32"))
    (2, 3)
    """
    return tuple(dim for dim in type.shape or () if isinstance(dim, int))


def is_float(dtype: str | None) -> bool:
    """Whether gradients flow through values of this dtype."""
    return dtype is not None and dtype.startswith("float")


def is_integer(dtype: str | None) -> bool:
    """Whether values of this dtype can serve as ids."""
    return dtype is not None and "int" in dtype


@dataclass(frozen=True, slots=True)
class TensorType:
    """Shape and dtype of a value.

    Parameters
    ----------
    shape : tuple of int or Expr, or None
        Sizes; -1 for one that is unknown.  None when even the rank is unknown.
    dtype : str or None
        Canonical dtype name; None when it is not settled yet.

    Examples
    --------
    >>> print(TensorType((2, -1), "float32"))
    float32[2, -1]
    >>> print(TensorType.parse("int64[batch, 64]"))
    int64[batch, 64]
    """

    shape: Shape | None = None
    dtype: str | None = None

    @property
    def rank(self) -> int | None:
        """Number of axes, or None when unknown."""
        return None if self.shape is None else len(self.shape)

    @property
    def is_static(self) -> bool:
        """Whether every size is a number."""
        return self.shape is not None and all(isinstance(dim, int) and dim >= 0 for dim in self.shape)

    def __str__(self) -> str:
        return f"{self.dtype or '?'}{format_shape(self.shape)}"

    @staticmethod
    def parse(spec: Any) -> TensorType:
        """Read an input specification.

        Parameters
        ----------
        spec : tuple, list, array, TensorType or str
            ``(2, -1)``, ``("batch", 3, "h", "w")``, ``"int64[batch, 64]"``, ``"batch,64"``, an
            array, or a type itself.

        Raises
        ------
        ShapeError
            If the sizes are not sizes.
        DTypeError
            If the dtype is none of `DTYPES`.
        """
        if isinstance(spec, TensorType):
            if spec.shape is None or not any(isinstance(dim, str) for dim in spec.shape):
                return spec
            return TensorType(parse_shape(spec.shape), spec.dtype)  # names, as they stand in a tuple
        if isinstance(spec, str):
            return _parse_text(spec)
        if isinstance(spec, tuple | list):
            return TensorType(parse_shape(spec), None)
        if hasattr(spec, "shape") and hasattr(spec, "dtype"):
            return TensorType(parse_shape(tuple(spec.shape)), canonical_dtype(spec.dtype))
        if isinstance(spec, int | float | bool | np.generic):
            return TensorType((), None)
        raise ShapeError(
            f"{spec!r} is not an input specification; give a tuple such as (2, -1) or ('batch', 64), "
            "an array, a TensorType or text such as 'int64[batch, 64]'",
            code="GI206",
        )


def parse_shape(shape: Sequence[Any] | np.ndarray | int) -> Shape:
    """Read a shape as users write it: -1 is unknown, 0 a size, text a symbol.

    Raises
    ------
    ShapeError
        If an entry is no size (negative but -1, a fraction, NaN, something else altogether), or there are
        more than 64.

    Examples
    --------
    >>> parse_shape([2, -1])
    (2, -1)
    """
    one = whole(shape)
    if one is not None:
        shape = (one,)
    elif isinstance(shape, np.ndarray) and shape.ndim == 1 and shape.dtype.kind in "iu":
        shape = shape.tolist()
    if isinstance(shape, str) or not isinstance(shape, Sequence):
        raise ShapeError(f"{shape!r} is not a shape; give a tuple of sizes such as (2, -1)", code="GI206")
    if len(shape) > MOST_AXES:
        raise ShapeError(
            f"a shape of {len(shape)} axes is more than an array can have: {MOST_AXES}", code="GI206"
        )
    return tuple(parse_dim(dim) for dim in shape)


def format_shape(shape: Shape | None) -> str:
    """Return ``[2, -1]`` for a shape, ``[...]`` for unknown rank."""
    return "[...]" if shape is None else f"[{', '.join(map(str, shape))}]"


def spec_parts(text: str) -> tuple[str, list[str]]:
    """Return the dtype and the sizes that stand in the text of a specification; the dtype may be missing.

    Examples
    --------
    >>> spec_parts("int64[b, max(s, t)]"), spec_parts("('b', 784)"), spec_parts("int64:b,3")
    (('int64', ['b', 'max(s, t)']), ('', ['b', '784']), ('int64', ['b', '3']))
    """
    dtype, sizes = _in_two(text)
    parts, depth = [""], 0
    for letter in sizes:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:  # not that of ``max(s, t)``
            parts.append("")
        else:
            parts[-1] += letter
    parts = [part.strip() for part in parts]
    if parts[-1] == "":
        parts.pop()
    return dtype.strip(), [
        part[1:-1] if part[:1] in "'\"" and part[:1] == part[-1:] else part for part in parts
    ]


def _in_two(text: str) -> tuple[str, str]:
    """Return the dtype and the sizes of a specification, without the brackets around the sizes."""
    dtype, sizes = "", text.strip()
    named = _DTYPE.match(sizes)
    if named and (named[2] or _is_enclosed(named[3])):
        dtype, sizes = named[1], named[3].strip()
    if sizes[:1] not in ("(", "[") or not _is_enclosed(sizes):
        return dtype, sizes
    if not sizes.endswith(")" if sizes[0] == "(" else "]"):
        raise ShapeError(f"{text!r} has no closing bracket", code="GI206")
    return dtype, sizes[1:-1]


def _is_enclosed(sizes: str) -> bool:
    """Whether the first bracket closes at the end, or never: not that of ``(h - 5)//2, w``."""
    depth = 0
    for place, letter in enumerate(sizes):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0:
            return place == len(sizes) - 1
    return True


def _parse_text(text: str) -> TensorType:
    dtype, parts = spec_parts(text)
    shape = None if parts == ["..."] else parse_shape(parts)
    return TensorType(shape, canonical_dtype(dtype.strip()) if dtype.strip() not in ("", "?") else None)
