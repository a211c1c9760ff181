"""The sequence models of the examples: published numbers of parameters, symbolic shapes, a small run.

Everything is counted from shapes: no parameter of a full-sized model is ever allocated.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from graphinit.cli import main
from passes.cost import estimate_cost
from passes.shape_inference import infer_shapes

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "models"


def load(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def count(net, **inputs):
    report = infer_shapes(net.trace(**inputs))
    report.raise_errors()
    assert all(parameter.is_waiting or parameter._data is None for parameter in net.collect_params().values())
    return estimate_cost(report).parameters


IDS = "int64[batch, length]"


@pytest.mark.parametrize(
    ("size", "parameters"),
    [
        # The hub's figures for gpt2, gpt2-medium, gpt2-large and gpt2-xl: huggingface.co/openai-community;
        # OpenAI rounds them to 124M, 355M, 774M and 1558M (github.com/openai/gpt-2).
        ("small", 124_439_808),
        ("medium", 354_823_168),
        ("large", 774_030_080),
        ("xl", 1_557_611_200),
    ],
)
def test_gpt2_has_as_many_parameters_as_published(size, parameters):
    module = load("gpt2")
    num_layers, units, num_heads = module.SIZES[size]
    net = module.GPT2(num_layers=num_layers, units=units, num_heads=num_heads)
    assert count(net, ids=IDS) == parameters


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        # num_params of ViT_B_16_Weights, ViT_B_32_Weights and ViT_L_16_Weights (IMAGENET1K_V1) in the
        # documentation of torchvision.
        ({}, 86_567_656),
        ({"patch": 32}, 88_224_232),
        ({"num_layers": 24, "units": 1024, "num_heads": 16, "hidden_size": 4096}, 304_326_632),
    ],
)
def test_vit_has_as_many_parameters_as_published(options, parameters):
    assert count(load("vit").ViT(**options), x=("batch", 3, 224, 224)) == parameters


def test_the_transformer_has_as_many_parameters_as_its_description_gives():
    # "Attention is all you need", table 3: d_model 512, d_ff 2048, h 8, N 6, 37,000 shared tokens; it
    # rounds to 65 million.  Without the embedding and with two more normalisations these are the
    # layers of torch.nn.Transformer() by its documented defaults.
    module = load("transformer")
    specs = {"source": "int64[batch, s]", "target": "int64[batch, t]"}
    attention = 4 * (512 * 512 + 512)
    ffn = 512 * 2048 + 2048 + 2048 * 512 + 512
    norm = 2 * 512
    layers = 6 * (attention + ffn + 2 * norm) + 6 * (2 * attention + ffn + 3 * norm)
    assert layers + 2 * norm == 44_140_544
    assert count(module.Transformer(), **specs) == layers + 37_000 * 512 == 63_082_496
    assert count(module.Transformer(final_norm=True), **specs) == 44_140_544 + 37_000 * 512


def test_the_character_lstm_has_as_many_parameters_as_char_rnn():
    # github.com/karpathy/char-rnn with its defaults (128 units, 2 layers) on 65 characters: four linear
    # maps into the gates of a cell, each with a bias, and one to the scores.
    cells = 4 * 128 * (65 + 1) + 3 * 4 * 128 * (128 + 1)
    assert count(load("char_lstm").CharLSTM(), ids=IDS) == cells + 65 * (128 + 1) == 240_321


# --- symbolic shapes --------------------------------------------------------------------------


def test_outputs_keep_their_symbols():
    assert infer_shapes(load("char_lstm").net.trace(ids=IDS))["y"] == ("batch", "length", 65)
    report = infer_shapes(load("gpt2").net.trace(ids=IDS))
    assert report["y"] == ("batch", "length", 50_257)
    assert [str(requirement) for requirement in report.requirements] == ["length <= 1024"]
    report = infer_shapes(load("transformer").net.trace(source="int64[batch, s]", target="int64[batch, t]"))
    assert report["y"] == ("batch", "t", 37_000)
    assert not report.requirements


def test_vit_requires_as_many_patches_as_positions():
    report = infer_shapes(load("vit").net.trace(x=("batch", 3, "height", "width")))
    assert report.ok
    assert report["y"] == ("batch", 1000)
    assert report.accepts(batch=2, height=224, width=224)
    assert not report.accepts(batch=2, height=224, width=240)


def test_a_recurrence_is_a_node_for_each_layer():
    graph = load("char_lstm").net.trace(ids=IDS)
    assert [node.op for node in graph].count("lstm") == 2


def test_the_embedding_of_gpt2_is_one_node():
    graph = load("gpt2").net.trace(ids=IDS)
    users = graph.users()["embedding.weight"]
    assert sorted(node.op for node, _ in users) == ["linear", "take"]


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("char_lstm", ["ids=int64:batch,length"]),
        ("gpt2", ["ids=int64:batch,length"]),
        ("transformer", ["source=int64:batch,s", "target=int64:batch,t"]),
        ("vit", ["x=batch,3,height,width"]),
    ],
)
def test_the_command_line_checks_them(name, inputs, capsys):
    assert main(["check", f"{FOLDER / name}.py:net", *inputs]) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["models/char_lstm", "models/gpt2", "models/transformer", "models/vit", "fancy_mlp"]
)
def test_examples_run_at_a_small_size(name, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / f"{name}.py")],
        cwd=tmp_path, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(tmp_path.iterdir())
