"""Initializers: their distributions, their names, and the three ways to write one's own."""

import math

import numpy as np
import pytest

from graphinit import init
from graphinit.errors import ParameterError

UNIFORM_BOUND = {
    (257, 31): {"avg": math.sqrt(3 / 144), "in": math.sqrt(3 / 31), "out": math.sqrt(3 / 257)},
    (13, 7, 3, 5): {"avg": math.sqrt(3 / 150), "in": math.sqrt(3 / 105), "out": math.sqrt(3 / 195)},
}


@pytest.mark.parametrize("shape", UNIFORM_BOUND)
@pytest.mark.parametrize("factor", ["avg", "in", "out"])
def test_xavier_uniform_reaches_its_bound_and_no_further(shape, factor):
    values = init.draw(init.Xavier("uniform", factor), "0.weight", shape, "float64")
    bound = UNIFORM_BOUND[shape][factor]
    assert np.abs(values).max() <= bound
    assert np.abs(values).max() > 0.98 * bound
    assert abs(values.var() / (bound**2 / 3) - 1) < 0.1


def test_xavier_gaussian_has_its_deviation():
    values = init.draw(init.Xavier("gaussian", "in", 2), "0.weight", (301, 47), "float64")
    assert abs(values.std() / math.sqrt(2 / 47) - 1) < 0.03


def test_msra_prelu_is_xavier_for_a_slope():
    values = init.draw(init.MSRAPrelu("in", 0.25), "0.weight", (301, 47), "float64")
    assert abs(values.std() / math.sqrt(2 / (1 + 0.0625) / 47) - 1) < 0.03


@pytest.mark.parametrize("shape", [(5, 7), (7, 5), (5, 3, 2)])
def test_orthogonal_rows_or_columns(shape):
    matrix = init.draw(init.Orthogonal(1.5), "w", shape, "float64").reshape(shape[0], -1)
    gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(gram, 2.25 * np.eye(len(gram)), atol=1e-12)


def test_lstm_bias_and_bilinear():
    np.testing.assert_array_equal(
        init.draw(init.LSTMBias(2.0), "b", (8,), "float32"), [0, 0, 2, 2, 0, 0, 0, 0]
    )
    kernel = init.draw(init.Bilinear(), "w", (1, 1, 4, 4), "float64")[0, 0]
    np.testing.assert_allclose(kernel[0], [0.0625, 0.1875, 0.1875, 0.0625])


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("xavier", init.Xavier()),
        ("Zeros", init.Zero()),
        ("one", init.One()),
        ('["constant", {"value": 9}]', init.Constant(9)),
        ('["uniform", {"scale": 0.3}]', init.Uniform(0.3)),
        ('["msraprelu", {"factor_type": "in", "slope": 0.1}]', init.MSRAPrelu("in", 0.1)),
    ],
)
def test_create_by_name_and_by_json(text, made):
    assert init.create(text) == made
    assert init.create(made.dumps()) == made
    assert init.create(made) is made


@pytest.mark.parametrize("bad", ["foo", 3, None, init.Xavier, '["constant", 3]', '["uniform", {"wide": 1}]'])
def test_what_is_no_initializer(bad):
    with pytest.raises(ParameterError, match="GI405"):
        init.create(bad)


def test_a_registered_class_is_found_by_name():
    @init.register
    class ThirdsForTest(init.Initializer):
        def _init_weight(self, name, data):
            data[:] = 1 / 3

    assert init.create("thirdsfortest") == ThirdsForTest()


class Recorded(init.Initializer):
    def __init__(self):
        super().__init__()
        self.seen = []

    def _init_weight(self, name, data):
        self.seen.append((str(name), name.path, data.shape, data.dtype.name))
        data += 3


def test_a_subclass_sees_leaf_path_and_zeros():
    recorded = Recorded()
    values = init.draw(recorded, "body.0.weight", (2, 5), "float64")
    assert recorded.seen == [("weight", "body.0.weight", (2, 5), "float64")]
    np.testing.assert_array_equal(values, np.full((2, 5), 3.0))


class KerasStyle:
    def __call__(self, shape, dtype=None):
        return np.full(shape, 7, dtype)


class KerasSubclass(init.Initializer):
    def __call__(self, shape, dtype=None):
        return np.full(shape, 8, dtype)


def jax_style(rng, shape, dtype):
    return rng.uniform(-10, 10, shape).astype(dtype)


def test_objects_with_call_and_functions():
    assert init.draw(KerasStyle(), "w", (3,), "float32").tolist() == [7, 7, 7]
    assert init.draw(KerasSubclass(), "w", (3,), "float32").tolist() == [8, 8, 8]
    one, other, third = (init.draw(jax_style, path, (4, 3), "float32") for path in ("a", "a", "b"))
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, third)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda rng, shape, dtype: np.zeros((5, 7)), r"shape \(5, 7\) for a parameter of shape \(3,\)"),
        (lambda rng, shape, dtype: np.zeros(shape, complex), "complex128 values"),
    ],
)
def test_an_initializer_that_gives_something_else(function, words):
    with pytest.raises(ParameterError, match=words):
        init.draw(function, "w", (3,), "float32")


@pytest.mark.parametrize(
    ("initializer", "shape"),
    [
        (init.Xavier(), (3,)),
        (init.Bilinear(), (3, 5)),
        (init.LSTMBias(), ()),
        (init.Constant([1, 2]), (3, 5)),
        (init.preset("keras"), (3, 5)),
    ],
)
def test_initializers_that_cannot(initializer, shape):
    with pytest.raises(ParameterError, match="GI404"):
        init.draw(initializer, "w", shape, "float32")


def test_by_the_end_of_a_name():
    data = np.zeros(2)
    for name, value in {"w_weight": 5, "fc_bias": 0, "bn_gamma": 1, "beta": 0}.items():
        init.Constant(5)(name, data)
        assert data.tolist() == [value, value]
    with pytest.raises(ValueError, match="foo"):
        init.Constant(5)("foo", data)
