"""Shape inference against that of ONNX, ONNX Runtime, JAX and torch, on the same networks, in one run.

What is not installed is left out; ``pip install onnx`` is enough for the main comparison.  Both sides
of a ratio are measured in turn, in one process, and the least time of each counts.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import graphinit.ops  # noqa: F401  (fills the registry)
from benchmarks.figures import Figure, format_figures
from benchmarks.shape_inference import UNITS, dense_chain, least, unary_chain
from graphinit.ir.graph import Graph, GraphBuilder
from graphinit.ir.node import Value
from graphinit.ir.op import Attrs
from graphinit.ir.types import TensorType
from passes.shape_inference import infer_shapes
from passes.shapes.solver import _patterns as remembered

LAYERS, BLOCKS = 1_000, 50
PARAMETER = Attrs({"init": None, "trainable": True})


def installed(name: str) -> Any:
    """Return a module, or None."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def residual_net(blocks: int) -> Graph:
    """Blocks of two convolutions, each with a skip; batch, height and width are symbols."""
    builder = GraphBuilder()
    value = builder.source("input", "x", TensorType((-1, UNITS, -1, -1), "float32"))

    def conv(value: Value, name: str) -> Value:
        shape = TensorType((UNITS, -1, 3, 3), "float32")
        weight = builder.source("parameter", f"{name}.weight", shape, PARAMETER)
        attrs = {"strides": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1)}
        return builder.add("conv", [value, weight], attrs, name=name)

    for block in range(blocks):
        inner = conv(builder.add("relu", [conv(value, f"{block}.a")], name=f"{block}.mid"), f"{block}.b")
        value = builder.add(
            "relu", [builder.add("add", [inner, value], name=f"{block}.add")], name=f"{block}.out"
        )
    return builder.build({"y": value})


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


def onnx_residual(onnx: Any, blocks: int) -> Any:
    """The network of `residual_net`."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    inputs = [helper.make_tensor_value_info("x", kind, ["batch", UNITS, "h", "w"])]
    nodes, last = [], "x"
    for block in range(blocks):
        for part, source, target in (("a", last, f"{block}.a"), ("b", f"{block}.mid", f"{block}.b")):
            inputs.append(helper.make_tensor_value_info(f"{block}.{part}.w", kind, [UNITS, UNITS, 3, 3]))
            nodes.append(helper.make_node("Conv", [source, f"{block}.{part}.w"], [target], pads=[1, 1, 1, 1]))
            if part == "a":
                nodes.append(helper.make_node("Relu", [target], [f"{block}.mid"]))
        nodes.append(helper.make_node("Add", [f"{block}.b", last], [f"{block}.add"]))
        nodes.append(helper.make_node("Relu", [f"{block}.add"], [f"{block}.out"]))
        last = f"{block}.out"
    return onnx_model(onnx, nodes, inputs, last)


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
        remembered.clear()
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
    net = residual_net(BLOCKS)

    def cold_net() -> None:
        remembered.clear()
        infer_shapes(net, x=("batch", UNITS, "h", "w"))

    blocks = "50 residual blocks, symbols"
    if onnx is not None and infer is not None:
        proto = onnx_residual(onnx, BLOCKS)
        times = least({"cold": cold_net, "onnx": lambda: infer(proto)}, rounds=25)
        figures.append(Figure(f"inference from scratch, {blocks}", times["cold"], times["onnx"], "onnx", 1.0))
        symbolic = runtime_symbolic(proto)
        if symbolic is not None:
            times = least({"cold": cold_net, "other": symbolic}, rounds=3)
            figures.append(
                Figure(
                    f"inference from scratch, {blocks}", times["cold"], times["other"], "ONNX Runtime", 0.02
                )
            )
    figures += linear_in_size()
    return figures


def linear_in_size() -> list[Figure]:
    """The time of one op in large graphs against that in graphs of 1,000 ops."""
    figures = []
    for what, small, large, rounds in (
        ("a chain of 100,000", unary_chain(1_000), unary_chain(100_000), 5),
        ("20,000 ops with random skips", skipping_graph(1_000), skipping_graph(20_000), 9),
    ):
        short, long = (
            least({"run": lambda graph=graph: infer_shapes(graph, x=("batch", UNITS))}, count)["run"]
            / len(graph)
            for graph, count in ((small, 30), (large, rounds))
        )
        figures.append(Figure(f"one op of {what}", long, short, "one op of 1,000", 1.5))
    return figures


if __name__ == "__main__":
    print(format_figures(measure()))
