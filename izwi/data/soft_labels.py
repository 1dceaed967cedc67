"""Soft labels: the predictions of one experiment become a database of another.

The first half runs whenever a workflow is planned: which ini makes which database, and in which
order. The second half writes such a database, and warns if its teacher has seen what a student
is tested on.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.config.ini import read_ini, unquoted
from izwi.errors import Problems, UserError
from izwi.wording import agreed, count

if TYPE_CHECKING:
    import pandas as pd

    from izwi.config.experiment.resolved import Experiment

# Names in the folder of an experiment; what is known of a teacher lies beside its labels.
LABELS = "soft_labels.csv"
LINEAGE = "soft_labels_lineage.parquet"
# Columns that the database has beside those of the data; a database's own of that name give way.
COLUMNS = ("truth", "confidence", "entropy", "uncertainty")
# Columns of tables that have another meaning, or none, in another experiment.
_LEFT_OUT = ("digest", "value", "part", "fold")


# ------------------------------------------------------------------ at parse time


def place(path: str | Path) -> str:
    """One spelling of a place in the file system, whether or not a link leads from it."""
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(folder), name)


def place_of(text: str, cwd: str | Path) -> str:
    """Where ``save_test`` puts its database: relative to the working directory."""
    return place(Path(cwd) / os.path.expanduser(text))


def makers(inis: Iterable[str], *, cwd: str | Path) -> dict[str, str]:
    """Databases that inis make, by ``EXP.save_test``.

    Args:
        inis: paths of inis; those that cannot be read are passed over
        cwd: folder that the inis are relative to

    Returns:
        place → ini, the first of several
    """
    made: dict[str, str] = {}
    for ini in inis:
        path = Path(cwd) / os.path.expanduser(ini)
        try:
            # Few inis have save_test, so a full parse of each would waste time.
            if b"save_test" not in path.read_bytes().lower():
                continue
            value = read_ini(path).sections.get("EXP", {}).get("save_test")
        except (OSError, UserError):
            continue
        if value is not None and value.text:
            made.setdefault(place_of(unquoted(value.text), cwd), ini)
    return made


def advice(tried: Iterable[str], *, folders: Iterable[Path], cwd: Path) -> str:
    """Which ini would make a database that is not there, or nothing if none is found.

    Args:
        tried: places of the database
        folders: where inis may lie
        cwd: working directory
    """
    wanted = {place(path) for path in tried}
    found = sorted({path for folder in folders for path in folder.glob("*.ini")})
    for made, ini in makers(map(str, found), cwd=cwd).items():
        if made in wanted:
            ini = os.path.relpath(ini, cwd)
            return f"; {ini} makes it (save_test): add {ini} to the experiments of the config"
    return ""


def in_order(experiments: Sequence[Experiment]) -> list[Experiment]:
    """Experiments, each behind those that label its databases.

    Raises:
        UserError: if two write the same database, or labels go in a circle
    """
    problems = Problems()
    made: dict[str, Experiment] = {}
    for experiment in experiments:
        if experiment.save_test is None:
            continue
        first = made.setdefault(experiment.save_test, experiment)
        if first is not experiment:
            problems.add(
                f"{experiment.ini}: [EXP] save_test: {experiment.save_test} is written by "
                f"{first.ini} ({first.name}) as well, name another file"
            )
    problems.raise_if_any()
    order: TopologicalSorter[int] = TopologicalSorter()
    number = {id(experiment): i for i, experiment in enumerate(experiments)}
    for i, experiment in enumerate(experiments):
        teachers = [
            number[id(made[database["path"]])]
            for database in experiment.databases
            if database["type"] == "soft" and database["path"] in made
        ]
        order.add(i, *teachers)
    try:
        return [experiments[i] for i in order.static_order()]
    except CycleError as error:
        circle = [experiments[i].ini for i in reversed(error.args[1])]
        raise UserError(
            f"{circle[0]}: [EXP] save_test: the labels go in a circle: {' → '.join(circle)}; "
            "an experiment cannot learn from its own predictions"
        ) from None


def lineage_beside(path: str) -> str | None:
    """What an earlier call wrote of the teacher of a CSV, None where it is no soft labels."""
    found = Path(os.path.realpath(path)).with_name(LINEAGE)
    return str(found) if found.exists() and Path(os.path.realpath(path)).name == LABELS else None


# ------------------------------------------------------------------------ in jobs


def label(
    spec: dict[str, Any],
    predictions: pd.DataFrame,
    tables: Sequence[pd.DataFrame],
    paths: Mapping[str, Mapping[str, str]],
    best_run: int,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The database that predictions make.

    Args:
        spec: ``task``, ``target``, ``min_confidence`` and ``max_uncertainty`` (or None)
        predictions: as docs/data_contracts.md defines them
        tables: those that were predicted, in the order of the split
        paths: database → file as the table writes it → path
        best_run: the run whose predictions are taken

    Returns:
        * database of shape (rows, columns): ``file`` (absolute), ``start`` and ``end`` where there
          are segments, the target (what was predicted), ``truth`` and, where the model gives
          probabilities, ``p_<label>``, ``confidence`` (probability of the prediction),
          ``entropy`` (of the probabilities, in nats) and ``uncertainty`` (the entropy by the
          largest possible, 0 to 1), then the other columns of the tables
        * report with ``notes`` and ``counts``

    Raises:
        UserError: if the selection cannot be made, or leaves nothing
    """
    import numpy as np
    import pandas as pd

    rows = predictions[predictions["run"] == best_run].sort_values("row", ignore_index=True)
    table = pd.concat(tables, ignore_index=True).loc[rows["row"]].reset_index(drop=True)
    labels = [name for name in rows if name.startswith("p_")]
    result = pd.DataFrame(
        {
            "file": [
                os.path.abspath(paths[database][file])
                for database, file in zip(table["database"], table["file"], strict=True)
            ]
        }
    )
    if ((table["start"] > pd.Timedelta(0)) | table["end"].notna()).any():
        for column in ("start", "end"):
            result[column] = table[column].map(_duration, na_action="ignore")
    if "speaker" in table:
        several = table["database"].nunique() > 1
        result["speaker"] = (
            (table["database"] + "/" + table["speaker"]) if several else table["speaker"]
        )
    result[spec["target"]] = rows["prediction"]
    result["truth"] = rows["truth"]
    if labels:
        shares = rows[labels].to_numpy(dtype=float)
        position = {name.removeprefix("p_"): i for i, name in enumerate(labels)}
        chosen = rows["prediction"].map(position).to_numpy(dtype=int)
        # Some models give probabilities that sum to 1 in single precision alone.
        even = shares / shares.sum(axis=1, keepdims=True)
        parts = -even * np.log(even, out=np.zeros_like(even), where=even > 0)
        result[labels] = shares
        result["confidence"] = shares[np.arange(len(shares)), chosen]
        result["entropy"] = parts.sum(axis=1)
        result["uncertainty"] = result["entropy"] / np.log(len(labels))
    taken = {*result.columns, *COLUMNS, *_LEFT_OUT, "file", "start", "end", "speaker"}
    others = [name for name in table if name not in taken and not name.startswith("p_")]
    # A column that only another database has is empty here.
    result = pd.concat([result, table[others].dropna(axis=1, how="all")], axis=1)
    kept, notes = select(result, spec, "[EXP] ")
    result = result[kept].reset_index(drop=True)
    counts = {"predicted": len(rows), "written": len(result)}
    return result, {"notes": notes, "warnings": [], "counts": counts}


def select(
    frame: pd.DataFrame, options: Mapping[str, Any], where: str
) -> tuple[pd.Series, list[str]]:
    """Rows that are sure enough.

    Args:
        frame: with the columns ``confidence`` and ``uncertainty`` where they are asked for
        options: ``min_confidence`` and ``max_uncertainty``, None or absent for no limit
        where: beginning of messages, such as ``[EXP] ``

    Returns:
        which rows are kept, shape (rows,), and notes that count the others

    Raises:
        UserError: if a column is missing, or no row is left
    """
    import pandas as pd

    kept = pd.Series(True, index=frame.index)
    notes = []
    for option, column in (("min_confidence", "confidence"), ("max_uncertainty", "uncertainty")):
        limit = options.get(option)
        if limit is None:
            continue
        if column not in frame:
            raise UserError(
                f"{where}{option}: there is no column '{column}': the model of these labels gives "
                "no probabilities; take another, or leave the option out"
            )
        values = frame[column].astype("float64")
        sure = values >= limit if option == "min_confidence" else values <= limit
        dropped = int((kept & ~sure).sum())
        notes.append(f"{where}{option}: {dropped} of {len(frame)} rows are less sure, left out")
        kept &= sure
        if not kept.any():
            raise UserError(
                f"{where}{option}: {limit:g} leaves no row: {column} is {values.min():.3g} to "
                f"{values.max():.3g}"
            )
    return kept, notes


def lineage(
    tables: Sequence[pd.DataFrame],
    split: pd.DataFrame,
    labelled: Sequence[int],
    sources: Sequence[str],
    teachers: Iterable[pd.DataFrame],
) -> pd.DataFrame:
    """What a teacher, and the teachers of its training data, have seen.

    Args:
        tables: of the teacher, in the order of its split
        split: of the teacher
        labelled: row numbers that it labelled
        sources: what stands for the content of each table's database
        teachers: lineage of the databases among them that are soft-labelled themselves

    Returns:
        shape (rows, columns): ``role`` (``seen`` in training or development, or ``labelled``),
        ``database`` (name in the ini), ``source``, ``speaker`` (id), ``digest``; each once
    """
    import numpy as np
    import pandas as pd

    from izwi import splits

    frame = pd.concat(
        [table.assign(source=source) for table, source in zip(tables, sources, strict=True)],
        ignore_index=True,
    )
    if "speaker" not in frame:
        frame["speaker"] = None
    columns = ["database", "source", "speaker", "digest"]
    parts = [(train, dev) for _, train, dev, _ in splits.folds(split)]
    seen = np.unique(np.concatenate([rows for pair in parts for rows in pair]))
    both = [
        frame.loc[seen, columns].assign(role="seen"),
        frame.loc[list(labelled), columns].assign(role="labelled"),
        *(teacher.assign(role="seen") for teacher in teachers),
    ]
    result = pd.concat(both, ignore_index=True)[["role", *columns]]
    result["speaker"] = result["speaker"].astype("str")
    return result.drop_duplicates(ignore_index=True)


def leaks(
    name: str,
    lineage: pd.DataFrame,
    table: pd.DataFrame,
    split: pd.DataFrame,
    *,
    sources: Mapping[str, str],
    same_speakers: bool,
) -> list[str]:
    """Warnings where the teacher of a database has seen what its student is tested on.

    Speakers are the same where their id is and the database is: by its name in the ini or by its
    content; with ``same_speakers`` the id decides.

    Args:
        name: of the soft-labelled database
        lineage: as `lineage` gives it
        table: all rows of the student
        split: of the student
        sources: database → what stands for its content
        same_speakers: the option of the student

    Returns:
        lines
    """
    import pandas as pd

    in_test = split["part"].eq("test") | split["fold"].gt(0)
    own = table["database"] == name
    lines = []
    if (in_test & own).any():
        number = int((in_test & own).sum())
        lines.append(
            f"[DATA] {name}: {count(number, 'row')} of the test set "
            f"{agreed(number, 'has', 'have')} soft labels: there the figures tell how well the "
            "teacher is met, not the truth"
        )
    if not (own & ~in_test & split["part"].ne("")).any() and not split["fold"].any():
        return lines
    test = table[in_test & ~own]
    seen = lineage[lineage["role"] == "seen"]
    known = test["digest"].isin(seen["digest"])
    if known.any():
        lines.append(
            f"[DATA] {name}: leak: {int(known.sum())} of {len(test)} rows of the test set are "
            "recordings that the teacher of these labels was trained on"
        )
    if "speaker" not in test:
        return lines

    def identities(frame: pd.DataFrame, column: str | None) -> pd.Series:
        return frame["speaker"] if column is None else frame[column] + "/" + frame["speaker"]

    test = test.assign(source=test["database"].map(sources)).dropna(subset=["speaker"])
    for role, relation in (
        ("seen", "the teacher of these labels was trained on"),
        ("labelled", "are in these labels, too"),
    ):
        there = lineage[lineage["role"] == role].dropna(subset=["speaker"])
        met = pd.Series(False, index=test.index)
        for column in (None,) if same_speakers else ("database", "source"):
            met |= identities(test, column).isin(identities(there, column))
        # The recording identifies the speaker, whatever the database is called.
        met |= test["digest"].isin(there["digest"])
        if met.any():
            total = identities(test, "database")
            who = sorted(set(test.loc[met, "speaker"]))
            shown = ", ".join(who[:10]) + (", …" if len(who) > 10 else "")
            lines.append(
                f"[DATA] {name}: leak: {total[met].nunique()} of {total.nunique()} speakers of "
                f"the test set {relation}: {shown}"
            )
    return lines


def _duration(duration: pd.Timedelta) -> str:
    text = str(duration)
    return text if "." in text else f"{text}.000000"
