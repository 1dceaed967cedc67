"""The equal error rate of many weightings of the same samples.

Where misses and false acceptances cross is looked for twice: among some sixty slices of the scores,
whose weighted counts are one matrix product over speakers, and then among the thresholds of the one
slice in which they cross. All sums are of whole numbers, hence exact in any order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# Beyond it sums of whole numbers are not exact in single precision.
EXACT_SINGLE = 2**24
# What a sum over the samples of a slice costs, in multiplications of a matrix product.
COST_OF_A_SAMPLE = 400


class Scores:
    """Scores in order, cut into slices.

    Args:
        truth: (samples) 1 for what is to be detected, else 0
        scores: (samples)
        groups: (samples) number of the group that each belongs to; absent: each is its own
        n_groups: number of groups
    """

    def __init__(
        self, truth: np.ndarray, scores: np.ndarray, groups: np.ndarray | None, n_groups: int
    ) -> None:
        n = len(truth)
        order = np.argsort(scores, kind="stable")
        self.owner = order if groups is None else groups[order]
        self.positive = truth[order] == 1
        # A threshold lies behind the last of equal scores, and the first below all.
        ends = np.flatnonzero(np.diff(scores[order])) + 1
        self.behind = np.concatenate([[0], ends, [n]])
        cost = math.sqrt(n * COST_OF_A_SAMPLE / max(1, n_groups)) if groups is not None else 64
        slices = int(np.clip(cost, 1, max(1, len(self.behind) - 1)))
        self.edges = np.unique(np.linspace(0, len(self.behind) - 1, slices + 1).astype(np.int64))
        self.counts = self._slices(order, groups, n_groups)

    def _slices(
        self, order: np.ndarray, groups: np.ndarray | None, n_groups: int
    ) -> Callable[[np.ndarray], np.ndarray]:
        """What makes weighted counts (weightings, slices, negatives and positives)."""
        slices = len(self.edges) - 1
        sizes = np.diff(self.behind[self.edges])
        cell = np.repeat(np.arange(slices), sizes) * 2 + self.positive
        if groups is not None:
            at = self.owner * (2 * slices) + cell
            counts = np.bincount(at, minlength=n_groups * 2 * slices).reshape(n_groups, 2 * slices)
            double, single = counts.astype(np.float64), counts.astype(np.float32)

            def of_groups(weights: np.ndarray) -> np.ndarray:
                if weights.max(initial=0) * len(order) < EXACT_SINGLE:
                    found = (weights.astype(np.float32) @ single).astype(np.float64)
                else:
                    found = weights @ double
                return found.reshape(-1, slices, 2)

            return of_groups
        # Samples sorted by class and score have their slices in a row each.
        of_sample = np.empty_like(cell)
        of_sample[order] = cell
        begins = np.append(0, np.flatnonzero(np.diff(of_sample)) + 1)
        if len(begins) > 16 * slices:
            sorting = np.argsort(of_sample, kind="stable")
            of_sample = of_sample[sorting]
            begins = np.append(0, np.flatnonzero(np.diff(of_sample)) + 1)
        else:
            sorting = None
        run_of = np.zeros((len(begins), 2 * slices))
        run_of[np.arange(len(begins)), of_sample[begins]] = 1

        def of_samples(weights: np.ndarray) -> np.ndarray:
            own = weights if sorting is None else weights[:, sorting]
            return (np.add.reduceat(own, begins, axis=1) @ run_of).reshape(-1, slices, 2)

        return of_samples


class _Crossing(NamedTuple):
    """What lies below the thresholds before and behind the crossing; each (weightings, 2)."""

    before: np.ndarray
    behind: np.ndarray


def equal_error_rate(kept: Scores, weights: np.ndarray) -> np.ndarray:
    """The midpoint of the rates where misses and false acceptances cross.

    As in Maio et al., "FVC2000" (2002), with the rejection of everything as a point of the curve.

    Args:
        kept: the scores
        weights: (weightings, groups), whole numbers

    Returns:
        (weightings), NaN without samples of one of both classes
    """
    counts = kept.counts(weights)
    below = np.zeros((len(weights), counts.shape[1] + 1, 2))
    np.cumsum(counts, axis=1, out=below[:, 1:])
    totals = below[:, -1]
    at_edge = np.argmax(_crossed(below, totals[:, None]), axis=1)
    found = _Crossing(np.zeros((len(weights), 2)), np.zeros((len(weights), 2)))
    for edge in np.unique(at_edge):
        rows = np.flatnonzero(at_edge == edge)
        if edge == 0:
            # As with weights that are all 0.
            found.before[rows] = found.behind[rows] = below[rows, 0]
            continue
        _within(kept, weights, rows, int(edge), below[rows, edge - 1], totals, found)
    return _midpoint(found, totals)


def _within(
    kept: Scores,
    weights: np.ndarray,
    rows: np.ndarray,
    edge: int,
    start: np.ndarray,
    totals: np.ndarray,
    found: _Crossing,
) -> None:
    """Find the crossing among the thresholds of the slice before an edge."""
    first, last = kept.edges[edge - 1], kept.edges[edge]
    behind = kept.behind[first : last + 1]
    samples = slice(behind[0], behind[-1])
    positive = kept.positive[samples]
    # What ends at each threshold, beginning with the one at the start of the slice.
    at = behind[1:] - behind[0]
    step = max(1, 4_000_000 // max(1, len(positive)))
    for begin in range(0, len(rows), step):
        some = rows[begin : begin + step]
        own = weights[np.ix_(some, kept.owner[samples])]
        below = np.zeros((len(some), len(behind), 2))
        below[:, 1:, 1] = np.cumsum(own * positive, axis=1)[:, at - 1]
        below[:, 1:, 0] = np.cumsum(own, axis=1)[:, at - 1] - below[:, 1:, 1]
        below += start[begin : begin + step, None]
        second = np.argmax(_crossed(below, totals[some, None]), axis=1)
        each = np.arange(len(some))
        found.before[some] = below[each, np.maximum(second - 1, 0)]
        found.behind[some] = below[each, second]


def _crossed(below: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Where false acceptances ≤ misses, times both totals, in whole numbers."""
    negatives, positives = totals[..., 0], totals[..., 1]
    return below[..., 1] * negatives + below[..., 0] * positives >= positives * negatives


def _midpoint(found: _Crossing, totals: np.ndarray) -> np.ndarray:
    negatives, positives = totals[:, 0], totals[:, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        (accepted_before, miss_before), (accepted, miss) = (
            ((negatives - below[:, 0]) / negatives, below[:, 1] / positives) for below in found
        )
    both = np.where(
        accepted == miss,
        accepted + miss,
        np.minimum(accepted_before + miss_before, accepted + miss),
    )
    return both / 2
