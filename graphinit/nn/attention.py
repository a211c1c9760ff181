"""Attention layers: multi-head attention, positions, and the layers of a Transformer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graphinit import functional as F
from graphinit.errors import BlockError, ShapeError
from graphinit.ir.tensor import Tensor, symbolic
from graphinit.nn.basic import ActivationLike, Dense, Dropout, activation_layer
from graphinit.nn.block import Block
from graphinit.nn.checks import flag, number, positive_size, unknown_size
from graphinit.nn.norm import LayerNorm
from graphinit.parameter import Parameter


class MultiHeadAttention(Block):
    """Several attentions side by side, each on its part of the projected inputs (Vaswani et al. 2017).

    Parameters
    ----------
    units : int
        Size of the projected queries and of the output, `u`; a multiple of `num_heads`.
    num_heads : int
        How many heads.
    num_kv_heads : int, optional
        How many heads keys and values have, of which `num_heads` is a multiple; each serves a group
        of query heads (Ainslie et al. 2023).  By default as many.
    dropout : float
        Rate of the dropout on the attention weights, in training.
    use_bias : bool
        Whether the projections have biases.
    causal : bool
        Whether a query sees no key after itself.
    in_units : int
        Size of the queries; -1, 0 or None when it is to be inferred.
    weight_initializer, bias_initializer : str or initializer, optional
        Initializers of the projections.

    Attributes
    ----------
    query, key, value, out : Dense
        The projections.

    Raises
    ------
    BlockError
        GI407, when heads don't divide the units, or groups the heads.

    Examples
    --------
    >>> layer = MultiHeadAttention(6, num_heads=3)
    >>> layer.infer_shape(query=("batch", "length", 5))["y"]
    ('batch', 'length', 6)
    >>> layer.key.weight.shape
    (6, 5)
    """

    def __init__(
        self,
        units: int,
        num_heads: int,
        num_kv_heads: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        causal: bool = False,
        in_units: int | None = -1,
        weight_initializer: Any = None,
        bias_initializer: Any = "zeros",
    ) -> None:
        super().__init__()
        units, heads = positive_size("units", units), positive_size("num_heads", num_heads)
        groups = heads if num_kv_heads is None else positive_size("num_kv_heads", num_kv_heads)
        if units % heads:
            raise BlockError(f"units is a multiple of num_heads; got {units} and {heads}")
        if heads % groups:
            raise BlockError(f"num_heads is a multiple of num_kv_heads; got {heads} and {groups}")
        self._heads, self._groups, self._causal = heads, groups, flag("causal", causal)
        self._head_size = units // heads

        def projection(size: int, width: int | None = -1) -> Dense:
            return Dense(
                size,
                use_bias=use_bias,
                flatten=False,
                weight_initializer=weight_initializer,
                bias_initializer=bias_initializer,
                in_units=width,
            )

        self.query = projection(units, in_units)
        self.key = projection(groups * self._head_size)
        self.value = projection(groups * self._head_size)
        self.out = projection(units, units)
        self.drop = Dropout(dropout) if dropout else None

    def forward(
        self, query: Any, key: Any = None, value: Any = None, mask: Any = None, key_mask: Any = None
    ) -> Any:
        """Attend.

        Parameters
        ----------
        query : Tensor
            (batch, t, q).
        key, value : Tensor, optional
            (batch, s, k) and (batch, s, v); `key` is `query` and `value` is `key` when left out.
        mask : Tensor, optional
            (t, s) or (batch, t, s): a query sees the keys where it is not 0.
        key_mask : Tensor, optional
            (batch, s): the keys that are seen, such as those that are no padding.

        Returns
        -------
        Tensor
            (batch, t, u).
        """
        key = query if key is None else key
        value = key if value is None else value
        projected = self.query(query)
        q, k, v = self._parted(projected, True), self._parted(self.key(key)), self._parted(self.value(value))
        scores = F.matmul(q * (1 / math.sqrt(self._head_size)), F.swapaxes(k, -1, -2))
        weights = F.attention_weights(scores, self._joined(mask, key_mask), causal=self._causal)
        mixed = F.matmul(weights if self.drop is None else self.drop(weights), v)
        mixed = F.moveaxis(mixed, -2, -4) if self._is_grouped else F.swapaxes(mixed, -2, -3)
        return self.out(F.reshape_like(mixed, projected))

    @property
    def _is_grouped(self) -> bool:
        return self._groups != self._heads

    def _parted(self, x: Any, of_queries: bool = False) -> Any:
        """Return (batch, heads, t, size), with an axis of each group behind the heads where they are grouped."""
        heads = F.split_axis(x, axis=-1, parts=self._groups)
        if not self._is_grouped:
            return F.swapaxes(heads, -2, -3)
        if of_queries:
            return F.moveaxis(F.split_axis(heads, axis=-1, parts=self._heads // self._groups), -4, -2)
        return F.expand_dims(F.swapaxes(heads, -2, -3), axis=-3)

    def _joined(self, mask: Any, key_mask: Any) -> Any:
        """Return one mask that broadcasts to the scores."""
        between = (1, 2) if self._is_grouped else (1,)
        if key_mask is not None:
            _check_rank("key_mask", key_mask, (2,), "(batch, s)", self)
            key_mask = F.expand_dims(key_mask, axis=(*between, len(between) + 1))
        if mask is not None and _check_rank("mask", mask, (2, 3), "(t, s) or (batch, t, s)", self) == 3:
            mask = F.expand_dims(mask, axis=between)
        if mask is None or key_mask is None:
            return mask if key_mask is None else key_mask
        return F.logical_and(mask, key_mask)

    def __repr__(self) -> str:
        groups = f", num_kv_heads={self._groups}" if self._is_grouped else ""
        causal = ", causal=True" if self._causal else ""
        units = self._heads * self._head_size
        return f"MultiHeadAttention({units}, num_heads={self._heads}{groups}{causal})"


def _check_rank(name: str, tensor: Any, ranks: tuple[int, ...], words: str, block: Block) -> int:
    rank: int = symbolic(tensor).ndim
    if rank not in ranks:
        raise ShapeError(
            f"{name} is {words}; got {symbolic(tensor).type}", code="GI202", node=name, path=block.path
        )
    return rank


class SinusoidalPositions(Block):
    """Adds sines and cosines of positions (Vaswani et al. 2017); there is nothing to train.

    Parameters
    ----------
    base : float
        Ratio of the longest wave to the shortest.

    Examples
    --------
    >>> SinusoidalPositions().infer_shape(x=("batch", "length", 8))["y"]
    ('batch', 'length', 8)
    """

    def __init__(self, base: float = 10000.0) -> None:
        super().__init__()
        self._base = number("base", base, above=0)

    def forward(self, x: Any) -> Any:
        """Add positions to x of shape (*b, t, d)."""
        return F.add_positions(x, F.sinusoidal_positions(x, base=self._base))

    def __repr__(self) -> str:
        return f"SinusoidalPositions(base={self._base})"


class LearnedPositions(Block):
    """Adds a trained vector to each position.

    Parameters
    ----------
    max_length : int
        How many positions there are vectors for; inference requires that no input is longer.
    units : int
        Size of a vector, `d`; -1, 0 or None when it is to be inferred.
    weight_initializer : str or initializer, optional
        Initializer of the vectors.

    Attributes
    ----------
    weight : Parameter
        Shape (max_length, d).

    Examples
    --------
    >>> layer = LearnedPositions(1024)
    >>> report = layer.infer_shape(x=("batch", "length", 8))
    >>> print(*report.requirements)
    length <= 1024
    >>> layer.weight.shape
    (1024, 8)
    """

    def __init__(self, max_length: int, units: int | None = -1, weight_initializer: Any = None) -> None:
        super().__init__()
        shape = (positive_size("max_length", max_length), unknown_size("units", units))
        self.weight = Parameter("weight", shape=shape, init=weight_initializer).note("max_length", "units")

    def forward(self, x: Any) -> Any:
        """Add positions to x of shape (*b, t, d)."""
        table: Tensor = symbolic(self.weight)
        return F.add_positions(x, table[: x.shape[-2]])

    def __repr__(self) -> str:
        return f"LearnedPositions{self.weight.shape}"


class PositionwiseFFN(Block):
    """Two dense layers with an activation between them, at each position by itself.

    Parameters
    ----------
    units : int
        Size of the output, `u`.
    hidden_size : int
        Size between the layers.
    activation : str, Block or callable
        An activation by name, as a layer, or as a function such as ``F.relu``.
    dropout : float
        Rate of the dropout behind the activation, in training.
    """

    def __init__(
        self,
        units: int,
        hidden_size: int,
        activation: ActivationLike = "relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.expand = Dense(hidden_size, flatten=False)
        self.act = activation_layer(activation)
        self.drop = Dropout(dropout) if dropout else None
        self.contract = Dense(units, flatten=False, in_units=hidden_size)

    def forward(self, x: Any) -> Any:
        """Apply the layers to x of shape (*b, d)."""
        hidden = self.act(self.expand(x))
        return self.contract(hidden if self.drop is None else self.drop(hidden))


class TransformerLayer(Block):
    """Base of the layers of a Transformer: self-attention, a feed-forward network, residuals.

    Parameters
    ----------
    units : int
        Size of inputs and outputs, `u`.
    num_heads : int
        How many heads.
    hidden_size : int
        Size inside the feed-forward network.
    dropout : float
        Rate of dropout on attention weights and on what is added to the residual, in training.
    activation : str, Block or callable
        An activation by name, as a layer, or as a function such as ``F.relu``.
    pre_norm : bool
        Whether to normalise what goes into attention and network (Xiong et al. 2020) rather than
        the sums (Vaswani et al. 2017).
    causal : bool
        Whether a position sees none after itself.
    num_kv_heads : int, optional
        See `MultiHeadAttention`.
    epsilon : float
        Of the normalisations.
    """

    def __init__(
        self,
        units: int,
        num_heads: int,
        hidden_size: int,
        dropout: float = 0.0,
        activation: ActivationLike = "relu",
        pre_norm: bool = False,
        causal: bool = False,
        num_kv_heads: int | None = None,
        epsilon: float = 1e-5,
    ) -> None:
        super().__init__()
        self._pre_norm = flag("pre_norm", pre_norm)
        self.attention = MultiHeadAttention(
            units, num_heads, num_kv_heads, dropout, causal=causal, in_units=units
        )
        self.norm1 = LayerNorm(epsilon=epsilon, in_channels=units)
        self.ffn = PositionwiseFFN(units, hidden_size, activation)
        self.norm2 = LayerNorm(epsilon=epsilon, in_channels=units)
        self.drop = Dropout(dropout) if dropout else None

    def _added(self, x: Any, change: Callable[[Any], Any], norm: LayerNorm) -> Any:
        """Return x plus what changes it, normalised before or after."""
        changed = change(norm(x) if self._pre_norm else x)
        total = x + (changed if self.drop is None else self.drop(changed))
        return total if self._pre_norm else norm(total)

    def _attended(self, x: Any, mask: Any, key_mask: Any) -> Any:
        return self._added(x, lambda y: self.attention(y, mask=mask, key_mask=key_mask), self.norm1)


class TransformerEncoderLayer(TransformerLayer):
    """Self-attention and a feed-forward network, each with a residual and a normalisation.

    See `TransformerLayer` for the arguments; with ``causal=True`` it is the layer of a language model
    that has a decoder alone.

    Examples
    --------
    >>> layer = TransformerEncoderLayer(6, num_heads=2, hidden_size=10)
    >>> layer.infer_shape(x=("batch", "length", 6))["y"]
    ('batch', 'length', 6)
    """

    def forward(self, x: Any, mask: Any = None, key_mask: Any = None) -> Any:
        """Apply the layer.

        Parameters
        ----------
        x : Tensor
            (batch, t, u).
        mask, key_mask : Tensor, optional
            (t, t) or (batch, t, t), and (batch, t): see `MultiHeadAttention`.
        """
        return self._added(self._attended(x, mask, key_mask), self.ffn, self.norm2)


class TransformerDecoderLayer(TransformerLayer):
    """Causal self-attention, attention to the encoder's outputs, and a feed-forward network.

    Parameters
    ----------
    units, num_heads, hidden_size, dropout, activation, pre_norm, num_kv_heads, epsilon
        See `TransformerLayer`.

    Examples
    --------
    >>> layer = TransformerDecoderLayer(6, num_heads=2, hidden_size=10)
    >>> layer.infer_shape(x=("batch", "t", 6), memory=("batch", "s", 5))["y"]
    ('batch', 't', 6)
    """

    def __init__(
        self, units: int, num_heads: int, hidden_size: int, dropout: float = 0.0, **options: Any
    ) -> None:
        super().__init__(units, num_heads, hidden_size, dropout, causal=True, **options)
        heads = options.get("num_kv_heads")
        self.cross_attention = MultiHeadAttention(units, num_heads, heads, dropout, in_units=units)
        self.norm3 = LayerNorm(epsilon=options.get("epsilon", 1e-5), in_channels=units)

    def forward(
        self, x: Any, memory: Any, mask: Any = None, key_mask: Any = None, memory_mask: Any = None
    ) -> Any:
        """Apply the layer.

        Parameters
        ----------
        x : Tensor
            (batch, t, u).
        memory : Tensor
            (batch, s, m): the encoder's outputs.
        mask, key_mask : Tensor, optional
            (t, t) or (batch, t, t), and (batch, t), beside causality: see `MultiHeadAttention`.
        memory_mask : Tensor, optional
            (batch, s): the outputs that are seen.
        """
        x = self._attended(x, mask, key_mask)
        x = self._added(x, lambda y: self.cross_attention(y, memory, key_mask=memory_mask), self.norm3)
        return self._added(x, self.ffn, self.norm2)
