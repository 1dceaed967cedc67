"""Cells of a table: values, counts, the best, and the tests of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from izwi.data.csv_files import KEY
from izwi.evaluation.chance import chance
from izwi.evaluation.comparison import COLUMNS, LEVEL, NOT_TESTABLE, comparisons
from izwi.evaluation.intervals import ENOUGH_OF_A_CLASS
from izwi.evaluation.measures import direction

NOT_BETTER, UNTESTED, FEW, NARROW, TRANSDUCTIVE = "†", "‡", "§", "‖", "¶"
CONSTANT, FAILED = "c", "×"
MARKS = (NOT_BETTER, UNTESTED, FEW, NARROW, TRANSDUCTIVE, CONSTANT, FAILED)
# Columns of a model's predictions that tables need.
READ = [*KEY, "speaker", "fold", "run", "truth", "prediction"]


@dataclass
class Cell:
    """One figure.

    Args:
        row: its row
        column: its column
        experiment: whose it is, None for chance
        control: kind of control, None for what the config asks for
        value: the measure, None where it is undefined or could not be made
        ci: limits of its 95 % interval
        ci_method: how that was made
        n: samples with a truth
        n_speakers: their speakers, None where they are not known
        marks: of :data:`MARKS`
        best: whether it is printed as the best
        how: how a figure of chance was got
        chance: the measure of a guesser on the same test set
        test_set: equal for cells of one test set
    """

    row: int
    column: int
    experiment: str | None
    control: str | None
    value: float | None = None
    ci: tuple[float | None, float | None] = (None, None)
    ci_method: str | None = None
    n: int | None = None
    n_speakers: int | None = None
    marks: list[str] = field(default_factory=list)
    best: bool = False
    how: str = ""
    chance: float | None = None
    test_set: Any = None


@dataclass
class Contents:
    """A table with all its figures.

    Args:
        table: as `wanted.lay_out` gives it
        cells: by row and column
        tests: of the best against the next, see `comparison.comparisons`; empty without any
        remarks: what else a reader must know, one line each
    """

    table: dict[str, Any]
    cells: dict[tuple[int, int], Cell]
    tests: pd.DataFrame
    remarks: list[str]


def fill(
    table: dict[str, Any],
    metrics: Mapping[str, dict[str, Any] | None],
    predictions: Callable[[str], pd.DataFrame],
) -> Contents:
    """Compute all that a table shows.

    The best is sought among experiments of one test set in each column (``best`` of the table: or
    each row, or all), controls apart, and tested against the next one there.

    Args:
        table: as `wanted.lay_out` gives it
        metrics: name of an experiment → content of metrics.json, None where it could not be made
        predictions: gives those of an experiment
    """
    frames = {name: predictions(name) for name, found in metrics.items() if found is not None}
    cells = {
        (one["row"], one["column"]): _cell(table, one, metrics, frames) for one in table["cells"]
    }
    tests = _test(table, cells, metrics, frames)
    return Contents(table, cells, tests, _as_good(table, cells))


def _cell(
    table: dict[str, Any],
    one: dict[str, Any],
    metrics: Mapping[str, dict[str, Any] | None],
    frames: Mapping[str, pd.DataFrame],
) -> Cell:
    cell = Cell(one["row"], one["column"], one["experiment"], one["control"])
    of = one["of"] if one["control"] == "chance" else one["experiment"]
    found = metrics[of]
    if found is None:
        cell.marks.append(FAILED)
        return cell
    first = _first_run(frames[of])
    cell.n, cell.n_speakers = found["n_evaluated"], found["n_speakers"]
    if one["control"] == "chance":
        truth = first["truth"].to_numpy()
        if len(truth):
            cell.value, cell.how = chance(
                truth,
                table["measure"],
                task=table["task"],
                labels=found["labels"],
                seed=table["seed"],
            )
            cell.chance = cell.value
        return cell
    cell.value = found["metrics"][table["measure"]]
    cell.chance = (found.get("chance") or {}).get(table["measure"])
    cell.ci = tuple(found["intervals"][table["measure"]])
    cell.ci_method = found["ci_method"]
    cell.test_set = _test_set(first)
    is_so = {
        FEW: found["few_speakers"],
        NARROW: "interval_doubt" in found,
        TRANSDUCTIVE: found["transductive"],
        CONSTANT: _is_constant(frames[of]),
    }
    cell.marks += [mark for mark, so in is_so.items() if so]
    return cell


def _first_run(predictions: pd.DataFrame) -> pd.DataFrame:
    """Rows with a truth, each once."""
    run = predictions["run"] == predictions["run"].min()
    return predictions[run & predictions["truth"].notna()]


def _test_set(rows: pd.DataFrame) -> tuple[int, int]:
    """Equal for the same samples of the same speakers with the same truth, in any order."""
    columns = [name for name in (*KEY, "speaker", "truth") if name in rows]
    # All missing values are equal, whatever stands for them.
    table = rows[columns].astype(object).fillna("").astype(str)
    return len(rows), int(pd.util.hash_pandas_object(table, index=False).sum())


def _is_constant(predictions: pd.DataFrame) -> bool:
    """Whether every model of the experiment, of each fold and run, always says the same."""
    if predictions.empty:
        return False
    return bool((predictions.groupby(["run", "fold"])["prediction"].nunique() == 1).all())


def _better(a: float, b: float, measure: str) -> bool:
    return direction(measure) * (a - b) > 0


def _test(
    table: dict[str, Any],
    cells: dict[tuple[int, int], Cell],
    metrics: Mapping[str, dict[str, Any] | None],
    frames: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """Mark the best of each group, and test it against the next."""
    measure = table["measure"]
    groups: dict[Any, list[tuple[float, Cell]]] = {}
    for place in sorted(cells):
        cell = cells[place]
        if cell.control is None and cell.value is not None:
            line = {"column": cell.column, "row": cell.row, "table": None}[table["best"]]
            groups.setdefault((line, cell.test_set), []).append((cell.value, cell))
    pairs: list[tuple[Cell, Cell]] = []
    for group in groups.values():
        if len(group) < 2:
            continue
        sign = direction(measure)
        ranked = sorted(group, key=lambda pair: sign * pair[0], reverse=True)
        for value, cell in ranked:
            cell.best = value == ranked[0][0]
        pairs.append((ranked[0][1], ranked[1][1]))
    if not pairs:
        return pd.DataFrame(columns=["table", *COLUMNS])
    names = [(str(a.experiment), str(b.experiment)) for a, b in pairs]
    tests = comparisons(
        frames,
        measure,
        task=table["task"],
        labels=(metrics[names[0][0]] or {})["labels"],
        seed=table["seed"],
        pairs=names,
    )
    for (best, _), verdict in zip(pairs, tests["verdict"], strict=True):
        if verdict == NOT_TESTABLE:
            best.marks.insert(0, UNTESTED)
        elif verdict == "no significant difference":
            best.marks.insert(0, NOT_BETTER)
    tests.insert(0, "table", table["name"])
    return tests


def _as_good(table: dict[str, Any], cells: dict[tuple[int, int], Cell]) -> list[str]:
    """Controls that are as good as the best experiment of their test set."""
    measure, lines = table["measure"], []
    best: dict[Any, float] = {}
    for cell in cells.values():
        if cell.control is None and cell.value is not None:
            first = best.setdefault(cell.test_set, cell.value)
            if _better(cell.value, first, measure):
                best[cell.test_set] = cell.value
    named = set()
    for cell in cells.values():
        if cell.control is None or cell.value is None or cell.test_set not in best:
            continue
        other = best[cell.test_set]
        if not _better(other, cell.value, measure) and cell.experiment not in named:
            named.add(cell.experiment)
            axis = "rows" if table["rows"][cell.row]["control"] else "columns"
            label = table[axis][cell.row if axis == "rows" else cell.column]["label"]
            lines.append(
                f"The control '{label}' ({cell.value:.3f}) is as good as the best experiment "
                f"({other:.3f}) of its test set."
            )
    return lines


def explained(mark: str, contents: Contents) -> str:
    """The footnote of a mark."""
    tests, best = contents.tests, contents.table["best"]
    if mark == NOT_BETTER:
        n = int(tests["p"].notna().sum())
        return (
            f"not significantly better than the next best of its {best}: permutation over "
            f"speakers, p ≥ {LEVEL:g} after Holm's correction for {n} test{'s' * (n != 1)}"
        )
    if mark == UNTESTED:
        reasons = tests.loc[tests["verdict"] == NOT_TESTABLE, "test"]
        reasons = dict.fromkeys(text.removeprefix(f"{NOT_TESTABLE}: ") for text in reasons)
        return (
            f"whether it is better than the next best of its {best} is {NOT_TESTABLE}: "
            f"{'; '.join(reasons)}"
        )
    return {
        FEW: "few speakers: fewer than 10 in the test set",
        NARROW: (
            "the interval may be too narrow at both ends: a class has fewer than "
            f"{ENOUGH_OF_A_CLASS} test speakers"
        ),
        TRANSDUCTIVE: "transductive: scaled by rows of the test set, without their labels",
        CONSTANT: "constant: the model predicts the same for every sample that it is tested on",
        FAILED: "could not be made",
    }[mark]
