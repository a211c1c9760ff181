"""What the command says stays its own, whatever targets write to the same places."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graphinit.cli import main
from graphinit.command.output import Output

ROOT = Path(__file__).parents[2]

LOUD = """
import atexit, ctypes, os, subprocess, sys, threading, time
from graphinit import nn

def write(text):
    os.write(1, f"LOUD {text}\\n".encode())

print("LOUD print")
print("LOUD buffered", file=sys.__stdout__)
write("descriptor")
os.system("echo LOUD system")
subprocess.run(["/bin/sh", "-c", "echo LOUD child"])
atexit.register(write, "at exit")
atexit.register(print, "LOUD print at exit")
threading.Thread(target=lambda: (time.sleep(0.05), write("thread"))).start()
late = subprocess.Popen(["/bin/sh", "-c", "sleep 0.1; echo LOUD late"])
atexit.register(late.wait)
if os.fork() == 0:
    write("fork")
    # and goes on, as if it were the command

class Net(nn.Sequential):
    def forward(self, x):
        write("trace")
        return super().forward(x)

net = Net(nn.Dense(3))
"""

SAYS = [
    "print", "buffered", "descriptor", "system", "child", "at exit", "print at exit", "thread", "late", "fork", "trace",
]  # fmt: skip


def shell(folder: Path, line: str, **environment: str) -> Any:
    """Run a line of the shell, in which `graphinit` is the command."""
    return subprocess.run(
        line.replace("graphinit", f"{sys.executable} -W error::ResourceWarning -m graphinit", 1),
        shell=True,
        cwd=folder,
        check=False,
        text=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("loud", "_loud_target", "quiet"):
        sys.modules.pop(name, None)


needs_posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@needs_posix
class TestProcesses:
    @pytest.mark.parametrize("form", ["json", "text"])
    def test_standard_output_is_the_command_s_own(self, folder: Path, form: str) -> None:
        (folder / "loud.py").write_text(LOUD)
        done = shell(folder, f"graphinit check loud.py:net x=2,5 --format {form}")
        assert "LOUD" not in done.stdout
        for text in SAYS:
            assert f"LOUD {text}\n" in done.stderr
        assert "Traceback" not in done.stderr
        assert done.returncode == 0
        if form == "json":
            assert json.loads(done.stdout)
        if form == "text":
            assert done.stdout.count("returns y") == 1

    def test_a_closed_standard_error(self, folder: Path) -> None:
        (folder / "loud.py").write_text(LOUD)
        done = shell(folder, "graphinit check loud.py:net x=2,5 --format json 2>&-")
        assert json.loads(done.stdout)["ok"]
        assert (done.returncode, done.stderr) == (0, "")

    def test_closed_standard_streams(self, folder: Path) -> None:
        (folder / "loud.py").write_text(LOUD)
        done = shell(folder, "graphinit check loud.py:net x=2,5 --format json >&-")
        assert "LOUD descriptor" in done.stderr
        assert "Traceback" not in done.stderr
        assert done.returncode == 0
        done = shell(folder, "graphinit check loud.py:net x=2,5 --format json <&- >&- 2>&-")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_streams_that_a_target_closes(self, folder: Path) -> None:
        (folder / "loud.py").write_text(
            "import os, sys\nfrom graphinit import nn\n"
            "sys.stdout.close(); sys.stderr.close(); os.close(1); os.close(2)\n"
            "net, broken = nn.Dense(3), 5\n"
        )
        done = shell(folder, "graphinit check loud.py:net x=2,5 --format json")
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["ok"]
        done = shell(folder, "graphinit check loud.py:broken")
        assert done.returncode == 2
        assert "neither a network" in done.stderr

    def test_a_reader_that_goes(self, folder: Path) -> None:
        (folder / "loud.py").write_text(LOUD)
        done = shell(folder, "graphinit check loud.py:net x=2,5 --format json | head -c 10")
        assert (done.returncode, done.stdout) == (0, '{\n  "ok": ')
        assert "Traceback" not in done.stderr
        assert "Exception" not in done.stderr


class TestWithinAProcess:
    """`main` is called by programs, too: all is as before when it returns."""

    def test_text_goes_to_what_stands_in_the_place_of_standard_output(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "quiet.py").write_text("from graphinit import nn\nprint('LOUD')\nnet = nn.Dense(3)\n")
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        assert main(["check", "quiet.py:net", "x=2,5"]) == 0
        assert sys.stdout is out
        assert sys.stderr is err
        assert "returns y" in out.getvalue()
        assert "LOUD" not in out.getvalue()
        assert err.getvalue() == "LOUD\n"

    @pytest.mark.parametrize("words", [["--help"], ["check"], ["check", "quiet.py:net"]])
    def test_descriptor_1_leads_where_it_led(self, folder: Path, capfd: Any, words: list[str]) -> None:
        (folder / "quiet.py").write_text(
            "import os, sys\nfrom graphinit import nn\nos.write(1, b'LOUD')\nnet = nn.Dense(3)\n"
            "(sys.__stdout__ or sys.stdout).write('LOUD')\n"
        )
        os.write(1, b"before\n")
        with contextlib.suppress(SystemExit):
            main(words)
        os.write(1, b"after\n")
        out, _ = capfd.readouterr()
        assert "before\n" in out
        assert out.endswith("after\n")
        assert "LOUD" not in out

    def test_nothing_is_left_open(self, folder: Path, capfd: Any) -> None:
        (folder / "quiet.py").write_text("from graphinit import nn\nnet = nn.Dense(3)\n")
        main(["check", "quiet.py:net"])
        before = set(os.listdir("/dev/fd")) if os.path.isdir("/dev/fd") else set()
        main(["check", "quiet.py:net"])
        main(["check", "quiet.py:nothing"])
        after = set(os.listdir("/dev/fd")) if os.path.isdir("/dev/fd") else set()
        assert len(before) == len(after)

    def test_a_stream_without_some_letters(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        monkeypatch.setattr(sys, "stdout", stream)
        with Output() as output:
            output.say("größe")
        assert stream.buffer.getvalue() == b"gr\\xf6\\xdfe\n"  # type: ignore[attr-defined]

    def test_a_command_within_a_command(self, folder: Path, capfd: Any) -> None:
        (folder / "quiet.py").write_text(
            "from graphinit import nn\nfrom graphinit.cli import main\nnet = nn.Dense(3)\n"
            "assert main(['check', '--explain', 'GI201', '--format', 'json']) == 0\n"
        )
        assert main(["check", "quiet.py:net", "--format", "json"]) == 0
        out, err = capfd.readouterr()
        assert json.loads(out)["ok"]
        assert err.startswith("GI201")


class TestCommandsOfWorkflows:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("::error::x", r"\x3a:error::x"),
            ("ok\n \t::error::x", "ok\n \\t::error::x"),
            ("ok\n  ::error::x", "ok\n  \\x3a:error::x"),
            ("a ::error::x", "a ::error::x"),
            ("a ##[error]x", r"a \x23#[error]x"),
            ("###[error]x", r"#\x23#[error]x"),
            ("##vso[task.complete]", r"\x23#vso[task.complete]"),
            ("a # b ## c [d]", "a # b ## c [d]"),
            ("a\r::error::x", r"a\r::error::x"),
        ],
    )
    def test_no_line_is_one(self, text: str, shown: str, capsys: Any) -> None:
        with Output() as output:
            output.say(text)
            output.complain(text)
        assert capsys.readouterr() == (shown + "\n", shown + "\n")

    def test_json_stays_the_same(self, capsys: Any) -> None:
        value = ["##[error]x", "::error::x", "###vso[x]", {"##[a": "\\##[b"}]
        with Output() as output:
            output.say_json(json.dumps(value, indent=2))
        out = capsys.readouterr().out
        assert json.loads(out) == value
        assert "##[" not in out
        assert "##vso[" not in out

    def test_wrong_usage_quotes_in_one_line(self, capsys: Any) -> None:
        for words in (
            ["check", "--strange\n::error::x"],
            ["::error::x"],
            ["check", "a:b", "--format", "\n::error::"],
            ["render", "a:b", "-o", "x.svg", "--depth", "\n##[error]"],
            ["check", "##[error]\n::error:::b"],
            ["check", "a:b", "\n::error::=5"],
            ["check", "\n::error::.json"],
        ):
            try:
                code = main(words)
            except SystemExit as stop:
                code = stop.code
            out, err = capsys.readouterr()
            assert code == 2
            assert out == ""
            assert not any(line.lstrip().startswith("::") or "##[" in line for line in err.splitlines())
            assert all(line.isprintable() for line in err.split("\n"))
