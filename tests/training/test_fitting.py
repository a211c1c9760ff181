"""fit and evaluate on networks with any inputs and outputs, and what they refuse before training."""

from __future__ import annotations

import numpy as np
import pytest

import graphinit
from graphinit import autograd, loss, metric, nn
from graphinit import functional as F
from graphinit.data import ArrayDataset, DataLoader, split_batch, stack_samples
from graphinit.errors import ArrayError, BlockError, CallError, ParameterError
from graphinit.fitting import EarlyStopping, evaluate, fit


def ramp(*shape):
    return (np.arange(np.prod(shape), dtype=np.float32).reshape(shape) % 7 - 3) / 4


def bits(net):
    return {path: parameter.data().tobytes() for path, parameter in net.collect_params().items()}


def dense():
    net = nn.Dense(3)
    net.initialize(seed=0)
    return net


class Two(nn.Block):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Dense(3), nn.Dense(2)

    def forward(self, a, b):
        return {"sum": self.left(a) + self.left(b), "right": self.right(a)}


def two():
    net = Two()
    net.initialize(seed=0)
    return net


def both(outputs, y):
    return loss.L2Loss()(outputs["sum"], y["sum"]) + loss.L2Loss()(outputs["right"], y["right"])


A, B = ramp(12, 4), ramp(12, 4)[::-1]
Y = {"sum": ramp(12, 3), "right": ramp(12, 2)}


# --- batches ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        (A, (A, None)),
        ((A,), (A, None)),
        ((A, B), (A, B)),
        ([A, B], (A, B)),
        ((A, None), (A, None)),
        (((A, B), None), ((A, B), None)),
        ({"a": A}, ({"a": A}, None)),
        (({"a": A}, B), ({"a": A}, B)),
    ],
)
def test_a_batch_is_inputs_or_a_pair(batch, expected):
    x, y = split_batch(batch)
    assert x is expected[0] or x == expected[0]
    assert y is expected[1]


@pytest.mark.parametrize("batch", [(A, B, A), (), [A, B, A, B]])
def test_other_batches_are_refused(batch):
    with pytest.raises(CallError) as caught:
        split_batch(batch)
    assert caught.value.message == (
        f"a batch is x or a pair (x, y), and this one has {len(batch)} parts; several inputs go into a tuple of "
        "their own, ((x1, x2), y)"
    )


def test_loaders_keep_structures():
    ((x, y),) = DataLoader(((A, B), Y), 12)
    assert type(x) is tuple
    assert np.array_equal(x[1], B)
    assert np.array_equal(y["right"], Y["right"])
    first, _ = DataLoader({"a": A, "b": (B, A)}, 7)
    assert first["b"][0].shape == (7, 4)
    ((x, y),) = DataLoader((A, None), 12)
    assert y is None
    assert len(DataLoader({"a": A}, 5)) == 3
    assert len(ArrayDataset(((1, 2), (3, 4), (5, 6)), (7, 8, 9))) == 3  # nested numbers are one array
    samples = [((a, b), None) for a, b in zip(A, B, strict=True)]
    ((x, y),) = DataLoader(samples, 12)
    assert np.array_equal(x[0], A)
    assert y is None
    assert stack_samples([None, None]) is None
    with pytest.raises(ArrayError, match="one length, not 12, 11, 12"):
        ArrayDataset((A, {"b": B[1:]}), A)
    with pytest.raises(ArrayError, match="one length, not none"):
        ArrayDataset(None)


# --- training -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [((A, B), Y), ({"b": B, "a": A}, Y), DataLoader(((A, B), Y), 4), [((a, b), {k: v[i] for k, v in Y.items()})
     for i, (a, b) in enumerate(zip(A, B, strict=True))]],
)  # fmt: skip
def test_two_inputs_and_two_outputs(data):
    net = two()
    history = fit(
        net, both, data, validation=((A, B), Y), metrics=["mse"], epochs=6, batch_size=4, progress=False
    )
    assert history["loss"][-1] < history["loss"][0]
    found = net(A, B)
    wanted = [np.square(found[key] - Y[key]) for key in Y]
    assert history["val_loss"][-1] == pytest.approx(sum(part.mean() for part in wanted) / 2, rel=1e-4)
    everything = np.concatenate([part.reshape(-1) for part in wanted])
    assert history["val_mse"][-1] == pytest.approx(everything.mean(), rel=1e-4)


def test_no_labels_at_all():
    def small(outputs):
        return F.sum(F.square(outputs["sum"]), axis=1) + F.sum(F.square(outputs["right"]), axis=1)

    for data in ({"a": A, "b": B}, ((A, B), None), ({"a": A, "b": B}, None)):
        history = fit(two(), small, data, validation=data, epochs=4, progress=False)
        assert history["val_loss"][-1] < history["loss"][0]
    net = dense()
    assert evaluate(net, lambda outputs: outputs, [A, A])["loss"] == pytest.approx(net(A).mean(), rel=1e-5)


def test_parameters_and_accumulation_pass_through():
    net, other = two(), two()
    net(A, B), other(A, B)
    before = bits(net)
    options = {"optimizer": "sgd", "optimizer_params": {"lr": 0.1}, "epochs": 2, "progress": False}
    fit(net, both, DataLoader(((A, B), Y), 4), parameters="left", accumulate=3, **options)
    after = bits(net)
    assert [path for path in before if before[path] == after[path]] == ["right.weight", "right.bias"]
    fit(other, both, DataLoader(((A, B), Y), 12), parameters="left", **options)
    for path, parameter in net.collect_params().items():
        np.testing.assert_allclose(
            parameter.data(), other.collect_params()[path].data(), rtol=1e-4, atol=1e-6
        )


def test_a_resumed_run_equals_an_uninterrupted_one_while_gradients_wait(tmp_path):
    options = {
        "optimizer": "adam",
        "accumulate": 2,
        "batch_size": 4,
        "progress": False,
    }  # three batches an epoch
    whole, part, resumed = two(), two(), two()
    expected = fit(whole, both, ((A, B), Y), epochs=5, **options)
    fit(part, both, ((A, B), Y), epochs=3, checkpoint=tmp_path / "run", **options)
    found = fit(resumed, both, ((A, B), Y), epochs=5, checkpoint=tmp_path / "run", resume=True, **options)
    assert bits(resumed) == bits(whole)
    assert found.epochs == expected.epochs


def test_early_stopping_puts_back_the_best():
    net = two()
    stopping = EarlyStopping("val_mse", patience=2)
    history = fit(net, both, ((A, B), Y), validation=((A, B), Y), metrics=["mse"], epochs=30, early_stopping=stopping,
                  optimizer_params={"lr": 3.0}, progress=False)  # fmt: skip
    assert history.stopped == "val_mse has not improved for 2 epochs"
    scores = evaluate(net, both, [((A, B), Y)], ["mse"])
    assert scores["mse"] == pytest.approx(min(history["val_mse"]), rel=1e-5)


def test_a_trainer_or_an_optimizer_serves_fit():
    for make in (
        lambda net: graphinit.trainer.Trainer(net.collect_params(), "adam"),
        lambda net: graphinit.optimizer.Adam(),
        lambda net: graphinit.compile_step(net, both, "adam"),
    ):
        net = two()
        assert len(fit(net, both, ((A, B), Y), optimizer=make(net), epochs=1, progress=False)) == 1


def test_evaluate_takes_arrays_as_fit_does():
    net = two()
    expected = evaluate(net, both, [((A, B), Y)], ["mse"])
    for data in (((A, B), Y), ({"a": A, "b": B}, Y), DataLoader(((A, B), Y), 5)):
        found = evaluate(net, both, data, ["mse"], batch_size=7)
        assert found == {name: pytest.approx(value, rel=1e-5) for name, value in expected.items()}
    alone = dense()
    assert evaluate(alone, lambda outputs: outputs, A)["loss"] == pytest.approx(alone(A).mean(), rel=1e-5)


# --- metrics ------------------------------------------------------------------------------------


def test_evaluation_is_inference_wherever_it_is_asked_for():
    net = nn.Dropout(0.5)
    x = np.ones((40, 5), np.float32)
    for scope in (autograd.record(), autograd.train_mode()):
        with scope:
            assert evaluate(net, lambda out: out.mean(axis=1), x) == {"loss": 1.0}


def test_one_thing_that_is_no_metric():
    with pytest.raises(CallError, match="there is no metric 5; there are acc"):
        evaluate(dense(), loss.L2Loss(), (ramp(4, 2), ramp(4, 3)), metrics=5)


def test_samples_count_alike_where_a_batch_has_one_loss():
    x = np.arange(14, dtype=np.float32).reshape(7, 2)
    for given in (x, {"x": x}, ((x,), None)):
        found = evaluate(nn.Sequential(), lambda out: out.mean(), given, batch_size=3)
        assert found["loss"] == pytest.approx(6.5)
    net = nn.Dense(1, use_bias=False)
    net.initialize("ones")
    history = fit(
        net,
        lambda out: out.mean(),
        x,
        batch_size=4,
        epochs=1,
        optimizer_params={"lr": 1e-9},
        progress=False,
    )
    assert history["loss"] == [pytest.approx(13)]


def test_metrics_of_several_outputs():
    labels, scores = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    counted = metric.create("accuracy")
    counted.update([labels, 1 - labels], [scores, scores])
    assert counted.get() == ("accuracy", 3 / 6)
    counted.update({"b": labels}, {"b": scores})
    assert counted.count == 9
    counted.update((labels, (labels,)), (scores, (scores,)))
    assert counted.count == 15
    f1 = metric.F1()
    f1.update([labels], [scores])
    assert f1.get()[1] == pytest.approx(2 / 3)
    rows = metric.create("accuracy")
    rows.update([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    rows.update(labels, list(scores))
    assert rows.count == 6
    total = metric.create("loss")
    total.update(None, [labels * 1.0, labels * 2.0])
    assert total.get()[1] == pytest.approx(1.0)


@pytest.mark.parametrize(("labels", "preds", "kind"), [
    (A[:, 0], (A, B), "a tuple of 2 predictions without a tuple"),
    (A[:, 0], {"a": A}, "a dict of 1 predictions without a dict"),
    ([A], [A, B], "a list of 2 predictions without a list"),
])  # fmt: skip
def test_metrics_that_cannot_tell_which(labels, preds, kind):
    with pytest.raises(ArrayError) as caught:
        metric.MSE("error").update(labels, preds)
    assert caught.value.message == (
        f"metric 'error' was given {kind} of as many labels; let a subclass choose, in "
        "update(self, labels, preds): super().update(labels, preds[...])"
    )


def test_a_metric_chooses_among_outputs():
    class Right(metric.MSE):
        def update(self, labels, preds):
            super().update(labels["right"], preds["right"])

    net = two()
    scores = evaluate(net, both, [((A, B), Y)], [Right()])
    assert scores["right"] == pytest.approx(np.square(net(A, B)["right"] - Y["right"]).mean(), rel=1e-4)


def test_metrics_without_labels():
    with pytest.raises(ArrayError) as caught:
        evaluate(dense(), lambda outputs: outputs, [A], ["mse"])
    assert caught.value.message == "metric 'mse' compares with labels, and there are none"


# --- what is refused before training ------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"metrics": ["acuracy"]},
            CallError,
            r"there is no metric 'acuracy'; did you mean 'accuracy'\? there are",
        ),
        (
            {"metrics": "acuracy"},
            CallError,
            r"there is no metric 'acuracy'; did you mean 'accuracy'\? there are",
        ),
        ({"metrics": [3]}, CallError, r"there is no metric 3; there are"),
        (
            {"optimizer": "adm"},
            ParameterError,
            r"cannot find optimizer 'adm'; did you mean 'adam'\? there are",
        ),
        ({"optimizer_params": {"lrr": 1}}, ParameterError, "optimizer 'sgd': .*lrr"),
        ({"loss": 3}, BlockError, "a loss is a block or a function of outputs and labels, not 3"),
        ({"loss": loss.L2Loss}, BlockError, r"not the class L2Loss; call it to make one"),
        (
            {"callbacks": [3]},
            CallError,
            r"a callback is called as callback\(run, record\), which 3 cannot be",
        ),
        ({"early_stopping": True}, CallError, r"a callback is called .* which True cannot be"),
        ({"callbacks": [EarlyStopping]}, CallError, "a callback is called .*EarlyStopping"),
        (
            {"early_stopping": EarlyStopping()},
            CallError,
            "no 'val_loss' to watch; did you mean 'loss'[?] there are loss, lr$",
        ),
        (
            {"early_stopping": EarlyStopping("val_mae"), "validation": (A, A[:, :3]), "metrics": ["mse"]},
            CallError,
            r"there is no 'val_mae' to watch; did you mean 'val_mse'\? there are loss, lr, val_loss, val_mse",
        ),
        (
            {"parameters": "wait"},
            ParameterError,
            r"fits none of the network's parameters; did you mean 'weight'\?",
        ),
        ({"accumulate": 0}, CallError, "accumulate is a whole number of 1 or more, not 0"),
    ],
)
def test_refused_at_the_start(options, error, message):
    net, seen = dense(), []
    net(A)
    before = bits(net)

    def watched(outputs, y):
        seen.append(outputs)
        return loss.L2Loss()(outputs, y)

    given = {"loss": watched, "epochs": 2, "progress": False, **options}
    with pytest.raises(error, match=message):
        fit(net, given.pop("loss"), (A, A[:, :3]), **given)
    assert not seen
    assert bits(net) == before


def test_a_step_takes_no_more_options():
    net = dense()
    step = graphinit.compile_step(net, loss.L2Loss(), "sgd")
    for options in ({"accumulate": 2}, {"parameters": "weight"}, {"optimizer_params": {"lr": 1.0}}):
        with pytest.raises(
            CallError, match=f"{next(iter(options))} cannot change a step that is compiled already"
        ):
            fit(net, loss.L2Loss(), (A, A[:, :3]), optimizer=step, **options)
    with pytest.raises(CallError, match="the step trains another network"):
        fit(dense(), loss.L2Loss(), (A, A[:, :3]), optimizer=step)


def test_callbacks_before_it_may_record_what_is_watched():
    def record_more(run, record):
        record["half"] = record["loss"] / 2

    data = A, A[:, :3]
    callbacks = [record_more, EarlyStopping("half")]
    assert len(fit(dense(), loss.L2Loss(), data, callbacks=callbacks, epochs=2, progress=False)["half"]) == 2
    assert (
        len(fit(dense(), loss.L2Loss(), data, callbacks=record_more, epochs=2, progress=False)["half"]) == 2
    )
    with pytest.raises(CallError, match="there is no 'halves' to watch"):
        fit(dense(), loss.L2Loss(), data, callbacks=[record_more, EarlyStopping("halves")], progress=False)


def test_metrics_need_validation_data():
    with pytest.warns(UserWarning, match="metrics are measured on validation data, and there are none"):
        fit(dense(), loss.L2Loss(), (A, A[:, :3]), metrics=["mse"], epochs=1, progress=False)


def test_batches_and_losses_that_do_not_go_together():
    with pytest.raises(
        CallError, match=r"the loss takes labels, and there are none: .* or give batches \(x, y\)"
    ):
        fit(dense(), loss.L2Loss(), A, progress=False)
    with pytest.raises(
        CallError, match=r"takes outputs alone, and labels were given: .* batches \(x, None\)"
    ):
        fit(dense(), lambda outputs: outputs, (A, B), progress=False)
    with pytest.raises(CallError, match="has 3 parts"):
        fit(dense(), loss.L2Loss(), (A, A, B), progress=False)
    with pytest.raises(CallError, match="the loss takes labels, and there are none"):
        evaluate(dense(), loss.L2Loss(), [A])
