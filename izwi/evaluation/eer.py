"""The equal error rate of many weightings of the same samples.

Where misses and false acceptances cross is looked for among some fifty slices of the scores, whose
weighted counts are one matrix product over speakers, then among as many slices of the one in which
they cross, and so on; in the end among its thresholds. All sums are of whole numbers, hence exact
in any order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# Beyond it sums of whole numbers are not exact in single precision.
EXACT_SINGLE = 2**24
# What a sum over the samples of a slice costs, in multiplications of a matrix product.
COST_OF_A_SAMPLE = 400
# Slices of all scores or of a slice, and how many slices of speakers are kept for more weightings.
SLICES = 48
KEPT = 12


class Weightings:
    """How often groups, or samples, count.

    Args:
        weights: (weightings, groups), whole numbers
    """

    def __init__(self, weights: np.ndarray) -> None:
        self.weights = weights

    def __len__(self) -> int:
        return len(self.weights)

    def of(self, rows: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Weights of some groups in some weightings."""
        return self.weights[np.ix_(rows, groups)]

    def counts(self, rows: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Weighted sums over the groups in some weightings, for counts (groups, cells)."""
        weights = self.weights if len(rows) == len(self.weights) else self.weights[rows]
        return _product(weights, cells)


class Swaps(Weightings):
    """Of two groups for each speaker, one counts: the first, or the second where it is swapped.

    The last half of the weightings is the first with all speakers swapped.

    Args:
        weights: (swaps, speakers) 1 where a speaker is swapped, else 0
    """

    def __len__(self) -> int:
        return 2 * len(self.weights)

    def of(self, rows: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """See the base class; of a speaker the second group comes after all first ones."""
        swaps, n = self.weights.shape
        second, speaker = np.divmod(groups, n)
        flipped = (rows // swaps)[:, None] ^ second
        return np.abs(1 - flipped - self.weights[np.ix_(rows % swaps, speaker)])

    def counts(self, rows: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """See the base class; one product serves a swap and that of all others."""
        swaps, n = self.weights.shape
        which, place = np.unique(rows % swaps, return_inverse=True)
        weights = self.weights if len(which) == swaps else self.weights[which]
        more = _product(weights, cells[n:] - cells[:n], most=float(cells.sum()))[place]
        first, both = cells[:n].sum(axis=0), cells.sum(axis=0)
        found = first + more
        flipped = rows >= swaps
        found[flipped] = both - found[flipped]
        return found


def _product(weights: np.ndarray, cells: np.ndarray, most: float | None = None) -> np.ndarray:
    """Sums of whole numbers, exact; ``most`` is what none exceeds."""
    if most is None:
        most = float(weights.max(initial=0)) * float(cells.sum())
    if most < EXACT_SINGLE:
        return (weights.astype(np.float32) @ cells.astype(np.float32)).astype(np.float64)
    return weights.astype(np.float64) @ cells.astype(np.float64)


class Scores:
    """Scores in order.

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
        self.n_groups = n_groups
        self.of_samples = self._by_sample(order) if groups is None else None
        self.kept: dict[tuple[int, int], np.ndarray] = {}

    def edges(self, first: int, last: int) -> np.ndarray:
        """Thresholds that cut those from the first to the last into slices."""
        slices = int(np.clip(last - first, 1, SLICES))
        return np.unique(np.linspace(first, last, slices + 1).astype(np.int64))

    def counts(self, weights: Weightings, rows: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """Weighted negatives and positives of slices, shape (rows, slices, 2)."""
        if self.of_samples is not None:
            return self.of_samples(weights.weights)
        return weights.counts(rows, self._cells(edges)).reshape(len(rows), -1, 2)

    def is_few(self, first: int, last: int) -> bool:
        """Whether a sum over the samples between two thresholds is cheaper than over groups."""
        samples = self.behind[last] - self.behind[first]
        cost = self.n_groups * 2 * SLICES // COST_OF_A_SAMPLE
        return self.of_samples is not None or samples <= max(SLICES, cost)

    def _cell_of(self, edges: np.ndarray) -> np.ndarray:
        samples = slice(self.behind[edges[0]], self.behind[edges[-1]])
        sizes = np.diff(self.behind[edges])
        return np.repeat(np.arange(len(sizes)), sizes) * 2 + self.positive[samples]

    def _cells(self, edges: np.ndarray) -> np.ndarray:
        """Counts of the groups, (groups, slices times two)."""
        key = int(edges[0]), int(edges[-1])
        if key not in self.kept:
            if len(self.kept) == KEPT:
                # The slices of all scores are the first, and wanted each time.
                self.kept.pop(list(self.kept)[1])
            width = 2 * (len(edges) - 1)
            owner = self.owner[self.behind[key[0]] : self.behind[key[1]]]
            at = owner * width + self._cell_of(edges)
            counts = np.bincount(at, minlength=self.n_groups * width)
            self.kept[key] = counts.reshape(self.n_groups, width).astype(np.float32)
        return self.kept[key]

    def _by_sample(self, order: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """What makes weighted counts of the slices of all scores, where each sample is a group."""
        edges = self.edges(0, len(self.behind) - 1)
        slices = len(edges) - 1
        cell = self._cell_of(edges)
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


def equal_error_rate(kept: Scores, weights: np.ndarray | Weightings) -> np.ndarray:
    """The midpoint of the rates where misses and false acceptances cross.

    As in Maio et al., "FVC2000" (2002), with the rejection of everything as a point of the curve.

    Args:
        kept: the scores
        weights: (weightings, groups), whole numbers

    Returns:
        (weightings), NaN without samples of one of both classes
    """
    if not isinstance(weights, Weightings):
        weights = Weightings(weights)
    number = len(weights)
    found = _Crossing(np.zeros((number, 2)), np.zeros((number, 2)))
    edges = kept.edges(0, len(kept.behind) - 1)
    counts = kept.counts(weights, np.arange(number), edges)
    totals = counts.sum(axis=1)
    _among(kept, weights, np.arange(number), edges, counts, np.zeros((number, 2)), totals, found)
    return _midpoint(found, totals)


def _among(
    kept: Scores,
    weights: Weightings,
    rows: np.ndarray,
    edges: np.ndarray,
    counts: np.ndarray,
    start: np.ndarray,
    totals: np.ndarray,
    found: _Crossing,
) -> None:
    """Find the crossing of some weightings among slices, of which there are counts."""
    below = np.zeros((len(rows), counts.shape[1] + 1, 2))
    np.cumsum(counts, axis=1, out=below[:, 1:])
    below += start[:, None]
    at_edge = np.argmax(_crossed(below, totals[rows, None]), axis=1)
    for edge in np.unique(at_edge).tolist():
        these = np.flatnonzero(at_edge == edge)
        own = rows[these]
        if edge == 0:
            # As with weights that are all 0.
            found.before[own] = found.behind[own] = below[these, 0]
            continue
        first, last = int(edges[edge - 1]), int(edges[edge])
        begin = below[these, edge - 1]
        if last == first + 1:
            # Nothing lies between, however many samples have this score.
            found.before[own], found.behind[own] = begin, below[these, edge]
        elif kept.is_few(first, last):
            _within(kept, weights, own, (first, last), begin, totals, found)
        else:
            finer = kept.edges(first, last)
            inner = kept.counts(weights, own, finer)
            _among(kept, weights, own, finer, inner, begin, totals, found)


def _within(
    kept: Scores,
    weights: Weightings,
    rows: np.ndarray,
    between: tuple[int, int],
    start: np.ndarray,
    totals: np.ndarray,
    found: _Crossing,
) -> None:
    """Find the crossing among the thresholds between two."""
    first, last = between
    behind = kept.behind[first : last + 1]
    samples = slice(behind[0], behind[-1])
    positive = kept.positive[samples]
    # What ends at each threshold, beginning with the one at the start of the slice.
    at = behind[1:] - behind[0]
    step = max(1, 4_000_000 // max(1, len(positive)))
    for begin in range(0, len(rows), step):
        some = rows[begin : begin + step]
        own = weights.of(some, kept.owner[samples])
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
