"""Watch the files behind a target, and look again when one is saved."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from types import ModuleType


def user_modules(before: Mapping[str, ModuleType], folders: tuple[str, ...]) -> dict[str, str]:
    """Return the files of modules that were imported since, below some folders, by module name."""
    found = {}
    for name, module in tuple(sys.modules.items()):
        # Whatever a target puts in the place of a module has no say in this.
        file = module.__dict__.get("__file__") if issubclass(type(module), ModuleType) else None
        if name not in before and isinstance(file, str) and os.path.abspath(file).startswith(folders):
            found[name] = os.path.abspath(file)
    return found


def stamps(files: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """Return when each file was saved, and its length."""
    found = {}
    for file in files.values():
        try:
            status = os.stat(file)
        except OSError:
            continue  # between removal and renaming, as editors save
        found[file] = status.st_mtime_ns, status.st_size
    return found


def watch(look: Callable[[], dict[str, str]], pause: float = 0.2, looks: int | None = None) -> None:
    """Look, and look again whenever a file has changed, until interrupted.

    Parameters
    ----------
    look : callable
        Looks once, and returns the files to watch by module name.
    pause : float
        Seconds between two glances at the files.
    looks : int, optional
        After how many looks to stop; by default never.
    """
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    count = 0
    files: dict[str, str] = {}
    try:
        while looks is None or count < looks:
            files |= look()  # what was imported before may be what fails now
            count += 1
            if looks is not None and count == looks:
                return
            seen = stamps(files)
            while stamps(files) == seen or not stamps(files):
                time.sleep(pause)
            for name in files:
                sys.modules.pop(name, None)
    except KeyboardInterrupt:
        return
    finally:
        sys.dont_write_bytecode = written
