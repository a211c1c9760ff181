"""Names that hold anything: they stay as they are as keys, and are escaped wherever they are printed."""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

import graphinit
import passes
from graphinit import Graph, nn
from graphinit import functional as F
from graphinit.cli import main
from graphinit.errors import GraphInitError
from graphinit.ir.graph import GraphBuilder
from graphinit.ir.node import Meta
from graphinit.ir.origin import Origin
from graphinit.ir.types import TensorType
from passes.base import PrintPasses, pass_boundary

NAMES = [
    "a\nFORGED\r\nFORGED\x0bFORGED\x0cFORGED",
    "a\x1cFORGED\x1dFORGED\x1eFORGED\x85FORGED\u2028FORGED\u2029FORGED",
    "\x1b]0;t\x07\x1b[2J\x9b31m\u202edlrow\u2066\u200f\u200b\ufeff",
    "\x00\ud800x\udcff\ufffe\uffff\U0010ffff",
    "::error::x",
    "\n::error::FORGED\n##vso[task.complete]FORGED##[add-mask]x",
    "</title>&\"<![CDATA[]]>'&#27;\\N{x}\\n",
    "a b:1 = %0A%s{0}",
]


def block(name: str) -> type[nn.Block]:
    """A kind of block that is called so; the letters that no class may have are left out."""
    kind = re.sub("[\0\ud800-\udfff]", "?", name)
    return type(kind, (nn.Dense,), {})


def layers(name: str) -> nn.Block:
    """Blocks whose keys, classes and paths are called so."""
    net, inner = nn.Sequential(), nn.Sequential()
    inner.register_child(block(name)(7, activation="relu"), f"{name}.dense")
    net.register_child(inner, name)
    net.register_child(nn.Dense(3), "last")
    return net


def broken_layers(name: str) -> nn.Block:
    """The same with sizes that clash."""
    net = layers(name)
    net.register_child(block(name)(2, in_units=5), f"{name}!")
    return net


def graph(name: str) -> Graph:
    """A graph whose input, parameter and outputs are called so."""
    x = F.input(name, (-1, 5))
    w = F.parameter(f"{name}.w", (7, -1))
    y = F.linear(x, w)
    return Graph({f"{name}.y": y, f"{name}.rows": F.reshape(y, (x.shape[0], 7, 1))})


def broken_graph(name: str) -> Graph:
    """One whose parts clash: sizes, ranks, products, dtypes; and parts that nothing uses."""
    x = F.input(name, ("batch", 12))
    by_width = F.linear(x, F.parameter(f"{name}.w", (7, 11)))
    product = F.reshape(F.input(f"{name}.p", (5, 7)), (5, 6))
    sum_ = F.input(f"{name}.s", (3, 4)) + F.parameter(f"{name}.t", (5,))
    image = F.conv(F.input(f"{name}.image", (1, 3, 4, 4)), F.parameter(f"{name}.k", (2, 3, 9, 9)))
    ids = F.take(F.parameter(f"{name}.table", (9, 4)), F.input(f"{name}.ids", (2,), "float32"))
    many = (by_width, product, sum_, image, ids)
    return Graph({f"{name}.{index}": each for index, each in enumerate(many)})


def symbolic_graph(name: str) -> Graph:
    """One that asks things of its sizes, is suspicious, and ties two inputs."""
    x, column = F.input(name, ("batch", 3, "h", -1)), F.input(f"{name}.column", (7, 1))
    y = F.conv(x, F.parameter(f"{name}.k", (2, 3, 5, 5)), strides=(2, 2))
    return Graph(
        {
            f"{name}.y": y + F.input(f"{name}.z", (-1, 2, "g", -1)),
            f"{name}.all": column + F.parameter(f"{name}.labels", (7,)),
            f"{name}.any": F.relu(F.input(f"{name}.open")),
        }
    )


def contradictory_graph(name: str) -> Graph:
    """One whose requirements cannot hold together."""
    x = F.input(name, ("h",))
    return Graph([F.reshape(x, (-1, 4)), x + F.parameter(f"{name}.w", (7,))])


NETWORKS: list[Callable[[str], Any]] = [
    layers, broken_layers, graph, broken_graph, symbolic_graph, contradictory_graph,
]  # fmt: skip


def is_clean(text: str) -> bool:
    """Whether all that is printed shows as itself, and no line is one that a name began."""
    lines = text.split("\n")
    return all(line.isprintable() for line in lines) and not any(
        line.strip().startswith("FORGED") for line in lines
    )


def is_harmless(text: str) -> bool:
    """Whether text is clean, and a runner of workflows reads no command in it."""
    lines = re.split(r"[\r\n]", text)
    commands = [line for line in lines if line.lstrip().startswith("::") or re.search(r"##\w*\[", line)]
    return is_clean(text) and not commands


@pytest.mark.parametrize("make", NETWORKS)
@pytest.mark.parametrize("name", NAMES)
class TestReports:
    def test_what_is_printed_of_a_report(self, name: str, make: Callable[[str], Any]) -> None:
        network = make(name)
        network = network if isinstance(network, Graph) else network.trace()
        report = passes.infer_shapes(network)
        texts = [str(network), repr(network), str(report), repr(report), str(report.graph)]
        texts += [repr(node) for node in network] + [repr(value) for value in network.outputs.values()]
        for error in report.errors:
            texts += [str(error), error.headline, *error.details]
        texts += [str(report.why(each)) for each in report]
        texts += [str(report.why(each, axis)) for each in report for axis in range(len(report[each] or ()))]
        texts += [str(step) for each in report for step in report.why(each).steps]
        texts += [str(need) for need in report.requirements] + [*report.warnings]
        texts += [text for size in report.unknowns for text in (str(size), size.explained)]
        if report.ok:
            texts += [str(passes.estimate_cost(report))]
        for wanted in ((...,), (..., 3, 4), (2, 2, 2, 2, 2)):
            for output in network.outputs:
                try:
                    texts.append(str(report.solve(**{output: wanted})))
                except GraphInitError as error:
                    texts.append(str(error))
        wrong = [text for text in texts if not is_clean(text)]
        assert not wrong

    def test_names_stay_as_they_are_as_keys(self, name: str, make: Callable[[str], Any]) -> None:
        network = make(name)
        network = network if isinstance(network, Graph) else network.trace()
        report = passes.infer_shapes(network)
        named = [each for each in report if name in each]
        assert named
        assert set(named) <= report.to_json()["shapes"].keys()
        assert json.loads(json.dumps(report.to_json())) == report.to_json()
        for error in report.errors:
            assert error.to_json()["node"] is None or error.to_json()["node"] in report

    def test_pictures_parse(self, name: str, make: Callable[[str], Any]) -> None:
        drawing = graphinit.render(make(name))
        folded = graphinit.render(make(name), depth=0)
        for each in (drawing, folded):
            ElementTree.fromstring(each.svg.encode())
            assert is_clean(each.dot.replace("\t", "").replace("\N{NO-BREAK SPACE}", ""))
            shown = [text for text in ElementTree.fromstring(each.svg).itertext() if text.strip()]
            assert all(is_clean(text.replace("\N{NO-BREAK SPACE}", " ")) for text in shown)

    def test_what_the_command_line_says(
        self, name: str, make: Callable[[str], Any], capsys: Any, target: Callable[[Any], str]
    ) -> None:
        network = make(name)
        place = target(network)
        traced = network if isinstance(network, Graph) else network.trace()
        commands = [["check", place], ["check", place, "--strict"]]
        commands += [["check", place, "--why", [*traced.nodes][-1]]]
        commands += [["check", place, "--why", f"{name}[9]"], ["check", place, f"{name}=2,3"]]
        commands += [["check", place, "--solve", f"{next(iter(traced.outputs))}=..."]]
        commands += [["check", place, "--explain", name], ["check", f"{place}{name}"]]
        commands += [["check", place, "--format", each] for each in ("json", "sarif", "github")]
        for words in commands:
            try:
                code = main(words)
            except SystemExit as stop:
                code = stop.code
            out, err = capsys.readouterr()
            assert code in (0, 1, 2), words
            assert "Traceback" not in err
            out.encode(), err.encode()
            assert is_harmless(err), words
            if "json" in words or "sarif" in words:
                assert json.loads(out)
                assert is_harmless(out)
            elif "github" in words:
                for line in filter(None, out.split("\n")):
                    assert re.match("::(error|warning|notice) [^:]*::", line)
                    assert is_clean(line)
                    assert not re.search(r"##\w*\[", line)
            else:
                assert is_harmless(out), words


@pytest.mark.parametrize("name", NAMES)
class TestOtherTexts:
    def test_blocks(self, name: str) -> None:
        net = layers(name)
        net.register_child(nn.Lambda(lambda x: x), f"{name}.function")
        kinds: list[tuple[Any, tuple[Any, ...]]] = [
            (nn.Dropout, (0.5,)), (nn.BatchNorm, ()), (nn.PReLU, ()), (nn.LSTMCell, (3,)), (nn.MaxPool2D, ()),
            (nn.Conv2D, (3, 3)), (nn.Embedding, (3, 5)), (nn.LSTM, (3,)), (nn.ELU, ()), (nn.LayerNorm, ()),
        ]  # fmt: skip
        for kind, arguments in kinds:
            child = type(block(name).__name__, (kind,), {})
            made = child(*arguments)
            assert is_clean(repr(made))
            net.register_child(made, f"{name}.{kind.__name__}")
        assert is_clean(repr(net))
        assert is_clean(repr(nn.Residual(layers(name))))
        assert is_clean(repr(nn.Lambda(type("f", (), {"__call__": None, "__name__": name})())))
        assert is_clean(repr(layers(name).collect_params()))

    def test_the_summary(self, name: str, capsys: Any) -> None:
        layers(name).summary(x=("batch", 5))
        assert is_clean(capsys.readouterr().out)

    def test_losses_optimizers_metrics_and_initializers(self, name: str) -> None:
        kinds: list[tuple[Any, tuple[Any, ...]]] = [
            (graphinit.loss.L2Loss, ()), (graphinit.loss.CTCLoss, ()), (graphinit.optimizer.SGD, ()),
            (graphinit.metric.Loss, (name,)), (graphinit.init.Normal, ()), (nn.Dense, (3,)),
        ]  # fmt: skip
        for kind, arguments in kinds:
            assert is_clean(repr(type(block(name).__name__, (kind,), {})(*arguments)))

    def test_symbolic_values(self, name: str) -> None:
        x = F.input(name, (-1, "n"))
        for value in (x, x.shape, x.shape[0], x.shape[0] * 2 + 1, F.reshape(x, (-1,))):
            assert is_clean(repr(value))
            assert is_clean(str(value))

    def test_graphs_within_graphs(self, name: str) -> None:
        x = F.input(name, (3,))
        branch = F.cond(F.sum(x) > 0, lambda: F.relu(x), lambda: -x)
        assert is_clean(str(Graph({name: branch})))

    def test_where_things_come_from(self, name: str, capsys: Any, target: Callable[[Any], str]) -> None:
        origin = Origin(f"{name}/{name.replace('/', '')}.py", None, -3)
        meta = Meta(name, origin, (None, f"{name}units"), block=name)
        builder = GraphBuilder()
        x = builder.source("input", "x", TensorType((2, 5), "float32"), meta=meta)
        w = builder.source("parameter", "w", TensorType((3, 7), "float32"), meta=meta)
        y = builder.add("linear", [x, w], name="y", meta=meta)
        graph = builder.build({"y": y})
        report = passes.infer_shapes(graph)
        assert is_clean(str(report))
        assert is_clean(str(report.why("w")))
        assert not report.ok
        ElementTree.fromstring(graphinit.render(graph, report=report).svg.encode())
        for form in ("text", "json", "sarif", "github"):
            assert main(["check", target(graph), "--format", form]) == 1
            out = capsys.readouterr().out
            out.encode()
            assert is_clean(out)
            assert is_harmless(out) or form == "github"
            if form == "sarif":
                (result,) = json.loads(out)["runs"][0]["results"]
                place = result["locations"][0]["physicalLocation"]
                assert place["artifactLocation"]["uri"].isascii()
                assert place["region"]["startLine"] == 1

    def test_warnings_of_names(self, name: str) -> None:
        class Holder(nn.Block):
            pass

        holder = Holder()
        setattr(holder, re.sub("[\ud800-\udfff]", "?", name), [nn.Dense(3)])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            holder.collect_params()
            net = layers(name)
            net.initialize()
            net.infer_shape(x=(2, 5))
            net.initialize()
        assert len(caught) > 2
        assert all(is_clean(str(each.message)) for each in caught)

    def test_errors_of_blocks_and_parameters(self, name: str) -> None:
        net = layers(name)
        child = next(iter(net._children.values()))
        weight = next(iter(net.collect_params().values()))
        mistakes: list[Callable[[], Any]] = [
            weight.data, lambda: weight.set_data([1.0]), weight.grad,
            lambda: setattr(weight, "shape", (8, 9)), lambda: net.trace(**{name: (1,)}),
            lambda: setattr(net, re.sub("[\ud800-\udfff]", "?", name), child) or net.add(3),
            lambda: net.load_parameters(f"nowhere/{name}"), lambda: net.save_parameters(f"nowhere/{name}"),
            lambda: Graph({name: F.input(name, (2,))})[f"{name}?"], lambda: F.input(f"{name}", (name,)),
            lambda: passes.infer_shapes(graph(name), **{f"{name}?": (2, 5)}),
            lambda: passes.infer_shapes(graph(name), **{name: (2, 5, name)}),
            lambda: Graph([F.input(name, (2,)), F.input(name, (3,))]),
            lambda: graphinit.compile(broken_graph(name)), lambda: graphinit.compile(symbolic_graph(name)),
            lambda: graphinit.compile(graph(name), **{name: (2, 5)}).forward(3),
            lambda: bool(F.input(name, (2,))), lambda: Graph.from_json(json.dumps({"format": name})),
            lambda: graphinit.render(layers(name), f"nowhere/{name}.dot"),
        ]  # fmt: skip
        raised = []
        for mistake in mistakes:
            try:
                mistake()
            except (GraphInitError, ValueError) as error:
                raised.append(error)
        assert len(raised) > len(mistakes) // 2
        assert all(is_clean(str(error)) for error in raised)
        assert all(is_clean(error.headline) for error in raised if isinstance(error, GraphInitError))

    def test_an_initializer_that_fails(self, name: str) -> None:
        class Odd:
            def __repr__(self) -> str:
                return name

            def __call__(self, shape: Any, dtype: Any = None) -> Any:
                return name

        net = nn.Dense(3, in_units=2, weight_initializer=Odd())
        with pytest.raises((GraphInitError, ValueError, TypeError)) as caught:
            net.initialize()
        assert is_clean(str(caught.value))

    def test_passes_say_what_they_did(self, name: str) -> None:
        written: list[str] = []
        whole = passes.infer_shapes(Graph({name: F.relu(F.input(name, (2, 5)))}), **{name: (2, 5)}).graph
        passes.Pipeline([passes.RemoveDeadCode()], instruments=[PrintPasses(written.append)])(whole)
        assert written
        assert all(is_clean(text.rstrip("\n")) for text in written)
        with pytest.raises(GraphInitError) as caught, pass_boundary(name, whole):
            raise GraphInitError(f"odd {name}", node=name)
        assert is_clean(str(caught.value))


def test_a_message_is_one_line() -> None:
    error = GraphInitError("a\nFORGED", details=["b\nc"], fixes=["d\nFORGED"], node="e\nFORGED")
    assert str(error).split("\n")[1:] == ["  b", "  c", "  a\\nFORGED", "  fix (checked): d\\nFORGED"]
    assert error.message == "a\nFORGED"


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], str]:
    module = type(sys)("hostile_target")
    monkeypatch.setitem(sys.modules, "hostile_target", module)

    def put(network: Any) -> str:
        module.network = network  # type: ignore[attr-defined]
        return "hostile_target:network"

    return put
