"""Rules that average the gradient and its square: Adam and its kin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from graphinit.functional.arithmetic import maximum, minimum
from graphinit.functional.comparison import logical_and, where
from graphinit.functional.elementwise import sqrt, square
from graphinit.ir.tensor import Tensor, apply
from graphinit.optimizers.base import Optimizer
from graphinit.optimizers.checks import fraction, number, positive
from graphinit.optimizers.registration import register
from graphinit.optimizers.rule import Slot, Update, norm


class _Moments(Optimizer):
    """What keeps an average of gradients and one of their squares.

    Parameters
    ----------
    params, lr, **options
        As in `Optimizer`.
    beta1, beta2 : float
        Shares of the old averages.
    epsilon : float
        Added to denominators.
    """

    default_rate = 0.001
    hyper: ClassVar[tuple[str, ...]] = ("beta1", "beta2", "epsilon")

    def __init__(
        self,
        params: Any = None,
        lr: float | None = None,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, **options)
        self.beta1 = fraction("beta1", beta1)
        self.beta2 = fraction("beta2", beta2)
        self.epsilon = positive("epsilon", epsilon)

    def slots(self, shape: tuple[int, ...], dtype: str) -> Mapping[str, Slot]:
        """Return the two averages."""
        return {"mean": Slot(shape, dtype), "square": Slot(shape, dtype)}

    def _averages(self, update: Update, gradient: Tensor) -> tuple[Tensor, Tensor]:
        mean = update.average("mean", self.beta1, gradient)
        return mean, update.average("square", self.beta2, square(gradient))

    def _missing(self, update: Update, beta: float) -> Tensor:
        """Return how much of an average has been seen: ``1 - beta ** t``, float64."""
        return 1 - apply("power", beta, update.time)

    def _corrected(self, update: Update, gradient: Tensor) -> Tensor:
        """Return the corrected mean over the root of the corrected square."""
        mean, squares = self._averages(update, gradient)
        hat = mean / update.number(self._missing(update, self.beta1))
        root = sqrt(squares) / update.number(self._missing(update, self.beta2) ** 0.5)
        return hat / (root + self.epsilon)


@register
class Adam(_Moments):
    """Adam: ``w -= lr * sqrt(1 - beta2**t) / (1 - beta1**t) * m / (sqrt(v) + epsilon)``.

    ``m`` and ``v`` average the gradient and its square; weight decay is part of the gradient.

    Parameters
    ----------
    params, lr, **options
        As in `Optimizer`.
    beta1, beta2 : float
        Shares of the old averages.
    epsilon : float
        Added to the root, before the correction of the averages, as Gluon does.

    References
    ----------
    D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    """

    def rule(self, update: Update) -> Tensor:
        """Return the new value."""
        mean, squares = self._averages(update, update.decayed)
        rate = update.rate * self._missing(update, self.beta2) ** 0.5 / self._missing(update, self.beta1)
        return update.weight - mean * update.number(rate) / (sqrt(squares) + self.epsilon)


@register
class AdamW(_Moments):
    """Adam with decoupled weight decay: ``w -= lr * (m̂ / (sqrt(v̂) + epsilon) + wd * w)``.

    ``m̂`` and ``v̂`` are the corrected averages.  The decay is that of the paper, with its ``α λ`` as
    ``lr * wd``.  Gluon multiplies the decay with Adam's corrected rate, so that the first steps decay
    three times less than later ones; here they don't.

    Parameters
    ----------
    params, lr, beta1, beta2, epsilon, **options
        As in `Adam`.

    References
    ----------
    I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """

    def __init__(
        self,
        params: Any = None,
        lr: float | None = None,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-6,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, beta1, beta2, epsilon, **options)

    def rule(self, update: Update) -> Tensor:
        """Return the new value."""
        step = self._corrected(update, update.gradient)
        if update.decay:
            step = step + update.weight * update.decay
        return update.weight - step * update.number(update.rate)


@register
class LAMB(_Moments):
    """AdamW with the step of each parameter made as long as the parameter: layer-wise adaptive rates.

    ``w -= lr * |w| / |s| * s`` with ``s = m̂ / (sqrt(v̂) + epsilon) + wd * w``; the ratio is 1 where a
    norm is 0.

    Parameters
    ----------
    params, lr, beta1, beta2, epsilon, **options
        As in `Adam`.
    lower_bound, upper_bound : float, optional
        Limits on the norm of the parameter.
    bias_correction : bool
        Whether the averages are corrected.

    References
    ----------
    Y. You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", ICLR 2020.
    """

    hyper: ClassVar[tuple[str, ...]] = (*_Moments.hyper, "lower_bound", "upper_bound", "bias_correction")

    def __init__(
        self,
        params: Any = None,
        lr: float | None = None,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-6,
        lower_bound: float | None = None,
        upper_bound: float | None = None,
        bias_correction: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, beta1, beta2, epsilon, **options)
        self.lower_bound = None if lower_bound is None else number("lower_bound", lower_bound, 0)
        self.upper_bound = None if upper_bound is None else positive("upper_bound", upper_bound)
        self.bias_correction = bool(bias_correction)

    def rule(self, update: Update) -> Tensor:
        """Return the new value."""
        if self.bias_correction:
            step = self._corrected(update, update.gradient)
        else:
            mean, squares = self._averages(update, update.gradient)
            step = mean / (sqrt(squares) + self.epsilon)
        if update.decay:
            step = step + update.weight * update.decay
        size, length = norm(update.weight), norm(step)
        if self.lower_bound is not None:
            size = maximum(size, self.lower_bound)
        if self.upper_bound is not None:
            size = minimum(size, self.upper_bound)
        both = logical_and(size > 0, length > 0)
        ratio = where(both, size / where(both, length, 1.0), 1.0)
        return update.weight - step * update.number(update.rate * ratio)


@register
class Adamax(_Moments):
    """Adam with the greatest gradient in place of the mean square: ``w -= lr / (1 - beta1**t) * m / u``.

    ``u = max(beta2 * u, |g|)``.  Gluon divides by ``u`` alone, which gives nan for a gradient that
    was always 0; here `epsilon` is added.

    Parameters
    ----------
    params, lr, beta1, beta2, epsilon, **options
        As in `Adam`.
    """

    default_rate = 0.002

    def rule(self, update: Update) -> Tensor:
        """Return the new value."""
        gradient = update.decayed
        mean = update.average("mean", self.beta1, gradient)
        greatest = maximum(update.states["square"] * self.beta2, abs(gradient))
        update.next["square"] = greatest
        rate = update.rate / self._missing(update, self.beta1)
        return update.weight - mean * update.number(rate) / (greatest + self.epsilon)


@register
class Nadam(_Moments):
    """Adam with Nesterov's momentum, whose share grows as ``beta1 * (1 - 0.96 ** (t * schedule_decay) / 2)``.

    Parameters
    ----------
    params, lr, beta1, beta2, epsilon, **options
        As in `Adam`.
    schedule_decay : float
        How fast the momentum reaches `beta1`.

    Notes
    -----
    The product of all momenta is kept for each parameter.  Gluon keeps one for all of them, so that
    it shrinks faster the more parameters there are.

    References
    ----------
    T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016.
    """

    hyper: ClassVar[tuple[str, ...]] = (*_Moments.hyper, "schedule_decay")

    def __init__(
        self,
        params: Any = None,
        lr: float | None = None,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        schedule_decay: float = 0.004,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, beta1, beta2, epsilon, **options)
        self.schedule_decay = number("schedule_decay", schedule_decay, 0)

    def slots(self, shape: tuple[int, ...], dtype: str) -> Mapping[str, Slot]:
        """Return the two averages and the product of momenta."""
        return {**super().slots(shape, dtype), "schedule": Slot((), "float64", 1.0)}

    def _momentum(self, time: Tensor) -> Tensor:
        decayed: Tensor = apply("power", 0.96, time * self.schedule_decay)
        return (1 - decayed * 0.5) * self.beta1

    def rule(self, update: Update) -> Tensor:
        """Return the new value."""
        gradient = update.decayed
        now, following = self._momentum(update.time), self._momentum(update.time + 1)
        schedule = update.states["schedule"] * now
        update.next["schedule"] = schedule
        mean, squares = self._averages(update, gradient)
        step = gradient * update.number((1 - now) / (1 - schedule))
        step = step + mean * update.number(following / (1 - schedule * following))
        root = sqrt(squares / update.number(self._missing(update, self.beta2)))
        return update.weight - step * update.number(update.rate) / (root + self.epsilon)
