"""A generative adversarial network: two steps that share its networks, each updating one of them.

The data are two-dimensional, normal with a mean and a covariance that the generator has to find out by
deceiving the discriminator (I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014).  Run it
with ``python examples/training/gan.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import graphinit
from graphinit import functional as F
from graphinit import init, nn
from graphinit.data import DataLoader
from graphinit.loss import SigmoidBinaryCrossEntropyLoss

MIX, MEAN = np.array([[1.0, 2.0], [-0.1, 0.5]]), np.array([1.0, 2.0])
SAMPLES, BATCH, EPOCHS = 1000, 25, 50

loss = SigmoidBinaryCrossEntropyLoss()


class Contest(nn.Block):
    """What the discriminator learns from: its scores of real samples, and of those that are made of noise."""

    def __init__(self, generator: nn.Block, discriminator: nn.Block) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.noise = nn.NormalLike()

    def forward(self, real: Any) -> Any:
        """Score as many made samples as there are real ones."""
        made = self.generator(self.noise(real))
        return self.discriminator(real), self.discriminator(made)


def told_apart(scores: Any) -> Any:
    """Return the discriminator's loss: real samples are ones, made ones zeros."""
    real, made = scores
    return (loss(real, F.ones_like(real)) + loss(made, F.zeros_like(made))) / 2


def deceived(scores: Any) -> Any:
    """Return the generator's loss: made samples are to be taken for real ones."""
    _, made = scores
    return loss(made, F.ones_like(made))


def main() -> None:
    rng = np.random.default_rng(0)
    data = (rng.normal(size=(SAMPLES, 2)) @ MIX + MEAN).astype(np.float32)

    generator = nn.Dense(2)
    discriminator = nn.Sequential(nn.Dense(5, activation="tanh"), nn.Dense(3, activation="tanh"), nn.Dense(1))
    contest = Contest(generator, discriminator)
    contest.initialize(init.Xavier(), seed=0)
    tell_apart = graphinit.compile_step(contest, told_apart, "adam", parameters="discriminator", lr=0.03)
    deceive = graphinit.compile_step(contest, deceived, "adam", parameters="generator", lr=0.003)

    loader = DataLoader(data, BATCH, shuffle=True)
    for epoch in range(EPOCHS):
        losses = [(tell_apart(real).mean(), deceive(real).mean()) for real in loader]
        if epoch % 10 == 9:
            told, made = np.mean(losses, axis=0)
            print(f"Epoch {epoch + 1}: discriminator {told:.3f}, generator {made:.3f}")

    made = generator(rng.normal(size=(4000, 2)))
    print(f"Mean of real samples {data.mean(axis=0).round(2)}, of made ones {made.mean(axis=0).round(2)}")
    print(f"Deviation of real samples {data.std(axis=0).round(2)}, of made ones {made.std(axis=0).round(2)}")
    correlation = [float(np.corrcoef(samples.T)[0, 1]) for samples in (data, made)]
    print(f"Correlation {correlation[0]:.2f} and {correlation[1]:.2f}")
    assert np.abs(made.mean(axis=0) - data.mean(axis=0)).max() < 0.4, "the mean is found"
    assert np.abs(made.std(axis=0) / data.std(axis=0) - 1).max() < 0.35, "and how far samples spread"
    assert correlation[1] > 0.8, "and that the two numbers go together"


if __name__ == "__main__":
    main()
