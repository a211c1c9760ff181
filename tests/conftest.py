"""Settings of the whole suite."""

from hypothesis import settings

# Time says nothing about right or wrong, least of all on a busy machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
