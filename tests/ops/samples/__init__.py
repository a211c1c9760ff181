"""Samples for every op: arguments of pairwise different prime sizes, and an independent reference.

A sample says what the op is given and what it should give, by other means than its kernel: NumPy
functions that allocate, Python loops, or a formula from the literature.  Every file of this folder
adds the samples of one family.
"""

from importlib import import_module
from pkgutil import iter_modules

from .sample import SAMPLES, Sample

for _name in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_name}")

__all__ = ["SAMPLES", "Sample"]
