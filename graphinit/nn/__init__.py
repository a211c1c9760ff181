"""Layers: blocks that describe a network without its input sizes."""

from __future__ import annotations

from graphinit.constant import Constant
from graphinit.nn.activations import ELU, GELU, SELU, LeakyReLU, PReLU, SiLU, Swish
from graphinit.nn.attention import (
    LearnedPositions,
    MultiHeadAttention,
    PositionwiseFFN,
    SinusoidalPositions,
    TransformerDecoderLayer,
    TransformerEncoderLayer,
)
from graphinit.nn.basic import Activation, Dense, Dropout, Flatten, Identity, Lambda
from graphinit.nn.block import Block
from graphinit.nn.cell_wrappers import (
    BidirectionalCell,
    DropoutCell,
    ResidualCell,
    SequentialRNNCell,
    ZoneoutCell,
)
from graphinit.nn.cells import GRUCell, LSTMCell, RecurrentCell, RNNCell
from graphinit.nn.containers import Sequential, WithLoss
from graphinit.nn.conv import Conv1D, Conv2D, Conv3D
from graphinit.nn.conv_transpose import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
from graphinit.nn.embedding import Embedding
from graphinit.nn.global_pool import (
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalAvgPool3D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPool3D,
)
from graphinit.nn.joining import Concatenate, Permute, Reshape, Residual
from graphinit.nn.norm import BatchNorm, BatchNormReLU, GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from graphinit.nn.pool import AvgPool1D, AvgPool2D, AvgPool3D, MaxPool1D, MaxPool2D, MaxPool3D
from graphinit.nn.recurrent import GRU, LSTM, RNN
from graphinit.nn.resize import (
    AdaptiveAvgPool1D,
    AdaptiveAvgPool2D,
    AdaptiveAvgPool3D,
    PixelShuffle1D,
    PixelShuffle2D,
    PixelShuffle3D,
    ReflectionPad2D,
    UpSample,
    ZeroPad2D,
)
from graphinit.parameter import Parameter

HybridBlock = Block
HybridSequential = Sequential
HybridLambda = Lambda
HybridConcatenate = Concatenate

__all__ = [
    "Activation",
    "AdaptiveAvgPool1D",
    "AdaptiveAvgPool2D",
    "AdaptiveAvgPool3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNorm",
    "BatchNormReLU",
    "BidirectionalCell",
    "Block",
    "Concatenate",
    "Constant",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Dense",
    "Dropout",
    "DropoutCell",
    "ELU",
    "Embedding",
    "Flatten",
    "GELU",
    "GRU",
    "GRUCell",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GroupNorm",
    "HybridBlock",
    "HybridConcatenate",
    "HybridLambda",
    "HybridSequential",
    "Identity",
    "InstanceNorm",
    "LSTM",
    "LSTMCell",
    "Lambda",
    "LayerNorm",
    "LeakyReLU",
    "LearnedPositions",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MultiHeadAttention",
    "PReLU",
    "Parameter",
    "Permute",
    "PixelShuffle1D",
    "PixelShuffle2D",
    "PixelShuffle3D",
    "PositionwiseFFN",
    "RMSNorm",
    "RNN",
    "RNNCell",
    "RecurrentCell",
    "ReflectionPad2D",
    "Reshape",
    "Residual",
    "ResidualCell",
    "SELU",
    "Sequential",
    "SequentialRNNCell",
    "SiLU",
    "SinusoidalPositions",
    "Swish",
    "TransformerDecoderLayer",
    "TransformerEncoderLayer",
    "UpSample",
    "WithLoss",
    "ZeroPad2D",
    "ZoneoutCell",
]
