"""Imports: in either order, without weight, without circles."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def fresh(code):
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def modules():
    for package in ("graphinit", "passes"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if parts[-1] != "__main__":
                yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("first", list(modules()))
def test_any_module_can_come_first(first):
    fresh(f"import {first}")


@pytest.mark.parametrize(("first", "second"), [("graphinit", "passes"), ("passes", "graphinit")])
def test_packages_come_in_either_order(first, second):
    assert fresh(f"import {first}, {second}; print(graphinit.render, passes.infer_shapes)")


def test_the_face_is_light():
    loaded = fresh("import sys, graphinit; print(*sorted(m.partition('.')[0] for m in sys.modules))").split()
    assert {"numpy", "networkx", "graphviz", "pygraphviz", "tqdm"}.isdisjoint(loaded)


def test_every_name_of_the_face_is_there():
    names = fresh(
        "import graphinit, passes\n"
        "for package in (graphinit, passes):\n"
        "    for name in package.__all__: getattr(package, name); assert name in dir(package), name\n"
        "    print(len(package.__all__))"
    )
    assert all(int(count) for count in names.split())


def test_an_unknown_name_is_an_attribute_error():
    assert fresh(
        "import graphinit\ntry: graphinit.nothing\nexcept AttributeError as error: print(error)"
    ) == ("module 'graphinit' has no attribute 'nothing'")


def test_listed_modules_exist():
    fresh(
        "import graphinit, importlib\nfor name in graphinit._MODULES: importlib.import_module(f'graphinit.{name}')"
    )
