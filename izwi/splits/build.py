"""Tables in, split out: all databases together, checked and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from izwi.data import UNLISTED, spelling
from izwi.data.databases.source import meant
from izwi.errors import Problems
from izwi.preprocessing import binning
from izwi.splits import afterwards
from izwi.splits.checks import check_parts, check_speakers
from izwi.splits.crossval import assign_folds
from izwi.splits.holdout import DEFAULT_SIZE, assign_parts
from izwi.splits.parts import PARTS, folds
from izwi.splits.report import Log, natural, shorten
from izwi.splits.speakers import speaker_keys
from izwi.splits.submodels import check_submodels
from izwi.splits.subsets import dev_from_train, in_order
from izwi.wording import agreed, count

if TYPE_CHECKING:
    from collections.abc import Iterable

    from izwi.config.experiment.resolved import SplitSpec

COLUMNS = ["database", "file", "start", "end", "speaker", "part", "fold", "dev_folds"]


def _as_there(stated: list[str], truth: pd.Series) -> list[str]:
    """Labels of an ini in the spelling of the tables."""
    texts = truth.dropna()
    there = set() if pd.api.types.is_numeric_dtype(texts) else set(texts)
    return [spelling.as_there(spelling.clean(str(label)), there) for label in stated]


def make_split(spec: SplitSpec, tables: list[pd.DataFrame]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Assign each row of all tables to a part or fold.

    Every random choice is seeded and depends only on the rows, not on their order.

    Args:
        spec: ``task`` (``classification`` or ``regression``), ``target``, ``seed``,
            ``same_speakers``, ``strategy`` (``train_test`` or ``cross_data``), ``trains``,
            ``tests``, ``traindevtest``, ``logo``, ``k_fold_cross``, ``labels``, and in
            ``databases``, by name, ``split_strategy``, ``test_size`` and ``dev_size`` (percent;
            no dev part if ``dev_size`` is missing and ``traindevtest`` is not set), ``train``,
            ``dev``, ``test`` (speakers), ``balance``, ``age_bins``, ``stratify``,
            ``size_diff_weight``; only the first three are needed. If ``submodel`` names a
            column, its values are checked; with ``unlabelled``, training rows may have no truth;
            with ``described``, parts may lack classes or rows
        tables: one per database, in the order of ``databases``

    Returns:
        the split, one row per row of the tables; and the report: ``notes``, ``warnings``,
        ``counts`` and ``speakers`` (part to number; parts are the folds in cross-validation),
        ``labels`` (classes in order, empty for regression), ``n_folds`` (0 for hold-out)

    Raises:
        UserError: if the data cannot be split in this way, or a required part is empty
    """
    log = Log()
    frame = pd.concat(tables, ignore_index=True)
    if stated := spec.get("labels"):
        spec = {**spec, "labels": _as_there(stated, frame["truth"])}
    if "speaker" not in frame:
        frame["speaker"] = None
    frame["speaker"] = frame["speaker"].astype("str")  # missing stays missing
    bin_later = binning.is_later(frame, spec.get("labels"))
    if bin_later:
        # The target stays the number until training rows define the bins.
        frame["truth"] = frame["value"]
        spec = {**spec, "task": "regression"}
    others = [value for table in tables for value in table.attrs.get(UNLISTED, ())]
    _check_tables(spec, frame, log, others)
    labels = _labels(spec, frame, log)

    split = frame[["database", "file", "start", "end"]].copy()
    split["speaker"] = speaker_keys(frame, bool(spec.get("same_speakers")))
    split["part"], split["fold"], split["dev_folds"] = "", 0, ""
    known = frame["truth"].isin(labels) | frame["truth"].isna() if labels else frame["file"].notna()
    usable = in_order(frame[known])
    speakers = split["speaker"].loc[usable.index]

    cross_validation = bool(spec.get("logo") or spec.get("k_fold_cross"))
    if cross_validation:
        if spec.get("afterwards"):
            usable = usable.loc[afterwards.left(spec, usable, "all databases", log)]
            usable, speakers = in_order(usable), speakers.loc[usable.index]
        split.loc[usable.index, "fold"] = assign_folds(spec, usable, speakers, log)
        split.loc[usable.index, "part"] = split["fold"].loc[usable.index].astype("str")
    else:
        split.loc[usable.index, "part"] = assign_parts(spec, usable, log)
        _confine(spec, split, log)
        tests = spec.get("tests")
        if tests and spec.get("strategy") != "cross_data":
            _test_elsewhere(tests, split, log)
        if spec.get("afterwards"):
            for part in PARTS:
                rows = usable[split["part"].loc[usable.index] == part]
                unused = rows.index.difference(afterwards.left(spec, rows, part, log))
                split.loc[unused, "part"] = ""
    if spec.get("traindevtest"):
        _add_dev(spec, split, frame["truth"], log)

    if not spec.get("described"):
        check_parts(spec, split, frame["truth"], labels, log)
    check_speakers(spec, split, frame, log)
    if bin_later:
        labels = [str(label) for label in spec["labels"] or []]
        binning.edges_of(frame, folds(split), labels)
    if spec.get("submodel"):
        for line in check_submodels(frame, spec["submodel"], list(folds(split))):
            log.warn(line)
    return split, _report(split, labels, cross_validation, log)


def _check_tables(
    spec: SplitSpec, frame: pd.DataFrame, log: Log, others: Iterable[str] = ()
) -> None:
    problems = Problems()
    present = set(frame["database"])
    for name in spec.get("databases", {}):
        if name not in present:
            problems.add(f"[DATA] {name}: no rows left, check its filters, labels and limits")
    if frame.empty:
        problems.add("[DATA] databases: no rows left, check filters, labels and limits")
    labels = spec.get("labels")
    if spec["task"] == "classification" and labels:
        truth = set(frame["truth"].dropna())
        unknown = [str(label) for label in labels if str(label) not in truth]
        if unknown and "value" in frame:
            log.warn(f"[DATA] bins: no row is in the bin of {shorten(unknown)}")
        elif unknown:
            close = meant(unknown, sorted((truth | set(others)) - set(labels)))
            line = (
                f"[DATA] labels: no row has {shorten(unknown)}, "
                f"'{spec['target']}' of the rows in use holds {shorten(truth)}{close}"
            )
            # A slip of the pen, or a class that these data lack.
            if close or len(labels) - len(unknown) < 2:
                problems.add(line)
            else:
                log.warn(f"{line}; the others are the classes")
    problems.raise_if_any()


def _labels(spec: SplitSpec, frame: pd.DataFrame, log: Log) -> list[str]:
    """The classes in order; reports the number of rows of other classes."""
    if spec["task"] == "regression":
        return []
    truth = frame["truth"].dropna()
    stated = spec.get("labels")
    if not stated:
        labels = natural(set(truth))
        _alike(spec["target"], labels, frame, log)
        _doubtful(spec["target"], labels, frame, log)
        return labels
    labels = list(dict.fromkeys(str(label) for label in stated))
    if "value" not in frame:
        there = set(truth)
        labels = [label for label in labels if label in there]
    for name, other in truth[~truth.isin(labels)].value_counts().sort_index().items():
        log.note(f"[DATA] labels: {count(other, 'row')} of '{name}' unused, not among them")
    if "value" not in frame:
        _alike(spec["target"], labels, frame, log)
    return labels


def _alike(target: str, labels: list[str], frame: pd.DataFrame, log: Log) -> None:
    """Warn of classes that look the same or mean the same, most likely two spellings."""
    for same in spelling.same_meaning(labels):
        rows = frame[frame["truth"].isin(same)].groupby(["database", "truth"]).size()
        where = ", ".join(
            f"{count(int(n), 'row')} {label} in {db}" for (db, label), n in rows.items()
        )
        # The spelling of the most rows stays.
        kept = rows.groupby("truth").sum().idxmax()
        others = {label: kept for label in same if label != kept}
        first = next(db for db, label in rows.index if label in others)
        log.warn(
            f"[DATA] target: {' and '.join(same)} differ {spelling.differ(same)}, they are "
            f"{len(same)} classes ({where}): if they are one, map them, such as by "
            f"{first}.mapping = {{'{target}': {others}}}"
        )


def _doubtful(target: str, labels: list[str], frame: pd.DataFrame, log: Log) -> None:
    """Tell of classes that are several in one cell, or may be slips of the pen."""
    rows = frame["truth"].value_counts()
    if several := spelling.composed(labels):
        label, parts = next(iter(several.items()))
        number = int(rows[list(several)].sum())
        many = f"count as {len(several)} classes of their own"
        own = agreed(len(several), "counts as a class of its own", many)
        log.warn(
            f"[DATA] target: {count(number, 'row')} {agreed(number, 'holds', 'hold')} several "
            f"classes, such as '{label}', which {own}: give each row one, such as by mapping = "
            f"{{'{target}': {{'{label}': '{parts[0]}'}}}}"
        )
    for pair in spelling.slips(labels):
        kept, slip = sorted(pair, key=lambda label: (-rows[label], -len(label)))
        log.note(
            f"[DATA] target: '{slip}' ({count(int(rows[slip]), 'row')}) may be a slip of '{kept}' "
            f"({count(int(rows[kept]), 'row')}): if it is, mapping = {{'{target}': {{'{slip}': "
            f"'{kept}'}}}}"
        )


def _confine(spec: SplitSpec, split: pd.DataFrame, log: Log) -> None:
    """Leave rows unused that are outside the part to which their database is confined."""
    for name, options in spec.get("databases", {}).items():
        only = (options or {}).get("only")
        if only is None:
            continue
        kept = ("test",) if only == "test" else ("train", "dev")
        rows = split["database"].eq(name) & split["part"].ne("") & ~split["part"].isin(kept)
        split.loc[rows, "part"] = ""
        log.note(
            f"[DATA] {name}.as_{only}: {count(int(rows.sum()), 'row')} outside its "
            f"{'test' if only == 'test' else 'training'} part unused"
        )


def _test_elsewhere(tests: list[str], split: pd.DataFrame, log: Log) -> None:
    """If the ini names databases to test on, test parts of other databases are unused."""
    own = split["part"].eq("test") & ~split["database"].isin(tests)
    for name, rows in split[own].groupby("database", sort=False):
        log.note(
            f"[DATA] tests: {count(len(rows), 'row')} in the test part of {name} are unused, the "
            f"test set is {', '.join(tests)}; with {name}.split_strategy = train all are trained on"
        )
    split.loc[own, "part"] = ""
    # Experiments that share the model but name no test databases test on them.
    split["held_out"] = own


def _add_dev(spec: SplitSpec, split: pd.DataFrame, truth: pd.Series, log: Log) -> None:
    """Move part of train to dev if the strategies give no dev, in each fold."""
    frame = split.assign(truth=truth)
    names: dict[int, list[str]] = {}
    for number, train, dev, _ in list(folds(split)):
        if len(dev) or not len(train):
            continue
        _, dev = dev_from_train(frame, train, seed=spec["seed"], share=DEFAULT_SIZE / 100)
        if number == 0:
            split.loc[dev, "part"] = "dev"
            log.note(f"[EXP] traindevtest: {count(len(dev), 'row')} moved from train to dev")
        for row in dev:
            names.setdefault(row, []).append(str(number))
    if names and split["fold"].any():
        split.loc[list(names), "dev_folds"] = [",".join(numbers) for numbers in names.values()]
        log.note("[EXP] traindevtest: dev is taken from the training part of each fold")


def _report(
    split: pd.DataFrame, labels: list[str], cross_validation: bool, log: Log
) -> dict[str, Any]:
    n_folds = int(split["fold"].max())
    parts = [str(i + 1) for i in range(n_folds)] if cross_validation else list(PARTS)
    counts = {part: int((split["part"] == part).sum()) for part in parts}
    unused = int((split["part"] == "").sum())
    if unused:
        counts["unused"] = unused
    speakers = {part: int(split["speaker"][split["part"] == part].nunique()) for part in parts}
    return {
        "notes": log.notes,
        "warnings": log.warnings,
        "counts": counts,
        "speakers": speakers,
        "labels": labels,
        "n_folds": n_folds,
    }
