"""Document 001, "Parameter Initialization": one lesson in four frameworks, side by side.

The cells of MXNet stand as in the document but for imports (``import numpy as np``, ``from graphinit import init,
nn``), and their random numbers are replayed: in the test ``np.random.uniform`` is `graphinit.random.uniform`, as
MXNet's ``np`` is its own.

The cells of PyTorch, Flax and Keras are in the spelling of this project: layers (``nn.Dense`` for ``nn.Linear``,
``nn.LazyLinear`` and ``keras.layers.Dense``; ``weight_initializer=`` for ``kernel_init=`` and
``kernel_initializer=``), activations (``F.relu`` for ``nn.relu`` and ``tf.nn.relu``), and how values are looked at
(``weight.data()``, whose first row is the first column of a kernel).  Their own functions and initializers stand
as they are; PyTorch's module ``nn.init`` is ``init``, and ``tf`` for random numbers ``keras``.  What is printed are
the document's outputs, whose random numbers nobody can draw again.

Flax's and Keras's cells run on JAX and Keras where these are installed, and on stand-ins of equal signatures.
"""

import os
import sys
import warnings
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from graphinit import functional as F
from graphinit import init, nn, random
from graphinit.errors import GraphInitError, SpellingError

from .lesson import Lesson

# ---------------------------------------------------------------------- PyTorch

PYTORCH = """
[1]:
import numpy as np
from graphinit import init, nn

[2]:
net = nn.Sequential(nn.Dense(8), nn.ReLU(), nn.Dense(1))
net.initialize(init.preset("pytorch"))
X = np.random.uniform(size=(2, 4))
net(X).shape
=>
(2, 1)

--- Built-in Initialization

[3]:
def init_normal(module):
    if type(module) == nn.Dense:
        init.normal_(module.weight, mean=0, std=0.01)
        init.zeros_(module.bias)
net.apply(init_normal)
net[0].weight.data()[0], net[0].bias.data()[0]
=> like
(tensor([-0.0129, -0.0007, -0.0033, 0.0276]), tensor(0.))

[4]:
def init_constant(module):
    if type(module) == nn.Dense:
        init.constant_(module.weight, 1)
        init.zeros_(module.bias)
net.apply(init_constant)
net[0].weight.data()[0], net[0].bias.data()[0]
=>
(tensor([1., 1., 1., 1.]), tensor(0.))

[5]:
def init_xavier(module):
    if type(module) == nn.Dense:
        init.xavier_uniform_(module.weight)
def init_42(module):
    if type(module) == nn.Dense:
        init.constant_(module.weight, 42)
net[0].apply(init_xavier)
net[2].apply(init_42)
print(net[0].weight.data()[0])
print(net[2].weight.data())
=> like
tensor([-0.0974, 0.1707, 0.5840, -0.5032])
tensor([[42., 42., 42., 42., 42., 42., 42., 42.]])

--- Custom Initialization

[6]:
def my_init(module):
    if type(module) == nn.Dense:
        print("Init", *[(name, param.shape)
                        for name, param in module.named_parameters()][0])
        init.uniform_(module.weight, -10, 10)
        module.weight.data()[:] *= np.abs(module.weight.data()) >= 5
net.apply(my_init)
net[0].weight.data()[:2]
=> like
Init weight (8, 4)
Init weight (1, 8)
tensor([[ 0.0000, -7.6364, -0.0000, -6.1206], [ 9.3516, -0.0000, 5.1208, -8.4003]])

[7]:
net[0].weight.data()[:] += 1
net[0].weight.data()[0, 0] = 42
net[0].weight.data()[0]
=> like
tensor([42.0000, -6.6364, 1.0000, -5.1206])
"""

# ---------------------------------------------------------------------- MXNet

MXNET = """
[1]:
import numpy as np
from graphinit import init, nn

[2]:
net = nn.Sequential()
net.add(nn.Dense(8, activation='relu'))
net.add(nn.Dense(1))
net.initialize() # Use the default initialization method
X = np.random.uniform(size=(2, 4))
net(X).shape
=>
(2, 1)

--- Built-in Initialization

[3]:
# Here force_reinit ensures that parameters are freshly initialized even if
# they were already initialized previously
net.initialize(init=init.Normal(sigma=0.01), force_reinit=True)
net[0].weight.data()[0]
=>
array([ 0.00354961, -0.00614133, 0.0107317 , 0.01830765])

[4]:
net.initialize(init=init.Constant(1), force_reinit=True)
net[0].weight.data()[0]
=>
array([1., 1., 1., 1.])

[5]:
net[0].weight.initialize(init=init.Xavier(), force_reinit=True)
net[1].initialize(init=init.Constant(42), force_reinit=True)
print(net[0].weight.data()[0])
print(net[1].weight.data())
=>
[-0.26102373 0.15249556 -0.19274211 -0.24742058]
[[42. 42. 42. 42. 42. 42. 42. 42.]]

--- Custom Initialization

[6]:
class MyInit(init.Initializer):
    def _init_weight(self, name, data):
        print('Init', name, data.shape)
        data[:] = np.random.uniform(-10, 10, data.shape)
        data *= np.abs(data) >= 5
net.initialize(MyInit(), force_reinit=True)
net[0].weight.data()[:2]
=>
Init weight (8, 4)
Init weight (1, 8)
array([[-6.0683527, 8.991421 , -0. , 0. ],
       [ 6.4198647, -9.728567 , -8.057975 , 0. ]])

[7]:
net[0].weight.data()[:] += 1
net[0].weight.data()[0, 0] = 42
net[0].weight.data()[0]
=>
array([42. , 9.991421, 1. , 1. ])
"""

# ---------------------------------------------------------------------- JAX and Flax

FLAX = """
[1]:
import jax
from jax import numpy as jnp
from jax.nn import initializers
import numpy as np
from graphinit import functional as F, init, nn

[2]:
net = nn.Sequential([nn.Dense(8), F.relu, nn.Dense(1)])
X = np.random.uniform(size=(2, 4))
net.initialize(init.preset("flax"))
net(X).shape
=>
(2, 1)

--- Built-in Initialization

[3]:
weight_init = initializers.normal(0.01)
bias_init = initializers.zeros
net = nn.Sequential([nn.Dense(8, weight_initializer=weight_init, bias_initializer=bias_init),
                     F.relu,
                     nn.Dense(1, weight_initializer=weight_init, bias_initializer=bias_init)])
net.initialize()
net(X)
net[0].weight.data()[0], net[0].bias.data()[0]
=> like
(Array([ 0.00457076, 0.01890736, -0.0014968 , 0.00327491], dtype=float32), Array(0., dtype=float32))

[4]:
weight_init = initializers.constant(1)
net = nn.Sequential([nn.Dense(8, weight_initializer=weight_init, bias_initializer=bias_init),
                     F.relu,
                     nn.Dense(1, weight_initializer=weight_init, bias_initializer=bias_init)])
net.initialize()
net(X)
net[0].weight.data()[0], net[0].bias.data()[0]
=>
(Array([1., 1., 1., 1.], dtype=float32), Array(0., dtype=float32))

[5]:
net = nn.Sequential([nn.Dense(8, weight_initializer=initializers.xavier_uniform(), bias_initializer=bias_init),
                     F.relu,
                     nn.Dense(1, weight_initializer=initializers.constant(42), bias_initializer=bias_init)])
net.initialize()
net(X)
net[0].weight.data()[0], net[2].weight.data().T
=> like
(Array([ 0.38926104, -0.4023119 , -0.41848803, -0.6341998 ], dtype=float32),
 Array([[42.], [42.], [42.], [42.], [42.], [42.], [42.], [42.]], dtype=float32))

--- Custom Initialization

[6]:
def my_init(key, shape, dtype=jnp.float_):
    data = jax.random.uniform(key, shape, minval=-10, maxval=10)
    return data * (jnp.abs(data) >= 5)
net = nn.Sequential([nn.Dense(8, weight_initializer=my_init), F.relu, nn.Dense(1)])
net.initialize()
net(X)
print(net[0].weight.data().T[:, :2])
=> like
[[ 0. -5.891962 ]
 [ 0. -9.597271 ]
 [-5.809202 6.3091564]
 [ 0. 0. ]]
"""

# ---------------------------------------------------------------------- TensorFlow and Keras

KERAS = """
[1]:
import keras
import numpy as np
from graphinit import functional as F, init, nn

[2]:
net = nn.Sequential([
    nn.Flatten(),
    nn.Dense(4, activation=F.relu),
    nn.Dense(1),
])
X = np.random.uniform(size=(2, 4))
net.initialize(init.preset("keras"))
net(X).shape
=>
(2, 1)

--- Built-in Initialization

[3]:
net = nn.Sequential([
    nn.Flatten(),
    nn.Dense(
        4, activation=F.relu,
        weight_initializer=keras.initializers.RandomNormal(mean=0, stddev=0.01),
        bias_initializer=keras.initializers.Zeros()),
    nn.Dense(1)])
net.initialize()
net(X)
net[1].weight.data().shape, net[1].bias.data()
=>
((4, 4), array([0., 0., 0., 0.]))

[4]:
net = nn.Sequential([
    nn.Flatten(),
    nn.Dense(
        4, activation=F.relu,
        weight_initializer=keras.initializers.Constant(1),
        bias_initializer=keras.initializers.Zeros()),
    nn.Dense(1),
])
net.initialize()
net(X)
net[1].weight.data(), net[1].bias.data()
=>
(array([[1., 1., 1., 1.],
        [1., 1., 1., 1.],
        [1., 1., 1., 1.],
        [1., 1., 1., 1.]]), array([0., 0., 0., 0.]))

[5]:
net = nn.Sequential([
    nn.Flatten(),
    nn.Dense(
        4, activation=F.relu,
        weight_initializer=keras.initializers.GlorotUniform()),
    nn.Dense(
        1, weight_initializer=keras.initializers.Constant(42)),
])
net.initialize()
net(X)
print(net[1].weight.data().shape)
print(net[2].weight.data())
=>
(4, 4)
[[42. 42. 42. 42.]]

--- Custom Initialization

[6]:
class MyInit(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        data=keras.random.uniform(shape, -10, 10, dtype=dtype)
        factor=(keras.ops.abs(data) >= 5)
        factor=keras.ops.cast(factor, "float32")
        return data * factor
net = nn.Sequential([
    nn.Flatten(),
    nn.Dense(
        4, activation=F.relu,
        weight_initializer=MyInit()),
    nn.Dense(1),
])
net.initialize()
net(X)
print(net[1].weight.data().shape)
=>
(4, 4)

[7]:
net[1].weight.assign(net[1].weight.data() + 1)
net[1].weight.data()[0, 0] = 42
net[1].weight
=>
Parameter (shape=(4, 4), dtype=float32)
"""


def values_after(lesson, *cells):
    """Run a lesson cell by cell; give the first dense layer's weights after each of some cells."""
    found = []
    for number, (source, *_) in lesson.cells().items():
        lesson.run(source, f"[{number}]")
        if number in cells:
            dense = next(block for block in lesson.names["net"] if isinstance(block, nn.Dense))
            found.append(dense.weight.data().copy())
    return found


def assert_bizarre(values):
    """Check that values are those of U(5, 10), 0 and U(-10, -5)."""
    sizes = np.abs(values[values != 0])
    assert 0 < sizes.size < values.size
    assert sizes.min() >= 5
    assert sizes.max() <= 10


# ---------------------------------------------------------------------- the tests


class TestPyTorch:
    def test_every_cell_shows_what_the_document_shows(self):
        lesson = Lesson(PYTORCH).check()
        assert len(lesson.cells()) == 7
        assert lesson.warned == []

    def test_the_values_are_those_of_the_initializers(self):
        normal, ones, xavier, bizarre, changed = values_after(Lesson(PYTORCH), *"34567")
        assert 0 < np.abs(normal).max() < 0.06
        assert (ones == 1).all()
        assert 0.5 < np.abs(xavier).max() <= np.sqrt(6 / (4 + 8))
        assert_bizarre(bizarre)
        assert changed[0, 0] == 42
        np.testing.assert_array_equal(changed.flat[1:], bizarre.flat[1:] + 1)

    def test_the_default_is_uniform_by_the_number_of_inputs(self):
        net = nn.Dense(500, in_units=100)
        net.initialize(init.preset("pytorch"))
        for parameter in net.parameters():
            assert 0.098 < np.abs(parameter.data()).max() <= 0.1

    def test_data_without_a_call_says_what_to_write(self):
        net = nn.Sequential(nn.Dense(8, in_units=4))
        net.initialize()
        before = net[0].weight.data().copy()
        words = "data is a method here; write data(), as in weight.data()[0]"

        def index():
            return net[0].weight.data[0]

        def set_one():
            net[0].weight.data[0, 0] = 42

        def multiply():
            net[0].weight.data *= np.abs(before) >= 5

        def add():
            net[0].weight.data[:] += 1

        def call_abs():
            return net[0].weight.data.abs() >= 5

        for line in (index, set_one, multiply, add, call_abs):
            with pytest.raises(SpellingError) as caught:
                line()
            assert caught.value.message == words
        with pytest.raises(SpellingError, match=r"data is a method here; write weight.set_data\(values\)"):
            net[0].weight.data = before
        np.testing.assert_array_equal(net[0].weight.data(), before)


class TestMXNet:
    @pytest.fixture
    def lesson(self, monkeypatch):
        monkeypatch.setattr(np.random, "uniform", random.uniform)
        with random.scheme("mxnet-np", seed=0):
            yield Lesson(MXNET)

    def test_every_cell_shows_what_the_document_shows(self, lesson):
        assert len(lesson.check().cells()) == 7
        assert lesson.warned == []

    def test_the_default_is_uniform_and_biases_are_zero(self):
        net = nn.Dense(500, in_units=100)
        net.initialize()
        assert 0.0699 < np.abs(net.weight.data()).max() <= 0.07
        assert not net.bias.data().any()


@pytest.fixture(params=["JAX", "a stand-in"])
def jax(request, monkeypatch):
    """JAX, or what looks like it: keys are generators, and arrays NumPy's."""
    if request.param == "JAX":
        return pytest.importorskip("jax")

    def uniform(key, shape, dtype=np.float32, minval=0.0, maxval=1.0):
        return np.random.default_rng(key).uniform(minval, maxval, shape).astype(dtype)

    def normal(stddev):
        def draw(key, shape, dtype=np.float32, out_sharding=None):
            return np.random.default_rng(key).normal(0, stddev, shape).astype(dtype)

        return draw

    def constant(value):
        def draw(key, shape, dtype=np.float32, out_sharding=None):
            return np.full(shape, value, dtype)

        return draw

    def xavier_uniform():
        def draw(key, shape, dtype=np.float32, out_sharding=None):
            limit = np.sqrt(6 / sum(shape))
            return uniform(key, shape, dtype, -limit, limit)

        return draw

    made = ModuleType("jax")
    made.random = SimpleNamespace(
        key=lambda word: [int(word)], fold_in=lambda key, word: [*key, int(word)], uniform=uniform
    )
    made.numpy = SimpleNamespace(float_=np.float32, abs=np.abs)
    made.nn = ModuleType("jax.nn")
    made.nn.initializers = SimpleNamespace(
        normal=normal, constant=constant, zeros=constant(0), xavier_uniform=xavier_uniform
    )
    monkeypatch.setitem(sys.modules, "jax", made)
    monkeypatch.setitem(sys.modules, "jax.nn", made.nn)
    return made


class TestFlax:
    def test_every_cell_shows_what_the_document_shows(self, jax):
        lesson = Lesson(FLAX).check()
        assert len(lesson.cells()) == 6
        assert lesson.warned == []

    def test_the_values_are_those_of_the_initializers(self, jax):
        normal, ones, xavier, bizarre = values_after(Lesson(FLAX), *"3456")
        assert 0 < np.abs(normal).max() < 0.06
        assert (ones == 1).all()
        assert 0.5 < np.abs(xavier).max() <= np.sqrt(6 / (4 + 8))
        assert_bizarre(bizarre)

    def test_a_function_of_a_key_draws_anew_for_each_network_and_each_force_reinit(self, jax):
        def my_init(key, shape, dtype=np.float32):
            return jax.random.uniform(key, shape, minval=-10, maxval=10)

        nets = [nn.Dense(8, in_units=4, weight_initializer=my_init) for _ in range(2)]
        for net in nets:
            net.initialize()
        drawn = [net.weight.data().copy() for net in nets]
        nets[0].initialize(force_reinit=True)
        drawn.append(nets[0].weight.data().copy())
        for i, values in enumerate(drawn):
            assert all((values != other).any() for other in drawn[:i])
        for net in nets:
            net.initialize(force_reinit=True, seed=7)
        np.testing.assert_array_equal(nets[0].weight.data(), nets[1].weight.data())

    def test_without_jax_a_key_is_an_error_that_says_so(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "jax", None)
        net = nn.Dense(8, in_units=4, weight_initializer=lambda key, shape, dtype: np.zeros(shape, dtype))
        with pytest.raises(GraphInitError, match="JAX"):
            net.initialize()
        assert not net.weight.is_waiting

    def test_our_own_functions_take_a_generator(self):
        def my_init(rng, shape, dtype=np.float32):
            data = rng.uniform(-10, 10, shape)
            return (data * (np.abs(data) >= 5)).astype(dtype)

        net = nn.Sequential([nn.Dense(8, weight_initializer=my_init), F.relu, nn.Dense(1)])
        net.initialize()
        assert net(np.ones((2, 4))).shape == (2, 1)
        assert_bizarre(net[0].weight.data())

    def test_the_default_has_the_deviation_of_lecun(self):
        net = nn.Dense(500, in_units=100)
        net.initialize(init.preset("flax"))
        assert abs(net.weight.data().std() - 0.1) < 0.002
        assert not net.bias.data().any()

    def test_names_of_flax_say_what_to_write(self):
        for name, ours in (("kernel_init", "weight_initializer="), ("bias_init", "bias_initializer=")):
            with pytest.raises(SpellingError, match=f"Dense has no argument '{name}' here; write {ours}"):
                nn.Dense(8, **{name: init.Zero()})
        with pytest.raises(SpellingError, match=r"has no init here; write net\.initialize\(\)"):
            nn.Sequential(nn.Dense(8)).init(None, np.ones((2, 4)))


@pytest.fixture(params=["Keras", "a stand-in"])
def keras(request, monkeypatch):
    """Keras, or what looks like it."""
    if request.param == "Keras":
        if "keras" not in sys.modules:
            monkeypatch.setitem(os.environ, "KERAS_BACKEND", os.environ.get("KERAS_BACKEND", "numpy"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what other packages warn of when they are loaded
            return pytest.importorskip("keras")

    rng = np.random.default_rng(0)

    class Initializer:
        def __call__(self, shape, dtype=None):
            raise NotImplementedError

    class RandomNormal(Initializer):
        def __init__(self, mean=0.0, stddev=0.05, seed=None):
            self.mean, self.stddev = mean, stddev

        def __call__(self, shape, dtype=None):
            return rng.normal(self.mean, self.stddev, shape).astype(dtype)

    class Constant(Initializer):
        def __init__(self, value=0.0):
            self.value = value

        def __call__(self, shape, dtype=None):
            return np.full(shape, self.value, dtype)

    class Zeros(Constant):
        pass

    class GlorotUniform(Initializer):
        def __call__(self, shape, dtype=None):
            limit = np.sqrt(6 / sum(shape))
            return rng.uniform(-limit, limit, shape).astype(dtype)

    made = ModuleType("keras")
    kinds = (Initializer, RandomNormal, Constant, Zeros, GlorotUniform)
    made.initializers = SimpleNamespace(**{kind.__name__: kind for kind in kinds})
    made.random = SimpleNamespace(
        uniform=lambda shape, minval, maxval, dtype=None: rng.uniform(minval, maxval, shape).astype(dtype)
    )
    made.ops = SimpleNamespace(abs=np.abs, cast=lambda x, dtype: x.astype(dtype))
    monkeypatch.setitem(sys.modules, "keras", made)
    return made


class TestKeras:
    def test_every_cell_shows_what_the_document_shows(self, keras):
        lesson = Lesson(KERAS).check()
        assert len(lesson.cells()) == 7
        assert lesson.warned == []

    def test_the_values_are_those_of_the_initializers(self, keras):
        normal, ones, glorot, bizarre, changed = values_after(Lesson(KERAS), *"34567")
        assert 0 < np.abs(normal).max() < 0.06
        assert (ones == 1).all()
        assert 0.5 < np.abs(glorot).max() <= np.sqrt(6 / (4 + 4))
        assert_bizarre(bizarre)
        assert changed[0, 0] == 42
        np.testing.assert_array_equal(changed.flat[1:], bizarre.flat[1:] + 1)

    def test_an_initializer_of_keras_draws_anew_for_each_network(self, keras):
        made = keras.initializers.RandomNormal(mean=0, stddev=0.01)
        nets = [nn.Dense(4, in_units=6, weight_initializer=made) for _ in range(2)]
        for net in nets:
            net.initialize()
        assert (nets[0].weight.data() != nets[1].weight.data()).any()

    def test_the_default_is_uniform_by_the_numbers_of_inputs_and_outputs(self):
        net = nn.Dense(500, in_units=100)
        net.initialize(init.preset("keras"))
        assert 0.099 < np.abs(net.weight.data()).max() <= 0.1
        assert not net.bias.data().any()

    def test_names_of_keras_say_what_to_write(self):
        with pytest.raises(
            SpellingError, match="no argument 'kernel_initializer' here; write weight_initializer="
        ):
            nn.Dense(4, kernel_initializer=init.Xavier())
        net = nn.Sequential([nn.Flatten(), nn.Dense(4)])
        with pytest.raises(SpellingError, match=r"has no layers here; write net\[0\]"):
            net.layers[1]
        with pytest.raises(SpellingError, match=r"has no weights here; write net.collect_params\(\)"):
            net.weights[0]

    def test_assign_gives_values_and_returns_the_parameter(self):
        net = nn.Dense(4)
        assert net.weight.assign(np.ones((4, 3))) is net.weight
        assert net.weight.shape == (4, 3)
        with pytest.raises(GraphInitError, match=r"shape \(4, 5\) does not fit"):
            net.weight.assign(np.ones((4, 5)))
        assert (net.weight.data() == 1).all()
        tied = net.weight.T
        assert tied.assign(np.zeros((3, 4))) is tied
        assert not net.weight.data().any()
