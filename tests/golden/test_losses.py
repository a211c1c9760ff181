"""Losses against those of MXNet Gluon 2.0, and at the edges of their domains."""

import numpy as np
import pytest

import graphinit
from graphinit import loss
from graphinit.errors import BlockError, ShapeError, ValueRangeError
from tests.golden.cases import recorded

CASES = recorded()["extras"]["loss_cases"]


def arrays_of(case):
    return [np.array(values, np.float32).reshape(shape) for shape, values in case["args"]]


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case['loss']} {case['kwargs']} {len(case['args'])}"
)
def test_recorded_losses(case):
    block = getattr(loss, case["loss"])(**case["kwargs"])
    arrays = arrays_of(case)
    names = graphinit.compile(block, **block.specs(tuple(a.shape for a in arrays), {})).forward(*arrays)
    values = block(*arrays)
    np.testing.assert_array_equal(names, values)
    assert list(values.shape) == case["output_shape"]
    np.testing.assert_allclose(values, case["output"], rtol=2e-5, atol=1e-6)
    exe = graphinit.compile(block, **block.specs(tuple(a.shape for a in arrays), {}))
    exe.forward(*arrays)
    gradient = next(iter(exe.backward().values()))
    np.testing.assert_allclose(gradient.ravel(), case["grad_pred"], rtol=2e-4, atol=2e-6)


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def test_losses_without_recordings_follow_their_formulas():
    pred, other, third = random(3, 5), random(3, 5, seed=1), random(3, 5, seed=2)
    sign = np.sign(other)
    np.testing.assert_allclose(
        loss.SquaredHingeLoss()(pred, sign), (np.maximum(0, 1 - pred * sign) ** 2).mean(1), rtol=1e-12
    )
    distance = ((pred - other) ** 2 - (pred - third) ** 2).sum(1)
    np.testing.assert_allclose(
        loss.TripletLoss(margin=0.5)(pred, other, third), np.maximum(0, distance + 0.5), rtol=1e-12
    )
    counts = np.array([[0.0, 1, 2, 5, 7]])
    full = np.exp(pred[:1]) - counts * pred[:1]
    big = np.maximum(counts, 1)
    full += (counts > 1) * (big * np.log(big) - big + 0.5 * np.log(2 * np.pi * big))
    np.testing.assert_allclose(
        loss.PoissonNLLLoss(compute_full=True)(pred[:1], counts), full.mean(1), rtol=1e-12
    )
    binary = (other > 0).astype(float)
    weighted = -(3 * binary * np.log(1 / (1 + np.exp(-pred))) + (1 - binary) * np.log(1 / (1 + np.exp(pred))))
    np.testing.assert_allclose(
        loss.SigmoidBCELoss()(pred, binary, None, np.full(1, 3.0)), weighted.mean(1), rtol=1e-12
    )
    np.testing.assert_allclose(
        loss.LogisticLoss(label_format="binary")(pred, binary),
        loss.LogisticLoss()(pred, 2 * binary - 1),
        rtol=1e-12,
    )


def test_label_smoothing_and_ignored_labels():
    scores, labels = random(2, 3, 7), np.array([[0, 6, 3], [2, -1, -1]])
    logs = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    picked = -np.take_along_axis(logs, np.maximum(labels, 0)[..., None], -1)[..., 0]
    smooth = 0.9 * picked - 0.1 * logs.mean(-1)
    kept = labels >= 0
    expected = (smooth * kept).sum(1) / kept.sum(1)
    found = loss.SoftmaxCrossEntropyLoss(label_smoothing=0.1, ignore_index=-1)
    np.testing.assert_allclose(found(scores, labels), expected, rtol=1e-12)
    assert found(scores, np.full((2, 3), -1)).tolist() == [0, 0]
    dense = np.eye(7)[np.maximum(labels, 0)]
    np.testing.assert_allclose(
        loss.SoftmaxCrossEntropyLoss(sparse_label=False, label_smoothing=0.1)(scores, dense),
        smooth.mean(1),
        rtol=1e-12,
    )


def test_a_label_that_is_no_class_is_named():
    with pytest.raises(ValueRangeError, match="7") as caught:
        loss.SoftmaxCrossEntropyLoss()(np.zeros((2, 5), np.float32), np.array([4, 7]))
    assert caught.value.code == "GI502"


@pytest.mark.parametrize(
    ("block", "arrays"),
    [
        (loss.SoftmaxCrossEntropyLoss(), (np.array([[1e4, -1e4]], np.float32), np.array([1]))),
        (
            loss.SigmoidBCELoss(),
            (np.array([[1e4, -1e4, 0.0]], np.float32), np.array([[0.0, 1.0, 1.0]], np.float32)),
        ),
        (loss.LogisticLoss(), (np.array([[1e4, -1e4]], np.float32), np.array([[-1.0, 1.0]], np.float32))),
        (loss.KLDivLoss(), (np.array([[-1e4, 0.0]], np.float32), np.array([[0.0, 1.0]], np.float32))),
        (loss.HuberLoss(), (np.array([[1e30]], np.float32), np.array([[0.0]], np.float32))),
        (
            loss.CosineEmbeddingLoss(),
            (np.zeros((1, 3), np.float32), np.ones((1, 3), np.float32), np.ones(1, np.float32)),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_and_gradients_stay_finite(block, arrays):
    exe = graphinit.compile(block, **block.specs(arrays, {}))
    assert np.isfinite(exe.forward(*arrays)).all()
    assert all(np.isfinite(gradient).all() for gradient in exe.backward().values())


def test_empty_batches_have_no_losses():
    assert loss.L2Loss()(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)).shape == (0,)
    assert loss.SoftmaxCELoss()(np.zeros((0, 3), np.float32), np.zeros(0, np.int64)).shape == (0,)


def test_the_gradient_at_zero_is_that_of_the_smooth_formula():
    exe = graphinit.compile(loss.SigmoidBCELoss(), pred=(1, 1), label=(1, 1))
    exe.forward(np.zeros((1, 1)), np.ones((1, 1)))
    assert exe.backward()["pred"] == -0.5


@pytest.mark.parametrize(
    "make",
    [
        lambda: loss.HuberLoss(rho=0),
        lambda: loss.LogisticLoss(label_format="ternary"),
        lambda: loss.SoftmaxCELoss(label_smoothing=1),
        lambda: loss.SoftmaxCELoss(sparse_label=False, ignore_index=0),
        lambda: loss.L2Loss(weight="2"),
        lambda: loss.L1Loss(batch_axis=0.5),
        lambda: loss.HingeLoss(margin=None),
        lambda: loss.CTCLoss(layout="CTN"),
        lambda: loss.CTCLoss(label_layout="N"),
    ],
)
def test_bad_arguments(make):
    with pytest.raises(BlockError, match="GI407"):
        make()


def test_labels_of_another_length_are_an_error():
    with pytest.raises(ShapeError, match="GI20"):
        loss.SoftmaxCELoss()(np.zeros((2, 5), np.float32), np.zeros(3, np.int64))


def test_ctc_takes_layouts_and_lengths():
    scores, labels = random(3, 7, 5), np.array([[0, 3, 3], [2, -1, -1], [1, 1, 1]])
    plain = loss.CTCLoss()(scores, labels)
    assert np.isfinite(plain).all()
    turned = loss.CTCLoss(layout="TNC", label_layout="TN", weight=2)
    np.testing.assert_allclose(turned(scores.swapaxes(0, 1), labels.T), 2 * plain, rtol=1e-12)
    counted = loss.CTCLoss()(scores, np.maximum(labels, 0), None, np.array([3, 1, 3]))
    np.testing.assert_allclose(counted, plain, rtol=1e-12)
    short = loss.CTCLoss()(scores[:, :5], labels, np.array([5, 5, 3]))
    assert np.isfinite(short).tolist() == [True, True, False]  # three equal labels need five steps


@pytest.mark.parametrize(
    ("labels", "lengths", "words"),
    [([[0, 4]], None, r"label 4 at \(0, 1\)"), ([[0, 1]], [8], r"length 8 at \(0,\)")],
)
def test_ctc_names_what_is_out_of_range(labels, lengths, words):
    arrays = [random(1, 7, 5), np.array(labels)] + ([] if lengths is None else [np.array(lengths)])
    with pytest.raises(ValueRangeError, match=words):
        loss.CTCLoss()(*arrays)


def test_ctc_learns_to_spell():
    scores, labels = np.zeros((1, 6, 4)), np.array([[2, 0]])
    exe = graphinit.compile(loss.CTCLoss(), pred=scores.shape, label=labels.shape)
    losses = []
    for _ in range(60):
        losses.append(exe.forward(scores, labels)[0])
        scores = scores - 2 * exe.backward()["pred"]
    assert losses[-1] < 0.1 < losses[0]
    path = scores[0].argmax(1)
    assert [c for c, before in zip(path, [3, *path], strict=False) if c not in (before, 3)] == [2, 0]
