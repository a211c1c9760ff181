"""Text that shows what it holds: for names, paths and messages that people and terminals read.

What users call things may hold anything: codes that move a terminal's cursor, marks that turn the order
of letters round, line breaks that forge a line of their own, halves of a character that no encoding
has.  Such text is kept as it is, and escaped where it is printed.
"""

from __future__ import annotations

import re

_UNSEEN = re.compile(r"[^ -~]")


def escaped(text: str) -> str:
    r"""Return text in one line in which every character is one that shows as itself.

    Control characters, line breaks of every kind, marks of direction, characters without a width and lone
    surrogates, all that `str.isprintable` is false for, stand as in a Python string.

    Examples
    --------
    >>> print(escaped("größe\n\x1b[2J\u202e"))
    größe\n\x1b[2J\u202e
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNSEEN.sub(_shown, text)


def escaped_lines(text: str) -> str:
    r"""Return text whose line breaks ``\n`` stay, escaped otherwise.

    Examples
    --------
    >>> print(escaped_lines("a\r\nb"))
    a\r
    b
    """
    return text if text.isprintable() else "\n".join(map(escaped, text.split("\n")))


def class_name(value: object) -> str:
    r"""Return the name of a value's class, escaped.

    Examples
    --------
    >>> class_name(type("A\nB", (), {})())
    'A\\nB'
    """
    return escaped(type(value).__name__)


def _shown(match: re.Match[str]) -> str:
    character = match[0]
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
