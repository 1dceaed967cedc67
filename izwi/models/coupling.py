"""Probabilities of classes from decision values of machines that tell two classes apart."""

from __future__ import annotations

import itertools

import numpy as np

LEAST = 1e-7  # of a pair's probability, as in libsvm


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
    found = []
    for pair, (first, second) in enumerate(itertools.combinations(classes, 2)):
        own = (y == first) | (y == second)
        found.append(_sigmoid(decisions[own, pair], y[own] == first))
    return np.array(found)


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
    return np.array([_sigmoid(decisions[:, i], y == name) for i, name in enumerate(told)])


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


def _sigmoid(values: np.ndarray, is_first: np.ndarray) -> list[float]:
    """Slope and intercept of the log odds, with Platt's targets."""
    from sklearn.linear_model import LogisticRegression

    n = int(is_first.sum())
    target = np.where(is_first, (n + 1) / (n + 2), 1 / (len(values) - n + 2))
    spread = values.std() or 1.0
    # A target between 0 and 1 is a sample of each class with such weights.
    fitted = LogisticRegression(C=np.inf, max_iter=1000).fit(
        np.tile(values / spread, 2)[:, None],
        np.repeat([1, 0], len(values)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    return [fitted.coef_[0, 0] / spread, fitted.intercept_[0]]


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
