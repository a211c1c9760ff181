"""Work on graphs: inference, verification, differentiation, rewriting, planning.

Each pass is a value that is called on a graph and usable by itself; the functions are their short
forms.

>>> from graphinit import nn
>>> from passes import infer_shapes
>>> infer_shapes(nn.Sequential(nn.Dense(256), nn.Dense(10)).trace(), x=("batch", 20))["1.weight"]
(10, 256)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphinit.faces import listed_face
from passes.base import DrawPasses, Instrument, Pass, PassResult, Pipeline, PrintPasses, TimePasses
from passes.canonicalization import Canonicalize
from passes.common_subexpressions import MergeCommonSubexpressions
from passes.constant_folding import FoldConstants
from passes.cost import CostReport, EstimateCost, estimate_cost
from passes.dead_code import RemoveDeadCode
from passes.differentiation import Differentiate, differentiate
from passes.initialization import init_parameters
from passes.memory_planning import MemoryReport, PlanMemory
from passes.numpy_emitter import emit_numpy
from passes.pipelines import pipeline
from passes.shape_inference import InferShapes, infer_shapes
from passes.shape_report import ShapeReport
from passes.subgraphs import SubgraphEngine
from passes.verification import Verify, VerifyPasses

__all__ = [
    "Canonicalize",
    "CostReport",
    "Differentiate",
    "DrawPasses",
    "EstimateCost",
    "FoldConstants",
    "InferShapes",
    "Instrument",
    "MemoryReport",
    "MergeCommonSubexpressions",
    "Pass",
    "PassResult",
    "Pipeline",
    "PlanMemory",
    "PrintPasses",
    "RemoveDeadCode",
    "ShapeReport",
    "SubgraphEngine",
    "TimePasses",
    "Verify",
    "VerifyPasses",
    "differentiate",
    "emit_numpy",
    "estimate_cost",
    "infer_shapes",
    "init_parameters",
    "pipeline",
]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
