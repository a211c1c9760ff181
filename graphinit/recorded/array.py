"""Recorded arrays: shape and dtype at once, the value when it is asked for."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np

import graphinit.functional.numpy_table  # noqa: F401  (answers NumPy's functions)
from graphinit.errors import ArrayError, ExecutionError, GradientError, OpError, ParameterError
from graphinit.interrupts import Held
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.operators import Operators
from graphinit.ir.size import Size
from graphinit.ir.tensor import Tensor, apply_all
from graphinit.ir.types import TensorType, canonical_dtype, is_float, static_shape
from graphinit.parameter import GRAD_REQS, Parameter
from graphinit.recorded.nodes import LEAF, Node, OpEntry, Ref
from graphinit.recorded.running import backward, evaluate, pending
from graphinit.recording import mode
from graphinit.spellings import TENSORS, attribute_error
from passes.shape_inference import infer_shapes
from passes.shapes.solver import resolve

KEPT = 1024
_entries: OrderedDict[Any, OpEntry] = OrderedDict()


class Array(Operators[Any]):
    """An array that remembers how it was computed.

    Within `graphinit.autograd.record` arithmetic and NumPy's functions on it are recorded and give arrays
    like it; a function for which there is no op is an error there, but for those that only look at values.
    Elsewhere it behaves as its value does, and what is computed are NumPy arrays.  Its value is computed
    when somebody asks for it: by `numpy.asarray`, `float`, `item`, printing, a decision of Python.
    ``x -= step`` outside of a recording changes an array with `attach_grad`, which keeps its gradient.

    Parameters
    ----------
    data : array
        Its value, copied.

    Examples
    --------
    >>> from graphinit import autograd
    >>> x = Array([1.0, 2.0])
    >>> x.attach_grad()
    >>> with autograd.record():
    ...     y = (x * x).sum()
    >>> y.backward()
    >>> float(y), x.grad
    (5.0, array([2., 4.], dtype=float32))
    """

    def __init__(self, data: Any) -> None:
        self._become(leaf(data), 0)

    def _become(self, node: Node, port: int) -> None:
        self._node = node
        self._port = port
        self._grad: np.ndarray | None = None
        self._grad_req = "null"
        node.held_by(self, port)

    @property
    def ref(self) -> Ref:
        """What was recorded."""
        return self._node, self._port

    # ------------------------------------------------------------------ what is known at once

    @property
    def type(self) -> TensorType:
        """Shape and dtype."""
        return self._node.types[self._port]

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return static_shape(self.type)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Its dtype."""
        return np.dtype(self.type.dtype)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array without axes has no length")
        return self.shape[0]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise attribute_error("x", name, "a recorded array", TENSORS) or AttributeError(
                f"a recorded array has no attribute {name!r}", name=name, obj=self
            )

    # ------------------------------------------------------------------ its value

    def numpy(self) -> np.ndarray:
        """Return the value, computed now if need be; it is not to be written to."""
        return evaluate(self._node, self._port)

    asnumpy = numpy

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if mode.innermost() is not None and mode.value.recorder is not None:
            _check_who_converts(sys._getframe(1))
        return np.array(self.numpy(), dtype, copy=copy)

    def item(self) -> Any:
        """Return the only value as a Python number."""
        return self.numpy().item()

    asscalar = item

    def tolist(self) -> Any:
        """Return the values as nested lists."""
        return self.numpy().tolist()

    def __float__(self) -> float:
        return float(self.numpy())

    def __int__(self) -> int:
        return int(self.numpy())

    def __bool__(self) -> bool:
        return bool(self.numpy())

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return repr(self.numpy())

    def __str__(self) -> str:
        return str(self.numpy())

    def __format__(self, spec: str) -> str:
        return format(self.numpy() if self.shape else self.item(), spec)

    def __reduce__(self) -> Any:
        """Copy and pickle value and gradient; how it was computed stays with the original."""
        return _restored, (self.numpy(), self._grad, self._grad_req)

    # ------------------------------------------------------------------ gradients

    @property
    def grad(self) -> np.ndarray | None:
        """The gradient that backward left; zeros before, None without `attach_grad`."""
        return self._grad

    def attach_grad(self, grad_req: str = "write") -> None:
        """Ask for gradients with respect to this array; what it was computed from is forgotten.

        Parameters
        ----------
        grad_req : {"write", "add", "null"}
            Whether backward overwrites the gradient, adds to it, or leaves it out.
        """
        if grad_req not in GRAD_REQS:
            raise ParameterError(f"grad_req is 'write', 'add' or 'null', not {grad_req!r}", code="GI405")
        if not is_float(self.type.dtype):
            raise ArrayError(f"an array of {self.dtype} has no gradient")
        if self._node.entry is not LEAF or self._node.wanted != (grad_req != "null"):
            self._become(leaf(self.numpy()), 0)
        self._node.wanted = grad_req != "null"
        self._grad_req = grad_req
        self._grad = np.zeros_like(self.numpy()) if self._node.wanted else None

    def take_gradients_in(self, place: np.ndarray) -> None:
        """Let gradients go to another array."""
        self._grad = place

    def accept_gradient(self, gradient: np.ndarray) -> None:
        """Take a gradient as ``grad_req`` says."""
        if self._grad is None:
            return
        if self._grad_req == "add":
            self._grad += gradient
        else:
            self._grad[...] = gradient

    def backward(self, out_grad: Any = None, retain_graph: bool = False, train_mode: bool = True) -> None:
        """Compute gradients of this array: those of parameters go to `Parameter.grad`, others to `grad`.

        Parameters
        ----------
        out_grad : array, optional
            Gradient of this array itself; ones by default.
        retain_graph : bool
            Whether it can be differentiated once more.
        train_mode : bool
            Taken for Gluon's sake; the mode is that of the recording.

        Raises
        ------
        ExecutionError
            GI501, when it was not recorded, or was differentiated before.
        """
        run_backward([self], [out_grad], retain_graph)

    def detach(self) -> Array:
        """Return the array as a constant: no gradient flows through it."""
        return record_op("stop_gradient", (self,), {})[0]

    # ------------------------------------------------------------------ arithmetic

    def __apply_op__(self, op: str, operands: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[Any, ...]:
        results = record_op(op, operands, attrs)
        return (
            results if mode.value.recorder is not None else tuple(np.array(item.numpy()) for item in results)
        )

    def operate(self, op: str, *operands: Any, **attrs: Any) -> Any:
        """Record an op; outside of a recording, return the value of its result."""
        return self.__apply_op__(op, operands, attrs)[0]

    def computes_now(self) -> bool:
        """Whether NumPy may compute with the value: outside of a recording."""
        return mode.value.recorder is None

    def _in_place(self, op: str, other: Any) -> Any:
        """Change what gradients are taken with respect to; of other arrays Python makes a new one.

        What was recorded before keeps the value that it was recorded with.
        """
        node = self._node
        if node.entry is not LEAF or not node.wanted:
            return self.operate(op, self, other)
        if mode.value.recorder is not None:
            raise GradientError(
                "an array with attach_grad() is not changed in place while it is recorded; write y = x + 1"
            )
        value = np.asarray(self.operate(op, self, other))
        if value.shape != self.shape:
            raise ArrayError(f"an array of shape {self.shape} cannot take values of shape {value.shape}")
        fresh = leaf(value.astype(self.dtype, copy=False))
        fresh.wanted = True
        self._node = fresh
        fresh.held_by(self, 0)
        return self

    def __iadd__(self, other: Any) -> Any:
        return self._in_place("add", other)

    def __isub__(self, other: Any) -> Any:
        return self._in_place("subtract", other)

    def __imul__(self, other: Any) -> Any:
        return self._in_place("multiply", other)

    def __itruediv__(self, other: Any) -> Any:
        return self._in_place("divide", other)

    def __ifloordiv__(self, other: Any) -> Any:
        return self._in_place("floor_divide", other)

    def __imod__(self, other: Any) -> Any:
        return self._in_place("remainder", other)

    def __ipow__(self, other: Any) -> Any:
        return self._in_place("power", other)

    def __imatmul__(self, other: Any) -> Any:
        return self._in_place("matmul", other)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"array of shape {self.shape}"


def leaf(data: Any) -> Node:
    """Return a node for an array that is given; lists of numbers become float32.

    Raises
    ------
    ArrayError
        GI302, when it is no array of real numbers.
    """
    array = np.array(data, order="C")
    if array.dtype.kind not in "biuf":
        raise ArrayError(f"a recorded array holds real numbers, not {array.dtype} values")
    if array.dtype == np.float64 and not hasattr(data, "dtype"):
        array = array.astype(np.float32)
    return Node(LEAF, (), (TensorType(array.shape, canonical_dtype(array.dtype)),), [array])


def _check_who_converts(frame: FrameType) -> None:
    """Raise when a function of NumPy takes values out of a recording, of arrays inside a list.

    NumPy asks an argument what to do, but not what stands in a list.  `numpy.asarray` in the user's own line
    is asked for, and what `numpy.testing` compares is only looked at.  Ufuncs leave no frame, and are missed.
    """
    name = ""
    while (module := frame.f_globals.get("__name__", "")).partition(".")[0] == "numpy":
        if module.startswith("numpy.testing"):
            return
        name = ("linalg." if ".linalg" in module else "") + frame.f_code.co_name
        if frame.f_back is None:
            break
        frame = frame.f_back
    if name:
        raise GradientError(
            f"np.{name} of a list of recorded arrays would cut their gradients; join them first, as in "
            f"np.{name}(np.stack(arrays)), or take their values, x.numpy()"
        )


def _restored(value: np.ndarray, grad: np.ndarray | None, grad_req: str) -> Array:
    array = Array(value)
    if grad is not None:
        array.attach_grad(grad_req)
        array.take_gradients_in(grad)
    return array


def wrap(node: Node, port: int = 0) -> Array:
    """Return an array that stands for a node's output."""
    array = Array.__new__(Array)
    array._become(node, port)
    if node.entry is not LEAF:
        pending().add(node)
    return array


def run_backward(heads: list[Array], head_grads: list[Any], retain_graph: bool) -> None:
    """Differentiate arrays and give wanted arrays their gradients; Ctrl-C leaves that done or not done."""
    for head in heads:
        if not isinstance(head, Array):
            raise ExecutionError(f"{type(head).__name__} was not computed within autograd.record()")
    with Held(at_once=False):
        for node, gradient in backward([head.ref for head in heads], head_grads, retain_graph):
            for holder in node.holders():
                holder.accept_gradient(gradient)


def record_op(op: str, operands: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[Array, ...]:
    """Record an op on arrays and numbers."""
    inputs: list[Ref] = []
    placed: list[Any] = []
    for operand in operands:
        if isinstance(operand, Array):
            inputs.append((operand._node, operand._port))
            placed.append(None)
        elif isinstance(operand, bool | int) or (isinstance(operand, float) and op == "power"):
            placed.append(operand)
        elif isinstance(operand, float):
            with np.errstate(over="ignore"):
                inputs.append((leaf(np.array(operand, _float_of(operands))), 0))
            placed.append(None)
        else:
            inputs.append((_given(operand), 0))
            placed.append(None)
    types = tuple(node.types[port] for node, port in inputs)
    key = (op, tuple((type(item), item) for item in placed), repr(sorted(attrs.items())), types)
    entry = _entries.get(key)
    if entry is None:
        entry = _entries[key] = OpEntry(op, tuple(placed), attrs, _result_types(op, placed, attrs, types))
        while len(_entries) > KEPT:
            _entries.popitem(last=False)
    node = Node(entry, tuple(inputs), entry.types)
    return tuple(wrap(node, port) for port in range(len(entry.types)))


def _given(operand: Any) -> Node:
    """Return a node for an operand that is not recorded; as a constant some would silently get no gradient."""
    if isinstance(operand, Parameter):
        raise ParameterError(
            f"parameter {operand.path!r} takes part in a recording inside a network's forward, not beside it",
            path=operand.path,
        )
    if isinstance(operand, Tensor | Size):
        raise OpError(
            "a recorded array takes part in a forward as an argument of the network; its value, as a constant, "
            "is x.numpy()"
        )
    return leaf(operand)


def _float_of(operands: tuple[Any, ...]) -> str:
    """Return the dtype that a Python number takes among arrays."""
    dtypes = [
        item.dtype.name for item in operands if hasattr(item, "dtype") and not isinstance(item.dtype, str)
    ]
    return next((dtype for dtype in dtypes if dtype.startswith("float")), "float32")


def _result_types(
    op: str, placed: list[Any], attrs: dict[str, Any], types: tuple[TensorType, ...]
) -> tuple[TensorType, ...]:
    builder = GraphBuilder(resolve=resolve)
    given = (Tensor(builder, builder.source("input", f"in{i}", type)) for i, type in enumerate(types))
    results = apply_all(op, *(next(given) if item is None else item for item in placed), **attrs)
    report = infer_shapes(Graph(outputs=list(results)))
    report.raise_errors()
    return tuple(report.graph.type_of(value) for value in report.graph.outputs.values())
