"""An arena of bytes that hands out places and takes them back."""

from __future__ import annotations

import bisect

from graphinit.runtime.program import ALIGNMENT


class Arena:
    """Offsets into one piece of memory that grows as needed.

    The smallest free piece that is large enough is taken; neighbours that are free are joined.

    Attributes
    ----------
    size : int
        Bytes that were needed so far.

    Examples
    --------
    >>> arena = Arena()
    >>> first, second = arena.take(100), arena.take(50)
    >>> arena.give(first, 100)
    >>> first, second, arena.take(64), arena.size
    (0, 128, 0, 192)
    """

    def __init__(self) -> None:
        self.size = 0
        self._by_start: list[int] = []
        self._sizes: dict[int, int] = {}
        self._by_size: list[tuple[int, int]] = []

    def take(self, count: int) -> int:
        """Return the offset of so many bytes, aligned."""
        count = _aligned(count)
        if not count:
            return 0
        place = bisect.bisect_left(self._by_size, (count, 0))
        if place < len(self._by_size):
            size, start = self._by_size[place]
        elif self._by_start and self._by_start[-1] + self._sizes[self._by_start[-1]] == self.size:
            start = self._by_start[-1]  # grow the free piece at the end
            size = self._sizes[start]
        else:
            start = self.size
            self.size += count
            return start
        self._remove(start)
        if size > count:
            self._insert(start + count, size - count)
        self.size = max(self.size, start + count)
        return start

    def give(self, start: int, count: int) -> None:
        """Take back what `take` returned for so many bytes."""
        count = _aligned(count)
        if not count:
            return
        place = bisect.bisect_left(self._by_start, start)
        if place < len(self._by_start) and self._by_start[place] == start + count:
            following = self._by_start[place]
            count += self._sizes[following]
            self._remove(following)
        if place and (before := self._by_start[place - 1]) + self._sizes[before] == start:
            count += self._sizes[before]
            self._remove(before)
            start = before
        self._insert(start, count)

    def _insert(self, start: int, size: int) -> None:
        bisect.insort(self._by_start, start)
        bisect.insort(self._by_size, (size, start))
        self._sizes[start] = size

    def _remove(self, start: int) -> None:
        size = self._sizes.pop(start)
        del self._by_start[bisect.bisect_left(self._by_start, start)]
        del self._by_size[bisect.bisect_left(self._by_size, (size, start))]


def _aligned(count: int) -> int:
    return -(-count // ALIGNMENT) * ALIGNMENT
