"""Train a multilayer perceptron with a shared layer, and watch the gradients of its parameters.

The exercise of the documents, on real data: the second and the third hidden layer are one.  Their
gradients are one array, which holds the sum over both uses.  Run it with
``python examples/training/shared_layer.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from graphinit import autograd, init, nn
from graphinit.data import DataLoader
from graphinit.loss import SoftmaxCrossEntropyLoss
from graphinit.metric import Accuracy
from graphinit.trainer import Trainer

DATA = Path(__file__).parents[1] / "data" / "digits" / "digits.npz"
EPOCHS, HELD_OUT = 12, 360


def load() -> tuple[np.ndarray, np.ndarray]:
    with np.load(DATA) as file:
        images, labels = file["images"], file["labels"]
    order = np.random.default_rng(0).permutation(len(labels))
    return images[order].reshape(-1, 64).astype(np.float32) / 16, labels[order].astype(np.int64)


def build(tied: bool) -> nn.Sequential:
    """Return the network; its hidden layers share their parameters or start with equal ones."""
    net = nn.Sequential(
        nn.Dense(48, activation="relu"),
        nn.Dense(48, activation="relu"),
        nn.Dense(48, activation="relu"),
        nn.Dense(10),
    )
    net.initialize(init.Xavier(), seed=0)
    net(np.zeros((1, 64), np.float32))
    if tied:
        net[2].share_parameters(net[1].params)
    else:
        net[2].load_dict(net[1].params)
    return net


def main() -> None:
    images, labels = load()
    loss = SoftmaxCrossEntropyLoss()
    shared, apart = build(tied=True), build(tied=False)

    for net in (shared, apart):
        with autograd.record():
            value = loss(net(images[:64]), labels[:64])
        value.backward()
    both = apart[1].weight.grad() + apart[2].weight.grad()
    assert shared[2].weight is shared[1].weight
    assert np.allclose(shared[1].weight.grad(), both, atol=1e-5), (
        "the shared gradient is the sum over both uses"
    )
    print("gradient of the shared layer: the sum of the gradients of two layers that are equal but apart\n")

    parameters = shared.collect_params()
    trainer = Trainer(parameters, "adam", {"learning_rate": 0.003})
    loader = DataLoader((images[HELD_OUT:], labels[HELD_OUT:]), 64, shuffle=True)
    paths = [path for path in parameters.distinct() if path.endswith("weight")]
    print("epoch  loss   norm of the gradient of", *paths)
    for epoch in range(EPOCHS):
        norms, losses = [], []
        for x, y in loader:
            with autograd.record():
                value = loss(shared(x), y)
            value.backward()
            trainer.step(len(x))
            losses.append(float(value.mean()))
            norms.append([np.linalg.norm(parameters[path].grad()) / len(x) for path in paths])
        print(f"{epoch:5}  {np.mean(losses):.3f}  {np.mean(norms, axis=0).round(3)}")

    score = Accuracy()
    score.update(labels[:HELD_OUT], shared(images[:HELD_OUT]))
    print(f"\nAccuracy on {HELD_OUT} held-out scans: {score.value():.4f}")
    assert score.value() >= 0.95, "the network should read at least 95 digits of 100"
    assert np.shares_memory(shared[1].weight.data(), shared[2].weight.data())


if __name__ == "__main__":
    main()
