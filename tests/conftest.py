"""Settings of the whole suite."""

import pytest
from hypothesis import settings

from graphinit import random

# Time says nothing about right or wrong, least of all on a busy machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _fresh_sequence_of_seeds():
    """Let every test begin as a new process does, so that none depends on another."""
    random.seed(0)
