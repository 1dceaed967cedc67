"""How often the default 95 % interval holds the true value, in simulations.

python benchmarks/coverage.py [simulations]

Each simulation draws speakers who differ, and samples of each; the interval should hold the figure
of all speakers that could be drawn. The table stands in docs/statistics.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from izwi.evaluation.intervals import jackknife
from izwi.evaluation.measures import Sample

SPEAKERS = (4, 6, 10, 19, 30)
MEAN_SIZE = 12.0  # samples of a speaker, the median
HIT_SPREAD = 14.0  # of the beta distribution of hit rates: ± .12 around .7
LARGE = 20_000  # speakers of the population whose figure is the true one
Drawn = tuple[Sample, np.ndarray]


@dataclass(frozen=True)
class Scenario:
    """What is simulated.

    Args:
        name: for readers
        measure: which interval
        draw: number of speakers, whether they have as many samples, random numbers → samples with
            their speakers
        true: the value that the interval should hold; None: that of many speakers
    """

    name: str
    measure: str
    draw: Callable[[int, bool, np.random.Generator], Drawn]
    true: float | None = None


def sizes(speakers: int, even: bool, random: np.random.Generator) -> np.ndarray:
    """Samples of each speaker: as many, or log-normal, so that one may have ten times another's."""
    spread = 0.0 if even else 0.7
    drawn = np.exp(random.normal(np.log(MEAN_SIZE), spread, speakers))
    return np.maximum(3, np.round(drawn)).astype(int)


def classified(
    speakers: int,
    even: bool,
    random: np.random.Generator,
    *,
    hit: float,
    classes: int,
    own: bool = False,
) -> Drawn:
    """Speakers with a hit rate each; a class is the rarer, the lower its number.

    Args:
        speakers: how many
        even: as for `sizes`
        random: numbers
        hit: mean of the hit rates
        classes: how many
        own: each speaker has one class (as with diagnoses), a fifth of them the first of two
    """
    rates = random.beta(hit * HIT_SPREAD, (1 - hit) * HIT_SPREAD, speakers)
    codes = np.repeat(np.arange(speakers), sizes(speakers, even, random))
    if own:
        truth = (codes >= max(2, speakers // 5)).astype(int)
    else:
        shares = np.arange(2, classes + 2) / np.arange(2, classes + 2).sum()
        truth = random.choice(classes, len(codes), p=shares)
    wrong = (truth + random.integers(1, classes, len(codes))) % classes
    decided = np.where(random.random(len(codes)) < rates[codes], truth, wrong)
    return Sample(truth, [decided], "classification", range(classes)), codes  # type: ignore[arg-type]


def aged(speakers: int, even: bool, random: np.random.Generator) -> Drawn:
    """Ages, one value a speaker, whose predictions err by speaker (±8) and by sample (±4)."""
    codes = np.repeat(np.arange(speakers), sizes(speakers, even, random))
    ages = random.normal(40, 15, speakers)
    heard = 20 + 0.5 * ages + random.normal(0, 8, speakers)
    guesses = heard[codes] + random.normal(0, 4, len(codes))
    return Sample(ages[codes], [guesses], "regression"), codes


def scored(speakers: int, even: bool, random: np.random.Generator) -> Drawn:
    """Scores of two classes, shifted by speaker."""
    codes = np.repeat(np.arange(speakers), sizes(speakers, even, random))
    truth = random.integers(0, 2, len(codes))
    scores = random.normal(0, 0.4, speakers)[codes] + 1.81 * truth + random.normal(0, 1, len(codes))
    decided = (scores > 0.9).astype(int)
    return Sample(truth, [decided], "classification", [0, 1], [scores]), codes  # type: ignore[list-item]


def _classes(hit: float, classes: int, own: bool = False) -> Callable[..., Drawn]:
    def draw(speakers: int, even: bool, random: np.random.Generator) -> Drawn:
        return classified(speakers, even, random, hit=hit, classes=classes, own=own)

    return draw


SCENARIOS = (
    Scenario("UAR .68, two classes", "uar", _classes(0.68, 2), 0.68),
    Scenario("UAR .64, seven classes", "uar", _classes(0.64, 7), 0.64),
    Scenario("UAR .944, four classes", "uar", _classes(0.944, 4), 0.944),
    Scenario("UAR .964, two classes", "uar", _classes(0.964, 2), 0.964),
    Scenario("UAR .7, a class a speaker", "uar", _classes(0.7, 2, own=True), 0.7),
    Scenario("UAR .9, a class a speaker", "uar", _classes(0.9, 2, own=True), 0.9),
    Scenario("accuracy .64, seven classes", "accuracy", _classes(0.64, 7), 0.64),
    Scenario("F1, four classes", "f1", _classes(0.8, 4)),
    Scenario("EER", "eer", scored),
    Scenario("MSE of age", "mse", aged),
    Scenario("MAE of age", "mae", aged),
    Scenario("CCC of age", "ccc", aged),
    Scenario("PCC of age", "pcc", aged),
)


def true_value(scenario: Scenario, random: np.random.Generator) -> float:
    """The figure of so many speakers that it hardly varies."""
    if scenario.true is not None:
        return scenario.true
    sample, _ = scenario.draw(LARGE, True, random)
    return float(sample.mean_weighted(np.ones((1, len(sample.truth))))[scenario.measure][0])


def covered(
    scenario: Scenario, speakers: int, simulations: int, *, even: bool, seed: int = 1
) -> tuple[int, int, int, int]:
    """Simulations whose interval holds the true value, lies below or above it, or is missing."""
    random = np.random.default_rng([seed, speakers, even])
    true = true_value(scenario, random)
    holds = below = above = missing = 0
    for _ in range(simulations):
        sample, codes = scenario.draw(speakers, even, random)
        low, high = jackknife(sample, codes)[scenario.measure]
        if low is None or high is None:
            missing += 1
        elif high < true:
            below += 1
        elif low > true:
            above += 1
        else:
            holds += 1
    return holds, below, above, missing


def main(simulations: int = 1000) -> None:
    """Print the table in Markdown."""
    print(f"| | speakers have | {' | '.join(map(str, SPEAKERS))} |")
    print("|---|---|" + "---|" * len(SPEAKERS))
    for scenario in SCENARIOS:
        for even in (False, True):
            cells = []
            for speakers in SPEAKERS:
                holds, below, above, _ = covered(scenario, speakers, simulations, even=even)
                known = holds + below + above
                shares = [100 * count / known for count in (holds, below, above)]
                cells.append("{:.0f} ({:.0f}/{:.0f})".format(*shares))
            how = "as many" if even else "uneven"
            print(f"| {scenario.name} | {how} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
