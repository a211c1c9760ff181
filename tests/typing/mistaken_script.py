"""Mistakes that a type checker finds: one on each line with a comment."""

import graphinit
import passes
from graphinit import Parameter, Tensor, init, loss, nn, optimizer
from graphinit import functional as F


def mistakes() -> None:
    net = nn.Sequential(nn.Dense(3))
    nn.Dens(3)  # attr-defined
    F.rleu(net.trace().inputs)  # attr-defined
    init.Xavir()  # attr-defined
    loss.L2()  # attr-defined
    optimizer.Adma()  # attr-defined
    graphinit.complie(net)  # attr-defined
    graphinit.nn.Dens(3)  # attr-defined
    passes.infershapes(net)  # attr-defined
    net.initalize()  # attr-defined
    net.collect_params()["0.weight"].dat()  # attr-defined
    passes.infer_shapes(net).erors  # attr-defined
    nn.Dense(3, activaton="relu")  # call-arg
    Parameter(shpae=(3,))  # call-arg
    passes.infer_shapes(3)  # arg-type
    number: int = F.input("x") + 1  # assignment


def forward(net: nn.Block, x: Tensor) -> int:
    return net(x)  # return-value
