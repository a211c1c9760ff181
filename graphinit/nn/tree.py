"""The tree of blocks: places, and what stands at them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graphinit.errors import BlockError
from graphinit.ir.origin import warn_user
from graphinit.parameter import Parameter
from graphinit.parameter_dict import ParameterDict

if TYPE_CHECKING:
    from graphinit.nn.block import Block

_DEEPEST = 10_000  # blocks inside blocks; a ring of parents ends here


def walk(root: Block) -> Iterator[tuple[str, Block]]:
    """Give every block at or below a root with its path from there; see `Block.walk`."""
    stack: list[tuple[str, Block, tuple[int, ...]]] = [("", root, ())]
    while stack:
        path, block, above = stack.pop()
        if id(block) in above:
            raise BlockError(f"block {block.name!r} contains itself", path=path)
        yield path, block
        prefix = f"{path}." if path else ""
        inner = (*above, id(block))
        stack.extend((f"{prefix}{key}", child, inner) for key, child in reversed(block._children.items()))


def path_of(block: Block) -> str:
    """Return a block's place: the keys from the outermost block down, joined by dots."""
    keys: list[str] = []
    place = block
    while place._parent is not None and len(keys) < _DEEPEST:
        parent = place._parent()
        if parent is None:
            break
        keys.append(place._key)
        place = parent
    return ".".join(reversed(keys))


def collect_parameters(root: Block, select: str | None) -> ParameterDict:
    """Return the parameters at and below a root, by path; see `Block.collect_params`."""
    found: dict[str, Parameter] = {}
    aliases: dict[str, str] = {}
    for path, block in walk(root):
        prefix = f"{path}." if path else ""
        _warn_of_containers(block)
        for key, parameter in block._parameters.items():
            found[prefix + key] = parameter
            aliases.setdefault(f"{block.name}_{key}", prefix + key)
    if select is not None:
        pattern = re.compile(select)
        older: defaultdict[str, list[str]] = defaultdict(list)
        for name, path in aliases.items():
            older[path].append(name)
        found = {
            path: parameter
            for path, parameter in found.items()
            if any(pattern.match(name) for name in (path, *older[path]))
        }
    return ParameterDict(found, aliases)


def _warn_of_containers(block: Block) -> None:
    """Warn of blocks and parameters in lists and dicts: nothing is registered there."""
    for name, value in vars(block).items():
        if name.startswith("_") or not isinstance(value, list | tuple | dict):
            continue
        items = value.values() if isinstance(value, dict) else value
        known = [*block._children.values(), *block._parameters.values()]
        kinds = (Parameter, _block_type(block))
        if any(isinstance(item, kinds) and not any(item is other for other in known) for item in items):
            warn_user(
                f'"{type(block).__name__}.{name}" is an unregistered container with Blocks or Parameters; '
                "register them with register_child(), or use nn.Sequential"
            )


def _block_type(block: Block) -> type[Block]:
    """Return `Block` itself, which this module cannot import."""
    return next(cls for cls in type(block).__mro__ if cls.__name__ == "Block")
