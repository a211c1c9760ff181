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
