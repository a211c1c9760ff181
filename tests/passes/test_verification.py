"""The verifier finds what is not a well-formed graph."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from graphinit import Graph
from graphinit import functional as F
from graphinit.errors import GraphError
from graphinit.ir.node import Value
from graphinit.ir.op import Attrs
from graphinit.ir.types import TensorType
from passes.base import PassResult, Pipeline
from passes.pipelines import checked
from passes.shape_inference import infer_shapes
from passes.verification import Verify, VerifyPasses


def good() -> Graph:
    x = F.input("x", shape=(3, 5))
    return infer_shapes(Graph(outputs=F.sum(F.exp(x), axis=1))).graph


def broken(name: str, /, **changes: object) -> Graph:
    """Return a graph with one node changed behind its back."""
    graph = good()
    nodes = {**graph.nodes, name: replace(graph.nodes[name], **changes)}
    graph.nodes = MappingProxyType(nodes)
    return graph


def test_a_good_graph_passes_as_it_is():
    graph = good()
    assert Verify()(graph).graph is graph


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (lambda: broken("exp", name="other"), "is called 'other'"),
        (lambda: broken("exp", inputs=(Value("sum"),)), "'sum', which is not in the graph before it"),
        (lambda: broken("exp", inputs=(Value("x", 1),)), "takes output 1 of 'x', which has 1"),
        (lambda: broken("exp", inputs=()), "takes 1 inputs, got 0"),
        (lambda: broken("exp", op="expp"), "no op named 'expp'"),
        (lambda: broken("exp", types=(TensorType(), TensorType())), "states 2 outputs, not 1"),
        (lambda: broken("x", inputs=(Value("x"),)), "input takes no inputs"),
        (lambda: broken("sum", attrs=Attrs({"axis": "all"})), "axis"),
        (lambda: broken("sum", attrs=Attrs({"axis": (1,)})), "not canonical"),
    ],
)
def test_what_is_malformed_is_named(graph, words):
    with pytest.raises(GraphError) as caught:
        Verify(types=False)(graph())
    assert caught.value.code == "GI107"
    assert words in str(caught.value)


def test_types_that_disagree_with_the_rules_are_found():
    Verify(types=False)(broken("sum", types=(TensorType((5,), "float32"),)))
    with pytest.raises(GraphError):
        Verify()(broken("sum", types=(TensorType((5,), "float32"),)))


def test_the_verifier_stands_around_passes():
    def break_it(graph: Graph) -> PassResult[None]:
        return PassResult(broken("exp", inputs=(Value("sum"),)), True, None)

    def lie(graph: Graph) -> PassResult[None]:
        return PassResult(good(), False, None)

    with pytest.raises(GraphError, match="in pass break_it"):
        Pipeline([break_it], [VerifyPasses()])(good())
    with pytest.raises(GraphError, match="lie returned another graph"):
        Pipeline([lie], [VerifyPasses()])(good())
    assert checked()(good()).graph is not None
