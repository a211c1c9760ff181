"""What no pickle holds is refused with words that say where it stands, and copies all the same."""

import copy
import functools
import pickle
import sys
from collections import defaultdict

import pytest

from graphinit import data, loss, nn, optimizer
from graphinit.copying import Holders, Portable, find_nameless, has_name
from graphinit.errors import BlockError, CallError, GraphError, GraphInitError, ParameterError
from graphinit.initializers.base import Initializer
from graphinit.ir.origin import Origin, here
from graphinit.parameter import Parameter
from graphinit.trainer import Trainer
from graphinit.training import compile_step

from .ways import assert_equal, pickled, ramp

module_level = lambda x: x * 2  # noqa: E731  (it is known as "<lambda>")
WHAT_TO_DO = "define it with def or class at the top level of a module"


def doubled(x):
    return x * 2


class Holding(nn.Block):
    def __init__(self, **held):
        super().__init__()
        vars(self).update(held)

    def forward(self, x):
        return x


class Plain:
    def __init__(self, function):
        self.function = function


def refused(thing, kind=GraphInitError):
    messages = set()
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(kind) as caught:
            pickle.dumps(thing, protocol)
        messages.add(str(caught.value))
    (message,) = messages
    assert WHAT_TO_DO in message
    copy.copy(thing), copy.deepcopy(thing)
    return caught.value


def test_the_message_names_layer_attribute_and_line():
    net = nn.Sequential(nn.Dense(3), nn.Sequential(nn.Lambda(lambda x: x * 2)))
    net.initialize()
    y = net(ramp(2, 5))
    error = refused(net, BlockError)
    line = test_the_message_names_layer_attribute_and_line.__code__.co_firstlineno + 1
    assert error.path == "1.0"
    assert str(error) == (
        "GI407 bad argument of a block at 1.0\n"
        f"  Lambda '1.0' cannot be pickled: its attribute _function is a lambda (test_refusals.py:{line}); pickle "
        "finds functions and classes by their names, so define it with def or class at the top level of a module "
        "(copy.deepcopy takes it as it is)"
    )
    assert_equal(copy.deepcopy(net)(ramp(2, 5)), y)
    net[1]._children["0"]._function = doubled
    assert_equal(pickled(net)(ramp(2, 5)), y)


def local_function():
    def inside(x):
        return x

    return inside


def local_class():
    class Inside:
        pass

    return Inside


@pytest.mark.parametrize(
    ("held", "place", "words"),
    [
        (local_function(), "held", "the function 'inside' (test_refusals.py:"),
        (local_class(), "held", "the class 'Inside', defined inside 'local_class'"),
        (local_class()(), "held", "of the class 'Inside'"),
        (module_level, "held", "a lambda"),
        ([doubled, {"key": module_level}], "held[1]['key']", "a lambda"),
        ((1, (2, module_level)), "held[1][1]", "a lambda"),
        (functools.partial(doubled, x=module_level), "held.keywords['x']", "a lambda"),
        (functools.partial(module_level, 2), "held.func", "a lambda"),
        (defaultdict(local_function()), "held.default_factory", "the function 'inside'"),
        (Plain(Plain(module_level)), "held.function.function", "a lambda"),
        ({module_level.__name__: {module_level}}, "held['<lambda>'][0]", "a lambda"),
    ],
)
def test_wherever_it_stands(held, place, words):
    net = nn.Sequential(nn.Dense(2), Holding(first=doubled, held=held))
    error = refused(net, BlockError)
    assert error.path == "1"
    assert f"Holding '1' cannot be pickled: its attribute {place} is {words}" in error.message


def test_hooks_classes_and_losses():
    net = nn.Sequential(nn.Dense(2))
    net.register_forward_hook(lambda block, inputs, output: None)
    assert "attribute _hooks[0] is a lambda" in refused(net).message

    class Local(nn.Dense):
        pass

    error = refused(nn.Sequential(Local(2)))
    assert (
        "Local '0' cannot be pickled: its class is the class 'Local', defined inside 'test_" in error.message
    )
    assert (
        "attribute loss_fn is a lambda"
        in refused(compile_step(nn.Dense(2), lambda a, b: a - b, "sgd")).message
    )
    assert "attribute loss is a lambda" in refused(nn.WithLoss(nn.Dense(2), lambda a, b: a - b)).message


def test_initializers_and_parameters():
    class Local(Initializer):
        pass

    own = nn.Sequential(nn.Dense(2, weight_initializer=lambda rng, shape, dtype: None))
    assert "Parameter '0.weight' cannot be pickled: its attribute init is a lambda" in refused(own).message
    assert refused(own, ParameterError).path == "0.weight"
    waiting = nn.Sequential(nn.Dense(2))
    waiting.initialize(lambda rng, shape, dtype: None)
    assert "its attribute wish.initializer is a lambda" in refused(waiting).message
    alone = Parameter("w", shape=(2,), init=Local())
    assert (
        "Parameter 'w' cannot be pickled: its attribute init is of the class 'Local'"
        in refused(alone).message
    )
    error = refused(own.trace(), GraphError)
    assert error.node == "0.weight"
    assert "attribute init of '0.weight' is a lambda" in error.message


def test_optimizers_and_loaders():
    sgd = optimizer.SGD(lr_scheduler=lambda update: 0.1)
    assert "this SGD cannot be pickled: its attribute lr_scheduler is a lambda" in refused(sgd).message
    assert "attribute lr_scheduler" in refused(Trainer([Parameter(shape=(2,))], sgd), ParameterError).message
    loader = data.DataLoader([1, 2], 1, batchify_fn=lambda samples: samples)
    assert "this DataLoader cannot be pickled: its attribute _batchify" in refused(loader, CallError).message


def test_what_has_a_name_passes():
    parts = {"f": doubled, "g": [len, ramp.__call__, "text"], "kinds": (int, Plain, loss.L2Loss)}
    parts |= {
        "h": functools.partial(doubled, 3),
        "p": Plain(doubled),
        "d": defaultdict(list),
        "m": "abc".upper,
    }
    assert find_nameless(parts) is None
    assert pickled(Holding(**parts)).f is doubled
    around = [parts]
    around.append(around)
    assert find_nameless({"a": around}) is None
    assert not has_name(module_level)
    assert not has_name(local_class())


# ---------------------------------------------------------------------- the parts it is made of


def test_holders_keep_order_and_nobody_alive():
    first, second, third = Portable(), Portable(), Portable()
    held = Holders()
    held.add(second, "b", rank=3)
    held.add(first, "a", rank=1)
    held.add(third, "c")
    held.add(second, "b")  # it is there already
    assert [key for _, key in held] == ["a", "b", "c"]
    assert held.ranks(second) == [(3, "b")]
    assert held.ranks(third) == [(4, "c")]
    held.remove(first)
    del second
    assert [key for _, key in held] == ["c"]


def test_origins_lose_their_code_and_keep_their_line():
    origin = here()
    again = pickled(origin)
    assert str(again) == str(origin)
    assert again.code is None
    assert again.file == origin.file
    assert copy.deepcopy(origin) is origin
    assert again == Origin(origin.file, None, origin.line)


def test_code_made_at_run_time_is_not_kept_for_ever():
    origins = sys.modules["graphinit.ir.origin"]
    for number in range(2 * origins._KEPT):
        exec(f"def made_{number}(): return here()\nmade_{number}()", {"here": here})
    assert len(origins._is_ours) <= origins._KEPT
