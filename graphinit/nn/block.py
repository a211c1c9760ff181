"""Blocks: parts of a network that hold parameters and other blocks, and can be described and called.

This file is a block's structure: names, paths, parameters.  How it becomes a graph is in
`graphinit.nn.describing`, how it is called on arrays in `graphinit.nn.calling`.
"""

from __future__ import annotations

import inspect
import itertools
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from graphinit import random, recording, saving
from graphinit.errors import BlockError, CallError
from graphinit.initializers.base import create
from graphinit.initializers.distributions import Uniform
from graphinit.ir.graph import Graph
from graphinit.ir.node import Meta
from graphinit.ir.origin import Origin, here
from graphinit.nn.calling import Programs, call_block
from graphinit.nn.describing import trace_block
from graphinit.nn.hooks import Handle
from graphinit.nn.settling import settle_block
from graphinit.nn.summary import summarize
from graphinit.nn.tree import collect_parameters, path_of, walk
from graphinit.nn.tying import share, tie
from graphinit.parameter import Parameter
from graphinit.parameter_dict import ParameterDict
from graphinit.state import RandomState
from graphinit.variable import Variable
from passes.shape_inference import ShapeReport, infer_shapes

_counts: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)


class Block:
    """A part of a network; subclass it and write `forward`.

    Blocks and parameters that are assigned to attributes are registered under the attribute's name.
    `forward` is written with operators and `graphinit.functional`; it is run to describe the network
    and never sees arrays.

    Examples
    --------
    >>> from graphinit import functional as F
    >>> from graphinit import nn
    >>> class Doubled(nn.Block):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.inner = nn.Dense(3)
    ...     def forward(self, x):
    ...         return F.relu(self.inner(x)) * 2
    >>> list(Doubled().collect_params())
    ['inner.weight', 'inner.bias']
    """

    name: str
    _children: dict[str, Block]
    _parameters: dict[str, Parameter]
    _states: dict[str, RandomState]
    _containers: list[weakref.ref[Block]]
    _parent: weakref.ref[Block] | None
    _key: str
    _origin: Origin | None
    _programs: Programs
    _pre_hooks: list[Callable[[Block, tuple[Any, ...]], Any]]
    _hooks: list[Callable[[Block, tuple[Any, ...], Any], Any]]
    _adopts_children = True

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make the block's registers, so that a subclass may assign before it calls ``__init__``."""
        self = super().__new__(cls)
        fill = self.__dict__
        fill["_children"] = {}
        fill["_parameters"] = {}
        fill["_states"] = {}
        fill["_parent"] = None
        fill["_key"] = ""
        fill["_containers"] = []
        fill["_origin"] = here()
        kind = cls.__name__.lower()
        fill["name"] = f"{kind}{next(_counts[kind])}"
        fill["_pre_hooks"] = []
        fill["_hooks"] = []
        fill["_programs"] = Programs()
        return self

    def forward(self, *args: Any) -> Any:
        """Describe what the block computes; every subclass writes this."""
        raise NotImplementedError(
            f"{type(self).__name__} does not say what it computes: write forward(self, x)"
        )

    # ------------------------------------------------------------------ registers

    def __setattr__(self, name: str, value: Any) -> None:
        old = self.__dict__.get(name)
        if isinstance(old, Block | Parameter) and not isinstance(value, type(old)):
            kept = isinstance(old, Parameter) and isinstance(value, Parameter)
            if not kept and value is not None:
                raise BlockError(
                    f"attribute {name!r} of {self.name} is a {type(old).__name__}; it cannot become "
                    f"{type(value).__name__}",
                    path=self.path,
                )
        for register in (self._children, self._parameters, self._states):
            if name in register and register[name] is not value and not isinstance(value, type(old)):
                del register[name]
        if isinstance(old, Parameter) and old is not value:
            if isinstance(value, Parameter):
                tie(self, name, value)
            old.leave(self)
        if isinstance(value, Block):
            self._register(name, value)
        elif isinstance(value, Parameter):
            self._parameters[name] = value
            value.adopt(self)
            self.changed()
        elif isinstance(value, RandomState):
            self._states[name] = value
            value.adopt(self)
            self.changed()
        super().__setattr__(name, value)

    def _register(self, key: str, child: Block) -> None:
        self._children[key] = child
        child._containers.append(weakref.ref(self))
        parent = child._parent() if child._parent is not None else None
        if parent is None and self._adopts_children:
            child.__dict__["_parent"] = weakref.ref(self)
            child.__dict__["_key"] = key
        self.changed()

    def register_child(self, block: Block, name: str | None = None) -> None:
        """Add a child under a name, by default the next number.

        Raises
        ------
        BlockError
            GI407, when it is no block.
        """
        if not isinstance(block, Block):
            raise BlockError(f"{block!r} is not a block", path=self.path)
        self._register(str(len(self._children)) if name is None else name, block)

    def changed(self) -> None:
        """Forget compiled programs, here and in every block that contains this one."""
        seen: set[int] = set()
        stack: list[Block] = [self]
        while stack:
            block = stack.pop()
            if id(block) not in seen:
                seen.add(id(block))
                block.__dict__["_programs"] = Programs()
                stack.extend(found for ref in block._containers if (found := ref()) is not None)

    # ------------------------------------------------------------------ names and places

    @property
    def path(self) -> str:
        """Place in the network: the keys from the outermost block down, joined by dots."""
        return path_of(self)

    def variable_path(self, variable: Variable) -> str:
        """Return the path of one of the block's own parameters or states."""
        owned = {**self._parameters, **self._states}
        leaf = next((key for key, own in owned.items() if own is variable), variable.name)
        path = self.path
        return f"{path}.{leaf}" if path else leaf

    @property
    def origin(self) -> Origin | None:
        """Where it was constructed."""
        return self._origin

    def meta(self, path: str | None = None) -> Meta:
        """Return the metadata of what it makes in a graph."""
        return Meta(self.path if path is None else path, self._origin, (), type(self).__name__)

    def variable_meta(self, variable: Variable) -> Meta:
        """Return the metadata of one of its own parameters or states."""
        if type(self).__module__.startswith("graphinit.") and variable.notes:
            return Meta(self.path, self._origin, variable.notes, type(self).__name__)
        return Meta(self.path, variable.origin, variable.notes, type(self).__name__)

    def parameter_role(self, parameter: Parameter) -> tuple[str, str, dict[str, Parameter]]:
        """Return the layer's class, the parameter's name in it, and the layer's parameters."""
        layer = next(cls for cls in type(self).__mro__ if cls.__module__.startswith("graphinit."))
        key = next((key for key, own in self._parameters.items() if own is parameter), parameter.name)
        return layer.__name__, key, self._parameters

    def walk(self) -> Iterator[tuple[str, Block]]:
        """Give every block at or below this one with its path from here, parents first.

        A block that stands in two places is given twice.

        Raises
        ------
        BlockError
            GI407, when a block contains itself.
        """
        return walk(self)

    # ------------------------------------------------------------------ parameters

    @property
    def params(self) -> ParameterDict:
        """The block's own parameters, without those of its children."""
        return ParameterDict(self._parameters, {f"{self.name}_{key}": key for key in self._parameters})

    def collect_params(self, select: str | None = None) -> ParameterDict:
        """Return the parameters of this block and all below it, by path.

        Parameters
        ----------
        select : str, optional
            A regular expression that a path, or an older name such as ``dense0_weight``, must match
            from its start.

        Returns
        -------
        ParameterDict
            A tied parameter stands under each of its paths.

        Examples
        --------
        >>> from graphinit import nn
        >>> net = nn.Sequential(nn.Dense(5), nn.Dense(3))
        >>> list(net.collect_params(".*weight"))
        ['0.weight', '1.weight']
        """
        return collect_parameters(self, select)

    def states(self) -> dict[str, RandomState]:
        """Return what is carried from run to run, by path."""
        found: dict[str, RandomState] = {}
        for path, block in self.walk():
            prefix = f"{path}." if path else ""
            found.update({prefix + key: state for key, state in block._states.items()})
        return found

    def initialize(
        self,
        init: Any = None,
        device: Any = None,
        verbose: bool = False,
        force_reinit: bool = False,
        seed: int | None = None,
    ) -> None:
        """Initialise every parameter: at once where its shape is known, else as soon as it is.

        Parameters
        ----------
        init : str or initializer
            The default, which a parameter's own initializer wins over; U[-0.07, 0.07] when not given.
        device : object
            Taken for Gluon's sake; everything lives in main memory.
        verbose : bool
            Taken for Gluon's sake.
        force_reinit : bool
            Draw again what has values already.
        seed : int, optional
            By default that of `graphinit.random.seed`.  Values depend on the seed and on a parameter's
            path alone.

        Raises
        ------
        GraphInitError
            When an initializer is none, or fails; then nothing is changed.
        """
        seed = random.current_seed() if seed is None else random.check_seed(seed)
        default = Uniform() if init is None else create(init)
        self.collect_params().initialize(default, force_reinit, seed)
        for state in self.states().values():
            state.reset(seed)

    def share_parameters(self, shared: Mapping[str, Parameter] | None) -> Self:
        """Use other parameters in place of own ones: tie them.

        Parameters
        ----------
        shared : mapping from str to Parameter
            By path from this block, as ``other.collect_params()`` gives them.

        Returns
        -------
        Block
            Itself.

        Raises
        ------
        ParameterError
            GI403, when shapes that are known don't agree; nothing is changed.
        """
        if shared is None:
            return self
        if not isinstance(shared, Mapping):
            raise BlockError(f"share_parameters takes a dict of parameters, not {type(shared).__name__}")
        share(self, shared)
        return self

    def apply(self, function: Callable[[Block], Any]) -> Self:
        """Call a function on every block below, then on this one; return self."""
        for _, block in reversed(list(self.walk())):
            function(block)
        return self

    def cast(self, dtype: Any) -> None:
        """Change the dtype of every parameter."""
        for parameter in self.collect_params().values():
            parameter.cast(dtype)

    def zero_grad(self) -> None:
        """Set every gradient to zero."""
        self.collect_params().zero_grad()

    def setattr(self, name: str, value: Any) -> None:
        """Set an attribute on every parameter."""
        self.collect_params().setattr(name, value)

    def summary(self, *args: Any, **inputs: Any) -> None:
        """Print a table of the blocks with their output shapes and numbers of parameters.

        Parameters
        ----------
        *args, **inputs
            Arrays or input specifications, in order or by name; nothing is run.

        Raises
        ------
        ShapeError
            When shapes clash.
        """
        specs = {**self.specs(args, {}), **inputs} if args else inputs
        print(summarize(self, specs))  # noqa: T201  (printing is what Gluon's does)

    def hybridize(self, active: bool = True, **options: Any) -> None:
        """Do nothing: every network is compiled.  It is here so that Gluon code runs."""

    # ------------------------------------------------------------------ describing and calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the network on arrays; inside a `forward`, describe it on tensors.

        The first call with inputs of new shapes settles unknown shapes, draws the parameters that
        wait for them, and compiles.

        Raises
        ------
        ShapeError
            When shapes clash; nothing is changed.
        UninitializedError
            When a parameter was never initialised.
        """
        try:
            (x,) = args
            if not (kwargs or recording.open_scopes):
                return self._programs.fast[x.shape, x.dtype](x)
        except (KeyError, ValueError, TypeError, AttributeError):
            pass
        return call_block(self, args, kwargs)

    def trace(self, train: bool = False, **inputs: Any) -> Graph:
        """Return the network as a graph; nothing is run and nothing is changed.

        Parameters
        ----------
        train : bool
            Whether dropout and batch statistics are on.
        **inputs
            What is known of the inputs, by the names of `forward`'s parameters: shapes with -1 and
            names, arrays, types.  What isn't given is unknown.

        Returns
        -------
        Graph
            A snapshot: parameters with the shapes that they have now.

        Examples
        --------
        >>> from graphinit import nn
        >>> print(nn.Sequential(nn.Dense(3)).trace(x=("batch", 4)))
        graph(x: ?[batch, 4])
          0.weight: float32[3, -1] = parameter(init=None, trainable=True)
          0.bias: float32[3] = parameter(init='zeros', trainable=True)
          0.linear = linear(x, 0.weight, 0.bias, flatten=True)
          return y=0.linear
        """
        return trace_block(self, train, inputs)[0]

    def specs(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return positional and keyword arguments by the names of `forward`'s parameters."""
        names = inspect.signature(self.forward).bind(*args, **kwargs).arguments
        return dict(names)

    def infer_shape(self, *args: Any, **inputs: Any) -> ShapeReport:
        """Settle what the inputs settle: write shapes into parameters, draw the values that wait.

        Parameters
        ----------
        *args, **inputs
            Input specifications, in order or by name.

        Raises
        ------
        ShapeError
            When shapes clash; nothing is changed.
        """
        specs = {**self.specs(args, {}), **inputs} if args else inputs
        report = infer_shapes(self.trace(**specs))
        report.raise_errors()
        self.settle(report, require_values=False)
        return report

    def settle(self, report: ShapeReport, *, require_values: bool = True) -> None:
        """Take the shapes of a report, and draw the parameters that were waiting for them; all or none.

        Parameters
        ----------
        report : ShapeReport
            What inference found for a graph of this block.
        require_values : bool
            Whether a parameter that was never initialised is an error.

        Raises
        ------
        UninitializedError
            GI401, when a parameter that the graph uses was never initialised.
        ParameterError
            When an initializer fails.
        """
        settle_block(self, report, require_values)

    def variables(self, graph: Graph) -> dict[str, Any]:
        """Return what holds the values of a graph's parameters and state, by node name."""
        found: dict[str, Any] = {**self.states(), **self.collect_params().roots()}
        try:
            return {name: found[name] for name in (*graph.parameters, *graph.state)}
        except KeyError as cause:
            raise CallError(f"{self.name} has no parameter {cause}", path=self.path) from cause

    # ------------------------------------------------------------------ files

    def save_parameters(self, filename: Any, deduplicate: bool = True, format: str | None = None) -> None:
        """Write the parameters to a file, atomically; see `graphinit.saving.save_parameters`.

        Tied parameters are written once and their other paths noted, whatever `deduplicate` says.
        """
        saving.save_parameters(filename, self.collect_params(), format)

    def load_parameters(self, filename: Any, device: Any = None, **options: Any) -> None:
        """Read the parameters from a file, all or none; `options` are those of `graphinit.saving.unpack`.

        Unknown sizes are taken from the file, and nothing needs to be initialised before.  `device`
        is taken for Gluon's sake.
        """
        saving.load_parameters(filename, self.collect_params(), **options)

    def load_dict(self, param_dict: Mapping[str, Any], device: Any = None, **options: Any) -> None:
        """Take the parameters from arrays by path, as `load_parameters` does from a file."""
        saving.load_dict(param_dict, self.collect_params(), **options)

    # ------------------------------------------------------------------ hooks and printing

    def register_forward_pre_hook(self, hook: Callable[[Block, tuple[Any, ...]], Any]) -> Handle:
        """Call ``hook(block, inputs)`` before `forward`.

        On the block that is called it sees arrays, at each call; inside a network tensors, once for
        each description.
        """
        self._pre_hooks.append(hook)
        self.changed()
        return Handle(self._pre_hooks, hook)

    def register_forward_hook(self, hook: Callable[[Block, tuple[Any, ...], Any], Any]) -> Handle:
        """Call ``hook(block, inputs, output)`` after `forward`; see `register_forward_pre_hook`."""
        self._hooks.append(hook)
        self.changed()
        return Handle(self._hooks, hook)

    def __repr__(self) -> str:
        inner = "\n".join(
            f"  ({key}): " + repr(child).replace("\n", "\n  ") for key, child in self._children.items()
        )
        return f"{type(self).__name__}(\n{inner}\n)"
