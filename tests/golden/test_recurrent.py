"""Recurrent layers and cells against what MXNet recorded, finite differences, and unrolled cells."""

import numpy as np
import pytest

import graphinit
from graphinit import nn
from graphinit.errors import BlockError, DifferentiationError, ShapeError
from passes.differentiation import differentiate
from passes.shape_inference import infer_shapes
from tests.golden.cases import Record, assert_recorded, build, filled, head_gradient, recorded, shapes, wave
from tests.ops.reference import check_gradients

CASES = {case["id"]: case for case in recorded()["cases"] if case["topic"] in ("rnn", "rnncell")}
LAYERS = [case for case in CASES.values() if case["topic"] == "rnn"]
CELLS = [case for case in CASES.values() if case["topic"] == "rnncell"]

# What ours does otherwise, and why.
REASONS = {
    "rnn_param": "2.0 packs all weights and biases of a fused layer into one parameter; ours are 1.9's, l0_i2h_weight",
    "input_size": "2.0 ignores input_size of fused layers",
    "-1": "an unknown size prints as -1, where 2.0 prints None",
    "deferred": "2.0 cannot call a cell whose input size is unknown; 1.9 can",
}
LEAVES = ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias")


def by_case(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda case: case["id"])


def packed(layer, prefix=""):
    """Return the names of a layer's parameters in the order in which 2.0 packs them: all weights first."""
    names = list(layer.collect_params())
    return [prefix + name for leaf in ("weight", "bias") for name in names if name.endswith(leaf)]


def fill_packed(net, layer, prefix):
    """Fill parameters as 2.0 did: the packed one is one parameter."""
    parameters = net.collect_params()
    names = packed(layer, prefix)
    sizes = [parameters[name].data().size for name in names]
    parts = np.split(filled(sum(sizes), 0), np.cumsum(sizes)[:-1])
    for name, part in zip(names, parts, strict=True):
        parameters[name].set_data(part.reshape(parameters[name].shape))
    others = [name for name in parameters if name not in names]
    for position, name in enumerate(others, 1):
        parameters[name].set_data(
            filled(parameters[name].data().size, position).reshape(parameters[name].shape)
        )


def run(net, x, **options):
    exe = graphinit.compile(net, x=x.shape, **options)
    y = exe.forward(x)
    return y, exe.backward(head_gradient(y.shape))


@by_case(LAYERS)
def test_layer_equals_the_packed_one(case):
    net, expected = build(case), case["expect"]
    before = expected["repr_before"].replace("None", "-1").replace("HybridSequential", "Sequential")
    assert repr(net) == before
    net.initialize()
    x = wave(case["input_shape"])
    net(x)
    assert repr(net) == expected["repr_after"].replace("HybridSequential", "Sequential")
    layer, prefix = (net, "") if case.get("root") == "none" else (net[0], "0.")
    fill_packed(net, layer, prefix)
    y, gradients = run(net, x)
    numeric = expected["numeric"]
    assert_recorded(y, numeric["output"])
    assert_recorded(gradients["x"], numeric["input_grad"])
    whole = np.concatenate([gradients[name].ravel() for name in packed(layer, prefix)])
    assert_recorded(whole, numeric["grads"][f"{prefix}rnn_param"])
    for name in ("1.weight", "1.bias"):
        if name in numeric["grads"]:
            assert_recorded(gradients[name], numeric["grads"][name])


def ours(name):
    """Return our name of a parameter of 1.9: ``_unfused.0.r_cell.i2h_weight`` is ``r0_i2h_weight``."""
    prefix, mark, rest = name.partition("_unfused.")
    if not mark:
        return name
    layer, *cell, leaf = rest.split(".")
    return f"{prefix}{'r' if cell == ['r_cell'] else 'l'}{layer}_{leaf}"


@by_case(LAYERS)
def test_layer_equals_the_unpacked_one(case):
    recorded_191 = case["numeric_191"]
    net = build(case)
    expected = {ours(name): entry for name, entry in recorded_191["params"].items()}
    assert shapes(net) == {name: entry["before"] for name, entry in expected.items()}
    calls = []
    net.initialize(Record(calls))
    x = wave(case["input_shape"])
    net(x)
    assert shapes(net) == {name: entry["after"] for name, entry in expected.items()}
    for position, (name, parameter) in enumerate(net.collect_params().items()):
        assert name == list(expected)[position]
        parameter.set_data(filled(parameter.data().size, position).reshape(parameter.shape))
    y, gradients = run(net, x)
    numeric = recorded_191["numeric"]
    assert_recorded(y, numeric["output"])
    assert_recorded(gradients["x"], numeric["input_grad"])
    for name, record in numeric["grads"].items():
        assert_recorded(gradients[ours(name)], record)
    assert sorted(calls) == sorted(
        [name.rpartition(".")[2], shape]
        for name, entry in expected.items()
        if (shape := entry["after"]) and entry["init"] is None
    )


class Unrolled(nn.Block):
    def __init__(self, cell, length):
        super().__init__()
        self.cell = cell
        self.length = length

    def forward(self, x):
        if self.length:
            return self.cell.unroll(self.length, x)[0]
        return self.cell.unroll(1, [x])[0][0]


@by_case(CELLS)
def test_cell(case):
    expected, cell = case["expect"], build(case)
    assert repr(cell) == expected["repr_before"]
    assert {name: list(entry) for name, entry in shapes(cell).items()} == {
        name: entry["before"] for name, entry in expected["params"].items()
    }
    calls = []
    cell.initialize(Record(calls))
    assert calls == expected["init_call_order"]
    net, x = Unrolled(cell, case["unroll"]), wave(case["input_shape"])
    if expected["error"] is not None:  # REASONS["deferred"]: the cell works, as in 1.9
        net(x)
        assert shapes(cell) == {name: entry["after"] for name, entry in case["v191"]["params_191"].items()}
        known = CASES.get(f"{case['id']}_known")
        if known is None:
            return
        expected = known["expect"]
    for position, parameter in enumerate(cell.collect_params().values()):
        parameter.set_data(filled(parameter.data().size, position).reshape(parameter.shape))
    y, gradients = run(net, x)
    assert repr(cell) == expected["repr_after"]
    assert_recorded(y, expected["numeric"]["output"])
    assert_recorded(gradients["x"], expected["numeric"]["input_grad"])
    for name, record in expected["numeric"]["grads"].items():
        assert_recorded(gradients[f"cell.{name}"], record)
    steps = cell.unroll(case["unroll"], x)[0] if case["unroll"] else cell(x, cell.begin_state(len(x)))[0]
    np.testing.assert_allclose(steps, y, rtol=1e-6, atol=1e-7)


def test_every_difference_has_its_reason():
    packs = {name for case in LAYERS for name in case["expect"]["params"] if name.endswith("rnn_param")}
    failing = {case["id"] for case in CELLS if case["expect"]["error"] is not None}
    assert packs == {"rnn_param", "0.rnn_param"}
    assert failing == {"rnncell_step", "lstmcell_unroll", "grucell_unroll", "grucell_step"}
    assert len(CASES) == 14
    assert all(REASONS.values())


# --- layers against cells and against differences ---------------------------------------------

KINDS = {"RNN": nn.RNNCell, "LSTM": nn.LSTMCell, "GRU": nn.GRUCell}


def drawn(net, seed=0):
    rng = np.random.default_rng(seed)
    for parameter in net.collect_params().values():
        parameter.set_data(rng.standard_normal(parameter.shape) * 0.5)
    return net


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_layer_equals_unrolled_cells(kind, bidirectional):
    options = {"activation": "tanh"} if kind == "RNN" else {}
    layer = drawn(
        getattr(nn, kind)(
            3, 2, layout="NTC", bidirectional=bidirectional, input_size=7, dtype="float64", **options
        )
    )
    stack = nn.SequentialRNNCell()
    for size in (7, 6 if bidirectional else 3):
        make = [KINDS[kind](3, input_size=size, dtype="float64") for _ in range(2)]
        stack.add(nn.BidirectionalCell(*make) if bidirectional else make[0])
    for mine, theirs in zip(stack.collect_params().values(), layer.collect_params().values(), strict=True):
        mine.set_data(theirs.data())
    x = np.random.default_rng(1).standard_normal((2, 5, 7))
    first = [np.random.default_rng(2).standard_normal(s.shape) for s in layer.begin_state(2)]
    y, last = layer(x, first)
    states = [state[index] for index in range(len(first[0])) for state in first]
    outputs, ends = stack.unroll(5, x, states)
    np.testing.assert_allclose(outputs, y, rtol=1e-12, atol=1e-13)
    for index, end in enumerate(ends):
        np.testing.assert_allclose(end, last[index % len(first)][index // len(first)], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", ["TNC", "NTC"])
def test_gradients_of_layers_agree_with_differences(kind, layout):
    options = {"activation": "tanh"} if kind == "RNN" else {}
    net = drawn(
        getattr(nn, kind)(3, 2, layout=layout, bidirectional=True, input_size=7, dtype="float64", **options)
    )
    x = np.random.default_rng(3).standard_normal((5, 2, 7))
    first = [
        np.random.default_rng(4).standard_normal((4, len(x) if layout == "NTC" else 2, 3))
        for _ in net.begin_state()
    ]
    graph = infer_shapes(net.trace(x=x, states=first)).graph
    arrays = {"x": x, **{f"states.{i}": state for i, state in enumerate(first)}}
    arrays |= {name: parameter.data() for name, parameter in net.collect_params().items()}
    check_gradients(graph, arrays, list(arrays))


def test_unrolled_cells_differentiate_twice():
    net = Unrolled(drawn(nn.LSTMCell(3, input_size=7, dtype="float64")), 2)
    x = np.random.default_rng(3).standard_normal((2, 2, 7))
    graph = infer_shapes(net.trace(x=x)).graph
    arrays = {"x": x, **{name: parameter.data() for name, parameter in net.collect_params().items()}}
    joint = check_gradients(graph, arrays, list(arrays))
    seeds = {name: np.ones(joint[name].type.shape) for name in joint.inputs if name not in arrays}
    firsts = [name for name in joint.outputs if name.startswith("grad.")]
    check_gradients(joint, arrays | seeds, list(arrays), firsts, 1e-5)


def test_layers_say_why_they_do_not_differentiate_twice():
    graph = infer_shapes(nn.LSTM(3).trace(x=(5, 2, 7))).graph
    with pytest.raises(DifferentiationError, match="unroll a cell"):
        differentiate(differentiate(graph, wrt=["x"]), wrt=["x"])


# --- shapes -----------------------------------------------------------------------------------


def test_a_symbolic_length_is_one_node():
    graph = nn.GRU(3).trace(x=("length", "batch", 7))
    assert [node.op for node in graph if not node.is_source] == ["gru"]
    report = infer_shapes(graph)
    assert report["y"] == ("length", "batch", 3)
    assert report["l0_i2h_weight"] == (9, 7)
    assert not report.requirements


def test_shapes_are_found_in_both_directions():
    graph = nn.LSTM(3, bidirectional=True).trace()
    assert infer_shapes(graph, y=(5, 2, 6))["x"] == (5, 2, -1)
    report = infer_shapes(graph, l0_i2h_weight=(12, 7))
    assert report["x"] == (-1, -1, 7)
    assert report["y"] == (-1, -1, 6)
    assert infer_shapes(graph, y=(5, 2, 6), r0_i2h_weight=(12, 7))["x"] == (5, 2, 7)


def test_states_say_what_the_batch_is():
    graph = nn.GRU(3, layout="NTC").trace(states=[(1, "n", 3)])
    assert infer_shapes(graph)["x"] == ("n", -1, -1)
    clash = infer_shapes(nn.GRU(3, layout="NTC").trace(x=(5, 2, 7), states=[(1, 3, 3)]))
    assert [error.code for error in clash.errors] == ["GI201"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 5, 7)])
def test_a_wrong_rank_is_an_error_that_says_which_is_wanted(kind, shape):
    net = getattr(nn, kind)(4)
    net.initialize()
    with pytest.raises(ShapeError, match=r"x\[length,batch,size\] must have 3 axes; it has") as caught:
        net.infer_shape(x=shape)
    assert caught.value.code == "GI202"
    with pytest.raises(ShapeError, match="has 2 axes"):
        KINDS[kind](4).unroll(2, [np.zeros((2, 3, 5)), np.zeros((2, 3, 5))])
    assert net.l0_i2h_weight.shape[1] == -1


def test_input_size_is_honoured():
    net = nn.LSTM(4, input_size=5)
    net.initialize()
    assert net.l0_i2h_weight.data().shape == (16, 5)
    with pytest.raises(ShapeError, match="5 from input_size=5 of LSTM"):
        net.infer_shape(x=(2, 3, 7))


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.LSTM(0),
        lambda: nn.LSTM(3, layout="TCN"),
        lambda: nn.GRU(3, dropout=1),
        lambda: nn.RNN(3, activation="gelu"),
        lambda: nn.LSTMCell(3, input_size=-2),
        lambda: nn.RNNCell(3, activation="none"),
        lambda: nn.ResidualCell(nn.Dense(3)),
        lambda: nn.SequentialRNNCell().add(nn.Dense(3)),
        lambda: nn.ZoneoutCell(nn.BidirectionalCell(nn.GRUCell(3), nn.GRUCell(3))),
        lambda: nn.GRUCell(3).unroll(2, [np.zeros((2, 3))]),
        lambda: nn.GRUCell(3).unroll(2, np.zeros((2, 3, 5)), layout="NCT"),
    ],
)
def test_bad_arguments(make):
    with pytest.raises(BlockError, match="GI407"):
        make()


def test_a_wrong_number_of_states_is_an_error():
    net = nn.LSTM(3)
    net.initialize()
    with pytest.raises(BlockError, match=r"2 state\(s\), got 1"):
        net(np.zeros((5, 2, 7)), [np.zeros((1, 2, 3))])


# --- edges ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("size", [1e4, -1e4, 1e30])
def test_gates_saturate_without_a_fuss(kind, size):
    net = getattr(nn, kind)(3)
    net.initialize()
    y, gradients = run(net, np.full((5, 2, 7), size, np.float32))
    assert np.isfinite(y).all()
    assert np.isfinite(gradients["l0_h2h_weight"]).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(0, 2, 7), (5, 0, 7), (1, 1, 1)])
def test_nothing_to_do_is_no_mistake(kind, shape):
    net = getattr(nn, kind)(3, bidirectional=True)
    net.initialize()
    y, gradients = run(net, np.ones(shape, np.float32))
    assert y.shape == (*shape[:2], 6)
    assert gradients["x"].shape == shape
    if 0 in shape:
        assert not any(gradients[name].any() for name in net.collect_params())


# --- training mode, valid lengths, modifiers ---------------------------------------------------


def test_dropout_stands_between_layers_in_training():
    net = nn.LSTM(3, 3, dropout=0.5)
    assert [node.op for node in net.trace(train=True, x=(5, 2, 7))].count("dropout") == 2
    assert "dropout" not in [node.op for node in net.trace(x=(5, 2, 7))]


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.LSTMCell(3),
        lambda: nn.BidirectionalCell(nn.GRUCell(3), nn.GRUCell(2)),
        lambda: nn.ZoneoutCell(nn.LSTMCell(3), 0.3, 0.3),
    ],
)
def test_what_lies_beyond_the_valid_length_does_not_count(make):
    cell = make()
    cell.initialize()
    x = np.random.default_rng(5).standard_normal((2, 5, 7)).astype(np.float32)
    other = x.copy()
    other[0, 3:] += 1
    valid = np.array([3, 5])
    outputs, states = cell.unroll(5, x, valid_length=valid)
    again, ends = cell.unroll(5, other, valid_length=valid)
    np.testing.assert_array_equal(outputs, again)
    assert not outputs[0, 3:].any()
    alone, finals = cell.unroll(3, x[:1, :3])
    np.testing.assert_allclose(outputs[:1, :3], alone, rtol=1e-6, atol=1e-7)
    for state, end, final in zip(states, ends, finals, strict=True):
        np.testing.assert_array_equal(state, end)
        np.testing.assert_allclose(state[:1], final, rtol=1e-6, atol=1e-7)


def test_steps_come_and_go_as_lists():
    cell = nn.GRUCell(3)
    cell.initialize()
    x = wave((5, 2, 7))
    merged, (last,) = cell.unroll(5, x, layout="TNC")
    steps, _ = cell.unroll(5, list(x))
    np.testing.assert_array_equal(np.stack(steps), merged)
    np.testing.assert_array_equal(last, merged[-1])
    assert cell.unroll(5, list(x), merge_outputs=True)[0].shape == (2, 5, 3)
    assert len(cell.unroll(5, x, layout="TNC", merge_outputs=False)[0]) == 5


def test_a_residual_cell_adds_its_input():
    cell = nn.ResidualCell(nn.RNNCell(7))
    cell.initialize()
    x = wave((2, 5, 7))
    plain = cell.base_cell.unroll(5, x)[0]
    np.testing.assert_allclose(cell.unroll(5, x)[0], plain + x, rtol=1e-6)
    assert next(iter(cell.collect_params())) == "base_cell.i2h_weight"


def test_zoneout_keeps_old_values_in_training():
    cell = nn.ZoneoutCell(nn.RNNCell(11), 0.5, 0.0)
    cell.initialize()
    x = wave((2, 1, 7))
    exe = graphinit.compile(Unrolled(cell, 1), train=True, x=x.shape)
    new = cell.unroll(1, x)[0]
    found = exe.forward(x)
    assert set(np.flatnonzero(found == 0)) | set(np.flatnonzero(found == new)) == set(range(found.size))
    assert 0 < np.count_nonzero(found == 0) < found.size


def test_dropout_cells_have_no_states():
    cell = nn.SequentialRNNCell()
    cell.add(nn.GRUCell(3), nn.DropoutCell(0.5), nn.GRUCell(2))
    cell.initialize()
    assert [info["shape"] for info in cell.state_info(5)] == [(5, 3), (5, 2)]
    assert cell.unroll(3, wave((5, 3, 7)))[0].shape == (5, 3, 2)
    y, states = cell(wave((5, 7)), cell.begin_state(5))
    assert y.shape == states[1].shape == (5, 2)


def test_a_state_that_is_none_starts_from_zeros():
    net, x, h = nn.LSTM(3), np.ones((4, 2, 5), np.float32), np.full((1, 2, 3), 0.5, np.float32)
    net.initialize(seed=1)
    zeros = np.zeros_like(h)
    for given, full in (([h, None], [h, zeros]), ([None, h], [zeros, h])):
        y, ends = net(x, given)
        same, others = net(x, full)
        np.testing.assert_array_equal(
            [y[-1], *(end[0] for end in ends)], [same[-1], *(end[0] for end in others)]
        )
    with pytest.raises(BlockError, match="states of LSTM are all None; leave them out"):
        net(x, [None, None])


@pytest.mark.parametrize("states", [None, np.zeros((2, 3), np.float32)])
def test_cells_take_their_states_as_a_list(states):
    cell = nn.GRUCell(3)
    cell.initialize(seed=1)
    with pytest.raises(BlockError, match=r"GRUCell takes its states as a list; begin_state\(batch_size\)"):
        cell(np.ones((2, 5), np.float32), states)
