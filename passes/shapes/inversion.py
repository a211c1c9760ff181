"""Backwards: which inputs give the outputs that are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphinit.errors import ShapeError
from graphinit.ir.dims import stand_in
from graphinit.ir.types import TensorType
from graphinit.plain_text import escaped
from passes.shapes.inference import Given, Inference, infer, number_of, read_inputs

_RANKS = 6  # numbers of axes that are tried where it is open


@dataclass(frozen=True)
class Solution(Mapping[str, Any]):
    """The inputs that give what is wanted; a mapping from their names to shapes.

    Parameters
    ----------
    inputs : dict
        The shape of each input; ``"x[2]"`` stands for a size that may vary.
    report : ShapeReport
        The inference behind it: its errors when nothing gives what is wanted.
    open : mapping from str to str
        For inputs whose number of axes stays open, what is known of them in words.
    """

    inputs: dict[str, tuple[int | str, ...] | None]
    report: Any = field(repr=False)
    open: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __getitem__(self, name: str) -> tuple[int | str, ...] | None:
        return self.inputs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.inputs)

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def ok(self) -> bool:
        """Whether there are such inputs."""
        return bool(self.report.ok)

    @property
    def requirements(self) -> tuple[Any, ...]:
        """What the sizes that may vary must meet."""
        return tuple(self.report.requirements)

    def __str__(self) -> str:
        if not self.ok:
            return "no inputs give that\n" + "\n".join(map(str, self.report.errors))
        lines = [
            f"{name} {self.open[name]}" if shape is None else f"{name} = {_tuple_text(shape)}"
            for name, shape in self.inputs.items()
        ]
        return "\n".join([*map(escaped, lines), *map(str, self.requirements)])


def solve_backwards(
    inference: Inference, outputs: Mapping[str, Any], make_report: Callable[[Inference], Any]
) -> Solution:
    """Find the inputs that give some outputs.

    Parameters
    ----------
    inference : Inference
        What is known of the network.
    outputs : mapping from str to spec
        What is wanted.
    make_report : callable
        From an inference to its report.

    Raises
    ------
    ShapeError
        GI206, when ``...`` stands where the rank is not known, or twice.
    """
    graph = inference.graph
    given = dict(inference.given)
    given.update(read_inputs(graph, {name: _spread(inference, name, spec) for name, spec in outputs.items()}))
    first = infer(graph, given)
    if not first.mistakes:
        for name, node in graph.inputs.items():
            value = graph.numbers[name]
            shape = first.solver.known_shape(value)
            if shape is None or -1 not in shape:
                continue
            named = tuple(
                stand_in(f"{name}[{axis}]") if isinstance(dim, int) and dim == -1 else dim
                for axis, dim in enumerate(shape)
            )
            origin = given[value].origin if value in given else node.meta.origin
            given[value] = Given(TensorType(named, None), origin)
        first = infer(graph, given)
    report = make_report(first)
    settled = _settled(report) if report.ok else {}
    inputs = {
        name: None if (shape := report[name]) is None else tuple(settled.get(size, size) for size in shape)
        for name in graph.inputs
    }
    loose = {
        name: _any_rank(name, first, make_report)
        for name, shape in inputs.items()
        if shape is None and report.ok
    }
    return Solution(inputs, report, loose)


def _settled(report: Any) -> dict[int | str, int]:
    """Return the symbols that must be a number: the answer has the number."""
    found: dict[int | str, int] = {}
    for need in report.requirements:
        for condition in need.alternatives if len(need.alternatives) == 1 else ():
            name, number = str(condition.left), condition.right
            if condition.relation == "==" and condition.left is stand_in(name) and isinstance(number, int):
                found[name] = number
    return found


def _any_rank(name: str, inference: Inference, make_report: Callable[[Inference], Any]) -> str:
    """Say what is known of an input of which the number of axes stays open, by trying some."""
    value = inference.graph.numbers[name]
    fitting: list[tuple[int | str, ...]] = []
    for rank in range(_RANKS):
        given = {**inference.given, value: Given(TensorType((-1,) * rank), None)}
        report = make_report(infer(inference.graph, given))
        if report.ok:
            fitting.append(report[name])
    first = []
    for sizes in zip(*fitting, strict=False):
        if sizes[0] == -1 or any(size != sizes[0] for size in sizes):
            break
        first.append(sizes[0])
    known = [shape for shape in fitting if -1 not in shape and len(shape) > len(first)]
    told = (
        f"= {_tuple_text((*first, '...'))}, with any further axes" if first else "may have any number of axes"
    )
    return f"{told}, for example {_tuple_text(known[0])}" if known else told


def _tuple_text(shape: tuple[int | str, ...]) -> str:
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def _spread(inference: Inference, name: str, spec: Any) -> Any:
    """Put as many unknown axes in place of ``...`` as the value has."""
    if not isinstance(spec, tuple | list) or ... not in spec:
        return spec
    shape = inference.solver.known_shape(number_of(inference.graph, name))
    if spec.count(...) > 1 or shape is None or len(shape) < len(spec) - 1:
        rank = "unknown" if shape is None else len(shape)
        raise ShapeError(f"{name}: ... stands for missing axes once, and the rank is {rank}", code="GI206")
    place = spec.index(...)
    return (*spec[:place], *(-1,) * (len(shape) - len(spec) + 1), *spec[place + 1 :])
