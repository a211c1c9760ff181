"""The network being described right now: how parameters become nodes of its graph.

While a block is traced, its parameters stand for nodes of one graph.  A `Trace` is that graph in the
making, with the names that parameters and blocks have below the traced root.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from graphinit.errors import BlockError, ParameterError
from graphinit.ir.graph import GraphBuilder
from graphinit.ir.node import Meta
from graphinit.ir.op import Attrs
from graphinit.ir.tensor import Tensor, apply
from graphinit.ir.types import TensorType
from graphinit.recording import mode
from graphinit.scopes import Scope, Scoped


class Trace:
    """A graph in the making.

    Parameters
    ----------
    builder : GraphBuilder
        Where nodes go.
    names : dict of int to list of str
        For each parameter (by `id`), its names below the root.
    paths : dict of int to str
        For each block (by `id`), its path below the root.
    """

    def __init__(self, builder: GraphBuilder, names: dict[int, list[str]], paths: dict[int, str]) -> None:
        self.builder = builder
        self.names = names
        self.paths = paths
        self.updates: dict[str, Tensor] = {}
        self.running: list[Any] = []
        self.calls: list[
            tuple[Any, Any]
        ] = []  # each block that was run with what it returned, inner ones first
        self._sources: dict[str, Tensor] = {}

    @property
    def train(self) -> bool:
        """Whether dropout and batch statistics are on here: the mode in force, which a `forward` may change."""
        return mode.value.training

    def parameter(self, parameter: Any) -> Tensor:
        """Return the tensor of a parameter, adding its node on first use.

        Raises
        ------
        ParameterError
            GI405, when the root doesn't know the parameter.
        """
        names = self.names.get(id(parameter))
        if names is None:
            raise ParameterError(
                f"parameter {parameter.name!r} is used by a block that does not own it; assign it to an "
                "attribute of the block, as in self.weight = parameter",
                code="GI405",
                path=parameter.path,
            )
        if self.train and parameter.running:
            return self.state(parameter)
        meta = replace(parameter.meta(), aliases=tuple(names[1:]))
        return self._source("parameter", names[0], parameter.type, parameter.attrs(), meta)

    def parameters(self, *parameters: Any) -> tuple[Tensor, ...]:
        """Return the tensors of parameters, adding their nodes in this order."""
        return tuple(map(self.parameter, parameters))

    def made(self) -> list[Tensor]:
        """Return the tensors of parameters and states, and what states become."""
        return [*self._sources.values(), *self.updates.values()]

    def unused_parameters(self, parameters: Iterable[Any]) -> list[str]:
        """Add nodes for those parameters that nothing has used, and return their names."""
        unused = [p for p in parameters if self.names[id(p)][0] not in self._sources]
        for parameter in unused:
            self.parameter(parameter)
        return [self.names[id(parameter)][0] for parameter in unused]

    def transposed(self, parameter: Any, base: Tensor) -> Tensor:
        """Return the tensor of a parameter that is another one's transpose, under its own name."""
        names = self.names.get(id(parameter))
        if names is None:
            return apply("transpose", base)
        name = names[0]
        if name not in self._sources:
            self._sources[name] = apply("transpose", base, name=name)
        return self._sources[name]

    def state(self, state: Any) -> Tensor:
        """Return the tensor of what is carried from run to run; its newest value in this trace.

        A parameter may be such a state too: running statistics in training.
        """
        name = self.names[id(state)][0]
        newest, attrs = self.updates.get(name), Attrs({"stored": state.stored})
        return self._source("state", name, state.type, attrs, state.meta()) if newest is None else newest

    def update(self, state: Any, value: Tensor) -> None:
        """Say what a state becomes after this run; when that is stored, the state says (``stored``)."""
        self.updates[self.names[id(state)][0]] = value

    def _source(self, kind: str, name: str, type: TensorType, attrs: Attrs, meta: Meta) -> Tensor:
        if name not in self._sources:
            meta = replace(meta, path=name.rpartition(".")[0])  # below the traced root, as its ops' paths are
            self._sources[name] = Tensor(self.builder, self.builder.source(kind, name, type, attrs, meta))
        elif kind == "state" and self.builder.nodes[name].op != "state":
            # It was read before, where inference was in force.
            self.builder.nodes[name] = replace(self.builder.nodes[name], op=kind, attrs=attrs)
        return self._sources[name]

    @contextmanager
    def block(self, block: Any, meta: Meta) -> Iterator[None]:
        """Make nodes in the name of `block`.

        Raises
        ------
        BlockError
            GI407, when the block calls itself.
        """
        if any(block is other for other in self.running):
            raise BlockError(f"block {block.name!r} calls itself", path=meta.path)
        outer = self.builder.scope
        self.builder.scope = meta
        self.running.append(block)
        try:
            yield
        finally:
            self.builder.scope = outer
            self.running.pop()


_current: Scoped[Trace | None] = Scoped("graphinit.tracing", None)
innermost = _current.innermost
"""Tell quickly that surely nothing is described: then it returns None."""


def current() -> Trace | None:
    """Return the trace of this thread, None when nothing is being described."""
    return None if _current.innermost() is None else _current.value


def tracing(trace: Trace) -> Scope[Trace | None]:
    """Return a scope in which a network is described."""
    return Scope(_current, trace)
