"""Learn to read handwritten digits: the main job, from a list of layers to a trained network.

Run it with ``python examples/digits.py``; check its shapes alone, without training, with
``graphinit check examples/digits.py:net x=batch,64``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

import graphinit
from graphinit import init, nn
from graphinit.loss import SoftmaxCrossEntropyLoss
from graphinit.optimizer import SGD
from passes import infer_shapes

DATA = Path(__file__).parent / "data" / "digits" / "digits.npz"
BATCH, EPOCHS, HELD_OUT = 64, 15, 360

net = nn.Sequential(nn.Dense(256, activation="relu"), nn.Dense(10))


def load() -> tuple[np.ndarray, np.ndarray]:
    """Return the scans, shuffled, as rows of 64 numbers from 0 to 1, and the digit that each one shows."""
    with np.load(DATA) as file:
        images, labels = file["images"], file["labels"]
    order = np.random.default_rng(0).permutation(len(labels))
    return images[order].reshape(-1, 64).astype(np.float32) / 16, labels[order].astype(np.int64)


def train(images: np.ndarray, labels: np.ndarray) -> None:
    """Train `net` by stochastic gradient descent."""
    model = nn.WithLoss(net, SoftmaxCrossEntropyLoss())
    step = graphinit.compile(model, x=(BATCH, 64), y=f"int64[{BATCH}]", train=True)
    optimizer = SGD(net.collect_params(), 0.5)
    order = np.random.default_rng(0)
    epochs = tqdm(range(EPOCHS), desc="training", unit="epoch")
    for _ in epochs:
        losses = []
        shuffled = order.permutation(len(images))
        for start in range(0, len(images) - BATCH + 1, BATCH):
            rows = shuffled[start : start + BATCH]
            losses.append(step.forward(x=images[rows], y=labels[rows]).mean())
            step.backward()
            optimizer.step(BATCH)
        epochs.set_postfix(loss=f"{np.mean(losses):.4f}")


def print_parameters(title: str) -> None:
    """Print each parameter's path, shape and dtype."""
    print(title)
    for path, parameter in net.collect_params().items():
        print(f"  {path:9} {parameter}")
    print()


def main(picture: Path) -> None:
    """Describe, check, draw, train and judge the network."""
    net.initialize(init.Xavier(), seed=0)
    print_parameters("Parameters before the network has seen an input:")

    report = infer_shapes(net.trace(), x=("batch", 64))
    print("Its shapes, worked out without data:", report, sep="\n", end="\n\n")
    drawing = graphinit.render(net, picture, report=report)
    print(f"Drawn to {picture}", end="\n\n")
    assert drawing.svg.count('class="node parameter"') == 4, "one node per parameter"

    images, labels = load()
    net(images[:1])
    print_parameters("Parameters after the first one:")

    train(images[HELD_OUT:], labels[HELD_OUT:])
    accuracy = float((net(images[:HELD_OUT]).argmax(axis=1) == labels[:HELD_OUT]).mean())
    print(f"Accuracy on {HELD_OUT} held-out scans: {accuracy:.4f}")
    assert accuracy >= 0.95, "the network should read at least 95 digits of 100"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train a network that reads handwritten digits.")
    parser.add_argument(
        "--picture", type=Path, default=Path("build/digits.svg"), help="where to draw the network"
    )
    arguments = parser.parse_args()
    arguments.picture.parent.mkdir(parents=True, exist_ok=True)
    main(arguments.picture)
