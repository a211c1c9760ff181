"""The quick examples of training run, and leave nothing behind; CI runs all of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["shared_layer.py", "tied_autoencoder.py", "gan.py"])
def test_training_examples_hold(tmp_path, name):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / "training" / name)],
        cwd=tmp_path, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(tmp_path.iterdir())
