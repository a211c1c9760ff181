"""Equations between sizes: products, sums, floor divisions, broadcasts, each solved whichever way it can be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from graphinit.ir.dims import Dim, Expr, Unknown, bounds, exact_quotient, maximum, minimum
from passes.shapes.requirements import Condition, impossible
from passes.shapes.unification import LOST, Axis, Local

Handle = Any
"""One size: an `Axis`, an int, an `Expr`, or an `Unknown` from an attribute."""


class Equations:
    """The equations that need arithmetic, over the sizes of one node.

    Parameters
    ----------
    local : Local
        The sizes.
    """

    def __init__(self, local: Local) -> None:
        self.local = local

    def product(self, left: Sequence[Handle], right: Sequence[Handle], why: str) -> None:
        """State that two products of sizes are equal.

        A size that is unknown on both sides is taken as other than 0.
        """
        local = self.local
        factors: list[Dim] = [1, 1]
        unknowns: list[list[Handle]] = [[], []]
        lost = False
        for side, handles in enumerate((left, right)):
            for handle in handles:
                value = local.value(handle)
                if type(value) is Unknown:
                    unknowns[side].append(handle)
                elif value is LOST:
                    lost = True
                else:
                    factors[side] = factors[side] * value
        for handle in tuple(unknowns[0]):
            unknown = local.value(handle)
            match = next((other for other in unknowns[1] if local.value(other) is unknown), None)
            if match is not None:
                unknowns[0].remove(handle)
                unknowns[1].remove(match)
        open_, places = [*unknowns[0], *unknowns[1]], (*left, *right)
        distinct = {local.value(handle) for handle in open_}
        if lost:
            if len(distinct) == 1:
                local.lose(local.value(open_[0]))
            local.waiting = True
            return
        if not open_:
            self._equal_products(left, right, factors, why)
        elif unknowns[0] and unknowns[1]:
            if len(open_) == 2 and factors[0] == factors[1] and factors[0] != 0:
                local.equate(unknowns[0][0], unknowns[1][0], why)
            else:
                local.waiting = True
        else:
            side = 0 if unknowns[0] else 1
            self._divide(open_, len(distinct), factors[1 - side], factors[side], places, why)

    def _equal_products(
        self, left: Sequence[Handle], right: Sequence[Handle], factors: Sequence[Dim], why: str
    ) -> None:
        local, (a, b) = self.local, factors
        if a is b or a == b:
            return
        places = (*left, *right)
        if not impossible(a, b) and local.need([Condition("==", a, b)], places, why):
            return
        texts = ["*".join(_factor(local.value(handle)) for handle in side) or "1" for side in (left, right)]
        sums = [
            text if text == str(dim) else f"{text} = {dim}" for text, dim in zip(texts, (a, b), strict=True)
        ]
        code = "GI201" if len(left) == len(right) == 1 else "GI204"
        local.clash(code, f"{why}: {sums[0]} != {sums[1]}", places)  # all are known: none is lost

    def _divide(
        self, open_: list[Handle], distinct: int, total: Dim, by: Dim, places: Sequence[Handle], why: str
    ) -> None:
        """Settle unknowns whose product, times `by`, is `total`."""
        local, first = self.local, open_[0]
        others = [handle for handle in places if handle is not first and handle not in open_]
        local.waiting |= by == 0 or len(open_) > 1
        if by == 0:
            if impossible(total, 0):
                local.clash("GI204", f"{why}: a product with a size of 0 is not {total}", places)
            return
        if isinstance(total, int) and isinstance(by, int) and total % by:
            local.clash("GI204", f"{why}: {total} is not a multiple of {by}", places)
            local.lose(*open_)
            return
        low = bounds(by)[0]
        if low is None or low < 1:
            if len(open_) > 1:
                return
            if not local.need(
                [Condition(">=", by, 1)], places, f"{why}, which settles a size only when {by} is not 0"
            ):
                return
        quotient = exact_quotient(total, by)
        if len(open_) > 1:
            if quotient == 1:
                for handle in open_:
                    self._bind(handle, 1, others, why)
            elif distinct == 1 and isinstance(quotient, int):
                self._take_root(open_, quotient, others, why)
            elif isinstance(quotient, int) and quotient > 0:
                for handle in open_:
                    local.choose(handle, (), places, why, quotient)
            return
        if quotient is None:
            if not local.need([Condition("%", total, by)], places, why):
                local.clash("GI204", f"{why}: {total} is not a multiple of {by}", places)
                local.lose(first)
                return
            quotient = total // by
        self._bind(first, quotient, others, why)

    def _take_root(self, open_: list[Handle], power: int, others: Sequence[Handle], why: str) -> None:
        if len(open_) != 2:
            if power > 0:
                self.local.choose(open_[0], (), open_, why, power)
            return
        root = math.isqrt(power)
        if root * root == power:
            self._bind(open_[0], root, others, why)
        else:
            self.local.clash("GI204", f"{why}: {power} is not the square of a size", open_)
            self.local.lose(open_[0])

    def _bind(
        self, handle: Handle, dim: Any, sources: Sequence[Handle], why: str, equal: bool = False
    ) -> None:
        value = self.local.value(handle)
        if type(value) is not Unknown:
            self.local.equate(handle, dim, why)
        elif isinstance(dim, int) and dim < 0:
            self.local.clash("GI205", f"{why}: a size cannot be {dim}", (handle, *sources))
            self.local.lose(handle)
        elif value is not dim:
            self.local.bind(value, dim, handle, tuple(sources), why, equal)

    def total(self, whole: Handle, parts: Sequence[Handle], why: str) -> None:
        """State that a size is the sum of others."""
        local = self.local
        rest: Dim = 0
        counts: dict[Unknown, int] = {}
        holders: dict[Unknown, Handle] = {}
        lost = False
        for handle, sign in ((whole, 1), *((part, -1) for part in parts)):
            value = local.value(handle)
            if type(value) is Unknown:
                counts[value] = counts.get(value, 0) + sign
                holders.setdefault(value, handle)
            elif value is LOST:
                lost = True
            else:
                rest = rest - sign * value
        counts = {unknown: count for unknown, count in counts.items() if count}
        places = (whole, *parts)
        if lost:
            if len(counts) == 1:
                local.lose(next(iter(counts)))
            local.waiting = True
            return
        if not counts:
            self._no_rest(rest, whole, parts, why)
        elif len(counts) == 1:
            ((unknown, count),) = counts.items()
            others = [handle for handle in places if local.value(handle) is not unknown]
            if count < 0:
                rest, count = -rest, -count
            if isinstance(rest, int) and rest % count:
                local.clash("GI201", f"{why}: {rest} is not a multiple of {count}", places)
                local.lose(unknown)
                return
            if count > 1 and exact_quotient(rest, count) is None:
                local.need([Condition("%", rest, count)], places, why)
            self._bind(holders[unknown], rest // count, others, why, equal=len(places) == 2)
        elif rest == 0 and sorted(counts.values()) == [-1, 1]:
            a, b = counts
            local.equate(holders[a], holders[b], why)
        else:
            local.waiting = True
            if type(rest) is int and (max(counts.values()) < 0 or min(counts.values()) > 0):
                for unknown, count in counts.items():
                    local.choose(holders[unknown], range(rest // count + 1), places, why)

    def _no_rest(self, rest: Dim, whole: Handle, parts: Sequence[Handle], why: str) -> None:
        local, places = self.local, (whole, *parts)
        if rest == 0:
            return
        value = local.value(whole)
        if not impossible(rest, 0) and local.need([Condition("==", value, rest + value)], places, why):
            return
        sizes = " + ".join(str(local.value(part)) for part in parts)
        local.clash("GI201", f"{why}: {value} != {sizes}", places)
        local.lose(*places)

    def floordiv(
        self,
        out: Handle,
        numerator: tuple[Handle, Handle, Handle],
        divisor: Handle,
        why: str,
        because: Sequence[Handle] = (),
    ) -> None:
        """State ``out == (scale*x + offset)//divisor``, with `numerator` as (scale, x, offset).

        `because` are sizes that the numbers were worked out from.
        """
        local = self.local
        scale, x, offset = numerator
        values = [
            handle if type(handle) is int else local.value(handle)
            for handle in (out, scale, x, offset, divisor)
        ]
        y, s, v, o, d = values
        places = [handle for handle in (x, scale, offset, divisor, *because) if type(handle) is Axis]
        if LOST in values:
            if sum(type(value) is Unknown for value in values) == 1:
                local.lose(next(value for value in values if type(value) is Unknown))
            local.waiting = True
            return
        if Unknown in (type(s), type(o), type(d)):
            local.waiting = True
            return
        if (isinstance(d, int) and d < 1) or s == 0:
            divided = f"{why}: a size is divided by {d}" if s != 0 else f"{why}: a size is scaled by 0"
            local.clash("GI205", divided, places)
            return
        if type(v) is not Unknown:
            result = ((v if s == 1 else s * v) + o) // d
            if type(y) is Unknown:
                self._bind(out, result, places, why)
                return
            if not impossible(y, result) and local.need([Condition("==", y, result)], (out, *places), why):
                return
            local.clash("GI201", f"{why}: {y} != {_factor(s * v + o)}//{d} = {result}", (out, *places))
            local.lose(out, x)
        elif type(y) is not Unknown:
            low, high = -((o - d * y) // s), (d * y + d - 1 - o) // s
            if low is high or low == high:
                self._bind(x, low, [out, *(place for place in places if place is not x)], why)
            elif isinstance(low, int) and isinstance(high, int) and (low > high or high < 0):
                local.clash("GI201", f"{why}: no size gives {y}", (out, *places))
                local.lose(x)
            else:
                local.waiting = True
                if type(low) is int and type(high) is int:
                    local.choose(x, range(max(low, 0), high + 1), (out, *places), why)
        else:
            local.waiting = True

    def broadcast(self, out: Handle, dims: Sequence[Handle], why: str) -> None:
        """State that one size is what others broadcast to: the one that is not 1."""
        local = self.local
        values = [local.value(dim) for dim in dims]
        result = local.value(out)
        if len(dims) > 1 and Unknown in map(type, values):
            local.waiting = True
        if result is not LOST and type(values[0]) in (int, Expr) and _all_same(values):
            local.equate(dims[0], out, why, "GI203")
            return
        if LOST in values or result is LOST:
            if type(result) is Unknown and not any(_not_one(value) for value in values):
                local.lose(result)
            return
        firm = next((i for i, value in enumerate(values) if type(value) is int and value != 1), None)
        if firm is None:
            firm = next((i for i, value in enumerate(values) if _not_one(value)), None)
        if firm is not None:
            self._broadcast_to(out, dims, firm, why)
            return
        free = {value for value in values if type(value) is Unknown}
        loose = list(dict.fromkeys(value for value in values if value != 1 and type(value) is not Unknown))
        if result == 1:
            for dim in dims:
                local.equate(dim, out, why, "GI203")
        elif not free and not loose:
            self._bind(out, 1, dims, why)
        elif len(free) + len(loose) == 1:
            only = next(iter(free), None) or loose[0]
            chosen = next(dim for dim, value in zip(dims, values, strict=True) if value is only)
            local.equate(chosen, out, why, "GI203")
        elif not free:
            self._widest(out, dims, loose, why)
        elif type(result) is int:
            self._choose_one_or(result, dims, (out, *dims), why)

    def _broadcast_to(self, out: Handle, dims: Sequence[Handle], firm: int, why: str) -> None:
        """One size is known to be other than 1: it is the result, the others are 1 or equal to it."""
        local, chosen = self.local, dims[firm]
        size = local.value(chosen)
        for dim in dims:
            value = local.value(dim)
            if dim is chosen or type(value) is Unknown or value == 1 or value is size or value == size:
                continue
            if _not_one(value):
                held = not impossible(value, size) and local.need(
                    [Condition("==", value, size)], (dim, chosen), why
                )
            else:
                held = local.need(
                    [Condition("==", value, size), Condition("==", value, 1)], (dim, chosen), why
                )
            if not held:
                sides = [side for side in dims if side is dim or side is chosen]
                shown = " and ".join(str(local.value(side)) for side in sides)
                local.clash("GI203", f"{why}: {shown} do not broadcast", sides)
                local.lose(out)
                return
        result = local.value(out)
        if type(result) is Unknown:
            self._bind(out, size, [chosen], why, equal=False)
        else:
            local.equate(chosen, out, why, "GI203")
        if type(size) is int:
            self._choose_one_or(size, dims, (out, *dims), why)

    def _choose_one_or(self, size: int, dims: Sequence[Handle], places: Sequence[Handle], why: str) -> None:
        """Of what broadcasts to a size, each is 1 or that size."""
        for dim in dims:
            if type(self.local.value(dim)) is Unknown:
                self.local.choose(dim, (1, size), places, why)

    def _widest(self, out: Handle, dims: Sequence[Handle], sizes: list[Dim], why: str) -> None:
        """Only symbols that may be 1: the result is the greatest, if they are equal but for ones.

        Where one may be 0 beside a 1, the result is 0 then.
        """
        local = self.local
        widest: Dim = 1
        least: Dim = 1
        for number, size in enumerate(sizes):
            widest = maximum(widest, size)
            if local.positive is None and isinstance(size, Expr):
                local.need([Condition(">=", size, 1)], dims, why, size)
            elif local.positive is not None and size not in local.positive:
                least = minimum(least, size)
            for other in sizes[:number]:
                pair = (Condition("==", other, size), Condition("==", other, 1), Condition("==", size, 1))
                if not local.need(pair, dims, why):
                    local.clash("GI203", f"{why}: {other} and {size} do not broadcast", dims)
                    local.lose(out)
                    return
        self._bind(out, widest * least, dims, why)


def _all_same(values: Sequence[Any]) -> bool:
    return all(value is values[0] for value in values)


def _not_one(value: Any) -> bool:
    """Whether a size is other than 1, whatever its symbols."""
    if type(value) is int:
        return value != 1
    if not isinstance(value, Expr):
        return False
    low, high = bounds(value)
    return (low is not None and low > 1) or (high is not None and high < 1)


def _factor(dim: Any) -> str:
    text = str(dim)
    return text if isinstance(dim, int) or text.isidentifier() else f"({text})"
