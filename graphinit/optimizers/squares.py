"""Rules that divide by what gradients have been: AdaGrad, AdaDelta, RMSProp, Ftrl, Adafactor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from graphinit.functional.arithmetic import maximum, minimum
from graphinit.functional.comparison import where
from graphinit.functional.elementwise import cast, sign, sqrt, square
from graphinit.functional.reduce import mean as average
from graphinit.ir.tensor import Tensor, apply
from graphinit.optimizers.base import Optimizer
from graphinit.optimizers.checks import fraction, number, positive
from graphinit.optimizers.registration import register
from graphinit.optimizers.rule import Slot, Update


@register
class AdaGrad(Optimizer):
    """Rates that shrink with the sum of squares: ``v += g**2; w -= lr * g / (sqrt(v) + epsilon)``.

    Parameters
    ----------
    params, lr, **options
        As in `Optimizer`.
    epsilon : float
        Added to the root.

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods", JMLR 2011.
    """

    hyper: ClassVar[tuple[str, ...]] = ("epsilon",)

    def __init__(
        self, params: Any = None, lr: float | None = None, epsilon: float = 1e-6, **options: Any
    ) -> None:
        super().__init__(params, lr, **options)
        self.epsilon = positive("epsilon", epsilon)

    def slots(self, shape: tuple[int, ...], dtype: str) -> Mapping[str, Slot]:
        """Return the sum of squares."""
        return {"square": Slot(shape, dtype)}

    def rule(self, update: Update) -> Tensor:
        """Return the new value."""
        gradient = update.decayed
        squares = update.states["square"] + square(gradient)
        update.next["square"] = squares
        return update.weight - gradient * update.number(update.rate) / (sqrt(squares) + self.epsilon)


@register
class AdaDelta(Optimizer):
    """Steps as long as past steps: ``d = sqrt(s + epsilon) / sqrt(v + epsilon) * g; w -= lr * d``.

    ``v`` and ``s`` average the squares of gradients and of steps.

    Parameters
    ----------
    params, lr, **options
        As in `Optimizer`.
    rho : float
        Share of the old averages.
    epsilon : float
        Added under the roots.

    References
    ----------
    M. Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701.
    """

    default_rate = 1.0
    hyper: ClassVar[tuple[str, ...]] = ("rho", "epsilon")

    def __init__(
        self,
        params: Any = None,
        lr: float | None = None,
        rho: float = 0.9,
        epsilon: float = 1e-6,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, **options)
        self.rho = fraction("rho", rho)
        self.epsilon = positive("epsilon", epsilon)

    def slots(self, shape: tuple[int, ...], dtype: str) -> Mapping[str, Slot]:
        """Return the two averages."""
        return {"square": Slot(shape, dtype), "delta": Slot(shape, dtype)}

    def rule(self, update: Update) -> Tensor:
        """Return the new value."""
        gradient = update.decayed
        squares = update.average("square", self.rho, square(gradient))
        delta = sqrt(update.states["delta"] + self.epsilon) / sqrt(squares + self.epsilon) * gradient
        update.average("delta", self.rho, square(delta))
        return update.weight - delta * update.number(update.rate)


@register
class RMSProp(Optimizer):
    """Gradients over the root of their mean square: ``w -= lr * g / (sqrt(v) + epsilon)``.

    With ``centered=True`` the variance takes the place of the mean square, and there is momentum:
    ``m = momentum * m - lr * g / sqrt(v - mean**2 + epsilon); w += m``.

    Parameters
    ----------
    params, lr, **options
        As in `Optimizer`.
    rho : float
        Share of the old averages.
    momentum : float
        Share of the last step that is taken again; of the centred form only, as in Gluon.
    epsilon : float
        Added to the denominator.
    centered : bool
        Which form.

    References
    ----------
    T. Tieleman, G. Hinton, lecture 6.5, 2012; the centred form: A. Graves, arXiv:1308.0850.
    """

    default_rate = 0.001
    hyper: ClassVar[tuple[str, ...]] = ("rho", "momentum", "epsilon", "centered")

    def __init__(
        self,
        params: Any = None,
        lr: float | None = None,
        rho: float = 0.9,
        momentum: float = 0.9,
        epsilon: float = 1e-8,
        centered: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, **options)
        self.rho = fraction("rho", rho)
        self.momentum = fraction("momentum", momentum)
        self.epsilon = positive("epsilon", epsilon)
        self.centered = bool(centered)

    def slots(self, shape: tuple[int, ...], dtype: str) -> Mapping[str, Slot]:
        """Return the mean square and, centred, the mean and the momentum."""
        names = ("square", "mean", "momentum") if self.centered else ("square",)
        return {name: Slot(shape, dtype) for name in names}

    def rule(self, update: Update) -> Tensor:
        """Return the new value."""
        gradient, rate = update.decayed, update.number(update.rate)
        squares = update.average("square", self.rho, square(gradient))
        if not self.centered:
            return update.weight - gradient * rate / (sqrt(squares) + self.epsilon)
        mean = update.average("mean", self.rho, gradient)
        # Rounding may leave a variance a little below zero.
        spread = maximum(squares - square(mean), 0.0)
        momentum = update.states["momentum"] * self.momentum - gradient * rate / sqrt(spread + self.epsilon)
        update.next["momentum"] = momentum
        return update.weight + momentum


@register
class Ftrl(Optimizer):
    """Follow the regularised leader: weights that matter little are exactly zero.

    ``z += g - (sqrt(n + g**2) - sqrt(n)) * w / lr; n += g**2``, then ``w = 0`` where ``|z| <= lamda1``
    and ``w = (sign(z) * lamda1 - z) / ((beta + sqrt(n)) / lr + wd)`` elsewhere.

    Parameters
    ----------
    params, lr, **options
        As in `Optimizer`.
    lamda1 : float
        Weight of the sum of absolute values.
    beta : float
        Added to the root.

    References
    ----------
    B. McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013.
    """

    default_rate = 0.1
    hyper: ClassVar[tuple[str, ...]] = ("lamda1", "beta")

    def __init__(
        self,
        params: Any = None,
        lr: float | None = None,
        lamda1: float = 0.01,
        beta: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, **options)
        self.lamda1 = number("lamda1", lamda1, 0)
        self.beta = number("beta", beta, 0)

    def slots(self, shape: tuple[int, ...], dtype: str) -> Mapping[str, Slot]:
        """Return z and the sum of squares."""
        return {"z": Slot(shape, dtype), "square": Slot(shape, dtype)}

    def rule(self, update: Update) -> Tensor:
        """Return the new value."""
        gradient, rate, old = update.gradient, update.number(update.rate), update.states["square"]
        squares = old + square(gradient)
        z = update.states["z"] + gradient - (sqrt(squares) - sqrt(old)) * update.weight / rate
        update.next.update(z=z, square=squares)
        shrunk = (sign(z) * self.lamda1 - z) / ((sqrt(squares) + self.beta) / rate + update.decay)
        return where(abs(z) > self.lamda1, shrunk, 0.0)


@register
class Adafactor(Optimizer):
    """Adam with the squares of a matrix kept as row and column means: memory of n + m, not n * m.

    Gluon does not have it.  Arrays with more than two axes are factored along the last two.

    Parameters
    ----------
    params, lr, **options
        As in `Optimizer`; the rate is ``min(lr, 1 / sqrt(t))``, relative to the parameter's size when
        `scale_parameter` is set.
    beta1 : float
        Share of the old step that is averaged in; 0 keeps nothing.
    decay_rate : float
        The share of the old squares is ``1 - t ** -decay_rate``.
    epsilon1, epsilon2 : float
        Added to squares; the least size of a parameter.
    clip_threshold : float
        Greatest root mean square of a step before the rate.
    scale_parameter : bool
        Whether steps are relative to the parameter's root mean square.

    References
    ----------
    N. Shazeer, M. Stern, "Adafactor: adaptive learning rates with sublinear memory cost", ICML 2018.
    """

    hyper: ClassVar[tuple[str, ...]] = (
        "beta1",
        "decay_rate",
        "epsilon1",
        "epsilon2",
        "clip_threshold",
        "scale_parameter",
    )

    def __init__(
        self,
        params: Any = None,
        lr: float | None = None,
        beta1: float = 0.0,
        decay_rate: float = 0.8,
        epsilon1: float = 1e-30,
        epsilon2: float = 1e-3,
        clip_threshold: float = 1.0,
        scale_parameter: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, **options)
        self.beta1 = fraction("beta1", beta1)
        self.decay_rate = positive("decay_rate", decay_rate)
        self.epsilon1 = positive("epsilon1", epsilon1)
        self.epsilon2 = positive("epsilon2", epsilon2)
        self.clip_threshold = positive("clip_threshold", clip_threshold)
        self.scale_parameter = bool(scale_parameter)

    def slots(self, shape: tuple[int, ...], dtype: str) -> Mapping[str, Slot]:
        """Return row and column means of a matrix, else the squares; and the averaged step, if wanted."""
        if len(shape) > 1:
            kept = {
                "rows": Slot((*shape[:-1], 1), dtype),
                "columns": Slot((*shape[:-2], 1, shape[-1]), dtype),
            }
        else:
            kept = {"square": Slot(shape, dtype)}
        return {**kept, "mean": Slot(shape, dtype)} if self.beta1 else kept

    def rule(self, update: Update) -> Tensor:
        """Return the new value."""
        gradient = update.gradient
        squares = square(gradient) + self.epsilon1
        beta = 1 - apply("power", update.time, -self.decay_rate)
        if len(update.shape) > 1:
            rows = update.average("rows", beta, average(squares, axis=-1, keepdims=True))
            columns = update.average("columns", beta, average(squares, axis=-2, keepdims=True))
            step = gradient / (sqrt(rows / average(rows, axis=-2, keepdims=True)) * sqrt(columns))
        else:
            step = gradient / sqrt(update.average("square", beta, squares))
        size = cast(average(square(step)), "float64") ** 0.5
        rate = minimum(apply("power", update.time, -0.5), update.rate)
        if self.scale_parameter:
            rate = rate * maximum(cast(average(square(update.weight)), "float64") ** 0.5, self.epsilon2)
        step = step * update.number(rate / maximum(size / self.clip_threshold, 1.0))
        if self.beta1:
            step = update.average("mean", self.beta1, step)
        if update.decay:
            step = step + update.weight * update.number(update.rate * update.decay)
        return update.weight - step
