"""Pictures of networks: a graph, and what a report says of it, as DOT text and SVG.

Blocks are clusters, nested as the blocks are; a parameter is one node with an edge to each of its
users, so that ties are seen; every edge carries the shape of its value, ``?`` standing for a size
that is not known; a node with a shape error is marked where it stands.  Nodes are opaque, lines and
loose text of a middle grey and the background is left out, so that a picture reads on light and on
dark pages alike.

Layout is done in this process by `pygraphviz`, whose wheels carry Graphviz, or by a ``dot`` program
where that is not at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphinit.errors import DrawingError, GraphError
from graphinit.faces import listed_face
from graphinit.ir.graph import Graph
from graphinit.pictures.dot import Picture
from graphinit.pictures.layout import lay_out, tidy
from graphinit.scalars import whole
from graphinit.storage.atomic import write_atomically
from graphinit.storage.files import file_name
from passes.base import is_network, traced
from passes.shape_inference import infer_shapes

_FORMATS = (".svg", ".png", ".pdf", ".dot", ".gv")


@dataclass(frozen=True)
class Drawing:
    """A picture: DOT text, laid out when the SVG is asked for.

    Parameters
    ----------
    dot : str
        The picture in Graphviz's language.

    Examples
    --------
    >>> from graphinit import Graph, functional as F
    >>> x = F.input("x", shape=("batch", 20))
    >>> drawing = render(Graph(F.relu(x)))
    >>> drawing.dot.count("batch×20")  # the edge to the op, and the one to the output
    2
    >>> drawing.svg[:4]
    '<svg'
    """

    dot: str

    @cached_property
    def svg(self) -> str:
        """The picture as SVG text.

        Raises
        ------
        DrawingError
            GI603 when neither `pygraphviz` nor a ``dot`` program is there.
        """
        return tidy(lay_out(self.dot, "svg").decode())

    def save(self, path: Any) -> Path:
        """Write the picture to a file: ``.svg``, ``.png``, ``.pdf``, or ``.dot`` for its source.

        The file appears whole or not at all.

        Parameters
        ----------
        path : str, bytes or os.PathLike
            Where to; the ending says the format.

        Returns
        -------
        pathlib.Path
            The file written.

        Raises
        ------
        DrawingError
            GI603 when the ending is none of these, or there is nothing to lay it out with.
        FileError
            GI701 when the file cannot be written.
        """
        file = Path(file_name(path))
        suffix = file.suffix.lower()
        if suffix not in _FORMATS:
            raise DrawingError(f"cannot draw to {file.name!r}: use a name that ends in {', '.join(_FORMATS)}")
        if suffix == ".svg":
            content = self.svg.encode()
        elif suffix in (".dot", ".gv"):
            content = self.dot.encode()
        else:
            content = lay_out(self.dot, suffix[1:])
        write_atomically(file, content)
        return file

    def _repr_svg_(self) -> str:
        return self.svg


def render(
    net_or_graph: Any,
    path: Any = None,
    *,
    report: Any = None,
    depth: int | None = None,
) -> Drawing:
    """Draw a network.

    Parameters
    ----------
    net_or_graph : Block or Graph
        What to draw; a network is traced.
    path : str, bytes or os.PathLike, optional
        Where to write the picture, see `Drawing.save`.
    report : ShapeReport, optional
        What `passes.infer_shapes` found of it: its shapes are written on the edges and its errors
        are marked.  Without one, they are inferred from what the graph itself states.
    depth : int, optional
        How many levels of blocks to open; deeper blocks are one node each.  By default all.

    Returns
    -------
    Drawing
        The picture, also when it was written to a file.

    Raises
    ------
    CallError
        If `net_or_graph` is neither a network nor a graph.
    GraphError
        If `report` is of another one.
    DrawingError, FileError
        See `Drawing.save`.
    """
    if report is None or isinstance(net_or_graph, Graph) or not is_network(net_or_graph):
        graph = traced(net_or_graph, "render")
    else:
        graph = report.graph
    levels = None if depth is None else whole(depth)
    if depth is not None and (levels is None or levels < 0):
        raise DrawingError(f"depth is the number of levels to open, 0 or more, not {depth!r}")
    if report is None:
        report = infer_shapes(graph)
    elif list(report.graph.nodes) != list(graph.nodes):
        raise GraphError("the report is of another graph; infer its shapes and draw it with that report")
    drawing = Drawing(Picture(report.graph, tuple(report.errors), levels).source())
    if path is not None:
        drawing.save(path)
    return drawing


__all__ = [
    "Drawing",
    "render",
]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
