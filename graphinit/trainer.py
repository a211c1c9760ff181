"""Trainers: an optimiser over the parameters of a network, as Gluon has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from graphinit.errors import FileError, ParameterError
from graphinit.faces import listed_face
from graphinit.interrupts import make
from graphinit.ir.origin import warn_user
from graphinit.optimizers.base import Optimizer
from graphinit.optimizers.registry import create
from graphinit.parameter import Parameter
from graphinit.plain_text import shown
from graphinit.storage.archive import open_archive, write_archive
from graphinit.storage.contents import Archive


class Trainer:
    """Update parameters by their gradients.

    Parameters
    ----------
    params : mapping or iterable of Parameter
        What to train; a tied parameter is updated once.
    optimizer : str or Optimizer
        An optimiser's name, or one that is made already.
    optimizer_params : mapping, optional
        Options of the optimiser, with a name.
    kvstore, compression_params, update_on_kvstore
        Taken for Gluon's sake; there is one process.

    Raises
    ------
    ParameterError
        GI405, when these are no parameters, there is no such optimiser, or it doesn't take the options.

    Examples
    --------
    >>> import numpy as np
    >>> from graphinit import autograd, nn
    >>> net = nn.Dense(1, in_units=2, use_bias=False)
    >>> net.initialize("ones")
    >>> trainer = Trainer(net.collect_params(), "sgd", {"learning_rate": 0.5})
    >>> with autograd.record():
    ...     loss = net(np.array([[1.0, 3.0]]))
    >>> loss.backward()
    >>> trainer.step(1)
    >>> net.weight.data()
    array([[ 0.5, -0.5]], dtype=float32)
    """

    def __init__(
        self,
        params: Mapping[str, Parameter] | Iterable[Parameter],
        optimizer: str | Optimizer,
        optimizer_params: Mapping[str, Any] | None = None,
        kvstore: Any = None,
        compression_params: Any = None,
        update_on_kvstore: Any = None,
    ) -> None:
        if optimizer_params is not None and not isinstance(optimizer_params, Mapping):
            raise ParameterError(
                f"optimizer_params is a dict such as {{'learning_rate': 0.1}}, not {shown(optimizer_params)}",
                code="GI405",
            )
        if isinstance(optimizer, Optimizer) and optimizer_params:
            raise ParameterError("optimizer_params go with an optimiser's name; this one is made already")
        self.optimizer = create(optimizer, **(optimizer_params or {}))
        self.optimizer.bind(params)
        self._warned: set[int] = set()  # places of parameters in the optimiser's list

    @property
    def learning_rate(self) -> float:
        """The learning rate now."""
        return self.optimizer.learning_rate

    def set_learning_rate(self, lr: float) -> None:
        """Set the learning rate; an error when a schedule sets it."""
        self.optimizer.set_learning_rate(lr)

    def step(self, batch_size: float, ignore_stale_grad: bool = False) -> None:
        """Update every trained parameter by its gradient over the batch size.

        Parameters that the last recorded loss did not depend on are named in a warning, once, and stay
        as they are.

        Parameters
        ----------
        batch_size : float
            What gradients are divided by.
        ignore_stale_grad : bool
            Whether parameters without a new gradient are left as they are.

        Raises
        ------
        UninitializedError
            When a parameter has no values yet.
        GradientError
            GI406, when a gradient has not been computed since the last step; nothing is changed.
        """
        self._name_unused()
        self.optimizer.step(batch_size, ignore_stale_grad)

    def update(self, batch_size: float, ignore_stale_grad: bool = False) -> None:
        """Do what `step` does; in Gluon it comes after `allreduce_grads`."""
        self.step(batch_size, ignore_stale_grad)

    def allreduce_grads(self) -> None:
        """Do nothing: there is one process."""

    def _name_unused(self) -> None:
        parameters = self.optimizer.parameters
        found = [
            index
            for index, parameter in enumerate(parameters)
            if parameter.is_unused and not parameter.has_fresh_gradient and index not in self._warned
        ]
        if found:
            self._warned.update(found)
            listed = ", ".join(parameters[index].path for index in found)
            warn_user(f"the loss does not depend on {listed}, which stay as they are")

    def save_states(self, fname: Any) -> None:
        """Write the optimiser's states to a file, atomically.

        Raises
        ------
        FileError
            GI701, when it cannot be written.
        """
        notes = {"version": 1, "optimizer": self.optimizer.state_notes()}
        write_archive(fname, Archive(self.optimizer.state_arrays(), notes))

    def load_states(self, fname: Any) -> None:
        """Read what `save_states` wrote; all of it or nothing, also under Ctrl-C.

        Raises
        ------
        FileError
            GI701, when the file is not there, not whole, or not such a file.
        ParameterError
            GI403, when the states are another optimiser's.
        """
        with open_archive(fname) as contents:
            notes = contents.notes.value.get("optimizer")
            if not isinstance(notes, dict):
                raise FileError(f"{contents.source} has no optimiser's states")
            change = self.optimizer.restoring(contents.arrays, notes)
        make([change])


__all__ = [
    "Trainer",
]
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = listed_face(__name__, __all__)
