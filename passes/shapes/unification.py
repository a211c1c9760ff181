"""One op's sizes while its rule is being solved: bindings, reasons, mistakes, conditions.

A `Local` holds the shapes of one node's values (its slots) in local coordinates: a place is a slot
and an axis, an unknown is numbered by where it first stands.  What a rule finds out is collected in
an `Entry`, which holds for every node with the same rule and the same pattern of sizes, and is
remembered for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from graphinit.ir.dims import Dim, Expr, Unknown
from graphinit.json_values import MOST
from passes.shapes.requirements import Condition, impossible

Place = tuple[int, int]
"""A slot and an axis of it."""

Pattern = tuple[Any, ...]
"""A shape whose sizes are int, Expr, Unknown or `LOST`."""


class _Lost:
    """A size that follows from a mistake: it is neither known nor asked for."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "lost"


LOST = _Lost()


class Axis(NamedTuple):
    """Handle of one size of a slot: what rules pass around instead of the size itself."""

    slot: int
    axis: int


class Fact(NamedTuple):
    """Why a size is what it is: `target` follows from `sources` by an equation.

    `equal` says that it is the size of its one source; `size` is what it was found to be.
    """

    target: Place
    sources: tuple[Place, ...]
    why: str
    equal: bool
    size: Any


class Clash(NamedTuple):
    """A mistake, in local coordinates.

    `sides` are places (axis -1 stands for the whole shape) with what stood there; `label` names the
    equation, so that solving it again does not blame it twice.
    """

    label: Any
    code: str
    message: str
    sides: tuple[tuple[Place, Any], ...]


class Need(NamedTuple):
    """Conditions of which one must hold for the op to make sense, and what they follow from.

    `taken` is a size that was taken as 1 or more, to keep things simple; the op may also make sense
    without that (`passes.shapes.zero_sizes`).
    """

    alternatives: tuple[Condition, ...]
    places: tuple[Place, ...]
    why: str
    taken: Expr | None = None


class Choice(NamedTuple):
    """The finitely many sizes that an equation leaves to `target`: `sizes`, or all divisors of `whole`."""

    target: Place
    places: tuple[Place, ...]
    why: str
    sizes: Sequence[int]
    whole: int


class Entry:
    """All that a rule says about one pattern of shapes.

    Parameters
    ----------
    local : Local
        The sizes, solved.
    reasons : callable
        Gives the facts behind it.  Few are ever asked for, so they are made then, by solving once more.

    Attributes
    ----------
    final : tuple
        The shapes afterwards, slot by slot.
    bound : dict
        What became of each unknown of the pattern that changed.
    learnt : bool
        Whether some size was settled, or found to be that of another.
    clashes, needs : tuple
        Mistakes and conditions.
    choices : tuple
        What is left to unknowns by equations that wait.
    settled : bool
        Whether nothing is unknown afterwards.
    """

    __slots__ = ("_facts", "_reasons", "bound", "choices", "clashes", "final", "learnt", "needs", "settled")

    def __init__(self, local: Local, reasons: Callable[[], tuple[Fact, ...]]) -> None:
        value, final, settled = local.value, [], True
        for shape in local.shapes:
            if shape is not None and Unknown in map(type, shape):
                shape = tuple([value(dim) for dim in shape])
                settled = settled and Unknown not in map(type, shape)
            settled = settled and shape is not None
            final.append(shape)
        self.final: tuple[Pattern | None, ...] = tuple(final)
        self.settled = settled
        self.bound = {unknown: value(unknown) for unknown in local.bound if unknown.number < local.given}
        self.learnt = local.learnt
        self.clashes = tuple(local.clashes.values())
        self.needs = tuple(local.needs.values())
        self.choices = tuple(local.choices)
        self._reasons = reasons
        self._facts: tuple[Fact, ...] | None = None

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Reasons, in the order in which they were found."""
        if self._facts is None:
            self._facts = self._reasons()
        return self._facts


class Local:
    """The shapes of one node's slots while its equations are solved.

    Parameters
    ----------
    shapes : sequence of tuple or None
        Shape of each slot; unknown sizes are numbered `Unknown` s.
    given : int
        How many unknowns they have.
    alias : tuple of int, optional
        For each slot the first slot with the same value.
    names : tuple of str
        What to call each slot in messages.
    explained : bool
        Whether to keep the reason for each size that is settled.
    positive : frozenset of Expr, optional
        The sizes that are 1 or more; by default all that broadcast are taken as such.

    Attributes
    ----------
    learnt : bool
        Whether there was a reason to keep.
    changed : bool
        Whether something was learnt since it was last set to False.
    waiting : bool
        Whether an equation could not be stated in full, for want of a size that may come later.
    """

    def __init__(
        self,
        shapes: Sequence[Pattern | None],
        given: int,
        alias: Sequence[int] | None,
        names: tuple[str, ...],
        explained: bool,
        positive: frozenset[Expr] | None = None,
    ) -> None:
        self.shapes: list[Any] = list(shapes)
        self.positive = positive
        self.names = names
        self.given = given
        self._alias = alias
        self._fresh = given
        self.bound: dict[Unknown, Any] = {}
        self.changed = False
        self.waiting = False
        self.learnt = False
        self.facts: list[Fact] = []
        self._explained = explained
        self.clashes: dict[Any, Clash] = {}
        self.needs: dict[Any, Need] = {}
        self.choices: list[Choice] = []
        self._low: set[Expr] = set()

    def known(self, handle: Any) -> Dim | None:
        """Return the size if it is settled; note that somebody asked if it is not."""
        value = self.value(handle)
        if type(value) is int or type(value) is Expr:
            return value
        self.waiting = True
        return None

    def fresh(self) -> Unknown:
        """Return an unknown that is used nowhere yet."""
        return self._several(1)[0]

    def _several(self, count: int) -> tuple[Unknown, ...]:
        first = self._fresh
        self._fresh += count
        return numbered(first, count)

    def shape(self, slot: int) -> Pattern | None:
        """Return the shape of a slot; None when its rank is unknown."""
        shape: Pattern | None = self.shapes[slot]
        return shape

    def ranks(self, slots: int) -> tuple[int | None, ...]:
        """Return how many axes each of the first slots has; None where that is unknown."""
        return tuple([None if shape is None else len(shape) for shape in self.shapes[:slots]])

    def value(self, handle: Any) -> Any:
        """Return what a handle stands for now: int, Expr, Unknown or `LOST`."""
        if type(handle) is Axis:
            handle = self.shapes[handle.slot][handle.axis]
        while type(handle) is Unknown and handle in self.bound:
            handle = self.bound[handle]
        return handle

    def set_rank(self, slot: int, rank: int) -> bool:
        """State how many axes a slot has; False when it has another number."""
        shape = self.shapes[slot]
        if shape is not None:
            return len(shape) == rank
        new = self._several(rank)
        alias = self._alias or range(len(self.shapes))
        for other, first in enumerate(alias):
            if first == alias[slot]:
                self.shapes[other] = new
        self.changed = True
        return True

    def clash(self, code: str, message: str, handles: Iterable[Any] = (), key: Any = None) -> None:
        """Note a mistake, once."""
        handles = tuple(handles)
        sides = tuple(
            (handle, self.value(handle) if handle.axis >= 0 else self._whole(handle.slot))
            for handle in handles
            if type(handle) is Axis
        )
        label = (message.partition(": ")[0], sides_of(handles)) if key is None else key
        self.waiting = True  # what is lost with it may concern what was stated before
        self.clashes.setdefault(label, Clash(label, code, message, sides))

    def _whole(self, slot: int) -> Any:
        shape = self.shape(slot)
        return None if shape is None else tuple(map(self.value, shape))

    def need(
        self, alternatives: Sequence[Condition], handles: Iterable[Any], why: str, taken: Expr | None = None
    ) -> bool:
        """Note that one of some conditions must hold; False when none can."""
        possible = []
        for condition in alternatives:
            always = condition.decided()
            if always:
                return True
            if always is None:
                possible.append(condition.normal())
        if not possible:
            return False
        found = self.needs.get(tuple(possible))
        if found is None or (found.taken is not None and taken is None):
            self.needs[tuple(possible)] = Need(tuple(possible), sides_of(handles), why, taken)
        return True

    def choose(
        self, handle: Any, sizes: Sequence[int], handles: Iterable[Any], why: str, whole: int = 0
    ) -> None:
        """Note that an unknown has one of some sizes, or is a divisor of `whole`."""
        if type(handle) is Axis:
            self.choices.append(Choice(handle, sides_of(handles), why, sizes, whole))

    def bind(
        self, unknown: Unknown, dim: Any, target: Any, sources: tuple[Any, ...], why: str, equal: bool
    ) -> None:
        """Settle an unknown, or make it one with another."""
        if type(dim) is int or type(dim) is Expr:
            low = dim if isinstance(dim, int) else dim.bounds[0]
            if low is not None and low > MOST:
                self.clash(
                    "GI205", f"{why}: a size cannot be {dim}, which has more than 64 bits", (target, *sources)
                )
                dim = LOST
        if type(dim) is Unknown and dim.number > unknown.number:
            unknown, dim = dim, unknown  # the younger follows the older
        self.bound[unknown] = dim
        self.changed = True
        if dim is LOST:
            return
        if type(target) is Axis:
            self.learnt = True
        if self._explained and type(target) is Axis:
            places = sources if len(sources) == 1 and type(sources[0]) is Axis else sides_of(sources)
            self.facts.append(Fact(target, places, why, equal and len(places) == 1, dim))
        if type(dim) is Expr and ((low := dim.bounds[0]) is None or low < 0):
            self._not_negative(dim, (target, *sources))

    def _not_negative(self, dim: Expr, handles: Iterable[Any]) -> None:
        """Note that an expression that stands for a size must not be negative."""
        if dim not in self._low:
            self._low.add(dim)
            if not self.need([Condition(">=", dim, 0)], handles, "a size is not negative"):
                self.clash("GI205", f"the size {dim} is always negative", handles)

    def equate(self, a: Any, b: Any, why: str, code: str = "GI201", key: Any = None) -> bool:
        """State that two sizes are equal; False when they cannot be.

        A side is a handle, an int, an Expr or an Unknown.
        """
        left, right = self.value(a), self.value(b)
        if left is right or (type(left) is int and left == right):
            return True
        if type(left) is Unknown:
            return self._settle(left, right, a, b, why)
        if type(right) is Unknown:
            return self._settle(right, left, b, a, why)
        if left is LOST or right is LOST:
            return True
        if not impossible(left, right) and self.need([Condition("==", left, right)], (a, b), why):
            return True
        self.clash(code, f"{self._worded(a, b, why)}: {left} != {right}", (a, b), key or (why, a, b))
        self.lose(a, b)
        return False

    def _settle(self, unknown: Unknown, dim: Any, target: Any, source: Any, why: str) -> bool:
        if type(dim) is int and dim < 0:
            self.clash("GI205", f"{why}: a size cannot be {dim}", (target, source))
            return False
        if type(target) is not Axis and type(source) is Axis:
            target, source = source, target
        self.bind(unknown, dim, target, (source,), why, equal=True)
        return True

    def lose(self, *handles: Any) -> None:
        """Mark sizes that a mistake has touched and that were unknown before this rule."""
        for handle in handles:
            dim = self.shape(handle.slot)[handle.axis] if type(handle) is Axis else handle  # type: ignore[index]
            if type(dim) is Unknown and self.value(dim) is not LOST:
                while dim in self.bound and type(self.bound[dim]) is Unknown:
                    dim = self.bound[dim]
                self.bound[dim] = LOST
                self.changed = True

    def _worded(self, a: Any, b: Any, why: str) -> str:
        sides = [f"axis {side.axis} of {self.names[side.slot]}" for side in (a, b) if type(side) is Axis]
        if not sides or "axis" in why:
            return why
        return f"{why} ({', '.join(sides)})"


_NUMBERED = tuple(map(Unknown, range(256)))
_further: WeakValueDictionary[int, Unknown] = WeakValueDictionary()


def numbered(first: int, count: int = 1) -> tuple[Unknown, ...]:
    """Return unknowns of local coordinates, which are the same objects for the same numbers."""
    if first + count <= len(_NUMBERED):
        return _NUMBERED[first : first + count]
    return tuple(_further.setdefault(number, Unknown(number)) for number in range(first, first + count))


def sides_of(handles: Iterable[Any]) -> tuple[Place, ...]:
    """Return the places among some handles, each once."""
    return tuple(dict.fromkeys([handle for handle in handles if type(handle) is Axis]))
