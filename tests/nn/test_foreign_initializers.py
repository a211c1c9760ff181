"""Initializers of Keras and JAX, as they stand: what they are asked for, and what comes of it.

Stand-ins of equal signature serve where only the call matters; Keras and JAX themselves, where installed, for
the deviations that they promise.
"""

import copy
import functools
import math
import sys
from dataclasses import dataclass

import numpy as np
import pytest

import graphinit
from graphinit import Graph, init, loss, nn
from graphinit import functional as F
from graphinit.errors import DeferredInitializationError, GraphError, ParameterError
from graphinit.foreign_names import FOREIGN
from graphinit.ir.kernel import Kernel
from passes import infer_shapes, init_parameters


class Keras:
    """As Keras's: the values say where they stand in the shape that was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, shape, dtype=None):
        self.asked.append(tuple(shape))
        return ramp(shape).astype(dtype)


def ramp(shape):
    return np.arange(math.prod(shape), dtype=np.float64).reshape(shape)


class Jax(Keras):
    """As JAX's, without JAX: the key is not looked at."""

    def __call__(self, key, shape, dtype=np.float32):
        return super().__call__(shape, dtype)


@pytest.fixture(params=["keras", "jax"])
def foreign(request, monkeypatch):
    """A stand-in of each convention."""
    if request.param == "keras":
        return Keras()
    jax = type(sys)("jax")
    jax.random = type(sys)("jax.random")
    jax.random.key = lambda word: ("key", int(word))
    jax.random.fold_in = lambda key, word: (*key, int(word))
    monkeypatch.setitem(sys.modules, "jax", jax)
    return Jax()


# layer, input, parameter, our shape, what is asked for (Flax's where it differs), and our axes of it
KERNELS = {
    "dense": (lambda f: nn.Dense(7, weight_initializer=f), (2, 5), "weight", (7, 5), (5, 7), (1, 0)),
    "dense that flattens": (
        lambda f: nn.Dense(7, weight_initializer=f), (2, 3, 5), "weight", (7, 15), (15, 7), (1, 0)),
    "convolution of signals": (
        lambda f: nn.Conv1D(7, 3, weight_initializer=f), (2, 5, 11), "weight", (7, 5, 3), (3, 5, 7), (2, 1, 0)),
    "convolution": (
        lambda f: nn.Conv2D(7, (2, 3), weight_initializer=f), (2, 5, 11, 13), "weight",
        (7, 5, 2, 3), (2, 3, 5, 7), (3, 2, 0, 1)),
    "convolution of volumes": (
        lambda f: nn.Conv3D(7, (2, 3, 1), weight_initializer=f), (2, 5, 8, 9, 6), "weight",
        (7, 5, 2, 3, 1), (2, 3, 1, 5, 7), (4, 3, 0, 1, 2)),
    "channels last": (
        lambda f: nn.Conv2D(7, (2, 3), layout="NHWC", weight_initializer=f), (2, 11, 13, 5), "weight",
        (7, 2, 3, 5), (2, 3, 5, 7), (3, 0, 1, 2)),
    "groups": (
        lambda f: nn.Conv2D(6, (2, 3), groups=2, weight_initializer=f), (2, 10, 11, 13), "weight",
        (6, 5, 2, 3), (2, 3, 5, 6), (3, 2, 0, 1)),
    "depthwise": (
        lambda f: nn.Conv2D(5, (2, 3), groups=5, weight_initializer=f), (2, 5, 11, 13), "weight",
        (5, 1, 2, 3), (2, 3, 1, 5), (3, 2, 0, 1)),
    "transposed convolution": (
        lambda f: nn.Conv2DTranspose(7, (2, 3), weight_initializer=f), (2, 5, 11, 13), "weight",
        (5, 7, 2, 3), {"Keras": (2, 3, 7, 5), "Jax": (2, 3, 5, 7)}, {"Keras": (3, 2, 0, 1), "Jax": (2, 3, 0, 1)}),
    "transposed, channels last": (
        lambda f: nn.Conv1DTranspose(7, 3, layout="NWC", weight_initializer=f), (2, 11, 5), "weight",
        (5, 3, 7), {"Keras": (3, 7, 5), "Jax": (3, 5, 7)}, {"Keras": (2, 0, 1), "Jax": (1, 0, 2)}),
    "LSTM, input": (
        lambda f: nn.LSTM(3, i2h_weight_initializer=f), (4, 2, 5), "l0_i2h_weight", (12, 5), (5, 12), (1, 0)),
    "LSTM, state": (
        lambda f: nn.LSTM(3, h2h_weight_initializer=f), (4, 2, 5), "l0_h2h_weight", (12, 3), (3, 12), (1, 0)),
    "GRU, second layer": (
        lambda f: nn.GRU(3, 2, bidirectional=True, i2h_weight_initializer=f), (4, 2, 5), "r1_i2h_weight",
        (9, 6), (6, 9), (1, 0)),
    "projection": (
        lambda f: nn.Residual(nn.Dense(7, flatten=False), projection=True, weight_initializer=f), (2, 5),
        "weight", (7, 5), (5, 7), (1, 0)),
    "attention": (
        lambda f: nn.MultiHeadAttention(6, 2, num_kv_heads=1, weight_initializer=f), (2, 4, 5), "key.weight",
        (3, 5), (5, 3), (1, 0)),
    "embedding": (
        lambda f: nn.Embedding(11, 3, weight_initializer=f), "int64[2, 4]", "weight", (11, 3), (11, 3), (0, 1)),
    "positions": (
        lambda f: nn.LearnedPositions(9, weight_initializer=f), (2, 4, 5), "weight", (9, 5), (9, 5), (0, 1)),
    "bias": (lambda f: nn.Dense(7, bias_initializer=f), (2, 5), "bias", (7,), (7,), (0,)),
    "scale": (lambda f: nn.BatchNorm(gamma_initializer=f), (2, 5), "gamma", (5,), (5,), (0,)),
}  # fmt: skip


@pytest.mark.parametrize("layer", KERNELS)
def test_what_is_asked_for_and_how_it_comes_back(layer, foreign):
    make, x, name, shape, asked, axes = KERNELS[layer]
    if isinstance(asked, dict):
        asked, axes = (item[type(foreign).__name__] for item in (asked, axes))
    net = make(foreign)
    net.initialize()
    net.infer_shape(x)
    parameter = net.collect_params()[name]
    assert parameter.shape == shape
    assert asked in foreign.asked
    np.testing.assert_array_equal(parameter.data(), ramp(asked).transpose(axes).astype(np.float32))
    assert parameter.data().flags.c_contiguous


@pytest.mark.parametrize("cell", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_cells(cell, foreign):
    net = cell(3, input_size=5, i2h_weight_initializer=foreign, h2h_weight_initializer=foreign)
    net.initialize()
    rows = net.i2h_weight.shape[0]
    assert foreign.asked == [(5, rows), (3, rows)]
    np.testing.assert_array_equal(net.h2h_weight.data(), ramp((3, rows)).T)


def test_a_default_for_a_whole_network_applies_to_weights(foreign):
    net = nn.Sequential(nn.Dense(7), nn.BatchNorm(), nn.Dense(3, weight_initializer="ones"))
    net.initialize(foreign)
    net.infer_shape((2, 5))
    assert foreign.asked == [(5, 7)]
    assert not net[0].bias.data().any()
    assert (net[1].gamma.data() == 1).all()
    assert (net[2].weight.data() == 1).all()


def test_what_the_user_passed_wins_over_a_preset(foreign):
    net = nn.Dense(7, in_units=5, weight_initializer=foreign)
    net.initialize(init.preset("pytorch"))
    np.testing.assert_array_equal(net.weight.data(), ramp((5, 7)).T)
    assert net.bias.data().any()


def test_a_layer_of_a_subclass_inherits_its_kernel(foreign):
    class Scaled(nn.Dense):
        def forward(self, x):
            return super().forward(x) * 2

    net = Scaled(7, in_units=5, weight_initializer=foreign)
    net.initialize()
    assert foreign.asked == [(5, 7)]


@pytest.mark.parametrize(("kernel", "asked"), [("OI", (5, 3)), ("IO", (3, 5)), (None, (3, 5))])
def test_a_layer_of_ones_own_states_its_kernel(kernel, asked, foreign):
    class Own(nn.Block):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter("w", shape=(3, 5), init=foreign, kernel=kernel)

        def forward(self, x):
            return F.linear(x, self.w)

    net = Own()
    net.initialize()
    assert foreign.asked == [asked]
    assert net.w.data().shape == (3, 5)


def test_ties_keep_the_kernel_of_the_parameter_that_is_drawn(foreign):
    embedding, dense, output = nn.Embedding(11, 5), nn.Dense(5, in_units=7), nn.Dense(11, use_bias=False)
    net = nn.Sequential(embedding, output)
    output.weight = embedding.weight
    net.initialize(foreign)
    assert foreign.asked == [(11, 5)]
    back = nn.Sequential(dense, nn.Dense(7))
    back[1].weight = dense.weight.T
    back.initialize(foreign)
    assert foreign.asked[1:] == [(7, 5)]


@pytest.mark.parametrize("transposed", [False, True])
def test_a_plain_parameter_takes_on_the_kernel_of_its_place(transposed, foreign):
    net = nn.Dense(3, in_units=5)
    plain = nn.Parameter("w", shape=(5, 3) if transposed else (3, 5))
    net.weight = plain.T if transposed else plain
    net.initialize(foreign)
    assert foreign.asked == [(5, 3)]
    np.testing.assert_array_equal(net.weight.data(), ramp((5, 3)).T)


def test_the_graph_of_a_network_gives_the_same_values(foreign):
    net = nn.Sequential(nn.Conv2D(7, (2, 3)), nn.Dense(3, weight_initializer=foreign))
    graph = net.trace(x=(2, 5, 8, 9))
    values = init_parameters(graph, infer_shapes(graph), foreign)
    net.initialize(foreign, seed=0)
    net.infer_shape((2, 5, 8, 9))
    for name in ("0.weight", "1.weight"):
        np.testing.assert_array_equal(values[name], net.collect_params()[name].data())


def test_a_graph_made_by_functions_states_its_kernels(foreign):
    w = F.parameter("w", (3, -1), init=foreign, kernel="OI")
    graph = Graph(F.linear(F.input("x", (2, 5)), w))
    values = init_parameters(graph, infer_shapes(graph))
    np.testing.assert_array_equal(values["w"], ramp((5, 3)).T)


def test_kernels_go_through_json():
    graph = nn.Sequential(nn.Conv2D(7, 3), nn.Conv2DTranspose(5, 2)).trace()
    again = Graph.from_json(graph.to_json())
    for name, kernel in {
        "0.weight": Kernel("OIHW"),
        "1.weight": Kernel("IOHW", True),
        "0.bias": None,
    }.items():
        assert again[name].meta.kernel == graph[name].meta.kernel == kernel
    for bad in ('["OH", false]', '["OI", 1]', '"OI"', '["OIO", false]'):
        with pytest.raises(GraphError):
            Graph.from_json(graph.to_json().replace('["OIHW", false]', bad))


@pytest.mark.parametrize("bad", ["", "O", "oi", "OIO", "OI1", 3, ("O", "I")])
def test_what_is_no_kernel(bad):
    with pytest.raises(ParameterError, match="such as 'OI' or 'OIHW', not"):
        nn.Parameter("w", shape=(3, 5), kernel=bad)


def test_a_kernel_of_another_rank():
    with pytest.raises(ParameterError, match=r"'w' has shape \(3, 5\), and its kernel other axes, 'OIH'"):
        nn.Parameter("w", shape=(3, 5), kernel="OIH")
    late = nn.Parameter("w", kernel="OIH", init=Keras())
    late.shape = (3, 5)
    with pytest.raises(ParameterError, match="GI404"):
        late.initialize()


# ---------------------------------------------------------------- which convention it is


def takes(*names):
    """A function with these parameters that gives the names and the values that it was called with."""
    text = f"lambda {', '.join(names)}: calls.append(locals()) or np.zeros(SHAPE)"
    calls = []
    return eval(text, {"calls": calls, "np": np, "SHAPE": (5, 3)}), calls


@pytest.mark.parametrize(
    "names",
    [
        ("shape",), ("shape", "dtype"), ("shape", "dtype=None"), ("shape", "dtype=None", "layout=None"),
        ("shape", "dtype=None", "**more"), ("shape", "*", "dtype=None"), ("s", "d=None"), ("s",),
        ("shape", "scale=1", "dtype=None"), ("shape", "**more"), ("shape", "*rest"), ("size", "dtype=None", "out=None"),
        ("shape", "scale=1"), ("s", "scale=1"), ("s", "scale=1", "low=2"), ("shape", "seed=None", "scale=1"),
    ],
)  # fmt: skip
def test_signatures_of_keras(names):
    function, calls = takes(*names)
    assert init.draw(function, "w", (3, 5), "float32", kernel="OI").shape == (3, 5)
    (call,) = calls
    assert next(iter(call.values())) == (5, 3)
    given = call.get("dtype", call.get("d", call.get("more", {}).get("dtype", np.dtype("float32"))))
    assert given == np.float32
    assert call.get("seed") is None
    assert call.get("layout") is None
    assert call.get("scale", 1) == 1


@pytest.mark.parametrize(
    "names",
    [
        ("rng", "shape", "dtype"),
        ("rng", "shape"),
        ("generator", "shape", "dtype=None"),
        ("r", "s", "d"),
        ("rng", "*rest"),
        ("seed", "shape"),
        ("g", "size"),
        ("r", "s", "d=None"),
        ("rng", "shape", "*", "dtype"),
    ],
)
def test_signatures_of_ours(names):
    function, calls = takes(*names)
    init.draw(function, "w", (5, 3), "float32", kernel="OI")
    first, shape, *_ = calls[0].values()
    assert isinstance(first, np.random.Generator)
    assert shape == (5, 3) or shape[0] == (5, 3)


@pytest.mark.parametrize(
    "names",
    [
        (), ("rng",), ("shape", "rng"), ("shape", "dtype", "rng"), ("*", "shape", "dtype"), ("key", "seed", "shape"),
        ("shape", "dtype", "layout", "scale"), ("loc=0", "scale=1", "size=None"), ("name", "data"), ("tensor",),
    ],
)  # fmt: skip
def test_signatures_that_no_initializer_has_are_refused_before_anything_is_drawn(names):
    function, calls = takes(*names)
    net = nn.Dense(3, weight_initializer=function)
    with pytest.raises(
        ParameterError, match=r"cannot be called; write one with \(rng, shape, dtype\)"
    ) as caught:
        net.initialize()
    assert f"with parameters ({', '.join(names)})" in str(caught.value)
    assert not net.weight.is_waiting
    assert not calls


def test_what_an_initializer_raises_stays_as_it_is_and_says_where():
    class Own(init.Initializer):
        def _init_weight(self, name, data):
            raise ZeroDivisionError("own")

    def function(rng, shape, dtype):
        raise ZeroDivisionError("own")

    for initializer in Own(), function:
        net = nn.Sequential(nn.Dense(3, in_units=5, dtype="float16", weight_initializer=initializer))
        with pytest.raises(ZeroDivisionError, match="own") as caught:
            net.initialize()
        assert caught.value.__notes__ == [
            "raised by the initializer of '0.weight', of shape (3, 5) and dtype float16"
        ]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("glorot_uniform", "it is init.Xavier here"),
        ("he_normal", "it is init.Xavier('gaussian', 'in', 2) here"),
        ("lecun_uniform", "it is init.Xavier('uniform', 'in', 3) here"),
        ("pytorch", "it is init.preset('pytorch') here"),
        ("xavierr", "did you mean 'xavier'?"),
    ],
)
def test_names_of_other_frameworks_say_what_draws_the_same(name, words):
    with pytest.raises(ParameterError) as caught:
        init.create(name)
    assert str(caught.value).endswith(f"no initializer is registered as {name!r}; {words}")


@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        ("glorot_uniform", math.sqrt(2 / 700)), ("glorot_normal", math.sqrt(2 / 700)),
        ("he_normal", math.sqrt(2 / 400)), ("he_uniform", math.sqrt(2 / 400)), ("kaiming_uniform", math.sqrt(2 / 400)),
        ("lecun_normal", math.sqrt(1 / 400)), ("lecun_uniform", math.sqrt(1 / 400)),
    ],
)  # fmt: skip
def test_what_draws_the_same_has_the_deviation_that_the_name_promises(name, deviation):
    meant = eval(FOREIGN["graphinit.init"][name], {"init": init})
    drawn = init.draw(meant() if isinstance(meant, type) else meant, "weight", (300, 400), "float64", seed=0)
    assert drawn.std() == pytest.approx(deviation, rel=0.01)


class WithMethod:
    def draw(self, shape, dtype=None):
        return ramp(shape)

    def ours(self, rng, shape, dtype):
        return rng.uniform(size=shape)


def test_partial_functions_bound_methods_and_numpys_own():
    wanted = ramp((5, 3)).T
    draws = functools.partial(init.draw, path="w", shape=(3, 5), dtype="float32", kernel="OI")
    np.testing.assert_array_equal(draws(WithMethod().draw), wanted)
    np.testing.assert_array_equal(draws(functools.partial(WithMethod.draw, None)), wanted)
    assert draws(WithMethod().ours).shape == (3, 5)
    assert (
        draws(functools.partial(lambda rng, shape, dtype, low: rng.uniform(low, 1, shape), low=0.5)).min()
        > 0.4
    )
    assert (draws(np.ones) == 1).all()


def test_without_jax_a_key_is_an_error_that_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    net = nn.Dense(3, in_units=5, weight_initializer=lambda key, shape, dtype: np.zeros(shape))
    with pytest.raises(
        ParameterError, match=r"'weight' takes a JAX key, .* pip install jax, or write a function"
    ):
        net.initialize()
    assert not net.weight.is_waiting


# ---------------------------------------------------------------- what they may give


WRONG = {
    "another shape": (
        lambda shape, dtype: np.zeros(shape[::-1]),
        r"an array of shape \(3, 5\) for a parameter",
    ),
    "no array": (lambda shape, dtype: object(), "object values"),
    "a lists of lists": (lambda shape, dtype: [[1], [2, 3]], "what is no array, list"),
    "text": (lambda shape, dtype: np.full(shape, "a"), "<U1 values"),
    "complex": (lambda shape, dtype: np.zeros(shape, complex), "complex128 values"),
    "not a number": (lambda shape, dtype: np.full(shape, np.nan), "values that are not finite in float16"),
    "too large": (lambda shape, dtype: np.full(shape, 1e6), "values that are not finite in float16"),
    "nothing": (lambda shape, dtype: None, "object values"),
}


def test_what_makes_initializers_is_to_be_called():
    def he_normal(in_axis=-2, out_axis=-1):
        return lambda key, shape, dtype: np.zeros(shape)

    with pytest.raises(ParameterError, match=r"call it: he_normal\(\), not he_normal"):
        init.draw(he_normal, "w", (3, 5), "float32")


@pytest.mark.parametrize("wrong", WRONG)
def test_what_they_may_not_give(wrong):
    function, words = WRONG[wrong]
    net = nn.Conv1D(3, 1, in_channels=5, weight_initializer=function)
    flat = nn.Dense(3, in_units=5, dtype="float16", weight_initializer=function)
    flat.bias.initialize()
    with pytest.raises(ParameterError, match=words) as caught:
        flat.weight.initialize()
    assert caught.value.code == "GI404"
    assert "of shape (5, 3), which Keras has as (in, out)" in str(caught.value)
    if wrong == "another shape":
        with pytest.raises(ParameterError, match=r"of shape \(1, 5, 3\), which Keras has as \(w, in, out\)"):
            net.initialize()


def test_floats_for_an_integer_parameter():
    with pytest.raises(ParameterError, match="float64 values"):
        init.draw(lambda shape, dtype: np.zeros(shape), "w", (3,), "int64")


# ---------------------------------------------------------------- seeds of Keras


class Seeded:
    """As Keras's random initializers: one that was given no seed draws one when it is made."""

    def __init__(self, scale=1.0, seed=None):
        self.scale, self.seed = scale, seed
        self.number = np.random.default_rng(0 if seed is None else seed).integers(2**31)

    def __call__(self, shape, dtype=None):
        return self.scale * np.random.default_rng(self.number).uniform(0.5, 1, shape)

    def get_config(self):
        return {"scale": self.scale, "seed": self.seed}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def two(initializer, **options):
    net = nn.Sequential(nn.Dense(5, in_units=5), nn.Dense(5, in_units=5))
    net.initialize(initializer, **options)
    return net[0].weight.data(), net[1].weight.data()


def test_one_without_a_seed_gets_it_from_seed_and_path():
    first, second = two(Seeded(3.0), seed=1)
    assert (first > 1.4).all()
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, two(Seeded(3.0), seed=1)[0])
    assert not np.array_equal(first, two(Seeded(3.0), seed=2)[0])


def test_one_with_a_seed_keeps_it():
    first, second = two(Seeded(seed=7))
    np.testing.assert_array_equal(first, second)


def test_one_whose_config_leaves_arguments_out_is_called_as_it_is():
    class Own(Seeded):
        def __init__(self, shift):
            super().__init__()
            self.shift = shift

        def __call__(self, shape, dtype=None):
            return super().__call__(shape) + self.shift

    assert (two(Own(10))[0] > 10).all()


# ---------------------------------------------------------------- copies, files, graphs


@dataclass
class Unhashable:
    """What has no hash, and cannot be compared either."""

    values: np.ndarray

    def __call__(self, shape, dtype=None):
        return self.values[: shape[0], : shape[1]]


def test_networks_with_them_are_traced_run_copied_and_saved(tmp_path):
    own = Unhashable(np.arange(99.0).reshape(9, 11))
    net = nn.Sequential(nn.Dense(3, weight_initializer=own), nn.Dense(2, weight_initializer=Keras()))
    net.initialize()
    with pytest.raises(DeferredInitializationError, match="waits for its shape"):
        net.save_parameters(tmp_path / "net")
    graph = net.trace(x=("batch", 5))
    assert "Unhashable" in str(graph)
    assert infer_shapes(graph)["0.weight"] == (3, 5)
    twin = copy.deepcopy(net)
    x = np.ones((2, 5), np.float32)
    np.testing.assert_array_equal(net(x), twin(x))
    net.save_parameters(tmp_path / "net")
    np.testing.assert_array_equal(net[0].weight.data(), own.values[:5, :3].T)
    step = graphinit.compile_step(net, loss.L2Loss(), "sgd")
    assert np.isfinite(step(x, np.zeros((2, 2), np.float32))).all()
    with pytest.raises(GraphError, match="an initializer is written down when it is one of"):
        graph.to_json()


def test_create_takes_them():
    for foreign in (Keras(), Jax(), WithMethod().draw, np.ones):
        assert init.create(foreign) is foreign


# ---------------------------------------------------------------- Keras and JAX themselves


def deviation(layer, x, name="weight"):
    layer.initialize(seed=3)
    layer.infer_shape(x)
    values = layer.collect_params()[name].data()
    return values.std(), values.size


# layer, input, fan-in that Keras computes, and that JAX computes
FANS = {
    "dense": (lambda f: nn.Dense(1000, weight_initializer=f), (2, 10), 10, 10),
    "narrow": (lambda f: nn.Dense(10, weight_initializer=f), (2, 1000), 1000, 1000),
    "convolution": (lambda f: nn.Conv2D(300, 3, weight_initializer=f), (2, 7, 9, 9), 63, 63),
    "channels last": (
        lambda f: nn.Conv2D(300, 3, layout="NHWC", weight_initializer=f), (2, 9, 9, 7), 63, 63),
    "transposed": (lambda f: nn.Conv2DTranspose(300, 3, weight_initializer=f), (2, 7, 9, 9), 2700, 63),
    "recurrent": (lambda f: nn.LSTM(100, i2h_weight_initializer=f), (4, 2, 20), 20, 20),
}  # fmt: skip


@pytest.fixture
def keras(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    pytest.importorskip("jax")
    return pytest.importorskip("keras")


@pytest.mark.parametrize("layer", FANS)
def test_keras_deviates_as_promised(layer, keras):
    make, x, fan_in, _ = FANS[layer]
    name = "l0_i2h_weight" if layer == "recurrent" else "weight"
    for initializer, gain in ((keras.initializers.HeNormal(), 2), (keras.initializers.LecunUniform(), 1)):
        found, size = deviation(make(initializer), x, name)
        assert found == pytest.approx(math.sqrt(gain / fan_in), rel=4 / math.sqrt(size))


def test_kerass_initializers_follow_the_seed(keras):
    for initializer in (keras.initializers.GlorotUniform(), keras.initializers.TruncatedNormal(stddev=0.1)):
        first, second = (item.copy() for item in two(initializer, seed=1))
        assert not np.array_equal(first, second)
        np.testing.assert_array_equal(first, two(initializer, seed=1)[0])
    for initializer, value in ((keras.initializers.Constant(3), 3), (keras.initializers.Zeros(), 0)):
        assert (two(initializer)[0] == value).all()
    orthogonal = two(keras.initializers.Orthogonal())[0]
    np.testing.assert_allclose(orthogonal @ orthogonal.T, np.eye(5), atol=1e-5)


def test_a_subclass_of_kerass_initializer(keras):
    class MyInit(keras.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            data = keras.random.uniform(shape, -10, 10, dtype=dtype)
            return data * (abs(data) >= 5)

    net = nn.Dense(300, in_units=20)
    net.initialize(MyInit())
    values = net.weight.data()
    assert ((values == 0) | (abs(values) >= 5)).all()
    assert 0.45 < (values == 0).mean() < 0.55


@pytest.mark.parametrize("layer", FANS)
def test_jax_deviates_as_promised(layer):
    initializers = pytest.importorskip("jax").nn.initializers
    make, x, _, fan_in = FANS[layer]
    name = "l0_i2h_weight" if layer == "recurrent" else "weight"
    for initializer, gain in ((initializers.lecun_normal(), 1), (initializers.he_uniform(), 2)):
        found, size = deviation(make(initializer), x, name)
        assert found == pytest.approx(math.sqrt(gain / fan_in), rel=4 / math.sqrt(size))


def test_jaxs_functions_take_the_key():
    jax = pytest.importorskip("jax")

    def my_init(key, shape, dtype=jax.numpy.float32):
        first, _ = jax.random.split(key)
        data = jax.random.uniform(first, shape, minval=-10, maxval=10)
        return data * (abs(data) >= 5)

    first, second = (item.copy() for item in two(my_init, seed=1))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, two(my_init, seed=1)[0])
    assert not np.array_equal(first, two(my_init, seed=2)[0])
    for initializer in (
        jax.nn.initializers.normal(0.01),
        functools.partial(jax.nn.initializers.normal(0.01), dtype=np.float32),
        lambda key, shape, dtype: 0.01 * jax.random.normal(key, shape, dtype),
    ):
        net = nn.Dense(300, in_units=70)
        net.initialize(initializer)
        assert net.weight.data().std() == pytest.approx(0.01, rel=0.03)
    assert not two(jax.nn.initializers.zeros)[0].any()
    assert (two(jax.nn.initializers.constant(4))[0] == 4).all()


def test_bfloat16_is_said_to_be_none_of_ours():
    jax = pytest.importorskip("jax")
    with pytest.raises(ParameterError, match="bfloat16 values for a parameter of shape"):
        init.draw(lambda shape: jax.numpy.ones(shape, "bfloat16"), "w", (3, 5), "float32", kernel="OI")
