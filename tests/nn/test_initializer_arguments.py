"""Bad arguments of initializers are refused where an initializer is made, by name and value."""

import fractions
import json

import numpy as np
import pytest

from graphinit import Graph, init, nn
from graphinit import functional as F
from graphinit.errors import DeferredInitializationError, FileError, GraphError, ParameterError
from graphinit.initializers import base
from graphinit.parameter import Parameter
from graphinit.storage.archive import open_archive, write_archive
from graphinit.storage.contents import Archive

NAN, INF = float("nan"), float("inf")

REFUSED = {
    "Uniform: scale is a finite number of at least 0, not 'a'": lambda: init.Uniform("a"),
    "Uniform: scale is a finite number of at least 0, not -0.5": lambda: init.Uniform(-0.5),
    "Uniform: scale is a finite number of at least 0, not nan": lambda: init.Uniform(NAN),
    "Uniform: centre is a finite number, not None": lambda: init.Uniform(0.5, None),
    "Normal: sigma is a finite number of at least 0, not 'a'": lambda: init.Normal("a"),
    "Normal: sigma is a finite number of at least 0, not -1.0": lambda: init.Normal(-1.0),
    "Normal: sigma is a finite number of at least 0, not True": lambda: init.Normal(True),
    "Normal: sigma is a finite number of at least 0, not 1j": lambda: init.Normal(1j),
    "Normal: mean is a finite number, not inf": lambda: init.Normal(1, INF),
    "Normal: mean is a finite number, not [1]": lambda: init.Normal(1, [1]),
    "TruncatedNormal: sigma is a finite number of at least 0, not -2": lambda: init.TruncatedNormal(-2),
    "TruncatedNormal: mean is a finite number, not '0'": lambda: init.TruncatedNormal(mean="0"),
    "Constant: value is a real number or an array of them, not 'x'": lambda: init.Constant("x"),
    "Constant: value is a real number or an array of them, not None": lambda: init.Constant(None),
    "Constant: value is a real number or an array of them, not 2j": lambda: init.Constant(2j),
    "Constant: value is a real number or an array of them, not ['a', 1]": lambda: init.Constant(["a", 1]),
    "Constant: value is a number or an array, not [[1], [2, 3]]": lambda: init.Constant([[1], [2, 3]]),
    "Xavier: rnd_type is 'uniform' or 'gaussian', not 'normal'": lambda: init.Xavier("normal"),
    "Xavier: rnd_type is 'uniform' or 'gaussian', not ['uniform']": lambda: init.Xavier(["uniform"]),
    "Xavier: factor_type is 'avg', 'in' or 'out', not 'mid'": lambda: init.Xavier(factor_type="mid"),
    "Xavier: magnitude is a finite number of at least 0, not -3": lambda: init.Xavier(magnitude=-3),
    "MSRAPrelu: factor_type is 'avg', 'in' or 'out', not 'fan_in'": lambda: init.MSRAPrelu("fan_in"),
    "MSRAPrelu: slope is a finite number, not nan": lambda: init.MSRAPrelu(slope=NAN),
    "Orthogonal: scale is a finite number of at least 0, not '1'": lambda: init.Orthogonal("1"),
    "Orthogonal: rand_type is 'uniform' or 'normal', not 'cauchy'": lambda: init.Orthogonal(1, "cauchy"),
    "LSTMBias: forget_bias is a finite number, not inf": lambda: init.LSTMBias(INF),
    "there is no preset ['keras']; there are pytorch, keras, flax, mxnet": lambda: init.Preset(["keras"]),
    # by name, and as text
    "Normal: sigma is a finite number of at least 0, not 'x'": lambda: init.create(
        '["normal", {"sigma": "x"}]'
    ),
    "Normal: sigma is a finite number of at least 0, not -inf": lambda: init.create(
        '["normal", {"sigma": -Infinity}]'
    ),
    "Normal: sigma is a finite number of at least 0, not -2": lambda: init.create("normal", sigma=-2),
    "'[3, {}]' is not the JSON text of an initializer": lambda: init.create("[3, {}]"),
    # in place
    "uniform_: a is at most b, not 2 with b=1": lambda: init.uniform_(weight(), 2, 1),
    "uniform_: b is a finite number, not 'x'": lambda: init.uniform_(weight(), 0, "x"),
    "normal_: std is a finite number of at least 0, not -1": lambda: init.normal_(weight(), std=-1),
    "Normal: mean is a finite number, not 'x'": lambda: init.normal_(weight(), "x"),
    "trunc_normal_: std is a finite number of at least 0, not None": lambda: init.trunc_normal_(
        weight(), 0, None
    ),
    "constant_: val is a real number or an array of them, not 'x'": lambda: init.constant_(weight(), "x"),
    "xavier_uniform_: gain is a finite number, not 'x'": lambda: init.xavier_uniform_(weight(), "x"),
    "xavier_normal_: gain is a finite number, not inf": lambda: init.xavier_normal_(weight(), INF),
    "kaiming_uniform_: a is a finite number, not 'x'": lambda: init.kaiming_uniform_(weight(), "x"),
    "kaiming_normal_: a is a finite number, not nan": lambda: init.kaiming_normal_(weight(), NAN),
    "mode is 'fan_in' or 'fan_out', not 'in'": lambda: init.kaiming_normal_(weight(), mode="in"),
    "nonlinearity is one of linear, sigmoid, tanh, relu, leaky_relu, selu, not []": lambda: (
        init.kaiming_normal_(weight(), nonlinearity=[])
    ),
    "orthogonal_: gain is a finite number of at least 0, not -1": lambda: init.orthogonal_(weight(), -1),
}


def weight():
    return nn.Dense(3, in_units=5).weight


@pytest.mark.parametrize("message", REFUSED)
def test_refused_when_made(message):
    with pytest.raises(ParameterError) as caught:
        REFUSED[message]()
    assert caught.value.message == message
    assert caught.value.code == "GI405"
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "huge", [lambda: init.Normal(10**400), lambda: init.Constant(10**400), lambda: init.Constant("a" * 9999)]
)
def test_long_values_are_shown_in_short(huge):
    with pytest.raises(ParameterError) as caught:
        huge()
    assert len(caught.value.message) < 160
    assert caught.value.message.endswith("...")


@pytest.mark.parametrize(
    "number", [np.float32(0.5), np.float64(0.5), np.array(0.5), fractions.Fraction(1, 2)]
)
def test_numpys_numbers_are_numbers(number):
    for made in (
        init.Normal(number),
        init.Uniform(number),
        init.Xavier(magnitude=number),
        init.Constant(number),
    ):
        assert init.create(made.dumps()) == made
        assert set(map(type, json.loads(made.dumps())[1].values())) <= {str, float}
    assert init.Normal(np.int64(2)) == init.Normal(2)
    assert init.Normal(np.int64(2)).dumps() == '["normal", {"sigma": 2}]'


def test_a_constant_may_be_infinite():
    assert init.draw(init.Constant(-INF), "mask", (3,), "float32").tolist() == [-INF] * 3
    made = init.Constant([np.float32(1), 2])
    assert init.create(made.dumps()) == made
    assert init.draw(made, "w", (3, 2), "float32").tolist() == [[1, 2]] * 3


def test_a_bad_argument_changes_nothing():
    net = nn.Dense(3, in_units=5)
    net.initialize("ones")
    for act in (
        lambda: net.initialize('["normal", {"sigma": -1}]', force_reinit=True),
        lambda: init.normal_(net.weight, std=-1),
        lambda: net.weight.initialize('["uniform", {"scale": "x"}]', force_reinit=True),
    ):
        with pytest.raises(ParameterError):
            act()
    assert (net.weight.data() == 1).all()


def test_a_files_notes_are_checked_like_arguments(tmp_path):
    net = nn.Sequential(nn.Dense(3))
    net.initialize(init.Normal(0.5))
    net.save_parameters(tmp_path / "net")
    with open_archive(tmp_path / "net") as contents:
        arrays = {name: stored.read() for name, stored in contents.arrays.items()}
        notes = contents.notes.value
    notes["deferred"]["0.weight"]["init"] = '["normal", {"sigma": -0.5}]'
    write_archive(tmp_path / "bad", Archive(arrays, notes), "safetensors")
    with pytest.raises(FileError, match=r"deferred.*sigma is a finite number of at least 0, not -0\.5"):
        nn.Sequential(nn.Dense(3)).load_parameters(tmp_path / "bad")


def test_an_initializer_of_ones_own_checks_itself():
    class Own(init.Initializer):
        def __init__(self, value):
            super().__init__(value=value)

        def _init_weight(self, name, data):
            data[:] = 2

    parameter = Parameter("w", shape=(2,))
    parameter.initialize(Own("anything"))
    assert parameter.data().tolist() == [2, 2]


class Kept(init.Initializer):
    """As users write them: without a call of the base class's __init__."""

    def __init__(self, value):
        self.value = value

    def _init_weight(self, name, data):
        data[:] = self.value


class Called(Kept):
    def __init__(self, value):
        init.Initializer.__init__(self)
        super().__init__(value)


@pytest.mark.parametrize("kind", [Kept, Called])
def test_initializers_of_users_are_told_apart_and_shown(kind):
    assert kind(2) == kind(2) != kind(3)
    assert hash(kind(2)) == hash(kind(2))
    assert repr(kind(2)).startswith(kind.__name__)
    one, other = (nn.Dense(3, in_units=5, weight_initializer=kind(value)).trace(x=(2, 5)) for value in (2, 3))
    assert one != other
    assert kind.__name__ in str(one)


@pytest.mark.parametrize(
    ("initializer", "dtype"),
    [
        (init.Normal(1e6), "float16"), (init.Uniform(1e40), "float32"), (init.Constant(1e40), "float32"),
        (init.Constant(np.array([1e6])), "float16"), (Kept(np.nan), "float32"), (Kept(-np.inf), "float64"),
        (Kept(70000), "float16"), (init.Xavier(magnitude=1e300), "float32"),
    ],
)  # fmt: skip
def test_values_that_the_dtype_does_not_hold_are_refused(initializer, dtype):
    net = nn.Dense(3, in_units=5, dtype=dtype)
    net.initialize("ones")
    with pytest.raises(ParameterError, match=f"GI404.*weight.*\n.*{dtype}"):
        net.weight.initialize(initializer, force_reinit=True)
    assert (net.weight.data() == 1).all()


class Handed(init.Initializer):
    """As Gluon's: its arguments are handed to the base class."""

    def __init__(self, value=2):
        super().__init__(value=value)
        self.value = value

    def _init_weight(self, name, data):
        data[:] = self.value


class Silent(Handed):
    """Registered, and made again from its name it would be another one."""

    def __init__(self, value=2):
        init.Initializer.__init__(self)
        self.value = value


def test_a_registered_initializer_is_written_down_where_its_text_makes_an_equal_one(monkeypatch, tmp_path):
    monkeypatch.setattr(base, "_registry", dict(base._registry))
    init.register(Handed)
    init.register(Silent)

    def of_layer(own):
        return nn.Dense(3, weight_initializer=own).trace(x=(2, 5))

    def of_function(own):
        return Graph(F.linear(F.input("x", (2, 5)), F.parameter("weight", (3, -1), init=own)))

    for make in of_layer, of_function:
        graph = make(Handed(7))
        assert graph["weight"].attrs["init"] == '["handed", {"value": 7}]'
        assert Graph.from_json(graph.to_json()) == graph
        for own in Silent(7), init.preset("keras"):
            assert make(own)["weight"].attrs["init"] is own
            with pytest.raises(GraphError, match="an attribute that JSON cannot say"):
                make(own).to_json()
    waiting, again = nn.Dense(3), nn.Dense(3)
    waiting.initialize(Handed(7))
    waiting.save_parameters(tmp_path / "waiting.npz")
    again.load_parameters(tmp_path / "waiting.npz")
    again.infer_shape((2, 5))
    assert (again.weight.data() == 7).all()
    waiting.initialize(Silent(7), force_reinit=True)
    with pytest.raises(DeferredInitializationError):
        waiting.save_parameters(tmp_path / "waiting.npz")


def test_limits_belong_to_what_is_taken():
    assert init.Normal(0).sigma == 0
    assert init.Uniform(0).scale == 0
