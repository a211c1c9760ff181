"""Public modules show what is public, and say what was meant by a name that is not there."""

import copy
import importlib
import inspect
import pickle
import pkgutil

import pytest

import graphinit
import passes
from graphinit import (
    autograd,
    data,
    init,
    loss,
    lr_scheduler,
    metric,
    nn,
    optimizer,
    random,
    trainer,
)
from graphinit import (
    functional as F,
)
from graphinit.errors import BlockError, GraphError, GraphInitError, UnknownNameError
from graphinit.foreign_names import FOREIGN
from graphinit.suggestions import nearest

USUAL = {
    "F": F, "autograd": autograd, "data": data, "graphinit": graphinit, "init": init, "loss": loss,
    "lr_scheduler": lr_scheduler, "metric": metric, "nn": nn, "optimizer": optimizer, "passes": passes,
    "random": random, "trainer": trainer,
}  # fmt: skip
"""Modules by the names that people import them by."""

MODULES = ["graphinit", "passes", *(place for place in graphinit._PLACES.values() if ":" not in place)]


@pytest.mark.parametrize("name", MODULES)
def test_dir_shows_public_names_only(name):
    module = importlib.import_module(name)
    inside = {item.name for item in pkgutil.iter_modules(getattr(module, "__path__", ()))}
    shown = {item for item in dir(module) if not item.startswith("_")}
    listed = set(getattr(module, "__all__", ())) or inside
    listed |= inside if name.endswith(".ops") else set()  # which is no face
    assert shown <= listed, shown - listed
    assert all(hasattr(module, item) for item in shown)


@pytest.mark.parametrize(
    "name", [name for name in MODULES if name.rpartition(".")[2] not in ("ir", "ops", "runtime")]
)
def test_every_public_name_is_shown(name):
    module = importlib.import_module(name)
    assert dir(module) == sorted(module.__all__)


@pytest.mark.parametrize(
    ("module", "wrong", "meant"),
    [
        (nn, "Dens", "did you mean 'Dense'?"),
        (nn, "dense", "did you mean 'Dense'?"),
        (nn, "Conv2DTransposee", "did you mean 'Conv2DTranspose'?"),
        (nn, "Linear", "it is nn.Dense here"),
        (nn, "LazyLinear", "it is nn.Dense here"),
        (nn, "Conv2d", "it is nn.Conv2D here"),
        (nn, "Module", "it is nn.Block here"),
        (nn, "BatchNorm2d", "it is nn.BatchNorm here"),
        (nn, "CrossEntropyLoss", "it is loss.SoftmaxCrossEntropyLoss here"),
        (F, "rleu", "did you mean 'relu'?"),
        (F, "conv2d", "it is F.conv here"),
        (F, "concatenate", "it is F.concat here"),
        (F, "permute", "it is F.transpose here"),
        (F, "cat", "it is F.concat here"),
        (init, "Xavir", "did you mean 'Xavier'?"),
        (init, "GlorotUniform", "it is init.Xavier here"),
        (loss, "L2", "did you mean 'L2Loss'?"),
        (loss, "MSELoss", "it is loss.L2Loss here"),
        (graphinit, "complie", "did you mean 'compile'?"),
        (optimizer, "Adma", "did you mean 'Adam'?"),
        (metric, "Acuracy", "did you mean 'Accuracy'?"),
        (lr_scheduler, "CosineSheduler", "did you mean 'CosineScheduler'?"),
        (lr_scheduler, "StepLR", "it is lr_scheduler.FactorScheduler here"),
        (data, "DataLoder", "did you mean 'DataLoader'?"),
        (autograd, "no_grad", "it is autograd.pause here"),
        (random, "sed", "did you mean 'seed'?"),
        (passes, "infer_shape", "it is passes.infer_shapes here"),
        (passes, "infershape", "did you mean"),
        (graphinit.errors, "ShapError", "did you mean 'ShapeError'?"),
    ],
)  # fmt: skip
def test_a_wrong_name_gets_a_suggestion(module, wrong, meant):
    with pytest.raises(AttributeError) as caught:
        getattr(module, wrong)
    assert str(caught.value).startswith(f"module {module.__name__!r} has no attribute {wrong!r}; {meant}")
    assert caught.value.name == wrong
    assert caught.value.obj is module


def test_a_name_like_no_other_gets_none():
    with pytest.raises(AttributeError, match=r"^module 'graphinit.nn' has no attribute 'Qqqqq'$"):
        nn.Qqqqq


@pytest.mark.parametrize("name", MODULES)
def test_python_still_gets_its_answers(name):
    module = importlib.import_module(name)
    assert not hasattr(module, "no_such_name")
    assert getattr(module, "no_such_name", 3) == 3
    assert inspect.ismodule(inspect.unwrap(module))
    inspect.getmembers(module)
    with pytest.raises(ImportError):
        exec(f"from {name} import no_such_name")
    for shown in getattr(module, "__all__", ()):
        value = getattr(module, shown)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert copy.deepcopy(value) is value
            assert pickle.loads(pickle.dumps(value)) is value


@pytest.mark.parametrize("module", FOREIGN)
def test_foreign_names_lead_somewhere_and_are_none_of_ours(module):
    known = importlib.import_module(module)
    for theirs, ours in FOREIGN[module].items():
        assert eval(ours, dict(USUAL)) is not None
        assert theirs.isidentifier()
        assert theirs not in dir(known), f"{module}.{theirs} exists"


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("dense", ["Dense", "Dropout"], "Dense"),
        ("adma", ["adamax", "adam"], "adam"),
        ("rleu", ["elu", "relu", "selu"], "relu"),
        ("weigth", ["weight", "width"], "weight"),
        ("x", ["y", "z"], None),
        ("anything", [], None),
        ("", ["a"], None),
        ("L2", ["L1Loss", "L2Loss"], "L2Loss"),
        ("zzz", iter(["ab", "cd"]), None),
    ],
)
def test_the_nearest_name(name, known, meant):
    assert nearest(name, known) == meant


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Dense(3, activaton="relu"), "Dense takes no argument 'activaton'; did you mean 'activation'?"),
        (lambda: nn.Dense(unit=3), "Dense takes no argument 'unit'; did you mean 'units'?"),
        (lambda: nn.Conv2D(channel=3), "Conv2D takes no argument 'channel'; did you mean 'channels'?"),
        (lambda: nn.LSTM(3, bidirectonal=True), "LSTM takes no argument 'bidirectonal'; did you mean 'bidirectional'?"),
        (lambda: nn.RNNCell(3, input_sizes=2), "RNNCell takes no argument 'input_sizes'; did you mean 'input_size'?"),
        (lambda: loss.L2Loss(wieght=2), "L2Loss takes no argument 'wieght'; did you mean 'weight'?"),
        (lambda: nn.Flatten(qqq=1), "Flatten takes no argument 'qqq'; it takes none"),
        (lambda: nn.Dropout(0.5, qqq=1), "Dropout takes no argument 'qqq'; it takes rate, axes"),
        (lambda: nn.Dense(3, activation="rleu"), "there is no activation 'rleu'; did you mean 'relu'?"),
        (lambda: nn.Conv2D(3, 3, layout="NHCW"), "layout is 'NCHW' or 'NHWC'; got 'NHCW'; did you mean"),
        (lambda: nn.Conv2D(3, 3, padding="smae"), "padding is 'same', 'valid' or numbers; got 'smae'; did you mean"),
        (lambda: nn.LSTM(3, layout="TCN"), "layout is 'TNC' or 'NTC'; got 'TCN'; did you mean 'TNC'?"),
        (lambda: nn.UpSample(2, "bilinaer"), "sample_type is 'nearest' or 'bilinear'; got 'bilinaer'; did you"),
        (lambda: nn.Lambda("rleu"), "graphinit.functional has no function 'rleu'; did you mean 'relu'?"),
        (lambda: init.create("xaiver"), "no initializer is registered as 'xaiver'; did you mean 'xavier'?"),
        (lambda: init.preset("pytorhc"), "there is no preset 'pytorhc'; did you mean 'pytorch'?"),
        (lambda: passes.pipeline("defualt"), "there is no pipeline 'defualt'; did you mean 'default'?"),
        (lambda: nn.Dense(3).trace()["wieght"], "the graph has no node named 'wieght'; did you mean 'weight'?"),
    ],
)  # fmt: skip
def test_wrong_arguments_get_suggestions(make, message):
    with pytest.raises(GraphInitError) as caught:
        make()
    assert message in caught.value.message


def test_wrong_keys_get_suggestions():
    net = nn.Sequential(nn.Dense(3))
    with pytest.raises(KeyError, match=r"  there is no parameter '0.weigth'; did you mean '0.weight'\?$"):
        net.collect_params()["0.weigth"]
    with pytest.raises(
        KeyError, match=r"  nothing in the graph is called '0.weigth'; did you mean '0.weight'\?$"
    ):
        passes.infer_shapes(net)["0.weigth"]
    with pytest.raises(GraphError, match=r"did you mean '0.bias'\?"):
        net.trace()["0.bais"]
    report = passes.infer_shapes(net)
    for table in (report, net.trace()):
        for key in ("0.weigth", 3, None, ("0", "weight"), net[0].weight):
            with pytest.raises(UnknownNameError) as caught:
                table[key]
            assert isinstance(caught.value, KeyError)
            assert caught.value.code == "GI106"
    assert 3 not in report
    assert report.get(3) is None
    assert "0.weigth" not in net.collect_params()


def test_arguments_that_a_subclass_takes_are_its_own():
    class Scaled(nn.Dense):
        def __init__(self, units, **options):
            self.scale = options.pop("scale", 1)
            super().__init__(units, **options)

    assert Scaled(3, scale=2, activation="relu").scale == 2

    class Plain(nn.Block):
        def __init__(self, width):
            super().__init__()

    with pytest.raises(BlockError, match="Plain takes no argument 'widht'; did you mean 'width'"):
        Plain(widht=3)


def test_look_ups_by_name_are_one_error_that_is_a_key_error():
    net = nn.Dense(3, in_units=2)
    graph = net.trace(x=(5, 2))
    report = passes.infer_shapes(graph)
    for known in (net.collect_params(), graph, report):
        with pytest.raises(UnknownNameError, match="'weigth'; did you mean 'weight'") as caught:
            known["weigth"]
        assert isinstance(caught.value, KeyError)
        assert (caught.value.code, str(caught.value).count("\n")) == ("GI106", 1)
    assert report.get("weigth", 7) == 7
    with pytest.raises(UnknownNameError, match="nothing in the graph is called 3; its inputs are x"):
        report.why(3)


def test_a_name_that_is_right_is_nearer_than_one_with_letters_swapped():
    assert nearest("form", ["from", "form"]) == "form"
    assert nearest("fomr", ["form", "foam"]) == "form"
