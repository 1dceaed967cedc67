"""What two parts of a split have in common: speakers, audio, stretches of one file, texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from izwi.audit import duplicates
from izwi.audit.findings import CUE, LEAK, NOTE, SHOWN, Finding, decimals, percent
from izwi.splits.report import natural, shorten
from izwi.wording import agreed, count

Fold = dict[str, np.ndarray]

# First part, second part, and how grave an overlap of the two is.
PAIRS = (("train", "test", LEAK), ("dev", "test", LEAK), ("train", "dev", NOTE))
# Columns that say what was spoken.
TEXTS = (
    "sentence",
    "text",
    "transcript",
    "transcription",
    "utterance",
    "phrase",
    "prompt",
    "word",
    "digit",
)
# A text is a cue if it predicts the class this share of the way from chance to certainty.
TELLING = 0.3
# Fewest rows for that.
FEWEST = 20


def speakers(split: pd.DataFrame, folds: list[Fold]) -> list[Finding]:
    """Speakers that are in two parts.

    Args:
        split: rows with ``speaker`` and ``part``
        folds: row numbers by part, for each fold
    """
    codes, names = pd.factorize(split["speaker"])
    total = split["speaker"][split["part"] != ""].nunique()
    findings = []
    for first, second, grade in PAIRS:
        both: set[str] = set()
        for rows in folds:
            shared = np.intersect1d(codes[rows[first]], codes[rows[second]])
            both.update(names[shared[shared >= 0]])
        if both:
            line = f"speakers in both {first} and {second}: {len(both)} of {total}: {shorten(both)}"
            counts = {"speakers": len(both), "of": total}
            examples = natural(both)[:SHOWN]
            findings.append(Finding(f"speakers {first}/{second}", grade, line, counts, examples))
    return findings


def audio(frame: pd.DataFrame, folds: list[Fold]) -> list[Finding]:
    """Rows of one part whose audio, byte by byte, is in another, too.

    Args:
        frame: all rows of the split, with ``digest``, ``start``, ``end``, ``file``, ``truth``
        folds: row numbers by part, for each fold
    """
    known = frame["digest"].notna().to_numpy()
    ids = _audio(frame)
    labelled = frame.groupby([ids, "truth"], dropna=False).ngroup().to_numpy()
    findings = []
    for first, second, grade in PAIRS:
        again, other, of = [], 0, 0
        for rows in folds:
            here, there = rows[second][known[rows[second]]], rows[first][known[rows[first]]]
            of += len(rows[second])
            met = here[np.isin(ids[here], ids[there])]
            again.extend(met)
            other += int((~np.isin(labelled[met], labelled[there])).sum())
        if again:
            files = list(dict.fromkeys(frame["file"].iloc[again]))
            line = (
                f"the same audio in both {first} and {second}: {count(len(again), 'row')} of "
                f"{of} of {second}, such as {', '.join(files[:2])}"
            )
            if other:
                line += f"; {other} with another label"
            counts = {"rows": len(again), "of": of, "other_label": other}
            findings.append(Finding(f"audio {first}/{second}", grade, line, counts, files[:SHOWN]))
    return findings


def stretches(frame: pd.DataFrame, folds: list[Fold]) -> list[Finding]:
    """Segments of one part that overlap in time with other segments of the same file elsewhere.

    Args:
        frame: as for :func:`audio`
        folds: row numbers by part, for each fold
    """
    within = ((frame["start"] > pd.Timedelta(0)) | frame["end"].notna()).to_numpy()
    if not within.any():
        return []
    start = frame["start"].fillna(pd.Timedelta(0)).dt.total_seconds().to_numpy()
    end = frame["end"].dt.total_seconds().fillna(np.inf).to_numpy()
    code = pd.factorize(frame["digest"])[0]  # -1 is unknown
    findings = []
    for first, second, grade in PAIRS:
        met: list[int] = []
        others: list[int] = []
        shared: set[int] = set()
        for rows in folds:
            there, here = (
                pd.Series(own).groupby(code[own]).indices for own in (rows[first], rows[second])
            )
            for file in here.keys() & there.keys() - {-1}:
                shared.add(file)
                own, other = rows[second][here[file]], rows[first][there[file]]
                again = own[_overlap((start[own], end[own]), (start[other], end[other]))]
                met.extend(again)
                others.extend(other if len(again) else ())
        files = list(dict.fromkeys(frame["file"].iloc[met]))
        if met:
            # Of a whole file and a stretch of it, one is no segment.
            unit = "segment" if within[met].all() and within[others].all() else "sample"
            line = (
                f"{count(len(met), unit)} of {second} {agreed(len(met), 'overlaps', 'overlap')} in "
                f"time with {unit}s in {first}, such as those of {', '.join(files[:2])}"
            )
            counts = {f"{unit}s": len(met), "files": len(files)}
            kind = f"overlapping {unit}s {first}/{second}"
            findings.append(Finding(kind, grade, line, counts, files[:SHOWN]))
        elif shared:
            line = (
                f"segments of the same file in both {first} and {second}: "
                f"{count(len(shared), 'file')}"
            )
            counts = {"files": len(shared)}
            findings.append(Finding(f"files {first}/{second}", NOTE, line, counts))
    return findings


def _overlap(
    these: tuple[np.ndarray, np.ndarray], others: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Which stretches (start, end) overlap with some of others, without being the same as one."""
    order = np.argsort(others[0], kind="stable")
    start, latest = others[0][order], np.maximum.accumulate(others[1][order])
    before = np.searchsorted(start, these[1], side="left")
    met = (before > 0) & (latest[np.maximum(before - 1, 0)] > these[0])
    same = set(zip(*(side.tolist() for side in others), strict=True))
    own = zip(*(side.tolist() for side in these), strict=True)
    return met & np.array([stretch not in same for stretch in own])


def copies(frame: pd.DataFrame, prints: duplicates.Prints) -> np.ndarray | None:
    """Rows that are one recording, resampled, amplified, trimmed or coded again.

    Args:
        frame: as for :func:`audio`
        prints: fingerprint of each row

    Returns:
        row numbers, shape (pairs, 2): for the same audio, byte by byte, its first row stands;
        stretches of one file are no pairs; None where too many are alike
    """
    first = np.unique(_audio(frame), return_index=True)[1]
    files = pd.factorize(frame["digest"].iloc[first], use_na_sentinel=False)[0]
    starts = frame["start"].iloc[first].fillna(pd.Timedelta(0)).dt.total_seconds().to_numpy()
    # In the order of the rows no copy of the fingerprints is needed.
    order = np.argsort(first)
    found = duplicates.pairs(prints.take(first[order]), files[order], starts[order])
    if found is None:
        return None
    found = np.sort(order[found], axis=1)
    return first[found[np.lexsort((found[:, 1], found[:, 0]))]]


def _audio(frame: pd.DataFrame) -> np.ndarray:
    """A number for each different piece of audio, shape (rows,)."""
    return frame.groupby(["digest", "start", "end"], dropna=False).ngroup().to_numpy()


def near(frame: pd.DataFrame, pair: np.ndarray | None, folds: list[Fold]) -> list[Finding]:
    """Rows of one part that are rows of another, resampled, amplified, trimmed or coded again.

    Args:
        frame: as for :func:`audio`
        pair: as :func:`copies` gives it
        folds: row numbers by part, for each fold
    """
    if pair is None:
        line = "too many recordings are alike to look for near-duplicates, as noise and tones are"
        return [Finding("near-duplicates", NOTE, line)]
    ids = _audio(frame)
    representative = np.full(ids.max(initial=-1) + 1, -1)
    representative[ids[pair]] = pair
    pair = ids[pair]
    findings: list[Finding] = []
    if not len(pair):
        return findings
    both = np.concatenate([pair, pair[:, ::-1]])
    for first, second, grade in PAIRS:
        rows_met, of = 0, 0
        examples: list[Any] = []
        for rows in folds:
            of += len(rows[second])
            in_first = np.isin(both[:, 0], ids[rows[first]])
            across = both[in_first & np.isin(both[:, 1], ids[rows[second]])]
            rows_met += int(np.isin(ids[rows[second]], across[:, 1]).sum())
            examples += [
                [frame["file"].iloc[representative[b]], frame["file"].iloc[representative[a]]]
                for a, b in across[: SHOWN - len(examples)]
            ]
        if rows_met:
            line = (
                f"{count(rows_met, 'row')} of {of} of {second} are near-duplicates of rows in "
                f"{first} (one recording, resampled, trimmed or coded again), such as "
                f"{' and '.join(examples[0])}"
            )
            counts = {"rows": rows_met, "of": of}
            findings.append(
                Finding(f"near-duplicates {first}/{second}", grade, line, counts, examples)
            )
    return findings


def texts(frame: pd.DataFrame, target: str, folds: list[Fold], labels: list[str]) -> list[Finding]:
    """Texts that test shares with train, and how well the text alone predicts the class.

    The class that a text has most often in train is guessed for the rows of test.

    Args:
        frame: all rows, with ``truth`` and the columns of the databases
        target: the column that is predicted
        folds: row numbers by part, for each fold
        labels: the classes, none for regression
    """
    findings = []
    truth, names = pd.factorize(frame["truth"])  # -1 is unknown
    for column in TEXTS:
        if column == target or column not in frame:
            continue
        plain = frame[column].astype("str").str.strip().str.casefold().where(frame[column].notna())
        spoken, wordings = pd.factorize(plain)
        of, there, guessed = 0, [], []
        for rows in folds:
            test, train = (rows[part][spoken[rows[part]] >= 0] for part in ("test", "train"))
            again = test[np.isin(spoken[test], spoken[train])]
            of += len(test)
            there.append(spoken[again])
            if labels:
                counted = np.zeros((len(wordings), len(names)))
                train = train[truth[train] >= 0]
                np.add.at(counted, (spoken[train], truth[train]), 1)
                again = again[(truth[again] >= 0) & (counted[spoken[again]].sum(axis=1) > 0)]
                guess = counted[spoken[again]].argmax(axis=1)
                guessed.append(np.stack([truth[again], guess]))
        met = np.concatenate(there)
        if not len(met):
            continue
        different = wordings[np.unique(met)]
        line = (
            f"{percent(len(met) / of)} of the test rows have a {column} that also occurs in "
            f"training ({len(different)} different)"
        )
        counts: dict[str, Any] = {"rows": len(met), "of": of, "different": len(different)}
        grade = NOTE
        truths, guesses = np.concatenate(guessed, axis=1) if guessed else (np.empty(0), np.empty(0))
        classes = np.unique(truths)
        if len(classes) > 1:
            uar = float(np.mean([(guesses[truths == c] == c).mean() for c in classes]))
            chance = 1 / len(classes)
            counts |= {"uar": round(uar, 4), "chance": round(chance, 4)}
            if uar - chance >= TELLING * (1 - chance) and len(truths) >= FEWEST:
                grade = CUE
                line += f": the {column} alone tells the class"
            line += f" (UAR {decimals(uar)} by the {column} alone, chance {decimals(chance)})"
        examples = natural(different)[:SHOWN]
        findings.append(Finding(f"same {column}", grade, line, counts, examples))
    return findings
