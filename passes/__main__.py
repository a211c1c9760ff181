"""``python -m passes check`` does the same as ``graphinit check``."""

from graphinit.cli import run

if __name__ == "__main__":
    run(prog="python -m passes")
