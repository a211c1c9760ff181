"""The error function, which NumPy lacks, to the last bits of its dtype.

For float64: rational approximations by range of ``|x|`` from fdlibm's ``s_erf.c`` (Sun Microsystems, 1993,
freely distributable): below 0.84375 a correction of x, to 1.25 one of erf(1), beyond that
``1 - exp(-x*x - 0.5625 + R/S)/x``.  Errors stay below one unit in the last place.

For float32 and float16, twelve times as fast: ``x * P(x*x)/Q(x*x)`` for ``|x| < 4``, beyond which the
result rounds to 1; P and Q are a least-squares fit, reweighted to even out the relative error, which
is 2e-9 in float64, in which it is evaluated.
"""

from __future__ import annotations

import numpy as np

_ERF_ONE = 8.45062911510467529297e-01
_NEAR_ZERO = (
    (-2.37630166566501626084e-05, -5.77027029648944159157e-03, -2.84817495755985104766e-02,
     -3.25042107247001499370e-01, 1.28379167095512558561e-01),
    (-3.96022827877536812320e-06, 1.32494738004321644526e-04, 5.08130628187576562776e-03,
     6.50222499887672944485e-02, 3.97917223959155352819e-01, 1.0),
)  # fmt: skip
_NEAR_ONE = (
    (-2.16637559486879084300e-03, 3.54783043256182359371e-02, -1.10894694282396677476e-01,
     3.18346619901161753674e-01, -3.72207876035701323847e-01, 4.14856118683748331666e-01,
     -2.36211856075265944077e-03),
    (1.19844998467991074170e-02, 1.36370839120290507362e-02, 1.26171219808761642112e-01,
     7.18286544141962662868e-02, 5.40397917702171048937e-01, 1.06420880400844228286e-01, 1.0),
)  # fmt: skip
_MIDDLE = (
    (-9.81432934416914548592e+00, -8.12874355063065934246e+01, -1.84605092906711035994e+02,
     -1.62396669462573470355e+02, -6.23753324503260060396e+01, -1.05586262253232909814e+01,
     -6.93858572707181764372e-01, -9.86494403484714822705e-03),
    (-6.04244152148580987438e-02, 6.57024977031928170135e+00, 1.08635005541779435134e+02,
     4.29008140027567833386e+02, 6.45387271733267880336e+02, 4.34565877475229228821e+02,
     1.37657754143519042600e+02, 1.96512716674392571292e+01, 1.0),
)  # fmt: skip
_FAR = (
    (-4.83519191608651397019e+02, -1.02509513161107724954e+03, -6.37566443368389627722e+02,
     -1.60636384855821916062e+02, -1.77579549177547519889e+01, -7.99283237680523006574e-01,
     -9.86494292470009928597e-03),
    (-2.24409524465858183362e+01, 4.74528541206955367215e+02, 2.55305040643316442583e+03,
     3.19985821950859553908e+03, 1.53672958608443695994e+03, 3.25792512996573918826e+02,
     3.03380607434824582924e+01, 1.0),
)  # fmt: skip
_SHORT = (
    (-1.3201077046955951e-08, 4.684533565103897e-06, 0.00037960154453260035, 0.0038496616624732606,
     0.0543169582688157, 0.18520506044897259, 1.128379169373376),
    (6.310829795193979e-05, 0.0013075703467725426, 0.015462164665370688, 0.11395900161254614,
     0.497467125001696, 1.0),
)  # fmt: skip


def erf(x: np.ndarray) -> np.ndarray:
    """Return the error function of an array, in its floating dtype.

    Parameters
    ----------
    x : numpy.ndarray
        Any shape; float16, float32 or float64.

    Examples
    --------
    >>> erf(np.array([0.0, 0.5, -2.0]))
    array([ 0.        ,  0.52049988, -0.99532227])
    """
    if x.dtype.itemsize < 8:
        return _short(x)
    values = np.ascontiguousarray(x, np.float64).reshape(-1)
    size = np.absolute(values)
    result = np.copysign(1.0, values)
    near = size < 0.84375
    part = values[near]
    result[near] = part + part * _ratio(_NEAR_ZERO, part * part)
    near = (size >= 0.84375) & (size < 1.25)
    result[near] *= _ERF_ONE + _ratio(_NEAR_ONE, size[near] - 1)
    edge = 1 / 0.35
    near = (size >= 1.25) & (size < edge)
    result[near] *= 1 - _tail(_MIDDLE, size[near])
    near = (size >= edge) & (size < 6)
    result[near] *= 1 - _tail(_FAR, size[near])
    result[np.isnan(size)] = np.nan
    shaped: np.ndarray = result.reshape(x.shape).astype(x.dtype, copy=False)
    return shaped


def _short(x: np.ndarray) -> np.ndarray:
    values = np.minimum(np.maximum(x, -4, dtype=np.float64), 4)
    result: np.ndarray = np.asarray(values * _ratio(_SHORT, values * values)).astype(x.dtype)
    return result


def _ratio(polynomials: tuple[tuple[float, ...], tuple[float, ...]], x: np.ndarray) -> np.ndarray:
    top, bottom = (_horner(polynomial, x) for polynomial in polynomials)
    ratio: np.ndarray = top / bottom
    return ratio


def _horner(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total *= x
        total += coefficient
    return total


def _tail(polynomials: tuple[tuple[float, ...], tuple[float, ...]], size: np.ndarray) -> np.ndarray:
    """Return 1 - erf: exp(-x*x) in two factors, x cut to 26 bits so that its square is exact."""
    cut = (size.view(np.uint64) & np.uint64(0xFFFFFFFF00000000)).view(np.float64)
    ratio = _ratio(polynomials, 1 / (size * size))
    tail: np.ndarray = np.exp(-cut * cut - 0.5625) * np.exp((cut - size) * (cut + size) + ratio) / size
    return tail
