"""What shape rules state their equations through.

A rule never computes outputs from inputs: it says what holds between sizes, and whichever side is
known settles the other.  It is run again until nothing changes, so it must be safe to repeat.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from graphinit.ir.dims import Dim, Expr, SizeRef, Unknown, bounds, exact_quotient, maximum, size_of
from graphinit.ir.op import Attrs, Rule
from passes.requirements import Condition, impossible
from passes.unification import LOST, Axis, Local, known

Handle = Any
"""One size: an `Axis`, an int, an `Expr`, or an `Unknown` from an attribute."""


class ShapeContext:
    """The sizes of one node, for its shape rule to state equations about.

    An operand is a number: inputs from 0, outputs behind them (`output`).  `why` completes messages,
    as in "axis 1 of x must equal axis 1 of w".

    Parameters
    ----------
    local : Local
        The sizes.
    rule : Rule
        The op and its attributes.
    inputs, outputs : int
        How many there are.
    symbols : dict
        What symbols in attributes stand for.
    """

    def __init__(self, local: Local, rule: Rule, inputs: int, outputs: int, symbols: dict[str, Dim]) -> None:
        self.local = local
        self.rule = rule
        self.inputs = tuple(range(inputs))
        self.outputs = tuple(range(inputs, inputs + outputs))
        self._symbols = symbols
        self._unsettled: dict[Expr, Unknown] = {}

    @property
    def x(self) -> int:
        """The first input."""
        return 0

    @property
    def y(self) -> int:
        """The first output."""
        return self.outputs[0]

    def output(self, index: int) -> int:
        """Return the operand of output number `index`."""
        return self.outputs[index]

    # What is known.

    @property
    def attrs(self) -> Attrs:
        """The attributes; sizes of other values are put in, as an `Unknown` while they are not settled."""
        if not self.rule.sizes and not self._symbols:
            return self.rule.attrs
        return Attrs({name: self._substituted(value) for name, value in self.rule.attrs.items()})

    def _substituted(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(self._substituted, value))
        if not isinstance(value, Expr):
            return value
        mapping: dict[Any, Dim] = dict(self._symbols)
        for position, ref in enumerate(self.rule.sizes):
            if ref not in value.sizes:
                continue
            dim = self._referred(ref, len(self.inputs) + len(self.outputs) + position)
            if dim is None or not isinstance(dim, int | Expr):
                if dim is not None and value is size_of(*ref):
                    return dim
                if value not in self._unsettled:
                    self._unsettled[value] = self.local.fresh()
                return self._unsettled[value]
            mapping[ref] = dim
        return value.substitute(mapping)

    def _referred(self, ref: SizeRef, slot: int) -> Any:
        shape = self.local.shape(slot)
        if shape is None:
            return None
        if not -len(shape) <= ref.axis < len(shape):
            self.fail("GI202", f"{ref} is asked for, and {ref.node} has {len(shape)} axes")
            return None
        dim = self.local.value(Axis(slot, ref.axis % len(shape)))
        return None if dim is LOST else dim

    def rank(self, v: int) -> int | None:
        """Return the number of axes, or None."""
        shape = self.local.shape(v)
        return None if shape is None else len(shape)

    def shape(self, v: int) -> tuple[Axis, ...] | None:
        """Return a handle for each axis, or None when the rank is unknown."""
        shape = self.local.shape(v)
        return None if shape is None else tuple(Axis(v, axis) for axis in range(len(shape)))

    def dim(self, v: int, axis: int) -> Axis:
        """Return the handle of one axis; the rank must be known, and `axis` within it."""
        rank = self.rank(v)
        if rank is None or not -rank <= axis < rank:
            raise IndexError(f"{self._name(v)} has {rank} axes; there is no axis {axis}")
        return Axis(v, axis % rank)

    def known(self, dim: Handle) -> Dim | None:
        """Return the size if it is settled."""
        return known(self.local.value(dim))

    def normalize_axis(self, v: int, axis: int) -> int | None:
        """Return an axis counted from the front; None when the rank is unknown or too small."""
        rank = self.rank(v)
        if rank is None:
            return None
        if not -rank <= axis < rank:
            self.fail("GI202", f"axis {axis} is out of range for {self._name(v)}, which has {rank} axes", v)
            return None
        return axis % rank

    def _name(self, v: int) -> str:
        return self.local.names[v]

    # Equations.

    def fail(self, code: str, message: str, *operands: int) -> None:
        """Note a definite mistake."""
        self.local.clash(code, message, [Axis(v, -1) for v in operands])

    def set_rank(self, v: int, rank: int, why: str = "") -> bool:
        """State how many axes an operand has; False, and a mistake, when it has another number."""
        if self.local.set_rank(v, rank):
            return True
        words = why or f"{self._name(v)} must have {rank} {'axis' if rank == 1 else 'axes'}"
        self.fail("GI202", f"{words}; it has {self.rank(v)}", v)
        return False

    def same_rank(self, a: int, b: int, why: str = "") -> bool:
        """State that two operands have equally many axes; True when both are known now."""
        for one, other in ((a, b), (b, a)):
            rank = self.rank(one)
            if rank is not None:
                words = why or f"{self._name(a)} and {self._name(b)} must have equally many axes"
                if self.local.set_rank(other, rank):
                    return True
                self.local.clash(
                    "GI202", f"{words}: {self.rank(a)} != {self.rank(b)}", [Axis(a, -1), Axis(b, -1)]
                )
                return False
        return False

    def equal(self, a: Handle, b: Handle, why: str) -> bool:
        """State that two sizes are equal; False when they cannot be."""
        return self.local.equate(a, b, why)

    def same_shape(self, a: int, b: int, why: str) -> None:
        """State that two operands have one shape."""
        if self.same_rank(a, b, why):
            for left, right in zip(self.shape(a) or (), self.shape(b) or (), strict=True):
                self.local.equate(left, right, why)

    def set_shape(self, v: int, dims: Sequence[Handle] | None, why: str) -> None:
        """State the shape of an operand."""
        if dims is not None and self.set_rank(v, len(dims)):
            for axis, dim in enumerate(dims):
                self.local.equate(Axis(v, axis), dim, why)

    def at_least(self, dim: Handle, least: int, why: str) -> None:
        """State that a size is `least` or more."""
        value = known(self.local.value(dim))
        if value is not None and not self.local.need([Condition(">=", value, least)], (dim,), why):
            self.local.clash("GI205", f"{why}: {value} < {least}", (dim,))

    def divides(self, divisor: Handle, dim: Handle, why: str) -> None:
        """State that a size is a multiple of another."""
        by, value = known(self.local.value(divisor)), known(self.local.value(dim))
        if (
            by is not None
            and value is not None
            and not self.local.need([Condition("%", value, by)], (dim, divisor), why)
        ):
            self.local.clash("GI204", f"{why}: {value} is not a multiple of {by}", (dim, divisor))

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
            return
        if not open_:
            self._equal_products(left, right, factors, why)
        elif unknowns[0] and unknowns[1]:
            if len(open_) == 2 and factors[0] == factors[1] and factors[0] != 0:
                local.equate(unknowns[0][0], unknowns[1][0], why)
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
        local.clash(code, f"{why}: {sums[0]} != {sums[1]}", places)
        local.lose(*places)

    def _divide(
        self, open_: list[Handle], distinct: int, total: Dim, by: Dim, places: Sequence[Handle], why: str
    ) -> None:
        """Settle unknowns whose product, times `by`, is `total`."""
        local, first = self.local, open_[0]
        others = [handle for handle in places if handle is not first and handle not in open_]
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
            self.local.bind(value, dim, handle, sources, why, equal)

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
        self, out: Handle, numerator: tuple[Handle, Handle, Handle], divisor: Handle, why: str
    ) -> None:
        """State ``out == (scale*x + offset)//divisor``, with `numerator` as (scale, x, offset)."""
        local = self.local
        scale, x, offset = numerator
        values = [local.value(handle) for handle in (out, scale, x, offset, divisor)]
        y, s, v, o, d = values
        places = [handle for handle in (x, scale, offset, divisor) if type(handle) is Axis]
        if LOST in values:
            if sum(type(value) is Unknown for value in values) == 1:
                local.lose(next(value for value in values if type(value) is Unknown))
            return
        if any(type(value) is Unknown for value in (s, o, d)):
            return
        if (isinstance(d, int) and d < 1) or s == 0:
            self.fail(
                "GI205", f"{why}: a size is divided by {d}" if s != 0 else f"{why}: a size is scaled by 0"
            )
            return
        if type(v) is not Unknown:
            result = (s * v + o) // d
            if type(y) is Unknown:
                self._bind(out, result, places, why)
                return
            if not impossible(y, result) and local.need([Condition("==", y, result)], (out, x), why):
                return
            local.clash("GI201", f"{why}: {y} != {_factor(s * v + o)}//{d} = {result}", (out, x))
            local.lose(out, x)
        elif type(y) is not Unknown:
            low, high = -((o - d * y) // s), (d * y + d - 1 - o) // s
            if low is high or low == high:
                self._bind(x, low, [out, *(place for place in places if place is not x)], why)
            elif isinstance(low, int) and isinstance(high, int) and (low > high or high < 0):
                local.clash("GI201", f"{why}: no size gives {y}", (out, x))
                local.lose(x)

    def broadcast(self, out: Handle, dims: Sequence[Handle], why: str) -> None:
        """State that one size is what others broadcast to: the one that is not 1."""
        local = self.local
        values = [local.value(dim) for dim in dims]
        result = local.value(out)
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

    def _widest(self, out: Handle, dims: Sequence[Handle], sizes: list[Dim], why: str) -> None:
        """Only symbols that may be 1: the result is the greatest, if they are equal but for ones."""
        local = self.local
        widest: Dim = 1
        for number, size in enumerate(sizes):
            local.need([Condition(">=", size, 1)], dims, why)
            widest = maximum(widest, size)
            for other in sizes[:number]:
                pair = (Condition("==", other, size), Condition("==", other, 1), Condition("==", size, 1))
                if not local.need(pair, dims, why):
                    local.clash("GI203", f"{why}: {other} and {size} do not broadcast", dims)
                    local.lose(out)
                    return
        self._bind(out, widest, dims, why)

    def broadcast_shapes(self, out: int, operands: Sequence[int], why: str, trailing: int = 0) -> None:
        """State that a shape is what others broadcast to, but for the last `trailing` axes of each."""
        ranks = [self.rank(v) for v in operands]
        total = self.rank(out)
        lead = [None if rank is None else rank - trailing for rank in ranks]
        if any(rank is not None and rank < 0 for rank in lead):
            return
        if None not in lead:
            most = max(rank for rank in lead if rank is not None)
            if not self.set_rank(out, most + trailing, f"{self._name(out)} must have {most + trailing} axes"):
                return
        elif lead.count(None) == 1:
            missing = operands[lead.index(None)]
            most = max((rank for rank in lead if rank is not None), default=0)
            if total is None or (most and most >= total - trailing):
                return
            self.local.set_rank(missing, total)
        else:
            return
        shapes = [self.shape(v) or () for v in operands]
        leads = [shape[: len(shape) - trailing] for shape in shapes]
        target = self.shape(out) or ()
        for back in range(1, len(target) - trailing + 1):
            taking = [shape[-back] for shape in leads if len(shape) >= back]
            self.broadcast(target[len(target) - trailing - back], taking, why)


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
