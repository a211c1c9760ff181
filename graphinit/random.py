"""Random numbers that depend on a seed and a path alone.

Every parameter draws from a stream of its own: a Philox counter keyed by seed and path, so that no
draw depends on order, on laziness or on what stands beside it.  Only raw 64-bit words are taken
from NumPy; they are turned into numbers here, one or two words an element in order, so that uniform
values are bit-equal on every platform and longer arrays begin with the values of shorter ones.

`scheme` replays the one sequential stream of MXNet instead, for comparing with its books.

References
----------
J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox).
G. E. P. Box and M. E. Muller, "A note on the generation of random normal deviates", 1958.
G. Marsaglia and T. A. Bray, "A convenient method for generating normal variables", 1964.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from graphinit.errors import ParameterError
from graphinit.faces import listed_face
from graphinit.scalars import whole

Size = int | tuple[int, ...]

SEEDS = -(10**300), 10**300
"""The least and the greatest seed that is read from a file; what is set in Python may be any."""


class Stream(Protocol):
    """A source of random numbers."""

    def uniform(self, low: float, high: float, size: Size) -> np.ndarray:
        """Return numbers of U[low, high)."""

    def normal(self, mean: float, std: float, size: Size) -> np.ndarray:
        """Return numbers of N(mean, std²)."""


def stream_key(seed: int, path: str) -> np.ndarray:
    """Return the 128-bit Philox key of a path: two uint64 words."""
    digest = hashlib.blake2b(f"{seed}\0{path}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return np.frombuffer(digest, np.uint64).astype(np.uint64)


class PathStream:
    """The stream of one path under one seed; each call goes on where the last one ended.

    Parameters
    ----------
    seed : int
        The network's seed.
    path : str
        The parameter's path.

    Examples
    --------
    >>> short, long = (PathStream(0, "0.weight").uniform(-1, 1, n) for n in (3, 5))
    >>> bool((long[:3] == short).all())
    True
    """

    def __init__(self, seed: int, path: str) -> None:
        self._bits = np.random.Philox(key=stream_key(seed, path))

    def _words(self, count: int) -> np.ndarray:
        return np.asarray(self._bits.random_raw(count), np.uint64)

    def uniform(self, low: float = 0.0, high: float = 1.0, size: Size = ()) -> np.ndarray:
        """Return float64 numbers of U[low, high): 53 bits of one word each."""
        unit = (self._words(_count(size)) >> np.uint64(11)) * 2.0**-53
        return (low + (high - low) * unit).reshape(size)

    def normal(self, mean: float = 0.0, std: float = 1.0, size: Size = ()) -> np.ndarray:
        """Return float64 numbers of N(mean, std²), by Box and Muller's transform of word pairs."""
        count = _count(size)
        pairs = self._words(2 * ((count + 1) // 2)).reshape(-1, 2)
        unit = (pairs >> np.uint64(11)) * 2.0**-53
        radius = np.sqrt(-2.0 * np.log1p(-unit[:, 0]))
        angle = 2.0 * math.pi * unit[:, 1]
        both = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)
        return (mean + std * both[:count]).reshape(size)

    def generator(self) -> np.random.Generator:
        """Return a NumPy generator on this stream, for initializers that bring their own formula."""
        return np.random.Generator(self._bits)


class _MxnetWords:
    """The raw 32-bit words of MXNet's CPU generators: plain MT19937, seeded with 127 times the seed."""

    def __init__(self, seed: int) -> None:
        self._state = np.random.RandomState(seed % 2**32)

    def take(self, count: int) -> np.ndarray:
        return np.asarray(self._state.randint(0, 2**32, size=count, dtype=np.uint32))


def _unit(words: np.ndarray) -> np.ndarray:
    unit = words.astype(np.float32) / np.float32(2**32)
    return np.asarray(np.minimum(unit, np.nextafter(np.float32(1), np.float32(0))))


def _polar(words: _MxnetWords) -> tuple[np.float32, np.float32]:
    """Draw one accepted pair of Marsaglia's polar method, in float32."""
    one, two = np.float32(1), np.float32(2)
    while True:
        x, y = two * _unit(words.take(2)) - one
        square = x * x + y * y
        if 0 < square <= 1:
            scale = np.sqrt(-two * np.log(square) / square)
            return y * scale, x * scale


class MxnetNumpyStream:
    """The one sequential stream of ``mx.np.random``: uniform and normal numbers in float32."""

    def __init__(self, seed: int) -> None:
        self._words = _MxnetWords(127 * seed)

    def uniform(self, low: float = 0.0, high: float = 1.0, size: Size = ()) -> np.ndarray:
        """Return float32 numbers of U[low, high), a word each."""
        low32, high32 = np.float32(low), np.float32(high)
        return (low32 + _unit(self._words.take(_count(size))) * (high32 - low32)).reshape(size)

    def normal(self, mean: float = 0.0, std: float = 1.0, size: Size = ()) -> np.ndarray:
        """Return float32 numbers of N(mean, std²); the spare of an odd count is dropped."""
        count = _count(size)
        drawn: list[np.float32] = []
        while len(drawn) < count:
            drawn.extend(_polar(self._words))
        return (np.float32(mean) + np.float32(std) * np.array(drawn[:count], np.float32)).reshape(size)


class MxnetNdStream:
    """The 1,024 generators of ``mx.nd.random``: each fills a slice of what one call draws."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._generators: dict[int, _MxnetWords] = {}

    def _slices(self, count: int) -> Iterator[tuple[_MxnetWords, int]]:
        if not count:
            return
        step = -(-count // min(-(-count // 64), 1024))
        for index, start in enumerate(range(0, count, step)):
            if index not in self._generators:
                self._generators[index] = _MxnetWords(127 * self._seed + index)
            yield self._generators[index], min(step, count - start)

    def uniform(self, low: float = 0.0, high: float = 1.0, size: Size = ()) -> np.ndarray:
        """Return float32 numbers of U[low, high), a word each."""
        low32, high32 = np.float32(low), np.float32(high)
        parts = [_unit(words.take(count)) for words, count in self._slices(_count(size))]
        unit = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        return (low32 + unit * (high32 - low32)).reshape(size)

    def normal(self, mean: float = 0.0, std: float = 1.0, size: Size = ()) -> np.ndarray:
        """Return float32 numbers of N(mean, std²); a fresh pair each, of which one is kept."""
        drawn = [_polar(words)[0] for words, count in self._slices(_count(size)) for _ in range(count)]
        return (np.float32(mean) + np.float32(std) * np.array(drawn, np.float32)).reshape(size)


_SCHEMES: dict[str, Callable[[int], Stream]] = {"mxnet-np": MxnetNumpyStream, "mxnet-nd": MxnetNdStream}
_seed = 0
_sequence: Stream | None = None  # made on first use: it loads numpy.random
_replayed: Stream | None = None


def seed(value: int) -> None:
    """Set the seed that networks initialised from now on use, and restart `uniform` and `normal`.

    Parameters
    ----------
    value : int
        Any integer; the seed of a new process is 0.

    Raises
    ------
    ParameterError
        If it is no integer.
    """
    global _seed, _sequence, _replayed  # noqa: PLW0603  (one seed a process, as NumPy's and MXNet's)
    _seed = check_seed(value)
    _sequence = None
    if _replayed is not None:
        _replayed = type(_replayed)(_seed)  # type: ignore[call-arg]  # both schemes take a seed


def check_seed(value: Any) -> int:
    """Return a seed as an int; `ParameterError` when it is none."""
    seed = whole(value)
    if seed is None:
        raise ParameterError(f"a seed is an integer, not {value!r}", code="GI405")
    return seed


def current_seed() -> int:
    """Return the seed that `seed` set last."""
    return _seed


def stream(seed: int, path: str) -> Stream:
    """Return the stream that a parameter draws from: its own, or the one that `scheme` replays."""
    return PathStream(seed, path) if _replayed is None else _replayed


def _sequential() -> Stream:
    global _sequence  # noqa: PLW0603
    if _sequence is None:
        _sequence = PathStream(_seed, "")
    return _sequence if _replayed is None else _replayed


def uniform(low: float = 0.0, high: float = 1.0, size: Size = ()) -> np.ndarray:
    """Return float32 numbers of U[low, high) from the process's one sequential stream.

    Examples
    --------
    >>> seed(0)
    >>> uniform(size=(2, 3)).shape
    (2, 3)
    """
    return _sequential().uniform(low, high, size).astype(np.float32)


def normal(loc: float = 0.0, scale: float = 1.0, size: Size = ()) -> np.ndarray:
    """Return float32 numbers of N(loc, scale²) from the process's one sequential stream."""
    return _sequential().normal(loc, scale, size).astype(np.float32)


class _Scheme:
    """What `scheme` returns: in force at once, undone at the end of a ``with`` block."""

    def __init__(self, previous: Stream | None) -> None:
        self._previous = previous

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        global _replayed  # noqa: PLW0603
        _replayed = self._previous


def scheme(name: str | None, seed: int = 0) -> _Scheme:
    """Replay the random stream of MXNet, or go back to streams by path.

    All initializers, `uniform` and `normal` then share one sequential stream, so that values depend
    on the order of draws, as they do there.

    Parameters
    ----------
    name : {"mxnet-np", "mxnet-nd", None}
        ``mx.np.random``, the legacy ``mx.nd.random``, or streams by path again.
    seed : int
        The seed that ``mx.random.seed`` would be given.

    Returns
    -------
    context manager
        In force at once; a ``with`` block puts back what was before.

    Examples
    --------
    >>> with scheme("mxnet-np", seed=0):
    ...     print(uniform(size=3))
    [0.5488135 0.5928446 0.71518934]
    """
    global _replayed  # noqa: PLW0603
    if name is not None and name not in _SCHEMES:
        raise ParameterError(
            f"there is no random scheme {name!r}; there are {', '.join(_SCHEMES)}", code="GI405"
        )
    undo = _Scheme(_replayed)
    _replayed = None if name is None else _SCHEMES[name](check_seed(seed))
    return undo


def _count(size: Size) -> int:
    one = whole(size)
    return math.prod(map(int, size)) if one is None else one  # type: ignore[arg-type]  # several


__all__ = [
    "MxnetNdStream",
    "MxnetNumpyStream",
    "PathStream",
    "Stream",
    "current_seed",
    "normal",
    "scheme",
    "seed",
    "stream",
    "uniform",
]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
