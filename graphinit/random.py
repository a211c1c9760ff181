"""Random numbers that depend on a seed and a path alone.

Every parameter draws from a stream of its own: a Philox counter keyed by seed and path, so that no
draw depends on order, on laziness or on what stands beside it.  Only raw 64-bit words are taken
from NumPy; they are turned into numbers here, one or two words an element in order, so that uniform
values are bit-equal on every platform and longer arrays begin with the values of shorter ones.

The seeds of networks come from one sequence a process, which `seed` starts: every call of ``initialize``
without ``seed=`` takes the next number, so that two networks differ, and the same program repeats.

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
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from graphinit.errors import ParameterError
from graphinit.faces import listed_face
from graphinit.interrupts import Held
from graphinit.plain_text import shown
from graphinit.scalars import is_finite, real, several, whole

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


def unit_numbers(words: np.ndarray) -> np.ndarray:
    """Return float64 numbers of U[0, 1): 53 bits of each uint64 word."""
    return np.asarray((words >> np.uint64(11)) * 2.0**-53)


def normal_numbers(words: np.ndarray) -> np.ndarray:
    """Return float64 numbers of N(0, 1), as many as uint64 words, by Box and Muller's transform of pairs."""
    unit = unit_numbers(words.reshape(-1, 2))
    radius = np.sqrt(-2.0 * np.log1p(-unit[:, 0]))
    angle = 2.0 * math.pi * unit[:, 1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)


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
        return (low + (high - low) * unit_numbers(self._words(_count(size)))).reshape(size)

    def normal(self, mean: float = 0.0, std: float = 1.0, size: Size = ()) -> np.ndarray:
        """Return float64 numbers of N(mean, std²), by Box and Muller's transform of word pairs."""
        count = _count(size)
        numbers = normal_numbers(self._words(2 * ((count + 1) // 2)))
        return (mean + std * numbers[:count]).reshape(size)

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


class _Sequence:
    """The seeds that calls without one take, in order: n itself, then numbers that n and the place decide."""

    __slots__ = ("lock", "start", "taken")

    def __init__(self, start: int, taken: int = 0) -> None:
        self.start = start
        self.taken = taken
        self.lock = threading.Lock()

    def number(self, place: int) -> int:
        if place == 0:
            return self.start
        digest = hashlib.blake2b(f"{self.start}\0{place}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") >> 1  # so that it is an int64


class CallSeed:
    """The seed of one call of ``initialize``: the one that it was given, or the next of the sequence.

    The number is taken when it is first read, so a call that draws nothing takes none.  Unless `keep` was
    called, it is given back at the end of the ``with`` block: a call that fails takes none.

    Two calls never have the same number, on whatever threads they run.  A number cannot be given back once a
    later one was taken: when one of two calls at the same time fails, its number may be left out.

    Parameters
    ----------
    given : int, optional
        The seed, if the call has one; then nothing is taken.

    Raises
    ------
    ParameterError
        GI405, when the seed is no integer.
    """

    __slots__ = ("_kept", "_number", "_place", "_sequence")

    def __init__(self, given: int | None = None) -> None:
        self._number = None if given is None else check_seed(given)
        self._sequence = _sequence
        self._place = 0
        self._kept = given is not None

    @property
    def number(self) -> int:
        """The seed."""
        if self._number is None:
            with Held(), self._sequence.lock:
                self._place = self._sequence.taken
                self._sequence.taken += 1
                self._number = self._sequence.number(self._place)
        return self._number

    def keep(self) -> None:
        """Keep the number: what was drawn with it is in the network."""
        self._kept = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._kept or self._number is None:
            return
        with Held(), self._sequence.lock:
            if self._sequence.taken == self._place + 1:
                self._sequence.taken = self._place


_sequence = _Sequence(0)
_sequential: Stream | None = None  # made on first use: it loads numpy.random
_replayed: Stream | None = None


def seed(value: int, taken: int = 0) -> None:
    """Start a sequence of seeds for networks, and restart `uniform` and `normal`.

    The first call of ``initialize`` that follows, on whatever object, takes `value` itself; each later one
    takes a number of its own, which `value` and its place decide.  So networks that are made one after the
    other differ, ``force_reinit=True`` draws new values, and the same program gives the same values every
    time.  ``initialize(seed=...)`` takes none, nor does a call that fails or finds nothing to do.

    There is one sequence a process, which all threads share; no two calls get the same number.  Copies and
    pickles of networks leave it alone; a checkpoint keeps its place.

    Parameters
    ----------
    value : int
        Any integer; a new process starts with 0.
    taken : int
        How many numbers of the sequence have been taken already: ``seed(*place())`` goes on.

    Raises
    ------
    ParameterError
        If one is no integer, or `taken` is negative.

    Examples
    --------
    >>> from graphinit import nn
    >>> one, other = nn.Dense(2, in_units=3), nn.Dense(2, in_units=3)
    >>> seed(7)
    >>> one.initialize()
    >>> other.initialize()
    >>> first = one.weight.data().copy()
    >>> bool((other.weight.data() == first).any())
    False
    >>> seed(7)
    >>> one.initialize(force_reinit=True)
    >>> bool((one.weight.data() == first).all())
    True
    """
    global _sequence, _sequential, _replayed  # noqa: PLW0603  (one a process, as NumPy's and MXNet's)
    start, taken = check_seed(value), check_seed(taken)
    if taken < 0:
        raise ParameterError(f"taken is how many seeds were taken, not {taken}", code="GI405")
    _sequence = _Sequence(start, taken)
    _sequential = None
    if _replayed is not None:
        _replayed = type(_replayed)(start)  # type: ignore[call-arg]  # both schemes take a seed


def place() -> tuple[int, int]:
    """Return where the sequence of seeds stands: what `seed` was given, and how many numbers were taken.

    Examples
    --------
    >>> from graphinit import nn
    >>> seed(7)
    >>> nn.Dense(2, in_units=3).initialize()
    >>> place()
    (7, 1)
    """
    sequence = _sequence
    return sequence.start, sequence.taken


def check_seed(value: Any) -> int:
    """Return a seed as an int; `ParameterError` when it is none."""
    seed = whole(value)
    if seed is None:
        raise ParameterError(f"a seed is an integer, not {value!r}", code="GI405")
    return seed


def current_seed() -> int:
    """Return the seed that `seed` was given last."""
    return _sequence.start


def stream(seed: int, path: str) -> Stream:
    """Return the stream that a parameter draws from: its own, or the one that `scheme` replays."""
    return PathStream(seed, path) if _replayed is None else _replayed


def _one_stream() -> Stream:
    global _sequential  # noqa: PLW0603  (one a process)
    if _sequential is None:
        _sequential = PathStream(current_seed(), "")
    return _sequential if _replayed is None else _replayed


def uniform(
    low: float = 0.0, high: float = 1.0, size: Size | None = (), *, shape: Size | None = None
) -> np.ndarray:
    """Return float32 numbers of U[low, high) from the process's one sequential stream.

    Parameters
    ----------
    low, high : float
        The limits.
    size : int or tuple of int
        The shape of what is returned, as ``np.random`` calls it.
    shape : int or tuple of int, optional
        The same, as ``mx.nd.random`` calls it.

    Raises
    ------
    ParameterError
        GI405, when the size is none.

    Examples
    --------
    >>> seed(0)
    >>> uniform(size=(2, 3)).shape
    (2, 3)
    """
    limits = _number("low", low), _number("high", high)
    return _one_stream().uniform(*limits, _sizes(size if shape is None else shape)).astype(np.float32)


def normal(
    loc: float = 0.0, scale: float = 1.0, size: Size | None = (), *, shape: Size | None = None
) -> np.ndarray:
    """Return float32 numbers of N(loc, scale²) from the process's one sequential stream; see `uniform`."""
    moments = _number("loc", loc), _number("scale", scale)
    return _one_stream().normal(*moments, _sizes(size if shape is None else shape)).astype(np.float32)


def _number(name: str, value: Any) -> float:
    number = real(value)
    if number is None or not is_finite(number):
        raise ParameterError(f"{name} is a finite number, not {shown(value)}")
    return number


def _sizes(size: Any) -> tuple[int, ...]:
    """Return a shape as a tuple of sizes; None is that of one number, as in NumPy."""
    entries = () if size is None else several(size)
    sizes = [whole(item) for item in ((size,) if entries is None else entries)]
    checked = tuple(item for item in sizes if item is not None and item >= 0)
    if len(checked) != len(sizes):
        raise ParameterError(f"a shape is a size or a tuple of sizes, not {shown(size)}")
    return checked


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
    return math.prod(size) if one is None else one  # type: ignore[arg-type]  # several


__all__ = [
    "MxnetNdStream",
    "MxnetNumpyStream",
    "PathStream",
    "Stream",
    "current_seed",
    "normal",
    "place",
    "scheme",
    "seed",
    "stream",
    "uniform",
]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
