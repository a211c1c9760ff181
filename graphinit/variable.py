"""What blocks own: a name, a place in the network, and where it was made."""

from __future__ import annotations

import weakref
from typing import Any, Self

from graphinit.ir.node import Meta
from graphinit.ir.origin import Origin, here


class Variable:
    """Something that a block owns: a parameter, or a state that is carried from run to run.

    Parameters
    ----------
    name : str
        Leaf name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._owners: list[weakref.ref[Any]] = []
        self._origin = here()
        self._notes: tuple[str | None, ...] = ()

    @property
    def name(self) -> str:
        """Leaf name."""
        return self._name

    @property
    def owner(self) -> Any:
        """The first living block that owns it, None when there is none."""
        return next((owner for reference in self._owners if (owner := reference()) is not None), None)

    @property
    def path(self) -> str:
        """Place in the network, ``"0.weight"``; the leaf name while no block owns it."""
        owner = self.owner
        return self._name if owner is None else str(owner.variable_path(self))

    @property
    def origin(self) -> Origin | None:
        """Where it was made."""
        return self._origin

    @property
    def notes(self) -> tuple[str | None, ...]:
        """For each axis, the argument that its size came from."""
        return self._notes

    def note(self, *notes: str | None) -> Self:
        """Say which argument each axis's size came from; return self."""
        self._notes = notes
        return self

    def meta(self) -> Meta:
        """Return where its node comes from: the owner's construction, else its own."""
        owner = self.owner
        if owner is None:
            return Meta("", self._origin, self._notes, type(self).__name__)
        owned: Meta = owner.variable_meta(self)
        return owned

    def adopt(self, owner: Any) -> None:
        """Note a block that owns this; the first living one gives it its path."""
        self._owners = [reference for reference in self._owners if reference() not in (None, owner)]
        self._owners.append(weakref.ref(owner))

    def leave(self, owner: Any) -> None:
        """Forget a block that owns this no more."""
        self._owners = [reference for reference in self._owners if reference() not in (None, owner)]

    def _changed(self) -> None:
        for reference in self._owners:
            owner = reference()
            if owner is not None:
                owner.changed()
