"""Graphs from anywhere: nothing in them runs, and what is wrong with one is said by an error of ours.

``GRAPHINIT_FUZZ=5000 python -m pytest tests/fuzz`` tries as many of each kind.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.fuzz.graphs import FORMS, a_text, changed, probe, texts_of_networks, texts_of_ops, use, with_code

COUNT = int(os.environ.get("GRAPHINIT_FUZZ", "400"))
PARTS = 10


def cases(part: int) -> range:
    return range(part, COUNT, PARTS)


def test_all_graphs_to_start_from_can_be_used(tmp_path: Path) -> None:
    for text in (*texts_of_networks(), *random.Random(0).sample(texts_of_ops(), 25)):
        assert use(text, tmp_path) in ("all of it", "differentiate: GI109", "compile: GI201", "run: GI502")


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("form", FORMS)
def test_code_in_names_and_symbols_does_not_run(form: str, part: int, tmp_path: Path) -> None:
    for number in range(part, COUNT // len(FORMS) + 1, PARTS):
        rng = random.Random(f"{form} {number}")
        text = with_code(a_text(rng), form, rng)
        try:
            use(text, tmp_path)
        except Exception as error:
            error.add_note(f"case {number} of {form}")
            raise
        assert not probe.ran, (form, number)


@pytest.mark.parametrize("part", range(PARTS))
def test_changed_graphs_raise_errors_of_ours(part: int, tmp_path: Path) -> None:
    for number in cases(part):
        rng = random.Random(f"changed {number}")
        text = changed(a_text(rng), rng)
        try:
            use(text, tmp_path)
        except Exception as error:
            error.add_note(f"case {number}")
            raise
