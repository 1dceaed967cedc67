"""The errors of which a model was most sure."""

from __future__ import annotations

import csv
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST = 8  # errors shown of an experiment


@dataclass(frozen=True)
class Mistake:
    """One wrong prediction.

    Args:
        database: its database
        file: audio file as the database writes it
        start: beginning of the segment in seconds, 0 where it is a whole file
        end: its end, None for that of the file
        speaker: id, empty where unknown
        run: in which it was made
        truth: label or number, as text
        prediction: class, or number
        weight: probability of the prediction, or distance between truth and prediction; None
            where the model gives no probabilities
        own: probability of the truth, None likewise
    """

    database: str
    file: str
    start: float
    end: float | None
    speaker: str
    run: str
    truth: str
    prediction: str
    weight: float | None
    own: float | None = None


def most_confident(path: str | Path, task: str, most: int = MOST) -> tuple[list[Mistake], int, str]:
    """The errors with the highest probability; of a regression those farthest off.

    A recording that is wrong in several runs is listed once, for the run that was surest. Without
    probabilities the first errors by file are listed.

    Args:
        path: predictions.csv
        task: ``classification`` or ``regression``
        most: how many at most

    Returns:
        * the errors, the surest first
        * number of recordings with an error (of a regression: with truth and prediction)
        * what represents the samples with their truths: equal where two experiments are tested on
          the same, in whichever order
    """
    found: dict[tuple[str, ...], Mistake] = {}
    samples, tested = 0, 0
    with open(path, newline="", encoding="utf-8") as stream:
        rows = csv.reader(stream)
        header = next(rows)
        place = {name: i for i, name in enumerate(header)}
        truth_at, prediction_at = place["truth"], place["prediction"]
        key_at = [place[name] for name in ("database", "file", "start", "end") if name in place]
        run_at, first_run = place["run"], None
        for row in rows:
            truth, prediction = row[truth_at], row[prediction_at]
            if not truth:
                continue
            key = tuple([row[i] for i in key_at])
            first_run = first_run or row[run_at]
            if row[run_at] == first_run:
                tested += 1
                samples += zlib.crc32("\n".join((*key, truth)).encode())
            own = None
            if task == "regression":
                weight: float | None = abs(float(truth) - float(prediction))
            elif truth == prediction:
                continue
            else:
                weight = _probability(row, place, prediction)
                own = _probability(row, place, truth)
            before = found.get(key)
            if before is not None and (weight or 0) <= (before.weight or 0):
                continue
            found[key] = Mistake(
                database=plain(row[place["database"]]),
                file=plain(row[place["file"]]),
                start=seconds(row[place["start"]]) or 0.0 if "start" in place else 0.0,
                end=seconds(row[place["end"]]) if "end" in place else None,
                speaker=plain(row[place["speaker"]]),
                run=row[place["run"]],
                truth=plain(truth),
                prediction=plain(prediction),
                weight=weight,
                own=own,
            )
    ranked = sorted(found.values(), key=lambda m: (-(m.weight or 0), m.database, m.file, m.start))
    return ranked[:most], len(found), f"{tested}-{samples:x}"


def plain(text: str) -> str:
    """A text of predictions.csv without the apostrophe that keeps spreadsheets from running it."""
    return text[1:] if text[:1] == "'" and text[1:2] in tuple("=+-@\t\r") else text


def seconds(text: str) -> float | None:
    """Seconds of a duration such as ``0 days 00:00:01.250000``, None where there is none."""
    if not text:
        return None
    days, _, clock = text.rpartition(" days ")
    hours, minutes, rest = clock.split(":")
    return int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(rest)


def _probability(row: list[Any], place: dict[str, int], label: str) -> float | None:
    at = place.get(f"p_{plain(label)}")
    return float(row[at]) if at is not None and row[at] else None
