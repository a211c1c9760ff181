"""Networks and parameters copy and pickle: equal results, ties, paths, independence."""

import copy
import gc
import pickle
import pickletools

import numpy as np
import pytest

from graphinit import Graph, autograd, init, loss, nn
from graphinit import functional as F
from graphinit.constant import Constant
from graphinit.parameter import Parameter
from graphinit.trainer import Trainer

from .ways import DEEP, WAYS, assert_equal, pickled, ramp, tied, values

every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
every_deep_way = pytest.mark.parametrize("way", DEEP.values(), ids=DEEP)


def scaled(block, inputs, output):
    return output * 2


class Noted(nn.Block):
    """A user's block: arguments, attributes of its own, parts in plain containers, a parameter."""

    def __init__(self, units, words):
        super().__init__()
        self.words = {"said": words}
        self.scale = Parameter("scale", shape=(units,), init="ones")
        self.table = Constant(ramp(units), "table")
        self.first = nn.Dense(units)
        self._rest = [nn.Dense(units, in_units=units), nn.Dense(units, in_units=units)]
        for number, part in enumerate(self._rest):
            self.register_child(part, f"rest{number}")

    def forward(self, x):
        x = self.first(x) * self.scale.data() + self.table.data()
        for part in self._rest:
            x = part(x)
        return x


class Careful(nn.Block):
    """A user's block that says itself what is pickled, in the two usual ways."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Dense(3)
        self.cache = [lambda: 1]

    def __getstate__(self):
        state = self.__dict__.copy()
        del state["cache"]
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.cache = ["new"]

    def forward(self, x):
        return self.inner(x)


class Upward(nn.Block):
    """A block that knows the one above, in a list, where nothing is registered."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Dense(3)
        self.inner._above = [self]

    def forward(self, x):
        return self.inner(x)


class Remembering(nn.Block):
    """A block that keeps tensors of its description, as attention weights are kept."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Dense(3)
        self.weights = [None]

    def forward(self, x):
        self.last = self.inner(x)
        self.weights[0] = F.softmax(self.last)
        return self.weights[0]


class Delegating(nn.Block):
    """A block that answers for another one."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Dense(3)

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def forward(self, x):
        return self.inner(x)


class Slotted(nn.Dense):
    __slots__ = ("extra",)


def convolutional():
    return nn.Sequential(
        nn.Conv2D(3, 3, activation="relu"), nn.BatchNorm(), nn.MaxPool2D(), nn.Dropout(0.5), nn.Dense(5)
    )


def named_function():
    return nn.Sequential(
        nn.Lambda("tanh"), nn.Lambda(F.relu), nn.Lambda("abs"), nn.Dense(3, activation="gelu")
    )


NETWORKS = {
    "dense": (lambda: nn.Sequential(nn.Dense(5, activation="relu"), nn.Dense(3)), (2, 7)),
    "convolutional": (convolutional, (2, 3, 8, 8)),
    "functions": (named_function, (2, 7)),
    "residual": (lambda: nn.Sequential(nn.Dense(5), nn.Residual(nn.Dense(5)), nn.PReLU()), (2, 7)),
    "recurrent": (lambda: nn.Sequential(nn.LSTM(5, 2), nn.Dense(3)), (4, 2, 7)),
    "attention": (lambda: nn.TransformerEncoderLayer(8, 2, 16), (2, 5, 8)),
    "norms": (lambda: nn.Sequential(nn.LayerNorm(), nn.RMSNorm(), nn.Reshape(-1), nn.GELU()), (2, 3, 4)),
    "own": (lambda: Noted(5, "hello"), (2, 7)),
    "careful": (lambda: nn.Sequential(Careful(), nn.Dense(2)), (2, 7)),
    "upward": (Upward, (2, 7)),
    "remembering": (Remembering, (2, 7)),
    "delegating": (Delegating, (2, 7)),
    "deep": (lambda: nn.Sequential(nn.Sequential(nn.Sequential(nn.Dense(5)))), (2, 7)),
}


@pytest.fixture(params=NETWORKS.values(), ids=NETWORKS)
def made(request):
    make, shape = request.param
    net = make()
    net.initialize(init.Xavier(), seed=3)
    return net, ramp(*shape)


@every_way
def test_a_network_that_was_called(made, way):
    net, x = made
    y = net(x)
    again = way(net)
    assert type(again) is type(net)
    assert again is not net
    assert repr(again) == repr(net)
    assert list(again.collect_params()) == list(net.collect_params())
    assert [item.path for item in again.collect_params().values()] == list(net.collect_params())
    assert [block.name for _, block in again.walk()] == [block.name for _, block in net.walk()]
    assert_equal(values(again), values(net))
    assert_equal(again(x), y)
    assert not net._programs.general or again._programs is not net._programs


def test_every_protocol(made):
    net, x = made
    y = net(x)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert_equal(pickled(net, protocol)(x), y)


@every_deep_way
def test_a_network_that_waits_draws_the_same_values(made, way):
    net, x = made
    again = way(net)
    assert_equal(again(x), net(x))
    assert_equal(values(again), values(net))


@every_deep_way
def test_a_copy_of_a_network_is_independent(way):
    net = nn.Sequential(nn.Dense(5, activation="relu"), nn.BatchNorm(), nn.Dropout(0.4), nn.Dense(1))
    net.initialize(seed=1)
    x, y = ramp(6, 7), ramp(6, 1)
    before = net(x)
    again = way(net)
    trainer = Trainer(again.collect_params(), "adam")
    with autograd.record():
        lost = loss.L2Loss()(again(x), y)
    lost.backward()
    trainer.step(6)
    assert_equal(net(x), before)
    assert (again(x) != before).any()
    assert net[0].weight.grad().sum() == 0


@every_deep_way
def test_a_copy_goes_on_with_gradients_and_random_streams(way):
    net = nn.Sequential(nn.Dense(5), nn.Dropout(0.4), nn.Dense(1))
    net.initialize(seed=1)
    x = ramp(6, 7)

    def run(model):
        with autograd.record():
            lost = model(x).sum()
        lost.backward()

    run(net)
    again = way(net)
    assert again[0].weight.has_fresh_gradient
    assert_equal(again[0].weight.grad(), net[0].weight.grad())
    run(net), run(again)
    assert_equal(again[0].weight.grad(), net[0].weight.grad())


# ---------------------------------------------------------------------- ties and places


@every_deep_way
def test_ties_stay_ties(way):
    net = tied()
    net.initialize(force_reinit=True)
    again = way(net)
    assert again[1].weight.root is again[0].weight is again[2].weight is not net[0].weight
    assert [item.path for item in again.collect_params().values()] == [
        item.path for item in net.collect_params().values()
    ]
    again[1].weight.data()[2, 3] = 7
    assert again[2].weight.data()[3, 2] == 7
    assert list(again.collect_params().distinct()) == ["0.weight"]
    assert_equal(again(ramp(2, 11)), way(again)(ramp(2, 11)))


@every_deep_way
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_part_of_two_networks_keeps_its_place_whoever_comes_first(way, order):
    shared = nn.Dense(3, in_units=3)
    nets = nn.Sequential(nn.Dense(3, in_units=3), shared), nn.Sequential(shared)
    copies = way([nets[index] for index in order])
    first, second = (copies[place] for place in order)
    del copies
    assert second[0] is first[1]
    assert shared.path == second[0].path == "1"
    assert second[0].weight.path == "1.weight"
    del first
    gc.collect()
    assert second[0].weight.path == "0.weight"  # the next container that is alive


@every_deep_way
def test_a_tied_parameter_of_two_networks_keeps_its_path(way):
    one, other = nn.Sequential(nn.Dense(3, in_units=3)), nn.Sequential(nn.Flatten(), nn.Dense(3, in_units=3))
    other[1].weight = one[0].weight
    again, first = way((other, one))
    assert again[1].weight is first[0].weight
    assert again[1].weight.path == "0.weight"
    again, first = way((one[0].weight, other))
    assert again is first[1].weight
    assert again.path == "1.weight"  # its first owner is not there


def test_a_pickled_part_leaves_the_rest_behind():
    net = nn.Sequential(nn.Dense(300, in_units=300), nn.Dense(3, in_units=300))
    net.initialize()
    text = pickle.dumps(net[1])
    assert len(text) < 10_000
    assert pickle.loads(text).path == ""
    assert net[1].path == "1"


@every_deep_way
def test_slices_and_joined_losses(way):
    net = nn.Sequential(nn.Dense(5), nn.Dense(4), nn.Dense(3))
    net.initialize()
    net(ramp(2, 7))
    part = way(net[1:])
    assert_equal(part(ramp(2, 5)), net[1:](ramp(2, 5)))
    assert [item.path for item in part.collect_params().values()] == list(part.collect_params())
    joined = way(nn.WithLoss(net, loss.L2Loss()))
    assert joined.net[2].path == "2"
    assert_equal(joined(ramp(2, 7), ramp(2, 3)), nn.WithLoss(net, loss.L2Loss())(ramp(2, 7), ramp(2, 3)))


def test_a_shallow_copy_shares_parts_and_not_registers():
    net = nn.Sequential(nn.Dense(5), nn.Dense(3))
    net.initialize()
    net(ramp(2, 7))
    again = copy.copy(net)
    again.add(nn.Dense(2, in_units=3))
    again[2].initialize()
    assert len(net) == 2
    assert len(again) == 3
    assert again[0] is net[0]
    assert again[0].weight is net[0].weight
    assert net[0].path == "0"
    assert net[0].weight.path == "0.weight"
    assert again[2].path == "2"
    again.register_forward_hook(scaled)
    assert again(ramp(2, 7)).shape == (2, 2)
    assert_equal(net(ramp(2, 7)), pickled(net)(ramp(2, 7)))
    other = copy.copy(net[0])
    other.bias = Parameter("bias", shape=(5,))
    assert net[0].bias is not other.bias
    assert other.weight is net[0].weight
    net[0].weight.cast("float64")  # both see it
    assert again(ramp(2, 7)).dtype == np.float64
    del net
    gc.collect()
    assert again[0].path == "0"


# ---------------------------------------------------------------------- what users write


@every_deep_way
def test_attributes_and_containers_of_users(way):
    net = Noted(5, "hello")
    net.initialize()
    again = way(net)
    assert again.words == {"said": "hello"}
    assert again.words is not net.words
    assert again._rest[0] is again._children["rest0"] is not net._rest[0]
    assert again.table.grad_req == "null"
    assert again._rest[1].path == "rest1"


@every_deep_way
def test_users_say_what_is_pickled(way):
    again = way(nn.Sequential(Careful()))
    assert again[0].cache == ["new"]
    assert again[0].inner.path == "0.inner"
    again[0].inner = nn.Dense(4)  # the registers are whole
    assert list(again.collect_params()) == ["0.inner.weight", "0.inner.bias"]


@every_deep_way
def test_slots_and_links_upward(way):
    block = Slotted(3, in_units=2)
    block.extra = "more"
    assert way(block).extra == "more"
    again = way(Upward())
    assert again.inner._above[0] is again
    assert again.inner.path == "inner"


@every_deep_way
def test_hooks_go_along(way):
    net = nn.Sequential(nn.Dense(3, in_units=2))
    net.initialize()
    plain = net(ramp(4, 2))
    handle = net.register_forward_hook(scaled)
    again, its = way((net, handle))
    assert_equal(again(ramp(4, 2)), plain * 2)
    its.detach()
    assert_equal(again(ramp(4, 2)), plain)
    assert_equal(net(ramp(4, 2)), plain * 2)


def test_copies_don_t_count_as_new_blocks():
    class Numbered(nn.Dense):
        pass

    net = Numbered(3)
    copy.deepcopy(net), copy.copy(net)
    assert Numbered(3).name == "numbered1"


@every_way
def test_tensors_that_a_block_remembers(way):
    block = Remembering()
    block.initialize()
    block(ramp(2, 7))
    again = way(block)
    assert again.last.builder is again.weights[0].builder
    assert str(Graph(again.weights[0])) == str(Graph(block.weights[0]))
    assert str(again.last.type) == str(block.last.type)
    assert Graph(way(F.relu(F.input("x", (2, 3)))) * 2).inputs.keys() == {"x"}


# ---------------------------------------------------------------------- sizes, and what a pickle holds


def test_deep_and_long_networks():
    net = nn.Dense(3, in_units=3)
    for _ in range(200):
        net = nn.Sequential(net)
    for way in (copy.deepcopy, pickled):
        assert list(way(net).collect_params()) == list(net.collect_params())
    long = nn.Sequential(*(nn.Dense(3, in_units=3, use_bias=False) for _ in range(2000)))
    for way in (copy.deepcopy, pickled):
        again = way(long)
        assert again[1999].path == "1999"


def test_a_pickle_holds_neither_code_nor_programs():
    net = convolutional()
    net.initialize()
    blank = len(pickle.dumps(net))
    net(ramp(2, 3, 8, 8))
    text = pickle.dumps(net, 0) + pickle.dumps(net)
    words = [str(argument) for _, argument, _ in pickletools.genops(pickle.dumps(net))]
    assert not any(name in word for word in words for name in ("Executable", "Programs", "CodeType", "Graph"))
    assert b"def forward" not in text
    assert len(pickle.dumps(net)) - blank < sum(array.nbytes for array in values(net).values()) + 2000
    assert len(pickle.dumps(pickled(pickled(net)))) == len(pickle.dumps(pickled(net)))  # copies don't grow
    assert str(pickled(net)[0].origin) == str(net[0].origin)
