"""``python -m passes check`` does the same as ``graphinit check``."""

import sys

from graphinit.cli import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m passes"))
