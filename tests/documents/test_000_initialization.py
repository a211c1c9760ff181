"""Document 000, "Initialization": the newest telling in Gluon.

The cells stand as in the document; only the first differs, which imports: ``from mxnet import init, np`` and
``from mxnet.gluon import nn`` have become ``import numpy as np`` and ``from graphinit import init, nn``.
Its random numbers cannot be drawn again (no seed of MXNet gives them), so that only their places are compared;
what they are drawn from is tested below the lesson.  The warning that MXNet gives when a tied layer is first
initialised is left out: nothing is ignored there.
"""

import itertools

import numpy as np
import pytest

import graphinit
from graphinit import autograd, init, nn
from graphinit.errors import DeferredInitializationError, UninitializedError

from .lesson import Lesson

LESSON = """
--- Instantiating a Network

[1]:
import numpy as np
from graphinit import init, nn


def getnet():
    net = nn.Sequential()
    net.add(nn.Dense(256, activation='relu'))
    net.add(nn.Dense(10))
    return net

net = getnet()

[2]:
print(net.collect_params())
=>
{'0.weight': Parameter (shape=(256, -1), dtype=float32), '0.bias': Parameter (shape=(256,), dtype=float32), '1.weight': Parameter (shape=(10, -1), dtype=float32), '1.bias': Parameter (shape=(10,), dtype=float32)}

[3]:
net.initialize()
net.collect_params()
=>
{'0.weight': Parameter (shape=(256, -1), dtype=float32),
 '0.bias': Parameter (shape=(256,), dtype=float32),
 '1.weight': Parameter (shape=(10, -1), dtype=float32),
 '1.bias': Parameter (shape=(10,), dtype=float32)}

[4]:
x = np.random.uniform(size=(2, 20))
net(x)  # Forward computation
print(net.collect_params())
=>
{'0.weight': Parameter (shape=(256, 20), dtype=float32), '0.bias': Parameter (shape=(256,), dtype=float32), '1.weight': Parameter (shape=(10, 256), dtype=float32), '1.bias': Parameter (shape=(10,), dtype=float32)}

--- Deferred Initialization in Practice

[5]:
class MyInit(init.Initializer):
    def _init_weight(self, name, data):
        print('Init', name, data.shape)
        # The actual initialization logic is omitted here.

net = getnet()
net.initialize(init=MyInit())
=>

[6]:
x = np.random.uniform(size=(2, 20))
y = net(x)
=>
Init weight (256, 20)
Init weight (10, 256)

[7]:
y = net(x)
=>

--- Forced Initialization

[8]:
net.initialize(init=MyInit(), force_reinit=True)
=>
Init weight (256, 20)
Init weight (10, 256)

[9]:
net = nn.Sequential()
net.add(nn.Dense(256, in_units=20, activation='relu'))
net.add(nn.Dense(10, in_units=256))

net.initialize(init=MyInit())
=>
Init weight (256, 20)
Init weight (10, 256)

--- Built-in Initialization

[10]:
# force_reinit ensures that the variables are initialized again, regardless of
# whether they were already initialized previously.
net.initialize(init=init.Normal(sigma=0.01), force_reinit=True)
print(net[0].weight.data()[0])
=> like
[ 0.00267808  0.00041055 -0.00435571 -0.00582388  0.00668746 -0.00819734
 -0.0049379   0.00828357  0.00697993 -0.01395126  0.00758456 -0.00089832
  0.00114823  0.01394226 -0.01350909  0.01093321  0.010512   -0.01405186
 -0.00102349  0.00497417]

[11]:
net.initialize(init=init.Constant(1), force_reinit=True)
net[0].weight.data()[0]
=>
array([1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.,
       1., 1., 1.])

[12]:
net[0].weight.initialize(init=init.Xavier(), force_reinit=True)
net[1].initialize(init=init.Constant(42), force_reinit=True)

# First layer
print(net[0].weight.data()[0])
print(net[0].bias.data()[0])  # initialized to 0

# Second layer
print(net[1].weight.data()[0,0])
print(net[1].bias.data()[0])  # initialized to 0
=> like
[-0.10605425 -0.04578616 -0.06133834 -0.06036376 -0.11265133 -0.07754673
 -0.06069804  0.14513943  0.08760884 -0.03520384 -0.07174218  0.13920212
  0.0969938   0.08525378 -0.05766197 -0.12251727  0.06729299 -0.08634925
 -0.08256494 -0.04841156]
0.0
42.0
0.0

--- Custom Initialization

[13]:
class MyInit(init.Initializer):
    def _init_weight(self, name, data):
        print('Init', name, data.shape)
        data[:] = np.random.uniform(low=-10, high=10, size=data.shape)
        data *= np.abs(data) >= 5

net.initialize(MyInit(), force_reinit=True)
net[0].weight.data()[0]
=> like
Init weight (256, 20)
Init weight (10, 256)
array([ 0.       , -9.587537 ,  5.8298836, -0.       , -5.893178 ,
        5.8981   , -8.595652 ,  0.       , -0.       ,  0.       ,
       -0.       ,  0.       ,  0.       ,  5.394665 ,  9.243319 ,
       -0.       , -8.316738 ,  6.274517 , -0.       ,  5.1410913])

[14]:
net[0].weight.data()[:] += 1
net[0].weight.data()[0,0] = 42
net[0].weight.data()[0]
=> like
array([42.       , -8.587537 ,  6.8298836,  1.       , -4.893178 ,
        6.8981   , -7.5956516,  1.       ,  1.       ,  1.       ,
        1.       ,  1.       ,  1.       ,  6.394665 , 10.243319 ,
        1.       , -7.316738 ,  7.274517 ,  1.       ,  6.1410913])

--- Tied Parameters

[15]:
net = nn.Sequential()
# We need to give the shared layer a name such that we can reference its
# parameters.
shared = nn.Dense(8, activation='relu')
net.add(nn.Dense(8, activation='relu'),
        shared,
        nn.Dense(8, activation='relu').share_parameters(shared.params),
        nn.Dense(10))
net.initialize()

x = np.random.uniform(size=(2, 20))
net(x)

# Check whether the parameters are the same.
print(net[1].weight.data()[0] == net[2].weight.data()[0])
net[1].weight.data()[0,0] = 100
# And make sure that they're actually the same object rather than just having
# the same value.
print(net[1].weight.data()[0] == net[2].weight.data()[0])
=>
[ True  True  True  True  True  True  True  True]
[ True  True  True  True  True  True  True  True]
"""


@pytest.fixture(scope="module")
def lesson():
    return Lesson(LESSON).check()


def getnet():
    net = nn.Sequential()
    net.add(nn.Dense(256, activation="relu"))
    net.add(nn.Dense(10))
    return net


def test_every_cell_shows_what_the_document_shows(lesson):
    assert len(lesson.cells()) == 15


def test_no_cell_warns(lesson):
    assert lesson.warned == []


def test_initializing_again_warns_once_for_each_parameter(lesson):
    with pytest.warns(UserWarning, match="already initialized") as caught:
        lesson.names["net"].initialize()
    words = "Parameter '{}' is already initialized, ignoring. Set force_reinit=True to re-initialize."
    assert [str(warning.message) for warning in caught] == [
        words.format(name) for _, name in itertools.product(range(3), ("weight", "bias"))
    ]


# ---------------------------------------------------------------------- what the text says


def test_data_before_initialize_and_before_the_first_call_are_runtime_errors():
    net = getnet()
    with pytest.raises(RuntimeError, match="call initialize") as caught:
        net[0].weight.data()
    assert type(caught.value) is UninitializedError
    net.initialize()
    with pytest.raises(RuntimeError, match="waits for its shape") as caught:
        net[0].weight.data()
    assert type(caught.value) is DeferredInitializationError


def test_the_input_size_may_be_stated():
    net = nn.Dense(256, activation="relu", in_units=20)
    assert net.weight.shape == (256, 20)
    net.initialize()
    assert net.weight.data().shape == (256, 20)


def test_weights_are_uniform_and_biases_zero_by_default():
    net = getnet()
    net.initialize()
    net(np.ones((2, 20)))
    for layer in net:
        weight = layer.weight.data()
        assert np.abs(weight).max() <= 0.07
        assert np.abs(weight).max() > 0.069
        assert abs(weight.mean()) < 0.005
        assert not layer.bias.data().any()


def test_the_built_in_initializers_draw_what_they_say():
    net = getnet()
    net.initialize(init=init.Normal(sigma=0.01))
    net(np.ones((2, 20)))
    values = net[0].weight.data()
    assert abs(values.std() - 0.01) < 0.0005
    assert abs(values.mean()) < 0.0005
    net[0].weight.initialize(init=init.Xavier(), force_reinit=True)
    limit = np.sqrt(3 / ((256 + 20) / 2))
    assert 0.98 * limit < np.abs(net[0].weight.data()).max() <= limit
    net[1].initialize(init=init.Constant(42), force_reinit=True)
    assert (net[1].weight.data() == 42).all()
    assert not net[1].bias.data().any()


def test_the_bizarre_distribution_is_the_one_of_the_formula(lesson):
    net = getnet()
    net.initialize(lesson.names["MyInit"]())
    net(np.ones((2, 20)))
    values = net[0].weight.data()
    small, low, high = values == 0, values < 0, values > 0
    assert (np.abs(values[~small]) >= 5).all()
    assert (np.abs(values) <= 10).all()
    for part, probability in ((small, 1 / 2), (low, 1 / 4), (high, 1 / 4)):
        assert abs(part.mean() - probability) < 0.03
    assert not net[0].bias.data().any()


def test_tied_parameters_are_one_object_and_their_gradients_add_up():
    nets = []
    for tied in (True, False):
        shared, other = nn.Dense(8, activation="relu"), nn.Dense(8, activation="relu")
        net = nn.Sequential()
        net.add(nn.Dense(8, activation="relu"), shared, other, nn.Dense(10))
        net.initialize(init.Normal(0.3), seed=4)
        net(np.ones((2, 20)))
        other.weight.set_data(shared.weight.data())
        if tied:
            other.share_parameters(shared.params)
        nets.append(net)
    tied, apart = nets
    assert tied[1].weight is tied[2].weight
    x = np.cos(np.arange(40)).reshape(2, 20)
    for net in nets:
        exe = graphinit.compile(net, x=x)
        exe.forward(x)
        exe.backward()
    gradient = tied[1].params.grad()
    for name in ("weight", "bias"):
        total = apart[1].params[name].grad() + apart[2].params[name].grad()
        assert total.any()
        np.testing.assert_allclose(gradient[name], total, rtol=1e-5, atol=1e-7)


def test_within_an_autograd_scope_parameters_are_set_with_set_data():
    net = nn.Dense(3, in_units=2)
    net.initialize()
    x = np.array([[1.0, 2.0]])
    with autograd.record():
        net.weight.set_data(np.ones((3, 2)))
        y = net(x)
        total = (y * y).sum()
    total.backward()
    np.testing.assert_allclose(net.weight.grad(), [[6, 12]] * 3)
