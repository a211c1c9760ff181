"""The command line: targets, inputs, exit codes, and what it prints."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import networkx
import pytest

from graphinit import Graph, nn
from graphinit import functional as F
from graphinit.cli import load_target, main, parse_inputs
from graphinit.command.watching import watch
from graphinit.errors import TargetError

ROOT = Path(__file__).parents[2]

NETS = """
from graphinit import Graph, nn
from graphinit import functional as F

net = nn.Sequential(nn.Dense(7, activation="relu"), nn.Dense(3))
broken = nn.Sequential(nn.Dense(7), nn.Dense(3, in_units=5))
number = 3
text = "net"


def build():
    return net


def needs(width):
    return nn.Dense(width)


def fails():
    raise KeyError("no such thing")


def gives_a_number():
    return 3


class Holder:
    inner = net


class Odd(nn.Block):
    def forward(self, x):
        return undefined_name


class Ranked(nn.Block):
    def forward(self, x):
        a, b = x.shape
        return x.reshape(a * b)


odd, ranked = Odd(), Ranked()
x = F.input("x", shape=("batch", 5))
graph = Graph(F.relu(x))

if __name__ == "__main__":
    raise SystemExit("it was run")
"""


@pytest.fixture
def nets(tmp_path, monkeypatch):
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "nets.py"
    for name in ("nets", "_nets_target", "loud", "beside", "uses"):
        sys.modules.pop(name, None)


def run(capsys, *arguments):
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


class TestCheck:
    @pytest.mark.parametrize("name", ["net", "build", "Holder.inner"])
    def test_a_network_that_holds(self, nets, capsys, name):
        code, out, err = run(capsys, "check", f"nets.py:{name}", "x=batch,5")
        assert code == 0
        assert err == ""
        for text in ("0.weight", "7", "5", "batch", "1.weight", "3"):
            assert text in out

    def test_a_graph(self, nets, capsys):
        code, out, _ = run(capsys, "check", "nets.py:graph")
        assert code == 0
        assert "relu" in out

    def test_a_graph_of_a_file(self, nets, capsys):
        x = F.input("x", shape=("batch", 5))
        Path("net.json").write_text(Graph(F.relu(x)).to_json())
        code, out, _ = run(capsys, "check", "net.json", "x=2,5")
        assert code == 0
        assert "relu" in out

    def test_a_graph_that_networkx_wrote(self, nets, capsys):
        networkx.write_graphml(Graph(F.relu(F.input("x", shape=("batch", 5)))).nx, "net.graphml")
        code, out, _ = run(capsys, "check", "net.graphml", "x=2,5")
        assert code == 0
        assert "relu" in out

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "it is not GraphML: no element found"),
            ("<graphml/>", "it is not GraphML: "),
            ('<!DOCTYPE g [<!ENTITY a "aaaa">]><graphml>&a;</graphml>', "it has entities of its own"),
            (
                '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="undirected"/></graphml>',
                "no dir",
            ),
            (
                '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="directed"/></graphml>',
                "it has no",
            ),
        ],
    )
    def test_what_is_no_graphml_is_said(self, nets, capsys, text, words):
        Path("net.graphml").write_text(text)
        code, _, err = run(capsys, "check", "net.graphml")
        assert code == 2
        assert "net.graphml holds no graph: " in err
        assert words in err

    def test_a_module(self, nets, capsys):
        assert run(capsys, "check", "nets:net", "x=2,5")[0] == 0

    def test_clashes_are_explained(self, nets, capsys):
        code, out, _ = run(capsys, "check", "nets.py:broken", "x=batch,11")
        assert code == 1
        for text in ("GI201", "1.weight", "7", "5", "nets.py:6", "in_units"):
            assert text in out

    def test_a_clash_with_the_given_input(self, nets, capsys):
        code, out, _ = run(capsys, "check", "nets.py:graph", "x=batch,11")
        assert code == 1
        assert "11" in out

    def test_without_inputs_it_says_what_is_unknown(self, nets, capsys):
        code, out, _ = run(capsys, "check", "nets.py:net")
        assert code == 0
        assert "-1" in out or "?" in out

    def test_it_fits_80_columns(self, nets, capsys):
        for name in ("net", "broken"):
            _, out, _ = run(capsys, "check", f"nets.py:{name}", "x=batch,11")
            assert max(map(len, out.splitlines())) <= 80

    def test_options_and_inputs_in_any_order(self, nets, capsys):
        assert run(capsys, "render", "-o", "a.svg", "nets.py:net", "x=2,5")[0] == 0
        assert run(capsys, "render", "nets.py:net", "-o", "a.svg", "x=2,5")[0] == 0
        assert run(capsys, "render", "nets.py:net", "x=2,5", "-o", "a.svg")[0] == 0

    def test_colour_only_on_a_terminal(self, nets, capsys, monkeypatch):
        class Terminal(io.StringIO):
            def isatty(self):
                return True

        assert "\x1b" not in run(capsys, "check", "nets.py:broken", "x=2,11")[1]
        for no_colour, coloured in (("", True), ("1", False)):
            terminal = Terminal()
            monkeypatch.setenv("NO_COLOR", no_colour)
            monkeypatch.setattr(sys, "stdout", terminal)
            main(["check", "nets.py:broken", "x=2,11"])
            assert ("\x1b[" in terminal.getvalue()) == coloured


class TestRender:
    def test_it_draws(self, nets, capsys):
        code, out, _ = run(capsys, "render", "nets.py:net", "-o", "net.svg", "x=batch,5")
        assert code == 0
        assert "net.svg" in out
        assert "batch×5" in Path("net.svg").read_text()

    def test_a_broken_network_is_drawn_with_its_error(self, nets, capsys):
        code, _, err = run(capsys, "render", "nets.py:broken", "-o", "net.svg", "x=batch,11")
        assert code == 1
        assert "1 error is marked" in err
        assert "GI201" in Path("net.svg").read_text()

    def test_depth(self, nets, capsys):
        assert run(capsys, "render", "nets.py:net", "-o", "net.dot", "--depth", "0")[0] == 0
        assert "cluster" not in Path("net.dot").read_text()

    @pytest.mark.parametrize(
        "options",
        [
            ["-o", "net.jpg"],
            ["-o", "nowhere/net.svg"],
            ["-o", "net.svg", "--depth", "-1"],
            [],
            ["-o", "a", "--depth", "x"],
        ],
    )
    def test_wrong_usage(self, nets, capsys, options):
        code, _, err = run(capsys, "render", "nets.py:net", *options)
        assert code == 2
        assert err
        assert [path.name for path in Path().iterdir() if path.suffix in (".svg", ".jpg")] == []


class TestTargets:
    @pytest.mark.parametrize(
        ("target", "text"),
        [
            ("nowhere.py:net", "no file nowhere.py"),
            ("nets.py:nothing", "networks and graphs there: net, broken"),
            ("nets.py:number", "neither a network"),
            ("nets.py:text", "neither a network"),
            ("nets.py:gives_a_number", "neither a network"),
            ("nets.py:needs", "needs arguments"),
            ("nets.py:fails", "KeyError"),
            ("nets.py:Holder.outer", "no 'Holder.outer'"),
            ("nets.py:odd", "undefined_name"),
            ("nets.py:ranked", "pass the input's shape"),
            ("nets.py", "not a target"),
            ("nets.py:", "not a target"),
            (":net", "not a target"),
            ("", "not a target"),
            ("no_such_module:net", "no module no_such_module"),
            ("no.such.module:net", "no module"),
            ("nowhere.json", "'nowhere.json' cannot be read"),
            ("broken.json", "holds no graph"),
            ("binary.json", "is no text in UTF-8"),
            ("loud.py:net", "importing loud.py failed: RuntimeError: loud (loud.py:2)"),
            ("leaves.py:net", "SystemExit"),
            ("syntax.py:net", "SyntaxError"),
            ("missing.py:net", "no_such_module_here"),
            (".:net", ""),
        ],
    )
    def test_what_cannot_be_used_is_said_without_a_traceback(self, nets, capsys, target, text):
        Path("broken.json").write_text("{}")
        Path("binary.json").write_bytes(b"\xff\xfe\x00")
        Path("loud.py").write_text("\nraise RuntimeError('loud')\n")
        Path("leaves.py").write_text("import sys\nsys.exit(0)\n")
        Path("syntax.py").write_text("net = (\n")
        Path("missing.py").write_text("import no_such_module_here\n")
        code, out, err = run(capsys, "check", target)
        assert code == 2
        assert out == ""
        assert err.startswith("GI")
        assert text in " ".join(err.split())
        assert max(map(len, err.splitlines())) <= 80

    def test_main_stays_asleep(self, nets):
        load_target("nets.py:net")

    def test_files_beside_it_can_be_imported(self, nets):
        Path("beside.py").write_text("from graphinit import nn\nnet = nn.Dense(3)\n")
        Path("outer.py").write_text("from beside import net\n")
        before = list(sys.path)
        assert isinstance(load_target("outer.py:net"), nn.Dense)
        assert sys.path == before
        del sys.modules["outer"]

    def test_a_file_named_like_a_module_does_not_replace_it(self, nets):
        import numpy

        Path("numpy.py").write_text("from graphinit import nn\nnet = nn.Dense(3)\n")
        assert isinstance(load_target("numpy.py:net"), nn.Dense)
        assert sys.modules["numpy"] is numpy
        del sys.modules["_numpy_target"]

    def test_a_failed_import_leaves_nothing_behind(self, nets):
        Path("loud.py").write_text("raise RuntimeError('loud')\n")
        before = list(sys.path)
        with pytest.raises(TargetError):
            load_target("loud.py:net")
        assert "loud" not in sys.modules
        assert sys.path == before


class TestInputs:
    def test_sizes_and_dtypes(self):
        types = parse_inputs(["x=batch,64", "ids=int64:batch,-1", "image=batch,3,h,w", "n=float32[]"])
        assert [str(type) for type in types.values()] == [
            "?[batch, 64]", "int64[batch, -1]", "?[batch, 3, h, w]", "float32[]",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "inputs",
        [
            ["x"], ["x="], ["=3"], ["x=2,-3"], ["x=1.5"], ["x=2..3"], ["x=complex64:3"], ["x=2,3", "x=2,3"],
            ["z=2,3"], ["--strange"], ["x=2,3", "more"], ["x=a b"], ["x=[2"],
        ],
    )  # fmt: skip
    def test_what_is_no_input_is_wrong_usage(self, nets, capsys, inputs):
        code, out, err = run(capsys, "check", "nets.py:net", *inputs)
        assert code == 2
        assert out == ""
        assert err


class TestUsage:
    @pytest.mark.parametrize("arguments", [[], ["check"], ["draw", "nets.py:net"], ["render", "nets.py:net"]])
    def test_wrong_usage_is_2(self, nets, capsys, arguments):
        code, _, err = run(capsys, *arguments)
        assert code == 2
        assert "usage" in err

    @pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["render", "--help"]])
    def test_help_says_what_the_exit_codes_mean(self, capsys, arguments, monkeypatch):
        monkeypatch.setenv("COLUMNS", "80")
        code, out, _ = run(capsys, *arguments)
        assert code == 0
        assert "exit codes" in out
        for line in ("0  the network holds", "1  its shapes clash", "2  wrong usage"):
            assert line in out
        assert max(map(len, out.splitlines())) <= 80

    @pytest.mark.parametrize("module", ["graphinit", "passes"])
    def test_modules_are_commands(self, nets, module):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
        for target, code in (("nets.py:net", 0), ("nets.py:broken", 1), ("nets.py:nothing", 2)):
            done = subprocess.run(
                [sys.executable, "-W", "error", "-m", module, "check", target, "x=batch,11"],
                capture_output=True, text=True, cwd=nets.parent, env=environment, check=False,
            )  # fmt: skip
            assert done.returncode == code, done.stderr
            assert "Traceback" not in done.stderr
        done = subprocess.run(
            [sys.executable, "-m", module, "--help"],
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        )
        assert f"python -m {module}" in done.stdout


class TestHostileTargets:
    """What a target does while it is imported or called is no reason to break down."""

    def test_printing_is_no_part_of_a_report(self, nets, capsys):
        Path("loud.py").write_text("print('hello')\nfrom graphinit import nn\nnet = nn.Dense(3)\n")
        code, out, err = run(capsys, "check", "loud.py:net", "--format", "json")
        assert code == 0
        assert json.loads(out)["ok"]
        assert err == "hello\n"

    def test_a_function_that_exits(self, nets, capsys):
        Path("loud.py").write_text("import sys\n\n\ndef net():\n    sys.exit(0)\n")
        code, _, err = run(capsys, "check", "loud.py:net")
        assert code == 2
        assert "SystemExit: 0 (loud.py:5)" in err

    @pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 5_000 + "1" + "}" * 5_000])
    def test_a_graph_that_is_nested_too_deeply(self, nets, capsys, text):
        Path("net.json").write_text(text)
        code, _, err = run(capsys, "check", "net.json")
        assert code == 2
        assert "holds no graph" in err

    def test_numbers_that_json_does_not_know(self, nets, capsys):
        text = Graph(F.relu(F.input("x", shape=("batch", 5)))).to_json()
        for place in ('"order": 1', '"version": 1'):
            for number in ("NaN", "Infinity", "1e999"):
                Path("net.json").write_text(text.replace(place, place[:-1] + number))
                assert run(capsys, "check", "net.json")[0] in (0, 2)

    def test_questions_are_answered_as_text(self, nets, capsys):
        code, out, err = run(capsys, "check", "nets.py:net", "--why", "y", "--format", "json")
        assert (code, out) == (2, "")
        assert "--why and --solve answer as text" in err

    def test_a_size_is_missing_in_what_is_wanted(self, nets, capsys):
        assert run(capsys, "check", "nets.py:net", "x=2,5", "--solve", "y=2,,3")[0] == 2

    def test_the_command_line_is_no_line_of_a_file(self, nets):
        done = shell("check", "nets.py:graph", "x=batch,11")
        assert "11 given at" in done.stdout.replace("\n", " ") or "given    x [batch, 11]" in done.stdout
        assert "__main__.py" not in done.stdout
        assert "runpy" not in done.stdout

    def test_places_in_sarif_are_addresses(self, nets, capsys):
        folder = Path("two words")
        folder.mkdir()
        (folder / "größe.py").write_text(NETS)
        for place in (folder, folder.resolve()):
            _, out, _ = run(capsys, "check", f"{place}/größe.py:broken", "x=2,5", "--format", "sarif")
            (result,) = json.loads(out)["runs"][0]["results"]
            uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            assert uri == "two%20words/gr%C3%B6%C3%9Fe.py"

    def test_watching_goes_on_while_what_is_imported_is_broken(self, nets, capsys, monkeypatch):
        helper = Path("beside.py")
        Path("uses.py").write_text("from beside import net\n")
        states = iter([NETS, "def f(:  # again\n", NETS + "\n"])
        helper.write_text("def f(:\n")
        # whoever waits for a save gets one
        monkeypatch.setattr(
            "graphinit.command.watching.time.sleep", lambda _: helper.write_text(next(states))
        )
        monkeypatch.setattr("graphinit.cli.watch", lambda look: watch(look, looks=4))
        code, out, err = run(capsys, "check", "uses.py:net", "x=2,5", "--watch")
        assert code == 0
        assert out.count("returns y") == 2
        assert err.count("SyntaxError") == 2


class TestStreams:
    def test_a_reader_that_has_seen_enough(self, nets):
        reading, writing = os.pipe()
        os.close(reading)
        done = shell("check", "nets.py:net", "x=2,5", stdout=writing)
        os.close(writing)
        assert (done.returncode, done.stderr) == (0, "")

    def test_no_standard_output(self, nets):
        done = subprocess.run(
            f"exec {sys.executable} -m graphinit check nets.py:broken x=2,5 >&-",
            shell=True,
            check=False,
            env=ENVIRONMENT,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert (done.returncode, done.stderr) == (1, "")

    def test_letters_that_the_terminal_lacks(self, nets):
        Path("größe.py").write_text(NETS)
        done = shell("check", "größe.py:broken", "x=2,5", PYTHONIOENCODING="ascii")
        assert done.returncode == 1
        assert r"gr\xf6\xdfe.py:6" in done.stdout

    def test_long_types_and_places_fit_80_columns(self, nets):
        name = "a_rather_long_name_of_a_file_with_networks.py"
        Path(name).write_text(NETS)
        done = shell("check", f"{name}:broken", "x=some_long_name_of_a_batch,another_long_name")
        assert max(map(len, done.stdout.splitlines())) <= 80


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def shell(*arguments, stdout=subprocess.PIPE, **environment):
    return subprocess.run(
        [sys.executable, "-m", "graphinit", *arguments],
        check=False,
        env={**ENVIRONMENT, **environment},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )
