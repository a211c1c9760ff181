"""An autoencoder whose decoder is its encoder transposed: one weight, used twice.

It learns to send handwritten digits through 16 numbers and back.  Run it with
``python examples/training/tied_autoencoder.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import graphinit
from graphinit import init, nn, optimizer
from graphinit.data import DataLoader
from graphinit.loss import L2Loss
from graphinit.lr_scheduler import CosineScheduler

DATA = Path(__file__).parents[1] / "data" / "digits" / "digits.npz"
CODE, BATCH, EPOCHS, HELD_OUT = 16, 64, 60, 360


def build() -> nn.Sequential:
    encoder, decoder = nn.Dense(CODE, in_units=64), nn.Dense(64)
    decoder.weight = encoder.weight.T
    net = nn.Sequential(encoder, decoder)
    net.initialize(init.Xavier(), seed=0)
    return net


def error(net: nn.Sequential, images: np.ndarray) -> float:
    """Return the mean squared difference between images and what comes back."""
    return float(np.square(net(images) - images).mean())


def main() -> None:
    with np.load(DATA) as file:
        images = file["images"].reshape(-1, 64).astype(np.float32) / 16
    images = images[np.random.default_rng(0).permutation(len(images))]
    held_out, images = images[:HELD_OUT], images[HELD_OUT:]

    net = build()
    loader = DataLoader(images, BATCH, shuffle=True, last_batch="discard")
    schedule = CosineScheduler(max_update=EPOCHS * len(loader), base_lr=0.01, warmup_steps=20)
    step = graphinit.compile_step(net, L2Loss(), optimizer.Adam(lr_scheduler=schedule))
    before = error(net, held_out)
    for _ in range(EPOCHS):
        for batch in loader:
            step(batch, batch)
    after = error(net, held_out)

    mean = images.mean(axis=0)
    _, _, axes = np.linalg.svd(images - mean, full_matrices=False)
    best = held_out - mean
    best = float(np.square(best - best @ axes[:CODE].T @ axes[:CODE]).mean())
    print(f"Parameters: {', '.join(f'{path} {p.shape}' for path, p in net.collect_params().items())}")
    print(f"Squared error before {before:.4f}, after {after:.4f}; {CODE} principal components: {best:.4f}")
    assert np.shares_memory(net[0].weight.data(), net[1].weight.data()), "one weight, used twice"
    assert after < 1.1 * best, "a tied linear autoencoder finds the principal components"


if __name__ == "__main__":
    main()
