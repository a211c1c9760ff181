"""A script as a user would write it: it type-checks with mypy --strict, and runs."""

from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from numpy.typing import NDArray

import graphinit
import passes
from graphinit import (
    Graph,
    Parameter,
    Tensor,
    TensorType,
    autograd,
    data,
    init,
    loss,
    lr_scheduler,
    metric,
    nn,
    optimizer,
)
from graphinit import functional as F
from graphinit.errors import GraphInitError, ShapeError
from graphinit.trainer import Trainer


class Residual(nn.Block):
    """A block of the user's own."""

    def __init__(self, width: int, rate: float = 0.1) -> None:
        super().__init__()
        self.first = nn.Dense(width, activation="relu", flatten=False)
        self.second = nn.Dense(width, flatten=False)
        self.scale = Parameter("scale", shape=(width,), init="ones")
        self.drop = nn.Dropout(rate)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(F.relu(self.first(x)))
        y = self.drop(y) * self.scale.data()
        return y + x


def redraw(block: nn.Block) -> None:
    if isinstance(block, nn.Dense):
        block.weight.initialize(init.Normal(0.02), force_reinit=True)


def watch(block: nn.Block, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    print(block.name, len(inputs), output.shape)


class Pair(nn.Block):
    """Two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Dense(3), Residual(3))

    def forward(self, x: Tensor, scale: Tensor | None = None) -> Tensor:
        y = self.layers(x)
        if scale is not None:
            y = y * scale
        return y


def small() -> nn.Sequential:
    net = nn.Sequential(nn.Dense(8, activation="relu"), nn.Dropout(0.1))
    net.add(nn.Dense(2))
    net.initialize(init.Xavier(), seed=1)
    return net


def predict(net: nn.Block, x: NDArray[np.float32]) -> NDArray[np.float32]:
    y: NDArray[np.float32] = net(x)
    return y


def predicted(net: nn.Block, x: NDArray[np.float32]) -> np.ndarray:
    return net(x)


def count(net: nn.Block) -> int:
    return sum(int(np.prod(p.shape or ())) for p in net.collect_params().values())


def main() -> None:
    x = np.linspace(-1, 1, 40, dtype=np.float32).reshape(8, 5)
    y = np.array([0, 1] * 4)
    net = small()

    graph: Graph = net.trace(x=("batch", 5))
    report = passes.infer_shapes(net, x=("batch", 5))
    shape: tuple[int | str, ...] | None = report["0.weight"]
    assert shape == (8, 5)
    assert report.ok
    assert not report.errors
    assert passes.infer_shapes(graph)["y"] == ("batch", 2)
    print(report.why("0.weight"), report.requirements, report.unknowns)
    print(passes.estimate_cost(net, x=(2, 5)).flops)
    assert "grad.0.weight" in passes.differentiate(net, x=(2, 5)).outputs
    for name, node in graph.parameters.items():
        print(name, node.op, node.type.shape)

    net.apply(redraw)
    with net[0].register_forward_hook(watch):
        net(x)
    output = predict(net, x)
    assert output.shape == predicted(net, x).shape == (8, 2)
    net[0].weight.data()[:] += 1
    net[0].weight.set_data(net[0].weight.data() * 0.5)
    bias = net[2].bias
    if bias is not None:
        bias.data()[...] = 0.0
    first = net[0]
    assert isinstance(first, nn.Dense)
    weight: np.ndarray = first.weight.data()
    assert weight.shape == (8, 5)
    gradient: np.ndarray = first.weight.grad()
    assert gradient.shape == weight.shape
    assert len(net[:2]) == 2
    print(net.collect_params()["0.weight"].shape, count(net))
    for layer in net:
        print(layer.name)

    dense = nn.Dense(3, in_units=2)
    dense.initialize("ones")
    dense.weight.data()[0, 0] = 5.0

    criterion = loss.SoftmaxCrossEntropyLoss()
    step = graphinit.compile_step(net, criterion, "adam", learning_rate=0.05)
    losses = [float(np.mean(step(x, y))) for _ in range(20)]
    assert losses[-1] < losses[0]

    trainer = Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    with autograd.record():
        out = net(x)
        lost = criterion(out, y)
    lost.backward()
    trainer.step(8)

    adam = optimizer.Adam(learning_rate=0.01, lr_scheduler=lr_scheduler.CosineScheduler(max_update=10))
    loader = data.DataLoader(data.ArrayDataset(x, y), batch_size=4, shuffle=True)
    history = graphinit.fit(net, criterion, loader, optimizer=adam, epochs=2, progress=False)
    assert len(history["loss"]) == 2
    accuracy = metric.create("accuracy")
    accuracy.update(y, net(x))
    print(accuracy.get()[1])

    exe = graphinit.compile(net, x=(8, 5), train=False)
    result = exe.forward(x)
    assert np.asarray(result).shape == (8, 2)
    gradients = exe.backward()
    assert gradients["0.weight"].shape == (8, 5)

    pair = Pair()
    pair.initialize(init.Normal(0.1))
    assert pair(x, np.float32(2) * np.ones((8, 3), np.float32)).shape == (8, 3)

    lstm = nn.LSTM(4)
    lstm.initialize()
    outputs, states = lstm(np.zeros((3, 2, 5), np.float32), lstm.begin_state(2))
    assert outputs.shape == (3, 2, 4)
    assert len(states) == 2

    folder = Path(mkdtemp())
    net.save_parameters(folder / "net.safetensors")
    again = small()
    again.load_parameters(folder / "net.safetensors")
    assert np.array_equal(again(x), net(x))
    drawing = graphinit.render(net, folder / "net.svg", report=passes.infer_shapes(net, x=(8, 5)))
    assert drawing.dot
    assert Graph.from_json(graph.to_json()) == graph

    t = F.input("t", ("n", 3))
    squared: Tensor = F.sum(t * 2 + 1, axis=-1) ** 2
    print(Graph(outputs={"squared": squared}), TensorType.parse("float32[n, 3]"))
    try:
        nn.Sequential(nn.Dense(3), nn.Dense(2, in_units=4)).infer_shape(x=(2, 5))
    except ShapeError as error:
        print(error.code, error.fixes)
    except GraphInitError as error:
        raise SystemExit(error.message) from error


if __name__ == "__main__":
    main()
