"""Initialization: deferred, forced, built in, custom, tied (document 000).

Every cell of the lesson runs here; only the imports differ from Gluon's.
"""

import numpy as np

from graphinit import init, nn
from graphinit.errors import DeferredInitializationError, UninitializedError


def getnet():
    net = nn.Sequential()
    net.add(nn.Dense(256, activation="relu"))
    net.add(nn.Dense(10))
    return net


def shapes(net):
    return {name: parameter.shape for name, parameter in net.collect_params().items()}


UNKNOWN = {"0.weight": (256, -1), "0.bias": (256,), "1.weight": (10, -1), "1.bias": (10,)}
KNOWN = {"0.weight": (256, 20), "0.bias": (256,), "1.weight": (10, 256), "1.bias": (10,)}

# ---------------------------------------------------------------- instantiating a network
net = getnet()
print(net)
print(net.collect_params())
assert shapes(net) == UNKNOWN
try:
    net[0].weight.data()
except UninitializedError as error:
    print(error)

net.initialize()
print(net.collect_params())
assert shapes(net) == UNKNOWN
try:
    net[0].weight.data()
except DeferredInitializationError as error:
    print(error)

x = np.random.uniform(size=(2, 20))
net(x)  # forward computation
print(net.collect_params())
assert shapes(net) == KNOWN

# ---------------------------------------------------------------- deferred initialisation in practice
drawn = []


class MyInit(init.Initializer):
    def _init_weight(self, name, data):
        print("Init", name, data.shape)
        drawn.append((name, data.shape))
        # The actual initialization logic is omitted here.


net = getnet()
net.initialize(init=MyInit())
assert drawn == []
y = net(x)
assert drawn == [("weight", (256, 20)), ("weight", (10, 256))]
y = net(x)
assert len(drawn) == 2

# ---------------------------------------------------------------- forced initialisation
net.initialize(init=MyInit(), force_reinit=True)
assert len(drawn) == 4

net = nn.Sequential()
net.add(nn.Dense(256, in_units=20, activation="relu"))
net.add(nn.Dense(10, in_units=256))
net.initialize(init=MyInit())
assert len(drawn) == 6

# ---------------------------------------------------------------- built-in initialisation
net.initialize(init=init.Normal(sigma=0.01), force_reinit=True)
print(net[0].weight.data()[0])
assert abs(net[0].weight.data().std() - 0.01) < 0.0005

net.initialize(init=init.Constant(1), force_reinit=True)
print(net[0].weight.data()[0])
assert (net[0].weight.data() == 1).all()

net[0].weight.initialize(init=init.Xavier(), force_reinit=True)
net[1].initialize(init=init.Constant(42), force_reinit=True)
print(net[0].weight.data()[0])
print(net[0].bias.data()[0])  # initialized to 0
print(net[1].weight.data()[0, 0])
print(net[1].bias.data()[0])  # initialized to 0
assert (net[0].bias.data()[0], net[1].weight.data()[0, 0], net[1].bias.data()[0]) == (0, 42, 0)


# ---------------------------------------------------------------- custom initialisation
class Strange(init.Initializer):
    def _init_weight(self, name, data):
        print("Init", name, data.shape)
        data[:] = np.random.uniform(low=-10, high=10, size=data.shape)
        data *= np.abs(data) >= 5


net.initialize(Strange(), force_reinit=True)
print(net[0].weight.data()[0])
values = net[0].weight.data()
assert ((values == 0) | ((abs(values) >= 5) & (abs(values) <= 10))).all()
assert abs((values == 0).mean() - 0.5) < 0.05

before = net[0].weight.data()[0].copy()
net[0].weight.data()[:] += 1
net[0].weight.data()[0, 0] = 42
print(net[0].weight.data()[0])
assert net[0].weight.data()[0, 0] == 42
assert (net[0].weight.data()[0, 1:] == before[1:] + 1).all()

# ---------------------------------------------------------------- tied parameters
net = nn.Sequential()
shared = nn.Dense(8, activation="relu")
net.add(
    nn.Dense(8, activation="relu"),
    shared,
    nn.Dense(8, activation="relu").share_parameters(shared.params),
    nn.Dense(10),
)
net.initialize()  # MXNet warns here of the bias, which it meets twice
net(x)
print(net[1].weight.data()[0] == net[2].weight.data()[0])
net[1].weight.data()[0, 0] = 100
print(net[1].weight.data()[0] == net[2].weight.data()[0])
assert net[1].weight is net[2].weight
