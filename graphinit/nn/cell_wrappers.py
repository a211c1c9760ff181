"""Cells made of cells: stacked, in both directions, with a residual, dropout or zoneout."""

from __future__ import annotations

from typing import Any

from graphinit import functional as F
from graphinit import tracing
from graphinit.errors import BlockError
from graphinit.nn.basic import Dropout
from graphinit.nn.cells import RecurrentCell, States, _kept
from graphinit.plain_text import class_name


def _checked(cell: Any) -> RecurrentCell:
    if not isinstance(cell, RecurrentCell):
        raise BlockError(f"{cell!r} is not a recurrent cell")
    return cell


class SequentialRNNCell(RecurrentCell):
    """Cells one above the other, each taking the output of the one below.

    Examples
    --------
    >>> from graphinit import nn
    >>> cell = nn.SequentialRNNCell()
    >>> cell.add(nn.LSTMCell(4), nn.GRUCell(3))
    >>> [info["shape"] for info in cell.state_info(2)]
    [(2, 4), (2, 4), (2, 3)]
    """

    def add(self, *cells: RecurrentCell) -> None:
        """Append cells.

        Raises
        ------
        BlockError
            GI407, when one is no cell; nothing is added.
        """
        for cell in [_checked(cell) for cell in cells]:
            self.register_child(cell)

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        """Return shape and layout of each cell's states, in order."""
        return [info for cell in self for info in cell.state_info(batch_size)]

    def _shares(self, states: States) -> list[tuple[RecurrentCell, States]]:
        shares, start = [], 0
        for cell in self:
            count = len(cell.state_info())
            shares.append((cell, list(states[start : start + count])))
            start += count
        if start != len(states):
            raise BlockError(f"{self.name} has {start} states, got {len(states)}", path=self.path)
        return shares

    def forward(self, x: Any, states: States) -> tuple[Any, States]:
        """Take an input and all states, return the output of the last cell and all new states."""
        last: States = []
        for cell, own in self._shares(states):
            x, new = cell(x, own)
            last += new
        return x, last

    def _run(self, inputs: list[Any], states: States, valid: Any, reverse: bool) -> tuple[list[Any], States]:
        last: States = []
        for cell, own in self._shares(states):
            inputs, new = cell._run(inputs, own, valid, reverse)
            last += new
        return inputs, last

    def __iter__(self) -> Any:
        return iter(list(self._children.values()))

    def __len__(self) -> int:
        return len(self._children)

    def __getitem__(self, index: int) -> Any:
        """Return a cell."""
        return list(self._children.values())[index]


class BidirectionalCell(RecurrentCell):
    """Two cells, one from each end; their outputs are joined.

    It has no single step: use `unroll`.

    Parameters
    ----------
    l_cell, r_cell : RecurrentCell
        The cell that starts at the beginning, and the one that starts at the end (of the valid
        length, where one is given).
    """

    def __init__(self, l_cell: RecurrentCell, r_cell: RecurrentCell) -> None:
        super().__init__()
        self.l_cell = _checked(l_cell)
        self.r_cell = _checked(r_cell)

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        """Return shape and layout of the states of both."""
        return [*self.l_cell.state_info(batch_size), *self.r_cell.state_info(batch_size)]

    def forward(self, *args: Any) -> Any:
        """Raise an error: one step has no end to start from.

        Raises
        ------
        BlockError
            GI407, always.
        """
        raise BlockError("a bidirectional cell needs the whole sequence: call unroll", path=self.path)

    def _run(self, inputs: list[Any], states: States, valid: Any, reverse: bool) -> tuple[list[Any], States]:
        count = len(self.l_cell.state_info())
        there, first = self.l_cell._run(inputs, states[:count], valid, reverse)
        back, second = self.r_cell._run(inputs, states[count:], valid, not reverse)
        joined = [F.concat(pair, axis=-1) for pair in zip(there, back, strict=True)]
        return joined, [*first, *second]

    def __repr__(self) -> str:
        return f"BidirectionalCell(forward={self.l_cell!r}, backward={self.r_cell!r})"


class DropoutCell(RecurrentCell):
    """Dropout as a cell, to stand between others; it has no states.

    Parameters
    ----------
    rate : float
        Probability of zeroing, in training.
    axes : tuple of int
        Axes along which one decision serves all values.
    """

    def __init__(self, rate: float, axes: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.drop = Dropout(rate, axes)

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        """Return nothing: there are no states."""
        return []

    def forward(self, x: Any, states: States) -> tuple[Any, States]:
        """Drop values of the input."""
        return self.drop(x), list(states)

    def __repr__(self) -> str:
        return f"DropoutCell(rate={self.drop._rate}, axes={self.drop._axes})"


class _ModifierCell(RecurrentCell):
    """A cell that changes another.

    Parameters
    ----------
    base_cell : RecurrentCell
        The other.
    """

    def __init__(self, base_cell: RecurrentCell) -> None:
        super().__init__()
        self.base_cell = _checked(base_cell)

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        """Return shape and layout of the other cell's states."""
        return self.base_cell.state_info(batch_size)

    def __repr__(self) -> str:
        return f"{class_name(self)}({self.base_cell!r})"


class ResidualCell(_ModifierCell):
    """A cell plus its input: the output has the input's size (Wu et al. 2016)."""

    def forward(self, x: Any, states: States) -> tuple[Any, States]:
        """Return the cell's output plus `x`."""
        output, states = self.base_cell(x, states)
        return output + x, states

    def _run(self, inputs: list[Any], states: States, valid: Any, reverse: bool) -> tuple[list[Any], States]:
        outputs, states = self.base_cell._run(inputs, states, valid, reverse)
        added = [output + x for output, x in zip(outputs, inputs, strict=True)]
        if valid is not None:
            added = [F.where(F.greater(valid, t), output, 0.0) for t, output in enumerate(added)]
        return added, states


class ZoneoutCell(_ModifierCell):
    """In training, keep old outputs or states at random instead of taking the new ones.

    Parameters
    ----------
    base_cell : RecurrentCell
        The cell.
    zoneout_outputs, zoneout_states : float
        Probability of keeping the old value.  The output before the first step is zero, and so is
        that before a single call: `unroll` knows the one before.

    References
    ----------
    D. Krueger et al., "Zoneout: regularizing RNNs by randomly preserving hidden activations", 2016.
    """

    def __init__(
        self, base_cell: RecurrentCell, zoneout_outputs: float = 0.0, zoneout_states: float = 0.0
    ) -> None:
        if isinstance(base_cell, BidirectionalCell):
            raise BlockError("a bidirectional cell has no steps to zone out; wrap the cells inside it")
        super().__init__(base_cell)
        self.output_drop = Dropout(zoneout_outputs)
        self.state_drop = Dropout(zoneout_states)

    def forward(self, x: Any, states: States) -> tuple[Any, States]:
        """Take an input and states, return output and states of which some are old."""
        return self._advance(x, states, None)

    def _advance(self, x: Any, states: States, before: Any) -> tuple[Any, States]:
        output, new = self.base_cell(x, states)
        output = _zoned(self.output_drop, output, before)
        return output, [_zoned(self.state_drop, a, b) for a, b in zip(new, states, strict=True)]

    def _run(self, inputs: list[Any], states: States, valid: Any, reverse: bool) -> tuple[list[Any], States]:
        outputs: list[Any] = [None] * len(inputs)
        before = None
        for t in reversed(range(len(inputs))) if reverse else range(len(inputs)):
            before, new = self._advance(inputs[t], states, before)
            outputs[t], states = _kept(valid, t, before, new, states)
        return outputs, states


def _zoned(drop: Dropout, new: Any, old: Any) -> Any:
    trace = tracing.current()
    if trace is None or not trace.train or drop._rate == 0:
        return new
    old = F.zeros_like(new) if old is None else old
    return F.where(F.not_equal(drop(F.ones_like(new)), 0.0), new, old)
