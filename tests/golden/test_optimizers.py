"""Four steps of every optimiser of MXNet 2.0, weight for weight, and where ours differ on purpose."""

import numpy as np
import pytest

import graphinit
from graphinit import nn, optimizer
from tests.golden.cases import recorded

CASES = recorded()["extras"]["optimizer_cases"]

REASONS = {
    "adamw": "decay as published: lr * wd * w, not multiplied with the bias-corrected rate of Adam",
}


def run(case):
    layer = nn.Dense(2, in_units=2, use_bias=False)
    layer.load_dict({"weight": np.array(case["weight_init"], np.float32)})

    class Squares(nn.Block):
        def __init__(self):
            super().__init__()
            self.dense = layer

        def forward(self, x):
            return (self.dense(x) ** 2).sum()

    x = np.array(case["x"], np.float32)
    exe = graphinit.compile(Squares(), x=x)
    made = optimizer.create(case["optimizer"], **case["params"])
    made.bind(layer.collect_params())
    assert made.learning_rate == pytest.approx(case["learning_rate"])
    weights = []
    for _ in case["weights_after_step"]:
        exe.forward(x)
        exe.backward()
        made.step(case["batch_size"])
        weights.append(layer.weight.data().ravel().tolist())
    return weights


@pytest.mark.parametrize("index", range(len(CASES)))
def test_four_steps(index):
    case = CASES[index]
    ours, theirs = run(case), np.array(case["weights_after_step"])
    difference = np.abs(np.array(ours) - theirs).max()
    if case["optimizer"] in REASONS:
        assert 1e-6 < difference < 1e-2
    else:
        np.testing.assert_allclose(ours, theirs, rtol=3e-5, atol=2e-6)


def test_every_reason_is_needed():
    assert set(REASONS) <= {case["optimizer"] for case in CASES}
