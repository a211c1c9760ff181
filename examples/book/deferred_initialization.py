"""Deferred initialization, and the answers to its exercises (document 003).

The two `net.add` lines that the document lost are restored.
"""

import warnings

import numpy as np

import graphinit
from graphinit import init, nn
from graphinit.errors import ShapeError


def getnet():
    net = nn.Sequential()
    net.add(nn.Dense(256, activation="relu"))
    net.add(nn.Dense(10))
    return net


def shapes(net):
    return {name: parameter.shape for name, parameter in net.collect_params().items()}


# ---------------------------------------------------------------- instantiating a network
net = getnet()
print(net.collect_params)
print(net.collect_params())
net.initialize()
print(net.collect_params())
assert shapes(net) == {"0.weight": (256, -1), "0.bias": (256,), "1.weight": (10, -1), "1.bias": (10,)}
x = np.random.uniform(size=(2, 20))
net(x)  # Forward computation
print(net.collect_params())
assert shapes(net) == {"0.weight": (256, 20), "0.bias": (256,), "1.weight": (10, 256), "1.bias": (10,)}

# ---------------------------------------------------------------- deferred initialization in practice
drawn = []


class MyInit(init.Initializer):
    def _init_weight(self, name, data):
        print("Init", name, data.shape)
        drawn.append((name, data.shape))
        # The actual initialization logic is omitted here


net = getnet()
net.initialize(init=MyInit())
assert drawn == []
x = np.random.uniform(size=(2, 20))
y = net(x)
y = net(x)
assert drawn == [("weight", (256, 20)), ("weight", (10, 256))]

# ---------------------------------------------------------------- forced initialization
net.initialize(init=MyInit(), force_reinit=True)
assert len(drawn) == 4
net = nn.Sequential()
net.add(nn.Dense(256, in_units=20, activation="relu"))
net.add(nn.Dense(10, in_units=256))
net.initialize(init=MyInit())
assert len(drawn) == 6

# ---------------------------------------------------------------- the exercises
# Input sizes of the first layer alone: it is drawn at once, the second when data come through.
drawn.clear()
net = nn.Sequential(nn.Dense(256, in_units=20, activation="relu"), nn.Dense(10))
net.initialize(MyInit())
assert drawn == [("weight", (256, 20))]
net(x)
assert drawn[1:] == [("weight", (10, 256))]

# Sizes that clash: an error that says what clashes, where it came from and what to change.
net = nn.Sequential(nn.Dense(256, activation="relu"), nn.Dense(10, in_units=30))
net.initialize()
try:
    net(x)
except ShapeError as error:
    print(error)
    assert "1.weight" in str(error)
    assert error.fixes
assert shapes(net)["0.weight"] == (256, -1)

# Inputs of two widths: each has a first layer of its own, the later layers are tied.
narrow, wide = getnet(), getnet()
wide[1].share_parameters(narrow[1].collect_params())
narrow.initialize()
with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # the shared bias has its values already
    wide.initialize()
assert narrow(np.ones((3, 20))).shape == wide(np.ones((3, 50))).shape == (3, 10)
assert narrow[1].weight is wide[1].weight
exe = graphinit.compile(wide, x=(3, 50))
exe.forward(np.ones((3, 50), np.float32))
exe.backward()
assert narrow[1].weight.grad().any()
