"""Sizes that may be 0 where shapes broadcast.

What 1 and 0 broadcast to is 0, which makes the size of a sum of ``n//2`` and ``(n + 1)//2`` an expression
that nobody wants to read.  So sizes are first taken as 1 or more; here it is seen whether what else a
network requires says so.  Where it doesn't, the network is solved again, reckoning with 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

from graphinit.ir.dims import Dim, Expr, bounds, stand_in
from passes.shapes.requirements import Condition
from passes.shapes.size_sets import SizeSet
from passes.shapes.unification import Need

Alternatives = tuple[Condition, ...]


def find_positive(needs: Iterable[Need], stated: Iterable[Alternatives]) -> frozenset[Expr] | None:
    """Return the sizes that are 1 or more among those that were taken as such; None when all are.

    Parameters
    ----------
    needs : iterable of Need
        What a solver found.
    stated : iterable of tuple of Condition
        What must hold beside it.
    """
    taken: dict[Expr, None] = {}
    firm = list(stated)
    for need in needs:
        if need.taken is None:
            firm.append(need.alternatives)
        else:
            taken[need.taken] = None
    if not taken:
        return None
    positive = frozenset(size for size in taken if _is_positive(size, firm))
    return None if len(positive) == len(taken) else positive


def _is_positive(size: Expr, firm: Sequence[Alternatives]) -> bool:
    if len(size.symbols) == 1:
        (name,) = size.symbols
        wanted = Condition(">=", size, 1).solved()
        return wanted is not None and _allowed(name, firm) <= wanted[1]
    least = {name: _least(_allowed(name, firm)) for name in size.symbols}
    low = bounds(size.substitute({name: _from(name, by) for name, by in least.items() if by > 1}))[0]
    return low is not None and low >= 1


def _allowed(name: str, firm: Iterable[Alternatives]) -> SizeSet:
    """Return what the conditions that speak of nothing but one symbol leave to it."""
    allowed = SizeSet.between(1, None)
    for alternatives in firm:
        if frozenset().union(*(each.symbols for each in alternatives)) == {name}:
            solved = [each.solved() for each in alternatives]
            sets = [each[1] for each in solved if each is not None]
            if len(sets) == len(alternatives):
                either = reduce(SizeSet.__or__, sets)
                allowed = allowed & either if allowed.joins_cheaply(either) else allowed
    return allowed


def _least(allowed: SizeSet) -> int:
    return next((size for size in range(1, len(allowed.table)) if size in allowed), 1)


def _from(name: str, low: int) -> Dim:
    return stand_in(name) + (low - 1)
