"""Which of a network's parameters a step updates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from graphinit.errors import ParameterError
from graphinit.nn.owner import Owner
from graphinit.parameter import Parameter
from graphinit.parameter_dict import ParameterDict
from graphinit.suggestions import did_you_mean

SHOWN = 12
TAKES = "names, patterns, parameters, or a dict of parameters as collect_params gives it"


def select_parameters(net: Owner, given: Any) -> dict[str, Parameter]:
    """Return the parameters that names, patterns or parameters themselves stand for.

    Parameters
    ----------
    net : Owner
        The network that they are looked for in.
    given : str, Parameter, mapping, or iterable of str and Parameter
        A name is a parameter's path or older name, or the path or name of a block for all that it has; what
        is no name is a pattern, as `Block.collect_params` takes it.  Of a mapping the values count.

    Returns
    -------
    dict of str to Parameter
        By path in the network; one that is not of the network by its own path.

    Raises
    ------
    ParameterError
        GI405, when a name or pattern fits nothing, or something is neither.
    """
    known = net.collect_params()
    items: Iterable[Any]
    if isinstance(given, str | Parameter):
        items = (given,)
    elif isinstance(given, Mapping):
        items = given.values()
    elif isinstance(given, Iterable) and not isinstance(given, Owner | bytes):
        items = given
    else:
        raise ParameterError(f"parameters= takes {TAKES}; not {given!r}", code="GI405")
    paths = {id(parameter.root): path for path, parameter in reversed(known.items())}
    found: dict[int, tuple[str, Parameter]] = {}
    for item in items:
        if isinstance(item, str):
            chosen = list(_named(net, known, item).values())
        elif isinstance(item, Parameter):
            chosen = [item]
        else:
            raise ParameterError(f"parameters= takes {TAKES}; not {item!r} among them", code="GI405")
        for parameter in chosen:
            root = parameter.root
            found.setdefault(id(root), (paths.get(id(root), root.path), root))
    if not found:
        raise ParameterError("parameters= is empty: a step updates at least one parameter", code="GI405")
    result: dict[str, Parameter] = {}
    for path, parameter in found.values():
        while path in result:
            path += "_"
        result[path] = parameter
    return result


def _named(net: Owner, known: ParameterDict, text: str) -> Mapping[str, Parameter]:
    if text in known:
        return {text: known[text]}
    older = {path for name, path in known.aliases.items() if name.startswith(f"{text}_")}
    below = [path for path in known if path.startswith(f"{text}.")] or [
        path for path in known if path in older
    ]
    if below:
        return {path: known[path] for path in below}
    try:
        matched = net.collect_params(text)
    except re.error as cause:
        raise ParameterError(f"parameters={text!r} is no pattern: {cause}", code="GI405") from cause
    if matched:
        return matched
    parts = [path.split(".") for path in known]
    places = dict.fromkeys(".".join(part[:count]) for part in parts for count in range(1, len(part) + 1))
    listed = ", ".join(list(known)[:SHOWN]) or "none"
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    hint = did_you_mean(text, (*places, *known.aliases)) or ";"
    raise ParameterError(
        f"parameters={text!r} fits none of the network's parameters{hint} there are {listed}{more}",
        code="GI405",
    )
