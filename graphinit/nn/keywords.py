"""Arguments that a layer does not take: found when it is made, with what was meant."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from functools import lru_cache

from graphinit.errors import BlockError, SpellingError
from graphinit.suggestions import did_you_mean

ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "in_features": ("in_units",),
    "out_features": ("units",),
    "features": ("units", "channels"),
    "filters": ("channels",),
    "out_channels": ("channels",),
    "num_features": ("in_channels",),
    "input_dim": ("in_units", "input_size"),
    "bias": ("use_bias",),
    "kernel_init": ("weight_initializer",),
    "kernel_initializer": ("weight_initializer",),
    "bias_init": ("bias_initializer",),
    "embeddings_initializer": ("weight_initializer",),
    "num_embeddings": ("input_dim",),
    "embedding_dim": ("output_dim",),
    "stride": ("strides",),
    "dilation_rate": ("dilation",),
    "negative_slope": ("alpha",),
    "approximate": ("approximation",),
    "eps": ("epsilon",),
    "dim": ("axis",),
    "p": ("rate",),
    "data_format": ("layout",),
    "affine": ("center",),
    "elementwise_affine": ("center",),
    "embed_dim": ("units",),
    "d_model": ("units",),
    "nhead": ("num_heads",),
    "dim_feedforward": ("hidden_size",),
    "norm_first": ("pre_norm",),
    "output_size": ("units",),
    "batch_first": ('layout="NTC"',),
    "beta_init": ("beta_initializer",),
    "scale_init": ("gamma_initializer",),
}
"""Arguments of layers, and those that may be meant."""

LEFT_OUT: Mapping[str, str] = {
    "prefix": "parameters are named by their place, as in 0.weight",
    "ctx": "everything lives in main memory",
    "device": "everything lives in main memory",
    "inplace": "memory is planned when the network is compiled",
    "input_shape": "sizes of inputs are inferred",
    "normalized_shape": "sizes of inputs are inferred, and axis= says along which the layer normalises",
    "name": "parameters are named by their place, as in 0.weight",
    "rng": "initialize(seed=...) says where random numbers begin",
    "rngs": "initialize(seed=...) says where random numbers begin",
    "return_sequences": "all steps are returned; F.take and indices pick one",
    "kernel_regularizer": "an optimizer's wd= does what it did",
    "reduction": "there is a loss for each sample; F.mean or F.sum joins them",
}
"""Arguments of layers that nothing stands for here, and why."""


def check_keywords(kind: type, given: Iterable[str]) -> None:
    """Raise an error when a class is given keyword arguments that it does not take.

    Parameters
    ----------
    kind : type
        The class of what is made.
    given : iterable of str
        Names of keyword arguments.

    Raises
    ------
    SpellingError
        GI110, for the name that another framework has for an argument.
    BlockError
        GI407, for another one, with the argument that may be meant.
    """
    taken = _taken(kind)
    if taken is None:
        return
    for name in given:
        if name not in taken:
            raise keyword_error(kind, name, taken)


def keyword_error(kind: type, name: str, taken: Iterable[str] = ()) -> SpellingError | BlockError:
    """Return the error for an argument that a class does not take.

    Parameters
    ----------
    kind : type
        The class of what is made.
    name : str
        The argument.
    taken : iterable of str
        What it takes.
    """
    known = tuple(taken)
    meant = [
        item if "=" in item else f"{item}="
        for item in ARGUMENTS.get(name, ())
        if item.partition("=")[0] in known
    ]
    if meant:
        return SpellingError(f"{kind.__name__} has no argument {name!r} here; write {meant[0]}")
    if name in LEFT_OUT:
        return SpellingError(f"{kind.__name__} has no argument {name!r} here; leave it out: {LEFT_OUT[name]}")
    if name == "params":
        return SpellingError(
            f"{kind.__name__} has no argument 'params' here; write share_parameters(other.params)"
        )
    hint = did_you_mean(name, known) or f"; it takes {', '.join(known) or 'none'}"
    return BlockError(f"{kind.__name__} takes no argument {name!r}{hint}")


@lru_cache(maxsize=512)
def _taken(kind: type) -> tuple[str, ...] | None:
    """Return the keyword arguments of a class; None when a user's class takes whatever there is."""
    names: dict[str, None] = {}
    for cls in kind.__mro__:
        init = cls.__dict__.get("__init__")
        if init is None or cls is object:
            continue
        parameters = list(inspect.signature(init, follow_wrapped=False).parameters.values())[1:]
        names |= {p.name: None for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
        if not cls.__module__.startswith("graphinit."):
            return None
    return tuple(names)
