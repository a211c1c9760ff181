"""Ops, one record each; importing this package registers them all."""

from graphinit.ops import activation, elementwise, index, join, linear, movement, random, reduce

__all__ = ["activation", "elementwise", "index", "join", "linear", "movement", "random", "reduce"]
