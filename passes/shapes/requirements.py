"""Conditions that sizes must meet for a network to make sense: ``batch == n``, ``h >= 28``.

A condition over one symbol is brought to a solved form where floors can be undone; all others are
printed as they stand, and evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from graphinit.ir.dims import Dim, Expr, bounds, exact_quotient
from graphinit.ir.expressions import common_factor, one_term
from graphinit.ir.terms import is_floor, print_order, remainders_of
from graphinit.plain_text import escaped
from passes.shapes.size_sets import MOST_TABLED, SizeSet, solutions

Box = tuple[tuple[str, SizeSet], ...]
"""Sets of sizes for several symbols at once."""


class Condition(NamedTuple):
    """A comparison of two sizes.

    Parameters
    ----------
    relation : {"==", ">=", "%"}
        ``%`` says that the right side divides the left one.
    left, right : int or Expr
        The sides.
    """

    relation: str
    left: Dim
    right: Dim

    @property
    def symbols(self) -> frozenset[str]:
        """The symbols that it speaks of."""
        return _symbols(self.left) | _symbols(self.right)

    def holds(self, sizes: Mapping[str, int]) -> bool:
        """Whether it holds for these sizes; `KeyError` when a symbol has none."""
        left = self.left.evaluate(sizes) if isinstance(self.left, Expr) else self.left
        right = self.right.evaluate(sizes) if isinstance(self.right, Expr) else self.right
        if self.relation == "==":
            return left == right
        return left >= right if self.relation == ">=" else right != 0 and left % right == 0

    def decided(self) -> bool | None:
        """Whether it holds for all sizes (True) or for none (False); None when that is not seen."""
        if self.relation == "==":
            if self.left is self.right or self.left == self.right:
                return True
            return False if impossible(self.left, self.right) else None
        if self.relation == ">=":
            low, high = bounds(self.left - self.right)
            if low is not None and low >= 0:
                return True
            return False if high is not None and high < 0 else None
        if self.right == 0:
            return False
        rest = self.left % self.right
        return True if rest == 0 else False if isinstance(rest, int) or (bounds(rest)[0] or 0) > 0 else None

    def __str__(self) -> str:
        solved = self.solved()
        if solved is not None and not solved[1].empty:
            return solved[1].text(solved[0])
        if self.relation == "%":
            return f"({self.left}) % ({self.right}) == 0"
        return f"{self.left} {self.relation} {self.right}"

    def solved(self) -> tuple[str, SizeSet] | None:
        """Return the one symbol that it speaks of, and the sizes for which it holds, if that can be solved."""
        return _solved(self)

    def normal(self) -> Condition:
        """Return the same condition in one form: nothing common to both sides, nothing negative.

        ``6*n % 4 == 0`` and ``6*n == 4*(n + n//2)`` both become ``n % 2 == 0``; so does
        ``3*b*n % (2*b) == 0``.
        """
        relation, left, right = self
        if relation == "%":
            common = common_factor(left, right)
            left, right = exact_quotient(left, common), exact_quotient(right, common)  # type: ignore[assignment]
            if not isinstance(right, int):
                return Condition(relation, left, right)
            relation, left, right = "==", left % right, 0
        difference = left - right
        difference = exact_quotient(difference, common_factor(difference))  # type: ignore[assignment]
        if not isinstance(difference, Expr):
            return Condition(relation, difference, 0)
        if relation == ">=":  # 2*h - 3 >= 0 is h - 2 >= 0
            common = math.gcd(*(factor for monomial, factor in difference.terms.items() if monomial))
            offset = difference.terms.get((), 0)
            difference = exact_quotient(difference - offset, common) + offset // common  # type: ignore[operator]
        return _sides(relation, difference)

    def parts(self) -> tuple[Condition, ...]:
        """Return conditions that it comes to, all together.

        A product of floors is the product without floors only where nothing is left over:
        ``16*(h//4)*(w//4) == h*w`` says ``h % 4 == 0`` and ``w % 4 == 0``.
        """
        difference = self.left - self.right
        terms = difference.terms if self.relation == "==" and isinstance(difference, Expr) else {}
        for monomial, factor in terms.items():
            floors = [item for item in monomial if is_floor((item,))]
            rest = tuple(item for item in monomial if item not in floors)
            sign = 1 if factor > 0 else -1
            whole = one_term(rest, sign * factor)
            target = sign * (one_term(monomial, factor) - difference)
            for atom, _ in floors:
                whole, target = whole * atom.args[0], target * atom.args[1]
            sizes = [target, *(atom.args[0] for atom, _ in floors)]
            if floors and whole == target and all((bounds(size)[0] or 0) >= 1 for size in sizes):
                return tuple(Condition("%", *atom.args).normal() for atom, _ in floors)
        return (self,)


@dataclass(frozen=True, slots=True)
class Requirement:
    """What sizes must meet: one of some conditions.

    Parameters
    ----------
    alternatives : tuple of Condition
        One of them must hold.
    node : str
        The node whose equation asks for it.
    why : str
        The equation in words.
    origins : tuple of str
        The user's statements that it follows from.
    boxes : tuple of Box
        Its solution, where it was solved: sizes for each of some symbols, in one box or another.

    Examples
    --------
    >>> from graphinit.ir.dims import symbol
    >>> need = Requirement((Condition(">=", (symbol("h") - 5) // 2 + 1, 3),))
    >>> print(need, need.holds(h=8), need.holds(h=9))
    h >= 9 False True
    """

    alternatives: tuple[Condition, ...]
    node: str = ""
    why: str = field(default="", compare=False)
    origins: tuple[str, ...] = field(default=(), compare=False)
    boxes: tuple[Box, ...] = field(default=(), compare=False)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the symbols that it speaks of, sorted."""
        if self.boxes:
            return tuple(sorted({name for box in self.boxes for name, _ in box}))
        return tuple(sorted(frozenset().union(*(condition.symbols for condition in self.alternatives))))

    def holds(self, **sizes: int) -> bool:
        """Whether it holds for these sizes.

        Raises
        ------
        KeyError
            If a symbol that it speaks of has no size.
        """
        if self.boxes:
            return any(all(sizes[name] in allowed for name, allowed in box) for box in self.boxes)
        return any(condition.holds(sizes) for condition in self.alternatives)

    def __str__(self) -> str:
        if self.boxes:
            return escaped(" or ".join(map(_box_text, self.boxes)))
        never = [each for each in self.alternatives if (solved := each.solved()) and solved[1].empty]
        shown = [each for each in self.alternatives if each not in never] or never
        return escaped(" or ".join(dict.fromkeys(map(str, shown))))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return {"requirement": str(self), "node": self.node, "why": self.why, "origins": list(self.origins)}


def _sides(relation: str, difference: Dim) -> Condition:
    """Put what counts negatively on the right."""
    assert isinstance(difference, Expr), "a number needs no condition"
    remainders, rest = remainders_of(difference.terms)
    parts = [(times, times * (inner % by)) for times, inner, by in remainders]
    parts += [
        (factor, one_term(monomial, factor)) for monomial, factor in sorted(rest.items(), key=print_order)
    ]
    left: Dim = 0
    right: Dim = 0
    for factor, part in parts:
        if factor > 0:
            left = left + part
        else:
            right = right - part
    if relation == "==" and not isinstance(right, int) and (isinstance(left, int) or str(right) < str(left)):
        left, right = right, left
    return Condition(relation, left, right)


def impossible(left: Dim, right: Dim) -> bool:
    """Whether two sizes are equal for no sizes of their symbols, as far as that is easily seen."""
    difference = left - right
    if isinstance(difference, int):
        return difference != 0
    low, high = bounds(difference)
    if (low is not None and low > 0) or (high is not None and high < 0):
        return True
    common = math.gcd(*(factor for monomial, factor in difference.terms.items() if monomial))
    return difference.terms.get((), 0) % common != 0


def _box_text(box: Box) -> str:
    texts = [(allowed.text(name), len(box) > 1) for name, allowed in box]
    return " and ".join(f"({text})" if several and " or " in text else text for text, several in texts)


@lru_cache(maxsize=4096)
def _solved(condition: Condition) -> tuple[str, SizeSet] | None:
    if len(condition.symbols) != 1:
        return None
    (name,) = condition.symbols
    span = _solve(condition)
    if span is not None and max(span[1] or 0, span[2] or 0) < MOST_TABLED:
        return name, SizeSet.between(span[1], span[2])
    found = solutions(*condition, name)
    return None if found is None else (name, found)


def _solve(condition: Condition) -> tuple[str, int | None, int | None] | None:
    """Solve for one symbol under a chain of floor divisions: the sizes from low to high."""
    if condition.relation == "%" or len(condition.symbols) != 1:
        return None
    expr = condition.left - condition.right
    low: int | None = 0
    high: int | None = 0 if condition.relation == "==" else None
    while True:
        if not isinstance(expr, Expr):
            return None
        parts = [(monomial, factor) for monomial, factor in expr.terms.items() if monomial]
        if len(parts) != 1:
            return None
        (monomial, factor), offset = parts[0], expr.terms.get((), 0)
        if len(monomial) != 1 or monomial[0][1] != 1:
            return None
        atom = monomial[0][0]
        low, high = (None if end is None else end - offset for end in (low, high))
        if factor < 0:
            low, high, factor = (None if high is None else -high), (None if low is None else -low), -factor
        low, high = (None if low is None else -(-low // factor)), (None if high is None else high // factor)
        if low is not None and high is not None and low > high:
            return None
        if atom.kind == "symbol":
            return atom.args[0], low, high
        if atom.kind != "//" or not isinstance(atom.args[1], int):
            return None
        expr, divisor = atom.args
        low, high = (
            (None if low is None else low * divisor),
            (None if high is None else high * divisor + divisor - 1),
        )


def _symbols(dim: Dim) -> frozenset[str]:
    return dim.symbols if isinstance(dim, Expr) else frozenset()
