"""How long imports take, each in interpreters of its own, taken in turn."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.figures import Figure, format_figures

ROOT = Path(__file__).parents[1]
ROUNDS = 15
STATEMENTS = (
    "import numpy, networkx",
    "import graphinit",
    "from graphinit import nn",
    "from graphinit import nn; nn.Dense",
)


def time_import(statement: str) -> float:
    """Return the seconds that a statement takes in a fresh interpreter, start-up left out.

    Byte code is kept, as it is where a package is installed: the first round compiles it.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    code = f"from time import perf_counter as now; start = now(); {statement}; print(now() - start)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment, check=True
    )
    return float(done.stdout)


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Measure every statement once a round and compare the medians."""
    times: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    for number in range(rounds + 1):
        for statement in STATEMENTS:
            seconds = time_import(statement)
            if number:  # the first round fills the caches
                times[statement].append(seconds)
    medians = {statement: statistics.median(values) for statement, values in times.items()}
    return [
        Figure(
            "from graphinit import nn",
            medians["from graphinit import nn"],
            medians["import numpy, networkx"],
            "import numpy, networkx",
            1.3,
        ),
        Figure(
            "... and the first layer",  # which loads layers, ops, passes, numpy and networkx
            medians["from graphinit import nn; nn.Dense"],
            medians["import numpy, networkx"],
            "import numpy, networkx",
            1.6,
        ),
        Figure(
            "import graphinit",
            medians["import graphinit"],
            medians["import numpy, networkx"],
            "import numpy, networkx",
            0.1,
        ),
    ]


if __name__ == "__main__":
    print(format_figures(measure()))
