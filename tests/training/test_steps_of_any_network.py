"""Steps of networks with any inputs, outputs and losses, which update some of the parameters."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import graphinit
from graphinit import autograd, loss, lr_scheduler, metric, nn, optimizer
from graphinit import functional as F
from graphinit.checkpoint import load_checkpoint, save_checkpoint
from graphinit.errors import BlockError, CallError, DTypeError, ParameterError
from graphinit.trainer import Trainer


def ramp(*shape):
    return (np.arange(np.prod(shape), dtype=np.float32).reshape(shape) % 7 - 3) / 4


def bits(net):
    return {path: parameter.data().tobytes() for path, parameter in net.collect_params().items()}


def values(net):
    return {path: parameter.data().copy() for path, parameter in net.collect_params().items()}


def assert_close(one, other):
    for path, value in values(one).items():
        np.testing.assert_allclose(value, values(other)[path], rtol=2e-4, atol=2e-5, err_msg=path)


# --- generative adversarial networks ------------------------------------------------------------


def adversaries():
    # No bias before a batch norm: its gradient is nothing but rounding, which Adam would make large.
    generator = nn.Sequential(nn.Dense(7, use_bias=False), nn.BatchNorm(), nn.Activation("relu"), nn.Dense(2))
    discriminator = nn.Sequential(nn.Dense(5, use_bias=False), nn.BatchNorm(), nn.Dropout(0.3), nn.Dense(1))
    generator.initialize(seed=1)
    discriminator.initialize(seed=2)
    return generator, discriminator


judged = loss.LogisticLoss(label_format="binary")


class Contest(nn.Block):
    """What a discriminator learns from: its scores of real samples and of generated ones."""

    def __init__(self, generator, discriminator):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator

    def forward(self, real, z):
        return {"real": self.discriminator(real), "fake": self.discriminator(self.generator(z))}


def told_apart(scores):
    real, fake = scores["real"], scores["fake"]
    return judged(real, F.ones_like(real)) + judged(fake, F.zeros_like(fake))


def test_two_steps_train_adversaries_as_the_loop_does():
    generator, discriminator = adversaries()
    contest = Contest(generator, discriminator)

    def fooled(fake):
        score = discriminator(fake)
        return judged(score, F.ones_like(score))

    tell = graphinit.compile_step(contest, told_apart, "adam", parameters="discriminator", lr=0.02)
    fool = graphinit.compile_step(generator, fooled, "sgd", lr=0.1, momentum=0.5)
    g, d = adversaries()
    other = Contest(g, d)
    g_trainer = Trainer(g.collect_params(), "sgd", {"lr": 0.1, "momentum": 0.5})
    d_trainer = Trainer(d.collect_params(), "adam", {"lr": 0.02})
    rng = np.random.default_rng(0)
    for round in range(5):
        real, z = rng.normal(size=(11, 2)).astype("f4"), rng.normal(size=(11, 3)).astype("f4")
        before = bits(generator) if round else {}
        one = tell((real, z))
        assert not round or all(
            bits(generator)[path] == before[path] for path in before if "running" not in path
        )
        two = fool(z)
        with autograd.record():
            expected = told_apart(other(real, z))
        expected.backward()
        d_trainer.step(11)
        np.testing.assert_allclose(one, expected, rtol=1e-4, atol=1e-5)
        with autograd.record():
            score = d(g(z))
            expected = judged(score, np.ones((11, 1)))
        expected.backward()
        g_trainer.step(11)
        np.testing.assert_allclose(two, expected, rtol=1e-4, atol=1e-5)
    assert_close(generator, g)
    assert_close(discriminator, d)
    for state, expected in zip(contest.states().values(), other.states().values(), strict=True):
        assert (
            state.data().tolist()[2] == expected.data().tolist()[2] == 15
        )  # dropout was drawn three times a round


def test_steps_that_alternate_compile_once(monkeypatch):
    generator, discriminator = adversaries()
    steps = [
        graphinit.compile_step(
            Contest(generator, discriminator), told_apart, "sgd", parameters="discriminator"
        ),
        graphinit.compile_step(generator, discriminator, "sgd"),
    ]
    real, z = ramp(5, 2), ramp(5, 3)
    made = []
    compiled = graphinit.training.TrainingStep._compile
    monkeypatch.setattr(
        graphinit.training.TrainingStep,
        "_compile",
        lambda self, *args: made.append(self) or compiled(self, *args),
    )
    for _ in range(4):
        steps[0]((real, z))
        steps[1](z)
    assert len(made) <= 4  # each again when the other has settled shapes
    made.clear()
    for _ in range(3):
        steps[0]((real, z))
        steps[1](z)
    assert not made
    discriminator[0].weight.grad_req = "null"
    frozen = discriminator[0].weight.data().copy()
    steps[0]((real, z))
    steps[1](z)
    assert len(made) == 2
    assert np.array_equal(discriminator[0].weight.data(), frozen)
    discriminator.cast("float64")
    generator.cast("float64")
    assert steps[1](z).dtype == "float64"


def test_one_optimizer_serves_several_steps():
    one, two = adversaries()
    contest = Contest(one, two)
    rule = optimizer.Adam(contest.collect_params(), lr=0.01)
    tell = graphinit.compile_step(contest, told_apart, rule, parameters="discriminator")
    fool = graphinit.compile_step(contest, lambda scores: -told_apart(scores), rule, parameters="generator")
    real, z = ramp(5, 2), ramp(5, 3)
    for _ in range(2):
        tell((real, z))
    fool((real, z))
    counts = dict(zip(rule.names, rule.counts, strict=True))
    assert counts["discriminator.0.weight"] == 2
    assert counts["generator.0.weight"] == 1
    assert set(fool.parameters) & set(tell.parameters) == set()
    with pytest.raises(
        ParameterError, match=r"the optimiser trains weight, bias, and not generator.0.weight"
    ):
        graphinit.compile_step(
            contest,
            told_apart,
            optimizer.SGD(nn.Dense(2).collect_params()),
            parameters=["generator.0.weight"],
        )


# --- which parameters ---------------------------------------------------------------------------


def two_parts():
    net = nn.Sequential(nn.Dense(5, activation="tanh"), nn.Dense(4), nn.Dense(3))
    net.initialize(seed=0)
    return net


def chosen(net, parameters):
    return list(graphinit.compile_step(net, loss.L2Loss(), "sgd", parameters=parameters).parameters)


def test_names_patterns_and_parameters():
    net = two_parts()
    assert chosen(net, "1") == ["1.weight", "1.bias"]
    assert chosen(net, "2.bias") == ["2.bias"]
    assert chosen(net, ".*bias") == ["0.bias", "1.bias", "2.bias"]
    assert chosen(net, f"{net[1].name}_weight") == ["1.weight"]
    assert chosen(net, ["2", "0.bias"]) == ["2.weight", "2.bias", "0.bias"]
    assert chosen(net, [net[0].weight, "0"]) == ["0.weight", "0.bias"]
    assert chosen(net, net[1].collect_params()) == ["1.weight", "1.bias"]
    assert chosen(net, net[1].weight) == ["1.weight"]
    assert chosen(net, None) == list(net.collect_params())


def test_a_name_is_not_the_start_of_another():
    net = nn.Sequential(*(nn.Dense(2) for _ in range(12)))
    assert chosen(net, "1") == ["1.weight", "1.bias"]
    net[1].name, net[11].name = "layer1", "layer11"
    assert chosen(net, "layer1") == ["1.weight", "1.bias"]
    assert chosen(net, "layer1.*") == ["1.weight", "1.bias", "11.weight", "11.bias"]


def test_mistaken_choices_say_what_there_is():
    net = nn.Sequential(nn.Dense(5))
    net.trunk = nn.Dense(3)
    for given, message in (
        (
            "trunc",
            "parameters='trunc' fits none of the network's parameters; did you mean 'trunk'? there are 0.weight, "
            "0.bias, trunk.weight, trunk.bias",
        ),
        ("[", "parameters='[' is no pattern: unterminated character set at position 0"),
        ([], "parameters= is empty: a step updates at least one parameter"),
        (
            3,
            "parameters= takes names, patterns, parameters, or a dict of parameters as collect_params gives it; not 3",
        ),
        (
            ["0", 3],
            "parameters= takes names, patterns, parameters, or a dict of parameters as collect_params gives it; "
            "not 3 among them",
        ),
    ):
        with pytest.raises(ParameterError) as caught:
            graphinit.compile_step(net, loss.L2Loss(), "sgd", parameters=given)
        assert caught.value.message == message
    many = nn.Sequential(*(nn.Dense(2) for _ in range(12)))
    with pytest.raises(ParameterError, match=r"there are 0.weight, .* and 12 more$"):
        graphinit.compile_step(many, loss.L2Loss(), "sgd", parameters="z")


def test_a_frozen_trunk_stays_in_every_bit():
    net, other = two_parts(), two_parts()
    x, y = ramp(6, 7), ramp(6, 3)
    net(x), other(x)
    before = bits(net)
    step = graphinit.compile_step(net, loss.L2Loss(), "adam", parameters=["1", "2"], clip_global_norm=0.1)
    trainer = Trainer(
        {**other[1].collect_params(), "w": other[2].weight, "b": other[2].bias},
        "adam",
        {"clip_global_norm": 0.1},
    )
    for _ in range(3):
        step(x, y)
        with autograd.record():
            value = loss.L2Loss()(other(x), y)
        value.backward()
        trainer.step(6)
    after = bits(net)
    assert [path for path in before if before[path] == after[path]] == ["0.weight", "0.bias"]
    assert_close(net, other)
    assert "0.weight" not in step.optimizer.names


def test_a_transposed_tie_is_one_parameter():
    net = nn.Sequential(nn.Dense(5, in_units=5), nn.Dense(5, in_units=5))
    net[1].weight = net[0].weight.T
    net.initialize(seed=0)
    step = graphinit.compile_step(net, loss.L2Loss(), "sgd", parameters="1.weight", lr=0.1)
    assert len(step.parameters) == 1
    before = net[0].weight.data().copy()
    step(ramp(3, 5), ramp(3, 5))
    assert not np.array_equal(net[0].weight.data(), before)


# --- inputs, outputs, labels --------------------------------------------------------------------


class Siamese(nn.Block):
    def __init__(self):
        super().__init__()
        self.branch = nn.Dense(5, activation="tanh")

    def forward(self, left, right, scale=1.0):
        return self.branch(left) * scale, self.branch(right) * scale


def apart(outputs, same):
    left, right = outputs
    distance = F.sum(F.square(left - right), axis=1)
    return same * distance + (1 - same) * F.relu(2 - distance)


def test_two_inputs_in_order_and_by_name():
    nets = [Siamese() for _ in range(4)]
    left, right, same = ramp(6, 7), ramp(6, 7)[::-1], np.array([1, 0, 1, 1, 0, 0], np.float32)
    for net in nets:
        net.initialize(seed=3)
    steps = [graphinit.compile_step(net, apart, "sgd", lr=0.1) for net in nets]
    trainer = Trainer(nets[3].collect_params(), "sgd", {"lr": 0.1})
    for _ in range(3):
        one = steps[0]((left, right), same)
        two = steps[1]({"right": right, "left": left}, same)
        three = steps[2]({"left": left, "right": right, "scale": 1}, same)
        with autograd.record():
            four = apart(nets[3](left, right), same)
        four.backward()
        trainer.step(6)
        for value in (two, three, four):
            np.testing.assert_allclose(one, value, rtol=1e-4, atol=1e-5)
    for net in nets[1:]:
        assert_close(nets[0], net)


def test_a_tuple_of_lists_is_several_inputs():
    net = Siamese()
    net.initialize(seed=3)
    step = graphinit.compile_step(net, lambda outputs: F.sum(outputs[0] + outputs[1], axis=1), "sgd", lr=1e-9)
    left, right = ramp(2, 3), ramp(2, 3) + 1
    np.testing.assert_allclose(step((left.tolist(), right.tolist())), step((left, right)), rtol=1e-5)
    with pytest.raises(CallError, match="missing a required argument: 'right'"):
        step(left)


def test_static_inputs_make_programs_of_their_own():
    net = Siamese()
    net.initialize(seed=3)
    step = graphinit.compile_step(net, lambda outputs: F.sum(outputs[0], axis=1), "sgd", lr=1e-9)
    one = step((ramp(2, 3), ramp(2, 3)))
    np.testing.assert_allclose(
        step({"left": ramp(2, 3), "right": ramp(2, 3), "scale": 2}), 2 * one, rtol=1e-4
    )
    np.testing.assert_allclose(step((ramp(2, 3), ramp(2, 3), 3)), 3 * one, rtol=1e-4)


class Nested(nn.Block):
    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(3)

    def forward(self, items):
        first, (second, third) = items["first"], items["rest"]
        return {"one": self.dense(first), "more": [self.dense(second), (self.dense(third), first)]}


@pytest.mark.parametrize("given", [("same", None), "bij,bjk->bik", (), (None, 3), ["a,b"], {"to": "(2, -1)"}])
def test_static_inputs_that_read_like_shapes_stay_as_they_are(given):
    class Optional(nn.Block):
        def __init__(self):
            super().__init__()
            self.dense = nn.Dense(3)

        def forward(self, x, how=None):
            self.seen = how
            return self.dense(x)

    net, x = Optional(), ramp(4, 2)
    net.initialize(seed=1)
    assert net(x, given).shape == (4, 3)
    assert net.seen == given
    with autograd.record():
        net(x + 1, given)
    assert net.seen == given
    net.seen = None
    step = graphinit.compile_step(net, loss.L2Loss(), "sgd")
    step((x, given), ramp(4, 3))
    assert net.seen == given
    step({"x": x, "how": given}, ramp(4, 3))
    assert net.seen == given


def test_structures_go_in_and_come_out_as_they_are():
    net = Nested()
    net.initialize(seed=0)
    seen = []

    def criterion(outputs, y):
        seen.append(
            (sorted(outputs), type(outputs["more"]), type(outputs["more"][1]), sorted(y), type(y["b"]))
        )
        l2 = loss.L2Loss()
        return l2(outputs["one"], y["a"]) + l2(outputs["more"][1][0], y["b"][0]) * y["b"][1]

    step = graphinit.compile_step(net, criterion, "sgd", lr=0.2)
    items = {"first": ramp(4, 5), "rest": [ramp(4, 5) + 1, ramp(4, 5) - 1]}
    y = {"a": ramp(4, 3), "b": (ramp(4, 3), np.array([1, 2, 0, 1]))}
    losses = [step((items,), y).mean() for _ in range(20)]
    assert losses[-1] < losses[0] / 2
    assert seen[0] == (["more", "one"], list, tuple, ["a", "b"], tuple)
    assert np.allclose(step({"items": items}, y).mean(), losses[-1], rtol=0.2)
    with pytest.raises(CallError) as caught:
        step(items, y)
    assert caught.value.message == (
        f"{net.name} has no input 'first'; its inputs are items; a dict that is itself one input stands in a "
        "tuple, ({...},)"
    )


def test_no_labels():
    net = two_parts()
    net.initialize("xavier", force_reinit=True)
    step = graphinit.compile_step(net, lambda outputs: F.mean(F.square(outputs), axis=1), "sgd", lr=0.5)
    losses = [step(ramp(5, 4)).sum() for _ in range(30)]
    assert losses[-1] < losses[0] / 10
    assert step(ramp(5, 4), None).shape == (5,)


@pytest.mark.parametrize(
    ("criterion", "given", "message"),
    [
        (
            loss.L2Loss(),
            (ramp(2, 3),),
            "the loss takes labels, and there are none: call step(x, y), or give batches (x, y)",
        ),
        (
            lambda outputs: outputs,
            (ramp(2, 3), ramp(2, 3)),
            "the loss takes outputs alone, and labels were given: call step(x), or give batches (x, None); several "
            "inputs go into a tuple of their own, ((x1, x2), None)",
        ),
        (
            lambda a, b, c: a,
            (ramp(2, 3), ramp(2, 3)),
            "a loss is called as loss(outputs, y) or loss(outputs); this one takes (a, b, c)",
        ),
    ],
)
def test_losses_that_take_something_else(criterion, given, message):
    net = two_parts()
    with pytest.raises(CallError) as caught:
        graphinit.compile_step(net, criterion, "sgd")(*given)
    assert caught.value.message == message


def test_what_is_no_loss():
    net = two_parts()
    for bad, message in (
        (loss.L2Loss, "the class L2Loss; call it to make one"),
        ("l2", "'l2'"),
    ):
        with pytest.raises(BlockError) as caught:
            graphinit.compile_step(net, bad, "sgd")
        assert caught.value.message == f"a loss is a block or a function of outputs and labels, not {message}"
    with pytest.raises(BlockError, match="floating numbers: the loss function returned int64"):
        graphinit.compile_step(net, lambda out: F.argmax(out, axis=1), "sgd")(ramp(2, 3))
    with pytest.raises(
        DTypeError,
        match=r"a tuple of tensors is no tensor; give one of them, or join them by F.stack or F.concat",
    ):
        graphinit.compile_step(net, loss.L2Loss(), "sgd")(ramp(2, 3), (ramp(2, 3), ramp(2, 1)))
    with pytest.raises(ParameterError, match="lr_scheduler is called with the number of updates"):
        graphinit.compile_step(net, loss.L2Loss(), "sgd", lr_scheduler="cosine")


def test_weights_of_samples():
    net, other = two_parts(), two_parts()
    l2 = loss.L2Loss()
    x, y, weights = ramp(6, 7), ramp(6, 3), np.array([[1], [0], [2], [0], [0], [1]], np.float32)
    step = graphinit.compile_step(net, lambda outputs, y: l2(outputs, *y), "sgd", lr=0.1)
    step(x, (y, weights))
    trainer = Trainer(other.collect_params(), "sgd", {"lr": 0.1})
    with autograd.record():
        value = l2(other(x), y, weights)
    value.backward()
    trainer.step(6)
    assert_close(net, other)


def test_scalar_losses_are_not_divided():
    nets = [two_parts() for _ in range(2)]
    x, y = ramp(6, 7), ramp(6, 3)
    graphinit.compile_step(nets[0], lambda out, y: F.mean(loss.L2Loss()(out, y)), "sgd", lr=0.1)(x, y)
    graphinit.compile_step(nets[1], loss.L2Loss(), "sgd", lr=0.1)(x, y)
    assert_close(*nets)


# --- blocks that stand in the loss alone --------------------------------------------------------


def test_blocks_of_a_loss_are_updated_where_they_are_named():
    net, head = nn.Dense(4), nn.Sequential(nn.Dense(3), nn.BatchNorm())
    net.initialize(seed=0)
    head.initialize(seed=1)

    def criterion(features, y):
        return loss.L2Loss()(head(features), y)

    x, y = ramp(6, 7), ramp(6, 3)
    graphinit.compile_step(net, criterion, "sgd", lr=0.1)(x, y)
    before, moved = bits(head), head[1].running_mean.data().copy()
    step = graphinit.compile_step(net, criterion, "sgd", lr=0.1)
    step(x, y)
    after = bits(head)
    assert [path for path in before if before[path] != after[path]] == ["1.running_mean", "1.running_var"]
    assert not np.array_equal(head[1].running_mean.data(), moved)
    assert head[0].weight.path == "0.weight"  # it did not move
    both = [*net.collect_params().values(), *head[0].collect_params().values()]
    step = graphinit.compile_step(net, criterion, "sgd", parameters=both, lr=0.1)
    assert list(step.parameters) == ["weight", "bias", "0.weight", "0.bias"]
    before = bits(head), bits(net)
    step(x, y)
    assert bits(head)["0.weight"] != before[0]["0.weight"]
    assert bits(net)["weight"] != before[1]["weight"]
    head.cast("float64")
    net.cast("float64")
    assert step(x, y).dtype == "float64"
    assert graphinit.fitting.evaluate(net, criterion, [(x, y)])["loss"] > 0


def test_parameters_of_the_network_serve_in_the_loss():
    net, other = nn.Dense(3, in_units=4), nn.Dense(3, in_units=4)
    net.initialize(seed=0)
    other.initialize(seed=0)
    x, y = ramp(5, 4), ramp(5, 3)

    def penalised(out, y):
        return loss.L2Loss()(out, y) + 0.05 * F.sum(F.square(net.weight.data()))

    graphinit.compile_step(net, penalised, "sgd", lr=0.1)(x, y)
    rule = optimizer.SGD(lr=0.1, wd=0.1)
    other.bias.wd_mult = 0.0
    graphinit.compile_step(other, loss.L2Loss(), rule)(x, y)
    assert_close(net, other)


# --- noise --------------------------------------------------------------------------------------


class Variational(nn.Block):
    def __init__(self):
        super().__init__()
        self.mean, self.log_variance, self.decoder = nn.Dense(2), nn.Dense(2), nn.Dense(6)
        self.noise = nn.NormalLike()

    def forward(self, x):
        mean, log_variance = self.mean(x), self.log_variance(x)
        code = mean + F.exp(0.5 * log_variance) * self.noise(mean)
        return self.decoder(code), mean, log_variance


def evidence(outputs, x):
    again, mean, log_variance = outputs
    return loss.L2Loss()(again, x) - 0.01 * F.sum(
        1 + log_variance - F.square(mean) - F.exp(log_variance), axis=1
    )


def test_an_autoencoder_with_its_own_noise():
    net, other = Variational(), Variational()
    net.initialize(seed=4)
    other.initialize(seed=4)
    x = ramp(13, 6)
    step = graphinit.compile_step(net, evidence, "adam", lr=0.05)
    trainer = Trainer(other.collect_params(), "adam", {"lr": 0.05})
    losses = []
    for _ in range(150):
        losses.append(step(x, x).mean())
        if len(losses) <= 4:
            with autograd.record():
                value = evidence(other(x), x)
            value.backward()
            trainer.step(13)
            np.testing.assert_allclose(losses[-1], value.mean(), rtol=1e-4, atol=1e-5)
    assert net.noise.key.data()[2] == 150
    assert losses[-1] < 0.75 * losses[0]
    again = pickle.loads(pickle.dumps(graphinit.compile_step(net, evidence, "sgd")))
    np.testing.assert_array_equal(again(x, x), graphinit.compile_step(net, evidence, "sgd")(x, x))


def test_noise_is_drawn_anew_and_the_same_for_a_seed():
    noise = nn.NormalLike(mean=2, std=0.5)
    noise.initialize(seed=0)
    first, second = noise(np.zeros((40, 50))), noise(np.zeros((40, 50)))
    assert not np.array_equal(first, second)
    assert abs(first.mean() - 2) < 0.05
    assert abs(first.std() - 0.5) < 0.05
    noise.initialize(seed=0)
    np.testing.assert_array_equal(noise(np.zeros((40, 50))), first)
    even = nn.UniformLike(-1, 3)
    even.initialize(seed=0)
    drawn = even(np.zeros((40, 50)))
    assert -1 <= drawn.min() < -0.9
    assert 2.9 < drawn.max() < 3
    added = nn.GaussianNoise(0.1)
    added.initialize(seed=0)
    np.testing.assert_array_equal(added(ramp(3, 5)), ramp(3, 5))
    with autograd.record():
        noisy = added(ramp(3, 5))
    assert 0 < np.abs(np.asarray(noisy) - ramp(3, 5)).max() < 0.6
    assert [repr(layer) for layer in (noise, even, added)] == [
        "NormalLike(mean=2, std=0.5)",
        "UniformLike(low=-1, high=3)",
        "GaussianNoise(std=0.1)",
    ]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.NormalLike(std=-1), "std is a number of at least 0; got -1"),
        (lambda: nn.UniformLike(2, 1), "high is a number of at least 2; got 1"),
        (lambda: nn.UniformLike(high=float("inf")), "high is a finite number of at least 0; got inf"),
        (lambda: nn.GaussianNoise("a"), "std is a number of at least 0; got 'a'"),
    ],
)
def test_wrong_noise(make, words):
    with pytest.raises(BlockError) as caught:
        make()
    assert caught.value.message == words


# --- gradients of several batches ---------------------------------------------------------------

RULES = [
    ("sgd", {"lr": 0.3}),
    ("sgd", {"lr": 0.3, "momentum": 0.9, "wd": 0.1, "clip_global_norm": 0.05}),
    ("adam", {"lr_scheduler": lr_scheduler.CosineScheduler(max_update=5, base_lr=0.1)}),
    ("adamw", {"wd": 0.1, "clip_gradient": 0.01, "rescale_grad": 3.0}),
]


@pytest.mark.parametrize(("name", "options"), RULES)
def test_several_batches_are_one_large_one(name, options):
    net, other = two_parts(), two_parts()
    criterion = loss.SoftmaxCrossEntropyLoss()
    step = graphinit.compile_step(net, criterion, name, accumulate=3, **options)
    whole = graphinit.compile_step(other, criterion, name, **options)
    rng = np.random.default_rng(0)
    for _ in range(4):
        x, y = rng.normal(size=(15, 7)).astype("f4"), rng.integers(0, 3, 15)
        losses = []
        for part in range(3):
            before = bits(net) if net[0].weight.is_known else None
            losses.append(step(x[part::3], y[part::3]))
            assert part == 2 or before is None or bits(net) == before
        expected = whole(x, y)
        np.testing.assert_allclose(np.stack(losses, axis=1).reshape(-1), expected, rtol=1e-4, atol=1e-5)
    assert_close(net, other)
    assert step.optimizer.counts == whole.optimizer.counts == [4] * 6
    assert step.optimizer.learning_rate == whole.optimizer.learning_rate


def pending():
    net = nn.Sequential(nn.Dense(5, activation="tanh"), nn.Dropout(0.3), nn.Dense(3))
    net.initialize(seed=0)
    step = graphinit.compile_step(net, loss.L2Loss(), "adam", accumulate=3)
    for place in range(4):
        step(ramp(4, 7) + place, ramp(4, 3))
    return net, step


def go_on(step):
    for place in range(5):
        step(ramp(4, 7) - place, ramp(4, 3))


@pytest.mark.parametrize("way", [copy.deepcopy, lambda step: pickle.loads(pickle.dumps(step))])
def test_copies_keep_the_gradients_that_wait(way):
    net, step = pending()
    again = way(step)
    go_on(step)
    go_on(again)
    assert bits(again.net) == bits(net)
    assert again.sums.count == step.sums.count == 0


def test_checkpoints_keep_the_gradients_that_wait(tmp_path):
    net, step = pending()
    save_checkpoint(tmp_path / "run", net, step)
    go_on(step)
    expected = bits(net)
    other = nn.Sequential(nn.Dense(5, activation="tanh"), nn.Dropout(0.3), nn.Dense(3))
    fresh = graphinit.compile_step(other, loss.L2Loss(), "adam", accumulate=3)
    load_checkpoint(tmp_path / "run", other, fresh)
    assert fresh.sums.count == 1
    go_on(fresh)
    assert bits(other) == expected
    step(ramp(4, 7), ramp(4, 3))
    load_checkpoint(tmp_path / "run", net, step)  # what is there already is taken over, too
    go_on(step)
    assert bits(net) == expected


def test_gradients_that_wait_are_not_lost_unsaid(tmp_path):
    net, step = pending()
    save_checkpoint(tmp_path / "run", net, step)
    before = bits(net)
    with pytest.raises(
        ParameterError, match="saved after 1 of the batches of an update; load it into a compiled step"
    ):
        load_checkpoint(tmp_path / "run", net, step.optimizer)
    plain = graphinit.compile_step(net, loss.L2Loss(), "adam")
    with pytest.raises(ParameterError, match="and this step updates after 1; give accumulate= as before"):
        load_checkpoint(tmp_path / "run", net, plain)
    part = graphinit.compile_step(net, loss.L2Loss(), step.optimizer, parameters="2", accumulate=3)
    with pytest.raises(
        ParameterError, match=r"a gradient of '0\.bias' waits for its update, which this step"
    ):
        load_checkpoint(tmp_path / "run", net, part)
    assert bits(net) == before
    save_checkpoint(tmp_path / "bare", net, step.optimizer)
    load_checkpoint(tmp_path / "bare", net, step)
    assert step.sums.count == 0


def test_a_failed_batch_does_not_count():
    net = two_parts()
    step = graphinit.compile_step(net, loss.SoftmaxCrossEntropyLoss(), "sgd", accumulate=2)
    other = graphinit.compile_step(two_parts(), loss.SoftmaxCrossEntropyLoss(), "sgd", accumulate=2)
    x, y = ramp(4, 7), np.array([0, 1, 2, 0])
    for each in (step, other):
        each(x, y)
    with pytest.raises(graphinit.errors.GraphInitError):
        step(x, y + 3)
    for each in (step, other):
        each(-x, y)
    assert bits(net) == bits(other.net)


def test_accumulating_alongside_casts_and_add():
    net = two_parts()
    net[0].weight.grad_req = "add"
    step = graphinit.compile_step(net, loss.L2Loss(), "sgd", accumulate=2, lr=0.1)
    same = two_parts()
    plain = graphinit.compile_step(same, loss.L2Loss(), "sgd", accumulate=2, lr=0.1)
    for each in (step, plain):
        each(ramp(4, 7), ramp(4, 3))
        each.net.cast("float64")
        each(ramp(4, 7) + 1, ramp(4, 3))
    assert bits(net) == bits(same)
    assert not net[0].weight.grad().any()


@pytest.mark.parametrize("bad", [0, -1, 1.5, True, "2"])
def test_what_is_no_number_of_batches(bad):
    with pytest.raises(CallError, match=f"accumulate is a whole number of 1 or more, not {bad!r}"):
        graphinit.compile_step(two_parts(), loss.L2Loss(), "sgd", accumulate=bad)


# --- names --------------------------------------------------------------------------------------


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(
        ParameterError, match=r"cannot find optimizer 'adm'; did you mean 'adam'\? there are ada"
    ):
        optimizer.create("adm")
    with pytest.raises(ParameterError, match=r"registered as 'Xaver'; did you mean 'xavier'\?$"):
        graphinit.init.create("Xaver")
    with pytest.raises(CallError, match=r"no metric 'acuracy'; did you mean 'accuracy'\? there are acc"):
        metric.create("acuracy")
    with pytest.raises(CallError, match=r"no metric 'zzz'; there are acc"):
        metric.create("zzz")
