"""Every op in an emitted program computes what the reference interpreter computes."""

from __future__ import annotations

import numpy as np
import pytest

import graphinit
from passes.differentiation import differentiate

from .reference import evaluate
from .samples import SAMPLES, Sample
from .test_every_op import graph_of, is_differentiable, named, samples_where, starts_of


@pytest.mark.parametrize("sample", SAMPLES, ids=map(str, SAMPLES))
def test_programs_agree_with_the_interpreter(sample: Sample) -> None:
    graph, arrays = graph_of(sample), named(sample.arrays())
    expected = evaluate(graph, arrays)
    executable = graphinit.compile(graph, grad=False, **arrays)
    found = executable.forward(*arrays.values())
    found = found if isinstance(found, dict) else {"y0": found}
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-12, atol=1e-13)
        assert found[name].dtype == array.dtype


@samples_where(lambda sample: sample.op != "prod_others_along" and is_differentiable(sample))
def test_gradients_of_programs_agree_with_the_interpreter(sample: Sample) -> None:
    graph, arrays = graph_of(sample), named(sample.arrays())
    starts = starts_of(sample)
    rng = np.random.default_rng(0)
    seeds = {
        name: rng.standard_normal(array.shape) for name, array in evaluate(graph, arrays, starts).items()
    }
    joint = differentiate(graph, outputs=starts)
    expected = evaluate(joint, {**arrays, **{f"d.{name}": seed for name, seed in seeds.items()}})
    graph = graph.replace({}, {name: graph.outputs[name] for name in starts})
    executable = graphinit.compile(graph, **arrays)
    executable.forward(*arrays.values())
    found = executable.backward(**seeds) if len(seeds) > 1 else executable.backward(seeds[starts[0]])
    for name, array in found.items():
        np.testing.assert_allclose(array, expected[f"grad.{name}"], rtol=1e-11, atol=1e-12)
