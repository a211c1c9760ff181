"""The compiled programs that a block keeps."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from graphinit.ir.graph import Graph
from graphinit.runtime.executor import Executable

KEPT = 16


class Programs:
    """The compiled programs of one block.

    Attributes
    ----------
    fast : OrderedDict
        From shape and dtype to what runs, for calls with one array.
    general : OrderedDict
        From the signature of all arguments to the executable.
    graphs : OrderedDict
        From what is static about arguments, and ranks, to the network's description.
    recorded : OrderedDict
        What `graphinit.autograd` remembers of calls.
    """

    def __init__(self) -> None:
        self.fast: OrderedDict[Any, Any] = OrderedDict()
        self.general: OrderedDict[Any, Executable] = OrderedDict()
        self.graphs: OrderedDict[Any, Graph | None] = OrderedDict()
        self.recorded: OrderedDict[Any, Any] = OrderedDict()


def keep(programs: OrderedDict[Any, Any], key: Any, program: Any) -> None:
    """Keep a program as the newest, and no more than `KEPT`."""
    programs[key] = program
    programs.move_to_end(key)
    while len(programs) > KEPT:
        programs.popitem(last=False)
