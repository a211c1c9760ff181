"""A character model whose output layer is its embedding: it says which character follows eight others.

The text ships with Python: the reference that ``help()`` shows.  Run it with
``python examples/training/character_model.py``.
"""

from __future__ import annotations

from pydoc_data.topics import topics
from typing import Any

import numpy as np

from graphinit import functional as F
from graphinit import init, nn, optimizer
from graphinit.data import DataLoader
from graphinit.fitting import evaluate, fit
from graphinit.loss import SoftmaxCrossEntropyLoss
from graphinit.lr_scheduler import CosineScheduler

CONTEXT, WIDTH, BATCH, LENGTH, HELD_OUT = 8, 48, 256, 120_000, 10_000


class CharacterModel(nn.Block):
    """Embed eight characters, mix them, and compare the result with every character's embedding."""

    def __init__(self, characters: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, WIDTH)
        self.hidden = nn.Dense(256, activation="relu")
        self.mixed = nn.Dense(WIDTH)

    def forward(self, x: Any) -> Any:
        """Return a score for every character."""
        mixed = self.mixed(self.hidden(self.embedding(x)))
        return F.linear(mixed, self.embedding.weight)


def load() -> tuple[np.ndarray, int]:
    """Return a text as numbers of characters; rare ones are one and the same."""
    text = "\n".join(topics[name] for name in sorted(topics))[:LENGTH]
    common = sorted(char for char in set(text) if text.count(char) > 30)
    number = {char: index + 1 for index, char in enumerate(common)}
    return np.array([number.get(char, 0) for char in text]), len(common) + 1


def bigrams(ids: np.ndarray, held_out: np.ndarray, characters: int) -> float:
    """Return the perplexity of a table that counts which character follows which."""
    counts = np.ones((characters, characters))
    np.add.at(counts, (ids[:-1], ids[1:]), 1)
    shares = counts / counts.sum(axis=1, keepdims=True)
    return float(np.exp(-np.log(shares[held_out[:-1], held_out[1:]]).mean()))


def main() -> None:
    ids, characters = load()
    windows = np.lib.stride_tricks.sliding_window_view(ids, CONTEXT + 1)
    x, y = windows[:, :-1], windows[:, -1]
    train = DataLoader((x[:-HELD_OUT], y[:-HELD_OUT]), BATCH, shuffle=True, last_batch="discard")
    judge = DataLoader((x[-HELD_OUT:], y[-HELD_OUT:]), 1000)

    net = CharacterModel(characters)
    net.initialize(init.Xavier(), seed=0)
    epochs = 3
    schedule = CosineScheduler(max_update=epochs * len(train), base_lr=0.004, warmup_steps=50)
    loss = SoftmaxCrossEntropyLoss()
    fit(
        net,
        loss,
        train,
        optimizer=optimizer.AdamW(wd=0.01, lr_scheduler=schedule),
        epochs=epochs,
        validation=judge,
    )

    ours = float(np.exp(evaluate(net, loss, judge)["loss"]))
    table = bigrams(ids[:-HELD_OUT], ids[-HELD_OUT:], characters)
    print(f"{characters} characters; perplexity {ours:.2f}, of a table of pairs {table:.2f}")

    users = net.trace(x=("batch", CONTEXT)).users()["embedding.weight"]
    assert [node.op for node, _ in users] == ["take", "linear"], "one weight, used twice"
    assert ours < 0.6 * table, "eight characters tell more than one"


if __name__ == "__main__":
    main()
