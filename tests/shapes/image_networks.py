"""Networks on images, built of functions: what sizes they take is known from the books."""

from __future__ import annotations

from typing import Any

from graphinit import functional as F
from graphinit.ir.graph import Graph
from graphinit.ir.tensor import Tensor


class Net:
    """Convolutions with weights that are named by number."""

    def __init__(self) -> None:
        self.count = 0

    def weight(self, *shape: int) -> Tensor:
        self.count += 1
        return F.parameter(f"w{self.count}", shape)

    def conv(self, x: Tensor, units: int, kernel: int, stride: int = 1, padding: int = 0) -> Tensor:
        weight = self.weight(units, -1, kernel, kernel)
        return F.conv(x, weight, strides=(stride, stride), padding=(padding, padding))

    def up(self, x: Tensor, units: int) -> Tensor:
        return F.conv_transpose(x, self.weight(-1, units, 2, 2), strides=(2, 2), padding=(0, 0))


def lenet(image: Any, in_units: int = -1) -> Graph:
    net, x = Net(), F.input("x", image)
    y = net.conv(F.sigmoid(net.conv(x, 6, 5)), 6, 2, 2)
    y = net.conv(F.sigmoid(net.conv(y, 16, 5)), 16, 2, 2)
    return Graph(F.linear(y, net.weight(10, in_units), flatten=True))


def vgg(image: Any, in_units: int = -1) -> Graph:
    net, x = Net(), F.input("x", image)
    y = x
    for units in (7, 11, 13, 17, 19):
        y = net.conv(F.relu(net.conv(y, units, 3, 1, 1)), units, 2, 2)
    return Graph(F.linear(y, net.weight(10, in_units), flatten=True))


def unet(image: Any, depth: int) -> Graph:
    net, x = Net(), F.input("x", image)
    y, skips = net.conv(x, 3, 3, 1, 1), []
    for level in range(depth):
        skips.append(y)
        y = net.conv(F.relu(net.conv(y, 5 + level, 3, 1, 1)), 5 + level, 2, 2)
    for level, skip in enumerate(reversed(skips)):
        y = F.concat([net.up(y, 5 + level), skip], axis=1)
        y = F.relu(net.conv(y, 5 + level, 3, 1, 1))
    return Graph(y)


def residual(image: Any, blocks: int = 3) -> Graph:
    net, x = Net(), F.input("x", image)
    y = net.conv(x, 7, 3, 2, 1)
    for block in range(blocks):
        stride = 2 if block % 2 else 1
        inner = net.conv(F.relu(net.conv(y, 7, 3, stride, 1)), 7, 3, 1, 1)
        y = F.relu(inner + (y if stride == 1 else net.conv(y, 7, 1, stride)))
    return Graph(y)
