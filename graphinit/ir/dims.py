"""Sizes: whole numbers, unknowns, and expressions such as ``(h - 5)//2 + 1``.

A `Dim` is an int or an `Expr`.  An `Expr` is a polynomial with whole coefficients over *atoms*: symbols,
sizes of other values, floor divisions, minima and maxima.  Expressions are brought to one form when
they are made and kept unique, so two that are equal in that form are the same object and compare by
identity.  A remainder ``p % d`` is ``p - d*(p//d)`` inside and printed as a remainder.

Symbols stand for every size from 1 on.  The form is not complete (``h//2 + (h + 1)//2`` is not seen as
``h``): two different objects may still be equal for all sizes.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Union

from graphinit.errors import ShapeError


class SizeRef(NamedTuple):
    """The size of one axis of a value in the same graph, ``x.shape[0]``."""

    node: str
    port: int
    axis: int

    def __str__(self) -> str:
        return f"{self.node}{f':{self.port}' if self.port else ''}.shape[{self.axis}]"


class Unknown:
    """A size that nobody has settled yet; compared by identity.  It lives inside the solver only."""

    __slots__ = ("number",)

    def __init__(self, number: int = 0) -> None:
        self.number = number

    def __repr__(self) -> str:
        return f"?{self.number}"


class _Atom:
    """What a polynomial is made of; unique, compared by identity."""

    __slots__ = ("args", "high", "kind", "low", "text")

    def __init__(
        self, kind: str, args: tuple[Any, ...], text: str, low: int | None, high: int | None
    ) -> None:
        self.kind = kind
        self.args = args
        self.text = text
        self.low = low
        self.high = high


_Monomial = tuple[tuple[_Atom, int], ...]
_Terms = dict[_Monomial, int]
Bounds = tuple[int | None, int | None]

_atoms: dict[tuple[Any, ...], _Atom] = {}
_exprs: dict[frozenset[tuple[_Monomial, int]], Expr] = {}
_quotients: dict[tuple[Expr, Dim], Dim] = {}


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

    __slots__ = ("_atoms", "_bounds", "_text", "terms")

    terms: _Terms

    def __init__(self, terms: _Terms) -> None:
        self.terms = terms
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
        if not isinstance(other, int | Expr):
            return NotImplemented
        terms = dict(self.terms)
        for monomial, factor in _terms(other).items():
            terms[monomial] = terms.get(monomial, 0) + factor
        return _dim(terms)

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return _dim({monomial: -factor for monomial, factor in self.terms.items()})

    def __sub__(self, other: Dim) -> Dim:
        if not isinstance(other, int | Expr):
            return NotImplemented
        return self + (-other)

    def __rsub__(self, other: Dim) -> Dim:
        return -self + other

    def __mul__(self, other: Dim) -> Dim:
        if not isinstance(other, int | Expr):
            return NotImplemented
        if isinstance(other, int):
            return _dim({monomial: factor * other for monomial, factor in self.terms.items()})
        terms: _Terms = {}
        for left, a in self.terms.items():
            for right, b in other.terms.items():
                monomial = _join(left, right)
                terms[monomial] = terms.get(monomial, 0) + a * b
        return _dim(terms)

    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        if not isinstance(other, int | Expr):
            return NotImplemented
        found = _quotients.get((self, other))
        if found is None:
            found = _quotients[self, other] = _floordiv(self, other)
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
        result: Dim = 1
        for _ in range(power):
            result = result * self
        return result

    def __str__(self) -> str:
        if self._text is None:
            self._text = _text(self.terms)
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
            for atom in _atoms_of(self.terms):
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
            self._bounds = _bounds(self.terms)
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
            for monomial, factor in sorted(self.terms.items(), key=_print_order)
        ]

    @staticmethod
    def from_json(value: Any) -> Any:
        """Read what `to_json` gave.

        Raises
        ------
        ValueError
            If it is something else.
        """
        if isinstance(value, int):
            return value
        if not isinstance(value, list):
            raise ValueError(f"{value!r} is not a size")
        total: Dim = 0
        for factor, monomial in value:
            product: Dim = int(factor)
            for data, power in monomial:
                part = _atom_from_json(data)
                for _ in range(int(power)):
                    product = product * part
            total = total + product
        return total


Dim = Union[int, Expr]  # noqa: UP007  (Expr is named in annotations above)


def symbol(name: str) -> Expr:
    """Return the symbol of that name: any size from 1 on."""
    return _single(_atom("symbol", (name,), name, 1, None))


def size_of(node: str, port: int, axis: int) -> Expr:
    """Return the size of one axis of a value of the same graph."""
    ref = SizeRef(node, port, axis)
    return _single(_atom("size", tuple(ref), str(ref), 0, None))


def minimum(a: Dim, b: Dim) -> Dim:
    """Return the smaller of two sizes."""
    return _extreme("min", (a, b))


def maximum(a: Dim, b: Dim) -> Dim:
    """Return the greater of two sizes.

    Examples
    --------
    >>> maximum(symbol("t"), symbol("s")), maximum(symbol("s"), 1)
    (max(s, t), s)
    """
    return _extreme("max", (a, b))


def bounds(dim: Dim) -> Bounds:
    """Return numbers that a size is never below and never above."""
    return (dim, dim) if isinstance(dim, int) else dim.bounds


def exact_quotient(numerator: Dim, divisor: Dim) -> Dim | None:
    """Return ``numerator/divisor`` where polynomial division leaves nothing, else None.

    None does not say that the division never comes out even: ``h*(h + 1)/2`` always does.
    """
    if isinstance(divisor, int):
        if divisor == 0 or any(factor % divisor for factor in _terms(numerator).values()):
            return None
        return _dim({monomial: factor // divisor for monomial, factor in _terms(numerator).items()})
    atoms = sorted({*_atoms_of(divisor.terms), *_atoms_of(_terms(numerator))}, key=lambda atom: atom.text)

    def order(monomial: _Monomial) -> tuple[int, ...]:
        powers = dict(monomial)
        return (sum(powers.values()), *(powers.get(atom, 0) for atom in atoms))

    head = max(divisor.terms, key=order)
    rest, quotient = dict(_terms(numerator)), dict[_Monomial, int]()
    while rest:
        lead = max(rest, key=order)
        monomial, factor = _divide_monomial(lead, head), rest[lead]
        if monomial is None or factor % divisor.terms[head]:
            return None
        factor //= divisor.terms[head]
        quotient[monomial] = quotient.get(monomial, 0) + factor
        for other, value in divisor.terms.items():
            joined = _join(monomial, other)
            left = rest.get(joined, 0) - factor * value
            if left:
                rest[joined] = left
            else:
                rest.pop(joined, None)
    return _dim(quotient)


def parse_dim(value: Any) -> Dim:
    """Read a size as users write it.

    Parameters
    ----------
    value : int, None, str or Expr
        A size from 0 on; -1, None or ``"?"`` when it is unknown; text with symbols such as
        ``"batch"`` or ``"(h - 5)//2 + 1"`` (``+ - * // % ** min max``).

    Returns
    -------
    int or Expr
        -1 for unknown.

    Raises
    ------
    ShapeError
        GI206, when it is no size.

    Examples
    --------
    >>> parse_dim("2*n + 1"), parse_dim(None), parse_dim("12")
    (2*n + 1, -1, 12)
    """
    if isinstance(value, Expr):
        return value
    if value is None:
        return -1
    if isinstance(value, str):
        return _parse_text(value)
    if not isinstance(value, bool):
        try:
            number = operator.index(value)
        except TypeError:
            pass
        else:
            if number >= -1:
                return _checked(number, value)
            raise _bad(value, "is negative; a size is 0 or more, or -1 when it is unknown")
    raise _bad(value, "is not a size; give a whole number, -1 for unknown, or a name such as 'batch'")


def _bad(value: Any, detail: str) -> ShapeError:
    return ShapeError(f"{value!r} {detail}", code="GI206")


def _checked(dim: Dim, value: Any) -> Dim:
    low, high = bounds(dim)
    if (isinstance(dim, int) and dim > 2**63 - 1) or (low is not None and low > 2**63 - 1):
        raise _bad(value, "is larger than any array can be")
    if isinstance(dim, Expr) and high is not None and high < 0:
        raise _bad(value, "is negative for every size")
    return dim


_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def _parse_text(text: str) -> Dim:
    stripped = text.strip()
    if stripped in ("-1", "?"):
        return -1
    try:
        if len(stripped) > 1000:
            raise ValueError("it is too long")
        dim = _read(ast.parse(stripped, mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError) as cause:
        raise _bad(
            text, "is not a size; give a number, -1, a name, or an expression such as '(h - 5)//2 + 1'"
        ) from cause
    if isinstance(dim, int) and dim < 0:
        raise _bad(text, "is negative; a size is 0 or more, or -1 when it is unknown")
    return _checked(dim, text)


def _read(tree: ast.expr) -> Dim:
    match tree:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id=name):
            return symbol(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_read(operand)
        case ast.BinOp(left=base, op=ast.Pow(), right=ast.Constant(value=int() as power)) if 0 <= power <= 16:
            return Expr.__pow__(value, power) if isinstance(value := _read(base), Expr) else int(value**power)
        case ast.BinOp(left=left, op=kind, right=right) if type(kind) in _OPERATORS:
            result: Dim = _OPERATORS[type(kind)](_read(left), _read(right))
            return result
        case ast.Call(func=ast.Name(id="min" | "max" as name), args=[_, *_] as args, keywords=[]):
            return _extreme(name, map(_read, args))
    raise ValueError("only + - * // % ** min max, names and numbers make a size")


# The form of expressions.


def _atom(kind: str, args: tuple[Any, ...], text: str, low: int | None, high: int | None) -> _Atom:
    atom = _atoms.get((kind, *args))
    if atom is None:
        atom = _atoms.setdefault((kind, *args), _Atom(kind, args, text, low, high))
    return atom


def _single(atom: _Atom) -> Expr:
    result = _dim({((atom, 1),): 1})
    assert isinstance(result, Expr), "an atom is no number"
    return result


def _dim(terms: _Terms) -> Dim:
    terms = {monomial: factor for monomial, factor in terms.items() if factor}
    if not terms:
        return 0
    if len(terms) == 1 and () in terms:
        return terms[()]
    key = frozenset(terms.items())
    return _exprs.get(key) or _exprs.setdefault(key, Expr(terms))


def _terms(dim: Dim) -> _Terms:
    return dim.terms if isinstance(dim, Expr) else {(): dim} if dim else {}


def _atoms_of(terms: _Terms) -> Iterable[_Atom]:
    return dict.fromkeys(atom for monomial in terms for atom, _ in monomial)


def _join(left: _Monomial, right: _Monomial) -> _Monomial:
    if not left or not right:
        return left or right
    powers = dict(left)
    for atom, power in right:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(powers.items(), key=_atom_order))


def _atom_order(item: tuple[_Atom, int]) -> str:
    return item[0].text


def _divide_monomial(monomial: _Monomial, divisor: _Monomial) -> _Monomial | None:
    powers = dict(monomial)
    for atom, power in divisor:
        left = powers.get(atom, 0) - power
        if left < 0:
            return None
        powers[atom] = left
    return tuple((atom, power) for atom, power in powers.items() if power)


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
        low, high = bounds(numerator)[0], (divisor - numerator if isinstance(divisor, Expr) else 0)
        if low is not None and low >= 0 and (bounds(high)[0] or 0) > 0:
            return 0
        return _floor_atom(numerator, divisor)
    if divisor < 0:
        return _floordiv(-numerator, -divisor)
    whole: Dim = 0
    while True:
        taken: _Terms = {}
        rest: _Terms = {}
        for monomial, factor in _terms(numerator).items():
            taken[monomial], rest[monomial] = divmod(factor, divisor)
        whole = whole + _dim(taken)
        numerator = _dim(rest)
        low, high_ = bounds(numerator)
        if low is not None and high_ is not None and low >= 0 and high_ < divisor:
            return whole
        if isinstance(numerator, int):
            return whole + numerator // divisor
        common = math.gcd(divisor, *(factor for monomial, factor in numerator.terms.items() if monomial))
        if common > 1:
            numerator = _dim({monomial: factor // common for monomial, factor in numerator.terms.items()})
            divisor //= common
        floors = (
            [m for m, f in numerator.terms.items() if f == 1 and _is_floor(m)]
            if isinstance(numerator, Expr)
            else []
        )
        if len(floors) == 1:
            inner, by = floors[0][0][0].args
            numerator = inner + (numerator - _dim({floors[0]: 1})) * by
            divisor *= by
        elif common == 1:
            return whole + _floor_atom(numerator, divisor)


def _is_floor(monomial: _Monomial) -> bool:
    return (
        len(monomial) == 1
        and monomial[0][1] == 1
        and monomial[0][0].kind == "//"
        and isinstance(monomial[0][0].args[1], int)
    )


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
    return _single(_atom("//", (numerator, divisor), f"{_factor(numerator)}//{_factor(divisor)}", low, high))


def _extreme(kind: str, dims: Iterable[Dim]) -> Dim:
    flat: dict[Dim, None] = {}
    for dim in dims:
        flat.update(dict.fromkeys(_parts(kind, dim)))
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
            f"{kind}({', '.join(map(str, kept))})",
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
    low = bounds(one - other if kind == "max" else other - one)[0]
    return low is not None and low >= 0


def _remainders(terms: _Terms) -> tuple[list[tuple[int, Expr, int]], _Terms]:
    """Split off remainders: the expression is the sum of ``k * (p % d)`` and of the rest."""
    found: list[tuple[int, Expr, int]] = []
    rest = dict(terms)
    for monomial in sorted((m for m in terms if _is_floor(m)), key=lambda m: m[0][0].text):
        inner, by = monomial[0][0].args
        if monomial not in rest:  # it went into another remainder
            continue
        times, odd = divmod(-rest[monomial], by)
        parts = {m: f * times for m, f in inner.terms.items() if m}
        if odd or not times or any(rest.get(m) != f for m, f in parts.items()):
            continue
        for m in (monomial, *parts):
            del rest[m]
        rest[()] = rest.get((), 0) - times * inner.terms.get((), 0)
        found.append((times, inner, by))
    return found, {monomial: factor for monomial, factor in rest.items() if factor}


def _bounds(terms: _Terms) -> Bounds:
    low: int | None = 0
    high: int | None = 0
    remainders, rest = _remainders(terms)
    spans: list[tuple[int, Bounds]] = [(times, (0, by - 1)) for times, _, by in remainders]
    for monomial, factor in rest.items():
        span: Bounds = (1, 1)
        for atom, power in monomial:
            for _ in range(power):
                span = _span_product(span, (atom.low, atom.high))
        spans.append((factor, span))
    for factor, (least, most) in spans:
        if factor < 0:
            least, most = most, least
        low = None if low is None or least is None else low + factor * least
        high = None if high is None or most is None else high + factor * most
    return low, high


def _span_product(left: Bounds, right: Bounds) -> Bounds:
    if left[0] is None or right[0] is None or left[0] < 0 or right[0] < 0:
        if None in left or None in right:
            return None, None
        ends = [a * b for a in left for b in right]  # type: ignore[operator]
        return min(ends), max(ends)
    return left[0] * right[0], None if left[1] is None or right[1] is None else left[1] * right[1]


# Text, values and JSON.


def _print_order(item: tuple[_Monomial, int]) -> tuple[bool, int, str]:
    monomial, factor = item
    return factor < 0, -sum(power for _, power in monomial), _monomial_text(monomial)


def _monomial_text(monomial: _Monomial) -> str:
    parts = []
    for atom, power in monomial:
        text = f"({atom.text})" if atom.kind == "//" and (len(monomial) > 1 or power > 1) else atom.text
        parts.append(text if power == 1 else f"{text}**{power}")
    return "*".join(parts)


def _text(terms: _Terms) -> str:
    remainders, rest = _remainders(terms)
    pieces = [(times < 0, 1, f"{_factor(inner)} % {by}", abs(times), True) for times, inner, by in remainders]
    for monomial, factor in rest.items():
        loose = len(monomial) == 1 and monomial[0][0].kind == "//" and monomial[0][1] == 1
        degree = sum(power for _, power in monomial)
        pieces.append((factor < 0, degree, _monomial_text(monomial), abs(factor), loose))
    pieces.sort(key=lambda piece: (piece[0], -piece[1], piece[2]))
    alone = len(pieces) == 1
    text = ""
    for negative, _, body, factor, loose in pieces:
        if not body:
            body = str(factor)
        elif factor != 1:
            body = f"{factor}*({body})" if loose else f"{factor}*{body}"
        elif " % " in body and loose and not alone:
            body = f"({body})"
        text += (
            (" - " if negative else " + ") + body
            if text
            else (f"-({body})" if loose and factor == 1 else f"-{body}")
            if negative
            else body
        )
    return text


def _factor(dim: Dim) -> str:
    """Text of an operand of a division: brackets unless it is one name, one size or one number."""
    text = str(dim)
    return text if re.fullmatch(r"-?\d+|[\w.:]+(\[-?\d+\])?", text) else f"({text})"


def _value(atom: _Atom, sizes: Mapping[Any, int]) -> int:
    if atom.kind == "symbol":
        return sizes[atom.args[0]]
    if atom.kind == "size":
        return sizes[SizeRef(*atom.args)]
    values = [part.evaluate(sizes) if isinstance(part, Expr) else part for part in atom.args]
    if atom.kind == "//":
        return int(values[0] // values[1])
    return int(min(values) if atom.kind == "min" else max(values))


def _replaced(atom: _Atom, mapping: Mapping[Any, Dim]) -> Dim:
    if atom.kind == "symbol":
        return mapping.get(atom.args[0], _single(atom))
    if atom.kind == "size":
        return mapping.get(SizeRef(*atom.args), _single(atom))
    parts = [part.substitute(mapping) if isinstance(part, Expr) else part for part in atom.args]
    return parts[0] // parts[1] if atom.kind == "//" else _extreme(atom.kind, parts)


def _atom_to_json(atom: _Atom) -> Any:
    return [atom.kind, *(part.to_json() if isinstance(part, Expr) else part for part in atom.args)]


def _atom_from_json(data: Any) -> Dim:
    kind, *args = data
    if kind == "symbol":
        return symbol(str(args[0]))
    if kind == "size":
        return size_of(str(args[0]), int(args[1]), int(args[2]))
    parts = [Expr.from_json(part) for part in args]
    if kind == "//":
        return parts[0] // parts[1]
    if kind in ("min", "max"):
        return _extreme(kind, parts)
    raise ValueError(f"{kind!r} is no part of a size")
