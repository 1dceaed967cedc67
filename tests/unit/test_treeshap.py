"""SHAP values of a tree against Shapley's sum over all sets of features."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest
from test_importance import LABELS, trained
from test_tuning import made_up

from izwi import models
from izwi.analyses import importance, tree_shap


def expected(tree, x, known, node=0):
    """Output for one sample of which the tree may look at some features only."""
    left, right = tree.children_left[node], tree.children_right[node]
    if left == right:
        return tree.value[node, 0]
    feature = tree.feature[node]
    if feature in known:
        to_left = tree.missing_go_to_left[node] if np.isnan(x[feature]) else None
        if to_left is None:
            to_left = x[feature] <= tree.threshold[node]
        return expected(tree, x, known, left if to_left else right)
    share = tree.weighted_n_node_samples[left] / tree.weighted_n_node_samples[node]
    return share * expected(tree, x, known, left) + (1 - share) * expected(tree, x, known, right)


def shapley(tree, x, n):
    """Each feature's mean contribution over all orders, shape (features, outputs)."""
    total = np.zeros((n, tree.value.shape[2]))
    for j in range(n):
        for size in range(n):
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            for known in combinations([i for i in range(n) if i != j], size):
                gain = expected(tree, x, {*known, j}) - expected(tree, x, set(known))
                total[j] += weight * gain
    return total


@pytest.mark.parametrize("kind", ["two classes", "three classes", "numbers"])
def test_values_are_those_of_all_sets_of_features(kind):
    samples, y, numbers = made_up(4, seed=3)
    X = samples.values.copy()
    X[::7, 2] = np.nan
    if kind == "numbers":
        model = models.model_class("tree_reg")({}, seed=1)
        truth, of = numbers, slice(None)
    else:
        truth = np.where(y == "c", "b", y) if kind == "two classes" else y
        of = slice(1, None) if kind == "two classes" else slice(None)
        weighted = {"class_weight": True, "min_samples_leaf": 2}
        model = models.model_class("tree")(weighted, seed=1, labels=sorted(set(truth)))
    model.fit(X[:45], truth[:45])
    tested = np.vstack([X[45:55], np.where(np.arange(5) == 0, np.nan, X[0])])
    found = tree_shap.contributions(model, tested)
    tree = model.estimator.tree_
    assert tree.max_depth > 3 and len(set(tree.feature[tree.feature >= 0])) >= 3
    by_hand = np.array([shapley(tree, x.astype(np.float32), 5).T[of] for x in tested])
    np.testing.assert_allclose(found, by_hand, atol=1e-12)
    assert np.abs(found).max() > 0.05
    # With the mean of training they add up to what is predicted.
    predicted = model.predict(tested)
    output = predicted.decision[:, None] if kind == "numbers" else predicted.probabilities[:, of]
    np.testing.assert_allclose(found.sum(axis=2) + tree.value[0, 0, of], output, atol=1e-6)


@pytest.mark.parametrize("kind", ["rf", "rf_reg"])
def test_a_forest_is_the_mean_of_its_trees(kind):
    samples, y, numbers = made_up(4, seed=3)
    labels = ["a", "b", "c"] if kind == "rf" else None
    model = models.model_class(kind)({"n_estimators": 4, "max_depth": 3}, seed=1, labels=labels)
    model.fit(samples.values[:45], (y if labels else numbers)[:45])
    tested = samples.values[45:49]
    found = tree_shap.contributions(model, tested)
    trees = [member.tree_ for member in model.estimator.estimators_]
    by_hand = np.mean(
        [[shapley(tree, x.astype(np.float32), 5).T for x in tested] for tree in trees], axis=0
    )
    np.testing.assert_allclose(found, by_hand, atol=1e-12)
    predicted = model.predict(tested)
    output = predicted.probabilities if labels else predicted.decision[:, None]
    base = np.mean([tree.value[0, 0] for tree in trees], axis=0)
    np.testing.assert_allclose(found.sum(axis=2) + base, output, atol=1e-6)


def test_a_tree_without_branches_is_moved_by_nothing():
    model = models.model_class("tree_reg")({})
    model.fit(np.arange(6.0).reshape(3, 2), np.ones(3))
    assert not tree_shap.contributions(model, np.ones((4, 2))).any()


def test_of_a_class_that_a_fold_lacks(tmp_path):
    """Of two classes out of three both have what the model's one output has."""
    samples, y, _ = made_up(6, seed=3)
    speaker = samples.split["speaker"].to_numpy()
    y = np.where((y == "a") & (speaker != "db/0"), "b", y).astype(object)
    samples, folds, truths, spec = trained(tmp_path, "tree", y, ["db/0"])
    found = importance.shap(spec, samples, truths, folds, LABELS, tmp_path)
    assert (found["mean_abs_shap_a"] == 0).all()
    assert found["mean_abs_shap_b"].max() > 0.05
    np.testing.assert_allclose(found["mean_abs_shap_b"], found["mean_abs_shap_c"])
