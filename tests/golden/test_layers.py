"""What MXNet Gluon 2.0 computes with its layers, and where and why ours differ.

For each recorded case: shapes before and after, the order in which parameters get their arrays, what
the initializer sees, outputs, gradients, running statistics, the kind of error and when it comes.
"""

import numpy as np
import pytest

import graphinit
from graphinit.errors import GraphInitError
from graphinit.parameter import Parameter
from tests.golden.cases import KINDS, Record, build, recorded, shapes, wave

pytestmark = pytest.mark.filterwarnings(
    "ignore:Parameter .* is already initialized"
)  # tied ones are met twice

RECURRENT = ("RNN", "LSTM", "GRU")
CASES = [
    case
    for case in recorded()["cases"]
    if case["topic"] not in ("rnn", "rnncell")
    and not any(layer["type"].startswith(RECURRENT) for layer in case["layers"])
]
BY_ID = {case["id"]: case for case in CASES}

HONOURED = "a declared size is honoured, where MXNet 2.0 infers it anew"
NO_CLIPPING = "ids out of range are an error, never clipped"
LAYOUT = "channels last are supported"
AXIS = "the original's InstanceNorm fails for axes other than 1"
ALIKE = "Sequential and HybridSequential are one class"
EARLY = "a mistake in an argument is found where the layer is made"

# What ours does instead: the kind of error and its phase, None where all goes well; and the reason.
DIFFERENCES = {
    "err_conv_in_channels_mismatch": (("AssertionError", "forward"), HONOURED),
    "err_embedding_oob": (("ValueError", "forward"), NO_CLIPPING),
    "conv1d_nwc": (None, LAYOUT),
    "in_axis2": (None, AXIS),
    "err_nonhybrid_child": (None, ALIKE),
    "err_dense_bad_activation": (("ValueError", "construct"), EARLY),
    "err_dense_negative_units": (("AssertionError", "construct"), EARLY),
}

# Gradients that disagree with the original's own outputs by finite differences (``fd_rel_err``).
WRONG_GRADIENTS = {
    ("selu", "<input>"): "the slope below 0 is 1 % off",
    ("avgpool1d_ceil", "<input>"): "marked suspect: it is not that of the forward pass",
}

ARGUMENTS = "ours prints its arguments, the original's prints nothing"
CHANNELS = "in_channels is what prints, not what one group takes of it"

# Layers that print in another way.
PRINTS = {
    **dict.fromkeys(
        (
            "prelu_channels",
            "elu",
            "selu",
            "swish_beta2",
            "silu",
            "err_xavier_net_ok_prelu",
            "err_xavier_on_vector",
            "err_reflectionpad_too_big",
        ),
        ARGUMENTS,
    ),
    **dict.fromkeys(
        ("conv2d_groups", "conv2d_depthwise", "conv2d_depthmult", "conv1d_groups", "deconv2d_groups"),
        CHANNELS,
    ),
}

numeric = [case for case in CASES if case["expect"].get("numeric") and case["id"] not in DIFFERENCES]


def expected_error(case):
    if case["id"] in DIFFERENCES:
        return DIFFERENCES[case["id"]][0]
    error = case["expect"]["error"]
    return None if error is None else (error["type"], error["phase"])


def inputs(case):
    shape = case["input_shape"]
    if "input_mod" in case:
        return (np.arange(np.prod(shape)).reshape(shape) * 7 % case["input_mod"]).astype(np.float32)
    return wave(shape)


def initialize(net, case, calls):
    name = case.get("net_init", "record")
    net.initialize(Record(calls) if name == "record" else name)


class Watch:
    """Notes when parameters get their arrays."""

    def __init__(self, monkeypatch):
        self.phase = "initialize"
        self.seen = []
        become = Parameter._become

        def noting(parameter, data):
            self.seen.append([parameter.path, list(data.shape), self.phase])
            become(parameter, data)

        monkeypatch.setattr(Parameter, "_become", noting)


def prints_as(net, wanted):
    return repr(net) == wanted.replace("Hybrid", "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_shapes_order_and_errors(case, monkeypatch):
    expect, calls, watch = case["expect"], [], Watch(monkeypatch)
    net = failure = y = None
    phase = "construct"
    try:
        net = build(case)
        if case["id"] not in DIFFERENCES:
            assert shapes(net) == {name: entry["before"] for name, entry in expect["params"].items()}
            assert case["id"] in PRINTS or prints_as(net, expect["repr_before"])
        phase = "initialize"
        if not case.get("skip_init"):
            initialize(net, case, calls)
        phase = watch.phase = "forward"
        y = net(inputs(case))
        phase = "second_forward"
        if "second_input_shape" in case:
            net(wave(case["second_input_shape"]))
    except (GraphInitError, TypeError) as error:
        failure = error
    wanted = expected_error(case)
    if wanted is not None:
        assert isinstance(failure, KINDS[wanted[0]])
        assert phase == wanted[1]
    else:
        assert failure is None
    if case["id"] in DIFFERENCES or (failure is not None and net is None):
        return
    if failure is not None:  # a failed call changes nothing
        rung = "after" if phase == "second_forward" else "before"
        assert shapes(net) == {name: entry[rung] for name, entry in expect["params"].items()}
        return
    assert list(y.shape) == expect["output_shape"]
    assert shapes(net) == {name: entry["after"] for name, entry in expect["params"].items()}
    assert case["id"] in PRINTS or prints_as(net, expect["repr_after"])
    assert calls == expect["init_call_order"]
    order = expect["materialize_order"]
    assert watch.seen == order
    parameters = net.collect_params()
    for name, entry in expect["params"].items():
        assert parameters[name].grad_req == entry["grad_req"]
        if "same_object_as" in entry:
            assert parameters[name] is parameters[entry["same_object_as"]]


def fill(net):
    """Give every parameter the values of the recordings."""
    distinct = list({id(p): p for p in net.collect_params().values()}.values())
    for k, parameter in enumerate(distinct):
        shape = parameter.shape
        values = np.sin(np.arange(np.prod(shape, dtype=int)) + 0.7 * k) * 0.2
        leaf = parameter.name
        values = (
            1 + values
            if leaf.endswith("gamma")
            else 1 + abs(values)
            if leaf.endswith("running_var")
            else values
        )
        parameter.set_data(values.reshape(shape).astype(np.float32))


def agree(found, wanted, what, atol=1e-4):
    assert list(found.shape) == wanted["shape"], what
    flat = found.astype(np.float64).ravel()
    scale = 1e-4 * max(1, wanted["sumabs"])
    weights = np.cos(0.11 * np.arange(flat.size))
    for key, value in (("sum", flat.sum()), ("sumabs", np.abs(flat).sum()), ("wsum", flat @ weights)):
        assert abs(value - wanted[key]) <= max(scale, atol), f"{what} {key}: {value} != {wanted[key]}"
    np.testing.assert_allclose(flat[:8], wanted["first8"], rtol=1e-3, atol=atol, err_msg=what)
    if "values" in wanted:
        np.testing.assert_allclose(flat, wanted["values"], rtol=1e-3, atol=atol, err_msg=what)


@pytest.mark.parametrize("case", numeric, ids=lambda case: case["id"])
def test_values_and_gradients(case):
    wanted = case["expect"]["numeric"]
    train = wanted["mode"] == "train"
    net, x = build(case), inputs(case)
    initialize(net, case, [])
    net.infer_shape(graphinit.TensorType(x.shape, "int64" if "input_mod" in case else "float32"))
    fill(net)
    exe = graphinit.compile(net, train=train, x=x.shape)
    y = exe.forward(x)
    agree(y, wanted["output"], "output")
    if not train:
        np.testing.assert_allclose(net(x), y, rtol=1e-5, atol=1e-6)
    before = {name: p.data().copy() for name, p in net.collect_params().items() if "running" in name}
    for name, values in before.items():
        np.testing.assert_array_equal(net.collect_params()[name].data(), values)  # forward stores nothing
    gradients = exe.backward(np.cos(np.arange(y.size) * 0.53 + 0.2).reshape(y.shape).astype(np.float32))
    atol = 1e-3 if train and case["topic"] == "batchnorm" else 1e-4
    suspect = [name for name in wanted["fd_rel_err"] if (case["id"], name) in WRONG_GRADIENTS]
    parameters = net.collect_params()
    for name, gradient in wanted["grads"].items():
        if name not in suspect:
            agree(parameters[name].grad(), gradient, name, atol)
    if "input_grad" in wanted and "<input>" not in suspect and "x" in gradients:
        agree(gradients["x"], wanted["input_grad"], "input", atol)
    for name, values in wanted.get("running_after_backward", {}).items():
        np.testing.assert_allclose(parameters[name].data(), values, rtol=1e-3, atol=1e-4, err_msg=name)


def test_every_difference_is_one():
    assert set(DIFFERENCES) <= set(BY_ID)
    assert set(PRINTS) <= set(BY_ID)
    marked = {
        (case["id"], name) for case in numeric for name in case["expect"]["numeric"].get("grad_suspect", [])
    }
    assert marked <= set(WRONG_GRADIENTS)
    for case, name in WRONG_GRADIENTS:
        assert BY_ID[case]["expect"]["numeric"]["fd_rel_err"][name] > 5e-3
