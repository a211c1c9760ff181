"""A symbolic graph compiler for neural networks whose heart is static shape inference.

Names are resolved on first use (PEP 562), so importing the package loads neither numpy nor networkx.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_NAMES = {
    "Graph": "graphinit.ir.graph",
    "GraphBuilder": "graphinit.ir.graph",
    "Node": "graphinit.ir.node",
    "Tensor": "graphinit.ir.tensor",
    "TensorType": "graphinit.ir.types",
    "Parameter": "graphinit.parameter",
    "compile": "graphinit.compiler",
    "render": "graphinit.drawing",
}
_MODULES = (
    "autograd", "cli", "compiler", "drawing", "errors", "functional", "init", "ir", "loss",
    "lr_scheduler", "nn", "ops", "optimizer", "parameter", "random", "runtime", "saving", "trainer",
)  # fmt: skip

if TYPE_CHECKING:
    from graphinit.compiler import compile as compile
    from graphinit.drawing import render as render
    from graphinit.ir.graph import Graph as Graph
    from graphinit.ir.graph import GraphBuilder as GraphBuilder
    from graphinit.ir.node import Node as Node
    from graphinit.ir.tensor import Tensor as Tensor
    from graphinit.ir.types import TensorType as TensorType
    from graphinit.parameter import Parameter as Parameter

__all__ = ["Graph", "GraphBuilder", "Node", "Parameter", "Tensor", "TensorType", "compile", "render"]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"graphinit.{name}")
    raise AttributeError(f"module 'graphinit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES, *_MODULES})
