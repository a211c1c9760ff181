"""Graphs, reports and everything compiled copy and pickle; programs are made again."""

import copy
import pickle
import pickletools
import subprocess
import sys

import numpy as np
import pytest

import graphinit
from graphinit import Graph, data, init, loss, lr_scheduler, metric, nn, optimizer
from graphinit import functional as F
from graphinit.checkpoint import save_checkpoint
from graphinit.fitting import EarlyStopping, History, fit
from graphinit.ir.node import Value
from graphinit.ir.op import Attrs, Literal, intern_rule
from graphinit.optimizers.program import GradientVariable
from graphinit.parameter import Parameter
from graphinit.runtime.executor import ArrayVariable, StateVariable
from graphinit.trainer import Trainer
from graphinit.training import compile_step
from passes.cost import estimate_cost
from passes.pipelines import pipeline
from passes.shape_inference import infer_shapes

from .ways import DEEP, WAYS, assert_equal, pickled, ramp, values

every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
every_deep_way = pytest.mark.parametrize("way", DEEP.values(), ids=DEEP)


def layers():
    net = nn.Sequential(nn.Conv2D(3, 3, activation="relu"), nn.BatchNorm(), nn.Flatten(), nn.Dense(5))
    net.initialize(seed=2)
    return net.trace(x=("batch", 2, "h", 9)), {"x": (7, 2, 6, 9)}


def by_hand():
    x = F.input("x", ("batch", 3, 4))
    w = F.parameter("w", (5, -1), init=init.Constant(np.array(2.0)))
    y = F.reshape(F.add(x, F.constant(ramp(3, 4))), (x.shape[0], -1))
    return Graph({"a": F.linear(y, w), "b": (y * y).sum(axis=1)}), {"x": (7, 3, 4)}


def with_subgraphs():
    x = F.input("x", ("batch", 3))
    y = F.cond(F.greater(F.sum(x), 0.0), F.relu, lambda a: F.tanh(a) * 2, x)
    return Graph(y), {"x": (5, 3)}


GRAPHS = {"layers": layers, "by hand": by_hand, "sub-graphs": with_subgraphs}


@pytest.fixture(params=GRAPHS.values(), ids=GRAPHS)
def described(request):
    return request.param()


@every_way
def test_graphs(described, way):
    graph, _ = described
    again = way(graph)
    assert again == graph
    assert hash(again) == hash(graph)
    assert str(again) == str(graph)
    assert again.structure == graph.structure
    assert list(again.nodes) == list(graph.nodes)
    assert [str(node.meta.origin) for node in again] == [str(node.meta.origin) for node in graph]
    assert [node.meta.path for node in again] == [node.meta.path for node in graph]
    assert [node.name for node in again.left_out] == [node.name for node in graph.left_out]
    assert set(again.nx.edges) == set(graph.nx.edges)
    for mine, its in zip(again.table, graph.table, strict=True):
        assert mine.slots == its.slots
        assert mine.rule is its.rule or its.rule.spec is None


@every_way
def test_reports_and_what_they_answer(described, way):
    graph, shapes = described
    name = next(iter(graph.outputs))
    report = infer_shapes(graph)
    for found in (
        report,
        report.update(**shapes),
        infer_shapes(graph, x=(*shapes["x"][:-1], 1)),
        infer_shapes(graph, x=(2,)),
    ):
        again = way(found)
        assert dict(again) == dict(found)
        assert str(again) == str(found)
        assert again.ok == found.ok
        assert again.to_json() == found.to_json()
        assert str(again.why(name)) == str(found.why(name))
        assert again.graph == found.graph
    again = way(report)
    assert again.update(**shapes)[name] == report.update(**shapes)[name]
    for answer in (report.why(name), report.unknowns, report.warnings, report.solve()):
        assert way(answer) == answer
        assert str(way(answer)) == str(answer)
    for need, its in zip(way(report.requirements), report.requirements, strict=True):
        assert str(need) == str(its)
        assert need.to_json() == its.to_json()
    assert way(estimate_cost(report)) == estimate_cost(report)
    assert way(pipeline("default")) == pipeline("default")


def test_a_long_chain_pickles():
    x = F.input("x", (2, 3))
    y = x
    for _ in range(4_000):
        y = F.relu(y)
    graph = Graph(y)
    assert pickled(graph) == graph


@every_way
def test_attributes(way):
    attrs = Attrs({"value": Literal(ramp(3)), "name": "text", "size": 3})
    hash(attrs)
    again = way(attrs)
    assert again == attrs
    assert hash(again) == hash(attrs)
    assert not again["value"].array.flags.writeable
    assert intern_rule("constant", again).attrs == attrs
    assert way(Value("x", 1)) == Value("x", 1)


def test_hashes_are_those_of_the_process_that_loads():
    attrs = Attrs({"name": "text"})
    hash(attrs)
    code = (
        "import pickle, sys; from graphinit.ir.op import Attrs; "
        "attrs = pickle.load(sys.stdin.buffer); assert hash(attrs) == hash(Attrs({'name': 'text'}))"
    )
    subprocess.run([sys.executable, "-c", code], input=pickle.dumps(attrs), check=True)


# ---------------------------------------------------------------------- executables


@every_way
def test_executables_of_networks(way):
    net = nn.Sequential(nn.Dense(5, activation="tanh"), nn.BatchNorm(), nn.Dense(3))
    net.initialize(seed=1)
    exe = graphinit.compile(net, x=(4, 7))
    y, gradients = exe.forward(ramp(4, 7)), exe.backward()
    again = way(exe)
    with pytest.raises(graphinit.errors.ExecutionError):
        again.backward()  # workspaces are not copied
    assert_equal(again.forward(ramp(4, 7)), y)
    assert_equal(again.backward(), gradients)
    assert again.source == exe.source
    assert repr(again) == repr(exe)
    assert again.memory == exe.memory
    assert dict(again.report) == dict(exe.report)
    assert exe.graph == again.graph


@every_way
def test_executables_of_graphs(described, way):
    graph, shapes = described
    parameters = {name: abs(ramp(*shape)) for name, shape in _parameters(graph, shapes).items()}
    exe = graphinit.compile(graph, parameters=parameters, **shapes)
    x = ramp(*shapes["x"])
    y, gradients = exe.forward(x=x), exe.backward()
    again, taken = way((exe, parameters))
    assert_equal(again.forward(x=x), y)
    assert_equal(again.backward(), gradients)
    for name in list(parameters)[-1:]:
        changed = parameters[name] * 3
        parameters[name], taken[name] = changed, changed  # looked up at each call
        assert_equal(again.forward(x=x), exe.forward(x=x))


def _parameters(graph, shapes):
    report = infer_shapes(graph, **shapes)
    return {name: report[name] for name in (*graph.parameters, *graph.state)}


@every_deep_way
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_what_is_copied_together_stays_together(way, order):
    first, second = nn.Dense(5, in_units=11, use_bias=False), nn.Dense(11, in_units=5, use_bias=False)
    net = nn.Sequential(first, second)
    net.initialize()
    second.weight = first.weight.T
    made = (
        net,
        Trainer(net.collect_params(), "sgd", {"learning_rate": 0.5}),
        graphinit.compile(net, x=(2, 11)),
    )
    copies = way(tuple(made[index] for index in order))
    again, trainer, exe = (copies[order.index(index)] for index in range(3))
    assert trainer.optimizer.parameters == [again[0].weight]
    assert again[1].weight.root is again[0].weight
    assert again[0].weight.path == "0.weight"
    assert_equal(exe.forward(ramp(2, 11)), again(ramp(2, 11)))
    before = exe.forward(ramp(2, 11))
    exe.backward()
    trainer.step(2)
    after = again(ramp(2, 11))
    assert (after != before).any()
    assert_equal(exe.forward(ramp(2, 11)), after)
    assert_equal(net(ramp(2, 11)), before)


@every_way
def test_variables(way):
    weight = Parameter("w", shape=(2, 3))
    weight.initialize()
    weight.accept_gradient(ramp(2, 3))
    assert_equal(way(GradientVariable(weight)).data(), ramp(2, 3))
    state = StateVariable(ramp(3))
    assert_equal(way(state).data(), ramp(3))
    given = ArrayVariable({"w": [[1, 2]]}, "w", weight.type.__class__((1, 2), "float32"))
    assert_equal(way(given).data(), given.data())
    assert_equal(way(given).data(), np.array([[1, 2]], np.float32))


def test_a_pickle_of_a_program_holds_no_code():
    net = nn.Sequential(nn.Dense(5), nn.Dense(3))
    net.initialize()
    for thing in (graphinit.compile(net, x=(2, 7)), _stepped()[0]):
        words = {str(argument) for _, argument, _ in pickletools.genops(pickle.dumps(thing))}
        assert not any("def forward" in word or "CodeType" in word or "marshal" in word for word in words)


# ---------------------------------------------------------------------- training


RULES = {
    "sgd": {"momentum": 0.9},
    "adam": {"lr": 0.01, "lr_scheduler": lr_scheduler.CosineScheduler(max_update=20)},
    "adafactor": {},
    "lion": {"clip_global_norm": 1.0},
    "rmsprop": {"centered": True},
}


def _stepped(rule="adam"):
    net = nn.Sequential(nn.Dense(5, activation="relu"), nn.BatchNorm(), nn.Dropout(0.4), nn.Dense(1))
    net.initialize(seed=1)
    step = compile_step(net, loss.L2Loss(), rule, **RULES[rule])
    x, y = ramp(6, 7), ramp(6, 1)
    for _ in range(2):
        step(x, y)
    return step, x, y


@every_deep_way
@pytest.mark.parametrize("rule", RULES)
def test_a_step_goes_on_bit_for_bit(way, rule):
    step, x, y = _stepped(rule)
    again = way(step)
    losses = [step(x, y) for _ in range(3)]
    assert_equal([again(x, y) for _ in range(3)], losses)
    assert_equal(values(again.net), values(step.net))
    assert_equal(again.optimizer.state_arrays(), step.optimizer.state_arrays())
    assert again.optimizer.state_notes() == step.optimizer.state_notes()


def test_a_shallow_copy_of_a_step_shares_its_network():
    step, x, y = _stepped()
    again = copy.copy(step)
    before = values(step.net)
    again(x, y)
    assert again.net is step.net
    assert again.optimizer.num_update == step.optimizer.num_update == 3
    assert (values(step.net)["0.weight"] != before["0.weight"]).any()


@every_deep_way
@pytest.mark.parametrize("rule", RULES)
def test_optimizers_and_trainers_go_on_bit_for_bit(way, rule):
    weight = Parameter("weight", shape=(5, 7))
    weight.initialize(seed=3)
    trainer = Trainer([weight], optimizer.create(rule, **RULES[rule]))

    def step(trainer):
        (trained,) = trainer.optimizer.parameters
        trained.accept_gradient(trained.data() * 2)
        trainer.step(2)

    step(trainer)
    again = way(trainer)
    alone = way(trainer.optimizer)
    for _ in range(2):
        step(trainer), step(again)
    assert_equal(again.optimizer.parameters[0].data(), weight.data())
    assert again.learning_rate == trainer.learning_rate
    assert alone.num_update == 1
    assert alone.parameters[0] is not weight


@pytest.mark.parametrize("taken", [bytes, bytearray, lambda buffer: buffer])
def test_buffers_beside_the_pickle_are_not_shared(taken):
    step, x, y = _stepped()
    before, beside = values(step.net), []
    text = pickle.dumps(step, 5, buffer_callback=beside.append)
    again = pickle.loads(text, buffers=[taken(buffer) for buffer in beside])
    losses = [again(x, y) for _ in range(2)]
    assert_equal(values(step.net), before)
    assert_equal([step(x, y) for _ in range(2)], losses)


@every_deep_way
def test_a_trainer_warns_once_of_what_the_loss_doesn_t_need(way):
    weight = Parameter("weight", shape=(2,))
    weight.initialize()
    weight.is_unused = True
    trainer = Trainer([weight], "sgd")
    with pytest.warns(UserWarning, match="does not depend on weight"):
        trainer.step(1)
    way(trainer).step(1)


@every_deep_way
def test_loaders_go_on(way):
    loader = data.DataLoader((ramp(7, 2), np.arange(7)), 3, shuffle=True, last_batch="rollover", seed=4)
    list(loader)
    again = way(loader)
    for _ in range(2):
        assert_equal(list(again), list(loader))
    assert again.epoch == 3


@every_deep_way
def test_fitting_goes_on(way, tmp_path):
    net = nn.Dense(1, in_units=2)
    net.initialize(seed=1)
    samples = ramp(12, 2), ramp(12, 1)
    kept = []
    stopping = EarlyStopping("loss", patience=2)
    step = compile_step(net, loss.L2Loss(), "adam")
    options = {"optimizer": step, "epochs": 2, "batch_size": 4, "progress": False}
    history = fit(net, step.loss_fn, samples, callbacks=[lambda run, _: kept.append(way(run))], **options)
    run = kept[-1]
    assert run.history.epochs == history.epochs
    assert isinstance(run.history, History)
    assert run.net is run.step.net is not net
    assert_equal(values(run.net), values(net))
    assert run.loader.epoch == 2
    assert len(list(run.loader)) == 3
    save_checkpoint(tmp_path / "run.npz", run.net, run.step, run.loader, epochs=run.history.epochs)
    again = way(stopping)
    assert again.patience == 2
    assert again.best == stopping.best


def _instances(module, base):
    for name in dir(module):
        cls = getattr(module, name)
        if isinstance(cls, type) and issubclass(cls, base) and cls is not base:
            yield cls()


@every_way
def test_losses_metrics_initializers_and_schedules(way):
    for item in _instances(loss, nn.Block):
        again = way(item)
        assert type(again) is type(item)
        assert repr(again) == repr(item)
    criterion = loss.SoftmaxCrossEntropyLoss()
    assert_equal(way(criterion)(ramp(4, 3), np.arange(4) % 3), criterion(ramp(4, 3), np.arange(4) % 3))
    for item in _instances(metric, metric.EvalMetric):
        assert way(item).name == item.name
    measured = metric.create("accuracy")
    measured.update(np.array([0, 1]), ramp(2, 3))
    assert way(measured).get() == measured.get()
    schedule = lr_scheduler.MultiFactorScheduler(step=[2, 5], factor=0.5)
    drawn = init.Constant(ramp(3)), init.Xavier("gaussian"), init.create("orthogonal")
    for item in (schedule, *drawn):
        assert way(item) == item
