"""Loaders and metrics."""

from __future__ import annotations

import numpy as np
import pytest

from graphinit import metric
from graphinit.data import ArrayDataset, DataLoader
from graphinit.errors import ArrayError, CallError


def epochs(count, samples=10, **options):
    loader = DataLoader(np.arange(samples), **options)
    return [[batch.tolist() for batch in loader] for _ in range(count)]


def test_batches_in_order():
    assert epochs(2, 7, batch_size=3) == [[[0, 1, 2], [3, 4, 5], [6]]] * 2
    assert epochs(2, 7, batch_size=3, last_batch="discard") == [[[0, 1, 2], [3, 4, 5]]] * 2
    assert epochs(3, 7, batch_size=3, last_batch="rollover") == [
        [[0, 1, 2], [3, 4, 5]],
        [[6, 0, 1], [2, 3, 4]],
        [[5, 6, 0], [1, 2, 3], [4, 5, 6]],
    ]


@pytest.mark.parametrize("last_batch", ["keep", "discard", "rollover"])
def test_lengths_are_those_of_the_next_epoch(last_batch):
    loader = DataLoader(np.arange(7), 3, last_batch=last_batch)
    for _ in range(4):
        expected = len(loader)
        assert len(list(loader)) == expected


def test_shuffling_depends_on_seed_and_epoch_alone():
    one, other = epochs(3, batch_size=4, shuffle=True, seed=5), epochs(3, batch_size=4, shuffle=True, seed=5)
    assert one == other
    flat = [[number for batch in epoch for number in batch] for epoch in one]
    assert all(sorted(epoch) == list(range(10)) for epoch in flat)
    assert len({tuple(epoch) for epoch in flat}) == 3
    assert epochs(1, batch_size=4, shuffle=True, seed=6) != one[:1]
    assert epochs(1, batch_size=4, shuffle=True, seed=-1)  # any integer is a seed


@pytest.mark.parametrize("last_batch", ["keep", "rollover"])
def test_a_loader_goes_on_where_it_was(last_batch):
    options = {"batch_size": 4, "shuffle": True, "last_batch": last_batch}
    expected = epochs(4, **options)
    loader = DataLoader(np.arange(10), **options)
    list(loader)
    list(loader)
    resumed = DataLoader(np.arange(10), **options)
    resumed.restore(loader.state())
    assert [[batch.tolist() for batch in resumed] for _ in range(2)] == expected[2:]


def test_datasets_of_the_user():
    class Squares:
        def __len__(self):
            return 5

        def __getitem__(self, number):
            return {"x": np.full(3, number), "y": number**2}

    (first, _) = DataLoader(Squares(), 3)
    assert first["x"].shape == (3, 3)
    assert first["y"].tolist() == [0, 1, 4]
    (joined, _) = DataLoader([(1, 2.0), (3, 4.0), (5, 6.0)], 2, batchify_fn=list)
    assert joined == [(1, 2.0), (3, 4.0)]
    x, y = next(iter(DataLoader((np.zeros((5, 2)), np.arange(5)), 2)))
    assert (x.shape, y.tolist()) == ((2, 2), [0, 1])


def test_wrong_data():
    with pytest.raises(ArrayError, match="one length, not 3, 2"):
        ArrayDataset(np.zeros(3), np.zeros(2))
    with pytest.raises(ArrayError):
        ArrayDataset()
    with pytest.raises(ArrayError):
        ArrayDataset(3)
    for bad in (0, 2.5, True):
        with pytest.raises(CallError, match="batch size"):
            DataLoader(np.zeros(3), bad)
    with pytest.raises(CallError, match="last_batch"):
        DataLoader(np.zeros(3), 1, last_batch="drop")
    with pytest.raises(CallError, match="generator"):
        DataLoader((i for i in range(3)), 1)


def test_accuracy():
    scores = np.array([[0.1, 0.9, 0.0], [0.5, 0.2, 0.3], [0.2, 0.3, 0.5], [0.3, 0.4, 0.3]])
    labels = np.array([1, 0, 0, 2])
    counted = metric.create("accuracy")
    assert np.isnan(counted.get()[1])
    counted.update(labels[:1], scores[:1])
    counted.update(labels[1:], scores[1:])
    assert counted.get() == ("accuracy", 0.5)
    counted.reset()
    counted.update(labels, np.array([1, 0, 2, 2]))
    assert counted.get()[1] == 0.75
    top = metric.TopKAccuracy(2)
    top.update(labels, scores)
    assert top.get() == ("top_k_accuracy_2", 0.5)
    deep = metric.Accuracy(axis=1)
    deep.update(np.array([[1, 0]]), np.array([[[0.0, 1.0], [1.0, 0.0]]]))
    assert deep.get()[1] == 1


def test_f1():
    found = metric.F1()
    found.update([1, 0, 1, 1], [[0.2, 0.8], [0.1, 0.9], [0.9, 0.1], [0.0, 1.0]])
    found.update([0, 1], [0.2, 0.3])
    assert found.get()[1] == pytest.approx(2 * 2 / (3 + 4))
    none = metric.F1()
    none.update([0], [[1.0, 0.0]])
    assert none.get()[1] == 0


def test_entropies():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = -np.log(shares[np.arange(6), labels]).mean()
    for made, value in (
        (metric.CrossEntropy(), expected),
        (metric.Perplexity(), np.exp(expected)),
    ):
        made.update(labels, shares)
        assert made.get()[1] == pytest.approx(value)
    scores = metric.CrossEntropy(from_logits=True)
    scores.update(labels, logits + 1000)
    assert scores.get()[1] == pytest.approx(expected)
    padded = metric.Perplexity(ignore_label=-1)
    padded.update(np.append(labels, -1), np.append(shares, shares[:1], axis=0))
    assert padded.get()[1] == pytest.approx(np.exp(expected))


def test_samples_that_make_no_batch():
    loader = DataLoader([np.ones(3), np.ones(2)], batch_size=2)
    with pytest.raises(
        ArrayError, match=r"samples of one batch have one shape, not \(3,\), \(2,\); arrays of samples"
    ):
        list(loader)


@pytest.mark.parametrize("bad", [0, 2.5, "a", True])
def test_what_is_no_number_of_best_scores(bad):
    with pytest.raises(CallError, match=f"top_k is a whole number of 1 or more, not {bad!r}"):
        metric.TopKAccuracy(bad)


@pytest.mark.parametrize("kind", [metric.CrossEntropy, metric.Perplexity])
@pytest.mark.parametrize("score", [-0.5, 3.0])
def test_entropies_tell_scores_from_probabilities(kind, score):
    scores = np.array([[0.25, score], [0.5, 0.5]])
    with pytest.raises(
        ArrayError, match=rf"from 0 to 1, and not {score:g}; .* {kind.__name__}\(from_logits=True\)"
    ):
        kind().update(np.array([1, 0]), scores)
    kind(from_logits=True).update(np.array([1, 0]), scores)
    found = kind()
    found.update(np.array([1, 0]), np.array([[0.0, np.nan], [0.5, 0.5]]))
    assert np.isnan(found.value())


def test_differences():
    labels, preds = np.array([1.0, 2.0, 4.0]), np.array([[1.0], [4.0], [3.0]])
    for name, value in (("mae", 1), ("mse", 5 / 3), ("rmse", np.sqrt(5 / 3)), ("loss", 8 / 3)):
        made = metric.create(name)
        made.update(labels, preds)
        assert made.get() == (name, pytest.approx(value))


def test_wrong_metrics():
    with pytest.raises(CallError, match="no metric 'foo'"):
        metric.create("foo")
    with pytest.raises(CallError, match="speed"):
        metric.create("mae", speed=1)
    with pytest.raises(CallError, match="top_k"):
        metric.TopKAccuracy(0)
    for name in ("mae", "accuracy", "ce"):
        with pytest.raises(ArrayError, match="don't fit"):
            metric.create(name).update(np.zeros(3), np.zeros((2, 4)))
    with pytest.raises(ArrayError, match="from 0 to 3"):
        metric.create("ce").update(np.array([4]), np.ones((1, 4)))
    with pytest.raises(ArrayError):
        metric.F1().update([2], [[1, 0]])
    with pytest.raises(NotImplementedError):
        metric.EvalMetric().update(1, 1)
