"""Document 003, "Deferred Initialization": the book's section, with its three exercises.

The cells stand as in the document; the first differs, which imports: ``from mxnet import init, np, npx``, ``from
mxnet.gluon import nn`` and ``npx.set_np()`` have become ``import numpy as np`` and ``from graphinit import init,
nn``.  The ``net.add`` lines that the document lost, in `getnet` and before its last output, are put back, as the
outputs show them.  Parameters print as in the newest document (000), by path.
"""

import numpy as np
import pytest

import graphinit
from graphinit import init, nn
from graphinit.errors import ShapeError

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
x = np.random.uniform(size=(2, 20))
net(x)  # Forward computation

net.collect_params()
=>
{'0.weight': Parameter (shape=(256, 20), dtype=float32), '0.bias': Parameter (shape=(256,), dtype=float32),
 '1.weight': Parameter (shape=(10, 256), dtype=float32), '1.bias': Parameter (shape=(10,), dtype=float32)}

--- Deferred Initialization in Practice

[5]:
class MyInit(init.Initializer):
    def _init_weight(self, name, data):
        print('Init', name, data.shape)
        # The actual initialization logic is omitted here

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
"""


@pytest.fixture(scope="module")
def lesson():
    return Lesson(LESSON).check()


def test_every_cell_shows_what_the_document_shows(lesson):
    assert len(lesson.cells()) == 9
    assert lesson.warned == []


# ---------------------------------------------------------------------- what the text says, and the exercises


class Told(init.Initializer):
    """Note what is drawn, and draw nothing."""

    def __init__(self):
        super().__init__()
        self.drawn = []

    def _init_weight(self, name, data):
        self.drawn.append(data.shape)


def getnet(**first):
    net = nn.Sequential()
    net.add(nn.Dense(256, activation="relu", **first))
    net.add(nn.Dense(10))
    return net


def test_parameters_cannot_be_accessed_before_initialize():
    with pytest.raises(RuntimeError, match="has not been initialised; call initialize"):
        getnet()[0].weight.data()


def test_exercise_1_sizes_of_the_first_layer_alone_draw_it_at_once():
    told, net = Told(), getnet(in_units=20)
    net.initialize(told)
    assert told.drawn == [(256, 20)]
    net(np.ones((2, 20)))
    assert told.drawn == [(256, 20), (10, 256)]


@pytest.mark.parametrize("known", [True, False])
def test_exercise_2_mismatching_sizes_are_an_explained_error(known):
    net = nn.Sequential()
    net.add(nn.Dense(256, activation="relu", in_units=20 if known else -1))
    net.add(nn.Dense(10, in_units=30))
    net.initialize()
    with pytest.raises(ShapeError) as caught:
        net(np.ones((2, 20)))
    for text in ("1.weight", "256", "in_units=30", "test_003_deferred_initialization.py"):
        assert text in str(caught.value)
    assert caught.value.fixes
    assert net[0].weight.shape == (256, 20 if known else -1)


def test_exercise_2_inputs_of_another_width_are_an_explained_error():
    net = getnet()
    net.initialize()
    net(np.ones((2, 20)))
    with pytest.raises(ShapeError, match="20"):
        net(np.ones((2, 21)))
    assert net(np.ones((3, 20))).shape == (3, 10)


def test_exercise_3_inputs_of_two_widths_tie_all_but_the_first_layer():
    narrow, wide = getnet(), getnet()
    wide[1].share_parameters(narrow[1].collect_params())
    narrow.initialize()
    wide[0].initialize()
    assert narrow(np.ones((3, 20))).shape == wide(np.ones((3, 50))).shape == (3, 10)
    assert narrow[1].weight is wide[1].weight
    assert (narrow[0].weight.shape, wide[0].weight.shape) == ((256, 20), (256, 50))
    exe = graphinit.compile(wide, x=(3, 50))
    exe.forward(np.ones((3, 50), np.float32))
    exe.backward()
    assert narrow[1].weight.grad().any()
