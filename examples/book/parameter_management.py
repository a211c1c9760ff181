"""Parameter management: access, initialise and tie (document 002, and its exercises).

The random numbers of the lesson are replayed, so values equal those that it prints.
"""

import numpy as np

import graphinit
from graphinit import functional as F
from graphinit import init, loss, nn, optimizer, random

random.scheme("mxnet-nd", seed=0)

net = nn.Sequential()
net.add(nn.Dense(256, activation="relu"))
net.add(nn.Dense(10))
net.initialize()  # use the default initialization method
x = random.uniform(size=(2, 20))
y = net(x)  # forward computation
print(y)
np.testing.assert_allclose(y[0, :4], [0.09543004, 0.04614332, -0.00286654, -0.07790349], rtol=1e-5, atol=1e-8)

# ---------------------------------------------------------------- parameter access
print(net[0].params)
print(net[1].params)
assert list(net[0].params) == ["weight", "bias"]
print(net[1].bias)
print(net[1].bias.data())
assert not net[1].bias.data().any()

name = net[0].name  # dense0 in a fresh process, as in the lesson
print(net[0].params[f"{name}_weight"])
print(net[0].params[f"{name}_weight"].data())
np.testing.assert_allclose(net[0].weight.data()[0, :3], [0.06700657, -0.00369488, 0.0418822], rtol=1e-5)
print(net[0].weight.grad())
assert not net[0].weight.grad().any()

print(net[0].collect_params())
print(net.collect_params())
assert not net.collect_params()[f"{net[1].name}_bias"].data().any()
print(net.collect_params(".*weight"))
print(net.collect_params(f"{name}.*"))
assert list(net.collect_params(".*weight")) == ["0.weight", "1.weight"]
assert list(net.collect_params(f"{name}.*")) == ["0.weight", "0.bias"]


# ---------------------------------------------------------------- Rube Goldberg strikes again
def block1():
    net = nn.Sequential()
    net.add(nn.Dense(32, activation="relu"))
    net.add(nn.Dense(16, activation="relu"))
    return net


def block2():
    net = nn.Sequential()
    for _ in range(4):
        net.add(block1())
    return net


rgnet = nn.Sequential()
rgnet.add(block2())
rgnet.add(nn.Dense(10))
rgnet.initialize()
y = rgnet(x)
np.testing.assert_allclose(y[0, :2], [1.0116727e-08, -9.4839003e-10], rtol=1e-4)
print(rgnet.collect_params)
print(rgnet.collect_params())
assert rgnet[0][1][0].bias.data().tolist() == [0] * 32

# ---------------------------------------------------------------- built-in initialisation
net.initialize(init=init.Normal(sigma=0.01), force_reinit=True)
print(net[0].weight.data()[0])
np.testing.assert_allclose(net[0].weight.data()[0, :3], [-0.008166, -0.00159167, -0.00273115], rtol=1e-4)
net.initialize(init=init.Constant(1), force_reinit=True)
assert (net[0].weight.data()[0] == 1).all()
net[1].initialize(init=init.Constant(42), force_reinit=True)
net[0].weight.initialize(init=init.Xavier(), force_reinit=True)
print(net[1].weight.data()[0, 0])
print(net[0].weight.data()[0])
np.testing.assert_allclose(net[0].weight.data()[0, :3], [-0.14511706, -0.01173057, -0.03754489], rtol=1e-5)


# ---------------------------------------------------------------- custom initialisation
class MyInit(init.Initializer):
    def _init_weight(self, name, data):
        print("Init", name, data.shape)
        data[:] = random.uniform(low=-10, high=10, size=data.shape)
        data *= np.abs(data) >= 5


net.initialize(MyInit(), force_reinit=True)
print(net[0].weight.data()[0])
np.testing.assert_allclose(net[0].weight.data()[0, :2], [-5.44481, 6.536484], rtol=1e-5)
net[0].weight.data()[:] += 1
net[0].weight.data()[0, 0] = 42
np.testing.assert_allclose(net[0].weight.data()[0, :3], [42.0, 7.536484, 1.0], rtol=1e-5)

# ---------------------------------------------------------------- tied parameters
net = nn.Sequential()
shared = nn.Dense(8, activation="relu")
net.add(
    nn.Dense(8, activation="relu"),
    shared,
    nn.Dense(8, activation="relu", use_bias=True, params=shared.params),
    nn.Dense(10),
)
for layer in (net[0], net[1], net[3]):  # one by one, so that the shared layer is asked for once
    layer.initialize()
net(random.uniform(size=(2, 20)))
print(net[1].weight.data()[0] == net[2].weight.data()[0])
net[1].weight.data()[0, 0] = 100
assert (net[1].weight.data()[0] == net[2].weight.data()[0]).all()


# ---------------------------------------------------------------- the exercises
# 1. FancyMLP: a constant weight, and one dense layer used twice.
class FancyMLP(nn.Block):
    def __init__(self):
        super().__init__()
        self.random_weight = nn.Constant(random.uniform(size=(20, 20)))
        self.dense = nn.Dense(20, activation="relu")

    def forward(self, x):
        x = self.dense(x)
        x = F.relu(x @ self.random_weight.data() + 1)
        return F.sum(self.dense(x))


fancy = FancyMLP()
fancy.initialize()
print(fancy.collect_params())
print(fancy(x))
assert list(fancy.collect_params()) == ["random_weight", "dense.weight", "dense.bias"]

# 3. After initialize() and before the first call: weights still have unknown sizes, biases their zeros.
net = nn.Sequential(nn.Dense(256, activation="relu"), nn.Dense(10))
net.initialize()
assert net[0].weight.shape == (256, -1)
assert not net[0].bias.data().any()

# 4. Train a network with a shared layer: gradients of both uses add up in one place.
net = nn.Sequential(nn.Dense(8, activation="relu"), shared, nn.Dense(8, params=shared.params), nn.Dense(1))
net[0].initialize()
net[3].initialize()
shared.initialize(init.Xavier(), force_reinit=True)
target = x.sum(axis=1, keepdims=True)
training = graphinit.compile(nn.WithLoss(net, loss.L2Loss()), x=x.shape, y=target.shape, train=True)
rule = optimizer.SGD(net.collect_params(), 0.02)
losses = []
for _ in range(100):
    losses.append(float(training.forward(x=x, y=target).mean()))
    training.backward()
    assert net[1].weight.grad() is net[2].weight.grad()
    rule.step(len(x))
print("gradient of the shared layer:", np.abs(shared.weight.grad()).mean())
assert losses[-1] < 0.5 * losses[0]
