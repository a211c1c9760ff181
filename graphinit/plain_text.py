"""Text that shows what it holds: for names, paths and messages that people and terminals read.

What users call things may hold anything: codes that move a terminal's cursor, marks that turn the order
of letters round, line breaks that forge a line of their own, halves of a character that no encoding
has.  Such text is kept as it is, and escaped where it is printed.
"""

from __future__ import annotations

import re

_UNSEEN = re.compile(r"[^ -~]")
_LONGEST = 80  # of a value in an error


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
    return _UNSEEN.sub(_escape, text)


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


def shown(value: object) -> str:
    """Return what stands in an error for a value that was given: its text, in one short line.

    Examples
    --------
    >>> shown("relux"), shown([0] * 99)[-12:], shown(dict)
    ("'relux'", ', 0, 0, 0...', 'the class dict; call it to make one')
    """
    if isinstance(value, type):
        return f"the class {escaped(value.__name__)}; call it to make one"
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
