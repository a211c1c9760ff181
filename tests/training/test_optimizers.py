"""Every optimiser against its equations, written a second time in NumPy, in float64 over 20 steps."""

from __future__ import annotations

import numpy as np
import pytest

from graphinit import lr_scheduler, optimizer
from graphinit.errors import GradientError, ParameterError, UninitializedError
from graphinit.parameter import Parameter

STEPS = 20


def sgd(o, w, g, s, t):
    g = g + o.wd * w
    s["m"] = o.momentum * s.get("m", 0) - o.lr * g
    return w + (o.momentum * s["m"] - o.lr * g if o.nesterov else s["m"])


def signum(o, w, g, s, t):
    s["m"] = o.momentum * s.get("m", 0) - (1 - o.momentum) * (g + o.wd * w)
    return (1 - o.lr * o.wd_lh) * w + o.lr * np.sign(s["m"])


def lion(o, w, g, s, t):
    m = s.get("m", 0)
    s["m"] = o.beta2 * m + (1 - o.beta2) * g
    return w - o.lr * (np.sign(o.beta1 * m + (1 - o.beta1) * g) + o.wd * w)


def moments(o, g, s):
    s["m"] = o.beta1 * s.get("m", 0) + (1 - o.beta1) * g
    s["v"] = o.beta2 * s.get("v", 0) + (1 - o.beta2) * g**2
    return s["m"], s["v"]


def adam(o, w, g, s, t):
    m, v = moments(o, g + o.wd * w, s)
    return w - o.lr * np.sqrt(1 - o.beta2**t) / (1 - o.beta1**t) * m / (np.sqrt(v) + o.epsilon)


def hats(o, g, s, t):
    m, v = moments(o, g, s)
    return m / (1 - o.beta1**t) / (np.sqrt(v / (1 - o.beta2**t)) + o.epsilon)


def adamw(o, w, g, s, t):
    return w - o.lr * (hats(o, g, s, t) + o.wd * w)


def lamb(o, w, g, s, t):
    step = hats(o, g, s, t) + o.wd * w
    size = np.linalg.norm(w)
    if o.lower_bound is not None:
        size = max(size, o.lower_bound)
    if o.upper_bound is not None:
        size = min(size, o.upper_bound)
    return w - o.lr * size / np.linalg.norm(step) * step


def adamax(o, w, g, s, t):
    g = g + o.wd * w
    s["m"] = o.beta1 * s.get("m", 0) + (1 - o.beta1) * g
    s["u"] = np.maximum(o.beta2 * s.get("u", 0), np.abs(g))
    return w - o.lr / (1 - o.beta1**t) * s["m"] / (s["u"] + o.epsilon)


def nadam(o, w, g, s, t):
    g = g + o.wd * w
    now = o.beta1 * (1 - 0.5 * 0.96 ** (t * o.schedule_decay))
    following = o.beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * o.schedule_decay))
    s["p"] = s.get("p", 1.0) * now
    m, v = moments(o, g, s)
    bar = (1 - now) * g / (1 - s["p"]) + following * m / (1 - s["p"] * following)
    return w - o.lr * bar / (np.sqrt(v / (1 - o.beta2**t)) + o.epsilon)


def adagrad(o, w, g, s, t):
    g = g + o.wd * w
    s["v"] = s.get("v", 0) + g**2
    return w - o.lr * g / (np.sqrt(s["v"]) + o.epsilon)


def adadelta(o, w, g, s, t):
    g = g + o.wd * w
    s["v"] = o.rho * s.get("v", 0) + (1 - o.rho) * g**2
    delta = np.sqrt(s.get("d", 0) + o.epsilon) / np.sqrt(s["v"] + o.epsilon) * g
    s["d"] = o.rho * s.get("d", 0) + (1 - o.rho) * delta**2
    return w - o.lr * delta


def rmsprop(o, w, g, s, t):
    g = g + o.wd * w
    s["v"] = o.rho * s.get("v", 0) + (1 - o.rho) * g**2
    if not o.centered:
        return w - o.lr * g / (np.sqrt(s["v"]) + o.epsilon)
    s["g"] = o.rho * s.get("g", 0) + (1 - o.rho) * g
    s["m"] = o.momentum * s.get("m", 0) - o.lr * g / np.sqrt(s["v"] - s["g"] ** 2 + o.epsilon)
    return w + s["m"]


def ftrl(o, w, g, s, t):
    n = s.get("n", 0)
    s["n"] = n + g**2
    s["z"] = s.get("z", 0) + g - (np.sqrt(s["n"]) - np.sqrt(n)) / o.lr * w
    new = (np.sign(s["z"]) * o.lamda1 - s["z"]) / ((o.beta + np.sqrt(s["n"])) / o.lr + o.wd)
    return np.where(np.abs(s["z"]) > o.lamda1, new, 0)


def adafactor(o, w, g, s, t):
    beta = 1 - t**-o.decay_rate
    squares = g**2 + o.epsilon1
    if w.ndim > 1:  # the sums of the paper: R C / sum(R)
        s["r"] = beta * s.get("r", 0) + (1 - beta) * squares.sum(-1, keepdims=True)
        s["c"] = beta * s.get("c", 0) + (1 - beta) * squares.sum(-2, keepdims=True)
        v = s["r"] * s["c"] / s["r"].sum(-2, keepdims=True)
    else:
        v = s["v"] = beta * s.get("v", 0) + (1 - beta) * squares
    step = g / np.sqrt(v)
    step = step / max(1, np.sqrt((step**2).mean()) / o.clip_threshold)
    rate = min(o.lr, 1 / np.sqrt(t))
    if o.scale_parameter:
        rate *= max(o.epsilon2, np.sqrt((w**2).mean()))
    step = rate * step
    if o.beta1:
        step = s["m"] = o.beta1 * s.get("m", 0) + (1 - o.beta1) * step
    return w - step - o.lr * o.wd * w


RULES = [
    ("sgd", sgd, {}),
    ("sgd", sgd, {"momentum": 0.9, "wd": 0.1}),
    ("sgd", sgd, {"momentum": 0.7, "nesterov": True}),
    ("nag", sgd, {"wd": 0.01}),
    ("signum", signum, {"wd_lh": 0.1, "wd": 0.1}),
    ("lion", lion, {"lr": 0.01, "wd": 0.1}),
    ("adam", adam, {}),
    ("adam", adam, {"lr": 0.1, "beta1": 0.5, "beta2": 0.9, "wd": 0.1}),
    ("adamw", adamw, {"lr": 0.1, "wd": 0.1}),
    ("adamax", adamax, {"lr": 0.1, "wd": 0.1}),
    ("nadam", nadam, {"lr": 0.1, "wd": 0.1}),
    ("lamb", lamb, {"lr": 0.1, "wd": 0.1}),
    ("lamb", lamb, {"lr": 0.1, "lower_bound": 5.0}),
    ("lamb", lamb, {"lr": 0.1, "upper_bound": 0.5}),
    ("adagrad", adagrad, {"lr": 0.1, "wd": 0.1}),
    ("adadelta", adadelta, {"wd": 0.1}),
    ("rmsprop", rmsprop, {"lr": 0.1, "wd": 0.1}),
    ("rmsprop", rmsprop, {"lr": 0.1, "centered": True, "wd": 0.1}),
    ("ftrl", ftrl, {"wd": 0.1}),
    ("adafactor", adafactor, {}),
    ("adafactor", adafactor, {"lr": 0.3, "beta1": 0.9, "wd": 0.1, "scale_parameter": False}),
]


def parameters(dtype="float64", shapes=((3, 5), (7,), (2, 3, 5))):
    made = {f"{i}.weight": Parameter("weight", shape=shape, dtype=dtype) for i, shape in enumerate(shapes)}
    rng = np.random.default_rng(0)
    for parameter in made.values():
        parameter.set_data(rng.normal(size=parameter.shape))
    return made


def give(made, rng, factor=1.0):
    for parameter in made.values():
        parameter.accept_gradient(rng.normal(size=parameter.shape) * factor)


@pytest.mark.parametrize(("name", "rule", "options"), RULES)
def test_twenty_steps_follow_the_equations(name, rule, options):
    made = parameters()
    trained = optimizer.create(name, **options)
    trained.bind(made)
    expected = {path: p.data().copy() for path, p in made.items()}
    states = {path: {} for path in made}
    rng = np.random.default_rng(1)
    for t in range(1, STEPS + 1):
        give(made, rng)
        for path, p in made.items():
            expected[path] = rule(trained, expected[path], p.grad() / 2, states[path], t)
        trained.step(2)
    for path, p in made.items():
        np.testing.assert_allclose(p.data(), expected[path], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "rule", "options"), RULES)
def test_float32_stays_close_and_stays_float32(name, rule, options):
    made = parameters("float32")
    trained = optimizer.create(name, **options)
    trained.bind(made)
    data = {path: p.data() for path, p in made.items()}
    rng = np.random.default_rng(1)
    for _ in range(3):
        give(made, rng)
        trained.step(2)
    assert all(p.data() is data[path] and p.dtype == p.data().dtype == "float32" for path, p in made.items())
    assert all(np.isfinite(p.data()).all() for p in made.values())
    assert all(a.dtype == "float32" for n, a in trained.state_arrays().items() if not n.endswith("schedule"))


@pytest.mark.parametrize("name", sorted({name for name, _, _ in RULES}))
def test_a_gradient_that_was_always_zero_moves_nothing_to_nan(name):
    made = parameters("float32")
    trained = optimizer.create(name)
    trained.bind(made)
    for p in made.values():
        p.accept_gradient(np.zeros(p.shape, "float32"))
    trained.step(1)
    assert all(np.isfinite(p.data()).all() for p in made.values())


@pytest.mark.parametrize(("name", "rule", "options"), RULES)
def test_states_are_restored_exactly(name, rule, options):
    def run(split):
        made = parameters("float32")
        trained = optimizer.create(name, **options)
        trained.bind(made)
        rng = np.random.default_rng(1)
        for step in range(6):
            if step == split:
                arrays = {key: array.copy() for key, array in trained.state_arrays().items()}
                notes = trained.state_notes()
                trained = optimizer.create(name, **options)
                trained.bind(made)
                trained.restore(arrays, notes)
            give(made, rng)
            trained.step(2)
        return [p.data().tobytes() for p in made.values()]

    assert run(None) == run(3) == run(0)


def test_states_of_another_optimiser_change_nothing():
    made = parameters()
    adam, sgd_ = optimizer.Adam(made), optimizer.SGD(made, momentum=0.9)
    for trained in (adam, sgd_):
        give(made, np.random.default_rng(0))
        trained.step()
    before = {name: array.copy() for name, array in adam.state_arrays().items()}
    with pytest.raises(ParameterError, match="SGD"):
        adam.restore(sgd_.state_arrays(), sgd_.state_notes())
    with pytest.raises(ParameterError, match="missing"):
        adam.restore({}, adam.state_notes())
    for name, array in adam.state_arrays().items():
        assert np.array_equal(array, before[name])


def test_multipliers_and_clipping():
    made = parameters()
    first, second, third = made.values()
    first.lr_mult, first.wd_mult, second.lr_mult = 0.5, 2.0, 0.0
    trained = optimizer.SGD(made, 0.1, wd=0.3, clip_gradient=0.2, rescale_grad=3.0)
    before = [p.data().copy() for p in made.values()]
    give(made, np.random.default_rng(0))
    clipped = [np.clip(p.grad() * 3 / 4, -0.2, 0.2) for p in made.values()]
    trained.step(4)
    np.testing.assert_allclose(first.data(), before[0] - 0.05 * (clipped[0] + 0.6 * before[0]))
    np.testing.assert_array_equal(second.data(), before[1])
    np.testing.assert_allclose(third.data(), before[2] - 0.1 * (clipped[2] + 0.3 * before[2]))
    first.lr_mult = 1.0  # another program, not the old one
    before = first.data().copy()
    give(made, np.random.default_rng(1))
    trained.step(1)
    np.testing.assert_allclose(
        first.data(), before - 0.1 * (np.clip(first.grad() * 3, -0.2, 0.2) + 0.6 * before)
    )


@pytest.mark.parametrize("factor", [1e-3, 1.0, 0.0])
def test_the_common_norm_is_clipped(factor):
    made = parameters()
    trained = optimizer.SGD(made, 0.1, clip_global_norm=0.7)
    before = [p.data().copy() for p in made.values()]
    give(made, np.random.default_rng(0), factor)
    size = np.sqrt(sum((p.grad() ** 2).sum() for p in made.values())) / 5
    trained.step(5)
    scale = min(1, 0.7 / size) if size else 1
    for p, old in zip(made.values(), before, strict=True):
        np.testing.assert_allclose(p.data(), old - 0.1 * scale * p.grad() / 5)


def test_stale_and_missing_gradients():
    made = parameters()
    first, *_ = made.values()
    trained = optimizer.SGD(made, 0.1)
    with pytest.raises(GradientError, match="has not been computed"):
        trained.step(1)
    give(made, np.random.default_rng(0))
    trained.step(1)
    before = [p.data().copy() for p in made.values()]
    first.accept_gradient(np.ones(first.shape))
    with pytest.raises(GradientError, match="ignore_stale_grad"):
        trained.step(1)
    assert all(np.array_equal(p.data(), old) for p, old in zip(made.values(), before, strict=True))
    trained.step(1, ignore_stale_grad=True)
    np.testing.assert_allclose(first.data(), before[0] - 0.1)
    assert trained.counts == [2, 1, 1]
    with pytest.raises(UninitializedError):
        optimizer.SGD([Parameter("weight", shape=(3,))], 0.1).step(1)


def test_parameters_that_fell_behind_keep_their_own_time():
    made = parameters()
    first, *others = made.values()
    trained = optimizer.Adam(made, 0.1)
    rng = np.random.default_rng(0)
    give(made, rng)
    trained.step(1)
    first.accept_gradient(np.ones(first.shape))
    trained.step(1, ignore_stale_grad=True)
    alone = Parameter("weight", shape=others[0].shape, dtype="float64")
    alone.set_data(parameters()["1.weight"].data())
    single = optimizer.Adam([alone], 0.1)
    rng = np.random.default_rng(0)
    gradients = [rng.normal(size=p.shape) for p in made.values()]
    alone.accept_gradient(gradients[1])
    single.step(1)
    for p in made.values():
        p.accept_gradient(np.ones(p.shape))
    alone.accept_gradient(np.ones(alone.shape))
    trained.step(1)
    single.step(1)
    np.testing.assert_array_equal(alone.data(), others[0].data())


def test_tied_parameters_are_updated_once():
    weight = Parameter("weight", shape=(3, 5))
    weight.set_data(np.zeros((3, 5)))
    trained = optimizer.SGD({"a": weight, "b": weight, "c": weight.T}, 1.0)
    weight.accept_gradient(np.ones((3, 5), np.float32))
    trained.step(1)
    assert (weight.data() == -1).all()


def test_frozen_parameters_stay():
    made = parameters()
    frozen, *_ = made.values()
    frozen.grad_req = "null"
    before = frozen.data().copy()
    give(made, np.random.default_rng(0))
    optimizer.SGD(made, 0.1).step(1)
    assert np.array_equal(frozen.data(), before)


def test_bad_arguments():
    weight = parameters()["0.weight"]
    for bad in (0, -1, "fast", float("nan"), True):
        with pytest.raises(ParameterError, match="learning rate"):
            optimizer.SGD([weight], bad)
    with pytest.raises(ParameterError, match="takes parameters"):
        optimizer.SGD([1], 0.1)
    with pytest.raises(ParameterError, match="beta1"):
        optimizer.Adam([weight], beta1=1.0)
    with pytest.raises(ValueError, match="cannot find optimizer 'foo'"):
        optimizer.create("foo")
    with pytest.raises(ParameterError, match="speed"):
        optimizer.create("sgd", speed=1)
    with pytest.raises(ParameterError, match="batch size"):
        optimizer.SGD([weight], 0.1).step(0)
    with pytest.raises(ParameterError, match="another one"):
        optimizer.SGD([weight], 0.1).bind([weight])
    weight.accept_gradient(np.ones(weight.shape))
    with pytest.raises(NotImplementedError, match="write rule"):
        optimizer.Optimizer([weight]).step()


SCHEDULES = [
    (lr_scheduler.FactorScheduler(step=3, factor=0.5, base_lr=0.8), [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2]),
    (
        lr_scheduler.FactorScheduler(step=1, factor=0.1, stop_factor_lr=0.05, base_lr=1.0),
        [1.0, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05],
    ),
    (
        lr_scheduler.MultiFactorScheduler(step=[2, 5], factor=0.1, base_lr=1.0),
        [1, 1, 0.1, 0.1, 0.1, 0.01, 0.01],
    ),
    (lr_scheduler.PolyScheduler(max_update=4, base_lr=1.0, pwr=1), [0.75, 0.5, 0.25, 0, 0, 0, 0]),
    (
        lr_scheduler.CosineScheduler(max_update=4, base_lr=1.0, final_lr=0.2),
        [0.2 + 0.8 * (1 + np.cos(np.pi * n / 4)) / 2 for n in (1, 2, 3, 4, 4, 4, 4)],
    ),
    (
        lr_scheduler.CosineScheduler(max_update=6, base_lr=1.0, warmup_steps=4, warmup_begin_lr=0.2),
        [0.4, 0.6, 0.8, 1.0, 0.5, 0.0, 0.0],
    ),
    (
        lr_scheduler.FactorScheduler(
            step=9, base_lr=1.0, warmup_steps=3, warmup_begin_lr=0.1, warmup_mode="constant"
        ),
        [0.1, 0.1, 1, 1, 1, 1, 1],
    ),
]


@pytest.mark.parametrize(("schedule", "rates"), SCHEDULES)
def test_schedules(schedule, rates):
    assert [schedule(n) for n in range(1, 8)] == pytest.approx(rates)
    weight = Parameter("weight", shape=(1,), dtype="float64")
    weight.set_data([0.0])
    trained = optimizer.SGD([weight], lr_scheduler=schedule)
    for n in range(7):
        weight.accept_gradient(np.ones(1))
        before = weight.data().copy()
        trained.step(1)
        assert before - weight.data() == pytest.approx(rates[n], abs=1e-12)
    with pytest.raises(ParameterError, match="schedule"):
        trained.set_learning_rate(1)


def test_an_optimisers_rate_is_the_schedules_base():
    trained = optimizer.SGD(lr=0.5, lr_scheduler=lr_scheduler.FactorScheduler(step=10, factor=0.5))
    assert trained.learning_rate == 0.5
    plain = optimizer.SGD(lr_scheduler=lambda n: 1 / (n + 1))
    assert plain.learning_rate == 1.0


def test_bad_schedules():
    for make in (
        lambda: lr_scheduler.FactorScheduler(step=0),
        lambda: lr_scheduler.FactorScheduler(step=1, factor=1.5),
        lambda: lr_scheduler.MultiFactorScheduler(step=[5, 2]),
        lambda: lr_scheduler.MultiFactorScheduler(step=[]),
        lambda: lr_scheduler.PolyScheduler(max_update=0),
        lambda: lr_scheduler.CosineScheduler(max_update=5, warmup_steps=5),
        lambda: lr_scheduler.CosineScheduler(max_update=5, base_lr=0.1, warmup_steps=2, warmup_begin_lr=0.2),
        lambda: lr_scheduler.CosineScheduler(max_update=5, warmup_mode="slow"),
    ):
        with pytest.raises(ParameterError):
            make()


def test_a_rate_in_the_place_of_parameters_is_explained():
    with pytest.raises(ParameterError, match=r"and the rest by name, as in learning_rate=0.1; got 0.001$"):
        optimizer.Adam(1e-3)


@pytest.mark.parametrize(
    ("kind", "first", "name"),
    [
        (lr_scheduler.FactorScheduler, 10, "step"),
        (lr_scheduler.MultiFactorScheduler, (3, 7), "step"),
        (lr_scheduler.PolyScheduler, 11, "max_update"),
        (lr_scheduler.CosineScheduler, 13, "max_update"),
    ],
)
def test_a_schedule_takes_its_updates_first(kind, first, name):
    assert kind(first, base_lr=0.5) == kind(base_lr=0.5, **{name: first})
