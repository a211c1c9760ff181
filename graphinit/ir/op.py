"""Ops: one record each, and the registry that holds them.

Everything that the compiler knows of an op stands in its `OpSpec`: what it takes and gives (the
signature, which is also its shape rule), how NumPy computes it, its gradient, its cost, its doc.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from graphinit.errors import GraphInitError, OpError
from graphinit.ir.dims import Dim, Expr
from graphinit.ir.moves import Move
from graphinit.ir.signature import Signature
from graphinit.ir.source_text import literal
from graphinit.ir.types import TensorType
from graphinit.plain_text import escaped
from graphinit.suggestions import did_you_mean

REQUIRED: Any = object()

MOST_OUTPUTS = 100_000
"""Outputs of one op, and of one graph."""


class Literal:
    """An array as an attribute: hashable, compared by contents, never written to.

    Parameters
    ----------
    array : numpy.ndarray
        The values; copied, and marked read-only.
    """

    __slots__ = ("_key", "array")

    def __init__(self, array: np.ndarray) -> None:
        self.array = np.array(array, order="C")
        self.array.flags.writeable = False
        self._key = (self.array.dtype.str, self.array.shape, self.array.tobytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __copy__(self) -> Literal:
        return self

    def __deepcopy__(self, memo: Any) -> Literal:
        return self

    def __reduce__(self) -> Any:
        return Literal, (self.array,)  # read-only again

    def __repr__(self) -> str:
        return f"<{self.array.dtype}{list(self.array.shape)}>"


class Attrs(Mapping[str, Any]):
    """The attributes of a node: an immutable, hashable mapping in order of name."""

    __slots__ = ("_hash", "_items", "_kinds")

    def __init__(self, items: Mapping[str, Any] | None = None) -> None:
        self._items: dict[str, Any] = dict(sorted(items.items())) if items else {}
        self._hash: int | None = None
        self._kinds: Any = None

    def __getitem__(self, name: str) -> Any:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        # 1 == 1.0 == True in Python, but as attributes they compute different things.
        return self is other or (isinstance(other, Attrs) and self._with_kinds() == other._with_kinds())

    def _with_kinds(self) -> Any:
        if self._kinds is None:
            self._kinds = _typed(self._items)
        return self._kinds

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(tuple(self._items.items()))
        return self._hash

    def __copy__(self) -> Attrs:
        return self

    def __deepcopy__(self, memo: Any) -> Attrs:
        return self

    def __reduce__(self) -> Any:
        return Attrs, (self._items,)  # hashes of texts are others in another process

    def __repr__(self) -> str:
        return escaped(", ".join(f"{name}={value!r}" for name, value in self._items.items()))

    def replace(self, **changes: Any) -> Attrs:
        """Return a copy with some attributes changed."""
        return Attrs({**self._items, **changes})


def _typed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _typed(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_typed, value))
    # repr keeps -0.0 apart from 0.0 and makes nan equal to itself.
    return (float, repr(value)) if type(value) is float else (type(value), value)


NO_ATTRS = Attrs()


@dataclass(frozen=True, slots=True)
class Attr:
    """An attribute that an op takes.

    Parameters
    ----------
    name : str
        Its name.
    check : callable
        Takes what the user gave, returns the canonical value; raises `ValueError` or `TypeError`
        with words that complete "<attribute> ...".
    default : Any
        The value when none is given; `REQUIRED` when one must be.
    near : callable, optional
        For an attribute that sizes depend on: gives other values for one, the likeliest first.
    plain : int, optional
        The number that such an attribute has where nobody speaks of it.
    """

    name: str
    check: Callable[[Any], Any]
    default: Any = REQUIRED
    near: Callable[[Any], Iterable[Any]] | None = None
    plain: int | None = None

    def is_plain(self, value: Any) -> bool:
        """Whether a value says nothing: strides of 1, no padding."""
        if isinstance(value, tuple):
            return all(map(self.is_plain, value))
        return bool(value == self.plain)


@dataclass(frozen=True, slots=True)
class Vjp:
    """What a gradient rule may use.

    Parameters
    ----------
    dys : tuple
        Gradient of each output; None where nothing flows.
    inputs, outputs : tuple
        The op's inputs and outputs as tensors.
    attrs : Attrs
        The op's attributes.
    wanted : tuple of bool
        Whether each input's gradient is asked for.
    emit : callable
        ``emit("op", *tensors, **attrs)`` adds an op to the gradient graph, returns its (first)
        output.
    derive : callable
        ``derive(graph, outputs, wrt)`` differentiates a sub-graph.
    """

    dys: tuple[Any, ...]
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    attrs: Attrs
    wanted: tuple[bool, ...]
    emit: Callable[..., Any]
    derive: Callable[..., Any] | None = None

    @property
    def dy(self) -> Any:
        """Gradient of the first output."""
        return self.dys[0]

    @property
    def x(self) -> Any:
        """The first input."""
        return self.inputs[0]

    @property
    def y(self) -> Any:
        """The first output."""
        return self.outputs[0]


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """Kernel text that depends on attributes or on how many inputs there are.

    Parameters
    ----------
    write : callable
        ``write(attrs, inputs)`` returns the text, as `OpSpec.kernel` describes it, for these
        attributes and that many inputs.
    """

    write: Callable[[Attrs, int], str]


VjpRule = Callable[[Vjp], Sequence[Any]]
DtypeRule = Callable[[Sequence[str | None], Attrs], str | tuple[str | None, ...] | None]
Kernel = Callable[[Sequence[Any], Sequence[Any], Attrs], None]
ViewRule = Callable[[Attrs, int, tuple[int, ...]], Move | None]
CostRule = Callable[[Sequence[TensorType], Sequence[TensorType], Attrs], Dim]


@dataclass(frozen=True, slots=True, eq=False)
class OpSpec:
    """One op, whole.

    Parameters
    ----------
    name : str
        Its name in graphs and in `graphinit.functional`.
    signature : str
        Arity and shape rule, see `graphinit.ir.signature`.
    doc : str
        What it computes, with shapes by letter.
    kernel : str, Template or callable
        How NumPy computes it.  Text is Python statements, one a line, over operand names (and
        ``{attribute}`` placeholders) that write every output completely, such as
        ``"np.add(x, y, out=z)"``; a `Template` writes such text; a callable is called as
        ``kernel(outputs, inputs, attrs)`` with sequences of arrays.  It leaves inputs alone and
        accepts any strides.  `graphinit.runtime.kernels` gives the text for given attributes.
    half : str, optional
        Such text for outputs of float16, where that needs wider numbers on the way.
    vjp : callable, optional
        The gradient as a graph: takes a `Vjp`, returns a gradient or None per input.  It need not
        undo broadcasting.
    no_gradient : str
        Why there is no gradient, when there is none.
    attrs : tuple of Attr
        What it takes beside inputs.
    shape : callable, optional
        States equations that the signature cannot: takes a `passes.shapes.solver.ShapeContext`; must be
        safe to run again.
    dtype : callable, optional
        From input dtypes and attributes to the output's (or outputs'); by default the promotion
        of all inputs.
    outputs : callable, optional
        From attributes to the number of outputs, where it varies.
    cost : callable, optional
        FLOPs from input types, output types and attributes; by default one per output element.
    view : callable, optional
        From attributes, the rank of the first input and the output's shape to how the output lies in the
        first input as a view of it; None for the whole as it is.
    inplace : tuple of int
        Inputs whose buffer the (first) output may overwrite.
    shape_only : tuple of int
        Inputs of which only the shape is used.
    quiet : bool
        Whether its kernel runs without NumPy's warnings of floating numbers: values such as ``log(0)`` or
        a quotient of infinities are answers.
    random : bool
        Whether two applications with equal inputs must stay two (never merged or folded).
    """

    name: str
    signature: str
    doc: str
    kernel: str | Template | Kernel
    vjp: VjpRule | None = None
    no_gradient: str = ""
    attrs: tuple[Attr, ...] = ()
    shape: Callable[[Any], None] | None = None
    dtype: DtypeRule | None = None
    outputs: Callable[[Attrs], int] | None = None
    cost: CostRule | None = None
    view: ViewRule | None = None
    inplace: tuple[int, ...] = ()
    shape_only: tuple[int, ...] = ()
    quiet: bool = False
    half: str = ""
    random: bool = False
    parsed: Signature = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if (self.vjp is None) == (not self.no_gradient):
            raise ValueError(f"op {self.name}: give either a gradient rule or a reason why there is none")
        object.__setattr__(self, "parsed", Signature.parse(self.signature))

    def output_count(self, attrs: Attrs) -> int:
        """Number of outputs with these attributes.

        Raises
        ------
        OpError
            GI105, when they are too many.
        """
        if self.outputs is None:
            return len(self.parsed.outputs)
        count = self.outputs(attrs)
        if count > MOST_OUTPUTS:
            raise OpError(
                f"{self.name} would have {count} outputs; there can be {MOST_OUTPUTS}", node=self.name
            )
        return count

    def check_attrs(self, given: Mapping[str, Any]) -> Attrs:
        """Return the canonical attributes for those that were given.

        Raises
        ------
        OpError
            GI105, when one is missing, unknown or bad.
        """
        if not given and not self.attrs:
            return NO_ATTRS
        values = {}
        for attr in self.attrs:
            value = given.get(attr.name, attr.default)
            if value is REQUIRED:
                raise OpError(f"{self.name} needs {attr.name}=", code="GI105", node=self.name)
            try:
                values[attr.name] = attr.check(value)
            except (TypeError, ValueError, ArithmeticError) as cause:
                detail = cause.message if isinstance(cause, GraphInitError) else cause
                raise OpError(f"{attr.name} {detail}; got {value!r}", code="GI105", node=self.name) from cause
        for name in given:
            if name not in values:
                hint = did_you_mean(name, values) or f"; it takes {', '.join(values) or 'none'}"
                raise OpError(f"{self.name} takes no attribute {name!r}{hint}", node=self.name)
        return Attrs(values)

    def check_arity(self, count: int) -> None:
        """Raise `OpError` (GI104) unless the op takes that many inputs."""
        least, most = self.parsed.arity
        if count < least or (most is not None and count > most):
            takes = f"{least}" if least == most else f"{least} to {most}" if most else f"{least} or more"
            raise OpError(
                f"{self.name} takes {takes} inputs, got {count}: {self.signature}",
                code="GI104",
                node=self.name,
            )


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """An op with its attributes, interned: equal ones are one object, so that it hashes fast.

    Parameters
    ----------
    op : str
        Name of the op, or one of `SOURCES`.
    attrs : Attrs
        Its canonical attributes.
    spec : OpSpec or None
        The op's record; None for sources.
    sizes : tuple of SizeRef
        Sizes of other values that the attributes refer to.
    """

    op: str
    attrs: Attrs
    spec: OpSpec | None
    sizes: tuple[Any, ...] = ()


SOURCES = ("input", "parameter", "state", "constant")
"""Ops of nodes that have no inputs."""

_registry: dict[str, OpSpec] = {}
_rules: dict[tuple[str, Attrs], Rule] = {}
_MOST_RULES = 20_000


def register(spec: OpSpec) -> OpSpec:
    """Add an op to the registry.

    Raises
    ------
    ValueError
        If its name is taken.
    """
    if spec.name in _registry or spec.name in SOURCES:
        raise ValueError(f"an op named {spec.name!r} is registered already")
    _registry[spec.name] = spec
    return spec


def op_spec(name: str) -> OpSpec:
    """Return the record of an op.

    Raises
    ------
    OpError
        GI103, when there is none of that name.
    """
    spec = _registry.get(name)
    if spec is None:
        hint = did_you_mean(name, (*_registry, *SOURCES))
        raise OpError(f"there is no op named {name!r}{hint}", code="GI103")
    return spec


def op_names() -> tuple[str, ...]:
    """Names of all registered ops, in order of registration."""
    return tuple(_registry)


def intern_rule(op: str, attrs: Attrs) -> Rule:
    """Return the one `Rule` of an op and its (canonical) attributes; sources have one each."""
    is_source = op in SOURCES  # constants may be large, and initializers anything: they are not kept
    rule = None if is_source else _rules.get((op, attrs))
    if rule is None:
        spec = None if is_source else op_spec(op)
        sizes: dict[Any, None] = {}
        _collect_sizes(tuple(attrs.values()), sizes)
        rule = Rule(op, attrs, spec, tuple(sizes))
        if not is_source:
            if len(_rules) >= _MOST_RULES:
                _rules.clear()  # rules made anew are solved anew, which costs time alone
            _rules[op, attrs] = rule
    return rule


def has_open_size(value: Any) -> bool:
    """Whether an attribute has a size in it that is not a number."""
    return isinstance(value, Expr) or (isinstance(value, tuple) and any(map(has_open_size, value)))


def _collect_sizes(value: Any, found: dict[Any, None]) -> None:
    if isinstance(value, Expr):
        found.update(dict.fromkeys(sorted(value.sizes)))  # a set has another order in another process
    elif isinstance(value, tuple):
        for item in value:
            _collect_sizes(item, found)


def default_dtype(dtypes: Sequence[str | None], attrs: Attrs) -> str | None:
    """Promote the inputs' dtypes.

    A Python number (None) gives way to any dtype; integers give way to floating numbers of any
    width, so that ids never widen a float32 network to float64, as NumPy would.
    """
    return _promote(tuple(dtypes))


@lru_cache(maxsize=1024)
def _promote(dtypes: tuple[str | None, ...]) -> str | None:
    known = [dtype for dtype in dtypes if dtype is not None]
    floats = [dtype for dtype in known if dtype.startswith("float")]
    return np.result_type(*(floats or known)).name if known else None


# A name that is no attribute access, no placeholder and no keyword of a call.
_NAME = re.compile(r"(?<![\w.{])[A-Za-z_]\w*(?![\w}])(?!\s*=[^=])")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def fill_template(template: str, names: Mapping[str, str], attrs: Attrs) -> str:
    """Return a kernel's text with operand names and attributes put in.

    Examples
    --------
    >>> fill_template("np.sum(x, axis={axis}, out=y)", {"x": "b1", "y": "b2"}, Attrs({"axis": (0,)}))
    'np.sum(b1, axis=(0,), out=b2)'
    """
    text = _NAME.sub(lambda match: names.get(match[0], match[0]), template)
    return _PLACEHOLDER.sub(lambda match: literal(attrs[match[1]]), text)
