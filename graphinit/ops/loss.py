"""Ops that losses are made of."""

from __future__ import annotations

from graphinit.ir.op import Attr, Attrs, OpSpec, register
from graphinit.ops import checks
from graphinit.ops.rules import DTypes, free


def _ignored_dtype(dtypes: DTypes, attrs: Attrs) -> tuple[str | None, str]:
    return dtypes[0], "bool"


register(
    OpSpec(
        name="without_ignored",
        signature="ids:int[*a] -> y[*a], kept[*a]",
        doc="Ids with 0 in place of those to be ignored, and whether each is kept: int [*a] -> int [*a], bool [*a].",
        kernel="np.not_equal(ids, {ignored}, out=kept)\nnp.multiply(ids, kept, out=y)",
        no_gradient="ids are whole numbers",
        attrs=(Attr("ignored", checks.integer),),
        dtype=_ignored_dtype,
        cost=free,
    )
)
