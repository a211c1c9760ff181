"""Errors copy, pickle and cross processes with everything that they say."""

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import graphinit
from graphinit import nn
from graphinit.errors import BlockError, GraphInitError, ShapeError
from passes.shape_inference import infer_shapes

from .ways import WAYS, assert_equal, ramp

every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)

FIELDS = {
    "code": "GI209",
    "node": "head",
    "path": "body.head",
    "axis": 2,
    "where": "net.py:3",
    "origins": ("net.py:1 says so",),
    "fixes": ("drop in_units=3", "and more"),
    "details": ("one\nline", "another"),
    "trail": ("x", "head"),
}


def classes(cls=GraphInitError):
    """Give a class and all that derive from it, in one order in every process."""
    yield cls
    for derived in sorted(cls.__subclasses__(), key=lambda each: each.__name__):
        yield from classes(derived)


class Needing(BlockError):
    """A user's error whose constructor takes something else than a message."""

    def __init__(self, layer, *, wanted):
        super().__init__(f"{layer} wants {wanted}", path=layer)
        self.wanted = wanted


class Silent(ShapeError):
    def __init__(self):
        super().__init__("nothing to say")


OURS = [cls for cls in dict.fromkeys(classes()) if cls.__module__ == "graphinit.errors"]


@every_way
@pytest.mark.parametrize("cls", OURS, ids=lambda cls: cls.__name__)
def test_every_class_keeps_every_field(way, cls):
    error = cls("sizes clash\nbadly", **FIELDS)
    error.add_note("seen while testing")
    error.more = {"own": [1, 2]}
    again = way(error)
    assert type(again) is cls
    assert again is not error
    assert str(again) == str(error)
    assert repr(again) == repr(error)
    assert again.args == error.args
    assert again.to_json() == error.to_json()
    assert vars(again) == vars(error)
    assert again.__notes__ == ["seen while testing"]
    assert str(way(cls("plain"))) == str(cls("plain"))


@every_way
def test_classes_of_users(way):
    error = way(Needing("body", wanted=3))
    assert type(error) is Needing
    assert error.wanted == 3
    assert error.path == "body"
    assert str(error) == str(Needing("body", wanted=3))
    silent = way(Silent())
    assert silent.message == "nothing to say"
    assert silent.others == ()


def two_mistakes():
    net = nn.Sequential(nn.Dense(3), nn.Dense(2, in_units=4), nn.Dense(5, in_units=7))
    return infer_shapes(net.trace(), x=("batch", 2))


def raised(action, *args, **kwargs):
    with pytest.raises(GraphInitError) as caught:
        action(*args, **kwargs)
    return caught.value


@every_way
def test_what_inference_raises(way):
    error = raised(two_mistakes().raise_errors)
    assert len(error.others) == 1
    assert error.fixes
    again = way(error)
    assert str(again) == str(error)
    assert [str(other) for other in again.others] == [str(other) for other in error.others]
    assert_whole(again.report, error.report)


def assert_whole(again, report):
    assert dict(again) == dict(report)
    assert str(again) == str(report)
    assert list(map(str, again.errors)) == list(map(str, report.errors))
    assert again.graph == report.graph
    assert str(again.graph) == str(report.graph)
    assert str(again.why("x")) == str(report.why("x"))
    assert again.to_json() == report.to_json()


@every_way
def test_what_calls_raise(way):
    dense = nn.Dense(3, in_units=2)
    mistakes = [raised(dense, ramp(4, 2)), raised(dense.weight.data), raised(nn.Dense, -3)]
    dense.initialize()
    mistakes += [raised(dense, ramp(4, 5)), raised(dense, "text"), raised(setattr, dense, "weight", 3)]
    exe = graphinit.compile(dense, x=(4, 2))
    mistakes += [raised(exe.backward), raised(exe.forward), raised(exe.forward, ramp(4, 5))]
    table = nn.Embedding(5, 3)
    table.initialize()
    mistakes.append(raised(table, np.array([7])))
    for error in mistakes:
        again = way(error)
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert again.node == error.node


def test_an_error_crosses_without_what_no_pickle_holds():
    net = nn.Sequential(
        nn.Dense(3, weight_initializer=lambda rng, shape, dtype: None), nn.Dense(2, in_units=4)
    )
    error = raised(infer_shapes(net.trace(), x=(1, 2)).raise_errors)
    error.held = lambda: 1
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.report is None
    assert again.held is None
    assert copy.deepcopy(error).report is error.report


def test_errors_and_results_cross_to_other_processes_and_back():
    report = two_mistakes()
    net = nn.Sequential(nn.Dense(3, in_units=2), nn.Dropout(0.5))
    net.initialize()
    expected = raised(report.raise_errors)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        run = pool.submit(net, ramp(4, 2))
        compiled = pool.submit(graphinit.compile, net, x=(4, 2))
        error = raised(pool.submit(report.raise_errors).result)
        called = raised(pool.submit(net, ramp(4, 5)).result)
        assert_equal(run.result(), net(ramp(4, 2)))
        assert_equal(compiled.result().forward(ramp(4, 2)), net(ramp(4, 2)))
    assert type(error) is ShapeError
    assert str(error) == str(expected)
    assert error.to_json() == expected.to_json()
    assert list(map(str, error.others)) == list(map(str, expected.others))
    assert_whole(error.report, expected.report)
    assert called.fixes == raised(net, ramp(4, 5)).fixes
    assert "test_errors.py" in str(called)
