"""Trees, forests and boosted trees as the operators of ONNX for ensembles of trees."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from izwi.onnx_export.graph import ML
from izwi.onnx_export.machines import argmax

if TYPE_CHECKING:
    from izwi.onnx_export.graph import Graph
    from izwi.onnx_export.models import Found


@dataclass
class Trees:
    """Nodes of trees, one after the other.

    Args:
        mode: of a branch: ``BRANCH_LEQ`` or ``BRANCH_LT``
        targets: number of values of a leaf
    """

    mode: str
    targets: int
    nodes: dict[str, list[Any]] = field(default_factory=dict)
    leaves: dict[str, list[Any]] = field(default_factory=dict)
    trees: int = 0

    def add(
        self,
        left: np.ndarray,
        right: np.ndarray,
        feature: np.ndarray,
        threshold: np.ndarray,
        missing_left: np.ndarray,
        values: Iterable[list[tuple[int, float]]],
    ) -> None:
        """Add a tree.

        Args:
            left: number of the node below, of each node; below 0 in leaves
            right: the same
            feature: that decides
            threshold: of it
            missing_left: whether a sample without a value goes left
            values: of each node: target and value, read in leaves
        """
        for node, (below, told) in enumerate(zip(left.tolist(), values, strict=True)):
            leaf = below < 0
            for name, value in (
                ("nodes_treeids", self.trees),
                ("nodes_nodeids", node),
                ("nodes_featureids", 0 if leaf else int(feature[node])),
                ("nodes_values", 0.0 if leaf else float(threshold[node])),
                ("nodes_modes", "LEAF" if leaf else self.mode),
                ("nodes_truenodeids", 0 if leaf else below),
                ("nodes_falsenodeids", 0 if leaf else int(right[node])),
                ("nodes_missing_value_tracks_true", int(not leaf and bool(missing_left[node]))),
            ):
                self.nodes.setdefault(name, []).append(value)
            for target, value in told if leaf else ():
                for name, entry in (
                    ("target_treeids", self.trees),
                    ("target_nodeids", node),
                    ("target_ids", target),
                    ("target_weights", value),
                ):
                    self.leaves.setdefault(name, []).append(entry)
        self.trees += 1

    def into(self, graph: Graph, x: str, *, double: bool) -> str:
        """Sums over the trees, shape (samples, targets), as double.

        Args:
            graph: gets the operator
            x: features
            double: whether features and thresholds are compared as double, else as float
        """
        from onnx import numpy_helper

        more: dict[str, Any] = {**self.nodes, **self.leaves}
        if double:
            for name in ("nodes_values", "target_weights"):
                tensor = np.asarray(more.pop(name), dtype=np.float64)
                more[f"{name}_as_tensor"] = numpy_helper.from_array(tensor)
        found = graph.add(
            "TreeEnsembleRegressor",
            x if double else graph.single(x),
            domain=ML,
            n_targets=self.targets,
            post_transform="NONE",
            aggregate_function="SUM",
            **more,
        )
        return graph.double(found)


def tree(graph: Graph, x: str, model: Any) -> Found:
    """A decision tree."""
    return _forest(graph, x, model, [model.estimator])


def forest(graph: Graph, x: str, model: Any) -> Found:
    """A random forest: the mean of its trees."""
    return _forest(graph, x, model, model.estimator.estimators_)


def _forest(graph: Graph, x: str, model: Any, members: list[Any]) -> Found:
    classes = len(model.classes) or 1
    made = Trees("BRANCH_LEQ", classes)
    for member in members:
        own = member.tree_
        value = own.value[:, 0, :]
        if model.task == "classification":
            value = value / value.sum(axis=1, keepdims=True)
        # scikit-learn compares float features with double thresholds.
        threshold = _not_above(own.threshold)
        made.add(
            own.children_left,
            own.children_right,
            own.feature,
            threshold,
            own.missing_go_to_left,
            [list(enumerate((row / len(members)).tolist())) for row in value],
        )
    p = made.into(graph, x, double=False)
    return (argmax(graph, p), p) if model.task == "classification" else (p, None)


def hist_boosting(graph: Graph, x: str, model: Any) -> Found:
    """scikit-learn's histogram gradient boosting."""
    own = model.estimator
    base = np.asarray(own._baseline_prediction, dtype=np.float64).reshape(1, -1)
    made = Trees("BRANCH_LEQ", base.shape[1])
    for one_round in own._predictors:
        for target, predictor in enumerate(one_round):
            nodes = predictor.nodes
            leaf = nodes["is_leaf"].astype(bool)
            left, right = (
                np.where(leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right")
            )
            made.add(
                left,
                right,
                nodes["feature_idx"],
                nodes["num_threshold"],
                nodes["missing_go_to_left"],
                [[(target, float(value))] for value in nodes["value"]],
            )
    raw = graph.add("Add", made.into(graph, x, double=True), graph.constant(base))
    return _from_raw(graph, raw, model)


def xgboost(graph: Graph, x: str, model: Any) -> Found:
    """XGBoost's trees, from its own description of them."""
    booster = model.estimator.get_booster()
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    classes = len(model.classes)
    targets = classes if classes > 2 else 1
    base = np.asarray(
        json.loads(str(learner["learner_model_param"]["base_score"])), dtype=np.float64
    ).reshape(1, -1)
    if classes == 2:
        base = np.log(base / (1 - base))
    boosted = learner["gradient_booster"]["model"]
    made = Trees("BRANCH_LT", targets)
    for own, target in zip(boosted["trees"], boosted["tree_info"], strict=True):
        conditions = np.asarray(own["split_conditions"])
        made.add(
            np.asarray(own["left_children"]),
            np.asarray(own["right_children"]),
            np.asarray(own["split_indices"]),
            conditions,
            np.asarray(own["default_left"]),
            [[(int(target), float(value))] for value in conditions],
        )
    raw = graph.add("Add", made.into(graph, x, double=False), graph.constant(base))
    return _from_raw(graph, raw, model)


def _from_raw(graph: Graph, raw: str, model: Any) -> Found:
    """Decision and probabilities of boosted scores."""
    if model.task == "regression":
        return raw, None
    if len(model.classes) > 2:
        p = graph.add("Softmax", raw, axis=1)
    else:
        p = graph.add("Sigmoid", raw)
        p = graph.add("Concat", graph.add("Sub", graph.constant(1.0), p), p, axis=1)
    return argmax(graph, p), p


def _not_above(thresholds: np.ndarray) -> np.ndarray:
    """The largest floats that are not above doubles: with floats they decide the same."""
    single = thresholds.astype(np.float32)
    above = single.astype(np.float64) > thresholds
    return np.where(above, np.nextafter(single, np.float32(-np.inf)), single)
