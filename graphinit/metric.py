"""Metrics: how good predictions are, over as many batches as one likes.

Names and meanings are Gluon's: ``update(labels, preds)``, ``get()``, ``reset()``.  Of several predictions,
in a list, tuple or dict, each is compared with its label.

>>> import numpy as np
>>> metric = create("accuracy")
>>> metric.update(np.array([0, 1]), np.array([[0.7, 0.3], [0.6, 0.4]]))
>>> metric.get()
('accuracy', 0.5)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from graphinit.errors import ArrayError, CallError
from graphinit.faces import listed_face
from graphinit.plain_text import class_name, escaped
from graphinit.scalars import whole
from graphinit.suggestions import did_you_mean


class EvalMetric:
    """Base of metrics: a sum over samples and their number.

    Parameters
    ----------
    name : str, optional
        What it is called; by default the class's name in lower case.
    """

    needs_labels = True
    """Whether it compares with labels."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name or type(self).__name__.lower()
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self.total = 0.0
        self.count = 0

    def update(self, labels: Any, preds: Any) -> None:
        """Take in a batch.

        Parameters
        ----------
        labels : array, or a list, tuple or dict of arrays
            What is true.
        preds : array, or as many arrays in a list, tuple or dict
            What was predicted: of several arrays each is compared with its label.

        Raises
        ------
        ArrayError
            GI302, when shapes don't fit, or there are several predictions and not as many labels.
        """
        for label, pred in _pairs(self, labels, preds):
            if label is None and self.needs_labels:
                raise ArrayError(f"metric {self.name!r} compares with labels, and there are none")
            total, count = self.measure(np.asarray(label), np.asarray(pred))
            self.total += float(total)
            self.count += int(count)

    def measure(self, labels: np.ndarray, preds: np.ndarray) -> tuple[float, int]:
        """Return the sum over a batch and the number of samples; subclasses write this."""
        raise NotImplementedError(f"{class_name(self)} does not say what it measures: write measure")

    def value(self) -> float:
        """Return the mean so far, nan before the first batch."""
        return self.total / self.count if self.count else float("nan")

    def get(self) -> tuple[str, float]:
        """Return name and value."""
        return self.name, self.value()

    def __repr__(self) -> str:
        return f"{class_name(self)}({escaped(self.name)}={self.value():.6g})"


def _pairs(metric: EvalMetric, labels: Any, preds: Any) -> list[tuple[Any, Any]]:
    """Return labels with their predictions, where there are several of them."""
    if not _are_several(preds):
        return [(labels, preds)]
    keys = _keys(preds)
    if not metric.needs_labels:
        return [pair for key in keys for pair in _pairs(metric, None, preds[key])]
    if _are_several(labels) and keys == _keys(labels):
        return [pair for key in keys for pair in _pairs(metric, labels[key], preds[key])]
    if isinstance(preds, list) and all(np.ndim(item) == 1 for item in preds):  # rows of one array
        return [(labels, preds)]
    raise ArrayError(
        f"metric {metric.name!r} was given a {type(preds).__name__} of {len(preds)} predictions without a "
        f"{type(preds).__name__} of as many labels; let a subclass choose, in update(self, labels, preds): "
        "super().update(labels, preds[...])"
    )


def _keys(values: Any) -> list[Any]:
    return list(values) if isinstance(values, Mapping) else list(range(len(values)))


def _are_several(values: Any) -> bool:
    """Whether these are arrays in a list, tuple or dict, rather than numbers that make one array."""
    if isinstance(values, Mapping):
        return True
    if not isinstance(values, list | tuple) or not values:
        return False
    first = values[0]
    return len(first.shape) > 0 if hasattr(first, "shape") else _are_several(first)


def _same_shape(labels: np.ndarray, preds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if labels.size != preds.size:
        raise ArrayError(f"labels of shape {labels.shape} don't fit predictions of shape {preds.shape}")
    return labels.reshape(preds.shape).astype(np.float64), preds.astype(np.float64)


def _classes(labels: np.ndarray, preds: np.ndarray, axis: int = -1) -> tuple[np.ndarray, np.ndarray]:
    """Return labels in a row, and scores with the classes last, one row for each label."""
    scores = np.moveaxis(preds, axis, -1)
    scores = scores.reshape(-1, scores.shape[-1])
    ids = labels.reshape(-1).astype(np.int64)
    if len(ids) != len(scores):
        raise ArrayError(f"labels of shape {labels.shape} don't fit predictions of shape {preds.shape}")
    if ids.size and not (ids.min() >= 0 and ids.max() < scores.shape[1]):
        raise ArrayError(f"labels are from 0 to {scores.shape[1] - 1}, not {ids.min()} to {ids.max()}")
    return ids, scores


class Accuracy(EvalMetric):
    """Share of samples whose greatest score is that of their label, or that equal it.

    Parameters
    ----------
    axis : int
        Axis of the classes.
    name : str, optional
        What it is called.
    """

    def __init__(self, axis: int = 1, name: str | None = None) -> None:
        super().__init__(name)
        self.axis = axis

    def measure(self, labels: np.ndarray, preds: np.ndarray) -> tuple[float, int]:
        """Return the number of hits and of samples."""
        if preds.ndim > labels.ndim or preds.shape != labels.shape:
            ids, scores = _classes(labels, preds, self.axis)
            return float((scores.argmax(axis=1) == ids).sum()), len(ids)
        return float((labels == preds).sum()), labels.size


class TopKAccuracy(EvalMetric):
    """Share of samples whose label is among the k greatest scores.

    Parameters
    ----------
    top_k : int
        How many.
    name : str, optional
        What it is called.
    """

    def __init__(self, top_k: int = 1, name: str | None = None) -> None:
        most = whole(top_k)
        if most is None or most < 1:
            raise CallError(f"top_k is a whole number of 1 or more, not {top_k!r}")
        super().__init__(name or f"top_k_accuracy_{most}")
        self.top_k = most

    def measure(self, labels: np.ndarray, preds: np.ndarray) -> tuple[float, int]:
        """Return the number of hits and of samples."""
        ids, scores = _classes(labels, preds)
        best = np.argsort(-scores, axis=1, kind="stable")[:, : self.top_k]
        return float((best == ids[:, None]).any(axis=1).sum()), len(ids)


class F1(EvalMetric):
    """Harmonic mean of precision and recall of class 1, over all samples.

    Parameters
    ----------
    name : str, optional
        What it is called.
    """

    def reset(self) -> None:
        """Forget all batches."""
        super().reset()
        self.hits = self.predicted = self.actual = 0

    def measure(self, labels: np.ndarray, preds: np.ndarray) -> tuple[float, int]:
        """Count hits in a batch: of scores of two classes, or probabilities of class 1."""
        truth = labels.reshape(-1)
        found = preds.argmax(axis=-1).reshape(-1) if preds.size == 2 * truth.size else preds.reshape(-1) > 0.5
        if len(found) != len(truth) or not np.isin(truth, (0, 1)).all():
            raise ArrayError(f"F1 takes labels 0 and 1 and scores of two classes, not shape {preds.shape}")
        self.hits += int((found.astype(bool) & (truth == 1)).sum())
        self.predicted += int(found.astype(bool).sum())
        self.actual += int((truth == 1).sum())
        return 0.0, len(truth)

    def value(self) -> float:
        """Return F1 so far: 0 when nothing was hit, nan before the first batch."""
        if not self.count:
            return float("nan")
        return 2 * self.hits / (self.predicted + self.actual) if self.hits else 0.0


class CrossEntropy(EvalMetric):
    """Mean of ``-log`` of the probability of the label.

    Parameters
    ----------
    eps : float
        Added to probabilities.
    axis : int
        Axis of the classes.
    from_logits : bool
        Whether predictions are scores before the softmax rather than probabilities.
    ignore_label : int, optional
        A label that does not count.
    name : str, optional
        What it is called.
    """

    def __init__(
        self,
        eps: float = 1e-12,
        axis: int = -1,
        from_logits: bool = False,
        ignore_label: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name or {"CrossEntropy": "cross-entropy"}.get(type(self).__name__))
        self.eps, self.axis, self.from_logits, self.ignore_label = eps, axis, from_logits, ignore_label

    def measure(self, labels: np.ndarray, preds: np.ndarray) -> tuple[float, int]:
        """Return the sum of losses and the number of samples."""
        counts = (
            np.ones(labels.size, bool)
            if self.ignore_label is None
            else labels.reshape(-1) != self.ignore_label
        )
        known = np.where(counts.reshape(labels.shape), labels, 0)
        ids, scores = _classes(known, preds.astype(np.float64), self.axis)
        if self.from_logits:
            scores = scores - scores.max(axis=1, keepdims=True)
            losses = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(ids)), ids]
        else:
            shares = scores[np.arange(len(ids)), ids]
            beyond = shares[(shares < -1e-2) | (shares > 1 + 1e-2)]  # those of float16 are rounded
            if beyond.size:
                raise ArrayError(
                    f"metric {self.name!r} takes probabilities, from 0 to 1, and not {beyond[0]:.4g}; of scores before "
                    f"the softmax it is {type(self).__name__}(from_logits=True)"
                )
            losses = -np.log(np.maximum(shares, 0) + self.eps)
        return float(losses[counts].sum()), int(counts.sum())


class Perplexity(CrossEntropy):
    """``exp`` of the mean cross-entropy; its options are those of `CrossEntropy`.

    Parameters
    ----------
    ignore_label : int, optional
        A label that does not count.
    **options
        As in `CrossEntropy`.
    """

    def __init__(self, ignore_label: int | None = None, **options: Any) -> None:
        super().__init__(ignore_label=ignore_label, **options)

    def value(self) -> float:
        """Return the perplexity so far."""
        return float(np.exp(super().value()))


class MAE(EvalMetric):
    """Mean absolute difference."""

    def measure(self, labels: np.ndarray, preds: np.ndarray) -> tuple[float, int]:
        """Return the sum of differences and the number of values."""
        labels, preds = _same_shape(labels, preds)
        return float(np.abs(labels - preds).sum()), preds.size


class MSE(EvalMetric):
    """Mean squared difference."""

    def measure(self, labels: np.ndarray, preds: np.ndarray) -> tuple[float, int]:
        """Return the sum of squares and the number of values."""
        labels, preds = _same_shape(labels, preds)
        return float(np.square(labels - preds).sum()), preds.size


class RMSE(MSE):
    """Root of the mean squared difference over all values."""

    def value(self) -> float:
        """Return the root so far."""
        return float(np.sqrt(super().value()))


class Loss(EvalMetric):
    """Mean of what a loss function returned; labels are not looked at."""

    needs_labels = False

    def measure(self, labels: np.ndarray, preds: np.ndarray) -> tuple[float, int]:
        """Return the sum and the number of values."""
        return float(preds.astype(np.float64).sum()), preds.size


_KINDS: dict[str, Callable[..., EvalMetric]] = {
    "accuracy": Accuracy, "acc": Accuracy, "topkaccuracy": TopKAccuracy, "top_k_accuracy": TopKAccuracy, "f1": F1,
    "crossentropy": CrossEntropy, "cross-entropy": CrossEntropy, "ce": CrossEntropy, "perplexity": Perplexity,
    "mae": MAE, "mse": MSE, "rmse": RMSE, "loss": Loss,
}  # fmt: skip


def create(metric: str | EvalMetric, **options: Any) -> EvalMetric:
    """Return the metric of a name; case doesn't matter.

    Raises
    ------
    CallError
        GI503, when there is none of that name, or it doesn't take these options.
    """
    if isinstance(metric, EvalMetric):
        return metric
    if isinstance(metric, type) and issubclass(metric, EvalMetric):
        raise CallError(f"{metric.__name__} is a class; give a metric, {metric.__name__}(...)")
    kind = _KINDS.get(metric.lower()) if isinstance(metric, str) else None
    if kind is None:
        known = sorted(_KINDS)
        raise CallError(
            f"there is no metric {metric!r}{did_you_mean(metric, known) or ';'} there are {', '.join(known)}"
        )
    try:
        return kind(**options)
    except TypeError as cause:
        raise CallError(f"metric {metric!r}: {cause}") from cause


__all__ = [
    "F1", "MAE", "MSE", "RMSE", "Accuracy", "CrossEntropy", "EvalMetric", "Loss", "Perplexity", "TopKAccuracy",
    "create",
]  # fmt: skip
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
