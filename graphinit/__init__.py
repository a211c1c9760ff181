"""A symbolic graph compiler for neural networks whose heart is static shape inference.

Names are resolved on first use (PEP 562), so importing the package loads neither numpy nor networkx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphinit.faces import lazy_face

__version__ = "0.1.0"

_MODULES = """
    autograd cli compiler drawing errors functional init ir loss lr_scheduler nn ops optimizer parameter random
    runtime saving trainer training checkpoint data fitting metric
"""
_PLACES = {name: f"graphinit.{name}" for name in _MODULES.split()} | {
    "Graph": "graphinit.ops graphinit.ir.graph:Graph",
    "GraphBuilder": "graphinit.ops graphinit.ir.graph:GraphBuilder",
    "Node": "graphinit.ir.node:Node",
    "Parameter": "graphinit.parameter:Parameter",
    "Tensor": "graphinit.ir.tensor:Tensor",
    "TensorType": "graphinit.ir.types:TensorType",
    "compile": "graphinit.compiler:compile",
    "compile_step": "graphinit.training:compile_step",
    "evaluate": "graphinit.fitting:evaluate",
    "fit": "graphinit.fitting:fit",
    "load_checkpoint": "graphinit.checkpoint:load_checkpoint",
    "render": "graphinit.drawing:render",
    "save_checkpoint": "graphinit.checkpoint:save_checkpoint",
}

if TYPE_CHECKING:
    from graphinit import autograd as autograd
    from graphinit import checkpoint as checkpoint
    from graphinit import cli as cli
    from graphinit import compiler as compiler
    from graphinit import data as data
    from graphinit import drawing as drawing
    from graphinit import errors as errors
    from graphinit import fitting as fitting
    from graphinit import functional as functional
    from graphinit import init as init
    from graphinit import ir as ir
    from graphinit import loss as loss
    from graphinit import lr_scheduler as lr_scheduler
    from graphinit import metric as metric
    from graphinit import nn as nn
    from graphinit import ops as ops
    from graphinit import optimizer as optimizer
    from graphinit import parameter as parameter
    from graphinit import random as random
    from graphinit import runtime as runtime
    from graphinit import saving as saving
    from graphinit import trainer as trainer
    from graphinit import training as training
    from graphinit.checkpoint import load_checkpoint as load_checkpoint
    from graphinit.checkpoint import save_checkpoint as save_checkpoint
    from graphinit.compiler import compile as compile
    from graphinit.drawing import render as render
    from graphinit.fitting import evaluate as evaluate
    from graphinit.fitting import fit as fit
    from graphinit.ir.graph import Graph as Graph
    from graphinit.ir.graph import GraphBuilder as GraphBuilder
    from graphinit.ir.node import Node as Node
    from graphinit.ir.tensor import Tensor as Tensor
    from graphinit.ir.types import TensorType as TensorType
    from graphinit.parameter import Parameter as Parameter
    from graphinit.training import compile_step as compile_step

__all__ = sorted(_PLACES)  # noqa: PLE0605  (the names of the table)
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = lazy_face(__name__, _PLACES)
