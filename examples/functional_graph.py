"""No layers at all: a graph made of functions, its shapes, its gradient and its values.

The input's width is never written down.  The weight's is, so the compiler works backwards.
"""

from __future__ import annotations

import numpy as np

import graphinit
from graphinit import Graph, init
from graphinit import functional as F
from passes import differentiate, infer_shapes, init_parameters


def build() -> Graph:
    """Return y = relu(x w' + b) v' with an input of unknown width."""
    x = F.input("x", shape=("batch", -1))
    w = F.parameter("w", shape=(256, 20))
    b = F.parameter("b", shape=(256,), init=init.Zero())
    v = F.parameter("v", shape=(10, -1))
    return Graph(outputs=F.linear(F.relu(F.linear(x, w, b)), v))


def main() -> None:
    """Infer, initialise, differentiate, run, and compare with NumPy."""
    graph = build()
    print("The graph as it was described:", graph, sep="\n", end="\n\n")

    report = infer_shapes(graph)
    print(report.why("x", axis=1), end="\n\n")
    assert report["x"] == ("batch", 20)
    assert report["v"] == (10, 256)

    parameters = init_parameters(graph, report, init.Xavier(), seed=0)
    assert {name: array.shape for name, array in parameters.items()} == {
        "w": (256, 20),
        "b": (256,),
        "v": (10, 256),
    }

    gradient = differentiate(report.graph)
    print("Its gradient is a graph as well:", gradient, sep="\n", end="\n\n")
    assert "grad.w" in gradient.outputs

    x = np.random.default_rng(0).standard_normal((2, 20), dtype=np.float32)
    executable = graphinit.compile(graph, x=x, parameters=parameters)
    y = executable.forward(x=x)
    hidden = np.maximum(x @ parameters["w"].T + parameters["b"], 0)
    np.testing.assert_allclose(y, hidden @ parameters["v"].T, rtol=1e-5, atol=1e-6)

    grads = executable.backward(np.ones_like(y))
    np.testing.assert_allclose(grads["v"], np.ones((10, 2)) @ hidden, rtol=1e-5, atol=1e-6)
    print("Values and gradients agree with NumPy:", {name: grad.shape for name, grad in grads.items()})


if __name__ == "__main__":
    main()
