"""What other frameworks call things that have another name here.

Names that are nearly the same are found by likeness (`graphinit.suggestions`); here stand those that are not.
Each public module has the foreign names that are looked for in it, and what to write in their place.
"""

from __future__ import annotations

from collections.abc import Mapping


def _pairs(text: str) -> dict[str, str]:
    """Read lines ``theirs another: ours``."""
    rows = (line.partition(":") for line in text.strip().splitlines())
    return {name: ours.strip() for theirs, _, ours in rows for name in theirs.split()}


_LAYERS = _pairs("""
    Linear LazyLinear DenseGeneral FullyConnected FC: nn.Dense
    Module Layer Model HybridLayer Container: nn.Block
    ModuleList SequentialCell Serial: nn.Sequential
    Conv1d LazyConv1d Convolution1D: nn.Conv1D
    Conv2d LazyConv2d Convolution2D Conv: nn.Conv2D
    Conv3d LazyConv3d Convolution3D: nn.Conv3D
    ConvTranspose1d LazyConvTranspose1d: nn.Conv1DTranspose
    ConvTranspose ConvTranspose2d LazyConvTranspose2d Deconvolution Conv2DTransposed: nn.Conv2DTranspose
    ConvTranspose3d LazyConvTranspose3d: nn.Conv3DTranspose
    BatchNormalization BatchNorm1d BatchNorm2d BatchNorm3d LazyBatchNorm1d LazyBatchNorm2d SyncBatchNorm: nn.BatchNorm
    LayerNormalization: nn.LayerNorm
    GroupNormalization: nn.GroupNorm
    InstanceNormalization InstanceNorm1d InstanceNorm2d InstanceNorm3d: nn.InstanceNorm
    MaxPooling1D MaxPool1d: nn.MaxPool1D
    MaxPooling2D MaxPool2d: nn.MaxPool2D
    MaxPooling3D MaxPool3d: nn.MaxPool3D
    AveragePooling1D AvgPool1d: nn.AvgPool1D
    AveragePooling2D AvgPool2d: nn.AvgPool2D
    AveragePooling3D AvgPool3d: nn.AvgPool3D
    AdaptiveAvgPool1d: nn.AdaptiveAvgPool1D
    AdaptiveAvgPool2d: nn.AdaptiveAvgPool2D
    AdaptiveAvgPool3d: nn.AdaptiveAvgPool3D
    GlobalAveragePooling1D: nn.GlobalAvgPool1D
    GlobalAveragePooling2D: nn.GlobalAvgPool2D
    GlobalAveragePooling3D: nn.GlobalAvgPool3D
    GlobalMaxPooling1D: nn.GlobalMaxPool1D
    GlobalMaxPooling2D: nn.GlobalMaxPool2D
    GlobalMaxPooling3D: nn.GlobalMaxPool3D
    Upsample UpSampling2D: nn.UpSample
    ZeroPadding2D: nn.ZeroPad2D
    PixelShuffle: nn.PixelShuffle2D
    Dropout1d Dropout2d Dropout3d SpatialDropout1D SpatialDropout2D: nn.Dropout
    Embed EmbeddingBag: nn.Embedding
    MultiheadAttention MultiHeadDotProductAttention SelfAttention: nn.MultiHeadAttention
    PositionEmbedding PositionalEmbedding: nn.LearnedPositions
    PositionalEncoding SinePositionEncoding: nn.SinusoidalPositions
    SimpleRNN: nn.RNN
    SimpleRNNCell SimpleCell: nn.RNNCell
    StackedRNNCells: nn.SequentialRNNCell
    Bidirectional: nn.BidirectionalCell
    Concat: nn.Concatenate
    Transpose: nn.Permute
    Unflatten: nn.Reshape
    Buffer: nn.Constant
    CrossEntropyLoss: loss.SoftmaxCrossEntropyLoss
    NLLLoss: loss.SoftmaxCrossEntropyLoss
    MSELoss: loss.L2Loss
    L1Loss: loss.L1Loss
    SmoothL1Loss HuberLoss: loss.HuberLoss
    BCELoss BCEWithLogitsLoss: loss.SigmoidBinaryCrossEntropyLoss
    KLDivLoss: loss.KLDivLoss
    CTCLoss: loss.CTCLoss
    TripletMarginLoss: loss.TripletLoss
    CosineEmbeddingLoss: loss.CosineEmbeddingLoss
    PoissonNLLLoss: loss.PoissonNLLLoss
    functional: graphinit.functional
    init initializers: graphinit.init
    relu: F.relu
    softmax: F.softmax
    tanh: F.tanh
    sigmoid: F.sigmoid
    gelu: F.gelu
""")

_FUNCTIONS = _pairs("""
    cat concatenate hstack: F.concat
    permute permute_dims: F.transpose
    unsqueeze newaxis: F.expand_dims
    view: F.reshape
    dense fully_connected: F.linear
    dot mm bmm batch_dot einsum tensordot: F.matmul
    sub: F.subtract
    mul: F.multiply
    div true_divide: F.divide
    mod fmod: F.remainder
    neg: F.negative
    pow: F.power
    eq: F.equal
    ne: F.not_equal
    gt: F.greater
    ge: F.greater_equal
    lt: F.less
    le: F.less_equal
    amax reduce_max: F.max
    amin reduce_min: F.min
    reduce_sum: F.sum
    reduce_mean average: F.mean
    reduce_prod: F.prod
    variance: F.var
    clamp clip_by_value: F.clip
    gather index_select embedding embedding_lookup: F.take
    select: F.where
    astype convert_element_type: F.cast
    expand broadcast: F.broadcast_to
    detach block_grad BlockGrad: F.stop_gradient
    fori_loop: F.while_loop
    switch case: F.cond
    conv1d conv2d conv3d convolution Convolution: F.conv
    conv_transpose1d conv_transpose2d conv_transpose3d deconvolution: F.conv_transpose
    max_pool1d max_pool2d max_pool3d: F.max_pool
    avg_pool1d avg_pool2d avg_pool3d average_pool: F.avg_pool
    interpolate upsample adaptive_avg_pool2d: F.resample
    scaled_dot_product_attention dot_product_attention: F.attention
    invert: F.logical_not
    flipud fliplr: F.flip
    chunk array_split: F.split
    placeholder Variable var_input: F.input
    cross_entropy softmax_cross_entropy nll_loss: loss.SoftmaxCrossEntropyLoss
    mse_loss: loss.L2Loss
    l1_loss: loss.L1Loss
    huber_loss smooth_l1_loss: loss.HuberLoss
    binary_cross_entropy binary_cross_entropy_with_logits: loss.SigmoidBinaryCrossEntropyLoss
    kl_div: loss.KLDivLoss
""")

_LOSSES = _pairs("""
    CrossEntropyLoss NLLLoss CategoricalCrossentropy SparseCategoricalCrossentropy: loss.SoftmaxCrossEntropyLoss
    MSELoss MSE MeanSquaredError mean_squared_error: loss.L2Loss
    MAE MeanAbsoluteError mean_absolute_error: loss.L1Loss
    SmoothL1Loss Huber: loss.HuberLoss
    BCELoss BCEWithLogitsLoss BinaryCrossentropy BinaryCrossEntropy: loss.SigmoidBCELoss
    KLDivergence KLD: loss.KLDivLoss
    TripletMarginLoss: loss.TripletLoss
    CosineSimilarity: loss.CosineEmbeddingLoss
    SoftMarginLoss: loss.LogisticLoss
    CategoricalHinge MarginRankingLoss: loss.HingeLoss
""")

_INITIALIZERS = _pairs("""
    GlorotUniform glorot_uniform XavierUniform xavier_uniform: init.Xavier
    GlorotNormal glorot_normal XavierNormal xavier_normal: init.Xavier('gaussian', 'avg', 1)
    HeNormal he_normal KaimingNormal kaiming_normal: init.Xavier('gaussian', 'in', 2)
    HeUniform he_uniform KaimingUniform kaiming_uniform: init.Xavier('uniform', 'in', 6)
    LecunNormal lecun_normal: init.Xavier('gaussian', 'in', 1)
    LecunUniform lecun_uniform: init.Xavier('uniform', 'in', 3)
    VarianceScaling variance_scaling: init.Xavier
    MSRA: init.MSRAPrelu
    RandomNormal random_normal: init.Normal(0.05)
    RandomUniform random_uniform: init.Uniform(0.05)
    Gaussian normal: init.Normal
    uniform: init.Uniform
    Zeros zeros zeros_init: init.Zero
    Ones ones ones_init: init.One
    OrthogonalInitializer orthogonal: init.Orthogonal
    truncated_normal trunc_normal: init.TruncatedNormal
    constant constant_init: init.Constant
    pytorch: init.preset('pytorch')
    keras: init.preset('keras')
    flax: init.preset('flax')
    mxnet: init.preset('mxnet')
""")  # fmt: skip

_PACKAGE = _pairs("""
    Module Layer Block: nn.Block
    Sequential: nn.Sequential
    Linear Dense: nn.Dense
    Variable tensor asarray array: F.constant
    Input placeholder: F.input
    layers gluon: graphinit.nn
    functions F: graphinit.functional
    losses: graphinit.loss
    initializers initializer: graphinit.init
    optim optimizers optimisers optax: graphinit.optimizer
    metrics: graphinit.metric
    jit hybridize: graphinit.compile
    grad value_and_grad: passes.differentiate
    GradientTape: autograd.record
    no_grad inference_mode: autograd.pause
    manual_seed set_random_seed PRNGKey: random.seed
    save: graphinit.save_checkpoint
    load: graphinit.load_checkpoint
    infer_shapes eval_shape: passes.infer_shapes
    utils: graphinit.data
    schedules lr_schedule: graphinit.lr_scheduler
""")

_OPTIMIZERS = _pairs("""
    Momentum momentum: optimizer.SGD
    Adagrad: optimizer.AdaGrad
    Adadelta: optimizer.AdaDelta
    NesterovAG: optimizer.NAG
    apply_updates: optimizer.Update
    Trainer: trainer.Trainer
    lr_scheduler: graphinit.lr_scheduler
""")

_SCHEDULES = _pairs("""
    StepLR ExponentialLR ExponentialDecay: lr_scheduler.FactorScheduler
    MultiStepLR PiecewiseConstantDecay: lr_scheduler.MultiFactorScheduler
    CosineAnnealingLR CosineDecay: lr_scheduler.CosineScheduler
    PolynomialLR PolynomialDecay: lr_scheduler.PolyScheduler
""")

_METRICS = _pairs("""
    BinaryAccuracy SparseCategoricalAccuracy CategoricalAccuracy: metric.Accuracy
    TopKCategoricalAccuracy: metric.TopKAccuracy
    MeanSquaredError: metric.MSE
    MeanAbsoluteError: metric.MAE
    RootMeanSquaredError: metric.RMSE
    F1Score: metric.F1
""")

_RECORDING = _pairs("""
    no_grad: autograd.pause
    enable_grad GradientTape: autograd.record
    set_grad_enabled: autograd.record
    is_grad_enabled: autograd.is_recording
""")

_DATA = _pairs("""
    TensorDataset: data.ArrayDataset
    Loader: data.DataLoader
    default_collate collate: data.stack_samples
""")

_RANDOM = _pairs("""
    manual_seed PRNGKey key: random.seed
    randn standard_normal: random.normal
    rand: random.uniform
""")

_PASSES = _pairs("""
    grad gradient backward: passes.differentiate
    shape_inference infer_shape eval_shape ShapeProp: passes.infer_shapes
    flops cost_analysis: passes.estimate_cost
    CSE cse: passes.MergeCommonSubexpressions
    DCE dce eliminate_dead_code: passes.RemoveDeadCode
    ConstantFolding fold_constants: passes.FoldConstants
""")

FOREIGN: Mapping[str, Mapping[str, str]] = {
    "graphinit": _PACKAGE,
    "graphinit.autograd": _RECORDING,
    "graphinit.data": _DATA,
    "graphinit.functional": _FUNCTIONS,
    "graphinit.init": _INITIALIZERS,
    "graphinit.loss": _LOSSES,
    "graphinit.lr_scheduler": _SCHEDULES,
    "graphinit.metric": _METRICS,
    "graphinit.nn": _LAYERS,
    "graphinit.optimizer": _OPTIMIZERS,
    "graphinit.random": _RANDOM,
    "passes": _PASSES,
}
"""By module: from foreign names to what to write, as an expression of the modules' usual names."""
