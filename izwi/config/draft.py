"""A first ini and config for data, with what they say about themselves as comments.

What is suggested was tried: the labels are loaded and split as the ini says.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from izwi.config import options as table
from izwi.config.experiment import resolve_read
from izwi.config.experiment.resolved import Experiment
from izwi.config.ini import parse
from izwi.config.survey import Survey
from izwi.data import scan
from izwi.data.databases import load_table
from izwi.data.databases.source import to_numbers
from izwi.errors import UserError
from izwi.splits import make_split
from izwi.splits.own_column import split_column
from izwi.splits.report import natural, shorten

# What is predicted most often, by what columns are called; in the order of preference.
_TARGETS = (
    *("emotion", "emo", "label", "labels", "class", "category", "target", "diagnosis", "disease"),
    *("condition", "group", "mood", "affect", "sentiment", "style", "intent", "command"),
    *("keyword", "digit", "accent", "dialect", "language", "likability"),
    *("arousal", "valence", "dominance", "score", "rating", "mos"),
)
# Columns whose numbers are no classes, however few they are.
_SCALES = {"age", "arousal", "valence", "dominance", "score", "rating", "mos", "likability"}
_EMOTIONS = {
    *("anger", "angry", "ang", "happiness", "happy", "hap", "joy", "sadness", "sad", "fear"),
    *("fearful", "fea", "disgust", "disgusted", "dis", "neutral", "neu", "boredom", "bored"),
    *("surprise", "surprised", "sur", "calm", "contempt"),
}
# More different values than this are no classes that izwi would suggest.
MOST_CLASSES = 20
# Numbers with more different values than this are a scale.
_MOST_NUMBERS = 12
_FEWEST = 5  # files of a class below which a word is said
_FOLDS = 10
_FEW_TESTED = 10  # speakers in a test set below which all are tested in turn instead
_TEST = 30  # percent
_LONGEST = 300  # characters of a remark
_MANY_ROWS = 20_000  # from here on one split is cheaper than folds
# Columns that are no target.
_NEVER = {"file", "start", "end", "speaker", "fold", "duration"}


@dataclass(frozen=True)
class Target:
    """A column that can be predicted.

    Args:
        column: its name
        task: ``classification`` or ``regression``
        counts: class → files, most first; none for a regression
        low: smallest number of a regression
        high: largest number of a regression
    """

    column: str
    task: str
    counts: dict[str, int] = field(default_factory=dict)
    low: float = 0.0
    high: float = 0.0

    def __str__(self) -> str:
        if self.task == "regression":
            return f"{self.column} ({self.low:g} to {self.high:g})"
        return f"{self.column} ({len(self.counts)} classes)"


@dataclass(frozen=True)
class Draft:
    """What is suggested, and what it was found to do.

    Args:
        name: of the database, the experiment and the files
        found: the data
        target: what is predicted
        options: (section, key) → text of the value; keys in their order
        experiment: the ini as izwi reads it
        table: the labels as they were loaded
        split: which row is in train or test, or in which fold
        says: lines for the user: what follows from the data
        csv: text of the CSV that is written beside the ini, empty if there is none
    """

    name: str
    found: Survey
    target: Target
    options: dict[tuple[str, str], str]
    experiment: Experiment
    table: pd.DataFrame
    split: pd.DataFrame
    says: list[str]
    csv: str = ""


def targets(found: Survey) -> list[Target]:
    """What can be predicted, the best guess first."""
    part_column = split_column(found.frame)
    ranked: list[tuple[int, int, Target]] = []
    for place, column in enumerate(found.frame.columns):
        if column in _NEVER or column == part_column:
            continue
        target = target_of(found, column)
        if target is None or (
            target.task == "classification" and not 2 <= len(target.counts) <= MOST_CLASSES
        ):
            continue
        if target.counts and len(found.frame) < 2 * len(target.counts):
            continue
        if not target.counts and _counts_rows(found.frame[column]):
            continue
        ranked.append((_rank(target), place, target))
    return [target for _, _, target in sorted(ranked, key=lambda one: one[:2])]


def _counts_rows(column: pd.Series) -> bool:
    """Whether a column only numbers the rows."""
    numbers = to_numbers(column.dropna())
    return len(column) > 2 and bool((numbers.diff().dropna() == 1).all()) and numbers.is_unique


def target_of(found: Survey, column: str) -> Target | None:
    """What a column would be as a target; None if it holds no value."""
    text = found.frame[column].dropna()
    if text.empty:
        return None
    numbers = to_numbers(text)
    different = text.nunique()
    whole = pd.api.types.is_integer_dtype(numbers)
    scale = _letters(column) in _SCALES and different > 2
    if pd.api.types.is_numeric_dtype(numbers) and (
        scale or different > _MOST_NUMBERS or (not whole and different > 2)
    ):
        return Target(column, "regression", low=float(numbers.min()), high=float(numbers.max()))
    return Target(
        column, "classification", {str(k): int(v) for k, v in text.value_counts().items()}
    )


def _letters(column: str) -> str:
    return re.sub("[^a-z]", "", column.lower())


def _rank(target: Target) -> int:
    words = {word.lower() for word in target.counts}
    plain = _letters(target.column)
    if words and 2 * len(words & _EMOTIONS) >= len(words):
        return 0
    if plain in _TARGETS:
        return 1 + _TARGETS.index(plain)
    if any(plain.startswith(name) for name in _TARGETS[:3]):
        return 1 + len(_TARGETS)
    if target.column in ("gender", "sex", "age"):
        return 1000 + (target.column == "age")
    if target.column.startswith("part_"):
        return 2000
    return 500 if target.task == "classification" else 900


def draft(found: Survey, name: str, target: Target, *, folder: Path, split: str = "auto") -> Draft:
    """Suggest an experiment, and try its labels and its split.

    Args:
        found: the data
        name: of the database, the experiment and the files
        target: what is to be predicted
        folder: that the files are written to
        split: ``auto``, ``speakers``, ``folds``, ``random`` or ``own``

    Raises:
        UserError: if no split is possible
    """
    says: list[str] = []
    options = _options(found, name, target, folder)
    text = _csv(found) if found.reasons else ""
    first: UserError | None = None
    for wanted in _splits(found, name, target, split, says):
        tried = {**options, **wanted}
        try:
            experiment, rows, parts, warnings = _try(found, name, tried, text)
        except UserError as error:
            first = first or error
            continue
        if first:
            says.append(f"another split fails: {first.problems[0]}")
        if target.task == "classification":
            tried = _with_labels(tried, natural(rows["truth"].dropna().unique()))
        says += [_brief(line) for line in warnings + _rare(rows, target)]
        return Draft(name, found, target, tried, experiment, rows, parts, says, text)
    assert first is not None
    raise first


def _brief(line: str) -> str:
    """A line that lists no more names than can be read."""
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST].rsplit(', ', 1)[0]}, …"


def _options(found: Survey, name: str, target: Target, folder: Path) -> dict[tuple[str, str], str]:
    """The options that do not depend on the split, in their order."""
    place = Path(folder, f"{name}.csv") if found.reasons else found.path
    options = {("EXP", "name"): name, ("DATA", "databases"): repr([name])}
    options["DATA", name] = _quoted(place_of(place, folder))
    if found.reasons and (beside := place_of(found.folder, folder)) != ".":
        options["DATA", f"{name}.audio_path"] = _quoted(beside)
    elif found.audio_path and not found.reasons:
        options["DATA", f"{name}.audio_path"] = _quoted(found.audio_path)
    if found.colnames and not found.reasons:
        options["DATA", f"{name}.colnames"] = repr(found.colnames)
    options["DATA", "target"] = _quoted(target.column)
    regression = target.task == "regression"
    if regression:
        options["EXP", "type"] = "regression"
    options["FEATS", "type"] = "os"
    options["FEATS", "os.set"] = "eGeMAPSv02"
    options["FEATS", "scale"] = "standard"
    options["MODEL", "type"] = "svr" if regression else "svm"
    options["MODEL", "measure"] = "ccc" if regression else "uar"
    return options


def place_of(path: Path, folder: Path) -> str:
    """A path as the ini names it: relative where both lie in one tree, else in full."""
    relative = os.path.relpath(path.resolve(), folder.resolve())
    return relative if not relative.startswith(os.path.join("..", "..")) else str(path.resolve())


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w./~-]+(?: [\w./~-]+)*", text) else repr(text)


def _with_labels(
    options: dict[tuple[str, str], str], labels: list[str]
) -> dict[tuple[str, str], str]:
    """The options with the classes behind the target."""
    found: dict[tuple[str, str], str] = {}
    for key, value in options.items():
        found[key] = value
        if key == ("DATA", "target"):
            found["DATA", "labels"] = repr(labels)
    return found


def _splits(
    found: Survey, name: str, target: Target, wanted: str, says: list[str]
) -> list[dict[tuple[str, str], str]]:
    """Splits to try, the best first."""
    frame = found.frame[found.frame[target.column].notna()]
    known = frame["speaker"].dropna() if "speaker" in frame else pd.Series(dtype=object)
    speakers, rows = known.nunique(), len(frame)
    own: dict[tuple[str, str], str] = {}
    column = split_column(frame)
    if found.parts:
        own = {("DATA", f"{name}.split_strategy"): "database"}
    elif "fold" in frame and frame["fold"].notna().all() and frame["fold"].nunique() > 1:
        own = {("MODEL", "logo"): str(frame["fold"].nunique())}
    elif column:
        own = {
            ("DATA", f"{name}.split_strategy"): "column",
            ("DATA", f"{name}.split_column"): _quoted(column),
        }
    required = {}
    if speakers > 1 and len(known) < len(frame):
        required = {("DATA", f"{name}.required"): "['speaker']"}
    by_speaker = {
        **required,
        ("DATA", f"{name}.split_strategy"): "speaker_split",
        ("DATA", f"{name}.test_size"): str(_TEST if speakers > 2 else 50),
    }
    number = _folds_of_speakers(frame, target, speakers)
    folds = {**required, ("MODEL", "logo"): str(number)}
    at_random = {
        ("DATA", f"{name}.split_strategy"): "random",
        ("DATA", f"{name}.test_size"): str(_TEST),
        **({("DATA", f"{name}.stratify"): "True"} if target.task == "classification" else {}),
    }
    ways = {"own": [own], "speakers": [by_speaker], "folds": [folds], "random": [at_random]}
    if wanted == "own" and not own:
        raise UserError(
            "--split own: the data name no split: no such tables, no column 'split' or 'fold'"
        )
    if wanted in ("speakers", "folds") and speakers < 2:
        raise UserError(f"--split {wanted}: the data name {speakers} speakers, two are needed")
    if wanted != "auto":
        return ways[wanted]
    if target.column == "speaker":
        says.append("the speakers are the classes, so files are drawn at random for train and test")
        return [at_random]
    few = speakers * _TEST // 100 < _FEW_TESTED and rows <= _MANY_ROWS
    order = [folds, by_speaker] if few and speakers > 2 else [by_speaker, folds]
    if required and not own:
        says.append(f"{len(frame) - len(known)} rows without a speaker are left out")
    if speakers < 2:
        who = "no column names the speakers" if not len(known) else "there is one speaker"
        says.append(
            f"{who}: files are drawn at random, so the model may know the test's voices and the "
            "result be too good; a column 'speaker' mends it"
        )
    return [*([own] if own else []), *(order if speakers > 1 else []), at_random]


def _folds_of_speakers(frame: pd.DataFrame, target: Target, speakers: int) -> int:
    """How many groups of speakers there are to be, with each class in each where that can be.

    Where a speaker has one class alone, as a sex or a diagnosis, a fold of few speakers lacks the
    others.
    """
    most = min(speakers, _FOLDS)
    if target.task != "classification" or speakers < 2 or target.column == "speaker":
        return most
    pairs = frame[["speaker", target.column]].dropna().drop_duplicates()
    if pairs["speaker"].duplicated().any():
        return most
    least = int(pairs[target.column].value_counts().min())
    return min(most, least) if least > 1 else most


def _try(
    found: Survey, name: str, options: dict[tuple[str, str], str], text: str
) -> tuple[Experiment, pd.DataFrame, pd.DataFrame, list[str]]:
    """Resolve the ini, load its labels and split them, as a call would.

    Returns:
        experiment, table, split, and warnings about both
    """
    with tempfile.TemporaryDirectory() as place:
        here = dict(options)
        path = found.path.resolve()
        if text:
            path = Path(place, f"{name}.csv")
            path.write_text(text, encoding="utf-8")
            here["DATA", f"{name}.audio_path"] = repr(str(found.folder.resolve()))
        here["DATA", name] = repr(str(path))
        experiment = resolve_read(parse(_plain_ini(here)), f"{name}.ini", cwd=place)
        database = experiment.databases[0]
        listing = _listing(found, name)
        rows, report = load_table({**database, **experiment.load}, listing)
        split, about = make_split(experiment.split, [rows])
    return experiment, rows, split, [*report["warnings"], *about["warnings"]]


def _listing(found: Survey, name: str) -> scan.Listing:
    """The audio without its content, which neither labels nor split look at."""
    files = sorted(set(found.frame["file"]))
    places = [os.path.normpath(p) for p in (found.folder, found.path.parent, Path.cwd())]
    paths = scan.locate(files, places)
    return scan.Listing(name, "", files, paths, [str(path) for path in paths], "", places)


def _plain_ini(options: dict[tuple[str, str], str]) -> str:
    lines = []
    for section in ("EXP", "DATA", "FEATS", "MODEL"):
        lines += [f"[{section}]"]
        lines += [f"{key} = {value}" for (where, key), value in options.items() if where == section]
    return "\n".join(lines) + "\n"


def _rare(rows: pd.DataFrame, target: Target) -> list[str]:
    if target.task == "regression":
        return []
    lines = []
    counts = rows["truth"].value_counts()
    if few := [f"{label} {number}" for label, number in counts.items() if number < _FEWEST]:
        lines.append(
            f"classes with few files: {shorten(few)}; leave them out of labels, or map them"
        )
    if "speaker" in rows:
        by = rows.groupby("truth")["speaker"].nunique()
        if one := [str(label) for label, number in by.items() if number == 1]:
            lines.append(
                f"classes of a single speaker: {shorten(one)}; a model may learn the voice instead"
            )
    return lines


def _csv(found: Survey) -> str:
    return str(found.frame.to_csv(index=False, lineterminator="\n"))


def with_target(found: Survey, wanted: str) -> Target:
    """The target that the user names.

    Raises:
        UserError: if there is no such column, or nothing to predict in it
    """
    column = found.colnames.get(wanted, wanted)
    if column not in found.frame:
        column = {"sex": "gender", "gender": "sex"}.get(column, column)
    if column not in found.frame:
        there = [name for name in found.frame if name not in ("file", "start", "end")]
        near = table.suggest(wanted, there) or f" (there are {', '.join(there)})"
        raise UserError(f"--target: {found.path} has no column '{wanted}'{near}")
    target = None if column in ("file", "start", "end") else target_of(found, column)
    if target is None or (target.counts and len(target.counts) < 2):
        raise UserError(f"--target: there is nothing to learn from '{wanted}': name another column")
    if target.counts and len(target.counts) > 10 * MOST_CLASSES:
        raise UserError(
            f"--target: '{wanted}' has {len(target.counts)} different values, too many for classes"
        )
    return replace(target, column=column)


def database_name(text: str) -> str:
    """A name that an ini can call a database."""
    plain = re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_-") or "mine"
    if plain[0].isdigit():
        plain = f"db_{plain}"
    taken = plain in table.WIDE["DATA"] or plain in ("demo",)
    return f"my_{plain}" if taken else plain
