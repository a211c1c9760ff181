"""Imports: in either order, without weight, without circles."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import graphinit

ROOT = Path(__file__).parents[2]


def fresh(code):
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


PUBLIC = ["passes", "graphinit.nn", *(path for path in graphinit._PLACES.values() if ":" not in path)]


@pytest.mark.parametrize("first", PUBLIC)
def test_any_public_module_can_come_first(first):
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


@pytest.mark.parametrize("face", ["graphinit", "graphinit.nn"])
def test_what_a_face_lists_is_there_and_typed(face):
    package = importlib.import_module(face)
    stated = set(
        re.findall(
            r"^    from \S+ import \S+ as (\w+)|^    (\w+) = \w+$", Path(package.__file__).read_text(), re.M
        )
    )
    typed = {name for pair in stated for name in pair if name}
    for name in package._PLACES:
        assert getattr(package, name) is not None
    assert typed == set(package._PLACES)
