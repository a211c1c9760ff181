"""All requirements of a network together, solved: ``h >= 16``, ``h % 16 == 0``, boxes of two symbols.

What speaks of one symbol is intersected; an equality that stands for a symbol is put in elsewhere; a
product of factors in two symbols that equals a number becomes boxes, one for each way to divide it.
All else is left as it stands, and evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from graphinit.ir.dims import Dim, Expr, exact_quotient, stand_in
from graphinit.ir.expressions import one_term
from graphinit.ir.terms import Atom, Monomial
from passes.shapes.requirements import Box, Condition, Requirement
from passes.shapes.size_sets import SizeSet, solutions

_MOST_DIVISORS = 256


@dataclass(frozen=True, slots=True)
class SolvedRequirements:
    """What sizes must meet, in solved form.

    Parameters
    ----------
    requirements : tuple of Requirement
        What is left of them, each as simple as it gets.
    conflict : tuple of Requirement
        Some that cannot hold together; empty when none were found.
    """

    requirements: tuple[Requirement, ...]
    conflict: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class _Claim:
    """A requirement after substitutions, and the requirements that it comes from."""

    alternatives: tuple[Condition, ...]
    parents: tuple[Requirement, ...]

    @property
    def symbols(self) -> frozenset[str]:
        return frozenset().union(*(condition.symbols for condition in self.alternatives))

    def parts(self) -> list[_Claim]:
        """The claims that it comes to."""
        if len(self.alternatives) > 1:
            return [self]
        return [_Claim((condition,), self.parents) for condition in self.alternatives[0].parts()]


class _ConflictError(Exception):
    def __init__(self, requirements: Iterable[Requirement]) -> None:
        self.requirements = tuple(dict.fromkeys(requirements))


def solve_requirements(requirements: Sequence[Requirement]) -> SolvedRequirements:
    """Solve requirements together.

    Parameters
    ----------
    requirements : sequence of Requirement
        As the equations of a network gave them.

    Examples
    --------
    >>> h, w = stand_in("h"), stand_in("w")
    >>> asked = Condition("==", (h // 4) * (w // 4), 4), Condition(">=", h, 5), Condition("==", h, w)
    >>> print(*solve_requirements([Requirement((each,)) for each in asked]).requirements, sep=", ")
    h == w, 8 <= h <= 11
    """
    if not requirements:
        return SolvedRequirements((), ())
    try:
        return SolvedRequirements(_System(requirements).solved(), ())
    except _ConflictError as conflict:
        told = {str(requirement): requirement for requirement in requirements}
        return SolvedRequirements(tuple(told.values()), conflict.requirements)


class _System:
    def __init__(self, requirements: Sequence[Requirement]) -> None:
        self.order = {id(requirement): position for position, requirement in enumerate(requirements)}
        self.claims = [_Claim(each.alternatives, (each,)) for each in requirements]
        self.meaning: dict[str, tuple[Dim, tuple[Requirement, ...]]] = {}
        self.equalities: list[Requirement] = []
        self.sets: dict[str, tuple[SizeSet, list[tuple[SizeSet, _Claim]]]] = {}
        self.boxes: list[tuple[tuple[Box, ...], _Claim]] = []

    def solved(self) -> tuple[Requirement, ...]:
        changed = True
        while changed:
            changed = (
                self._substitute()
                or self._settle_symbols()
                or self._collect()
                or self._divide()
                or self._drop_products()
            )
        found = list(self.equalities)
        found += [self._of_symbol(name) for name in self.sets if self._is_open(name)]
        found += [self._of_boxes(boxes, claim) for boxes, claim in self.boxes]
        found += [self._of_claim(claim) for claim in self.claims]
        return tuple(found)

    def _substitute(self) -> bool:
        """Put in what symbols stand for; drop what holds, stop at what cannot."""
        kept: list[_Claim] = []
        for claim in self.claims:
            used = [name for name in claim.symbols if name in self.meaning]
            if used:
                mapping = {name: self.meaning[name][0] for name in used}
                alternatives = [_substituted(condition, mapping) for condition in claim.alternatives]
                parents = (*claim.parents, *(each for name in used for each in self.meaning[name][1]))
                claim = _Claim(tuple(alternatives), tuple(dict.fromkeys(parents)))
            left = self._possible(claim)
            if left is not None:
                kept += left.parts()
        changed = kept != self.claims
        self.claims = kept
        return changed

    def _possible(self, claim: _Claim) -> _Claim | None:
        """A claim without the alternatives that are out of the question; None when it always holds."""
        left: list[Condition] = []
        parents = claim.parents
        for condition in claim.alternatives:
            decided = condition.decided()
            solved = condition.solved() if decided is None and len(claim.alternatives) > 1 else None
            if solved is not None and solved[0] in self.sets:
                allowed, because = self.sets[solved[0]]
                if allowed <= solved[1]:
                    decided = True
                elif (allowed & solved[1]).empty:
                    decided = False
                    parents = (*parents, *(each for _, other in because for each in other.parents))
            if decided:
                return None
            if decided is None:
                left.append(condition.normal())
        if not left:
            raise _ConflictError(parents)
        return _Claim(tuple(left), tuple(dict.fromkeys(parents)))

    def _settle_symbols(self) -> bool:
        """Let equalities say what a symbol stands for."""
        for claim in self.claims:
            if len(claim.alternatives) > 1 or len(claim.symbols) < 2:
                continue
            found = _definition(claim.alternatives[0])
            if found is None:
                continue
            name, dim = found
            self.claims.remove(claim)
            self.equalities.append(self._of_claim(claim))
            self._define(name, dim, claim.parents)
            at_least_one = Condition(">=", dim, 1)
            if not at_least_one.decided():
                self.claims.append(_Claim((at_least_one.normal(),), claim.parents))
            return True
        return False

    def _define(self, name: str, dim: Dim, parents: tuple[Requirement, ...]) -> None:
        self.meaning = {
            other: (
                meant.substitute({name: dim}) if isinstance(meant, Expr) else meant,
                (*because, *parents) if isinstance(meant, Expr) and name in meant.symbols else because,
            )
            for other, (meant, because) in self.meaning.items()
        }
        self.meaning[name] = dim, parents
        held = self.sets.pop(name, None)
        if held is not None and isinstance(dim, Expr):
            self.claims += [claim for _, claim in held[1]]

    def _collect(self) -> bool:
        """Join what speaks of one symbol."""
        rest: list[_Claim] = []
        for claim in self.claims:
            solved = [condition.solved() for condition in claim.alternatives]
            if len(claim.symbols) != 1 or None in solved:
                rest.append(claim)
                continue
            (name,) = claim.symbols
            allowed = SizeSet.between(1, 0)
            for each in solved:
                assert each is not None, "checked above"
                allowed = allowed | each[1]
            held, because = self.sets.get(name, (SizeSet.between(1, None), []))
            if not held.joins_cheaply(allowed):
                rest.append(claim)
                continue
            because = [*because, (allowed, claim)]
            held = held & allowed
            if held.empty:
                raise _ConflictError(each for _, other in _needed(because, held) for each in other.parents)
            self.sets[name] = held, because
        changed = len(rest) != len(self.claims)
        self.claims = rest
        for name, (held, because) in tuple(self.sets.items()):
            if held.only is not None and name not in self.meaning:
                parents = tuple(each for _, claim in _needed(because, held) for each in claim.parents)
                self.meaning[name] = held.only, tuple(dict.fromkeys(parents))
                changed = True
        return changed

    def _divide(self) -> bool:
        """Solve products of factors in two symbols that equal a number."""
        for claim in self.claims:
            if len(claim.alternatives) > 1 or claim.alternatives[0].relation != "==":
                continue
            factors = _factors(claim.alternatives[0])
            if factors is None:
                continue
            boxes = _boxes(factors)
            if boxes is None:
                continue
            self.claims.remove(claim)
            kept = [
                box
                for box in boxes
                if all(not (self._allowed(name) & allowed).empty for name, allowed in box)
            ]
            parents = [*claim.parents]
            for name in claim.symbols:
                parents += [each for _, other in self.sets.get(name, (None, []))[1] for each in other.parents]
            if not kept:
                raise _ConflictError(parents)
            kept = [tuple((name, self._allowed(name) & allowed) for name, allowed in box) for box in kept]
            joined = _Claim(claim.alternatives, tuple(dict.fromkeys(parents)))
            if len(kept) == 1:
                for name, allowed in kept[0]:
                    self.sets[name] = allowed, [(allowed, joined)]
                return True
            self.boxes.append((tuple(kept), joined))
            for name in claim.symbols:
                union = SizeSet.between(1, 0)
                for box in kept:
                    union = union | dict(box).get(name, self._allowed(name))
                self.sets[name] = union, [(union, joined)]
            return True
        return False

    def _drop_products(self) -> bool:
        """Leave out that a product of factors, none of which can be negative, is not negative."""
        for claim in self.claims:
            if len(claim.alternatives) > 1 or claim.alternatives[0].relation != ">=":
                continue
            factors = _factors(claim.alternatives[0])
            if factors is None or factors.number > 0:
                continue
            if self._never_negative(factors.one, factors.times * factors.f) and self._never_negative(
                factors.other, factors.g
            ):
                self.claims.remove(claim)
                return True
        return False

    def _never_negative(self, name: str, dim: Dim) -> bool:
        found = solutions(">=", dim, 0, name)
        return found is not None and self._allowed(name) <= found

    def _allowed(self, name: str) -> SizeSet:
        return self.sets[name][0] if name in self.sets else SizeSet.between(1, None)

    def _is_open(self, name: str) -> bool:
        """Whether a symbol's own set says more than a box that it stands in."""
        held, _ = self.sets[name]
        return not held.everything and not any(name in dict(box) for boxes, _ in self.boxes for box in boxes)

    # ------------------------------------------------------------------ as requirements

    def _of_symbol(self, name: str) -> Requirement:
        held, because = self.sets[name]
        parents = [each for _, claim in _needed(because, held) for each in claim.parents]
        return self._joined(parents, (((name, held),),))

    def _of_boxes(self, boxes: tuple[Box, ...], claim: _Claim) -> Requirement:
        return self._joined(claim.parents, boxes)

    def _of_claim(self, claim: _Claim) -> Requirement:
        if len(claim.parents) == 1 and claim.parents[0].alternatives == claim.alternatives:
            return claim.parents[0]
        return self._joined(claim.parents, (), claim.alternatives)

    def _joined(
        self, parents: Iterable[Requirement], boxes: tuple[Box, ...], alternatives: tuple[Condition, ...] = ()
    ) -> Requirement:
        several = sorted(dict.fromkeys(parents), key=lambda each: self.order.get(id(each), 0))
        return Requirement(
            alternatives or several[-1].alternatives,
            several[-1].node,
            "; ".join(dict.fromkeys(each.why for each in several)),
            tuple(dict.fromkeys(origin for each in several for origin in each.origins)),
            boxes,
        )


def _needed(because: list[tuple[SizeSet, _Claim]], held: SizeSet) -> list[tuple[SizeSet, _Claim]]:
    """The fewest of some claims that give the same set, as far as leaving out one by one shows."""
    kept = list(because)
    for each in because:
        rest = [other for other in kept if other is not each]
        joined = SizeSet.between(1, None)
        for allowed, _ in rest:
            joined = joined & allowed
        if rest and joined == held:
            kept = rest
    return kept


def _substituted(condition: Condition, mapping: dict[str, Dim]) -> Condition:
    left, right = (side.substitute(mapping) if isinstance(side, Expr) else side for side in condition[1:])
    return Condition(condition.relation, left, right)


def _definition(condition: Condition) -> tuple[str, Dim] | None:
    """A symbol and what an equality says it is."""
    if condition.relation != "==":
        return None
    difference = condition.left - condition.right
    if not isinstance(difference, Expr):
        return None
    for name in sorted(difference.symbols, reverse=True):
        single = stand_in(name)
        (monomial,) = single.terms
        factor = difference.terms.get(monomial)
        if factor not in (1, -1):
            continue
        rest = difference - factor * single
        dim = -rest if factor == 1 else rest
        if not isinstance(dim, Expr) or name not in dim.symbols:
            return name, dim
    return None


class _Factors(NamedTuple):
    """A condition over two symbols as ``times*f*g`` against a number."""

    one: str
    f: Expr
    other: str
    g: Expr
    times: int
    number: int


def _factors(condition: Condition) -> _Factors | None:
    """Write a condition as a product of factors in one symbol each, if it can be."""
    difference = condition.left - condition.right
    if not isinstance(difference, Expr) or len(difference.symbols) != 2:
        return None
    one, other = sorted(difference.symbols)
    matrix: dict[tuple[Monomial, Monomial], int] = {}
    for monomial, factor in difference.terms.items():
        of_one: list[tuple[Atom, int]] = []
        of_other: list[tuple[Atom, int]] = []
        for item in monomial:
            names = _atom_symbols(item[0])
            if names == {one}:
                of_one.append(item)
            elif names == {other}:
                of_other.append(item)
            else:
                return None
        matrix[tuple(of_one), tuple(of_other)] = factor
    pivot = next((place for place in matrix if place[0] and place[1]), None)
    if pivot is None:
        return None
    rows, columns = ({place[side]: None for place in matrix} for side in (0, 1))
    corner, odd = divmod(matrix.get((pivot[0], ()), 0) * matrix.get(((), pivot[1]), 0), matrix[pivot])
    if odd:
        return None
    number = corner - matrix.get(((), ()), 0)
    matrix[(), ()] = corner
    rows[()], columns[()] = None, None
    for row in rows:
        for column in columns:
            if matrix.get((row, column), 0) * matrix[pivot] != matrix.get((row, pivot[1]), 0) * matrix.get(
                (pivot[0], column), 0
            ):
                return None
    f = _of_terms({row: matrix.get((row, pivot[1]), 0) for row in rows})
    g = _of_terms({column: matrix.get((pivot[0], column), 0) for column in columns})
    if not (isinstance(f, Expr) and isinstance(g, Expr)):
        return None
    contents = [math.gcd(*each.terms.values()) for each in (f, g)]
    f, g = (exact_quotient(each, content) for each, content in zip((f, g), contents, strict=True))  # type: ignore[assignment]
    # f and g are primitive now, so the product of both times one whole number is the difference
    times, odd = divmod(contents[0] * contents[1], matrix[pivot])
    if odd or not times or not (isinstance(f, Expr) and isinstance(g, Expr)):
        return None
    return _Factors(one, f, other, g, times, number)


def _of_terms(terms: dict[Monomial, int]) -> Dim:
    total: Dim = 0
    for monomial, factor in terms.items():
        total = total + one_term(monomial, factor)
    return total


def _atom_symbols(atom: Atom) -> frozenset[str]:
    if atom.kind == "symbol":
        return frozenset((atom.args[0],))
    return frozenset().union(*(part.symbols for part in atom.args if isinstance(part, Expr)))


def _boxes(factors: _Factors) -> list[Box] | None:
    """The boxes where the product equals the number, one for each divisor; None when a factor is not solved."""
    one, f, other, g, times, number = factors
    if number % times:
        return []
    number //= times
    if number == 0:
        zeros = [(name, solutions("==", each, 0, name)) for name, each in ((one, f), (other, g))]
        if any(allowed is None for _, allowed in zeros):
            return None
        return [((name, allowed),) for name, allowed in zeros if allowed is not None]
    divisors = [each for each in range(1, math.isqrt(abs(number)) + 1) if number % each == 0]
    divisors = sorted({*divisors, *(abs(number) // each for each in divisors)})
    if len(divisors) > _MOST_DIVISORS:
        return None
    found: list[Box] = []
    for divisor in (*divisors, *(-each for each in divisors)):
        left, right = solutions("==", f, divisor, one), solutions("==", g, number // divisor, other)
        if left is None or right is None:
            return None
        if not left.empty and not right.empty:
            found.append(((one, left), (other, right)))
    return found
