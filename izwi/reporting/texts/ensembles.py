"""What the Methods section says of an ensemble."""

from __future__ import annotations

from typing import Any

from izwi.reporting.numbers import rounded
from izwi.reporting.record import Record
from izwi.reporting.texts import words
from izwi.reporting.texts.citations import Cites
from izwi.training.types import TrainingReport
from izwi.wording import count

_KITTLER, _WOLPERT = "kittler1998combining", "wolpert1992stacked"
_CLASSES = {
    "mean": "the mean of the probabilities",
    "sum": "the sum of the probabilities",
    "max": "the largest probability of each class",
    "majority": "the majority of the votes; of classes with equal votes, that with the larger mean "
    "probability was taken",
    "uncertainty_threshold": "the least uncertain member where its uncertainty (the entropy as a "
    "share of the largest possible) was at most {threshold:g}, and else the mean of the "
    "probabilities",
    "uncertainty_weighted": "the mean of the probabilities, weighted sample by sample by the "
    "inverse of the uncertainty (the entropy as a share of the largest possible)",
    "confidence_weighted": "the mean of the probabilities, weighted sample by sample by 1 minus "
    "the uncertainty (the entropy as a share of the largest possible)",
    "performance_weighted": "the mean of the probabilities, weighted by how good the members were",
    "stacking": "a logistic regression on the probabilities",
}
_NUMBERS = {
    "mean": "the mean",
    "median": "the median",
    "performance_weighted": "the mean, weighted by how good the members were",
}


def sentences(record: Record, training: TrainingReport, cites: Cites) -> list[str]:
    """How members were fused, and what their weights rest on.

    Args:
        record: content of experiment.json
        training: report of the ensemble stage
        cites: takes what is cited
    """
    about = training["ensemble"]
    method, names = about["method"], about["members"]
    ways = _CLASSES if record["task"] == "classification" else _NUMBERS
    cited = _WOLPERT if method == "stacking" else _KITTLER
    way = ways[method].format(**about)
    found = [
        f"The predictions of {count(len(names), 'experiment')} ({', '.join(names)}), which were "
        f"trained and tested on the same split, were fused{cites(cited)} by {way}. The methods "
        "of each are in its own text."
    ]
    if learned := about.get("learned"):
        found += _learned(record, about, learned)
    return found


def _learned(record: Record, about: dict[str, Any], learned: list[dict[str, Any]]) -> list[str]:
    """Inner folds, and the weights that came of them."""
    kept = words.kept_apart(about["inner_units"])
    each = f", for each of {len(learned)} folds and runs anew" if len(learned) > 1 else ""
    what = "The regression was fitted" if about["method"] == "stacking" else "The weights rested"
    found = [
        f"{what} on predictions of training samples that the members made on up to "
        f"{count(about['folds'], 'inner fold')}, {kept}{each}; no test sample took part."
    ]
    if about["method"] == "performance_weighted":
        measure = record["evaluation"]["measure"]
        kind = "1 / " if measure in ("mse", "mae", "eer") else ""
        found.append(
            f"A member's weight was its {kind}{measure.upper()} on these, scaled to sum to 1."
        )
        told = [
            f"{name} {_range([one['weights'][name] for one in learned])}"
            for name in about["members"]
        ]
        found.append(f"The weights were {', '.join(told)}.")
    return found


def _range(values: list[float]) -> str:
    low, high = rounded(min(values)), rounded(max(values))
    return low if low == high else f"{low} to {high}"
