"""The models under examples/models against what was published of them."""

from __future__ import annotations

import importlib.util
import math
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from graphinit import init
from graphinit.cli import main
from passes import estimate_cost, infer_shapes

MODELS = Path(__file__).parents[2] / "examples" / "models"

TORCHVISION = "torchvision, `num_params` of the pretrained weights"


class Published(NamedTuple):
    """What was published of a model, and how it is run here."""

    file: str
    name: str
    channels: int
    parameters: int
    source: str
    published_on: tuple[int, int]
    output: tuple[int, ...]
    small: tuple[int, int]
    options: dict[str, int]


TABLE = [
    Published(
        "lenet",
        "lenet5",
        1,
        61_706,
        "LeCun et al. 1998, section II.B: C1 156, C5 48,120, F6 10,164; C3, connected to all maps, 2,416; output 850",
        (28, 28),
        (10,),
        (28, 28),
        {},
    ),
    Published(
        "alexnet",
        "alexnet",
        3,
        61_100_840,
        TORCHVISION,
        (224, 224),
        (1000,),
        (67, 71),
        {"classes": 7, "hidden": 11},
    ),
    Published(
        "vgg",
        "vgg11",
        3,
        132_863_336,
        TORCHVISION,
        (224, 224),
        (1000,),
        (32, 37),
        {"classes": 7, "hidden": 11},
    ),
    Published(
        "vgg",
        "vgg16",
        3,
        138_357_544,
        TORCHVISION,
        (224, 224),
        (1000,),
        (32, 37),
        {"classes": 7, "hidden": 11},
    ),
    Published(
        "nin",
        "nin",
        3,
        7_595_176,
        "Caffe's model zoo: the weights of NIN-Imagenet take 29 MB, in float32",
        (224, 224),
        (1000,),
        (67, 71),
        {"classes": 7},
    ),
    Published(
        "googlenet",
        "googlenet",
        3,
        6_998_552,
        "Caffe's bvlc_googlenet, deployed: 6,998,552 (Szegedy et al. 2015, table 1, adds up to 6.8 million)",
        (224, 224),
        (1000,),
        (64, 71),
        {"classes": 7},
    ),
    Published(
        "resnet", "resnet18", 3, 11_689_512, TORCHVISION, (224, 224), (1000,), (32, 37), {"classes": 7}
    ),
    Published(
        "resnet", "resnet50", 3, 25_557_032, TORCHVISION, (224, 224), (1000,), (32, 37), {"classes": 7}
    ),
    Published(
        "densenet",
        "densenet121",
        3,
        7_978_856,
        TORCHVISION,
        (224, 224),
        (1000,),
        (32, 37),
        {"classes": 7, "growth": 5},
    ),
    Published(
        "mobilenet", "mobilenet_v2", 3, 3_504_872, TORCHVISION, (224, 224), (1000,), (32, 37), {"classes": 7}
    ),
    Published(
        "unet",
        "unet",
        1,
        31_030_658,
        "the paper's 23 convolutions (figure 1), counted layer by layer: 31.03 million",
        (512, 512),
        (2, 512, 512),
        (16, 32),
        {"classes": 3, "width": 2},
    ),
]
every_model = pytest.mark.parametrize("model", TABLE, ids=lambda model: model.name)


@cache
def module(file):
    spec = importlib.util.spec_from_file_location(file, MODELS / f"{file}.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def build(model, **options):
    return getattr(module(model.file), model.name)(**options)


def count(net, report):
    trained = [name for name, p in net.collect_params().distinct().items() if p.grad_req != "null"]
    return sum(math.prod(report[name]) for name in trained)


@every_model
def test_parameters_and_output_as_published(model):
    net = build(model)
    report = infer_shapes(net.trace(), x=(3, model.channels, *model.published_on))
    report.raise_errors()
    assert count(net, report) == model.parameters, model.source
    assert report["y"] == (3, *model.output)


@every_model
def test_shapes_hold_for_every_batch_and_image(model):
    net = build(model)
    report = infer_shapes(net.trace(), x=("batch", model.channels, "h", "w"))
    assert report.ok, report.errors
    assert report["y"][0] == "batch"
    height, width = model.published_on
    assert report.accepts(batch=1, h=height, w=width)
    if model.name != "lenet5":  # its dense layer is as wide as the image makes it
        assert count(net, report) == model.parameters


# Thousands of millions of multiplications with an addition: torchvision, `_ops` of the pretrained weights.
OPERATIONS = {
    "alexnet": 0.714,
    "vgg11": 7.609,
    "vgg16": 15.47,
    "resnet18": 1.814,
    "resnet50": 4.089,
    "densenet121": 2.834,
    "mobilenet_v2": 0.301,
}


@pytest.mark.parametrize(
    "model", [model for model in TABLE if model.name in OPERATIONS], ids=lambda model: model.name
)
def test_costs_are_those_published(model):
    report = infer_shapes(build(model).trace(), x=(1, model.channels, *model.published_on))
    costs = estimate_cost(report.graph)
    flops = sum(cost.flops for name, cost in costs.items() if costs.ops[name] in ("conv", "linear"))
    assert flops / 2e9 == pytest.approx(OPERATIONS[model.name], rel=1e-3)


def test_unet_needs_sizes_that_halve_four_times():
    report = infer_shapes(module("unet").unet().trace(), x=("batch", 1, "h", "w"))
    assert report.accepts(batch=1, h=48, w=16)
    assert not report.accepts(batch=1, h=40, w=16)
    assert report["y"] == ("batch", 2, "h", "w")


@every_model
def test_it_runs_at_a_small_size(model):
    net = build(model, **model.options)
    net.initialize(init.Xavier())
    x = np.random.default_rng(0).random((2, model.channels, *model.small), np.float32)
    y = net(x)
    report = infer_shapes(net.trace(), x=x)
    assert y.shape == report["y"]
    assert np.isfinite(y).all()


@every_model
def test_the_command_checks_it(model, capsys):
    target = f"{MODELS / model.file}.py:{model.name}"
    assert main(["check", target, f"x=batch,{model.channels},h,w"]) == 0
    assert "batch" in capsys.readouterr().out


@pytest.mark.parametrize("file", sorted({model.file for model in TABLE}))
def test_the_example_holds(file, capsys):
    module(file).main()
    assert "trained parameters" in capsys.readouterr().out
