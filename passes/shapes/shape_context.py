"""What shape rules state their equations through.

A rule never computes outputs from inputs: it says what holds between sizes, and whichever side is
known settles the other.  It is run again until nothing changes, so it must be safe to repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from graphinit.ir.dims import Dim, Expr, SizeRef, Unknown, bounds, size_of
from graphinit.ir.node_table import Row
from graphinit.ir.op import Attrs, Rule
from graphinit.ir.signature import Signature
from passes.shapes.equations import Equations, Handle
from passes.shapes.requirements import Condition
from passes.shapes.unification import LOST, Axis, Local


class ShapeContext(Equations):
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
        super().__init__(local)
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
                self.local.waiting = True
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
        if shape is None:
            self.local.waiting = True
            return None
        return len(shape)

    def shape(self, v: int) -> tuple[Axis, ...] | None:
        """Return a handle for each axis, or None when the rank is unknown."""
        rank = self.rank(v)
        return None if rank is None else _axes(v, rank)

    def dim(self, v: int, axis: int) -> Axis:
        """Return the handle of one axis; the rank must be known, and `axis` within it."""
        shape = self.local.shape(v)
        if shape is None or not -len(shape) <= axis < len(shape):
            raise IndexError(f"{self._name(v)} has {self.rank(v)} axes; there is no axis {axis}")
        return _axes(v, len(shape))[axis]

    def known(self, dim: Handle) -> Dim | None:
        """Return the size if it is settled."""
        return self.local.known(dim)

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

    def at_least(self, dim: Handle, least: int, why: str, because: Sequence[Handle] = ()) -> None:
        """State that a size is `least` or more; `because` are sizes that `least` was worked out from."""
        value = self.local.known(dim)
        if value is None or ((low := bounds(value)[0]) is not None and type(least) is int and low >= least):
            return
        if not self.local.need([Condition(">=", value, least)], (dim, *because), why):
            self.local.clash("GI205", f"{why}: {value} < {least}", (dim, *because))

    def divides(self, divisor: Handle, dim: Handle, why: str) -> None:
        """State that a size is a multiple of another."""
        by, value = self.local.known(divisor), self.local.known(dim)
        if (
            by is not None
            and value is not None
            and not self.local.need([Condition("%", value, by)], (dim, divisor), why)
        ):
            self.local.clash("GI204", f"{why}: {value} is not a multiple of {by}", (dim, divisor))

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


@lru_cache(maxsize=1024)
def _axes(v: int, rank: int) -> tuple[Axis, ...]:
    return tuple(Axis(v, axis) for axis in range(rank))


def slot_names(row: Row) -> tuple[str, ...]:
    """Return what the slots of a row are called in messages."""
    spec = row.rule.spec
    if spec is None:
        return ("value",) * len(row.slots)
    names = operand_names(spec.parsed, row.inputs, row.outputs)
    return (*names, *(ref.node for ref in row.rule.sizes)) if row.rule.sizes else names


@lru_cache(maxsize=4096)
def operand_names(signature: Signature, inputs: int, outputs: int) -> tuple[str, ...]:
    """Return what so many inputs and outputs are called in messages."""
    operands = [signature.input(index) for index in range(inputs)]
    operands += [signature.output(index) for index in range(outputs)]
    places = (*range(inputs), *range(outputs))
    return tuple(
        f"{operand.name}{place}" if operand.variadic else operand.name
        for operand, place in zip(operands, places, strict=True)
    )
