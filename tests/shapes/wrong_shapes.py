"""Ops with arguments in wrong shapes: what inference refuses must not run, but for stated contracts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from graphinit import functional
from graphinit.ir.node import Node
from graphinit.ir.op import op_spec
from graphinit.runtime.kernels import kernel_function
from tests.ops.samples import Sample

Shape = tuple[int, ...]
Arrays = Sequence[np.ndarray]

BROADCASTS = "NumPy broadcasts inside of it; the op takes sizes that are equal"
UNSEEN = "what does not fit is not looked at: no step is done, a branch is not taken"
CONTRACTS: dict[str, str] = {
    **dict.fromkeys(("linear", "batch_norm", "conv", "conv_transpose", "broadcast_like"), BROADCASTS),
    **dict.fromkeys(("along_axis", "add_positions"), BROADCASTS),
    **dict.fromkeys(("cond", "while_loop", "scan"), UNSEEN),
    "resample": "the axes behind the channels are those that size= and scale= speak of, no more",
    "reflect_pad": "a border is mirrored once: it is shorter than what it mirrors",
    "pick": "with fewer ids than rows some rows are left out",
    **dict.fromkeys(
        ("dropout", "normal_like", "uniform_like"),
        "a key is three words: of more the rest counts for nothing",
    ),
    "assert_shape": "to refuse is what it is for",
    "squeeze": "the kernel copies whatever has as many elements; the op says which axes go",
}
"""Ops whose stated contracts exclude what would run, with the reason."""


def spoilt_shapes(shape: Shape) -> Iterator[Shape]:
    """Shapes near another: a size changed, an axis less, an axis more."""
    for axis, size in enumerate(shape):
        for other in {0, 1, 2, size + 1} - {size}:
            yield (*shape[:axis], other, *shape[axis + 1 :])
        yield (*shape[:axis], *shape[axis + 1 :])
    for axis in range(len(shape) + 1):
        yield (*shape[:axis], 1 + axis % 2, *shape[axis:])


def resized(array: np.ndarray, shape: Shape) -> np.ndarray:
    """The values in another shape, repeated or cut off."""
    return np.resize(array, shape) if array.size else np.zeros(shape, array.dtype)


def compute(node: Node, outputs: Arrays, inputs: Arrays) -> None:
    """Run the kernel of a node, as it is."""
    kernel = kernel_function(op_spec(node.op), node.attrs, len(inputs))
    with np.errstate(all="ignore"):
        kernel(outputs, inputs)


def is_helper(op: str) -> bool:
    """Whether nobody writes an op: gradients use it, and know the shapes."""
    return not hasattr(functional, op)


def runs_anyway(node: Node, sample: Sample, arrays: Arrays) -> bool:
    """Whether the reference takes arguments, and the kernel gives what it gives; not if that is nothing."""
    try:
        with np.errstate(all="ignore"):
            results = sample.expected([array.copy() for array in arrays])
        outputs = [np.zeros_like(result) for result in results]
        compute(node, outputs, [array.copy() for array in arrays])
    except Exception:  # whatever it is that either of them raises
        return False
    return all(array.size for array in (*arrays, *results)) and all(
        np.allclose(found, result, rtol=1e-4, atol=1e-5, equal_nan=True)
        for found, result in zip(outputs, results, strict=True)
    )
