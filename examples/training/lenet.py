"""LeNet on handwritten digits: two convolutions, two pools, and a reader.

Nothing is said about input sizes; they are worked out.  Run it with
``python examples/training/lenet.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from graphinit import init, nn, optimizer
from graphinit.data import DataLoader
from graphinit.fitting import fit
from graphinit.loss import SoftmaxCrossEntropyLoss
from graphinit.lr_scheduler import CosineScheduler

DATA = Path(__file__).parents[1] / "data" / "digits" / "digits.npz"
BATCH, EPOCHS, HELD_OUT = 64, 20, 360

net = nn.Sequential(
    nn.Conv2D(24, kernel_size=3, padding=1, activation="relu"),
    nn.MaxPool2D(pool_size=2, strides=2),
    nn.Conv2D(48, kernel_size=3, padding=1, activation="relu"),
    nn.MaxPool2D(pool_size=2, strides=2),
    nn.Dense(96, activation="relu"),
    nn.Dropout(0.5),
    nn.Dense(10),
)


def load() -> tuple[np.ndarray, np.ndarray]:
    with np.load(DATA) as file:
        images, labels = file["images"], file["labels"]
    order = np.random.default_rng(0).permutation(len(labels))
    return images[order][:, None].astype(np.float32) / 16, labels[order].astype(np.int64)


def main() -> None:
    images, labels = load()
    net.initialize(init.Xavier(magnitude=2.24), seed=0)
    loader = DataLoader((images[HELD_OUT:], labels[HELD_OUT:]), BATCH, shuffle=True, last_batch="rollover")
    schedule = CosineScheduler(max_update=EPOCHS * len(loader), base_lr=0.004)
    history = fit(
        net,
        SoftmaxCrossEntropyLoss(),
        loader,
        optimizer=optimizer.AdamW(lr_scheduler=schedule),
        epochs=EPOCHS,
        validation=(images[:HELD_OUT], labels[:HELD_OUT]),
        metrics=["accuracy"],
    )
    for path, parameter in net.collect_params().items():
        print(f"  {path:9} {parameter.shape}")
    accuracy = history["val_accuracy"][-1]
    print(f"Accuracy on {HELD_OUT} held-out scans: {accuracy:.4f}")
    assert accuracy >= 0.98, "the network should read at least 98 digits of 100"


if __name__ == "__main__":
    main()
