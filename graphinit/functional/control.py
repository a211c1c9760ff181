"""Control flow in the graph: loops and choices over values that Python does not know.

The functions that are given describe sub-graphs: they are called once, on symbolic values, and may use
anything from outside, parameters and layers too.  What does not depend on their arguments is computed
once, outside, except in `cond`, where only the branch that is chosen runs; so dropout inside a loop
draws one mask for all of its steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from graphinit import tracing
from graphinit.errors import OpError
from graphinit.functional.operands import Operand
from graphinit.ir.dims import SizeRef, size_of
from graphinit.ir.expressions import Expr
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.joining import STAND_IN, all_or_nothing, join, note
from graphinit.ir.node import UNTYPED, Node, Value
from graphinit.ir.op import Attrs, intern_rule
from graphinit.ir.tensor import Tensor, add_constant, apply_all, symbolic
from graphinit.ir.types import TensorType

Values = Any
"""A tensor, or a tuple or list of tensors."""


@all_or_nothing()
def while_loop(
    condition: Callable[..., Any], body: Callable[..., Values], init: Values, max_steps: int | None = None
) -> Values:
    """Apply a function again and again while a condition holds.

    Parameters
    ----------
    condition : callable
        ``condition(*values)`` is one truth value, with no axes.
    body : callable
        ``body(*values)`` gives the next values, of the same shapes and dtypes.
    init : Tensor, or tuple or list of them
        The first values.
    max_steps : int, optional
        To go on after so many steps is an error.

    Returns
    -------
    Tensor, or tuple of them
        The first values of which the condition does not hold.  To differentiate, the loop runs again
        and keeps the values of each step; the gradient itself has none.

    Raises
    ------
    ShapeError
        At inference, when a value does not keep its shape.
    ExecutionError
        GI501, when the graph runs and `max_steps` are not enough.

    Examples
    --------
    >>> import numpy as np
    >>> import graphinit
    >>> from graphinit import functional as F
    >>> x = F.input("x", shape=("n",))
    >>> y = F.while_loop(lambda v: F.sum(F.abs(v)) > 1, lambda v: v / 2, x)
    >>> exe = graphinit.compile(graphinit.Graph(outputs=y), x=(3,))
    >>> exe.forward(np.array([1.0, 2.0, 4.0]))
    array([0.125, 0.25 , 0.5  ], dtype=float32)
    >>> exe.backward()["x"]
    array([0.125, 0.125, 0.125], dtype=float32)
    """
    carried = _listed(init)
    if not carried:
        raise OpError("while_loop needs at least one value", node="while_loop")
    traced = _Traced(carried)
    holds = traced.call(condition, range(len(carried)))
    nexts = traced.call(body, range(len(carried)))
    if len(holds) != 1 or len(nexts) != len(carried):
        raise OpError(
            f"the condition gives one value and the body {len(carried)}; they gave {len(holds)} and {len(nexts)}",
            node="while_loop",
        )
    (first, second), captured = traced.graphs([holds, nexts])
    outputs = apply_all(
        "while_loop", *traced.operands, *captured, condition=first, body=second, max_steps=max_steps
    )
    return _like(init, outputs)


@all_or_nothing()
def cond(
    predicate: Operand, then: Callable[..., Values], otherwise: Callable[..., Values], *operands: Operand
) -> Values:
    """Compute one of two functions: which, is known when the graph runs.

    Parameters
    ----------
    predicate : Tensor
        One number or truth value, with no axes.
    then, otherwise : callable
        ``then(*operands)`` where the predicate is not 0, else ``otherwise(*operands)``; both give as
        many values, of equal shapes and dtypes.
    *operands : Tensor
        What the functions are given; they may use other tensors as well.

    Returns
    -------
    Tensor, or tuple of them
        What the function gives.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> x = F.input("x", shape=(2, 3))
    >>> F.cond(F.sum(x) > 0, lambda: x, lambda: -x).shape
    (2, 3)
    """
    chosen = symbolic(predicate)
    if not isinstance(chosen, Tensor):
        raise OpError(
            f"cond chooses by a tensor; {predicate!r} is known, so Python's if will do", node="cond"
        )
    traced = _Traced([chosen, *operands])
    parts = range(1, len(operands) + 1)
    results = [traced.call(function, parts, whole=True) for function in (then, otherwise)]
    if len(results[0]) != len(results[1]):
        raise OpError(f"one branch gives {len(results[0])} values, the other {len(results[1])}", node="cond")
    (one, other), captured = traced.graphs(results, parts)
    outputs = apply_all("cond", *traced.operands, *captured, then=one, otherwise=other)
    return outputs[0] if traced.single else outputs


@all_or_nothing()
def scan(
    body: Callable[[Values, Values], tuple[Values, Values]], init: Values, xs: Values, reverse: bool = False
) -> tuple[Values, Values]:
    """Apply a function along axis 0, handing on what is carried.

    Parameters
    ----------
    body : callable
        ``body(carry, x)`` gives the next carry, of the same shapes and dtypes, and what this step
        results in: a tensor, several, or None.
    init : Tensor, or tuple or list of them
        The first carry.
    xs : Tensor, or tuple or list of them
        [t,*b] each: `x` is one entry of each.
    reverse : bool
        Whether to start at the end.

    Returns
    -------
    carry : Tensor, or tuple of them
        The last carry.
    ys : Tensor, tuple of them, or None
        The results of the steps, [t,*c] each, in the order of `xs`.

    Raises
    ------
    ShapeError
        At inference, when a carried value does not keep its shape, or sequences are not equally long.

    Examples
    --------
    >>> import numpy as np
    >>> import graphinit
    >>> from graphinit import functional as F
    >>> x = F.input("x", shape=("t",))
    >>> total, sums = F.scan(lambda carry, v: (carry + v, carry + v), np.float32(0), x)
    >>> exe = graphinit.compile(graphinit.Graph(outputs=sums), x=(4,))
    >>> exe.forward(np.arange(4))
    array([0., 1., 3., 6.], dtype=float32)
    >>> exe.backward()["x"]
    array([4., 3., 2., 1.], dtype=float32)
    """
    carried, series = _listed(init), _listed(xs)
    if not series:
        raise OpError("scan needs a sequence to scan along", node="scan")
    count = len(carried)
    traced = _Traced([*carried, *series], hidden=range(count, count + len(series)))
    results: list[Any] = []

    def step(*values: Any) -> Any:
        carry, results_of_step = body(_like(init, values[:count]), _like(xs, values[count:]))
        nexts, ys = _listed(carry), [] if results_of_step is None else _listed(results_of_step)
        if len(nexts) != count:
            raise OpError(f"the body carries {len(nexts)} values on; it was given {count}", node="scan")
        results[:] = [results_of_step]
        return [*nexts, *ys]

    found = traced.call(step, range(len(traced.operands)))
    (graph,), captured = traced.graphs([found])
    outputs = apply_all(
        "scan",
        *traced.operands,
        *captured,
        body=graph,
        carries=count,
        sequences=len(series),
        reverse=reverse,
    )
    ys = None if results[0] is None else _like(results[0], outputs[count:])
    return _like(init, outputs[:count]), ys


def _listed(values: Values) -> list[Any]:
    return list(values) if isinstance(values, tuple | list) else [values]


def _like(structure: Values, tensors: Sequence[Tensor]) -> Values:
    return tuple(tensors) if isinstance(structure, tuple | list) else tensors[0]


_STAND_IN = Attrs({STAND_IN: True})


class _Traced:
    """Functions that were described on stand-ins for operands.

    What they make goes to the builder of the operands and is then cut out of it: nodes that depend on
    a stand-in are the sub-graph, what they take from elsewhere is captured.

    Parameters
    ----------
    operands : sequence
        What the op takes.
    hidden : sequence of int
        Operands of which the functions see entries along axis 0.
    """

    def __init__(self, operands: Sequence[Any], hidden: Sequence[int] = ()) -> None:
        given = [symbolic(operand) for operand in operands]
        trace = tracing.current()
        builder = next((item.builder for item in given if isinstance(item, Tensor)), None)
        if builder is None:
            if trace is None:
                raise OpError("control flow needs at least one tensor to begin with")
            builder = trace.builder
        note(builder)
        self.operands = [_tensor(builder, item) for item in given]
        builder = join(operand.builder for operand in self.operands)
        self.places: list[Tensor] = []
        for index, operand in enumerate(self.operands):
            type = operand.type
            if index in hidden and type.shape is not None:
                type = TensorType(type.shape[1:], type.dtype)
            name = builder.unique(f"{operand.value.node}.inside")
            self.places.append(Tensor(builder, builder.source("input", name, type, _STAND_IN)))
        self.single = True
        self._made: list[Tensor] = []

    def call(self, function: Callable[..., Any], parts: Sequence[int], whole: bool = False) -> list[Tensor]:
        """Describe a function on the stand-ins of some operands.

        With `whole` all that it makes belongs to the sub-graph, even where it depends on no stand-in.
        """
        trace = tracing.current()
        start = self.places[0].builder
        known = [Tensor(start, Value(name)) for name in start.nodes] if whole else []
        before = dict(trace.updates) if trace is not None else {}
        result = function(*(self.places[index] for index in parts))
        self.single = not isinstance(result, tuple | list)
        builder = self.places[0].builder
        tensors = [_tensor(builder, symbolic(item)) for item in _listed(result)]
        join(tensor.builder for tensor in (self.places[0], *tensors))
        if whole:
            builder, names = self.places[0].builder, {tensor.value.node for tensor in known}
            made = [
                node.name for node in builder.nodes.values() if not node.is_source and node.name not in names
            ]
            self._made += [Tensor(builder, Value(name)) for name in made]
        if trace is not None:
            inside = self._inside(self.places)
            for name, tensor in trace.updates.items():
                if before.get(name) is not tensor and tensor.value.node in inside:
                    raise OpError(f"{name!r} changes inside a loop or a branch, which cannot store it")
        return tensors

    def _inside(self, roots: Sequence[Tensor]) -> set[str]:
        """Return the names of some nodes and of all that depend on them."""
        found = {tensor.value.node for tensor in roots}
        for node in self.places[0].builder.nodes.values():
            if any(source.node in found for source in _sources(node)):
                found.add(node.name)
        return found

    def graphs(
        self, results: Sequence[Sequence[Tensor]], parts: Sequence[int] | None = None
    ) -> tuple[list[Graph], list[Tensor]]:
        """Return a sub-graph for each list of results, and the tensors that they capture."""
        builder, inside = self.places[0].builder, self._inside([*self.places, *self._made])
        places = [self.places[index].value for index in (parts or range(len(self.places)))]
        if parts is not None and not len(parts):
            places = []
        cut = [builder.needed([tensor.value for tensor in part], ()) & inside for part in results]
        captured: dict[Value, None] = {}
        for names, part in zip(cut, results, strict=True):
            for node in builder.nodes.values():
                if node.name in names:
                    _capture(builder, _sources(node), inside, captured)
            _capture(builder, [tensor.value for tensor in part], inside, captured)
        graphs = [
            _extracted(builder, names, places, list(captured), [tensor.value for tensor in part])
            for names, part in zip(cut, results, strict=True)
        ]
        return graphs, [Tensor(builder, value) for value in captured]


def _tensor(builder: GraphBuilder, item: Any) -> Tensor:
    if isinstance(item, Tensor):
        return item
    if isinstance(item, float):
        item = np.float32(item)
    return Tensor(builder, add_constant(builder, np.asarray(item)))


def _sources(node: Node) -> list[Value]:
    """Return the values that a node takes, or refers to the size of."""
    sizes = intern_rule(node.op, node.attrs).sizes if node.attrs else ()
    return [*node.inputs, *(Value(size.node, size.port) for size in sizes)]


def _is_plain(builder: GraphBuilder, value: Value) -> bool:
    """Whether a value is a constant that a sub-graph has of its own."""
    node = builder.nodes[value.node]
    return node.op == "constant" and not isinstance(node.attrs["value"], Expr)


def _capture(
    builder: GraphBuilder, values: Sequence[Value], inside: set[str], captured: dict[Value, None]
) -> None:
    for value in values:
        if value.node in inside or _is_plain(builder, value):
            continue
        node = builder.nodes[value.node]
        if node.op == "constant":  # a number that is a size: capture what it is the size of
            _capture(builder, _sources(node), inside, captured)
        else:
            captured[value] = None


def _extracted(
    builder: GraphBuilder,
    names: set[str],
    places: Sequence[Value],
    captured: Sequence[Value],
    results: Sequence[Value],
) -> Graph:
    """Return part of a builder as a graph of its own: stand-ins, then captures, are its inputs."""
    part = GraphBuilder()
    moved: dict[Value, Value] = {}
    for stem, values in (("x", places), ("captured", captured)):
        for index, value in enumerate(values):
            dtype = Tensor(builder, value).dtype
            name = f"{stem}{index}"
            part.append(Node(name, "input", types=(TensorType(None, dtype),)))
            moved[value] = Value(name)
    inputs = list(part.nodes)

    def move(value: Value) -> Value:
        if value not in moved:
            copy(builder.nodes[value.node])
        return moved[value]

    def copy(node: Node) -> None:
        taken = tuple(move(value) for value in node.inputs)
        sizes = intern_rule(node.op, node.attrs).sizes if node.attrs else ()
        mapping = {size: _size(size, move(Value(size.node, size.port))) for size in sizes}
        attrs = Attrs({name: _moved(value, mapping) for name, value in node.attrs.items()})
        types = node.types if node.is_source else (UNTYPED,) * len(node.types)
        name = part.unique(node.name)
        part.append(replace(node, name=name, attrs=attrs, inputs=taken, types=types))
        moved.update((Value(node.name, port), Value(name, port)) for port in range(len(types)))

    for node in builder.nodes.values():  # inputs first, so nothing recurs deeply
        if node.name in names and Value(node.name) not in moved:
            copy(node)
    outputs = {f"y.{index}": move(value) for index, value in enumerate(results)}
    return part.build(outputs, inputs=inputs, structure=list(outputs))


def _size(size: SizeRef, value: Value) -> Expr:
    return size_of(value.node, value.port, size.axis)


def _moved(attr: Any, mapping: dict[Any, Any]) -> Any:
    if isinstance(attr, tuple):
        return tuple(_moved(item, mapping) for item in attr)
    return attr.substitute(mapping) if isinstance(attr, Expr) and mapping else attr
