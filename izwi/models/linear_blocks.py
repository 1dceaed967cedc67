"""Linear models of rows on the disk: sums over blocks of rows, in double precision.

The objectives are those of scikit-learn's estimators in memory, and so are the estimators that are
filled with the weights found. Least squares are solved exactly. Logistic regression and the linear
support vector machine are minimised by L-BFGS (Liu & Nocedal, "On the limited memory BFGS method
for large scale optimization", 1989), each step of which passes over the rows once or twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from izwi.data.rows import Rows

    # Scores of a block (rows, outputs) and the places of its rows → loss, and its slope at scores.
    Losses = Callable[[np.ndarray, slice], tuple[float, np.ndarray]]

# Of the mean gradient at the end, as scikit-learn's logistic regression has it.
TOLERANCE = 1e-4
# The squared hinge loss has steps in its slope, so that scikit-learn's machine ends nearer.
NEAR = 1e-5
# Values that are held in double precision.
AT_ONCE = 2**20


class Found(NamedTuple):
    """Weights of linear functions.

    Args:
        weights: shape (outputs, features)
        offsets: shape (outputs,)
        steps: taken
        converged: whether the gradient is small enough
    """

    weights: np.ndarray
    offsets: np.ndarray
    steps: int
    converged: bool


def least_squares(X: Rows, y: np.ndarray, alpha: float) -> Found:
    """Least squares with a penalty on the squares of the weights, not on the offset.

    The centred normal equations, as scikit-learn solves them by Cholesky decomposition; without a
    penalty an orthogonal decomposition of the rows (Golub & Van Loan, "Matrix computations", 2013,
    5.2), which is as accurate as one of all rows at once.

    Args:
        X: shape (rows, features)
        y: shape (rows,)
        alpha: weight of the penalty
    """
    from scipy import linalg

    size = X.shape[1]
    mean, centre = np.zeros(size), float(y.mean())
    for _, block in _blocks(X):
        mean += block.sum(axis=0)
    mean /= len(X)
    if alpha:
        products = np.zeros((size, size + 1))
        for places, block in _blocks(X):
            block -= mean
            products[:, :size] += block.T @ block
            products[:, size] += block.T @ (y[places] - centre)
        products[:, :size][np.diag_indices(size)] += alpha
        weights = linalg.solve(products[:, :size], products[:, size], assume_a="pos")
    else:
        factor, held = np.zeros((0, size + 1)), list[np.ndarray]()
        for places, block in _blocks(X):
            held.append(np.column_stack([block - mean, y[places] - centre]))
            if sum(map(len, held)) > 2 * size:
                factor, held = _triangle([factor, *held]), []
        factor = _triangle([factor, *held])
        weights = linalg.lstsq(factor[:, :size], factor[:, size])[0]
    return Found(weights[None], np.array([centre - mean @ weights]), 1, True)


def _triangle(parts: list[np.ndarray]) -> np.ndarray:
    """The factor R of stacked rows."""
    from scipy import linalg

    return linalg.qr(np.vstack(parts), mode="r", overwrite_a=True, check_finite=False)[0][
        : parts[0].shape[1]
    ]


def logistic(
    X: Rows, codes: np.ndarray, classes: int, weight: np.ndarray, cost: float, most: int
) -> Found:
    """Multinomial logistic regression; of two classes, the logistic function of one score.

    The mean loss, plus the squares of the weights over twice the cost of all rows together.

    Args:
        X: shape (rows, features)
        codes: number of each row's class, from 0
        classes: how many there are
        weight: of each row
        cost: of an error
        most: largest number of steps
    """
    total = weight.sum()

    def of_two(scores: np.ndarray, places: slice) -> tuple[float, np.ndarray]:
        truth, own = codes[places] == 1, weight[places] / total
        score = scores[:, 0]
        loss = np.logaddexp(0, score) - truth * score
        p = np.exp(-np.logaddexp(0, -score))
        return float(own @ loss), (own * (p - truth))[:, None]

    def of_many(scores: np.ndarray, places: slice) -> tuple[float, np.ndarray]:
        truth, own = codes[places], weight[places] / total
        rows = np.arange(len(scores))
        scores = scores - scores.max(axis=1, keepdims=True)
        p = np.exp(scores)
        sums = p.sum(axis=1, keepdims=True)
        loss = np.log(sums[:, 0]) - scores[rows, truth]
        p /= sums
        p[rows, truth] -= 1
        return float(own @ loss), own[:, None] * p

    outputs, losses = (1, of_two) if classes == 2 else (classes, of_many)
    penalty = np.full((outputs, X.shape[1] + 1), 1 / (cost * total))
    penalty[:, -1] = 0
    return minimum(X, losses, penalty, most, TOLERANCE)


def squared_hinge(
    X: Rows,
    signs: np.ndarray,
    cost: np.ndarray,
    most: int,
    start: np.ndarray | None = None,
) -> Found:
    """Linear support vector machines with squared hinge loss, several at once.

    As liblinear has them: the offset is penalised like the weights (Fan et al., "LIBLINEAR: a
    library for large linear classification", 2008).

    Args:
        X: shape (rows, features)
        signs: 1 or -1 of each row in each machine, shape (rows, machines)
        cost: of an error of each row in each machine, 0 where it takes no part
        most: largest number of steps
        start: weights and offset to begin with, shape (machines, features + 1)
    """
    # Each machine's objective over its own cost, so that all end at a similar gradient.
    total = cost.sum(axis=0, dtype=float)

    def losses(scores: np.ndarray, places: slice) -> tuple[float, np.ndarray]:
        sign, own = signs[places], cost[places] / total
        lacking = np.maximum(0, 1 - sign * scores)
        return float((own * lacking**2).sum()), -2 * own * sign * lacking

    penalty = np.repeat(1 / total[:, None], X.shape[1] + 1, axis=1)
    return minimum(X, losses, penalty, most, NEAR, start)


def minimum(
    X: Rows,
    losses: Losses,
    penalty: np.ndarray,
    most: int,
    tolerance: float,
    start: np.ndarray | None = None,
) -> Found:
    """Minimise the sum of losses and half of the penalised squares of weights.

    Args:
        X: shape (rows, features)
        losses: of a block
        penalty: of each weight and, last, offset, shape (outputs, features + 1)
        most: largest number of steps
        tolerance: of the gradient's largest component
        start: weights to begin with; absent: 0
    """
    from scipy.optimize import minimize

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        W = flat.reshape(penalty.shape)
        value, slope = 0.5 * float((penalty * W**2).sum()), penalty * W
        for places, block in _blocks(X):
            loss, of_scores = losses(block @ W[:, :-1].T + W[:, -1], places)
            value += loss
            slope[:, :-1] += of_scores.T @ block
            slope[:, -1] += of_scores.sum(axis=0)
        return value, slope.ravel()

    begin = np.zeros(penalty.shape) if start is None else start
    found = minimize(
        objective,
        begin.ravel(),
        method="L-BFGS-B",
        jac=True,
        options={
            "maxiter": most,
            "maxfun": 15 * most,
            "maxls": 50,
            "gtol": tolerance,
            "ftol": 64 * np.finfo(float).eps,
        },
    )
    W = found.x.reshape(penalty.shape)
    return Found(W[:, :-1].copy(), W[:, -1].copy(), int(found.nit), found.nit < most)


def decisions(X: Rows, found: Found) -> np.ndarray:
    """Scores of all rows, shape (rows, outputs)."""
    scores = np.empty((len(X), len(found.weights)))
    for places, block in _blocks(X):
        scores[places] = block @ found.weights.T + found.offsets
    return scores


def filled(estimator: Any, found: Found, classes: np.ndarray | None = None) -> Any:
    """An estimator of scikit-learn with weights that were found elsewhere.

    Args:
        estimator: not fitted
        found: the weights
        classes: of a classifier
    """
    estimator.coef_, estimator.intercept_ = found.weights, found.offsets
    estimator.n_features_in_ = found.weights.shape[1]
    if classes is None:
        estimator.coef_, estimator.intercept_ = found.weights[0], float(found.offsets[0])
        return estimator
    estimator.classes_ = classes
    estimator.n_iter_ = np.array([found.steps], dtype=np.int32)
    return estimator


def _blocks(X: Rows) -> Iterator[tuple[slice, np.ndarray]]:
    """Some rows at a time, in double precision; few enough for the cache of the processor."""
    step = max(1, AT_ONCE // max(1, X.shape[1]))
    for places, block in X.blocks():
        for first in range(0, len(block), step):
            part = block[first : first + step].astype(np.float64)
            begin = places.start + first
            yield slice(begin, begin + len(part)), part
