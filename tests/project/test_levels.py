"""The levels in `pyproject.toml` leave no module out."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_module_has_its_level():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (levels,) = [contract["layers"] for contract in settings["contracts"] if contract["type"] == "layers"]
    listed = {name.strip(" ()\n") for level in levels for name in re.split(r"[|:]", level)}
    for package in ("graphinit", "passes"):
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if parts[-1] != "__init__":
                names = {".".join(parts[:count]) for count in range(2, len(parts) + 1)}
                assert names & listed, f"{'.'.join(parts)} has no level"


def test_no_file_is_called_like_a_public_function():
    import graphinit

    for name, place in graphinit._PLACES.items():
        assert ":" not in place or not (ROOT / "graphinit" / f"{name}.py").exists(), place
