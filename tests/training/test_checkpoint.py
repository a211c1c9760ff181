"""Checkpoints and the training loop: a resumed run is the uninterrupted one, bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import graphinit
from graphinit import loss, lr_scheduler, nn, optimizer, random
from graphinit.checkpoint import load_checkpoint, save_checkpoint
from graphinit.data import DataLoader
from graphinit.errors import CallError, FileError, GraphInitError, ParameterError
from graphinit.fitting import EarlyStopping, History, evaluate, fit

ROOT = Path(__file__).parents[2]

# One run in a process of its own: arguments are what to do, the checkpoint's path, and how many steps.
RUN = """
import sys
import numpy as np
import graphinit
from graphinit import loss, lr_scheduler, nn, random
from graphinit.data import DataLoader

random.seed(5)
net = nn.Sequential(nn.Dense(7, activation="relu"), nn.BatchNorm(), nn.Dropout(0.3), nn.Dense(3))
rng = np.random.default_rng(0)
x, y = rng.normal(size=(40, 11)).astype(np.float32), rng.integers(0, 3, 40)
loader = DataLoader((x, y), 8, shuffle=True, last_batch="rollover", seed=9)
schedule = lr_scheduler.CosineScheduler(max_update=20, base_lr=0.05)
step = graphinit.compile_step(net, loss.SoftmaxCrossEntropyLoss(), "nadam", lr_scheduler=schedule, clip_global_norm=1.0)
what, path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
if what == "resume":
    assert graphinit.load_checkpoint(path, net, step, loader) == {"epoch": 2}
else:
    net.initialize()
done = 0
while done < count:
    for batch in loader:
        step(*batch)
        done += 1
if what == "start":
    graphinit.save_checkpoint(path, net, step, loader, epoch=2)
    print("saved", flush=True)
    while True:
        pass
for path, parameter in net.collect_params().items():
    print(path, parameter.data().tobytes().hex())
fresh = nn.Dense(2, in_units=3)
fresh.initialize()
print(fresh.weight.data().tobytes().hex())
print(random.place(), step.optimizer.learning_rate, sorted(step.optimizer.counts))
"""


def run(*arguments):
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *map(str, arguments)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )


@contextmanager
def killed(process):
    """Wait until the process has saved something, and kill it in the end whatever happens."""
    try:
        assert process.stdout.readline() == "saved\n"
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()


def test_ten_steps_killed_and_ten_more_are_twenty(tmp_path):
    with killed(run("start", tmp_path / "run", 10)):
        pass
    whole = run("whole", tmp_path / "none", 20)
    resumed = run("resume", tmp_path / "run", 10)
    expected, _ = whole.communicate()
    found, _ = resumed.communicate()
    assert whole.returncode == resumed.returncode == 0
    assert expected == found
    assert "20" in expected.splitlines()[-1]


def network():
    net = nn.Sequential(nn.Dense(7, activation="relu"), nn.Dropout(0.2), nn.Dense(3))
    net.initialize(seed=1)
    return net


def samples(count=60):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, count)
    return (rng.normal(size=(count, 5)) + np.eye(3, 5)[y] * 3).astype(np.float32), y


def bits(net):
    return [np.array(p.data()).tobytes() for p in net.collect_params().values()]


def test_fit_resumes(tmp_path):
    options = {"optimizer": "adam", "batch_size": 16, "validation": samples(9), "progress": False, "seed": 3}
    whole, part = network(), network()
    expected = fit(whole, loss.SoftmaxCrossEntropyLoss(), samples(), epochs=6, **options)
    path = tmp_path / "run"
    first = fit(
        part, loss.SoftmaxCrossEntropyLoss(), samples(), epochs=2, checkpoint=path, resume=True, **options
    )
    assert len(first) == 2
    fresh = network()
    found = fit(
        fresh, loss.SoftmaxCrossEntropyLoss(), samples(), epochs=6, checkpoint=path, resume=True, **options
    )
    assert found.epochs == expected.epochs
    assert bits(fresh) == bits(whole)
    assert list(tmp_path.iterdir()) == [path]


def test_fit_learns_judges_and_calls_back(capsys):
    net = network()
    seen = []
    history = fit(
        net,
        loss.SoftmaxCrossEntropyLoss(),
        samples(300),
        optimizer_params={"lr": 0.3},
        epochs=8,
        validation=samples(50),
        metrics=["accuracy"],
        callbacks=[lambda run, record: seen.append((len(run.history), record["val_accuracy"]))],
    )
    assert history["val_accuracy"][-1] > 0.85
    assert history["loss"][-1] < history["loss"][0]
    assert [number for number, _ in seen] == list(range(1, 9))
    assert history.names == ["loss", "lr", "val_loss", "val_accuracy"]
    assert "epoch" in capsys.readouterr().err
    scores = evaluate(net, loss.SoftmaxCrossEntropyLoss(), DataLoader(samples(50), 7), ["accuracy"])
    assert scores["accuracy"] == pytest.approx(history["val_accuracy"][-1])
    assert scores["loss"] == pytest.approx(history["val_loss"][-1], rel=1e-5)


def test_early_stopping_puts_the_best_back():
    net = network()
    scores = iter([3.0, 1.0, 2.0, 2.0, 2.0])
    kept = []

    def score(run, record):
        record["score"] = next(scores)
        kept.append(bits(net))

    stopping = EarlyStopping("score", patience=2)
    history = fit(
        net, loss.SoftmaxCrossEntropyLoss(), samples(), epochs=9, callbacks=[score], early_stopping=stopping,
        progress=False,
    )  # fmt: skip
    assert len(history) == 4
    assert "score has not improved for 2 epochs" in history.stopped
    assert bits(net) == kept[1]
    upward = EarlyStopping("score", patience=1, mode="max", restore_best=False)
    scores = iter([1.0, 2.0, 2.0])
    assert len(fit(net, loss.L2Loss(), (samples()[0], np.zeros((60, 3))), epochs=9, callbacks=[score],
                   early_stopping=upward, progress=False)) == 3  # fmt: skip


def test_wrong_fits():
    net = network()
    data = samples()
    with pytest.raises(CallError, match="epochs"):
        fit(net, loss.L2Loss(), data, epochs=-1)
    with pytest.raises(CallError, match="checkpoint="):
        fit(net, loss.L2Loss(), data, resume=True)
    with pytest.raises(CallError, match="batches"):
        fit(net, loss.L2Loss(), data[0], progress=False)
    with pytest.raises(CallError, match="fewer"):
        fit(net, loss.L2Loss(), DataLoader(data, 100, last_batch="discard"), progress=False)
    with pytest.raises(CallError, match="watch"):
        fit(net, loss.SoftmaxCrossEntropyLoss(), data, early_stopping=EarlyStopping(), progress=False)
    with pytest.raises(CallError, match="mode"):
        EarlyStopping(mode="best")
    with pytest.raises(CallError, match="patience"):
        EarlyStopping(patience=0)
    assert len(fit(net, loss.L2Loss(), data, epochs=0, progress=False)) == 0


def test_history_is_plotted():
    class Axes:
        def __init__(self):
            self.lines = []

        def plot(self, x, y, label):
            self.lines.append((list(x), y, label))

        def set_xlabel(self, text): ...
        def legend(self): ...

    history = History([{"loss": 2.0, "lr": 0.1}, {"loss": 1.0, "lr": 0.1}])
    assert history.plot(Axes()).lines == [([1, 2], [2.0, 1.0], "loss")]


def saved(tmp_path, **options):
    net = network()
    step = graphinit.compile_step(net, loss.SoftmaxCrossEntropyLoss(), "adam", **options)
    loader = DataLoader(samples(), 20, shuffle=True)
    for batch in loader:
        step(*batch)
    save_checkpoint(tmp_path / "run", net, step, loader, epoch=1)
    return net, step, loader


def test_what_does_not_fit_changes_nothing(tmp_path):
    net, step, loader = saved(tmp_path)
    before = bits(net)
    states = {name: array.copy() for name, array in step.optimizer.state_arrays().items()}
    other = nn.Sequential(nn.Dense(8), nn.Dropout(0.2), nn.Dense(3))
    other.initialize()
    other(np.zeros((1, 5), np.float32))
    unchanged, place = bits(other), random.place()
    with pytest.raises(ParameterError):
        load_checkpoint(tmp_path / "run", other)
    assert bits(other) == unchanged
    with pytest.raises(ParameterError, match="SGD"):
        load_checkpoint(tmp_path / "run", net, optimizer.SGD(net.collect_params()))
    with pytest.raises(ParameterError, match="random streams"):
        load_checkpoint(tmp_path / "run", nn.Sequential(nn.Dense(7), nn.Identity(), nn.Dense(3)))
    with pytest.raises(ParameterError, match="optimiser"):
        load_checkpoint(tmp_path / "run", net, "adam")
    net.save_parameters(tmp_path / "net")
    with pytest.raises(FileError, match="no checkpoint"):
        load_checkpoint(tmp_path / "net", net)
    save_checkpoint(tmp_path / "bare", net)
    with pytest.raises(FileError, match="without an optimiser"):
        load_checkpoint(tmp_path / "bare", net, step)
    with pytest.raises(FileError, match="without a loader"):
        load_checkpoint(tmp_path / "bare", net, None, loader)
    assert bits(net) == before
    assert random.place() == place
    assert all(np.array_equal(array, states[name]) for name, array in step.optimizer.state_arrays().items())
    assert load_checkpoint(tmp_path / "run", net, step, loader) == {"epoch": 1}
    assert bits(net) == before


def test_another_schedule_is_pointed_out(tmp_path):
    schedule = lr_scheduler.FactorScheduler(step=3, factor=0.5)
    net, _, _ = saved(tmp_path, lr_scheduler=schedule)
    other = graphinit.compile_step(net, loss.SoftmaxCrossEntropyLoss(), "adam")
    with pytest.warns(UserWarning, match="FactorScheduler"):
        load_checkpoint(tmp_path / "run", net, other)


def test_a_compiled_step_sees_what_was_loaded(tmp_path):
    net, step, loader = saved(tmp_path)
    batches = [batch for _ in range(2) for batch in loader]
    for batch in batches:
        step(*batch)
    expected = bits(net)
    for batch in batches:
        step(*batch)
    load_checkpoint(tmp_path / "run", net, step)
    for batch in batches:
        step(*batch)
    assert bits(net) == expected


def test_checkpoints_truncated_anywhere(tmp_path):
    net, step, loader = saved(tmp_path)
    before = bits(net)
    good = (tmp_path / "run").read_bytes()
    for length in range(0, len(good), 97):
        (tmp_path / "run").write_bytes(good[:length])
        with pytest.raises(GraphInitError):
            load_checkpoint(tmp_path / "run", net, step, loader)
    assert bits(net) == before


WRITER = RUN.replace(
    'graphinit.save_checkpoint(path, net, step, loader, epoch=2)\n    print("saved", flush=True)', "pass"
)
WRITER = WRITER.replace(
    "    while True:\n        pass",
    """    while True:
        for batch in loader:
            step(*batch)
            graphinit.save_checkpoint(path, net, step, loader, epoch=2)
            if done < 999:
                print("saved", flush=True)
                done = 999""",
)


def test_a_writer_that_is_killed_leaves_a_whole_checkpoint(tmp_path):
    rng = np.random.default_rng(1)
    net = nn.Sequential(nn.Dense(7, activation="relu"), nn.BatchNorm(), nn.Dropout(0.3), nn.Dense(3))
    for _ in range(int(os.environ.get("GRAPHINIT_KILLS", "2"))):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, "start", str(tmp_path / "run"), "1"],
            stdout=subprocess.PIPE, cwd=ROOT, text=True,
        )  # fmt: skip
        with killed(writer):
            time.sleep(rng.uniform(0, 0.1))
        assert load_checkpoint(tmp_path / "run", net) == {"epoch": 2}
