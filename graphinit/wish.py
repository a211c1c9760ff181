"""Initialisations that were asked for, and are granted once the shapes that they take are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphinit.initializers.base import draw
from graphinit.initializers.presets import Preset

Shape = tuple[int, ...]
ShapeOf = Callable[[Any], Shape | None]


@dataclass(frozen=True, slots=True)
class Wish:
    """An initialisation that was asked for: everything that decides the values but the shapes."""

    initializer: Any
    seed: int
    path: str

    def granted(self, parameter: Any, shape_of: ShapeOf) -> np.ndarray | None:
        """Return the values, None while a shape that they take is unknown."""
        shape = shape_of(parameter)
        if shape is None or -1 in shape:
            return None
        initializer = self.initializer
        if isinstance(initializer, Preset):
            initializer = initializer.choose(*_role(parameter, shape_of))
            if initializer is None:
                return None
        return draw(
            initializer,
            self.path,
            shape,
            parameter.dtype,
            seed=self.seed,
            leaf=parameter.name,
            kernel=parameter.kernel,
        )


def _role(parameter: Any, shape_of: ShapeOf) -> tuple[str, str, dict[str, Shape | None]]:
    """Return the class of the owning layer, the name there, and the shapes of all its parameters."""
    owner = parameter.owner
    if owner is None:
        return "", parameter.name, {parameter.name: shape_of(parameter)}
    layer, key, parameters = owner.parameter_role(parameter)
    return layer, key, {name: shape_of(other) for name, other in parameters.items()}


def current_shape(parameter: Any) -> Shape | None:
    """Return the shape that a parameter has now."""
    shape: Shape | None = parameter.shape
    return shape
