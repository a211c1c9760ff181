"""Recorded arrays: shape and dtype at once, the value when it is asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, cast

import numpy as np

from graphinit.errors import ArrayError, ExecutionError, ParameterError
from graphinit.interrupts import Held
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.tensor import Tensor, apply, apply_all
from graphinit.ir.types import TensorType, canonical_dtype, is_float, static_shape
from graphinit.parameter import GRAD_REQS, Parameter
from graphinit.recorded.nodes import LEAF, Node, OpEntry, Ref
from graphinit.recorded.running import backward, evaluate, pending
from graphinit.recording import mode
from passes.shape_inference import infer_shapes
from passes.shapes.solver import resolve

KEPT = 1024
_entries: OrderedDict[Any, OpEntry] = OrderedDict()


def _values(item: Any) -> Any:
    """Return nested arguments with values in place of recorded arrays."""
    if isinstance(item, Array):
        return item.numpy()
    if isinstance(item, list | tuple):
        return type(item)(map(_values, item))
    if isinstance(item, dict):
        return {key: _values(value) for key, value in item.items()}
    return item


class Array:
    """An array that remembers how it was computed.

    Within `graphinit.autograd.record` arithmetic on it is recorded and gives arrays like it; elsewhere it
    behaves as its value does, and arithmetic gives NumPy arrays.  Its value is computed when somebody
    asks for it: by `numpy.asarray`, `float`, `item`, printing, a comparison in Python.

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

    __array_ufunc__ = None  # a NumPy array on the left leaves the operator to us

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

    # ------------------------------------------------------------------ its value

    def numpy(self) -> np.ndarray:
        """Return the value, computed now if need be; it is not to be written to."""
        return evaluate(self._node, self._port)

    asnumpy = numpy

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.numpy(), dtype, copy=copy)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Let NumPy's functions, such as `numpy.mean`, work on values; nothing is recorded."""
        return function(*_values(args), **_values(kwargs))

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

    def __add__(self, other: Any) -> Any:
        return apply("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return apply("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return apply("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return apply("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return apply("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return apply("multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return apply("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return apply("divide", other, self)

    def __pow__(self, other: Any) -> Any:
        return apply("power", self, other)

    def __rpow__(self, other: Any) -> Any:
        return apply("power", other, self)

    def __matmul__(self, other: Any) -> Any:
        return apply("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return apply("matmul", other, self)

    def __neg__(self) -> Any:
        return apply("negative", self)

    def __abs__(self) -> Any:
        return apply("abs", self)

    def __eq__(self, other: object) -> Any:
        return apply("equal", self, other)

    def __ne__(self, other: object) -> Any:
        return apply("not_equal", self, other)

    def __lt__(self, other: Any) -> Any:
        return apply("less", self, other)

    def __le__(self, other: Any) -> Any:
        return apply("less_equal", self, other)

    def __gt__(self, other: Any) -> Any:
        return apply("greater", self, other)

    def __ge__(self, other: Any) -> Any:
        return apply("greater_equal", self, other)

    __hash__ = object.__hash__

    def __getitem__(self, index: Any) -> Any:
        return Tensor.__getitem__(cast(Tensor, self), index)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"array of shape {self.shape}"

    @property
    def T(self) -> Any:  # noqa: N802  (NumPy's name)
        """The array with its axes reversed."""
        return apply("transpose", self)

    def reshape(self, *shape: Any) -> Any:
        """Return the same values in another shape; one entry may be -1."""
        return apply(
            "reshape", self, shape=shape[0] if shape and isinstance(shape[0], tuple | list) else shape
        )

    def astype(self, dtype: Any) -> Any:
        """Return the values in another dtype."""
        return apply("cast", self, dtype=canonical_dtype(dtype))

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Sum over axes."""
        return apply("sum", self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Mean over axes."""
        return apply("mean", self, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Greatest value over axes."""
        return apply("max", self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Least value over axes."""
        return apply("min", self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Index of the greatest value along an axis."""
        return apply("argmax", self, axis=axis, keepdims=keepdims)


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
        if isinstance(operand, Parameter):  # as a constant it would silently get no gradient
            raise ParameterError(
                f"parameter {operand.path!r} takes part in a recording inside a network's forward, not beside it",
                path=operand.path,
            )
        if isinstance(operand, Array):
            inputs.append(operand.ref)
            placed.append(None)
        elif isinstance(operand, bool | int) or (isinstance(operand, float) and op == "power"):
            placed.append(operand)
        elif isinstance(operand, float):
            inputs.append((leaf(np.array(operand, _float_of(operands))), 0))
            placed.append(None)
        else:
            inputs.append((leaf(operand), 0))
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
