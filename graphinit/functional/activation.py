"""Activations."""

from __future__ import annotations

from graphinit.functional.operands import Operand
from graphinit.ir.tensor import Tensor, apply


def relu(x: Operand) -> Tensor:
    """Return ``max(x, 0)``; its gradient at 0 is 0.

    Parameters
    ----------
    x : Tensor
        [*a].

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.relu(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("relu", x)


def sigmoid(x: Operand) -> Tensor:
    """Return the logistic function ``1 / (1 + exp(-x))``.

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.sigmoid(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("sigmoid", x)


def tanh(x: Operand) -> Tensor:
    """Return the hyperbolic tangent.

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.tanh(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("tanh", x)


def softplus(x: Operand) -> Tensor:
    """Return ``log(1 + exp(x))``, a smooth relu.

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.softplus(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("softplus", x)


def softsign(x: Operand) -> Tensor:
    """Return ``x / (1 + |x|)``.

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.softsign(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("softsign", x)


def silu(x: Operand) -> Tensor:
    """Return ``x * sigmoid(x)``, also called swish.

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.silu(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("silu", x)


def selu(x: Operand) -> Tensor:
    """Return the self-normalising unit of Klambauer et al. 2017: elu of alpha 1.6733, times 1.0507.

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.selu(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("selu", x)


def elu(x: Operand, alpha: float = 1.0) -> Tensor:
    """Return `x` above 0 and ``alpha * (exp(x) - 1)`` below (Clevert et al. 2015).

    Parameters
    ----------
    x : Tensor
        [*a], floating.
    alpha : float
        Minus the limit for small values.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.elu(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("elu", x, alpha=alpha)


def leaky_relu(x: Operand, slope: float = 0.01) -> Tensor:
    """Return `x` above 0 and ``slope * x`` below.

    Parameters
    ----------
    x : Tensor
        [*a], floating.
    slope : float
        The slope below 0.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.leaky_relu(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("leaky_relu", x, slope=slope)


def gelu(x: Operand, approximate: bool = False) -> Tensor:
    """Return ``x * (1 + erf(x / sqrt(2))) / 2`` (Hendrycks and Gimpel 2016).

    Parameters
    ----------
    x : Tensor
        [*a], floating.
    approximate : bool
        Whether to take their approximation by tanh, off by up to 5e-4.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.gelu(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("gelu", x, approximate=approximate)


def log_sigmoid(x: Operand) -> Tensor:
    """Return the logarithm of the logistic function, ``-log(1 + exp(-x))``.

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.log_sigmoid(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("negative", apply("softplus", apply("negative", x)))


def mish(x: Operand) -> Tensor:
    """Return ``x * tanh(softplus(x))`` (Misra 2019).

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.mish(F.input("x", (2, 3))).shape
    (2, 3)
    """
    near = apply("clip", x, low=-1e4, high=100.0)  # it is 0 below and x above, where inf * 0 would be nan
    beyond = apply("relu", apply("subtract", x, 100.0))
    return apply("add", apply("multiply", near, apply("tanh", apply("softplus", near))), beyond)


def relu6(x: Operand) -> Tensor:
    """Return `x` limited to 0..6 (Krizhevsky 2010).

    Parameters
    ----------
    x : Tensor
        [*a].

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.relu6(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("clip", x, low=0.0, high=6.0)


def hard_tanh(x: Operand) -> Tensor:
    """Return `x` limited to -1..1.

    Parameters
    ----------
    x : Tensor
        [*a].

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.hard_tanh(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("clip", x, low=-1.0, high=1.0)


def hard_sigmoid(x: Operand) -> Tensor:
    """Return ``x / 6 + 1 / 2`` limited to 0..1, as PyTorch's and Keras's; Gluon's slope is 0.2.

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.hard_sigmoid(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("clip", apply("add", apply("divide", x, 6.0), 0.5), low=0.0, high=1.0)


def hard_swish(x: Operand) -> Tensor:
    """Return ``x * hard_sigmoid(x)`` (Howard et al. 2019).

    Parameters
    ----------
    x : Tensor
        [*a], floating.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.hard_swish(F.input("x", (2, 3))).shape
    (2, 3)
    """
    bent = apply("clip", x, low=-3.0, high=3.0)  # finite, so that its slope times 0 is 0
    inside = apply("multiply", bent, apply("add", apply("divide", bent, 6.0), 0.5))
    return apply("where", apply("greater", x, 3.0), x, inside)


def softmax(x: Operand, axis: int = -1) -> Tensor:
    """Return ``exp(x)`` divided by its sum along an axis.

    Parameters
    ----------
    x : Tensor
        [*a], floating.
    axis : int
        The axis along which the exponentials sum to 1.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.softmax(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("softmax", x, axis=axis)


def log_softmax(x: Operand, axis: int = -1) -> Tensor:
    """Return the logarithm of `softmax` along an axis, without forming it.

    Parameters
    ----------
    x : Tensor
        [*a], floating.
    axis : int
        The axis along which the exponentials sum to 1.

    Returns
    -------
    Tensor
        [*a].

    Examples
    --------
    >>> from graphinit import functional as F
    >>> F.log_softmax(F.input("x", (2, 3))).shape
    (2, 3)
    """
    return apply("log_softmax", x, axis=axis)
