"""A number that comes out of NumPy counts as one of Python's wherever layers, losses and options take it."""

import inspect

import numpy as np
import pytest

from graphinit import Parameter, data, init, loss, lr_scheduler, nn, optimizer, random
from graphinit import functional as F
from graphinit.errors import GraphInitError
from graphinit.fitting import EarlyStopping, fit
from graphinit.ir.types import TensorType
from passes.shape_inference import infer_shapes

REQUIRED = {
    "Activation": ("relu",),
    "AvgPool1D": (3,),
    "AvgPool2D": ((3, 2),),
    "AvgPool3D": (2,),
    "BidirectionalCell": (lambda: nn.RNNCell(2), lambda: nn.RNNCell(3)),
    "Constant": None,
    "Conv1D": (5, 3),
    "Conv2D": (6, (3, 2)),
    "Conv3D": (6, 2),
    "Conv1DTranspose": (5, 3),
    "Conv2DTranspose": (6, (3, 2)),
    "Conv3DTranspose": (6, 2),
    "Dense": (5,),
    "Dropout": (0.5, (1, 2)),
    "DropoutCell": (0.5,),
    "Embedding": (7, 3),
    "GaussianNoise": (0.5,),
    "GRU": (5,),
    "GRUCell": (5,),
    "GroupNorm": (2,),
    "HybridLambda": ("relu",),
    "LSTM": (5,),
    "LSTMCell": (5,),
    "Lambda": ("relu",),
    "LeakyReLU": (0.25,),
    "LearnedPositions": (7,),
    "MultiHeadAttention": (6, 3),
    "Permute": (0, 2, 1),
    "PixelShuffle1D": (2,),
    "PixelShuffle2D": ((2, 3),),
    "PixelShuffle3D": (2,),
    "PositionwiseFFN": (4, 7),
    "RNN": (5,),
    "RNNCell": (5,),
    "ReflectionPad2D": (((1, 2), (3, 4)),),
    "Reshape": (-1, 3),
    "Residual": ("tanh",),
    "ResidualCell": (lambda: nn.RNNCell(3),),
    "TransformerDecoderLayer": (6, 3, 5),
    "TransformerEncoderLayer": (6, 3, 5),
    "WithLoss": (lambda: nn.Dense(2), lambda: loss.L2Loss(weight=0.5)),
    "ZoneoutCell": (lambda: nn.RNNCell(3),),
}
"""What layers need to be made, where their defaults are not enough; functions make a part."""

SPECS = {
    "LearnedPositions": {"x": ("b", 5, "d")},
    "MultiHeadAttention": {"query": ("b", "t", 4)},
    "SinusoidalPositions": {"x": ("b", 5, 6)},
}


def numpied(value, kind):
    """Return a value with whole numbers of a kind of NumPy, and its floats and truth values, inside."""
    if isinstance(value, bool):
        return np.bool_(value)
    if isinstance(value, int):
        return kind(value)
    if isinstance(value, float):
        return np.float64(value)
    if isinstance(value, tuple):
        return tuple(numpied(item, kind) for item in value)
    return value


def blocks(module):
    return [
        name
        for name in module.__all__
        if isinstance(kind := getattr(module, name), type)
        and issubclass(kind, nn.Block)
        and REQUIRED.get(name, ()) is not None
        and kind not in (nn.Block, nn.RecurrentCell, loss.Loss)
    ]


def made(kind, name, change):
    """Make a layer with all its numbers changed, those that are its defaults too."""
    given = REQUIRED.get(name, ())
    args = [change(part() if inspect.isfunction(part) else part) for part in given]
    parameters = list(inspect.signature(kind).parameters.values())
    if name == "Residual":
        args = [F.tanh]
    defaults = {
        each.name: change(each.default)
        for each in (
            parameters if any(p.kind is p.VAR_POSITIONAL for p in parameters) else parameters[len(args) :]
        )
        if isinstance(each.default, bool | int | float | tuple)
    }
    return kind(*args, **defaults)


def described(block, name):
    try:
        return block.trace(**SPECS.get(name, {})).to_json()
    except (GraphInitError, TypeError) as error:  # a layer that must know ranks, or cannot be run alone
        return str(error).replace(block.name, "")


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8])
@pytest.mark.parametrize(("module", "name"), [(m, name) for m in (nn, loss) for name in blocks(m)])
def test_layers_and_losses_take_numbers_of_numpy(module, name, kind):
    layer = getattr(module, name)
    if kind is np.uint8 and "-1" in repr(inspect.signature(layer)) + repr(REQUIRED.get(name)):
        kind = np.int8
    plain, ours = (made(layer, name, change) for change in (lambda v: v, lambda v: numpied(v, kind)))
    assert repr(ours) == repr(plain)
    assert "np." not in repr(ours)
    assert described(ours, name) == described(plain, name)


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Dense(True),
        lambda: nn.Dense(np.True_),
        lambda: nn.Dense(np.float64(3)),
        lambda: nn.Dense(np.array([3])),
        lambda: nn.Conv2D(np.int64(-1), 3),
        lambda: nn.Conv2D(3, np.bool_(True)),
        lambda: nn.Conv2D(3, np.array([1.0, 2.0])),
        lambda: nn.BatchNorm(axis=np.False_),
        lambda: nn.BatchNorm(momentum=np.float32(1.5)),
        lambda: nn.BatchNorm(epsilon=np.float32("nan")),
        lambda: nn.Dropout(np.float64(1)),
        lambda: nn.Dropout(np.True_),
        lambda: nn.Dropout(0.5, (np.True_,)),
        lambda: nn.Reshape(np.float32(3)),
        lambda: nn.Permute(np.True_, 0),
        lambda: nn.LeakyReLU(np.float32(-1)),
        lambda: loss.HuberLoss(np.int64(0)),
        lambda: loss.L2Loss(batch_axis=np.True_),
        lambda: loss.L2Loss(weight=np.True_),
        lambda: F.sum(F.input("x", (2, 3)), axis=np.True_),
        lambda: F.sum(F.input("x", (2, 3)), keepdims=np.int64(1)),
        lambda: Parameter(shape=np.array([1.5])),
        lambda: data.DataLoader(np.zeros(3), np.True_),
        lambda: random.seed(np.True_),
        lambda: optimizer.SGD(lr=np.True_),
        lambda: optimizer.Adam(beta1=np.float32(1)),
        lambda: lr_scheduler.FactorScheduler(step=np.True_),
        lambda: lr_scheduler.CosineScheduler(max_update=2.5),
        lambda: EarlyStopping(patience=np.float64(1)),
    ],
)  # fmt: skip
def test_what_is_no_such_number_is_refused(make):
    with pytest.raises(GraphInitError, match="GI"):
        make()


def test_shapes_come_as_arrays_and_lists():
    for shape in (np.array([2, 3]), [np.int32(2), 3], (np.int64(2), np.uint8(3))):
        parameter = Parameter(shape=shape)
        assert parameter.shape == (2, 3)
        assert repr(parameter) == "Parameter (shape=(2, 3), dtype=float32)"
    assert Parameter(shape=np.int64(4)).shape == (4,)
    assert nn.Conv2D(2, np.array([3, 5])).weight.shape == (2, -1, 3, 5)
    assert repr(nn.Reshape(np.array([2, -1]))) == "Reshape(2, -1)"
    assert str(TensorType.parse((np.int64(2), np.int32(-1), "n"))) == "?[2, -1, n]"
    assert init.draw(init.One(), "w", (np.int64(2), 3), "float32").shape == (2, 3)


def same(make):
    """Whether a function of `n` gives an equal graph for plain numbers and those of NumPy."""
    plain, *others = (make(n).builder for n in (lambda v: v, np.int64, np.int32, np.array))
    return all(other.nodes == plain.nodes for other in others)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: F.sum(F.input("x", (2, 3, 5)), axis=n(1)),
        lambda n: F.mean(F.input("x", (2, 3, 5)), axis=(n(0), n(-1))),
        lambda n: F.softmax(F.input("x", (2, 3)), axis=n(-1)),
        lambda n: F.reshape(F.input("x", (2, 3, 5)), (n(2), n(15))),
        lambda n: F.input("x", (2, 3)).reshape(n(6)),
        lambda n: F.reshape(F.input("x", (2, 3)), (n(-1), n(2))),
        lambda n: F.transpose(F.input("x", (2, 3)), (n(1), n(0))),
        lambda n: F.input("x", (2, 3)).transpose(n(1), n(0)),
        lambda n: F.expand_dims(F.input("x", (2, 3)), n(1)),
        lambda n: F.squeeze(F.input("x", (2, 1)), n(1)),
        lambda n: F.concat([F.input("x", (2, 3)), F.input("z", (2, 5))], axis=n(1)),
        lambda n: F.stack([F.input("x", (2, 3)), F.input("z", (2, 3))], axis=n(1)),
        lambda n: F.split(F.input("x", (2, 6)), n(3), axis=n(1))[0],
        lambda n: F.tile(F.input("x", (2, 3)), (n(2), n(5))),
        lambda n: F.pad(F.input("x", (2, 3)), ((n(0), n(1)), (n(2), n(3)))),
        lambda n: F.pad(F.input("x", (2, 3)), n(1)),
        lambda n: F.pad(F.input("x", (2, 3)), (n(1), n(2))),
        lambda n: F.broadcast_to(F.input("x", (1, 3)), (n(5), n(3))),
        lambda n: F.moveaxis(F.input("x", (2, 3)), n(0), n(-1)),
        lambda n: F.input("x", (7, 5))[n(1), n(2) : n(4)],
        lambda n: F.slice(F.input("x", (7, 5)), (n(1), None), (None, n(-1)), (n(2), None)),
        lambda n: F.conv(F.input("x", (2, 3, 7, 7)), F.parameter("w", (5, 3, 2, 2)), strides=n(2), padding=n(1)),
        lambda n: F.max_pool(F.input("x", (2, 3, 7, 7)), n(2), (n(1), n(3)), n(1)),
        lambda n: F.one_hot(F.input("i", (3,), "int64"), n(4)),
        lambda n: F.input("x", (n(2), n(-1))) * 2,
    ],
)  # fmt: skip
def test_functions_take_numbers_of_numpy(make):
    assert same(make)


def test_functions_take_shapes_as_arrays():
    x = F.input("x", (2, 3, 5))
    assert F.reshape(x, np.array([6, 5])).shape == (6, 5)
    assert x.reshape(np.array([5, -1])).shape == (5, 6)
    assert F.transpose(x, np.array([2, 0, 1])).shape == (5, 2, 3)
    assert x.transpose(np.array([2, 0, 1])).shape == (5, 2, 3)
    assert F.sum(x, axis=np.array([0, 2])).shape == (3,)
    assert F.pad(x, np.array([[0, 1], [0, 0], [2, 0]])).shape == (3, 3, 7)
    assert F.max_pool(F.input("z", (2, 3, 7, 5)), np.array([2, 3])).shape == (2, 3, 3, 1)


def test_training_takes_numbers_of_numpy():
    x = np.linspace(0, 1, 6, dtype=np.float32)[:, None]
    net = nn.Dense(np.int64(1))
    net.initialize(seed=np.int64(3))
    loader = data.DataLoader(data.ArrayDataset(x, x), np.int32(4), seed=np.int64(2))
    assert type(loader.batch_size) is int
    history = fit(
        net,
        loss.L2Loss(),
        loader,
        optimizer="adam",
        optimizer_params={"lr": np.float32(0.25), "beta1": np.float64(0.5), "wd": np.int64(0)},
        epochs=np.int64(2),
        early_stopping=EarlyStopping("loss", patience=np.int32(2), min_delta=np.float32(0)),
        progress=False,
    )
    assert len(history) == 2


def test_options_are_stored_as_plain_numbers():
    adam = optimizer.Adam(lr=np.float64(0.5), beta1=np.float64(0.25), wd=np.int32(1))
    assert repr(adam) == repr(optimizer.Adam(lr=0.5, beta1=0.25, wd=1))
    schedule = lr_scheduler.MultiFactorScheduler(step=np.array([2, 5]), factor=np.float64(0.5))
    assert repr(schedule) == repr(lr_scheduler.MultiFactorScheduler(step=[2, 5], factor=0.5))
    assert schedule == lr_scheduler.MultiFactorScheduler(step=(2, 5), factor=0.5)
    random.seed(np.int64(7))
    first = random.uniform(size=(np.int64(2), 3))
    random.seed(7)
    assert np.array_equal(first, random.uniform(size=(2, 3)))
    random.seed(7)
    assert random.uniform(size=np.int32(5)).shape == (5,)


def test_lists_of_numbers_of_numpy_are_arrays():
    net = nn.Dense(2, in_units=3)
    net.initialize("ones")
    assert net([[np.float32(1), np.float32(2), np.int64(3)]]).tolist() == [[6, 6]]


def test_sizes_in_specs():
    report = infer_shapes(nn.Dense(3).trace(), x=(np.int64(2), np.int32(5)))
    assert report["weight"] == (3, 5)
    assert report.accepts() is True
