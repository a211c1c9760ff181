"""``python -m graphinit`` is the command ``graphinit``."""

import sys

from graphinit.cli import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m graphinit"))
