"""A language model of characters: one-hot ids, LSTM layers, a dense layer (Karpathy 2015).

    python -m graphinit check examples/models/char_lstm.py:net ids=int64:batch,length

The length is a symbol: the network is the same for a character as for a book.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import graphinit
from graphinit import functional as F
from graphinit import loss, nn, optimizer, random
from passes import estimate_cost, infer_shapes

TEXT = "the quick brown fox jumps over the lazy dog. "


class CharLSTM(nn.Block):
    """Scores of the next character at every place.

    Parameters
    ----------
    characters : int
        How many characters there are; 65 in the works of Shakespeare that "char-rnn" comes with.
    hidden_size, num_layers : int
        Of the LSTM.
    """

    def __init__(self, characters: int = 65, hidden_size: int = 128, num_layers: int = 2) -> None:
        super().__init__()
        self.characters = characters
        self.lstm = nn.LSTM(hidden_size, num_layers, layout="NTC")
        self.out = nn.Dense(characters, flatten=False)

    def forward(self, ids: Any, states: Any = None) -> Any:
        """Return scores (batch, length, characters) for ids (batch, length), and states if given any."""
        x = F.one_hot(ids, self.characters)
        if states is None:
            return self.out(self.lstm(x))
        y, states = self.lstm(x, states)
        return self.out(y), states


net = CharLSTM()


def learn(model: CharLSTM, ids: np.ndarray, steps: int) -> list[float]:
    """Train on windows of a text and return the losses."""
    training = nn.WithLoss(model, loss.SoftmaxCrossEntropyLoss())
    sgd = optimizer.SGD(model.collect_params(), 2.0)
    windows = np.lib.stride_tricks.sliding_window_view(ids, 17)
    x, y = windows[:, :-1], windows[:, 1:]
    exe = graphinit.compile(training, train=True, x=f"int64{list(x.shape)}", y=f"int64{list(y.shape)}")
    losses = []
    for _ in range(steps):
        losses.append(float(exe.forward(x, y).mean()))
        exe.backward()
        sgd.step(len(x))
    return losses


def write(model: CharLSTM, first: int, length: int) -> list[int]:
    """Return ids that the model goes on with, handing the states from call to call."""
    ids, states = [first], model.lstm.begin_state(1)
    while len(ids) < length:
        scores, states = model(np.array([ids[-1:]]), states)
        ids.append(int(scores[0, -1].argmax()))
    return ids


def main() -> None:
    """Check the network, then learn a sentence by heart with a small one."""
    report = infer_shapes(net.trace(ids="int64[batch, length]"))
    report.raise_errors()
    print(report)
    print(f"{estimate_cost(report).parameters:,} parameters")

    random.seed(0)
    letters = sorted(set(TEXT))
    small = CharLSTM(len(letters), 32, 1)
    small.initialize("xavier")
    ids = np.array([letters.index(letter) for letter in TEXT * 2])
    losses = learn(small, ids, 150)
    print(f"loss {losses[0]:.2f} -> {losses[-1]:.2f}")
    print("".join(letters[index] for index in write(small, int(ids[0]), 40)))
    assert losses[-1] < losses[0] / 2


if __name__ == "__main__":
    main()
