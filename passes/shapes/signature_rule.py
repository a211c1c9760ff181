"""A signature as equations: ``x[*b,k], w[n,k] -> y[*b,n]`` says what is equal to what.

Which axes a letter or a star stands for depends on the ranks alone, not on sizes: it is worked out once
for each signature and combination of ranks, as a `Layout`.  Stating it is then a walk over groups of axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from graphinit.ir.dims import Expr, Unknown
from graphinit.ir.signature import Letter, Operand, Product, Signature, Star
from passes.shapes.shape_context import ShapeContext, operand_names
from passes.shapes.unification import LOST, Axis


class Layout(NamedTuple):
    """What a signature says, in axes, of operands of certain ranks.

    Attributes
    ----------
    ranks : tuple of (int, int)
        Operands whose rank follows from those of others, and it.
    wrong : tuple of (int, str)
        Operands with another rank than they must have, and the mistake in words.
    equal : tuple of (tuple of Axis, int or None)
        Axes that have one size; and the size, where it is a number.
    products : tuple of (tuple of Axis, Axis, str)
        Axes whose product is the size of another axis, and that in words.
    broadcasts : tuple of (Axis, tuple of Axis, str)
        An axis that others broadcast to, and that in words.
    complete : bool
        Whether the ranks of all operands are known.
    """

    ranks: tuple[tuple[int, int], ...]
    wrong: tuple[tuple[int, str], ...]
    equal: tuple[tuple[tuple[Axis, ...], int | None], ...]
    products: tuple[tuple[tuple[Axis, ...], Axis, str], ...]
    broadcasts: tuple[tuple[Axis, tuple[Axis, ...], str], ...]
    complete: bool


def state_signature(ctx: ShapeContext, signature: Signature) -> None:
    """State all that a signature says; safe to repeat.

    Parameters
    ----------
    ctx : ShapeContext
        The sizes of one node.
    signature : Signature
        What holds between them.
    """
    local = ctx.local
    inputs, outputs = len(ctx.inputs), len(ctx.outputs)
    layout = lay_out(signature, inputs, outputs, local.ranks(inputs + outputs))
    for v, rank in layout.ranks:
        local.set_rank(v, rank)
    for v, message in layout.wrong:
        local.clash("GI202", message, [Axis(v, -1)], ("rank", v))
    if not layout.complete:
        local.waiting = True
    for places, number in layout.equal:
        _unite(ctx, places, number)
    for axes, place, why in layout.products:
        ctx.product(axes, [place], why)
    for out, taking, why in layout.broadcasts:
        ctx.broadcast(out, taking, why)


@lru_cache(maxsize=4096)
def lay_out(signature: Signature, inputs: int, outputs: int, ranks: tuple[int | None, ...]) -> Layout:
    """Find the axes that a signature speaks of.

    Parameters
    ----------
    signature : Signature
        The signature.
    inputs, outputs : int
        How many there are.
    ranks : tuple of int or None
        The rank of each of them; None where it is not known.
    """
    names = operand_names(signature, inputs, outputs)
    operands = [signature.input(v) for v in range(inputs)]
    operands += [signature.output(port) for port in range(outputs)]
    termed = [(v, operand) for v, operand in enumerate(operands) if operand.terms is not None]
    found = list(ranks)
    lengths, wrong = _star_lengths(termed, found, names)
    letters: dict[str, list[Axis]] = {}
    stars: dict[str, list[tuple[Axis, ...]]] = {}
    products: list[tuple[Axis, str]] = []
    widest: list[tuple[tuple[Axis, ...], tuple[str, ...]]] = []
    for v, operand in termed:
        terms = operand.terms or ()
        sizes = [_length(term, lengths) for term in terms]
        if found[v] is None or None in sizes or sum(size or 0 for size in sizes) != found[v]:
            continue
        axis = 0
        for term, size in zip(terms, sizes, strict=True):
            taken = tuple(Axis(v, axis + i) for i in range(size or 0))
            axis += size or 0
            if isinstance(term, Letter):
                letters.setdefault(term.name, []).extend(taken)
            elif isinstance(term, Product):
                products.append((taken[0], term.name))
            elif len(term.names) == 1:
                stars.setdefault(term.names[0], []).append(taken)
            else:
                widest.append((taken, term.names))
    equal = [(tuple(places), int(name) if name.isdecimal() else None) for name, places in letters.items()]
    equal += [(group, None) for groups in stars.values() for group in zip(*groups, strict=True)]
    stated = [(axes, place) for place, star in products for axes in stars.get(star, ())]
    equal += [((axes[0], place), None) for axes, place in stated if len(axes) == 1]
    return Layout(
        tuple((v, rank) for v, rank in enumerate(found) if rank is not None and ranks[v] is None),
        wrong,
        tuple((places, number) for places, number in equal if number is not None or len(places) > 1),
        tuple((axes, place, _product(names, axes, place)) for axes, place in stated if len(axes) != 1),
        tuple(_broadcasts(names, widest, stars)),
        all(found[v] is not None for v, _ in termed),
    )


def _length(term: Letter | Star | Product, lengths: dict[str, int]) -> int | None:
    if not isinstance(term, Star):
        return 1
    if len(term.names) == 1:
        return lengths.get(term.names[0])
    found = [lengths.get(name) for name in term.names]
    return None if None in found else max(size or 0 for size in found)


def _star_lengths(
    operands: Sequence[tuple[int, Operand]], ranks: list[int | None], names: Sequence[str]
) -> tuple[dict[str, int], tuple[tuple[int, str], ...]]:
    """Find how many axes each star stands for, fill in the ranks that follow, and name those that are wrong."""
    lengths: dict[str, int] = {}
    wrong: dict[int, str] = {}
    changed = True
    while changed:
        changed = False
        for v, operand in operands:
            terms = operand.terms or ()
            rank = ranks[v]
            open_ = [term for term in terms if isinstance(term, Star) and _length(term, lengths) is None]
            fixed = sum(_length(term, lengths) or 0 for term in terms if term not in open_)
            if not open_:
                if rank is None:
                    ranks[v] = fixed
                    changed = True
                elif rank != fixed:
                    wrong.setdefault(v, _wrong_rank(names[v], operand, rank, fixed))
            elif rank is None or len(open_) > 1:
                continue
            elif rank < fixed:
                wrong.setdefault(v, _wrong_rank(names[v], operand, rank, fixed))
            else:
                changed = _narrow(open_[0], rank - fixed, lengths) or changed
    return lengths, tuple(wrong.items())


def _narrow(star: Star, length: int, lengths: dict[str, int]) -> bool:
    """Learn the length of a star; of stars that broadcast, only when it can be but one."""
    if len(star.names) > 1:
        missing = [name for name in star.names if name not in lengths]
        if length == 0:
            lengths.update(dict.fromkeys(missing, 0))
            return True
        most = max((lengths[name] for name in star.names if name in lengths), default=-1)
        if len(missing) != 1 or most >= length:
            return False
        lengths[missing[0]] = length
        return True
    lengths[star.names[0]] = length
    return True


def _wrong_rank(name: str, operand: Operand, rank: int, needed: int) -> str:
    terms = ",".join(map(str, operand.terms or ()))
    starred = any(isinstance(term, Star) and len(term.names) == 1 for term in operand.terms or ())
    more = " or more" if starred and rank < needed else ""
    axes = "axis" if needed == 1 and not more else "axes"
    return f"{name}[{terms}] must have {needed}{more} {axes}; it has {rank}"


def _product(names: Sequence[str], axes: tuple[Axis, ...], place: Axis) -> str:
    span = f"axes {axes[0].axis} to {axes[-1].axis}" if axes else "no axes"
    owner = names[axes[0].slot] if axes else names[place.slot]
    return f"the product of {span} of {owner} must equal axis {place.axis} of {names[place.slot]}"


def _broadcasts(
    names: Sequence[str],
    widest: Sequence[tuple[tuple[Axis, ...], tuple[str, ...]]],
    stars: dict[str, list[tuple[Axis, ...]]],
) -> list[tuple[Axis, tuple[Axis, ...], str]]:
    stated = []
    for axes, parts in widest:
        groups = [stars[part][0] for part in parts if part in stars]
        if len(groups) != len(parts):
            continue
        for back in range(1, len(axes) + 1):
            taking = tuple(group[-back] for group in groups if len(group) >= back)
            sides = " and ".join(f"axis {place.axis} of {names[place.slot]}" for place in taking)
            verb = "must broadcast" if len(taking) > 1 else "gives the output's"
            stated.append((axes[-back], taking, f"{sides} {verb}"))
    return stated


def _unite(ctx: ShapeContext, places: tuple[Axis, ...], number: int | None) -> None:
    """State that some places have one size, and one mistake at most when they don't."""
    local, names, inputs = ctx.local, ctx.local.names, len(ctx.inputs)
    if number is not None:
        for place in places:
            local.equate(place, number, f"axis {place.axis} of {names[place.slot]} must be {number}")
        return
    if len(places) == 2:
        value, unknown = local.value(places[0]), local.value(places[1])
        if value is unknown:
            return
        if type(unknown) is Unknown and (type(value) is int or type(value) is Expr):
            why = _same(names, inputs, *places)
            local.bind(unknown, value, places[1], places[:1], why, equal=True)
            return
    values = [local.value(place) for place in places]
    open_ = [place for place, value in zip(places, values, strict=True) if type(value) is Unknown]
    if len(open_) == len(places):
        settled, lost = places[0], False
    else:
        chosen = _simplest(values)
        settled = places[values.index(chosen)]
        lost = chosen is LOST
        for place, value in zip(places, values, strict=True):
            if value is chosen or type(value) is Unknown:
                continue
            lost = lost or value is LOST
            first, second = (place, settled) if place < settled else (settled, place)
            if not local.equate(first, second, _same(names, inputs, first, second), key=("equal", places[0])):
                for other in places:
                    local.lose(other)
                return
    for place in open_:
        if lost:
            local.lose(place)
        elif place is not settled:
            local.equate(place, settled, _same(names, inputs, place, settled))


def _simplest(values: Sequence[object]) -> object:
    """Return the simplest of the sizes that are known: a number, or the shortest text; else `LOST`."""
    best: object = LOST
    for value in values:
        if type(value) is Unknown or value is LOST:
            continue
        if best is LOST or _complexity(value) < _complexity(best):
            best = value
    return best


def _complexity(size: object) -> int:
    return 0 if isinstance(size, int) else len(str(size))


@lru_cache(maxsize=4096)
def _same(names: tuple[str, ...], inputs: int, first: Axis, second: Axis) -> str:
    if second < first:
        first, second = second, first
    if second.slot >= inputs:
        return f"axis {second.axis} of {names[second.slot]} is axis {first.axis} of {names[first.slot]}"
    return f"axis {first.axis} of {names[first.slot]} must equal axis {second.axis} of {names[second.slot]}"
