"""``python -m graphinit`` is the command ``graphinit``."""

from graphinit.cli import run

if __name__ == "__main__":
    run(prog="python -m graphinit")
