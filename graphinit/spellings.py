"""Names of other frameworks, and what is written here in their place.

What works the same way has the same name here, or takes both.  The rest is refused with words: a table for
each kind of thing says what to write, and is looked into only when a name was not found.

>>> attribute_error("x", "norm", "a tensor", TENSORS).message
'a tensor has no norm here; write F.sqrt(F.sum(F.square(x)))'
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from graphinit.errors import SpellingError

FUNCTIONS: set[str] = set()
"""The names in `graphinit.functional`, which fills them in."""

FREEZING = 'write net.collect_params().setattr("grad_req", "null")'
_NO_DEVICE = "leave it out: everything lives in main memory"
_NO_VALUE = (
    "it has no value while its network is described: compare the tensor itself, in F.while_loop or F.cond"
)
_NO_MODE = "leave it out: networks train in autograd.record, compile_step and fit, and predict when called"

TENSORS: Mapping[str, str] = {
    "norm": "write F.sqrt(F.sum(F.square(x)))",
    "swapaxes": "write F.swapaxes(x, axis, other)",
    "masked_fill": "write F.where(mask, value, x)",
    "contiguous": "leave it out",
    "dot": "write x @ y",
    "mm": "write x @ y",
    "matmul": "write x @ y",
    "view": "write x.reshape(shape)",
    "permute": "write x.transpose(axes)",
    "t": "write x.T",
    "size": "write x.shape",
    "dim": "write x.ndim",
    "unsqueeze": "write F.expand_dims(x, axis)",
    "detach": "write F.stop_gradient(x)",
    "float": 'write x.astype("float32")',
    "item": _NO_VALUE,
    "asscalar": _NO_VALUE,
    "asnumpy": _NO_VALUE,
    "numpy": _NO_VALUE,
    "tolist": _NO_VALUE,
    "cpu": _NO_DEVICE,
    "cuda": _NO_DEVICE,
    "to": _NO_DEVICE,
    "as_in_context": _NO_DEVICE,
    "as_in_ctx": _NO_DEVICE,
}
"""Of tensors in `forward`, and of recorded arrays, which have some of them."""

BLOCKS: Mapping[str, str] = {
    "name_scope": "leave it out: parameters are named by their place, as in 0.weight",
    "prefix": "parameters are named by their place, net.path, as in 0.weight",
    "layers": "write net[0], or list(net)",
    "weights": "write net.collect_params(), or net[0].weight",
    "trainable_weights": "write net.collect_params()",
    "get_weights": "write [parameter.data() for parameter in net.parameters()]",
    "set_weights": "write parameter.set_data(values), or net.load_dict(arrays by path)",
    "state_dict": "write net.collect_params(), or net.save_parameters(filename)",
    "load_state_dict": "write net.load_dict(arrays by path), or net.load_parameters(filename)",
    "save_params": "write net.save_parameters(filename)",
    "load_params": "write net.load_parameters(filename)",
    "add_module": "write net.register_child(block, name)",
    "register_parameter": "write self.weight = nn.Parameter('weight', shape=shape)",
    "fit": "write graphinit.fit(net, loss, data, optimizer=...)",
    "evaluate": "write graphinit.evaluate(net, loss, data)",
    "predict": "write net(x)",
    "compile": "write graphinit.compile_step(net, loss, optimizer), or graphinit.fit",
    "append": "write net.add(layer)",
    "extend": "write net.add(*layers)",
    "insert": "make another container: nn.Sequential(*net[:i], layer, *net[i:])",
    "pop": "make another container: net[:-1]",
    "children": "write list(net), for the layers of a container",
    "modules": "write net.apply(function), which visits every block",
    "register_buffer": "write self.value = nn.Constant(value)",
    "init": "write net.initialize(), and net(x)",
    "build": "write net.infer_shape(shape)",
    "requires_grad_": FREEZING,
    "freeze": FREEZING,
    "count_params": "write net.summary(x)",
    "half": "write net.cast('float16')",
    "float": "write net.cast('float32')",
    "double": "write net.cast('float64')",
    "train": _NO_MODE,
    "eval": _NO_MODE,
    "to": _NO_DEVICE,
    "cpu": _NO_DEVICE,
    "cuda": _NO_DEVICE,
    "reset_ctx": _NO_DEVICE,
    "reset_device": _NO_DEVICE,
}

PARAMETERS: Mapping[str, str] = {
    "list_data": "write weight.data()",
    "list_grad": "write weight.grad()",
    "list_ctx": _NO_DEVICE,
    "reset_ctx": _NO_DEVICE,
    "numpy": "write weight.data()",
    "asnumpy": "write weight.data()",
    "var": "a parameter is a tensor in forward by itself",
    "item": "write weight.data().item()",
    "clone": "write weight.data().copy()",
    "detach": "write weight.data()",
    "numel": "write weight.data().size",
    "size": "write weight.shape",
    "copy_": "write weight.set_data(values)",
    "fill_": "write init.constant_(weight, value)",
    "zero_": "write init.zeros_(weight)",
    "normal_": "write init.normal_(weight, mean, std)",
    "uniform_": "write init.uniform_(weight, low, high)",
    "assign_add": "write weight.data()[:] += values",
    "assign_sub": "write weight.data()[:] -= values",
    "requires_grad_": "write weight.grad_req = 'null', or 'write'",
    "to": _NO_DEVICE,
    "cpu": _NO_DEVICE,
    "cuda": _NO_DEVICE,
}

PARAMETER_DICTS: Mapping[str, str] = {
    "get_constant": "write self.weight = nn.Constant(value)",
    "save": "write net.save_parameters(filename)",
    "load": "write net.load_parameters(filename)",
    "reset_ctx": _NO_DEVICE,
    "list_ctx": _NO_DEVICE,
    "prefix": "parameters are named by their place, as in 0.weight",
}

ARRAYS: Mapping[str, str] = {
    "asnumpy": "it is a NumPy array already: leave it out",
    "numpy": "it is a NumPy array already: leave it out",
    "asscalar": "write data.item()",
    "norm": "write np.linalg.norm(data)",
    "normal_": "write data[:] = np.random.normal(mean, std, data.shape)",
    "uniform_": "write data[:] = np.random.uniform(low, high, data.shape)",
    "fill_": "write data[:] = value",
    "zero_": "write data[:] = 0",
}
"""Of the arrays that initializers fill."""


def attribute_error(name_of: str, name: str, what: str, table: Mapping[str, str]) -> SpellingError | None:
    """Return the error for a name of another framework; None when it is none.

    Parameters
    ----------
    name_of : str
        What an expression of the thing looks like, as in ``F.exp(x)``; "" where functions don't take it.
    name : str
        The attribute that was not found.
    what : str
        What it was looked for in, in words.
    table : mapping from str to str
        What to write in place of names.
    """
    words = table.get(name)
    if words is None and name_of and name in FUNCTIONS:
        words = f"write F.{name}({name_of})"
    return None if words is None else SpellingError(f"{what} has no {name} here; {words}")


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Say what to write when an initializer asks its array for a method that NumPy's arrays don't have.

    Parameters
    ----------
    path : str
        The parameter that is drawn.

    Raises
    ------
    SpellingError
        GI110, with the path.
    """
    try:
        yield
    except AttributeError as error:
        name = error.name
        if not isinstance(error.obj, np.ndarray) or name is None:
            raise
        words = ARRAYS.get(name)
        if words is None and not name.startswith("_") and callable(getattr(np, name, None)):
            words = f"write np.{name}(data)"
        if words is None:
            raise
        raise SpellingError(f"a NumPy array has no {name}; {words}", path=path) from error
