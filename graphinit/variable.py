"""What blocks own: a name, a place in the network, and where it was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from graphinit.copying import Holders, Portable
from graphinit.errors import ParameterError
from graphinit.ir.kernel import Kernel
from graphinit.ir.node import Meta
from graphinit.ir.origin import Origin, here


class Variable(Portable):
    """Something that a block owns: a parameter, or a state that is carried from run to run.

    A copy made without its owners keeps the path.

    Parameters
    ----------
    name : str
        Leaf name.
    """

    _remade: ClassVar[Mapping[str, Any]] = {"_holders": Holders, "_lone_path": str}
    _arrays = ("_data", "_grad")
    _refusal = ParameterError
    _holders: Holders
    _lone_path: str
    """The path of the original, of a copy that nobody owns."""
    kernel: Kernel | None = None
    """What its axes are, of the weight of a layer."""

    moves = 0
    """How many recorded calls it has moved on by, as a state that is stored when forward has run."""

    def __init__(self, name: str) -> None:
        self._remake()
        self._name = name
        self._origin = here()
        self._notes: tuple[str | None, ...] = ()

    @property
    def name(self) -> str:
        """Leaf name."""
        return self._name

    @property
    def owner(self) -> Any:
        """The first living block that owns it, None when there is none."""
        return next((owner for owner, _ in self._holders), None)

    @property
    def path(self) -> str:
        """Place in the network, ``"0.weight"``; the leaf name while no block owns it."""
        owner = self.owner
        return self._lone_path or self._name if owner is None else str(owner.variable_path(self))

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
            return Meta("", self._origin, self._notes, type(self).__name__, kernel=self.kernel)
        owned: Meta = owner.variable_meta(self)
        return owned

    def adopt(self, owner: Any) -> None:
        """Note a block that owns this; the first living one gives it its path."""
        self._holders.remove(owner)
        self._holders.add(owner)

    def leave(self, owner: Any) -> None:
        """Forget a block that owns this no more."""
        self._holders.remove(owner)

    def _changed(self) -> None:
        for owner, _ in self._holders:
            owner.changed()

    # ------------------------------------------------------------------ copies

    def _described(self) -> tuple[str, str | None]:
        return f"{type(self).__name__} {self.path!r}", self.path

    def _links(self) -> str:
        return self.path

    def _relink(self, links: str) -> None:
        self._lone_path = links
