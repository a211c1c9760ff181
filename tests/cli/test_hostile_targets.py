"""Targets that raise whatever they like, and files that are none: exit 2, a line, no traceback."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graphinit import Graph
from graphinit import functional as F
from graphinit.cli import main

HEAD = "import sys\nfrom graphinit import Graph, nn, functional as F\nfrom graphinit.errors import *\n"

ERRORS = {
    "an exit": "SystemExit(0)",
    "an exit with text": "SystemExit('::error::\\n')",
    "a generator's end": "GeneratorExit()",
    "the base": "BaseException('a\\nb')",
    "a subclass of the base": "type('Odd', (BaseException,), {})()",
    "no memory": "MemoryError()",
    "a warning": "UserWarning('a\\x1b[2J')",
    "a key": "KeyError('a\\nFORGED')",
    "a group": "BaseExceptionGroup('g\\nFORGED', [ValueError(1), ExceptionGroup('h', [SystemExit(3)])])",
    "text that raises": "type('Odd', (Exception,), {'__str__': lambda s: 1 / 0, '__repr__': lambda s: 1 / 0})()",
    "text that exits": "type('Odd', (Exception,), {'__str__': lambda s: sys.exit(0)})()",
    "text that is none": "type('Odd', (Exception,), {'__str__': lambda s: 5})()",
    "text that is odd": "type('Odd', (Exception,), {'__str__': lambda s: type('S', (str,), "
    "{'__format__': None, 'isascii': None, '__len__': None, '__str__': None})('odd')})()",
    "half a letter": "ValueError('\\ud800 \\u202e \\x9b')",
    "long text": "ValueError('x' * 10**6)",
    "a syntax error": "SyntaxError('odd\\nFORGED', ('a\\nFORGED.py', 1, 1, 'x'))",
    "an odd syntax error": "type('Odd', (SyntaxError,), {'filename': 5, 'lineno': 'x', 'msg': None})()",
    "a module that is missing": "ModuleNotFoundError('x', name='a\\nFORGED')",
    "a module without a name": "ModuleNotFoundError(name=5)",
    "a file that is missing": "FileNotFoundError(2, 'a\\nFORGED', 'b\\nFORGED')",
    "a class that lies": "type('Odd', (Exception,), {'__class__': property(lambda s: 1 / 0)})()",
    "a class with an odd name": "type(type)('M', (type,), {'__name__': property(lambda c: 1 / 0)})"
    "('Odd', (Exception,), {})()",
    "a traceback that lies": "type('Odd', (Exception,), {'__traceback__': property(lambda s: 5), 'args': None})()",
    "one of ours": "BlockError('a\\nFORGED', node='b\\nFORGED', details=['c'], fixes=['d'])",
    "one of ours with odd fields": "ShapeError(5, node=6, code=[])",
    "one of ours without fields": "type('Odd', (ShapeError,), {'__init__': lambda s: None})()",
    "one of ours that raises": "type('Odd', (ShapeError,), {'__str__': lambda s: 1 / 0, 'to_json': None})('a')",
}

PLACES = {
    "import": "raise {}\n",
    "call": "def net():\n    raise {}\n",
    "trace": "class Net(nn.Block):\n    def forward(self, x):\n        raise {}\nnet = Net()\n",
    "module": "def __getattr__(name):\n    raise {}\n",
    "signature": "class Odd:\n    def __call__(self): pass\n    @property\n    def __signature__(self):\n"
    "        raise {}\nnet = Odd()\n",
    "graph": "class Net(nn.Block):\n    def trace(self, *a, **k):\n        raise {}\nnet = Net()\n",
    "property": "class Odd:\n    @property\n    def inner(self):\n        raise {}\nnet = Odd()\nnet_inner = 1\n",
}

ODD_TARGETS = {
    "an odd module": "class Odd:\n    def __getattribute__(self, name): raise SystemExit(0)\n"
    "sys.modules[__name__] = Odd()\n",
    "a class that lies": "class Odd:\n    __class__ = property(lambda s: 1 / 0)\nnet = Odd()\n",
    "a class with an odd name": "class M(type):\n    __name__ = property(lambda c: 1 / 0)\n"
    "class Odd(metaclass=M): pass\nnet = Odd()\n",
    "a name of a class": "net = type('a\\nFORGED', (), {})()\n",
    "names beside it": "globals()['a\\nFORGED'] = nn.Dense(3)\n",
    "a graph that is none": "class Net(nn.Block):\n    def trace(self, *a, **k): return 5\nnet = Net()\n",
    "a graph that is odd": "class Odd(Graph):\n    inputs = property(lambda s: 1 / 0)\n"
    "net = Odd(F.relu(F.input('x', (2, 5))))\n",
    "a recursion": "def net(): return net()\n",
    "endless attributes": "class Odd:\n    def __getattr__(self, name): return getattr(self, name + 'x')\n"
    "net = Odd()\n",
    "a path of imports that changes": "sys.path[:] = []\nnet = 5\n",
    "a path of imports that is gone": "sys.path = None\nnet = 5\n",
    "a module that removes itself": "del sys.modules[__name__]\nraise ValueError\n",
    "another folder": "import os, tempfile\nd = tempfile.mkdtemp()\nos.chdir(d)\nos.rmdir(d)\nnet = 5\n",
    "streams that are gone": "sys.stdout = sys.stderr = None\nnet = 5\n",
    "streams that are odd": "sys.stdout = sys.stderr = 5\nnet = 5\n",
    "warnings as errors": "import warnings\nwarnings.simplefilter('error')\n"
    "class Net(nn.Block):\n    def forward(self, x): warnings.warn('w\\nFORGED')\nnet = Net()\n",
    "an output that is none": "class Net(nn.Block):\n    def forward(self, x):\n"
    "        return type('Odd', (), {'__repr__': lambda s: 'a\\nFORGED'})()\nnet = Net()\n",
    "an output that raises": "class Net(nn.Block):\n    def forward(self, x):\n"
    "        return type('Odd', (), {'__repr__': lambda s: 1 / 0})()\nnet = Net()\n",
    "an initializer that raises": "class Odd:\n    def __call__(self, shape, dtype=None): raise SystemExit(0)\n"
    "    def __repr__(self): raise SystemExit(0)\nnet = nn.Dense(3, weight_initializer=Odd())\nnet.initialize()\n"
    "net.infer_shape(x=(2, 5))\n",
    "no Python": "\0",
    "no text": "\udcff",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("odd", "_odd_target"):
        sys.modules.pop(name, None)


def check(capsys: Any, *words: str) -> tuple[int | str | None, str, str]:
    code = main(["check", *words])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert not any(line.strip().startswith(("FORGED", "::error")) for line in (out + err).splitlines())
    assert all(line.isprintable() for line in (out + err).split("\n"))
    (out + err).encode()
    return code, out, err


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_what_a_target_raises(folder: Path, capsys: Any, error: str) -> None:
    for place, text in PLACES.items():
        (folder / "odd.py").write_text(HEAD + text.format(error))
        name = "net.inner" if place == "property" else "net"
        code, out, err = check(capsys, f"odd.py:{name}", "x=2,5")
        assert (code, out) == (2, ""), place
        assert 0 < len(err) < 2000, place
        sys.modules.pop("odd", None)
    for form in ("json", "sarif", "github"):
        (folder / "odd.py").write_text(HEAD + PLACES["trace"].format(error))
        code = main(["check", "odd.py:net", "x=2,5", "--format", form])
        out = capsys.readouterr().out
        assert code == 2
        assert out.startswith("::error ") if form == "github" else json.loads(out)
        assert out.isascii()
        sys.modules.pop("odd", None)


@pytest.mark.parametrize("text", ODD_TARGETS.values(), ids=ODD_TARGETS)
def test_odd_targets(folder: Path, capsys: Any, text: str) -> None:
    (folder / "odd.py").write_bytes((HEAD + text).encode("utf-8", "surrogateescape"))
    place = os.getcwd()
    try:
        for target in (f"{folder}/odd.py:net", "odd:net"):
            sys.modules.pop("odd", None)
            code, out, err = check(capsys, target, "x=2,5")
            assert (code, out) == (2, "")
            assert err
            os.chdir(place)
            sys.path = sys.path or []
    finally:
        os.chdir(place)


@pytest.mark.parametrize("place", PLACES)
def test_ctrl_c_is_130_wherever_it_comes(folder: Path, capsys: Any, place: str) -> None:
    (folder / "odd.py").write_text(HEAD + PLACES[place].format("KeyboardInterrupt"))
    code, out, err = check(capsys, "odd.py:net.inner" if place == "property" else "odd.py:net", "x=2,5")
    assert (code, out, err) == (130, "", "")


def test_clashes_while_tracing_are_clashes(folder: Path, capsys: Any) -> None:
    (folder / "odd.py").write_text(HEAD + PLACES["trace"].format("ShapeError('they clash\\nFORGED')"))
    code, _, err = check(capsys, "odd.py:net", "x=2,5")
    assert code == 1
    assert r"they clash\nFORGED" in err


def test_other_targets_are_checked_all_the_same(folder: Path, capsys: Any) -> None:
    (folder / "odd.py").write_text(HEAD + ODD_TARGETS["a graph that is odd"] + "good = nn.Dense(3)\n")
    code, out, _ = check(capsys, "odd.py:net", "odd.py:good", "x=2,5", "--format", "json")
    assert code == 2
    assert sorted(each["ok"] for each in json.loads(out)["targets"]) == [False, True]


class TestSavedGraphs:
    def test_what_is_no_regular_file(self, folder: Path, capsys: Any) -> None:
        (folder / "folder.json").mkdir()
        (folder / "latin.json").write_bytes(b'"gr\xf6sse"')
        (folder / "marked.json").write_bytes(b"\xef\xbb\xbf{}")
        (folder / "loop.json").symlink_to("loop.json")
        names = ["folder", "latin", "marked", "loop", "missing", "a\0b", "x" * 300, "nowhere/x", "\ud800"]
        if hasattr(os, "mkfifo"):
            os.mkfifo(folder / "pipe.json")
            names.append("pipe")
        if os.path.exists("/dev/zero"):
            (folder / "device.json").symlink_to("/dev/zero")
            names.append("device")
        if hasattr(os, "geteuid") and os.geteuid() != 0:
            (folder / "secret.json").write_text("{}")
            (folder / "secret.json").chmod(0)
            names.append("secret")
        start = time.monotonic()
        for name in names:
            code, out, err = check(capsys, f"{name}.json")
            assert (code, out) == (2, ""), name
            assert err.startswith("GI60"), name
        assert time.monotonic() - start < 5

    def test_nothing_is_executed(self, folder: Path, capsys: Any) -> None:
        Path("net.json").write_text(Graph(F.relu(F.input("x", (2, 5)))).to_json())
        Path("networkx.py").write_text("raise SystemExit('it was run')")
        Path("net.py").write_text("raise SystemExit('it was run')")
        assert check(capsys, "net.json")[0] == 0
        assert str(folder) not in sys.path


@pytest.mark.parametrize("words", [["--help"], ["check", "--help"], ["render", "--help"]])
def test_the_help_says_what_is_executed(capsys: Any, words: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(words)
    said = " ".join(capsys.readouterr().out.split())
    assert "executes its top level" in said
    assert "only use code that you trust" in said
    assert "A FILE.json or FILE.graphml executes nothing." in said


def test_watching_survives_odd_modules(folder: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "odd.py").write_text(
        HEAD + "class Odd:\n    def __getattribute__(self, name): raise SystemExit(0)\n"
        "sys.modules['odd_module'] = Odd()\nnet = nn.Dense(3)\n"
    )
    monkeypatch.setattr("graphinit.cli.watch", lambda look: look())
    try:
        code, out, _ = check(capsys, "odd.py:net", "x=2,5", "--watch")
    finally:
        del sys.modules["odd_module"]
    assert code == 0
    assert "returns y" in out
