"""What holds, and is yet hardly meant: warnings of shape inference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphinit.ir.dims import Dim, Expr, exact_quotient, stand_in
from graphinit.ir.node import Node
from graphinit.ir.node_table import Row
from graphinit.ir.signature import Star
from graphinit.ir.types import format_shape
from graphinit.plain_text import escaped
from graphinit.scalars import several
from passes.shapes.explanation import History
from passes.shapes.inference import Inference, infer


class Suspicion(str):
    """A warning: a text that knows where it belongs.

    Parameters
    ----------
    text : str
        What is suspicious; it is kept escaped.
    code : str
        A key of `graphinit.errors.CODES`.
    node : str
        The node concerned.
    where : str
        The user's line; empty when it is not known.
    """

    __slots__ = ("code", "node", "where")

    code: str
    node: str
    where: str

    def __new__(cls, text: str, code: str, node: str, where: str) -> Suspicion:  # noqa: D102
        self = super().__new__(cls, escaped(text))
        self.code, self.node, self.where = code, node, where
        return self

    def to_json(self) -> dict[str, str]:
        """Return it as JSON-ready values."""
        return {"code": self.code, "message": str(self), "node": self.node, "where": self.where}


def find_suspicions(inference: Inference, broken: bool) -> tuple[Suspicion, ...]:
    """Return what is suspicious about a network.

    Parameters
    ----------
    inference : Inference
        What was inferred.
    broken : bool
        Whether there are mistakes; then sizes are not tried out.
    """
    found = list(_unused(inference))
    nodes = list(inference.graph.nodes.values())
    for node, row in zip(nodes, inference.graph.table, strict=True):
        if row.rule.spec is not None and row.inputs == 2:
            found += _broadcasts(inference, node, row)
        elif row.rule.op == "reshape":
            found += _reshapes(inference, node, row)
    if not broken:
        found += _emptied(inference)
        found += _chances(inference)
    return tuple(found)


def _made(text: str, code: str, node: Node) -> Suspicion:
    return Suspicion(text, code, node.name, str(node.meta.origin) if node.meta.origin else "")


def _unused(inference: Inference) -> Iterator[Suspicion]:
    """Inputs, parameters and branches that nothing uses."""
    graph = inference.graph
    first_user, numbers = inference.solver.first_user, graph.numbers
    returned = {value.node for value in graph.outputs.values()}
    for node in graph.nodes.values():
        if node.name in returned or node.op in ("state", "constant"):
            continue
        first = numbers[node.name]
        if all(first_user[first + port] < 0 for port in range(len(node.types))):
            words = f"the {node.op} {node.name}" if node.is_source else f"the result of {node.name}"
            yield _made(f"nothing uses {words}", "GI214", node)
    for node in graph.left_out:
        yield _made(f"nothing uses the result of {node.name}; the branch is left out", "GI214", node)


def _broadcasts(inference: Inference, node: Node, row: Row) -> Iterator[Suspicion]:
    """A column against a vector: ``(n, 1)`` and ``(n,)`` give ``(n, n)``."""
    spec = row.rule.spec
    assert spec is not None, "sources have no rule"
    terms = spec.parsed.output(0).terms or ()
    if not any(isinstance(term, Star) and len(term.names) > 1 for term in terms):
        return
    shapes = [inference.solver.known_shape(slot) for slot in row.slots[:2]]
    for column, vector in (shapes, shapes[::-1]):
        if not column or not vector or len(vector) != 1 or len(column) < 2:
            continue
        size = vector[0]
        if column[-1] == 1 and column[-2] == size and (isinstance(size, Expr) or size > 1):
            shown = format_shape((*column[:-1], size))
            text = f"{format_shape(column)} against {format_shape(vector)} gives {shown}, each with each"
            yield _made(text, "GI211", node)
            return


def _reshapes(inference: Inference, node: Node, row: Row) -> Iterator[Suspicion]:
    """A new shape in which one row holds parts of several samples."""
    before, after = (inference.solver.known_shape(slot) for slot in (row.slots[0], row.slots[row.inputs]))
    if not before or after is None or -1 in before or -1 in after or len(before) < 2:
        return
    batch = before[0]
    if not isinstance(batch, Expr) or batch.symbols != {str(batch)} or not _is_batch(inference, batch):
        return
    each: Dim = 1
    for dim in before[1:]:
        each = each * dim
    first = next((dim for dim in after if dim != 1), 1)
    samples = exact_quotient(first, batch)
    if samples is not None and exact_quotient(each, samples) is not None:
        return
    text = (
        f"{format_shape(before)} as {format_shape(after)} mixes samples: the first axis is not {batch},"
        f" nor {batch} times equal parts of a sample"
    )
    yield _made(text, "GI212", node)


def _is_batch(inference: Inference, batch: Expr) -> bool:
    """Whether a symbol is the first size of an input."""
    graph = inference.graph
    shapes = (inference.stated[graph.numbers[name]] for name in graph.inputs)
    return any(shape and shape[0] is batch for shape in shapes)


def _emptied(inference: Inference) -> Iterator[Suspicion]:
    """Sizes that were settled at 0 though nobody said 0: of what is fed, and of what ops make."""
    graph = inference.graph
    if any(shape and 0 in shape for shape in inference.stated) or any(
        map(_says_nothing, graph.nodes.values())
    ):
        return
    history: History | None = None
    for node in graph.nodes.values():
        made_of = (inference.solver.known_shape(graph.numbers[item.node] + item.port) for item in node.inputs)
        if any(0 in (shape or ()) for shape in made_of):
            continue  # what it is made of is empty already
        for port in range(len(node.types)):
            number = graph.numbers[node.name] + port
            for axis, size in enumerate(inference.solver.known_shape(number) or ()):
                if isinstance(size, int) and size == 0:
                    history = history or History(inference.in_full())
                    lines = [
                        " ".join(line.split()) for line in str(history.why(number, axis)).split("\n")[1:]
                    ]
                    reason = "; ".join(lines).removeprefix(f"axis {axis} of {node.name} is 0: ")
                    text = f"axis {axis} of {node.name} came out as 0, which nobody stated: {reason}"
                    yield _made(text, "GI215", node)


def _says_nothing(node: Node) -> bool:
    """Whether an attribute asks for something empty: a shape, sections, or a slice that ends where it starts."""
    if node.op == "getitem":
        slices = (entry for entry in node.attrs["index"] if isinstance(entry, tuple))
        return any(stop is not None and stop in (0, start) for start, stop, _ in slices)
    return any(
        isinstance(size, int) and not isinstance(size, bool) and size == 0
        for name in ("shape", "sections", "size", "reps")
        for size in several(node.attrs.get(name)) or (node.attrs.get(name),)
    )


def _chances(inference: Inference) -> Iterator[Suspicion]:
    """Axes of one input that have the same number, and must have.

    Each is given a name of its own, which stands for all sizes at once; what is then required of
    two of them together was met by chance.
    """
    graph = inference.graph
    for name in graph.inputs:
        value = graph.numbers[name]
        shape = inference.stated[value]
        if shape is None or value not in inference.given:
            continue
        equal = [
            axis
            for axis, dim in enumerate(shape)
            if isinstance(dim, int) and dim > 1 and shape.count(dim) > 1
        ]
        if not equal:
            continue
        named: tuple[Any, ...] = tuple(
            stand_in(f"{name}[{axis}]") if axis in equal else dim for axis, dim in enumerate(shape)
        )
        trial = infer(graph, inference.given, {value: named})  # in place of what a trace declares, too
        if trial.mistakes:
            continue
        yield from _required(trial, name, shape)


def _required(trial: Inference, name: str, shape: tuple[Any, ...]) -> Iterator[Suspicion]:
    nodes = list(trial.graph.nodes.values())
    told: set[tuple[str, ...]] = set()
    for (row, _), need in trial.solver.needs.items():
        for condition in need.alternatives:
            both = tuple(sorted(condition.symbols))
            sides = (condition.left, condition.right)
            if condition.relation != "==" or not all(side is stand_in(str(side)) for side in sides):
                continue
            if len(both) == 2 and both not in told and all(each.startswith(f"{name}[") for each in both):
                told.add(both)
                axes = " and ".join(each[len(name) + 1 : -1] for each in both)
                size = shape[int(both[0][len(name) + 1 : -1])]
                text = f"it only fits because axes {axes} of {name} are both {size}: {need.why}"
                yield _made(text, "GI213", nodes[row])
