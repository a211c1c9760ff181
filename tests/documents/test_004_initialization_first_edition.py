"""Document 004, "Initialization": the first edition of document 000, written for ``mx.nd``; it shows no outputs.

The cells stand as in the document; the first differs, which imports: ``from mxnet import init, nd`` has become
``import graphinit as nd``, since ``nd.random`` is `graphinit.random`, and ``from graphinit import init, nn``.  One
line is in another spelling: ``data.abs()`` is ``np.abs(data)``; as it stands it is an error that says so (see the
tests of document 002, which has it too).  The outputs are those of the newer editions; random numbers stand where
any may stand.
"""

import numpy as np
import pytest

from graphinit import nn

from .lesson import Lesson

LESSON = """
--- Instantiating a Network

[1]:
import numpy as np
import graphinit as nd
from graphinit import init, nn

def getnet():
    net = nn.Sequential()
    net.add(nn.Dense(256, activation='relu'))
    net.add(nn.Dense(10))
    return net

net = getnet()

[2]:
print(net.collect_params)
print(net.collect_params())
=>
<bound method Block.collect_params of Sequential(
  (0): Dense(-1 -> 256, Activation(relu))
  (1): Dense(-1 -> 10, linear)
)>
{'0.weight': Parameter (shape=(256, -1), dtype=float32), '0.bias': Parameter (shape=(256,), dtype=float32),
 '1.weight': Parameter (shape=(10, -1), dtype=float32), '1.bias': Parameter (shape=(10,), dtype=float32)}

[3]:
net.initialize()
net.collect_params()
=>
{'0.weight': Parameter (shape=(256, -1), dtype=float32), '0.bias': Parameter (shape=(256,), dtype=float32),
 '1.weight': Parameter (shape=(10, -1), dtype=float32), '1.bias': Parameter (shape=(10,), dtype=float32)}

[4]:
x = nd.random.uniform(shape=(2, 20))
net(x)            # Forward computation.

net.collect_params()
=>
{'0.weight': Parameter (shape=(256, 20), dtype=float32), '0.bias': Parameter (shape=(256,), dtype=float32),
 '1.weight': Parameter (shape=(10, 256), dtype=float32), '1.bias': Parameter (shape=(10,), dtype=float32)}

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
x = nd.random.uniform(shape=(2, 20))
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
# force_reinit ensures that the variables are initialized again, regardless of whether they were
# already initialized previously.
net.initialize(init=init.Normal(sigma=0.01), force_reinit=True)
net[0].weight.data()[0]
=> like
[-0.008166 -0.00159167 -0.00273115 0.00684697 0.01204039 0.01359703
0.00776908 -0.00640936 0.00256858 0.00545601 0.0018105 -0.00914027
0.00133803 0.01070259 -0.00368285 0.01432678 0.00558631 -0.01479764
0.00879013 0.00460165]

[11]:
net.initialize(init=init.Constant(1), force_reinit=True)
net[0].weight.data()[0]
=>
[1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1.]

[12]:
net[1].initialize(init=init.Constant(42), force_reinit=True)
net[0].weight.initialize(init=init.Xavier(), force_reinit=True)
print(net[1].weight.data()[0,0])
print(net[0].weight.data()[0])
=> like
42.0
[-0.14511706 -0.01173057 -0.03754489 -0.14020921 0.00900492 0.01712246
0.12447387 -0.04094418 -0.12105145 0.00079902 -0.0277361 -0.10213967
-0.14027238 -0.02196661 -0.04641148 0.11977354 0.03604397 -0.14493202
-0.06514931 0.13826048]

--- Custom Initialization

[13]:
class MyInit(init.Initializer):
    def _init_weight(self, name, data):
        print('Init', name, data.shape)
        data[:] = nd.random.uniform(low=-10, high=10, shape=data.shape)
        data *= np.abs(data) >= 5

net.initialize(MyInit(), force_reinit=True)
net[0].weight.data()[0]
=> like
Init weight (256, 20)
Init weight (10, 256)
[-5.44481 6.536484 -0. 0. 0. 7.7452965
7.739216 7.6021366 0. -0. -7.3307705 -0.
9.611603 0. 7.4357147 0. 0. -0.
8.446959 0. ]

[14]:
net[0].weight.data()[:] += 1
net[0].weight.data()[0,0] = 42
net[0].weight.data()[0]
=> like
[42. 7.536484 1. 1. 1. 8.7452965
8.739216 8.602137 1. 1. -6.3307705 1.
10.611603 1. 8.435715 1. 1. 1.
9.446959 1. ]

--- Tied Parameters

[15]:
net = nn.Sequential()
# we need to give the shared layer a name such that we can reference its parameters
shared = nn.Dense(8, activation='relu')
net.add(nn.Dense(8, activation='relu'),
        shared,
        nn.Dense(8, activation='relu', params=shared.params),
        nn.Dense(10))
net.initialize()

x = nd.random.uniform(shape=(2, 20))
net(x)

# Check whether the parameters are the same
print(net[1].weight.data()[0] == net[2].weight.data()[0])
net[1].weight.data()[0,0] = 100
# And make sure that they're actually the same object rather than just having the same value.
print(net[1].weight.data()[0] == net[2].weight.data()[0])
=>
[ True  True  True  True  True  True  True  True]
[ True  True  True  True  True  True  True  True]
"""


@pytest.fixture(scope="module")
def lesson():
    return Lesson(LESSON).check()


def test_every_cell_shows_what_the_newer_editions_show(lesson):
    assert len(lesson.cells()) == 15


def test_no_cell_warns(lesson):
    assert lesson.warned == []


@pytest.mark.parametrize("cell", ["10", "12", "13", "14"])
def test_the_random_numbers_are_of_what_the_cell_says(lesson, cell):
    told = Lesson(LESSON)
    for number in [*map(str, range(1, 10)), *(str(n) for n in range(10, int(cell) + 1))]:
        told.run(told.cells()[number][0], number)
    values = told.names["net"][0].weight.data()
    if cell == "10":
        assert abs(values.std() - 0.01) < 0.0005
    elif cell == "12":
        limit = np.sqrt(3 / ((256 + 20) / 2))
        assert 0.98 * limit < np.abs(values).max() <= limit
        assert (told.names["net"][1].weight.data() == 42).all()
        assert not told.names["net"][1].bias.data().any()
    else:
        values = values - (cell == "14")
        assert values[0, 0] == 41 or cell == "13"
        values[0, 0] = 5
        assert abs((values == 0).mean() - 0.5) < 0.03
        sizes = np.abs(values[values != 0])
        assert sizes.min() >= 5 - 1e-5
        assert sizes.max() <= 10 + 1e-5


def test_the_text_says_that_data_before_initialize_is_a_runtime_error(lesson):
    net = lesson.names["getnet"]()
    with pytest.raises(RuntimeError, match="call initialize"):
        net[0].weight.data()
    assert nn.Dense(256, activation="relu", in_units=20).weight.shape == (256, 20)


def test_the_text_says_that_gradients_of_the_shared_layer_are_in_one_place(lesson):
    shared, net = lesson.names["shared"], lesson.names["net"]
    gradients = shared.params.grad()
    assert list(gradients) == ["weight", "bias"]
    assert gradients["weight"] is net[1].weight.grad() is net[2].weight.grad()
