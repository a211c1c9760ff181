"""What owns parameters, states and other owners: registers, names and places.

A block is an owner that can be described and called; see `graphinit.nn.block`.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from graphinit.called_methods import refused
from graphinit.copying import Holders, Portable
from graphinit.errors import BlockError
from graphinit.interrupts import make
from graphinit.ir.node import Meta
from graphinit.ir.origin import Origin, here, warn_user
from graphinit.ir.types import canonical_dtype, is_float
from graphinit.nn.arguments import bound_by_name
from graphinit.nn.hooks import Handle
from graphinit.nn.keywords import check_keywords, keyword_error
from graphinit.nn.programs import Programs
from graphinit.nn.tying import check_tie, tie
from graphinit.parameter import Parameter
from graphinit.parameter_dict import ParameterDict
from graphinit.plain_text import class_name, escaped, shown
from graphinit.spellings import BLOCKS, FREEZING, attribute_error
from graphinit.state import RandomState
from graphinit.variable import Variable

_DEEPEST = 10_000  # owners inside owners; a ring of parents ends here
_REGISTERS = {"_children": dict, "_parameters": dict, "_states": dict, "_pre_hooks": list, "_hooks": list}
_counts: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)


class Owner(Portable):
    """A place in a network that owns parameters, states and further owners.

    What is assigned to attributes is registered under the attribute's name.
    """

    name: str
    _children: dict[str, Any]  # blocks, which derive from this
    _parameters: dict[str, Parameter]
    _states: dict[str, RandomState]
    _holders: Holders
    _origin: Origin | None
    _programs: Programs
    _pre_hooks: list[Callable[[Any, Any], Any]]
    _hooks: list[Callable[[Any, Any, Any], Any]]
    _adopts_children = True
    _takes_in_blocks = False
    """Whether blocks that its `forward` calls, and that stand nowhere in the network, become its children."""
    _remade: ClassVar[Mapping[str, Any]] = {"_holders": Holders, "_programs": Programs}
    _refusal = BlockError
    _named: Mapping[str, str] = {}
    """For attributes of its ops that have another name: the argument that each comes from."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make the block's registers, so that a subclass may assign before it calls ``__init__``."""
        if kwargs:
            check_keywords(cls, kwargs)
        self = super().__new__(cls)
        self._remake()
        fill = self.__dict__
        fill["_origin"] = here()
        kind = cls.__name__.lower()
        fill["name"] = f"{kind}{next(_counts[kind])}"
        return self

    def __init__(self, *args: Any, **options: Any) -> None:
        following = super().__init__
        if hasattr(following, "__func__"):  # a mixin's
            following(*args, **options)
            return
        for name, value in options.items():
            if value is not None:  # subclasses in Gluon's style hand on prefix=None and params=None
                raise keyword_error(type(self), name)
        if args:
            raise BlockError(f"{class_name(self)} takes no arguments; got {', '.join(map(shown, args))}")
        following()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            error = attribute_error("", name, class_name(self), BLOCKS)
            if error is not None and not hasattr(type(self), name):
                raise error
            return object.__getattribute__(self, name)  # says what is missing, or what failed in a property

    def forward(self, *args: Any) -> Any:
        """Describe what the block computes; every subclass writes this."""
        raise NotImplementedError(f"{class_name(self)} does not say what it computes: write forward(self, x)")

    def specs(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return positional and keyword arguments by the names of `forward`'s parameters."""
        return bound_by_name(self.forward, args, kwargs, self.name)

    # ------------------------------------------------------------------ registers

    grad_req = refused("grad_req", FREEZING)
    requires_grad = refused("requires_grad", FREEZING)
    trainable = refused("trainable", FREEZING)

    def __setattr__(self, name: str, value: Any) -> None:
        old = self.__dict__.get(name)
        if isinstance(old, Owner | Parameter) and not isinstance(value, type(old)):
            kept = isinstance(old, Parameter) and isinstance(value, Parameter)
            if not kept and value is not None:
                raise BlockError(
                    f"attribute {name!r} of {self.name} is a {type(old).__name__}; it cannot become "
                    f"{type(value).__name__}",
                    path=self.path,
                )
        for register in (self._children, self._parameters, self._states):
            if name in register and register[name] is not value and not isinstance(value, type(old)):
                del register[name]
        if isinstance(old, Parameter) and old is not value:
            if isinstance(value, Parameter):
                tie(old, value)
            old.leave(self)
        if isinstance(value, Owner):
            self._register(name, value)
        elif isinstance(value, Parameter):
            self._parameters[name] = value
            value.adopt(self)
            self.changed()
        elif isinstance(value, RandomState):
            self._states[name] = value
            value.adopt(self)
            self.changed()
        super().__setattr__(name, value)

    def _register(self, key: str, child: Owner) -> None:
        self._children[key] = child
        child._holders.add(self, key)
        self.changed()

    def register_child(self, block: Owner, name: str | None = None) -> None:
        """Add a child under a name, by default the next number.

        Raises
        ------
        BlockError
            GI407, when it is no block.
        """
        if not isinstance(block, Owner):
            raise BlockError(f"a child is a block, not {shown(block)}", path=self.path)
        self._register(str(len(self._children)) if name is None else name, block)

    def changed(self) -> None:
        """Forget compiled programs, here and in every block that contains this one."""
        seen: set[int] = set()
        stack: list[Owner] = [self]
        while stack:
            block = stack.pop()
            if id(block) not in seen:
                seen.add(id(block))
                block.__dict__["_programs"] = Programs()
                stack.extend(container for container, _ in block._holders)

    # ------------------------------------------------------------------ names and places

    @property
    def path(self) -> str:
        """Place in the network: the keys from the outermost block down, joined by dots.

        Of several containers the one that took the block first counts, as long as it is there.
        """
        keys: list[str] = []
        place: Owner | None = self
        while place is not None and len(keys) < _DEEPEST:
            adopting = ((parent, key) for parent, key in place._holders if parent._adopts_children)
            place, key = next(adopting, (None, ""))
            keys.append(key)
        return ".".join(reversed(keys[:-1]))

    def variable_path(self, variable: Variable) -> str:
        """Return the path of one of the block's own parameters or states."""
        owned = {**self._parameters, **self._states}
        leaf = next((key for key, own in owned.items() if own is variable), variable.name)
        path = self.path
        return f"{path}.{leaf}" if path else leaf

    @property
    def origin(self) -> Origin | None:
        """Where it was constructed."""
        return self._origin

    def meta(self, path: str | None = None) -> Meta:
        """Return the metadata of what it makes in a graph."""
        return Meta(self.path if path is None else path, self._origin, (), type(self).__name__)

    def variable_meta(self, variable: Variable) -> Meta:
        """Return the metadata of one of its own parameters or states."""
        own = type(self).__module__.startswith("graphinit.") and variable.notes
        origin = self._origin if own else variable.origin
        return Meta(self.path, origin, variable.notes, type(self).__name__, kernel=variable.kernel)

    def parameter_role(self, parameter: Parameter) -> tuple[str, str, dict[str, Parameter]]:
        """Return the layer's class, the parameter's name in it, and the layer's parameters."""
        layer = next(cls for cls in type(self).__mro__ if cls.__module__.startswith("graphinit."))
        key = next((key for key, own in self._parameters.items() if own is parameter), parameter.name)
        return layer.__name__, key, self._parameters

    def walk(self) -> Iterator[tuple[str, Owner]]:
        """Give every block at or below this one with its path from here, parents first.

        A block that stands in two places is given twice.

        Raises
        ------
        BlockError
            GI407, when a block contains itself.
        """
        stack: list[tuple[str, Owner, tuple[int, ...]]] = [("", self, ())]
        while stack:
            path, block, above = stack.pop()
            if id(block) in above:
                raise BlockError(f"block {block.name!r} contains itself", path=path)
            yield path, block
            prefix = f"{path}." if path else ""
            inner = (*above, id(block))
            stack.extend((f"{prefix}{key}", child, inner) for key, child in reversed(block._children.items()))

    # ------------------------------------------------------------------ parameters

    @property
    def params(self) -> ParameterDict:
        """The block's own parameters, without those of its children."""
        return ParameterDict(self._parameters, {f"{self.name}_{key}": key for key in self._parameters})

    def collect_params(self, select: str | None = None) -> ParameterDict:
        """Return the parameters of this owner and all below it, by path; those whose path matches."""
        found: dict[str, Parameter] = {}
        aliases: dict[str, str] = {}
        for path, block in self.walk():
            prefix = f"{path}." if path else ""
            _warn_of_containers(block)
            for key, parameter in block._parameters.items():
                found[prefix + key] = parameter
                aliases.setdefault(f"{block.name}_{key}", prefix + key)
        if select is not None:
            if not isinstance(select, str | re.Pattern):
                raise BlockError(f"parameters are selected by a regular expression, not {shown(select)}")
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

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Give the parameters with their paths, a tied one once, under its first.

        Running statistics, which PyTorch calls buffers, are not among them.

        Examples
        --------
        >>> from graphinit import nn
        >>> [(name, parameter.shape) for name, parameter in nn.Dense(3, in_units=5).named_parameters()]
        [('weight', (3, 5)), ('bias', (3,))]
        """
        found = self.collect_params().distinct()
        return ((name, parameter) for name, parameter in found.items() if not parameter.running)

    def parameters(self) -> Iterator[Parameter]:
        """Give what `named_parameters` gives, without the paths: as an optimiser takes it."""
        return (parameter for _, parameter in self.named_parameters())

    def states(self) -> dict[str, RandomState]:
        """Return what is carried from run to run, by path."""
        found: dict[str, RandomState] = {}
        for path, block in self.walk():
            prefix = f"{path}." if path else ""
            found.update({prefix + key: state for key, state in block._states.items()})
        return found

    def share_parameters(self, shared: Mapping[str, Parameter] | None) -> Self:
        """Use other parameters in place of own ones: tie them.

        Parameters
        ----------
        shared : mapping from str to Parameter
            By path from this block, as ``other.collect_params()`` gives them.

        Returns
        -------
        Owner
            Itself.

        Raises
        ------
        ParameterError
            GI403, when shapes that are known don't agree; nothing is changed.
        """
        if shared is None:
            return self
        if not isinstance(shared, Mapping):
            raise BlockError(f"share_parameters takes a dict of parameters, not {type(shared).__name__}")
        places = {
            (f"{path}." if path else "") + key: (block, key)
            for path, block in self.walk()
            for key in block._parameters
        }
        found = {name: (*places[name], parameter) for name, parameter in shared.items() if name in places}
        for block, key, parameter in found.values():
            if not isinstance(parameter, Parameter):
                raise BlockError(f"share_parameters ties parameters; got {shown(parameter)} for {key!r}")
            check_tie(block._parameters[key], parameter)
        for name in shared:
            if name not in places:
                warn_user(f"Parameter name {name} is not in the current model!")
        for block, key, parameter in found.values():
            setattr(block, key, parameter)
        return self

    def apply(self, function: Callable[[Any], Any]) -> Self:
        """Call a function on every block below and on this one, and return self.

        Children come before their parents and in order, as in Gluon and PyTorch; a block that stands in
        several places is visited once, where it stands first.

        Parameters
        ----------
        function : callable
            Called as ``function(block)``; what it returns is dropped.

        Returns
        -------
        Owner
            Itself.

        Raises
        ------
        BlockError
            GI407, when a block contains itself; nothing is called then.

        Examples
        --------
        >>> from graphinit import nn
        >>> net = nn.Sequential(nn.Dense(2), nn.Sequential(nn.Dense(3), nn.Flatten()))
        >>> _ = net.apply(lambda block: print(type(block).__name__))
        Dense
        Dense
        Flatten
        Sequential
        Sequential
        """
        if isinstance(function, type) or not callable(function):
            raise BlockError(f"apply takes a function of a block, not {shown(function)}", path=self.path)
        for block in list(self._inner_first()):
            function(block)
        return self

    def _inner_first(self) -> Iterator[Owner]:
        """Give every block at or below this one once, children before their parents."""
        seen, above = {id(self)}, {id(self)}
        stack = [(self, iter(self._children.values()))]
        while stack:
            block, children = stack[-1]
            child = next(children, None)
            if child is None:
                stack.pop()
                above.remove(id(block))
                yield block
            elif id(child) in above:
                raise BlockError(f"block {child.name!r} contains itself", path=child.path)
            elif id(child) not in seen:
                seen.add(id(child))
                above.add(id(child))
                stack.append((child, iter(child._children.values())))

    def cast(self, dtype: Any) -> None:
        """Change the dtype of every parameter, or of none; counters and masks keep theirs among floating ones."""
        parameters = self.collect_params().distinct().values()
        kept = is_float(canonical_dtype(dtype))
        make([each.casting(dtype) for each in parameters if not kept or is_float(each.dtype)])

    def zero_grad(self) -> None:
        """Set every gradient to zero."""
        self.collect_params().zero_grad()

    def setattr(self, name: str, value: Any) -> None:
        """Set an attribute on every parameter."""
        self.collect_params().setattr(name, value)

    # ------------------------------------------------------------------ copies

    def _remake(self) -> None:
        super()._remake()
        self.__dict__.update({name: kind() for name, kind in _REGISTERS.items()})

    def _described(self) -> tuple[str, str | None]:
        return f"{type(self).__name__} {self.path or self.name!r}", self.path or None

    def _first(self) -> Sequence[Any]:
        return tuple(self._children.values())

    def _links(self) -> Any:
        """Return what this holds with the ranks that it has there as a holder."""
        variables = [*self._parameters.values(), *self._states.values()]
        roots = [item.root for item in self._parameters.values()]  # of a transposed one both are held
        held = {id(item): item for item in (*self._children.values(), *variables, *roots)}
        return [(item, item._holders.ranks(self)) for item in held.values()]

    def _relink(self, links: Any) -> None:
        for item, ranks in links:
            for rank, key in ranks:
                item._holders.add(self, key, rank)

    def __copy__(self) -> Self:
        """Return a block that shares its parts and has registers of its own; they keep their paths."""
        *_, links, state = self._parts()
        made = self._blank()
        made._take(([(item, [(None, key) for _, key in ranks]) for item, ranks in links], state))
        for name, kind in _REGISTERS.items():
            made.__dict__[name] = kind(self.__dict__[name])
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a network of its own, with everything below; deep ones don't recurse."""
        below = {id(block): block for _, block in self.walk()}
        copied = [
            block
            for block in below.values()
            if block is self or (id(block) not in memo and type(block).__deepcopy__ is Owner.__deepcopy__)
        ]
        for block in copied:
            memo[id(block)] = block._blank()
        for block in copied:
            memo[id(block)]._take(copy.deepcopy(block._parts(), memo))
        made: Self = memo[id(self)]
        return made

    # ------------------------------------------------------------------ hooks and printing

    def register_forward_pre_hook(self, hook: Callable[[Any, Any], Any]) -> Handle:
        """Call ``hook(block, inputs)`` before `forward`.

        On the block that is called it sees arrays, at each call; inside a network tensors, once for
        each description.
        """
        return self._hooked(self._pre_hooks, hook)

    def register_forward_hook(self, hook: Callable[[Any, Any, Any], Any]) -> Handle:
        """Call ``hook(block, inputs, output)`` after `forward`; see `register_forward_pre_hook`."""
        return self._hooked(self._hooks, hook)

    def _hooked(self, hooks: list[Any], hook: Any) -> Handle:
        if not callable(hook):
            raise BlockError(f"a hook is a function, not {shown(hook)}", path=self.path)
        hooks.append(hook)
        self.changed()
        return Handle(hooks, hook)

    def __repr__(self) -> str:
        inner = "\n".join(
            f"  ({escaped(key)}): " + repr(child).replace("\n", "\n  ")
            for key, child in self._children.items()
        )
        return f"{class_name(self)}(\n{inner}\n)"


def _warn_of_containers(owner: Owner) -> None:
    """Warn of blocks and parameters in lists and dicts: nothing is registered there."""
    for name, value in vars(owner).items():
        if name.startswith("_") or not isinstance(value, list | tuple | dict):
            continue
        items = value.values() if isinstance(value, dict) else value
        known = [*owner._children.values(), *owner._parameters.values()]
        kinds = (Parameter, Owner)
        if any(isinstance(item, kinds) and not any(item is other for other in known) for item in items):
            warn_user(
                f'"{type(owner).__name__}.{name}" is an unregistered container with Blocks or Parameters; '
                "register them with register_child(), or use nn.Sequential"
            )
