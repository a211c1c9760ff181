"""Sizes: whole numbers, unknowns, and expressions such as ``(h - 5)//2 + 1``; reading them.

A `Dim` is an int or an `Expr` (`graphinit.ir.expressions`).  Symbols stand for every size from 1 on.
"""

from __future__ import annotations

import ast
import keyword
import operator
import re
from collections.abc import Callable
from typing import Any

from graphinit.errors import ShapeError
from graphinit.ir.expressions import (
    Dim,
    Expr,
    bounds,
    exact_quotient,
    extreme,
    maximum,
    minimum,
    read_dim,
    size_of,
    stand_in,
    symbol,
)
from graphinit.ir.terms import MOST_BITS, SizeRef, too_large

__all__ = [
    "Dim", "Expr", "SizeRef", "Unknown", "bounds", "exact_quotient", "maximum", "minimum", "parse_dim",
    "read_dim", "size_of", "stand_in", "symbol",
]  # fmt: skip


_UNNAMED = re.compile(r"[^\W\d]\w*(\.\d+)*\[\d+\]$")  # as ``x[2]`` in an answer of `ShapeReport.solve`
_SHOWN = 80  # characters of what is no size


class Unknown:
    """A size that nobody has settled yet; compared by identity.  It lives inside the solver only."""

    __slots__ = ("__weakref__", "number")

    def __init__(self, number: int = 0) -> None:
        self.number = number

    def __repr__(self) -> str:
        return f"?{self.number}"


def parse_dim(value: Any) -> Dim:
    """Read a size as users write it.

    Parameters
    ----------
    value : int, None, str or Expr
        A size from 0 on; -1, None or ``"?"`` when it is unknown, as text too; text with symbols such as
        ``"batch"`` or ``"(h - 5)//2 + 1"`` (``+ - * // % ** min max``).

    Returns
    -------
    int or Expr
        -1 for unknown.

    Raises
    ------
    ShapeError
        GI206, when it is no size; GI205, when it is too large an expression.

    Examples
    --------
    >>> parse_dim("2*n + 1"), parse_dim(None), parse_dim("12")
    (2*n + 1, -1, 12)
    """
    if isinstance(value, Expr):
        return value
    if value is None:
        return -1
    if isinstance(value, str):
        return _parse_text(value)
    if not isinstance(value, bool):
        try:
            number = operator.index(value)
        except TypeError:
            pass
        else:
            if number >= -1:
                return _checked(number, value)
            raise _bad(value, "is negative; a size is 0 or more, or -1 when it is unknown")
    raise _bad(value, "is not a size; give a whole number, -1 for unknown, or a name such as 'batch'")


def _bad(value: Any, detail: str) -> ShapeError:
    return ShapeError(f"{_shown(value)} {detail}", code="GI206")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _checked(dim: Dim, value: Any) -> Dim:
    low, high = bounds(dim)
    if (isinstance(dim, int) and dim > 2**63 - 1) or (low is not None and low > 2**63 - 1):
        raise _bad(value, "is larger than any array can be")
    if isinstance(dim, Expr) and high is not None and high < 0:
        raise _bad(value, "is negative for every size")
    return dim


_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def _parse_text(text: str) -> Dim:
    stripped = text.strip()
    if stripped.isidentifier() and not keyword.iskeyword(stripped):
        return symbol(stripped)
    if stripped in ("-1", "?", "None") or _UNNAMED.match(stripped):
        return -1
    try:
        if len(stripped) > 1000:
            raise ValueError("it is too long")
        dim = _read(ast.parse(stripped, mode="eval").body)
    except ShapeError as error:
        error.details = (f"in {_shown(text)}",)
        raise
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError) as cause:
        raise _bad(
            text, "is not a size; give a number, -1, a name, or an expression such as '(h - 5)//2 + 1'"
        ) from cause
    if isinstance(dim, int) and dim < 0:
        raise _bad(text, "is negative; a size is 0 or more, or -1 when it is unknown")
    return _checked(dim, text)


def _read(tree: ast.expr) -> Dim:
    dim = _read_operation(tree)
    if isinstance(dim, int) and dim.bit_length() > MOST_BITS:
        raise too_large(f"numbers of more than {MOST_BITS} bits")
    return dim


def _read_operation(tree: ast.expr) -> Dim:
    match tree:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id=name):
            return symbol(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_read(operand)
        case ast.BinOp(left=base, op=ast.Pow(), right=ast.Constant(value=int() as power)) if 0 <= power <= 16:
            return Expr.__pow__(value, power) if isinstance(value := _read(base), Expr) else int(value**power)
        case ast.BinOp(left=left, op=kind, right=right) if type(kind) in _OPERATORS:
            result: Dim = _OPERATORS[type(kind)](_read(left), _read(right))
            return result
        case ast.Call(func=ast.Name(id="min" | "max" as name), args=[_, *_] as args, keywords=[]):
            return extreme(name, map(_read, args))
    raise ValueError("only + - * // % ** min max, names and numbers make a size")
