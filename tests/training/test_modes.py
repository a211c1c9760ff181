"""Training and inference mode as a `forward` sees it, and as it chooses it for parts of a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphinit
from graphinit import autograd, loss, nn
from graphinit.trainer import Trainer


class Asking(nn.Block):
    """Doubles its input in training, by Python's own question."""

    def forward(self, x: Any) -> Any:
        return x * 2 if autograd.is_training() else x * 1


def test_a_forward_knows_in_which_mode_it_is_described() -> None:
    net, x = Asking(), np.ones((2, 3), np.float32)
    assert net(x)[0, 0] == 1
    with autograd.train_mode():
        assert net(x)[0, 0] == 2
    assert graphinit.compile(net, train=True, x=(2, 3)).forward(x)[0, 0] == 2
    with autograd.train_mode():
        assert graphinit.compile(net, x=(2, 3)).forward(x)[0, 0] == 1
    whole = nn.Sequential(net, nn.Dense(1, use_bias=False))
    whole.initialize("ones")
    for scope in (autograd.pause(), autograd.predict_mode(), autograd.record()):
        with scope:
            step = graphinit.compile_step(whole, lambda out: out.mean(axis=1), "sgd", lr=1e-9)
            assert np.allclose(step(x), [6, 6])


class Frozen(nn.Block):
    """Its trunk is read in inference mode, before the same layer runs in training or after."""

    def __init__(self, order: str) -> None:
        super().__init__()
        if order == "apart":
            self.trunk = nn.Sequential(nn.BatchNorm(), nn.Dropout(0.5))
        self.norm = nn.BatchNorm()
        self.head = nn.Dense(3)
        self.order = order

    def forward(self, x: Any) -> Any:
        trunk = self.trunk if self.order == "apart" else self.norm
        late = self.norm(x) if self.order == "after" else None
        with autograd.predict_mode():
            fixed = trunk(x)
        return self.head(fixed + (self.norm(x) if late is None else late))


@pytest.mark.parametrize("order", ["apart", "before", "after"])
def test_a_forward_chooses_the_mode_of_a_part(order: str) -> None:
    x = np.linspace(-2, 3, 20, dtype=np.float32).reshape(4, 5) ** 3
    y = np.ones((4, 3), np.float32)
    nets = [Frozen(order) for _ in range(2)]
    for net in nets:
        net.initialize(seed=3)
        net(x)
    step = graphinit.compile_step(nets[0], loss.L2Loss(), "sgd", lr=0.1)
    trainer = Trainer(nets[1].collect_params(), "sgd", {"lr": 0.1})
    for _ in range(2):
        step(x, y)
        with autograd.record():
            losses = loss.L2Loss()(nets[1](x), y)
        losses.backward()
        trainer.step(4)
    one, other = (net.collect_params() for net in nets)
    assert all(np.allclose(one[path].data(), other[path].data(), atol=1e-5) for path in one)
    assert nets[0].norm.running_mean.data().any()
    if order == "apart":
        assert not nets[0].trunk[0].running_mean.data().any()


def test_training_mode_within_inference_returns_what_forward_does() -> None:
    class Sure(nn.Block):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm()

        def forward(self, x: Any) -> Any:
            outer = self.norm(x)
            with autograd.train_mode():
                return outer - self.norm(x)

    net = Sure()
    net.initialize()
    x = np.array([[1, 2], [3, 6]], np.float32)
    assert np.allclose(net(x), [[2, 3], [2, 5]], atol=1e-3)
    assert not net.norm.running_mean.data().any()
