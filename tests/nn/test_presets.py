"""Presets: the defaults of other frameworks.

The figures were read off PyTorch 2.13.0, Keras 3.15.1 and Flax 0.12.8: standard deviation and greatest
absolute value of freshly made layers.
"""

import numpy as np
import pytest

from graphinit import init, nn
from graphinit.errors import ParameterError

DENSE = {"weight": (300, 400), "bias": (300,)}
CONV = {"weight": (300, 20, 5, 5), "bias": (300,)}
EMBEDDING = {"weight": (1000, 40)}
LSTM = {"l0_i2h_weight": (256, 30), "l0_h2h_weight": (256, 64), "l0_i2h_bias": (256,), "l0_h2h_bias": (256,)}

# preset, layer, shapes, role: standard deviation, greatest absolute value (None: unbounded)
FIGURES = [
    ("pytorch", "Dense", DENSE, "weight", 0.02885, 0.05),
    ("pytorch", "Dense", DENSE, "bias", 0.02887, 0.05),
    ("pytorch", "Conv2D", CONV, "weight", 0.02584, 0.04472),
    ("pytorch", "Conv2D", CONV, "bias", 0.02582, 0.04472),
    ("pytorch", "Embedding", EMBEDDING, "weight", 0.99815, None),
    ("pytorch", "LSTM", LSTM, "l0_i2h_weight", 0.07169, 0.125),
    ("pytorch", "LSTM", LSTM, "l0_h2h_weight", 0.07196, 0.125),
    ("pytorch", "LSTM", LSTM, "l0_h2h_bias", 0.07216, 0.125),
    ("keras", "Dense", DENSE, "weight", 0.05354, 0.09258),
    ("keras", "Dense", DENSE, "bias", 0.0, 0.0),
    ("keras", "Conv2D", CONV, "weight", 0.01582, 0.02739),
    ("keras", "Embedding", EMBEDDING, "weight", 0.02889, 0.05),
    ("keras", "LSTM", LSTM, "l0_i2h_weight", 0.08317, 0.14483),
    ("keras", "LSTM", LSTM, "l0_h2h_weight", 0.0625, None),
    ("keras", "LSTM", LSTM, "l0_i2h_bias", 0.43301, 1.0),
    ("flax", "Dense", DENSE, "weight", 0.05007, 0.11368),
    ("flax", "Dense", DENSE, "bias", 0.0, 0.0),
    ("flax", "Conv2D", CONV, "weight", 0.04481, 0.10168),
    ("flax", "Embedding", EMBEDDING, "weight", 0.15876, None),
    ("mxnet", "Dense", DENSE, "weight", 0.04041, 0.07),
    ("mxnet", "Dense", DENSE, "bias", 0.0, 0.0),
]


@pytest.mark.parametrize(("preset", "layer", "shapes", "role", "std", "bound"), FIGURES)
def test_distributions_are_those_of_the_framework(preset, layer, shapes, role, std, bound):
    chosen = init.preset(preset).choose(layer, role, shapes)
    values = init.draw(chosen, f"0.{role}", shapes[role], "float64")
    sampling = 4 / np.sqrt(2 * values.size)
    assert values.std() == pytest.approx(std, rel=sampling + 0.01)
    if bound is not None:
        assert np.abs(values).max() <= bound * 1.0005
        assert np.abs(values).max() >= bound * (0.9995 - 20 / values.size)


def test_recurrent_weights_of_keras_are_orthogonal():
    chosen = init.preset("keras").choose("LSTM", "l0_h2h_weight", LSTM)
    weight = init.draw(chosen, "w", (256, 64), "float64")
    np.testing.assert_allclose(weight.T @ weight, np.eye(64), atol=1e-12)


@pytest.mark.parametrize("preset", ["pytorch", "keras", "flax", "mxnet"])
def test_scales_are_one_and_shifts_zero(preset):
    rule = init.preset(preset)
    shapes = dict.fromkeys(("gamma", "beta", "running_mean", "running_var"), (5,))
    drawn = {
        role: init.draw(rule.choose("BatchNorm", role, shapes), role, (5,), "float32")[0] for role in shapes
    }
    assert drawn == {"gamma": 1, "beta": 0, "running_mean": 0, "running_var": 1}


def test_a_preset_is_for_networks():
    with pytest.raises(ParameterError, match="network"):
        init.draw(init.preset("flax"), "w", (2, 3), "float32")
    with pytest.raises(ParameterError, match="pytorch, keras, flax, mxnet"):
        init.preset("caffe")


def test_what_the_user_passed_stays():
    net = nn.Dense(3, in_units=4, weight_initializer=init.Constant(2))
    net.initialize(init.preset("pytorch"))
    assert (net.weight.data() == 2).all()
    assert net.bias.data().any()
