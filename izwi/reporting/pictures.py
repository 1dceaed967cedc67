"""Pictures of what metrics.json has: an entry for each option of ``[PLOT]`` that asks for one.

Options, their reference page, what is drawn, its caption and its key follow from the entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class OfMetrics:
    """What one option of ``[PLOT]`` draws.

    Args:
        module: of `izwi.plots`, with a function ``(metrics, path, title)`` for each picture
        doc: line of the reference page
        pictures: function and name of the file → title, and what is seen
        regression: whether regressions have it, too
    """

    module: str
    doc: str
    pictures: Mapping[str, tuple[str, str]]
    regression: bool = False


OF_METRICS = {
    "calibration": OfMetrics(
        "probabilities",
        "reliability diagram: how often decisions are right, over their probability",
        {
            "reliability": (
                "Reliability",
                "How often decisions are right over their probability, and how many there are of "
                "each. On the dotted line probabilities are right; below it the model is too sure.",
            ),
        },
    ),
    "uncertainty": OfMetrics(
        "probabilities",
        "entropy of right and wrong decisions, and the errors left where the uncertain are refused",
        {
            "uncertainty": (
                "Uncertainty",
                "Right and wrong decisions by the entropy of their probabilities, as share of the "
                "largest.",
            ),
            "risk_coverage": (
                "Risk and coverage",
                "The share of errors among the decisions that are kept, the most certain first. "
                "The further it falls to the left, the better uncertainty tells errors.",
            ),
        },
    ),
    "recall": OfMetrics(
        "by_group",
        "plot the recall of each class, with its interval",
        {
            "recall": (
                "Recall per class",
                "The share of each class that is recognised, with its 95 % interval; the dotted "
                "line is their mean.",
            ),
        },
    ),
    "fairness": OfMetrics(
        "by_group",
        "plot the measure by sex, age group and language, with intervals",
        {
            "fairness": (
                "Groups of speakers",
                "The measure for each group of speakers, with its 95 % interval; p says how often "
                "speakers put into groups by chance are as far apart.",
            ),
        },
        regression=True,
    ),
}
