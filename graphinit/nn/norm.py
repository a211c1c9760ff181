"""Normalisation layers."""

from __future__ import annotations

from typing import Any

from graphinit import functional as F
from graphinit import tracing
from graphinit.errors import BlockError
from graphinit.initializers.base import LayerDefault
from graphinit.nn.basic import ZEROS, unknown_size
from graphinit.nn.block import Block
from graphinit.parameter import Parameter

ONES = LayerDefault("ones")


class _Norm(Block):
    """Base of layers that scale and shift each channel: parameters gamma and beta.

    A `scale` or `center` that is off keeps gamma or beta as it was initialised: it gets no gradient.
    """

    def __init__(
        self,
        axis: int,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        in_channels: int | None,
    ) -> None:
        super().__init__()
        channels = unknown_size("in_channels", in_channels)
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise BlockError(f"axis is a whole number; got {axis!r}")
        if not isinstance(epsilon, int | float) or not epsilon > 0:
            raise BlockError(f"epsilon is a number above 0; got {epsilon!r}")
        self._axis = axis
        self._epsilon = float(epsilon)
        self._center = center
        self._scale = scale
        self.gamma = Parameter(
            "gamma",
            grad_req="write" if scale else "null",
            shape=(channels,),
            init=gamma_initializer,
            differentiable=scale,
        ).note("in_channels")
        self.beta = Parameter(
            "beta",
            grad_req="write" if center else "null",
            shape=(channels,),
            init=beta_initializer,
            differentiable=center,
        ).note("in_channels")

    def affine(self, y: Any, axis: int) -> Any:
        """Return ``y * gamma + beta`` along an axis."""
        return y * F.along_axis(self.gamma, y, axis=axis) + F.along_axis(self.beta, y, axis=axis)

    def _channels(self) -> int:
        shape = self.gamma.shape
        return -1 if shape is None else shape[0]


class BatchNorm(_Norm):
    """Each channel normalised over the batch: y = gamma (x - mean) / sqrt(variance + epsilon) + beta.

    In training, mean and (biased) variance are those of the batch, over all axes but `axis`; each
    backward pass that succeeds moves the running values, ``new = momentum * old + (1 - momentum) * batch``.
    Otherwise the running values are used, and nothing is stored.

    Parameters
    ----------
    axis : int
        The axis of channels, `c`.
    momentum : float
        How much of the running values is kept.
    epsilon : float
        Added to the variance.
    center : bool
        Whether beta is trained.
    scale : bool
        Whether gamma is trained; otherwise it counts as 1.
    use_global_stats : bool
        Whether running values are used in training too.
    beta_initializer, gamma_initializer : str or initializer
        Initializers of shift and scale.
    running_mean_initializer, running_variance_initializer : str or initializer
        First running values.
    in_channels : int
        Size of the axis, `c`; -1, 0 or None when it is to be inferred.

    Attributes
    ----------
    gamma, beta, running_mean, running_var : Parameter
        Shape (c,).

    Raises
    ------
    BlockError
        GI407, when an argument is out of range.

    Examples
    --------
    >>> BatchNorm(in_channels=3)
    BatchNorm(axis=1, eps=1e-05, momentum=0.9, fix_gamma=False, use_global_stats=False, in_channels=3)

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by reducing
    internal covariate shift", ICML 2015.
    """

    def __init__(
        self,
        axis: int = 1,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        use_global_stats: bool = False,
        beta_initializer: Any = ZEROS,
        gamma_initializer: Any = ONES,
        running_mean_initializer: Any = ZEROS,
        running_variance_initializer: Any = ONES,
        in_channels: int | None = -1,
    ) -> None:
        super().__init__(axis, epsilon, center, scale, beta_initializer, gamma_initializer, in_channels)
        if not isinstance(momentum, int | float) or not 0 <= momentum <= 1:
            raise BlockError(f"momentum is a number from 0 to 1; got {momentum!r}")
        self._momentum = float(momentum)
        self._use_global_stats = use_global_stats
        shape = self.gamma.shape
        self.running_mean = Parameter(
            "running_mean", "null", shape, init=running_mean_initializer, differentiable=False
        ).note("in_channels")
        self.running_var = Parameter(
            "running_var", "null", shape, init=running_variance_initializer, differentiable=False
        ).note("in_channels")

    def forward(self, x: Any) -> Any:
        """Normalise x of shape (*a, c, *b)."""
        trace = tracing.current()
        gamma: Any = self.gamma if self._scale else F.ones_like(self.gamma)
        if trace is None or not trace.train or self._use_global_stats:
            return F.batch_norm(
                x,
                gamma,
                self.beta,
                self.running_mean,
                self.running_var,
                axis=self._axis,
                epsilon=self._epsilon,
            )
        trace.parameters(self.gamma, self.beta)  # before the running values, in order of declaration
        y, mean, variance = F.standardize(x, axis=self._axis, others=True, epsilon=self._epsilon)
        for parameter, batch in ((self.running_mean, mean), (self.running_var, variance)):
            old = trace.state(parameter)
            new = old * self._momentum + F.reshape_like(batch, old) * (1 - self._momentum)
            trace.update(parameter, new)
        return y * F.along_axis(gamma, y, axis=self._axis) + F.along_axis(self.beta, y, axis=self._axis)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(axis={self._axis}, eps={self._epsilon}, momentum={self._momentum}, "
            f"fix_gamma={not self._scale}, use_global_stats={self._use_global_stats}, in_channels={self._channels()})"
        )


class BatchNormReLU(BatchNorm):
    """Batch normalisation and a rectified linear unit; arguments and parameters of `BatchNorm`."""

    def forward(self, x: Any) -> Any:
        """Normalise and rectify x of shape (*a, c, *b)."""
        return F.relu(super().forward(x))


class LayerNorm(_Norm):
    """Each sample normalised over an axis: y = gamma (x - mean) / sqrt(variance + epsilon) + beta.

    The variance is the biased one.

    Parameters
    ----------
    axis : int
        The axis that is normalised, of size `c`.
    epsilon : float
        Added to the variance.
    center, scale : bool
        Whether beta and gamma are trained.
    beta_initializer, gamma_initializer : str or initializer
        Initializers of shift and scale.
    in_channels : int
        Size of the axis, `c`; -1, 0 or None when it is to be inferred.

    Attributes
    ----------
    gamma, beta : Parameter
        Shape (c,).

    Examples
    --------
    >>> norm = LayerNorm()
    >>> norm.infer_shape(x=("batch", "length", 7))["y"]
    ('batch', 'length', 7)
    >>> norm
    LayerNorm(axis=-1, eps=1e-05, center=True, scale=True, in_channels=7)

    References
    ----------
    J. Ba, J. Kiros and G. Hinton, "Layer normalization", 2016.
    """

    def __init__(
        self,
        axis: int = -1,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = ZEROS,
        gamma_initializer: Any = ONES,
        in_channels: int | None = -1,
    ) -> None:
        super().__init__(axis, epsilon, center, scale, beta_initializer, gamma_initializer, in_channels)

    def forward(self, x: Any) -> Any:
        """Normalise x of shape (*a, c, *b)."""
        y = F.standardize(x, axis=self._axis, epsilon=self._epsilon)[0]
        return self.affine(y, self._axis)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(axis={self._axis}, eps={self._epsilon}, center={self._center}, "
            f"scale={self._scale}, in_channels={self._channels()})"
        )
