"""What a user's own type checker says of a user's script."""

import importlib.util
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import graphinit
import passes

SCRIPTS = Path(__file__).parent.parent / "typing"
ROOT = Path(graphinit.__file__).parent.parent


@pytest.mark.parametrize("package", [graphinit, passes])
def test_packages_say_that_they_are_typed(package):
    assert (Path(package.__file__).parent / "py.typed").is_file()


def test_the_script_of_a_user_runs(capsys):
    runpy.run_path(str(SCRIPTS / "user_script.py"), run_name="__main__")
    assert "GI201" in capsys.readouterr().out


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_mypy_takes_the_script_and_finds_mistakes(tmp_path):
    scripts = [SCRIPTS / name for name in ("user_script.py", "mistaken_script.py")]
    options = ["--strict", "--config-file=", f"--cache-dir={tmp_path}", "--hide-error-context", "--no-pretty"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "--follow-imports=silent", *map(str, scripts)],
        env={**os.environ, "MYPYPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.findall(r"(\w+\.py):(\d+): error: .*\[([\w-]+)\]$", done.stdout, re.M)
    lines = (SCRIPTS / "mistaken_script.py").read_text().splitlines()
    expected = [
        ("mistaken_script.py", str(number), line.rpartition("  # ")[2])
        for number, line in enumerate(lines, 1)
        if "  # " in line
    ]
    assert found == expected, done.stdout + done.stderr
