"""From DOT text to a picture, by Graphviz within this process or by a program beside it."""

from __future__ import annotations

from xml.etree import ElementTree

import graphviz

from graphinit.errors import DrawingError
from graphinit.pictures.wording import BACKSLASH

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"


def lay_out(dot: str, format: str) -> bytes:
    """Return the picture of a DOT text.

    Raises
    ------
    DrawingError
        GI603, when there is nothing to lay it out with, or the text is no DOT.
    """
    try:
        import pygraphviz  # an optional engine, and slow to import
    except ImportError:
        return _lay_out_by_program(dot, format)
    try:
        with pygraphviz.AGraph(string=dot) as picture:
            return bytes(picture.draw(format=format, prog="dot"))
    except (ValueError, OSError) as cause:
        said = " ".join(str(cause).split())
        raise DrawingError(f"Graphviz could not draw this network as {format}: {said}") from cause


def _lay_out_by_program(dot: str, format: str) -> bytes:
    try:
        return bytes(graphviz.Source(dot, engine="dot").pipe(format=format, quiet=True))
    except graphviz.ExecutableNotFound as cause:
        raise DrawingError(
            "nothing here can lay out a picture: install pygraphviz (python -m pip install 'pygraphviz>=2.0.4', whose "
            "wheels carry Graphviz), or put Graphviz's dot on the PATH; the drawing's .dot works without either"
        ) from cause
    except graphviz.CalledProcessError as cause:
        raise DrawingError(
            f"dot could not draw this network as {format}: {' '.join(str(cause).split())}"
        ) from cause


def tidy(svg: str) -> str:
    """Turn Graphviz's links that only carry a tooltip into titles, and let the picture shrink to its place."""
    root = ElementTree.fromstring(svg)
    for label in root.iter(f"{{{SVG}}}text"):
        label.text = (label.text or "").replace(BACKSLASH, "\\")
    for group in list(root.iter(f"{{{SVG}}}g")):
        title = group.find(f"{{{SVG}}}title")
        for index, child in reversed(list(enumerate(group))):
            link = child.find(f"{{{SVG}}}a")
            if link is None:
                continue
            if title is not None:
                text = link.get(f"{{{XLINK}}}title", "")
                title.text = text.replace("\N{NO-BREAK SPACE}", " ").replace(BACKSLASH, "\\")
            group[index : index + 1] = list(link)
        if group.get("class") == "graph" and title is not None:
            group.remove(title)  # it would be the tooltip of the whole picture
    root.set("role", "img")
    root.set("style", "max-width: 100%; height: auto")
    ElementTree.register_namespace("", SVG)
    return ElementTree.tostring(root, encoding="unicode") + "\n"
