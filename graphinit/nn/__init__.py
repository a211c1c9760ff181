"""Layers: blocks that describe a network without its input sizes.

A layer's file is loaded when the layer is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphinit.faces import lazy_face

_LAYERS = {
    "graphinit.constant": "Constant",
    "graphinit.nn.activations": "ELU GELU Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid LogSoftmax Mish "
    "PReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax Softplus Softsign Swish Tanh",
    "graphinit.nn.attention": "LearnedPositions MultiHeadAttention PositionwiseFFN "
    "SinusoidalPositions TransformerDecoderLayer TransformerEncoderLayer",
    "graphinit.nn.basic": "Activation Dense Dropout Flatten Identity Lambda",
    "graphinit.nn.block": "Block",
    "graphinit.nn.cell_wrappers": "BidirectionalCell DropoutCell ResidualCell SequentialRNNCell ZoneoutCell",
    "graphinit.nn.cells": "GRUCell LSTMCell RecurrentCell RNNCell",
    "graphinit.nn.containers": "Sequential WithLoss",
    "graphinit.nn.conv": "Conv1D Conv2D Conv3D",
    "graphinit.nn.conv_transpose": "Conv1DTranspose Conv2DTranspose Conv3DTranspose",
    "graphinit.nn.embedding": "Embedding",
    "graphinit.nn.global_pool": "GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D "
    "GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D",
    "graphinit.nn.joining": "Concatenate Permute Reshape Residual",
    "graphinit.nn.noise": "GaussianNoise NormalLike UniformLike",
    "graphinit.nn.norm": "BatchNorm BatchNormReLU GroupNorm InstanceNorm LayerNorm RMSNorm",
    "graphinit.nn.pool": "AvgPool1D AvgPool2D AvgPool3D MaxPool1D MaxPool2D MaxPool3D",
    "graphinit.nn.recurrent": "GRU LSTM RNN",
    "graphinit.nn.resize": "AdaptiveAvgPool1D AdaptiveAvgPool2D AdaptiveAvgPool3D PixelShuffle1D "
    "PixelShuffle2D PixelShuffle3D ReflectionPad2D UpSample ZeroPad2D",
    "graphinit.parameter": "Parameter",
}
_GLUON_NAMES = {"HybridBlock": "Block", "HybridConcatenate": "Concatenate", "HybridLambda": "Lambda",
                "HybridSequential": "Sequential"}  # fmt: skip

_PLACES = {name: f"{module}:{name}" for module, names in _LAYERS.items() for name in names.split()}
_PLACES |= {name: _PLACES[ours] for name, ours in _GLUON_NAMES.items()}

if TYPE_CHECKING:
    from graphinit.constant import Constant as Constant
    from graphinit.nn.activations import ELU as ELU
    from graphinit.nn.activations import GELU as GELU
    from graphinit.nn.activations import SELU as SELU
    from graphinit.nn.activations import Hardsigmoid as Hardsigmoid
    from graphinit.nn.activations import Hardswish as Hardswish
    from graphinit.nn.activations import Hardtanh as Hardtanh
    from graphinit.nn.activations import LeakyReLU as LeakyReLU
    from graphinit.nn.activations import LogSigmoid as LogSigmoid
    from graphinit.nn.activations import LogSoftmax as LogSoftmax
    from graphinit.nn.activations import Mish as Mish
    from graphinit.nn.activations import PReLU as PReLU
    from graphinit.nn.activations import ReLU as ReLU
    from graphinit.nn.activations import ReLU6 as ReLU6
    from graphinit.nn.activations import Sigmoid as Sigmoid
    from graphinit.nn.activations import SiLU as SiLU
    from graphinit.nn.activations import Softmax as Softmax
    from graphinit.nn.activations import Softplus as Softplus
    from graphinit.nn.activations import Softsign as Softsign
    from graphinit.nn.activations import Swish as Swish
    from graphinit.nn.activations import Tanh as Tanh
    from graphinit.nn.attention import LearnedPositions as LearnedPositions
    from graphinit.nn.attention import MultiHeadAttention as MultiHeadAttention
    from graphinit.nn.attention import PositionwiseFFN as PositionwiseFFN
    from graphinit.nn.attention import SinusoidalPositions as SinusoidalPositions
    from graphinit.nn.attention import TransformerDecoderLayer as TransformerDecoderLayer
    from graphinit.nn.attention import TransformerEncoderLayer as TransformerEncoderLayer
    from graphinit.nn.basic import Activation as Activation
    from graphinit.nn.basic import Dense as Dense
    from graphinit.nn.basic import Dropout as Dropout
    from graphinit.nn.basic import Flatten as Flatten
    from graphinit.nn.basic import Identity as Identity
    from graphinit.nn.basic import Lambda as Lambda
    from graphinit.nn.block import Block as Block
    from graphinit.nn.cell_wrappers import BidirectionalCell as BidirectionalCell
    from graphinit.nn.cell_wrappers import DropoutCell as DropoutCell
    from graphinit.nn.cell_wrappers import ResidualCell as ResidualCell
    from graphinit.nn.cell_wrappers import SequentialRNNCell as SequentialRNNCell
    from graphinit.nn.cell_wrappers import ZoneoutCell as ZoneoutCell
    from graphinit.nn.cells import GRUCell as GRUCell
    from graphinit.nn.cells import LSTMCell as LSTMCell
    from graphinit.nn.cells import RecurrentCell as RecurrentCell
    from graphinit.nn.cells import RNNCell as RNNCell
    from graphinit.nn.containers import Sequential as Sequential
    from graphinit.nn.containers import WithLoss as WithLoss
    from graphinit.nn.conv import Conv1D as Conv1D
    from graphinit.nn.conv import Conv2D as Conv2D
    from graphinit.nn.conv import Conv3D as Conv3D
    from graphinit.nn.conv_transpose import Conv1DTranspose as Conv1DTranspose
    from graphinit.nn.conv_transpose import Conv2DTranspose as Conv2DTranspose
    from graphinit.nn.conv_transpose import Conv3DTranspose as Conv3DTranspose
    from graphinit.nn.embedding import Embedding as Embedding
    from graphinit.nn.global_pool import GlobalAvgPool1D as GlobalAvgPool1D
    from graphinit.nn.global_pool import GlobalAvgPool2D as GlobalAvgPool2D
    from graphinit.nn.global_pool import GlobalAvgPool3D as GlobalAvgPool3D
    from graphinit.nn.global_pool import GlobalMaxPool1D as GlobalMaxPool1D
    from graphinit.nn.global_pool import GlobalMaxPool2D as GlobalMaxPool2D
    from graphinit.nn.global_pool import GlobalMaxPool3D as GlobalMaxPool3D
    from graphinit.nn.joining import Concatenate as Concatenate
    from graphinit.nn.joining import Permute as Permute
    from graphinit.nn.joining import Reshape as Reshape
    from graphinit.nn.joining import Residual as Residual
    from graphinit.nn.noise import GaussianNoise as GaussianNoise
    from graphinit.nn.noise import NormalLike as NormalLike
    from graphinit.nn.noise import UniformLike as UniformLike
    from graphinit.nn.norm import BatchNorm as BatchNorm
    from graphinit.nn.norm import BatchNormReLU as BatchNormReLU
    from graphinit.nn.norm import GroupNorm as GroupNorm
    from graphinit.nn.norm import InstanceNorm as InstanceNorm
    from graphinit.nn.norm import LayerNorm as LayerNorm
    from graphinit.nn.norm import RMSNorm as RMSNorm
    from graphinit.nn.pool import AvgPool1D as AvgPool1D
    from graphinit.nn.pool import AvgPool2D as AvgPool2D
    from graphinit.nn.pool import AvgPool3D as AvgPool3D
    from graphinit.nn.pool import MaxPool1D as MaxPool1D
    from graphinit.nn.pool import MaxPool2D as MaxPool2D
    from graphinit.nn.pool import MaxPool3D as MaxPool3D
    from graphinit.nn.recurrent import GRU as GRU
    from graphinit.nn.recurrent import LSTM as LSTM
    from graphinit.nn.recurrent import RNN as RNN
    from graphinit.nn.resize import AdaptiveAvgPool1D as AdaptiveAvgPool1D
    from graphinit.nn.resize import AdaptiveAvgPool2D as AdaptiveAvgPool2D
    from graphinit.nn.resize import AdaptiveAvgPool3D as AdaptiveAvgPool3D
    from graphinit.nn.resize import PixelShuffle1D as PixelShuffle1D
    from graphinit.nn.resize import PixelShuffle2D as PixelShuffle2D
    from graphinit.nn.resize import PixelShuffle3D as PixelShuffle3D
    from graphinit.nn.resize import ReflectionPad2D as ReflectionPad2D
    from graphinit.nn.resize import UpSample as UpSample
    from graphinit.nn.resize import ZeroPad2D as ZeroPad2D
    from graphinit.parameter import Parameter as Parameter

    HybridBlock = Block
    HybridConcatenate = Concatenate
    HybridLambda = Lambda
    HybridSequential = Sequential

__all__ = sorted(_PLACES)  # noqa: PLE0605  (the names of the table)
if not TYPE_CHECKING:  # a type checker is to find names that are not there
    __getattr__, __dir__ = lazy_face(__name__, _PLACES)
