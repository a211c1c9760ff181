"""Where each number came from: chains of equations back to the user's own statements.

A solver's log says, node by node in order of time, which size followed from which.  Equalities may be
walked either way; any chain of them to a stated size explains the sizes along it, if only what was
known before is used.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphinit.ir.dims import Expr, Unknown
from graphinit.ir.node import Node
from graphinit.ir.op import Attr, Attrs, op_spec
from graphinit.plain_text import escaped
from passes.shapes.inference import Inference
from passes.shapes.trials import Tried, listed

Place = tuple[int, int]
"""A value's number and an axis."""

_SHOWN = 12

_LEARNT = {"data": "from the data of {}", "settled": "settled for {} by an earlier inference"}
"""What parameters note of sizes that were not declared; the user's line follows in the note."""


class Step(NamedTuple):
    """One link of an explanation.

    Parameters
    ----------
    text : str
        What holds, in words.
    where : str
        File and line of the user's code; empty when it is not known.
    value : str
        Name of the value spoken of.
    axis : int
        Its axis.
    statement : bool
        Whether this is the user's own statement, where the chain ends.
    row : int
        The node whose equation it is, by its place in the graph; -1 for none.
    behind : tuple of int
        Further nodes whose equations it follows from.
    argument : str
        The argument of that node which the statement is about, and no size; mostly empty.
    """

    text: str
    where: str
    value: str
    axis: int
    statement: bool
    row: int = -1
    behind: tuple[int, ...] = ()
    argument: str = ""

    def __str__(self) -> str:
        return escaped(f"{self.text}  {self.where}" if self.where else self.text)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a size is what it is.

    Parameters
    ----------
    subject : str
        What is explained, in words.
    steps : tuple of Step
        From there to the user's statements.
    """

    subject: str
    steps: tuple[Step, ...]

    @property
    def statements(self) -> tuple[Step, ...]:
        """The user's statements that it rests on."""
        return tuple(step for step in self.steps if step.statement)

    def lines(self) -> tuple[Step, ...]:
        """Return the steps behind one that states the subject, to stand in a longer explanation."""
        first = self.steps[0] if self.steps else None
        head = Step(self.subject, "", first.value if first else "", first.axis if first else -1, False)
        return head, *self.steps

    def __str__(self) -> str:
        lines = [escaped(self.subject)]
        shown = self.steps
        if len(shown) > _SHOWN:
            half = _SHOWN // 2
            lines += [f"  {step}" for step in shown[:half]]
            lines.append(f"  ... {len(shown) - 2 * half} more steps, see .steps")
            shown = shown[-half:]
        return "\n".join([*lines, *(f"  {step}" for step in shown)])


class _Link(NamedTuple):
    """An equation between places of the graph."""

    target: Place
    sources: tuple[Place, ...]
    why: str
    row: int
    time: float
    size: Any
    tried: Tried | None = None


class History:
    """The log of an inference, arranged to be asked about.

    Parameters
    ----------
    inference : Inference
        What was inferred.
    """

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self._nodes: list[Node] = list(inference.graph.nodes.values())
        self._values: list[tuple[Node, int]] = [(node, port) for _, node, port in inference.values()]
        self._equal: dict[Place, list[tuple[Place, _Link]]] = {}
        self._derived: dict[Place, list[_Link]] = {}
        table = inference.graph.table
        for time, (row, entry) in enumerate(inference.solver.log):
            slots = table[row].slots
            for fact in entry.facts:
                target = slots[fact.target[0]], fact.target[1]
                sources = tuple((slots[slot], axis) for slot, axis in fact.sources)
                link = _Link(target, sources, fact.why, row, time, fact.size)
                if fact.equal:
                    self._equal.setdefault(target, []).append((sources[0], link))
                    self._equal.setdefault(sources[0], []).append((target, link))
                else:
                    self._derived.setdefault(target, []).append(link)
        for place, tried in inference.solver.tried.items():
            if tried.size is not None:
                link = _Link(place, tried.all_places, tried.why, tried.row, tried.time, tried.size, tried)
                self._derived.setdefault(place, []).append(link)

    def name(self, value: int) -> str:
        """Return the name of a value."""
        node, port = self._values[value]
        return f"{node.name}:{port}" if port else node.name

    def node(self, value: int) -> Node:
        """Return the node that gives a value."""
        return self._values[value][0]

    def size(self, place: Place) -> Any:
        """Return the size of a place: int, Expr or -1."""
        shape = self.inference.solver.known_shape(place[0])
        return -1 if shape is None else shape[place[1]]

    def stated(self, place: Place) -> Any:
        """Return the size that is declared or given for a place, or None."""
        shape = self.inference.stated[place[0]]
        dim = None if shape is None or place[1] >= len(shape) else shape[place[1]]
        return dim if isinstance(dim, Expr) or (isinstance(dim, int) and dim >= 0) else None

    def place(self, step: Step) -> Place:
        """Return the place that a step speaks of."""
        numbers = self.inference.graph.numbers
        stem, _, digits = step.value.rpartition(":")
        name, port = (step.value, "0") if step.value in numbers else (stem, digits)
        return numbers[name] + int(port), step.axis

    def explain(self, place: Place) -> tuple[Step, ...]:
        """Return the steps from a place to the statements that its size follows from."""
        return tuple(self._steps(place))

    def _steps(self, start: Place) -> Iterator[Step]:
        waiting: list[tuple[Place, float]] = [(start, float("inf"))]
        done: set[Place] = set()
        while waiting:
            place, before = waiting.pop()
            if place in done:
                continue
            chain, end, derived = self._walk(place, before)
            for here, there, link in chain:
                done.add(here)
                yield self._equality(here, there, link)
            if self.stated(end) is not None and end not in done:
                done.add(end)
                yield self.statement(end)
            elif derived is not None and end not in done:
                done.add(end)
                yield self._derivation(end, derived)
                if derived.sources:
                    yield from self.written(derived.row)
                if derived.tried is not None:
                    yield from self._refuted(end, derived.tried)
                waiting += [(source, derived.time) for source in reversed(derived.sources)]

    def _walk(
        self, start: Place, before: float
    ) -> tuple[list[tuple[Place, Place, _Link]], Place, _Link | None]:
        """Go along equalities to the nearest place that is stated, or derived from others."""
        came: dict[Place, tuple[Place, _Link] | None] = {start: None}
        queue = deque([start])
        end, derived = start, None
        while queue:
            place = queue.popleft()
            found = next((link for link in self._derived.get(place, ()) if link.time < before), None)
            if self.stated(place) is not None or found is not None:
                end, derived = place, found
                break
            for other, link in self._equal.get(place, ()):
                if link.time < before and other not in came:
                    came[other] = place, link
                    queue.append(other)
        chain: list[tuple[Place, Place, _Link]] = []
        place = end
        while (step := came[place]) is not None:
            chain.append((step[0], place, step[1]))
            place = step[0]
        chain.reverse()
        return chain, end, derived

    def _equality(self, here: Place, there: Place, link: _Link) -> Step:
        node = self._nodes[link.row]
        text = f"= {self.words(there)}: {link.why}, in {node.name}"
        return Step(text, _where(node), self.name(here[0]), here[1], False, link.row)

    def _derivation(self, place: Place, link: _Link) -> Step:
        node = self._nodes[link.row]
        if link.tried is not None:
            text = f"{self.words(place)} is {link.size}: {self._tried(place, link.tried)}, in {node.name}"
        elif link.sources:
            size = self.size(place) if isinstance(link.size, Unknown) else link.size
            text = f"{self.words(place)} is {size}: {link.why}, in {node.name}"
        else:
            text = f"{link.size} from {self._attributes(node)}"
        statement = not link.sources and link.tried is None
        behind = () if link.tried is None else link.tried.rows
        return Step(text, _where(node), self.name(place[0]), place[1], statement, link.row, behind)

    def _tried(self, place: Place, tried: Tried) -> str:
        """How trying sizes settled a place, in words."""
        if tried.subject != place:
            return f"the same whether {self.words(tried.subject)} is {listed(tried.fitting, 'or')}"
        only = f", and of {listed(tried.sizes)} only {tried.size} fits" if len(tried.sizes) > 1 else ""
        return f"{tried.why}{only}"

    def _refuted(self, place: Place, tried: Tried) -> Iterator[Step]:
        """Say for each size that does not fit why it doesn't."""
        for each in tried.refuted:
            node = self._nodes[each.row]
            text = f"not {each.size}: {each.message}, in {node.name}"
            yield Step(text, _where(node), self.name(place[0]), place[1], False, each.row, each.rows)

    @staticmethod
    def _attributes(node: Node) -> str:
        """What a node's own attributes are called, such as ``shape=(2, -1) of reshape``."""
        defaults = {attr.name: attr.default for attr in op_spec(node.op).attrs}
        shown = [
            f"{name}={value}"
            for name, value in node.attrs.items()
            if isinstance(value, int | tuple) and value != defaults.get(name)
        ]
        return f"{', '.join(shown)} of {node.name} ({node.op})" if shown else f"{node.name} ({node.op})"

    def words(self, place: Place) -> str:
        """Return what a place is called."""
        return f"axis {place[1]} of {self.name(place[0])}"

    def written(self, row: int) -> Iterator[Step]:
        """Return what the user said of an op that its sizes depend on: strides, padding; of no axis."""
        node = self._nodes[row]
        for argument, attrs in arguments_of(node).items():
            value = node.attrs[attrs[0].name]
            if not attrs[0].is_plain(value):
                owner = (
                    f"{node.meta.path} ({node.meta.block})" if node.meta.path else f"{node.name} ({node.op})"
                )
                text = f"{argument}={plain(value)} of {owner}"
                yield Step(text, _where(node), node.name, -1, True, row, argument=argument)

    def statement(self, place: Place) -> Step:
        """Return the step that says where the user stated a size."""
        value, axis = place
        node, _ = self._values[value]
        dim, name = self.stated(place), self.name(value)
        given = self.inference.given.get(value)
        sizes = () if given is None else given.type.shape or ()
        if given is not None and axis < len(sizes) and sizes[axis] != -1:  # another rank: it was not taken
            shape = ", ".join(map(str, sizes))
            shown = f"({shape},)" if len(sizes) == 1 else f"({shape})"
            return Step(f"{dim} from {name}={shown} given to inference", given.where, name, axis, True)
        notes, meta = node.meta.notes, node.meta
        note = notes[axis] if axis < len(notes) else None
        how, _, where = (note or "").partition(" ")
        if how in _LEARNT and node.op == "parameter":
            return Step(f"{dim} {_LEARNT[how].format(name)}", where or _where(node), name, axis, True)
        if note:
            block = (
                f"{meta.path} ({meta.block})" if meta.path and meta.block else meta.path or meta.block or name
            )
            return Step(f"{dim} from {note}={dim} of {block}", _where(node), name, axis, True)
        return Step(f"{dim} from the shape of {node.op} {name}", _where(node), name, axis, True)

    def why(self, value: int, axis: int) -> Explanation:
        """Explain one size."""
        place = value, axis
        size = self.size(place)
        if isinstance(size, int) and size < 0:
            chain = self._unknown(place)
            return Explanation(f"{self.words(place)} is not known", chain)
        return Explanation(f"{self.words(place)} is {size}", self.explain(place))

    def _unknown(self, place: Place) -> tuple[Step, ...]:
        """What a size that is not known is equal to."""
        steps: list[Step] = []
        seen, queue = {place}, deque([place])
        while queue:
            here = queue.popleft()
            for there, link in self._equal.get(here, ()):
                if there not in seen:
                    seen.add(there)
                    queue.append(there)
                    steps.append(self._equality(here, there, link))
        return tuple(steps)


def arguments_of(node: Node) -> dict[str, tuple[Attr, ...]]:
    """Return the arguments of an op that its sizes depend on, each with the attributes that it fills."""
    if node.is_source:
        return {}
    names = dict(note.partition("=")[::2] for note in node.meta.notes if note and "=" in note)
    found: dict[str, tuple[Attr, ...]] = {}
    for attr in op_spec(node.op).attrs:
        if attr.near is not None and attr.name in node.attrs:
            argument = names.get(attr.name, attr.name)
            found[argument] = (*found.get(argument, ()), attr)
    return found


def near(node: Node, argument: str) -> Iterator[tuple[Any, Attrs]]:
    """Give other values of an argument, and the attributes of the op with each."""
    attrs = arguments_of(node)[argument]
    if attrs[0].near is not None:
        for value in attrs[0].near(node.attrs[attrs[0].name]):
            yield value, node.attrs.replace(**{attr.name: value for attr in attrs})


def plain(value: Any) -> Any:
    """Write ``((1, 1), (1, 1))`` as ``1``."""
    while isinstance(value, tuple) and value and len(set(value)) == 1:
        value = value[0]
    return value


def _where(node: Node) -> str:
    return str(node.meta.origin) if node.meta.origin is not None else ""
