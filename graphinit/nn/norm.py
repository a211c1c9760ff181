"""Normalisation layers."""

from __future__ import annotations

from typing import Any

from graphinit import functional as F
from graphinit import tracing
from graphinit.errors import BlockError
from graphinit.initializers.base import LayerDefault
from graphinit.nn.basic import ZEROS
from graphinit.nn.block import Block
from graphinit.nn.checks import flag, number, positive_size, unknown_size, whole_number
from graphinit.parameter import Parameter
from graphinit.plain_text import class_name

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
        self._axis, self._epsilon = whole_number("axis", axis), number("epsilon", epsilon, above=0)
        self._center, self._scale = flag("center", center), flag("scale", scale)
        self.gamma = Parameter(
            "gamma",
            grad_req="write" if self._scale else "null",
            shape=(channels,),
            init=gamma_initializer,
            differentiable=self._scale,
        ).note("in_channels")
        self.beta = Parameter(
            "beta",
            grad_req="write" if self._center else "null",
            shape=(channels,),
            init=beta_initializer,
            differentiable=self._center,
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
        self._momentum = number("momentum", momentum, least=0, most=1)
        self._use_global_stats = flag("use_global_stats", use_global_stats)
        shape = self.gamma.shape
        self.running_mean = Parameter(
            "running_mean", "null", shape, init=running_mean_initializer, differentiable=False
        ).note("in_channels")
        self.running_var = Parameter(
            "running_var", "null", shape, init=running_variance_initializer, differentiable=False
        ).note("in_channels")
        self.running_mean.running = self.running_var.running = not self._use_global_stats

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
            f"{class_name(self)}(axis={self._axis}, eps={self._epsilon}, momentum={self._momentum}, "
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
    LayerNorm(eps=1e-05, axis=-1, center=True, scale=True, in_channels=7)

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
            f"{class_name(self)}(eps={self._epsilon}, axis={self._axis}, center={self._center}, "
            f"scale={self._scale}, in_channels={self._channels()})"
        )


class GroupNorm(_Norm):
    """Each sample normalised over groups of channels: y = gamma (x - mean) / sqrt(variance + epsilon) + beta.

    Mean and (biased) variance of a group run over its channels and all axes behind them.

    Parameters
    ----------
    num_groups : int
        How many groups there are, of equally many channels.
    epsilon : float
        Added to the variance.
    center, scale : bool
        Whether beta and gamma are trained.
    beta_initializer, gamma_initializer : str or initializer
        Initializers of shift and scale.
    in_channels : int
        Number of channels, `c`; -1, 0 or None when it is to be inferred.

    Attributes
    ----------
    gamma, beta : Parameter
        Shape (c,).

    Examples
    --------
    >>> norm = GroupNorm(2)
    >>> norm.infer_shape(x=("batch", 6, "h", "w"))["gamma"]
    (6,)

    References
    ----------
    Y. Wu and K. He, "Group normalization", ECCV 2018.
    """

    def __init__(
        self,
        num_groups: int = 1,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = ZEROS,
        gamma_initializer: Any = ONES,
        in_channels: int | None = -1,
    ) -> None:
        super().__init__(1, epsilon, center, scale, beta_initializer, gamma_initializer, in_channels)
        self._num_groups = positive_size("num_groups", num_groups)
        channels = self._channels()
        if channels > 0 and channels % num_groups:
            raise BlockError(
                f"in_channels={channels} cannot be parted into {num_groups} groups of equal size"
            )

    def forward(self, x: Any) -> Any:
        """Normalise x of shape (b, c, *s)."""
        parted = F.split_axis(x, axis=1, parts=self._num_groups)
        y = F.standardize(parted, axis=(0, 1), others=True, epsilon=self._epsilon)[0]
        return self.affine(F.reshape_like(y, x), 1)

    def __repr__(self) -> str:
        return (
            f"{class_name(self)}(eps={self._epsilon}, num_groups={self._num_groups}, "
            f"center={self._center}, scale={self._scale}, in_channels={self._channels()})"
        )


class InstanceNorm(_Norm):
    """Each channel of each sample normalised: y = gamma (x - mean) / sqrt(variance + epsilon) + beta.

    Mean and (biased) variance run over all axes but the batch and `axis`.

    Parameters
    ----------
    axis : int
        The axis of channels, `c`.
    epsilon : float
        Added to the variance.
    center, scale : bool
        Whether beta and gamma are trained; gamma isn't, by default.
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
    >>> norm = InstanceNorm()
    >>> norm.infer_shape(x=("batch", 3, "h", "w"))["gamma"]
    (3,)

    References
    ----------
    D. Ulyanov, A. Vedaldi and V. Lempitsky, "Instance normalization: the missing ingredient for fast
    stylization", 2016.
    """

    def __init__(
        self,
        axis: int = 1,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = False,
        beta_initializer: Any = ZEROS,
        gamma_initializer: Any = ONES,
        in_channels: int | None = -1,
    ) -> None:
        super().__init__(axis, epsilon, center, scale, beta_initializer, gamma_initializer, in_channels)
        if self._axis == 0:
            raise BlockError("axis=0 is the batch; the channels are another axis")

    def forward(self, x: Any) -> Any:
        """Normalise x of shape (b, *a, c, *s)."""
        y = F.standardize(x, axis=(0, self._axis), others=True, epsilon=self._epsilon)[0]
        return self.affine(y, self._axis)

    def __repr__(self) -> str:
        return (
            f"{class_name(self)}(eps={self._epsilon}, axis={self._axis}, center={self._center}, "
            f"scale={self._scale}, in_channels={self._channels()})"
        )


class RMSNorm(Block):
    """Each sample scaled by its root mean square over an axis: y = gamma x / sqrt(mean(x²) + epsilon).

    Parameters
    ----------
    axis : int
        The axis of channels, `c`.
    epsilon : float
        Added to the mean square.
    gamma_initializer : str or initializer
        Initializer of the scale.
    in_channels : int
        Size of the axis, `c`; -1, 0 or None when it is to be inferred.

    Attributes
    ----------
    gamma : Parameter
        Shape (c,).

    Examples
    --------
    >>> norm = RMSNorm()
    >>> norm.infer_shape(x=("batch", "length", 7))["gamma"]
    (7,)

    References
    ----------
    B. Zhang and R. Sennrich, "Root mean square layer normalization", NeurIPS 2019.
    """

    def __init__(
        self,
        axis: int = -1,
        epsilon: float = 1e-6,
        gamma_initializer: Any = ONES,
        in_channels: int | None = -1,
    ) -> None:
        super().__init__()
        channels = unknown_size("in_channels", in_channels)
        self._axis, self._epsilon = whole_number("axis", axis), number("epsilon", epsilon, above=0)
        self.gamma = Parameter("gamma", shape=(channels,), init=gamma_initializer).note("in_channels")

    def forward(self, x: Any) -> Any:
        """Scale x of shape (*a, c, *b)."""
        power = F.mean(F.square(x), axis=self._axis, keepdims=True)
        return x * F.rsqrt(power + self._epsilon) * F.along_axis(self.gamma, x, axis=self._axis)

    def __repr__(self) -> str:
        shape = self.gamma.shape
        assert shape is not None
        return f"{class_name(self)}(axis={self._axis}, eps={self._epsilon}, in_channels={shape[0]})"
