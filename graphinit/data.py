"""Data: datasets, and loaders that give their batches in an order that a seed decides.

>>> import numpy as np
>>> loader = DataLoader(ArrayDataset(np.arange(7), np.arange(7) ** 2), batch_size=3, shuffle=True, seed=1)
>>> [x.tolist() for x, y in loader]
[[3, 5, 2], [0, 6, 1], [4]]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from graphinit.copying import Portable
from graphinit.errors import ArrayError, CallError
from graphinit.faces import listed_face
from graphinit.interrupts import Change, make
from graphinit.json_values import Json
from graphinit.random import SEEDS, check_seed
from graphinit.scalars import truth, whole

LAST_BATCH = ("keep", "discard", "rollover")


@runtime_checkable
class Dataset(Protocol):
    """Samples by number: anything with a length that can be indexed."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...


class ArrayDataset:
    """Arrays of equal length, side by side: sample i is the i-th entry of each.

    Parameters
    ----------
    *arrays : array, or a tuple or dict of them
        What to take samples from; samples have the same structure.  None stays None.

    Raises
    ------
    ArrayError
        GI302, when their lengths differ.

    Examples
    --------
    >>> ArrayDataset([[1, 2], [3, 4]], [0, 1])[1]
    (array([3, 4]), np.int64(1))
    >>> ArrayDataset({"a": [1, 2], "b": [3, 4]})[0]
    {'a': np.int64(1), 'b': np.int64(3)}
    """

    def __init__(self, *arrays: Any) -> None:
        if not arrays:
            raise ArrayError("a dataset needs at least one array")
        found: list[np.ndarray] = []
        self.arrays = tuple(_as_arrays(part, found) for part in arrays)
        lengths = [array.shape[0] if array.ndim else None for array in found]
        if not lengths or None in lengths or len(set(lengths)) > 1:
            raise ArrayError(
                f"the arrays of a dataset have one length, not {', '.join(map(str, lengths)) or 'none'}"
            )
        self._length = len(found[0])

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        items = tuple(_taken(part, index) for part in self.arrays)
        return items[0] if len(items) == 1 else items


def _as_arrays(part: Any, found: list[np.ndarray]) -> Any:
    """Return a structure with arrays at its ends, which are added to `found`."""
    if isinstance(part, Mapping):
        return {key: _as_arrays(item, found) for key, item in part.items()}
    if isinstance(part, tuple) and not _is_numbers(part):
        return tuple(_as_arrays(item, found) for item in part)
    if part is None:
        return None
    found.append(np.asarray(part))
    return found[-1]


def _is_numbers(part: Any) -> bool:
    """Whether nested tuples and lists are one array: what stands in them first is a number."""
    while isinstance(part, tuple | list) and part:
        part = part[0]
    return isinstance(part, int | float | np.number)


def _taken(part: Any, index: Any) -> Any:
    if isinstance(part, dict):
        return {key: _taken(item, index) for key, item in part.items()}
    if isinstance(part, tuple):
        return tuple(_taken(item, index) for item in part)
    return None if part is None else part[index]


def stack_samples(samples: Sequence[Any]) -> Any:
    """Return samples as a batch: arrays stacked, tuples and dicts part by part; None stays None.

    Raises
    ------
    ArrayError
        GI302, when samples are of different shapes.

    Examples
    --------
    >>> stack_samples([({"a": 1}, 2), ({"a": 3}, 4)])
    ({'a': array([1, 3])}, array([2, 4]))
    """
    first = samples[0]
    if isinstance(first, Mapping):
        return {key: stack_samples([sample[key] for sample in samples]) for key in first}
    if isinstance(first, tuple):
        return tuple(stack_samples(part) for part in zip(*samples, strict=True))
    if first is None:
        return None
    arrays = [np.asarray(sample) for sample in samples]
    shapes = dict.fromkeys(array.shape for array in arrays)
    if len(shapes) > 1:
        raise ArrayError(
            f"samples of one batch have one shape, not {', '.join(map(str, shapes))}; arrays of samples side by side "
            "go into a tuple, (x, y), and batchify_fn= makes batches of samples that differ"
        )
    return np.stack(arrays)


def split_batch(batch: Any) -> tuple[Any, Any]:
    """Return the inputs and the labels of a batch, which is ``x`` or a pair ``(x, y)``.

    This is the rule for all that takes batches.  A tuple or list of two is a pair; ``(x, None)`` and
    ``(x,)`` have no labels; anything else is ``x``.  Several inputs are a tuple in the pair,
    ``((x1, x2), y)``, or a dict by name, ``({"a": x1, "b": x2}, y)``; without labels ``((x1, x2), None)``.

    Returns
    -------
    x, y
        Inputs and labels, None where there are none.

    Raises
    ------
    CallError
        GI503, when it is a tuple or list of any other length.

    Examples
    --------
    >>> split_batch(((1, 2), 3)), split_batch({"a": 1})
    (((1, 2), 3), ({'a': 1}, None))
    """
    if not isinstance(batch, tuple | list):
        return batch, None
    if len(batch) in (1, 2):
        return batch[0], batch[1] if len(batch) == 2 else None
    raise CallError(
        f"a batch is x or a pair (x, y), and this one has {len(batch)} parts; several inputs go into a tuple of "
        "their own, ((x1, x2), y)"
    )


class BatchMean:
    """The mean of losses over batches: each sample counts alike, where a batch has one loss too."""

    total, count = 0.0, 0

    def add(self, losses: np.ndarray, x: Any) -> None:
        """Take in a batch of inputs `x`."""
        count = losses.size if losses.ndim else _length(x)
        self.total += float(losses.sum()) * (1 if losses.ndim else count)
        self.count += count

    def value(self) -> float:
        """Return the mean, nan of nothing."""
        return self.total / self.count if self.count else float("nan")


def _length(x: Any) -> int:
    """Return the number of samples in the inputs of a batch: the length of their first array, 1 without any."""
    if isinstance(x, Mapping):
        x = tuple(x.values())
    if isinstance(x, tuple | list) and not _is_numbers(x):
        return next((length for length in map(_length, x) if length != 1), 1)
    shape = (len(x),) if isinstance(x, tuple | list) else getattr(x, "shape", ())
    return int(shape[0]) if shape else 1


class DataLoader(Portable):
    """Batches of a dataset, epoch after epoch.

    The order of an epoch depends on the seed and the number of the epoch alone, so that a run that is
    resumed sees what an uninterrupted one would have seen.

    Parameters
    ----------
    dataset : Dataset, array, or tuple or dict of arrays
        What to take samples from.  Of the arrays ``(x, y)``, ``((x1, x2), y)`` or ``{"a": x1, "b": x2}``
        batches have the same structure; `split_batch` says how it is understood.
    batch_size : int
        Samples in a batch.
    shuffle : bool
        Whether every epoch has an order of its own.
    last_batch : {"keep", "discard", "rollover"}
        What becomes of the samples that don't fill a batch: a smaller batch, nothing, or the start of the
        next epoch.
    batchify_fn : callable, optional
        From a list of samples to a batch; `stack_samples` by default.
    seed : int
        Of the order.

    Raises
    ------
    CallError
        GI503, when an option is out of range.
    """

    _refusal = CallError

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        shuffle: bool = False,
        last_batch: str = "keep",
        batchify_fn: Callable[[list[Any]], Any] | None = None,
        seed: int = 0,
    ) -> None:
        if isinstance(dataset, np.ndarray) or _is_named(dataset):
            dataset = ArrayDataset(dataset)
        elif isinstance(dataset, tuple):
            dataset = ArrayDataset(*dataset)
        if not isinstance(dataset, Dataset):
            raise CallError(f"a dataset has a length and can be indexed; {type(dataset).__name__} cannot")
        size = whole(batch_size)
        if size is None or size < 1:
            raise CallError(f"a batch size is a whole number of 1 or more, not {batch_size!r}")
        if last_batch not in LAST_BATCH:
            raise CallError(f"last_batch is one of {', '.join(LAST_BATCH)}, not {last_batch!r}")
        shuffled = truth(shuffle)
        if shuffled is None:
            raise CallError(f"shuffle is True or False, not {shuffle!r}")
        self.dataset = dataset
        self.batch_size = size
        self.shuffle = shuffled
        self.last_batch = last_batch
        self.seed = check_seed(seed)
        self.epoch = 0
        self._batchify = batchify_fn
        self._left: list[int] = []

    def __len__(self) -> int:
        """Return the number of batches of the epoch that comes next."""
        samples = len(self.dataset) + len(self._left)
        return -(-samples // self.batch_size) if self.last_batch == "keep" else samples // self.batch_size

    def order(self, epoch: int) -> np.ndarray:
        """Return the numbers of all samples in the order of an epoch."""
        count = len(self.dataset)
        if not self.shuffle:
            return np.arange(count)
        # Raw words alone: they are the same in every version of NumPy.
        words = np.random.Philox(key=self.seed % 2**64, counter=[0, 0, epoch, 0]).random_raw(count)
        return np.argsort(words, kind="stable")

    def __iter__(self) -> Iterator[Any]:
        numbers = [*self._left, *map(int, self.order(self.epoch))]
        self.epoch += 1
        whole = len(numbers) // self.batch_size * self.batch_size
        self._left = numbers[whole:] if self.last_batch == "rollover" else []
        end = len(numbers) if self.last_batch == "keep" else whole
        for start in range(0, end, self.batch_size):
            yield self.batch(numbers[start : min(start + self.batch_size, end)])

    def batch(self, numbers: list[int]) -> Any:
        """Return the batch of some samples."""
        if self._batchify is None and isinstance(self.dataset, ArrayDataset):
            return self.dataset[np.array(numbers, np.int64)]
        return (self._batchify or stack_samples)([self.dataset[number] for number in numbers])

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint needs, between two epochs."""
        return {"seed": self.seed, "epoch": self.epoch, "left": list(self._left)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was asked for.

        Raises
        ------
        CallError
            GI503, when it is no loader's state, or one of a larger dataset; nothing is changed.
        """
        make([self.restoring(state)])

    def restoring(self, state: Any) -> Change:
        """Return what makes the loader go on where `state` was asked for; all of that has been checked.

        Raises
        ------
        CallError
            As `restore`.
        """
        given = Json(state, "the loader's state")
        try:
            seed = given.get("seed").whole(*SEEDS)
            epoch = given.get("epoch").whole(low=0)
            left = [number.whole(0, len(self.dataset) - 1) for number in given.get("left").items()]
        except ValueError as cause:
            raise CallError(f"a loader cannot go on from this: {cause}") from cause
        return partial(self._go_on, seed, epoch, left)

    def _go_on(self, seed: int, epoch: int, left: list[int]) -> None:
        self.seed, self.epoch, self._left = seed, epoch, left


def _is_named(dataset: Any) -> bool:
    """Whether something is a dict of arrays by name, and not one of samples by number."""
    return isinstance(dataset, Mapping) and any(isinstance(key, str) for key in dataset)


__all__ = ["ArrayDataset", "DataLoader", "Dataset", "split_batch", "stack_samples"]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
