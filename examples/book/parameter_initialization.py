"""One lesson in four dialects: initialisation as PyTorch, MXNet, JAX and TensorFlow say it (document 001)."""

import numpy as np

from graphinit import functional as F
from graphinit import init, nn, random


def check(net, shape=(2, 4)):
    assert net(np.ones(shape, np.float32)).shape == (2, 1)


# ---------------------------------------------------------------- PyTorch: a function applied to every block
net = nn.Sequential(nn.Dense(8), nn.ReLU(), nn.Dense(1))
net.initialize(init.preset("pytorch"))
check(net)


def init_normal(module):
    if type(module) is nn.Dense:
        init.normal_(module.weight, mean=0, std=0.01)
        init.zeros_(module.bias)


def init_constant(module):
    if type(module) is nn.Dense:
        init.constant_(module.weight, 1)
        init.zeros_(module.bias)


def init_xavier(module):
    if type(module) is nn.Dense:
        init.xavier_uniform_(module.weight)


def init_42(module):
    if type(module) is nn.Dense:
        init.constant_(module.weight, 42)


def my_init(module):
    if type(module) is nn.Dense:
        print("Init", *[(name, param.shape) for name, param in module.named_parameters()][0])
        init.uniform_(module.weight, -10, 10)
        module.weight.data()[:] *= np.abs(module.weight.data()) >= 5


net.apply(init_normal)
print(net[0].weight.data()[0], net[0].bias.data()[0])
assert 0 < np.abs(net[0].weight.data()).max() < 0.06
net.apply(init_constant)
assert (net[0].weight.data() == 1).all()
net[0].apply(init_xavier)
net[2].apply(init_42)
print(net[0].weight.data()[0])
print(net[2].weight.data())
assert np.abs(net[0].weight.data()).max() <= np.sqrt(6 / 12)
assert (net[2].weight.data() == 42).all()
net.apply(my_init)
print(net[0].weight.data()[:2])
assert not ((np.abs(net[0].weight.data()) > 0) & (np.abs(net[0].weight.data()) < 5)).any()

# ---------------------------------------------------------------- MXNet, with its random numbers replayed
with random.scheme("mxnet-np", seed=0):
    net = nn.Sequential()
    net.add(nn.Dense(8, activation="relu"))
    net.add(nn.Dense(1))
    net.initialize()  # use the default initialization method
    X = random.uniform(size=(2, 4))
    assert net(X).shape == (2, 1)

    net.initialize(init=init.Normal(sigma=0.01), force_reinit=True)
    print(net[0].weight.data()[0])
    np.testing.assert_allclose(
        net[0].weight.data()[0], [0.00354961, -0.00614133, 0.0107317, 0.01830765], rtol=0, atol=5e-9
    )
    net.initialize(init=init.Constant(1), force_reinit=True)
    assert net[0].weight.data()[0].tolist() == [1, 1, 1, 1]
    net[0].weight.initialize(init=init.Xavier(), force_reinit=True)
    net[1].initialize(init=init.Constant(42), force_reinit=True)
    print(net[0].weight.data()[0])
    print(net[1].weight.data())
    np.testing.assert_allclose(
        net[0].weight.data()[0], [-0.26102373, 0.15249556, -0.19274211, -0.24742058], rtol=0, atol=5e-9
    )

    class MyInit(init.Initializer):
        def _init_weight(self, name, data):
            print("Init", name, data.shape)
            data[:] = random.uniform(-10, 10, data.shape)
            data *= np.abs(data) >= 5

    net.initialize(MyInit(), force_reinit=True)
    print(net[0].weight.data()[:2])
    np.testing.assert_allclose(
        net[0].weight.data()[:2],
        [[-6.0683527, 8.991421, -0.0, 0.0], [6.4198647, -9.728567, -8.057975, 0.0]],
        rtol=0,
        atol=5e-7,
    )
    net[0].weight.data()[:] += 1
    net[0].weight.data()[0, 0] = 42
    np.testing.assert_allclose(net[0].weight.data()[0], [42.0, 9.991421, 1.0, 1.0], rtol=0, atol=5e-7)

# ---------------------------------------------------------------- JAX: functions (rng, shape, dtype)
net = nn.Sequential([nn.Dense(8), F.relu, nn.Dense(1)])
net.initialize(init.preset("flax"))
check(net)
weight_init = init.Normal(0.01)
bias_init = init.Zero()
net = nn.Sequential(
    [
        nn.Dense(8, weight_initializer=weight_init, bias_initializer=bias_init),
        F.relu,
        nn.Dense(1, weight_initializer=weight_init, bias_initializer=bias_init),
    ]
)
net.initialize()
check(net)
print(net[0].weight.data()[0], net[0].bias.data()[0])


def my_jax_init(rng, shape, dtype=np.float32):
    data = rng.uniform(-10, 10, shape)
    return (data * (np.abs(data) >= 5)).astype(dtype)


net = nn.Sequential([nn.Dense(8, weight_initializer=my_jax_init), F.relu, nn.Dense(1)])
net.initialize()
check(net)
print(net.collect_params()["0.weight"].data()[:, :2])
assert not ((np.abs(net[0].weight.data()) > 0) & (np.abs(net[0].weight.data()) < 5)).any()

# ---------------------------------------------------------------- TensorFlow: classes called with shape and dtype
net = nn.Sequential([nn.Flatten(), nn.Dense(4, activation=F.relu), nn.Dense(1)])
net.initialize(init.preset("keras"))
check(net)


class MyKerasInit(init.Initializer):
    def __call__(self, shape, dtype=None):
        data = np.random.uniform(-10, 10, shape)
        factor = np.abs(data) >= 5
        return (data * factor).astype(dtype)


net = nn.Sequential(
    [
        nn.Flatten(),
        nn.Dense(4, activation=F.relu, weight_initializer=MyKerasInit()),
        nn.Dense(1, weight_initializer=init.Constant(42)),
    ]
)
net.initialize()
check(net)
print(net[1].weight.data())
print(net[2].weight.data())
assert (net[2].weight.data() == 42).all()
net[1].weight.assign(net[1].weight.data() + 1)
net[1].weight.data()[0, 0] = 42
assert net[1].weight.data()[0, 0] == 42
