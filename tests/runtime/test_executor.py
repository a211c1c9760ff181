"""Executables: arguments, results, gradients, states, threads; errors change nothing."""

from __future__ import annotations

import threading
import traceback

import numpy as np
import pytest

import graphinit
from graphinit import Graph, GraphBuilder
from graphinit import functional as F
from graphinit.errors import (
    ArrayError,
    CallError,
    ExecutionError,
    GraphError,
    ShapeError,
    ValueRangeError,
)
from graphinit.ir.types import TensorType
from passes.shape_inference import infer_shapes

W = np.array([[1, 2], [3, 4]], np.float32)
X = np.array([[1, -1], [0.5, 2]], np.float32)


def affine(**options):
    """Return an executable of y = x @ w.T with the weights above, and its parameters."""
    x, w = F.input("x", shape=("n", 2)), F.parameter("w", shape=(2, 2))
    parameters = {"w": W.copy()}
    exe = graphinit.compile(Graph(outputs=F.linear(x, w)), x=(2, 2), parameters=parameters, **options)
    return exe, parameters


def elementwise(dtype="float32", shape=(3,), build=lambda x: x * 2):
    return graphinit.compile(Graph(outputs=build(F.input("x", shape=shape, dtype=dtype))))


# --- running ----------------------------------------------------------------------------------


def test_forward_and_backward():
    exe, _ = affine()
    np.testing.assert_allclose(exe.forward(X), X @ W.T)
    np.testing.assert_allclose(exe.forward(x=X), X @ W.T)
    grads = exe.backward(np.eye(2, dtype=np.float32))
    assert list(grads) == ["x", "w"]
    np.testing.assert_allclose(grads["x"], W)
    np.testing.assert_allclose(grads["w"], X)
    np.testing.assert_allclose(exe.backward()["w"], np.ones((2, 2)) @ X)


def test_tied_parameters_add_up():
    x, w = F.input("x", shape=(2, 2)), F.parameter("w", shape=(2, 2))
    exe = graphinit.compile(Graph(outputs=F.linear(F.linear(x, w), w).sum()), parameters={"w": W})
    exe.forward(X)
    np.testing.assert_allclose(exe.backward()["w"], [[9.5, 12.5], [12.5, 14.5]])


def test_results_are_fresh_arrays():
    x, w = F.input("x", shape=(2, 2)), F.parameter("w", shape=(2, 2))
    h = F.relu(x)
    outputs = {"x": x, "w": w, "h": h, "again": h, "turned": h.T, "part": h[0], "flat": w.reshape(4)}
    weights = {"w": W.copy()}
    exe = graphinit.compile(Graph(outputs=outputs), parameters=weights)
    given = X.copy()
    first = exe.forward(given)
    arrays = [*first.values(), given, weights["w"], *exe.backward().values()]
    for place, one in enumerate(arrays):
        assert not any(np.shares_memory(one, other) for other in arrays[:place])
    copies = {name: array.copy() for name, array in first.items()}
    exe.forward(-given)
    for name, array in copies.items():
        np.testing.assert_array_equal(first[name], array)


def test_outputs_come_in_their_structure():
    x = F.input("x", shape=(3,))
    given = np.ones(3, np.float32)
    assert isinstance(graphinit.compile(Graph(outputs=x + 1)).forward(given), np.ndarray)
    assert len(graphinit.compile(Graph(outputs=[x + 1, x + 2])).forward(given)) == 2
    assert list(graphinit.compile(Graph(outputs={"b": x, "a": x})).forward(given)) == ["b", "a"]


def test_inner_values_can_be_returned_as_well():
    x = F.input("x", shape=(3,))
    graph = Graph(outputs=F.exp(F.relu(x)))
    got = graphinit.compile(graph, outputs=["relu"]).forward(np.array([-1, 0, 1]))
    np.testing.assert_array_equal(got["relu"], [0, 0, 1])
    np.testing.assert_allclose(got["y"], np.exp([0, 0, 1]), rtol=1e-6)
    with pytest.raises(GraphError, match="no value named 'tanh'"):
        graphinit.compile(graph, outputs=["tanh"])


def test_constant_outputs_and_numbers():
    x = F.input("x", shape=(3,))
    exe = graphinit.compile(Graph(outputs=[x * np.inf, F.maximum(x, -2.5), F.constant(7.0) * F.constant(2)]))
    got = exe.forward(np.array([1, -3, 2]))
    np.testing.assert_array_equal(got[0], [np.inf, -np.inf, np.inf])
    np.testing.assert_array_equal(got[1], [1, -2.5, 2])
    assert got[2] == 14


def test_float64_and_integers():
    x = np.array([1e-9, 1, 3])
    assert elementwise("float64").forward(x).dtype == np.float64
    np.testing.assert_array_equal(elementwise("float64").forward(x), 2 * x)
    exe = elementwise("int64")
    assert exe.forward(np.array([1, 2, 3])).dtype == np.int64
    assert exe.gradients == {}


def test_scalars_and_empty_arrays():
    exe = elementwise(shape=())
    y = exe.forward(3.0)
    assert isinstance(y, np.ndarray)
    assert y.shape == ()
    assert exe.backward()["x"] == 2
    empty = elementwise(shape=(0, 5), build=lambda x: F.exp(x).sum(axis=0))
    np.testing.assert_array_equal(empty.forward(np.ones((0, 5))), np.zeros(5))
    assert empty.backward()["x"].shape == (0, 5)


def test_strided_inputs():
    exe, _ = affine()
    wide = np.arange(12, dtype=np.float32).reshape(2, 6)
    for x in (wide[:, ::3], wide[:, 4:1:-2], np.asfortranarray(X), np.broadcast_to(X[0], (2, 2))):
        np.testing.assert_allclose(exe.forward(x), x @ W.T)
        np.testing.assert_allclose(exe.backward()["w"], np.ones((2, 2)) @ x)


def test_inputs_that_nothing_uses_are_still_given():
    x, z = F.input("x", shape=(3,)), F.input("z", shape=(5,))
    exe = graphinit.compile(Graph(outputs=x * 2, inputs=[x, z]))
    exe.forward(np.ones(3), np.ones(5))
    np.testing.assert_array_equal(exe.backward()["z"], np.zeros(5))
    with pytest.raises(CallError, match="'z' is missing"):
        exe.forward(np.ones(3))


def test_the_source_is_what_runs():
    exe, _ = affine(grad=False)
    assert exe.source.splitlines()[2:] == [
        "def forward(x):",
        "    w = w_variable._data",
        "    # linear",
        "    y = empty((2, 2), f4)",
        "    matmul(x, w.T, out=y)",
        "    return y",
    ]
    np.testing.assert_array_equal(exe.run(X), X @ W.T)


def test_names_of_any_kind():
    names = ["x.0", "x-1", "class", "np", "workspace", "empty", "0", "grad", "f4", "_", "x_0"]
    tensors = [F.input(name, shape=(3,)) for name in names]
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    total = total * F.parameter("sum", shape=(3,))
    exe = graphinit.compile(Graph(outputs=total), parameters={"sum": np.ones(3)})
    given = {name: np.full(3, 2.0**place) for place, name in enumerate(names)}
    np.testing.assert_array_equal(exe.forward(**given), [2047] * 3)
    assert set(exe.backward()) == {*names, "sum"}


def test_inputs_made_of_parts():
    exe = graphinit.compile(Graph(outputs=F.input("x.0", shape=(3,)) - F.input("x.b", shape=(3,))))
    np.testing.assert_array_equal(exe.forward(x={"0": np.ones(3), "b": np.ones(3)}), np.zeros(3))


# --- parameters -------------------------------------------------------------------------------


def test_current_parameters_are_fetched_at_each_call():
    exe, parameters = affine()
    before = exe.forward(X)
    parameters["w"] *= 2
    np.testing.assert_array_equal(exe.forward(X), 2 * before)
    parameters["w"] = [[1, 0], [0, 1]]
    np.testing.assert_array_equal(exe.forward(X), X)
    parameters["w"] = np.ones((3, 2))
    with pytest.raises(ShapeError, match="parameter 'w' has shape"):
        exe.forward(X)


def test_parameters_of_graphs_are_never_written_to():
    weights = W.copy()
    weights.flags.writeable = False
    x, w = F.input("x", shape=(2, 2)), F.parameter("w", shape=(2, 2))
    exe = graphinit.compile(Graph(outputs=F.relu(w) * x), parameters={"w": weights})
    exe.forward(X)
    exe.backward()
    np.testing.assert_array_equal(weights, W)


def test_missing_and_unknown_parameters():
    graph = Graph(outputs=F.linear(F.input("x", shape=(2, 2)), F.parameter("w", shape=(2, 2))))
    with pytest.raises(CallError, match="lacks 'w'"):
        graphinit.compile(graph)
    with pytest.raises(CallError, match="no parameter 'v'; it has w"):
        graphinit.compile(graph, parameters={"w": W, "v": W})
    with pytest.raises(ShapeError):
        graphinit.compile(graph, parameters={"w": np.ones((2, 3))})


def test_arrays_of_parameters_are_evidence():
    x, w = F.input("x", shape=(-1, -1)), F.parameter("w", shape=(-1, -1))
    exe = graphinit.compile(Graph(outputs=F.linear(x, w)), x=(5, -1), parameters={"w": np.ones((3, 7))})
    assert exe.forward(np.ones((5, 7))).shape == (5, 3)


# --- wrong arguments --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "kwargs", "error", "words"),
    [
        ((), {}, CallError, "input 'x' is missing"),
        ((X, X), {}, CallError, "2 arrays were given"),
        ((X,), {"x": X}, CallError, "'x' was given twice"),
        ((X,), {"z": X}, CallError, "no input 'z'"),
        ((X[0],), {}, ShapeError, "input 'x' has shape (2,)"),
        (
            (np.ones((3, 2)),),
            {},
            ShapeError,
            "input 'x' has shape (3, 2), and this program takes float32[2, 2]",
        ),
        ((X.astype(complex),), {}, ArrayError, "input 'x' takes real numbers"),
        ((X.astype(object),), {}, ArrayError, "input 'x' takes real numbers"),
        ((X.astype(str),), {}, ArrayError, "input 'x' takes real numbers"),
        (([[1, 2], [3]],), {}, ArrayError, "input 'x' is no array"),
        ((None,), {}, ArrayError, "input 'x' is no array"),
        (("text",), {}, ArrayError, "input 'x' is no array"),
    ],
)
def test_wrong_arguments_name_the_input_and_change_nothing(args, kwargs, error, words):
    exe, _ = affine()
    expected = exe.forward(X)
    with pytest.raises(error) as caught:
        exe.forward(*args, **kwargs)
    assert words in str(caught.value)
    np.testing.assert_allclose(exe.backward()["w"], np.ones((2, 2)) @ X)
    np.testing.assert_array_equal(exe.forward(X), expected)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "int64", "uint8", "bool"])
def test_real_numbers_are_cast_to_the_dtype_of_the_program(dtype):
    y = elementwise().forward(np.array([0, 1, 1], dtype))
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, [0, 2, 2])


def test_ids_take_whole_numbers():
    exe = elementwise("int32")
    np.testing.assert_array_equal(exe.forward(np.array([1.0, -2.0, 3.0])), [2, -4, 6])
    for bad in ([1.5, 2, 3], [np.nan, 1, 2], [np.inf, 1, 2], [2.0**40, 1, 2]):
        with pytest.raises(ArrayError, match="input 'x'"):
            exe.forward(np.array(bad))
    with pytest.raises(ArrayError, match="cannot hold"):
        exe.forward(np.array([2**40, 1, 2]))
    with pytest.raises(ArrayError, match="cannot hold"):
        elementwise("uint8").forward(np.array([-1, 1, 2]))


def test_truth_values_are_no_floats():
    exe = elementwise("bool", build=F.logical_not)
    np.testing.assert_array_equal(exe.forward(np.array([0, 1, 1])), [True, False, False])
    with pytest.raises(ArrayError):
        exe.forward(np.array([0.0, 1.0, 1.0]))


def test_lists_and_numbers_are_arrays_too():
    np.testing.assert_array_equal(elementwise().forward([1, 2, 3]), [2, 4, 6])


# --- backward ---------------------------------------------------------------------------------


def test_backward_needs_a_forward():
    exe, _ = affine()
    with pytest.raises(ExecutionError, match="call forward first") as caught:
        exe.backward()
    assert caught.value.code == "GI501"
    with pytest.raises(ExecutionError, match="grad=True"):
        affine(grad=False)[0].backward()


def test_gradients_of_outputs_by_structure_and_by_name():
    x = F.input("x", shape=(3,))
    ones = np.ones(3, np.float32)
    pair = graphinit.compile(Graph(outputs=[x * 2, x * 3]))
    pair.forward(ones)
    np.testing.assert_array_equal(pair.backward()["x"], [5, 5, 5])
    np.testing.assert_array_equal(pair.backward([ones, 0 * ones])["x"], [2, 2, 2])
    np.testing.assert_array_equal(pair.backward([None, ones])["x"], [3, 3, 3])
    np.testing.assert_array_equal(pair.backward(**{"y.1": ones})["x"], [3, 3, 3])
    with pytest.raises(CallError, match="2 outputs"):
        pair.backward(ones)
    with pytest.raises(CallError, match=r"no floating output 'y.2'"):
        pair.backward(**{"y.2": ones})
    with pytest.raises(CallError, match="not both"):
        pair.backward([ones, ones], **{"y.1": ones})
    with pytest.raises(ShapeError, match=r"gradient of output 'y.0'"):
        pair.backward([np.ones(2), ones])
    named = graphinit.compile(Graph(outputs={"a": x * 2, "n": F.argmax(x)}))
    named.forward(ones)
    np.testing.assert_array_equal(named.backward({"a": ones})["x"], [2, 2, 2])
    with pytest.raises(CallError, match="no output 'b'"):
        named.backward({"b": ones})


def test_backward_sees_what_forward_saw():
    exe = elementwise(build=F.square)
    x = np.array([1, 2, 3], np.float32)
    exe.forward(x)
    x[...] = 100
    np.testing.assert_array_equal(exe.backward()["x"], [2, 4, 6])


def test_frozen_parameters_have_no_gradient():
    x, w = F.input("x", shape=(3,)), F.parameter("w", shape=(3,), trainable=False)
    exe = graphinit.compile(Graph(outputs=x * w), parameters={"w": np.ones(3)})
    exe.forward(np.ones(3))
    assert list(exe.backward()) == ["x"]


# --- states -----------------------------------------------------------------------------------


def counting() -> Graph:
    """Return a graph with a counter that moves at forward and a mean that moves at backward."""
    builder = GraphBuilder()
    x = builder.source("input", "x", TensorType((3,), "float32"))
    count = builder.source("state", "count", TensorType((), "int64"))
    mean = builder.source("state", "mean", TensorType((3,), "float32"))
    one = builder.source("constant", "one", TensorType((), None), graphinit.ir.op.Attrs({"value": 1}))
    outputs = {
        "y": builder.add("multiply", [x, mean]),
        "count": builder.add("add", [count, one]),
        "next.count": builder.add("add", [count, one]),
        "next.mean": builder.add("add", [x, mean]),
    }
    return builder.build(outputs)


def test_states_are_fed_and_stored():
    exe = graphinit.compile(counting(), parameters={"mean": np.ones(3)})
    assert list(exe.inputs) == ["x"]
    x = np.array([1, 2, 3], np.float32)
    assert list(exe.forward(x)) == ["y", "count"]
    assert exe.forward(x)["count"] == 2
    np.testing.assert_array_equal(exe.forward(x)["y"], x)
    np.testing.assert_array_equal(exe.backward()["x"], np.ones(3))
    got = exe.forward(x)
    np.testing.assert_array_equal(got["y"], x * (1 + x))
    assert got["count"] == 4


def test_running_statistics_are_stored_only_by_backward():
    exe = graphinit.compile(counting(), grad=False)
    x = np.ones(3, np.float32)
    for count in (1, 2):
        got = exe.forward(x)
        np.testing.assert_array_equal(got["y"], np.zeros(3))
        assert got["count"] == count


def test_a_call_that_fails_stores_nothing():
    exe = graphinit.compile(counting())
    x = np.ones(3, np.float32)
    exe.forward(x)
    with pytest.raises(ShapeError):
        exe.forward(np.ones(5))
    with pytest.raises(ShapeError):
        exe.backward({"y": np.ones(5)})
    got = exe.forward(x)
    assert got["count"] == 2
    np.testing.assert_array_equal(got["y"], np.zeros(3))


def test_given_states_are_copied():
    mean = np.ones(3, np.float32)
    exe = graphinit.compile(counting(), parameters={"mean": mean})
    exe.forward(np.ones(3))
    exe.backward()
    np.testing.assert_array_equal(mean, np.ones(3))


# --- errors of kernels ------------------------------------------------------------------------


def test_an_error_in_a_kernel_names_the_node_and_leaves_the_program_usable():
    ids, w = F.input("ids", shape=(2,), dtype="int64"), F.parameter("w", shape=(3, 2))
    exe = graphinit.compile(Graph(outputs=F.take(w, ids, axis=0)), parameters={"w": np.eye(3, 2)})
    expected = exe.forward(np.array([0, 2]))
    with pytest.raises(ValueRangeError) as caught:
        exe.forward(np.array([0, 3]))
    assert caught.value.node == "take"
    assert "take" in "".join(traceback.format_exception(caught.value))
    with pytest.raises(ExecutionError):
        exe.backward()
    np.testing.assert_array_equal(exe.forward(np.array([0, 2])), expected)


# --- compiling --------------------------------------------------------------------------------


def test_sizes_must_be_known():
    x = F.input("x", shape=("n", -1))
    with pytest.raises(ShapeError) as caught:
        graphinit.compile(Graph(outputs=F.exp(x)))
    assert caught.value.code == "GI207"
    with pytest.raises(ShapeError, match="give n a size"):
        graphinit.compile(Graph(outputs=F.exp(x)), x=("n", 3))


def test_inputs_whose_names_clash_with_options():
    graph = Graph(outputs=F.exp(F.input("grad", shape=(-1,))))
    exe = graphinit.compile(graph, inputs={"grad": (3,)})
    np.testing.assert_array_equal(exe.forward(np.zeros(3)), np.ones(3))


def test_wrong_targets_and_pipelines():
    with pytest.raises(CallError, match="takes a network or a graph"):
        graphinit.compile(3)
    with pytest.raises(CallError, match="no pipeline 'fast'"):
        graphinit.compile(Graph(outputs=F.exp(F.input("x", shape=(3,)))), pipeline="fast")


def test_a_pass_can_be_a_pipeline():
    from passes.canonicalization import Canonicalize

    exe = graphinit.compile(Graph(outputs=F.input("x", shape=(3,)) * 1), pipeline=Canonicalize())
    np.testing.assert_array_equal(exe.forward(np.ones(3)), np.ones(3))


def test_a_broken_network_raises_its_first_error_with_the_others():
    x = F.input("x", shape=(3, 5))
    graph = Graph(outputs=[x @ F.input("y", shape=(7, 2)), x + F.input("z", shape=(2, 5))])
    with pytest.raises(ShapeError) as caught:
        graphinit.compile(graph)
    assert len(caught.value.others) == 1
    assert len(infer_shapes(graph).errors) == 2


# --- threads ----------------------------------------------------------------------------------


def test_each_thread_has_its_own_workspace():
    x, w = F.input("x", shape=(50, 40)), F.parameter("w", shape=(40, 40))
    h = x
    for _ in range(5):
        h = F.tanh(F.linear(h, w))
    weights = np.random.default_rng(0).standard_normal((40, 40)).astype(np.float32) * 0.1
    exe = graphinit.compile(Graph(outputs=h.sum(axis=1)), parameters={"w": weights})
    inputs = [np.full((50, 40), number, np.float32) for number in range(4)]

    def both(x):
        return exe.forward(x), exe.backward()["w"]

    expected = [both(x) for x in inputs]
    wrong: list[int] = []

    def work(place: int) -> None:
        for _ in range(50):
            y, dw = both(inputs[place])
            if not (np.array_equal(y, expected[place][0]) and np.array_equal(dw, expected[place][1])):
                wrong.append(place)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_backward_in_a_thread_needs_a_forward_in_that_thread():
    exe, _ = affine()
    exe.forward(X)
    caught: list[Exception] = []

    def work() -> None:
        try:
            exe.backward()
        except ExecutionError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(caught) == 1


# --- size -------------------------------------------------------------------------------------


def test_a_chain_of_many_ops_runs():
    count = 5_000
    x = F.input("x", shape=(3,))
    h = x
    for place in range(count):
        h = -h if place % 2 else F.tanh(h)
    exe = graphinit.compile(Graph(outputs=h))
    assert exe.forward(np.zeros(3)).shape == (3,)
    np.testing.assert_allclose(exe.backward()["x"], np.ones(3))
    assert exe.memory.kept < 1.1 * exe.memory.values / 2
