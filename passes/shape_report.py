"""What shape inference found: shapes by name, mistakes, requirements, and what is still open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from numbers import Integral
from typing import Any, Self

from graphinit.errors import GraphInitError, ShapeError
from graphinit.ir.dims import Expr
from graphinit.ir.graph import Graph
from graphinit.ir.types import TensorType
from graphinit.json_values import MOST
from graphinit.plain_text import escaped
from passes.shapes.diagnostics import diagnose
from passes.shapes.explanation import Explanation, History
from passes.shapes.inference import Given, Inference, infer, number_of, read_inputs
from passes.shapes.inversion import Solution, solve_backwards
from passes.shapes.open_sizes import OpenSize, find_open
from passes.shapes.report_text import report_table
from passes.shapes.requirements import Requirement
from passes.shapes.solved_requirements import SolvedRequirements, solve_requirements
from passes.shapes.stated_requirements import contradiction_error, requirements_of
from passes.shapes.suspicions import Suspicion, find_suspicions
from passes.shapes.updates import update

Sizes = tuple[int | str, ...]


class ShapeReport(Mapping[str, Sizes | None]):
    """What shape inference found of a graph; it holds no data.

    It follows from the graph and what was given, so that is what its pickle holds.

    A mapping from names to shapes: tuples of ints, texts such as ``"batch"`` or ``"2*n"``, and -1 for
    what is not known; None when not even the rank is.  Names are those of nodes, of further outputs
    (``"split:1"``) and of the graph's outputs; where they clash, the node wins.

    Parameters
    ----------
    inference : Inference
        What was inferred.

    Examples
    --------
    >>> from graphinit import Graph, functional as F
    >>> from passes.shape_inference import infer_shapes
    >>> x, w = F.input("x", shape=(-1, -1)), F.parameter("w", shape=(10, 30))
    >>> report = infer_shapes(Graph(outputs=F.linear(x, w)), x=("batch", -1))
    >>> report["x"], report["y"], report.ok
    (('batch', 30), ('batch', 10), True)
    """

    def __init__(self, inference: Inference) -> None:
        self.__dict__["_inference"] = inference
        self._source, self._given = inference.graph, inference.given

    # ------------------------------------------------------------------ copies

    @cached_property
    def _inference(self) -> Inference:
        """What was inferred: of a report that comes from a pickle, inferred again when it is first asked for."""
        return infer(self._source, self._given)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __getstate__(self) -> tuple[Graph, dict[int, Given]]:
        return self._source, self._given

    def __setstate__(self, state: tuple[Graph, dict[int, Given]]) -> None:
        self._source, self._given = state

    # ------------------------------------------------------------------ shapes by name

    def __getitem__(self, name: str) -> Sizes | None:
        shape = self.type(name).shape
        return None if shape is None else tuple(str(dim) if isinstance(dim, Expr) else dim for dim in shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._source.nodes)

    def __len__(self) -> int:
        return len(self._source.nodes)

    def type(self, name: str) -> TensorType:
        """Return shape and dtype of a value, as far as known.

        Raises
        ------
        GraphError
            GI106, when the graph has no such name.
        """
        return self._type(number_of(self._source, name))

    def _type(self, number: int) -> TensorType:
        return TensorType(self._inference.solver.known_shape(number), self._inference.dtypes.dtypes[number])

    @cached_property
    def graph(self) -> Graph:
        """The graph with its types, as far as known."""
        types: dict[Any, TensorType] = {}
        changed: dict[str, tuple[TensorType, ...]] = {}
        number = 0
        for node in self._source.nodes.values():
            settled = []
            for _ in node.types:
                key = self._inference.solver.shapes[number], self._inference.dtypes.dtypes[number]
                type = types.get(key)
                if type is None:
                    type = types[key] = self._type(number)
                settled.append(type)
                number += 1
            if tuple(settled) != node.types:
                changed[node.name] = tuple(settled)
        return self._source.with_types(changed) if changed else self._source

    # ------------------------------------------------------------------ mistakes

    @property
    def ok(self) -> bool:
        """Whether the network holds; asked often, so that no fixes are looked for."""
        return not self._inference.mistakes and not self._solved.conflict

    @cached_property
    def errors(self) -> tuple[GraphInitError, ...]:
        """An error for each independent mistake, in the order of the graph."""
        inference = self._inference
        if not inference.mistakes and not inference.solver.needs and not inference.needs:
            return ()
        errors = diagnose(self._history) if inference.mistakes else ()
        conflict = self._solved.conflict
        return (*errors, contradiction_error(self._history, conflict)) if conflict else errors

    @cached_property
    def warnings(self) -> tuple[Suspicion, ...]:
        """What holds, and is yet hardly meant: texts with a `code`, a `node` and `where`."""
        return find_suspicions(self._inference, bool(self.errors))

    def raise_errors(self, *, unknown: bool = False) -> None:
        """Raise the first error; the others are its `others`, this report its `report`.

        Parameters
        ----------
        unknown : bool
            Whether a size that is not known is an error, too.

        Raises
        ------
        ShapeError
            When shapes clash; GI207 when `unknown` and a size is not known.
        DTypeError
            When the first mistake is one of dtypes.
        """
        errors: tuple[GraphInitError, ...] = self.errors
        if not errors and unknown:
            errors = tuple(
                ShapeError(
                    f"{size} is not known",
                    code="GI207",
                    node=size.name,
                    axis=size.axis,
                    details=[escaped(f"it would be settled by {facts}") for facts in size.settled_by_text],
                )
                for size in self.unknowns
            )
        if errors:
            first: Any = errors[0]
            first.others = errors[1:]
            first.report = self
            raise first

    # ------------------------------------------------------------------ what is open, what must hold

    @cached_property
    def unknowns(self) -> tuple[OpenSize, ...]:
        """The sizes that are not known, each with the facts that would settle it."""
        return find_open(self._inference)

    @cached_property
    def _all_requirements(self) -> tuple[Requirement, ...]:
        inference = self._inference
        if not inference.needs and not inference.solver.needs:
            return ()
        return requirements_of(self._history)

    @cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """What sizes must meet for the network to hold, solved: ``batch == n``, ``h >= 28``, ``h % 16 == 0``."""
        return self._solved.requirements

    @cached_property
    def _solved(self) -> SolvedRequirements:
        return solve_requirements(self._all_requirements)

    def accepts(self, **sizes: int) -> bool:
        """Whether the network holds for these sizes of its symbols; they are 1 or more.

        Sizes that follow from them must fit into 64 bits, too.

        Raises
        ------
        ShapeError
            GI206, when a symbol that a requirement speaks of has no size, or one that is no whole number.
        """
        for name, size in sizes.items():
            if not isinstance(size, Integral):
                raise ShapeError(f"{name}={size!r} is no size; give a whole number", code="GI206")
        if not self.ok or any(size < 1 for size in sizes.values()):
            return False
        missing = sorted({name for need in self.requirements for name in need.symbols} - sizes.keys())
        if missing:
            raise ShapeError(f"give a size for {', '.join(missing)}: requirements speak of it", code="GI206")
        return all(requirement.holds(**sizes) for requirement in self.requirements) and not any(
            dim.symbols <= sizes.keys() and dim.evaluate(sizes) > MOST
            for shape in set(self._inference.solver.shapes)
            if type(shape) is tuple
            for dim in shape
            if type(dim) is Expr
        )

    # ------------------------------------------------------------------ questions

    def solve(self, **outputs: Any) -> Solution:
        """Answer which inputs give these outputs.

        Parameters
        ----------
        **outputs : spec
            What is wanted of outputs, or of any value: as inputs are given, and ``...`` for axes
            that don't matter.

        Returns
        -------
        Solution
            The inputs by name, sizes that are not settled named ``x[2]``, and what these must meet.

        Raises
        ------
        GraphError
            GI106, when the graph has no such name.
        ShapeError
            GI206, when a specification is none.

        Examples
        --------
        >>> from graphinit import Graph, functional as F
        >>> from passes.shape_inference import infer_shapes
        >>> x, w = F.input("x", (-1, 3, -1)), F.parameter("w", (7, 3, 5))
        >>> report = infer_shapes(Graph(F.conv(x, w, strides=(2,))))
        >>> print(report.solve(y=(..., 4)))
        x = (x[0], 3, x[2])
        11 <= x[2] <= 12
        """
        return solve_backwards(self._inference, outputs, ShapeReport)

    def update(self, graph: Graph | None = None, /, **inputs: Any) -> ShapeReport:
        """Infer again with other inputs, or after an edit of the graph; only what that can touch.

        Parameters
        ----------
        graph : Graph, optional
            The edited graph; by default the same one.
        **inputs : spec
            What is known of its inputs now; others stay as they were given.

        Returns
        -------
        ShapeReport
            The same as a full run gives; `visited` says how many nodes were looked at.
        """
        target = self._source if graph is None else graph
        given = dict(self._inference.given)
        if target is not self._source:
            names = {number: name for name, number in self._source.numbers.items()}
            given = {
                number_of(target, names[value]): what
                for value, what in given.items()
                if value in names and names[value] in target.nodes
            }
        given.update(read_inputs(target, inputs))
        return ShapeReport(update(self._inference, target, given))

    @property
    def visited(self) -> int:
        """How many times a node was looked at for this report."""
        return self._inference.visited

    # ------------------------------------------------------------------ why

    @cached_property
    def _history(self) -> History:
        return History(self._inference.in_full())

    def why(self, name: str, axis: int | None = None) -> Explanation:
        """Explain where the sizes of a value come from.

        Parameters
        ----------
        name : str
            Name of a node, of a further output (``"split:1"``) or of a graph's output.
        axis : int, optional
            Which axis; all of them by default.

        Raises
        ------
        GraphError
            GI106, when the graph has no such name.
        ShapeError
            GI202, when the value has no such axis.
        """
        number = number_of(self._source, name)
        shape = self._inference.solver.known_shape(number)
        if shape is None:
            return Explanation(f"not even the rank of {name} is known", ())
        if axis is None:
            parts = [self._history.why(number, each) for each in range(len(shape))]
            shown = f"{name} is {self._type(number)}"
            return Explanation(shown, tuple(step for part in parts for step in part.lines()))
        if not -len(shape) <= axis < len(shape):
            raise ShapeError(
                f"{name} has {len(shape)} axes; there is no axis {axis}", code="GI202", node=name
            )
        return self._history.why(number, axis % len(shape))

    # ------------------------------------------------------------------ as text

    def to_json(self) -> dict[str, Any]:
        """Return what was found as JSON-ready values."""
        return {
            "ok": self.ok,
            "shapes": {name: None if (shape := self[name]) is None else list(shape) for name in self},
            "dtypes": {name: self.type(name).dtype for name in self},
            "outputs": {name: str(value) for name, value in self._source.outputs.items()},
            "errors": [error.to_json() for error in self.errors],
            "warnings": list(self.warnings),
            "requirements": [requirement.to_json() for requirement in self.requirements],
            "unknowns": [size.to_json() for size in self.unknowns],
        }

    def __repr__(self) -> str:
        state = "ok" if self.ok else f"{len(self.errors)} errors"
        return f"<ShapeReport of {len(self)} nodes, {state}>"

    def __str__(self) -> str:
        return report_table(self)
