"""Samples for every op: arguments of pairwise different prime sizes, and an independent reference.

A sample says what the op is given and what it should give, by other means than its kernel: NumPy
functions that allocate, Python loops, or a formula from the literature.
"""

from . import elementwise, index, movement, reduce
from .sample import SAMPLES, Sample

__all__ = ["SAMPLES", "Sample", "elementwise", "index", "movement", "reduce"]
