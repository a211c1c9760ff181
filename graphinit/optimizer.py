"""Optimisers: how gradients change parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from graphinit.errors import GradientError, ParameterError
from graphinit.parameter import Parameter


class SGD:
    """Plain stochastic gradient descent, ``w -= lr / batch_size * grad``.

    Parameters
    ----------
    params : mapping or iterable of Parameter
        What to train; a tied parameter is updated once.
    lr : float
        Learning rate.

    Raises
    ------
    ParameterError
        GI405, when these are no parameters or the rate is not positive.

    Examples
    --------
    >>> weight = Parameter(shape=(2,))
    >>> weight.set_data([1.0, 2.0])
    >>> weight.accept_gradient(weight.data())
    >>> SGD([weight], lr=0.5).step(1)
    >>> weight.data()
    array([0.5, 1. ], dtype=float32)
    """

    def __init__(self, params: Mapping[str, Parameter] | Iterable[Parameter], lr: float = 0.01) -> None:
        listed = list(params.values() if isinstance(params, Mapping) else params)
        for parameter in listed:
            if not isinstance(parameter, Parameter):
                raise ParameterError(f"an optimiser takes parameters, not {parameter!r}", code="GI405")
        if not lr > 0:
            raise ParameterError(f"a learning rate is a positive number, not {lr!r}", code="GI405")
        self.parameters = list({id(parameter): parameter for parameter in listed}.values())
        self.lr = lr

    def step(self, batch_size: int = 1) -> None:
        """Update every trained parameter by its gradient.

        Parameters
        ----------
        batch_size : int
            What gradients are divided by.

        Raises
        ------
        GradientError
            GI406, when a gradient has not been computed since the last step; nothing is changed.
        """
        trained = [parameter for parameter in self.parameters if parameter.grad_req != "null"]
        for parameter in trained:
            parameter.check_initialized()
            if not parameter.has_fresh_gradient:
                raise GradientError(
                    f"the gradient of {parameter.path!r} has not been computed since the last step; run backward",
                    path=parameter.path,
                )
        for parameter in trained:
            parameter.data()[...] -= (self.lr / batch_size * parameter.lr_mult) * parameter.grad()
            parameter.has_fresh_gradient = False
