"""Find every shape mistake of a network before a byte is allocated, and mend them.

The second layer was told to expect 30 numbers; the first one gives 256.  The report names both
sides, where each number came from, and a fix that it has tried.
"""

from __future__ import annotations

from graphinit import nn
from graphinit.errors import ShapeError
from passes import infer_shapes


def build(in_units: int = -1) -> nn.Sequential:
    """Return the network; the second layer's `in_units` may be left to inference."""
    return nn.Sequential(nn.Dense(256, activation="relu"), nn.Dense(10, in_units=in_units))


def main() -> None:
    """Break the network, read the explanation, follow it."""
    broken = infer_shapes(build(in_units=30).trace(), x=("batch", 20))
    assert not broken.ok
    (error,) = broken.errors
    print(error, end="\n\n")
    assert isinstance(error, ShapeError)
    assert "256" in str(error)
    assert "30" in str(error)
    assert any("in_units" in fix for fix in error.fixes)

    mended = infer_shapes(build().trace(), x=("batch", 20))
    assert mended.ok
    assert mended["1.weight"] == (10, 256)
    print("Without in_units=30 every shape is settled:", mended, sep="\n", end="\n\n")
    print("Where the shape of 1.weight comes from:", mended.why("1.weight"), sep="\n")


if __name__ == "__main__":
    main()
