"""The labels of a database as an experiment asks for them: the table of the load stage."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from izwi.data import DATABASE, UNLISTED, soft_labels
from izwi.data.databases import near_names, numeric_labels, people
from izwi.data.databases.source import (
    ALL,
    KEY,
    SYNONYMS,
    Source,
    as_list,
    as_text,
    fold_numbers,
    listed,
    looks_missing,
    meant,
    several_columns,
    speaker_ids,
    text_of,
    to_numbers,
    values_of,
)
from izwi.data.scan import near_match
from izwi.data.spelling import as_there, clean, nearest
from izwi.errors import Problems, UserError
from izwi.splits.speakers import speaker_advice
from izwi.wording import agreed, count

if TYPE_CHECKING:
    from izwi.data.scan import Listing

# Columns of the table with a meaning of their own; a database's column of that name moves aside.
_RESERVED = ("database", "digest", "truth", "value", "part")
# Temporary columns; no column of a database has such a name.
TRUTH, VALUE, PATH, PLACE, DIGEST = ":truth", ":value", ":path", ":place", ":digest"
SOURCE = ":database"
# More distinct numbers than this are not classes.
_MOST_NUMERIC_CLASSES = 20
# Confusions are counted for each resample: of more classes that takes hours and all memory.
MOST_CLASSES = 2000


def build(
    spec: dict[str, Any], source: Source, listing: Listing
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Map, bin and filter the labels of a database.

    Args:
        spec: see `izwi.data.databases.load_table`
        source: the labels as they are written
        listing: the scan of the audio files

    Returns:
        table and report

    Raises:
        UserError: if the labels and the options do not fit together
    """
    return _Builder(spec, source, listing).build()


class _Builder:
    """The rows on their way from the source to the table, and what happened to them."""

    def __init__(self, spec: dict[str, Any], source: Source, listing: Listing) -> None:
        self.spec = spec
        self.name = spec["name"]
        self.options = spec["options"]
        self.frame = source.frame
        self.part = source.part
        self.listing = listing
        self.notes, self.warnings = list(source.notes), list(source.warnings)
        self.unlisted: list[str] = []
        self.dropped: Counter[str] = Counter(source.dropped)
        self.listed = len(self.frame) + self.dropped.total()

    def build(self) -> tuple[pd.DataFrame, dict[str, Any]]:
        """Run all steps, in the order in which their effects are documented."""
        self._unify()
        target = self._check_columns()
        for line in near_names.unused_times(self.frame, self.name, target):
            self._warn(line)
        self._require()
        self._filter()
        self._select()
        self._map_columns()
        bare = self._set_aside(target)
        bin_later = self._label(target, bare)
        self._find_audio()
        self._drop_duplicates()
        self.frame = self.frame.sort_values(KEY, kind="stable")
        self._limit()
        table = self._assemble()
        if self.unlisted:
            table.attrs[UNLISTED] = self.unlisted
        counts = {"listed": self.listed, "used": len(table), "dropped": dict(self.dropped)}
        report: dict[str, Any] = {"notes": self.notes, "warnings": self.warnings, "counts": counts}
        report["columns"] = [name for name in table if table[name].notna().any()]
        if bin_later:
            report["bin_later"] = True
        return table, report

    def _set_aside(self, target: str) -> pd.DataFrame:
        """Rows without a label: predicted where all of the database is, else left out."""
        there = self.frame[target].notna()
        if not self.spec.get("unlabelled"):
            self._keep(there, "missing target", f"no value of '{target}'", True)
            self._check_rest("target", f"no row of {self.name} has a value of '{target}'")
            return self.frame.iloc[:0]
        bare = self.frame[~there]
        if len(bare):
            self._note(f"{len(bare)} of {len(self.frame)} rows have no '{target}': only predicted")
        self.frame = self.frame[there]
        return bare

    def _label(self, target: str, bare: pd.DataFrame) -> bool:
        """Set the truth of all rows; whether bins are to come."""
        if bare.empty:
            return self._set_truth(target)
        bin_later = bool(self.spec.get("continuous") and not self.spec.get("bins"))
        if len(self.frame):
            self._set_truth(target)
        regression = self.spec["task"] == "regression"
        bare = bare.assign(**{TRUTH: np.nan if regression else None})
        if self.spec.get("continuous"):
            bare[VALUE] = np.nan
        self.frame = pd.concat([self.frame, bare]).sort_index()
        return bin_later

    def _unify(self) -> None:
        """One name for what is called two ways, numbers as numbers, speakers as text."""
        frame = self.frame
        for other, column in SYNONYMS.items():
            if other in frame and column in frame:
                if not as_text(frame[other]).equals(as_text(frame[column])):
                    self._warn(f"columns '{other}' and '{column}' differ: '{column}' is used")
                frame = frame.drop(columns=other)
            frame = frame.rename(columns={other: column})
        frame = frame.copy()
        for column in frame.columns.difference(KEY):
            frame[column] = self._cleaned(frame[column])
            if column == "speaker":
                frame[column] = speaker_ids(frame[column])
            elif column != "id" and not column.endswith("_id"):
                frame[column] = to_numbers(frame[column])
        self.frame = frame

    def _cleaned(self, values: pd.Series) -> pd.Series:
        """Text in one form, so that what looks equal is; says how many cells changed."""
        if pd.api.types.is_numeric_dtype(values):
            return values
        texts = {value: clean(value) for value in values.unique() if isinstance(value, str)}
        changed = {value: text for value, text in texts.items() if text != value}
        if not changed:
            return values
        cells = int(values.isin(changed).sum())
        merged = len(changed) - len({*texts.values()} - {*texts} - {""})
        self._warn(
            f"{count(cells, 'cell')} of '{values.name}' held invisible characters, other blanks "
            "or letters "
            f"in two code points: read as {listed(dict.fromkeys(changed.values()), 3)}"
            + (f" ({merged} of {len(changed)} spellings are values that are there)" * bool(merged))
        )
        found = values.map(lambda value: changed.get(value, value), na_action="ignore")
        return found.astype(object).where(found.notna() & (found != ""), None)

    def _check_columns(self) -> str:
        """Name of the target's column; all columns that the options name are there."""
        problems = Problems()
        options, target = self.options, SYNONYMS.get(self.spec["target"], self.spec["target"])
        if target == DATABASE and target not in self.frame:
            target = SOURCE
            self.frame = self.frame.assign(**{target: self.name})
        wanted = [(f"{self.name}.columns", column) for column in as_list(options.get("columns"))]
        required = [column for column in as_list(options.get("required")) if column != ALL]
        wanted += [(f"{self.name}.required", column) for column in required]
        label = options.get("label")
        if label:
            wanted.append((f"{self.name}.label", label))
        for key, column in wanted:
            if self._column(column) is None:
                problems.add(self._no_column(key, column))
        if options.get("unlabelled"):
            self._note(f"the column '{self.spec['target']}' is left aside, as 'unlabelled' says")
            self.frame, label = self.frame.drop(columns=target, errors="ignore"), None
            self.frame = self.frame.assign(**{target: None})
        if not label and target not in self.frame and self.spec.get("unlabelled"):
            self._warn(f"there is no column '{self.spec['target']}': only predicted, not evaluated")
            self.frame = self.frame.assign(**{target: None})
        if not label and target not in self.frame:
            wanted_target = self.spec["target"]
            several = several_columns(wanted_target, self.frame.columns)
            line = self._no_column("target", wanted_target)
            if not several and "did you mean" not in line:
                several = f", name it with {self.name}.label or {self.name}.colnames"
            problems.add(line + several)
        if problems.lines:
            problems.raise_if_any()
        if options.get("columns"):
            kept = {*KEY, "speaker", "gender", "age", "fold", target, self._column(label or target)}
            kept |= {self._column(column) for column in as_list(options["columns"])}
            kept |= {self._column(column) for column in required}
            kept |= {self._column(column) for column, _ in self._filters()}
            kept |= {self._column(column) for column in self._column_mappings()}
            self.frame = self.frame[[column for column in self.frame if column in kept]]
        if label and self._column(label) != target:
            if target in self.frame:
                self._note(f"column '{label}' takes the place of '{target}', as 'label' says")
            self.frame = self.frame.assign(**{target: self.frame[self._column(label)]})
        for column, _ in self._filters():
            if self._column(column) is None:
                problems.add(self._no_column(f"{self.name}.filter", column))
        for column in self._column_mappings():
            if self._column(column) is None:
                problems.add(self._no_column(f"{self.name}.mapping", column))
        problems.raise_if_any()
        return target

    def _require(self) -> None:
        required = as_list(self.options.get("required"))
        if ALL in required:
            named = {self.spec["target"], "speaker", "gender", "age"}
            named |= set(as_list(self.options.get("columns")))
            csv = self.spec["type"] in ("csv", "demo")
            required = [c for c in self.frame if c not in KEY and (csv or c in named)]
        for column in required:
            present = self.frame[self._column(column)].notna()
            self._keep(present, "required", f"no value of '{column}', which is required")
            self._check_rest(f"{self.name}.required", f"no row has a value of '{column}'")

    def _filter(self) -> None:
        for column, values in self._filters():
            text = as_text(self.frame[self._column(column)])
            there = values_of(text)
            wanted = [as_there(text_of(value), there) for value in as_list(values)]
            for value in wanted:
                if value not in there:
                    self._warn(f"filter: '{value}' does not occur in '{column}'")
            near_names.left_out(column, text, text.isin(wanted), "filter", self._warn)
            self._keep(text.isin(wanted), "filter", f"other values of '{column}'")
            self._check_rest(
                f"{self.name}.filter",
                f"leaves no row: '{column}' has the values {listed(there, 10)}",
            )

    def _select(self) -> None:
        """Of soft labels, those that are sure enough."""
        kept, notes = soft_labels.select(self.frame, self.options, f"[DATA] {self.name}.")
        self.notes += notes
        if not kept.all():
            self.dropped["less sure"] += int((~kept).sum())
            self.frame = self.frame[kept]

    def _map_columns(self) -> None:
        for name, mapping in self._column_mappings().items():
            column = self._column(name) or name  # known, see `_read_columns`
            text = as_text(self.frame[column])
            mapped = self._mapped(text, mapping, column)
            self.frame = self.frame.assign(
                **{column: to_numbers(mapped.where(mapped.notna(), text))}
            )

    def _set_truth(self, target: str) -> bool:
        """Columns ``truth`` and ``value`` of the table; whether bins are to come."""
        spec, bins = self.spec, self.spec.get("bins")
        regression = spec["task"] == "regression"
        text = as_text(self.frame[target])
        labels = [text_of(label) for label in spec.get("labels") or []]
        numeric = pd.api.types.is_numeric_dtype(self.frame[target])
        flat = (self.options.get("mapping") or {}).get("target")
        if flat:
            mapped = self._mapped(text, flat, target)
            near_names.left_out(target, text, mapped.notna(), "mapping", self._warn)
            self._keep(mapped.notna(), "mapping", "values not in the mapping", of=text)
            text = mapped[mapped.notna()]
        if regression:
            self.frame = self.frame.assign(**{TRUTH: self._numbers(text, target)})
            return False
        if spec.get("continuous") or bins:
            values = self._numbers(text, target)
            self.frame = self.frame.assign(**{VALUE: values, TRUTH: None})
            if not bins:
                return True
            self.frame[TRUTH] = self._binned(values, bins, labels, target)
            return False
        count = text.nunique()
        if numeric and not flat and not labels and count > _MOST_NUMERIC_CLASSES:
            raise UserError(
                f"[DATA] target: '{target}' of {self.name} has {count} different numbers, too many "
                "for classes: set labels, or type = continuous with bins (or EXP.type = regression)"
            )
        if not labels and count > MOST_CLASSES:
            raise UserError(
                f"[DATA] target: '{target}' of {self.name} has {count} values, at most "
                f"{MOST_CLASSES} classes are told apart: set labels, map them, or choose a column "
                "of classes"
            )
        lines = numeric_labels.hints(values_of(text), target, numeric and not flat)
        for line in [*lines, *looks_missing(labels or values_of(text), target, "class")]:
            self._warn(line)
        self.frame = self.frame.assign(**{TRUTH: text})
        if labels:
            there = values_of(text)
            labels = [as_there(label, there) for label in labels]
            absent = [label for label in labels if label not in there]
            if absent:
                line = f"labels that do not occur: {', '.join(absent)}"
                others = [value for value in there if value not in labels]
                # A slip of the pen in a label is known by them, when all databases are.
                self.unlisted = others[:MOST_CLASSES]
                if close := meant(absent, others):
                    self._warn(f"{line}{close}")
                else:
                    self._note(line)
            near_names.left_out(target, text, text.isin(labels), "labels", self._warn)
            self._keep(text.isin(labels), "labels", "values not in labels", of=text)
            self._check_rest(
                "labels",
                f"none of {listed(labels, 10)} occurs in '{target}' of {self.name}, "
                f"which has the values {listed(there, 10)}{meant(labels, there)}",
            )
        return False

    def _numbers(self, text: pd.Series, target: str) -> pd.Series:
        values = numeric_labels.numbers(text, target, self.name)
        self.warnings += [f"{self.name}: {line}" for line in numeric_labels.marks(values, target)]
        values, notes = numeric_labels.transformed(values, self.options, target)
        for line in notes:
            self._note(line)
        return values

    def _binned(
        self, values: pd.Series, bins: list[float], labels: list[str], target: str
    ) -> pd.Series:
        if len(labels) != len(bins) - 1:
            raise UserError(
                f"[DATA] bins: {count(len(bins), 'limit makes', 'limits make')} "
                f"{count(len(bins) - 1, 'bin')}, but there {agreed(len(labels), 'is', 'are')} "
                f"{count(len(labels), 'label')}"
            )
        if list(bins) != sorted(set(bins)):
            raise UserError("[DATA] bins: the limits must ascend")
        position = np.searchsorted(bins, values, side="right") - 1
        outside = values[(position < 0) | (position >= len(labels))]
        if len(outside):
            lie = agreed(len(outside), "lies", "lie")
            raise UserError(
                f"[DATA] bins: {count(len(outside), 'value')} of '{target}' in {self.name} {lie} "
                f"outside {text_of(bins[0])} to {text_of(bins[-1])} (the last limit is not in the "
                "last bin), "
                f"such as {listed(values_of(as_text(outside)), 3)}"
            )
        return pd.Series(np.array(labels, dtype=object)[position], index=values.index)

    def _find_audio(self) -> None:
        listing = self.listing
        paths = dict(zip(listing.files, listing.paths, strict=True))
        digests = dict(zip(listing.files, listing.digests, strict=True))
        file = self.frame["file"]
        unknown = [name for name in file.unique() if name not in paths]
        if unknown:
            raise UserError(
                f"[DATA] {self.name}: {listed(unknown, 3)} came into the labels after the "
                "audio files were listed: start again"
            )
        self.frame = self.frame.assign(**{PATH: file.map(paths), DIGEST: file.map(digests)})
        spelt = {
            name: path
            for name, path in paths.items()
            if path and not os.path.normpath(path).endswith(os.path.normpath(name).lstrip("./"))
        }
        other = sorted(set(file.unique()) & set(spelt))
        if other:
            self._note(
                f"{count(len(other), 'file is', 'files are')} found by another spelling (case, "
                "slashes, unseen characters or form of "
                f"Unicode), such as {other[0]} as {spelt[other[0]]}"
            )
        missing = sorted(file[self.frame[PATH].isna()].unique())
        if missing:
            lost = f"{len(missing)} of {count(file.nunique(), 'audio file')} "
            lost += "is missing" if len(missing) == 1 else "are missing"
            places = [] if all(name.startswith("/") for name in missing) else listing.tried
            tried = f"; looked in {', '.join(places)}" if places else ""
            if near := near_match(missing[0], listing.tried):
                # One that leads to a file would have been found.
                led = os.path.islink(near) and not os.path.exists(near)
                tried += f"; {near} is a link that leads nowhere" if led else f"; there is {near}"
            raise UserError(f"[DATA] {self.name}: {lost}: {listed(missing, 5)}{tried}")

    def _drop_duplicates(self) -> None:
        """Rows of one file or segment: one label, and one row of them is enough."""
        key = [PLACE, "start", "end"]
        # a.wav and ./a.wav are one file.
        frame = self.frame.assign(**{PLACE: self.frame[PATH].map(os.path.normpath)})
        twice = frame[frame.duplicated(key, keep=False)]
        if twice.empty:
            return
        problems = Problems()
        groups = twice.groupby(key, dropna=False)
        compared = {TRUTH: "labels", VALUE: "labels", "speaker": "speakers"}
        for column, word in compared.items():
            if column in twice:
                times = groups[column].nunique()
                if (times > 1).any():
                    example = twice.loc[twice[PLACE] == times[times > 1].index[0][0]]
                    number = int((times > 1).sum())
                    have = agreed(number, "file or segment has", "files or segments have")
                    problems.add(
                        f"[DATA] {self.name}: {number} {have} several {word}, such as "
                        f"{example['file'].iloc[0]}: "
                        f"{', '.join(values_of(as_text(example[column])))}"
                    )
        problems.raise_if_any()
        # The row that stays must not depend on the order of the source.
        ordered = twice.assign(**{column: twice[column].astype(str) for column in twice})
        ordered = ordered.sort_values(list(ordered.columns))
        extra = ordered[ordered.duplicated(key)].index
        reason = "another row is about the same file or segment"
        self._keep(~self.frame.index.isin(extra), "duplicates", reason, True)

    def _limit(self) -> None:
        options, seed = self.options, self.spec.get("seed") or 0
        least = options.get("check_size") or 0
        if least:
            size = self.frame[PATH].map({p: os.path.getsize(p) for p in self.frame[PATH].unique()})
            self._keep(size >= least, "file size", f"files of fewer than {least} bytes")
            self._check_rest(
                f"{self.name}.check_size", f"leaves no row: the largest file has {size.max()} bytes"
            )
        shortest = options.get("min_duration_of_sample") or 0
        longest = options.get("max_duration_of_sample") or np.inf
        if shortest or longest < np.inf:
            seconds = self._durations()
            self._keep(seconds.between(shortest, longest), "duration", "too short or too long")
            self._check_rest(
                f"{self.name}.{'min' if shortest else 'max'}_duration_of_sample",
                f"leaves no row: they last {seconds.min():.2f} to {seconds.max():.2f} s",
            )
        per_speaker = options.get("limit_samples_per_speaker")
        if per_speaker:
            if "speaker" not in self.frame:
                key = f"{self.name}.limit_samples_per_speaker"
                advice = speaker_advice(self.name, self.frame)
                raise UserError(self._no_column(key, "speaker") + (f" {advice}" if advice else ""))
            order = np.random.default_rng([seed, 1]).permutation(len(self.frame))
            groups = self.frame.iloc[order].groupby("speaker", dropna=False)
            kept = self.frame.index.isin(groups.head(per_speaker).index)
            self._keep(kept, "limit_samples_per_speaker", f"more than {per_speaker} of a speaker")
        limit = options.get("limit_samples")
        if limit and limit < len(self.frame):
            order = np.random.default_rng([seed, 2]).permutation(len(self.frame))
            self._keep(order < limit, "limit_samples", f"more than {limit}")

    def _durations(self) -> pd.Series:
        """Seconds of each row."""
        from izwi.data import audio
        from izwi.data.lengths import lengths

        whole = self.frame["end"].isna()
        paths = sorted(self.frame.loc[whole, PATH].unique())
        problems = Problems()

        seconds: dict[str, float] = {}
        for path, found in zip(paths, lengths(paths), strict=True):
            if isinstance(found, audio.AudioError):
                problems.add(f"[DATA] {self.name}: cannot read {path}: {found}")
            else:
                seconds[path] = found[0] / found[1]
        problems.raise_if_any()
        ends = self.frame["end"].dt.total_seconds()
        ends = ends.where(~whole, self.frame[PATH].map(seconds))
        return ends - self.frame["start"].dt.total_seconds()

    def _assemble(self) -> pd.DataFrame:
        frame = self.frame
        table = frame[["file"]].astype("str")
        table.insert(0, "database", self.name)
        warnings, notes = people.doubts(frame, self.spec["target"])
        self.warnings += [f"{self.name}: {line}" for line in warnings]
        self.notes += [f"{self.name}: {line}" for line in notes]
        for column in ("start", "end"):
            table[column] = frame[column].astype("timedelta64[ns]")
        if "speaker" in frame:
            speaker = frame["speaker"]
            if self.options.get("rename_speakers"):
                speaker = speaker.where(speaker.isna(), self.name + speaker.astype(object))
            table["speaker"] = speaker.astype("str")
        table["digest"] = frame[DIGEST].astype("str")
        numeric = self.spec["task"] == "regression"
        table["truth"] = frame[TRUTH].astype("float64" if numeric else "str")
        if VALUE in frame:
            table["value"] = frame[VALUE]
        if self.part is not None:
            part = self.part.reindex(frame.index)
            table["part"] = part.astype("str")
            if part.isna().any():
                self._note(
                    f"{count(int(part.isna().sum()), 'row is', 'rows are')} in no train, dev or "
                    "test table"
                )
        fold = fold_numbers(frame["fold"], self._warn, self._note) if "fold" in frame else None
        if fold is not None:
            table["fold"] = fold
        done = {*KEY, "speaker", *(["fold"] if fold is not None else [])}
        for column in frame.columns:
            if column in done or column.startswith(":"):
                continue
            name = column
            if column in (*_RESERVED, "fold"):
                name = f"original_{column}"
                self._note(f"column '{column}' is called '{name}' in the table")
            number = pd.api.types.is_numeric_dtype(frame[column])
            table[name] = frame[column] if number else frame[column].astype("str")
        table["database"] = table["database"].astype("str")
        return table.reset_index(drop=True)

    def _mapped(self, text: pd.Series, mapping: dict[Any, Any], column: str) -> pd.Series:
        """Mapped text, None where the mapping says nothing."""
        there = values_of(text)
        table: dict[str, str] = {}
        absent: list[str] = []
        for old, new in mapping.items():
            key = as_there(text_of(old), there)
            parts = [key] if key in there else [part.strip() for part in key.split(",")]
            for value in (as_there(part, there) for part in parts):
                if value not in there:
                    absent.append(value)
                elif table.setdefault(value, text_of(new)) != text_of(new):
                    raise UserError(f"[DATA] {self.name}.mapping: '{value}' is mapped twice")
        if not table:
            raise UserError(
                f"[DATA] {self.name}.mapping: none of {listed(absent, 10)} occurs in '{column}', "
                f"which has the values {listed(there, 10)}"
            )
        if absent:
            close = meant(absent, [value for value in there if value not in table])
            do = agreed(len(absent), "does", "do")
            self._warn(f"mapping: {', '.join(absent)} {do} not occur in '{column}'{close}")
        return text.map(table).astype(object).where(lambda mapped: mapped.notna(), None)

    def _column(self, name: str) -> str | None:
        """The column that a name means."""
        if name in self.frame:
            return name
        other = SYNONYMS.get(name)
        return other if other in self.frame else None

    def _filters(self) -> list[tuple[str, Any]]:
        return [(column, values) for column, values in self.options.get("filter") or []]

    def _column_mappings(self) -> dict[str, dict[Any, Any]]:
        return (self.options.get("mapping") or {}).get("columns") or {}

    def _no_column(self, key: str, column: str) -> str:
        there = [name for name in self.frame if not name.startswith(":")]
        close = nearest(column, there)
        hint = f", did you mean '{close[0]}'?" if close else ""
        return f"[DATA] {key}: {self.name} has no column '{column}' but {', '.join(there)}{hint}"

    def _keep(
        self,
        kept: pd.Series | np.ndarray,
        reason: str,
        why: str,
        warn: bool = False,
        of: pd.Series | None = None,
    ) -> None:
        """Drop the rows that are not kept, and report how many; ``of`` reports it by value."""
        kept = np.asarray(kept)
        dropped = int((~kept).sum())
        if not dropped:
            return
        detail = ""
        if of is not None:
            counts = sorted(Counter(of[~kept]).items(), key=lambda item: (-item[1], item[0]))
            detail = f" ({', '.join(f'{value} {number}' for value, number in counts)})"
        (self._warn if warn else self._note)(
            f"{dropped} of {count(len(self.frame), 'row')} dropped: {why}{detail}"
        )
        self.dropped[reason] += dropped
        self.frame = self.frame[kept]

    def _check_rest(self, key: str, why: str) -> None:
        if self.frame.empty:
            raise UserError(f"[DATA] {key}: {why}")

    def _note(self, text: str) -> None:
        self.notes.append(f"{self.name}: {text}")

    def _warn(self, text: str) -> None:
        self.warnings.append(f"{self.name}: {text}")
