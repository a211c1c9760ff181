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


@dataclass(frozen=True)
class Solution(Mapping[str, Any]):
    """The inputs that give what is wanted; a mapping from their names to shapes.

    Parameters
    ----------
    inputs : dict
        The shape of each input; ``"x[2]"`` stands for a size that may vary.
    report : ShapeReport
        The inference behind it: its errors when nothing gives what is wanted.
    """

    inputs: dict[str, tuple[int | str, ...] | None]
    report: Any = field(repr=False)

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
        lines = []
        for name, shape in self.inputs.items():
            shown = "of any rank" if shape is None else f"({', '.join(map(str, shape))})"
            lines.append(f"{name} = {shown[:-1]},)" if shape and len(shape) == 1 else f"{name} = {shown}")
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
    return Solution({name: report[name] for name in graph.inputs}, report)


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
