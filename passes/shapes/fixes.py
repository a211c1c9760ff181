"""Edits that make a network hold, each tried by inference before it is offered.

Small edits come first: leave an argument out, give it another number, change padding or strides,
transpose an operand, put a projection on a skip.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from passes.shapes.argument_edits import edits_of_arguments
from passes.shapes.explanation import History
from passes.shapes.inference import Inference, infer
from passes.shapes.mistake import Candidate, Mistake, contradiction, required
from passes.shapes.op_edits import edits_of_op_arguments, edits_of_the_op

_TRIED = 12
"""How many edits of arguments are tried, and as many of ops: each try is one inference."""

_SHOWN = 4
_MOST_NODES = 5_000
"""Larger graphs are not built anew to try an edit of their ops."""


class Fix(NamedTuple):
    """An edit in words, and the mistakes that it mends, by node and equation."""

    text: str
    mended: frozenset[Any]


def find_fixes(history: History, mistake: Mistake) -> tuple[Fix, ...]:
    """Return edits after which this mistake is gone, and there is no new one.

    Parameters
    ----------
    history : History
        What was inferred.
    mistake : Mistake
        What is to be mended.

    Returns
    -------
    tuple of Fix
        Such as ``"drop in_units=30"``, the smallest edit first.
    """
    inference = history.inference
    before = _Standing(inference)
    names = list(inference.graph.nodes)
    own = {(names[row], label) for row, label in mistake.labels}
    found: dict[Any, Fix] = {}
    for candidates in _candidates(history, mistake):
        left = _TRIED
        for edit, text, trial in candidates:
            if edit in found:
                continue
            if left == 0:
                break
            left -= 1
            tried = trial()
            if before.is_mended(tried, own):
                found[edit] = Fix(text, frozenset(before.places - _places(tried)))
                if len(found) == _SHOWN:
                    return _distinct(found)
    return _distinct(found)


def _distinct(found: Mapping[Any, Fix]) -> tuple[Fix, ...]:
    return tuple({fix.text: fix for fix in found.values()}.values())


class _Standing:
    """What is wrong with a network, and what it requires, before it is edited."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self.places = _places(inference)
        self.required = required(inference)
        self.equalities = _equalities(inference)

    def is_mended(self, tried: Inference, own: Collection[Any]) -> bool:
        """Whether an edit mends a mistake (nothing: requirements that no size meets), and makes no new one."""
        left, before = _places(tried), self.inference.mistakes
        if own:
            gone = left.isdisjoint(own) and left < self.places and tried.mistakes < before
        else:
            gone = left <= self.places and tried.mistakes <= before
        if not gone or not _equalities(tried) <= self.equalities:
            return False
        against = contradiction(tried)
        return not against or (against <= self.required and (bool(own) or against != self._against))

    @property
    def _against(self) -> frozenset[Any]:
        return contradiction(self.inference)


def _equalities(inference: Inference) -> set[Any]:
    """The equalities that a network asks of its symbols: an edit must not ask for more."""
    needs = inference.solver.needs.values()
    return {need.alternatives for need in needs if any(each.relation == "==" for each in need.alternatives)}


def _places(inference: Inference) -> set[Any]:
    """The mistakes that are there, by node and equation."""
    if not inference.solver.clashes:
        return set()
    names = list(inference.graph.nodes)
    return {(names[row], label) for row, label in inference.solver.clashes}


def _candidates(history: History, mistake: Mistake) -> Iterator[Iterator[Candidate]]:
    statements = [place for place in dict.fromkeys(mistake.statements) if history.stated(place) is not None]
    graph, given = history.inference.graph, history.inference.given
    yield (
        (edit, text, lambda changed=changed: infer(graph, given, changed))  # type: ignore[misc]
        for edit, text, changed in edits_of_arguments(history, mistake, statements)
    )
    if len(graph.nodes) <= _MOST_NODES:
        yield edits_of_op_arguments(history, mistake)
        yield edits_of_the_op(history, mistake)
