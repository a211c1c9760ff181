"""Rules that follow the gradient or its sign, with momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from graphinit.functional.elementwise import sign
from graphinit.ir.tensor import Tensor
from graphinit.optimizers.base import Optimizer
from graphinit.optimizers.checks import fraction, number
from graphinit.optimizers.registration import register
from graphinit.optimizers.rule import Slot, Update


@register
class SGD(Optimizer):
    """Stochastic gradient descent: ``m = momentum * m - lr * g; w += m``.

    Parameters
    ----------
    params, lr, **options
        As in `Optimizer`.
    momentum : float
        Share of the last step that is taken again.
    nesterov : bool
        Whether the gradient is that after the momentum's step: ``w += momentum * m - lr * g``.

    Examples
    --------
    >>> from graphinit.parameter import Parameter
    >>> weight = Parameter(shape=(2,))
    >>> weight.set_data([1.0, 2.0])
    >>> weight.accept_gradient(weight.data())
    >>> SGD([weight], lr=0.5).step(1)
    >>> weight.data()
    array([0.5, 1. ], dtype=float32)
    """

    default_rate = 0.1
    hyper: ClassVar[tuple[str, ...]] = ("momentum", "nesterov")

    def __init__(
        self,
        params: Any = None,
        lr: float | None = None,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, **options)
        self.momentum = fraction("momentum", momentum)
        self.nesterov = bool(nesterov)

    def slots(self, shape: tuple[int, ...], dtype: str) -> Mapping[str, Slot]:
        """Return the momentum, if there is any."""
        return {"momentum": Slot(shape, dtype)} if self.momentum else {}

    def rule(self, update: Update) -> Tensor:
        """Return the new value."""
        step = update.stepped(update.rate)
        if not self.momentum:
            return update.weight - step
        momentum = update.states["momentum"] * self.momentum - step
        update.next["momentum"] = momentum
        if self.nesterov:
            return update.weight + (momentum * self.momentum - step)
        return update.weight + momentum


@register
class NAG(SGD):
    """Nesterov's accelerated gradient: `SGD` with ``nesterov=True``.

    Parameters
    ----------
    params, lr, momentum, **options
        As in `SGD`.
    """

    def __init__(
        self, params: Any = None, lr: float | None = None, momentum: float = 0.9, **options: Any
    ) -> None:
        super().__init__(params, lr, momentum, True, **options)


@register
class Signum(Optimizer):
    """The sign of the averaged gradient: ``m = momentum * m - (1 - momentum) * g; w += lr * sign(m)``.

    Parameters
    ----------
    params, lr, **options
        As in `Optimizer`.
    momentum : float
        Share of the old average.
    wd_lh : float
        Weight decay apart from the gradient: ``w *= 1 - lr * wd_lh``.

    References
    ----------
    J. Bernstein et al., "signSGD: compressed optimisation for non-convex problems", ICML 2018.
    """

    hyper: ClassVar[tuple[str, ...]] = ("momentum", "wd_lh")

    def __init__(
        self,
        params: Any = None,
        lr: float | None = None,
        momentum: float = 0.9,
        wd_lh: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, **options)
        self.momentum = fraction("momentum", momentum)
        self.wd_lh = number("wd_lh", wd_lh, 0)

    def slots(self, shape: tuple[int, ...], dtype: str) -> Mapping[str, Slot]:
        """Return the averaged gradient, if there is momentum."""
        return {"momentum": Slot(shape, dtype)} if self.momentum else {}

    def rule(self, update: Update) -> Tensor:
        """Return the new value."""
        rate = update.number(update.rate)
        if self.momentum:
            momentum = update.states["momentum"] * self.momentum - update.decayed * (1 - self.momentum)
            update.next["momentum"] = momentum
            step = sign(momentum) * rate
        else:
            step = -sign(update.decayed) * rate
        kept = update.weight * update.number(1 - update.rate * self.wd_lh) if self.wd_lh else update.weight
        return kept + step


@register
class Lion(Optimizer):
    """The sign of an interpolated momentum: ``w -= lr * (sign(beta1 * m + (1 - beta1) * g) + wd * w)``.

    Afterwards ``m = beta2 * m + (1 - beta2) * g``.  Gluon does not have it.

    Parameters
    ----------
    params, lr, **options
        As in `Optimizer`.
    beta1, beta2 : float
        Shares of the old momentum, in the step and in what is kept.

    References
    ----------
    X. Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023.
    """

    default_rate = 0.0001
    hyper: ClassVar[tuple[str, ...]] = ("beta1", "beta2")

    def __init__(
        self,
        params: Any = None,
        lr: float | None = None,
        beta1: float = 0.9,
        beta2: float = 0.99,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, **options)
        self.beta1 = fraction("beta1", beta1)
        self.beta2 = fraction("beta2", beta2)

    def slots(self, shape: tuple[int, ...], dtype: str) -> Mapping[str, Slot]:
        """Return the momentum."""
        return {"momentum": Slot(shape, dtype)}

    def rule(self, update: Update) -> Tensor:
        """Return the new value."""
        gradient = update.gradient
        step = sign(update.states["momentum"] * self.beta1 + gradient * (1 - self.beta1))
        update.average("momentum", self.beta2, gradient)
        if update.decay:
            step = step + update.weight * update.decay
        return update.weight - step * update.number(update.rate)
