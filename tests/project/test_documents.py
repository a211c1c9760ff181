"""What the README and its neighbours say is true."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

import graphinit
from graphinit.cli import load_target
from graphinit.pictures.layout import SVG
from passes.shape_inference import infer_shapes

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "python -m pip install . && python examples/digits.py",
    "python -m pip install '.[test]' && python -m pytest",
)
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/initialization.md",
    "docs/safety.md",
    "examples/data/digits/README.md",
)


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def project_files():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:  # not a clone
        pytest.skip("git does not know this folder")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_readme_examples_are_true(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    results = doctest.testfile(
        str(ROOT / "README.md"), module_relative=False, optionflags=flags, encoding="utf-8"
    )
    assert results.attempted > 20
    assert results.failed == 0


def test_examples_of_initialization_are_true():
    results = doctest.testfile(str(ROOT / "docs/initialization.md"), module_relative=False, encoding="utf-8")
    assert results.attempted > 15
    assert results.failed == 0


def test_readme_gives_both_commands_and_the_gate_runs_them():
    lines = [line.strip() for line in text_of("README.md").splitlines()]
    gate = re.sub(
        r" --quiet|\n(?=python)", lambda match: "" if match[0] != "\n" else " && ", text_of(".ci/run")
    )
    for command in COMMANDS:
        assert command in lines
        assert command in gate


def test_readme_opens_with_purpose_and_picture_then_the_commands():
    readme = text_of("README.md")
    assert readme.index("missing\ndimension") < readme.index("docs/mlp.svg") < readme.index(COMMANDS[0])


@pytest.mark.parametrize("command", re.findall(r"^    (graphinit .*)$", text_of("README.md"), re.MULTILINE))
def test_readme_command_lines_work(command, tmp_path, monkeypatch):
    arguments = command.replace("-o net.svg", f"-o {tmp_path / 'net.svg'}").split()[1:]
    done = subprocess.run(
        [sys.executable, "-m", "graphinit", *arguments], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_picture_is_what_the_project_draws():
    net = load_target(f"{ROOT / 'examples' / 'digits.py'}:net")
    report = infer_shapes(net.trace(), x=("batch", 64))
    drawn = ElementTree.fromstring(graphinit.render(net, report=report).svg)
    kept = ElementTree.fromstring(text_of("docs/mlp.svg"))

    def structure(root):
        # Where things stand depends on the fonts at hand; what there is does not.  Nor do lines of origins.
        titles = [title.text.partition("\nmade at")[0] for title in root.iter(f"{{{SVG}}}title")]
        return titles, ["".join(text.itertext()) for text in root.iter(f"{{{SVG}}}text")]

    assert structure(kept) == structure(drawn)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    folder = (ROOT / page).parent
    for target in re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", text_of(page)):
        link = "".join(target)
        assert link.startswith("https://") or (folder / link).exists(), link


def test_the_version_is_one():
    assert tomllib.loads(text_of("pyproject.toml"))["project"]["version"] == graphinit.__version__


def test_the_licence_is_whole():
    licence = text_of("LICENSE")
    assert licence.lstrip().startswith("Apache License")
    assert "END OF TERMS AND CONDITIONS" in licence


def test_the_gate_is_strict_and_can_be_run():
    assert "set -euo pipefail" in text_of(".ci/run")
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_files_are_small_enough_to_read():
    long = {
        str(path.relative_to(ROOT)): count
        for folder in ("graphinit", "passes")
        for path in (ROOT / folder).rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 800
    }
    assert not long


def test_no_machine_is_named():
    paths = re.compile(r"/(home|Users|root|tmp|work)/\w+|localhost:\d|127\.0\.0\.1|extra-index-url")
    found = []
    for path in project_files():
        if path.suffix in (".npz",) or path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if paths.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert [line for line in found if "/home/somebody" not in line] == []
