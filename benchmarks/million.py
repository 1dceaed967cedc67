"""Time and memory of work on a million rows.

    python benchmarks/million.py [statistics] [xgb logreg linear_svm ridge mlp] [--width 88]
    python benchmarks/million.py statistics
Prints CPU seconds, since other programs may run beside, and the largest memory of a process that
does nothing else. The data are random numbers; feature matrices lie on the disk as the workflow
writes them.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOME))
SPEAKERS = 10_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", nargs="+", help="statistics")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        for line in statistics(arguments.rows):
            print(line, flush=True)
        print(f"largest memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
        return
    for work in arguments.work:
        subprocess.run(
            [sys.executable, __file__, work, "--rows", str(arguments.rows), "--child"],
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            check=True,
        )


def seconds(make: Callable[[], Any]) -> float:
    """CPU seconds of a call."""
    began = time.process_time()
    make()
    return time.process_time() - began


def statistics(rows: int) -> Iterator[str]:
    """Intervals and tests of speakers."""
    import numpy as np
    import scipy.stats  # noqa: F401  (its import is not measured)

    from izwi.evaluation import comparison, intervals
    from izwi.evaluation.measures import Sample

    random = np.random.default_rng(0)
    speakers = np.append(np.arange(SPEAKERS), random.integers(SPEAKERS, size=rows - SPEAKERS))

    def sample(classes: int, truth: np.ndarray) -> Sample:
        if not classes:
            return Sample(truth, [truth + random.normal(size=rows)], "regression")
        labels = np.array(list("abcdefgh")[:classes])
        guess = np.where(random.random(rows) < 0.7, truth, random.integers(classes, size=rows))
        scores = [truth + random.normal(size=rows)] if classes == 2 else None
        return Sample(labels[truth], [labels[guess]], "classification", labels.tolist(), scores)

    for classes, measure in ((4, "uar"), (2, "eer"), (0, "mse")):
        truth = random.integers(classes, size=rows) if classes else random.normal(size=rows)
        a, b = sample(classes, truth), sample(classes, truth)
        what = f"{classes} classes" if classes else "regression"
        for name, make in (
            ("samples", lambda a=a: intervals.bootstrap(a, None, seed=1, resamples=1000)),
            ("speakers", lambda a=a: intervals.bootstrap(a, speakers, seed=1, resamples=1000)),
            ("jackknife", lambda a=a: intervals.jackknife(a, speakers)),
            (
                f"permutation, {measure}",
                lambda a=a, b=b, m=measure: comparison._swapped(a, b, speakers, m, 1),
            ),
        ):
            yield f"{what}, {name}: {seconds(make):.1f} CPU s"


if __name__ == "__main__":
    main()
