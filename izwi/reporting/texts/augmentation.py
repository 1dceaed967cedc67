"""What is said of augmented copies, from the records alone."""

from __future__ import annotations

from typing import Any

from izwi.augmentation.rooms import OF_RECORDINGS
from izwi.reporting.record import Record
from izwi.reporting.texts.citations import Cites
from izwi.training.types import TrainingReport
from izwi.wording import count


def sentences(record: Record, training: TrainingReport, cites: Cites) -> list[str]:
    """How copies were made, how many, and that none was tested on; none without copies.

    Args:
        record: content of experiment.json
        training: report of the train stage
        cites: takes what is cited
    """
    copies = training["counts"].get("augmented")
    wanted = record.get("augment")
    if copies is None or not wanted:
        return []
    folds = any(fold["fold"] for run in training["runs"] for fold in run["folds"])
    whose = "the training samples of each fold" if folds else "the training samples"
    ways = " and ".join(_way(one, record, cites) for one in wanted["kinds"])
    return [
        f"Augmented copies of {whose} were added to them, {wanted['copies']} of each sample by "
        f"{ways}. In all, {count(training['counts']['train'], 'sample')} had "
        f"{count(copies, 'copy', 'copies')}, with the label and the speaker of their source. No "
        "copy was used for development or testing, and none of a test sample for training."
    ]


def _way(one: dict[str, Any], record: Record, cites: Cites) -> str:
    options = one["options"]
    if one["kind"] == "random_splice":
        return (
            f"random splicing{cites('scherer1971randomized', 'burkhardt2023masking')} (pieces "
            f"between pauses in random order; pauses {options['top_db']:g} dB below the loudest "
            f"moment; each piece reversed with a probability of {options['p_reverse']:g})"
        )
    if one["kind"] == "auglib":
        made = [n for n in OF_RECORDINGS if n not in options["recordings"]]
        applied = ", ".join(
            f"{name} (synthetic)" if name in made else name for name in options["transformations"]
        )
        return f"{_package('auglib', record)} ({applied}; each left out with a probability of " + (
            f"{options['bypass_prob']:g})"
        )
    return f"{_package('audiomentations', record)} ({written(options['augmentations'])})"


def _package(name: str, record: Record) -> str:
    version = record["packages"].get(name)
    return f"{name} {version}" if version else name


def written(found: Any) -> str:
    """Parsed calls as they are written.

    Args:
        found: as `izwi.augmentation.calls.parse` returns it
    """
    if isinstance(found, list):
        return f"[{', '.join(map(written, found))}]"
    if not isinstance(found, dict):
        return repr(found)
    inside = [written(one) for one in found["args"]]
    inside += [f"{name}={written(one)}" for name, one in found["kwargs"].items()]
    return f"{found['call']}({', '.join(inside)})"


def trained_on(counts: dict[str, Any]) -> str:
    """``264 samples and 528 augmented copies``.

    Args:
        counts: ``train``, and ``augmented`` if there are copies
    """
    return count(counts["train"] or 0, "sample") + _and_copies(counts)


def in_folds(counts: dict[str, Any], folds: int, *, of: str = "") -> str:
    """``312 samples in 10 folds, each tested once by a model of other folds``.

    Args:
        counts: ``train``, the samples of all folds, and ``augmented`` if there are copies
        folds: their number
        of: whose samples, such as `` of 10 speakers``
    """
    text = f"{count(counts['train'] or 0, 'sample')}{of} in {count(folds, 'fold')}, each tested "
    copies = _and_copies(counts)
    return f"{text}once by a model of other folds{copies and f' ({copies[5:]} in training)'}"


def _and_copies(counts: dict[str, Any]) -> str:
    copies = counts.get("augmented")
    if copies is None:
        return ""
    return f" and {count(copies, 'augmented copy', 'augmented copies')}"
