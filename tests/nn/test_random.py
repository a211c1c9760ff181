"""Random streams: by seed and path alone; MXNet's own on request."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphinit import random
from graphinit.errors import ParameterError


@given(st.integers(0, 2**40), st.text(max_size=8), st.integers(0, 37), st.integers(0, 37))
def test_longer_draws_begin_with_shorter_ones(seed, path, few, more):
    for draw in ("uniform", "normal"):
        short = getattr(random.PathStream(seed, path), draw)(size=few)
        long = getattr(random.PathStream(seed, path), draw)(size=few + more)
        np.testing.assert_array_equal(long[:few], short)


def test_streams_differ_by_seed_and_by_path():
    drawn = {
        random.PathStream(seed, path).uniform(size=1)[0]
        for seed in (0, 1)
        for path in ("0.weight", "1.weight")
    }
    assert len(drawn) == 4


def test_values_are_frozen():
    """These are the values that every platform and every later version must give."""
    stream = random.PathStream(0, "0.weight")
    np.testing.assert_array_equal(stream.uniform(size=2), FROZEN_UNIFORM)
    np.testing.assert_allclose(random.PathStream(7, "b").normal(size=3), FROZEN_NORMAL, rtol=4e-16)


FROZEN_UNIFORM = [0.7741726003018775, 0.8737032904473344]
FROZEN_NORMAL = [-0.8723368363794902, -0.8846713988675141, -0.19272517178134785]


def test_moments():
    uniform = random.PathStream(3, "p").uniform(-2, 6, size=100_003)
    normal = random.PathStream(3, "p").normal(5, 2, size=100_003)
    assert uniform.min() >= -2
    assert uniform.max() < 6
    assert abs(uniform.mean() - 2) < 0.03
    assert abs(uniform.var() - 64 / 12) < 0.05
    assert abs(normal.mean() - 5) < 0.03
    assert abs(normal.std() - 2) < 0.02


def test_the_sequential_stream_restarts_with_its_seed():
    random.seed(11)
    first = random.normal(size=(3, 5))
    again = random.normal(size=(3, 5))
    random.seed(11)
    np.testing.assert_array_equal(random.normal(size=(3, 5)), first)
    assert not np.array_equal(first, again)
    random.seed(0)


def test_a_scheme_ends_with_its_block():
    random.seed(0)
    with random.scheme("mxnet-np"):
        np.testing.assert_allclose(random.uniform(size=3), [0.548813522, 0.592844605, 0.715189338], rtol=1e-7)
        np.testing.assert_allclose(
            random.normal(size=5), [0.328879774, 1.10177457, 0.142168, 1.13379669, -0.250764549], rtol=1e-6
        )
    inside = random.uniform(size=3)
    assert not np.allclose(inside, [0.548813522, 0.592844605, 0.715189338])
    random.seed(0)


@pytest.mark.parametrize("bad", [1.5, "0", None, True])
def test_a_seed_is_an_integer(bad):
    with pytest.raises(ParameterError, match="GI405"):
        random.seed(bad)


def test_unknown_scheme():
    with pytest.raises(ParameterError, match="mxnet-np"):
        random.scheme("torch")


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: random.uniform("a"), "low is a finite number, not 'a'"),
        (lambda: random.normal(0, None), "scale is a finite number, not None"),
        (lambda: random.uniform(0, 1, "a"), "a shape is a size or a tuple of sizes, not 'a'"),
        (lambda: random.normal(0, 1, (2.5,)), "a shape is a size or a tuple of sizes, not (2.5,)"),
        (lambda: random.uniform(shape=-1), "a shape is a size or a tuple of sizes, not -1"),
    ],
)
def test_bad_draws_are_refused(draw, words):
    before = random.place()
    with pytest.raises(ParameterError) as caught:
        draw()
    assert caught.value.message == words
    assert random.place() == before


def test_numbers_of_numpy_draw_what_plain_ones_draw():
    random.seed(3)
    plain = random.uniform(0, 2, (3, 5))
    random.seed(3)
    assert (random.uniform(np.int64(0), np.float32(2), np.array([3, 5])) == plain).all()


@pytest.mark.parametrize("draw", [random.uniform, random.normal])
def test_sizes_of_what_is_drawn(draw):
    random.seed(3)
    assert draw(size=None).shape == draw().shape == ()
    assert draw(size=[2, np.int64(3)]).shape == draw(shape=(2, 3)).shape == (2, 3)
    assert draw(size=0).shape == (0,)
    for bad in -1, 2.5, "2", (2, -3), (2, 1.5), True:
        with pytest.raises(ParameterError, match="a shape is a size or a tuple of sizes, not"):
            draw(size=bad)
