"""Experiments from Python: the same plan, cache and lock as a call of Snakemake.

import izwi
result = izwi.run("my.ini")
result.value, result.interval
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from izwi.config.pictures import FORMATS
from izwi.engine import snakemake_call
from izwi.errors import UserError, printable
from izwi.files import read_json
from izwi.home import DEFAULT_CONFIG

if TYPE_CHECKING:
    import pandas as pd

    from izwi.config.experiment import Experiment

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Result:
    """What an experiment has found. Files are read when they are first asked for.

    Args:
        name: of the experiment
        folder: holds its figures, predictions, plots and texts
    """

    name: str
    folder: Path

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """All figures: the content of ``metrics.json``."""
        return dict(read_json(self.folder / "metrics.json"))

    @property
    def measure(self) -> str:
        """The measure that the experiment is judged by, such as ``uar``."""
        return str(self.metrics["measure"])

    @property
    def value(self) -> float | None:
        """The measure on the test set; None where it is undefined."""
        return self.metrics["value"]

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the value; None where there is none."""
        low, high = self.metrics["ci"] or (None, None)
        return None if low is None or high is None else (low, high)

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """The content of ``predictions.csv``: a row for each tested sample of each run."""
        import pandas as pd

        # An id such as 03 is no number, and neither is a label such as 1.
        texts = ["database", "file", "speaker"]
        if self.metrics["type"] == "classification":
            texts += ["truth", "prediction"]
        return pd.read_csv(self.folder / "predictions.csv", dtype=dict.fromkeys(texts, str))

    @cached_property
    def table(self) -> pd.DataFrame:
        """The databases as they were loaded: a row for each sample, in the rows of the split."""
        return self._below(self._tables())

    @cached_property
    def split(self) -> pd.DataFrame:
        """Which sample is in train, dev or test, or in which fold."""
        import pandas as pd

        stages = read_json(self.folder / "experiment.json")["stages"]
        stage = "segment_split" if "segment_split" in stages else "split"
        return pd.read_parquet(self._files(stage, "split")[0])

    @cached_property
    def features(self) -> pd.DataFrame:
        """The features of all samples, in the rows of the split: file, start, end, then values.

        Samples whose audio could not be used hold no values.
        """
        import pandas as pd

        places = ["file", "start", "end"]
        paths = self._files("features", "matrix")
        if not paths:
            return self.split[places]
        databases = len(self._tables())
        each = len(paths) // databases
        # All feature sets of the first database come first.
        sets = [self._below([paths[d * each + s] for d in range(databases)]) for s in range(each)]
        further = [one.drop(columns=places, errors="ignore") for one in sets[1:]]
        return pd.concat([sets[0], *further], axis=1)

    @property
    def plots(self) -> tuple[Path, ...]:
        """The pictures of the experiment, in the order of their names."""
        found = (path for kind in ("plots", "explain") for path in (self.folder / kind).glob("*"))
        return tuple(sorted(path for path in found if path.suffix in FORMATS))

    def _tables(self) -> list[Path]:
        """Tables of the samples: of segments, with predicted columns, or as they were loaded."""
        found = (self._files(stage, "table") for stage in ("segment", "annotate", "load"))
        return next(filter(None, found), [])

    def _files(self, stage: str, role: str) -> list[Path]:
        """Files of a stage, as the record of the experiment names them."""
        stages = read_json(self.folder / "experiment.json")["stages"]
        units = stages.get(stage, [])
        units = units if isinstance(units, list) else [units]
        # Paths are as they were when the results were made, perhaps elsewhere.
        made_in = Path(stages["evaluate"]["files"]["metrics"]).parents[2]
        found = []
        for unit in units:
            path = Path(unit["files"][role])
            inside = path.is_relative_to(made_in)
            path = self.folder.parents[1] / path.relative_to(made_in) if inside else path
            if not path.is_file():
                raise UserError(f"{self.name}: {path} is gone; run the experiment again")
            found.append(path)
        return found

    @staticmethod
    def _below(paths: list[Path]) -> pd.DataFrame:
        import pandas as pd

        return pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)


def compare(
    *experiments: Result | PathLike,
    measure: str | None = None,
    results: PathLike = "results",
) -> pd.DataFrame:
    """Test whether experiments differ, each two of them on the same test set.

    Args:
        *experiments: results, names or folders, two at least
        measure: None takes that of the first
        results: folder of results, for names

    Returns:
        a row for each pair: ``a, b, measure, value_a, value_b, difference, n, n_speakers, test, p,
        p_holm, verdict``, see `izwi.evaluation.comparison`

    Raises:
        UserError: if they cannot be compared
    """
    from izwi.reporting.compare import compare as compared

    places = [one.folder if isinstance(one, Result) else Path(one) for one in experiments]
    return compared(places, measure, Path(results))


def history(name: Result | PathLike, results: PathLike = "results") -> pd.DataFrame:
    """All figures that experiments of a name have found, and what changed before each.

    Args:
        name: a result, or the name or the folder of an experiment
        results: folder of results, for names

    Returns:
        a row for each figure, the earliest first: ``made`` (UTC), ``config``, ``ini``, ``key``,
        the columns of ``summary.csv`` such as ``value``, ``ci_low`` and ``ci_high``, and
        ``changes``, one line each

    Raises:
        UserError: if the name has no history
    """
    import pandas as pd

    from izwi.reporting import changes, history_text

    place = os.fspath(name.folder if isinstance(name, Result) else name)
    found = changes.steps(history_text.of(os.fspath(results), place))
    rows = [
        {key: step.entry[key] for key in ("made", "config", "ini", "key")}
        | step.entry["row"]
        | {"changes": "\n".join(step.lines) if number else ""}
        for number, step in enumerate(found)
    ]
    return pd.DataFrame(rows).assign(made=lambda frame: pd.to_datetime(frame["made"]))


# A text is an iterable of texts, too, but the first signature is the one that fits it.
@overload
def run(  # type: ignore[overload-overlap]
    inis: PathLike,
    *,
    configfile: PathLike | None = None,
    results: PathLike | None = None,
    cache: PathLike | None = None,
    cores: int | None = None,
    quiet: bool = True,
) -> Result: ...


@overload
def run(
    inis: Iterable[PathLike] | None = None,
    *,
    configfile: PathLike | None = None,
    results: PathLike | None = None,
    cache: PathLike | None = None,
    cores: int | None = None,
    quiet: bool = True,
) -> dict[str, Result]: ...


def run(
    inis: PathLike | Iterable[PathLike] | None = None,
    *,
    configfile: PathLike | None = None,
    results: PathLike | None = None,
    cache: PathLike | None = None,
    cores: int | None = None,
    quiet: bool = True,
) -> Result | dict[str, Result]:
    """Run experiments, as far as they are not made already.

    Paths are relative to the working directory. Another call that is at work on the same folder
    of results is waited for.

    Args:
        inis: one, or several; None for all experiments of the config
        configfile: YAML config with experiments and settings
        results: folder of results (``results``, or what the config says)
        cache: folder of the cache (``<results>/cache``, or what the config says)
        cores: cores to use, None for all
        quiet: print nothing; else what ``izwi run`` prints

    Returns:
        what one ini has found; for several inis, or a config alone, a dict from the names of the
        experiments

    Raises:
        UserError: with all problems, one line each
    """
    single = isinstance(inis, str | os.PathLike)
    paths = [inis] if isinstance(inis, str | os.PathLike) else list(inis or [])
    if not paths and configfile is None:
        raise UserError("izwi.run: name an ini, several, or configfile=")
    if cores is not None and (isinstance(cores, bool) or not isinstance(cores, int) or cores < 1):
        raise UserError(f"izwi.run: cores: {cores!r} is no number of cores, from 1 on")
    settings = {"results": results, "cache": cache}
    request = snakemake_call.Request(
        inis=tuple(os.fspath(path) for path in paths),
        configs=() if configfile is None else (os.fspath(configfile),),
        settings={key: os.fspath(value) for key, value in settings.items() if value is not None},
    )
    folder, experiments = _planned(request)
    if single and len(experiments) != 1:
        raise UserError(
            f"izwi.run: {paths[0]} makes {len(experiments)} experiments of a grid: "
            f"write izwi.run([{os.fspath(paths[0])!r}]) for a dict of them"
        )
    arguments = [
        *(["--cores", str(cores)] if cores else []),
        *(["--quiet", "all"] if quiet else []),
    ]
    ended = snakemake_call.call(
        snakemake_call.command(request, arguments),
        None if quiet else _show,
        stdout=subprocess.DEVNULL,
    )
    if ended.code:
        raise UserError(ended.problems())
    found = {e.name: Result(e.name, folder / "experiments" / e.name) for e in experiments}
    return next(iter(found.values())) if single else found


def _planned(request: snakemake_call.Request) -> tuple[Path, list[Experiment]]:
    """The folder of results, and the experiments that are asked for.

    Raises:
        UserError: with all that is wrong in the config and the inis
    """
    from izwi.config.result_set import read_config, resolve_all

    cwd = Path.cwd()
    config = read_config(request.content(), cwd=cwd, fallback=DEFAULT_CONFIG)
    # Those that label databases of others are made, too, but nobody asked for them.
    asked = [e for e in resolve_all(config, cwd=cwd) if e.ini in config.experiments]
    if not asked:
        raise UserError("izwi.run: the config names no experiment")
    return (cwd / config.results).resolve(), asked


def _show(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)
