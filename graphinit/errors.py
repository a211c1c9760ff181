"""Every error that graphinit raises: one hierarchy, stable codes, structured fields.

Names stand in messages and fixes as they are: each is one line, which is escaped when it is printed.

An error's text is meant to be acted on without opening the source.  Its first line carries the
code, what went wrong, the node and the user's file and line; further lines give both sides and
where each number came from; the last lines offer fixes that were tried.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from graphinit.faces import listed_face
from graphinit.plain_text import escaped

_Error = TypeVar("_Error", bound="GraphInitError")

CODES: dict[str, str] = {
    "GI101": "two nodes want one name",
    "GI102": "the graph has a cycle",
    "GI103": "no such op",
    "GI104": "wrong number of inputs",
    "GI105": "bad attribute",
    "GI106": "no such name in the graph",
    "GI107": "not a well-formed graph",
    "GI108": "a symbolic value has no Python value",
    "GI109": "no gradient",
    "GI110": "another framework's spelling",
    "GI201": "dimension mismatch",
    "GI202": "rank mismatch",
    "GI203": "shapes do not broadcast",
    "GI204": "sizes do not multiply to the same number",
    "GI205": "a size is out of range",
    "GI206": "bad input specification",
    "GI207": "a shape is not known",
    "GI208": "requirements cannot hold together",
    "GI209": "no size fits",
    "GI211": "suspicious broadcast",
    "GI212": "reshape mixes samples",
    "GI213": "two sizes are equal by chance",
    "GI214": "nothing uses it",
    "GI215": "a size came out as 0",
    "GI301": "dtype mismatch",
    "GI302": "bad array",
    "GI401": "parameter not initialised",
    "GI402": "parameter initialisation deferred",
    "GI403": "shape conflict of a parameter",
    "GI404": "initializer failed",
    "GI405": "bad argument of a parameter",
    "GI406": "no gradient buffer",
    "GI407": "bad argument of a block",
    "GI501": "backward without forward",
    "GI502": "value out of range",
    "GI503": "wrong arguments of a call",
    "GI504": "not enough memory",
    "GI601": "target not found",
    "GI602": "target is not a network",
    "GI603": "drawing is not possible here",
    "GI701": "bad file",
}


class GraphInitError(Exception):
    """Base of every error of graphinit.

    Parameters
    ----------
    message : str
        What went wrong, in words: one line.
    code : str, optional
        A key of `CODES`; stable across versions.
    node : str, optional
        Name of the node concerned.
    path : str, optional
        Path of the parameter or block concerned.
    axis : int, optional
        Axis concerned.
    origins : iterable of str
        The user's statements that the error follows from, ``file:line`` with words.
    fixes : iterable of str
        Edits that were tried and make the network hold, each in one line.
    details : iterable of str
        Further lines, printed above the message; names stand in them escaped.
    trail : iterable of str
        The nodes that a conflict runs through, from the user's statements to the node concerned.

    Examples
    --------
    >>> error = GraphInitError("sizes clash", code="GI201", node="head", fixes=["drop in_units=3"])
    >>> print(error)
    GI201 dimension mismatch at head
      sizes clash
      fix (checked): drop in_units=3
    """

    code = "GI000"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        node: str | None = None,
        path: str | None = None,
        axis: int | None = None,
        where: str | None = None,
        origins: Iterable[str] = (),
        fixes: Iterable[str] = (),
        details: Iterable[str] = (),
        trail: Iterable[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.node = node
        self.path = path
        self.axis = axis
        self.where = where
        self.origins = tuple(origins)
        self.fixes = tuple(fixes)
        self.details = tuple(details)
        self.trail = tuple(trail)

    def __copy__(self) -> Self:
        return _made(type(self), self.args, vars(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        made = memo[id(self)] = type(self).__new__(type(self), *self.args)
        vars(made).update(copy.deepcopy(vars(self), memo))
        return made

    def __reduce__(self) -> Any:
        """Let an error cross to another process whole; what no pickle holds is None there."""
        fields = {name: value if _is_pickled(value) else None for name, value in vars(self).items()}
        args = tuple(arg if _is_pickled(arg) else repr(arg) for arg in self.args)
        return _made, (type(self), args, fields)

    @property
    def headline(self) -> str:
        """The first line: code, title, node and place."""
        line = f"{self.code} {CODES.get(self.code, 'error')}"
        subject = self.node or self.path
        if subject:
            line += f" at {subject}"
        return escaped(f"{line}  {self.where}" if self.where else line)

    def __str__(self) -> str:
        lines = [self.headline]
        lines += [f"  {line}" for text in self.details for line in text.split("\n")]
        lines.append(f"  {self.message}")
        lines += [f"  fix (checked): {fix}" for fix in self.fixes]
        lines += [f"  {line}" for note in getattr(self, "__notes__", ()) for line in note.split("\n")]
        return "\n".join(map(escaped, lines))

    def to_json(self) -> dict[str, Any]:
        """Return the structured fields as JSON-ready values."""
        return {
            "code": self.code,
            "message": self.message,
            "node": self.node,
            "path": self.path,
            "axis": self.axis,
            "where": self.where,
            "origins": list(self.origins),
            "fixes": list(self.fixes),
            "trail": list(self.trail),
        }


def _made(kind: type[_Error], args: tuple[Any, ...], fields: Mapping[str, Any]) -> _Error:
    """Return an error with these fields, whatever the constructor of its class takes."""
    made = kind.__new__(kind, *args)
    vars(made).update(fields)
    return made


def _is_pickled(value: Any) -> bool:
    if value is None or value == () or type(value) in (str, int):
        return True
    try:
        pickle.dumps(value)
    except Exception:  # whatever it holds: an error that cannot be sent would hide what went wrong
        return False
    return True


class GraphError(GraphInitError, ValueError):
    """A graph cannot be built or read: clashing names, a cycle, a missing node."""

    code = "GI107"


class UnknownNameError(GraphError, KeyError):
    """A look-up by name found nothing; a mapping's own kind of error, whose words can be read."""

    code = "GI106"


class OpError(GraphInitError, TypeError, ValueError):
    """An op was used wrongly: unknown op, number of inputs, attributes."""

    code = "GI105"


class SymbolicValueError(GraphInitError, TypeError):
    """Python asked a symbolic value for something only a number has."""

    code = "GI108"


class SpellingError(GraphInitError, AttributeError, TypeError):
    """A name or a form of another framework; the message says what to write here."""

    code = "GI110"


class DifferentiationError(GraphInitError, ValueError):
    """A gradient was asked for where none is defined."""

    code = "GI109"


class ShapeError(GraphInitError, AssertionError, ValueError, RuntimeError):
    """Shapes that cannot hold together, or that are not known when they must be.

    Attributes
    ----------
    others : tuple of ShapeError
        The other independent mistakes of the same network.
    report : ShapeReport or None
        The report that the error comes from.
    """

    code = "GI201"

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.others: tuple[ShapeError, ...] = ()
        self.report: Any = None


class DTypeError(GraphInitError, TypeError):
    """A dtype that an op, a parameter or an input cannot take."""

    code = "GI301"


class ArrayError(GraphInitError, TypeError, ValueError):
    """An array, or what was given in place of one, cannot be used."""

    code = "GI302"


class ParameterError(GraphInitError, AssertionError, ValueError, RuntimeError):
    """A parameter was asked for something that it cannot do."""

    code = "GI405"


class UninitializedError(GraphInitError, RuntimeError):
    """A parameter has no values, because nobody initialised it."""

    code = "GI401"


class DeferredInitializationError(UninitializedError):
    """A parameter waits for its shape before it gets its values."""

    code = "GI402"


class GradientError(GraphInitError, RuntimeError):
    """A parameter holds no gradient."""

    code = "GI406"


class BlockError(GraphInitError, AssertionError, TypeError, ValueError):
    """A block was built or called wrongly."""

    code = "GI407"


class ExecutionError(GraphInitError, RuntimeError):
    """A program cannot run: backward without forward, a value out of range."""

    code = "GI501"


class ValueRangeError(ExecutionError, IndexError, ValueError):
    """A value that an op cannot take, such as an id outside the vocabulary."""

    code = "GI502"


class CallError(GraphInitError, TypeError, ValueError):
    """A program or a network was called with the wrong arguments."""

    code = "GI503"


class TargetError(GraphInitError, ValueError):
    """A target of the command line is not there, or is not a network."""

    code = "GI601"


class DrawingError(GraphInitError, RuntimeError):
    """No layout engine is at hand."""

    code = "GI603"


class FileError(GraphInitError, ValueError):
    """A file of arrays cannot be written or read: not there, not whole, or not such a file."""

    code = "GI701"


__all__ = [
    "ArrayError",
    "BlockError",
    "CODES",
    "CallError",
    "DTypeError",
    "DeferredInitializationError",
    "DifferentiationError",
    "DrawingError",
    "ExecutionError",
    "FileError",
    "GradientError",
    "GraphError",
    "GraphInitError",
    "OpError",
    "ParameterError",
    "ShapeError",
    "SpellingError",
    "SymbolicValueError",
    "TargetError",
    "UninitializedError",
    "UnknownNameError",
    "ValueRangeError",
]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
