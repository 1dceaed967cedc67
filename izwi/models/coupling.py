"""Probabilities of classes from decision values of machines that tell two classes apart."""

from __future__ import annotations

import itertools

import numpy as np

LEAST = 1e-7  # of a pair's probability, as in libsvm
# Most steps, and most halvings of one; some ten steps do, and few are halved.
NEWTON, HALVINGS = 100, 20


def sigmoids(decisions: np.ndarray, y: np.ndarray, classes: list[str]) -> np.ndarray:
    """Platt's sigmoid of each pair of classes, fitted on the samples of both.

    The targets are Platt's ("Probabilistic outputs for support vector machines", 1999), which keep
    few samples from being certain: (n + 1)/(n + 2) for the first class and 1/(n + 2) for the other.

    Args:
        decisions: (samples, pairs) of samples that the machines were not fitted on
        y: (samples) labels
        classes: sorted; pairs are in the order of `itertools.combinations`

    Returns:
        (pairs, 2) slope and intercept of the log odds of the first class
    """
    pairs = list(itertools.combinations(classes, 2))
    first = np.column_stack([y == name for name, _ in pairs])
    return _sigmoids(decisions, first, first | np.column_stack([y == name for _, name in pairs]))


def rest_sigmoids(decisions: np.ndarray, y: np.ndarray, classes: list[str]) -> np.ndarray:
    """Platt's sigmoid of each class against the rest; of two classes, of the second alone.

    Args:
        decisions: (samples, classes), of two classes (samples, 1), of samples that the machines
            were not fitted on
        y: (samples) labels
        classes: sorted

    Returns:
        (classes, 2), of two classes (1, 2), slope and intercept of the log odds
    """
    told = classes[1:] if len(classes) == 2 else classes
    first = np.column_stack([y == name for name in told])
    return _sigmoids(decisions, first, np.ones_like(first))


def normalised(decisions: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """Class probabilities from those of each class against the rest, divided by their sum.

    Args:
        decisions: (samples, classes), of two classes (samples, 1)
        fitted: as of :func:`rest_sigmoids`

    Returns:
        (samples, classes)
    """
    from scipy.special import expit

    p = np.clip(expit(decisions * fitted[:, 0] + fitted[:, 1]), LEAST, 1 - LEAST)
    return np.hstack([1 - p, p]) if len(fitted) == 1 else p / p.sum(axis=1, keepdims=True)


def _sigmoids(values: np.ndarray, first: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Slope and intercept of the log odds of each column, with Platt's targets.

    Newton's method with halved steps, as of Lin, Lin & Weng ("A note on Platt's probabilistic
    outputs for support vector machines", 2007), of all columns at once.

    Args:
        values: (samples, columns)
        first: (samples, columns) whether a sample is of the class
        own: (samples, columns) whether a sample counts in this column
    """
    from scipy.special import expit

    n, of_first = own.sum(axis=0), (first & own).sum(axis=0)
    target = np.where(first, (of_first + 1) / (of_first + 2), 1 / (n - of_first + 2))
    mean = (values * own).sum(axis=0) / n
    spread = np.sqrt(((values - mean) ** 2 * own).sum(axis=0) / n)
    spread[spread == 0] = 1.0
    x = values / spread

    def loss(slope: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        odds = x * slope + intercept
        return (own * (np.logaddexp(0, odds) - target * odds)).sum(axis=0)

    slope, intercept = np.zeros(len(n)), np.log((of_first + 1) / (n - of_first + 1))
    now = loss(slope, intercept)
    for _ in range(NEWTON):
        p = expit(x * slope + intercept)
        error, weight = own * (p - target), own * (p * (1 - p))
        by_slope, by_intercept = (error * x).sum(axis=0), error.sum(axis=0)
        a, b, c = ((weight * x**k).sum(axis=0) for k in (2, 1, 0))
        # Where all values are the same, any slope will do: it stays 0.
        a, c = a + 1e-12, c + 1e-12
        area = a * c - b * b
        steps = (c * by_slope - b * by_intercept) / area, (a * by_intercept - b * by_slope) / area
        size = np.ones(len(n))
        for _ in range(HALVINGS):
            to = slope - size * steps[0], intercept - size * steps[1]
            after = loss(*to)
            if not (worse := after > now * (1 + 1e-14)).any():
                break
            size[worse] /= 2
        better = after < now
        if not (after < now * (1 - 1e-14)).any():
            break
        slope, intercept = np.where(better, to, (slope, intercept))
        now = np.where(better, after, now)
    return np.column_stack([slope / spread, intercept])


def couple(decisions: np.ndarray, fitted: np.ndarray, n_classes: int) -> np.ndarray:
    """Class probabilities that fit those of all pairs best.

    The second method of Wu, Lin & Weng ("Probability estimates for multi-class classification by
    pairwise coupling", JMLR 5, 2004), which libsvm has, too: the p that sum to 1 with the least
    Σ over pairs of (r_ji p_i - r_ij p_j)², where r_ij is the probability of i among i and j.

    Args:
        decisions: (samples, pairs)
        fitted: as of :func:`sigmoids`
        n_classes: two at least

    Returns:
        (samples, classes)
    """
    from scipy.special import expit

    pairs = np.clip(expit(decisions * fitted[:, 0] + fitted[:, 1]), LEAST, 1 - LEAST)
    r = np.zeros((len(decisions), n_classes, n_classes))
    for place, (i, j) in enumerate(itertools.combinations(range(n_classes), 2)):
        r[:, i, j], r[:, j, i] = pairs[:, place], 1 - pairs[:, place]
    system = np.zeros((len(decisions), n_classes + 1, n_classes + 1))
    system[:, :-1, :-1] = -r * r.transpose(0, 2, 1)
    every = np.arange(n_classes)
    system[:, every, every] = (r**2).sum(axis=1)
    system[:, :-1, -1] = system[:, -1, :-1] = 1
    right = np.zeros((len(decisions), n_classes + 1, 1))
    right[:, -1] = 1
    p = np.clip(np.linalg.solve(system, right)[:, :-1, 0], 0, None)
    return p / p.sum(axis=1, keepdims=True)
