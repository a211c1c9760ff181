"""Signatures of ops: arity, doc and shape rule in one line.

``x[*b,k], w[n,k], bias[n]? -> y[*b,n]`` reads: `x` has any leading axes, then one of size `k`;
`w` has two axes, the second as long as the last of `x`; `bias` may be left out.  One letter is one
size wherever it stands, so a signature is a set of equations, not a function from inputs to outputs.

========================  =====================================================================
``k``                     one axis of size `k`
``3``                     one axis of that size
``*b``                    any number of axes; the same sizes wherever ``*b`` stands
``*a|b``                  any number of axes: ``*a`` and ``*b`` broadcast together (outputs only)
``prod(s)``               one axis: the product of the sizes of ``*s``
``x[...]`` or ``x``       the shape rule of the op says what holds
``x?``                    may be left out, with all inputs after it
``x..``                   one or more inputs (last input), or outputs as many as the op says
``ids:int[*b]``           takes integers; ``:float`` floating numbers, ``:bool`` truth values
========================  =====================================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_OPERAND = re.compile(
    r"(?P<name>\w+)(?P<many>\.\.)?(:(?P<kind>\w+))?(\[(?P<dims>[^\]]*)\])?(?P<optional>\?)?$"
)


@dataclass(frozen=True, slots=True)
class Letter:
    """One axis, named; or of a given size when the name is a number."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Star:
    """Any number of axes; several names broadcast together."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return "*" + "|".join(self.names)


@dataclass(frozen=True, slots=True)
class Product:
    """One axis whose size is the product of the sizes of a star."""

    name: str

    def __str__(self) -> str:
        return f"prod({self.name})"


Term = Letter | Star | Product


@dataclass(frozen=True, slots=True)
class Operand:
    """An input or output of an op.

    Parameters
    ----------
    name : str
        Name in messages and in kernels.
    terms : tuple of Term, or None
        The axes; None when the op's shape rule says what holds.
    kind : {"any", "int", "float", "bool"}
        Which dtypes are taken.
    optional, variadic : bool
        Whether it may be left out; whether it stands for several.
    """

    name: str
    terms: tuple[Term, ...] | None
    kind: str = "any"
    optional: bool = False
    variadic: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Signature:
    """A parsed signature; compared by identity, as each op has its own.

    Examples
    --------
    >>> signature = Signature.parse("x[*b,k], w[n,k], bias[n]? -> y[*b,n]")
    >>> [operand.name for operand in signature.inputs], signature.arity
    (['x', 'w', 'bias'], (2, 3))
    """

    text: str
    inputs: tuple[Operand, ...]
    outputs: tuple[Operand, ...]

    @property
    def arity(self) -> tuple[int, int | None]:
        """Least and greatest number of inputs; None when there is no greatest."""
        least = sum(not operand.optional for operand in self.inputs)
        variadic = bool(self.inputs) and self.inputs[-1].variadic
        return least, None if variadic else len(self.inputs)

    def input(self, index: int) -> Operand:
        """Return the operand that describes input number `index`."""
        return self.inputs[min(index, len(self.inputs) - 1)]

    def output(self, index: int) -> Operand:
        """Return the operand that describes output number `index`."""
        return self.outputs[min(index, len(self.outputs) - 1)]

    @staticmethod
    def parse(text: str) -> Signature:
        """Parse a signature; `ValueError` when it is not well formed."""
        left, arrow, right = text.partition("->")
        if not arrow:
            raise ValueError(f"signature {text!r} has no '->'")
        return Signature(text, _operands(left), _operands(right))


def _operands(text: str) -> tuple[Operand, ...]:
    parts = re.split(r",(?![^\[]*\])", text)
    return tuple(_operand(part.strip()) for part in parts if part.strip())


def _operand(text: str) -> Operand:
    match = _OPERAND.match(text)
    if match is None:
        raise ValueError(f"operand {text!r} of a signature is not well formed")
    dims = match["dims"]
    terms = (
        None if dims is None or dims.strip() == "..." else tuple(map(_term, filter(None, dims.split(","))))
    )
    return Operand(match["name"], terms, match["kind"] or "any", bool(match["optional"]), bool(match["many"]))


def _term(text: str) -> Term:
    text = text.strip()
    if text.startswith("*"):
        return Star(tuple(text[1:].split("|")))
    if text.startswith("prod("):
        return Product(text[5:-1].strip())
    return Letter(text)
