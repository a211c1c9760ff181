"""Blocks: parts of a network that hold parameters and other blocks, and can be described and called.

What a block owns is in `graphinit.nn.owner`, how it becomes a graph in `graphinit.nn.describing`, how it is
called on arrays in `graphinit.nn.calling`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from graphinit import random, recording, saving, tracing
from graphinit.initializers.base import create
from graphinit.initializers.distributions import Uniform
from graphinit.interrupts import make
from graphinit.ir.graph import Graph
from graphinit.ir.tensor import Tensor
from graphinit.nn.arguments import has_input
from graphinit.nn.calling import call_block
from graphinit.nn.describing import trace_block
from graphinit.nn.owner import Owner
from graphinit.nn.settling import settle, variables
from graphinit.nn.summary import summarize
from graphinit.parameter_dict import ParameterDict
from passes.shape_inference import infer_shapes
from passes.shape_report import ShapeReport

if TYPE_CHECKING:

    class Output(np.ndarray[Any, np.dtype[Any]]):
        """What a call on arrays returns, as type checkers see it.

        It is an array, a recorded one within `autograd.record`, or what `forward` returns them in.
        """

        def backward(self, out_grad: Any = None, retain_graph: bool = False, train_mode: bool = True) -> None:
            """Compute gradients, of what was recorded."""

        def detach(self) -> Output:
            """Return what was recorded as a constant."""

        def numpy(self) -> np.ndarray:
            """Return what was recorded as an array."""

        def keys(self) -> Any:
            """Return the names of a dict."""

        def values(self) -> Any:
            """Return what is in a dict."""

        def items(self) -> Any:
            """Return what is in a dict, by name."""


class Block(Owner):
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

    # ------------------------------------------------------------------ parameters

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
        return super().collect_params(select)

    def initialize(
        self,
        init: Any = None,
        device: Any = None,
        verbose: bool = False,
        force_reinit: bool = False,
        seed: int | None = None,
        *,
        ctx: Any = None,
    ) -> None:
        """Initialise every parameter: at once where its shape is known, else as soon as it is.

        Parameters
        ----------
        init : str or initializer
            The default, which a parameter's own initializer wins over; U[-0.07, 0.07] when not given.
        device, ctx : object
            Taken for Gluon's sake; everything lives in main memory.
        verbose : bool
            Taken for Gluon's sake.
        force_reinit : bool
            Draw again what has values already.
        seed : int, optional
            By default the next of the sequence that `graphinit.random.seed` starts: another network, and a
            second call with `force_reinit`, get other values, and the same program the same ones every time.
            One call takes one seed for all parameters and random streams; with it, the values depend on a
            parameter's path alone.

        Warns
        -----
        UserWarning
            Once for each parameter that has values already, when `force_reinit` is not set.  Where nothing
            is left to do, random streams stay as they are too.

        Raises
        ------
        GraphInitError
            When an initializer is none, or fails; then nothing is changed.
        """
        default = Uniform() if init is None else create(init)
        parameters, states = self.collect_params(), self.states()
        with random.CallSeed(seed) as numbered:
            changes = parameters.initializing(default, force_reinit, numbered)
            if changes or not parameters:
                changes += [state.starting(numbered.number) for state in states.values()]
            make([*changes, numbered.keep])

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

    @overload
    def __call__(self, x: Tensor, /, *args: Any, **kwargs: Any) -> Tensor: ...

    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Output: ...

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
        if len(args) == 1 and not kwargs and type(args[0]) is np.ndarray:
            (x,) = args
            if recording.mode.innermost() is None and tracing.innermost() is None:
                program = self._programs.fast.get((x.shape, x.dtype))
                if program is not None:
                    return program(x)
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

    def has_input(self, name: str) -> bool:
        """Whether `trace` takes an input of this name, such as ``x``, or ``x.0`` inside a list.

        Examples
        --------
        >>> from graphinit import nn
        >>> nn.Dense(3).has_input("x"), nn.Dense(3).has_input("y")
        (True, False)
        """
        return has_input(self.forward, name)

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
        settle(self, report, require_values)

    def variables(self, graph: Graph) -> dict[str, Any]:
        """Return what holds the values of a graph's parameters and state, by node name."""
        return variables(self, graph)

    # ------------------------------------------------------------------ files

    def save_parameters(self, filename: Any, deduplicate: bool = True, format: str | None = None) -> None:
        """Write the parameters to a file, atomically; see `graphinit.saving.save_parameters`.

        Tied parameters are written once and their other paths noted, whatever `deduplicate` says.
        """
        saving.save_parameters(filename, self.collect_params(), format)

    def load_parameters(self, filename: Any, device: Any = None, *, ctx: Any = None, **options: Any) -> None:
        """Read the parameters from a file, all or none; `options` are those of `graphinit.saving.unpack`.

        Unknown sizes are taken from the file, and nothing needs to be initialised before.  `device`
        and `ctx` are taken for Gluon's sake.
        """
        saving.load_parameters(filename, self.collect_params(), **options)

    def load_dict(
        self, param_dict: Mapping[str, Any], device: Any = None, *, ctx: Any = None, **options: Any
    ) -> None:
        """Take the parameters from arrays by path, as `load_parameters` does from a file."""
        saving.load_dict(param_dict, self.collect_params(), **options)
