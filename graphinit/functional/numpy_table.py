"""NumPy's functions on tensors, recorded arrays and parameters: one table, and what answers from it.

``MEANINGS`` has, for each function and ufunc of NumPy for which there is an op or a composition of them, a
function with NumPy's own arguments.  What only looks at values and gives nothing that could carry a gradient
is in ``LOOKING``: it works on the values of recorded arrays.  Every other function is an error that says what
to write, because its result would cut the gradient without a word.  Outside of a recording a recorded array
is what it holds, and NumPy computes with that.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

import numpy as np

from graphinit.errors import GraphInitError, OpError
from graphinit.ir.joining import all_or_nothing
from graphinit.ir.operators import Arithmetic, answer_numpy_with
from graphinit.ir.tensor import apply, symbolic

Function = TypeVar("Function", bound=Callable[..., Any])

MEANINGS: dict[Any, Callable[..., Any]] = {}
"""For each function of NumPy what it means here."""


@dataclass(frozen=True)
class Refused:
    """The default of an argument that NumPy's function has and ours has not.

    Parameters
    ----------
    *harmless : object
        Values that may be given all the same, as they change nothing.
    """

    harmless: tuple[Any, ...] = ()

    def allows(self, given: Any) -> bool:
        """Whether a value may be given."""
        return given is None or any(type(given) is type(item) and given == item for item in self.harmless)


REFUSED: Any = Refused()
WHERE: Any = Refused((True,))
ORDER: Any = Refused(("C", "K", "A"))
CASTING: Any = Refused(("same_kind", "safe", "unsafe"))
FLAG: Any = Refused((True, False))
ROWS: Any = Refused(("C",))
RAISE: Any = Refused(("raise",))
OPTIMIZE: Any = Refused((True, False, "greedy", "optimal"))


def meaning(*functions: Any) -> Callable[[Function], Function]:
    """Return a decorator that enters a function as the meaning of some of NumPy's."""

    def enter(function: Function) -> Function:
        MEANINGS.update(dict.fromkeys(functions, function))
        return function

    return enter


def newer(*names: str) -> list[Any]:
    """Return the functions of NumPy that this version has."""
    return [getattr(np, name) for name in names if hasattr(np, name)]


LOOKING = {
    # truth values and text about values
    np.allclose, np.array_equal, np.array_equiv, np.isclose, np.isin, np.array2string, np.array_repr,
    np.array_str, np.shares_memory, np.may_share_memory, np.iscomplex, np.isreal, np.isneginf, np.isposinf,
    np.signbit,
    # positions and counts, which change in steps: there is no gradient
    np.argsort, np.argpartition, np.argwhere, np.nonzero, np.flatnonzero, np.lexsort, np.searchsorted,
    np.digitize, np.bincount, np.histogram, np.nanargmax, np.nanargmin,
    # files
    np.save, np.savez, np.savez_compressed, np.savetxt,
}  # fmt: skip
"""Functions that only look at values; what they return could not carry a gradient."""

_REDUCTIONS = {
    np.add: "F.sum", np.multiply: "F.prod", np.maximum: "F.max", np.minimum: "F.min",
    np.logical_and: "F.all", np.logical_or: "F.any",
}  # fmt: skip

HINTS: dict[Any, str] = {
    **dict.fromkeys(
        (np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis, np.compress, np.extract,
         np.piecewise, np.delete, np.insert),
        "F.where chooses by element",
    ),
    np.choose: "F.where or F.pick choose by element",
    **dict.fromkeys((np.convolve, np.correlate), "F.conv convolves"),
    **dict.fromkeys((np.apply_along_axis, np.vectorize), "F.scan repeats a function along an axis"),
    np.lib.stride_tricks.sliding_window_view: "F.conv, F.max_pool and F.avg_pool see windows",
    np.logaddexp2: "F.logsumexp adds exponentials",
    np.interp: "F.resample interpolates images",
    np.resize: "F.reshape, F.tile and F.pad change shapes",
    np.linalg.solve: "F.matmul multiplies matrices",
}  # fmt: skip
"""What to use instead of functions that have no meaning here."""


def title(function: Any, method: str = "__call__") -> str:
    """Return what people call a function: ``np.linalg.norm``, ``np.add.reduce``."""
    module = getattr(function, "__module__", None) or "numpy"
    name = f"{module}.{function.__name__}".replace("numpy", "np", 1)
    return name if method == "__call__" else f"{name}.{method}"


def answer(function: Any, method: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return what a function of NumPy gives for arguments among which are tensors and the like.

    Raises
    ------
    OpError
        GI105, when there is no op for it, or for one of the arguments.
    """
    found = [*_operands(args), *_operands(tuple(options.values()))]
    symbols = [item for item in found if not hasattr(item, "numpy")]
    looks = method == "__call__" and function in LOOKING
    if not symbols and (looks or all(item.computes_now() for item in found)):
        _refuse_out(function, method, options)
        return getattr(function, method)(*_values(args), **_values(options))
    known = MEANINGS.get(function) if method == "__call__" else None
    if known is None:
        _refuse(function, method, symbols)
    args, options = _symbolic(args), _symbolic(options)
    builders = {item.builder: None for item in _operands((args, options)) if hasattr(item, "builder")}
    with all_or_nothing(*builders):  # a composition may fail when some of it has been added
        return _call(title(function), known, args, options)


answer_numpy_with(answer)


def _call(name: str, known: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    signature = _signature(known)
    try:
        bound = signature.bind(*args, **options)
    except TypeError as cause:
        takes = ", ".join(
            each.name for each in signature.parameters.values() if not isinstance(each.default, Refused)
        )
        raise OpError(f"{name} on tensors and recorded arrays takes {takes}: {cause}") from cause
    for key, given in list(bound.arguments.items()):
        default = signature.parameters[key].default
        if isinstance(default, Refused):
            if not (given is np._NoValue or default.allows(given)):
                raise OpError(f"{name} has no {key}= on tensors and recorded arrays; leave it out")
            del bound.arguments[key]
        elif given is np._NoValue:
            del bound.arguments[key]
    try:
        return known(*bound.args, **bound.kwargs)
    except GraphInitError:
        raise
    except (TypeError, ValueError, IndexError) as cause:  # an axis that is none, sizes that are text
        raise OpError(f"{name}: {' '.join(str(cause).split())}") from cause


_signature = lru_cache(maxsize=None)(inspect.signature)


def _refuse(function: Any, method: str, symbols: list[Any]) -> NoReturn:
    name = title(function, method)
    if method == "__call__":
        hint = HINTS.get(function, "there is no function of F for it")
    else:
        hint = f"use {_REDUCTIONS[function]}" if method == "reduce" and function in _REDUCTIONS else (
            "the methods of ufuncs have none; write it with functions of F"
        )  # fmt: skip
    if symbols:
        where = f"{symbols[0]!r} has no value while the network is described"
    else:
        where = "x.numpy() is a recorded array's value, x.detach() the array without its gradient"
    raise OpError(f"{name} would not be part of the graph: {hint}; {where}")


def _refuse_out(function: Any, method: str, options: dict[str, Any]) -> None:
    """Raise when NumPy would write into the value of a recorded array."""
    for _ in _operands((options.get("out"),)):
        raise OpError(f"{title(function, method)} cannot write into a recorded array; take what it returns")


def _operands(value: Any) -> Iterator[Any]:
    """Give the tensors, recorded arrays, parameters and sizes among arguments."""
    if isinstance(value, Arithmetic):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _operands(item)
    elif isinstance(value, dict):
        yield from _operands(tuple(value.values()))


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return nested arguments with the operands changed."""
    if isinstance(value, Arithmetic):
        return change(value)
    if isinstance(value, list | tuple):
        items = [_mapped(item, change) for item in value]
        return value._make(items) if hasattr(value, "_make") else type(value)(items)
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in value.items()}
    return value


def _values(value: Any) -> Any:
    return _mapped(value, lambda item: item.numpy())


def _symbolic(value: Any) -> Any:
    return _mapped(value, symbolic)


# ---------------------------------------------------------------------- what meanings ask of operands


def shape_of(x: Any) -> Any:
    """Return the shape of a tensor, an array or a number; its sizes may be unknown."""
    return x.shape if hasattr(x, "shape") else () if isinstance(x, Arithmetic) else np.shape(x)


def rank_of(x: Any) -> int:
    """Return the number of axes."""
    return len(shape_of(x))


def dtype_of(x: Any) -> str | None:
    """Return the dtype by name, None when it is not settled yet."""
    dtype = x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype
    return None if dtype is None else np.dtype(dtype).name


def is_floating(x: Any) -> bool:
    """Whether numbers may have fractions; what is not settled yet may."""
    dtype = dtype_of(x)
    return dtype is None or dtype.startswith("float")


def typed(x: Any, dtype: Any) -> Any:
    """Return an operand in a dtype, as it is for None."""
    return x if dtype is None else apply("cast", x, dtype=dtype)


def axis_of(axis: Any, rank: int) -> int:
    """Return an axis counted from the front."""
    if not -rank <= axis < rank:
        raise OpError(f"there is no axis {axis}: there are {rank}")
    return int(axis) % rank
