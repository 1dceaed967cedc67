"""Fairness: is a model better for some groups of speakers (sex, age, language)?"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from izwi.evaluation.intervals import CELLS_AT_ONCE, by_method
from izwi.evaluation.measures import Sample, mean_of
from izwi.wording import count

COLUMNS = ("gender", "age", "language")
AGES = (20.0, 40.0, 60.0)
PERMUTATIONS = 10_000  # with the observed one
LEVEL = 0.05
MOST_GROUPS = 20


def traits(tables: list[pd.DataFrame], target: str) -> pd.DataFrame:
    """What is known of each row's speaker.

    Args:
        tables: of the load stage, in the order of the split
        target: what is predicted; measures of one class alone would say nothing

    Returns:
        of :data:`COLUMNS`, those that a table has and that are not the target, as text (ages in
        groups), a row for each row number
    """
    if target == "sex":
        target = "gender"
    table = pd.concat(
        [table[[name for name in COLUMNS if name in table]] for table in tables], ignore_index=True
    )
    found = pd.DataFrame(index=table.index)
    for name in COLUMNS:
        if name in table and name != target:
            values = table[name]
            numbers = pd.to_numeric(values, errors="coerce")
            if name == "age" and numbers.notna().sum() == values.notna().sum():
                values = age_groups(numbers)
            found[name] = values.astype(object).map(str, na_action="ignore")
    return found


def age_groups(ages: pd.Series) -> pd.Series:
    """Ages in years as ``under 20``, ``20 to 39``, ``40 to 59``, ``60 and over``."""
    names = [f"{low:g} to {high - 1:g}" for low, high in itertools.pairwise(AGES)]
    names = [f"under {AGES[0]:g}", *names, f"{AGES[-1]:g} and over"]
    return pd.cut(ages, [-math.inf, *AGES, math.inf], right=False, labels=names)


def fairness(
    sample: Sample, rows: pd.DataFrame, measure: str, *, seed: int, method: str = "auto"
) -> dict[str, dict[str, Any]]:
    """The measure for each group of speakers, and whether the gap exceeds chance.

    The gap is the measure's range over the groups. Its p is the share of random assignments of the
    speakers to groups of the same sizes whose gap is as large (a permutation test over speakers,
    two-sided; the observed assignment is one of them). It cannot be had where some speaker is in
    several groups, and is not tested where so few assignments exist that none could be significant.

    Args:
        sample: truth and predictions of all runs
        rows: (samples) ``speaker`` and any of :data:`COLUMNS`
        measure: a name that :func:`izwi.evaluation.measures.measures` returns
        seed: of intervals and permutations
        method: of the intervals, one of `izwi.evaluation.intervals.METHODS`

    Returns:
        column → ``groups`` (value → ``n``, ``n_speakers``, ``value``, ``ci``, ``ci_method``,
        ``ci_reason``, why it has none),
        ``unknown`` (samples without a value, left out), ``gap``, ``p`` and ``test``, what was done
        or why not. Columns in which all samples have the same value are left out.
    """
    if measure != "eer" and sample.scores is not None:
        sample = sample.part(np.arange(len(sample.truth)))
        sample.scores = None  # for all resamples it would take long
    rows = rows.reset_index(drop=True)
    found = {}
    for column in COLUMNS:
        if column not in rows or not 1 < rows[column].nunique() <= MOST_GROUPS:
            continue
        known = np.flatnonzero(rows[column].notna())
        own, part = rows.iloc[known].reset_index(drop=True), sample.part(known)
        groups: dict[str, dict[str, Any]] = {}
        for name, places in own.groupby(column, sort=True, observed=True).indices.items():
            group = part.part(places)
            speakers = own["speaker"].iloc[places]
            limits, how, why = by_method(group, speakers, seed=seed, method=method)
            groups[str(name)] = {
                "n": len(places),
                "n_speakers": int(speakers.nunique()) or None,
                "value": mean_of(group.measures())[measure],
                "ci": list(limits[measure]),
                "ci_method": how,
                "ci_reason": why.get(measure),
            }
        values = [group["value"] for group in groups.values() if group["value"] is not None]
        gap = max(values) - min(values) if len(values) == len(groups) else None
        p, test = _chance(part, own, column, measure, seed) if gap is not None else (None, "")
        found[column] = {
            "groups": groups,
            "unknown": len(rows) - len(known),
            "gap": gap,
            "p": p,
            "test": test or f"not testable: {measure} is undefined for some groups",
        }
    return found


def _chance(
    sample: Sample, rows: pd.DataFrame, column: str, measure: str, seed: int
) -> tuple[float | None, str]:
    if rows["speaker"].isna().any():
        return None, "not testable: samples without a speaker"
    pairs = rows[["speaker", column]].drop_duplicates().sort_values("speaker")
    if pairs["speaker"].duplicated().any():
        return None, f"not testable: speakers with several values of {column}"
    sizes = Counter(pairs[column])
    ways = math.factorial(len(pairs)) // math.prod(map(math.factorial, sizes.values()))
    # Groups of one size can change places without a change of the gap.
    alike = math.prod(map(math.factorial, Counter(sizes.values()).values()))
    if alike / ways > LEVEL:
        return (
            None,
            f"not testable: {count(len(pairs), 'speaker')} can be grouped in "
            f"{count(int(ways), 'way')} alone",
        )
    names, codes = np.unique(rows["speaker"].to_numpy(dtype=str), return_inverse=True)
    group = pairs.set_index("speaker")[column].reindex(names).to_numpy()
    gaps = [
        np.ptp(
            [
                sample.mean_weighted((chunk == number).astype(float), codes)[measure]
                for number in range(len(sizes))
            ],
            axis=0,
        )
        for chunk in _assignments(np.unique(group, return_inverse=True)[1], sample, measure, seed)
    ]
    found = np.concatenate(gaps)
    # An assignment without a figure counts against the gap; equal is equal but for rounding.
    reached = ~(found < found[0] - 1e-10 * np.nanmax(found))
    return float(reached.mean()), f"permutation of {len(pairs)} speakers, {PERMUTATIONS} random"


def _assignments(
    groups: np.ndarray, sample: Sample, measure: str, seed: int
) -> Iterator[np.ndarray]:
    """Chunks of (assignments, speakers) of numbers of groups; the first is the observed one."""
    random = np.random.default_rng(seed)
    wide = len(sample.truth) if measure == "eer" else len(groups)
    step = max(1, CELLS_AT_ONCE // max(wide, len(sample.labels) ** 2))
    first = groups[None]
    for begin in range(0, PERMUTATIONS, step):
        size = min(step, PERMUTATIONS - begin)
        chunk = random.permuted(np.tile(groups, (size, 1)), axis=1)
        chunk[: len(first)] = first
        first = first[:0]
        yield chunk
