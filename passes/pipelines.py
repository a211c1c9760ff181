"""Named pipelines: what `graphinit.compile` runs on a graph between inference and planning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphinit.errors import CallError
from graphinit.suggestions import did_you_mean
from passes.base import Pass, Pipeline
from passes.canonicalization import Canonicalize, SettleSizes
from passes.common_subexpressions import MergeCommonSubexpressions
from passes.constant_folding import FoldConstants
from passes.dead_code import RemoveDeadCode
from passes.verification import VerifyPasses


def clean_up() -> Pipeline:
    """Return the pipeline ``"default"``: canonical form, constants, common subexpressions, dead code."""
    return Pipeline(
        (Canonicalize(), FoldConstants(), MergeCommonSubexpressions(), RemoveDeadCode()), name="default"
    )


def as_written() -> Pipeline:
    """Return the pipeline ``"none"``: the graph as it was described, with its sizes settled."""
    return Pipeline((SettleSizes(),), name="none")


def checked() -> Pipeline:
    """Return the pipeline ``"checked"``: the default one, verified after every pass."""
    return Pipeline(clean_up().passes, (VerifyPasses(),), name="checked")


PIPELINES: dict[str, Callable[[], Pipeline]] = {
    "default": clean_up,
    "none": as_written,
    "checked": checked,
}


def pipeline(chosen: str | Pass[Any]) -> Pass[Any]:
    """Return a pipeline by its name; a pass is returned as it is.

    Raises
    ------
    CallError
        GI503, when there is none of that name.

    Examples
    --------
    >>> [type(item).__name__ for item in pipeline("none").passes]
    ['SettleSizes']
    """
    if not isinstance(chosen, str):
        if not callable(chosen):
            raise CallError(f"a pipeline is a name or a pass, not {chosen!r}")
        return chosen
    if chosen not in PIPELINES:
        hint = did_you_mean(chosen, PIPELINES) or f"; there are {', '.join(PIPELINES)}"
        raise CallError(f"there is no pipeline {chosen!r}{hint}")
    return PIPELINES[chosen]()
