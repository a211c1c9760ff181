"""Parameters: named arrays whose shape may still be unknown.

A parameter climbs a ladder: declared; initialised by request but deferred, because its shape is not
known; ready, with values and (unless ``grad_req`` is "null") a gradient.  Names, arguments and
defaults are Gluon's.  Where Gluon refuses, we do better: data may be set on any rung, a failed call
changes nothing, and messages name the parameter's path.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np

from graphinit import random, recording, tracing
from graphinit.called_methods import called, refused
from graphinit.errors import (
    ArrayError,
    DeferredInitializationError,
    GradientError,
    ParameterError,
    SpellingError,
    UninitializedError,
)
from graphinit.faces import listed_face
from graphinit.initializers.base import LayerDefault, create, initializer_text
from graphinit.initializers.distributions import Uniform
from graphinit.initializers.presets import Preset
from graphinit.interrupts import Change, Held, make
from graphinit.ir.kernel import Kernel
from graphinit.ir.op import Attrs
from graphinit.ir.operators import Operators, Unread
from graphinit.ir.origin import here, warn_user
from graphinit.ir.tensor import Tensor
from graphinit.ir.types import DTYPES, TensorType, canonical_dtype, parse_shape
from graphinit.plain_text import class_name, shown
from graphinit.scalars import is_finite, real, whole
from graphinit.spellings import PARAMETERS, attribute_error
from graphinit.variable import Variable
from graphinit.wish import ShapeOf, Wish, current_shape

GRAD_REQS = ("write", "add", "null")


class Parameter(Unread, Variable, Operators[Tensor]):
    """A parameter of a network.

    Parameters
    ----------
    name : str
        Leaf name, which initializers see.
    grad_req : {"write", "add", "null"}
        Whether a backward pass overwrites the gradient, adds to it, or leaves it out.
    shape : tuple of int, optional
        Sizes, -1 for one that is not known yet; None when the rank is unknown as well.
    dtype : str
        Its dtype.
    lr_mult, wd_mult : float
        Factors on the optimiser's learning rate and weight decay.
    init : str or initializer, optional
        Its own initializer, which a block's default doesn't override.
    allow_deferred_init : bool
        Whether it may be initialised while its shape is unknown.
    differentiable : bool
        False makes `grad_req` "null" for good.
    kernel : str or Kernel, optional
        Of the weight of a layer, what its axes are: O outputs, I inputs, any other letter one that it slides
        along.  ``"OI"`` is that of `nn.Dense`, ``"OIHW"`` that of `nn.Conv2D`; `init.Kernel` says of one that
        it is transposed.  Initializers written for Keras or JAX are then asked for the order of axes that
        they know, see `init.create`; without it they see the shape as it is.

    Examples
    --------
    >>> weight = Parameter("weight", shape=(4, -1))
    >>> weight.initialize("ones")
    >>> weight
    Parameter (shape=(4, -1), dtype=float32)
    >>> weight.shape = (4, 3)
    >>> weight.settle()
    >>> weight.data().sum()
    np.float32(12.0)
    """

    running = False
    """Whether layers update it while training, as running statistics: it is a state of the network then."""

    stored = "backward"
    """When what it becomes is stored, if it is `running`: ``"backward"``, when backward or a training step has
    succeeded, or ``"forward"``, as soon as forward has."""

    def __init__(
        self,
        name: str = "weight",
        grad_req: str = "write",
        shape: Sequence[int] | int | None = None,
        dtype: Any = "float32",
        lr_mult: float = 1.0,
        wd_mult: float = 1.0,
        init: Any = None,
        allow_deferred_init: bool = True,
        differentiable: bool = True,
        kernel: str | Kernel | None = None,
    ) -> None:
        if not isinstance(name, str):
            if whole(name) is None and hasattr(name, "shape"):
                raise SpellingError(
                    "a parameter is made with its shape, and its values drawn later: write "
                    "nn.Parameter('weight', shape=shape, init=init.Constant(values))"
                )
            raise ParameterError(f"the name of a parameter is text, not {shown(name)}; its shape is shape=")
        super().__init__(name)
        self._data: np.ndarray | None = None
        self._grad: np.ndarray | None = None
        self._wish: Wish | None = None
        self._shape = None if shape is None else _numbers(shape, name)
        self._dtype = canonical_dtype(dtype)
        self.kernel = Kernel.of(kernel)
        if self.kernel is not None and self._shape is not None and len(self._shape) != len(self.kernel.axes):
            raise ParameterError(
                f"parameter {name!r} has shape {self._shape}, and its kernel other axes, {self.kernel.axes!r}"
            )
        self._differentiable = differentiable
        self._grad_req = "null"
        self.has_fresh_gradient = False
        self.is_unused = False  # whether the last recorded loss did not depend on it
        self.allow_deferred_init = allow_deferred_init
        self.lr_mult = _factor("lr_mult", lr_mult, name)
        self.wd_mult = _factor("wd_mult", wd_mult, name)
        self.init = init
        self.grad_req = grad_req

    # ------------------------------------------------------------------ what it is

    @property
    def root(self) -> Parameter:
        """The parameter that holds the values: itself, unless it is the transpose of another."""
        return self

    @property
    def T(self) -> TransposedParameter:  # type: ignore[override]  # noqa: N802  (NumPy's name)
        """The parameter transposed: for tying a layer to another whose weight is the other way round."""
        return TransposedParameter(self)

    @property
    def dtype(self) -> str:
        """Dtype name; assigning casts."""
        return self._dtype

    @dtype.setter
    def dtype(self, dtype: Any) -> None:
        self.cast(dtype)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Sizes, -1 where unknown; None when the rank is unknown.

        Assigning fills in unknown sizes; a size that is known can only be confirmed.
        """
        return self._shape

    @shape.setter
    def shape(self, shape: Sequence[int] | int) -> None:
        new = _numbers(shape, self.path)
        self.check_shape(new)
        if new != self._shape:
            with Held():
                self._note_new(new, "settled")
                self._shape = new
                self._changed()

    def check_shape(self, new: tuple[int, ...]) -> None:
        """Raise `ParameterError` (GI403) unless `new` agrees with what is known."""
        old = self._shape
        if old is None:
            return
        if len(old) != len(new) or any(have not in (-1, want) for have, want in zip(old, new, strict=True)):
            origin = f"; it was made at {self._origin}" if self._origin else ""
            raise ParameterError(
                f"shape {new} does not fit parameter {self.path!r}, which has shape {old}{origin}",
                code="GI403",
                path=self.path,
            )

    def _note_new(self, new: tuple[int, ...], how: str) -> None:
        """Say of the sizes that nobody declared what they came from: ``data file.py:3``, ``settled file.py:3``."""
        old = self._shape or (-1,) * len(new)
        notes = (*self._notes, *(None,) * (len(new) - len(self._notes)))
        words = f"{how} {here() or ''}".strip()
        self._notes = tuple(words if dim < 0 else note for dim, note in zip(old, notes, strict=False))

    @property
    def is_known(self) -> bool:
        """Whether every size is known."""
        return self._shape is not None and -1 not in self._shape

    @property
    def grad_req(self) -> str:
        """What a backward pass does to the gradient: "write", "add" or "null"."""
        return self._grad_req

    @grad_req.setter
    def grad_req(self, value: str) -> None:
        if value not in GRAD_REQS:
            raise ParameterError(
                f"grad_req is 'write', 'add' or 'null', not {value!r}", code="GI405", path=self.path
            )
        value = value if self._differentiable else "null"
        if value == self._grad_req:
            return
        if "null" in (value, self._grad_req):
            self._grad = None if value == "null" or self._data is None else np.zeros_like(self._data)
            self._changed()
        self._grad_req = value

    @property
    def type(self) -> TensorType:
        """Shape and dtype as a graph states them."""
        return TensorType(self._shape, self._dtype)

    def attrs(self) -> Attrs:
        """Return the attributes of its node."""
        own = str(self.init) if isinstance(self.init, str) else self.init
        return Attrs({"init": initializer_text(own) or own, "trainable": self._grad_req != "null"})

    def __repr__(self) -> str:
        return f"{class_name(self)} (shape={self._shape}, dtype={self._dtype})"

    requires_grad = refused("requires_grad", "write grad_req = 'null', or 'write'")
    trainable = refused("trainable", "write grad_req = 'null', or 'write'")
    value = refused("value", "write weight.data(), and weight.set_data(values)")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            error = attribute_error("", name, "a parameter", PARAMETERS)
            if error is not None:
                raise error
            return object.__getattribute__(self, name)

    # ------------------------------------------------------------------ values

    def _not_ready(self) -> UninitializedError:
        if self._wish is not None:
            return DeferredInitializationError(
                f"parameter {self.path!r} of shape {self._shape} waits for its shape; run the network once, call "
                "infer_shape, or state its input size (in_units=, in_channels=)",
                path=self.path,
            )
        return UninitializedError(
            f"parameter {self.path!r} has not been initialised; call initialize() on it or on its network, "
            "or set_data()",
            path=self.path,
        )

    def check_initialized(self) -> None:
        """Raise `UninitializedError` unless it has values."""
        if self._data is None:
            raise self._not_ready()

    @called("weight.set_data(values), or weight.data()[:] = values")
    def data(self) -> np.ndarray:
        """Return the live array: writing into it changes the network.

        While a network is described, this is the parameter's symbolic tensor.

        Returns
        -------
        numpy.ndarray

        Raises
        ------
        UninitializedError
            GI401 when nobody initialised it, GI402 (`DeferredInitializationError`) when it waits
            for its shape.
        """
        if tracing.current() is not None:
            symbolic: Any = self.__symbolic__()
            return symbolic  # type: ignore[no-any-return]  # most callers are outside of forward
        if self._data is None:
            raise self._not_ready()
        return self._data

    def __symbolic__(self) -> Tensor:
        trace = tracing.current()
        if trace is None:
            raise ParameterError(
                f"parameter {self.path!r} stands for a tensor only while its network is described, "
                "in forward; elsewhere data() is its array",
                path=self.path,
            )
        return trace.parameter(self)

    @called("weight.grad()[:] = values")
    def grad(self) -> np.ndarray:
        """Return the live gradient; zeros before the first backward pass.

        Raises
        ------
        UninitializedError
            As `data`.
        GradientError
            GI406, when ``grad_req`` is "null".
        """
        self.check_initialized()
        if self._grad_req == "null":
            raise GradientError(
                f"parameter {self.path!r} has grad_req='null', so no gradient", path=self.path
            )
        if self._grad is None:
            self._grad = np.zeros_like(self.data())
        return self._grad

    def zero_grad(self) -> None:
        """Set the gradient to zero, where there is one."""
        if self._grad is not None:
            self._grad[...] = 0

    def set_data(self, data: Any) -> None:
        """Give the parameter its values; on any rung of the ladder.

        Parameters
        ----------
        data : array
            Values; their shape is evidence for the network's, their dtype is cast.

        Raises
        ------
        ParameterError
            GI403, when the shape doesn't fit; nothing is changed.
        ArrayError
            GI302, when it is no array of numbers.
        """
        array = self.as_array(data)
        self.check_shape(array.shape)
        recording.settle_pending()
        make([self.taking(array, self._dtype)])

    def assign(self, data: Any) -> Self:
        """Give the parameter its values, as `set_data` does, and return it: Keras's name.

        Examples
        --------
        >>> Parameter(shape=(2,)).assign([1, 2]).data()
        array([1., 2.], dtype=float32)
        """
        self.set_data(data)
        return self

    def taking(self, value: Wish | np.ndarray, dtype: str) -> Change:
        """Return what gives the parameter values of a shape that fits, or a wish, and a dtype.

        Everything that can fail, casts that warn and new memory, is done before it returns.
        """
        cast = self.casting(dtype)
        if isinstance(value, Wish):
            wish = value

            def take() -> None:
                cast()
                self.commit(wish)

            return take
        array = np.array(value, dtype, order="C") if self._data is None else np.asarray(value, dtype)

        def take_values() -> None:
            cast()
            if self._data is None:
                self._become(array)
            else:
                self._data[...] = array

        return take_values

    def as_array(self, data: Any) -> np.ndarray:
        """Return data as an array of real numbers; `ArrayError` (GI302) when it is none."""
        return as_real_array(data, self.path)

    def _become(self, data: np.ndarray) -> None:
        """Take `data` as the values, at the top of the ladder."""
        known = self._shape == data.shape
        if not known:
            self._note_new(data.shape, "data")
        self._data = data
        self._shape = data.shape
        self._grad = None
        self._wish = None
        self.has_fresh_gradient = False
        if not known:
            self._changed()

    # ------------------------------------------------------------------ initialisation

    def initialize(
        self,
        init: Any = None,
        default_init: Any = None,
        force_reinit: bool = False,
        seed: int | None = None,
        *,
        device: Any = None,
        ctx: Any = None,
    ) -> None:
        """Draw the first values, now or as soon as the shape is known.

        Parameters
        ----------
        init : str or initializer, optional
            What draws them; wins over the parameter's own initializer.
        default_init : str or initializer, optional
            What draws them when neither is given; by default U[-0.07, 0.07].
        force_reinit : bool
            Draw again what has values already.
        seed : int, optional
            By default the next of the sequence that `graphinit.random.seed` starts, so that a second call
            draws other values.
        device, ctx : object
            Taken for Gluon's sake; everything lives in main memory.

        Warns
        -----
        UserWarning
            When it has values already and `force_reinit` is not set.

        Raises
        ------
        ParameterError
            GI405, when the initializer is none, or the shape unknown where deferring is not allowed.
        """
        with random.CallSeed(seed) as numbered:
            planned = self.plan(init, default_init, force_reinit, numbered)
            if planned is not None:
                make([partial(self.commit, planned), numbered.keep])

    def plan(
        self, init: Any, default_init: Any, force_reinit: bool, seed: random.CallSeed
    ) -> Wish | np.ndarray | None:
        """Return what `initialize` would do, without doing it: values, a wish, or None for nothing.

        The seed is read when there is something to do.
        """
        if self._data is not None and not force_reinit:
            warn_user(
                f"Parameter '{self.name}' is already initialized, ignoring. "
                "Set force_reinit=True to re-initialize."
            )
            return None
        own = self.init
        if isinstance(default_init, Preset) and isinstance(own, LayerDefault):
            own = None
        chosen = next((item for item in (init, own, default_init) if item is not None), None)
        wish = Wish(
            Uniform() if chosen is None else create(chosen),
            seed.number,
            self.path,
        )
        if not self.allow_deferred_init and not self.is_known:
            raise ParameterError(
                f"parameter {self.path!r} has shape {self._shape} and does not allow deferred "
                "initialisation; state its sizes",
                code="GI405",
                path=self.path,
            )
        values = wish.granted(self, current_shape)
        return wish if values is None else values

    def commit(self, planned: Wish | np.ndarray | None) -> None:
        """Do what `plan` returned."""
        if isinstance(planned, Wish):
            with Held():
                self._wish, self._data, self._grad = planned, None, None
                self.has_fresh_gradient = False
        elif planned is not None:
            with Held():
                self._become(planned)

    def drawn(self, shape_of: ShapeOf = current_shape) -> np.ndarray | None:
        """Return the values of a parameter that waits, if these shapes are what it waits for."""
        return None if self._wish is None else self._wish.granted(self, shape_of)

    def settle(self) -> None:
        """Draw the values of a deferred parameter whose shape has become known."""
        self.commit(self.drawn())

    @property
    def is_waiting(self) -> bool:
        """Whether it was initialised by request and waits for its shape."""
        return self._wish is not None

    @property
    def wish(self) -> Wish | None:
        """The initialisation that it waits for."""
        return self._wish

    def cast(self, dtype: Any) -> None:
        """Change the dtype, of values and gradient too."""
        make([self.casting(dtype)])

    def casting(self, dtype: Any) -> Change:
        """Return what changes the dtype; the new values are there before it returns."""
        name = canonical_dtype(dtype)
        if name == self._dtype:
            return _nothing
        data = None if self._data is None else self._data.astype(name)
        grad = None if self._grad is None else self._grad.astype(name)

        def take() -> None:
            self._dtype, self._data, self._grad = name, data, grad
            self._changed()

        return take

    # ------------------------------------------------------------------ for the executor and for blocks

    def accept_gradient(self, gradient: np.ndarray) -> None:
        """Take a gradient as ``grad_req`` says: overwrite, add, or leave it."""
        if self._grad_req == "null":
            return
        place = self.grad() if self._grad is None else self._grad
        if self._grad_req == "write":
            place[...] = gradient
        else:
            place[...] += gradient
        self.has_fresh_gradient = True

    def store(self, data: np.ndarray) -> None:
        """Take new values from a run, as running statistics do."""
        self.data()[...] = data

    # ------------------------------------------------------------------ in a forward: a tensor

    def operate(self, op: str, *operands: Any, **attrs: Any) -> Tensor:
        """Apply an op to its symbolic tensor."""
        return self.__symbolic__().operate(op, *operands, **attrs)

    def fail(self) -> NoReturn:
        """Raise, because Python asked for its value."""
        self.__symbolic__().fail()

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.__symbolic__().__array__()

    def __bool__(self) -> bool:
        return True  # there is one: layers without a bias have None

    def __eq__(self, other: object) -> Any:
        return super().__eq__(other) if self._is_compared(other) else NotImplemented

    def __ne__(self, other: object) -> Any:
        return super().__ne__(other) if self._is_compared(other) else NotImplemented

    __hash__ = Operators.__hash__

    def _is_compared(self, other: object) -> bool:
        """Whether ``==`` asks for values: outside a forward parameters are told apart as objects are."""
        if tracing.current() is not None:
            return True
        given = isinstance(other, int | float | list | tuple | np.ndarray | np.generic | Operators)
        return given and not isinstance(other, Parameter)


class TransposedParameter(Parameter):
    """A parameter seen with its axes reversed; the values are those of the other one.

    Assigned to a layer it ties the two: ``output.weight = embedding.weight.T``.

    Parameters
    ----------
    base : Parameter
        The parameter that holds the values.

    Examples
    --------
    >>> weight = Parameter("weight", shape=(2, 3))
    >>> weight.initialize("zeros")
    >>> weight.T.data()[2, 0] = 7
    >>> weight.data()
    array([[0., 0., 7.],
           [0., 0., 0.]], dtype=float32)
    """

    def __init__(self, base: Parameter) -> None:
        self._base = base
        super().__init__(base.name, base.grad_req, None, base.dtype)

    @property
    def root(self) -> Parameter:
        """The parameter that holds the values."""
        return self._base.root

    @property
    def T(self) -> Any:  # noqa: N802
        """The parameter itself."""
        return self._base

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The other's shape, reversed."""
        shape = self._base.shape
        return None if shape is None else shape[::-1]

    @shape.setter
    def shape(self, shape: Sequence[int] | int) -> None:
        self._base.shape = _numbers(shape, self.path)[::-1]

    def check_shape(self, new: tuple[int, ...]) -> None:
        """Raise `ParameterError` (GI403) unless `new`, reversed, agrees with what is known."""
        self._base.check_shape(new[::-1])

    @property
    def dtype(self) -> str:
        """The other's dtype."""
        return self._base.dtype

    @dtype.setter
    def dtype(self, dtype: Any) -> None:
        self.cast(dtype)

    @property
    def grad_req(self) -> str:
        """The other's request."""
        return self._base.grad_req

    @grad_req.setter
    def grad_req(self, value: str) -> None:
        self._base.grad_req = value

    @called("weight.set_data(values), or weight.data()[:] = values")
    def data(self) -> np.ndarray:
        """Return the live array, transposed: a view that can be written to."""
        if tracing.current() is not None:
            symbolic: Any = self.__symbolic__()
            return symbolic  # type: ignore[no-any-return]  # most callers are outside of forward
        return self._base.data().T

    @called("weight.grad()[:] = values")
    def grad(self) -> np.ndarray:
        """Return the live gradient, transposed."""
        return self._base.grad().T

    def __symbolic__(self) -> Tensor:
        trace = tracing.current()
        base = self._base.__symbolic__()
        return base.T if trace is None else trace.transposed(self, base)

    def set_data(self, data: Any) -> None:
        """Give the other its values, transposed."""
        self._base.set_data(self.as_array(data).T)

    def zero_grad(self) -> None:
        """Set the gradient to zero."""
        self._base.zero_grad()

    def casting(self, dtype: Any) -> Change:
        """Return what changes the other's dtype."""
        return self._base.casting(dtype)

    def plan(
        self, init: Any, default_init: Any, force_reinit: bool, seed: random.CallSeed
    ) -> Wish | np.ndarray | None:
        """Plan the other's values: they are drawn the way it stands."""
        return self._base.plan(init, default_init, force_reinit, seed)

    def commit(self, planned: Wish | np.ndarray | None) -> None:
        """Do what `plan` returned."""
        self._base.commit(planned)

    def adopt(self, owner: Any) -> None:
        """Note a block that uses the parameter; changes of the other concern it too."""
        super().adopt(owner)
        self._base.adopt(owner)

    def leave(self, owner: Any) -> None:
        """Forget a block that uses the parameter no more."""
        super().leave(owner)
        self._base.leave(owner)


def as_real_array(data: Any, path: str) -> np.ndarray:
    """Return what a parameter is to take as an array of real numbers; `ArrayError` (GI302) when it is none."""
    if isinstance(data, Parameter):
        data = data.data()
    try:
        array = np.asarray(data)
    except Exception as cause:  # what is no array says so in its own way
        raise ArrayError(f"parameter {path!r} takes an array of real numbers: {cause}", path=path) from cause
    if array.dtype.kind not in "biuf" or array.dtype.name not in DTYPES:
        raise ArrayError(
            f"parameter {path!r} takes an array of real numbers, not {array.dtype} values",
            path=path,
        )
    return array


def _nothing() -> None:
    """Change nothing."""


def _factor(name: str, value: Any, path: str) -> float:
    """Return a factor on a hyperparameter; `ParameterError` (GI405) when it is no finite number."""
    number = real(value)
    if number is None or not is_finite(number):
        raise ParameterError(f"{name} is a finite number, not {shown(value)}", path=path)
    return number


def _numbers(shape: Any, path: str) -> tuple[int, ...]:
    sizes = parse_shape(shape)
    for size in sizes:
        if not isinstance(size, int):
            raise ParameterError(
                f"parameter {path!r} has numbers or -1 for sizes, not {size}", code="GI405", path=path
            )
    return tuple(size for size in sizes if isinstance(size, int))


__all__ = [
    "GRAD_REQS",
    "Parameter",
    "TransposedParameter",
]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
