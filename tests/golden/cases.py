"""The recorded cases of MXNet, and how their layers are built here."""

import json
from functools import cache
from pathlib import Path

import numpy as np

from graphinit import init, nn
from graphinit.errors import DeferredInitializationError

KINDS = {
    "AssertionError": AssertionError,
    "DeferredInitializationError": DeferredInitializationError,
    "MXNetError": RuntimeError,
    "RuntimeError": RuntimeError,
    "TypeError": TypeError,
    "ValueError": ValueError,
}


@cache
def recorded():
    return json.loads(Path(__file__).with_name("mxnet_cases.json").read_text())


class Record(init.Initializer):
    """What the recordings used: notes its calls and fills in 0.01."""

    def __init__(self, calls):
        super().__init__()
        self.calls = calls

    def _init_weight(self, name, data):
        self.calls.append([str(name), list(data.shape)])
        data[:] = 0.01


def tuples(value):
    return tuple(map(tuples, value)) if isinstance(value, list) else value


def build_layer(spec, named):
    if spec["type"] == "Ref":
        return named[spec["ref"]]
    options = {key: tuples(value) for key, value in spec.get("args", {}).items()}
    layer = getattr(nn, spec["type"])(*map(tuples, spec.get("pos", [])), **options)
    for child in spec.get("children", []):
        layer.add(build_layer(child, named))
    if "share" in spec:
        layer.share_parameters(named[spec["share"]].collect_params())
    if "id" in spec:
        named[spec["id"]] = layer
    return layer


def build(case):
    named = {}
    layers = [build_layer(spec, named) for spec in case["layers"]]
    return layers[0] if case.get("root") == "none" else nn.Sequential(*layers)


def shapes(net):
    return {name: list(parameter.shape) for name, parameter in net.collect_params().items()}


def wave(shape, scale=0.37, shift=0.1):
    return np.sin(np.arange(np.prod(shape, dtype=int)) * scale + shift).reshape(shape).astype(np.float32)


def filled(size, position):
    """Return what the recordings put into the parameter of that position, flat."""
    return (np.sin(np.arange(size) + 0.7 * position) * 0.2).astype(np.float32)


def head_gradient(shape):
    return np.cos(np.arange(np.prod(shape, dtype=int)) * 0.53 + 0.2).reshape(shape).astype(np.float32)


def assert_recorded(found, record, tolerance=1e-4):
    """Compare an array with the sums and elements that were recorded of it."""
    assert list(found.shape) == record["shape"]
    flat = np.asarray(found, np.float64).ravel()
    sums = {
        "sum": flat.sum(),
        "sumabs": np.abs(flat).sum(),
        "wsum": (flat * np.cos(0.11 * np.arange(flat.size))).sum(),
    }
    for name, value in sums.items():
        assert abs(value - record[name]) <= tolerance * max(1, record["sumabs"]), name
    np.testing.assert_allclose(flat[:8], record["first8"], rtol=10 * tolerance, atol=tolerance)
    if "values" in record:
        np.testing.assert_allclose(flat, record["values"], rtol=10 * tolerance, atol=tolerance)
