"""A signature as equations: ``x[*b,k], w[n,k] -> y[*b,n]`` says what is equal to what."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphinit.ir.dims import Unknown
from graphinit.ir.signature import Letter, Operand, Product, Signature, Star
from passes.shapes.shape_context import ShapeContext
from passes.shapes.unification import LOST, Axis


def state_signature(ctx: ShapeContext, signature: Signature) -> None:
    """State all that a signature says; safe to repeat.

    Parameters
    ----------
    ctx : ShapeContext
        The sizes of one node.
    signature : Signature
        What holds between them.
    """
    operands = [(v, signature.input(v)) for v in ctx.inputs]
    operands += [(v, signature.output(port)) for port, v in enumerate(ctx.outputs)]
    termed = [(v, operand) for v, operand in operands if operand.terms is not None]
    lengths = _star_lengths(ctx, termed)
    letters: dict[str, list[Axis]] = {}
    stars: dict[str, list[list[Axis]]] = {}
    later: list[Callable[[], None]] = []
    for v, operand in termed:
        terms = operand.terms or ()
        rank = ctx.rank(v)
        sizes = [_length(term, lengths) for term in terms]
        if rank is None or None in sizes or sum(size or 0 for size in sizes) != rank:
            continue
        axis = 0
        for term, size in zip(terms, sizes, strict=True):
            taken = [Axis(v, axis + i) for i in range(size or 0)]
            axis += size or 0
            if isinstance(term, Letter):
                letters.setdefault(term.name, []).extend(taken)
            elif isinstance(term, Product):
                later.append(_product(ctx, taken[0], term.name, stars))
            elif len(term.names) == 1:
                stars.setdefault(term.names[0], []).append(taken)
            else:
                later.append(_broadcast(ctx, taken, term.names, stars))
    for name, places in letters.items():
        _unite(ctx, places, int(name) if name.isdecimal() else None)
    for groups in stars.values():
        for group in zip(*groups, strict=True):
            _unite(ctx, group, None)
    for state in later:
        state()


def _length(term: Letter | Star | Product, lengths: dict[str, int]) -> int | None:
    if not isinstance(term, Star):
        return 1
    if len(term.names) == 1:
        return lengths.get(term.names[0])
    found = [lengths.get(name) for name in term.names]
    return None if None in found else max(size or 0 for size in found)


def _star_lengths(ctx: ShapeContext, operands: Sequence[tuple[int, Operand]]) -> dict[str, int]:
    """Find how many axes each star stands for, and from them the ranks that are not known."""
    lengths: dict[str, int] = {}
    changed = True
    while changed:
        changed = False
        for v, operand in operands:
            terms = operand.terms or ()
            rank = ctx.rank(v)
            open_ = [term for term in terms if isinstance(term, Star) and _length(term, lengths) is None]
            fixed = sum(_length(term, lengths) or 0 for term in terms if term not in open_)
            if not open_:
                if rank is None:
                    ctx.set_rank(v, fixed)
                    changed = True
                elif rank != fixed:
                    _wrong_rank(ctx, v, operand, rank, fixed)
            elif rank is None or len(open_) > 1:
                continue
            elif rank < fixed:
                _wrong_rank(ctx, v, operand, rank, fixed)
            else:
                changed = _narrow(open_[0], rank - fixed, lengths) or changed
    return lengths


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


def _wrong_rank(ctx: ShapeContext, v: int, operand: Operand, rank: int, needed: int) -> None:
    terms = ",".join(map(str, operand.terms or ()))
    starred = any(isinstance(term, Star) and len(term.names) == 1 for term in operand.terms or ())
    more = " or more" if starred and rank < needed else ""
    axes = "axis" if needed == 1 and not more else "axes"
    names = ctx.local.names
    ctx.local.clash(
        "GI202",
        f"{names[v]}[{terms}] must have {needed}{more} {axes}; it has {rank}",
        [Axis(v, -1)],
        ("rank", v),
    )


def _unite(ctx: ShapeContext, places: Sequence[Axis], number: int | None) -> None:
    """State that some places have one size, and one mistake at most when they don't."""
    local = ctx.local
    values = [local.value(place) for place in places]
    chosen = None
    for place, value in zip(places, values, strict=True):
        if (
            type(value) is not Unknown
            and value is not LOST
            and (chosen is None or _simpler(value, local.value(chosen)))
        ):
            chosen = place
    if number is not None:
        for place in places:
            local.equate(place, number, f"axis {place.axis} of {local.names[place.slot]} must be {number}")
        return
    if chosen is None:
        chosen = places[0]
    for place, value in zip(places, values, strict=True):
        if type(value) is Unknown or place is chosen:
            continue
        first, second = sorted((place, chosen))
        if not local.equate(first, second, _same(ctx, first, second), key=("equal", places[0])):
            for other in places:
                local.lose(other)
            return
    if LOST in values:
        for place in places:
            if type(local.value(place)) is Unknown:
                local.lose(place)
        return
    for place, value in zip(places, values, strict=True):
        if type(value) is Unknown and place is not chosen:
            first, second = sorted((place, chosen))
            local.equate(place, chosen, _same(ctx, first, second))


def _simpler(one: object, other: object) -> bool:
    return (not isinstance(one, int), len(str(one)) if not isinstance(one, int) else 0) < (
        not isinstance(other, int),
        len(str(other)) if not isinstance(other, int) else 0,
    )


def _same(ctx: ShapeContext, first: Axis, second: Axis) -> str:
    names = ctx.local.names
    if second.slot in ctx.outputs:
        return f"axis {second.axis} of {names[second.slot]} is axis {first.axis} of {names[first.slot]}"
    return f"axis {first.axis} of {names[first.slot]} must equal axis {second.axis} of {names[second.slot]}"


def _product(
    ctx: ShapeContext, place: Axis, star: str, stars: dict[str, list[list[Axis]]]
) -> Callable[[], None]:
    def state() -> None:
        for axes in stars.get(star, ()):
            if len(axes) == 1:
                _unite(ctx, (axes[0], place), None)
                continue
            names = ctx.local.names
            span = f"axes {axes[0].axis} to {axes[-1].axis}" if axes else "no axes"
            owner = names[axes[0].slot] if axes else names[place.slot]
            why = f"the product of {span} of {owner} must equal axis {place.axis} of {names[place.slot]}"
            ctx.product(axes, [place], why)

    return state


def _broadcast(
    ctx: ShapeContext, axes: list[Axis], names: tuple[str, ...], stars: dict[str, list[list[Axis]]]
) -> Callable[[], None]:
    def state() -> None:
        groups = [stars[name][0] for name in names if name in stars]
        if len(groups) != len(names):
            return
        for back in range(1, len(axes) + 1):
            taking = [group[-back] for group in groups if len(group) >= back]
            sides = " and ".join(f"axis {place.axis} of {ctx.local.names[place.slot]}" for place in taking)
            verb = "must broadcast" if len(taking) > 1 else "gives the output's"
            ctx.broadcast(axes[-back], taking, f"{sides} {verb}")

    return state
