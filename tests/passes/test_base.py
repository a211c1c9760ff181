"""Passes are values; pipelines run them, instruments look on, errors say where they crossed."""

from __future__ import annotations

import dataclasses

import pytest

from graphinit import Graph
from graphinit import functional as F
from graphinit.errors import CallError, DifferentiationError, GraphError
from passes.base import DrawPasses, Pipeline, PrintPasses, TimePasses, run_pass
from passes.canonicalization import Canonicalize
from passes.dead_code import RemoveDeadCode
from passes.differentiation import Differentiate
from passes.numpy_emitter import emit_numpy
from passes.pipelines import PIPELINES, pipeline


def twice_negated() -> Graph:
    return Graph(outputs=F.negative(-F.input("x", shape=(3, 5))))


def test_a_pass_leaves_its_argument_alone():
    graph = twice_negated()
    before = str(graph)
    result = Canonicalize()(graph)
    assert result.changed
    assert result.graph is not graph
    assert str(graph) == before


def test_a_pass_that_changes_nothing_returns_the_same_graph():
    graph = Graph(outputs=F.relu(F.input("x", shape=(3, 5))))
    for item in (Canonicalize(), RemoveDeadCode(), *(make() for make in PIPELINES.values())):
        result = item(graph)
        assert result.graph is graph
        assert not result.changed


def test_passes_are_frozen_values():
    assert Differentiate(("y",)) == Differentiate(("y",))
    with pytest.raises(dataclasses.FrozenInstanceError):
        Differentiate().outputs = ("y",)


def test_a_pipeline_is_a_pass_made_of_passes_in_order():
    result = Pipeline([Canonicalize(), Pipeline([RemoveDeadCode()])])(twice_negated())
    assert list(result.graph.nodes) == ["x"]
    assert result.report == (None, ((),))


def test_instruments_stand_around_every_pass():
    clock, lines, drawn = TimePasses(), [], []
    outer = Pipeline([Canonicalize(), Pipeline([RemoveDeadCode()], name="inner")])
    outer.with_instruments(
        clock, PrintPasses(lines.append), DrawPasses(lambda name, graph: drawn.append((name, len(graph))))
    )(twice_negated())
    assert [name for name, _ in clock.seconds] == ["Canonicalize", "RemoveDeadCode", "inner"]
    assert all(seconds >= 0 for _, seconds in clock.seconds)
    assert lines[0] == "after Canonicalize: graph(x: float32[3, 5])\n  return y=x\n"
    assert lines[1] == "after RemoveDeadCode: unchanged\n"
    assert drawn == [("Canonicalize", 1)]


def test_an_error_gains_the_pass_and_the_line_of_the_graph_once():
    x, y = F.input("x", shape=(3,)), F.input("y", shape=(3,))
    graph = Graph(outputs=F.cast(F.cast(x, dtype="int32"), dtype="float32") * y)
    fail = Pipeline([Pipeline([Differentiate(wrt=("nobody",))])])
    with pytest.raises(GraphError) as caught:
        fail(graph)
    assert str(caught.value).count("in pass Differentiate") == 1
    assert "in pass Pipeline" not in str(caught.value)


def test_an_error_that_names_a_node_shows_its_line():
    graph = Graph(outputs=F.input("x", dtype="int64", shape=(3,)) + 1)
    with pytest.raises(DifferentiationError) as caught:
        run_pass(Differentiate(("y",), ("x",)), graph)
    assert "in pass Differentiate" in str(caught.value)


def test_errors_of_other_kinds_gain_a_note():
    def broken(graph: Graph) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        run_pass(broken, twice_negated())
    assert caught.value.__notes__ == ["in pass broken"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([RemoveDeadCode], r"RemoveDeadCode\(\), not the class RemoveDeadCode"),
        (["default"], "passes such as FoldConstants\\(\\), not of 'default'"),
        ("default", "a pipeline takes a list of passes, not 'default'"),
        (RemoveDeadCode(), r"a pipeline takes a list of passes, not RemoveDeadCode\(\)"),
    ],
)
def test_a_pipeline_says_what_it_takes(given, message):
    with pytest.raises(CallError, match=message):
        Pipeline(given)


def test_what_is_no_program_is_not_printed():
    with pytest.raises(CallError, match="emit_numpy takes the program that PlanMemory makes of a graph"):
        emit_numpy(twice_negated())


def test_pipelines_have_names():
    assert pipeline("default").name == "default"
    with pytest.raises(GraphError.__mro__[1], match="no pipeline 'fast'; there are default, none, checked"):
        pipeline("fast")
