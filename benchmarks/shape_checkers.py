"""Shape inference against that of ONNX, ONNX Runtime, JAX and torch, on the same networks, in one run.

What is not installed is left out; ``pip install onnx`` is enough for the main comparison.  Both sides
of a ratio are measured in turn, in one process, and the least time of each counts.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import graphinit.ops  # noqa: F401  (fills the registry)
from benchmarks.figures import Figure, format_figures
from benchmarks.shape_inference import UNITS, dense_chain, least, unary_chain
from graphinit.ir.expressions import _quotients as quotients
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.op import Attrs
from graphinit.ir.types import TensorType
from passes.shape_inference import infer_shapes
from passes.shapes.patterns import forget as forget_patterns

LAYERS, BLOCKS = 1_000, 50
PARAMETER = Attrs({"init": None, "trainable": True})


def installed(name: str) -> Any:
    """Return a module, or None."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


class Conv(NamedTuple):
    """A convolution of a residual net: what it takes, how many channels it gives, kernel size and stride."""

    source: str
    channels: int
    size: int
    stride: int


Layer = Conv | tuple[str, ...]
"""A convolution, or an op and the layers that it takes."""


def residual_layers(blocks: int, stages: int) -> dict[str, Layer]:
    """Return the layers of a residual net, by name, for every framework to build.

    Blocks of two convolutions with a skip; each stage after the first doubles the channels and halves
    height and width, by strides in its first block and a convolution on the skip.
    """
    layers: dict[str, Layer] = {"stem": Conv("x", UNITS, 7, 2) if stages > 1 else Conv("x", UNITS, 3, 1)}
    last, channels = "stem", UNITS
    for block in range(blocks):
        wanted = UNITS * 2 ** (block * stages // blocks)
        stride = 1 if wanted == channels else 2
        layers[f"{block}.a"] = Conv(last, wanted, 3, stride)
        layers[f"{block}.mid"] = ("relu", f"{block}.a")
        layers[f"{block}.b"] = Conv(f"{block}.mid", wanted, 3, 1)
        skip = last
        if stride > 1:
            skip = f"{block}.skip"
            layers[skip] = Conv(last, wanted, 1, stride)
        layers[f"{block}.add"] = ("add", f"{block}.b", skip)
        layers[f"{block}.out"] = ("relu", f"{block}.add")
        last, channels = f"{block}.out", wanted
    return layers


def residual_graph(layers: dict[str, Layer]) -> Graph:
    """Build a residual net; the channels that weights take are unknown."""
    builder = GraphBuilder()
    values = {"x": builder.source("input", "x", TensorType((-1, 3, -1, -1), "float32"))}
    for name, layer in layers.items():
        if isinstance(layer, Conv):
            kernel = TensorType((layer.channels, -1, layer.size, layer.size), "float32")
            weight = builder.source("parameter", f"{name}.weight", kernel, PARAMETER)
            pad = (layer.size // 2,) * 2
            attrs = {"strides": (layer.stride,) * 2, "padding": (pad, pad), "dilation": (1, 1)}
            values[name] = builder.add("conv", [values[layer.source], weight], attrs, name=name)
        else:
            op, *taken = layer
            values[name] = builder.add(op, [values[each] for each in taken], name=name)
    return builder.build({"y": values[name]})


def forget() -> None:
    """Forget every answer about sizes; what an op says of given ranks is read off its record once."""
    forget_patterns()
    quotients.clear()


def skipping_graph(ops: int) -> Graph:
    """So many additions of the last value and one from some way back."""
    builder = GraphBuilder()
    values = [builder.source("input", "x", TensorType((-1, UNITS), "float32"))]
    step = 1
    for index in range(ops):
        step = step * 48271 % 2147483647
        values.append(builder.add("add", [values[-1], values[-1 - step % len(values)]], name=f"add{index}"))
    return builder.build({"y": values[-1]})


def onnx_chain(onnx: Any, layers: int) -> Any:
    """Gemm and Relu, so many times."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    inputs = [helper.make_tensor_value_info("x", kind, ["batch", UNITS])]
    nodes, last = [], "x"
    for layer in range(layers):
        inputs.append(helper.make_tensor_value_info(f"w{layer}", kind, [UNITS, UNITS]))
        inputs.append(helper.make_tensor_value_info(f"b{layer}", kind, [UNITS]))
        nodes.append(helper.make_node("Gemm", [last, f"w{layer}", f"b{layer}"], [f"g{layer}"], transB=1))
        nodes.append(helper.make_node("Relu", [f"g{layer}"], [f"r{layer}"]))
        last = f"r{layer}"
    return onnx_model(onnx, nodes, inputs, last)


def onnx_residual(onnx: Any, layers: dict[str, Layer]) -> Any:
    """Build a residual net as ONNX."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    inputs = [helper.make_tensor_value_info("x", kind, ["batch", 3, "h", "w"])]
    nodes, channels = [], {"x": 3}
    for name, layer in layers.items():
        if isinstance(layer, Conv):
            shape = [layer.channels, channels[layer.source], layer.size, layer.size]
            inputs.append(helper.make_tensor_value_info(f"{name}.w", kind, shape))
            pads, strides = [layer.size // 2] * 4, [layer.stride] * 2
            node = helper.make_node("Conv", [layer.source, f"{name}.w"], [name], pads=pads, strides=strides)
            channels[name] = layer.channels
        else:
            node = helper.make_node(layer[0].capitalize(), list(layer[1:]), [name])
            channels[name] = channels[layer[1]]
        nodes.append(node)
    return onnx_model(onnx, nodes, inputs, name)


def onnx_model(onnx: Any, nodes: Any, inputs: Any, last: str) -> Any:
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    output = helper.make_tensor_value_info(last, kind, None)
    graph = helper.make_graph(nodes, "net", inputs, [output])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def jax_chain(layers: int) -> Callable[[], Any] | None:
    jax = installed("jax")
    if jax is None:
        return None
    shape = jax.ShapeDtypeStruct
    weights = [(shape((UNITS, UNITS), "float32"), shape((UNITS,), "float32")) for _ in range(layers)]

    def net(x: Any, weights: Any) -> Any:
        for weight, bias in weights:
            x = jax.nn.relu(x @ weight.T + bias)
        return x

    def run() -> Any:
        jax.clear_caches()
        return jax.eval_shape(net, shape((7, UNITS), "float32"), weights)

    return run


def torch_chain(layers: int) -> Callable[[], Any] | None:
    torch = installed("torch")
    if torch is None:
        return None
    fake = importlib.import_module("torch._subclasses.fake_tensor").FakeTensorMode()
    with fake:
        weights = [(torch.empty(UNITS, UNITS), torch.empty(UNITS)) for _ in range(layers)]
        image = torch.empty(7, UNITS)

    def run() -> Any:
        with fake, torch.no_grad():
            value = image
            for weight, bias in weights:
                value = torch.relu(torch.nn.functional.linear(value, weight, bias))
            return value.shape

    return run


def runtime_symbolic(model: Any) -> Callable[[], Any] | None:
    if installed("sympy") is None or installed("onnxruntime") is None:
        return None
    module = importlib.import_module("onnxruntime.tools.symbolic_shape_infer")
    return lambda: module.SymbolicShapeInference.infer_shapes(model)


def measure() -> list[Figure]:
    """Measure every line of the table that can be measured here."""
    figures: list[Figure] = []
    graph = dense_chain(LAYERS)

    def cold() -> None:
        forget()
        infer_shapes(graph, x=("batch", UNITS))

    report = infer_shapes(graph, x=("batch", UNITS))
    onnx = installed("onnx")
    infer = importlib.import_module("onnx.shape_inference").infer_shapes if onnx else None
    dense = "1,000 Dense+relu"
    if onnx is not None and infer is not None:
        proto = onnx_chain(onnx, LAYERS)
        times = least(
            {"cold": cold, "update": lambda: report.update(x=(7, UNITS)), "onnx": lambda: infer(proto)},
            rounds=15,
        )
        figures.append(Figure(f"inference from scratch, {dense}", times["cold"], times["onnx"], "onnx", 0.5))
        figures.append(Figure(f"update, {dense}", times["update"], times["onnx"], "onnx", 0.2))
    for name, run in (("jax.eval_shape", jax_chain(LAYERS)), ("torch FakeTensor", torch_chain(LAYERS))):
        if run is not None:
            times = least({"cold": cold, "other": run}, rounds=3)
            figures.append(
                Figure(f"inference from scratch, {dense}", times["cold"], times["other"], name, 0.01)
            )
    for stages in (1, 4):
        figures += residual(onnx, infer, stages)
    figures += linear_in_size()
    return figures


def residual(onnx: Any, infer: Any, stages: int) -> list[Figure]:
    """A residual net with symbols for batch, height and width."""
    layers = residual_layers(BLOCKS, stages)
    net = residual_graph(layers)

    def cold() -> None:
        forget()
        infer_shapes(net, x=("batch", 3, "h", "w"))

    if onnx is None:
        return []
    what = f"inference from scratch, 50 residual blocks in {stages} stage{'s' * (stages > 1)}, symbols"
    proto = onnx_residual(onnx, layers)
    times = least({"cold": cold, "onnx": lambda: infer(proto)}, rounds=40)
    figures = [Figure(what, times["cold"], times["onnx"], "onnx", 1.0)]
    symbolic = runtime_symbolic(proto)
    if symbolic is not None:
        times = least({"cold": cold, "other": symbolic}, rounds=10)
        figures.append(Figure(what, times["cold"], times["other"], "ONNX Runtime", 0.02))
    return figures


def linear_in_size() -> list[Figure]:
    """The time of one op in large graphs against that in graphs of 1,000 ops."""
    figures = []
    for what, small, large, rounds in (
        ("a chain of 100,000", unary_chain(1_000), unary_chain(100_000), 5),
        ("20,000 ops with random skips", skipping_graph(1_000), skipping_graph(20_000), 9),
    ):
        short, long = (
            least({"run": lambda graph=graph: infer_shapes(graph, x=("batch", UNITS))}, count, cold=True)[
                "run"
            ]
            / len(graph)
            for graph, count in ((small, 30), (large, rounds))
        )
        figures.append(Figure(f"one op of {what}", long, short, "one op of 1,000", 1.5))
    return figures


if __name__ == "__main__":
    print(format_figures(measure()))
