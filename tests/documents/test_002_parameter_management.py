"""Document 002, "Parameter Management": the oldest book, written for ``mx.nd``.

The cells stand as in the document; the first differs, which imports: ``from mxnet import init, nd`` has become
``import graphinit as nd``, since ``nd.random`` is `graphinit.random`, and ``from graphinit import init, nn``.  One
line is in another spelling: ``data.abs()`` is ``np.abs(data)``, for initializers fill NumPy arrays; as it stands
it is an error that says so.

Random numbers are replayed from MXNet's stream, so parameters equal the printed ones to the last digit, and
outputs to 1e-5.  Parameters print as in the newest document (000), by path: ``0.weight`` for ``dense0_weight``,
which look-ups take too; a number from an array prints as ``42.0`` rather than ``[42.]``, and comparisons give
truth values rather than ones.
"""

import copy

import numpy as np
import pytest

import graphinit
from graphinit import functional as F
from graphinit import init, loss, nn, optimizer, random
from graphinit.errors import SpellingError, SymbolicValueError, UninitializedError

from .lesson import Lesson, count_names_afresh

LESSON = """
[1]:
import numpy as np
import graphinit as nd
from graphinit import init, nn

net = nn.Sequential()
net.add(nn.Dense(256, activation='relu'))
net.add(nn.Dense(10))
net.initialize() # Use the default initialization method
x = nd.random.uniform(shape=(2, 20))
net(x) # Forward computation
=>
[[ 0.09543004 0.04614332 -0.00286654 -0.07790349 -0.05130243 0.02942037
0.08696642 -0.0190793 -0.04122177 0.05088576]
[ 0.0769287 0.03099705 0.00856576 -0.04467199 -0.06926839 0.09132434
0.06786595 -0.06187842 -0.03436673 0.04234694]]

--- Parameter Access

[2]:
print(net[0].params)
print(net[1].params)
=>
{'weight': Parameter (shape=(256, 20), dtype=float32), 'bias': Parameter (shape=(256,), dtype=float32)}
{'weight': Parameter (shape=(10, 256), dtype=float32), 'bias': Parameter (shape=(10,), dtype=float32)}

[3]:
print(net[1].bias)
print(net[1].bias.data())
=>
Parameter (shape=(10,), dtype=float32)
[0. 0. 0. 0. 0. 0. 0. 0. 0. 0.]

[4]:
print(net[0].params['dense0_weight'])
print(net[0].params['dense0_weight'].data())
=>
Parameter (shape=(256, 20), dtype=float32)
[[ 0.06700657 -0.00369488 0.0418822 ... -0.05517294 -0.01194733
-0.00369594]
[-0.03296221 -0.04391347 0.03839272 ... 0.05636378 0.02545484
-0.007007 ]
[-0.0196689 0.01582889 -0.00881553 ... 0.01509629 -0.01908049
-0.02449339]
...
[ 0.00010955 0.0439323 -0.04911506 ... 0.06975312 0.0449558
-0.03283203]
[ 0.04106557 0.05671307 -0.00066976 ... 0.06387014 -0.01292654
0.00974177]
[ 0.00297424 -0.0281784 -0.06881659 ... -0.04047417 0.00457048
0.05696651]]

[5]:
net[0].weight.grad()
=>
[[0. 0. 0. ... 0. 0. 0.]
[0. 0. 0. ... 0. 0. 0.]
[0. 0. 0. ... 0. 0. 0.]
...
[0. 0. 0. ... 0. 0. 0.]
[0. 0. 0. ... 0. 0. 0.]
[0. 0. 0. ... 0. 0. 0.]]

[6]:
# parameters only for the first layer
print(net[0].collect_params())
# parameters of the entire network
print(net.collect_params())
=>
{'weight': Parameter (shape=(256, 20), dtype=float32), 'bias': Parameter (shape=(256,), dtype=float32)}
{'0.weight': Parameter (shape=(256, 20), dtype=float32), '0.bias': Parameter (shape=(256,), dtype=float32), '1.weight': Parameter (shape=(10, 256), dtype=float32), '1.bias': Parameter (shape=(10,), dtype=float32)}

[7]:
net.collect_params()['dense1_bias'].data()
=>
[0. 0. 0. 0. 0. 0. 0. 0. 0. 0.]

[8]:
print(net.collect_params('.*weight'))
print(net.collect_params('dense0.*'))
=>
{'0.weight': Parameter (shape=(256, 20), dtype=float32), '1.weight': Parameter (shape=(10, 256), dtype=float32)}
{'0.weight': Parameter (shape=(256, 20), dtype=float32), '0.bias': Parameter (shape=(256,), dtype=float32)}

--- Rube Goldberg strikes again

[9]:
def block1():
    net = nn.Sequential()
    net.add(nn.Dense(32, activation='relu'))
    net.add(nn.Dense(16, activation='relu'))
    return net

def block2():
    net = nn.Sequential()
    for i in range(4):
        net.add(block1())
    return net

rgnet = nn.Sequential()
rgnet.add(block2())
rgnet.add(nn.Dense(10))
rgnet.initialize()
rgnet(x)
=>
[[ 1.0116727e-08 -9.4839003e-10 -1.1526797e-08 1.4917443e-08
-1.5690811e-09 -3.9257650e-09 -4.1441655e-09 9.3013472e-09
3.2393586e-09 -4.8612452e-09]
[ 9.0111598e-09 -1.9115812e-10 -8.9595842e-09 1.0745880e-08
1.4963460e-10 -2.2272872e-09 -3.9153973e-09 7.0595711e-09
3.4854222e-09 -4.5807327e-09]]

[10]:
print(rgnet.collect_params)
print(rgnet.collect_params())
=>
<bound method Block.collect_params of Sequential(
(0): Sequential(
(0): Sequential(
(0): Dense(20 -> 32, Activation(relu))
(1): Dense(32 -> 16, Activation(relu))
)
(1): Sequential(
(0): Dense(16 -> 32, Activation(relu))
(1): Dense(32 -> 16, Activation(relu))
)
(2): Sequential(
(0): Dense(16 -> 32, Activation(relu))
(1): Dense(32 -> 16, Activation(relu))
)
(3): Sequential(
(0): Dense(16 -> 32, Activation(relu))
(1): Dense(32 -> 16, Activation(relu))
)
)
(1): Dense(16 -> 10, linear)
)>
{'0.0.0.weight': Parameter (shape=(32, 20), dtype=float32), '0.0.0.bias': Parameter (shape=(32,), dtype=float32),
 '0.0.1.weight': Parameter (shape=(16, 32), dtype=float32), '0.0.1.bias': Parameter (shape=(16,), dtype=float32),
 '0.1.0.weight': Parameter (shape=(32, 16), dtype=float32), '0.1.0.bias': Parameter (shape=(32,), dtype=float32),
 '0.1.1.weight': Parameter (shape=(16, 32), dtype=float32), '0.1.1.bias': Parameter (shape=(16,), dtype=float32),
 '0.2.0.weight': Parameter (shape=(32, 16), dtype=float32), '0.2.0.bias': Parameter (shape=(32,), dtype=float32),
 '0.2.1.weight': Parameter (shape=(16, 32), dtype=float32), '0.2.1.bias': Parameter (shape=(16,), dtype=float32),
 '0.3.0.weight': Parameter (shape=(32, 16), dtype=float32), '0.3.0.bias': Parameter (shape=(32,), dtype=float32),
 '0.3.1.weight': Parameter (shape=(16, 32), dtype=float32), '0.3.1.bias': Parameter (shape=(16,), dtype=float32),
 '1.weight': Parameter (shape=(10, 16), dtype=float32), '1.bias': Parameter (shape=(10,), dtype=float32)}

[11]:
rgnet[0][1][0].bias.data()
=>
[0. 0. 0. 0. 0. 0. 0. 0. 0. 0. 0. 0. 0. 0. 0. 0. 0. 0. 0. 0. 0. 0. 0. 0.
0. 0. 0. 0. 0. 0. 0. 0.]

--- Parameter Initialization

[12]:
# force_reinit ensures that the variables are initialized again, regardless of
# whether they were already initialized previously
net.initialize(init=init.Normal(sigma=0.01), force_reinit=True)
net[0].weight.data()[0]
=>
[-0.008166 -0.00159167 -0.00273115 0.00684697 0.01204039 0.01359703
0.00776908 -0.00640936 0.00256858 0.00545601 0.0018105 -0.00914027
0.00133803 0.01070259 -0.00368285 0.01432678 0.00558631 -0.01479764
0.00879013 0.00460165]

[13]:
net.initialize(init=init.Constant(1), force_reinit=True)
net[0].weight.data()[0]
=>
[1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1. 1.]

[14]:
net[1].initialize(init=init.Constant(42), force_reinit=True)
net[0].weight.initialize(init=init.Xavier(), force_reinit=True)
print(net[1].weight.data()[0,0])
print(net[0].weight.data()[0])
=>
42.0
[-0.14511706 -0.01173057 -0.03754489 -0.14020921 0.00900492 0.01712246
0.12447387 -0.04094418 -0.12105145 0.00079902 -0.0277361 -0.10213967
-0.14027238 -0.02196661 -0.04641148 0.11977354 0.03604397 -0.14493202
-0.06514931 0.13826048]

[15]:
class MyInit(init.Initializer):
    def _init_weight(self, name, data):
        print('Init', name, data.shape)
        data[:] = nd.random.uniform(low=-10, high=10, shape=data.shape)
        data *= np.abs(data) >= 5

net.initialize(MyInit(), force_reinit=True)
net[0].weight.data()[0]
=>
Init weight (256, 20)
Init weight (10, 256)
[-5.44481 6.536484 -0. 0. 0. 7.7452965
7.739216 7.6021366 0. -0. -7.3307705 -0.
9.611603 0. 7.4357147 0. 0. -0.
8.446959 0. ]

[16]:
net[0].weight.data()[:] += 1
net[0].weight.data()[0,0] = 42
net[0].weight.data()[0]
=>
[42. 7.536484 1. 1. 1. 8.7452965
8.739216 8.602137 1. 1. -6.3307705 1.
10.611603 1. 8.435715 1. 1. 1.
9.446959 1. ]

--- Tied Parameters

[17]:
net = nn.Sequential()
# We need to give the shared layer a name such that we can reference its
# parameters
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
# Make sure that they're actually the same object rather than just having the
# same value
print(net[1].weight.data()[0] == net[2].weight.data()[0])
=>
[ True  True  True  True  True  True  True  True]
[ True  True  True  True  True  True  True  True]
"""


@pytest.fixture(scope="module")
def lesson():
    with pytest.MonkeyPatch.context() as patch, random.scheme("mxnet-nd", seed=0):
        count_names_afresh(patch)
        return Lesson(LESSON).check(rtol=2e-6)  # a last digit, where logarithms of other libraries round


def test_every_cell_shows_what_the_document_shows(lesson):
    assert len(lesson.cells()) == 17


def test_no_cell_warns(lesson):
    assert lesson.warned == []


# ---------------------------------------------------------------------- what the text says


def test_both_ways_to_a_parameter_are_the_same():
    net = nn.Sequential(nn.Dense(256), nn.Dense(10))
    assert net[1].params[f"{net[1].name}_bias"] is net[1].bias
    assert net.collect_params()[f"{net[1].name}_bias"] is net[1].bias
    assert net.collect_params().get(f"{net[1].name}_bias") is net[1].bias


def test_the_line_as_it_stands_says_what_to_write():
    class MyInit(init.Initializer):
        def _init_weight(self, name, data):
            data[:] = random.uniform(low=-10, high=10, shape=data.shape)
            data *= data.abs() >= 5

    net = nn.Sequential(nn.Dense(256, in_units=20))
    net.initialize("ones")
    with pytest.raises(SpellingError) as caught:
        net.initialize(MyInit(), force_reinit=True)
    assert str(caught.value) == (
        "GI110 another framework's spelling at 0.weight\n  a NumPy array has no abs; write np.abs(data)"
    )
    assert (net[0].weight.data() == 1).all()


# ---------------------------------------------------------------------- the exercises


class FancyMLP(nn.Block):
    """Exercise 1: the block of the chapter before, in the spelling of this project."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.rand_weight = nn.Constant(random.uniform(shape=(20, 20)))
        self.dense = nn.Dense(20, activation="relu")

    def forward(self, x):
        x = self.dense(x)
        x = F.relu(x @ self.rand_weight.data() + 1)
        x = self.dense(x)
        x = F.while_loop(lambda x: F.sqrt(F.sum(F.square(x))) > 1, lambda x: x / 2, x)
        x = F.cond(F.sqrt(F.sum(F.square(x))) < 0.8, lambda: x * 10, lambda: x)
        return x.sum()


def test_exercise_1_the_parameters_of_fancy_mlp():
    net = FancyMLP()
    net.initialize(seed=1)
    x = random.uniform(shape=(2, 20))
    y = net(x)
    assert {name: parameter.shape for name, parameter in net.collect_params().items()} == {
        "rand_weight": (20, 20),
        "dense.weight": (20, 20),
        "dense.bias": (20,),
    }
    assert net.dense.weight is net.collect_params()["dense.weight"]
    weight, bias = net.dense.weight.data(), net.dense.bias.data()
    h = np.maximum(x @ weight.T + bias, 0)
    h = np.maximum(h @ net.rand_weight.data() + 1, 0)
    h = np.maximum(h @ weight.T + bias, 0)
    while np.linalg.norm(h) > 1:
        h = h / 2
    if np.linalg.norm(h) < 0.8:
        h = h * 10
    np.testing.assert_allclose(y, h.sum(), rtol=1e-5)
    before = net.rand_weight.data().copy()
    exe = graphinit.compile(net, x=x)
    exe.forward(x)
    exe.backward()
    optimizer.SGD(net.parameters(), 0.1).step(2)
    np.testing.assert_array_equal(net.rand_weight.data(), before)


def fancy(init_line=None, forward_lines=()):
    """Return FancyMLP with lines in the spelling of its chapter."""

    class Told(FancyMLP):
        def __init__(self):
            super().__init__()
            if init_line is not None:
                init_line(self)

        def forward(self, x):
            x = self.dense(x)
            for line in forward_lines:
                x = line(x)
            return x.sum()

    return Told


def halve_by_norm(x):
    while x.norm().asscalar() > 1:
        x /= 2
    return x


def halve_by_sum(x):
    while F.abs(x).sum() > 1:
        x = x / 2
    return x


def look_at_the_number(x):
    return x * 10 if x.sum().asscalar() < 0.8 else x


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        (halve_by_norm, SpellingError, "a tensor has no norm here; write F.sqrt(F.sum(F.square(x)))"),
        (
            look_at_the_number,
            SpellingError,
            "a tensor has no asscalar here; it has no value while its network is described: compare the tensor "
            "itself, in F.while_loop or F.cond",
        ),
        (
            halve_by_sum,
            SymbolicValueError,
            "in place of 'while F.sum(x) > 1: x = x / 2' write "
            "x = F.while_loop(lambda x: F.sum(x) > 1, lambda x: x / 2, x)",
        ),
    ],
)
def test_the_loops_of_the_chapter_say_what_to_write(line, kind, words):
    net = fancy(forward_lines=[line])()
    net.initialize()
    with pytest.raises(kind) as caught:
        net(np.ones((2, 20)))
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            lambda self: self.params.get_constant("rand_weight", np.ones((20, 20))),
            "a dict of parameters has no get_constant here; write self.weight = nn.Constant(value)",
        ),
        (
            lambda self: self.params.get("weight", shape=(20, 20)),
            "get looks up what there is; to make a parameter write self.weight = nn.Parameter('weight', ...)",
        ),
        (
            lambda self: self.name_scope().__enter__(),
            "Told has no name_scope here; leave it out: parameters are named by their place, as in 0.weight",
        ),
        (
            lambda self: nn.Dense(20, prefix="dense_"),
            "Dense has no argument 'prefix' here; leave it out: parameters are named by their place, as in 0.weight",
        ),
    ],
)
def test_the_constructor_of_the_chapter_says_what_to_write(line, words):
    with pytest.raises(SpellingError) as caught:
        fancy(init_line=line)()
    assert caught.value.message == words


def test_exercise_3_parameters_between_initialize_and_the_first_call():
    net = nn.Sequential(nn.Dense(256, activation="relu"), nn.Dense(10))
    with pytest.raises(UninitializedError):
        net[0].bias.data()
    net.initialize()
    assert net[0].weight.shape == (256, -1)
    assert net[0].bias.data().tolist() == [0] * 256
    net(np.ones((2, 20)))
    assert net[0].weight.data().shape == (256, 20)


def test_exercise_4_a_shared_layer_is_trained_and_its_gradients_add_up():
    shared = nn.Dense(8, activation="relu")
    net = nn.Sequential(
        nn.Dense(8, activation="relu"), shared, nn.Dense(8, params=shared.params), nn.Dense(1)
    )
    for layer in (net[0], shared, net[3]):
        layer.initialize(init.Xavier(), seed=5)
    x = np.cos(np.arange(80)).reshape(4, 20).astype(np.float32)
    target = x.sum(axis=1, keepdims=True)
    training = graphinit.compile(nn.WithLoss(net, loss.L2Loss()), x=x.shape, y=target.shape, train=True)
    rule = optimizer.SGD(net.collect_params(), 0.01)
    losses = []
    for _ in range(100):
        losses.append(float(training.forward(x=x, y=target).mean()))
        training.backward()
        assert net[1].weight.grad() is net[2].weight.grad()
        rule.step(len(x))
        assert net[1].weight.data() is net[2].weight.data()
    assert losses[-1] < 0.5 * losses[0]
    again = copy.deepcopy(net)
    assert again[1].weight is again[2].weight
