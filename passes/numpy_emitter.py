"""The NumPy emitter: prints a program as straight-line Python.

Each phase becomes one function: views of the workspace are unpacked from the thread's own, parameters
are fetched, then comes one line after the other that fills an array.  What a text mentions as
``np.add`` is bound to the plain name ``add``, which saves an attribute look-up at every call.
"""

from __future__ import annotations

import builtins
import keyword
import math
import re
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import graphinit.ops  # noqa: F401  (fills the registry)
from graphinit.errors import CallError
from graphinit.interrupts import hold
from graphinit.ir.moves import moved
from graphinit.ir.op import Attrs, fill_template, op_spec
from graphinit.ir.source_text import comment, literal, move_text
from graphinit.plain_text import class_name
from graphinit.runtime.kernels import kernel_text
from graphinit.runtime.program import COPY, Listing, Operand, Phase, Program, Step, View

SPECIAL = {"relu": "np.maximum(x, zeros, out=y)"}
"""Kernels that NumPy runs faster than those of the ops' records: operands of one shape cost least."""

_RESERVED = frozenset({*dir(np), *dir(builtins), *keyword.kwlist, "np", "workspace", "forward", "backward"})
_VARIABLES = ("parameter", "state")  # what outlives a call
_NUMPY = re.compile(r"\bnp\.([A-Za-z_]\w*)")


def emit_numpy(program: Program, title: str = "program") -> Listing:
    """Print a program as Python source.

    Parameters
    ----------
    program : Program
        What to print.
    title : str
        First words of the text.

    Returns
    -------
    Listing
        The source, with what its names stand for.

    Raises
    ------
    CallError
        GI503, when it is no program.

    Examples
    --------
    >>> from graphinit import functional as F, Graph
    >>> from passes.memory_planning import PlanMemory
    >>> from passes.shape_inference import infer_shapes
    >>> graph = infer_shapes(Graph(outputs=F.tanh(F.exp(F.input("x", shape=(2, 3)))))).graph
    >>> print(emit_numpy(PlanMemory()(graph).report.program).source)
    # program: 64 bytes of workspace a thread
    <BLANKLINE>
    def forward(x):
        exp_1, = workspace.forward
        # exp
        exp(x, out=exp_1)
        # tanh
        y = empty((2, 3), f4)
        tanh(exp_1, out=y)
        return y
    """
    if not isinstance(program, Program):
        raise CallError(
            f"emit_numpy takes the program that PlanMemory makes of a graph, not an object of type "
            f"{class_name(program)}; graphinit.compile(...).source is that of a network"
        )
    return _Emitter(program).emit(title)


@dataclass
class _Emitter:
    program: Program
    names: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    globals: dict[Any, str] = field(default_factory=dict)
    kernels: dict[Any, str | None] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    nodes: dict[int, str] = field(default_factory=dict)

    def emit(self, title: str) -> Listing:
        self.lines.append(comment(f"{title}: {self.program.workspace:,} bytes of workspace a thread"))
        views = {phase.name: _Function(self, phase).emit() for phase in self.program.phases}
        return Listing("\n".join(self.lines) + "\n", self.names, self.variables, views, self.nodes)

    def fresh(self, stem: str) -> str:
        """Return a global name that reads like `stem` and is not in use, in any function either."""
        name = _identifier(stem, self.used)
        self.used.add(name)
        self.shared.add(name)
        return name

    def bound(self, key: Any, stem: str, thing: Any) -> str:
        """Return the name of something that is the same at every call."""
        name = self.globals.get(key)
        if name is None:
            name = self.globals[key] = self.fresh(stem)
            self.names[name] = thing
        return name

    def short(self, text: str) -> str:
        """Return text with ``np.add`` as ``add``, unless that is the name of a builtin."""

        def replace(match: re.Match[str]) -> str:
            name = match[1]
            if hasattr(builtins, name):
                self.names["np"] = np
                return match[0]
            self.names[name] = getattr(np, name)
            return name

        return _NUMPY.sub(replace, text)

    def kernel(self, step: Step) -> str | None:
        """Return the text of a step's kernel over operand names; None when it is a Python function."""
        dtype = self.program.buffers[step.outputs[0].buffer].dtype
        key = (step.kernel, step.attrs, len(step.inputs), dtype == "float16")
        if key not in self.kernels:
            spec = op_spec(step.kernel)
            text = SPECIAL.get(step.kernel) or kernel_text(spec, step.attrs, len(step.inputs), dtype)
            self.kernels[key] = None if text is None else self.short(text)
        return self.kernels[key]

    def dtype(self, dtype: str) -> str:
        found = np.dtype(dtype)
        return self.bound(("dtype", dtype), found.str[1:], found)

    def variable(self, name: str) -> str:
        """Return the name of a parameter's or state's object."""
        found = self.globals.get(("variable", name))
        if found is None:
            found = self.globals["variable", name] = self.fresh(f"{name}_variable")
            self.variables[found] = name
        return found

    def zeros(self, shape: tuple[int, ...], dtype: str) -> str:
        array = np.zeros(shape, dtype)
        return self.bound(("zeros", shape, dtype), "zeros_" + "_".join(map(str, shape)), array)

    def constant_view(self, view: View) -> str:
        """Return the name of a view of a constant, or of an array that is read for its shape."""
        buffer = self.program.buffers[view.buffer]
        array: np.ndarray
        if buffer.role == "shape":
            array = np.broadcast_to(np.zeros((), buffer.dtype), view.shape)
        else:
            array = self.program.constants[view.buffer]
            for move in view.path:
                array = moved(array, move)
        key = ("constant", view.buffer, view.shape, view.strides, view.offset, view.path)
        return self.bound(key, "like" if buffer.role == "shape" else view.buffer, array)


class _Function:
    """One phase, printed."""

    def __init__(self, emitter: _Emitter, phase: Phase) -> None:
        self.emitter = emitter
        self.phase = phase
        self.body: list[tuple[str, str]] = []
        self.locals: dict[Any, str] = {}
        self.views: dict[str, View] = {}
        self.made: set[str] = set()
        self.taken: set[str] = set()
        self.holds = False

    def emit(self) -> tuple[View, ...]:
        arguments = [self.local(("buffer", name), name) for name in self.phase.inputs]
        for step in self.phase.steps:
            node = step.node
            if any(self.emitter.program.buffers[view.buffer].role in _VARIABLES for view in step.outputs):
                self.hold()
            for text in self.step(step):
                self.body.append((text, node))
        if self.phase.stores:
            self.hold()
        stores = [
            (f"{self.emitter.variable(state)}.store({self.operand(view)})", state)
            for state, view in self.phase.stores
        ]
        results = [self.operand(view) for view in self.phase.results]
        lines = self.emitter.lines
        lines += ["", f"def {self.phase.name}({', '.join(arguments)}):"]
        keeps = len(self.emitter.program.phases) > 1 and self.phase is self.emitter.program.phases[0]
        if keeps:
            lines.append("    workspace.ready = False")
        if self.views:
            lines.append(
                f"    {', '.join(self.views)}{',' * (len(self.views) == 1)} = workspace.{self.phase.name}"
            )
        last = ""
        for text, node in self.body:
            if node and node != last:
                lines.append(f"    {comment(node)}")
            last = node
            for part in text.split("\n"):
                lines.append(f"    {part}")
                self.emitter.nodes[len(lines)] = node
        lines += [f"    {text}" for text, _ in stores]
        if keeps:
            if self.emitter.program.held:
                held = ", ".join(self.local(("buffer", name), name) for name in self.emitter.program.held)
                lines.append(f"    workspace.held = {held},")
            lines.append("    workspace.ready = True")
        lines.append(f"    return {', '.join(results) or '()'}")
        return tuple(self.views.values())

    def hold(self) -> None:
        """Hold interrupts back from here on: what is written to parameters and states is written whole."""
        if not self.holds:
            self.holds = True
            self.body.append((f"{self.emitter.bound('hold', 'hold', hold)}()", ""))

    def local(self, key: Any, stem: str) -> str:
        name = self.locals.get(key)
        if name is None:
            stem = stem.removesuffix(" out").removesuffix(" kept")
            name = _identifier(stem, self.taken, self.emitter.shared)
            self.locals[key] = name
            self.taken.add(name)
            self.emitter.used.add(name)
        return name

    # ------------------------------------------------------------------ operands

    def operand(self, operand: Operand) -> str:
        """Return the name of a view, after the lines that it needs."""
        if not isinstance(operand, View):
            return literal(operand)
        buffer = self.emitter.program.buffers[operand.buffer]
        if buffer.scope == "program":
            return self.emitter.constant_view(operand)
        if buffer.scope == "thread":
            key = (operand.buffer, operand.offset, operand.shape, operand.strides)
            known = key in self.locals
            name = self.local(key, operand.buffer)
            if not known:
                self.views[name] = operand
            return name
        name = self.whole(operand.buffer)
        for depth, move in enumerate(operand.path, 1):
            step = (operand.buffer, operand.path[:depth])
            known = step in self.locals
            viewed = self.local(step, operand.buffer)
            if not known:
                self.body.append((f"{viewed} = {move_text(move, name)}", ""))
            name = viewed
        return name

    def whole(self, name: str) -> str:
        """Return the name of an array that is given, fetched or made at each call."""
        buffer = self.emitter.program.buffers[name]
        known = ("buffer", name) in self.locals
        local = self.local(("buffer", name), name)
        if not known and buffer.role == "parameter":
            self.body.append((f"{local} = {self.emitter.variable(name)}._data", ""))
        elif not known and buffer.role == "input":
            place = self.emitter.program.held.index(name)
            self.body.append((f"{local} = workspace.held[{place}]", ""))
        elif not known and buffer.role == "state":
            self.body.append((f"{local} = {self.emitter.variable(name)}.data()", ""))
        return local

    def output(self, view: View, node: str) -> str:
        """Return the name of a view that a step writes; a fresh array is made first."""
        buffer = self.emitter.program.buffers[view.buffer]
        if buffer.role == "output" and view.buffer not in self.made:
            self.made.add(view.buffer)
            dtype = self.emitter.dtype(buffer.dtype)
            self.body.append(
                (
                    self.emitter.short(
                        f"{self.whole(view.buffer)} = np.empty({literal(view.shape)}, {dtype})"
                    ),
                    node,
                )
            )
        return self.operand(view)

    def number(self, step: Step, slot: int) -> str:
        """Return the name of an array that holds a number, for kernels that need one."""
        number = step.inputs[slot]
        dtypes = [self.emitter.program.buffers[v.buffer].dtype for v in step.inputs if isinstance(v, View)]
        if isinstance(number, float) and not any(d.startswith("float") for d in dtypes):
            dtypes = ["float32"]
        elif not dtypes or (dtypes == ["bool"] and not isinstance(number, bool)):
            dtypes = ["bool" if isinstance(number, bool) else "int64"]
        with np.errstate(over="ignore"):
            array = np.array(number, np.result_type(*dtypes))
        return self.emitter.bound(("number", repr(number), array.dtype.name), "number", array)

    def literal(self, step: Step, slot: int, name: str, text: str) -> str:
        """Return a number as text that a kernel can have in place of an operand."""
        number = step.inputs[slot]
        assert not isinstance(number, View), "views have names"
        if re.search(rf"\b{name}[.\[]", text) or not math.isfinite(number):
            return self.number(step, slot)  # a literal has no attributes; inf and nan have no literal
        return f"({literal(number)})" if number < 0 else literal(number)

    # ------------------------------------------------------------------ steps

    def step(self, step: Step) -> list[str]:
        """Return the lines of a step, after those that its operands need."""
        if step.kernel == COPY:
            return [self.copy(step)]
        spec = op_spec(step.kernel)
        inputs = [self.operand(v) if isinstance(v, View) else "" for v in step.inputs]
        text = self.emitter.kernel(step)
        given = spec.parsed.inputs
        if text is None:
            inputs = [name or self.number(step, slot) for slot, name in enumerate(inputs)]
            outputs = [self.output(view, step.node) for view in step.outputs]
            kernel = self.emitter.bound(("kernel", step.kernel), f"{step.kernel}_kernel", spec.kernel)
            attrs = self.emitter.bound(("attrs", step.attrs), "attrs", step.attrs)
            return [f"{kernel}({_tuple(outputs)}, {_tuple(inputs)}, {attrs})"]
        names = {}
        if step.kernel in SPECIAL:
            dtype = self.emitter.program.buffers[step.outputs[0].buffer].dtype
            names["zeros"] = self.emitter.zeros(step.outputs[0].shape, dtype)
        for slot, (operand, name) in enumerate(zip(given, inputs, strict=False)):
            names[operand.name] = name or self.literal(step, slot, operand.name, text)
        for operand, view in zip(spec.parsed.outputs, step.outputs, strict=True):
            names[operand.name] = self.output(view, step.node)
        return [fill_template(text, names, Attrs())]

    def copy(self, step: Step) -> str:
        """Return the line that copies an operand, into a fresh array where the output is one."""
        (source,), (target,) = step.inputs, step.outputs
        buffer = self.emitter.program.buffers[target.buffer]
        if buffer.role == "output" and isinstance(source, View):
            self.made.add(target.buffer)
            return f"{self.whole(target.buffer)} = {self.operand(source)}.copy()"
        read = self.operand(source) if isinstance(source, View) else self.number(step, 0)
        return self.emitter.short(f"np.copyto({self.output(target, step.node)}, {read})")


def _identifier(stem: str, *taken: Container[str]) -> str:
    stem = re.sub(r"\W", "_", stem, flags=re.ASCII)
    stem = f"v{stem}" if not stem or stem[0].isdigit() else stem
    name, count = stem, 0
    while name in _RESERVED or any(name in names for names in taken):
        count += 1
        name = f"{stem}_{count}"
    return name


def _tuple(names: list[str]) -> str:
    return f"({', '.join(names)}{',' * (len(names) == 1)})"
