"""Layers on images, and normalisation: what they compute, keep and refuse."""

import numpy as np
import pytest

import graphinit
from graphinit import functional as F
from graphinit import init, nn
from graphinit.errors import ArrayError, BlockError, ShapeError, ValueRangeError
from graphinit.nn.images import LAYOUTS
from passes import infer_shapes


def random(*shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def ready(net, initializer=None):
    net.initialize(initializer or init.Normal(0.5))
    return net


# --- batch normalisation ----------------------------------------------------------------------


def test_running_statistics_move_when_backward_succeeds_and_only_then():
    norm = ready(nn.BatchNorm(momentum=0.75))
    x = random(5, 3, 2) * 3 + 1
    exe = graphinit.compile(norm, train=True, x=x.shape)
    exe.forward(x)
    assert norm.running_mean.data().tolist() == [0, 0, 0]
    exe.backward()
    np.testing.assert_allclose(norm.running_mean.data(), 0.25 * x.mean((0, 2)), rtol=1e-5)
    np.testing.assert_allclose(norm.running_var.data(), 0.75 + 0.25 * x.var((0, 2)), rtol=1e-5)
    kept = norm.running_mean.data().copy()
    norm(x)
    graphinit.compile(norm, x=x.shape).forward(x)
    np.testing.assert_array_equal(norm.running_mean.data(), kept)


def test_a_block_used_twice_chains_its_statistics():
    class Twice(nn.Block):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm(momentum=0.5)

        def forward(self, x, y):
            return self.norm(x), self.norm(y)

    net, x, y = ready(Twice()), random(5, 3) + 1, random(5, 3, seed=1) - 2
    exe = graphinit.compile(net, train=True, x=x.shape, y=y.shape)
    exe.forward(x, y)
    exe.backward()
    np.testing.assert_allclose(
        net.norm.running_mean.data(), 0.25 * x.mean(0) + 0.5 * y.mean(0), rtol=1e-5, atol=1e-6
    )


def test_running_values_may_be_read_before_their_layer():
    class Centred(nn.Block):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm(momentum=0.5, in_channels=3)

        def forward(self, x):
            return self.norm(x - self.norm.running_mean.data())

    net, x = ready(Centred()), random(5, 3) + 2
    for expected in (0.5 * x.mean(0), 0.5 * x.mean(0)):
        exe = graphinit.compile(net, train=True, x=x.shape)
        assert exe.forward(x).shape == x.shape
        exe.backward()
        np.testing.assert_allclose(net.norm.running_mean.data(), expected, rtol=1e-5)


def test_parameters_stand_in_order_and_running_ones_are_not_trained():
    net = nn.Sequential(nn.Dense(3), nn.BatchNorm())
    assert [name for name in net.collect_params() if name[0] == "1"] == [
        *("1.gamma", "1.beta", "1.running_mean", "1.running_var")
    ]
    assert net[1].running_var.grad_req == "null"
    net[1].running_var.grad_req = "write"
    assert net[1].running_var.grad_req == "null"
    assert list(net.trace(train=True).state) == ["1.running_mean", "1.running_var"]
    assert "1.running_mean" in net.trace().parameters


def test_without_scale_gamma_counts_as_one_and_without_center_beta_stays():
    x = random(5, 3)
    plain = ready(nn.BatchNorm())
    fixed = ready(nn.BatchNorm(scale=False, center=False))
    fixed.infer_shape(x.shape)
    fixed.gamma.set_data(np.full(3, 7.0))
    fixed.beta.set_data(np.full(3, 2.0))
    np.testing.assert_allclose(fixed(x), plain(x) + 2, rtol=1e-5, atol=1e-6)
    exe = graphinit.compile(fixed, train=True, x=x.shape)
    exe.forward(x)
    assert set(exe.backward()) == {"x"}


def test_batch_statistics_of_an_empty_batch_are_an_error_that_changes_nothing():
    norm = ready(nn.BatchNorm(in_channels=3))
    with pytest.raises(ShapeError, match="GI205"):
        graphinit.compile(norm, train=True, x=(0, 3))
    assert norm.running_var.data().tolist() == [1, 1, 1]
    assert norm(np.zeros((0, 3), np.float32)).shape == (0, 3)


def test_statistics_of_a_million_values_and_of_constants():
    norm = ready(nn.BatchNorm(epsilon=1e-7))
    x = random(1_000_000, 1) * np.float32(0.01) + np.float32(100)
    exe = graphinit.compile(norm, train=True, x=x.shape)
    y = exe.forward(x)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(y[:99], ((exact - exact.mean()) / np.sqrt(exact.var() + 1e-7))[:99], atol=2e-3)
    exe.backward()
    np.testing.assert_allclose(norm.running_mean.data(), 0.1 * exact.mean(), rtol=1e-6)
    flat = np.full((7, 1, 5), 0.1, np.float32)
    assert np.abs(graphinit.compile(norm, train=True, x=flat.shape).forward(flat)).max() < 1e-3


# --- other normalisations ---------------------------------------------------------------------


def standardized(x, axes, epsilon=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


@pytest.mark.parametrize(
    ("norm", "expected"),
    [
        (nn.LayerNorm(), lambda x: standardized(x, 3)),
        (nn.LayerNorm(axis=1), lambda x: standardized(x, 1)),
        (nn.InstanceNorm(), lambda x: standardized(x, (2, 3))),
        (nn.InstanceNorm(axis=2), lambda x: standardized(x, (1, 3))),
        (nn.GroupNorm(3), lambda x: standardized(x.reshape(2, 3, 2, 5, 7), (2, 3, 4)).reshape(x.shape)),
        (nn.RMSNorm(), lambda x: x / np.sqrt((x**2).mean(3, keepdims=True) + 1e-6)),
        (nn.RMSNorm(axis=1), lambda x: x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-6)),
    ],
    ids=lambda value: repr(value) if isinstance(value, nn.Block) else "",
)
def test_norms_follow_their_formulas(norm, expected):
    x = random(2, 6, 5, 7)
    np.testing.assert_allclose(ready(norm)(x), expected(x.astype(np.float64)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("norm", [nn.LayerNorm(), nn.InstanceNorm(), nn.GroupNorm(), nn.RMSNorm()], ids=repr)
def test_norms_take_empty_batches_and_axes_of_size_1(norm):
    ready(norm)
    assert norm(np.zeros((0, 1, 1), np.float32)).shape == (0, 1, 1)
    assert np.isfinite(norm(np.full((2, 1, 1), 3, np.float32))).all()


# --- layouts and sizes ------------------------------------------------------------------------


def last(array):
    return np.moveaxis(array, 1, -1)


@pytest.mark.parametrize(
    ("layer", "spatial", "options"),
    [
        ("Conv1D", 1, {"channels": 4, "kernel_size": 3}),
        ("Conv2D", 2, {"channels": 4, "kernel_size": (3, 2), "groups": 2, "strides": 2, "padding": "same"}),
        ("Conv3D", 3, {"channels": 4, "kernel_size": 2, "dilation": 2, "padding": 1, "activation": "relu"}),
        ("Conv1DTranspose", 1, {"channels": 4, "kernel_size": 3, "strides": 2, "output_padding": 1}),
        (
            "Conv2DTranspose",
            2,
            {"channels": 4, "kernel_size": 3, "strides": 2, "padding": "same", "groups": 2},
        ),
        ("Conv3DTranspose", 3, {"channels": 4, "kernel_size": 2, "use_bias": False}),
    ],
)
def test_channels_last_gives_the_same(layer, spatial, options):
    layouts = LAYOUTS[spatial]
    plain = ready(getattr(nn, layer)(**options, layout=layouts[0]))
    turned = ready(getattr(nn, layer)(**options, layout=layouts[1]))
    x = random(2, 6, *(7, 5, 6)[:spatial])
    y = plain(x)
    turned.infer_shape(last(x).shape)
    turned.weight.set_data(last(plain.weight.data()))
    np.testing.assert_allclose(turned(np.ascontiguousarray(last(x))), last(y), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda layout: nn.MaxPool2D(2, layout=layout),
        lambda layout: nn.AvgPool2D(3, 2, 1, ceil_mode=True, count_include_pad=False, layout=layout),
        nn.GlobalMaxPool2D,
        nn.GlobalAvgPool2D,
        lambda layout: nn.AdaptiveAvgPool2D((3, 2), layout=layout),
        lambda layout: nn.UpSample(2, layout=layout),
        lambda layout: nn.UpSample((2, 3), "bilinear", layout=layout),
    ],
)
def test_pooling_and_enlarging_with_channels_last(make):
    x = random(2, 3, 7, 5)
    np.testing.assert_allclose(
        make("NHWC")(np.ascontiguousarray(last(x))), last(make("NCHW")(x)), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    ("size", "stride", "kernel"), [(7, 1, 3), (7, 2, 3), (8, 3, 2), (5, 2, 5), (2, 2, 7)]
)
def test_same_padding_gives_the_size_over_the_stride(size, stride, kernel):
    net = ready(nn.Conv1D(2, kernel, strides=stride, padding="same"))
    assert net(random(1, 3, size)).shape == (1, 2, -(-size // stride))
    back = ready(nn.Conv1DTranspose(2, kernel, strides=stride, padding="same"))
    assert back(random(1, 3, size)).shape == (1, 2, size * stride)


def test_sizes_are_inferred_both_ways():
    x, w, y = F.input("x", (None, None, None)), F.parameter("w", (5, None, 3)), F.input("y", (2, 5, 7))
    graph = graphinit.Graph(outputs=[F.reshape_like(F.conv(x, w), y), F.concat([F.conv(x, w), y], axis=0)])
    report = infer_shapes(graph, w=(5, 4, 3))
    assert report["x"] == (2, 4, 9)


def test_symbolic_images_through_a_network():
    net = nn.Sequential(
        nn.Conv2D(4, 3, strides=2), nn.MaxPool2D(2), nn.Conv2DTranspose(6, 2, strides=2), nn.GlobalAvgPool2D()
    )
    report = infer_shapes(net.trace(), x=("batch", 3, "h", "w"))
    assert report["2.conv_transpose"] == ("batch", 6, "2*((h + 3)//4) - 2", "2*((w + 3)//4) - 2")
    assert report["2.weight"] == (4, 6, 2, 2)
    assert report.accepts(batch=1, h=5, w=5)
    assert not report.accepts(batch=1, h=2, w=5)


def test_the_first_of_equal_values_gets_the_gradient():
    exe = graphinit.compile(nn.MaxPool1D(3, 3), x=(1, 1, 6))
    exe.forward(np.array([[[1, 2, 2, 0, 0, 0]]], np.float32))
    assert exe.backward()["x"].ravel().tolist() == [0, 1, 0, 1, 0, 0]
    whole = graphinit.compile(nn.GlobalMaxPool1D(), x=(1, 1, 3))
    whole.forward(np.array([[[4, 4, 4]]], np.float32))
    assert whole.backward()["x"].ravel().tolist() == [1, 0, 0]


def test_a_deep_kernel_is_tiled():
    net, x = ready(nn.Conv2D(3, 9, padding=4)), random(1, 37, 64, 61)
    y = net(x)
    seen = np.lib.stride_tricks.sliding_window_view(np.pad(x[0], ((0, 0), (4, 4), (4, 4))), (9, 9), (1, 2))
    expected = np.einsum("chwij,ncij->nhw", seen[:, ::7], net.weight.data(), optimize=True)
    np.testing.assert_allclose(y[0, :, ::7], expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "net",
    [
        nn.Conv2D(3, 3, padding=1),
        nn.Conv2DTranspose(3, 2, strides=2),
        nn.MaxPool2D(),
        nn.AvgPool2D(),
        nn.GlobalMaxPool2D(),
        nn.GlobalAvgPool2D(),
        nn.UpSample(),
    ],
    ids=repr,
)
def test_an_empty_batch_goes_through(net):
    ready(net)
    exe = graphinit.compile(net, x=(0, 2, 6, 4))
    assert exe.forward(np.zeros((0, 2, 6, 4), np.float32)).shape[0] == 0
    gradients = exe.backward()
    assert gradients["x"].shape == (0, 2, 6, 4)
    assert all((gradient == 0).all() for gradient in gradients.values())


# --- layers made of others --------------------------------------------------------------------


def test_residual_adds_the_input_or_its_projection():
    x = random(2, 3, 5)
    body = nn.Dense(3, flatten=False)
    net = ready(
        nn.Residual(nn.Sequential(nn.Lambda(lambda x: F.moveaxis(x, 1, -1)), body, nn.Permute(0, 2, 1)))
    )
    np.testing.assert_allclose(net(x), net.body(x) + x, rtol=1e-5, atol=1e-6)
    wide = ready(nn.Residual(nn.Conv1D(7, 1), projection=True, axis=1))
    y = wide(x)
    assert wide.weight.shape == (7, 3)
    np.testing.assert_allclose(
        y, wide.body(x) + np.einsum("nc,bcw->bnw", wide.weight.data(), x), rtol=1e-4, atol=1e-5
    )
    led = ready(nn.Residual(nn.Conv1D(4, 3, strides=2, padding=1), nn.Conv1D(4, 1, strides=2)))
    np.testing.assert_allclose(led(x), led.body(x) + led.projection(x), rtol=1e-4, atol=1e-5)


def test_concatenation_joins_and_slices_keep_the_axis():
    net = nn.Concatenate(axis=1)
    net.add(nn.Dense(2), nn.Dense(3), nn.Dense(5))
    ready(net)
    x = random(4, 7)
    assert net(x).shape == (4, 10)
    np.testing.assert_allclose(net[1:](x), net(x)[:, 2:], rtol=1e-5, atol=1e-6)
    with pytest.raises(BlockError, match="no blocks"):
        nn.Concatenate()(x)


def test_reshape_permute_and_shuffles():
    x = random(2, 12, 3, 5)
    assert nn.Reshape(4, -1)(x).shape == (2, 4, 45)
    assert nn.Permute(0, 3, 1, 2)(x).shape == (2, 5, 12, 3)
    np.testing.assert_array_equal(nn.ZeroPad2D(((1, 0), (2, 3)))(x)[:, :, 1:, 2:-3], x)
    np.testing.assert_array_equal(
        nn.ReflectionPad2D(2)(x), np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)), "reflect")
    )
    np.testing.assert_array_equal(
        nn.ReflectionPad2D((0, 0, 0, 0, 1, 2, 3, 4))(x), nn.ReflectionPad2D(((1, 2), (3, 4)))(x)
    )
    np.testing.assert_array_equal(nn.UpSample(2)(x), x.repeat(2, 2).repeat(2, 3))
    assert nn.PixelShuffle2D((2, 3))(x).shape == (2, 2, 6, 15)


# --- bad input --------------------------------------------------------------------------------


def test_ids_outside_the_vocabulary_are_an_error_with_the_first_one_and_its_place():
    net = ready(nn.Sequential(nn.Embedding(4, 3), nn.Dense(2)))
    with pytest.raises(ValueRangeError, match=r"id 9 at \(1, 0\).*less than 4") as caught:
        net(np.array([[0, 3], [9, -1]]))
    assert caught.value.code == "GI502"
    with pytest.raises(ValueRangeError, match=r"id -2 at \(0,\)"):
        ready(nn.Embedding(4, 3))(np.array([-2]))
    with pytest.raises(ArrayError):
        ready(nn.Embedding(4, 3))(np.array([0.5]))
    assert ready(nn.Embedding(4, 3))(np.zeros((0, 2), np.int64)).shape == (0, 2, 3)


@pytest.mark.parametrize(
    ("net", "shape", "code", "words"),
    [
        (nn.Conv2D(3, 5), (1, 2, 4, 7), "GI205", "4 < 5"),
        (nn.Conv2D(3, 3, dilation=2, padding=(0, 1)), (1, 2, 7, 2), "GI205", "padded by 2: 2 < 3"),
        (nn.Conv2D(4, 1, groups=2), (1, 3, 4, 4), "GI204", "3 is not a multiple of 2"),
        (nn.Conv2D(4, 1, in_channels=3), (1, 5, 4, 4), "GI201", "5 != 3"),
        (nn.Conv2D(4, 1), (1, 3, 4), "GI202", "must have 4 axes"),
        (nn.Conv2DTranspose(4, 1, in_channels=3), (1, 5, 4, 4), "GI201", "5 != 3"),
        (nn.Conv2DTranspose(4, 1, groups=2), (1, 3, 4, 4), "GI204", "3"),
        (nn.MaxPool2D(2, 2, 2), (1, 2, 4, 4), "GI205", "as large as the kernel"),
        (nn.AvgPool1D(5), (1, 2, 4), "GI205", "4 < 5"),
        (nn.MaxPool2D(), (2, 3), "GI202", "4 axes"),
        (nn.GlobalAvgPool2D(), (2, 3, 0, 5), "GI205", "must not be empty"),
        (nn.ReflectionPad2D(4), (1, 2, 4, 5), "GI205", "4 < 5"),
        (nn.PixelShuffle2D(2), (1, 6, 3, 3), "GI204", "6 is not a multiple of 4"),
        (nn.GroupNorm(2), (1, 3, 4), "GI204", "3 is not a multiple of 2"),
        (nn.BatchNorm(in_channels=4), (2, 3), "GI201", "3 != 4"),
        (nn.BatchNorm(axis=3), (2, 3), "GI202", "axis 3"),
        (nn.PReLU(in_channels=4), (2, 3, 5), "GI201", "3 != 4"),
    ],
    ids=lambda value: repr(value) if isinstance(value, nn.Block) else "",
)
def test_mistakes_are_found_before_anything_runs(net, shape, code, words):
    ready(net)
    before = {name: p.shape for name, p in net.collect_params().items()}
    report = infer_shapes(net.trace(), x=shape)
    assert [error.code for error in report.errors] == [code]
    assert words in str(report.errors[0])
    with pytest.raises(ShapeError, match=code):
        net(np.zeros(shape, np.float32))
    assert {name: p.shape for name, p in net.collect_params().items()} == before


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Conv2D(5, 3, groups=2),
        lambda: nn.Conv2D(4, 3, groups=2, in_channels=3),
        lambda: nn.Conv2D(4, (3, 3, 3)),
        lambda: nn.Conv2D(4, 0),
        lambda: nn.Conv2D(4, 3, padding=-1),
        lambda: nn.Conv2D(4, 3, padding="full"),
        lambda: nn.Conv2D(4, 3, layout="NCW"),
        lambda: nn.Conv2D(0, 3),
        lambda: nn.Conv2DTranspose(4, 3, strides=2, output_padding=2),
        lambda: nn.MaxPool2D((2, 2, 2)),
        lambda: nn.AvgPool2D(strides=0),
        lambda: nn.GlobalAvgPool1D("NCHW"),
        lambda: nn.BatchNorm(momentum=2),
        lambda: nn.BatchNorm(epsilon=0),
        lambda: nn.GroupNorm(3, in_channels=4),
        lambda: nn.InstanceNorm(axis=0),
        lambda: nn.LeakyReLU(-1),
        lambda: nn.GELU("cubic"),
        lambda: nn.Embedding(0, 3),
        lambda: nn.UpSample(2, "cubic"),
        lambda: nn.UpSample(0.5),
        lambda: nn.ReflectionPad2D((1, 2, 3)),
        lambda: nn.ReflectionPad2D((1, 0, 0, 0, 0, 0, 0, 0)),
        lambda: nn.Reshape(-1, -1),
        lambda: nn.Permute(0, 2),
        lambda: nn.Residual(nn.Dense),
        lambda: nn.Concatenate(axis=0.5),
    ],
)
def test_bad_arguments_are_refused_where_they_are_given(make):
    with pytest.raises(BlockError, match="GI407"):
        make()
