"""``python -m benchmarks`` runs every benchmark of this folder, or those named, and prints one table."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from benchmarks.figures import Figure, format_figures


def main() -> int:
    """Run benchmarks; 1 when a goal is missed."""
    folder = Path(__file__).parent
    here = sorted(path.stem for path in folder.glob("*.py") if "\ndef measure(" in path.read_text())
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[*here, []], help=f"which of {', '.join(here)}; all by default"
    )
    figures: list[Figure] = []
    for name in parser.parse_args().names or here:
        print(f"{name} ...", file=sys.stderr)
        figures += importlib.import_module(f"benchmarks.{name}").measure()
    print(format_figures(figures))
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
