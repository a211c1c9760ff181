"""Sets of sizes that repeat from some size on: what conditions on one symbol are solved into.

Whatever is built of ``+ - * //`` by numbers is, on each residue class of some period, a polynomial; a
comparison of two such expressions therefore holds, from some size on, for the same residues over and
over.  `SizeSet` keeps the sizes below that threshold and one period above it; sets are exact.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from graphinit.ir.dims import Dim
from graphinit.ir.terms import Atom

MOST_RESIDUES = 4096
"""Longer periods are not solved."""

MOST_TABLED = 1 << 20
"""Greater thresholds are not solved."""

_LISTED = 12

Polynomial = tuple[int, ...]
"""Coefficients, the constant one first."""


class SizeSet:
    """A set of sizes from 1 on that repeats from some size on.

    Parameters
    ----------
    table : array of bool
        Whether 0, 1, 2... belong to it; 0 never does.
    period : int
        The last so many entries go on for ever; the entry of 0 is not among them.

    Examples
    --------
    >>> even, great = SizeSet.where([True, False]), SizeSet.between(5, None)
    >>> print((even & great).text("h"), 6 in even, 4 in even & great)
    h % 2 == 0 and h >= 6 True False
    """

    __slots__ = ("period", "table")

    def __init__(self, table: np.ndarray, period: int = 1) -> None:
        table = np.asarray(table, bool).copy()
        table[0] = False
        self.table, self.period = _reduced(table, period)

    @classmethod
    def where(cls, residues: Sequence[bool]) -> SizeSet:
        """Return the sizes whose remainder is marked."""
        pattern = np.asarray(residues, bool)
        return cls(np.concatenate([pattern, pattern]), len(pattern))

    @classmethod
    def between(cls, low: int | None, high: int | None) -> SizeSet:
        """Return the sizes from `low` to `high`; None is no limit."""
        start = max(low or 1, 1)
        table = np.zeros((start if high is None else max(high, start)) + 2, bool)
        table[start : None if high is None else max(high + 1, 0)] = True
        return cls(table)

    def __contains__(self, size: int) -> bool:
        if size >= len(self.table):
            start = len(self.table) - self.period
            size = start + (size - start) % self.period
        return size > 0 and bool(self.table[size])

    def _upto(self, length: int) -> np.ndarray:
        missing = length - len(self.table)
        if missing <= 0:
            return self.table
        return np.concatenate([self.table, np.resize(self.table[-self.period :], missing)])

    def _join(self, other: SizeSet, kind: np.ufunc) -> SizeSet:
        period = math.lcm(self.period, other.period)
        threshold = max(len(self.table) - self.period, len(other.table) - other.period)
        mine, theirs = (each._upto(threshold + period)[: threshold + period] for each in (self, other))
        return SizeSet(kind(mine, theirs), period)

    def __and__(self, other: SizeSet) -> SizeSet:
        return self._join(other, np.logical_and)

    def __or__(self, other: SizeSet) -> SizeSet:
        return self._join(other, np.logical_or)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SizeSet):
            return NotImplemented
        return self.period == other.period and np.array_equal(self.table, other.table)

    __hash__ = None  # type: ignore[assignment]

    def __le__(self, other: SizeSet) -> bool:
        return (self & other) == self

    def joins_cheaply(self, other: SizeSet) -> bool:
        """Whether the period of both together is one that is solved."""
        return math.lcm(self.period, other.period) <= MOST_RESIDUES * 16

    @property
    def empty(self) -> bool:
        """Whether nothing belongs to it."""
        return not self.table.any()

    @property
    def everything(self) -> bool:
        """Whether every size belongs to it."""
        return bool(self.table[1:].all())

    @property
    def only(self) -> int | None:
        """The one size that belongs to it, if there is but one."""
        found = np.flatnonzero(self.table)
        return int(found[0]) if len(found) == 1 and not self.table[-self.period :].any() else None

    # ------------------------------------------------------------------ text

    def text(self, name: str) -> str:
        """Return it as a condition on a name, such as ``h % 4 == 0 and h >= 8``."""
        if self.empty:
            return "False"
        if self.everything:
            return f"{name} >= 1"
        tail = self.table[-self.period :]
        if not tail.any():
            return _finite_text(name, np.flatnonzero(self.table))
        start = len(self.table) - self.period
        residues = np.roll(tail, start % self.period)
        first = start
        while first > 1 and self.table[first - 1] == residues[(first - 1) % self.period]:
            first -= 1
        below = np.resize(residues, first)
        if first > 1 and not (below[1:] & ~self.table[1:first]).any():
            first, before = 1, np.flatnonzero(self.table[:first] & ~below)  # the rule, and more beside it
        else:
            before = np.flatnonzero(self.table[:first])
        pieces = [_finite_text(name, before)] if len(before) else []
        parts = [] if self.period == 1 else [_residue_text(name, residues)]
        if first > 1:
            least = first + int(np.argmax(np.resize(np.roll(residues, -first), self.period)))
            parts.append(f"{name} >= {least}")
        pieces.append(" and ".join(parts))
        return " or ".join(pieces)


def _reduced(table: np.ndarray, period: int) -> tuple[np.ndarray, int]:
    """The shortest table with the shortest period for the same set."""
    tail = table[-period:]
    for shorter in sorted(divisor for divisor in range(1, period + 1) if period % divisor == 0):
        if np.array_equal(np.resize(tail[:shorter], period), tail):
            break
    start = len(table) - period
    table = table[: start + shorter]
    differs = np.flatnonzero(table[1:start] != table[1 + shorter : start + shorter])
    keep = (int(differs[-1]) + 2 if len(differs) else 1) + shorter
    return table[:keep], shorter


def _residue_text(name: str, residues: np.ndarray) -> str:
    period, members, others = len(residues), np.flatnonzero(residues), np.flatnonzero(~residues)
    if len(members) == 1:
        return f"{name} % {period} == {members[0]}"
    if len(others) == 1:
        return f"{name} % {period} != {others[0]}"
    return f"{name} % {period} in [{', '.join(map(str, members))}]"


def _finite_text(name: str, sizes: np.ndarray) -> str:
    breaks = np.flatnonzero(np.diff(sizes) > 1)
    starts = [sizes[0], *sizes[breaks + 1]]
    stops = [*sizes[breaks], sizes[-1]]
    if len(starts) > 3:
        steps = np.diff(sizes)
        if (steps == steps[0]).all():
            step = int(steps[0])
            return f"{name} % {step} == {sizes[0] % step} and {sizes[0]} <= {name} <= {sizes[-1]}"
        if len(sizes) <= _LISTED:
            return f"{name} in [{', '.join(map(str, sizes))}]"
    return " or ".join(
        f"{name} == {low}"
        if low == high
        else f"{name} <= {high}"
        if low == 1
        else f"{low} <= {name} <= {high}"
        for low, high in zip(starts, stops, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Pieces:
    """An expression in one symbol: on ``period*t + residue`` a polynomial of t, for each residue."""

    polynomials: tuple[Polynomial, ...]

    @property
    def period(self) -> int:
        return len(self.polynomials)

    def stretched(self, times: int) -> _Pieces:
        """The same with a period so many times as long."""
        if times == 1:
            return self
        period = self.period
        return _Pieces(
            tuple(
                _compose(self.polynomials[residue % period], times, residue // period)
                for residue in range(period * times)
            )
        )


class TooLongError(Exception):
    """The period, or the threshold, is too great to be solved."""


def solutions(relation: str, left: Dim, right: Dim, name: str) -> SizeSet | None:
    """Return the sizes of a symbol for which a comparison holds; None when it is not solved.

    Parameters
    ----------
    relation : {"==", ">=", "%"}
        ``%`` says that `right` divides `left`.
    left, right : int or Expr
        Expressions in no other symbol.
    name : str
        The symbol.

    Examples
    --------
    >>> from graphinit.ir.dims import symbol
    >>> h = symbol("h")
    >>> print(solutions("==", 3 * (h // 3), 2 * (h // 2), "h").text("h"))
    h % 6 in [0, 1]
    """
    try:
        if relation == "%":
            if not isinstance(right, int) or right == 0:
                return None
            relation, right = "==", (left // right) * right
        pieces = _pieces(left - right, name)
        return _where_not_negative(pieces, zero_only=relation == "==")
    except TooLongError:
        return None


def _where_not_negative(pieces: _Pieces, *, zero_only: bool) -> SizeSet:
    period = pieces.period
    spans: list[list[tuple[int, int | None]]] = []
    threshold = 1
    for polynomial in pieces.polynomials:
        found = _zeros(polynomial) if zero_only else _not_negative(polynomial)
        spans.append(found)
        for low, high in found:
            threshold = max(threshold, low + 1, 0 if high is None else high + 2)
    length = (threshold + 1) * period
    if length > MOST_TABLED:
        raise TooLongError
    table = np.zeros(length, bool)
    for residue, found in enumerate(spans):
        for low, high in found:
            stop = length if high is None else high * period + residue + 1
            table[low * period + residue : stop : period] = True
    return SizeSet(table, period)


def _pieces(dim: Dim, name: str) -> _Pieces:
    if isinstance(dim, int):
        return _Pieces(((dim,),))
    total = _Pieces(((0,),))
    for monomial, factor in dim.terms.items():
        product = _Pieces(((factor,),))
        for atom, power in monomial:
            each = _atom_pieces(atom, name)
            for _ in range(power):
                product = _combine(product, each, _multiply)
        total = _combine(total, product, _add)
    return total


def _atom_pieces(atom: Atom, name: str) -> _Pieces:
    kind, args = atom.kind, atom.args
    if kind == "symbol" and args[0] == name:
        return _Pieces(((0, 1),))
    if kind != "//" or not isinstance(args[1], int):
        raise TooLongError  # the greater of two sizes, a division by a size: not solved
    return _floor(_pieces(args[0], name), args[1])


def _combine(left: _Pieces, right: _Pieces, kind: Callable[[Polynomial, Polynomial], Polynomial]) -> _Pieces:
    period = math.lcm(left.period, right.period)
    if period > MOST_RESIDUES:
        raise TooLongError
    pairs = zip(
        left.stretched(period // left.period).polynomials,
        right.stretched(period // right.period).polynomials,
        strict=True,
    )
    return _Pieces(tuple(kind(a, b) for a, b in pairs))


def _floor(pieces: _Pieces, divisor: int) -> _Pieces:
    """Divide: on a period that is long enough all but the constants are multiples of the divisor."""
    times = 1
    for polynomial in pieces.polynomials:
        times = math.lcm(times, divisor // math.gcd(divisor, *polynomial[1:]))
    if times * pieces.period > MOST_RESIDUES:
        raise TooLongError
    longer = pieces.stretched(times)
    return _Pieces(tuple(tuple(factor // divisor for factor in each) for each in longer.polynomials))


def _add(a: Polynomial, b: Polynomial) -> Polynomial:
    if len(a) < len(b):
        a, b = b, a
    return _trimmed([factor + (b[power] if power < len(b) else 0) for power, factor in enumerate(a)])


def _multiply(a: Polynomial, b: Polynomial) -> Polynomial:
    result = [0] * (len(a) + len(b) - 1)
    for i, left in enumerate(a):
        for j, right in enumerate(b):
            result[i + j] += left * right
    return _trimmed(result)


def _trimmed(factors: list[int]) -> Polynomial:
    while len(factors) > 1 and factors[-1] == 0:
        factors.pop()
    return tuple(factors)


def _compose(polynomial: Polynomial, scale: int, offset: int) -> Polynomial:
    """``p(scale*t + offset)``."""
    result: Polynomial = (0,)
    for factor in reversed(polynomial):
        result = _add(_multiply(result, (offset, scale)), (factor,))
    return result


def _at(polynomial: Polynomial, t: int) -> int:
    value = 0
    for factor in reversed(polynomial):
        value = value * t + factor
    return value


def _turns(polynomial: Polynomial) -> list[int]:
    """Whole numbers from 0 on, ascending, between which a polynomial only rises or only falls."""
    derivative = tuple(power * factor for power, factor in enumerate(polynomial))[1:]
    turns: list[int] = []
    for low, high in _not_negative(derivative):
        turns += [low - 1, low] if high is None else [low - 1, low, high, high + 1]
    return sorted({turn for turn in turns if turn >= 0} | {0})


def _not_negative(polynomial: Polynomial) -> list[tuple[int, int | None]]:
    """The spans of t from 0 on where a polynomial is 0 or more, found by halving where it is monotone."""
    if len(polynomial) <= 1:
        return [(0, None)] if not polynomial or polynomial[0] >= 0 else []
    turns = _turns(polynomial)
    last = turns[-1]
    far = last + 1
    while _at(polynomial, far) * polynomial[-1] <= 0 or _at(polynomial, far) == 0:
        far = far * 2 + 1
        if far > MOST_TABLED:
            raise TooLongError
    points = [*turns, far]
    spans: list[tuple[int, int | None]] = []
    for low, high in itertools.pairwise(points):
        ends = _at(polynomial, low) >= 0, _at(polynomial, high) >= 0
        if ends == (True, True):
            spans.append((low, high))
        elif ends == (False, True):
            spans.append((_first(polynomial, low, high, True), high))
        elif ends == (True, False):
            spans.append((low, _first(polynomial, low, high, False) - 1))
    if polynomial[-1] > 0:
        spans.append((far, None))
    return _merged(spans)


def _first(polynomial: Polynomial, low: int, high: int, wanted: bool) -> int:
    """The first t after `low` where being 0 or more is as wanted; `high` is such a one."""
    while high - low > 1:
        middle = (low + high) // 2
        if (_at(polynomial, middle) >= 0) is wanted:
            high = middle
        else:
            low = middle
    return high


def _zeros(polynomial: Polynomial) -> list[tuple[int, int | None]]:
    if not any(polynomial):
        return [(0, None)]
    if len(polynomial) == 1:
        return []
    ends: set[int] = set()
    for sign in (1, -1):
        for low, high in _not_negative(tuple(sign * factor for factor in polynomial)):
            ends.update((low,) if high is None else (low, high))
    return _merged([(t, t) for t in sorted(ends) if _at(polynomial, t) == 0])


def _merged(spans: Iterable[tuple[int, int | None]]) -> list[tuple[int, int | None]]:
    result: list[tuple[int, int | None]] = []
    for low, high in spans:
        if result and (result[-1][1] is None or low <= result[-1][1] + 1):
            last = result[-1][1]
            result[-1] = result[-1][0], None if high is None or last is None else max(last, high)
        else:
            result.append((low, high))
    return result
