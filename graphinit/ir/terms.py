"""What polynomials are made of: atoms, monomials, terms; their order, bounds and text.

An atom is a symbol, the size of another value, a floor division, a minimum or a maximum.  A monomial
is a product of powers of atoms, terms map monomials to whole coefficients; the empty monomial carries
the constant.  `graphinit.ir.expressions` makes expressions of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from graphinit.errors import ShapeError

MOST_TERMS = 1_000
MOST_PARTS = 10_000
MOST_DEGREE = 64
MOST_BITS = 256
DEEPEST = 64
"""Limits of one expression: its terms, the symbols and numbers that it is written with, the degree of a term,
the bits of a factor, divisions inside divisions.  Those of real networks are far below; beyond them, a few
letters of text would cost minutes and gigabytes."""
_MOST_STEPS = 20_000  # of one product or quotient


class SizeRef(NamedTuple):
    """The size of one axis of a value in the same graph, ``x.shape[0]``."""

    node: str
    port: int
    axis: int

    def __str__(self) -> str:
        return f"{self.node}{f':{self.port}' if self.port else ''}.shape[{self.axis}]"


class Atom:
    """What a polynomial is made of; unique, compared by identity.

    Parameters
    ----------
    kind : {"symbol", "size", "//", "min", "max"}
        What it is.
    args : tuple
        A name, the fields of a size reference, or sizes.
    low, high : int or None
        Numbers that it is never below and never above.
    """

    __slots__ = ("__weakref__", "_text", "args", "depth", "high", "kind", "low", "parts")

    def __init__(self, kind: str, args: tuple[Any, ...], low: int | None, high: int | None) -> None:
        self.kind = kind
        self.args = args
        self.low = low
        self.high = high
        inner = [arg for arg in args if hasattr(arg, "terms")]
        self.depth: int = 1 + max((arg.depth for arg in inner), default=0)
        self.parts: int = 1 + sum(arg.parts for arg in inner)
        self._text: str | None = None

    @property
    def text(self) -> str:
        """How it prints."""
        if self._text is None:
            if self.kind == "symbol":
                self._text = self.args[0]
            elif self.kind == "size":
                self._text = str(SizeRef(*self.args))
            elif self.kind == "//":
                self._text = "//".join(map(factor_text, self.args))
            else:
                self._text = f"{self.kind}({', '.join(map(str, self.args))})"
        return self._text


Monomial = tuple[tuple[Atom, int], ...]
Terms = dict[Monomial, int]
Bounds = tuple[int | None, int | None]


def measured(terms: Terms) -> tuple[int, int]:
    """Return how many parts some terms are written with, and how deep divisions stand inside them.

    Raises
    ------
    ShapeError
        GI205, when they are beyond the limits of an expression.
    """
    parts = depth = 0
    for monomial, factor in terms.items():
        degree = 0
        for atom, power in monomial:
            degree += power
            parts += atom.parts
            depth = max(depth, atom.depth)
        parts += 1
        if degree > MOST_DEGREE or factor.bit_length() > MOST_BITS:
            raise too_large(f"powers above {MOST_DEGREE} or factors of more than {MOST_BITS} bits")
    if len(terms) > MOST_TERMS or parts > MOST_PARTS:
        raise too_large(f"more than {MOST_TERMS} terms or {MOST_PARTS} parts")
    if depth > DEEPEST:
        raise too_large(f"divisions, minima or maxima nested deeper than {DEEPEST}")
    return parts, depth


def too_large(reason: str) -> ShapeError:
    """Return the error for an expression beyond the limits."""
    return ShapeError(f"a size would be too large an expression, with {reason}", code="GI205")


def multiplied(left: Terms, right: Terms) -> Terms:
    """Return the product of two polynomials; factors may be 0.

    Raises
    ------
    ShapeError
        GI205, when it is beyond the limits of an expression.
    """
    if len(left) * len(right) > _MOST_STEPS:
        raise too_large(f"more than {MOST_TERMS} terms")
    terms: Terms = {}
    for one, a in left.items():
        for other, b in right.items():
            monomial = join(one, other)
            terms[monomial] = terms.get(monomial, 0) + a * b
    return terms


def atoms_of(terms: Terms) -> Iterable[Atom]:
    """Return the atoms in some terms, each once."""
    return dict.fromkeys(atom for monomial in terms for atom, _ in monomial)


def join(left: Monomial, right: Monomial) -> Monomial:
    """Return the product of two monomials."""
    if not left or not right:
        return left or right
    powers = dict(left)
    for atom, power in right:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(powers.items(), key=atom_order))


def atom_order(item: tuple[Atom, int]) -> str:
    """Return what atoms are sorted by."""
    return item[0].text


def divide_monomial(monomial: Monomial, divisor: Monomial) -> Monomial | None:
    """Return a monomial divided by another; None when that leaves something."""
    powers = dict(monomial)
    for atom, power in divisor:
        left = powers.get(atom, 0) - power
        if left < 0:
            return None
        powers[atom] = left
    return tuple((atom, power) for atom, power in powers.items() if power)


def divide_terms(numerator: Terms, divisor: Terms) -> Terms | None:
    """Return the quotient of two polynomials; None when the division leaves something, or takes too long."""
    atoms = sorted({*atoms_of(divisor), *atoms_of(numerator)}, key=lambda atom: atom.text)

    def order(monomial: Monomial) -> tuple[int, ...]:
        powers = dict(monomial)
        return (sum(powers.values()), *(powers.get(atom, 0) for atom in atoms))

    head = max(divisor, key=order)
    rest, quotient = dict(numerator), dict[Monomial, int]()
    while rest:
        lead = max(rest, key=order)
        monomial, factor = divide_monomial(lead, head), rest[lead]
        if monomial is None or factor % divisor[head] or len(quotient) * len(divisor) > _MOST_STEPS:
            return None
        factor //= divisor[head]
        quotient[monomial] = quotient.get(monomial, 0) + factor
        for other, value in divisor.items():
            joined = join(monomial, other)
            left = rest.get(joined, 0) - factor * value
            if left:
                rest[joined] = left
            else:
                rest.pop(joined, None)
    return quotient


def is_floor(monomial: Monomial) -> bool:
    """Whether a monomial is one floor division by a number."""
    return (
        len(monomial) == 1
        and monomial[0][1] == 1
        and monomial[0][0].kind == "//"
        and isinstance(monomial[0][0].args[1], int)
    )


def remainders_of(terms: Terms) -> tuple[list[tuple[int, Any, int]], Terms]:
    """Split off remainders: the expression is the sum of ``k * (p % d)`` and of the rest."""
    found: list[tuple[int, Any, int]] = []
    floors = [monomial for monomial in terms if is_floor(monomial)]
    if not floors:
        return found, terms
    rest = dict(terms)
    for monomial in sorted(floors, key=lambda m: m[0][0].text) if len(floors) > 1 else floors:
        inner, by = monomial[0][0].args
        if monomial not in rest:  # it went into another remainder
            continue
        times, odd = divmod(-rest[monomial], by)
        parts = {m: f * times for m, f in inner.terms.items() if m}
        if odd or not times or any(rest.get(m) != f for m, f in parts.items()):
            continue
        for m in (monomial, *parts):
            del rest[m]
        rest[()] = rest.get((), 0) - times * inner.terms.get((), 0)
        found.append((times, inner, by))
    return found, {monomial: factor for monomial, factor in rest.items() if factor}


def bounds_of(terms: Terms) -> Bounds:
    """Return numbers that some terms are never below and never above."""
    remainders, rest = remainders_of(terms)
    low: int | None = rest.get((), 0)
    high: int | None = low
    spans: list[tuple[int, Bounds]] = [(times, (0, by - 1)) for times, _, by in remainders]
    for monomial, factor in rest.items():
        span: Bounds | None = None
        for atom, power in monomial:
            for _ in range(power):
                one = (atom.low, atom.high)
                span = one if span is None else _span_product(span, one)
        if span is not None:
            spans.append((factor, span))
    for factor, (least, most) in spans:
        if factor < 0:
            least, most = most, least
        low = None if low is None or least is None else low + factor * least
        high = None if high is None or most is None else high + factor * most
    return low, high


def _span_product(left: Bounds, right: Bounds) -> Bounds:
    if left[0] is None or right[0] is None or left[0] < 0 or right[0] < 0:
        if None in left or None in right:
            return None, None
        ends = [a * b for a in left for b in right]  # type: ignore[operator]
        return min(ends), max(ends)
    return left[0] * right[0], None if left[1] is None or right[1] is None else left[1] * right[1]


def print_order(item: tuple[Monomial, int]) -> tuple[bool, int, str]:
    """Return what terms are sorted by when printed."""
    monomial, factor = item
    return factor < 0, -sum(power for _, power in monomial), monomial_text(monomial)


def monomial_text(monomial: Monomial) -> str:
    """Return the text of a product."""
    parts = []
    for atom, power in monomial:
        text = f"({atom.text})" if atom.kind == "//" and (len(monomial) > 1 or power > 1) else atom.text
        parts.append(text if power == 1 else f"{text}**{power}")
    return "*".join(parts)


def text_of(terms: Terms) -> str:
    """Return the text of some terms."""
    remainders, rest = remainders_of(terms)
    pieces = [
        (times < 0, 1, f"{factor_text(inner)} % {by}", abs(times), True) for times, inner, by in remainders
    ]
    for monomial, factor in rest.items():
        loose = len(monomial) == 1 and monomial[0][0].kind == "//" and monomial[0][1] == 1
        degree = sum(power for _, power in monomial)
        pieces.append((factor < 0, degree, monomial_text(monomial), abs(factor), loose))
    pieces.sort(key=lambda piece: (piece[0], -piece[1], piece[2]))
    alone = len(pieces) == 1
    text = ""
    for negative, _, body, factor, loose in pieces:
        if not body:
            body = str(factor)
        elif factor != 1:
            body = f"{factor}*({body})" if loose else f"{factor}*{body}"
        elif " % " in body and loose and not alone:
            body = f"({body})"
        text += (
            (" - " if negative else " + ") + body
            if text
            else (f"-({body})" if loose and factor == 1 else f"-{body}")
            if negative
            else body
        )
    return text


def factor_text(dim: object) -> str:
    """Text of an operand of a division: brackets unless it is one name, one size or one number."""
    text = str(dim)
    return text if re.fullmatch(r"-?\d+|[\w.:]+(\[-?\d+\])?", text) else f"({text})"
