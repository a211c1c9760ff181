"""Connectionist temporal classification: the likelihood of labels that are not aligned.

A. Graves et al., "Connectionist temporal classification: labelling unsegmented sequence data with
recurrent neural networks", ICML 2006.  The last class is the blank.  Sums over alignments run forwards
and backwards through a lattice of labels with blanks between them, in logarithms and in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphinit.errors import ValueRangeError
from graphinit.ir.op import Attr, Attrs, OpSpec, Vjp, register
from graphinit.ops import checks
from graphinit.ops.rules import first_dtype, per_input


@dataclass(frozen=True)
class _Lattice:
    """One batch: log-probabilities ``[b,t,c]``, labels with blanks ``[b,s]``, and how long each is.

    ``emitted[b,t,s]`` is the log-probability of what stands at s, at time t; ``skips[b,s]`` says where
    the blank before s may be left out.
    """

    logs: np.ndarray
    classes: np.ndarray
    emitted: np.ndarray
    skips: np.ndarray
    lengths: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, inputs: Sequence[np.ndarray], attrs: Attrs) -> _Lattice:
        x, labels, rest = inputs[0].astype(np.float64), inputs[1], list(inputs[2:])
        batch, time, count = x.shape
        width = labels.shape[1]
        lengths = rest.pop(0) if attrs["lengths"] else np.full(batch, time)
        label_lengths = rest.pop(0) if attrs["label_lengths"] else _until_negative(labels)
        _check("length", lengths, time)
        _check("label length", label_lengths, width)
        given = np.arange(width) < label_lengths[:, None]
        wrong = given & ((labels < 0) | (labels >= count - 1))
        if wrong.any():
            place = tuple(map(int, np.argwhere(wrong)[0]))
            raise ValueRangeError(
                f"ctc_loss was given the label {int(labels[place])} at {place}; labels must be at least 0 and less "
                f"than {count - 1}, as the last class is the blank",
                code="GI502",
            )
        top = x.max(axis=2, keepdims=True, initial=-np.inf)
        logs = x - top
        logs -= np.log(np.exp(logs).sum(axis=2, keepdims=True))
        classes = np.full((batch, 2 * width + 1), count - 1)
        classes[:, 1::2] = np.where(given, labels, count - 1)
        skips = np.zeros(classes.shape, bool)
        skips[:, 2:] = (classes[:, 2:] != classes[:, :-2]) & (classes[:, 2:] != count - 1)
        emitted = np.take_along_axis(
            logs, np.broadcast_to(classes[:, None], (batch, time, classes.shape[1])), 2
        )
        return cls(logs, classes, emitted, skips, lengths, 2 * label_lengths)

    def forwards(self) -> np.ndarray:
        """Return ``[b,t,s]``: log-likelihood of all ways to be at s at time t, what is emitted there included."""
        result: np.ndarray = np.full(self.emitted.shape, -np.inf)
        if not result.size:
            return result
        result[:, 0, :2] = self.emitted[:, 0, :2]
        for time in range(1, result.shape[1]):
            result[:, time] = _step(result[:, time - 1], self.skips) + self.emitted[:, time]
        return result

    def backwards(self) -> np.ndarray:
        """Return ``[b,t,s]``: log-likelihood of all ways on from s at time t, what is emitted there left out."""
        result: np.ndarray = np.full(self.emitted.shape, -np.inf)
        mirrored = np.zeros_like(self.skips)
        mirrored[:, 2:] = self.skips[:, 2:][:, ::-1]
        for row, (length, end) in enumerate(zip(self.lengths, self.ends, strict=True)):
            if length:
                result[row, length - 1, max(end - 1, 0) : end + 1] = 0
        for time in range(result.shape[1] - 2, -1, -1):
            onward = (result[:, time + 1] + self.emitted[:, time + 1])[:, ::-1]
            stepped = _step(onward, mirrored)[:, ::-1]
            result[:, time] = np.where((time < self.lengths - 1)[:, None], stepped, result[:, time])
        return result

    def likelihood(self, forwards: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of each sample's labels, ``[b]``."""
        rows = np.arange(len(self.lengths))
        if forwards.shape[1] == 0:
            return np.where(self.ends == 0, 0.0, -np.inf)
        at = forwards[rows, np.maximum(self.lengths - 1, 0)]
        blank, label = at[rows, self.ends], at[rows, np.maximum(self.ends - 1, 0)]
        total = np.where(self.ends > 0, np.logaddexp(blank, label), blank)
        return np.where(self.lengths > 0, total, np.where(self.ends == 0, 0.0, -np.inf))


def _step(values: np.ndarray, skips: np.ndarray) -> np.ndarray:
    """Return for each place the sum of what comes from it, from the one before, and past a blank."""
    one = np.full_like(values, -np.inf)
    one[:, 1:] = values[:, :-1]
    two = np.full_like(values, -np.inf)
    two[:, 2:] = np.where(skips[:, 2:], values[:, :-2], -np.inf)
    total: np.ndarray = np.logaddexp(np.logaddexp(values, one), two)
    return total


def _until_negative(labels: np.ndarray) -> np.ndarray:
    """Return how many labels of each row stand before the first negative one."""
    count: np.ndarray = np.logical_and.accumulate(labels >= 0, axis=1).sum(axis=1)
    return count


def _check(word: str, lengths: np.ndarray, most: int) -> None:
    wrong = (lengths < 0) | (lengths > most)
    if wrong.any():
        place = int(np.argmax(wrong))
        raise ValueRangeError(
            f"ctc_loss was given the {word} {int(lengths[place])} at ({place},); it must be from 0 to {most}",
            code="GI502",
        )


def _loss_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    lattice = _Lattice.of(inputs, attrs)
    np.copyto(outputs[0], -lattice.likelihood(lattice.forwards()), casting="same_kind")


def _gradient_kernel(outputs: Sequence[np.ndarray], inputs: Sequence[np.ndarray], attrs: Attrs) -> None:
    dy, rest = inputs[0], inputs[1:]
    lattice = _Lattice.of(rest, attrs)
    forwards = lattice.forwards()
    total = lattice.likelihood(forwards)
    possible = np.isfinite(total)
    level = np.where(possible, total, 0)[:, None, None]
    shares = np.exp(np.where(possible[:, None, None], forwards + lattice.backwards() - level, -np.inf))
    gradient = np.exp(lattice.logs)
    batch, time, _ = gradient.shape
    rows, times = np.ogrid[:batch, :time]
    np.subtract.at(gradient, (rows[..., None], times[..., None], lattice.classes[:, None]), shares)
    counted = possible[:, None] & (times < lattice.lengths[:, None])
    np.multiply(gradient, counted[..., None] * dy[:, None, None], out=gradient)
    np.copyto(outputs[0], gradient, casting="same_kind")


def _loss_vjp(v: Vjp) -> Sequence[Any]:
    dx = v.emit("ctc_loss_gradient", v.dy, *v.inputs, **v.attrs)
    return (dx, *(None,) * (len(v.inputs) - 1))


def _arity(ctx: Any) -> None:
    least = ctx.rule.spec.parsed.arity[0]
    extra = ctx.attrs["lengths"] + ctx.attrs["label_lengths"]
    given = len(ctx.inputs) - least
    if given != extra:
        ctx.fail("GI204", f"lengths= and label_lengths= say that {extra} more inputs come; there are {given}")
    x = ctx.inputs[least - 2]
    if ctx.rank(x) == 3:
        ctx.at_least(ctx.dim(x, 2), 1, "the last class is the blank, so there must be one")


_FLAGS = (Attr("lengths", checks.boolean, False), Attr("label_lengths", checks.boolean, False))

register(
    OpSpec(
        name="ctc_loss",
        signature="x:float[b,t,c], labels:int[b,l], first:int[b]?, second:int[b]? -> y[b]",
        doc="Negative log-likelihood of labels under softmax(x), summed over all alignments: [b,t,c], int [b,l]"
        " -> [b]; labels end at the first negative one, or as the lengths say that `lengths` and"
        " `label_lengths` announce; inf where there is no alignment.",
        kernel=_loss_kernel,
        vjp=_loss_vjp,
        attrs=_FLAGS,
        shape=_arity,
        dtype=first_dtype,
        cost=per_input(20),
        quiet=True,
    )
)
register(
    OpSpec(
        name="ctc_loss_gradient",
        signature="dy:float[b], x:float[b,t,c], labels:int[b,l], first:int[b]?, second:int[b]? -> y[b,t,c]",
        doc="Gradient of ctc_loss with respect to x, 0 where there is no alignment: [b], [b,t,c], int [b,l]"
        " -> [b,t,c].",
        kernel=_gradient_kernel,
        no_gradient="the second derivative of ctc_loss is not available",
        attrs=_FLAGS,
        shape=_arity,
        dtype=first_dtype,
        cost=per_input(40),
        quiet=True,
    )
)
