"""Initialization, as its first edition told it (document 004; `nd` is `graphinit` itself)."""

import graphinit as nd
from graphinit import init, nn


def getnet():
    net = nn.Sequential()
    net.add(nn.Dense(256, activation="relu"))
    net.add(nn.Dense(10))
    return net


# ---------------------------------------------------------------- instantiating a network
net = getnet()
print(net.collect_params)
print(net.collect_params())
assert repr(net[0]) == "Dense(-1 -> 256, Activation(relu))"
net.initialize()
net.collect_params()

x = nd.random.uniform(shape=(2, 20))
net(x)  # Forward computation.
print(net.collect_params())
assert repr(net[0]) == "Dense(20 -> 256, Activation(relu))"

# ---------------------------------------------------------------- deferred initialization in practice
calls = []


class MyInit(init.Initializer):
    def _init_weight(self, name, data):
        print("Init", name, data.shape)
        calls.append(data.shape)
        # The actual initialization logic is omitted here.


net = getnet()
net.initialize(init=MyInit())
x = nd.random.uniform(shape=(2, 20))
y = net(x)
y = net(x)
assert calls == [(256, 20), (10, 256)]

# ---------------------------------------------------------------- forced initialization
net.initialize(init=MyInit(), force_reinit=True)
net = nn.Sequential()
net.add(nn.Dense(256, in_units=20, activation="relu"))
net.add(nn.Dense(10, in_units=256))
net.initialize(init=MyInit())
assert calls == [(256, 20), (10, 256)] * 3
