"""Symbolic sizes: polynomials in one form, each form one object.

Expressions are brought to one form when they are made and kept unique, so two that are equal in that
form are the same object and compare by identity.  A remainder ``p % d`` is ``p - d*(p//d)`` inside and
printed as a remainder.  The form is not complete (``h//2 + (h + 1)//2`` is not seen as ``h``): two
different objects may still be equal for all sizes.
"""

from __future__ import annotations

import keyword
import math
import threading
import unicodedata
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Union

from graphinit.errors import ShapeError
from graphinit.ir.terms import (
    MOST_BITS,
    MOST_DEGREE,
    MOST_TERMS,
    Atom,
    Bounds,
    Monomial,
    SizeRef,
    Terms,
    atom_order,
    atoms_of,
    bounds_of,
    divide_terms,
    is_floor,
    measured,
    multiplied,
    print_order,
    text_of,
    too_large,
)
from graphinit.json_values import Json

_atoms: dict[tuple[Any, ...], Atom] = {}
_exprs: dict[frozenset[tuple[Monomial, int]], Expr] = {}
_making = threading.Lock()  # two threads must not make one expression twice
_room = 20_000  # expressions in the table before those that nobody holds are dropped
_quotients: dict[tuple[Expr, Dim], Dim] = {}
_MOST_QUOTIENTS = 10_000
_MOST_COMPARED = 32  # operands of one minimum or maximum


class Expr:
    """A symbolic size; made by `symbol`, `size_of`, `parse_dim` and arithmetic, never directly.

    Arithmetic gives an int as soon as nothing symbolic is left.

    Examples
    --------
    >>> h = symbol("h")
    >>> print(((h - 1) // 2 + 1 - 1) // 2 + 1)
    (h + 3)//4
    >>> (h + 1) - h
    1
    """

    __slots__ = ("__weakref__", "_atoms", "_bounds", "_text", "depth", "parts", "terms")

    terms: Terms

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.parts, self.depth = measured(terms)
        self._text: str | None = None
        self._bounds: Bounds | None = None
        self._atoms: tuple[frozenset[str], frozenset[SizeRef]] | None = None

    def __copy__(self) -> Expr:
        return self

    def __deepcopy__(self, memo: Any) -> Expr:
        return self

    def __reduce__(self) -> Any:
        return Expr.from_json, (self.to_json(),)

    def __add__(self, other: Dim) -> Dim:
        if isinstance(other, int):
            return self._plus(other) if other else self
        if not isinstance(other, Expr):
            return NotImplemented
        terms = dict(self.terms)
        for monomial, factor in other.terms.items():
            terms[monomial] = terms.get(monomial, 0) + factor
        return _dim(terms)

    __radd__ = __add__

    def _plus(self, number: int) -> Expr:
        terms = dict(self.terms)
        number += terms.pop((), 0)
        if number:
            terms[()] = number
        return _unique(terms)

    def _times(self, number: int) -> Expr:
        if number == 1:
            return self
        return _unique({monomial: factor * number for monomial, factor in self.terms.items()})

    def __neg__(self) -> Dim:
        return self._times(-1)

    def __sub__(self, other: Dim) -> Dim:
        if isinstance(other, int):
            return self._plus(-other) if other else self
        if not isinstance(other, Expr):
            return NotImplemented
        return self + (-other)

    def __rsub__(self, other: Dim) -> Dim:
        return -self + other

    def __mul__(self, other: Dim) -> Dim:
        if not isinstance(other, int | Expr):
            return NotImplemented
        if isinstance(other, int):
            return self._times(other) if other else 0
        return _dim(multiplied(self.terms, other.terms))

    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        if other == 1:
            return self
        if not isinstance(other, int | Expr):
            return NotImplemented
        found = _quotients.get((self, other))
        if found is None:
            found = _floordiv(self, other)
            if len(_quotients) >= _MOST_QUOTIENTS:
                _quotients.clear()
            _quotients[self, other] = found
        return found

    def __rfloordiv__(self, other: Dim) -> Dim:
        return _floordiv(other, self)

    def __mod__(self, other: Dim) -> Dim:
        if not isinstance(other, int | Expr):
            return NotImplemented
        return self - (self // other) * other

    def __rmod__(self, other: Dim) -> Dim:
        return other - (other // self) * self

    def __pow__(self, power: int) -> Dim:
        if not 0 <= power <= MOST_DEGREE:
            raise too_large(f"powers above {MOST_DEGREE}" if power > 0 else "powers below 0")
        result: Dim = 1
        for _ in range(power):
            result = result * self
        return result

    def __str__(self) -> str:
        if self._text is None:
            self._text = text_of(self.terms)
        return self._text

    __repr__ = __str__

    @property
    def symbols(self) -> frozenset[str]:
        """Names of the symbols in it."""
        return self._contents()[0]

    @property
    def sizes(self) -> frozenset[SizeRef]:
        """The sizes of other values that it refers to."""
        return self._contents()[1]

    def _contents(self) -> tuple[frozenset[str], frozenset[SizeRef]]:
        if self._atoms is None:
            symbols: set[str] = set()
            sizes: set[SizeRef] = set()
            for atom in atoms_of(self.terms):
                if atom.kind == "symbol":
                    symbols.add(atom.args[0])
                elif atom.kind == "size":
                    sizes.add(SizeRef(*atom.args))
                else:
                    for part in atom.args:
                        if isinstance(part, Expr):
                            symbols |= part.symbols
                            sizes |= part.sizes
            self._atoms = frozenset(symbols), frozenset(sizes)
        return self._atoms

    @property
    def bounds(self) -> Bounds:
        """Numbers that it is never below and never above; None where there is none known."""
        if self._bounds is None:
            self._bounds = bounds_of(self.terms)
        return self._bounds

    def evaluate(self, sizes: Mapping[Any, int]) -> int:
        """Return its value for given sizes.

        Parameters
        ----------
        sizes : mapping from str (or SizeRef) to int
            A size for each symbol.

        Raises
        ------
        KeyError
            If a symbol has no size.
        ZeroDivisionError
            If it divides by a size that is 0.
        """
        total = 0
        for monomial, factor in self.terms.items():
            for atom, power in monomial:
                factor *= _value(atom, sizes) ** power
            total += factor
        return total

    def substitute(self, mapping: Mapping[Any, Dim]) -> Dim:
        """Return it with symbols (by name) and `SizeRef` s replaced."""
        if not any(name in mapping for part in self._contents() for name in part):
            return self
        total: Dim = 0
        for monomial, factor in self.terms.items():
            product: Dim = factor
            for atom, power in monomial:
                replaced = _replaced(atom, mapping)
                for _ in range(power):
                    product = product * replaced
            total = total + product
        return total

    def rename(self, new_name: Callable[[str], str]) -> Expr:
        """Return it with the names of nodes inside size references changed."""
        refs = {ref: size_of(new_name(ref.node), ref.port, ref.axis) for ref in self.sizes}
        result = self.substitute(refs)
        assert isinstance(result, Expr), "a renamed reference is a reference"
        return result

    def to_json(self) -> Any:
        """Return it as JSON-ready values."""
        return [
            [factor, [[_atom_to_json(atom), power] for atom, power in monomial]]
            for monomial, factor in sorted(self.terms.items(), key=print_order)
        ]

    @staticmethod
    def from_json(value: Any) -> Any:
        """Read what `to_json` gave.

        Raises
        ------
        ValueError
            If it is something else, or beyond the limits of an expression.
        """
        return read_dim(Json(value))


Dim = Union[int, Expr]  # noqa: UP007  (Expr is named in annotations above)


def symbol(name: str) -> Expr:
    """Return the symbol of that name: any size from 1 on.

    Raises
    ------
    ShapeError
        GI206, when the name is no identifier.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ShapeError(
            f"{name!r} is no name for a size; names are identifiers, such as 'batch'", code="GI206"
        )
    return stand_in(name if name.isascii() else unicodedata.normalize("NFKC", name))  # as Python reads names


def stand_in(text: str) -> Expr:
    """Return a symbol for a size that nobody has named, which prints as `text`."""
    return _single(_atom("symbol", (text,), 1, None))


def size_of(node: str, port: int, axis: int) -> Expr:
    """Return the size of one axis of a value of the same graph."""
    return _single(_atom("size", (node, port, axis), 0, None))


def minimum(a: Dim, b: Dim) -> Dim:
    """Return the smaller of two sizes."""
    return extreme("min", (a, b))


def maximum(a: Dim, b: Dim) -> Dim:
    """Return the greater of two sizes.

    Examples
    --------
    >>> maximum(symbol("t"), symbol("s")), maximum(symbol("s"), 1)
    (max(s, t), s)
    """
    return extreme("max", (a, b))


def bounds(dim: Dim) -> Bounds:
    """Return numbers that a size is never below and never above."""
    return (dim, dim) if isinstance(dim, int) else dim.bounds


def one_term(monomial: Monomial, factor: int) -> Dim:
    """Return the size that is one term of an expression."""
    return _dim({monomial: factor})


def exact_quotient(numerator: Dim, divisor: Dim) -> Dim | None:
    """Return ``numerator/divisor`` where polynomial division leaves nothing, else None.

    None does not say that the division never comes out even: ``h*(h + 1)/2`` always does.
    """
    if isinstance(divisor, int):
        if divisor == 0 or any(factor % divisor for factor in _terms(numerator).values()):
            return None
        return _dim({monomial: factor // divisor for monomial, factor in _terms(numerator).items()})
    quotient = divide_terms(_terms(numerator), divisor.terms)
    return None if quotient is None else _dim(quotient)


def common_factor(*dims: Dim) -> Dim:
    """Return the greatest product of a number, and of symbols and the like that are 1 or more, in all terms.

    Examples
    --------
    >>> b, n = symbol("b"), symbol("n")
    >>> common_factor(6 * b * n, 4 * b), common_factor(b * n, n * n + n), common_factor(b + 1)
    (2*b, n, 1)
    """
    number, powers = 0, None
    for terms in map(_terms, dims):
        for monomial, factor in terms.items():
            number = math.gcd(number, factor)
            mine = {atom: power for atom, power in monomial if (atom.low or 0) >= 1}
            if powers is not None:
                mine = {atom: min(power, powers[atom]) for atom, power in mine.items() if atom in powers}
            powers = mine
    monomial = tuple(sorted((powers or {}).items(), key=atom_order))
    return _dim({monomial: number or 1})


def _atom(kind: str, args: tuple[Any, ...], low: int | None, high: int | None) -> Atom:
    key = (kind, *args)
    atom = _atoms.get(key)
    if atom is None:
        made = Atom(kind, args, low, high)
        with _making:
            atom = _atoms.setdefault(key, made)
    return atom


def _single(atom: Atom) -> Expr:
    result = _dim({((atom, 1),): 1})
    assert isinstance(result, Expr), "an atom is no number"
    return result


def _dim(terms: Terms) -> Dim:
    terms = {monomial: factor for monomial, factor in terms.items() if factor}
    if not terms:
        return 0
    if len(terms) == 1 and () in terms:
        return terms[()]
    return _unique(terms)


def _unique(terms: Terms) -> Expr:
    """Return the one expression of these terms: none is 0, one is symbolic."""
    key = frozenset(terms.items())
    found = _exprs.get(key)
    if found is None:
        made = Expr(terms)
        with _making:
            if len(_exprs) >= _room:
                _drop_unheld()
            found = _exprs.setdefault(key, made)
    return found


def _drop_unheld() -> None:
    """Drop expressions and atoms that nobody holds; the others stay the objects that they are.

    A table of weak references would do it at once, and makes each look-up three times as slow.
    """
    global _room  # noqa: PLW0603
    _quotients.clear()
    held = [weakref.ref(expr) for expr in _exprs.values()]
    _exprs.clear()
    atoms = [weakref.ref(atom) for atom in _atoms.values()]
    _atoms.clear()
    _atoms.update({(atom.kind, *atom.args): atom for ref in atoms if (atom := ref()) is not None})
    _exprs.update({frozenset(expr.terms.items()): expr for ref in held if (expr := ref()) is not None})
    _room = max(20_000, 2 * len(_exprs))


def _terms(dim: Dim) -> Terms:
    return dim.terms if isinstance(dim, Expr) else {(): dim} if dim else {}


def _floordiv(numerator: Dim, divisor: Dim) -> Dim:
    """Bring a floor division to its form.

    Multiples of the divisor are taken out, ``(2*h + 3)//2 = h + 1``; common factors cancel; floors
    merge, ``(p//q + r)//d = (p + q*r)//(q*d)``, which holds for whole p, r and positive q, d.
    """
    if isinstance(numerator, int) and isinstance(divisor, int):
        return numerator // divisor
    if divisor == 0:
        raise ZeroDivisionError("a size is divided by 0")
    if isinstance(divisor, Expr):
        exact = exact_quotient(numerator, divisor)
        if exact is not None:
            return exact
        common = common_factor(numerator, divisor)
        if common != 1:
            return _floordiv(exact_quotient(numerator, common), exact_quotient(divisor, common))  # type: ignore[arg-type]
        low, high = bounds(numerator)[0], (divisor - numerator if isinstance(divisor, Expr) else 0)
        if low is not None and low >= 0 and (bounds(high)[0] or 0) > 0:
            return 0
        return _floor_atom(numerator, divisor)
    if divisor < 0:
        return _floordiv(-numerator, -divisor)
    whole: Dim = 0
    by: int = divisor
    while True:
        terms = _terms(numerator)
        taken = {monomial: factor // by for monomial, factor in terms.items() if not 0 <= factor < by}
        if taken:
            whole = whole + _dim(taken)
            numerator = _dim({monomial: factor % by for monomial, factor in terms.items()})
        least, most = bounds(numerator)
        if least is not None and most is not None and least >= 0 and most < by:
            return whole
        if isinstance(numerator, int):
            return whole + numerator // by
        common = math.gcd(by, *(factor for monomial, factor in numerator.terms.items() if monomial))
        if common > 1:
            by //= common
            numerator = _dim({monomial: factor // common for monomial, factor in numerator.terms.items()})
            floors = []
        else:
            floors = [
                monomial for monomial, factor in numerator.terms.items() if factor == 1 and is_floor(monomial)
            ]
        if len(floors) == 1:
            inner, inner_by = floors[0][0][0].args
            numerator = inner + (numerator - _dim({floors[0]: 1})) * inner_by
            by *= inner_by
        elif common == 1:
            return whole + _floor_atom(numerator, by)


def _floor_atom(numerator: Dim, divisor: Dim) -> Expr:
    low, high = bounds(numerator)
    if isinstance(divisor, int):
        low, high = (None if end is None else end // divisor for end in (low, high))
    else:
        positive = (bounds(divisor)[0] or 0) > 0
        low, high = (
            (0 if positive and low is not None and low >= 0 else None),
            (high if positive and (high or -1) >= 0 else None),
        )
    return _single(_atom("//", (numerator, divisor), low, high))


def extreme(kind: str, dims: Iterable[Dim]) -> Dim:
    """Return the ``"min"`` or ``"max"`` of some sizes; one that never counts is left out."""
    flat: dict[Dim, None] = {}
    for dim in dims:
        flat.update(dict.fromkeys(_parts(kind, dim)))
    if len(flat) > _MOST_COMPARED:
        raise too_large(f"more than {_MOST_COMPARED} sizes in one minimum or maximum")
    kept: list[Dim] = []
    for dim in sorted(flat, key=lambda dim: (isinstance(dim, int), str(dim))):
        if any(_covers(kind, other, dim) for other in kept):
            continue
        kept = [other for other in kept if not _covers(kind, dim, other)] + [dim]
    if len(kept) == 1:
        return kept[0]
    lows, highs = zip(*map(bounds, kept), strict=True)
    pick = min if kind == "min" else max
    known_low = [low for low in lows if low is not None]
    known_high = [high for high in highs if high is not None]
    complete_low = len(known_low) == len(kept) or (kind == "max" and known_low)
    complete_high = len(known_high) == len(kept) or (kind == "min" and known_high)
    return _single(
        _atom(
            kind,
            tuple(kept),
            pick(known_low) if complete_low else None,
            pick(known_high) if complete_high else None,
        )
    )


def _parts(kind: str, dim: Dim) -> tuple[Dim, ...]:
    if isinstance(dim, Expr) and len(dim.terms) == 1:
        ((monomial, factor),) = dim.terms.items()
        if factor == 1 and len(monomial) == 1 and monomial[0][1] == 1 and monomial[0][0].kind == kind:
            return monomial[0][0].args
    return (dim,)


def _covers(kind: str, one: Dim, other: Dim) -> bool:
    """Whether `one` makes `other` needless in a minimum or maximum."""
    difference = one - other if kind == "max" else other - one
    low = bounds(difference)[0]
    while low is None or low < 0:
        closer = _without_floors(difference)
        if closer is None:
            return False
        difference = closer
        low = bounds(difference)[0]
    return True


def _without_floors(dim: Dim) -> Dim | None:
    """What a size is never below, with two of its floors as one: ``p//d - q//d >= (p - q)//d``."""
    floors = [(monomial, factor) for monomial, factor in _terms(dim).items() if is_floor(monomial)]
    for more, factor in floors:
        for less, other in floors:
            (p, by), (q, other_by) = more[0][0].args, less[0][0].args
            if factor > 0 > other and by == other_by:
                times = min(factor, -other)
                lost: Dim = one_term(more, 1) - one_term(less, 1) - (p - q) // by
                return dim - times * lost
    return None


def _value(atom: Atom, sizes: Mapping[Any, int]) -> int:
    if atom.kind == "symbol":
        return sizes[atom.args[0]]
    if atom.kind == "size":
        return sizes[SizeRef(*atom.args)]
    values = [part.evaluate(sizes) if isinstance(part, Expr) else part for part in atom.args]
    if atom.kind == "//":
        return int(values[0] // values[1])
    return int(min(values) if atom.kind == "min" else max(values))


def _replaced(atom: Atom, mapping: Mapping[Any, Dim]) -> Dim:
    if atom.kind == "symbol":
        return mapping.get(atom.args[0], _single(atom))
    if atom.kind == "size":
        return mapping.get(SizeRef(*atom.args), _single(atom))
    parts = [part.substitute(mapping) if isinstance(part, Expr) else part for part in atom.args]
    return parts[0] // parts[1] if atom.kind == "//" else extreme(atom.kind, parts)


def _atom_to_json(atom: Atom) -> Any:
    return [atom.kind, *(part.to_json() if isinstance(part, Expr) else part for part in atom.args)]


def read_dim(data: Json) -> Dim:
    """Read what `Expr.to_json` gave: a whole number, or terms.

    Raises
    ------
    ValueError
        If it is something else, or beyond the limits of an expression.
    """
    if not isinstance(data.value, list):
        return data.whole()
    total: Dim = 0
    for term in data.items(MOST_TERMS):
        factor, monomial = term.pair("a factor and its powers")
        product: Dim = factor.whole(-(2**MOST_BITS), 2**MOST_BITS)
        for item in monomial.items(MOST_DEGREE):
            base, power = item.pair("a part and its power")
            part = _read_atom(base)
            product = product * (part ** power.whole(1, MOST_DEGREE))
        total = total + product
    return total


def _read_atom(data: Json) -> Dim:
    parts = data.items(_MOST_COMPARED + 1)
    kind, args = parts[0].text() if parts else "", parts[1:]
    if kind == "symbol" and len(args) == 1:
        return symbol(args[0].text())
    if kind == "size" and len(args) == 3:
        return size_of(args[0].text(), args[1].whole(0), args[2].whole(-64, 63))
    if kind == "//" and len(args) == 2:
        divisor = read_dim(args[1])
        return args[1].fail("other than 0") if divisor == 0 else read_dim(args[0]) // divisor
    if kind in ("min", "max") and args:
        return extreme(kind, map(read_dim, args))
    return data.fail("a symbol, a size, a division, a minimum or a maximum")
