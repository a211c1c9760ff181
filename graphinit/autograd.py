"""Recording and differentiating, as Gluon writes it.

>>> import numpy as np
>>> from graphinit import autograd, nn
>>> net = nn.Dense(1, in_units=3, use_bias=False)
>>> net.initialize("ones")
>>> with autograd.record():
...     loss = (net(np.ones((2, 3))) ** 2).sum()
>>> loss.backward()
>>> float(loss), net.weight.grad()
(18.0, array([[12., 12., 12.]], dtype=float32))

There is no tape of operations that were run: what is recorded is a graph, compiled once for each
structure, forward and backward together.  Python's control flow between calls records another
structure.  Arrays that are given are copied; parameters are read when a value is computed, which
happens at the latest when a trainer, `Parameter.set_data` or loading is about to change them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphinit.errors import ExecutionError, GradientError
from graphinit.faces import listed_face
from graphinit.ir.types import TensorType
from graphinit.parameter import Parameter
from graphinit.recorded.array import Array, leaf, run_backward, wrap
from graphinit.recorded.calls import record_call
from graphinit.recorded.nodes import LEAF, GradientEntry, Node, Ref
from graphinit.recorded.running import cast_seed, check_recorded
from graphinit.recording import ModeScope, mode


def record(train_mode: bool = True) -> ModeScope:
    """Return a scope in which calls of networks and arithmetic on their results are recorded.

    The scope belongs to the thread and the task that enter it: other threads do not record, nor do tasks
    that run meanwhile, but for those that are started within.  It is in force while the object that is
    returned is held, as a ``with`` statement does, and closed even when an interrupt arrives on the way.

    Parameters
    ----------
    train_mode : bool
        Whether dropout and batch statistics are on.
    """
    return ModeScope(recorder=record_call, training=train_mode)


def pause(train_mode: bool = False) -> ModeScope:
    """Return a scope in which nothing is recorded: what is computed there is constant."""
    return ModeScope(recorder=None, training=train_mode)


def train_mode() -> ModeScope:
    """Return a scope in which dropout and batch statistics are on."""
    return ModeScope(training=True)


def predict_mode() -> ModeScope:
    """Return a scope in which dropout and batch statistics are off."""
    return ModeScope(training=False)


def is_recording() -> bool:
    """Whether calls are recorded here: in this thread and task."""
    return mode.value.recorder is not None


def is_training() -> bool:
    """Whether networks run in training mode here: in this thread and task.

    In a `forward` it says in which mode that is described, in compiled steps too.
    """
    return mode.value.training


def array(data: Any) -> Array:
    """Return an array that gradients can be taken with respect to, after ``attach_grad()``."""
    return Array(data)


def mark_variables(variables: Any, gradients: Any, grad_reqs: Any = "write") -> None:
    """Ask for gradients with respect to arrays, and say where they go.

    Parameters
    ----------
    variables : Array or list of Array
        With respect to what.
    gradients : numpy.ndarray or list of numpy.ndarray
        What takes the gradients.
    grad_reqs : str or list of str
        "write", "add" or "null".
    """
    listed = [variables] if isinstance(variables, Array) else list(variables)
    places = [gradients] if isinstance(gradients, np.ndarray) else list(gradients)
    requests = [grad_reqs] * len(listed) if isinstance(grad_reqs, str) else list(grad_reqs)
    for variable, place, request in zip(listed, places, requests, strict=True):
        variable.attach_grad(request)
        if place.shape != variable.shape or place.dtype != variable.dtype:
            raise GradientError(
                f"the gradient of {variable.name} has its shape and dtype, not {place.dtype}{place.shape}"
            )
        variable.take_gradients_in(place)


def backward(heads: Any, head_grads: Any = None, retain_graph: bool = False, train_mode: bool = True) -> None:
    """Differentiate the sum of some arrays; see `Array.backward`.

    Parameters
    ----------
    heads : Array or list of Array
        What to differentiate.
    head_grads : array or list of array, optional
        Their gradients; None stands for ones.
    retain_graph, train_mode : bool
        As in `Array.backward`.
    """
    listed, grads = _heads(heads, head_grads)
    run_backward(listed, grads, retain_graph)


def grad(
    heads: Any,
    variables: Any,
    head_grads: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    train_mode: bool = True,
) -> list[Any]:
    """Return gradients, and leave those of parameters and arrays as they are.

    Parameters
    ----------
    heads : Array or list of Array
        What to differentiate: their sum.
    variables : Array, Parameter, or list of them
        With respect to what; arrays that were given, with ``attach_grad()``, and parameters.
    head_grads : array or list of array, optional
        Gradients of the heads; None stands for ones.
    retain_graph : bool, optional
        Taken for Gluon's sake: the heads can be differentiated again.
    create_graph : bool
        Whether the gradients are recorded themselves, so that they can be differentiated.
    train_mode : bool
        Taken for Gluon's sake.

    Returns
    -------
    list of Array

    Examples
    --------
    >>> x = array([2.0])
    >>> x.attach_grad()
    >>> with record():
    ...     y = x * x * x
    ...     (slope,) = grad(y, [x], create_graph=True)
    >>> slope.backward()
    >>> slope, x.grad
    (array([12.], dtype=float32), array([12.], dtype=float32))
    """
    listed, grads = _heads(heads, head_grads)
    wanted = [variables] if isinstance(variables, Array | Parameter) else list(variables)
    for head in listed:
        check_recorded(*head.ref)
    inputs: list[Ref] = [head.ref for head in listed]
    for head, given in zip(listed, grads, strict=True):
        if isinstance(given, Array):
            inputs.append(given.ref)
        elif given is not None:
            inputs.append((leaf(cast_seed(given, np.empty(head.shape, head.dtype))), 0))
    types = []
    for variable in wanted:
        if isinstance(variable, Array):
            if variable.ref[0].entry is not LEAF or not variable.ref[0].wanted:
                raise ExecutionError(
                    "gradients are taken with respect to arrays with attach_grad() and parameters"
                )
            inputs.append(variable.ref)
            types.append(variable.type)
        else:
            types.append(TensorType(variable.shape, variable.dtype))
    entry = GradientEntry(
        len(listed),
        tuple(given is not None for given in grads),
        tuple(None if isinstance(variable, Array) else variable.root for variable in wanted),
        tuple(types),
    )
    node = Node(entry, tuple(inputs), entry.types)
    results = [wrap(node, port) for port in range(len(types))]
    return results if create_graph else [array(result.numpy()) for result in results]


def _heads(heads: Any, head_grads: Any) -> tuple[list[Any], list[Any]]:
    listed: Sequence[Any] = heads if isinstance(heads, list | tuple) else [heads]
    if head_grads is None:
        return list(listed), [None] * len(listed)
    grads = head_grads if isinstance(head_grads, list | tuple) else [head_grads]
    if len(grads) != len(listed):
        raise ExecutionError(f"there are {len(listed)} heads and {len(grads)} gradients of them")
    return list(listed), list(grads)


__all__ = [
    "Array", "array", "backward", "grad", "is_recording", "is_training", "mark_variables", "pause",
    "predict_mode", "record", "train_mode",
]  # fmt: skip
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
