from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import graphinit.ops  # noqa: F401  # registers the ops
from graphinit.ir.graph import GraphBuilder
from graphinit.ir.tensor import Tensor
from graphinit.ir.types import TensorType, parse_shape


@pytest.fixture
def source() -> Callable[..., Tensor]:
    """Make an input or parameter in a builder of its own, as `functional` does."""

    def make(name: str, shape: Any = None, dtype: str | None = "float32", op: str = "input") -> Tensor:
        builder = GraphBuilder()
        type = TensorType(None if shape is None else parse_shape(shape), dtype)
        return Tensor(builder, builder.source(op, name, type))

    return make
