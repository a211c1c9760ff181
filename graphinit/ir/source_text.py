"""Values and words of a graph as they stand in source that is going to be run.

All that comes from a graph and is printed into a program goes through here.  What `literal` returns is one
Python literal, and what `comment` returns is one comment, whatever was put in: neither can be left.
"""

from __future__ import annotations

import math
from typing import Any

from graphinit.errors import GraphError
from graphinit.ir.moves import Move, Part, Permute, Reshape
from graphinit.plain_text import escaped


def literal(value: Any) -> str:
    """Return a number, a truth value, text, None or a tuple of these as a Python literal.

    Raises
    ------
    GraphError
        GI107, when it is something else, such as a size that is not known.

    Examples
    --------
    >>> literal((2, None, -1.5)), literal(float("-inf"))
    ('(2, None, -1.5)', "float('-inf')")
    """
    kind = type(value)
    if value is None or kind is bool or kind is int:
        return repr(value)
    if kind is float:
        return repr(value) if math.isfinite(value) else f"float('{value!r}')"
    if kind is str:
        return ascii(value)
    if kind is tuple:
        inner = ", ".join(map(literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    raise GraphError(f"a program needs a number where the graph has {value}", code="GI107")


def comment(text: str) -> str:
    r"""Return a comment of one line.

    Examples
    --------
    >>> print(comment("relu\nimport os"))
    # relu\nimport os
    """
    return f"# {escaped(text)}"


def move_text(move: Move, array: str) -> str:
    """Return a NumPy expression for a view of the array that a name stands for.

    Examples
    --------
    >>> move_text(Reshape((2, 15)), "x"), move_text(Part((0, (None, 3, None), "new")), "x")
    ('x.reshape((2, 15))', 'x[0, :3, None, ...]')
    """
    match move:
        case Reshape(shape):
            return f"{array}.reshape({literal(shape)})"
        case Permute(axes):
            return f"{array}.transpose({literal(axes)})"
        case Part():
            return f"{array}[{', '.join(map(_entry_text, move.index))}]"


def _entry_text(entry: Any) -> str:
    if entry is Ellipsis:
        return "..."
    if not isinstance(entry, slice):
        return literal(entry)
    start, stop, step = (
        "" if part is None else literal(part) for part in (entry.start, entry.stop, entry.step)
    )
    return f"{start}:{stop}{':' + step if step else ''}"
