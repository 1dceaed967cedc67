"""Exact SHAP values of trees: how far each feature moves the output, sample by sample.

If only some features are known, the output of a tree is the mean over the branches that the others
could take, weighted by the training samples that took them (Lundberg et al., Nature Machine
Intelligence 2, 2020, "path-dependent").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from izwi.models.base import Model


def contributions(model: Model, X: np.ndarray) -> np.ndarray:
    """SHAP values of a trained model of `izwi.analyses.kinds.SHAP_MODELS`.

    Args:
        model: boosted trees, a random forest or one tree
        X: shape (samples, features)

    Returns:
        shape (samples, outputs, features); one output per class of the model, but only one for
        two classes (the second) and in regression. Unit: log-odds for boosted trees, probability
        for a tree or a forest, the unit of the target in regression
    """
    from izwi.models.base import SklearnModel

    assert isinstance(model, SklearnModel), "these models have an estimator"
    if hasattr(model.estimator, "tree_"):
        return of_tree(model.estimator, X)
    if hasattr(model.estimator, "estimators_"):
        # The forest is the mean of its trees, and so are its values.
        first, *others = model.estimator.estimators_
        total = of_tree(first, X)
        for tree in others:
            total += of_tree(tree, X)
        return total / (len(others) + 1)
    from xgboost import DMatrix

    booster = model.estimator.get_booster()
    values = booster.predict(DMatrix(X, nthread=1), pred_contribs=True)
    # The last column is the mean output.
    return values.reshape(len(X), -1, X.shape[1] + 1)[..., :-1].astype(float)


def of_tree(estimator: Any, X: np.ndarray) -> np.ndarray:
    """SHAP values of a tree of scikit-learn.

    If the features S are known, the weight of a leaf is a product over the features j of its path:
    a_j if j is in S (1 if the sample goes that way, else 0), otherwise r_j, the share of training
    samples that go that way. The Shapley value of j in such a product is
    (a_j - r_j) ∫ ∏ (t a_i + (1 - t) r_i) dt, over 0 to 1 and all i but j (Owen, Management
    Science 18, 1972); Gaussian quadrature gives this integral of a polynomial exactly.

    Args:
        estimator: a fitted decision tree
        X: shape (samples, features)

    Returns:
        shape (samples, outputs, features), as in `contributions`
    """
    import numpy as np

    X = np.asarray(X, dtype=np.float32)  # as the tree compares it
    outputs = estimator.tree_.value[:, 0]
    if outputs.shape[1] == 2:
        outputs = outputs[:, 1:]
    values = np.zeros((len(X), outputs.shape[1], X.shape[1]))
    for leaf, path in _leaves(estimator.tree_, X):
        if not path:
            continue
        features = list(path)
        follows = np.stack([follows for follows, _ in path.values()], axis=1).astype(float)
        share = np.array([share for _, share in path.values()])
        nodes, weights = np.polynomial.legendre.leggauss((len(features) + 1) // 2)
        t = (nodes + 1) / 2
        factors = t * follows[..., None] + (1 - t) * share[:, None]  # sample, feature, node
        others = factors.prod(axis=1, keepdims=True) / factors
        moved = (follows - share) * (others @ (weights / 2))
        values[:, :, features] += outputs[leaf][:, None] * moved[:, None]
    return values


def _leaves(tree: Any, X: np.ndarray) -> Iterator[tuple[int, dict[int, tuple[np.ndarray, float]]]]:
    """Each leaf with the features that lead to it: which samples do, and what share by training."""
    import numpy as np

    weight = tree.weighted_n_node_samples
    waiting: list[tuple[int, dict[int, tuple[np.ndarray, float]]]] = [(0, {})]
    while waiting:
        node, path = waiting.pop()
        left, right = tree.children_left[node], tree.children_right[node]
        if left == right:
            yield node, path
            continue
        feature = int(tree.feature[node])
        column = X[:, feature]
        missing = np.isnan(column) & bool(tree.missing_go_to_left[node])
        goes_left = (column <= tree.threshold[node]) | missing
        follows, share = path.get(feature, (np.ones(len(X), dtype=bool), 1.0))
        for child, goes in ((left, goes_left), (right, ~goes_left)):
            passing = share * weight[child] / weight[node]
            waiting.append((child, {**path, feature: (follows & goes, passing)}))
