"""The examples run, and leave nothing behind."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def run(tmp_path, *arguments):
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=tmp_path, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("name", ["shape_check.py", "functional_graph.py", "networkx_graph.py"])
def test_examples_hold(tmp_path, name):
    run(tmp_path, str(ROOT / "examples" / name))
    assert not list(tmp_path.iterdir())


def test_digits_are_learnt_and_drawn(tmp_path):
    done = run(tmp_path, str(ROOT / "examples" / "digits.py"), "--picture", "net.svg")
    accuracy = float(re.search(r"held-out scans: ([\d.]+)", done.stdout)[1])
    assert accuracy >= 0.95
    for text in ("(256, -1)", "(256, 64)", "(10, 256)", "batch"):
        assert text in done.stdout
    assert "training" in done.stderr  # the progress bar
    assert [path.name for path in tmp_path.iterdir()] == ["net.svg"]
    assert (tmp_path / "net.svg").read_text(encoding="utf-8").count('class="node parameter"') == 4


def test_the_digits_are_whole():
    with np.load(ROOT / "examples" / "data" / "digits" / "digits.npz") as file:
        images, labels = file["images"], file["labels"]
    assert (images.shape, images.dtype, images.max()) == ((1797, 8, 8), np.uint8, 16)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    notes = (ROOT / "examples" / "data" / "digits" / "README.md").read_text(encoding="utf-8")
    for text in ("Alpaydin", "Kaynak", "UCI", "CC BY 4.0"):
        assert text in notes
