"""The training loop: epochs, progress, validation, early stopping, checkpoints, history.

>>> import numpy as np
>>> from graphinit import loss, nn
>>> x = np.linspace(-1, 1, 64)[:, None]
>>> net = nn.Dense(1)
>>> net.initialize()
>>> history = fit(net, loss.L2Loss(), (x, 3 * x + 1), epochs=30, optimizer_params={"lr": 0.5}, progress=False)
>>> bool(history["loss"][-1] < 1e-4), net.bias.data().round(2)
(True, array([1.], dtype=float32))
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from graphinit.checkpoint import load_checkpoint, save_checkpoint
from graphinit.data import BatchMean, DataLoader, split_batch
from graphinit.errors import CallError
from graphinit.faces import listed_face
from graphinit.ir.origin import warn_user
from graphinit.metric import EvalMetric, create
from graphinit.nn.block import Block
from graphinit.nn.containers import LossFunction, call_on, check_loss, judge
from graphinit.plain_text import escaped
from graphinit.recording import ModeScope
from graphinit.scalars import whole
from graphinit.suggestions import did_you_mean
from graphinit.training import TrainingStep, compile_step

Record = dict[str, float]


@dataclass
class History:
    """What happened, epoch by epoch.

    Parameters
    ----------
    epochs : list of dict
        One record an epoch: ``loss``, ``lr``, and with validation ``val_loss`` and the metrics as
        ``val_<name>``.
    stopped : str
        Why training ended before the last epoch; empty when it did not.
    """

    epochs: list[Record] = field(default_factory=list)
    stopped: str = ""

    def __getitem__(self, name: str) -> list[float]:
        return [record[name] for record in self.epochs if name in record]

    def __len__(self) -> int:
        return len(self.epochs)

    @property
    def names(self) -> list[str]:
        """What was recorded."""
        return list(dict.fromkeys(name for record in self.epochs for name in record))

    def plot(self, axes: Any = None) -> Any:
        """Draw every curve but the learning rate; needs matplotlib, the extra ``plot``.

        Parameters
        ----------
        axes : matplotlib axes, optional
            Where to.

        Returns
        -------
        matplotlib axes
        """
        if axes is None:
            try:
                import matplotlib.pyplot as plt
            except ImportError as cause:
                raise CallError("plotting needs matplotlib: pip install 'graphinit[plot]'") from cause
            axes = plt.figure().add_subplot()
        for name in self.names:
            if name != "lr":
                axes.plot(range(1, len(self) + 1), self[name], label=name)
        axes.set_xlabel("epoch")
        axes.legend()
        return axes


@dataclass
class Run:
    """A run of `fit`, as callbacks see it.

    Parameters
    ----------
    net : Block
        What is trained.
    step : TrainingStep
        The compiled step; its optimiser is ``step.optimizer``.
    loader : DataLoader
        The data.
    history : History
        What happened so far.
    """

    net: Block
    step: TrainingStep
    loader: DataLoader
    history: History


Callback = Callable[[Run, Record], Any]


class EarlyStopping:
    """A callback that ends training when a score has not improved for some epochs.

    Parameters
    ----------
    monitor : str
        Which entry of the records.
    patience : int
        How many epochs.
    min_delta : float
        What counts as improvement.
    mode : {"min", "max"}
        Whether less or more is better.
    restore_best : bool
        Whether the parameters of the best epoch are put back.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 3,
        min_delta: float = 0.0,
        mode: str = "min",
        restore_best: bool = True,
    ) -> None:
        if mode not in ("min", "max"):
            raise CallError(f"mode is 'min' or 'max', not {mode!r}")
        waits = whole(patience)
        if waits is None or waits < 1:
            raise CallError(f"patience is a whole number from 1 on, not {patience!r}")
        self.monitor, self.patience, self.min_delta = monitor, waits, float(min_delta)
        self.sign = 1.0 if mode == "min" else -1.0
        self.restore_best = restore_best
        self.best, self.waited = np.inf, 0
        self._kept: dict[str, np.ndarray] = {}

    def check(self, recorded: Sequence[str]) -> None:
        """Raise `CallError` unless what it watches is recorded."""
        if self.monitor not in recorded:
            hint = did_you_mean(self.monitor, recorded) or ";"
            raise CallError(f"there is no {self.monitor!r} to watch{hint} there are {', '.join(recorded)}")

    def __call__(self, run: Run, record: Record) -> str | None:
        """Return why to stop, None to go on."""
        self.check(list(record))
        score = self.sign * record[self.monitor]
        distinct = run.net.collect_params().distinct()
        if score < self.best - self.min_delta:
            self.best, self.waited = score, 0
            if self.restore_best:
                self._kept = {path: parameter.data().copy() for path, parameter in distinct.items()}
            return None
        self.waited += 1
        if self.waited < self.patience:
            return None
        if self._kept:
            run.net.load_dict(self._kept)  # all of it or nothing
        return f"{self.monitor} has not improved for {self.waited} epochs"


def evaluate(net: Block, loss: Any, data: Any, metrics: Any = (), batch_size: int = 32) -> Record:
    """Return the mean loss and metrics of a network on data, in inference mode and not recorded.

    Each sample counts alike: where the loss gives one number for a batch, that counts for all of them.

    Parameters
    ----------
    net : Block
        The network, with any inputs and outputs.
    loss : Block or callable
        Called as ``loss(outputs, y)``, or as ``loss(outputs)`` where batches have no labels.
    data : DataLoader or iterable of batches; or array, tuple or dict of arrays
        Batches are ``x`` or ``(x, y)``, see `graphinit.data.split_batch`.
    metrics : sequence of str or EvalMetric
        What else to measure; each takes the labels and all that the network returns.
    batch_size : int
        Samples in a batch, where `data` are arrays.

    Raises
    ------
    BlockError
        GI407, when the loss cannot be called.
    CallError
        GI503, when there is no such metric, or the loss takes no labels, or takes some.
    """
    made = _metrics(metrics)
    criterion = _criterion(loss)
    for item in made:
        item.reset()
    mean = BatchMean()
    if not isinstance(data, Iterable):
        raise CallError(f"data are batches (x, y), a loader of them, or arrays; got {data!r}")
    batches = DataLoader(data, batch_size) if isinstance(data, np.ndarray | tuple | Mapping) else data
    for batch in batches:
        x, y = split_batch(batch)
        with ModeScope(recorder=None, training=False):  # wherever it is called, callbacks and loops included
            outputs = call_on(net, x)
            losses = np.asarray(judge(criterion, outputs, y))
        mean.add(losses, x)
        for item in made:
            item.update(y, outputs)
    return {"loss": mean.value(), **dict(item.get() for item in made)}


def _criterion(loss: Any) -> Block:
    check_loss(loss)
    return loss if isinstance(loss, Block) else LossFunction(loss)


def _metrics(given: Any) -> list[EvalMetric]:
    several = isinstance(given, Iterable) and not isinstance(given, str)
    return [create(item) for item in (given if several else (given,))]


def fit(
    net: Block,
    loss: Any,
    data: Any,
    *,
    optimizer: Any = "sgd",
    optimizer_params: Mapping[str, Any] | None = None,
    parameters: Any = None,
    accumulate: int | None = None,
    epochs: int = 10,
    batch_size: int = 32,
    validation: Any = None,
    metrics: Any = (),
    callbacks: Sequence[Callback] = (),
    early_stopping: EarlyStopping | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    seed: int = 0,
    progress: bool = True,
) -> History:
    """Train a network.

    Everything that was given is checked before training begins.

    Parameters
    ----------
    net : Block
        What to train; initialised; with any inputs and outputs.
    loss : Block or callable
        Called as ``loss(outputs, y)``, or as ``loss(outputs)`` where batches have no labels.
    data : DataLoader, dataset, or array, tuple or dict of arrays
        Its batches are ``x`` or ``(x, y)``, see `graphinit.data.split_batch`; what is no loader is
        shuffled by `seed`.
    optimizer : str, Optimizer, Trainer or TrainingStep
        How parameters change.
    optimizer_params : mapping, optional
        Options of the optimiser, with a name.
    parameters, accumulate
        As in `graphinit.compile_step`.  Batches that wait for their update at the end of an epoch go on
        waiting in the next.
    epochs : int
        How often to go through the data, those before a resumed checkpoint included.
    batch_size : int
        Samples in a batch, where `data` is no loader.
    validation : like `data`, optional
        What to judge the network by after each epoch.
    metrics : sequence of str or EvalMetric
        What to measure on it beside the loss.
    callbacks : sequence of callable
        Called as ``callback(run, record)`` after each epoch; text that one returns ends training.
    early_stopping : EarlyStopping, optional
        One more callback.
    checkpoint : path, optional
        Written after each epoch.
    resume : bool
        Whether to go on from `checkpoint` if it is there.
    seed : int
        Of the order of samples.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    History

    Raises
    ------
    CallError
        GI503, when an option makes no sense, there is no such metric, or nothing to watch of a name.
    GraphInitError
        As `graphinit.compile_step`.
    """
    count = whole(epochs)
    if count is None or count < 0:
        raise CallError(f"epochs is a whole number from 0 on, not {epochs!r}")
    if resume and checkpoint is None:
        raise CallError("resume=True goes on from checkpoint=; give its path")
    made = _metrics(metrics)
    if not callable(callbacks) and not isinstance(callbacks, Iterable):
        raise CallError(f"callbacks are called as callback(run, record) after each epoch; got {callbacks!r}")
    watchers: list[Any] = [callbacks] if callable(callbacks) else [*callbacks]
    watchers += [early_stopping] if early_stopping else []
    _check_watchers(watchers, made, validation is not None)
    criterion = _criterion(loss)
    loader = data if isinstance(data, DataLoader) else DataLoader(data, batch_size, shuffle=True, seed=seed)
    judged = validation
    if validation is not None and not isinstance(validation, DataLoader):
        judged = DataLoader(validation, loader.batch_size)
    options = {"optimizer_params": optimizer_params, "parameters": parameters, "accumulate": accumulate}
    step = _step(net, loss, optimizer, **options)
    if made and validation is None:
        warn_user("metrics are measured on validation data, and there are none: give validation=")
    run = Run(net, step, loader, History())
    if resume and checkpoint is not None and Path(checkpoint).exists():
        run.history.epochs = load_checkpoint(checkpoint, net, step, loader)["epochs"]
    with tqdm(total=count, initial=len(run.history), unit="epoch", disable=not progress) as bar:
        while len(run.history) < count and not run.history.stopped:
            record = _epoch(run)
            if judged is not None:
                scores = evaluate(net, criterion, judged, made)
                record |= {f"val_{name}": value for name, value in scores.items()}
            run.history.epochs.append(record)
            for callback in watchers:
                reason = callback(run, record)
                if isinstance(reason, str):
                    run.history.stopped = reason
            if checkpoint is not None:
                save_checkpoint(checkpoint, net, step, loader, epochs=run.history.epochs)
            bar.set_postfix({escaped(name): f"{value:.4g}" for name, value in record.items()})
            bar.update()
    return run.history


def _check_watchers(watchers: Sequence[Any], metrics: Sequence[EvalMetric], judged: bool) -> None:
    """Raise `CallError` when a callback is none, or watches what nothing is going to record."""
    recorded = ["loss", "lr", *(["val_loss", *(f"val_{item.name}" for item in metrics)] if judged else [])]
    is_all = all(type(item).get is EvalMetric.get for item in metrics)
    for watcher in watchers:
        if isinstance(watcher, type) or not callable(watcher):
            raise CallError(f"a callback is called as callback(run, record), which {watcher!r} cannot be")
        if not isinstance(watcher, EarlyStopping):
            is_all = False  # it may record more
        elif is_all:
            watcher.check(recorded)


def _step(net: Block, loss: Any, optimizer: Any, **options: Any) -> TrainingStep:
    """Return the step that was given, or the one of a loss and an optimiser."""
    if isinstance(optimizer, TrainingStep):
        given = [name for name, value in options.items() if value is not None]
        if given:
            raise CallError(
                f"{', '.join(given)} cannot change a step that is compiled already; give them to it"
            )
        if optimizer.net is not net:
            raise CallError("the step trains another network than the one that is given")
        return optimizer
    return compile_step(
        net,
        loss,
        optimizer,
        parameters=options["parameters"],
        accumulate=1 if options["accumulate"] is None else options["accumulate"],
        **(options["optimizer_params"] or {}),
    )


def _epoch(run: Run) -> Record:
    mean = BatchMean()
    rate = run.step.optimizer.next_rate
    for batch in run.loader:
        x, y = split_batch(batch)
        mean.add(run.step(x, y), x)
    if not mean.count:
        raise CallError("there is no batch to train on: the data are fewer than batch_size")
    return {"loss": mean.value(), "lr": rate}


__all__ = ["Callback", "EarlyStopping", "History", "Run", "evaluate", "fit"]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
